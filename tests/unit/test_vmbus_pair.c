/* SPDX-License-Identifier: MIT */
/* test_vmbus_pair.c - both ends of the bus against each other. Whatever one side does, and at
 * whichever step, requests are answered once, nothing hangs, and at the end all is given back. */
#include "fakes/test.h"
#include "vmbus_pair.h"

#define PATIENCE 400000u /* steps; a run needs some thousands */
#define SEEDS    2u

/* ---- what may happen in the middle ----------------------------------------------------------- */

static void happen_close(struct pair *p)
{
    pair_close(&p->drivers[pair_random(p, PAIR_CHANNELS)]);
}

static void happen_close_all(struct pair *p)
{
    for (uint32_t i = 0; i < PAIR_CHANNELS; i++)
        pair_close(&p->drivers[i]);
}

/* Also channels that are only being opened. */
static void happen_abort(struct pair *p)
{
    for (uint32_t i = 0; i < PAIR_CHANNELS; i++)
        if (p->drivers[i].channel && !p->drivers[i].open)
            (void)!vmbus_client_close(p->drivers[i].channel);
}

static void happen_revoke(struct pair *p)
{
    struct pair_device *d = &p->device[pair_random(p, PAIR_DEVICES)];

    if (d->offered)
        vmbus_server_revoke(&d->offer);
}

static void happen_revoke_all(struct pair *p)
{
    for (uint32_t i = 0; i < PAIR_DEVICES; i++)
        if (p->device[i].offered)
            vmbus_server_revoke(&p->device[i].offer);
}

static void happen_offer(struct pair *p)
{
    for (uint32_t i = 0; i < PAIR_DEVICES; i++)
        if (!p->device[i].offered)
            pair_offer(p, i);
}

static void happen_modify(struct pair *p)
{
    struct pair_driver *d = &p->drivers[pair_random(p, PAIR_CHANNELS)];

    if (d->open)
        (void)!vmbus_client_modify(d->channel, pair_random(p, WORLD_VPS));
}

/* The child crashes, and what comes up next makes contact. */
static void happen_contact(struct pair *p)
{
    if (p->connected)
        pair_contact(p);
}

static void happen_unload(struct pair *p)
{
    (void)!vmbus_client_unload(&p->client);
}

static void (*const happenings[])(struct pair *p) = {
    happen_close,      happen_close_all, happen_abort,   happen_revoke,
    happen_revoke_all, happen_modify,    happen_contact, happen_unload,
};

#define HAPPENINGS (sizeof(happenings) / sizeof(happenings[0]))

/* ---- ends ------------------------------------------------------------------------------------ */

/* Everybody goes on, in a world with all devices, until each was served. */
static void assert_goes_on(struct pair *p)
{
    for (uint32_t i = 0; i < PAIR_DEVICES; i++)
        p->device[i].served = 0;
    while (!pair_served(p) || !p->device[0].offered || !p->device[1].offered ||
           !p->device[2].offered) {
        assert_true(p->steps < PATIENCE);
        pair_step(p);
        if (p->unloaded)
            pair_contact(p);
        if (p->steps % 64 == 0)
            happen_offer(p);
    }
}

/* The child leaves; the server has nothing of it any more. */
static void assert_ends(struct pair *p)
{
    struct vmbus_server_statistics s;

    while (!vmbus_client_unload(&p->client)) {
        assert_true(p->steps < PATIENCE);
        pair_step(p);
    }
    assert_true(pair_run(p, pair_unloaded, PATIENCE));
    vmbus_server_statistics_get(p->world.server, &s);
    assert_int_equal(s.gpadls, 0);
    assert_int_equal(s.half_built, 0);
    assert_int_equal(s.pages, 0);
    assert_int_equal(s.open, 0);
    assert_int_equal(s.channels, PAIR_DEVICES);
    assert_int_equal(p->world.pinned, 0);
    assert_int_equal(p->world.mappings, 0);
    assert_int_equal(p->world.doorbell_count, 0);
    assert_int_equal(s.lost_posts, 0);
    for (uint32_t i = 0; i < PAIR_CHANNELS; i++)
        assert_null(vmbus_client_channel_of(&p->client, i));
    pair_stop(p);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void undisturbed_pair_serves_every_device(void **state)
{
    struct pair *p = *state;

    for (uint32_t seed = 1; seed <= 100; seed++) {
        pair_start(p, seed);
        pair_contact(p);
        assert_goes_on(p);
        assert_int_not_equal(p->monitored, 0);
        assert_ends(p);
    }
}

/* Run until step @at, let @happening happen, go on. False: it was over before. */
static bool disturbed_once(struct pair *p, uint32_t seed, uint32_t happening, uint32_t at)
{
    bool reached = false;

    pair_start(p, seed);
    pair_contact(p);
    for (uint32_t i = 0; i < at && !(reached = pair_served(p)); i++)
        pair_step(p);
    happenings[happening](p);
    assert_goes_on(p);
    assert_ends(p);
    return !reached;
}

static void pair_survives_anything_at_every_step(void **state)
{
    struct pair *p = *state;

    for (uint32_t happening = 0; happening < HAPPENINGS; happening++) {
        for (uint32_t seed = 1; seed <= SEEDS; seed++) {
            uint32_t at = 0;

            while (disturbed_once(p, seed * 100 + happening, happening, at))
                at++;
            assert_in_range(at, 250, PATIENCE);
        }
    }
}

static void pair_survives_everything_at_any_time(void **state)
{
    struct pair *p = *state;

    for (uint32_t seed = 1; seed <= 150; seed++) {
        pair_start(p, seed);
        pair_contact(p);
        for (uint32_t i = 0; i < 3000; i++) {
            pair_step(p);
            if (pair_random(p, 40) == 0)
                happenings[pair_random(p, HAPPENINGS)](p);
            if (pair_random(p, 40) == 0)
                happen_offer(p);
            if (p->unloaded)
                pair_contact(p);
        }
        assert_goes_on(p);
        assert_ends(p);
    }
}

static void child_is_stopped_at_every_step(void **state)
{
    struct pair *p = *state;

    for (uint32_t at = 0; at < 2500; at++) {
        pair_start(p, at + 1);
        pair_contact(p);
        for (uint32_t i = 0; i < at; i++)
            pair_step(p);
        if (!vmbus_server_stop(p->world.server)) {
            uint32_t posted = p->world.post_count;

            assert_true(pair_run(p, pair_closed, PATIENCE));
            assert_true(p->world.post_count <= posted); /* it says nothing any more */
        }
        assert_true(vmbus_server_stop(p->world.server));
        assert_int_equal(p->world.pinned, 0);
        pair_stop(p);
    }
}

static int pair_allocate(void **state)
{
    *state = calloc(1, sizeof(struct pair));
    return *state == NULL;
}

static int pair_free(void **state)
{
    free(*state);
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, pair_allocate, pair_free)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(undisturbed_pair_serves_every_device),
        T(pair_survives_anything_at_every_step),
        T(pair_survives_everything_at_any_time),
        T(child_is_stopped_at_every_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
