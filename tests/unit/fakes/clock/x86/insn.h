/* SPDX-License-Identifier: MIT */
/* fakes/clock/x86/insn.h - stands in for lib/x86's insn.h where a test owns the time. */
#ifndef FAKES_CLOCK_X86_INSN_H
#define FAKES_CLOCK_X86_INSN_H

#include <sched.h>
#include <stdint.h>

extern uint64_t fake_tsc;

static inline uint64_t insn_rdtsc(void)
{
    return __atomic_load_n(&fake_tsc, __ATOMIC_RELAXED);
}

static inline void insn_pause(void)
{
    sched_yield();
}

#endif
