/* SPDX-License-Identifier: MIT */
/* core/payer.h - which child's partition pays for what root's VP of an LP does. docs/scheduling.md
 * says why.
 *
 * Whoever sends root a message or an event becomes the payer of the LP on which root's VP takes it,
 * until that VP blocks or somebody else asks. What it runs meanwhile is the partition's debt, which
 * the scheduler adds to the virtual run time of one of its VPs. Everything here is atomic and may be
 * called on any LP; a race costs the payer a little too much or too little. Who is found as a payer
 * stays in memory: the grace period of its last VP begins after payer_forget. The three that are on the
 * way of each exit to root are here. */
#ifndef CORE_PAYER_H
#define CORE_PAYER_H

#include "core/partition.h"
#include "core/pcpu.h"
#include "core/sched.h"

/* What root does because of one message or event is at most this part of a slice: what it does beyond
 * that is its own, for it may never block. */
#define CAUSE_OF_SLICE 16u
/* A partition that has had nobody to pay to, for its VPs had their LPs alone, owes so many slices. */
#define DEBT_SLICES 4u
/* Who has asked so little of root that it owes not more stays nowhere for it. */
#define STAY_SLICES 1u

/* Root's VP of the LP of @q has run from host TSC @since to @now, or from when the payer began. */
static inline void payer_charge(struct run_queue *q, uint64_t since, uint64_t now)
{
    struct partition *payer = __atomic_load_n(&q->payer, __ATOMIC_RELAXED);
    uint64_t payable = __atomic_load_n(&q->payable, __ATOMIC_RELAXED);
    uint64_t from = __atomic_load_n(&q->pays_from, __ATOMIC_RELAXED), paid;

    if (from < since)
        from = since;
    if (payer == NULL || from >= now)
        return;
    paid = now - from;
    if (paid > payable)
        paid = payable;
    /* Else it was set anew meanwhile: for another payer, and this one has settled, or for more of this
     * one's, which is then spared this stretch. */
    if (__atomic_compare_exchange_n(&q->payable, &payable, payable - paid, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED))
        __atomic_fetch_add(&payer->sched_debt, paid, __ATOMIC_RELAXED);
}

/* The payer of @cpu will be another one: charge it up to @now. The LP itself may charge the same time
 * at the same moment. */
void payer_settle(struct pcpu *cpu, uint64_t now);

/* Root's VP of @cpu has one more thing to do for @payer, from @now on. */
static inline void payer_set(struct pcpu *cpu, struct partition *payer, uint64_t now)
{
    struct run_queue *q = &cpu->run_queue;
    const struct partition *before = __atomic_load_n(&q->payer, __ATOMIC_RELAXED);
    uint64_t payable = sched_slice_tsc / CAUSE_OF_SLICE;

    if (before == payer) {
        payable += __atomic_load_n(&q->payable, __ATOMIC_RELAXED);
        if (payable > sched_slice_tsc)
            return;
    } else {
        if (before != NULL)
            payer_settle(cpu, now);
        __atomic_store_n(&q->pays_from, now, __ATOMIC_RELAXED);
        __atomic_store_n(&q->payer, payer, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&q->payable, payable, __ATOMIC_RELAXED);
}

/* Ticks that a VP of @p shall pay now. */
static inline uint64_t payer_take_debt(struct partition *p)
{
    uint64_t most = DEBT_SLICES * sched_slice_tsc;
    uint64_t debt = __atomic_exchange_n(&p->sched_debt, 0, __ATOMIC_RELAXED);

    return debt < most ? debt : most;
}

/* It is the turn of a VP of @p, alone on an LP of which root leaves little, to change to a better one.
 * Does it stay, for that is the doing of @p? It has paid by it then. */
static inline bool payer_stays(struct partition *p)
{
    if (__atomic_load_n(&p->sched_debt, __ATOMIC_RELAXED) <= STAY_SLICES * sched_slice_tsc)
        return false;
    (void)payer_take_debt(p);
    return true;
}

/* @p, which has no VP on any queue, pays no more. Linear in LPs. */
void payer_forget(struct partition *p);

#endif
