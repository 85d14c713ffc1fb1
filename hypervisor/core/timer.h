/* SPDX-License-Identifier: MIT */
/* core/timer.h - one-shot timers of the hypervisor, in host TSC ticks.
 *
 * Each LP has a heap of timers and one physical local APIC timer. A timer is queued on the LP that
 * armed it and fires there, with interrupts off and no lock held. Insert and remove are O(log n).
 * Any LP may cancel; the owner of the timer serialises arm and cancel of the same timer. */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include <stdbool.h>
#include <stdint.h>
#include <rt/pairing_heap.h>

struct timer;
typedef void (*timer_fn)(struct timer *t);

struct timer {
    struct heap_node node; /* [LP's timer lock] */
    timer_fn fn;           /* [I] */
    uint32_t lp;           /* [LP's timer lock] where it is queued */
};

void timer_init(struct timer *t, timer_fn fn);

/* Queue @t, queued or not, on this LP for host TSC @deadline; a past one fires soon. */
void timer_arm(struct timer *t, uint64_t deadline_tsc);

/* After return @t is not queued; its function may still be running on another LP. True: it was
 * queued, and so is not called for that any more. */
bool timer_cancel(struct timer *t);

struct pcpu;
/* Call what is due on this LP, and program its physical timer. Its run loop, no lock held. */
void timers_run(struct pcpu *cpu);

/* Host TSC ticks a second, from calibration at boot. */
extern uint64_t tsc_hz;
/* Do the TSCs of all LPs show the same time? Found out at boot. */
extern bool tsc_synchronised;

/* 100 ns units to TSC ticks and back. */
uint64_t tsc_from_100ns(uint64_t units);
uint64_t tsc_to_100ns(uint64_t ticks);

#endif
