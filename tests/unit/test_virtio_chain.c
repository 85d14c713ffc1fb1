/* SPDX-License-Identifier: MIT */
/* tests/unit/test_virtio_chain.c - descriptors of virtio block requests, walked as a device walks
 * them (Virtio 1.2, 2.7.5, 5.2.6). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "drivers/virtio_blk.h"
#include "drivers/virtio_blk_chain.h"
#include "io/dma.h"

#define PIECES   256u
#define SEGMENTS 1024u
#define HEADER   0x1111000u
#define STATUS   0x2222003u

uint64_t dma_map(uint64_t physical, size_t length)
{
    (void)length;
    return physical;
}

static struct {
    struct block_segment segments[SEGMENTS];
    uint32_t count, total;
    struct virtio_descriptor table[PIECES + VIRTIO_BLK_CHAIN_EXTRA + 1];
    uint32_t seed;
} t;

static int begin(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    t.seed = 4711;
    return 0;
}

static uint32_t random_below(uint32_t limit)
{
    t.seed ^= t.seed << 13;
    t.seed ^= t.seed >> 17;
    t.seed ^= t.seed << 5;
    return t.seed % limit;
}

static void segment_add(uint64_t physical, uint32_t length)
{
    assert_true(t.count < SEGMENTS);
    t.segments[t.count++] = (struct block_segment){.physical = physical, .length = length};
    t.total += length;
}

/* The address of byte @at of the request. */
static uint64_t address_of(uint32_t at)
{
    uint32_t i = 0;

    for (; at >= t.segments[i].length; i++)
        at -= t.segments[i].length;
    return t.segments[i].physical + at;
}

static struct virtio_blk_data data_from(uint32_t from)
{
    return (struct virtio_blk_data){
        .segments = t.segments, .segment_count = t.count, .from = from, .bytes = t.total - from};
}

/* The chain's data are @bytes from @from on, between header and status; the number of pieces. */
static uint32_t chain_check(const struct virtio_blk_limits *l, uint32_t from, uint32_t bytes,
                            bool in, uint16_t first, uint32_t count)
{
    uint32_t at = from;

    assert_int_equal(t.table[0].address, HEADER);
    assert_int_equal(t.table[0].length, 16);
    for (uint32_t i = 0; i < count; i++) {
        bool last = i + 1 == count;
        uint16_t flags = (uint16_t)((last ? 0 : VIRTIO_DESCRIPTOR_NEXT) |
                                    (last || (i > 0 && in) ? VIRTIO_DESCRIPTOR_WRITE : 0));

        assert_int_equal(t.table[i].flags, flags);
        assert_int_equal(t.table[i].next, last ? 0 : first + i + 1);
        if (i == 0 || last)
            continue;
        assert_true(t.table[i].length > 0 && t.table[i].length <= l->piece_bytes);
        for (uint32_t k = 0; k < t.table[i].length; k += 4)
            assert_true(t.table[i].address + k == address_of(at + k));
        at += t.table[i].length;
    }
    assert_int_equal(at - from, bytes);
    assert_int_equal(t.table[count - 1].address, STATUS);
    assert_int_equal(t.table[count - 1].length, 1);
    return count - VIRTIO_BLK_CHAIN_EXTRA;
}

/* Build all chains of the request; how many, and the pieces of the first in @pieces. */
static uint32_t request_build(const struct virtio_blk_limits *l, bool in, uint32_t *pieces)
{
    uint32_t chains = 0;

    *pieces = 0;
    for (uint32_t from = 0; from < t.total; chains++) {
        struct virtio_blk_data data = data_from(from);
        struct virtio_blk_ends ends = {.header = HEADER, .status = STATUS, .first = 7};
        uint32_t bytes = virtio_blk_chain_bytes(&data, l), count, used;

        assert_true(bytes > 0 && bytes <= data.bytes);
        assert_int_equal(bytes % l->block_bytes, 0);
        data.bytes = bytes;
        memset(t.table, 0xee, sizeof(t.table));
        used = virtio_blk_chain_build(&data, l, in, &ends, t.table);
        assert_true(used <= l->pieces + VIRTIO_BLK_CHAIN_EXTRA);
        assert_int_equal(t.table[used].length, 0xeeeeeeee);
        count = chain_check(l, from, bytes, in, 7, used);
        if (from == 0)
            *pieces = count;
        from += bytes;
    }
    return chains;
}

static void contiguous_memory_is_one_piece(void **state)
{
    struct virtio_blk_limits l = {.pieces = 254, .piece_bytes = UINT32_MAX, .block_bytes = 512};
    uint32_t pieces;

    (void)state;
    for (uint32_t i = 0; i < 1024; i++) /* 4 MiB, page by page */
        segment_add(0x40000000 + i * 4096, 4096);
    assert_int_equal(request_build(&l, true, &pieces), 1);
    assert_int_equal(pieces, 1);
    assert_int_equal(request_build(&l, false, &pieces), 1);
}

static void memory_is_cut_to_pieces_that_the_device_takes(void **state)
{
    struct virtio_blk_limits l = {.pieces = 254, .piece_bytes = 65536, .block_bytes = 512};
    uint32_t pieces;

    (void)state;
    segment_add(0x40000200, 1u << 20);
    assert_int_equal(request_build(&l, true, &pieces), 1);
    assert_int_equal(pieces, 16);
    l.piece_bytes = 65535;
    assert_int_equal(request_build(&l, true, &pieces), 1);
    assert_int_equal(pieces, 17);
}

static void scattered_mebibyte_goes_in_as_few_chains_as_the_device_allows(void **state)
{
    struct virtio_blk_limits l = {.pieces = 254, .piece_bytes = UINT32_MAX, .block_bytes = 512};
    uint32_t pieces;

    (void)state;
    segment_add(0x50000e00, 512);
    for (uint32_t i = 0; i < 255; i++)
        segment_add(0x60000000 + i * 8192, 4096);
    segment_add(0x70000000, 4096 - 512);
    assert_int_equal(request_build(&l, true, &pieces), 2);
    assert_int_equal(pieces, 254);
    l.pieces = 257;
    assert_int_equal(virtio_blk_chain_bytes(&(struct virtio_blk_data){.segments = t.segments,
                                                                      .segment_count = t.count,
                                                                      .bytes = t.total},
                                            &l),
                     1u << 20);
}

static void chain_without_data_is_header_and_status(void **state)
{
    struct virtio_blk_limits l = {.pieces = 2, .piece_bytes = 4096, .block_bytes = 512};
    struct virtio_blk_data none = {.bytes = 0};
    struct virtio_blk_ends ends = {.header = HEADER, .status = STATUS, .first = 40};

    (void)state;
    assert_int_equal(virtio_blk_chain_build(&none, &l, false, &ends, t.table), 2);
    (void)chain_check(&l, 0, 0, false, 40, 2);
}

static void chains_are_whole_blocks_where_blocks_lie_across_pages(void **state)
{
    struct virtio_blk_limits l = {.pieces = 3, .piece_bytes = UINT32_MAX, .block_bytes = 4096};
    uint32_t pieces;

    (void)state;
    segment_add(0x50000004, 4092);
    for (uint32_t i = 0; i < 8; i++)
        segment_add(0x60000000 + i * 8192, 4096);
    segment_add(0x70000000, 4);
    /* Three pieces are two blocks and a bit. */
    assert_int_equal(request_build(&l, false, &pieces), 5);
    assert_int_equal(pieces, 3);
}

static void any_request_of_whole_pages_goes_with_any_limits_that_suit(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 1500; round++) {
        struct virtio_blk_limits l = {.pieces = 1 + random_below(PIECES),
                                      .piece_bytes =
                                          random_below(2) ? UINT32_MAX : 512 + random_below(9000),
                                      .block_bytes = 512u << random_below(4)};
        uint32_t pages = 1 + random_below(40), lead = 4 * random_below(1024), pieces;

        if (!virtio_blk_limits_suit(&l))
            continue;
        l.piece_bytes -= l.piece_bytes % 4; /* for the check, which goes by words */
        t.count = t.total = 0;
        /* From @lead in the first page, so that all is whole blocks. */
        segment_add(0x10000000 + lead, 4096 - lead);
        for (uint32_t i = 1; i < pages; i++)
            segment_add(0x20000000 + i * (4096u << random_below(2)), 4096);
        if (lead > 0)
            segment_add(0x30000000, lead);
        (void)request_build(&l, round % 2 == 0, &pieces);
    }
}

static void limits_that_do_not_hold_a_block_do_not_suit(void **state)
{
    static const struct {
        struct virtio_blk_limits limits;
        bool suit;
    } cases[] = {
        {{.pieces = 0, .piece_bytes = UINT32_MAX, .block_bytes = 512}, false},
        {{.pieces = 1, .piece_bytes = UINT32_MAX, .block_bytes = 512}, false},
        {{.pieces = 2, .piece_bytes = UINT32_MAX, .block_bytes = 4096}, true},
        {{.pieces = 2, .piece_bytes = 512, .block_bytes = 512}, true},
        {{.pieces = 2, .piece_bytes = 511, .block_bytes = 512}, false},
        {{.pieces = 3, .piece_bytes = 256, .block_bytes = 512}, true},
        {{.pieces = 256, .piece_bytes = 0, .block_bytes = 512}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(virtio_blk_limits_suit(&cases[i].limits), cases[i].suit);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, begin)
    const struct CMUnitTest tests[] = {
        TEST(contiguous_memory_is_one_piece),
        TEST(memory_is_cut_to_pieces_that_the_device_takes),
        TEST(scattered_mebibyte_goes_in_as_few_chains_as_the_device_allows),
        TEST(chain_without_data_is_header_and_status),
        TEST(chains_are_whole_blocks_where_blocks_lie_across_pages),
        TEST(any_request_of_whole_pages_goes_with_any_limits_that_suit),
        TEST(limits_that_do_not_hold_a_block_do_not_suit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
