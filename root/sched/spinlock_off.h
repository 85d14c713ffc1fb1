/* SPDX-License-Identifier: MIT */
/* root/sched/spinlock_off.h - spinlocks (sched/thread.h) for who has interrupts off anyway: the paths
 * where each instruction counts. */
#ifndef ROOT_SCHED_SPINLOCK_OFF_H
#define ROOT_SCHED_SPINLOCK_OFF_H

#include <x86/insn.h>
#include "sched/thread.h"

/* Interrupts off, before and after. */
static inline void spin_lock_off(struct spinlock *l)
{
    uint32_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

    /* pairs with the release in spin_unlock_off */
    while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket)
        insn_pause();
}

static inline void spin_unlock_off(struct spinlock *l)
{
    __atomic_store_n(&l->owner, l->owner + 1, __ATOMIC_RELEASE);
}

#endif
