/* SPDX-License-Identifier: MIT */
/* lapic_fixture.c - see lapic_fixture.h. Also linked into the fuzz target: a broken invariant ends
 * the process. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <x86/msr.h>
#include "debug/log.h"
#include "lapic_fixture.h"

static struct lapic *table[FIXTURE_APICS];

struct lapic_space fixture_space;
struct fake_vp fixture_vps[FIXTURE_APICS];
uint64_t fixture_tsc;

void panic(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    abort();
}

struct fake_vp *fixture_vp(const struct lapic *l)
{
    return &fixture_vps[l->apic_id];
}

/* ---- Hooks ---- */

void lapic_host_kick(struct lapic *l)
{
    __atomic_fetch_add(&fixture_vp(l)->kicks, 1, __ATOMIC_SEQ_CST);
}

void lapic_host_nmi(struct lapic *l)
{
    fixture_vp(l)->nmis++;
}

void lapic_host_init(struct lapic *l)
{
    fixture_vp(l)->inits++;
}

void lapic_host_sipi(struct lapic *l, uint8_t vector)
{
    fixture_vp(l)->sipis++;
    fixture_vp(l)->sipi_vector = vector;
}

void lapic_host_eoi_level(struct lapic *l, uint8_t vector)
{
    fixture_vp(l)->level_eois++;
    fixture_vp(l)->eoi_vector = vector;
}

void lapic_host_settle(struct lapic *l)
{
    uint8_t vector = fixture_vp(l)->unsaid;

    fixture_vp(l)->unsaid = 0;
    if (vector != 0)
        lapic_serve(l, vector);
}

void lapic_host_enabled(struct lapic *l)
{
    fixture_vp(l)->enables++;
}

uint64_t lapic_host_tsc(struct lapic *l)
{
    (void)l;
    return fixture_tsc;
}

void lapic_host_timer_arm(struct lapic *l, uint64_t deadline)
{
    struct fake_vp *vp = fixture_vp(l);

    vp->timer_arms++;
    vp->timer_armed = true;
    vp->timer_deadline = deadline;
}

void lapic_host_timer_cancel(struct lapic *l)
{
    fixture_vp(l)->timer_armed = false;
}

/* ---- Partition ---- */

void fixture_space_init_config(struct lapic_space_config config)
{
    memset(table, 0, sizeof(table));
    memset(fixture_vps, 0, sizeof(fixture_vps));
    fixture_tsc = 1000000;
    config.table = table;
    lapic_space_init(&fixture_space, &config);
}

void fixture_space_init(void)
{
    fixture_space_init_config((struct lapic_space_config){
        .capacity = FIXTURE_APICS,
        .tsc_hz = FIXTURE_TSC_HZ,
        .timer_hz = FIXTURE_HZ,
        .x2apic = true,
        .tsc_deadline = true,
    });
}

struct lapic *fixture_add(uint32_t id)
{
    struct lapic *l = &fixture_vps[id].lapic;

    if (!lapic_init(l, &fixture_space, id, id == 0))
        abort();
    return l;
}

struct lapic *fixture_add_enabled(uint32_t id)
{
    struct lapic *l = fixture_add(id);

    lapic_mmio_write(l, APIC_SVR, APIC_SVR_ENABLE | APIC_SVR_RESET);
    return l;
}

void fixture_x2apic_on(struct lapic *l)
{
    fixture_msr_set(l, MSR_IA32_APIC_BASE,
                    fixture_msr(l, MSR_IA32_APIC_BASE) | APIC_BASE_EXTD);
}

/* ---- Time ---- */

static struct fake_vp *next_timer(uint64_t before)
{
    struct fake_vp *first = NULL;

    for (unsigned i = 0; i < FIXTURE_APICS; i++) {
        struct fake_vp *vp = &fixture_vps[i];

        if (vp->timer_armed && vp->timer_deadline <= before &&
            (!first || vp->timer_deadline < first->timer_deadline))
            first = vp;
    }
    return first;
}

void fixture_clock_to(uint64_t tsc)
{
    struct fake_vp *vp;

    while ((vp = next_timer(tsc))) {
        if (fixture_tsc < vp->timer_deadline)
            fixture_tsc = vp->timer_deadline;
        vp->timer_armed = false;
        vp->interrupts += lapic_timer_expired(&vp->lapic);
    }
    fixture_tsc = tsc;
}

/* ---- The guest's side ---- */

int fixture_deliver(struct lapic *l)
{
    int vector = lapic_pending(l);

    if (vector >= 0) {
        lapic_take(l, (uint8_t)vector);
        lapic_serve(l, (uint8_t)vector);
    }
    return vector;
}

static void require(bool fact, const char *what)
{
    if (!fact)
        panic("not so: %s\n", what);
}

uint64_t fixture_msr(struct lapic *l, uint32_t msr)
{
    uint64_t value = 0;

    require(lapic_msr_read(l, msr, &value), "an MSR that can be read");
    return value;
}

void fixture_msr_set(struct lapic *l, uint32_t msr, uint64_t value)
{
    require(lapic_msr_write(l, msr, value), "an MSR that can be written");
}

static uint32_t highest_in_service(const struct lapic *l)
{
    for (unsigned c = LAPIC_CLASSES; c-- > 0;)
        if (l->isr[c] != 0)
            return c << 4 | (31u - (unsigned)__builtin_clz(l->isr[c]));
    return 0;
}

static void check_summaries(const struct lapic *l)
{
    for (unsigned c = 0; c < LAPIC_CLASSES; c++) {
        require((l->isr[c] != 0) == (l->isr_classes >> c & 1), "ISR summary is exact");
        require(l->irr[c] == 0 || (l->irr_classes >> c & 1), "IRR summary covers the IRR");
    }
    require(l->irr[0] == 0 && l->isr[0] == 0 && l->tmr[0] == 0, "no illegal vector is kept");
}

static void check_priority(const struct lapic *l)
{
    uint32_t service = highest_in_service(l) >> 4, task = l->tpr >> 4;
    uint32_t class = service > task ? service : task;
    uint32_t open = 0;

    if (l->mode & LAPIC_MODE_GLOBAL)
        for (unsigned c = class + 1; c < LAPIC_CLASSES; c++)
            open |= 1u << c;
    require(l->open_classes == open, "open classes are those above the priority");
}

static void check_modes(const struct lapic *l)
{
    require(!(l->mode & LAPIC_MODE_X2APIC) || (l->mode & LAPIC_MODE_GLOBAL), "EXTD implies EN");
    require(((l->mode & LAPIC_MODE_SOFTWARE) != 0) == ((l->svr & APIC_SVR_ENABLE) != 0),
            "the mode shows the software enable");
    for (unsigned i = 0; i < LAPIC_LVT_COUNT; i++)
        require((l->svr & APIC_SVR_ENABLE) || (l->lvt[i] & APIC_LVT_MASKED),
                "disabled by software, all entries are masked");
}

static void check_timer(const struct lapic *l)
{
    const struct lapic_timer *t = &l->timer;

    require(!t->stalled || (t->counting && !t->armed), "a stalled timer counts unarmed");
    require(!t->armed || (t->counting && fixture_vp(l)->timer_armed), "armed means armed");
    require(!t->counting || t->stalled || t->armed, "a counting timer is armed or stalled");
}

void fixture_check(const struct lapic *l)
{
    check_summaries(l);
    check_priority(l);
    check_modes(l);
    check_timer(l);
}
