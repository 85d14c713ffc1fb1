/* SPDX-License-Identifier: MIT */
/* test_bus_network.c - a child's card as a port of a switch of root's, root/bus/network.c. */
#include "fakes/test.h"
#include "bus_fixture.h"

#include <netvsp/netvsp.h>
#include <rootabi/errno.h>
#include <rt/net_mac.h>

#define VLAN 7u
#define RATE 1000000ull

static struct vswitch *vswitch;

static uint64_t now(void)
{
    return 0;
}

static int setup(void **state)
{
    (void)state;
    vswitch = calloc(1, sizeof(*vswitch));
    assert_non_null(vswitch);
    vswitch_init(vswitch, "switch0", 1, now);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(vswitch);
    return 0;
}

/* The only port; NULL: there is none. */
static struct vswitch_port *only_port(void)
{
    uint32_t slot = 0, learned = 0;
    struct vswitch_port *port = vswitch_port_get(vswitch, &slot, &learned);

    if (port != NULL)
        vswitch_port_put(port);
    return port;
}

static void card_is_a_port_of_the_switch_while_the_child_is_there(void **state)
{
    const struct vm_network card = {.name = "switch0", .vlan = VLAN, .rate = RATE};
    const struct vswitch_port *port;

    (void)state;
    assert_int_equal(world_make_card(vswitch, &card), 0);
    port = only_port();
    assert_non_null(port);
    assert_string_equal(port->config.name, "guest");
    assert_int_equal(port->config.vlan, VLAN);
    assert_int_equal(port->config.rate, RATE);
    assert_true(mac_is_unicast(port->config.mac) && (port->config.mac[0] & MAC_LOCAL) != 0);
    world_run();
    assert_int_not_equal(guest_connect(), 0); /* which takes an offer */
    world_end();
    assert_null(only_port());
}

/* Whether the only card has a link, as its child finds it. */
static bool card_link(void)
{
    const struct netvsp_device *d = only_port()->owner; /* of which it is the first member */
    struct netvsp_setup setup;

    netvsp_device_setup(d, &setup);
    return setup.link;
}

static void link_is_up_without_an_uplink_and_as_the_operator_sets_it(void **state)
{
    const struct vm_network card = {.name = "switch0"};

    (void)state;
    assert_int_equal(world_make_card(vswitch, &card), 0);
    assert_true(card_link());
    assert_int_equal(bus_link(world.bus, false), 0);
    assert_false(card_link());
    assert_int_equal(bus_link(world.bus, true), 0);
    assert_true(card_link());
    world_end();
}

static void link_is_down_from_the_start_if_asked_for(void **state)
{
    const struct vm_network card = {.name = "switch0"};
    const struct bus_devices devices = {.networks = &card, .network_count = 1, .link_down = true};
    struct vm_channel shown = {0};

    (void)state;
    assert_int_equal(world_make_devices(vswitch, &devices), 0);
    assert_false(card_link());
    world_run();
    assert_true(bus_channel(world.bus, 0, &shown));
    assert_string_equal(shown.provider, "netvsp");
    assert_int_equal(shown.flags, VM_CHANNEL_LINK_DOWN);
    assert_int_equal(bus_link(world.bus, true), 0);
    assert_true(bus_channel(world.bus, 0, &shown));
    assert_int_equal(shown.flags, 0);
    world_end();
}

static void without_a_card_there_is_no_link(void **state)
{
    const struct bus_devices devices = {.echo = true};

    (void)state;
    assert_int_equal(world_make_devices(NULL, &devices), 0);
    assert_int_equal(bus_link(world.bus, false), -ENOTCONN);
    world_end();
}

/* The only port's address. */
static void address_get(uint8_t *to)
{
    const struct vswitch_port *port = only_port();

    memset(to, 0, NET_ADDRESS_BYTES);
    if (port != NULL)
        memcpy(to, port->config.mac, NET_ADDRESS_BYTES);
}

static void address_is_the_childs_for_good_or_what_is_asked_for(void **state)
{
    struct vm_network card = {.name = "switch0"};
    uint8_t first[NET_ADDRESS_BYTES], second[NET_ADDRESS_BYTES];
    static const uint8_t own[NET_ADDRESS_BYTES] = {2, 0, 0, 0, 0, 9};

    (void)state;
    assert_int_equal(world_make_card(vswitch, &card), 0);
    address_get(first);
    world_end();
    assert_int_equal(world_make_card(vswitch, &card), 0);
    address_get(second);
    assert_memory_equal(second, first, sizeof(first));
    world_end();
    memcpy(card.mac, own, sizeof(own));
    assert_int_equal(world_make_card(vswitch, &card), 0);
    address_get(second);
    assert_memory_equal(second, own, sizeof(own));
    world_end();
}

static void what_cannot_be_is_refused_with_a_reason(void **state)
{
    struct vm_network card = {.name = "switch1"};
    static const struct vswitch_port_config taken = {.name = "other", .mac = {2, 0, 0, 0, 0, 9}};
    static const struct vswitch_port_ops ops = {0};
    struct vswitch_port other = {0};

    (void)state;
    assert_int_equal(world_make_card(vswitch, &card), -ENOENT);
    assert_true(fake_logged("network switch1: there is no such switch"));
    strcpy(card.name, "switch0");
    card.vlan = VSWITCH_VLAN_MAX + 1;
    assert_int_equal(world_make_card(vswitch, &card), -EINVAL);
    assert_true(fake_logged("VLAN or rate is out of range"));
    card.vlan = 0;
    card.mac[0] = MAC_GROUP;
    assert_int_equal(world_make_card(vswitch, &card), -EINVAL);
    memcpy(card.mac, taken.mac, sizeof(card.mac));
    assert_int_equal(vswitch_port_add(vswitch, &other, &taken, &ops, NULL), VSWITCH_OK);
    assert_int_equal(world_make_card(vswitch, &card), -EADDRINUSE);
    assert_true(fake_logged("network switch0: another port has its address"));
    vswitch_port_remove(&other);
    assert_null(only_port());
    assert_int_equal(fake.live, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(card_is_a_port_of_the_switch_while_the_child_is_there,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(link_is_up_without_an_uplink_and_as_the_operator_sets_it,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(link_is_down_from_the_start_if_asked_for, setup, teardown),
        cmocka_unit_test(without_a_card_there_is_no_link),
        cmocka_unit_test_setup_teardown(address_is_the_childs_for_good_or_what_is_asked_for, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused_with_a_reason, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
