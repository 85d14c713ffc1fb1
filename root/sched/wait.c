/* SPDX-License-Identifier: MIT */
/* root/sched/wait.c - wait queues, mutexes and sleeping; see thread.h. */
#include "cpu/cpu.h"
#include "sched/sched.h"
#include "sched/timer.h"
#include "sched/watch.h"

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

static void alarm_set_at(struct alarm *a, uint64_t deadline)
{
    *a = (struct alarm){.thread = thread_current()};
    timer_init(&a->timer, alarm_ring);
    timer_start(&a->timer, deadline);
}

static void alarm_set(struct alarm *a, uint64_t ns)
{
    uint64_t now = time_now();

    alarm_set_at(a, now + ns < now ? UINT64_MAX : now + ns);
}

void wait_queue_init(struct wait_queue *q)
{
    *q = (struct wait_queue){0};
    list_init(&q->waiters);
}

/* What a wait ends for, other than its condition. */
struct limits {
    struct alarm *alarm; /* NULL: none */
    bool killable;
};

static bool is_over(const struct limits *l)
{
    return alarm_rang(l->alarm) || (l->killable && thread_killed());
}

/* Wait for @condition or the end of @limits; with q->lock held, which was taken with @flags. */
static bool wait_locked(struct wait_queue *q, bool (*condition)(void *), void *context,
                        const struct limits *limits, uint64_t *flags)
{
    struct waiter w = {.thread = thread_current()};
    bool met;

    list_init(&w.link);
    while (!(met = condition(context)) && !is_over(limits)) {
        if (list_empty(&w.link)) /* who was not woken from @q keeps his place */
            list_push_back(&q->waiters, &w.link);
        thread_prepare_block();
        /* An alarm or a kill between the test above and the line before found nobody to wake. */
        if (is_over(limits))
            thread_wake(w.thread);
        spin_unlock(&q->lock, *flags);
        schedule();
        *flags = spin_lock(&q->lock);
    }
    list_remove(&w.link);
    return met;
}

void wait_until(struct wait_queue *q, bool (*condition)(void *context), void *context)
{
    const struct limits none = {0};
    uint64_t flags = spin_lock(&q->lock);

    wait_locked(q, condition, context, &none, &flags);
    spin_unlock(&q->lock, flags);
}

static bool wait_limited(struct wait_queue *q, bool (*condition)(void *context), void *context,
                         uint64_t ns, bool killable)
{
    struct alarm alarm;
    const struct limits limits = {ns != WAIT_FOREVER ? &alarm : NULL, killable};
    uint64_t flags;
    bool met;

    if (limits.alarm != NULL) {
        flags = spin_lock(&q->lock);
        met = condition(context);
        spin_unlock(&q->lock, flags);
        if (met) /* and a timer was not worth it */
            return true;
        alarm_set(&alarm, ns);
    }
    flags = spin_lock(&q->lock);
    met = wait_locked(q, condition, context, &limits, &flags);
    spin_unlock(&q->lock, flags);
    if (limits.alarm != NULL)
        timer_cancel(&alarm.timer);
    return met;
}

bool wait_until_timeout(struct wait_queue *q, bool (*condition)(void *context), void *context,
                        uint64_t ns)
{
    return wait_limited(q, condition, context, ns, false);
}

bool wait_until_killed(struct wait_queue *q, bool (*condition)(void *context), void *context,
                       uint64_t ns)
{
    return wait_limited(q, condition, context, ns, true);
}

static bool wake_first_locked(struct wait_queue *q)
{
    struct list *l = list_pop_front(&q->waiters);

    struct waiter *w;

    if (l == NULL)
        return false;
    w = container_of(l, struct waiter, link);
    if (w->watch != NULL)
        __atomic_store_n(&w->watch->woken, true, __ATOMIC_RELEASE);
    if (w->watch != NULL && w->watch->rang != NULL)
        w->watch->rang(w->watch);
    else
        thread_wake(w->thread);
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
    m->next = m->serving = 0;
}

struct turn {
    const struct mutex *mutex;
    uint32_t number;
};

static bool turn_has_come(void *context)
{
    const struct turn *t = context;

    return t->number == t->mutex->serving;
}

void mutex_lock(struct mutex *m)
{
    const struct limits none = {0};
    uint64_t flags = spin_lock(&m->queue.lock);
    struct turn t = {m, m->next++};

    wait_locked(&m->queue, turn_has_come, &t, &none, &flags);
    spin_unlock(&m->queue.lock, flags);
}

void mutex_unlock(struct mutex *m)
{
    uint64_t flags = spin_lock(&m->queue.lock);

    m->serving++;
    wake_first_locked(&m->queue); /* they wait in the order of their turns */
    spin_unlock(&m->queue.lock, flags);
}

/* Sleep until @done(@context): whoever makes that so wakes the thread afterwards. */
static void sleep_until(bool (*done)(void *context), void *context)
{
    while (!done(context)) {
        uint64_t flags = interrupts_off();

        if (!sched_halt(done, context)) {
            thread_prepare_block();
            if (done(context)) /* it became so before the line above: nobody was to be woken */
                thread_wake(thread_current());
            schedule();
        }
        interrupts_restore(flags);
    }
}

static bool sleep_is_over(void *limits)
{
    return is_over(limits);
}

static void sleep_limited(uint64_t ns, bool killable)
{
    struct alarm alarm;
    struct limits limits = {&alarm, killable};

    alarm_set(&alarm, ns);
    sleep_until(sleep_is_over, &limits);
    timer_cancel(&alarm.timer);
}

void thread_sleep(uint64_t ns)
{
    sleep_limited(ns, false);
}

bool thread_sleep_killed(uint64_t ns)
{
    sleep_limited(ns, true);
    return !thread_killed();
}

struct watch_sleep {
    struct limits limits;
    struct watch *watch;
};

static bool watch_is_over(void *context)
{
    struct watch_sleep *s = context;

    return __atomic_load_n(&s->watch->woken, __ATOMIC_ACQUIRE) || is_over(&s->limits);
}

bool watch_sleep(struct watch *w, uint64_t deadline)
{
    struct alarm alarm;
    struct watch_sleep s = {{deadline != WATCH_FOREVER ? &alarm : NULL, true}, w};

    if (s.limits.alarm != NULL)
        alarm_set_at(&alarm, deadline);
    sleep_until(watch_is_over, &s);
    if (s.limits.alarm != NULL)
        timer_cancel(&alarm.timer);
    return !is_over(&s.limits);
}
