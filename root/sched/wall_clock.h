/* SPDX-License-Identifier: MIT */
/* root/sched/wall_clock.h - what time of day it is: read once from the CMOS clock, carried on by the
 * monotonic one. */
#ifndef ROOT_SCHED_WALL_CLOCK_H
#define ROOT_SCHED_WALL_CLOCK_H

#include <stdint.h>

/* Once, after time_init. */
void wall_clock_init(void);

/* Nanoseconds since 1970, UTC; since boot, if there is no sensible clock. Any context. */
uint64_t wall_clock_now(void);

#endif
