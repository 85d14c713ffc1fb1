/* SPDX-License-Identifier: MIT */
/* root/sched/wall_clock.c - see wall_clock.h. */
#include "sched/wall_clock.h"
#include "io/rtc.h"
#include "log.h"
#include "sched/thread.h"

#define NS_PER_S 1000000000ull

static uint64_t boot_time; /* [I] ns since 1970 at time_now() == 0 */

void wall_clock_init(void)
{
    struct rtc_registers r;
    uint64_t seconds;

    if (!rtc_read(&r) || !rtc_decode(&r, &seconds)) {
        log_print("time: no clock says what day it is");
        return;
    }
    boot_time = seconds * NS_PER_S - time_now();
    log_print("time: %lu s after 1970 by the CMOS clock", seconds);
}

uint64_t wall_clock_now(void)
{
    return boot_time + time_now();
}
