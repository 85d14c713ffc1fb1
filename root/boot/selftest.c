/* SPDX-License-Identifier: MIT */
/* root/boot/selftest.c - see selftest.h. Every test counts its finished threads in one struct crew,
 * on the stack of the thread that tests. */
#include <rt/mem.h>
#include "boot/handoff.h"
#include "boot/selftest.h"
#include "cpu/cpu.h"
#include "io/console.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/thread.h"

#define NS_PER_MS   1000000ull
#define LONG_ENOUGH (200000 * NS_PER_MS) /* for anything here, on a slow and busy emulator */

enum {
    CREW_MAX = 16,
    EXCLUSION_ROUNDS = 500,
    PING_ROUNDS = 1000,
    SLEEPERS = 3,
    HEAP_ROUNDS = 2000,
    HEAP_SLOTS = 32,
};

struct crew {
    struct wait_queue queue;
    uint32_t size;
    uint32_t finished; /* [queue.lock] */
    struct mutex mutex;
    volatile uint64_t counter;
    volatile bool stop;       /* [a] */
    uint32_t turn;            /* [queue.lock] */
    uint32_t order[CREW_MAX]; /* [queue.lock] who finished when */
};

struct member {
    struct crew *crew;
    uint32_t index;
};

static void crew_init(struct crew *c, uint32_t size)
{
    memset(c, 0, sizeof(*c));
    wait_queue_init(&c->queue);
    mutex_init(&c->mutex);
    c->size = size;
}

static void finish(struct member *m)
{
    struct crew *c = m->crew;
    uint64_t flags = spin_lock(&c->queue.lock);

    c->order[c->finished++ % CREW_MAX] = m->index;
    spin_unlock(&c->queue.lock, flags);
    wake_all(&c->queue);
}

static bool all_finished(void *context)
{
    const struct crew *c = context;

    return c->finished == c->size;
}

/* Start the crew, member i on CPU i or, if @cpu >= 0, all on that one; wait for its end. */
static bool crew_run(struct crew *c, struct member *members, thread_entry entry, int cpu)
{
    for (uint32_t i = 0; i < c->size; i++) {
        members[i] = (struct member){c, i};
        if (thread_start("selftest", entry, &members[i],
                         cpu >= 0 ? cpu : (int)(i % cpu_count())) == NULL)
            return false;
    }
    return wait_until_timeout(&c->queue, all_finished, c, LONG_ENOUGH);
}

static void cpu_member(void *argument)
{
    struct member *m = argument;
    uint64_t flags = interrupts_off();
    bool right = this_cpu()->index == m->index % cpu_count();

    interrupts_restore(flags);
    __atomic_fetch_add(&m->crew->counter, right, __ATOMIC_RELAXED);
    finish(m);
}

static bool every_cpu_runs_its_threads(struct crew *c, struct member *members)
{
    crew_init(c, cpu_count() < CREW_MAX ? cpu_count() : CREW_MAX);
    return crew_run(c, members, cpu_member, -1) && c->counter == c->size;
}

/* The first spins until the second stops it: on one CPU only preemption lets that happen. */
static void preempt_member(void *argument)
{
    struct member *m = argument;

    if (m->index == 0)
        while (!__atomic_load_n(&m->crew->stop, __ATOMIC_RELAXED))
            insn_pause();
    else
        __atomic_store_n(&m->crew->stop, true, __ATOMIC_RELAXED);
    finish(m);
}

static bool busy_thread_is_preempted(struct crew *c, struct member *members)
{
    crew_init(c, 2);
    return crew_run(c, members, preempt_member, (int)cpu_count() - 1);
}

static void exclusion_member(void *argument)
{
    struct member *m = argument;

    for (unsigned i = 0; i < EXCLUSION_ROUNDS; i++) {
        mutex_lock(&m->crew->mutex);
        uint64_t seen = m->crew->counter;
        if (i % 8 == 0)
            thread_yield();
        m->crew->counter = seen + 1;
        mutex_unlock(&m->crew->mutex);
    }
    finish(m);
}

static bool mutex_excludes(struct crew *c, struct member *members)
{
    crew_init(c, 8);
    return crew_run(c, members, exclusion_member, -1) && c->counter == 8ull * EXCLUSION_ROUNDS;
}

/* The first has the mutex until the second has asked for it, and asks again at once: then the second
 * has had it. */
static void turn_member(void *argument)
{
    struct member *m = argument;
    struct crew *c = m->crew;

    while (m->index != 0 && __atomic_load_n(&c->counter, __ATOMIC_RELAXED) == 0)
        thread_yield();
    mutex_lock(&c->mutex);
    if (m->index != 0) {
        c->stop = true;
    } else {
        __atomic_store_n(&c->counter, 1, __ATOMIC_RELAXED);
        while (__atomic_load_n(&c->mutex.next, __ATOMIC_RELAXED) - c->mutex.serving < 2)
            thread_yield();
        mutex_unlock(&c->mutex);
        mutex_lock(&c->mutex);
        c->counter += c->stop;
    }
    mutex_unlock(&c->mutex);
    finish(m);
}

static bool mutex_is_had_in_turns(struct crew *c, struct member *members)
{
    crew_init(c, 2);
    return crew_run(c, members, turn_member, -1) && c->counter == 2;
}

static void sleep_member(void *argument)
{
    static const uint64_t times[SLEEPERS] = {300 * NS_PER_MS, 100 * NS_PER_MS, 200 * NS_PER_MS};
    struct member *m = argument;
    uint64_t begin = time_now();

    thread_sleep(times[m->index]);
    if (time_now() - begin < times[m->index])
        m->crew->counter++;
    finish(m);
}

static bool sleepers_wake_in_order(struct crew *c, struct member *members)
{
    crew_init(c, SLEEPERS);
    return crew_run(c, members, sleep_member, -1) && c->counter == 0 && c->order[0] == 1 &&
           c->order[1] == 2 && c->order[2] == 0;
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static bool timed_wait_ends(struct crew *c, struct member *members)
{
    uint64_t begin = time_now();

    (void)members;
    crew_init(c, 0);
    return !wait_until_timeout(&c->queue, never, NULL, 20 * NS_PER_MS) &&
           time_now() - begin >= 20 * NS_PER_MS &&
           wait_until_timeout(&c->queue, all_finished, c, NS_PER_MS);
}

static bool my_turn(void *context)
{
    const struct member *m = context;

    return m->crew->turn % 2 == m->index;
}

static void ping_member(void *argument)
{
    struct member *m = argument;

    for (unsigned i = 0; i < PING_ROUNDS; i++) {
        uint64_t flags;

        wait_until(&m->crew->queue, my_turn, m);
        flags = spin_lock(&m->crew->queue.lock);
        m->crew->turn++;
        spin_unlock(&m->crew->queue.lock, flags);
        wake_all(&m->crew->queue);
    }
    finish(m);
}

static bool no_wake_up_is_lost(struct crew *c, struct member *members)
{
    crew_init(c, 2);
    return crew_run(c, members, ping_member, -1) && c->turn == 2 * PING_ROUNDS;
}

/* Allocate and free in changing sizes; each block holds its owner's mark until it goes. */
static void heap_member(void *argument)
{
    struct member *m = argument;
    uint8_t *slots[HEAP_SLOTS] = {0};

    for (unsigned i = 0; i < HEAP_ROUNDS; i++) {
        uint8_t **slot = &slots[i * 7 % HEAP_SLOTS];
        size_t size = 1 + i * 131 % 5000;

        if (*slot != NULL && **slot != (uint8_t)(m->index + 1))
            m->crew->counter++;
        kfree(*slot);
        *slot = kalloc(size);
        if (*slot != NULL)
            memset(*slot, (int)(m->index + 1), size);
    }
    for (unsigned i = 0; i < HEAP_SLOTS; i++)
        kfree(slots[i]);
    finish(m);
}

static bool heap_gives_all_back(struct crew *c, struct member *members)
{
    struct memory_totals before, after;

    crew_init(c, 4);
    if (!crew_run(c, members, heap_member, -1) || c->counter != 0)
        return false;
    thread_sleep(20 * NS_PER_MS); /* the last threads' stacks go back */
    memory_totals(&before);
    crew_init(c, 4);
    if (!crew_run(c, members, heap_member, -1) || c->counter != 0)
        return false;
    thread_sleep(20 * NS_PER_MS);
    memory_totals(&after);
    return before.free == after.free;
}

static void run(const char *fact, bool (*test)(struct crew *, struct member *))
{
    /* Not on the stack: after a failure threads may still use them. */
    struct crew *c = kalloc(sizeof(*c));
    struct member *members = kalloc(CREW_MAX * sizeof(*members));
    bool passed = c != NULL && members != NULL && test(c, members);
    char line[80];
    size_t n = rt_snprintf(line, sizeof(line), "%s %s\n", passed ? "PASS" : "FAIL", fact);

    console_write(line, n);
    if (passed) {
        thread_sleep(NS_PER_MS); /* the last to finish may still be about to wake us */
        kfree(members);
        kfree(c);
    }
}

bool selftest_wanted(void)
{
    char option[8];

    return handoff_option("selftest", option, sizeof(option)) && strcmp(option, "yes") == 0;
}

void selftest_run(void)
{
    if (!selftest_wanted())
        return;
    run("every CPU runs its threads", every_cpu_runs_its_threads);
    run("a busy thread is preempted", busy_thread_is_preempted);
    run("a mutex excludes", mutex_excludes);
    run("a mutex is had in turns", mutex_is_had_in_turns);
    run("sleepers wake in order", sleepers_wake_in_order);
    run("a timed wait ends", timed_wait_ends);
    run("no wake-up is lost", no_wake_up_is_lost);
    run("the heap gives all back", heap_gives_all_back);
}
