/* SPDX-License-Identifier: MIT */
/* root/drivers/watchdog.h - a thread that watches over one device: looks once a second whether it
 * is well, looks in the interrupts' stead where a device has none, and closes a device that leaves.
 *
 * All operations run in that thread, with interrupts on, and may sleep. */
#ifndef ROOT_DRIVERS_WATCHDOG_H
#define ROOT_DRIVERS_WATCHDOG_H

#include <stdbool.h>
#include "sched/thread.h"

struct watchdog_operations {
    /* Is there more to see than once a second? Any context, under the watchdog's lock: only loads.
     * NULL: never. */
    bool (*is_due)(const void *device);
    /* Take what the device has completed; where it is polled, a thousand times a second. */
    void (*poll)(void *device);
    /* Look at the device, and mend what can be mended. False: it is closed, and not watched
     * further. */
    bool (*watch)(void *device);
    /* Its slot wants it back: bring it to rest, and close it. NULL: nobody removes it. */
    void (*leave)(void *device);
};

/* Zeroed, then for watchdog_init(). Part of its device, which stays for good once it is watched. */
struct watchdog {
    const struct watchdog_operations *operations;
    void *device;
    struct wait_queue queue; /* where the thread sleeps, and who waits for its end */
    bool polled;             /* [I] */
    bool watched;            /* [I] there is a thread */
    bool removed;            /* [a] it is to close the device */
    bool over;               /* [a] it does nothing more */
};

/* Before anybody wakes @w. */
void watchdog_init(struct watchdog *w, const struct watchdog_operations *operations, void *device);

/* Watch from now on, by a thread called @name, and poll if @polled. False: there is no thread, and
 * nobody watches. Thread context, once. */
bool watchdog_start(struct watchdog *w, const char *name, bool polled);

/* What is_due() looks at has changed. Any context. */
void watchdog_wake(struct watchdog *w);

/* Have the device closed, by its operation leave() unless it was before, and wait for that. Thread
 * context, once. */
void watchdog_remove(struct watchdog *w);

#endif
