/* SPDX-License-Identifier: MIT */
/* emul/lapic_state.h - the state of a local APIC outside of it: for save, restore and migration.
 * TLFS 2.0a, 17: HvX64InterruptController state. */
#ifndef EMUL_LAPIC_STATE_H
#define EMUL_LAPIC_STATE_H

#include <hvabi/layout.h>
#include <hvabi/status.h>
#include <x86/apic.h>

struct lapic;

#define LAPIC_STATE_VERSION 1u

/* lapic_state.timer_flags */
#define LAPIC_STATE_TIMER_COUNTING (1u << 0)

/* Fields are only appended, together with an increment of the version. */
struct lapic_state {
    uint32_t version;
    uint32_t size; /* bytes, of this structure */
    uint64_t apic_base; /* IA32_APIC_BASE */
    uint32_t apic_id;
    uint32_t tpr;
    uint32_t svr;
    uint32_t ldr; /* xAPIC format; x2APIC derives its own */
    uint32_t dfr;
    uint32_t esr;
    uint32_t esr_pending;
    uint32_t icr_low;
    uint32_t icr_high;
    uint32_t lvt[6]; /* timer, thermal, performance, LINT0, LINT1, error */
    uint32_t irr[8];
    uint32_t tmr[8];
    uint32_t isr[8];
    uint32_t timer_initial;
    uint32_t timer_divide;
    uint32_t timer_flags;
    uint64_t timer_deadline;          /* guest TSC; 0 if not counting */
    uint32_t timer_deadline_fraction; /* of 2^32 */
    uint32_t reserved; /* 0 */
};
ABI_OFFSET(struct lapic_state, apic_base, 8);
ABI_OFFSET(struct lapic_state, lvt, 52);
ABI_OFFSET(struct lapic_state, irr, 76);
ABI_OFFSET(struct lapic_state, timer_initial, 172);
ABI_OFFSET(struct lapic_state, timer_deadline, 184);
ABI_SIZE(struct lapic_state, 200);

/* The VP does not run. Interrupts posted meanwhile may or may not be in @out. */
void lapic_save(struct lapic *l, struct lapic_state *out);

/* Make @l, initialised, what @in says; the guest's TSC is set already. Nothing changes unless all
 * is valid: HV_STATUS_INVALID_SAVE_RESTORE_STATE. */
hv_status lapic_restore(struct lapic *l, const struct lapic_state *in);

#endif
