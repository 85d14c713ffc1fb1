/* SPDX-License-Identifier: MIT */
/* root/sched/wait.c - wait queues, mutexes and sleeping; see thread.h. */
#include "cpu/cpu.h"
#include "sched/sched.h"
#include "sched/timer.h"

struct waiter {
    struct list link; /* [queue lock] */
    struct thread *thread;
};

struct alarm {
    struct timer timer;
    struct thread *thread;
    bool rang; /* [a] */
};

static void alarm_ring(struct timer *timer)
{
    struct alarm *a = container_of(timer, struct alarm, timer);

    __atomic_store_n(&a->rang, true, __ATOMIC_RELEASE);
    thread_wake(a->thread);
}

static bool alarm_rang(struct alarm *a)
{
    return a != NULL && __atomic_load_n(&a->rang, __ATOMIC_ACQUIRE);
}

static void alarm_set(struct alarm *a, uint64_t ns)
{
    uint64_t now = time_now();

    *a = (struct alarm){.thread = thread_current()};
    timer_init(&a->timer, alarm_ring);
    timer_start(&a->timer, now + ns < now ? UINT64_MAX : now + ns);
}

void wait_queue_init(struct wait_queue *q)
{
    *q = (struct wait_queue){0};
    list_init(&q->waiters);
}

/* Wait for @condition or @alarm; with q->lock held, which was taken with @flags. */
static bool wait_locked(struct wait_queue *q, bool (*condition)(void *), void *context,
                        struct alarm *alarm, uint64_t *flags)
{
    struct waiter w = {.thread = thread_current()};
    bool met;

    list_init(&w.link);
    while (!(met = condition(context)) && !alarm_rang(alarm)) {
        list_push_back(&q->waiters, &w.link);
        thread_prepare_block();
        /* An alarm between the test above and the line before found nobody to wake. */
        if (alarm_rang(alarm))
            thread_wake(w.thread);
        spin_unlock(&q->lock, *flags);
        schedule();
        *flags = spin_lock(&q->lock);
        list_remove(&w.link);
    }
    return met;
}

void wait_until(struct wait_queue *q, bool (*condition)(void *context), void *context)
{
    uint64_t flags = spin_lock(&q->lock);

    wait_locked(q, condition, context, NULL, &flags);
    spin_unlock(&q->lock, flags);
}

bool wait_until_timeout(struct wait_queue *q, bool (*condition)(void *context), void *context,
                        uint64_t ns)
{
    struct alarm alarm;
    uint64_t flags;
    bool met;

    alarm_set(&alarm, ns);
    flags = spin_lock(&q->lock);
    met = wait_locked(q, condition, context, &alarm, &flags);
    spin_unlock(&q->lock, flags);
    timer_cancel(&alarm.timer);
    return met;
}

static bool wake_first_locked(struct wait_queue *q)
{
    struct list *l = list_pop_front(&q->waiters);

    if (l == NULL)
        return false;
    thread_wake(container_of(l, struct waiter, link)->thread);
    return true;
}

void wake_all_locked(struct wait_queue *q)
{
    while (wake_first_locked(q))
        ;
}

void wake_all(struct wait_queue *q)
{
    uint64_t flags = spin_lock(&q->lock);

    wake_all_locked(q);
    spin_unlock(&q->lock, flags);
}

void mutex_init(struct mutex *m)
{
    wait_queue_init(&m->queue);
    m->held = false;
}

/* The condition takes the mutex itself: it is called with the queue's lock held. */
static bool mutex_take(void *context)
{
    struct mutex *m = context;

    if (m->held)
        return false;
    m->held = true;
    return true;
}

void mutex_lock(struct mutex *m)
{
    wait_until(&m->queue, mutex_take, m);
}

void mutex_unlock(struct mutex *m)
{
    uint64_t flags = spin_lock(&m->queue.lock);

    m->held = false;
    wake_first_locked(&m->queue);
    spin_unlock(&m->queue.lock, flags);
}

void thread_sleep(uint64_t ns)
{
    struct alarm alarm;

    alarm_set(&alarm, ns);
    while (!alarm_rang(&alarm)) {
        uint64_t flags = interrupts_off();

        thread_prepare_block();
        if (alarm_rang(&alarm))
            thread_wake(alarm.thread);
        schedule();
        interrupts_restore(flags);
    }
    timer_cancel(&alarm.timer);
}
