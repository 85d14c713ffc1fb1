/* SPDX-License-Identifier: MIT */
/* test_vmbus_server_hostile.c - a child that does not keep to the protocol: everything is refused
 * in the way that the protocol has for it, costs bounded memory, and is given back at the end. */
#include "fakes/test.h"
#include "vmbus_child.h"

#define OK     VMBUS_STATUS_SUCCESS
#define FAILED VMBUS_STATUS_UNSUCCESSFUL

/* ---- messages -------------------------------------------------------------------------------- */

static void nothing_is_heard_before_contact(void **state)
{
    struct child *c = *state;
    struct vmbus_server_statistics before = child_statistics(c);
    uint8_t message[VMBUS_MESSAGE_SIZE_MAX] = {0};

    for (uint32_t type = 0; type < 256; type++) {
        if (type == VMBUS_INITIATE_CONTACT)
            continue;
        message[0] = (uint8_t)type;
        world_send(&c->world, message, sizeof(message));
        child_untouched(c, &before);
    }
    assert_int_equal(child_statistics(c).refused, 255);
}

static uint32_t message_size(uint32_t type)
{
    switch (type) {
    case VMBUS_REQUEST_OFFERS:
    case VMBUS_UNLOAD:
        return 8;
    case VMBUS_OPEN_CHANNEL:
        return 148;
    case VMBUS_CLOSE_CHANNEL:
    case VMBUS_RELID_RELEASED:
        return 12;
    case VMBUS_GPADL_HEADER:
        return 28;
    case VMBUS_GPADL_BODY:
    case VMBUS_GPADL_TEARDOWN:
    case VMBUS_MODIFY_CHANNEL:
        return 16;
    case VMBUS_INITIATE_CONTACT:
        return 40;
    default:
        return VMBUS_MESSAGE_SIZE_MAX + 1; /* never comes from a child, or is not understood */
    }
}

static void messages_cut_off_at_any_length_change_nothing(void **state)
{
    struct child *c = *state;
    uint8_t message[VMBUS_MESSAGE_SIZE_MAX + 1];
    struct vmbus_server_statistics before;

    child_connect(c);
    child_open(c, c->relid[0]);
    before = child_statistics(c);
    memset(message, 0, sizeof(message));
    for (uint32_t type = 0; type < 64; type++) {
        for (uint32_t length = 0; length < message_size(type); length++) {
            message[0] = (uint8_t)type;
            message[8] = (uint8_t)c->relid[0];
            world_send(&c->world, message, length);
            child_untouched(c, &before);
        }
    }
    world_send(&c->world, message, sizeof(message)); /* longer than a message can be */
    child_untouched(c, &before);
}

static void whole_messages_of_nothing_but_ones_are_survived(void **state)
{
    struct child *c = *state;
    uint8_t message[VMBUS_MESSAGE_SIZE_MAX];

    child_connect(c);
    child_open(c, c->relid[0]);
    memset(message, 0xff, sizeof(message));
    memset(message + 1, 0, 3);
    for (uint32_t type = 0; type < 256; type++) {
        for (uint32_t length = 8; length <= sizeof(message); length++) {
            message[0] = (uint8_t)type;
            world_send(&c->world, message, length);
            c->world.post_count = 0;
        }
        if (type == VMBUS_INITIATE_CONTACT || type == VMBUS_UNLOAD) {
            child_connect(c);
            child_open(c, c->relid[0]);
        }
    }
    assert_int_equal(child_statistics(c).open, 1);
}

/* The transport limits the lines: the reason of the last is as good as that of the first. */
static void each_mistake_is_told_and_counted(void **state)
{
    struct child *c = *state;

    child_connect(c);
    for (uint32_t i = 0; i < 10000; i++)
        child_relid(c, VMBUS_CLOSE_CHANNEL, i);
    assert_int_equal(c->world.log_lines, 10000);
    assert_int_equal(child_statistics(c).refused, 10000);
}

/* Any program in a Linux may ask for them. */
static void sockets_are_refused_in_silence(void **state)
{
    const struct vmbus_message m = {.type = VMBUS_TL_CONNECT_REQUEST};
    struct child *c = *state;

    child_connect(c);
    world_send(&c->world, &m, sizeof(m));
    child_took_all(c);
    assert_int_equal(child_statistics(c).refused, 1);
    assert_int_equal(c->world.log_lines, 0);
}

static void contact_again_and_again_ends_where_it_began(void **state)
{
    static const uint32_t version[] = {VMBUS_VERSION_5_3, VMBUS_VERSION_2_4, 0x00990000, 0,
                                       VMBUS_VERSION_4_1};
    struct child *c = *state;

    for (uint32_t i = 0; i < 1000; i++) {
        if (child_contact(c, version[i % 5]) && i % 3 == 0) {
            child_request_offers(c);
            child_open(c, c->relid[i % CHILD_DEVICES]);
        }
    }
    child_connect(c);
    assert_int_equal(child_statistics(c).gpadls, 0);
    assert_int_equal(c->world.pinned, 0);
}

static void answers_that_the_child_does_not_take_are_dropped_at_a_limit(void **state)
{
    struct child *c = *state;
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL};
    uint64_t allocated;

    child_connect(c);
    c->world.room = 0;
    allocated = c->world.allocated;
    for (uint32_t i = 0; i < 10000; i++)
        world_send(&c->world, &m, sizeof(m));
    assert_int_equal(child_statistics(c).waiting, c->world.limits.replies);
    assert_int_equal(child_statistics(c).lost_posts, 10000 - c->world.limits.replies);
    assert_int_equal(c->world.allocated, allocated);
    c->world.room = UINT32_MAX;
    assert_true(vmbus_server_post_again(c->world.server));
    c->world.post_count = 0;
}

/* The queue has a place for each offer and rescind, whatever the child does meanwhile. */
static void child_that_takes_nothing_while_channels_come_and_go(void **state)
{
    struct child *c = *state;
    struct world_device device;
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL};

    child_connect(c);
    c->world.room = 0;
    world_send(&c->world, &m, sizeof(m)); /* its answer is in front of all that follows */
    while (child_statistics(c).channels < WORLD_RELIDS) {
        device_offer(&c->world, &device, 1000, 0);
        vmbus_server_revoke(&device.offer);
        assert_int_equal(device.revoked, 1);
        for (uint32_t relid = CHILD_DEVICES; relid <= WORLD_RELIDS; relid++)
            child_relid(c, VMBUS_RELID_RELEASED, relid);
    }
    assert_false(vmbus_server_offer(c->world.server, &device.offer));
    assert_int_equal(child_statistics(c).waiting, 1 + 2 * (WORLD_RELIDS - CHILD_DEVICES));
    c->world.room = UINT32_MAX;
    assert_true(vmbus_server_post_again(c->world.server));
    assert_int_equal(c->world.post_count, 1); /* that answer: of the rest it never knew */
    assert_int_equal(child_statistics(c).channels, CHILD_DEVICES);
}

/* ---- channels -------------------------------------------------------------------------------- */

static void opening_needs_a_channel_two_rings_and_a_vp(void **state)
{
    struct child *c = *state;
    struct vmbus_open_channel good = {.header.type = VMBUS_OPEN_CHANNEL, .downstream_page = 2};
    struct vmbus_open_channel m;
    uint32_t one, other;
    static const uint32_t downstream[] = {0, 1, 3, 4, 5, UINT32_MAX, 1u << 20};
    static const uint32_t relid[] = {0, WORLD_RELIDS, WORLD_RELIDS + 1, UINT32_MAX};

    child_connect(c);
    memset(c->world.ram, 0, WORLD_PAGES * WORLD_PAGE_SIZE);
    good.relid = c->relid[0];
    good.ring_gpadl = child_share(c, good.relid, CHILD_RING, CHILD_PAGES);
    assert_int_equal(child_created(c, good.ring_gpadl), OK);
    one = child_share(c, good.relid, 0, 1);
    assert_int_equal(child_created(c, one), OK);
    other = child_share(c, c->relid[1], CHILD_RING, CHILD_PAGES);
    assert_int_equal(child_created(c, other), OK);
    for (size_t i = 0; i < sizeof(downstream) / sizeof(downstream[0]); i++) {
        m = good;
        m.downstream_page = downstream[i];
        assert_int_equal(child_open_with(c, &m), FAILED);
    }
    for (size_t i = 0; i < sizeof(relid) / sizeof(relid[0]); i++) {
        m = good;
        m.relid = relid[i];
        assert_int_equal(child_open_with(c, &m), FAILED);
    }
    for (uint32_t gpadl = 0; gpadl < 2; gpadl++) {
        m = good;
        m.ring_gpadl = gpadl == 0 ? one : other;
        assert_int_equal(child_open_with(c, &m), FAILED);
        m.ring_gpadl = gpadl == 0 ? 0 : UINT32_MAX;
        assert_int_equal(child_open_with(c, &m), FAILED);
        m = good;
        m.target_vp = gpadl == 0 ? WORLD_VPS : UINT32_MAX;
        assert_int_equal(child_open_with(c, &m), FAILED);
    }
    assert_int_equal(child_statistics(c).open, 0);
    assert_int_equal(child_open_with(c, &good), OK);
    assert_int_equal(child_open_with(c, &good), FAILED); /* it is open */
    assert_int_equal(c->device[0].opened, 1);
}

static void half_built_memory_is_no_ring(void **state)
{
    static const uint64_t pages[4] = {1, 2, 3, 4};
    struct child *c = *state;
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .downstream_page = 2};
    struct child_header h;

    child_connect(c);
    h = child_header_make(c, c->relid[0], pages, 4);
    child_header_send(c, &h, 3);
    m.relid = c->relid[0];
    m.ring_gpadl = h.h.gpadl;
    assert_int_equal(child_open_with(c, &m), FAILED);
}

static void memory_that_is_no_whole_pages_is_no_ring(void **state)
{
    static const uint64_t pages[5] = {1, 2, 3, 4, 5};
    struct child *c = *state;
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .downstream_page = 2};
    struct child_header h;

    child_connect(c);
    memset(c->world.ram, 0, WORLD_PAGES * WORLD_PAGE_SIZE);
    m.relid = c->relid[0];
    h = child_header_make(c, c->relid[0], pages, 5);
    h.h.byte_count -= 8;
    child_header_send(c, &h, 5);
    assert_int_equal(child_created(c, h.h.gpadl), OK);
    m.ring_gpadl = h.h.gpadl;
    assert_int_equal(child_open_with(c, &m), FAILED);
    h = child_header_make(c, c->relid[0], pages, 5);
    h.h.byte_offset = 8;
    h.h.byte_count = 4 * WORLD_PAGE_SIZE;
    child_header_send(c, &h, 5);
    assert_int_equal(child_created(c, h.h.gpadl), OK);
    m.ring_gpadl = h.h.gpadl;
    assert_int_equal(child_open_with(c, &m), FAILED);
}

static void rings_whose_indices_are_wrong_are_not_opened(void **state)
{
    struct child *c = *state;
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .downstream_page = 2};
    uint32_t *words = (void *)(c->world.ram + CHILD_RING * WORLD_PAGE_SIZE);
    static const uint32_t at[] = {0, 1, 2 * 1024, 2 * 1024 + 1};

    child_connect(c);
    m.relid = c->relid[0];
    m.ring_gpadl = child_share(c, m.relid, CHILD_RING, CHILD_PAGES);
    assert_int_equal(child_created(c, m.ring_gpadl), OK);
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        words[at[i]] = 4096;
        assert_int_equal(child_open_with(c, &m), FAILED);
        words[at[i]] = 0;
    }
    assert_int_equal(c->device[0].opened, 0);
}

/* A ring both of whose halves are the same page: the child fools itself, and the channel breaks. */
static void ring_that_aliases_itself_breaks_only_itself(void **state)
{
    static const uint64_t pages[4] = {7, 7, 7, 7};
    struct child *c = *state;
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .downstream_page = 2};
    struct vmbus_packet in, out = {.type = VMBUS_PACKET_IN_BAND, .payload = "pong", .length = 5};
    uint8_t buffer[64] __attribute__((aligned(8)));
    struct vmbus_channel *channel;
    struct child_header h;

    child_connect(c);
    memset(c->world.ram, 0, WORLD_PAGES * WORLD_PAGE_SIZE);
    m.relid = c->relid[0];
    h = child_header_make(c, c->relid[0], pages, 4);
    child_header_send(c, &h, 4);
    assert_int_equal(child_created(c, h.h.gpadl), OK);
    assert_int_equal(c->world.pins[7], 4);
    m.ring_gpadl = h.h.gpadl;
    assert_int_equal(child_open_with(c, &m), OK);
    channel = c->device[0].channel[0];
    for (uint32_t i = 0; i < 1000 && !vmbus_channel_broken(channel); i++) {
        (void)!vmbus_channel_send(channel, &out);
        vmbus_channel_flush(channel);
        vmbus_channel_read_begin(channel);
        while (vmbus_channel_read_next(channel, &in, buffer, sizeof(buffer)) == VMBUS_RING_OK)
            continue;
        (void)!vmbus_channel_read_end(channel);
    }
    assert_non_null(vmbus_channel_broken(channel));
    vmbus_server_channel_broken(channel);
    assert_int_equal(child_statistics(c).open, 0);
}

static void closing_and_releasing_what_is_not_there_changes_nothing(void **state)
{
    static const uint32_t relid[] = {0, 1, 2, 3, 4, WORLD_RELIDS, WORLD_RELIDS + 1, UINT32_MAX};
    struct child *c = *state;
    struct vmbus_server_statistics before;

    child_connect(c);
    child_open(c, c->relid[0]);
    before = child_statistics(c);
    for (size_t i = 0; i < sizeof(relid) / sizeof(relid[0]); i++) {
        if (relid[i] == c->relid[0])
            continue;
        child_relid(c, VMBUS_CLOSE_CHANNEL, relid[i]);
        child_untouched(c, &before);
    }
    child_relid(c, VMBUS_RELID_RELEASED, c->relid[0]); /* open */
    child_untouched(c, &before);
}

static void released_primary_cannot_be_used_until_contact(void **state)
{
    struct child *c = *state;
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .downstream_page = 2};

    child_connect(c);
    child_relid(c, VMBUS_RELID_RELEASED, c->relid[0]);
    child_relid(c, VMBUS_RELID_RELEASED, c->relid[0]);
    assert_int_equal(child_statistics(c).refused, 1);
    m.relid = c->relid[0];
    assert_int_equal(child_open_with(c, &m), FAILED);
    assert_int_equal(child_created(c, child_share(c, m.relid, 0, 1)), FAILED);
    child_connect(c);
    child_open(c, c->relid[0]);
}

static void messages_for_a_rescinded_relid_fail(void **state)
{
    struct child *c = *state;
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .downstream_page = 2};
    struct vmbus_relid_message rescind;

    child_connect(c);
    m.relid = c->relid[0];
    m.ring_gpadl = child_open(c, c->relid[0]);
    vmbus_server_revoke(&c->device[0].offer);
    child_take(c, VMBUS_RESCIND_OFFER, &rescind);
    assert_int_equal(child_open_with(c, &m), FAILED);
    child_tear_down(c, m.relid, m.ring_gpadl);
    child_relid(c, VMBUS_CLOSE_CHANNEL, m.relid);
    child_took_all(c);
    child_relid(c, VMBUS_RELID_RELEASED, m.relid);
    child_relid(c, VMBUS_RELID_RELEASED, m.relid);
    assert_int_equal(child_open_with(c, &m), FAILED);
    assert_int_equal(child_statistics(c).channels, CHILD_DEVICES - 1);
}

static void everything_but_contact_is_ignored_while_unloading(void **state)
{
    struct child *c = *state;
    struct vmbus_server_statistics before;
    uint8_t message[VMBUS_MESSAGE_SIZE_MAX] = {0};
    struct vmbus_message m;

    child_connect(c);
    child_open(c, c->relid[0]);
    c->device[0].defers = true;
    child_unload(c);
    before = child_statistics(c);
    for (uint32_t type = 0; type < 64; type++) {
        if (type == VMBUS_INITIATE_CONTACT)
            continue;
        message[0] = (uint8_t)type;
        message[8] = (uint8_t)c->relid[0];
        world_send(&c->world, message, sizeof(message));
        child_untouched(c, &before);
    }
    device_finish(&c->device[0]);
    child_take(c, VMBUS_UNLOAD_RESPONSE, &m);
}

static void offers_are_given_once_a_contact(void **state)
{
    struct child *c = *state;
    struct vmbus_message m = {.type = VMBUS_REQUEST_OFFERS};

    child_connect(c);
    for (uint32_t i = 0; i < 100; i++)
        world_send(&c->world, &m, sizeof(m));
    child_took_all(c);
    assert_int_equal(child_statistics(c).refused, 100);
}

static void server_with_senseless_limits_is_not_made(void **state)
{
    struct child *c = *state;
    struct vmbus_server_limits good = c->world.limits;

    c->world.limits.channels = VMBUS_RELID_MAX + 1;
    assert_null(world_server(&c->world));
    c->world.limits.channels = 0;
    assert_null(world_server(&c->world));
    c->world.limits = good;
    c->world.limits.vp_count = 0;
    assert_null(world_server(&c->world));
    c->world.limits = good;
}

#define T(name) cmocka_unit_test_setup_teardown(name, child_start, child_stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(nothing_is_heard_before_contact),
        T(messages_cut_off_at_any_length_change_nothing),
        T(whole_messages_of_nothing_but_ones_are_survived),
        T(each_mistake_is_told_and_counted),
        T(sockets_are_refused_in_silence),
        T(contact_again_and_again_ends_where_it_began),
        T(answers_that_the_child_does_not_take_are_dropped_at_a_limit),
        T(child_that_takes_nothing_while_channels_come_and_go),
        T(opening_needs_a_channel_two_rings_and_a_vp),
        T(half_built_memory_is_no_ring),
        T(memory_that_is_no_whole_pages_is_no_ring),
        T(rings_whose_indices_are_wrong_are_not_opened),
        T(ring_that_aliases_itself_breaks_only_itself),
        T(closing_and_releasing_what_is_not_there_changes_nothing),
        T(released_primary_cannot_be_used_until_contact),
        T(messages_for_a_rescinded_relid_fail),
        T(everything_but_contact_is_ignored_while_unloading),
        T(offers_are_given_once_a_contact),
        T(server_with_senseless_limits_is_not_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
