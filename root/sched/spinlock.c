/* SPDX-License-Identifier: MIT */
/* root/sched/spinlock.c - ticket locks that keep interrupts off; see thread.h. */
#include <x86/cr.h>
#include <x86/insn.h>
#include "cpu/cpu.h"
#include "sched/sched.h"
#include "sched/spinlock_off.h"

uint64_t spin_lock(struct spinlock *l)
{
    uint64_t flags = interrupts_off();

    spin_lock_off(l);
    return flags;
}

void spin_unlock(struct spinlock *l, uint64_t flags)
{
    spin_unlock_off(l);
    if ((flags & RFLAGS_IF) == 0)
        return;
    /* A wake under the lock may have given an idle CPU, this one, a thread. */
    if (__atomic_load_n(&this_cpu()->reschedule, __ATOMIC_RELAXED))
        schedule();
    insn_sti();
}
