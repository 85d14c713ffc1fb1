/* SPDX-License-Identifier: MIT */
/* root/sched/watch.h - a thread that waits for any of several wait queues.
 *
 *   watch_init(&w, waiters, count);
 *   do {
 *       watch_begin(&w);
 *       for each thing: watch_add(&w, its queue); look at the thing;
 *   } while (nothing has happened && watch_sleep(&w, deadline));
 *   watch_end(&w);
 *
 * A queue is added before its thing is looked at, so no wake-up is lost. Thread context; the thing
 * that has the queue must live until watch_end. Looking may sleep. */
#ifndef ROOT_SCHED_WATCH_H
#define ROOT_SCHED_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "sched/thread.h"

/* A thread on a wait queue. */
struct waiter {
    struct list link; /* [queue lock] */
    struct thread *thread;
    struct wait_queue *queue;
    bool *woken; /* [a] set before the thread is woken; NULL: nobody wants to know */
};

struct watch {
    struct waiter *waiters; /* room for @max */
    uint32_t count, max;
    bool woken; /* [a] a queue has been woken since watch_begin */
};

#define WATCH_FOREVER UINT64_MAX

/* @waiters has room for @max queues. */
void watch_init(struct watch *w, struct waiter *waiters, uint32_t max);

/* Leave all queues: a new round. */
void watch_begin(struct watch *w);

/* Be woken by @q in this round. @w may be NULL: then nothing is done. At most @max in a round. */
void watch_add(struct watch *w, struct wait_queue *q);

/* Sleep until a queue of this round is woken, or time_now() is @deadline. False: the deadline has
 * passed, or the thread has been killed (thread_killed). */
bool watch_sleep(struct watch *w, uint64_t deadline);

/* Leave all queues. */
void watch_end(struct watch *w);

#endif
