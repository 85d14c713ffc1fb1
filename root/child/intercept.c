/* SPDX-License-Identifier: MIT */
/* root/child/intercept.c - what happens when the hypervisor tells root about a child. A child that has
 * a worker is the worker's matter, but for what nobody can answer; for others root answers a few
 * ports, and everything else ends the child, with the reason. Runs in the interrupt of SINT 0,
 * interrupts off; the VP is suspended until its registers are set. */
#include <hvabi/guest_boot.h>
#include <hvabi/message.h>
#include <hvabi/msr.h>
#include <hvabi/stats.h>
#include <x86/insn.h>
#include "child/child.h"
#include "child/hv.h"
#include "log.h"

/* Let the VP go on behind the instruction, with @rax. */
static void resume(struct child *c, const struct hv_x64_intercept_message_header *h, uint64_t rax)
{
    uint64_t length = h->length_and_cr8 & HV_X64_INTERCEPT_LENGTH_MASK;
    const struct hv_register_assoc registers[] = {
        {.name = HvX64RegisterRip, .value.reg64 = h->rip + length},
        {.name = HvX64RegisterRax, .value.reg64 = rax},
        {.name = HvRegisterInterceptSuspend, .value.reg64 = 0},
    };
    hv_status st = hv_call_set_vp_registers(hv_client_here(), c->id, h->vp_index, registers,
                                            (uint32_t)(sizeof(registers) / sizeof(registers[0])));

    if (st != HV_STATUS_SUCCESS)
        child_end(c, VM_END_FAILURE, 0, "VP %u cannot be resumed: status %x", h->vp_index, st);
}

/* One character of a VP's line; whole lines go to the log. [c] */
static void console_put(struct child *c, uint32_t vp, char character)
{
    struct child_line *line;
    uint32_t dropped;

    if (c->lines == NULL)
        return; /* it has ended meanwhile */
    line = &c->lines[vp];
    if (character != '\n' && character != '\r' && line->length < CHILD_LINE_MAX) {
        line->text[line->length++] = character;
        if (line->length < CHILD_LINE_MAX)
            return;
    }
    if (character == '\r')
        return;
    line->text[line->length] = '\0';
    line->length = 0;
    if (!log_limit_take(&c->log, time_now(), &dropped))
        return; /* who prints without end is not to fill the log */
    if (dropped != 0)
        log_print("child %s: %u lines dropped", c->name, dropped);
    log_print("[%s] %s", c->name, line->text);
}

/* All ones of the access's size below, the rest of RAX as it was. */
static uint64_t rax_with(uint64_t rax, unsigned size, uint64_t value)
{
    uint64_t mask = size == 1 ? 0xff : size == 2 ? 0xffff : UINT64_MAX;

    return (rax & ~mask) | (value & mask & UINT32_MAX);
}

/* What reading a port but the console's brings. The counter of ticks lacks the TSC at this VP's last
 * entry. */
static __attribute__((noinline, cold)) uint64_t counter_value(uint16_t port)
{
    const uint64_t *counters = hv_counters_here();
    uint64_t ticks = __atomic_load_n(&counters[HvStatsVpGuestTicks], __ATOMIC_RELAXED);

    if (ticks != 0 && port == GUEST_PORT_ROOT_TICKS)
        return ticks + insn_rdtsc();
    if (ticks != 0 && port == GUEST_PORT_ROOT_EXITS)
        return __atomic_load_n(&counters[HvStatsVpTotalExits], __ATOMIC_RELAXED);
    return UINT32_MAX;
}

static void io_port(struct child *c, const struct hv_x64_io_port_intercept_message *m)
{
    unsigned size = m->access_info & HV_X64_IO_PORT_ACCESS_SIZE_MASK;
    uint64_t flags, rax = m->rax;

    if (m->access_info & HV_X64_IO_PORT_ACCESS_STRING) {
        child_end(c, VM_END_UNHANDLED, 0, "VP %u: string access to port %x at %lx",
                  m->header.vp_index, m->port_number, m->header.rip);
        return;
    }
    if (m->port_number == GUEST_PORT_EXIT && m->header.access_type == HvInterceptAccessWrite) {
        child_end(c, VM_END_EXIT, (uint8_t)rax, "it ended itself with %u", (unsigned)(uint8_t)rax);
        return;
    }
    if (m->header.access_type == HvInterceptAccessRead) {
        rax = rax_with(rax, size,
                       m->port_number == GUEST_PORT_CONSOLE ? GUEST_CONSOLE_PRESENT
                                                            : counter_value(m->port_number));
    } else if (m->port_number == GUEST_PORT_CONSOLE) {
        flags = spin_lock(&c->lock);
        console_put(c, m->header.vp_index, (char)rax);
        spin_unlock(&c->lock, flags);
    }
    resume(c, &m->header, rax);
}

static void memory(struct child *c, const struct hv_x64_memory_intercept_message *m)
{
    static const char *const accesses[] = {"read", "write", "fetch"};
    unsigned access = m->header.access_type;

    child_end(c, VM_END_UNHANDLED, 0, "VP %u: %s at guest physical %lx, where nothing is; RIP %lx",
              m->header.vp_index, access < 3 ? accesses[access] : "access",
              m->guest_physical_address, m->header.rip);
}

/* Of a child without a worker, which answers the rest of it. */
static void answer(struct child *c, const struct hv_message *m)
{
    const void *payload = m->payload;

    switch (m->header.message_type) {
    case HvMessageTypeX64IoPortIntercept:
        io_port(c, payload);
        break;
    case HvMessageTypeUnmappedGpa:
    case HvMessageTypeGpaIntercept:
        memory(c, payload);
        break;
    case HvMessageTypeX64ApicEoi:
        break; /* no level-triggered source here */
    default:
        child_end(c, VM_END_UNHANDLED, 0, "VP %u: message %x, for which there is no answer",
                  ((const struct hv_x64_intercept_message_header *)payload)->vp_index,
                  m->header.message_type);
        break;
    }
}

/* Of the MSRs whose writes root has intercepted (child/build.c) the other one tells of a crash. */
static bool is_reset(const struct hv_message *m)
{
    const struct hv_x64_msr_intercept_message *msr = (const void *)m->payload;

    return msr->msr_number == HV_X64_MSR_RESET;
}

/* What ends a child of either kind. */
static bool is_fatal(struct child *c, const struct hv_message *m)
{
    const struct hv_x64_intercept_message_header *h = (const void *)m->payload;

    switch (m->header.message_type) {
    case HvMessageTypeMsrIntercept:
        if (!is_reset(m))
            return false;
        child_end(c, VM_END_RESET, 0, "VP %u: it asked for a reset", h->vp_index);
        return true;
    case HvMessageTypeUnrecoverableException:
        child_end(c, VM_END_FAULT, 0, "VP %u: triple fault at %lx", h->vp_index, h->rip);
        return true;
    case HvMessageTypeInvalidVpRegisterValue:
        child_end(c, VM_END_FAULT, 0, "VP %u: its registers make no sense to the processor",
                  h->vp_index);
        return true;
    default:
        return false;
    }
}

void child_intercept(const struct hv_message *m)
{
    const struct hv_x64_intercept_message_header *h = (const void *)m->payload;
    struct child *c = child_by_id(m->header.origination_id);

    if (c == NULL)
        return; /* of a child that has ended meanwhile */
    if (h->vp_index < c->vp_count && child_runs(c) &&
        (m->header.message_type == HvMessageTypeX64IoPortIntercept || !is_fatal(c, m))) {
        if (c->has_worker)
            worker_intercept(c, m);
        else
            answer(c, m);
    }
    child_put(c);
}
