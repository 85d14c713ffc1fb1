/* SPDX-License-Identifier: MIT */
/* root/sched/timer.h - timers on a heap per CPU, driven by its local APIC timer. No tick. */
#ifndef ROOT_SCHED_TIMER_H
#define ROOT_SCHED_TIMER_H

#include <stdint.h>
#include <rt/pairing_heap.h>
#include "sched/thread.h"

struct cpu;
struct timer;
typedef void (*timer_handler)(struct timer *timer);

struct timer {
    struct heap_node node; /* [queue lock] */
    uint32_t cpu;          /* [queue lock] whose heap it was last on */
    timer_handler handler; /* [I] runs in interrupt context, may start the timer again */
};

struct timer_queue {
    struct spinlock lock;
    struct heap heap;      /* [lock] */
    struct timer *running; /* [a] whose handler runs now */
};

void timer_init(struct timer *t, timer_handler handler);

/* Call the handler at @deadline (time_now() units) on this CPU. @t is not queued. Any context. */
void timer_start(struct timer *t, uint64_t deadline);

/* Take @t off its queue; afterwards its handler neither runs nor will run. Not with a lock held
 * that the handler takes. */
void timer_cancel(struct timer *t);

/* Set the local timer for what is due next here. Interrupts off. */
void timer_arm(struct cpu *cpu);

/* Run what is due on this CPU: the timer interrupt's body. */
void timer_interrupt(struct cpu *cpu);

#endif
