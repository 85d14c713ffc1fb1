/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/root_kernel.c - see root_kernel.h. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cpu/cpu.h"
#include "log.h"
#include "mm/memory.h"
#include "root_kernel.h"
#include "sched/thread.h"

#define THREADS     16
#define STEP_LIMIT  100000u
#define STEP_MIN_NS 1000u

struct fake_kernel fake;

static struct fake_thread {
    const char *name;
    thread_entry entry;
    void *argument;
} threads[THREADS];

void fake_kernel_reset(void)
{
    fake = (struct fake_kernel){.cpus = 1, .allocations_left = -1};
    memset(threads, 0, sizeof(threads));
}

static void step(uint64_t ns)
{
    assert_int_equal(fake.locks_held, 0);
    assert_true(fake.steps++ < (fake.step_limit ? fake.step_limit : STEP_LIMIT));
    fake.now += ns > STEP_MIN_NS ? ns : STEP_MIN_NS;
    if (fake.step)
        fake.step();
}

static bool allocation_allowed(void)
{
    if (fake.allocations_left == 0)
        return false;
    if (fake.allocations_left > 0)
        fake.allocations_left--;
    fake.live++;
    return true;
}

void *kalloc(size_t size)
{
    return allocation_allowed() ? calloc(1, size) : NULL;
}

void kfree(void *p)
{
    if (p)
        fake.live--;
    free(p);
}

uint64_t page_alloc(unsigned order)
{
    void *p = NULL;

    if (!allocation_allowed())
        return 0;
    assert_int_equal(posix_memalign(&p, PAGE_SIZE << order, PAGE_SIZE << order), 0);
    memset(p, 0xa5, PAGE_SIZE << order);
    return (uintptr_t)p;
}

void page_free(uint64_t physical, unsigned order)
{
    (void)order;
    fake.live--;
    free((void *)(uintptr_t)physical);
}

void *phys_to_virt(uint64_t physical)
{
    return (void *)(uintptr_t)physical;
}

uint64_t virt_to_phys(const void *address)
{
    return (uintptr_t)address;
}

volatile void *mmio_map(uint64_t physical, size_t size)
{
    (void)size;
    return (volatile void *)(uintptr_t)physical;
}

uint64_t spin_lock(struct spinlock *l)
{
    assert_int_equal(l->next, l->owner); /* else this thread would wait for itself */
    l->next++;
    fake.locks_held++;
    return 0;
}

void spin_unlock(struct spinlock *l, uint64_t flags)
{
    (void)flags;
    assert_int_equal(l->next, l->owner + 1);
    l->owner++;
    fake.locks_held--;
}

void wait_queue_init(struct wait_queue *q)
{
    (void)q;
}

void wake_all(struct wait_queue *q)
{
    (void)q;
    assert_int_equal(fake.locks_held, 0);
}

void wait_until(struct wait_queue *q, bool (*condition)(void *context), void *context)
{
    (void)q;
    while (!condition(context))
        step(0);
}

bool wait_until_timeout(struct wait_queue *q, bool (*condition)(void *context), void *context,
                        uint64_t ns)
{
    uint64_t deadline = fake.now + ns;

    (void)q;
    while (!condition(context)) {
        if (fake.now >= deadline)
            return false;
        step(ns);
    }
    return true;
}

struct thread *thread_start(const char *name, thread_entry entry, void *argument, int cpu)
{
    (void)cpu;
    for (int i = 0; i < THREADS; i++) {
        if (!threads[i].entry) {
            threads[i] = (struct fake_thread){name, entry, argument};
            return (struct thread *)(void *)&threads[i];
        }
    }
    return NULL;
}

void fake_threads_run(void)
{
    for (int i = 0; i < THREADS; i++) {
        struct fake_thread t = threads[i];

        if (!t.entry)
            continue;
        threads[i].entry = NULL;
        t.entry(t.argument);
    }
}

void *fake_thread_take(const char *name)
{
    for (int i = 0; i < THREADS; i++) {
        if (threads[i].entry && strcmp(threads[i].name, name) == 0) {
            threads[i].entry = NULL;
            return threads[i].argument;
        }
    }
    fail_msg("no thread %s", name);
    return NULL;
}

void thread_sleep(uint64_t ns)
{
    step(ns);
}

uint64_t time_now(void)
{
    return fake.now;
}

struct cpu *this_cpu(void)
{
    static struct cpu cpu;

    cpu.index = fake.cpu;
    return &cpu;
}

uint32_t cpu_count(void)
{
    return fake.cpus;
}

uint64_t interrupts_off(void)
{
    return 0;
}

void interrupts_restore(uint64_t flags)
{
    (void)flags;
}

void log_print(const char *fmt, ...)
{
    va_list ap;

    fake.log_lines++;
    va_start(ap, fmt);
    vsnprintf(fake.log_text, sizeof(fake.log_text), fmt, ap);
    va_end(ap);
    if (fake.log)
        puts(fake.log_text);
}
