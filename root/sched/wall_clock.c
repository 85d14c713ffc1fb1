/* SPDX-License-Identifier: MIT */
/* root/sched/wall_clock.c - see wall_clock.h. */
#include "sched/wall_clock.h"
#include "io/rtc.h"
#include "log.h"
#include "sched/thread.h"

#define NS_PER_S 1000000000ull

static uint64_t boot_time; /* [a] ns since 1970 at time_now() == 0 */

static struct {
    struct spinlock lock;
    struct list list; /* [lock] */
} watches = {.list = {&watches.list, &watches.list}};

void wall_clock_init(void)
{
    struct rtc_registers r;
    uint64_t seconds;

    if (!rtc_read(&r) || !rtc_decode(&r, &seconds)) {
        log_print("time: no clock says what day it is");
        return;
    }
    __atomic_store_n(&boot_time, seconds * NS_PER_S - time_now(), __ATOMIC_RELAXED);
    log_print("time: %lu s after 1970 by the CMOS clock", seconds);
}

uint64_t wall_clock_now(void)
{
    return __atomic_load_n(&boot_time, __ATOMIC_RELAXED) + time_now();
}

void wall_clock_set(uint64_t ns)
{
    uint64_t flags;

    __atomic_store_n(&boot_time, ns - time_now(), __ATOMIC_RELAXED);
    flags = spin_lock(&watches.lock);
    LIST_FOR_EACH(node, &watches.list) {
        struct wall_clock_watch *w = container_of(node, struct wall_clock_watch, link);

        w->set(w);
    }
    spin_unlock(&watches.lock, flags);
}

void wall_clock_watch(struct wall_clock_watch *w)
{
    uint64_t flags = spin_lock(&watches.lock);

    list_push_back(&watches.list, &w->link);
    spin_unlock(&watches.lock, flags);
}

void wall_clock_unwatch(struct wall_clock_watch *w)
{
    uint64_t flags = spin_lock(&watches.lock);

    list_remove(&w->link);
    spin_unlock(&watches.lock, flags);
}
