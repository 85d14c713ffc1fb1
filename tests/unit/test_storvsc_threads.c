/* SPDX-License-Identifier: MIT */
/* test_storvsc_threads.c - a child, storvsp's workers and a disk in a thread each. Each of them
 * acts only when it was woken or signalled: a wake-up that is lost leaves them all waiting. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "storvsc/storvsc.h"
#include "storvsp_fixture.h"

#define CHANNELS 2u
#define DEPTH    12u /* more than the provider's, fewer than the rings hold */
#define REQUESTS 20000u
#define PATIENCE 120u /* seconds */

static struct {
    struct storvsc device;
    struct storvsc_channel sub;
    struct storvsc_slot slots[CHANNELS][DEPTH];
    struct storvsc_request requests[CHANNELS][DEPTH];
    uint64_t pages[CHANNELS][DEPTH];
    uint64_t sectors[CHANNELS][DEPTH];
    bool busy[CHANNELS][DEPTH];
    unsigned done, seen[CHANNELS];
    bool ready;
    bool stop; /* [a] */
    uint32_t seed;
} test;

static void *server_thread(void *unused)
{
    (void)unused;
    while (!__atomic_load_n(&test.stop, __ATOMIC_ACQUIRE)) {
        world_work();
        sched_yield();
    }
    return NULL;
}

static struct storvsc_channel *channel(uint32_t index)
{
    return index == 0 ? &test.device.primary : &test.sub;
}

static void ready(struct storvsc *s, bool ok)
{
    (void)s;
    test.ready = ok;
}

static void ignored(struct storvsc *s)
{
    (void)s;
}

static void reset_done(struct storvsc *s, bool ok)
{
    (void)s;
    (void)ok;
}

static const struct storvsc_events events = {
    .ready = ready, .changed = ignored, .reset = reset_done};

/* Take answers, if there was a signal since the last time. */
static void poll_if_signalled(uint32_t index)
{
    unsigned signals = __atomic_load_n(&world.channels[index].signals, __ATOMIC_SEQ_CST);

    if (signals == test.seen[index]) {
        sched_yield();
        return;
    }
    test.seen[index] = signals;
    assert_true(storvsc_poll(channel(index)));
}

static void request_done(struct storvsc_request *r)
{
    uint32_t index = (uint32_t)(uintptr_t)r->context;
    uint32_t i = (uint32_t)(r - test.requests[index]);

    assert_true(test.busy[index][i]);
    assert_true(storvsc_succeeded(r));
    assert_memory_equal(child_bytes(&world.child, test.pages[index][i]),
                        world.disk.data + test.sectors[index][i] * 512, CHILD_PAGE);
    test.busy[index][i] = false;
    test.done++;
}

/* Submit what is free, now and then less; how many. */
static unsigned submit(uint32_t index)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < DEPTH && fake_random(&test.seed) % 8 != 0; i++) {
        struct storvsc_request *r = &test.requests[index][i];

        if (test.busy[index][i])
            continue;
        test.pages[index][i] = P(index * DEPTH + i);
        test.sectors[index][i] = fake_random(&test.seed) % (WORLD_SECTORS - 8);
        r->context = (void *)(uintptr_t)index;
        r->done = request_done;
        storvsc_prepare_read(r, test.sectors[index][i], 8);
        storvsc_data(r, &test.pages[index][i], 0, CHILD_PAGE);
        if (!storvsc_submit(channel(index), r))
            break;
        test.busy[index][i] = true;
        count++;
    }
    storvsc_flush(channel(index));
    return count;
}

static void no_wake_up_is_lost(void **state)
{
    pthread_t thread;
    unsigned submitted = 0;

    (void)state;
    memset(&test, 0, sizeof(test));
    test.seed = 17;
    world_make();
    disk_thread_start(&world.disk);
    storvsc_init(&test.device, &events, &world.channels[0].child, test.slots[0], DEPTH);
    assert_true(storvsc_begin(&test.device, 0));
    while (!test.ready) {
        world_work();
        poll_if_signalled(0);
    }
    assert_true(world_open(1));
    assert_true(storvsc_channel_add(&test.device, &test.sub, &world.channels[1].child,
                                    test.slots[1], DEPTH));
    alarm(PATIENCE);
    assert_int_equal(pthread_create(&thread, NULL, server_thread, NULL), 0);
    while (test.done < REQUESTS) {
        for (uint32_t index = 0; index < CHANNELS; index++) {
            if (submitted < REQUESTS)
                submitted += submit(index);
            poll_if_signalled(index);
        }
    }
    while (test.done < submitted) {
        poll_if_signalled(0);
        poll_if_signalled(1);
    }
    alarm(0);
    __atomic_store_n(&test.stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_int_equal(test.device.primary.stray + test.sub.stray, 0);
    world_drop();
}

/* ---- a hostile child ---- */

/* Write to anything that the child may write to, as fast as a second VP can. */
static void *scribble_thread(void *unused)
{
    uint32_t seed = 3;

    (void)unused;
    while (!__atomic_load_n(&test.stop, __ATOMIC_ACQUIRE)) {
        uint32_t *words = (void *)world.channels[0].rings;
        uint32_t at = fake_random(&seed) % (WORLD_RING_BYTES / sizeof(*words));

        /* Mostly packets, seldom the indices, which end it all. */
        if (at >= CHILD_PAGE / sizeof(*words) || fake_random(&seed) % 256 == 0)
            __atomic_store_n(&words[at], fake_random(&seed) % 4 ? fake_random(&seed) : at,
                             __ATOMIC_RELAXED);
    }
    return NULL;
}

/* Send reads without looking at what comes back, until the channel is closed or @count are sent. */
static void send_blindly(unsigned count)
{
    struct world_channel *w = &world.channels[0];

    for (unsigned i = 0; i < count && w->storvsp; i++) {
        struct storvsc_request *r = &test.requests[0][0];
        uint64_t page = P(i % 512);

        storvsc_prepare_read(r, fake_random(&test.seed) % WORLD_SECTORS, 8);
        storvsc_data(r, &page, 0, CHILD_PAGE);
        if (!test.device.primary.slots || !storvsc_submit(&test.device.primary, r))
            storvsc_init(&test.device, &events, &w->child, test.slots[0], DEPTH);
        storvsc_flush(&test.device.primary);
        world_work();
        (void)storvsc_poll(&test.device.primary);
    }
}

static void nothing_happens(struct storvsc_request *r)
{
    (void)r;
}

/* The fakes check each operation that a disk gets; world_drop() that nothing is held. It goes on
 * until channels were closed, and requests with wrong data refused. */
static void a_vp_that_writes_to_the_ring_meanwhile_is_contained(void **state)
{
    unsigned broken = 0, refused = 0;
    pthread_t thread;

    (void)state;
    for (unsigned round = 0; round < 60 || broken == 0 || refused == 0; round++) {
        memset(&test, 0, sizeof(test));
        test.seed = round + 1;
        test.requests[0][0].done = nothing_happens;
        world_make();
        world_initialise();
        world.channels[0].scribbled = true;
        storvsc_init(&test.device, &events, &world.channels[0].child, test.slots[0], DEPTH);
        assert_int_equal(pthread_create(&thread, NULL, scribble_thread, NULL), 0);
        send_blindly(2000);
        __atomic_store_n(&test.stop, true, __ATOMIC_RELEASE);
        pthread_join(thread, NULL);
        broken += world.channels[0].broken;
        refused += world.logged;
        world_drop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wake_up_is_lost),
        cmocka_unit_test(a_vp_that_writes_to_the_ring_meanwhile_is_contained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
