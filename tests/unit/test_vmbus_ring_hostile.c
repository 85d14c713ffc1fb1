/* SPDX-License-Identifier: MIT */
/* test_vmbus_ring_hostile.c - every way in which a peer may break a ring: the ring says why, stays
 * broken, and nothing is read or written any more. */
#include "fakes/test.h"
#include "vmbus_ring_fixture.h"

#include <hvabi/synic.h>
#include <stdlib.h>
#include <string.h>

/* A broken ring answers everything with that and leaves the memory alone. */
static void assert_broken(struct ring_pair *p, struct vmbus_ring *r)
{
    uint8_t *before = malloc(RING_BYTES);
    struct vmbus_packet packet;
    bool signal = true;

    assert_non_null(r->broken);
    memcpy(before, p->header, RING_BYTES);
    vmbus_ring_read_begin(r);
    assert_int_equal(vmbus_ring_read(r, &packet, p->buffer, BUFFER_SIZE), VMBUS_RING_BROKEN);
    assert_false(vmbus_ring_read_end(r, &signal));
    assert_false(signal);
    assert_int_equal(vmbus_ring_write(r, &small_packet), VMBUS_RING_BROKEN);
    assert_false(vmbus_ring_write_end(r));
    assert_memory_equal(before, p->header, RING_BYTES);
    free(before);
}

static void assert_reading_breaks(struct ring_pair *p)
{
    struct vmbus_packet packet;

    vmbus_ring_read_begin(&p->reader);
    assert_int_equal(vmbus_ring_read(&p->reader, &packet, p->buffer, BUFFER_SIZE),
                     VMBUS_RING_BROKEN);
    assert_broken(p, &p->reader);
}

/* ---- indices --------------------------------------------------------------------------------- */

static const uint32_t bad_index[] = {RING_SIZE, RING_SIZE + 8,  1,          7,
                                     12,        UINT32_MAX - 7, UINT32_MAX, 1u << 31};

#define BAD_INDICES (sizeof(bad_index) / sizeof(bad_index[0]))

static void again(void **state)
{
    ring_stop(state);
    ring_start(state);
}

static void write_index_outside_of_the_ring(void **state)
{
    for (size_t i = 0; i < BAD_INDICES; i++) {
        struct ring_pair *p = *state;

        p->header->write_index = bad_index[i];
        assert_reading_breaks(p);
        again(state);
    }
}

static void write_index_outside_is_seen_at_the_end_of_a_batch(void **state)
{
    struct ring_pair *p = *state;
    bool signal;

    vmbus_ring_read_begin(&p->reader);
    p->header->write_index = RING_SIZE;
    assert_false(vmbus_ring_read_end(&p->reader, &signal));
    assert_broken(p, &p->reader);
}

static void write_index_that_moves_back(void **state)
{
    struct ring_pair *p = *state;

    ring_send(p, &small_packet);
    ring_send(p, &small_packet);
    assert_true(ring_take(p));
    ring_read_end(p);
    p->header->write_index = 40;
    assert_reading_breaks(p);
}

/* What has not been given back yet cannot have been written again. */
static void write_index_that_moves_into_what_is_being_read(void **state)
{
    struct ring_pair *p = *state;
    struct vmbus_packet packet;

    ring_send(p, &small_packet);
    ring_send(p, &small_packet);
    assert_true(ring_take(p));
    assert_true(ring_take(p));
    p->header->write_index = 32;
    assert_int_equal(vmbus_ring_read(&p->reader, &packet, p->buffer, BUFFER_SIZE),
                     VMBUS_RING_BROKEN);
    assert_broken(p, &p->reader);
}

static void less_than_a_packet_is_written(void **state)
{
    for (uint32_t size = 8; size < 24; size += 8) {
        struct ring_pair *p = *state;

        p->header->write_index = size;
        assert_reading_breaks(p);
        again(state);
    }
}

static void read_index_that_the_writer_changes(void **state)
{
    struct ring_pair *p = *state;
    bool signal;

    ring_send(p, &small_packet);
    vmbus_ring_read_begin(&p->reader);
    assert_true(ring_take(p));
    p->header->read_index = 64;
    assert_false(vmbus_ring_read_end(&p->reader, &signal));
    assert_broken(p, &p->reader);
}

static void assert_writing_breaks(struct ring_pair *p)
{
    while (vmbus_ring_write(&p->writer, &small_packet) == VMBUS_RING_OK)
        (void)!vmbus_ring_write_end(&p->writer);
    assert_broken(p, &p->writer);
}

static void read_index_outside_of_the_ring(void **state)
{
    for (size_t i = 0; i < BAD_INDICES; i++) {
        struct ring_pair *p = *state;

        p->header->read_index = bad_index[i];
        assert_writing_breaks(p);
        again(state);
    }
}

static void read_index_that_moves_back(void **state)
{
    struct ring_pair *p = *state;

    for (int i = 0; i < 4; i++)
        ring_send(p, &small_packet);
    for (int i = 0; i < 3; i++)
        assert_true(ring_take(p));
    ring_read_end(p);
    ring_send(p, &small_packet); /* the writer has seen how far it was read */
    assert_int_equal(p->writer.peer, 96);
    p->header->read_index = 32;
    assert_writing_breaks(p);
}

static void read_index_beyond_what_was_written(void **state)
{
    struct ring_pair *p = *state;

    ring_send(p, &small_packet);
    p->header->read_index = RING_SIZE / 2;
    assert_writing_breaks(p);
}

static void read_index_beyond_what_is_published(void **state)
{
    struct ring_pair *p = *state;

    assert_int_equal(vmbus_ring_write(&p->writer, &small_packet), VMBUS_RING_OK);
    p->header->read_index = 40;
    assert_false(vmbus_ring_write_end(&p->writer));
    assert_broken(p, &p->writer);
}

static void write_index_that_the_reader_changes(void **state)
{
    struct ring_pair *p = *state;

    ring_send(p, &small_packet);
    assert_int_equal(vmbus_ring_write(&p->writer, &small_packet), VMBUS_RING_OK);
    p->header->write_index = 0;
    assert_false(vmbus_ring_write_end(&p->writer));
    assert_broken(p, &p->writer);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

struct raw_packet {
    struct vmbus_packet_descriptor descriptor;
    struct vmbus_packet_ranges ranges;
    uint64_t words[61];
};
_Static_assert(sizeof(struct raw_packet) == 512, "512 bytes of packet");

/* Put @raw into the ring as @bytes of packet, at an offset where it wraps. */
static void raw_write(struct ring_pair *p, const struct raw_packet *raw, uint32_t bytes)
{
    uint8_t from[sizeof(*raw)];
    uint32_t at = RING_SIZE - 8;

    memcpy(from, raw, sizeof(from));
    p->header->read_index = at;
    p->header->write_index = at;
    assert_true(vmbus_ring_attach_reader(&p->reader, p->header, RING_BYTES));
    for (uint32_t i = 0; i < bytes; i++)
        p->reader.data[(at + i) % RING_SIZE] = from[i];
    p->header->write_index = (at + bytes + 8) % RING_SIZE;
}

static void assert_descriptor_breaks(void **state, uint32_t type, uint32_t offset8,
                                     uint32_t length8)
{
    struct ring_pair *p = *state;
    struct raw_packet raw = {.descriptor = {.type = (uint16_t)type,
                                            .offset8 = (uint16_t)offset8,
                                            .length8 = (uint16_t)length8}};

    raw_write(p, &raw, 64);
    assert_reading_breaks(p);
    again(state);
}

static void lengths_that_no_packet_has(void **state)
{
    assert_descriptor_breaks(state, VMBUS_PACKET_IN_BAND, 0, 0);
    assert_descriptor_breaks(state, VMBUS_PACKET_IN_BAND, 2, 0);
    assert_descriptor_breaks(state, VMBUS_PACKET_IN_BAND, 2, 1);
    assert_descriptor_breaks(state, VMBUS_PACKET_IN_BAND, 0, 8);
    assert_descriptor_breaks(state, VMBUS_PACKET_IN_BAND, 1, 8);
    assert_descriptor_breaks(state, VMBUS_PACKET_IN_BAND, 9, 8);
    assert_descriptor_breaks(state, VMBUS_PACKET_IN_BAND, 0xffff, 8);
}

static void lengths_beyond_what_was_written(void **state)
{
    assert_descriptor_breaks(state, VMBUS_PACKET_IN_BAND, 2, 9);
    assert_descriptor_breaks(state, VMBUS_PACKET_IN_BAND, 2, 512);
    assert_descriptor_breaks(state, VMBUS_PACKET_IN_BAND, 2, 0xffff);
}

static void types_that_nobody_sends(void **state)
{
    static const uint32_t type[] = {0, 1, 2, 3, 4, 5, 8, 10, 12, 13, 0x100 | 6, 0xffff};

    for (size_t i = 0; i < sizeof(type) / sizeof(type[0]); i++)
        assert_descriptor_breaks(state, type[i], 2, 8);
}

static void packet_longer_than_the_buffer(void **state)
{
    struct ring_pair *p = *state;
    static const uint8_t payload[80];
    struct vmbus_packet in, out = {.type = VMBUS_PACKET_IN_BAND, .payload = payload, .length = 64};
    void *buffer = malloc(80);

    ring_send(p, &out);
    assert_int_equal(vmbus_ring_read(&p->reader, &in, buffer, 80), VMBUS_RING_OK);
    out.length = 65;
    ring_send(p, &out);
    assert_int_equal(vmbus_ring_read(&p->reader, &in, buffer, 80), VMBUS_RING_BROKEN);
    assert_broken(p, &p->reader);
    free(buffer);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

/* Whether a packet of @type, with @count ranges of the @words, is taken. */
static bool ranges_taken(void **state, uint32_t type, uint32_t count, const uint64_t *words,
                         uint32_t word_count)
{
    struct ring_pair *p = *state;
    uint32_t offset8 = 3 + word_count;
    struct raw_packet raw = {.descriptor = {.type = (uint16_t)type,
                                            .offset8 = (uint16_t)offset8,
                                            .length8 = (uint16_t)(offset8 + 1)},
                             .ranges = {.count = count}};
    struct vmbus_packet packet;
    enum vmbus_ring_status status;

    if (word_count != 0)
        memcpy(raw.words, words, word_count * sizeof(uint64_t));
    raw_write(p, &raw, (offset8 + 1) * 8);
    status = vmbus_ring_read(&p->reader, &packet, p->buffer, BUFFER_SIZE);
    if (status == VMBUS_RING_BROKEN)
        assert_broken(p, &p->reader);
    again(state);
    return status == VMBUS_RING_OK;
}

#define RANGE(length, offset) ((uint64_t)(length) | (uint64_t)(offset) << 32)

static void gpa_ranges_whose_pages_do_not_match(void **state)
{
    static const struct {
        uint32_t count, words;
        uint64_t word[4];
        bool taken;
    } cases[] = {
        {0, 0, {0}, true},
        {1, 2, {RANGE(4096, 0), 1}, true},
        {1, 3, {RANGE(4096, 1), 1, 2}, true},
        {2, 4, {RANGE(1, 4095), 1, RANGE(4096, 0), 2}, true},
        {0, 2, {RANGE(4096, 0), 1}, true},    /* more than said */
        {1, 3, {RANGE(4096, 0), 1, 2}, true}, /* a page too many */
        {1, 0, {0}, false},                   /* no range there */
        {1, 2, {RANGE(4097, 0), 1}, false},   /* a page too few */
        {1, 2, {RANGE(4096, 1), 1}, false},
        {1, 2, {RANGE(4095, 4096), 1}, false}, /* not in its first page */
        {1, 3, {RANGE(1, 8191), 1, 2}, false},
        {1, 2, {RANGE(0, 0), 1}, false}, /* no bytes */
        {1, 1, {RANGE(0, 0)}, false},
        {1, 2, {RANGE(UINT32_MAX, 4095), 1}, false},
        {1, 2, {RANGE(UINT32_MAX, UINT32_MAX), 1}, false},
        {2, 3, {RANGE(1, 0), 1, RANGE(1, 0)}, false}, /* the last one's page is cut off */
        {3, 4, {RANGE(1, 0), 1, RANGE(1, 0), 2}, false},
        {UINT32_MAX, 4, {RANGE(1, 0), 1, RANGE(1, 0), 2}, false},
        {1u << 31, 2, {RANGE(1, 0), 1}, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(ranges_taken(state, VMBUS_PACKET_GPA_DIRECT, cases[i].count, cases[i].word,
                                      cases[i].words),
                         cases[i].taken);
}

static void transfer_ranges_that_are_not_there(void **state)
{
    static const uint64_t words[4] = {RANGE(1, UINT32_MAX), RANGE(2, 0), RANGE(3, 0), RANGE(4, 0)};
    static const uint32_t bad[] = {0, 3, 5, 1u << 29, 1u << 31, UINT32_MAX};

    assert_true(ranges_taken(state, VMBUS_PACKET_TRANSFER_PAGES, 4, words, 4));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(ranges_taken(state, VMBUS_PACKET_TRANSFER_PAGES, bad[i], words, 4));
}

static void ranges_that_do_not_fit_before_the_payload(void **state)
{
    assert_descriptor_breaks(state, VMBUS_PACKET_GPA_DIRECT, 2, 8);
    assert_descriptor_breaks(state, VMBUS_PACKET_TRANSFER_PAGES, 2, 8);
}

#define T(name) cmocka_unit_test_setup_teardown(name, ring_start, ring_stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(write_index_outside_of_the_ring),
        T(write_index_outside_is_seen_at_the_end_of_a_batch),
        T(write_index_that_moves_back),
        T(write_index_that_moves_into_what_is_being_read),
        T(less_than_a_packet_is_written),
        T(read_index_that_the_writer_changes),
        T(read_index_outside_of_the_ring),
        T(read_index_that_moves_back),
        T(read_index_beyond_what_was_written),
        T(read_index_beyond_what_is_published),
        T(write_index_that_the_reader_changes),
        T(lengths_that_no_packet_has),
        T(lengths_beyond_what_was_written),
        T(types_that_nobody_sends),
        T(packet_longer_than_the_buffer),
        T(gpa_ranges_whose_pages_do_not_match),
        T(transfer_ranges_that_are_not_there),
        T(ranges_that_do_not_fit_before_the_payload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
