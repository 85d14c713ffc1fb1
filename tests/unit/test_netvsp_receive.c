/* SPDX-License-Identifier: MIT */
/* test_netvsp_receive.c - frames to a child: what its buffer and its ring get, what comes with a
 * frame, which channel it takes; and a child that never gives sections back, or too many. */
#include <rt/big_endian.h>
#include "netvsp_fixture.h"

/* The key of the examples of receive-side scaling, which everybody tests with. */
static const uint8_t key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

static uint8_t frame[10000];

static void plain(uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        frame[i] = (uint8_t)(i * 5 + length);
    memcpy(frame, world_address, NET_ADDRESS_BYTES);
    be16_put(frame + 12, 0x88b5);
}

static void tcp(uint32_t length, uint32_t source, uint32_t destination, uint16_t from, uint16_t to)
{
    plain(length);
    be16_put(frame + 12, NET_TYPE_IPV4);
    memset(frame + 14, 0, 40);
    frame[14] = 0x45;
    be16_put(frame + 16, (uint16_t)(length - 14));
    frame[23] = NET_IP_TCP;
    be32_put(frame + 26, source);
    be32_put(frame + 30, destination);
    be16_put(frame + 34, from);
    be16_put(frame + 36, to);
    frame[46] = 0x50;
}

/* Range @i of @p as a frame: its head; *@data is what is in it. */
static struct rndis_packet head_of(const struct world_packet *p, uint32_t i, const uint8_t **data)
{
    const uint8_t *message = world_section(p, i);
    struct rndis_packet m;

    memcpy(&m, message, sizeof(m));
    assert_int_equal(m.header.type, RNDIS_PACKET);
    assert_int_equal(m.header.length, p->ranges[i].length);
    assert_true(8 + m.data_offset + m.data_length == m.header.length);
    *data = message + 8 + m.data_offset;
    return m;
}

/* The per-packet information of @type in range @i; false: there is none. */
static bool info_of(const struct world_packet *p, uint32_t i, uint32_t type, uint32_t *value)
{
    const uint8_t *message = world_section(p, i), *data;
    struct rndis_packet m = head_of(p, i, &data);
    struct rndis_info info;

    for (uint32_t at = 0; at < m.info_length; at += info.size) {
        memcpy(&info, message + 8 + m.info_offset + at, sizeof(info));
        assert_int_equal(info.size, 16);
        memcpy(value, message + 8 + m.info_offset + at + info.offset, 4);
        if (info.type == type)
            return true;
    }
    return false;
}

/* @count frames of @length by the switch's port @sender. */
static void receive_from(uint16_t sender, uint32_t count, uint32_t length)
{
    struct net_frame f = {.header = frame, .length = length, .sender = sender};

    f.header_length = length < NET_HEADER_MAX ? length : NET_HEADER_MAX;
    f.pieces =
        &(struct net_piece){.bytes = frame + f.header_length, .length = length - f.header_length};
    f.piece_count = 1;
    while (count-- > 0)
        (void)netvsp_receive(&world.device, &f);
}

static struct world_packet *receive(uint32_t length)
{
    unsigned from = world.packet_count;

    world_receive(frame, length);
    world_run();
    return world_sections(from);
}

static void receive_with(struct net_frame f, uint32_t length)
{
    struct net_piece piece = {.bytes = frame + 128, .length = length - 128};

    f.header = frame;
    f.header_length = 128;
    f.pieces = &piece;
    f.piece_count = 1;
    f.length = length;
    netvsp_receive(&world.device, &f);
    world_run();
}

/* ---- what comes ---- */

static void frames_arrive_as_they_are(void **state)
{
    (void)state;
    for (uint32_t length = NET_ETHERNET_BYTES; length <= 1514; length += 100) {
        const uint8_t *data;
        struct world_packet *p;

        plain(length);
        p = receive(length);
        assert_non_null(p);
        assert_int_equal(p->channel, 0);
        assert_int_equal(p->page_set, NVSP_RECEIVE_BUFFER_ID);
        assert_int_equal(p->flags, VMBUS_PACKET_FLAG_COMPLETION);
        assert_int_equal(p->range_count, 1);
        assert_int_equal(head_of(p, 0, &data).data_length, length);
        assert_memory_equal(data, frame, length);
        world_complete(p);
    }
    assert_int_equal(world_statistics().received_frames, 16);
    assert_int_equal(world.logged, 0);
}

static void frames_share_a_packet(void **state)
{
    struct world_packet *p;

    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        plain(100 + i);
        receive_from((uint16_t)(i % 4), 1, 100 + i);
    }
    world_run();
    p = world_sections(0);
    assert_int_equal(world.packet_count, 2);
    assert_int_equal(p[0].range_count, 32);
    assert_int_equal(p[1].range_count, 8);
    for (uint32_t i = 0; i < 40; i++) { /* in their order */
        const uint8_t *data;

        assert_int_equal(head_of(&p[i / 32], i % 32, &data).data_length, 100 + i);
    }
    world_complete(&p[1]);
    world_complete(&p[0]);
}

static void tags_and_checksums_are_told(void **state)
{
    struct ndis_offload_parameters o = {.header = {NDIS_OBJECT_DEFAULT, 1, sizeof(o)},
                                        .tcp4_checksum = NDIS_PARAMETER_BOTH};
    struct net_frame f = {.vlan = 0x6005, .offload = {.flags = NET_CHECKSUM_VALID}};
    struct world_packet *p;
    uint32_t value;

    (void)state;
    tcp(500, 1, 2, 3, 4);
    receive_with(f, 500);
    p = world_sections(0);
    assert_true(info_of(p, 0, RNDIS_INFO_8021Q, &value));
    assert_int_equal(rndis_vlan_tag(value), 0x6005);
    assert_false(info_of(p, 0, RNDIS_INFO_CHECKSUM, &value)); /* it did not ask */
    assert_int_equal(world_set(OID_TCP_OFFLOAD_PARAMETERS, &o, sizeof(o)), 0);
    world.packet_count = 0;
    receive_with(f, 500);
    assert_true(info_of(world_sections(0), 0, RNDIS_INFO_CHECKSUM, &value));
    assert_int_equal(value, RNDIS_CHECKSUM_TCP_SUCCEEDED | RNDIS_CHECKSUM_IP_SUCCEEDED);
    f.offload.flags = 0;
    world.packet_count = 0;
    receive_with(f, 500);
    assert_false(info_of(world_sections(0), 0, RNDIS_INFO_CHECKSUM, &value));
}

static uint32_t plain_sum(const uint8_t *bytes, uint32_t length, uint32_t sum)
{
    for (uint32_t i = 0; i < length; i++) {
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static void large_frames_are_cut_and_complete(void **state)
{
    struct net_offload_wish wish = {.mss = 1460};
    struct net_frame f = {0};
    struct world_packet *p;
    uint32_t at = 54;

    (void)state;
    tcp(9000, 1, 2, 3, 4);
    assert_null(net_offload_prepare(frame, 128, 9000, &wish, &f.offload));
    receive_with(f, 9000);
    p = world_sections(0);
    assert_int_equal(p->range_count, 7);
    for (uint32_t i = 0; i < 7; i++) {
        const uint8_t *data;
        uint32_t bytes = head_of(p, i, &data).data_length;

        assert_int_equal(bytes, i < 6 ? 1514 : 54 + 8946 - 6 * 1460);
        assert_memory_equal(data + 54, frame + at, bytes - 54);
        assert_int_equal(
            plain_sum(data + 34, bytes - 34, plain_sum(data + 26, 8, NET_IP_TCP + bytes - 34)),
            0xffff);
        at += bytes - 54;
    }
    assert_int_equal(at, 9000);
}

/* ---- what does not ---- */

static void the_filter_lets_through_what_was_asked_for(void **state)
{
    static const struct {
        uint32_t filter;
        const char *passes; /* of: own address, another's, broadcast, listed, other multicast */
    } rows[] = {
        {0, "....."},
        {NDIS_FILTER_DIRECTED, "x...."},
        {NDIS_FILTER_BROADCAST, "..x.."},
        {NDIS_FILTER_MULTICAST, "...x."},
        {NDIS_FILTER_ALL_MULTICAST, "...xx"},
        {NDIS_FILTER_PROMISCUOUS, "xxxxx"},
        {0xd, "x.xxx"},
    };
    static const uint8_t to[5][6] = {{0x02, 0x15, 0x5d, 1, 2, 3},
                                     {0x02, 0x15, 0x5d, 1, 2, 4},
                                     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
                                     {1, 0, 0x5e, 0, 0, 1},
                                     {1, 0, 0x5e, 0, 0, 2}};

    (void)state;
    assert_int_equal(world_set(OID_802_3_MULTICAST_LIST, to[3], 6), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(world_set(OID_GEN_CURRENT_PACKET_FILTER, &rows[i].filter, 4), 0);
        for (uint32_t k = 0; k < 5; k++) {
            struct world_packet *p;

            plain(100);
            memcpy(frame, to[k], 6);
            p = receive(100);
            assert_int_equal(p != NULL, rows[i].passes[k] == 'x');
            if (p)
                world_complete(p);
        }
    }
    assert_int_equal(world_statistics().filtered, 5 + 4 + 4 + 4 + 3 + 0 + 1);
}

static void frames_longer_than_the_mtu_are_lost(void **state)
{
    (void)state;
    plain(1515);
    assert_null(receive(1515));
    assert_int_equal(world_statistics().lost_too_long, 1);
}

static void without_a_link_frames_are_lost(void **state)
{
    (void)state;
    plain(100);
    netvsp_link_set(&world.device, false);
    world_receive(frame, 100);
    world_run();
    world.packet_count = 0; /* the indication */
    assert_null(receive(100));
    assert_int_equal(world_statistics().lost_no_link, 2);
    netvsp_link_set(&world.device, true);
    world_run();
    assert_non_null(receive(100));
    assert_int_equal(world_statistics().received_frames, 1);
}

static void without_a_buffer_frames_are_lost(void **state)
{
    struct nvsp_message revoke = {.type = NVSP_RECEIVE_BUFFER_REVOKE,
                                  .revoke_id = NVSP_RECEIVE_BUFFER_ID};

    (void)state;
    plain(100);
    world_receive(frame, 100); /* it is queued, and gone */
    world_tell(0, &revoke);
    world.packet_count = 0;
    assert_null(receive(100));
    assert_int_equal(world_statistics().lost_not_ready, 1);
    assert_int_equal(world.got[WORLD_RECEIVE], 0);
}

/* ---- sections ---- */

static void a_child_that_gives_nothing_back_loses_frames(void **state)
{
    uint32_t sections = world.device.receive.section_count - NETVSP_CONTROL;
    struct netvsp_statistics s;
    uint32_t answer;

    (void)state;
    plain(1514);
    receive_from(1, 10 * sections, 1514);
    world_run();
    s = world_statistics();
    assert_int_equal(s.received_frames, sections / 2); /* who sends has no more than is left */
    assert_int_equal(s.lost_share, 10 * sections - sections / 2);
    for (uint16_t i = 2; i < NET_SENDERS; i++)
        receive_from(i, 1, 1514); /* there may be others, but some day there is none left */
    world_run();
    s = world_statistics();
    assert_int_equal(s.received_frames, sections - 1);
    assert_true(s.lost_no_buffer > 0);
    /* Control messages have sections of their own. */
    assert_int_equal(world_query(OID_GEN_RCV_NO_BUFFER, NULL, 0, &answer, &sections), 0);
    assert_int_equal(answer, s.lost_no_buffer + s.lost_share);
    world_complete(world_sections(0)); /* as many as it gives back, it gets */
    world.packet_count = 0;
    for (uint16_t i = 100; i < 200; i++)
        receive_from(i, 1, 1514);
    world_run();
    assert_int_equal(world_statistics().received_frames, s.received_frames + 32 - 4);
}

/* While one floods, and the child is slow, the other's frames come. */
static void who_floods_leaves_sections_for_others(void **state)
{
    unsigned of_victim = 0;

    (void)state;
    for (uint32_t round = 0; round < 50; round++) {
        plain(1000);
        receive_from(3, 200, 1000);
        plain(100);
        receive_from(4, 2, 100);
        world_run();
        for (unsigned i = 0; i < world.packet_count; i++) {
            for (uint32_t k = 0; k < world.packets[i].range_count; k++) {
                const uint8_t *data;

                of_victim += head_of(&world.packets[i], k, &data).data_length == 100;
            }
            world_complete(&world.packets[i]);
        }
        world.packet_count = 0;
    }
    assert_int_equal(of_victim, 100); /* each */
    assert_int_equal(world.device.share.held[3] + world.device.share.held[4], 0);
}

static void what_becomes_of_a_frame_is_said(void **state)
{
    struct net_frame f = {.header = frame, .header_length = 60, .length = 60, .sender = 5};
    uint32_t sections = world.device.receive.section_count - NETVSP_CONTROL;

    (void)state;
    plain(60);
    assert_int_equal(netvsp_receive(&world.device, &f), NET_TAKEN);
    frame[0] ^= 0x40; /* another's */
    assert_int_equal(netvsp_receive(&world.device, &f), NET_UNWANTED);
    plain(60);
    receive_from(5, sections, 60);
    assert_int_equal(netvsp_receive(&world.device, &f), NET_CROWDED);
    for (uint16_t i = 6; i < 60; i++)
        receive_from(i, 1, 60);
    f.sender = 900;
    assert_int_equal(netvsp_receive(&world.device, &f), NET_LOST);
    world_run();
}

static void completion_refused(uint32_t index, uint64_t transaction)
{
    struct world_packet p = {.transaction = transaction, .channel = index};
    uint64_t before = world_statistics().dropped;

    world.reason = "";
    world_complete(&p);
    assert_string_equal(world.reason, "a completion of no packet that it has");
    assert_int_equal(world_statistics().dropped, before + 1);
}

static void sections_are_given_back_once(void **state)
{
    static const uint64_t wrong[] = {0, 1, 9, 64, 0xffffffff, 0x100000000, UINT64_MAX};
    struct world_packet *p;

    (void)state;
    assert_true(world_open(1));
    plain(100);
    p = receive(100);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (wrong[i] != p->transaction)
            completion_refused(0, wrong[i]);
    completion_refused(1, p->transaction); /* another channel's */
    completion_refused(0, p->transaction + (1ull << 32));
    world_complete(p);
    completion_refused(0, p->transaction);
    completion_refused(0, p->transaction);
    assert_int_equal(receive(100)->range_count, 1);
}

/* A section that is not the first of its packet is no transaction. */
static void part_of_a_packet_is_not_given_back(void **state)
{
    struct world_packet *p;

    (void)state;
    plain(100);
    for (uint32_t i = 0; i < 4; i++)
        world_receive(frame, 100);
    world_run();
    p = world_sections(0);
    assert_int_equal(p->range_count, 4);
    for (uint32_t i = 1; i < 4; i++)
        completion_refused(0, p->ranges[i].offset / world.device.receive.section_size + 1);
    world_complete(p);
}

static void frames_wait_for_room_in_the_ring(void **state)
{
    uint32_t sections = (world.device.receive.section_count - NETVSP_CONTROL) / 2; /* a share */
    unsigned frames = 0;

    (void)state;
    plain(60);
    world.channels[0].deaf = true;
    for (uint32_t round = 0; round < 20 * sections; round++) {
        world_receive(frame, 60); /* a packet for each */
        world_work();
    }
    assert_int_equal(world_statistics().received_frames, sections);
    world.channels[0].deaf = false;
    world_packets_take(0);
    world_run();
    for (unsigned i = 0; i < world.packet_count; i++)
        frames += world.packets[i].range_count;
    assert_int_equal(frames, sections);
}

/* ---- spreading ---- */

static uint32_t hash_row(uint32_t source, uint32_t destination, uint16_t from, uint16_t to)
{
    struct world_packet *p;
    uint32_t hash = 0;

    tcp(100, source, destination, from, to);
    p = receive(100);
    assert_non_null(p);
    assert_true(info_of(p, 0, RNDIS_INFO_HASH, &hash));
    assert_int_equal(p->channel, world.channels[hash % 128 % 4].open ? hash % 128 % 4 : 0);
    world_complete(p);
    return hash;
}

static void spread(void)
{
    struct {
        struct ndis_rss_parameters p;
        uint32_t table[4];
        uint8_t key[40];
    } s = {.p = {.header = {NDIS_OBJECT_RSS_PARAMETERS, 2, sizeof(s.p)},
                 .hash = NDIS_RSS_HASH_TOEPLITZ | NDIS_RSS_HASH_TCP_IPV4 | NDIS_RSS_HASH_IPV4,
                 .table_bytes = sizeof(s.table),
                 .table_offset = sizeof(s.p),
                 .key_bytes = 40,
                 .key_offset = sizeof(s.p) + sizeof(s.table)},
           .table = {0, 1, 2, 3}};

    memcpy(s.key, key, 40);
    assert_int_equal(world_set(OID_GEN_RECEIVE_SCALE_PARAMETERS, &s, sizeof(s)), 0);
}

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static void frames_are_spread_by_the_hash(void **state)
{
    (void)state;
    assert_true(world_open(1));
    assert_true(world_open(2));
    spread();
    /* From the verification suite of receive-side scaling. */
    assert_int_equal(hash_row(IP(66, 9, 149, 187), IP(161, 142, 100, 80), 2794, 1766), 0x51ccc178);
    assert_int_equal(hash_row(IP(199, 92, 111, 2), IP(65, 69, 140, 83), 14230, 4739), 0xc626b0ea);
    assert_int_equal(hash_row(IP(24, 19, 198, 95), IP(12, 22, 207, 184), 12898, 38024), 0x5c2b394a);
    assert_int_equal(hash_row(IP(38, 27, 205, 30), IP(209, 142, 163, 6), 48228, 2217), 0xafc7327f);
}

static void fragments_go_by_their_addresses(void **state)
{
    uint32_t hash = 0;

    (void)state;
    spread();
    tcp(100, IP(66, 9, 149, 187), IP(161, 142, 100, 80), 1, 2);
    frame[20] = 0x20;
    assert_true(info_of(receive(100), 0, RNDIS_INFO_HASH, &hash));
    assert_int_equal(hash, 0x323e8fc2);
}

static void what_a_closed_channel_had_is_free_again(void **state)
{
    uint32_t sections = (world.device.receive.section_count - NETVSP_CONTROL) / 2; /* a share */

    (void)state;
    spread();
    assert_true(world_open(2));
    tcp(100, IP(199, 92, 111, 2), IP(65, 69, 140, 83), 14230, 4739); /* for channel 2 */
    for (uint32_t i = 0; i < sections / 2; i++)
        world_receive(frame, 100);
    world_run();
    assert_int_equal(world_sections(0)->channel, 2);
    for (uint32_t i = 0; i < 2 * sections; i++)
        world_receive(frame, 100); /* these are only queued */
    world_close(2);
    world_work();
    world.packet_count = 0;
    for (uint32_t i = 0; i < sections; i++)
        world_receive(frame, 100);
    world_run();
    for (unsigned i = 0; i < world.packet_count; i++) {
        if (world.packets[i].type != VMBUS_PACKET_TRANSFER_PAGES)
            continue; /* the table of channels */
        assert_int_equal(world.packets[i].channel, 0);
        sections -= world.packets[i].range_count;
    }
    assert_int_equal(sections, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(frames_arrive_as_they_are),
        FACT(frames_share_a_packet),
        FACT(tags_and_checksums_are_told),
        FACT(large_frames_are_cut_and_complete),
        FACT(the_filter_lets_through_what_was_asked_for),
        FACT(frames_longer_than_the_mtu_are_lost),
        FACT(without_a_buffer_frames_are_lost),
        FACT(without_a_link_frames_are_lost),
        FACT(a_child_that_gives_nothing_back_loses_frames),
        FACT(who_floods_leaves_sections_for_others),
        FACT(what_becomes_of_a_frame_is_said),
        FACT(sections_are_given_back_once),
        FACT(part_of_a_packet_is_not_given_back),
        FACT(frames_wait_for_room_in_the_ring),
        FACT(frames_are_spread_by_the_hash),
        FACT(fragments_go_by_their_addresses),
        FACT(what_a_closed_channel_had_is_free_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
