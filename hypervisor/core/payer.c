/* SPDX-License-Identifier: MIT */
/* core/payer.c - see core/payer.h. */
#include "core/payer.h"

#include "core/vp.h"

void payer_settle(struct pcpu *cpu, uint64_t now)
{
    if (__atomic_load_n(&cpu->current, __ATOMIC_RELAXED) == cpu->root_vp)
        payer_charge(&cpu->run_queue, cpu->root_vp->sched.started, now);
}

void payer_forget(struct partition *p)
{
    for (uint32_t i = 0; i < lp_count; i++) {
        struct partition *expected = p;
        __atomic_compare_exchange_n(&lp_table[i]->run_queue.payer, &expected, NULL, false,
                                    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    }
}
