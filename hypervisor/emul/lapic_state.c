/* SPDX-License-Identifier: MIT */
/* emul/lapic_state.c - save, check and restore the software local APIC.
 * Rule: restore checks everything, then changes anything: what it is given may be hostile. */
#include <rt/mem.h>
#include <x86/msr.h>
#include "emul/lapic_internal.h"
#include "emul/lapic_state.h"

/* Vectors below 16 are never in an IRR, a TMR or an ISR. */
#define ILLEGAL_VECTORS 0xffffu

static void vectors_save(const uint16_t classes[LAPIC_CLASSES],
                         uint32_t registers[APIC_VECTOR_REGISTERS])
{
    for (unsigned i = 0; i < APIC_VECTOR_REGISTERS; i++)
        registers[i] = lapic_vector_register(classes, i);
}

void lapic_save(struct lapic *l, struct lapic_state *out)
{
    lapic_host_settle(l);
    memset(out, 0, sizeof(*out));
    out->version = LAPIC_STATE_VERSION;
    out->size = sizeof(*out);
    lapic_msr_read(l, MSR_IA32_APIC_BASE, &out->apic_base);
    out->apic_id = l->apic_id;
    out->tpr = l->tpr;
    out->svr = l->svr;
    out->ldr = l->ldr;
    out->dfr = l->dfr;
    out->esr = l->esr;
    out->esr_pending = __atomic_load_n(&l->esr_pending, __ATOMIC_RELAXED);
    out->icr_low = l->icr_low;
    out->icr_high = l->icr_high;
    for (unsigned i = 0; i < LAPIC_LVT_COUNT; i++)
        out->lvt[i] = lapic_lvt(l, i);
    vectors_save(l->irr, out->irr);
    vectors_save(l->tmr, out->tmr);
    vectors_save(l->isr, out->isr);
    out->timer_initial = l->timer.initial;
    out->timer_divide = l->timer.divide;
    if (!l->timer.counting)
        return;
    out->timer_flags = LAPIC_STATE_TIMER_COUNTING;
    out->timer_deadline = l->timer.deadline;
    out->timer_deadline_fraction = l->timer.deadline_fraction;
}

static bool within(uint32_t value, uint32_t bits)
{
    return (value & ~bits) == 0;
}

static bool identity_valid(const struct lapic *l, const struct lapic_state *in)
{
    return in->version == LAPIC_STATE_VERSION && in->size == sizeof(*in) && in->reserved == 0 &&
           in->apic_id == l->apic_id && lapic_base_valid(l, in->apic_base) &&
           ((in->apic_base & APIC_BASE_BSP) != 0) == l->bsp;
}

static bool registers_valid(const struct lapic_state *in)
{
    uint32_t icr_high = in->apic_base & APIC_BASE_EXTD ? UINT32_MAX : LAPIC_ICR_HIGH_BITS;

    return within(in->tpr, LAPIC_TPR_BITS) && within(in->svr, LAPIC_SVR_BITS) &&
           within(in->ldr, LAPIC_LOGICAL_ID_BITS) && within(~in->dfr, ~APIC_DFR_ONES) &&
           within(in->esr, LAPIC_ESR_BITS) && within(in->esr_pending, LAPIC_ESR_BITS) &&
           within(in->icr_low, LAPIC_ICR_LOW_BITS) && within(in->icr_high, icr_high);
}

static bool lvt_valid(const struct lapic *l, const struct lapic_state *in)
{
    for (unsigned i = 0; i < LAPIC_LVT_COUNT; i++)
        if (!within(in->lvt[i], lapic_lvt_bits(l, i)) ||
            (!(in->svr & APIC_SVR_ENABLE) && !(in->lvt[i] & APIC_LVT_MASKED)))
            return false;
    return (in->lvt[LVT_TIMER] & APIC_LVT_TIMER_MASK) != APIC_LVT_TIMER_MASK;
}

static bool vectors_valid(const struct lapic_state *in)
{
    return ((in->irr[0] | in->tmr[0] | in->isr[0]) & ILLEGAL_VECTORS) == 0;
}

static bool timer_valid(struct lapic *l, const struct lapic_state *in)
{
    bool deadline_mode = (in->lvt[LVT_TIMER] & APIC_LVT_TIMER_MASK) == APIC_LVT_TIMER_DEADLINE;

    if (!within(in->timer_divide, APIC_DIVIDE_MASK) ||
        !within(in->timer_flags, LAPIC_STATE_TIMER_COUNTING))
        return false;
    if (deadline_mode && in->timer_initial != 0)
        return false;
    if (!(in->timer_flags & LAPIC_STATE_TIMER_COUNTING))
        return in->timer_deadline == 0 && in->timer_deadline_fraction == 0;
    if (deadline_mode)
        return in->timer_deadline != 0 && in->timer_deadline_fraction == 0;
    return in->timer_initial != 0 &&
           lapic_timer_deadline_valid(l, in->timer_initial, in->timer_divide, in->timer_deadline);
}

/* A disabled APIC is as after power-up: nothing is kept in it. SDM 10.4.3. */
static bool disabled_valid(const struct lapic_state *in)
{
    uint32_t any = in->timer_flags;

    if (in->apic_base & APIC_BASE_EN)
        return true;
    for (unsigned i = 0; i < APIC_VECTOR_REGISTERS; i++)
        any |= in->irr[i] | in->tmr[i] | in->isr[i];
    return any == 0 && !(in->svr & APIC_SVR_ENABLE);
}

static uint32_t vectors_restore(uint16_t classes[LAPIC_CLASSES],
                                const uint32_t registers[APIC_VECTOR_REGISTERS])
{
    uint32_t summary = 0;

    for (unsigned c = 0; c < LAPIC_CLASSES; c++) {
        uint16_t bits = (uint16_t)(registers[c / 2] >> (c % 2 * 16));

        __atomic_store_n(&classes[c], bits, __ATOMIC_RELAXED);
        summary |= (uint32_t)(bits != 0) << c;
    }
    return summary;
}

static uint32_t mode_of(const struct lapic_state *in)
{
    return (in->apic_base & APIC_BASE_EN ? LAPIC_MODE_GLOBAL : 0) |
           (in->apic_base & APIC_BASE_EXTD ? LAPIC_MODE_X2APIC : 0) |
           (in->svr & APIC_SVR_ENABLE ? LAPIC_MODE_SOFTWARE : 0);
}

static void registers_restore(struct lapic *l, const struct lapic_state *in)
{
    l->tpr = in->tpr;
    l->svr = in->svr;
    l->ldr = in->ldr;
    l->dfr = in->dfr;
    l->esr = in->esr;
    __atomic_store_n(&l->esr_pending, in->esr_pending, __ATOMIC_RELAXED);
    l->icr_low = in->icr_low;
    l->icr_high = in->icr_high;
    for (unsigned i = 0; i < LAPIC_LVT_COUNT; i++)
        lapic_lvt_set(l, i, in->lvt[i]);
}

hv_status lapic_restore(struct lapic *l, const struct lapic_state *in)
{
    uint32_t irr;

    if (!identity_valid(l, in) || !registers_valid(in) || !lvt_valid(l, in) ||
        !vectors_valid(in) || !timer_valid(l, in) || !disabled_valid(in))
        return HV_STATUS_INVALID_SAVE_RESTORE_STATE;

    lapic_timer_reset(l);
    lapic_logical_leave(l);
    registers_restore(l, in);
    vectors_restore(l->tmr, in->tmr);
    l->isr_classes = vectors_restore(l->isr, in->isr);
    irr = vectors_restore(l->irr, in->irr);
    __atomic_store_n(&l->irr_classes, irr, __ATOMIC_RELEASE);
    lapic_mode_set(l, mode_of(in));
    lapic_logical_join(l);
    lapic_priority_update(l);
    l->timer.initial = in->timer_initial;
    l->timer.divide = in->timer_divide;
    lapic_timer_restore(l, in->timer_flags & LAPIC_STATE_TIMER_COUNTING, in->timer_deadline,
                        in->timer_deadline_fraction);
    return HV_STATUS_SUCCESS;
}

