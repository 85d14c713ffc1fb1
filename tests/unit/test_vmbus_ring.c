/* SPDX-License-Identifier: MIT */
/* test_vmbus_ring.c - a ring between its reader and its writer: what arrives, when one signals the
 * other, and what a hostile peer gets. */
#include "fakes/test.h"
#include "vmbus_ring_fixture.h"

#include <stdlib.h>
#include <string.h>

/* ---- what arrives ---------------------------------------------------------------------------- */

static void packet_arrives_as_it_was_sent(void **state)
{
    static const uint8_t payload[24] = "twenty-four bytes of it";
    struct ring_pair *p = *state;
    struct vmbus_packet in, out = {.type = VMBUS_PACKET_IN_BAND,
                                   .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                   .transaction = 0x123456789abcdef0,
                                   .payload = payload,
                                   .length = sizeof(payload)};

    assert_int_equal(vmbus_ring_write(&p->writer, &out), VMBUS_RING_OK);
    assert_true(vmbus_ring_write_end(&p->writer));
    assert_int_equal(vmbus_ring_read(&p->reader, &in, p->buffer, BUFFER_SIZE), VMBUS_RING_OK);
    assert_int_equal(in.type, VMBUS_PACKET_IN_BAND);
    assert_int_equal(in.flags, VMBUS_PACKET_FLAG_COMPLETION);
    assert_int_equal(in.transaction, 0x123456789abcdef0);
    assert_int_equal(in.length, sizeof(payload));
    assert_memory_equal(in.payload, payload, sizeof(payload));
    assert_int_equal(vmbus_ring_read(&p->reader, &in, p->buffer, BUFFER_SIZE), VMBUS_RING_EMPTY);
}

static void packet_on_the_wire_is_as_linux_has_it(void **state)
{
    struct ring_pair *p = *state;
    const uint64_t *word = (const uint64_t *)(const void *)p->writer.data;
    struct vmbus_packet out = {
        .type = VMBUS_PACKET_COMPLETION, .transaction = 7, .payload = "abc", .length = 3};

    memset(p->writer.data, 0xff, 64);
    ring_send(p, &out);
    ring_send(p, &out);
    assert_int_equal(word[0], 11 | 2ull << 16 | 3ull << 32);
    assert_int_equal(word[1], 7);
    assert_int_equal(word[2], 'a' | 'b' << 8 | 'c' << 16);
    assert_int_equal(word[3], 0);
    assert_int_equal(word[4], 11 | 2ull << 16 | 3ull << 32);
    assert_int_equal(word[7], 32ull << 32);
    assert_int_equal(p->header->write_index, 64);
    assert_int_equal(vmbus_packet_size(&out), 32);
}

static void ranges_arrive_with_their_pages(void **state)
{
    static const struct {
        struct vmbus_range first;
        uint64_t pages[3];
        struct vmbus_range second;
        uint64_t page;
    } ranges = {{2 * 4096, 4095}, {10, 11, 1ull << 40}, {1, 0}, 13};
    struct ring_pair *p = *state;
    struct vmbus_packet in, out = {.type = VMBUS_PACKET_GPA_DIRECT,
                                   .ranges = &ranges,
                                   .range_count = 2,
                                   .ranges_length = sizeof(ranges),
                                   .payload = "payload",
                                   .length = 8};
    struct vmbus_packet_range range;
    uint32_t cursor = 0;

    ring_send(p, &out);
    assert_int_equal(vmbus_ring_read(&p->reader, &in, p->buffer, BUFFER_SIZE), VMBUS_RING_OK);
    assert_memory_equal(in.payload, "payload", 8);
    assert_int_equal(in.range_count, 2);
    assert_true(vmbus_packet_next_range(&in, &cursor, &range));
    assert_int_equal(range.length, 2 * 4096);
    assert_int_equal(range.offset, 4095);
    assert_int_equal(range.page_count, 3);
    assert_int_equal(range.pages[2], 1ull << 40);
    assert_true(vmbus_packet_next_range(&in, &cursor, &range));
    assert_int_equal(range.page_count, 1);
    assert_int_equal(range.pages[0], 13);
    assert_false(vmbus_packet_next_range(&in, &cursor, &range));
}

/* Linux before 6.1.30 sends 32 page numbers with each range, of which the first ones count. */
static void page_numbers_that_no_range_needs_are_left_out(void **state)
{
    static const struct {
        struct vmbus_range range;
        uint64_t pages[32];
    } ranges = {{512, 0}, {77}};
    struct ring_pair *p = *state;
    struct vmbus_packet in, out = {.type = VMBUS_PACKET_GPA_DIRECT,
                                   .ranges = &ranges,
                                   .range_count = 1,
                                   .ranges_length = sizeof(ranges),
                                   .payload = "payload",
                                   .length = 8};
    struct vmbus_packet_range range;
    uint32_t cursor = 0;

    ring_send(p, &out);
    assert_int_equal(vmbus_ring_read(&p->reader, &in, p->buffer, BUFFER_SIZE), VMBUS_RING_OK);
    assert_memory_equal(in.payload, "payload", 8);
    assert_int_equal(in.ranges_length, sizeof(struct vmbus_range) + sizeof(uint64_t));
    assert_true(vmbus_packet_next_range(&in, &cursor, &range));
    assert_int_equal(range.length, 512);
    assert_int_equal(range.page_count, 1);
    assert_int_equal(range.pages[0], 77);
    assert_false(vmbus_packet_next_range(&in, &cursor, &range));
}

static void transfer_pages_have_ranges_without_pages(void **state)
{
    static const struct vmbus_range ranges[2] = {{100, 1 << 20}, {200, 3}};
    struct ring_pair *p = *state;
    struct vmbus_packet in, out = {.type = VMBUS_PACKET_TRANSFER_PAGES,
                                   .page_set = 0xcafe,
                                   .ranges = ranges,
                                   .range_count = 2,
                                   .ranges_length = sizeof(ranges)};
    struct vmbus_packet_range range;
    uint32_t cursor = 0;

    ring_send(p, &out);
    assert_int_equal(vmbus_ring_read(&p->reader, &in, p->buffer, BUFFER_SIZE), VMBUS_RING_OK);
    assert_int_equal(in.page_set, 0xcafe);
    assert_int_equal(in.length, 0);
    assert_true(vmbus_packet_next_range(&in, &cursor, &range));
    assert_int_equal(range.offset, 1 << 20);
    assert_int_equal(range.page_count, 0);
    assert_true(vmbus_packet_next_range(&in, &cursor, &range));
    assert_int_equal(range.length, 200);
    assert_false(vmbus_packet_next_range(&in, &cursor, &range));
}

static void packets_wrap_at_any_byte(void **state)
{
    struct ring_pair *p = *state;
    uint8_t payload[400];
    struct vmbus_packet in, out = {.type = VMBUS_PACKET_IN_BAND, .payload = payload};

    for (uint32_t i = 0; i < 20000; i++) {
        out.length = i * 7 % sizeof(payload);
        out.transaction = i;
        for (uint32_t k = 0; k < out.length; k++)
            payload[k] = (uint8_t)(i + k);
        ring_send(p, &out);
        assert_int_equal(vmbus_ring_read(&p->reader, &in, p->buffer, BUFFER_SIZE), VMBUS_RING_OK);
        assert_int_equal(in.transaction, i);
        assert_int_equal(in.length, (out.length + 7) / 8 * 8);
        if (out.length != 0)
            assert_memory_equal(in.payload, payload, out.length);
        ring_read_end(p);
    }
}

static void last_byte_of_a_ring_stays_free(void **state)
{
    struct ring_pair *p = *state;
    static const uint8_t payload[RING_SIZE];
    struct vmbus_packet out = {.type = VMBUS_PACKET_IN_BAND, .payload = payload};

    out.length = RING_SIZE - 24 - 8 - 32; /* leaves 40 bytes */
    ring_send(p, &out);
    out.length = 16;
    assert_int_equal(vmbus_packet_size(&out), 40);
    assert_int_equal(vmbus_ring_write(&p->writer, &out), VMBUS_RING_FULL);
    out.length = 8;
    assert_int_equal(vmbus_ring_write(&p->writer, &out), VMBUS_RING_OK);
    assert_false(vmbus_ring_write_end(&p->writer));
    assert_int_equal(p->header->write_index, RING_SIZE - 8);
}

static void packet_that_never_fits_is_our_own_mistake(void **state)
{
    struct ring_pair *p = *state;
    static const uint8_t payload[RING_SIZE];
    struct vmbus_packet out = {
        .type = VMBUS_PACKET_IN_BAND, .payload = payload, .length = RING_SIZE - 24};

    assert_int_equal(vmbus_ring_write(&p->writer, &out), VMBUS_RING_BROKEN);
    assert_non_null(p->writer.broken);
    assert_int_equal(p->header->write_index, 0);
}

/* ---- who signals whom ------------------------------------------------------------------------ */

static void one_signal_for_a_batch_into_an_empty_ring(void **state)
{
    struct ring_pair *p = *state;

    for (int i = 0; i < 5; i++) {
        assert_int_equal(vmbus_ring_write(&p->writer, &small_packet), VMBUS_RING_OK);
        assert_int_equal(p->header->write_index, 0);
    }
    assert_true(vmbus_ring_write_end(&p->writer));
    assert_int_equal(p->header->write_index, 5 * 32);
    assert_false(vmbus_ring_write_end(&p->writer));
}

static void no_signal_while_packets_are_unread(void **state)
{
    struct ring_pair *p = *state;

    assert_true(ring_send(p, &small_packet));
    assert_false(ring_send(p, &small_packet));
    assert_true(ring_take(p));
    ring_read_end(p);
    assert_false(ring_send(p, &small_packet)); /* one was still unread */
    assert_true(ring_take(p));
    assert_true(ring_take(p));
    ring_read_end(p);
    assert_true(ring_send(p, &small_packet));
}

static void no_signal_while_the_reader_masks(void **state)
{
    struct ring_pair *p = *state;
    bool room;

    vmbus_ring_read_begin(&p->reader);
    assert_int_equal(p->header->interrupt_mask, 1);
    assert_false(ring_send(p, &small_packet));
    assert_true(vmbus_ring_read_end(&p->reader, &room)); /* look again */
    assert_int_equal(p->header->interrupt_mask, 0);
    vmbus_ring_read_begin(&p->reader);
    assert_true(ring_take(p));
    assert_false(vmbus_ring_read_end(&p->reader, &room));
    assert_false(room);
}

static void read_index_is_published_once_a_batch(void **state)
{
    struct ring_pair *p = *state;

    ring_send(p, &small_packet);
    ring_send(p, &small_packet);
    vmbus_ring_read_begin(&p->reader);
    assert_true(ring_take(p));
    assert_true(ring_take(p));
    assert_int_equal(p->header->read_index, 0);
    ring_read_end(p);
    assert_int_equal(p->header->read_index, 64);
}

/* Fill with packets of 32 bytes and have the writer wait for one. */
static void ring_fill(struct ring_pair *p)
{
    while (vmbus_ring_write(&p->writer, &small_packet) == VMBUS_RING_OK)
        continue;
    assert_null(p->writer.broken);
    assert_true(vmbus_ring_write_end(&p->writer));
}

static void waiting_writer_is_signalled_once_there_is_room(void **state)
{
    struct ring_pair *p = *state;

    ring_fill(p);
    assert_int_equal(p->header->pending_send_size, 32);
    assert_true(ring_take(p));
    assert_true(ring_read_end(p)); /* from 32 free bytes to 64 */
    assert_true(ring_take(p));
    assert_false(ring_read_end(p)); /* there was enough before */
    assert_int_equal(vmbus_ring_write(&p->writer, &small_packet), VMBUS_RING_OK);
    assert_int_equal(p->header->pending_send_size, 0);
}

static void exactly_the_wanted_room_is_not_enough(void **state)
{
    struct ring_pair *p = *state;

    ring_fill(p);
    p->header->pending_send_size = 64;
    assert_true(ring_take(p));
    assert_false(ring_read_end(p)); /* 64 free: not more than 64 */
    assert_true(ring_take(p));
    assert_true(ring_read_end(p));
}

static void writer_that_does_not_wait_is_not_signalled(void **state)
{
    struct ring_pair *p = *state;

    ring_fill(p);
    p->header->pending_send_size = 0;
    assert_true(ring_take(p));
    assert_false(ring_read_end(p));
}

static void no_signal_for_room_without_the_feature(void **state)
{
    struct ring_pair *p = *state;

    p->header->features = 0;
    ring_fill(p);
    assert_true(ring_take(p));
    assert_false(ring_read_end(p));
}

/* Otherwise the reader reckons with room that is written to already, and stays silent for good. */
static void writer_publishes_before_it_waits(void **state)
{
    struct ring_pair *p = *state;

    while (vmbus_ring_write(&p->writer, &small_packet) == VMBUS_RING_OK)
        continue;
    assert_int_equal(p->header->write_index, p->writer.own);
    assert_true(ring_take(p));
    assert_true(ring_read_end(p));
    assert_true(vmbus_ring_write_end(&p->writer)); /* the ring was empty before this batch */
}

static void writer_takes_room_that_was_made_meanwhile(void **state)
{
    struct ring_pair *p = *state;

    ring_fill(p);
    while (ring_take(p))
        continue;
    assert_true(ring_read_end(p));
    for (uint32_t i = 0; i < RING_SIZE / 32 - 1; i++)
        assert_int_equal(vmbus_ring_write(&p->writer, &small_packet), VMBUS_RING_OK);
}

/* ---- attaching ------------------------------------------------------------------------------- */

static void ring_sizes_are_a_header_and_whole_pages(void **state)
{
    static const uint32_t size[] = {0, 1, 4095, 4096, 8191, 8193, 12280, UINT32_MAX};
    struct ring_pair *p = *state;
    struct vmbus_ring r;

    for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
        assert_false(vmbus_ring_attach_reader(&r, p->header, size[i]));
        assert_false(vmbus_ring_attach_writer(&r, p->header, size[i]));
        assert_non_null(r.broken);
    }
}

static void indices_outside_are_no_ring(void **state)
{
    static const uint32_t index[] = {RING_SIZE, RING_SIZE + 8, 1, 4, UINT32_MAX, UINT32_MAX - 7};
    struct ring_pair *p = *state;
    struct vmbus_ring r;

    for (size_t i = 0; i < sizeof(index) / sizeof(index[0]); i++) {
        p->header->write_index = index[i];
        p->header->read_index = 0;
        assert_false(vmbus_ring_attach_reader(&r, p->header, RING_BYTES));
        assert_false(vmbus_ring_attach_writer(&r, p->header, RING_BYTES));
        p->header->write_index = 0;
        p->header->read_index = index[i];
        assert_false(vmbus_ring_attach_reader(&r, p->header, RING_BYTES));
        assert_false(vmbus_ring_attach_writer(&r, p->header, RING_BYTES));
    }
}

static void attaching_goes_on_where_the_ring_stands(void **state)
{
    struct ring_pair *p = *state;
    struct vmbus_ring again;

    ring_send(p, &small_packet);
    ring_send(p, &small_packet);
    assert_true(ring_take(p));
    ring_read_end(p);
    assert_true(vmbus_ring_attach_reader(&p->reader, p->header, RING_BYTES));
    assert_true(ring_take(p));
    assert_false(ring_take(p));
    ring_read_end(p);
    p->header->pending_send_size = 100;
    assert_true(vmbus_ring_attach_writer(&again, p->header, RING_BYTES));
    assert_int_equal(vmbus_ring_write(&again, &small_packet), VMBUS_RING_OK);
    assert_int_equal(p->header->pending_send_size, 0);
    assert_true(vmbus_ring_write_end(&again));
    assert_true(ring_take(p));
}

#define T(name) cmocka_unit_test_setup_teardown(name, ring_start, ring_stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(packet_arrives_as_it_was_sent),
        T(packet_on_the_wire_is_as_linux_has_it),
        T(ranges_arrive_with_their_pages),
        T(page_numbers_that_no_range_needs_are_left_out),
        T(transfer_pages_have_ranges_without_pages),
        T(packets_wrap_at_any_byte),
        T(last_byte_of_a_ring_stays_free),
        T(packet_that_never_fits_is_our_own_mistake),
        T(one_signal_for_a_batch_into_an_empty_ring),
        T(no_signal_while_packets_are_unread),
        T(no_signal_while_the_reader_masks),
        T(read_index_is_published_once_a_batch),
        T(waiting_writer_is_signalled_once_there_is_room),
        T(exactly_the_wanted_room_is_not_enough),
        T(writer_that_does_not_wait_is_not_signalled),
        T(no_signal_for_room_without_the_feature),
        T(writer_publishes_before_it_waits),
        T(writer_takes_room_that_was_made_meanwhile),
        T(ring_sizes_are_a_header_and_whole_pages),
        T(indices_outside_are_no_ring),
        T(attaching_goes_on_where_the_ring_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
