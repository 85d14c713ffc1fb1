/* SPDX-License-Identifier: MIT */
/* test_storvsc_scribble.c - a child one of whose VPs writes to all that it may write to, while the
 * other sends requests and storvsp's workers and a disk are at them. */
#include "fakes/test.h"
#include "storvsc/storvsc.h"
#include "storvsp_fixture.h"

#define DEPTH 12u /* more than the provider's, fewer than the rings hold */

static struct {
    struct storvsc device;
    struct storvsc_slot slots[DEPTH];
    struct storvsc_request request;
    bool stop; /* [a] */
    uint32_t seed;
} test;

static void ready(struct storvsc *s, bool ok)
{
    (void)s;
    (void)ok;
}

static void ignored(struct storvsc *s)
{
    (void)s;
}

static const struct storvsc_events events = {.ready = ready, .changed = ignored, .reset = ready};

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
        struct storvsc_request *r = &test.request;
        uint64_t page = P(i % 512);

        storvsc_prepare_read(r, fake_random(&test.seed) % WORLD_SECTORS, 8);
        storvsc_data(r, &page, 0, CHILD_PAGE);
        if (!test.device.primary.slots || !storvsc_submit(&test.device.primary, r))
            storvsc_init(&test.device, &events, &w->child, test.slots, DEPTH);
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
        test.request.done = nothing_happens;
        world_make();
        world_initialise();
        world.channels[0].scribbled = true;
        storvsc_init(&test.device, &events, &world.channels[0].child, test.slots, DEPTH);
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
        cmocka_unit_test(a_vp_that_writes_to_the_ring_meanwhile_is_contained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
