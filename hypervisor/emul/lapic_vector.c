/* SPDX-License-Identifier: MIT */
/* emul/lapic_vector.c - IRR, TMR, ISR and priorities of the software local APIC.
 *
 * Vectors are kept by priority class, 16 bits each, with one summary word of 16 bits for the IRR and
 * one for the ISR, so that "is there anything above the processor priority" is one AND.
 * Rules: posters set the IRR bit first, then the summary; the owner clears the summary first and
 * looks at the class once more. A summary bit may outlast its class, never the other way round. */
#include <rt/mem.h>
#include "emul/lapic_internal.h"

void lapic_vectors_clear(struct lapic *l)
{
    __atomic_store_n(&l->irr_classes, 0, __ATOMIC_RELAXED);
    for (unsigned c = 0; c < LAPIC_CLASSES; c++) {
        __atomic_store_n(&l->irr[c], 0, __ATOMIC_RELAXED);
        __atomic_store_n(&l->tmr[c], 0, __ATOMIC_RELAXED);
    }
    memset(l->isr, 0, sizeof(l->isr));
    l->isr_classes = 0;
}

uint32_t lapic_vector_register(const uint16_t classes[LAPIC_CLASSES], unsigned index)
{
    const uint16_t *pair = &classes[(size_t)index * 2];
    uint32_t low = __atomic_load_n(&pair[0], __ATOMIC_RELAXED);
    uint32_t high = __atomic_load_n(&pair[1], __ATOMIC_RELAXED);

    return high << 16 | low;
}

/* SDM 10.8.3.1: the higher class of TPR and highest vector in service. */
void lapic_priority_update(struct lapic *l)
{
    uint32_t class = l->tpr >> 4;

    if (l->isr_classes >> class != 0)
        class = lapic_top(l->isr_classes);
    l->open_classes = 0;
    if (lapic_mode(l) & LAPIC_MODE_GLOBAL)
        l->open_classes = (uint16_t)(0xfffeu << class);
}

uint32_t lapic_ppr(const struct lapic *l)
{
    uint32_t class = l->isr_classes != 0 ? lapic_top(l->isr_classes) : 0;

    return l->tpr >> 4 >= class ? l->tpr : class << 4;
}

void lapic_tpr_set(struct lapic *l, uint8_t tpr)
{
    l->tpr = tpr;
    lapic_priority_update(l);
}

static void tmr_write(struct lapic *l, uint8_t vector, bool level)
{
    uint16_t *tmr = &l->tmr[lapic_class(vector)];
    uint16_t bit = lapic_class_bit(vector);

    if (((__atomic_load_n(tmr, __ATOMIC_RELAXED) & bit) != 0) == level)
        return;
    if (level)
        __atomic_fetch_or(tmr, bit, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(tmr, (uint16_t)~bit, __ATOMIC_RELAXED);
}

static bool accepts(const struct lapic *l)
{
    return (lapic_mode(l) & LAPIC_MODE_ACCEPTS) == LAPIC_MODE_ACCEPTS;
}

/* @vector is a valid one, and @l accepts. */
static bool irr_write(struct lapic *l, uint8_t vector, bool level)
{
    unsigned class = lapic_class(vector);
    uint16_t bit = lapic_class_bit(vector);

    tmr_write(l, vector, level);
    /* Sequentially consistent: pairs with the run loop's "about to enter" store, see lapic.h. */
    if (__atomic_fetch_or(&l->irr[class], bit, __ATOMIC_SEQ_CST) & bit)
        return false;
    __atomic_fetch_or(&l->irr_classes, 1u << class, __ATOMIC_SEQ_CST);
    return true;
}

bool lapic_error(struct lapic *l, uint32_t error)
{
    uint32_t entry = lapic_lvt(l, LVT_ERROR);
    uint8_t vector = (uint8_t)(entry & APIC_VECTOR_MASK);

    /* Only a write of the ESR rearms the interrupt. SDM 10.5.3. */
    if (__atomic_fetch_or(&l->esr_pending, error, __ATOMIC_RELAXED) != 0)
        return false;
    if ((entry & APIC_LVT_MASKED) || !accepts(l))
        return false;
    if (vector >= APIC_VECTOR_FIRST_VALID)
        return irr_write(l, vector, false);
    __atomic_fetch_or(&l->esr_pending, APIC_ESR_RECEIVE_VECTOR, __ATOMIC_RELAXED);
    return false;
}

bool lapic_post(struct lapic *l, uint8_t vector, bool level)
{
    if (!accepts(l))
        return false;
    if (vector < APIC_VECTOR_FIRST_VALID)
        return lapic_error(l, APIC_ESR_RECEIVE_VECTOR);
    return irr_write(l, vector, level);
}

/* @class looked empty: take it out of the summary, unless a poster was quicker. */
static void irr_class_emptied(struct lapic *l, unsigned class)
{
    __atomic_fetch_and(&l->irr_classes, ~(1u << class), __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&l->irr[class], __ATOMIC_SEQ_CST) != 0)
        __atomic_fetch_or(&l->irr_classes, 1u << class, __ATOMIC_SEQ_CST);
}

int lapic_highest(struct lapic *l, uint32_t classes)
{
    while (classes != 0) {
        unsigned class = lapic_top(classes);
        uint32_t bits = __atomic_load_n(&l->irr[class], __ATOMIC_ACQUIRE);

        if (bits != 0)
            return (int)(class << 4 | lapic_top(bits));
        irr_class_emptied(l, class);
        classes &= ~(1u << class);
    }
    return -1;
}

void lapic_take(struct lapic *l, uint8_t vector)
{
    unsigned class = lapic_class(vector);
    uint16_t bit = lapic_class_bit(vector);

    if (__atomic_and_fetch(&l->irr[class], (uint16_t)~bit, __ATOMIC_SEQ_CST) == 0)
        irr_class_emptied(l, class);
}

void lapic_serve_auto_eoi(struct lapic *l)
{
    if (l->timer.stalled)
        lapic_timer_notice(l);
}

void lapic_serve(struct lapic *l, uint8_t vector)
{
    unsigned class = lapic_class(vector);

    l->isr[class] |= lapic_class_bit(vector);
    l->isr_classes |= 1u << class;
    lapic_priority_update(l);
    lapic_serve_auto_eoi(l);
}

void lapic_give_back(struct lapic *l, uint8_t vector)
{
    unsigned class = lapic_class(vector);

    __atomic_fetch_or(&l->irr[class], lapic_class_bit(vector), __ATOMIC_SEQ_CST);
    __atomic_fetch_or(&l->irr_classes, 1u << class, __ATOMIC_SEQ_CST);
}

void lapic_eoi(struct lapic *l)
{
    unsigned class, index;

    if (l->isr_classes == 0)
        lapic_host_settle(l);
    if (l->isr_classes == 0)
        return;
    class = lapic_top(l->isr_classes);
    index = lapic_top(l->isr[class]);
    l->isr[class] &= (uint16_t)~(1u << index);
    if (l->isr[class] == 0)
        l->isr_classes &= ~(1u << class);
    lapic_priority_update(l);
    if (__atomic_load_n(&l->tmr[class], __ATOMIC_RELAXED) >> index & 1)
        lapic_host_eoi_level(l, (uint8_t)(class << 4 | index));
}

