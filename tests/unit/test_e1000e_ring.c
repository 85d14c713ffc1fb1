/* SPDX-License-Identifier: MIT */
/* tests/unit/test_e1000e_ring.c - packets in the rings of an 82574, with a device that does as the
 * datasheet says, or not (root/drivers/e1000e_ring.h). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/big_endian.h>
#include "drivers/e1000e_ring.h"
#include "net/nic_frame.h"

#define DEVICE 0x7000000000ull /* what the device adds to a buffer's place */

static struct {
    struct e1000e_ring r;
    struct e1000e_packet packet;
    void *ring;
    uint8_t *buffers;
    uint32_t head; /* the device's */
    uint32_t seed;
} t;

static int ring_make(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    t.seed = 4711;
    t.ring = calloc(1, E1000E_RING_BYTES); /* no byte more: ASan watches */
    t.buffers = malloc((size_t)E1000E_DESCRIPTORS * E1000E_BUFFER);
    assert_true(t.ring && t.buffers);
    e1000e_ring_init(&t.r, t.ring, t.buffers, DEVICE);
    return 0;
}

static int ring_drop(void **state)
{
    (void)state;
    free(t.ring);
    free(t.buffers);
    return 0;
}

static uint32_t random_below(uint32_t limit)
{
    t.seed ^= t.seed << 13;
    t.seed ^= t.seed >> 17;
    t.seed ^= t.seed << 5;
    return t.seed % limit;
}

static uint8_t *buffer_of(uint64_t address)
{
    assert_true(address >= DEVICE && (address - DEVICE) % E1000E_BUFFER == 0 &&
                (address - DEVICE) / E1000E_BUFFER < E1000E_DESCRIPTORS);
    return t.buffers + (address - DEVICE);
}

/* ---- sending ---- */

static uint8_t bytes[NET_FRAME_MAX];
static struct net_piece rest;

static struct net_frame frame_make(uint32_t length)
{
    uint32_t header = length < NET_HEADER_MAX ? length : NET_HEADER_MAX;

    for (uint32_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)random_below(256);
    be16_put(bytes + 12, NET_TYPE_IPV4);
    rest = (struct net_piece){bytes + header, length - header};
    return (struct net_frame){.header = bytes,
                              .header_length = header,
                              .pieces = &rest,
                              .piece_count = 1,
                              .length = length};
}

/* A frame of TCP over IPv4 without options, of @payload bytes to be cut into @mss. */
static struct net_frame segmented_make(uint32_t payload, uint16_t mss)
{
    const struct net_offload_wish wish = {.ip_checksum = true, .l4_checksum = true, .mss = mss};
    struct net_frame f = frame_make(54 + payload);

    memset(bytes + 14, 0, 40);
    bytes[14] = 0x45;
    be16_put(bytes + 16, (uint16_t)(40 + payload));
    bytes[22] = 64;
    bytes[23] = NET_IP_TCP;
    bytes[46] = 0x50;
    assert_null(net_offload_prepare(bytes, f.header_length, f.length, &wish, &f.offload));
    return f;
}

/* All of it at once. */
static enum net_taken send(const struct net_frame *f)
{
    struct e1000e_place place;
    enum net_taken taken = e1000e_send_begin(&t.r, f, &place);

    if (taken == NET_TAKEN) {
        e1000e_send_fill(&t.r, f, &place);
        assert_true(e1000e_send_end(&t.r, &place));
    }
    return taken;
}

static bool device_has(uint32_t kind)
{
    return (t.r.data[t.head].command & E1000E_KIND_DATA) == kind;
}

/* The sum from @at to the end (RFC 1071), as on the wire. */
static uint16_t sum_of(const uint8_t *packet, uint32_t at, uint32_t length)
{
    uint32_t sum = 0;

    for (uint32_t i = at; i < length; i++)
        sum += (uint32_t)packet[i] << ((i - at) % 2 == 0 ? 8 : 0);
    while (sum > 0xffff)
        sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)sum;
}

/* The device computes the next packet's checksum: it is a context and the data. */
static const uint8_t *device_send_summed(uint32_t *length)
{
    struct e1000e_context c = t.r.context[t.head];
    struct e1000e_data *d;
    uint8_t *packet;
    uint16_t sum;

    assert_int_equal(c.command & ~E1000E_COMMAND(E1000E_CONTEXT_TCP),
                     E1000E_KIND_CONTEXT |
                         E1000E_COMMAND(E1000E_SEND_REPORT | E1000E_CONTEXT_IPV4));
    t.r.context[t.head].status = E1000E_SEND_DONE;
    t.head = (t.head + 1) % E1000E_DESCRIPTORS;
    assert_int_not_equal(t.head, t.r.tail);
    d = &t.r.data[t.head];
    assert_int_equal(d->command & ~0xfffffu,
                     E1000E_KIND_DATA |
                         E1000E_COMMAND(E1000E_SEND_END | E1000E_SEND_CRC | E1000E_SEND_REPORT));
    assert_int_equal(d->options, E1000E_OPTION_L4_CHECKSUM);
    *length = d->command & 0xfffff;
    packet = buffer_of(d->address);
    sum = sum_of(packet, c.l4_start, *length);
    if (sum != 0xffff || (c.command & E1000E_COMMAND(E1000E_CONTEXT_TCP))) /* UDP has no 0 */
        sum = (uint16_t)~sum;
    be16_put(packet + c.l4_offset, sum);
    d->status = E1000E_SEND_DONE;
    t.head = (t.head + 1) % E1000E_DESCRIPTORS;
    return packet;
}

/* The device sends the next packet; its bytes, and *@length. */
static const uint8_t *device_send(uint32_t *length)
{
    struct e1000e_send *d = &t.r.send[t.head];

    assert_int_not_equal(t.head, t.r.tail);
    if (device_has(E1000E_KIND_CONTEXT))
        return device_send_summed(length);
    assert_int_equal(d->command, E1000E_SEND_END | E1000E_SEND_CRC | E1000E_SEND_REPORT);
    assert_int_equal(d->status, 0);
    *length = d->length;
    d->status = E1000E_SEND_DONE;
    t.head = (t.head + 1) % E1000E_DESCRIPTORS;
    return buffer_of(d->address);
}

static void frames_go_out_as_they_are(void **state)
{
    (void)state;
    for (uint32_t length = NET_ETHERNET_BYTES; length <= 1514; length++) {
        struct net_frame f = frame_make(length);
        const uint8_t *sent;
        uint32_t n;

        assert_int_equal(send(&f), NET_TAKEN);
        sent = device_send(&n);
        assert_int_equal(n, length);
        assert_memory_equal(sent, bytes, length);
    }
}

static void a_tag_goes_before_the_type(void **state)
{
    struct net_frame f = frame_make(1514);
    const uint8_t *sent;
    uint32_t n;

    (void)state;
    f.vlan = 0xa123;
    assert_int_equal(send(&f), NET_TAKEN);
    sent = device_send(&n);
    assert_int_equal(n, 1518);
    assert_memory_equal(sent, bytes, 12);
    assert_memory_equal(sent + 12, "\x81\0\xa1\x23", 4);
    assert_memory_equal(sent + 16, bytes + 12, 1502);
}

static void what_is_to_be_cut_is_cut(void **state)
{
    struct net_frame f = segmented_make(4000, 1460);
    uint32_t wanted[] = {1514, 1514, 1134}, at = 54;

    (void)state;
    assert_int_equal(send(&f), NET_TAKEN);
    for (int i = 0; i < 3; i++) {
        uint32_t n;
        const uint8_t *sent = device_send(&n);

        assert_int_equal(n, wanted[i]);
        assert_memory_equal(sent + 54, bytes + at, n - 54);
        at += n - 54;
    }
    assert_int_equal(t.head, t.r.next);
}

/* What the device sends is what software would. */
static void checksums_are_the_devices(void **state)
{
    const struct net_offload_wish wish = {.ip_checksum = true, .l4_checksum = true};

    (void)state;
    for (uint32_t round = 0; round < 3000; round++) {
        bool udp = round % 2, ip6 = round % 5 == 4;
        uint32_t l4 = ip6 ? 54 : 34, least = l4 + (udp ? 8 : 20), n;
        uint32_t length = least + random_below(1515 - least);
        uint8_t wanted[E1000E_BUFFER];
        struct net_frame f = frame_make(length);
        struct net_cursor cursor = {0};
        const uint8_t *sent;

        memset(bytes + 14, 0, l4 - 14);
        be16_put(bytes + 12, ip6 ? NET_TYPE_IPV6 : NET_TYPE_IPV4);
        bytes[14] = ip6 ? 0x60 : 0x45;
        bytes[ip6 ? 20 : 23] = udp ? NET_IP_UDP : NET_IP_TCP;
        be16_put(bytes + (ip6 ? 18 : 16), (uint16_t)(length - (ip6 ? l4 : 14)));
        if (!udp)
            bytes[l4 + 12] = 0x50;
        assert_null(net_offload_prepare(bytes, f.header_length, f.length, &wish, &f.offload));
        f.vlan = round % 3 == 0 ? 0x2345 : NET_VLAN_NONE;
        assert_int_equal(nic_frame_write(&f, &cursor, wanted), length + (f.vlan ? 4 : 0));
        assert_int_equal(send(&f), NET_TAKEN);
        assert_int_equal(device_has(E1000E_KIND_CONTEXT), !ip6);
        sent = device_send(&n);
        assert_int_equal(n, length + (f.vlan ? 4 : 0));
        assert_memory_equal(sent, wanted, n);
        assert_int_equal(t.head, t.r.tail);
    }
}

static void what_is_too_long_is_not_sent(void **state)
{
    struct net_frame f = frame_make(1515);

    (void)state;
    assert_int_equal(send(&f), NET_LOST);
    f = segmented_make(4000, 1461);
    assert_int_equal(send(&f), NET_LOST);
    assert_int_equal(t.r.next, 0);
}

/* Never so much that head and tail meet; and all segments of a frame, or none. */
static void without_room_nothing_is_sent(void **state)
{
    struct net_frame f = frame_make(60);
    uint32_t n;

    (void)state;
    for (f.sender = 0; f.sender < 1000; f.sender++)
        (void)send(&f);
    assert_int_equal(send(&f), NET_LOST);
    assert_int_equal(t.r.share.free, 1);
    (void)device_send(&n);
    (void)device_send(&n);
    f = segmented_make(4000, 1460);
    f.sender = 1001;
    assert_int_equal(send(&f), NET_LOST);
    for (uint32_t i = 0; i < 3; i++)
        (void)device_send(&n);
    assert_int_equal(send(&f), NET_TAKEN);
    assert_int_equal(send(&f), NET_CROWDED);
}

/* Half of the ring, and no more than the device takes of it: there is room for another's. */
static void one_that_floods_leaves_room_for_others(void **state)
{
    struct net_frame f = frame_make(60), other = segmented_make(4000, 1460);
    uint32_t sent = 0, n;

    (void)state;
    f.sender = 7;
    f.piece_count = 0; /* all is in its header; the piece is the other's */
    other.sender = 8;
    while (send(&f) == NET_TAKEN)
        sent++;
    assert_int_equal(sent, (E1000E_DESCRIPTORS - 1) / 2);
    assert_int_equal(send(&f), NET_CROWDED);
    for (uint32_t i = 0; i < 1000; i++) {
        if (i % 9 == 0) /* a third of what goes out */
            assert_int_equal(send(&other), NET_TAKEN);
        (void)send(&f);
        (void)send(&f);
        (void)device_send(&n);
    }
    while (t.head != t.r.tail)
        (void)device_send(&n);
    assert_int_equal(send(&f), NET_TAKEN);
    assert_int_equal(t.r.share.held[7], 1);
    assert_int_equal(t.r.share.held[8], 0);
}

/* Each is written while others are, and the device is told of what has nothing unwritten before. */
static void frames_are_written_in_any_order_and_sent_in_theirs(void **state)
{
    struct net_frame f = segmented_make(4000, 1460);
    struct e1000e_place places[4];
    uint32_t n;

    (void)state;
    for (uint32_t round = 0; round < 100; round++) {
        for (uint32_t i = 0; i < 4; i++)
            assert_int_equal(e1000e_send_begin(&t.r, &f, &places[i]), NET_TAKEN);
        e1000e_send_fill(&t.r, &f, &places[2]);
        assert_false(e1000e_send_end(&t.r, &places[2]));
        e1000e_send_fill(&t.r, &f, &places[1]);
        assert_false(e1000e_send_end(&t.r, &places[1]));
        assert_int_equal(t.r.tail, t.head);
        e1000e_send_fill(&t.r, &f, &places[0]);
        assert_true(e1000e_send_end(&t.r, &places[0]));
        assert_int_equal(t.r.tail, places[3].first);
        for (uint32_t i = 0; i < 9; i++)
            (void)device_send(&n);
        e1000e_send_fill(&t.r, &f, &places[3]);
        assert_true(e1000e_send_end(&t.r, &places[3]));
        for (uint32_t i = 0; i < 3; i++)
            (void)device_send(&n);
    }
}

/* ---- receiving ---- */

/* The device receives @length bytes, with @status and @errors. */
static void device_receive(uint32_t length, uint8_t status, uint8_t errors)
{
    struct e1000e_receive *d = &t.r.receive[t.head];

    assert_int_equal(d->status, 0);
    memcpy(buffer_of(d->address), bytes, length < E1000E_BUFFER ? length : E1000E_BUFFER);
    d->length = (uint16_t)length;
    d->errors = errors;
    d->status = status;
    t.head = (t.head + 1) % E1000E_DESCRIPTORS;
}

static void packets_come_in_and_their_buffers_go_back(void **state)
{
    (void)state;
    e1000e_receive_fill(&t.r);
    for (uint32_t length = NET_ETHERNET_BYTES; length <= 1518; length++) {
        const struct net_frame *f = &t.packet.frame;

        (void)frame_make(length);
        assert_int_equal(e1000e_receive_take(&t.r, &t.packet), E1000E_NOTHING);
        device_receive(length, E1000E_RECEIVE_DONE | E1000E_RECEIVE_END, 0);
        assert_int_equal(e1000e_receive_take(&t.r, &t.packet), E1000E_PACKET);
        assert_int_equal(f->length, length);
        assert_int_equal(f->header_length, length < NET_HEADER_MAX ? length : NET_HEADER_MAX);
        assert_memory_equal(f->header, bytes, f->header_length);
        assert_memory_equal(f->pieces[0].bytes, bytes + f->header_length,
                            length - f->header_length);
        (void)e1000e_receive_return(&t.r, &(uint32_t){0});
    }
}

/* A register is written for each exit that the card's emulation can take. */
static void the_device_is_told_of_buffers_once_a_burst(void **state)
{
    uint32_t told = 0, tail = 0;

    (void)state;
    e1000e_receive_fill(&t.r);
    (void)frame_make(60);
    assert_false(e1000e_receive_flush(&t.r, &tail));
    for (uint32_t i = 0; i < 10 * E1000E_BURST + 5; i++) {
        device_receive(60, E1000E_RECEIVE_DONE | E1000E_RECEIVE_END, 0);
        assert_int_equal(e1000e_receive_take(&t.r, &t.packet), E1000E_PACKET);
        if (!e1000e_receive_return(&t.r, &tail))
            continue;
        told++;
        assert_int_equal(tail, i % E1000E_DESCRIPTORS);
    }
    assert_int_equal(told, 10);
    assert_true(e1000e_receive_flush(&t.r, &tail));
    assert_int_equal(tail, (10 * E1000E_BURST + 4) % E1000E_DESCRIPTORS);
    assert_false(e1000e_receive_flush(&t.r, &tail));
}

static void is_bad(uint32_t length, uint8_t status, uint8_t errors)
{
    device_receive(length, status, errors);
    assert_int_equal(e1000e_receive_take(&t.r, &t.packet), E1000E_BAD_PACKET);
    (void)e1000e_receive_return(&t.r, &(uint32_t){0});
}

static void checksum_is_right_if_the_device_says_so(void **state)
{
    const uint8_t whole = E1000E_RECEIVE_DONE | E1000E_RECEIVE_END;

    (void)state;
    e1000e_receive_fill(&t.r);
    (void)frame_make(60);
    for (uint32_t i = 0; i < 8; i++) {
        bool summed = i & 1, ignore = i & 2, wrong = i & 4;

        device_receive(60,
                       (uint8_t)(whole | (summed ? E1000E_RECEIVE_L4_SUMMED : 0) |
                                 (ignore ? E1000E_RECEIVE_NOT_SUMMED : 0)),
                       wrong ? E1000E_RECEIVE_L4_WRONG : 0);
        assert_int_equal(e1000e_receive_take(&t.r, &t.packet), E1000E_PACKET);
        assert_int_equal(t.packet.frame.offload.flags,
                         summed && !ignore && !wrong ? NET_CHECKSUM_VALID : 0);
        (void)e1000e_receive_return(&t.r, &(uint32_t){0});
    }
}

static void what_is_not_whole_or_cannot_be_is_bad(void **state)
{
    const uint8_t whole = E1000E_RECEIVE_DONE | E1000E_RECEIVE_END;

    (void)state;
    e1000e_receive_fill(&t.r);
    (void)frame_make(1514);
    is_bad(1514, E1000E_RECEIVE_DONE, 0);
    for (uint32_t length = 0; length < NET_ETHERNET_BYTES; length++)
        is_bad(length, whole, 0);
    is_bad(E1000E_BUFFER + 1, whole, 0);
    is_bad(UINT16_MAX, whole, 0);
    is_bad(60, whole, 0x01); /* a wrong check sequence */
    is_bad(60, whole, 0x80);
    device_receive(60, whole, 0x60); /* wrong checksums of IP and TCP are not the card's business */
    assert_int_equal(e1000e_receive_take(&t.r, &t.packet), E1000E_PACKET);
}

#define RING_TEST(f) cmocka_unit_test_setup_teardown(f, ring_make, ring_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RING_TEST(frames_go_out_as_they_are),
        RING_TEST(a_tag_goes_before_the_type),
        RING_TEST(what_is_to_be_cut_is_cut),
        RING_TEST(checksums_are_the_devices),
        RING_TEST(what_is_too_long_is_not_sent),
        RING_TEST(without_room_nothing_is_sent),
        RING_TEST(one_that_floods_leaves_room_for_others),
        RING_TEST(frames_are_written_in_any_order_and_sent_in_theirs),
        RING_TEST(the_device_is_told_of_buffers_once_a_burst),
        RING_TEST(packets_come_in_and_their_buffers_go_back),
        RING_TEST(checksum_is_right_if_the_device_says_so),
        RING_TEST(what_is_not_whole_or_cannot_be_is_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
