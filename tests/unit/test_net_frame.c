/* SPDX-License-Identifier: MIT */
/* test_net_frame.c - offloads in software: checksums are those that a receiver computes, segments
 * add up to the frame, and nothing is prepared that cannot be done. */
#include <rt/big_endian.h>
#include <rt/net_frame.h>
#include "fakes/test.h"

#define FRAME_BYTES 20000u
#define PIECES      40u

/* A frame in the making: all of its bytes, and the same cut into header and pieces. */
static struct {
    uint8_t bytes[FRAME_BYTES];
    uint8_t header[NET_HEADER_MAX];
    struct net_piece pieces[PIECES];
    struct net_frame frame;
    uint32_t l4;
} test;

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* ---- a receiver's view, written for its plainness ---- */

static uint32_t plain_sum(const uint8_t *bytes, uint32_t length, uint32_t sum)
{
    for (uint32_t i = 0; i < length; i++) {
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* Whether IP's and TCP's or UDP's checksums in @frame are right. */
static void assert_right(const uint8_t *frame, uint32_t length, uint32_t l4, uint8_t protocol)
{
    const uint8_t *ip = frame + NET_ETHERNET_BYTES;
    uint32_t sum = protocol;

    if (be16_get(frame + 12) == NET_TYPE_IPV4) {
        assert_int_equal(be16_get(ip + 2), length - NET_ETHERNET_BYTES);
        assert_int_equal(plain_sum(ip, (ip[0] & 15u) * 4, 0), 0xffff);
        sum = plain_sum(ip + 12, 8, sum);
    } else {
        assert_int_equal(be16_get(ip + 4), length - NET_ETHERNET_BYTES - 40);
        sum = plain_sum(ip + 8, 32, sum);
    }
    sum += length - l4;
    assert_int_equal(plain_sum(frame + l4, length - l4, sum), 0xffff);
}

/* ---- frames ---- */

static void ip_make(bool ip6, uint8_t protocol, uint32_t length)
{
    uint8_t *ip = test.bytes + NET_ETHERNET_BYTES;

    be16_put(test.bytes + 12, ip6 ? NET_TYPE_IPV6 : NET_TYPE_IPV4);
    if (ip6) {
        ip[0] = 0x60;
        be16_put(ip + 4, (uint16_t)(length - NET_ETHERNET_BYTES - 40));
        ip[6] = protocol;
        test.l4 = NET_ETHERNET_BYTES + 40;
        return;
    }
    ip[0] = 0x46; /* with four bytes of options */
    be16_put(ip + 2, (uint16_t)(length - NET_ETHERNET_BYTES));
    be16_put(ip + 6, 0x4000);
    ip[9] = protocol;
    test.l4 = NET_ETHERNET_BYTES + 24;
}

/* @bytes of the frame as header and pieces of random lengths, which are copies on the heap. */
static void cut(uint32_t length)
{
    struct net_frame *f = &test.frame;
    uint32_t at = length < NET_HEADER_MAX ? length : NET_HEADER_MAX;

    *f = (struct net_frame){
        .header = test.header, .header_length = at, .pieces = test.pieces, .length = length};
    memcpy(test.header, test.bytes, at);
    while (at < length) {
        uint32_t left = length - at, n = 1 + draw(left < 1500 ? left : 1500);
        uint8_t *copy;

        if (f->piece_count == PIECES - 1)
            n = left;
        copy = malloc(n);
        memcpy(copy, test.bytes + at, n);
        test.pieces[f->piece_count++] = (struct net_piece){.bytes = copy, .length = n};
        at += n;
    }
}

static void drop(void)
{
    for (uint32_t i = 0; i < test.frame.piece_count; i++)
        free((void *)(uintptr_t)test.pieces[i].bytes);
    test.frame.piece_count = 0;
}

static void make(bool ip6, uint8_t protocol, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        test.bytes[i] = (uint8_t)draw(256);
    ip_make(ip6, protocol, length);
    if (protocol == NET_IP_TCP)
        test.bytes[test.l4 + 12] = 0x80; /* with twelve bytes of options */
    cut(length);
}

static const char *prepare(bool ip_checksum, bool l4_checksum, uint32_t mss)
{
    struct net_offload_wish wish = {
        .ip_checksum = ip_checksum, .l4_checksum = l4_checksum, .mss = mss};

    return net_offload_prepare(test.header, test.frame.header_length, test.frame.length, &wish,
                               &test.frame.offload);
}

/* ---- facts ---- */

static void a_frame_without_offloads_is_copied(void **state)
{
    uint8_t *out = malloc(FRAME_BYTES);

    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        uint32_t length = NET_ETHERNET_BYTES + draw(3000);
        struct net_cursor cursor = {0};

        make(false, NET_IP_UDP, length < 80 ? 80 : length);
        assert_int_equal(net_frame_segments(&test.frame), 1);
        assert_int_equal(net_frame_segment_max(&test.frame), test.frame.length);
        assert_int_equal(net_frame_write(&test.frame, &cursor, out), test.frame.length);
        assert_memory_equal(out, test.bytes, test.frame.length);
        drop();
    }
    free(out);
}

static void checksum_row(bool ip6, uint8_t protocol, uint32_t length)
{
    uint32_t field = protocol == NET_IP_TCP ? 16 : 6;
    struct net_cursor cursor = {0};
    uint8_t *out = malloc(length);

    make(ip6, protocol, length);
    assert_null(prepare(true, true, 0));
    assert_int_equal(test.frame.offload.flags, NET_CHECKSUM_NEEDED);
    assert_int_equal(test.frame.offload.l4_offset, test.l4);
    assert_int_equal(net_frame_write(&test.frame, &cursor, out), length);
    assert_right(out, length, test.l4, protocol);
    assert_memory_equal(out + test.l4 + field + 2, test.bytes + test.l4 + field + 2,
                        length - test.l4 - field - 2);
    drop();
    free(out);
}

static void checksums_are_those_that_a_receiver_computes(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        bool ip6 = draw(2), tcp = draw(2);

        checksum_row(ip6, tcp ? NET_IP_TCP : NET_IP_UDP, 90 + draw(1500));
    }
}

static void a_udp_checksum_is_never_zero(void **state)
{
    struct net_cursor cursor = {0};
    uint8_t out[100];
    uint16_t would;

    (void)state;
    make(false, NET_IP_UDP, 100);
    assert_null(prepare(true, true, 0));
    net_frame_write(&test.frame, &cursor, out);
    would = be16_get(out + test.l4 + 6);
    be16_put(test.header + 90, (uint16_t)(be16_get(test.header + 90) + would)); /* now it would */
    if (be16_get(test.header + 90) < would)
        be16_put(test.header + 90, (uint16_t)(be16_get(test.header + 90) + 1));
    cursor = (struct net_cursor){0};
    net_frame_write(&test.frame, &cursor, out);
    assert_int_equal(be16_get(out + test.l4 + 6), 0xffff);
    assert_right(out, 100, test.l4, NET_IP_UDP);
    drop();
}

/* All segments of the frame, and that they are the frame. */
static void segments_check(bool ip6, uint32_t mss)
{
    const struct net_frame *f = &test.frame;
    uint32_t head = f->offload.payload_offset, at = head, count = net_frame_segments(f);
    uint32_t sequence = be32_get(test.bytes + test.l4 + 4);
    struct net_cursor cursor = {0};
    uint8_t out[2000];

    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = net_frame_write(f, &cursor, out);
        bool last = i == count - 1;

        assert_true(length <= net_frame_segment_max(f));
        assert_int_equal(length - head, last ? f->length - at : mss);
        assert_right(out, length, test.l4, NET_IP_TCP);
        assert_memory_equal(out + head, test.bytes + at, length - head);
        assert_int_equal(be32_get(out + test.l4 + 4), sequence + i * mss);
        assert_int_equal(out[test.l4 + 13] & 0x89,
                         (last ? 0x09 : 0) | (i == 0 ? 0x80 : 0)); /* FIN, PSH; CWR */
        if (!ip6)
            assert_int_equal(be16_get(out + 18), (uint16_t)(be16_get(test.bytes + 18) + i));
        at += length - head;
    }
    assert_int_equal(at, f->length);
}

static void segments_add_up_to_the_frame(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 60; i++) {
        uint32_t mss = 48 + draw(1400);
        bool ip6 = draw(2);

        make(ip6, NET_IP_TCP, 2000 + draw(FRAME_BYTES - 2000));
        test.header[test.l4 + 13] = 0x99; /* CWR, ACK, PSH, FIN */
        if (!ip6)
            be16_put(test.header + 16, 0); /* as Linux leaves it */
        assert_null(prepare(true, true, mss));
        assert_int_equal(test.frame.offload.mss, mss);
        segments_check(ip6, mss);
        drop();
    }
}

static void a_frame_of_one_segment_is_not_cut(void **state)
{
    (void)state;
    make(false, NET_IP_TCP, 600);
    assert_null(prepare(false, false, 1460));
    assert_int_equal(test.frame.offload.mss, 0);
    assert_int_equal(test.frame.offload.flags, NET_CHECKSUM_NEEDED);
    drop();
}

static void ip_alone_gets_its_checksum(void **state)
{
    (void)state;
    make(false, 89, 200);
    assert_null(prepare(true, false, 0));
    assert_int_equal(test.frame.offload.flags, 0);
    assert_int_equal(plain_sum(test.header + 14, 24, 0), 0xffff);
    drop();
}

static void extension_headers_are_passed_over(void **state)
{
    (void)state;
    make(true, 0, 400);
    test.header[54] = 60; /* hop by hop, then destination options of 16 bytes, then UDP */
    test.header[55] = 0;
    test.header[62] = NET_IP_UDP;
    test.header[63] = 1;
    assert_null(prepare(false, true, 0));
    assert_int_equal(test.frame.offload.l4_offset, 78);
    drop();
}

/* ---- what cannot be done ---- */

struct row {
    const char *name;
    bool ip6;
    uint8_t protocol;
    uint32_t length, at; /* byte @at of the header is @value; 0: all is as it was */
    uint8_t value;
    uint32_t mss;
};

static const struct row rows[] = {
    {"not IP", false, NET_IP_TCP, 200, 12, 9, 0},
    {"version 5", false, NET_IP_TCP, 200, 14, 0x56, 0},
    {"IP header of 16 bytes", false, NET_IP_TCP, 200, 14, 0x44, 0},
    {"no IP header", false, NET_IP_TCP, 30, 14, 0x45, 0},
    {"IP header longer than the frame", false, NET_IP_TCP, 50, 14, 0x4f, 0},
    {"a fragment", false, NET_IP_TCP, 200, 21, 1, 0},
    {"more fragments", false, NET_IP_TCP, 200, 20, 0x20, 0},
    {"ICMP", false, NET_IP_ICMP, 200, 0, 0, 0},
    {"IP says it is shorter", false, NET_IP_UDP, 200, 17, 100, 0},
    {"IP says it is longer", true, NET_IP_UDP, 200, 18, 100, 0},
    {"TCP header of 16 bytes", false, NET_IP_TCP, 200, 50, 0x40, 0},
    {"TCP header longer than the frame", false, NET_IP_TCP, 70, 50, 0xf0, 0},
    {"ends in the TCP header", false, NET_IP_TCP, 55, 0, 0, 0},
    {"ends in the UDP header", true, NET_IP_UDP, 60, 0, 0, 0},
    {"an IPv6 fragment", true, 44, 200, 0, 0, 0},
    {"routed", true, 43, 200, 0, 0, 0},
    {"an extension header longer than all", true, 0, 200, 55, 0xff, 0},
    {"segmentation of UDP", false, NET_IP_UDP, 4000, 0, 0, 1000},
    {"segments of a byte", false, NET_IP_TCP, 4000, 0, 0, 1},
};

static void what_cannot_be_done_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        uint8_t before[NET_HEADER_MAX];
        const char *why;

        make(r->ip6, r->protocol, r->length);
        if (r->at > 0)
            test.header[r->at] = r->value;
        memcpy(before, test.header, sizeof(before));
        why = prepare(true, true, r->mss);
        if (!why)
            fail_msg("prepared: %s", r->name);
        assert_memory_equal(test.header, before, sizeof(before));
        assert_int_equal(test.frame.offload.flags, 0);
        drop();
    }
}

static void no_header_crashes(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t length = NET_ETHERNET_BYTES + draw(300);
        uint8_t *exact;
        struct net_offload_wish wish = {.ip_checksum = draw(2) == 0,
                                        .l4_checksum = draw(2) == 0,
                                        .mss = draw(3) == 0 ? draw(2000) : 0};
        struct net_offload offload;
        uint32_t header = length < NET_HEADER_MAX ? length : NET_HEADER_MAX;

        make(draw(2) == 0, draw(2) == 0 ? NET_IP_TCP : (uint8_t)draw(64),
             length < 80 ? 80 : length);
        for (uint32_t k = 0; k < 3; k++)
            test.header[12 + draw(60)] = (uint8_t)draw(256);
        exact = malloc(header); /* so that a read beyond it is seen */
        memcpy(exact, test.header, header);
        if (!net_offload_prepare(exact, header, length, &wish, &offload))
            assert_true(offload.payload_offset <= header);
        free(exact);
        drop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_without_offloads_is_copied),
        cmocka_unit_test(checksums_are_those_that_a_receiver_computes),
        cmocka_unit_test(a_udp_checksum_is_never_zero),
        cmocka_unit_test(segments_add_up_to_the_frame),
        cmocka_unit_test(a_frame_of_one_segment_is_not_cut),
        cmocka_unit_test(ip_alone_gets_its_checksum),
        cmocka_unit_test(extension_headers_are_passed_over),
        cmocka_unit_test(what_cannot_be_done_is_refused),
        cmocka_unit_test(no_header_crashes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
