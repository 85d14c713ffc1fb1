/* SPDX-License-Identifier: MIT */
/* test_netvsc_pair.c - netvsc against netvsp over both ends of the bus, with everything that can be
 * reordered or delayed done in a random order. */
#include <rt/big_endian.h>
#include "network_pair.h"

#define STEPS 200u /* amidst traffic, each with a seed of its own */

static const uint32_t versions[] = {NVSP_VERSION_1, NVSP_VERSION_2, NVSP_VERSION_4,
                                    NVSP_VERSION_5, NVSP_VERSION_6, NVSP_VERSION_6_1};

static uint32_t any_channel(void)
{
    return pair_random(1 + pair.netvsc.sub_channels);
}

/* A random frame on a random channel, now and then a step or two. */
static void load(unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        if (pair.ready && pair.ready_ok && pair_random(2))
            (void)pair_send(any_channel(), PAIR_FRAME_HEAD + pair_random(1480), pair_random(2),
                            (uint16_t)(pair_random(3) == 0 ? 1 + pair_random(4000) : 0));
        (void)pair_step();
    }
}

/* ---- what a child sees ---- */

static void a_child_finds_its_card(void **state)
{
    (void)state;
    pair_make(1, NVSP_VERSION_6_1, 1500, 0);
    assert_int_equal(pair.netvsc.version, NVSP_VERSION_6_1);
    assert_memory_equal(pair.netvsc.address, pair_address, NET_ADDRESS_BYTES);
    assert_int_equal(pair.netvsc.mtu, 1500);
    assert_int_equal(pair.netvsc.link_down, 0);
    assert_int_equal(pair.netvsc.offload.header.size, NDIS_OFFLOAD_BYTES_6_30);
    assert_int_equal(pair.netvsc.offload.lso.encapsulation6, NDIS_ENCAPSULATION_802_3);
    pair_drop();
}

static void each_version_carries_frames(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        for (uint32_t mtu = 1500; mtu <= 9000; mtu += 7500) {
            uint32_t agreed = versions[i] == NVSP_VERSION_1 ? 1500 : mtu;
            uint32_t subs = versions[i] >= NVSP_VERSION_5 ? 3 : 0;

            pair_make(i + mtu, versions[i], mtu, 3);
            assert_int_equal(pair.netvsc.version, versions[i]);
            assert_int_equal(pair.netvsc.mtu, agreed);
            assert_int_equal(pair.netvsc.sub_channels, subs);
            assert_int_equal(pair.netvsc.offload.header.size,
                             subs > 0 ? NDIS_OFFLOAD_BYTES_6_30 : NDIS_OFFLOAD_BYTES_6_0);
            for (uint32_t k = 0; k <= subs; k++)
                assert_true(pair_send(k, NET_ETHERNET_BYTES + agreed, true, 0));
            pair_settle();
            assert_int_equal(pair.frame_count, subs + 1);
            pair_check_all_back();
            pair_drop();
        }
    }
}

static void all_frames_come_back_once(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 6; seed++) {
        pair_make(seed, NVSP_VERSION_6_1, 1500, seed % PAIR_CHANNELS);
        while (pair.frame_count < 700)
            load(100);
        pair_settle();
        pair_check_all_back();
        assert_int_equal(pair.netvsc.primary.stray, 0);
        pair_drop();
    }
}

static void the_send_table_has_all_channels(void **state)
{
    uint32_t seen = 0;

    (void)state;
    pair_make(2, NVSP_VERSION_6_1, 1500, 3);
    for (uint32_t i = 0; i < NVSP_SEND_TABLE_ENTRIES; i++)
        seen |= 1u << pair.netvsc.send_table[i];
    assert_int_equal(seen, 0xf);
    pair_drop();
}

/* A TCP frame of @length bytes to ourselves, from @port. */
static uint32_t tcp(uint8_t *bytes, uint32_t length, uint16_t port)
{
    memset(bytes, 0, length);
    memcpy(bytes, pair_address, NET_ADDRESS_BYTES);
    be16_put(bytes + 12, NET_TYPE_IPV4);
    bytes[14] = 0x45;
    be16_put(bytes + 16, (uint16_t)(length - 14));
    bytes[23] = NET_IP_TCP;
    be32_put(bytes + 26, 0x0a000001);
    be32_put(bytes + 30, 0x0a000002);
    be16_put(bytes + 34, port);
    bytes[46] = 0x50;
    return length;
}

static void large_frames_come_back_in_segments(void **state)
{
    static uint8_t bytes[60000];
    static uint64_t pages[16];
    uint32_t segments = (60000 - 54 + 1459) / 1460;
    struct netvsc_frame f = {.bytes = bytes,
                             .length = 54,
                             .pages = pages,
                             .page_bytes = 60000 - 54,
                             .lso = 1460 | RNDIS_LSO_VERSION_2};

    (void)state;
    pair_make(3, NVSP_VERSION_6_1, 1500, 0);
    pair.raw = true;
    tcp(bytes, 60000, 5);
    for (uint32_t i = 0; i < 16; i++)
        pages[i] = pair_data_page() + i;
    for (uint32_t i = 0; i < 20; i++) {
        assert_true(netvsc_send(&pair.netvsc.primary, &f));
        netvsc_flush(&pair.netvsc.primary);
        pair_settle();
        assert_int_equal(pair.raw_frames, (i + 1) * segments);
        assert_int_equal(pair.raw_bytes, (i + 1) * (60000 - 54 + segments * 54));
    }
    pair_drop();
}

static void flows_are_spread_over_channels(void **state)
{
    static const uint32_t entries[] = {0, 1, 2, 3};
    uint8_t key[NDIS_RSS_KEY_BYTES], bytes[200];
    struct netvsc_frame f = {.bytes = bytes};
    unsigned before[PAIR_CHANNELS];

    (void)state;
    pair_make(4, NVSP_VERSION_6_1, 1500, 3);
    pair.raw = true;
    for (uint32_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)pair_random(256);
    assert_int_not_equal(netvsc_spread(&pair.netvsc, key, entries, 4), 0);
    pair_settle();
    assert_int_equal(pair.answers, 1);
    assert_int_equal(pair.answer_status, RNDIS_STATUS_SUCCESS);
    for (uint16_t port = 0; port < 200; port++) {
        unsigned changed = 0;

        f.length = tcp(bytes, sizeof(bytes), port);
        for (uint32_t again = 0; again < 2; again++) { /* a flow keeps its channel */
            for (uint32_t i = 0; i < PAIR_CHANNELS; i++)
                before[i] = pair.channels[i].received;
            assert_true(netvsc_send(pair_netvsc(port % 4), &f));
            netvsc_flush(pair_netvsc(port % 4));
            pair_settle();
            for (uint32_t i = 0; i < PAIR_CHANNELS; i++)
                changed |= (unsigned)(before[i] != pair.channels[i].received) << i;
        }
        assert_int_equal(changed & (changed - 1), 0);
    }
    for (uint32_t i = 0; i < PAIR_CHANNELS; i++)
        assert_true(pair.channels[i].received > 20);
    pair_drop();
}

static void link_flaps_are_told_and_lose_frames(void **state)
{
    struct netvsp_statistics s;
    uint32_t missing;

    (void)state;
    pair_make(5, NVSP_VERSION_6_1, 1500, 0);
    netvsp_link_set(pair.device, false);
    pair_settle();
    assert_int_equal(pair.link_status, RNDIS_STATUS_MEDIA_DISCONNECT);
    assert_int_equal(pair.netvsc.link_down, 1);
    for (unsigned i = 0; i < 100; i++) {
        netvsp_link_set(pair.device, i % 2 == 0);
        load(pair_random(10));
    }
    netvsp_link_set(pair.device, true);
    pair_settle();
    assert_int_equal(pair.netvsc.link_down, 0);
    assert_true(pair.links > 2);
    missing = pair_missing();
    netvsp_device_statistics(pair.device, &s);
    assert_true(missing > 0 && missing < pair.frame_count);
    assert_int_equal(s.lost_no_link, missing);
    load(100);
    pair_settle();
    assert_int_equal(pair_missing(), missing);
    pair_drop();
}

static void statistics_add_up(void **state)
{
    struct netvsp_statistics s;

    (void)state;
    pair_make(6, NVSP_VERSION_6_1, 1500, 2);
    load(1000);
    pair_settle();
    netvsp_device_statistics(pair.device, &s);
    assert_int_equal(s.sent_frames, pair.frame_count);
    assert_int_equal(s.received_frames, pair.frame_count);
    assert_int_equal(s.sent_bytes, s.received_bytes);
    assert_int_equal(s.lost_no_buffer + s.lost_not_ready + s.lost_too_long + s.malformed, 0);
    pair_drop();
}

/* ---- ends amidst traffic ---- */

static void assert_idle(void)
{
    pair_settle();
    assert_int_equal(pair.pinned, 0);
    for (uint32_t i = 0; i < PAIR_CHANNELS; i++)
        assert_null(pair.channels[i].netvsp);
}

static void the_child_closes_amidst_traffic(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= STEPS; seed++) {
        pair_make(seed, versions[seed % 6], 1500, seed % PAIR_CHANNELS);
        load(seed);
        pair_close(seed % 2 == 0);
        assert_idle();
        assert_false(pair.revoked);
        pair_drop();
    }
}

static void a_closed_card_opens_again(void **state)
{
    (void)state;
    pair_make(11, NVSP_VERSION_6_1, 1500, 2);
    for (unsigned round = 0; round < 20; round++) {
        load(round * 11);
        pair_close(round % 3 == 0);
        assert_idle();
        pair_open();
        pair_settle();
        assert_true(pair_is_up());
    }
    pair_drop();
}

static void root_takes_the_card_back_amidst_traffic(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= STEPS; seed++) {
        pair_make(seed, versions[seed % 6], 1500, seed % PAIR_CHANNELS);
        load(seed);
        vmbus_server_revoke(&pair.device->offer);
        load(seed % 50);
        assert_idle();
        assert_true(pair.revoked);
        assert_null(pair.channels[0].bus);
        pair_drop();
    }
}

static void the_child_leaves_the_bus_amidst_traffic(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= STEPS; seed++) {
        pair_make(seed, NVSP_VERSION_6_1, 1500, seed % PAIR_CHANNELS);
        load(seed);
        vmbus_client_unload(&pair.client);
        load(seed % 50);
        assert_idle();
        assert_true(pair.unloaded);
        pair_drop();
    }
}

static void the_child_is_stopped_amidst_its_beginning(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= STEPS; seed++) {
        pair_begin(seed, versions[seed % 6], 1500, seed % PAIR_CHANNELS);
        load(seed);
        pair_drop(); /* which checks that all comes back */
    }
}

static void the_child_closes_amidst_its_beginning(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= STEPS; seed++) {
        pair_begin(seed, versions[seed % 6], 1500, seed % PAIR_CHANNELS);
        load(seed);
        pair_close(false);
        pair_settle();
        if (!pair.channels[0].open) { /* else it was not offered yet when it was closed */
            assert_idle();
            pair_open();
            pair_settle();
        }
        assert_true(pair_is_up());
        pair_drop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_finds_its_card),
        cmocka_unit_test(each_version_carries_frames),
        cmocka_unit_test(all_frames_come_back_once),
        cmocka_unit_test(the_send_table_has_all_channels),
        cmocka_unit_test(large_frames_come_back_in_segments),
        cmocka_unit_test(flows_are_spread_over_channels),
        cmocka_unit_test(link_flaps_are_told_and_lose_frames),
        cmocka_unit_test(statistics_add_up),
        cmocka_unit_test(the_child_closes_amidst_traffic),
        cmocka_unit_test(a_closed_card_opens_again),
        cmocka_unit_test(root_takes_the_card_back_amidst_traffic),
        cmocka_unit_test(the_child_leaves_the_bus_amidst_traffic),
        cmocka_unit_test(the_child_is_stopped_amidst_its_beginning),
        cmocka_unit_test(the_child_closes_amidst_its_beginning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
