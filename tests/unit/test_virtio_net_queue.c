/* SPDX-License-Identifier: MIT */
/* tests/unit/test_virtio_net_queue.c - packets of a virtio network device, with a device that does
 * as the specification says (Virtio 1.2, 5.1.6), or lies. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/big_endian.h>
#include "drivers/virtio_net_queue.h"

#define SIZE   16u
#define DEVICE 0x7000000000ull /* what the device adds to a buffer's place */
#define HEADER sizeof(struct virtio_net_header)

static struct {
    struct virtio_net_queue q;
    struct virtio_net_packet packet;
    void *ring;
    uint8_t *buffers;
    uint16_t taken, returned; /* by the device */
    uint8_t wire[100000];     /* what it sends */
    uint32_t wire_length;
    uint32_t seed, senders;
} t;

static void queue_make(uint32_t buffer_bytes)
{
    free(t.ring);
    free(t.buffers);
    memset(&t, 0, sizeof(t));
    t.seed = 4711;
    t.ring = malloc(virtio_ring_bytes(SIZE)); /* no byte more: ASan watches */
    t.buffers = malloc((size_t)SIZE * buffer_bytes);
    assert_true(t.ring && t.buffers);
    virtio_net_queue_init(&t.q, t.ring, SIZE, true, t.buffers, DEVICE, buffer_bytes);
}

static int send_make(void **state)
{
    (void)state;
    queue_make(VIRTIO_NET_SEND_BUFFER);
    return 0;
}

static int receive_make(void **state)
{
    (void)state;
    queue_make(VIRTIO_NET_RECEIVE_BUFFER);
    virtio_net_receive_fill(&t.q);
    (void)virtio_ring_publish(&t.q.ring);
    return 0;
}

static int queue_drop(void **state)
{
    (void)state;
    free(t.ring);
    free(t.buffers);
    t.ring = NULL;
    t.buffers = NULL;
    return 0;
}

static uint32_t random_below(uint32_t limit)
{
    t.seed ^= t.seed << 13;
    t.seed ^= t.seed >> 17;
    t.seed ^= t.seed << 5;
    return t.seed % limit;
}

/* The device takes the next chain; its head. */
static uint16_t device_take(void)
{
    assert_int_not_equal(t.taken, t.q.ring.available->index);
    return t.q.ring.available->ring[t.taken++ % SIZE];
}

static void device_return(uint32_t id, uint32_t length)
{
    t.q.ring.used->ring[t.returned % SIZE] =
        (struct virtio_used_element){.id = id, .length = length};
    t.q.ring.used->index = ++t.returned;
}

static uint8_t *memory_of(const struct virtio_descriptor *d)
{
    assert_true(d->address >= DEVICE &&
                d->address + d->length <= DEVICE + (uint64_t)SIZE * t.q.buffer_bytes);
    return t.buffers + (d->address - DEVICE);
}

/* ---- sending ---- */

/* The device sends the next chain: it is on the wire then. The chain's head. */
static uint16_t device_send(void)
{
    uint16_t head = device_take(), id = head;
    const struct virtio_descriptor *d;

    t.wire_length = 0;
    do {
        assert_true(id < SIZE);
        d = &t.q.ring.descriptors[id];
        assert_int_equal(d->flags & ~VIRTIO_DESCRIPTOR_NEXT, 0);
        assert_true(d->length > 0);
        memcpy(t.wire + t.wire_length, memory_of(d), d->length);
        t.wire_length += d->length;
        id = d->next;
    } while (d->flags & VIRTIO_DESCRIPTOR_NEXT);
    return head;
}

/* A frame of @length bytes in a private header and three pieces. */
static struct frame_source {
    uint8_t bytes[NET_FRAME_MAX];
    struct net_piece pieces[3];
} source;

static struct net_frame frame_make(uint32_t length)
{
    uint32_t header = length < NET_HEADER_MAX ? length : NET_HEADER_MAX,
             third = (length - header) / 3;
    struct net_frame f = {.header = source.bytes,
                          .header_length = header,
                          .pieces = source.pieces,
                          .piece_count = 3,
                          .length = length};

    for (uint32_t i = 0; i < length; i++)
        source.bytes[i] = (uint8_t)random_below(256);
    be16_put(source.bytes + 12, NET_TYPE_IPV4);
    source.pieces[0] = (struct net_piece){source.bytes + header, third};
    source.pieces[1] = (struct net_piece){source.bytes + header + third, third};
    source.pieces[2] =
        (struct net_piece){source.bytes + header + 2 * third, length - header - 2 * third};
    return f;
}

static enum net_taken send(const struct net_frame *f, bool cut)
{
    struct virtio_net_place place;
    enum net_taken taken = virtio_net_send_begin(&t.q, f, cut, &place);

    if (taken == NET_TAKEN) {
        virtio_net_send_fill(&t.q, f, &place);
        virtio_net_send_end(&t.q, f, &place);
        (void)virtio_ring_publish(&t.q.ring);
    }
    return taken;
}

/* By a sender who has nothing in the ring yet. */
static void frame_goes_out(const struct net_frame *f)
{
    struct net_frame own = *f;

    own.sender = (uint16_t)(++t.senders % NET_SENDERS);
    assert_int_equal(send(&own, false), NET_TAKEN);
}

static void a_frame_goes_out_whole_behind_its_header(void **state)
{
    static const uint32_t lengths[] = {14, 60, 127, 128, 129, 1514, 4083, 4084, 4085, 9014, 32756};
    static const uint8_t zeros[HEADER];

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint32_t length = lengths[i]; /* the last takes half of the buffers */
        struct net_frame f = frame_make(length);

        frame_goes_out(&f);
        device_return(device_send(), 0);
        assert_int_equal(t.wire_length, HEADER + length);
        assert_memory_equal(t.wire, zeros, HEADER);
        assert_memory_equal(t.wire + HEADER, source.bytes, length);
        assert_true(virtio_net_sent_take(&t.q));
        assert_int_equal(t.q.free_count, SIZE);
    }
}

static void a_tag_goes_before_the_type(void **state)
{
    struct net_frame f = frame_make(200);

    (void)state;
    f.vlan = 0xa123;
    frame_goes_out(&f);
    (void)device_send();
    assert_int_equal(t.wire_length, HEADER + 204);
    assert_memory_equal(t.wire + HEADER, source.bytes, 12);
    assert_memory_equal(t.wire + HEADER + 12, "\x81\0\xa1\x23", 4);
    assert_memory_equal(t.wire + HEADER + 16, source.bytes + 12, 188);
}

static void the_header_says_what_the_device_is_to_do(void **state)
{
    struct net_frame f = frame_make(3000);
    struct virtio_net_header h;

    (void)state;
    f.offload =
        (struct net_offload){.flags = NET_CHECKSUM_NEEDED, .checksum_offset = 16, .l4_offset = 34};
    frame_goes_out(&f);
    (void)device_send();
    memcpy(&h, t.wire, sizeof(h));
    assert_int_equal(h.flags, VIRTIO_NET_HEADER_NEEDS_CHECKSUM);
    assert_int_equal(h.segments, VIRTIO_NET_SEGMENTS_NONE);
    assert_int_equal(h.checksum_start, 34);
    assert_int_equal(h.checksum_offset, 16);
    f.offload.mss = 1448;
    f.offload.payload_offset = 66;
    f.vlan = 5; /* which moves everything */
    frame_goes_out(&f);
    (void)device_send();
    memcpy(&h, t.wire, sizeof(h));
    assert_int_equal(h.segments, VIRTIO_NET_SEGMENTS_TCP4);
    assert_int_equal(h.segment_size, 1448);
    assert_int_equal(h.header_length, 70);
    assert_int_equal(h.checksum_start, 38);
    be16_put(source.bytes + 12, NET_TYPE_IPV6);
    frame_goes_out(&f);
    (void)device_send();
    memcpy(&h, t.wire, sizeof(h));
    assert_int_equal(h.segments, VIRTIO_NET_SEGMENTS_TCP6);
}

static void without_room_nothing_changes(void **state)
{
    struct net_frame two = frame_make(5000), one = two;
    uint16_t heads[SIZE / 2];

    (void)state;
    one.piece_count = 0;
    one.length = one.header_length;
    for (uint32_t i = 0; i < SIZE / 2 - 1; i++)
        frame_goes_out(&two);
    assert_int_equal(t.q.free_count, 2);
    two.sender = 900;
    assert_int_equal(send(&two, false), NET_LOST);
    frame_goes_out(&one);
    assert_int_equal(t.q.free_count, 1);
    for (uint32_t i = 0; i < SIZE / 2; i++)
        heads[i] = device_send();
    assert_int_equal(t.taken, t.q.ring.available->index);
    device_return(heads[3], 0);
    assert_true(virtio_net_sent_take(&t.q));
    assert_int_equal(t.q.free_count, 3);
    frame_goes_out(&one);
    two = frame_make(65525); /* more than the ring has */
    assert_int_equal(send(&two, false), NET_LOST);
    assert_int_equal(t.q.free_count, 2);
}

/* A sender has half of the ring, counted by descriptors, and the next one finds some. */
static void one_that_floods_leaves_room_for_others(void **state)
{
    struct net_frame f = frame_make(5000);
    uint32_t sent = 0;

    (void)state;
    f.sender = 7;
    while (send(&f, false) == NET_TAKEN)
        sent += 2;
    assert_int_equal(sent, SIZE / 2);
    assert_int_equal(send(&f, false), NET_CROWDED);
    f.sender = 8;
    assert_int_equal(send(&f, false), NET_TAKEN);
    while (t.taken != t.q.ring.available->index)
        device_return(device_send(), 0);
    assert_true(virtio_net_sent_take(&t.q));
    assert_int_equal(t.q.share.free, SIZE);
    assert_int_equal(t.q.share.held[7] + t.q.share.held[8], 0);
}

/* What is not put into the ring yet is none of the device's, whatever it says. */
static void frames_are_written_in_any_order(void **state)
{
    struct net_frame f = frame_make(200);
    struct virtio_net_place places[3];

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        f.sender = (uint16_t)i;
        assert_int_equal(virtio_net_send_begin(&t.q, &f, false, &places[i]), NET_TAKEN);
    }
    for (uint32_t i = 3; i-- > 1;) {
        f.sender = (uint16_t)i;
        virtio_net_send_fill(&t.q, &f, &places[i]);
        virtio_net_send_end(&t.q, &f, &places[i]);
        (void)virtio_ring_publish(&t.q.ring);
        device_return(device_send(), 0);
        assert_int_equal(t.wire_length, HEADER + 200);
        assert_memory_equal(t.wire + HEADER, source.bytes, 200);
        assert_true(virtio_net_sent_take(&t.q));
    }
    assert_int_equal(t.q.free_count, SIZE - 1);
    device_return(places[0].first, 0);
    assert_false(virtio_net_sent_take(&t.q));
    assert_true(t.q.broken);
}

/* For a device that does neither checksums nor segments. */
static void what_is_to_be_cut_is_cut_into_buffers(void **state)
{
    static const uint8_t zeros[HEADER];
    const struct net_offload_wish wish = {.ip_checksum = true, .l4_checksum = true, .mss = 1460};
    static const uint32_t wanted[] = {1514, 1514, 1134};
    struct net_frame f = frame_make(54 + 4000);
    uint32_t at = 54;

    (void)state;
    memset(source.bytes + 14, 0, 40);
    source.bytes[14] = 0x45;
    source.bytes[23] = NET_IP_TCP;
    source.bytes[46] = 0x50;
    assert_null(net_offload_prepare(source.bytes, f.header_length, f.length, &wish, &f.offload));
    f.vlan = 0xa123;
    assert_int_equal(send(&f, true), NET_TAKEN);
    assert_int_equal(t.q.free_count, SIZE - 3);
    for (int i = 0; i < 3; i++) {
        device_return(device_send(), 0);
        assert_int_equal(t.wire_length, HEADER + NET_VLAN_BYTES + wanted[i]);
        assert_memory_equal(t.wire, zeros, HEADER);
        assert_memory_equal(t.wire + HEADER + 12, "\x81\0\xa1\x23\x08\0\x45", 7);
        assert_memory_equal(t.wire + HEADER + NET_VLAN_BYTES + 54, source.bytes + at,
                            wanted[i] - 54);
        at += wanted[i] - 54;
    }
    assert_true(virtio_net_sent_take(&t.q));
    assert_int_equal(t.q.free_count, SIZE);
    assert_int_equal(t.q.share.free, SIZE);
}

static void many_frames_of_any_length_come_out_as_they_went_in(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct net_frame f = frame_make(14 + random_below(12000));

        frame_goes_out(&f);
        device_return(device_send(), 0);
        assert_int_equal(t.wire_length, HEADER + f.length);
        assert_memory_equal(t.wire + HEADER, source.bytes, f.length);
        assert_true(virtio_net_sent_take(&t.q));
    }
    assert_int_equal(t.q.free_count, SIZE);
}

/* ---- a device that lies ---- */

static void is_broken_for_good(void)
{
    assert_false(virtio_net_sent_take(&t.q));
    assert_true(t.q.broken);
    assert_false(virtio_net_sent_take(&t.q));
}

static void a_chain_that_does_not_exist_breaks_it(void **state)
{
    static const uint32_t ids[] = {SIZE, 0x10000, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct net_frame f = frame_make(60);

        queue_make(VIRTIO_NET_SEND_BUFFER);
        frame_goes_out(&f);
        (void)device_send();
        device_return(ids[i], 0);
        is_broken_for_good();
    }
}

static void a_chain_that_is_not_out_breaks_it(void **state)
{
    struct net_frame f = frame_make(60), two;
    uint16_t head;

    (void)state;
    frame_goes_out(&f);
    head = device_send();
    device_return((head + 1u) % SIZE, 0);
    is_broken_for_good();
    (void)send_make(state);
    frame_goes_out(&f);
    frame_goes_out(&f);
    head = device_send();
    device_return(head, 0);
    device_return(head, 0); /* a second time */
    is_broken_for_good();
    (void)send_make(state);
    two = frame_make(5000);
    frame_goes_out(&two);
    head = device_send();
    device_return(t.q.ring.descriptors[head].next, 0); /* the middle of a chain */
    is_broken_for_good();
    (void)send_make(state);
    t.q.ring.used->index = 1; /* what never went out */
    is_broken_for_good();
}

/* ---- receiving ---- */

/* The device receives @length bytes into the next buffer, behind @header bytes that are there. */
static uint16_t device_receive(const uint8_t *bytes, uint32_t length, uint32_t header)
{
    uint16_t id = device_take();
    const struct virtio_descriptor *d = &t.q.ring.descriptors[id];

    assert_int_equal(d->flags, VIRTIO_DESCRIPTOR_WRITE);
    assert_int_equal(d->length, VIRTIO_NET_RECEIVE_BUFFER);
    memcpy(memory_of(d) + header, bytes, length);
    return id;
}

/* A packet of the wire's @length bytes over as many buffers as it takes, which it says are @said.
 */
static void packet_comes_in(uint32_t length, uint16_t said)
{
    struct virtio_net_header h = {.buffer_count = said};
    uint32_t done = VIRTIO_NET_RECEIVE_BUFFER - HEADER;
    uint16_t id;

    if (done > length)
        done = length;
    id = device_receive(t.wire, done, HEADER);
    memcpy(t.buffers + (size_t)id * VIRTIO_NET_RECEIVE_BUFFER, &h, HEADER);
    device_return(id, (uint32_t)HEADER + done);
    while (done < length) {
        uint32_t n =
            length - done < VIRTIO_NET_RECEIVE_BUFFER ? length - done : VIRTIO_NET_RECEIVE_BUFFER;

        device_return(device_receive(t.wire + done, n, 0), n);
        done += n;
    }
}

static void wire_fill(void)
{
    for (uint32_t i = 0; i < sizeof(t.wire); i++)
        t.wire[i] = (uint8_t)random_below(256);
    be16_put(t.wire + 12, NET_TYPE_IPV4);
}

/* The packet that was taken is the wire's @length bytes. */
static void packet_is(uint32_t length)
{
    const struct net_frame *f = &t.packet.frame;
    uint32_t at = f->header_length;

    assert_int_equal(f->length, length);
    assert_int_equal(f->header_length, length < NET_HEADER_MAX ? length : NET_HEADER_MAX);
    assert_memory_equal(f->header, t.wire, f->header_length);
    assert_true(f->header < t.buffers || f->header >= t.buffers + (size_t)SIZE * 2048);
    for (uint32_t i = 0; i < f->piece_count; i++) {
        assert_memory_equal(f->pieces[i].bytes, t.wire + at, f->pieces[i].length);
        at += f->pieces[i].length;
    }
    assert_int_equal(at, length);
}

static void packet_back(void)
{
    virtio_net_receive_return(&t.q, &t.packet);
    (void)virtio_ring_publish(&t.q.ring);
}

static void packets_of_all_lengths_come_in(void **state)
{
    (void)state;
    wire_fill();
    for (uint32_t length = NET_ETHERNET_BYTES; length <= 9014; length += 1 + length / 50) {
        uint16_t buffers = (uint16_t)((length + HEADER + 2047) / 2048);

        packet_comes_in(length, buffers);
        assert_int_equal(virtio_net_receive_take(&t.q, true, &t.packet), VIRTIO_NET_PACKET);
        packet_is(length);
        assert_int_equal(t.packet.frame.vlan, NET_VLAN_NONE);
        assert_int_equal(virtio_net_receive_take(&t.q, true, &(struct virtio_net_packet){0}),
                         VIRTIO_NET_NOTHING);
        packet_back();
        assert_int_equal(t.q.free_count, 0);
    }
}

static void a_tag_is_taken_out(void **state)
{
    static const uint8_t tag[] = {0x81, 0, 0xe1, 0x23};
    uint8_t plain[300];

    (void)state;
    wire_fill();
    memcpy(plain, t.wire, sizeof(plain));
    for (uint32_t length = 18; length < sizeof(plain); length++) {
        memcpy(t.wire, plain, 12);
        memcpy(t.wire + 12, tag, sizeof(tag));
        memcpy(t.wire + 16, plain + 12, length - 16);
        packet_comes_in(length, 1);
        assert_int_equal(virtio_net_receive_take(&t.q, true, &t.packet), VIRTIO_NET_PACKET);
        assert_int_equal(t.packet.frame.vlan, 0xe123);
        memcpy(t.wire, plain, sizeof(plain));
        packet_is(length - 4);
        packet_back();
    }
}

static void what_is_no_frame_or_too_long_is_dropped(void **state)
{
    (void)state;
    wire_fill();
    for (uint32_t length = 0; length < NET_ETHERNET_BYTES; length++) {
        packet_comes_in(length, 1);
        assert_int_equal(virtio_net_receive_take(&t.q, true, &t.packet), VIRTIO_NET_BAD_PACKET);
        (void)virtio_ring_publish(&t.q.ring);
    }
    packet_comes_in(2048 * 9 - HEADER, 9); /* one buffer more than a packet may have */
    assert_int_equal(virtio_net_receive_take(&t.q, true, &t.packet), VIRTIO_NET_BAD_PACKET);
    (void)virtio_ring_publish(&t.q.ring);
    assert_int_equal(t.q.free_count, 0);
    packet_comes_in(2048 * 8 - HEADER, 8);
    assert_int_equal(virtio_net_receive_take(&t.q, true, &t.packet), VIRTIO_NET_PACKET);
    packet_is(2048 * 8 - HEADER);
}

/* The device says @said buffers, and that the first is @length long; it returned one. */
static void device_lies(uint16_t said, uint32_t length, enum virtio_net_received result)
{
    uint16_t id;
    struct virtio_net_header h = {.buffer_count = said};

    queue_make(VIRTIO_NET_RECEIVE_BUFFER);
    virtio_net_receive_fill(&t.q);
    (void)virtio_ring_publish(&t.q.ring);
    wire_fill();
    id = device_receive((const uint8_t *)&h, HEADER, 0);
    device_return(id, length);
    assert_int_equal(virtio_net_receive_take(&t.q, true, &t.packet), result);
    assert_int_equal(t.q.broken, result == VIRTIO_NET_BROKEN);
}

static void a_device_that_lies_of_buffers_is_broken(void **state)
{
    (void)state;
    device_lies(0, 100, VIRTIO_NET_BROKEN);
    device_lies(SIZE + 1, 100, VIRTIO_NET_BROKEN);
    device_lies(UINT16_MAX, 100, VIRTIO_NET_BROKEN);
    device_lies(2, 2048, VIRTIO_NET_BROKEN); /* and does not return the second */
    device_lies(1, HEADER - 1, VIRTIO_NET_BROKEN);
    device_lies(1, 0, VIRTIO_NET_BROKEN);
    device_lies(1, 2049, VIRTIO_NET_BROKEN);
    device_lies(1, UINT32_MAX, VIRTIO_NET_BROKEN);
    device_lies(1, 2048, VIRTIO_NET_PACKET);
}

static void buffers_that_are_not_full_make_no_packet(void **state)
{
    uint16_t id;
    struct virtio_net_header h = {.buffer_count = 2};

    (void)state;
    wire_fill();
    id = device_receive((const uint8_t *)&h, HEADER, 0);
    device_return(id, 100);
    device_return(device_receive(t.wire, 50, 0), 50);
    assert_int_equal(virtio_net_receive_take(&t.q, true, &t.packet), VIRTIO_NET_BAD_PACKET);
    assert_int_equal(t.q.free_count, 0);
}

/* Without MRG_RXBUF nobody looks at how many buffers it is said to go over. */
static void without_merging_each_buffer_is_a_packet(void **state)
{
    (void)state;
    wire_fill();
    packet_comes_in(1514, 0);
    assert_int_equal(virtio_net_receive_take(&t.q, false, &t.packet), VIRTIO_NET_PACKET);
    packet_is(1514);
}

#define SEND_TEST(f)    cmocka_unit_test_setup_teardown(f, send_make, queue_drop)
#define RECEIVE_TEST(f) cmocka_unit_test_setup_teardown(f, receive_make, queue_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SEND_TEST(a_frame_goes_out_whole_behind_its_header),
        SEND_TEST(a_tag_goes_before_the_type),
        SEND_TEST(the_header_says_what_the_device_is_to_do),
        SEND_TEST(without_room_nothing_changes),
        SEND_TEST(one_that_floods_leaves_room_for_others),
        SEND_TEST(frames_are_written_in_any_order),
        SEND_TEST(what_is_to_be_cut_is_cut_into_buffers),
        SEND_TEST(many_frames_of_any_length_come_out_as_they_went_in),
        SEND_TEST(a_chain_that_does_not_exist_breaks_it),
        SEND_TEST(a_chain_that_is_not_out_breaks_it),
        RECEIVE_TEST(packets_of_all_lengths_come_in),
        RECEIVE_TEST(a_tag_is_taken_out),
        RECEIVE_TEST(what_is_no_frame_or_too_long_is_dropped),
        RECEIVE_TEST(a_device_that_lies_of_buffers_is_broken),
        RECEIVE_TEST(buffers_that_are_not_full_make_no_packet),
        RECEIVE_TEST(without_merging_each_buffer_is_a_packet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
