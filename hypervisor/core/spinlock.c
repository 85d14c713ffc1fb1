/* SPDX-License-Identifier: MIT */
/* core/spinlock.c - waiting for a spinlock, with the watchdog. */
#include "core/spinlock.h"

#include "core/timer.h"
#include "debug/log.h"

#define SPIN_TIMEOUT_SECONDS 20u

void spin_wait(struct spinlock *l, uint32_t ticket)
{
    uint64_t start = insn_rdtsc();

    while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket) {
        insn_pause();
        if (tsc_hz != 0 && insn_rdtsc() - start > tsc_hz * SPIN_TIMEOUT_SECONDS)
            panic("lock %p: waited %u s for ticket %u, ticket %u holds it", (void *)l,
                  SPIN_TIMEOUT_SECONDS, ticket, l->owner);
    }
}
