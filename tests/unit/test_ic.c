/* SPDX-License-Identifier: MIT */
/* test_ic.c - heartbeat, shutdown, time and snapshots as a child sees them that behaves. */
#include "ic_fixture.h"

/* ---- versions ---- */

static void root_offers_all_its_versions_first(void **state)
{
    struct ic_negotiate n;

    (void)state;
    world_open(IC_SHUTDOWN);
    assert_true(world_take(IC_SHUTDOWN));
    assert_int_equal(world.header.type, IC_NEGOTIATE);
    assert_int_equal(world.length, IC_NEGOTIATE_BYTES(6));
    memcpy(&n, world.payload, world.length);
    assert_int_equal(n.framework_count, 2);
    assert_int_equal(n.message_count, 4);
    assert_int_equal(n.versions[1].major, 3);
    assert_int_equal(n.versions[5].major, 3);
    assert_int_equal(n.versions[5].minor, 2);
    world_none(IC_SHUTDOWN);
    assert_int_equal(world.ic.services[IC_SHUTDOWN].state, IC_OPEN);
}

static void each_version_of_each_service_is_agreed_on(void **state)
{
    static const struct {
        enum ic_kind kind;
        struct ic_version v;
    } rows[] = {
        {IC_HEARTBEAT, {1, 0}}, {IC_HEARTBEAT, {3, 0}}, {IC_SHUTDOWN, {1, 0}},
        {IC_SHUTDOWN, {3, 0}},  {IC_SHUTDOWN, {3, 1}},  {IC_SHUTDOWN, {3, 2}},
        {IC_TIME, {1, 0}},      {IC_TIME, {3, 0}},      {IC_TIME, {4, 0}},
        {IC_DATA, {1, 0}},      {IC_DATA, {3, 0}},      {IC_DATA, {4, 0}},
        {IC_SNAPSHOT, {5, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (uint32_t frame = 1; frame <= 3; frame += 2) {
            world_agree(rows[i].kind, (uint16_t)frame, rows[i].v.major, rows[i].v.minor);
            assert_int_equal(world.ic.services[rows[i].kind].state, IC_READY);
            assert_int_equal(world.ic.services[rows[i].kind].framework.major, frame);
            world_close(rows[i].kind);
        }
    assert_int_equal(world.logged, 0);
}

static void who_does_not_answer_is_waited_for(void **state)
{
    (void)state;
    world_open(IC_DATA);
    assert_true(world_take(IC_DATA));
    world_pass(3600 * WORLD_SECOND); /* until its daemon has come */
    world_none(IC_DATA);
    assert_int_equal(world.ic.services[IC_DATA].state, IC_OPEN);
    assert_int_equal(ic_ask(&world.ic, IC_REFRESH, NULL, NULL), IC_ASK_NO_SERVICE);
}

/* ---- heartbeat ---- */

static void beat(void)
{
    uint64_t sequence;

    assert_true(world_take(IC_HEARTBEAT));
    assert_int_equal(world.header.type, IC_TYPE_HEARTBEAT);
    assert_int_equal(world.header.framework.major, 3);
    assert_int_equal(world.length, sizeof(struct ic_heartbeat));
    memcpy(&sequence, world.payload, sizeof(sequence));
    sequence++;
    memcpy(world.payload, &sequence, sizeof(sequence));
    world_answer(IC_HEARTBEAT, IC_STATUS_OK);
}

static void a_heart_beats_every_two_seconds(void **state)
{
    (void)state;
    world_ready(IC_HEARTBEAT);
    for (unsigned i = 0; i < 5; i++) {
        beat();
        assert_int_equal(world.ic.heartbeat_last, world.now);
        assert_int_equal(world.next, world.now + 2 * WORLD_SECOND);
        world_pass(WORLD_SECOND);
        world_none(IC_HEARTBEAT);
        world_pass(WORLD_SECOND);
    }
}

static void who_does_not_answer_is_not_asked_again_until_it_does(void **state)
{
    uint64_t last;

    (void)state;
    world_ready(IC_HEARTBEAT);
    beat();
    last = world.ic.heartbeat_last;
    for (unsigned i = 0; i < 100; i++)
        world_pass(2 * WORLD_SECOND);
    assert_int_equal(world.ic.heartbeat_last, last);
    assert_int_equal(world.next, IC_NEVER); /* nor does root wake up for it */
    beat();
    assert_int_equal(world.ic.heartbeat_last, world.now);
    beat(); /* that is due */
    world_none(IC_HEARTBEAT);
}

/* ---- shutdown ---- */

static void a_child_is_asked_to_power_off(void **state)
{
    const struct ic_shutdown *m = (const void *)world.payload;

    (void)state;
    assert_int_equal(ic_ask(&world.ic, IC_POWER_OFF, NULL, NULL), IC_ASK_NO_SERVICE);
    world_ready(IC_SHUTDOWN);
    world_none(IC_SHUTDOWN);
    assert_int_equal(ic_ask(&world.ic, IC_POWER_OFF, NULL, NULL), IC_ASK_OK);
    assert_int_equal(ic_ask(&world.ic, IC_POWER_OFF, NULL, NULL), IC_ASK_BUSY);
    world_run();
    assert_true(world_take(IC_SHUTDOWN));
    assert_int_equal(world.header.type, IC_TYPE_SHUTDOWN);
    assert_int_equal(world.length, sizeof(*m));
    assert_int_equal(m->flags, IC_SHUTDOWN_POWER_OFF);
    assert_int_equal(world.ic.requests[IC_POWER_OFF].outcome, IC_PENDING);
    world_answer(IC_SHUTDOWN, IC_STATUS_OK);
    assert_int_equal(world.ic.requests[IC_POWER_OFF].outcome, IC_DONE);
    assert_int_equal(ic_ask(&world.ic, IC_POWER_OFF, NULL, NULL), IC_ASK_OK);
    world_run();
    assert_true(world_take(IC_SHUTDOWN));
    world_answer(IC_SHUTDOWN, IC_STATUS_FAIL);
    assert_int_equal(world.ic.requests[IC_POWER_OFF].outcome, IC_FAILED);
    assert_int_equal(world.ic.requests[IC_POWER_OFF].status, IC_STATUS_FAIL);
}

static void one_that_does_not_answer_times_out_and_can_be_asked_again(void **state)
{
    (void)state;
    world_ready(IC_SHUTDOWN);
    assert_int_equal(ic_ask(&world.ic, IC_POWER_OFF, NULL, NULL), IC_ASK_OK);
    world_run();
    assert_int_equal(world.next, world.now + 30 * WORLD_SECOND);
    world_pass(30 * WORLD_SECOND);
    assert_int_equal(world.ic.requests[IC_POWER_OFF].outcome, IC_TIMED_OUT);
    assert_int_equal(world.ic.services[IC_SHUTDOWN].counters.late, 1);
    assert_true(world_take(IC_SHUTDOWN));
    world_answer(IC_SHUTDOWN, IC_STATUS_OK); /* too late */
    assert_int_equal(world.ic.requests[IC_POWER_OFF].outcome, IC_TIMED_OUT);
    assert_int_equal(world.ic.services[IC_SHUTDOWN].counters.unasked, 1);
    assert_int_equal(ic_ask(&world.ic, IC_POWER_OFF, NULL, NULL), IC_ASK_OK);
    world_run();
    assert_true(world_take(IC_SHUTDOWN));
    world_close(IC_SHUTDOWN);
    assert_int_equal(world.ic.requests[IC_POWER_OFF].outcome, IC_GONE);
}

/* ---- time ---- */

static void time_is(uint8_t flags, uint64_t wall, uint64_t reference)
{
    const struct ic_time_reference *m = (const void *)world.payload;

    assert_true(world_take(IC_TIME));
    assert_int_equal(world.header.type, IC_TYPE_TIME);
    assert_int_equal(world.length, 22);
    assert_int_equal(m->flags, flags);
    assert_int_equal(m->parent_time, wall);
    assert_int_equal(m->reference_time, reference);
    world_answer(IC_TIME, IC_STATUS_OK);
}

static void the_clock_is_set_at_first_and_then_sampled_every_five_seconds(void **state)
{
    (void)state;
    world.wall = 1000;
    world.reference = 10;
    world_ready(IC_TIME);
    time_is(IC_TIME_SYNC, 1000, 10);
    for (unsigned i = 1; i < 4; i++) {
        assert_int_equal(world.next, world.now + 5 * WORLD_SECOND);
        world.wall = 1000 + i;
        world.reference = 10 + i;
        world_pass(5 * WORLD_SECOND);
        time_is(IC_TIME_SAMPLE, 1000 + i, 10 + i);
    }
    world_none(IC_TIME);
}

static void whoever_sets_roots_clock_sets_the_childs(void **state)
{
    (void)state;
    world_ready(IC_TIME);
    time_is(IC_TIME_SYNC, 0, 0);
    world.wall = 77;
    ic_clock_set(&world.ic);
    world_run();
    time_is(IC_TIME_SYNC, 77, 0);
    world_none(IC_TIME);
    world_pass(5 * WORLD_SECOND);
    time_is(IC_TIME_SAMPLE, 77, 0);
}

static void without_a_time_none_is_told(void **state)
{
    (void)state;
    world.no_moment = true;
    world_ready(IC_TIME);
    world_none(IC_TIME);
    world.no_moment = false;
    world_pass(5 * WORLD_SECOND);
    time_is(IC_TIME_SYNC, 0, 0); /* it is the first */
}

static void an_old_child_is_told_anew_what_came_late(void **state)
{
    const struct ic_time *m = (const void *)world.payload;

    (void)state;
    world.wall = 5;
    world_agree(IC_TIME, 1, 3, 0);
    assert_true(world_take(IC_TIME));
    assert_int_equal(world.length, 25);
    assert_int_equal(m->flags, IC_TIME_SYNC);
    world.wall = 9;
    world_pass(3 * WORLD_SECOND); /* it was paused */
    world_answer(IC_TIME, IC_STATUS_OK);
    assert_true(world_take(IC_TIME));
    assert_int_equal(m->flags, IC_TIME_SYNC);
    assert_int_equal(m->parent_time, 9);
    world_answer(IC_TIME, IC_STATUS_OK);
    world_none(IC_TIME);
}

/* ---- snapshots ---- */

static void operation_is(uint8_t operation)
{
    const struct ic_snapshot *m = (const void *)world.payload;

    world_run();
    assert_true(world_take(IC_SNAPSHOT));
    assert_int_equal(world.header.type, IC_TYPE_SNAPSHOT);
    assert_int_equal(world.length, sizeof(*m));
    assert_int_equal(m->operation, operation);
}

static void a_child_is_frozen_and_thawed(void **state)
{
    (void)state;
    world_ready(IC_SHUTDOWN);
    world_ready(IC_SNAPSHOT);
    assert_int_equal(ic_ask(&world.ic, IC_FREEZE, NULL, NULL), IC_ASK_OK);
    assert_int_equal(ic_ask(&world.ic, IC_THAW, NULL, NULL), IC_ASK_BUSY);
    operation_is(IC_SNAPSHOT_FREEZE);
    assert_false(world.ic.frozen);
    world_answer(IC_SNAPSHOT, IC_STATUS_OK);
    assert_true(world.ic.frozen);
    assert_int_equal(world.ic.requests[IC_FREEZE].outcome, IC_DONE);
    assert_int_equal(ic_ask(&world.ic, IC_POWER_OFF, NULL, NULL), IC_ASK_BUSY);
    assert_int_equal(ic_ask(&world.ic, IC_FREEZE, NULL, NULL), IC_ASK_BUSY);
    assert_int_equal(ic_ask(&world.ic, IC_THAW, NULL, NULL), IC_ASK_OK);
    operation_is(IC_SNAPSHOT_THAW);
    world_answer(IC_SNAPSHOT, IC_STATUS_OK);
    assert_false(world.ic.frozen);
    assert_int_equal(world.ic.requests[IC_THAW].outcome, IC_DONE);
    assert_int_equal(ic_ask(&world.ic, IC_POWER_OFF, NULL, NULL), IC_ASK_OK);
}

static void a_freeze_that_fails_is_undone(void **state)
{
    (void)state;
    world_ready(IC_SNAPSHOT);
    assert_int_equal(ic_ask(&world.ic, IC_FREEZE, NULL, NULL), IC_ASK_OK);
    operation_is(IC_SNAPSHOT_FREEZE);
    world_answer(IC_SNAPSHOT, IC_STATUS_FAIL);
    assert_int_equal(world.ic.requests[IC_FREEZE].outcome, IC_FAILED);
    operation_is(IC_SNAPSHOT_THAW);
    world_answer(IC_SNAPSHOT, IC_STATUS_OK);
    world_none(IC_SNAPSHOT);
    assert_int_equal(ic_ask(&world.ic, IC_FREEZE, NULL, NULL), IC_ASK_OK);
    operation_is(IC_SNAPSHOT_FREEZE);
    world_pass(60 * WORLD_SECOND);
    assert_int_equal(world.ic.requests[IC_FREEZE].outcome, IC_TIMED_OUT);
    world_answer(IC_SNAPSHOT, IC_STATUS_OK); /* too late */
    assert_false(world.ic.frozen);
    operation_is(IC_SNAPSHOT_THAW);
}

static void who_opens_its_channel_anew_is_not_frozen(void **state)
{
    (void)state;
    world_ready(IC_SNAPSHOT);
    assert_int_equal(ic_ask(&world.ic, IC_FREEZE, NULL, NULL), IC_ASK_OK);
    operation_is(IC_SNAPSHOT_FREEZE);
    world_answer(IC_SNAPSHOT, IC_STATUS_OK);
    world_close(IC_SNAPSHOT);
    assert_false(world.ic.frozen);
    world_ready(IC_SNAPSHOT);
    world_none(IC_SNAPSHOT);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        FACT(root_offers_all_its_versions_first),
        FACT(each_version_of_each_service_is_agreed_on),
        FACT(who_does_not_answer_is_waited_for),
        FACT(a_heart_beats_every_two_seconds),
        FACT(who_does_not_answer_is_not_asked_again_until_it_does),
        FACT(a_child_is_asked_to_power_off),
        FACT(one_that_does_not_answer_times_out_and_can_be_asked_again),
        FACT(the_clock_is_set_at_first_and_then_sampled_every_five_seconds),
        FACT(whoever_sets_roots_clock_sets_the_childs),
        FACT(without_a_time_none_is_told),
        FACT(an_old_child_is_told_anew_what_came_late),
        FACT(a_child_is_frozen_and_thawed),
        FACT(a_freeze_that_fails_is_undone),
        FACT(who_opens_its_channel_anew_is_not_frozen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
