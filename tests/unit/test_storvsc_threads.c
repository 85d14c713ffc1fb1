/* SPDX-License-Identifier: MIT */
/* test_storvsc_threads.c - a child, storvsp and a disk in threads: all of storvsp in one, as root
 * has it, or a thread for the bus and one for each channel, as storvsp.h allows. Each of them acts
 * only when it was woken or signalled: a wake-up that is lost leaves them all waiting.
 *
 * Built a second time under ThreadSanitizer (test_storvsc_tsan). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "storvsc/storvsc.h"
#include "storvsp_fixture.h"

#define CHANNELS WORLD_CHANNELS
#define DEPTH    12u /* more than the provider's, fewer than the rings hold */
#define REQUESTS 20000u
#define RESETS   200u
#define PATIENCE 250u /* seconds: something hangs, not a slow machine */

static struct {
    struct storvsc device;
    struct storvsc_channel sub[CHANNELS]; /* but the first */
    struct storvsc_slot slots[CHANNELS][DEPTH];
    struct storvsc_request requests[CHANNELS][DEPTH];
    uint64_t pages[CHANNELS][DEPTH];
    uint64_t sectors[CHANNELS][DEPTH];
    bool busy[CHANNELS][DEPTH];
    unsigned submitted, done, seen[CHANNELS];
    unsigned resets; /* that are over */
    bool resetting;  /* one is under way, ... */
    uint64_t begun;  /* ... before which the disk had so many operations */
    unsigned amidst; /* resets that were asked for amidst operations */
    bool ready;
    bool stop; /* [a] */
    uint32_t seed;
} test;

/* ---- storvsp's threads ---- */

static bool stopping(void)
{
    return __atomic_load_n(&test.stop, __ATOMIC_ACQUIRE);
}

static void *server_thread(void *unused)
{
    while (!stopping()) {
        world_work();
        sched_yield();
    }
    return unused;
}

static void *bus_thread(void *unused)
{
    while (!stopping())
        if (!world_service_once())
            sched_yield();
    return unused;
}

static void *worker_thread(void *context)
{
    while (!stopping())
        if (!world_channel_work_once((uint32_t)(uintptr_t)context))
            sched_yield();
    return context;
}

static struct {
    pthread_t thread[CHANNELS + 1];
    unsigned count;
} threads;

static void thread_begin(void *(*run)(void *), uint32_t index)
{
    assert_int_equal(
        pthread_create(&threads.thread[threads.count++], NULL, run, (void *)(uintptr_t)index), 0);
}

static void one_thread(void)
{
    thread_begin(server_thread, 0);
}

static void thread_for_each(void)
{
    thread_begin(bus_thread, 0);
    for (uint32_t i = 0; i < CHANNELS; i++)
        thread_begin(worker_thread, i);
}

static void threads_end(void)
{
    __atomic_store_n(&test.stop, true, __ATOMIC_RELEASE);
    while (threads.count != 0)
        pthread_join(threads.thread[--threads.count], NULL);
}

/* ---- the child ---- */

static struct storvsc_channel *channel(uint32_t index)
{
    return index == 0 ? &test.device.primary : &test.sub[index];
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

/* What had begun before the reset was asked for is over. */
static void reset_done(struct storvsc *s, bool ok)
{
    (void)s;
    assert_true(ok && test.resetting);
    assert_true(disk_oldest(&world.disk) > test.begun);
    test.resetting = false;
    test.resets++;
}

static const struct storvsc_events events = {
    .ready = ready, .changed = ignored, .reset = reset_done};

static void reset_now_and_then(void)
{
    uint64_t oldest;

    if (test.resetting || fake_random(&test.seed) % 16 != 0)
        return;
    oldest = disk_oldest(&world.disk);
    test.begun = disk_submitted(&world.disk);
    test.resetting = storvsc_reset(&test.device);
    if (test.resetting && oldest <= test.begun)
        test.amidst++;
    storvsc_flush(&test.device.primary);
}

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

/* Submit what is free, now and then less. */
static void submit(uint32_t index)
{
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
        test.submitted++;
    }
    storvsc_flush(channel(index));
}

/* ---- the tests ---- */

static void begin(void)
{
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
    for (uint32_t i = 1; i < CHANNELS; i++) {
        assert_true(world_open(i));
        assert_true(storvsc_channel_add(&test.device, channel(i), &world.channels[i].child,
                                        test.slots[i], DEPTH));
    }
    alarm(PATIENCE);
}

static void end(void)
{
    alarm(0);
    threads_end();
    for (uint32_t i = 0; i < CHANNELS; i++)
        assert_int_equal(channel(i)->stray, 0);
    world_drop();
}

static void poll_all(void)
{
    for (uint32_t i = 0; i < CHANNELS; i++)
        poll_if_signalled(i);
}

static void no_wake_up_is_lost(void **state)
{
    (void)state;
    begin();
    one_thread();
    while (test.submitted < REQUESTS) {
        for (uint32_t i = 0; i < CHANNELS; i++)
            submit(i);
        poll_all();
    }
    while (test.done < test.submitted)
        poll_all();
    end();
}

/* Until there were resets enough, and of these some with operations under way. */
static void channels_and_resets_in_threads_of_their_own(void **state)
{
    (void)state;
    begin();
    thread_for_each();
    while (test.submitted < REQUESTS || test.resets < RESETS || test.amidst < RESETS / 4) {
        for (uint32_t i = 0; i < CHANNELS; i++)
            submit(i);
        reset_now_and_then();
        poll_all();
    }
    while (test.done < test.submitted || test.resetting)
        poll_all();
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wake_up_is_lost),
        cmocka_unit_test(channels_and_resets_in_threads_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
