/* SPDX-License-Identifier: MIT */
/* fuzz_lapic.c - four software local APICs under a guest that writes what it likes: every record of
 * the input is one access, message, tick or restore, and every invariant is checked after each. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hvabi/msr.h>
#include <x86/msr.h>
#include "emul/lapic_state.h"
#include "lapic_fixture.h"

#define APICS       4u
#define MAX_RECORDS 512u

/* IDs that share and that do not share clusters; the last has no 8-bit ID. */
static const uint32_t ids[APICS] = {0, 1, 17, 300};

struct record {
    uint8_t operation; /* low 2 bits: which APIC */
    uint8_t a;
    uint16_t b;
    uint32_t value;
    uint32_t high;
};

enum {
    MMIO_READ, MMIO_WRITE, MSR_READ, MSR_WRITE, OTHER_MSR, DELIVER, AUTO_EOI, TICK,
    POST, SEND, RESTORE, TSC_JUMP, CR8, RESET, OPERATIONS,
};

static const uint32_t other_msrs[] = {
    MSR_IA32_APIC_BASE, MSR_IA32_TSC_DEADLINE, HV_X64_MSR_EOI, HV_X64_MSR_ICR, HV_X64_MSR_TPR,
};

static uint64_t wide(const struct record *r)
{
    return (uint64_t)r->high << 32 | r->value;
}

static void other_msr(struct lapic *l, const struct record *r)
{
    uint32_t msr = other_msrs[r->a % (sizeof(other_msrs) / sizeof(other_msrs[0]))];
    uint64_t value = wide(r), read;

    if (msr == MSR_IA32_APIC_BASE && r->b % 2)
        value = APIC_DEFAULT_BASE | (value & (APIC_BASE_EN | APIC_BASE_EXTD));
    if (msr == MSR_IA32_TSC_DEADLINE && r->b % 2)
        value = fixture_tsc + r->value;
    lapic_msr_write(l, msr, value);
    lapic_msr_read(l, msr, &read);
}

static void send(const struct record *r)
{
    struct lapic_message m = {
        .destination = r->value,
        .delivery = (uint32_t)r->b & APIC_DELIVERY_MASK,
        .vector = r->a,
        .logical = r->high & 1,
        .level = r->high & 2,
    };

    lapic_space_send(&fixture_space, &m);
}

/* The APIC's own state with one word changed. */
static void restore(struct lapic *l, const struct record *r)
{
    struct lapic_state s, again;
    uint32_t words[sizeof(s) / sizeof(uint32_t)];

    lapic_save(l, &s);
    memcpy(words, &s, sizeof(s));
    words[r->b % (sizeof(words) / sizeof(words[0]))] ^= r->value;
    memcpy(&s, words, sizeof(s));
    if (lapic_restore(l, &s) != HV_STATUS_SUCCESS)
        return;
    lapic_save(l, &again);
    if (memcmp(&s, &again, sizeof(s)) != 0)
        abort();
}

static void access_registers(struct lapic *l, const struct record *r, unsigned operation)
{
    uint32_t msr = MSR_IA32_X2APIC_FIRST + r->a;
    uint64_t value;

    switch (operation) {
    case MMIO_READ:
        if (lapic_mmio_on(l))
            lapic_mmio_read(l, r->b % APIC_MMIO_SIZE);
        break;
    case MMIO_WRITE:
        if (lapic_mmio_on(l))
            lapic_mmio_write(l, r->b % APIC_MMIO_SIZE, r->value);
        break;
    case MSR_READ:
        lapic_msr_read(l, msr, &value);
        break;
    case MSR_WRITE:
        lapic_msr_write(l, msr, r->b % 2 ? wide(r) : r->value);
        break;
    default:
        other_msr(l, r);
        break;
    }
}

static void interrupt(struct lapic *l, const struct record *r, unsigned operation)
{
    int vector;

    switch (operation) {
    case DELIVER:
        fixture_deliver(l);
        break;
    case AUTO_EOI:
        vector = lapic_pending(l);
        if (vector >= 0) {
            lapic_take(l, (uint8_t)vector);
            lapic_serve_auto_eoi(l);
        }
        break;
    case POST:
        lapic_post(l, r->a, r->b % 2);
        break;
    case SEND:
        send(r);
        break;
    default:
        break;
    }
}

static void run(struct lapic *l, const struct record *r)
{
    unsigned operation = (r->operation >> 2) % OPERATIONS;
    int64_t jump = (int64_t)wide(r);

    switch (operation) {
    case TICK:
        fixture_clock_to(fixture_tsc + r->b);
        break;
    case TSC_JUMP: /* all of a machine's move alike in this test */
        fixture_tsc += (uint64_t)jump;
        for (unsigned i = 0; i < APICS; i++)
            lapic_tsc_moved(&fixture_vps[ids[i]].lapic, jump);
        break;
    case RESTORE:
        restore(l, r);
        break;
    case CR8:
        lapic_tpr_set(l, (uint8_t)(r->a << 4));
        break;
    case RESET:
        lapic_reset(l);
        break;
    default:
        if (operation < DELIVER)
            access_registers(l, r, operation);
        else
            interrupt(l, r, operation);
        break;
    }
}

/* What the hook promises: pending is above the priority, and the highest of all. */
static void check_pending(struct lapic *l)
{
    int vector = lapic_pending(l);

    for (int v = 255; v >= 16; v--)
        if (l->irr[v >> 4] >> (v & 15) & 1 && l->open_classes >> (v >> 4) & 1) {
            if (vector != v)
                abort();
            return;
        }
    if (vector != -1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record r;

    fixture_space_init();
    for (unsigned i = 0; i < APICS; i++)
        fixture_add_enabled(ids[i]);
    for (unsigned n = 0; size >= sizeof(r) && n < MAX_RECORDS; n++) {
        memcpy(&r, data, sizeof(r));
        data += sizeof(r);
        size -= sizeof(r);
        run(&fixture_vps[ids[r.operation & 3]].lapic, &r);
        for (unsigned i = 0; i < APICS; i++) {
            fixture_check(&fixture_vps[ids[i]].lapic);
            check_pending(&fixture_vps[ids[i]].lapic);
        }
    }
    return 0;
}
