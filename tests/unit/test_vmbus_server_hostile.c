/* SPDX-License-Identifier: MIT */
/* test_vmbus_server_hostile.c - a child that does not keep to the protocol: everything is refused
 * in the way that the protocol has for it, costs bounded memory, and is given back at the end. */
#include "fakes/test.h"
#include "vmbus_child.h"

#define OK     VMBUS_STATUS_SUCCESS
#define FAILED VMBUS_STATUS_UNSUCCESSFUL

/* What a message may not change when it is refused. */
static void assert_untouched(struct child *c, const struct vmbus_server_statistics *before)
{
    struct vmbus_server_statistics now = child_statistics(c);

    child_took_all(c);
    assert_int_equal(now.version, before->version);
    assert_int_equal(now.channels, before->channels);
    assert_int_equal(now.open, before->open);
    assert_int_equal(now.gpadls, before->gpadls);
    assert_int_equal(now.half_built, before->half_built);
    assert_int_equal(now.pages, before->pages);
}

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
        assert_untouched(c, &before);
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
            assert_untouched(c, &before);
        }
    }
    world_send(&c->world, message, sizeof(message)); /* longer than a message can be */
    assert_untouched(c, &before);
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

static void log_has_few_lines_however_much_is_wrong(void **state)
{
    struct child *c = *state;

    child_connect(c);
    for (uint32_t i = 0; i < 10000; i++)
        child_relid(c, VMBUS_CLOSE_CHANNEL, i);
    assert_int_equal(c->world.log_lines, VMBUS_SERVER_LOG_LINES);
    assert_int_equal(child_statistics(c).refused, 10000);
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

/* ---- shared memory --------------------------------------------------------------------------- */

struct header_message {
    struct vmbus_gpadl_header h;
    uint8_t pages[VMBUS_MESSAGE_SIZE_MAX - sizeof(struct vmbus_gpadl_header)];
};

static struct header_message header_make(struct child *c, uint32_t relid, const uint64_t *pages,
                                         uint32_t count)
{
    struct header_message m = {.h = {.header.type = VMBUS_GPADL_HEADER,
                                     .relid = relid,
                                     .gpadl = c->next_gpadl++,
                                     .range_length = (uint16_t)(8 + 8 * count),
                                     .range_count = 1,
                                     .byte_count = count * WORLD_PAGE_SIZE}};

    if (count <= VMBUS_GPADL_HEADER_PAGES)
        memcpy(m.pages, pages, count * sizeof(uint64_t));
    return m;
}

static void header_send(struct child *c, const struct header_message *m, uint32_t pages)
{
    world_send(&c->world, m, (uint32_t)sizeof(m->h) + pages * 8);
}

static void headers_that_do_not_add_up_are_refused(void **state)
{
    static const uint64_t pages[4] = {1, 2, 3, 4};
    static const struct {
        uint16_t range_count, range_length;
        uint32_t byte_count, byte_offset, pages;
    } cases[] = {
        {0, 8 + 32, 4 * 4096, 0, 4},
        {2, 8 + 32, 4 * 4096, 0, 4},
        {0xffff, 8 + 32, 4 * 4096, 0, 4},
        {1, 8 + 31, 4 * 4096, 0, 4},
        {1, 8 + 33, 4 * 4096, 0, 4},
        {1, 0, 4 * 4096, 0, 4},
        {1, 8, 0, 0, 0},
        {1, 8, 4 * 4096, 0, 4},
        {1, 8 + 24, 4 * 4096, 0, 3},
        {1, 8 + 40, 4 * 4096, 0, 4},
        {1, 0xfff8, 4 * 4096, 0, 4},
        {1, 8 + 32, 0, 0, 4},
        {1, 8 + 32, UINT32_MAX, 0, 4},
        {1, 8 + 32, UINT32_MAX, 4095, 4},
        {1, 8 + 32, 4 * 4096, 1, 4},
        {1, 8 + 32, 3 * 4096, 4096, 4},
        {1, 8 + 32, 4 * 4096, 4096, 4},
        {1, 8 + 32, 4096, UINT32_MAX, 4},
        {1, 8 + 32, UINT32_MAX - 4095, 4096, 4},
        {1, 0xfff8, 8190u * 4096, 0, 4}, /* more than may be shared */
    };
    struct child *c = *state;

    child_connect(c);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct header_message m = header_make(c, c->relid[0], pages, 4);

        m.h.range_count = cases[i].range_count;
        m.h.range_length = cases[i].range_length;
        m.h.byte_count = cases[i].byte_count;
        m.h.byte_offset = cases[i].byte_offset;
        header_send(c, &m, cases[i].pages);
        assert_int_equal(child_created(c, m.h.gpadl), FAILED);
        assert_int_equal(child_statistics(c).gpadls, 0);
    }
}

static void more_pages_than_declared_or_parts_of_them_end_it(void **state)
{
    static const uint64_t pages[5] = {1, 2, 3, 4, 5};
    struct child *c = *state;

    child_connect(c);
    for (uint32_t length = 0; length < 48; length++) {
        struct header_message m = header_make(c, c->relid[0], pages, 4);
        bool whole = length % 8 == 0 && length <= 32;

        world_send(&c->world, &m, (uint32_t)sizeof(m.h) + length);
        if (!whole) {
            assert_int_equal(child_created(c, m.h.gpadl), FAILED);
            continue;
        }
        if (length == 32)
            assert_int_equal(child_created(c, m.h.gpadl), OK);
        child_took_all(c);
        child_tear_down(c, c->relid[0], m.h.gpadl);
        child_torndown(c, m.h.gpadl); /* half-built ones too */
    }
    assert_int_equal(child_statistics(c).gpadls, 0);
}

static void body_send(struct child *c, uint32_t gpadl, uint32_t number, uint32_t bytes)
{
    struct {
        struct vmbus_gpadl_body body;
        uint8_t pages[224];
    } m = {.body = {.header.type = VMBUS_GPADL_BODY, .message_number = number, .gpadl = gpadl}};

    world_send(&c->world, &m, (uint32_t)sizeof(m.body) + bytes);
}

static void bodies_without_a_header_are_not_heard(void **state)
{
    static const uint64_t page = 1;
    struct child *c = *state;
    struct vmbus_server_statistics before;
    struct header_message m;

    child_connect(c);
    m = header_make(c, c->relid[0], &page, 1);
    header_send(c, &m, 1);
    assert_int_equal(child_created(c, m.h.gpadl), OK);
    before = child_statistics(c);
    body_send(c, 0, 0, 8);
    body_send(c, m.h.gpadl + 1, 0, 8);
    body_send(c, m.h.gpadl, 0, 8); /* it is complete */
    body_send(c, m.h.gpadl, 0, 0);
    assert_untouched(c, &before);
    assert_int_equal(child_statistics(c).refused, 4);
}

static void bodies_are_counted_not_numbered(void **state)
{
    static const uint64_t none[20];
    struct child *c = *state;
    struct header_message m;

    child_connect(c);
    m = header_make(c, c->relid[0], none, 4);
    header_send(c, &m, 0);
    body_send(c, m.h.gpadl, 77, 16);
    body_send(c, m.h.gpadl, UINT32_MAX, 0);
    child_took_all(c);
    body_send(c, m.h.gpadl, 0, 16);
    assert_int_equal(child_created(c, m.h.gpadl), OK);
    m = header_make(c, c->relid[0], none, 4);
    header_send(c, &m, 2);
    body_send(c, m.h.gpadl, 1, 24);
    assert_int_equal(child_created(c, m.h.gpadl), FAILED);
    m = header_make(c, c->relid[0], none, 4);
    header_send(c, &m, 2);
    body_send(c, m.h.gpadl, 1, 12);
    assert_int_equal(child_created(c, m.h.gpadl), FAILED);
    assert_int_equal(child_statistics(c).gpadls, 1);
}

static void half_built_memory_has_a_limit(void **state)
{
    static const uint64_t none[20];
    struct child *c = *state;
    uint32_t refused = 0;
    uint64_t allocated;
    struct vmbus_gpadl_created created;

    child_connect(c);
    for (uint32_t i = 0; i < 100000; i++) {
        struct header_message m = header_make(c, c->relid[0], none, 20);

        header_send(c, &m, 0);
        if (i == c->world.limits.half_built)
            allocated = c->world.allocated;
        if (world_take(&c->world, VMBUS_GPADL_CREATED, &created, sizeof(created)))
            refused += created.status == FAILED;
    }
    assert_int_equal(refused, 100000 - c->world.limits.half_built);
    assert_int_equal(child_statistics(c).half_built, c->world.limits.half_built);
    assert_int_equal(c->world.allocated, allocated);
    assert_int_equal(c->world.pinned, 0);
}

static void shared_pages_and_pieces_have_a_limit(void **state)
{
    struct child *c = *state;
    uint32_t gpadl, count = 0;

    child_connect(c);
    for (;;) {
        gpadl = child_share(c, c->relid[0], 0, 100);
        if (child_created(c, gpadl) != OK)
            break;
        count++;
    }
    assert_int_equal(count, c->world.limits.pages / 100);
    assert_int_equal(c->world.pinned, count * 100);
    assert_true(child_contact(c, VMBUS_VERSION_5_3));
    child_request_offers(c);
    for (count = 0;; count++) {
        gpadl = child_share(c, c->relid[0], 0, 1);
        if (child_created(c, gpadl) != OK)
            break;
    }
    assert_int_equal(count, c->world.limits.gpadls);
    child_tear_down(c, c->relid[0], gpadl - 1);
    child_torndown(c, gpadl - 1);
    assert_int_equal(child_created(c, child_share(c, c->relid[0], 0, 1)), OK);
}

static void pages_that_are_no_ram_are_never_mapped(void **state)
{
    static const uint64_t bad[] = {WORLD_PAGES, WORLD_HOLE,       1ull << 52,
                                   UINT64_MAX,  UINT64_MAX >> 12, 1ull << 63};
    struct child *c = *state;

    child_connect(c);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (uint32_t at = 0; at < 4; at++) {
            uint64_t pages[4] = {1, 2, 3, 4};
            struct header_message m;

            pages[at] = bad[i];
            m = header_make(c, c->relid[0], pages, 4);
            header_send(c, &m, 4);
            assert_int_equal(child_created(c, m.h.gpadl), FAILED);
            assert_int_equal(c->world.pinned, 0);
        }
    }
    assert_int_equal(c->world.mappings, 0);
    assert_int_equal(child_statistics(c).gpadls, 0);
}

static void number_in_use_is_refused_and_its_memory_unharmed(void **state)
{
    static const uint64_t pages[2] = {7, 8};
    struct child *c = *state;
    struct vmbus_gpadl_view view;
    struct header_message m;

    child_connect(c);
    child_open(c, c->relid[0]);
    m = header_make(c, c->relid[0], pages, 2);
    header_send(c, &m, 2);
    assert_int_equal(child_created(c, m.h.gpadl), OK);
    m.h.relid = c->relid[1];
    header_send(c, &m, 2);
    assert_int_equal(child_created(c, m.h.gpadl), FAILED);
    assert_true(vmbus_server_gpadl_get(c->device[0].channel[0], m.h.gpadl, &view));
    assert_int_equal(view.pages[1], 8);
    vmbus_server_gpadl_put(c->device[0].channel[0], m.h.gpadl);
}

static void memory_is_shared_for_channels_that_are_there(void **state)
{
    struct child *c = *state;
    struct vmbus_relid_message rescind;

    child_connect(c);
    assert_int_equal(child_created(c, child_share(c, 0, 0, 1)), FAILED);
    assert_int_equal(child_created(c, child_share(c, WORLD_RELIDS, 0, 1)), FAILED);
    assert_int_equal(child_created(c, child_share(c, WORLD_RELIDS + 1, 0, 1)), FAILED);
    assert_int_equal(child_created(c, child_share(c, UINT32_MAX, 0, 1)), FAILED);
    vmbus_server_revoke(&c->device[0].offer);
    child_take(c, VMBUS_RESCIND_OFFER, &rescind);
    assert_int_equal(child_created(c, child_share(c, c->relid[0], 0, 1)), FAILED);
    assert_int_equal(child_statistics(c).gpadls, 0);
}

static void teardown_while_open_waits_for_the_close(void **state)
{
    struct child *c = *state;
    uint32_t gpadl;

    child_connect(c);
    gpadl = child_open(c, c->relid[0]);
    child_tear_down(c, c->relid[0], gpadl);
    child_tear_down(c, c->relid[0], gpadl);
    child_tear_down(c, c->relid[1], gpadl);
    child_tear_down(c, c->relid[0], gpadl + 1);
    assert_int_equal(child_statistics(c).refused, 3);
    child_took_all(c);
    assert_int_equal(c->world.pinned, CHILD_PAGES);
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[0]);
    child_torndown(c, gpadl);
    child_took_all(c);
    assert_int_equal(c->world.pinned, 0);
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
    struct header_message h;

    child_connect(c);
    h = header_make(c, c->relid[0], pages, 4);
    header_send(c, &h, 3);
    m.relid = c->relid[0];
    m.ring_gpadl = h.h.gpadl;
    assert_int_equal(child_open_with(c, &m), FAILED);
}

static void memory_that_is_no_whole_pages_is_no_ring(void **state)
{
    static const uint64_t pages[5] = {1, 2, 3, 4, 5};
    struct child *c = *state;
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .downstream_page = 2};
    struct header_message h;

    child_connect(c);
    memset(c->world.ram, 0, WORLD_PAGES * WORLD_PAGE_SIZE);
    m.relid = c->relid[0];
    h = header_make(c, c->relid[0], pages, 5);
    h.h.byte_count -= 8;
    header_send(c, &h, 5);
    assert_int_equal(child_created(c, h.h.gpadl), OK);
    m.ring_gpadl = h.h.gpadl;
    assert_int_equal(child_open_with(c, &m), FAILED);
    h = header_make(c, c->relid[0], pages, 5);
    h.h.byte_offset = 8;
    h.h.byte_count = 4 * WORLD_PAGE_SIZE;
    header_send(c, &h, 5);
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
    struct header_message h;

    child_connect(c);
    memset(c->world.ram, 0, WORLD_PAGES * WORLD_PAGE_SIZE);
    m.relid = c->relid[0];
    h = header_make(c, c->relid[0], pages, 4);
    header_send(c, &h, 4);
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
        assert_untouched(c, &before);
    }
    child_relid(c, VMBUS_RELID_RELEASED, c->relid[0]); /* open */
    assert_untouched(c, &before);
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
        assert_untouched(c, &before);
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
        T(log_has_few_lines_however_much_is_wrong),
        T(contact_again_and_again_ends_where_it_began),
        T(answers_that_the_child_does_not_take_are_dropped_at_a_limit),
        T(child_that_takes_nothing_while_channels_come_and_go),
        T(headers_that_do_not_add_up_are_refused),
        T(more_pages_than_declared_or_parts_of_them_end_it),
        T(bodies_without_a_header_are_not_heard),
        T(bodies_are_counted_not_numbered),
        T(half_built_memory_has_a_limit),
        T(shared_pages_and_pieces_have_a_limit),
        T(pages_that_are_no_ram_are_never_mapped),
        T(number_in_use_is_refused_and_its_memory_unharmed),
        T(memory_is_shared_for_channels_that_are_there),
        T(teardown_while_open_waits_for_the_close),
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
