/* SPDX-License-Identifier: MIT */
/* root/sched/spinlock.c - ticket locks that keep interrupts off; see thread.h. */
#include <x86/cr.h>
#include <x86/insn.h>
#include "cpu/cpu.h"
#include "sched/sched.h"

uint64_t spin_lock(struct spinlock *l)
{
    uint64_t flags = interrupts_off();
    uint32_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

    /* pairs with the release in spin_unlock */
    while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket)
        insn_pause();
    return flags;
}

void spin_unlock(struct spinlock *l, uint64_t flags)
{
    __atomic_store_n(&l->owner, l->owner + 1, __ATOMIC_RELEASE);
    if ((flags & RFLAGS_IF) == 0)
        return;
    /* A wake under the lock may have given an idle CPU, this one, a thread. */
    if (__atomic_load_n(&this_cpu()->reschedule, __ATOMIC_RELAXED))
        schedule();
    insn_sti();
}
