/* SPDX-License-Identifier: MIT */
/* root/sched/watch.c - see watch.h. */
#include "sched/watch.h"
#include "cpu/cpu.h"
#include "log.h"

void watch_init(struct watch *w, struct waiter *waiters, uint32_t max)
{
    *w = (struct watch){.waiters = waiters, .max = max};
}

void watch_begin(struct watch *w)
{
    watch_end(w);
    __atomic_store_n(&w->woken, false, __ATOMIC_RELAXED);
}

void watch_add(struct watch *w, struct wait_queue *q)
{
    struct waiter *waiter;
    uint64_t flags;

    if (w == NULL)
        return;
    BUG_ON(w->count == w->max);
    waiter = &w->waiters[w->count++];
    *waiter = (struct waiter){.thread = thread_current(), .queue = q, .woken = &w->woken};
    list_init(&waiter->link);
    flags = spin_lock(&q->lock);
    list_push_back(&q->waiters, &waiter->link);
    spin_unlock(&q->lock, flags);
}

void watch_end(struct watch *w)
{
    while (w->count != 0) {
        struct waiter *waiter = &w->waiters[--w->count];
        uint64_t flags = spin_lock(&waiter->queue->lock);

        list_remove(&waiter->link);
        spin_unlock(&waiter->queue->lock, flags);
    }
}
