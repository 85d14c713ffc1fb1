/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/root/cpu/cpu.h - stands in for root's cpu/cpu.h: what the drivers use of it. */
#ifndef ROOT_CPU_CPU_H
#define ROOT_CPU_CPU_H

#include <stdint.h>

struct cpu {
    uint32_t index;
};

struct thread;

struct cpu *this_cpu(void);
struct thread *thread_current(void);
uint32_t cpu_count(void);
uint64_t interrupts_off(void);
void interrupts_restore(uint64_t flags);

#endif
