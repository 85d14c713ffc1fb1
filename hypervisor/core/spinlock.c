/* SPDX-License-Identifier: MIT */
/* core/spinlock.c - waiting for a spinlock, with the watchdog. */
#include "core/spinlock.h"

#include "core/timer.h"
#include "debug/log.h"

/* What one look at the clock counts at most. A machine may stand still between two, as virtual ones
 * do, and nobody's bug is to be found in that: only time that was spent waiting counts. */
#define STEP_US 1000u

uint32_t spin_patience_ms = 20000;

void spin_wait(struct spinlock *l, uint32_t ticket)
{
    uint64_t step = tsc_hz / 1000000 * STEP_US;
    uint64_t last = insn_rdtsc(), waited = 0;

    while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket) {
        insn_pause();
        uint64_t now = insn_rdtsc();
        waited += now - last < step ? now - last : step;
        last = now;
        if (waited > tsc_hz / 1000 * spin_patience_ms)
            panic("lock %p: waited %u ms for ticket %u, ticket %u holds it", (void *)l,
                  spin_patience_ms, ticket, l->owner);
    }
}
