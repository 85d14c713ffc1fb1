/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/root_threads.c - see root_threads.h. Threads that wait look again and again. */
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cpu/cpu.h"
#include "fakes/root_threads.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/thread.h"

#define THREADS    8u
#define LINE       256u
#define LOOK_US    50u
#define HELD_UP_US 50000u

struct fake_threads fake;

static struct {
    pthread_t thread[THREADS];
    uint32_t count;
} threads;

static struct {
    pthread_mutex_t lock;
    char line[LINE]; /* [lock] */
} last = {.lock = PTHREAD_MUTEX_INITIALIZER};

void fake_threads_reset(uint32_t cpus)
{
    fake = (struct fake_threads){.cpus = cpus};
    last.line[0] = '\0';
}

void fake_threads_join(void)
{
    while (threads.count != 0)
        pthread_join(threads.thread[--threads.count], NULL);
}

/* ---- CPUs ---- */

uint32_t cpu_count(void)
{
    return fake.cpus;
}

struct cpu *this_cpu(void)
{
    static _Thread_local struct cpu cpu;

    return &cpu;
}

uint64_t interrupts_off(void)
{
    return 0;
}

void interrupts_restore(uint64_t flags)
{
    (void)flags;
}

/* ---- memory ---- */

static void *live(void *memory)
{
    if (memory == NULL)
        abort();
    __atomic_fetch_add(&fake.live, 1, __ATOMIC_RELAXED);
    return memory;
}

void *kalloc(size_t size)
{
    return live(calloc(1, size));
}

void kfree(void *p)
{
    if (p != NULL)
        __atomic_fetch_sub(&fake.live, 1, __ATOMIC_RELAXED);
    free(p);
}

uint64_t page_alloc(unsigned order)
{
    return (uintptr_t)live(aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order));
}

void page_free(uint64_t physical, unsigned order)
{
    (void)order;
    kfree((void *)(uintptr_t)physical);
}

void page_zero(uint64_t physical, unsigned order)
{
    memset((void *)(uintptr_t)physical, 0, PAGE_SIZE << order);
}

void *phys_to_virt(uint64_t physical)
{
    return (void *)(uintptr_t)physical;
}

uint64_t virt_to_phys(const void *address)
{
    return (uintptr_t)address;
}

/* ---- locks ---- */

uint64_t spin_lock(struct spinlock *l)
{
    uint32_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket)
        sched_yield();
    return 0;
}

void spin_unlock(struct spinlock *l, uint64_t flags)
{
    (void)flags;
    __atomic_store_n(&l->owner, l->owner + 1, __ATOMIC_RELEASE);
}

void mutex_init(struct mutex *m)
{
    *m = (struct mutex){0};
}

void mutex_lock(struct mutex *m)
{
    uint32_t turn = __atomic_fetch_add(&m->next, 1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&m->serving, __ATOMIC_ACQUIRE) != turn)
        sched_yield();
}

void mutex_unlock(struct mutex *m)
{
    __atomic_store_n(&m->serving, m->serving + 1, __ATOMIC_RELEASE);
}

/* ---- waiting ---- */

void wait_queue_init(struct wait_queue *q)
{
    *q = (struct wait_queue){0};
}

static bool met(struct wait_queue *q, bool (*condition)(void *context), void *context)
{
    uint64_t flags = spin_lock(&q->lock);
    bool is = condition(context);

    spin_unlock(&q->lock, flags);
    return is;
}

void wait_until(struct wait_queue *q, bool (*condition)(void *context), void *context)
{
    while (!met(q, condition, context))
        usleep(LOOK_US);
}

bool wait_until_timeout(struct wait_queue *q, bool (*condition)(void *context), void *context,
                        uint64_t ns)
{
    if (met(q, condition, context))
        return true;
    thread_sleep(ns);
    return met(q, condition, context);
}

void wake_all_locked(struct wait_queue *q)
{
    if (fake.slow_wakes)
        usleep(HELD_UP_US);
    if (__atomic_load_n(&q->lock.next, __ATOMIC_RELAXED) == q->lock.owner)
        abort(); /* the lock is not held */
}

void wake_all(struct wait_queue *q)
{
    uint64_t flags;

    if (fake.slow_wakes)
        usleep(HELD_UP_US);
    flags = spin_lock(&q->lock);
    wake_all_locked(q);
    spin_unlock(&q->lock, flags);
}

/* ---- threads ---- */

struct start {
    thread_entry entry;
    void *argument;
};

static void *run(void *context)
{
    struct start s = *(struct start *)context;

    free(context);
    s.entry(s.argument);
    return NULL;
}

struct thread *thread_start(const char *name, thread_entry entry, void *argument, int cpu)
{
    struct start *s = malloc(sizeof(*s));
    pthread_t *t = &threads.thread[threads.count];

    (void)name;
    (void)cpu;
    if (s == NULL || threads.count == THREADS)
        abort();
    *s = (struct start){entry, argument};
    if (pthread_create(t, NULL, run, s) != 0)
        abort();
    threads.count++;
    return (struct thread *)(void *)t;
}

void thread_exit(void)
{
    pthread_exit(NULL);
}

void thread_sleep(uint64_t ns)
{
    usleep(LOOK_US);
    __atomic_fetch_add(&fake.now, ns, __ATOMIC_RELAXED);
}

uint64_t time_now(void)
{
    return __atomic_load_n(&fake.now, __ATOMIC_RELAXED);
}

/* ---- the log ---- */

void log_print(const char *fmt, ...)
{
    va_list ap;

    pthread_mutex_lock(&last.lock);
    va_start(ap, fmt);
    vsnprintf(last.line, sizeof(last.line), fmt, ap);
    va_end(ap);
    pthread_mutex_unlock(&last.lock);
    __atomic_fetch_add(&fake.log_lines, 1, __ATOMIC_SEQ_CST);
}

bool fake_logged(const char *text)
{
    bool found;

    pthread_mutex_lock(&last.lock);
    found = strstr(last.line, text) != NULL;
    pthread_mutex_unlock(&last.lock);
    return found;
}

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    abort();
}
