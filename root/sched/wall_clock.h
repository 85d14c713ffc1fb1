/* SPDX-License-Identifier: MIT */
/* root/sched/wall_clock.h - what time of day it is: read once from the CMOS clock, carried on by
 * the monotonic one, and set by people. */
#ifndef ROOT_SCHED_WALL_CLOCK_H
#define ROOT_SCHED_WALL_CLOCK_H

#include <stdint.h>
#include <rt/list.h>

/* Who wants to know that the clock was set. Its owner's memory. */
struct wall_clock_watch {
    struct list link;                          /* the clock's lock */
    void (*set)(struct wall_clock_watch *w);   /* [I] a spinlock is held: wakes somebody */
};

/* Once, after time_init. */
void wall_clock_init(void);

/* Nanoseconds since 1970, UTC; since boot, if there is no sensible clock. Any context. */
uint64_t wall_clock_now(void);

/* It is @ns since 1970. Until the machine stops: the CMOS clock stays as it is. Any context. */
void wall_clock_set(uint64_t ns);

/* Have @w->set called whenever the clock is set, until wall_clock_unwatch, after which it neither
 * runs nor will. Any context without a lock that @w->set takes. */
void wall_clock_watch(struct wall_clock_watch *w);
void wall_clock_unwatch(struct wall_clock_watch *w);

#endif
