/* SPDX-License-Identifier: MIT */
/* tests/unit/test_root_port.c - root's port of a switch: what waits for it, and what it says
 * (root/net/root_port.h). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/big_endian.h>
#include "net/root_port.h"
#include "switch_fixture.h"

#define ADDRESS 0x0a000002u
#define MASK    0xffffff00u

static struct root_port *root;

static int root_make(void **state)
{
    static const uint8_t mac[] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

    switch_make(state);
    root = calloc(1, sizeof(*root));
    assert_non_null(root);
    assert_int_equal(root_port_add(root, w.vswitch, mac, ADDRESS, MASK), VSWITCH_OK);
    return 0;
}

static int root_drop(void **state)
{
    vswitch_port_remove(&root->port);
    free(root);
    return switch_drop(state);
}

/* Port @from asks who has root's address. */
static void ask(struct seen_port *from, uint64_t mac)
{
    uint8_t arp[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0,
                       0,    8,    6,    0,    1,    8,    0, 6, 4, 0, 1};
    struct net_frame f = {.header = arp, .header_length = sizeof(arp), .length = sizeof(arp)};

    be16_put(arp + 6, (uint16_t)(mac >> 32));
    be32_put(arp + 8, (uint32_t)mac);
    memcpy(arp + 22, arp + 6, NET_ADDRESS_BYTES);
    be32_put(arp + 28, 0x0a000001);
    be32_put(arp + 38, ADDRESS);
    vswitch_send(&from->port, &f);
    for (struct seen_port *p = &w.uplink; p <= &w.c; p++)
        p->count = 0; /* others hear it too */
}

static void serve_all(void)
{
    while (root_port_serve(root))
        ;
}

static void who_asks_is_answered_and_nobody_else_hears_it(void **state)
{
    (void)state;
    ask(&w.a, MAC_A);
    got(&w.a, 0);
    serve_all();
    got(&w.a, 1);
    assert_memory_equal(w.a.frames[0].bytes + NET_ADDRESS_BYTES, root->responder.mac, 6);
    assert_int_equal(w.a.frames[0].length, 60);
    got(&w.b, 0);
    got(&w.uplink, 0);
}

static void the_address_is_announced_on_every_port(void **state)
{
    (void)state;
    root_port_announce(root);
    got(&w.uplink, 1);
    got(&w.a, 1);
    got(&w.b, 1);
    got(&w.c, 1);
}

static void one_that_floods_leaves_room_for_the_others(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        ask(&w.a, MAC_A);
    ask(&w.b, MAC_B);
    ask(&w.uplink, MAC_OUTSIDE);
    assert_int_equal(root->port.statistics.crowded, 1000 - ROOT_PORT_SLOTS / 2);
    serve_all();
    got(&w.a, ROOT_PORT_SLOTS / 2);
    got(&w.b, 1);
    got(&w.uplink, 1);
    assert_int_equal(root->dropped, 1000 - ROOT_PORT_SLOTS / 2);
    ask(&w.a, MAC_A); /* and once more, when its own are done */
    serve_all();
    got(&w.a, 1);
}

/* However many addresses it claims to be: the port is who sends. */
static void many_addresses_of_a_port_have_one_share(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        ask(&w.uplink, MAC_OUTSIDE + i);
    ask(&w.b, MAC_B);
    serve_all();
    got(&w.uplink, ROOT_PORT_SLOTS / 2);
    got(&w.b, 1);
    assert_int_equal(root->dropped, 1000 - ROOT_PORT_SLOTS / 2);
    assert_int_equal(root->responder.statistics.arp, ROOT_PORT_SLOTS / 2 + 1);
}

/* Each that floods, too: there is still some for one that does not. */
static void all_but_one_may_flood(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        ask(&w.a, MAC_A);
        ask(&w.c, MAC_C);
        ask(&w.uplink, MAC_OUTSIDE);
    }
    ask(&w.b, MAC_B);
    serve_all();
    got(&w.b, 1);
    assert_true(w.a.count >= ROOT_PORT_SLOTS / 4 && w.c.count >= ROOT_PORT_SLOTS / 4 - 1);
    w.a.count = w.c.count = w.uplink.count = 0;
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */

/* A copy can be long. */
uint32_t __wrap_net_frame_write(const struct net_frame *f, struct net_cursor *cursor, uint8_t *to);
uint32_t __real_net_frame_write(const struct net_frame *f, struct net_cursor *cursor, uint8_t *to);
static uint32_t copies;

uint32_t __wrap_net_frame_write(const struct net_frame *f, struct net_cursor *cursor, uint8_t *to)
{
    assert_int_equal(fake.locks_held, 0);
    copies++;
    return __real_net_frame_write(f, cursor, to);
}

/* NOLINTEND(bugprone-reserved-identifier) */

static void frames_are_copied_with_interrupts_on(void **state)
{
    (void)state;
    copies = 0;
    ask(&w.a, MAC_A);
    assert_int_equal(copies, 1);
}

/* In the order in which they came, however the queue lies in its ring. */
static void frames_are_answered_in_their_order(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        ask(&w.a, MAC_A);
        ask(&w.b, MAC_B);
        ask(&w.c, MAC_C);
        for (struct seen_port *p = &w.a; p <= &w.c; p++) {
            assert_true(root_port_serve(root));
            got(p, 1);
        }
        assert_false(root_port_serve(root));
    }
}

/* A frame for root of @length bytes from a, with @mss. */
static void send_long(uint32_t length, uint16_t mss)
{
    uint8_t *bytes = calloc(1, length);
    struct net_piece rest = {.bytes = bytes + NET_HEADER_MAX, .length = length - NET_HEADER_MAX};
    struct net_frame f = {.header = bytes,
                          .header_length = NET_HEADER_MAX,
                          .pieces = &rest,
                          .piece_count = 1,
                          .length = length};

    assert_non_null(bytes);
    memcpy(bytes, root->responder.mac, NET_ADDRESS_BYTES);
    memcpy(bytes + NET_ADDRESS_BYTES, w.a.port.config.mac, NET_ADDRESS_BYTES);
    be16_put(bytes + 12, NET_TYPE_IPV6);
    if (mss > 0)
        f.offload = (struct net_offload){.flags = NET_CHECKSUM_NEEDED,
                                         .checksum_offset = 16,
                                         .l4_offset = 54,
                                         .payload_offset = 74,
                                         .mss = mss};
    vswitch_send(&w.a.port, &f);
    free(bytes);
}

static void what_is_too_long_does_not_wait(void **state)
{
    (void)state;
    send_long(ROOT_PORT_FRAME_BYTES + 1, 0);
    send_long(9014, 0);
    send_long(60000, 1440);
    assert_false(root_port_serve(root));
    assert_int_equal(root->responder.statistics.ignored, 3);
    send_long(ROOT_PORT_FRAME_BYTES, 0);
    assert_true(root_port_serve(root));
    assert_int_equal(root->responder.statistics.ignored, 4);
}

#define ROOT_TEST(f) cmocka_unit_test_setup_teardown(f, root_make, root_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOT_TEST(who_asks_is_answered_and_nobody_else_hears_it),
        ROOT_TEST(the_address_is_announced_on_every_port),
        ROOT_TEST(one_that_floods_leaves_room_for_the_others),
        ROOT_TEST(many_addresses_of_a_port_have_one_share),
        ROOT_TEST(all_but_one_may_flood),
        ROOT_TEST(frames_are_copied_with_interrupts_on),
        ROOT_TEST(frames_are_answered_in_their_order),
        ROOT_TEST(what_is_too_long_does_not_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
