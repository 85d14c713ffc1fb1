/* SPDX-License-Identifier: MIT */
/* test_vmbus_gpadl.c - memory that a child shares, or pretends to share: what does not add up is
 * refused, what is half-built or too much has limits, pages that are no RAM are never mapped. */
#include "fakes/test.h"
#include "vmbus_child.h"

#define OK     VMBUS_STATUS_SUCCESS
#define FAILED VMBUS_STATUS_UNSUCCESSFUL

/* ---- shared memory --------------------------------------------------------------------------- */

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
        struct child_header m = child_header_make(c, c->relid[0], pages, 4);

        m.h.range_count = cases[i].range_count;
        m.h.range_length = cases[i].range_length;
        m.h.byte_count = cases[i].byte_count;
        m.h.byte_offset = cases[i].byte_offset;
        child_header_send(c, &m, cases[i].pages);
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
        struct child_header m = child_header_make(c, c->relid[0], pages, 4);
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
    struct child_header m;

    child_connect(c);
    m = child_header_make(c, c->relid[0], &page, 1);
    child_header_send(c, &m, 1);
    assert_int_equal(child_created(c, m.h.gpadl), OK);
    before = child_statistics(c);
    body_send(c, 0, 0, 8);
    body_send(c, m.h.gpadl + 1, 0, 8);
    body_send(c, m.h.gpadl, 0, 8); /* it is complete */
    body_send(c, m.h.gpadl, 0, 0);
    child_untouched(c, &before);
    assert_int_equal(child_statistics(c).refused, 4);
}

static void bodies_are_counted_not_numbered(void **state)
{
    static const uint64_t none[20];
    struct child *c = *state;
    struct child_header m;

    child_connect(c);
    m = child_header_make(c, c->relid[0], none, 4);
    child_header_send(c, &m, 0);
    body_send(c, m.h.gpadl, 77, 16);
    body_send(c, m.h.gpadl, UINT32_MAX, 0);
    child_took_all(c);
    body_send(c, m.h.gpadl, 0, 16);
    assert_int_equal(child_created(c, m.h.gpadl), OK);
    m = child_header_make(c, c->relid[0], none, 4);
    child_header_send(c, &m, 2);
    body_send(c, m.h.gpadl, 1, 24);
    assert_int_equal(child_created(c, m.h.gpadl), FAILED);
    m = child_header_make(c, c->relid[0], none, 4);
    child_header_send(c, &m, 2);
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
        struct child_header m = child_header_make(c, c->relid[0], none, 20);

        child_header_send(c, &m, 0);
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
            struct child_header m;

            pages[at] = bad[i];
            m = child_header_make(c, c->relid[0], pages, 4);
            child_header_send(c, &m, 4);
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
    struct child_header m;

    child_connect(c);
    child_open(c, c->relid[0]);
    m = child_header_make(c, c->relid[0], pages, 2);
    child_header_send(c, &m, 2);
    assert_int_equal(child_created(c, m.h.gpadl), OK);
    m.h.relid = c->relid[1];
    child_header_send(c, &m, 2);
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

#define T(name) cmocka_unit_test_setup_teardown(name, child_start, child_stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
