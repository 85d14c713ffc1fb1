/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vswitch.c - who gets a frame of a switch, and who may send it
 * (root/net/vswitch.h). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "switch_fixture.h"

#define NS_PER_S     1000000000ull
#define SERVICE_VLAN 0x88a8u

static void nobody_got_anything(void)
{
    got(&w.uplink, 0);
    got(&w.a, 0);
    got(&w.b, 0);
    got(&w.c, 0);
}

static uint32_t in_buckets(void)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < VSWITCH_BUCKETS; i++)
        LIST_FOR_EACH(node, &w.vswitch->buckets[i])
    n++;
    return n;
}

/* ---- who gets it ---- */

static void a_frame_goes_to_the_port_whose_address_it_is_for(void **state)
{
    (void)state;
    frame_send(&w.a, MAC_B, MAC_A, 0, NET_TYPE_ARP, 77);
    got(&w.b, 1);
    assert_int_equal(w.b.frames[0].length, 77);
    nobody_got_anything();
    assert_int_equal(w.a.port.statistics.in, 1);
    assert_int_equal(w.a.port.statistics.in_bytes, 77);
    assert_int_equal(w.b.port.statistics.out, 1);
    assert_int_equal(w.b.port.statistics.out_bytes, 77);
    assert_int_equal(w.b.port.users, 0);
}

/* The one that it came by is the share's that pays for it. */
static void a_frame_has_the_number_of_the_port_that_it_came_by(void **state)
{
    (void)state;
    send_plain(&w.a, MAC_B, MAC_A);
    send_plain(&w.c, MAC_B, MAC_C);
    send_plain(&w.uplink, MAC_B, MAC_OUTSIDE);
    got(&w.b, 3);
    assert_int_equal(w.b.frames[0].sender, w.a.port.slot);
    assert_int_equal(w.b.frames[1].sender, w.c.port.slot);
    assert_int_equal(w.b.frames[2].sender, w.uplink.port.slot);
}

static void what_a_port_does_not_take_is_not_out(void **state)
{
    static const enum net_taken answers[] = {NET_TAKEN,   NET_LOST,     NET_CROWDED,
                                             NET_CROWDED, NET_UNWANTED, NET_LOST};
    const struct vswitch_statistics *s = &w.b.port.statistics;

    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        w.b.answer = answers[i];
        frame_send(&w.a, MAC_B, MAC_A, 0, NET_TYPE_ARP, 77);
    }
    assert_int_equal(s->out, 1);
    assert_int_equal(s->out_bytes, 77);
    assert_int_equal(s->dropped, 2);
    assert_int_equal(s->crowded, 2);
    assert_int_equal(w.a.port.statistics.in, 6);
}

static void what_is_for_many_goes_to_all_others(void **state)
{
    (void)state;
    send_plain(&w.a, MAC_EVERYONE, MAC_A);
    send_plain(&w.a, MAC_MANY, MAC_A);
    got(&w.uplink, 2);
    got(&w.b, 2);
    got(&w.c, 2);
    nobody_got_anything();
    assert_int_equal(w.a.port.statistics.flooded, 2);
}

static void ports_do_not_see_what_is_for_somebody_unknown(void **state)
{
    (void)state;
    send_plain(&w.a, MAC_OUTSIDE, MAC_A);
    got(&w.uplink, 1);
    send_plain(&w.uplink, MAC_OUTSIDE + 1, MAC_OUTSIDE);
    nobody_got_anything();
}

static void an_address_is_learned_and_forgotten(void **state)
{
    struct seen_port late;

    (void)state;
    send_plain(&w.uplink, MAC_A, MAC_OUTSIDE);
    got(&w.a, 1);
    fake.now += VSWITCH_AGE_NS;
    send_plain(&w.b, MAC_OUTSIDE, MAC_B);
    got(&w.uplink, 1);
    assert_int_equal(w.uplink.port.learned_count, 1);
    fake.now += 1;
    send_plain(&w.b, MAC_OUTSIDE, MAC_B); /* nobody knows where */
    got(&w.uplink, 1);
    assert_int_equal(w.uplink.port.learned_count, 0);
    send_plain(&w.uplink, MAC_A, MAC_OUTSIDE);
    assert_int_equal(port_join(&late, (struct vswitch_port_config){0}, MAC_OUTSIDE), VSWITCH_OK);
    send_plain(&w.b, MAC_OUTSIDE, MAC_B); /* it has moved */
    got(&late, 1);
    got(&w.uplink, 0);
}

static void a_frame_for_its_own_sender_goes_nowhere(void **state)
{
    (void)state;
    send_plain(&w.a, MAC_A, MAC_A);
    send_plain(&w.uplink, MAC_A, MAC_OUTSIDE);
    got(&w.a, 1);
    send_plain(&w.uplink, MAC_OUTSIDE, MAC_OUTSIDE + 1); /* both are out there */
    nobody_got_anything();
}

/* ---- who may send it ---- */

static void a_port_sends_from_its_own_address_only(void **state)
{
    (void)state;
    send_plain(&w.a, MAC_B, MAC_C);
    send_plain(&w.a, MAC_B, MAC_OUTSIDE);
    send_plain(&w.a, MAC_EVERYONE, MAC_B);
    nobody_got_anything();
    assert_int_equal(w.a.port.statistics.spoofed, 3);
    assert_int_equal(w.a.port.learned_count, 0);
}

static void nobody_takes_a_ports_own_address(void **state)
{
    struct seen_port same;

    (void)state;
    send_plain(&w.c, MAC_B, MAC_A);
    send_plain(&w.uplink, MAC_B, MAC_A);
    send_plain(&w.uplink, MAC_EVERYONE, MAC_A);
    nobody_got_anything();
    assert_int_equal(w.c.port.statistics.spoofed, 1);
    assert_int_equal(w.uplink.port.statistics.spoofed, 2);
    send_plain(&w.b, MAC_A, MAC_B);
    got(&w.a, 1);
    assert_int_equal(port_join(&same, (struct vswitch_port_config){0}, MAC_A),
                     VSWITCH_ADDRESS_TAKEN);
}

static void a_port_gets_its_address_back_from_who_had_it_before(void **state)
{
    (void)state;
    vswitch_port_remove(&w.c.port);
    send_plain(&w.uplink, MAC_A, MAC_C);
    got(&w.a, 1);
    assert_int_equal(w.uplink.port.learned_count, 1);
    assert_int_equal(port_join(&w.c, (struct vswitch_port_config){.name = "c"}, MAC_C), VSWITCH_OK);
    assert_int_equal(w.uplink.port.learned_count, 0);
    send_plain(&w.a, MAC_C, MAC_A);
    got(&w.c, 1);
    nobody_got_anything();
}

static void what_is_no_frame_goes_nowhere(void **state)
{
    (void)state;
    frame_send(&w.a, 0, 0, 0, 0, NET_ETHERNET_BYTES - 1);
    frame_send(&w.a, 0, 0, 0, 0, 1);
    send_plain(&w.uplink, MAC_A, 0);
    send_plain(&w.uplink, MAC_A, MAC_EVERYONE);
    send_plain(&w.uplink, MAC_A, MAC_MANY);
    nobody_got_anything();
    assert_int_equal(w.a.port.statistics.malformed, 2);
    assert_int_equal(w.uplink.port.statistics.malformed, 3);
    assert_int_equal(w.uplink.port.statistics.in, 0);
}

/* ---- VLANs ---- */

static void ports_of_different_vlans_do_not_meet(void **state)
{
    struct seen_port five, also_five;

    (void)state;
    assert_int_equal(port_join(&five, (struct vswitch_port_config){.vlan = 5}, MAC_A), VSWITCH_OK);
    assert_int_equal(port_join(&also_five, (struct vswitch_port_config){.vlan = 5}, MAC_C + 1),
                     VSWITCH_OK);
    send_plain(&five, MAC_B, MAC_A);
    got(&w.uplink, 1); /* unknown in that VLAN */
    assert_int_equal(w.uplink.frames[0].vlan, 5);
    send_plain(&five, MAC_EVERYONE, MAC_A);
    got(&also_five, 1);
    assert_int_equal(also_five.frames[0].vlan, NET_VLAN_NONE);
    got(&w.uplink, 1);
    send_plain(&w.a, MAC_EVERYONE, MAC_A);
    got(&w.b, 1);
    got(&w.c, 1);
    got(&w.uplink, 1);
    assert_int_equal(w.uplink.frames[0].vlan, NET_VLAN_NONE);
    got(&five, 0);
    nobody_got_anything();
}

static void the_uplinks_tag_says_the_vlan(void **state)
{
    struct seen_port five;

    (void)state;
    assert_int_equal(port_join(&five, (struct vswitch_port_config){.vlan = 5}, MAC_A), VSWITCH_OK);
    frame_send(&w.uplink, MAC_A, MAC_OUTSIDE, 0xe005, NET_TYPE_IPV4, 60); /* with a priority */
    got(&five, 1);
    assert_int_equal(five.frames[0].vlan, NET_VLAN_NONE);
    frame_send(&w.uplink, MAC_A, MAC_OUTSIDE, 0xe000, NET_TYPE_IPV4, 60); /* a priority only */
    got(&w.a, 1);
    frame_send(&w.uplink, MAC_A, MAC_OUTSIDE, 6, NET_TYPE_IPV4, 60);
    frame_send(&w.uplink, MAC_EVERYONE, MAC_OUTSIDE, 0xfff, NET_TYPE_IPV4, 60); /* reserved */
    got(&five, 0);
    nobody_got_anything();
    assert_int_equal(w.uplink.port.statistics.malformed, 1);
}

static void no_port_but_the_uplink_sends_tags(void **state)
{
    (void)state;
    frame_send(&w.a, MAC_EVERYONE, MAC_A, 5, NET_TYPE_IPV4, 60);
    frame_send(&w.a, MAC_EVERYONE, MAC_A, 0, NET_TYPE_VLAN, 60);
    frame_send(&w.a, MAC_EVERYONE, MAC_A, 0, SERVICE_VLAN, 60);
    nobody_got_anything();
    assert_int_equal(w.a.port.statistics.malformed, 3);
    frame_send(&w.a, MAC_OUTSIDE, MAC_A, 0xa000, NET_TYPE_IPV4, 60); /* a priority is no tag */
    got(&w.uplink, 1);
    assert_int_equal(w.uplink.frames[0].vlan, 0xa000);
}

/* ---- limits ---- */

static void a_rate_lets_a_burst_pass_and_then_so_much_a_second(void **state)
{
    struct seen_port slow;
    struct vswitch_port_config config = {.rate = 10000, .burst = 3000};

    (void)state;
    assert_int_equal(port_join(&slow, config, MAC_C + 1), VSWITCH_OK);
    for (int i = 0; i < 20; i++)
        frame_send(&slow, MAC_A, MAC_C + 1, 0, NET_TYPE_IPV4, 1000);
    got(&w.a, 4); /* the burst, and one that may go beyond it */
    assert_int_equal(slow.port.statistics.limited, 16);
    for (int i = 0; i < 100; i++) {
        fake.now += NS_PER_S / 20; /* half a frame's worth */
        frame_send(&slow, MAC_A, MAC_C + 1, 0, NET_TYPE_IPV4, 1000);
    }
    got(&w.a, 50);
    fake.now += 1000 * NS_PER_S; /* what is not used is not kept */
    for (int i = 0; i < 20; i++)
        frame_send(&slow, MAC_A, MAC_C + 1, 0, NET_TYPE_IPV4, 1000);
    got(&w.a, 4);
}

/* However many addresses are seen: no more are kept than there is room, and none of a port's own
 * goes. */
static void addresses_without_end_take_no_more_room(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 10000; i++)
        send_plain(&w.uplink, MAC_A, MAC_OUTSIDE + (i << 8));
    assert_int_equal(w.a.count, 10000);
    w.a.count = 0;
    assert_int_equal(w.uplink.port.learned_count, VSWITCH_ADDRESSES);
    assert_int_equal(in_buckets(), VSWITCH_ADDRESSES + 3);
    send_plain(&w.a, MAC_B, MAC_A);
    got(&w.b, 1);
    vswitch_port_remove(&w.uplink.port);
    assert_int_equal(in_buckets(), 3);
}

static void ports_that_cannot_be_are_refused(void **state)
{
    struct seen_port p, *many = calloc(VSWITCH_PORTS, sizeof(*many));
    uint32_t n = 4;

    (void)state;
    assert_non_null(many);
    assert_int_equal(port_join(&p, (struct vswitch_port_config){0}, MAC_MANY), VSWITCH_BAD_CONFIG);
    assert_int_equal(port_join(&p, (struct vswitch_port_config){0}, 0), VSWITCH_BAD_CONFIG);
    assert_int_equal(port_join(&p, (struct vswitch_port_config){.vlan = 4095}, MAC_OUTSIDE),
                     VSWITCH_BAD_CONFIG);
    assert_int_equal(
        port_join(&p, (struct vswitch_port_config){.rate = VSWITCH_RATE_MAX + 1}, MAC_OUTSIDE),
        VSWITCH_BAD_CONFIG);
    for (; n < VSWITCH_PORTS; n++)
        assert_int_equal(
            port_join(&many[n], (struct vswitch_port_config){.vlan = 1}, MAC_OUTSIDE + n),
            VSWITCH_OK);
    assert_int_equal(port_join(&p, (struct vswitch_port_config){.vlan = 1}, MAC_OUTSIDE),
                     VSWITCH_FULL);
    send_plain(&many[4], MAC_EVERYONE, MAC_OUTSIDE + 4);
    for (uint32_t i = 5; i < VSWITCH_PORTS; i++)
        got(&many[i], 1);
    vswitch_port_remove(&many[7].port);
    assert_int_equal(port_join(&p, (struct vswitch_port_config){.vlan = 1}, MAC_OUTSIDE),
                     VSWITCH_OK);
    free(many);
}

static void a_frame_for_many_counts_for_each_of_them(void **state)
{
    struct seen_port slow;
    struct vswitch_port_config config = {.rate = 10000, .burst = 3000};

    (void)state;
    assert_int_equal(port_join(&slow, config, MAC_C + 1), VSWITCH_OK);
    for (int i = 0; i < 20; i++)
        frame_send(&slow, MAC_EVERYONE, MAC_C + 1, 0, NET_TYPE_IPV4, 1000);
    got(&w.a, 1); /* to four ports */
    assert_int_equal(slow.port.statistics.limited, 19);
    fake.now += NS_PER_S / 10; /* one frame's worth, of the one that is beyond the burst */
    frame_send(&slow, MAC_A, MAC_C + 1, 0, NET_TYPE_IPV4, 1000);
    got(&w.a, 1);
}

/* ---- coming and going ---- */

static void ports_talk_whatever_becomes_of_the_uplink(void **state)
{
    (void)state;
    w.uplink.answer = NET_LOST; /* its card has no link */
    send_plain(&w.a, MAC_B, MAC_A);
    send_plain(&w.b, MAC_EVERYONE, MAC_B);
    send_plain(&w.c, MAC_OUTSIDE, MAC_C);
    got(&w.a, 1);
    got(&w.b, 1);
    got(&w.c, 1);
    assert_int_equal(w.uplink.port.statistics.dropped, 2);
    vswitch_port_remove(&w.uplink.port);
    send_plain(&w.a, MAC_B, MAC_A);
    send_plain(&w.c, MAC_OUTSIDE, MAC_C);
    got(&w.b, 1);
    got(&w.uplink, 2);
    nobody_got_anything();
}

static void a_port_that_has_gone_neither_sends_nor_gets(void **state)
{
    (void)state;
    vswitch_port_remove(&w.b.port);
    vswitch_port_remove(&w.b.port);
    send_plain(&w.b, MAC_A, MAC_B);
    send_plain(&w.a, MAC_EVERYONE, MAC_A);
    got(&w.b, 0);
    got(&w.uplink, 1);
    got(&w.c, 1);
    nobody_got_anything();
}

/* A delivery that is still under way when the port is to go. */
static void delivery_ends(void)
{
    assert_false(w.b.port.there);
    fake.step = NULL;
    vswitch_port_put(&w.b.port);
}

static void removal_waits_for_who_is_at_the_port(void **state)
{
    uint32_t slot = 2, learned;

    (void)state;
    assert_ptr_equal(vswitch_port_get(w.vswitch, &slot, &learned), &w.b.port);
    fake.step = delivery_ends;
    vswitch_port_remove(&w.b.port);
    assert_null(fake.step);
    assert_int_equal(w.b.port.users, 0);
}

static void ports_are_found_by_their_slots(void **state)
{
    uint32_t slot = 0, learned;

    (void)state;
    send_plain(&w.uplink, MAC_A, MAC_OUTSIDE);
    assert_ptr_equal(vswitch_port_get(w.vswitch, &slot, &learned), &w.uplink.port);
    assert_int_equal(learned, 1);
    vswitch_port_put(&w.uplink.port);
    vswitch_port_remove(&w.a.port);
    slot = 1;
    assert_ptr_equal(vswitch_port_get(w.vswitch, &slot, &learned), &w.b.port);
    assert_int_equal(slot, 2);
    vswitch_port_put(&w.b.port);
    slot = 4;
    assert_null(vswitch_port_get(w.vswitch, &slot, &learned));
    slot = UINT32_MAX;
    assert_null(vswitch_port_get(w.vswitch, &slot, &learned));
}

#define SWITCH_TEST(f) cmocka_unit_test_setup_teardown(f, switch_make, switch_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWITCH_TEST(a_frame_goes_to_the_port_whose_address_it_is_for),
        SWITCH_TEST(a_frame_has_the_number_of_the_port_that_it_came_by),
        SWITCH_TEST(what_a_port_does_not_take_is_not_out),
        SWITCH_TEST(what_is_for_many_goes_to_all_others),
        SWITCH_TEST(ports_do_not_see_what_is_for_somebody_unknown),
        SWITCH_TEST(an_address_is_learned_and_forgotten),
        SWITCH_TEST(a_frame_for_its_own_sender_goes_nowhere),
        SWITCH_TEST(a_port_sends_from_its_own_address_only),
        SWITCH_TEST(nobody_takes_a_ports_own_address),
        SWITCH_TEST(a_port_gets_its_address_back_from_who_had_it_before),
        SWITCH_TEST(what_is_no_frame_goes_nowhere),
        SWITCH_TEST(ports_of_different_vlans_do_not_meet),
        SWITCH_TEST(the_uplinks_tag_says_the_vlan),
        SWITCH_TEST(no_port_but_the_uplink_sends_tags),
        SWITCH_TEST(a_rate_lets_a_burst_pass_and_then_so_much_a_second),
        SWITCH_TEST(addresses_without_end_take_no_more_room),
        SWITCH_TEST(ports_that_cannot_be_are_refused),
        SWITCH_TEST(a_frame_for_many_counts_for_each_of_them),
        SWITCH_TEST(ports_talk_whatever_becomes_of_the_uplink),
        SWITCH_TEST(a_port_that_has_gone_neither_sends_nor_gets),
        SWITCH_TEST(removal_waits_for_who_is_at_the_port),
        SWITCH_TEST(ports_are_found_by_their_slots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
