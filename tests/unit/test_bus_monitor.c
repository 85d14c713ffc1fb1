/* SPDX-License-Identifier: MIT */
/* test_bus_monitor.c - the page of triggers of a child's bus, root/bus/monitor.c: where the child
 * has it, and what is left of it. */
#include <hvabi/synic.h>

#include "bus_fixture.h"
#include "fakes/test.h"
#include "mm/memory.h"

#define CHILD  3u
#define FIRST  (40u * HV_PAGE_SIZE)
#define SECOND (41u * HV_PAGE_SIZE)
#define ROUNDS 200u

static int with_echo(void **state)
{
    (void)state;
    world_make(CHILD, false, true);
    world_run();
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end();
    return 0;
}

static uint32_t ports(void)
{
    return __atomic_load_n(&world.ports, __ATOMIC_ACQUIRE);
}

/* How many triggers of the page are somebody's. */
static unsigned triggers(void)
{
    unsigned n = 0;

    for (uint32_t g = 0; g < HV_MONITOR_GROUP_COUNT; g++)
        for (uint32_t i = 0; i < HV_MONITOR_TRIGGERS_PER_GROUP; i++)
            n += guest_monitor_page()->latency[g][i] != 0;
    return n;
}

static void channel_has_a_trigger_where_the_child_has_the_page(void **state)
{
    (void)state;
    assert_int_equal(guest_open(guest_connect_monitored(FIRST)), VMBUS_STATUS_SUCCESS);
    assert_int_equal(world.monitor_child, FIRST);
    assert_int_equal(triggers(), 1);
    assert_int_not_equal(guest_monitor_page()->trigger_state & HV_MONITOR_STATE_GROUP_ENABLE_MASK,
                         0);
}

static void there_is_no_page_until_a_channel_wants_it(void **state)
{
    (void)state;
    (void)guest_connect_monitored(FIRST);
    assert_int_equal(world.monitor_root, 0);
}

static void contact_takes_the_page_away_from_an_open_channel(void **state)
{
    uint32_t before = ports(), relid;

    (void)state;
    assert_int_equal(guest_open(guest_connect_monitored(FIRST)), VMBUS_STATUS_SUCCESS);
    relid = guest_connect_monitored(SECOND);
    assert_int_equal(world.monitor_root, 0);
    assert_int_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
    assert_int_equal(world.monitor_child, SECOND);
    assert_int_equal(triggers(), 1);
    (void)guest_connect();
    assert_int_equal(world.monitor_root, 0);
    assert_true(ports() <= before + WORLD_VPS * 2); /* those of the child's VPs may stay */
}

static void pages_that_come_and_go_leave_nothing(void **state)
{
    uint32_t after_first = 0;

    (void)state;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        assert_int_equal(guest_open(guest_connect_monitored(i % 2 ? SECOND : FIRST)),
                         VMBUS_STATUS_SUCCESS);
        if (i == 0)
            after_first = ports();
        assert_int_equal(ports(), after_first);
    }
}

static void page_where_none_can_be_refuses_the_channel(void **state)
{
    uint32_t relid = guest_connect_monitored(WORLD_RAM_BYTES), before = ports();

    (void)state;
    assert_int_not_equal(guest_open(relid), VMBUS_STATUS_SUCCESS);
    assert_int_equal(world.monitor_root, 0);
    assert_true(ports() <= before + WORLD_VPS * 2);
    assert_int_equal(guest_open(guest_connect_monitored(FIRST)), VMBUS_STATUS_SUCCESS);
    assert_int_equal(world.monitor_child, FIRST);
}

static void page_that_is_none_is_no_page(void **state)
{
    (void)state;
    assert_int_equal(guest_open(guest_connect_monitored(FIRST + 8)), VMBUS_STATUS_SUCCESS);
    assert_int_equal(world.monitor_root, 0); /* the channel has a doorbell like any other */
}

#define T(name) cmocka_unit_test_setup_teardown(name, with_echo, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(channel_has_a_trigger_where_the_child_has_the_page),
        T(there_is_no_page_until_a_channel_wants_it),
        T(contact_takes_the_page_away_from_an_open_channel),
        T(pages_that_come_and_go_leave_nothing),
        T(page_where_none_can_be_refuses_the_channel),
        T(page_that_is_none_is_no_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
