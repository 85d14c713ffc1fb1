/* SPDX-License-Identifier: MIT */
/* test_ic_hostile.c - integration services and a child that does what no driver does. */
#include "ic_fixture.h"

static const struct ic_counters *counters(enum ic_kind kind)
{
    return &world.ic.services[kind].counters;
}

/* ---- versions ---- */

static void a_version_that_was_not_offered_is_none(void **state)
{
    static const struct {
        uint16_t frames, messages;
        struct ic_version frame, message;
    } rows[] = {
        {0, 0, {0, 0}, {0, 0}}, {1, 0, {3, 0}, {3, 0}}, {0, 1, {3, 0}, {3, 0}},
        {2, 1, {3, 0}, {3, 0}}, {1, 2, {3, 0}, {3, 0}}, {65535, 65535, {3, 0}, {3, 0}},
        {1, 1, {3, 1}, {3, 0}}, {1, 1, {2, 0}, {3, 0}}, {1, 1, {3, 0}, {3, 1}},
        {1, 1, {3, 0}, {5, 0}}, {1, 1, {0, 0}, {0, 0}}, {1, 1, {3, 0}, {65535, 65535}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct ic_negotiate n = {.framework_count = rows[i].frames,
                                       .message_count = rows[i].messages,
                                       .versions = {rows[i].frame, rows[i].message}};

        world_open(IC_HEARTBEAT);
        assert_true(world_take(IC_HEARTBEAT));
        memcpy(world.payload, &n, IC_NEGOTIATE_BYTES(2));
        world_answer(IC_HEARTBEAT, IC_STATUS_OK);
        assert_int_equal(world.ic.services[IC_HEARTBEAT].state, IC_REFUSED);
        assert_int_equal(world.logged, i + 1);
        world_pass(10 * WORLD_SECOND);
        world_none(IC_HEARTBEAT); /* nothing is asked */
        world_close(IC_HEARTBEAT);
    }
    world_ready(IC_HEARTBEAT); /* it may think better of it */
}

static void an_answer_too_short_for_versions_has_none(void **state)
{
    (void)state;
    world_open(IC_TIME);
    assert_true(world_take(IC_TIME));
    world.header.size = 12;
    world_answer(IC_TIME, IC_STATUS_OK);
    assert_int_equal(world.ic.services[IC_TIME].state, IC_REFUSED);
}

static void versions_are_agreed_on_once(void **state)
{
    struct ic_header first;
    uint8_t payload[IC_NEGOTIATE_BYTES(2)];

    (void)state;
    world_agree(IC_SHUTDOWN, 3, 3, 2);
    first = world.header;
    memcpy(payload, world.payload, sizeof(payload));
    payload[14] = 0; /* 3.0 */
    memcpy(world.payload, payload, sizeof(payload));
    world.header = first;
    world_answer(IC_SHUTDOWN, IC_STATUS_OK);
    assert_int_equal(world.ic.services[IC_SHUTDOWN].message.minor, 2);
    assert_int_equal(counters(IC_SHUTDOWN)->unasked, 1);
}

/* ---- packets ---- */

static struct ic_header fitting(enum ic_kind kind)
{
    const struct ic_service *s = &world.ic.services[kind];

    return (struct ic_header){.pipe_type = IC_PIPE_DATA,
                              .pipe_size = sizeof(struct ic_header) - IC_PIPE_BYTES + 16,
                              .type = s->type,
                              .size = 16,
                              .transaction = s->transaction,
                              .flags = IC_FLAG_TRANSACTION | IC_FLAG_RESPONSE};
}

static void packet_send(enum ic_kind kind, const struct ic_header *h, uint32_t length)
{
    uint8_t packet[256] = {0};

    memcpy(packet, h, sizeof(*h));
    assert_true(world_send(kind, packet, length));
    world_run();
}

static void wrong_lengths_are_no_messages(void **state)
{
    struct ic_header h;

    (void)state;
    world_open(IC_HEARTBEAT);
    for (uint32_t length = 0; length < sizeof(h); length += 4) { /* the ring pads to 8 */
        if ((length + 7) / 8 * 8 >= sizeof(h))
            continue;
        h = fitting(IC_HEARTBEAT);
        packet_send(IC_HEARTBEAT, &h, length);
    }
    assert_int_equal(counters(IC_HEARTBEAT)->malformed, 7);
    h.pipe_size = 19; /* not even the header */
    packet_send(IC_HEARTBEAT, &h, 48);
    h.pipe_size = 41; /* more than there is */
    packet_send(IC_HEARTBEAT, &h, 48);
    h.pipe_size = UINT32_MAX;
    packet_send(IC_HEARTBEAT, &h, 48);
    h = fitting(IC_HEARTBEAT);
    h.size = 17; /* more than the pipe has */
    packet_send(IC_HEARTBEAT, &h, 48);
    h.size = UINT16_MAX;
    packet_send(IC_HEARTBEAT, &h, 48);
    h = fitting(IC_HEARTBEAT);
    h.pipe_type = 2;
    packet_send(IC_HEARTBEAT, &h, 48);
    assert_int_equal(counters(IC_HEARTBEAT)->malformed, 13);
    assert_int_equal(counters(IC_HEARTBEAT)->answered, 0);
    assert_int_equal(world.ic.services[IC_HEARTBEAT].state, IC_OPEN);
    assert_true(world.channels[IC_HEARTBEAT].open);
}

static void other_kinds_of_packets_are_no_messages(void **state)
{
    struct vmbus_packet p = {.type = VMBUS_PACKET_COMPLETION};
    struct ic_header h;
    uint8_t bytes[48] = {0};

    (void)state;
    world_open(IC_TIME);
    h = fitting(IC_TIME);
    memcpy(bytes, &h, sizeof(h));
    p.payload = bytes;
    p.length = sizeof(bytes);
    assert_int_equal(vmbus_channel_send(&world.channels[IC_TIME].child, &p), VMBUS_RING_OK);
    vmbus_channel_flush(&world.channels[IC_TIME].child);
    world_run();
    assert_int_equal(counters(IC_TIME)->malformed, 1);
}

static void answers_to_what_was_not_asked_change_nothing(void **state)
{
    struct ic_header h;

    (void)state;
    world_ready(IC_SHUTDOWN);
    h = fitting(IC_SHUTDOWN);
    packet_send(IC_SHUTDOWN, &h, 48); /* nothing is under way */
    assert_int_equal(ic_ask(&world.ic, IC_POWER_OFF, NULL, NULL), IC_ASK_OK);
    world_run();
    h = fitting(IC_SHUTDOWN);
    h.transaction++;
    packet_send(IC_SHUTDOWN, &h, 48);
    h = fitting(IC_SHUTDOWN);
    h.flags = IC_FLAG_REQUEST; /* as if the child asked */
    packet_send(IC_SHUTDOWN, &h, 48);
    h = fitting(IC_SHUTDOWN);
    h.type = IC_TYPE_SNAPSHOT;
    packet_send(IC_SHUTDOWN, &h, 48);
    h.type = IC_NEGOTIATE;
    packet_send(IC_SHUTDOWN, &h, 48);
    assert_int_equal(counters(IC_SHUTDOWN)->unasked, 5);
    assert_int_equal(world.ic.requests[IC_POWER_OFF].outcome, IC_PENDING);
    h = fitting(IC_SHUTDOWN);
    packet_send(IC_SHUTDOWN, &h, 48);
    assert_int_equal(world.ic.requests[IC_POWER_OFF].outcome, IC_DONE);
    packet_send(IC_SHUTDOWN, &h, 48); /* a second time */
    assert_int_equal(counters(IC_SHUTDOWN)->unasked, 6);
}

static void a_heart_that_counts_wrongly_does_not_beat(void **state)
{
    static const uint64_t wrong[] = {0, 2, UINT64_MAX};

    (void)state;
    world_ready(IC_HEARTBEAT);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_true(world_take(IC_HEARTBEAT));
        memcpy(world.payload, &wrong[i], sizeof(wrong[i]));
        world_answer(IC_HEARTBEAT, IC_STATUS_OK);
        assert_int_equal(world.ic.heartbeat_last, IC_NEVER);
        world_pass(2 * WORLD_SECOND);
    }
    assert_true(world_take(IC_HEARTBEAT));
    world.header.size = 4; /* no number at all */
    world_answer(IC_HEARTBEAT, IC_STATUS_OK);
    assert_int_equal(world.ic.heartbeat_last, IC_NEVER);
    assert_int_equal(counters(IC_HEARTBEAT)->malformed, 4);
}

static void who_floods_gets_sixteen_packets_read_at_a_time(void **state)
{
    uint64_t next;
    struct ic_header h;
    uint8_t packet[48] = {0};

    (void)state;
    world_ready(IC_SNAPSHOT);
    h = fitting(IC_SNAPSHOT);
    memcpy(packet, &h, sizeof(h));
    for (unsigned i = 0; i < 40; i++)
        assert_true(world_send(IC_SNAPSHOT, packet, sizeof(packet)));
    assert_true(ic_work(&world.ic, world.now, &next));
    assert_int_equal(counters(IC_SNAPSHOT)->unasked, 16);
    assert_true(ic_work(&world.ic, world.now, &next));
    assert_false(ic_work(&world.ic, world.now, &next));
    assert_int_equal(counters(IC_SNAPSHOT)->unasked, 40);
}

static void who_reads_nothing_is_asked_no_more_than_its_ring_takes(void **state)
{
    unsigned timed_out = 0;

    (void)state;
    world_ready(IC_SHUTDOWN);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(ic_ask(&world.ic, IC_POWER_OFF, NULL, NULL), IC_ASK_OK);
        world_run();
        if (world.ic.requests[IC_POWER_OFF].outcome == IC_PENDING)
            world_pass(30 * WORLD_SECOND);
        timed_out += world.ic.requests[IC_POWER_OFF].outcome == IC_TIMED_OUT;
    }
    assert_int_equal(timed_out, 50);
    assert_int_equal(counters(IC_SHUTDOWN)->late, 5); /* so many go into 12 KiB */
    assert_true(world.channels[IC_SHUTDOWN].open);
}

static void a_broken_ring_closes_its_channel_alone(void **state)
{
    struct vmbus_ring_header *header = (void *)world.channels[IC_DATA].rings;

    (void)state;
    world_ready(IC_DATA);
    world_ready(IC_SNAPSHOT);
    assert_int_equal(ic_ask(&world.ic, IC_REFRESH, NULL, NULL), IC_ASK_OK);
    header->write_index = 0x7fffffff;
    world_run();
    assert_int_equal(world.channels[IC_DATA].broken, 1);
    assert_int_equal(world.ic.requests[IC_REFRESH].outcome, IC_GONE);
    assert_true(world.channels[IC_SNAPSHOT].open);
    world_ready(IC_DATA);
}

static void a_packet_longer_than_any_answer_breaks_the_ring(void **state)
{
    static const uint8_t packet[4096];

    (void)state;
    world_ready(IC_TIME);
    assert_true(world_send(IC_TIME, packet, sizeof(packet)));
    world_run();
    assert_false(world.channels[IC_TIME].open);
    assert_int_equal(world.channels[IC_TIME].broken, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        FACT(a_version_that_was_not_offered_is_none),
        FACT(an_answer_too_short_for_versions_has_none),
        FACT(versions_are_agreed_on_once),
        FACT(wrong_lengths_are_no_messages),
        FACT(other_kinds_of_packets_are_no_messages),
        FACT(answers_to_what_was_not_asked_change_nothing),
        FACT(a_heart_that_counts_wrongly_does_not_beat),
        FACT(who_floods_gets_sixteen_packets_read_at_a_time),
        FACT(who_reads_nothing_is_asked_no_more_than_its_ring_takes),
        FACT(a_broken_ring_closes_its_channel_alone),
        FACT(a_packet_longer_than_any_answer_breaks_the_ring),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
