/* SPDX-License-Identifier: MIT */
/* tests/fuzz/root_locks.c - see root_locks.h. */
#include <stdlib.h>
#include "root_locks.h"
#include "sched/thread.h"

static unsigned held;

unsigned locks_held(void)
{
    return held;
}

uint64_t spin_lock(struct spinlock *l)
{
    if (l->next != l->owner)
        abort();
    l->next++;
    held++;
    return 0;
}

void spin_unlock(struct spinlock *l, uint64_t flags)
{
    (void)flags;
    l->owner++;
    held--;
}

void wait_queue_init(struct wait_queue *q)
{
    (void)q;
}

void wake_all(struct wait_queue *q)
{
    (void)q;
    if (held != 0)
        abort();
}

void wait_until(struct wait_queue *q, bool (*condition)(void *context), void *context)
{
    (void)q;
    if (!condition(context))
        abort();
}
