/* SPDX-License-Identifier: MIT */
/* test_monitor_life.c - how monitor ports come, sleep, are woken and go; save and restore:
 * hypervisor/synic/{monitor,port,port_state}.c. */
#include "monitor_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <synic/port_state.h>

#define PAUSE_MAX (2 * MONITOR_PAUSE_REST)

/* ---- creating and connecting ------------------------------------------------------------------
 */

static void both_partitions_see_one_page_and_it_is_zero(void **state)
{
    static const struct hv_monitor_page zero;

    (void)state;
    assert_int_equal(create(MONITOR_PORT, monitor_port(ROOT_GPFN)), HV_STATUS_SUCCESS);
    assert_non_null(world_monitor_page(root, ROOT_GPFN));
    assert_null(world_monitor_page(child, CHILD_GPFN));
    assert_int_equal(monitor_count(), 0);
    assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &monitor_conn), HV_STATUS_SUCCESS);
    assert_ptr_equal(world_monitor_page(child, CHILD_GPFN), world_monitor_page(root, ROOT_GPFN));
    assert_memory_equal(world_monitor_page(root, ROOT_GPFN), &zero, sizeof(zero));
    assert_int_equal(monitor_count(), 1);
}

static void addresses_must_be_those_of_pages(void **state)
{
    struct hv_port_info info = monitor_port(ROOT_GPFN);
    struct hv_connection_info conn = monitor_conn;

    (void)state;
    info.monitor.monitor_address++;
    assert_int_equal(create(MONITOR_PORT, info), HV_STATUS_INVALID_ALIGNMENT);
    info = monitor_port(ROOT_GPFN);
    info.monitor.reserved = 1;
    assert_int_equal(create(MONITOR_PORT, info), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(create(MONITOR_PORT, monitor_port(ROOT_GPFN)), HV_STATUS_SUCCESS);
    conn.monitor_address += HV_PAGE_SIZE / 2;
    assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &conn), HV_STATUS_INVALID_ALIGNMENT);
    for (unsigned i = 1; i < 3; i++) {
        conn = monitor_conn;
        conn.words[i] = 1;
        assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &conn),
                         HV_STATUS_INVALID_PARAMETER);
    }
    assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &event_conn),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(child->pool.in_use, 0);
}

static void monitor_connections_fit_monitor_ports_only(void **state)
{
    (void)state;
    link_event(0, 0, 1);
    assert_int_equal(create(9, event_port(0, 0, 1)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(9, 9, &monitor_conn), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(create(MONITOR_PORT, monitor_port(ROOT_GPFN)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &monitor_conn), HV_STATUS_SUCCESS);
    assert_int_equal(signal_event(MONITOR_CONN, 0), HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(post(MONITOR_CONN, 1), HV_STATUS_INVALID_PORT_ID);
}

static void nothing_is_left_where_memory_runs_out(void **state)
{
    unsigned tries = 0;

    (void)state;
    for (unsigned left = 0;; left++, tries++) {
        root->pool.available = left;
        if (create(MONITOR_PORT, monitor_port(ROOT_GPFN)) == HV_STATUS_SUCCESS)
            break;
        assert_int_equal(root->pool.in_use, 0);
        assert_int_equal(root->ports.live, 0);
        assert_null(world_monitor_page(root, ROOT_GPFN));
    }
    assert_int_equal(tries, 3 + ID_TABLE_LEVELS); /* port, monitor, page */
    for (unsigned left = 0;; left++) {
        child->pool.available = left;
        if (connect_child(MONITOR_CONN, MONITOR_PORT, &monitor_conn) == HV_STATUS_SUCCESS)
            break;
        assert_int_equal(child->pool.in_use, 0);
        assert_int_equal(world_timers_queued(), 0);
        assert_null(world_monitor_page(child, CHILD_GPFN));
    }
    assert_int_equal(child->pool.in_use, 1 + ID_TABLE_LEVELS);
}

static void nothing_is_left_where_the_page_cannot_be_shown(void **state)
{
    (void)state;
    world_overlay_status = HV_STATUS_INSUFFICIENT_MEMORY;
    assert_int_equal(create(MONITOR_PORT, monitor_port(ROOT_GPFN)), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_int_equal(root->pool.in_use, 0);
    world_overlay_status = HV_STATUS_SUCCESS;
    assert_int_equal(create(MONITOR_PORT, monitor_port(ROOT_GPFN)), HV_STATUS_SUCCESS);
    world_overlay_status = HV_STATUS_INVALID_PARAMETER;
    assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &monitor_conn),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(child->pool.in_use, 0);
    assert_int_equal(world_timers_queued(), 0);
    world_overlay_status = HV_STATUS_SUCCESS;
    assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &monitor_conn), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(MONITOR_CONN + 1, MONITOR_PORT, &monitor_conn),
                     HV_STATUS_INVALID_PORT_ID); /* connected */
}

/* ---- going ------------------------------------------------------------------------------------
 */

static void disconnected_page_is_the_ports_until_it_is_connected_again(void **state)
{
    (void)state;
    link_monitor();
    watch(0, 0, 7);
    trigger(0, 0);
    assert_int_equal(port_disconnect(&child->ports, MONITOR_CONN), HV_STATUS_SUCCESS);
    assert_int_equal(world_timers_queued(), 0);
    assert_null(world_monitor_page(child, CHILD_GPFN));
    assert_ptr_equal(world_monitor_page(root, ROOT_GPFN), page);
    world_advance(100 * LATENCY);
    assert_int_equal(take_all(), 0);
    assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &monitor_conn), HV_STATUS_SUCCESS);
    world_advance(100 * LATENCY);
    assert_true(take(7));
}

static void deleted_port_takes_the_page_from_both(void **state)
{
    (void)state;
    link_monitor();
    assert_int_equal(port_delete(&root->ports, MONITOR_PORT), HV_STATUS_SUCCESS);
    assert_null(world_monitor_page(child, CHILD_GPFN));
    assert_null(world_monitor_page(root, ROOT_GPFN));
    assert_int_equal(world_timers_queued(), 0);
    assert_int_equal(monitor_count(), 0);
    assert_int_equal(root->pool.in_use, 1 + ID_TABLE_LEVELS); /* the event port */
    assert_int_equal(create(MONITOR_PORT, monitor_port(ROOT_GPFN)), HV_STATUS_SUCCESS);
    assert_null(world_monitor_page(child, CHILD_GPFN)); /* the old connection dangles */
    assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &monitor_conn),
                     HV_STATUS_INVALID_CONNECTION_ID);
    assert_int_equal(port_disconnect(&child->ports, MONITOR_CONN), HV_STATUS_SUCCESS);
}

static void draining_either_side_ends_it(void **state)
{
    (void)state;
    link_monitor();
    while (!port_space_drain(&child->ports, 1))
        ;
    assert_int_equal(child->pool.in_use, 0);
    assert_null(world_monitor_page(child, CHILD_GPFN));
    assert_int_equal(world_timers_queued(), 0);
    assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &monitor_conn), HV_STATUS_SUCCESS);
    while (!port_space_drain(&root->ports, 1))
        ;
    assert_int_equal(root->pool.in_use, 0);
    assert_null(world_monitor_page(child, CHILD_GPFN));
}

static void delete_now(void)
{
    assert_int_equal(port_delete(&root->ports, MONITOR_PORT), HV_STATUS_SUCCESS);
    assert_null(world_monitor_page(root, ROOT_GPFN));
    assert_int_equal(root->ports.live, 2); /* kept for the look that is about to begin */
    assert_false(port_space_drain(&root->ports, 10));
}

static void port_deleted_before_a_look_is_freed_by_it(void **state)
{
    (void)state;
    link_monitor();
    world_timer_popped = delete_now;
    world_advance(MONITOR_PAUSE_MIN);
    assert_null(world_timer_popped);
    assert_int_equal(root->pool.in_use, 0);
    assert_int_equal(child->looks, 0);
    assert_int_equal(world_timers_queued(), 0);
}

static void disconnect_now(void)
{
    assert_int_equal(port_disconnect(&child->ports, MONITOR_CONN), HV_STATUS_SUCCESS);
    assert_int_equal(child->pool.in_use, 1 + ID_TABLE_LEVELS); /* the event connection */
}

static void connection_severed_before_a_look_ends_it(void **state)
{
    (void)state;
    link_monitor();
    world_timer_popped = disconnect_now;
    world_advance(MONITOR_PAUSE_MIN);
    assert_int_equal(child->looks, 0);
    assert_int_equal(world_timers_queued(), 0);
    assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &monitor_conn), HV_STATUS_SUCCESS);
    world_advance(MONITOR_PAUSE_MIN);
    assert_int_equal(child->looks, 1);
}

static void reconnect_now(void)
{
    assert_int_equal(port_disconnect(&child->ports, MONITOR_CONN), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(MONITOR_CONN, MONITOR_PORT, &monitor_conn), HV_STATUS_SUCCESS);
}

static void connection_made_anew_before_a_look_has_its_own(void **state)
{
    (void)state;
    link_monitor();
    for (unsigned i = 0; i < 3; i++) {
        world_timer_popped = reconnect_now;
        next_look(PAUSE_MAX);
        assert_int_equal(world_timers_queued(), 1);
    }
    assert_int_equal(port_delete(&root->ports, MONITOR_PORT), HV_STATUS_SUCCESS);
    assert_int_equal(root->pool.in_use, 1 + ID_TABLE_LEVELS); /* the event port */
}

/* ---- sleeping ---------------------------------------------------------------------------------
 */

static void nobody_looks_while_nothing_is_pending_and_the_sender_rests(void **state)
{
    uint32_t looks;

    (void)state;
    link_monitor();
    watch(0, 0, 0);
    child->runs = false;
    world_advance(100 * LATENCY);
    looks = child->looks;
    assert_int_equal(world_timers_queued(), 0);
    world_advance(100 * LATENCY);
    assert_int_equal(child->looks, looks);
    world_run(child);
    assert_int_equal(child->ports.asleep, 0);
    trigger(0, 0);
    child->runs = false;
    assert_int_equal(next_look(PAUSE_MAX), LATENCY);
    world_advance(LATENCY);
    assert_true(take(0));
    world_advance(100 * LATENCY);
    assert_int_equal(world_timers_queued(), 0);
}

static void sender_that_rests_is_signalled_for_what_is_pending_still(void **state)
{
    (void)state;
    link_monitor();
    watch(1, 1, 0);
    page->trigger_state = 0; /* its group is not even enabled */
    trigger(1, 1);
    child->runs = false;
    world_advance(10 * MONITOR_PAUSE_REST);
    assert_int_equal(world_timers_queued(), 1);
    page->trigger_state = 2;
    world_advance(MONITOR_PAUSE_REST + LATENCY);
    assert_true(take(0));
}

static void sleeper_can_be_disconnected(void **state)
{
    (void)state;
    link_monitor();
    child->runs = false;
    world_advance(100 * LATENCY);
    assert_int_equal(child->ports.asleep, 1);
    assert_int_equal(port_disconnect(&child->ports, MONITOR_CONN), HV_STATUS_SUCCESS);
    assert_int_equal(child->ports.asleep, 0);
    world_run(child);
    assert_int_equal(world_timers_queued(), 0);
}

static void only_so_many_sleep_and_the_others_rest(void **state)
{
    struct hv_connection_info conn = monitor_conn;
    uint32_t looks;

    (void)state;
    for (uint32_t i = 0; i < MONITOR_SLEEPERS_MAX + 4; i++) {
        conn.monitor_address += HV_PAGE_SIZE;
        assert_int_equal(create(i, monitor_port(ROOT_GPFN + i)), HV_STATUS_SUCCESS);
        assert_int_equal(connect_child(i, i, &conn), HV_STATUS_SUCCESS);
        world_monitor_page(root, ROOT_GPFN + i)->trigger_state = 1;
    }
    child->runs = false;
    world_advance(10 * MONITOR_PAUSE_REST);
    assert_int_equal(child->ports.asleep, MONITOR_SLEEPERS_MAX);
    assert_int_equal(world_timers_queued(), 4);
    looks = child->looks;
    world_advance(10 * MONITOR_PAUSE_REST);
    assert_int_equal(child->looks - looks, 40);
    world_run(child);
    assert_int_equal(world_timers_queued(), MONITOR_SLEEPERS_MAX + 4);
}

/* ---- save and restore -------------------------------------------------------------------------
 */

static struct port_state saved, again;

static void page_survives_a_round_trip_with_what_is_pending(void **state)
{
    struct connection_state conn;

    (void)state;
    link_monitor();
    watch(3, 31, 5);
    trigger(3, 31);
    next_look(PAUSE_MAX);
    assert_true(armed(3, 31));
    assert_true(port_save(&root->ports, 0, &saved));
    assert_int_equal(saved.id, MONITOR_PORT);
    assert_int_equal(saved.waiting, 0);
    assert_memory_equal(saved.monitor_page, page, HV_PAGE_SIZE);
    assert_true(connection_save(&child->ports, 0, &conn));
    assert_int_equal(conn.id, MONITOR_CONN);
    assert_int_equal(port_delete(&root->ports, MONITOR_PORT), HV_STATUS_SUCCESS);
    assert_int_equal(port_disconnect(&child->ports, MONITOR_CONN), HV_STATUS_SUCCESS);
    world_advance(1u << 31); /* another machine, at another time */

    assert_int_equal(port_restore(&root->ports, &saved), HV_STATUS_SUCCESS);
    assert_true(port_save(&root->ports, 0, &again));
    assert_memory_equal(&saved, &again, sizeof(saved));
    assert_int_equal(connection_restore(&child->ports, &root->ports, &conn), HV_STATUS_SUCCESS);
    world_advance(MONITOR_PAUSE_MIN + LATENCY);
    assert_true(take(5));
}

static void bad_monitor_states_are_refused(void **state)
{
    (void)state;
    link_monitor();
    assert_true(port_save(&root->ports, 0, &saved));
    assert_int_equal(port_delete(&root->ports, MONITOR_PORT), HV_STATUS_SUCCESS);
    saved.version = 1;
    assert_int_equal(port_restore(&root->ports, &saved), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    saved.version = PORT_STATE_VERSION;
    saved.waiting = 1;
    assert_int_equal(port_restore(&root->ports, &saved), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    saved.waiting = 0;
    saved.info.monitor.monitor_address |= 8;
    assert_int_equal(port_restore(&root->ports, &saved), HV_STATUS_INVALID_ALIGNMENT);
}

static void dangling_monitor_connection_survives_a_round_trip(void **state)
{
    struct connection_state conn, same;

    (void)state;
    link_monitor();
    assert_int_equal(port_delete(&root->ports, MONITOR_PORT), HV_STATUS_SUCCESS);
    assert_true(connection_save(&child->ports, 0, &conn));
    assert_int_equal(port_disconnect(&child->ports, MONITOR_CONN), HV_STATUS_SUCCESS);
    assert_int_equal(connection_restore(&child->ports, NULL, &conn), HV_STATUS_SUCCESS);
    assert_true(connection_save(&child->ports, 0, &same));
    assert_memory_equal(&conn, &same, sizeof(conn));
    assert_null(world_monitor_page(child, CHILD_GPFN));
}

/* ---- races ------------------------------------------------------------------------------------
 */

static bool race_over;

static void *race_time(void *arg)
{
    while (!__atomic_load_n(&race_over, __ATOMIC_RELAXED))
        world_advance(MONITOR_PAUSE_MIN / 4);
    return arg;
}

static void *race_sender(void *arg)
{
    while (!__atomic_load_n(&race_over, __ATOMIC_RELAXED)) {
        world_run(child);
        sched_yield();
        __atomic_store_n(&child->runs, false, __ATOMIC_SEQ_CST);
        sched_yield();
    }
    return arg;
}

/* Looks, sleeping and waking on other LPs while the port and the connection come and go. */
static void monitors_come_and_go_under_fire(void **state)
{
    pthread_t time, sender;

    (void)state;
    race_over = false;
    link_event(0, 0, FLAGS);
    pthread_create(&time, NULL, race_time, NULL);
    pthread_create(&sender, NULL, race_sender, NULL);
    for (unsigned i = 0; i < 3000; i++) {
        assert_int_equal(create(9, monitor_port(ROOT_GPFN)), HV_STATUS_SUCCESS);
        for (unsigned n = 0; n < 3; n++) {
            assert_int_equal(connect_child(9, 9, &monitor_conn), HV_STATUS_SUCCESS);
            page = world_monitor_page(root, ROOT_GPFN);
            watch(0, n, (uint16_t)n);
            trigger(0, n);
            sched_yield();
            if (n < 2)
                assert_int_equal(port_disconnect(&child->ports, 9), HV_STATUS_SUCCESS);
        }
        assert_int_equal(port_delete(&root->ports, 9), HV_STATUS_SUCCESS);
        assert_int_equal(port_disconnect(&child->ports, 9), HV_STATUS_SUCCESS);
    }
    __atomic_store_n(&race_over, true, __ATOMIC_RELAXED);
    pthread_join(time, NULL);
    pthread_join(sender, NULL);
    assert_int_equal(world_timers_queued(), 0);
    assert_int_equal(child->ports.asleep, 0);
    assert_true(child->looks > 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start_monitor, stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(both_partitions_see_one_page_and_it_is_zero),
        T(addresses_must_be_those_of_pages),
        T(monitor_connections_fit_monitor_ports_only),
        T(nothing_is_left_where_memory_runs_out),
        T(nothing_is_left_where_the_page_cannot_be_shown),
        T(disconnected_page_is_the_ports_until_it_is_connected_again),
        T(deleted_port_takes_the_page_from_both),
        T(draining_either_side_ends_it),
        T(port_deleted_before_a_look_is_freed_by_it),
        T(connection_severed_before_a_look_ends_it),
        T(connection_made_anew_before_a_look_has_its_own),
        T(nobody_looks_while_nothing_is_pending_and_the_sender_rests),
        T(sender_that_rests_is_signalled_for_what_is_pending_still),
        T(sleeper_can_be_disconnected),
        T(only_so_many_sleep_and_the_others_rest),
        T(page_survives_a_round_trip_with_what_is_pending),
        T(bad_monitor_states_are_refused),
        T(dangling_monitor_connection_survives_a_round_trip),
        T(monitors_come_and_go_under_fire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
