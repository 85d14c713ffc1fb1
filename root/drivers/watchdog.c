/* SPDX-License-Identifier: MIT */
/* root/drivers/watchdog.c - see watchdog.h. */
#include "drivers/watchdog.h"

#define WATCH_PERIOD_NS 1000000000ull
#define POLL_PERIOD_NS  1000000ull

static bool is_to_go(const struct watchdog *w)
{
    return __atomic_load_n(&w->removed, __ATOMIC_ACQUIRE); /* pairs with watchdog_remove */
}

static bool is_due(void *context)
{
    const struct watchdog *w = context;

    return is_to_go(w) || (w->operations->is_due != NULL && w->operations->is_due(w->device));
}

static bool is_over(void *context)
{
    const struct watchdog *w = context;

    return __atomic_load_n(&w->over, __ATOMIC_ACQUIRE); /* pairs with watchdog_thread */
}

/* Until the device is closed. */
static void guard(struct watchdog *w)
{
    uint64_t next = time_now() + WATCH_PERIOD_NS;

    for (;;) {
        bool due =
            wait_until_timeout(&w->queue, is_due, w, w->polled ? POLL_PERIOD_NS : WATCH_PERIOD_NS);

        if (is_to_go(w)) {
            w->operations->leave(w->device);
            return;
        }
        if (w->polled)
            w->operations->poll(w->device);
        if (!due && time_now() < next)
            continue;
        if (!w->operations->watch(w->device))
            return;
        next = time_now() + WATCH_PERIOD_NS;
    }
}

static void watchdog_thread(void *argument)
{
    struct watchdog *w = argument;

    guard(w);
    __atomic_store_n(&w->over, true, __ATOMIC_RELEASE); /* pairs with is_over */
    wake_all(&w->queue);
}

void watchdog_init(struct watchdog *w, const struct watchdog_operations *operations, void *device)
{
    w->operations = operations;
    w->device = device;
    wait_queue_init(&w->queue);
}

bool watchdog_start(struct watchdog *w, const char *name, bool polled)
{
    w->polled = polled;
    w->watched = thread_start(name, watchdog_thread, w, -1) != NULL;
    return w->watched;
}

void watchdog_wake(struct watchdog *w)
{
    wake_all(&w->queue);
}

void watchdog_remove(struct watchdog *w)
{
    if (!w->watched) {
        w->operations->leave(w->device);
        return;
    }
    __atomic_store_n(&w->removed, true, __ATOMIC_RELEASE); /* pairs with is_to_go */
    wake_all(&w->queue);
    wait_until(&w->queue, is_over, w);
}
