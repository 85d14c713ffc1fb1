/* SPDX-License-Identifier: MIT */
/* test_port_life.c - how ports and connections go, are saved, and come back:
 * hypervisor/synic/{port,port_state,id_table}.c. */
#include "port_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <synic/port_state.h>

/* ---- deleting ---------------------------------------------------------------------------------
 */

static void deleted_port_leaves_a_dangling_connection(void **state)
{
    (void)state;
    link_event(0, 0, 1);
    assert_int_equal(port_delete(&root->ports, PORT), HV_STATUS_SUCCESS);
    assert_int_equal(root->pool.in_use, 0);
    assert_int_equal(signal_event(CONN, 0), HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(create(PORT, event_port(0, 0, 1)), HV_STATUS_SUCCESS);
    /* A new port under the old id is not the old one. */
    assert_int_equal(signal_event(CONN, 0), HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(connect_child(CONN, PORT, &event_conn), HV_STATUS_INVALID_CONNECTION_ID);
    assert_int_equal(port_disconnect(&child->ports, CONN), HV_STATUS_SUCCESS);
    assert_int_equal(signal_event(CONN, 0), HV_STATUS_INVALID_CONNECTION_ID);
    assert_int_equal(port_disconnect(&child->ports, CONN), HV_STATUS_INVALID_CONNECTION_ID);
    assert_int_equal(port_delete(&root->ports, PORT), HV_STATUS_SUCCESS);
    assert_int_equal(port_delete(&root->ports, PORT), HV_STATUS_INVALID_PORT_ID);
}

static void deleting_a_port_frees_its_waiting_messages_only(void **state)
{
    struct hv_message got;

    (void)state;
    link_message(0);
    assert_int_equal(create(7, message_port(0)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(7, 7, &message_conn), HV_STATUS_SUCCESS);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(post(CONN, 10 + i), HV_STATUS_SUCCESS);
        assert_int_equal(post(7, 20 + i), HV_STATUS_SUCCESS);
    }
    assert_int_equal(port_delete(&root->ports, PORT), HV_STATUS_SUCCESS);
    /* What is in the slot already stays there. */
    assert_true(guest_take(&root->vp[0], SINT, &got));
    assert_int_equal(got.header.message_type, 10);
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(guest_take(&root->vp[0], SINT, &got));
        assert_int_equal(got.header.message_type, 20 + i);
    }
    assert_false(guest_take(&root->vp[0], SINT, &got));
}

static void disconnecting_keeps_waiting_messages(void **state)
{
    struct hv_message got;

    (void)state;
    link_message(0);
    assert_int_equal(post(CONN, 1), HV_STATUS_SUCCESS);
    assert_int_equal(post(CONN, 2), HV_STATUS_SUCCESS);
    assert_int_equal(port_disconnect(&child->ports, CONN), HV_STATUS_SUCCESS);
    assert_true(guest_take(&root->vp[0], SINT, &got));
    assert_true(guest_take(&root->vp[0], SINT, &got));
    assert_int_equal(got.header.message_type, 2);
}

static void deleting_a_vp_gives_buffers_back_to_the_port(void **state)
{
    (void)state;
    link_message(HV_ANY_VP);
    for (unsigned i = 0; i < 17; i++)
        assert_int_equal(post(CONN, 1), HV_STATUS_SUCCESS);
    assert_int_equal(post(CONN, 1), HV_STATUS_INSUFFICIENT_BUFFERS);
    world_enable(&root->vp[2], SINT, VECTOR);
    synic_destroy(&root->vp[0].synic);
    root->vp[0].present = false;
    for (unsigned i = 0; i < 17; i++)
        assert_int_equal(post(CONN, 1), HV_STATUS_SUCCESS);
    assert_int_equal(root->vp[2].sim->slots[SINT].header.message_type, 1);
}

/* What another LP does in the middle of a post: after the lookup of its target. */
static void (*during_post)(void);

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */

struct synic *__wrap_port_host_synic(struct partition *p, uint32_t vp_index);
struct synic *__real_port_host_synic(struct partition *p, uint32_t vp_index);

struct synic *__wrap_port_host_synic(struct partition *p, uint32_t vp_index)
{
    void (*act)(void) = __atomic_exchange_n(&during_post, NULL, __ATOMIC_RELAXED);

    if (act)
        act();
    return __real_port_host_synic(p, vp_index);
}

/* NOLINTEND(bugprone-reserved-identifier) */

static void delete_now(void)
{
    assert_int_equal(port_delete(&root->ports, PORT), HV_STATUS_SUCCESS);
    assert_int_equal(root->ports.live, 1); /* gone from the table, kept for the post */
    assert_false(port_space_drain(&root->ports, 10));
}

static void port_deleted_during_a_post_is_freed_after_it(void **state)
{
    (void)state;
    link_message(0);
    during_post = delete_now;
    assert_int_equal(post(CONN, 1), HV_STATUS_SUCCESS);
    assert_int_equal(root->pool.in_use, 0);
    assert_true(port_space_drain(&root->ports, 10));
}

static void queued_message_of_a_port_deleted_during_the_post_is_taken_back(void **state)
{
    struct hv_message got;

    (void)state;
    link_message(0);
    assert_int_equal(post(CONN, 1), HV_STATUS_SUCCESS);
    during_post = delete_now;
    assert_int_equal(post(CONN, 2), HV_STATUS_SUCCESS);
    assert_int_equal(root->pool.in_use, 0);
    assert_true(guest_take(&root->vp[0], SINT, &got));
    assert_false(guest_take(&root->vp[0], SINT, &got));
}

static void disconnect_now(void)
{
    assert_int_equal(port_disconnect(&child->ports, CONN), HV_STATUS_SUCCESS);
    assert_int_equal(child->pool.in_use, 0);
}

static void connection_severed_during_a_signal_does_not_disturb_it(void **state)
{
    (void)state;
    link_event(0, 0, 1);
    during_post = disconnect_now;
    assert_int_equal(signal_event(CONN, 0), HV_STATUS_SUCCESS);
    assert_int_equal(root->vp[0].interrupts[VECTOR], 1);
}

static void drain_is_bounded_by_its_budget(void **state)
{
    unsigned calls = 1;

    (void)state;
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(create(i * 0x10001, event_port(0, 0, 1)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(CONN, 0x10001, &event_conn), HV_STATUS_SUCCESS);
    assert_false(port_space_drain(&root->ports, 0));
    assert_int_equal(root->ports.live, 20);
    while (!port_space_drain(&root->ports, 5))
        calls++;
    assert_int_equal(calls, 5);
    assert_int_equal(root->pool.in_use, 0);
    assert_int_equal(signal_event(CONN, 0), HV_STATUS_INVALID_PORT_ID);
}

static void draining_the_sender_makes_the_port_free_again(void **state)
{
    (void)state;
    link_message(0);
    while (!port_space_drain(&child->ports, 1))
        ;
    assert_int_equal(child->pool.in_use, 0);
    assert_int_equal(connect_child(CONN, PORT, &message_conn), HV_STATUS_SUCCESS);
}

static void ids_all_over_the_space_are_found_and_leave_no_nodes(void **state)
{
    static char object[3000];
    struct id_table t = {0};
    uint32_t id = 1;

    (void)state;
    root->pool.available = 100000;
    for (unsigned i = 0; i < ARRAY_SIZE(object); i++, id = (id * 1103515245 + 12345) & 0xffffff) {
        assert_null(id_table_get(&t, id));
        assert_int_equal(id_table_put(&t, &root->pool, id, &object[i]), HV_STATUS_SUCCESS);
    }
    id = 1;
    for (unsigned i = 0; i < ARRAY_SIZE(object); i++, id = (id * 1103515245 + 12345) & 0xffffff) {
        assert_ptr_equal(id_table_get(&t, id), &object[i]);
        assert_null(id_table_get(&t, id | 1u << 24));
        assert_ptr_equal(id_table_from(&t, id), &object[i]);
        id_table_remove(&t, &root->pool, id);
        id_table_remove(&t, &root->pool, id);
        assert_null(id_table_get(&t, id));
    }
    assert_null(t.root);
    assert_null(id_table_from(&t, 0));
    assert_int_equal(root->pool.in_use, 0);
}

static void tables_are_walked_in_order_of_identifiers(void **state)
{
    static const uint32_t ids[] = {0, 1, 63, 64, 4095, 4096, 262144, 0xfffffe, 0xffffff};
    static char object[ARRAY_SIZE(ids)];
    struct id_table t = {0};
    uint32_t next = 0;

    (void)state;
    for (unsigned i = ARRAY_SIZE(ids); i-- > 0;)
        assert_int_equal(id_table_put(&t, &root->pool, ids[i], &object[i]), HV_STATUS_SUCCESS);
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
        assert_ptr_equal(id_table_from(&t, next), &object[i]);
        next = ids[i] + 1;
    }
    assert_null(id_table_from(&t, next));
    for (unsigned i = 0; i < ARRAY_SIZE(ids); i++)
        id_table_remove(&t, &root->pool, ids[i]);
    assert_int_equal(root->pool.in_use, 0);
}

/* ---- save and restore -------------------------------------------------------------------------
 */

static struct port_state port_saved, port_again;

static void port_and_its_waiting_messages_survive_a_round_trip(void **state)
{
    struct hv_message got;

    (void)state;
    link_message(0);
    assert_int_equal(create(7, message_port(0)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(7, 7, &message_conn), HV_STATUS_SUCCESS);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(post(i % 2 ? 7 : CONN, 1 + i), HV_STATUS_SUCCESS);
    assert_true(port_save(&root->ports, 8, &port_saved));
    assert_int_equal(port_saved.id, PORT);
    assert_int_equal(port_saved.waiting, 2); /* the first is in the slot */
    assert_int_equal(port_delete(&root->ports, PORT), HV_STATUS_SUCCESS);
    assert_int_equal(port_restore(&root->ports, &port_saved), HV_STATUS_SUCCESS);
    assert_true(port_save(&root->ports, 8, &port_again));
    assert_memory_equal(&port_saved, &port_again, sizeof(port_saved));
    assert_false(port_save(&root->ports, PORT + 1, &port_again));
    for (uint32_t i = 0; i < 6; i++) { /* and in the old order, among those of the other port */
        assert_true(guest_take(&root->vp[0], SINT, &got));
        assert_int_equal(got.header.message_type, 1 + i);
    }
}

static void bad_port_states_are_refused(void **state)
{
    struct port_state good;

    (void)state;
    link_message(0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(post(CONN, 1 + i), HV_STATUS_SUCCESS);
    assert_true(port_save(&root->ports, 0, &good));
    assert_int_equal(port_restore(&root->ports, &good), HV_STATUS_INVALID_PORT_ID); /* exists */
    assert_int_equal(port_delete(&root->ports, PORT), HV_STATUS_SUCCESS);

#define REFUSED(change)                                                                            \
    do {                                                                                           \
        struct port_state bad = good;                                                              \
        change;                                                                                    \
        assert_int_equal(port_restore(&root->ports, &bad), HV_STATUS_INVALID_SAVE_RESTORE_STATE);  \
    } while (0)
    REFUSED(bad.version = 0);
    REFUSED(bad.reserved = 1);
    REFUSED(bad.waiting = 17);
    REFUSED(bad.info.port_type = HvPortTypeEvent);
    REFUSED(bad.message[1].message.header.payload_size = 241);
    REFUSED(bad.message[1].message.header.message_type = 0x80000000);
    REFUSED(bad.message[1].message.header.message_type = 0);
    REFUSED(bad.message[1].vp_index = WORLD_VPS);
    REFUSED(bad.message[1].order = UINT64_MAX);
    REFUSED(bad.message[0].reserved = 1);
    assert_int_equal(root->pool.in_use, 0);
}

static void connections_survive_a_round_trip_dangling_ones_too(void **state)
{
    struct connection_state saved[2], again;

    (void)state;
    link_event(0, 0, 1);
    assert_int_equal(create(9, message_port(0)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(9, 9, &message_conn), HV_STATUS_SUCCESS);
    assert_int_equal(port_delete(&root->ports, 9), HV_STATUS_SUCCESS);
    assert_true(connection_save(&child->ports, 0, &saved[0]));
    assert_true(connection_save(&child->ports, saved[0].id + 1, &saved[1]));
    assert_false(connection_save(&child->ports, saved[1].id + 1, &again));
    while (!port_space_drain(&child->ports, 1))
        ;
    assert_int_equal(connection_restore(&child->ports, &root->ports, &saved[0]),
                     HV_STATUS_INVALID_SAVE_RESTORE_STATE); /* dangles */
    assert_int_equal(connection_restore(&child->ports, NULL, &saved[0]), HV_STATUS_SUCCESS);
    assert_int_equal(connection_restore(&child->ports, &other->ports, &saved[1]),
                     HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    assert_int_equal(connection_restore(&child->ports, &root->ports, &saved[1]), HV_STATUS_SUCCESS);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(connection_save(&child->ports, saved[i].id, &again));
        assert_memory_equal(&again, &saved[i], sizeof(again));
    }
    assert_int_equal(post(9, 1), HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(signal_event(CONN, 0), HV_STATUS_SUCCESS);
}

/* ---- races ------------------------------------------------------------------------------------
 */

static bool race_over;

static void *race_sender(void *arg)
{
    while (!__atomic_load_n(&race_over, __ATOMIC_RELAXED)) {
        (void)post(CONN, 1);
        (void)signal_event(CONN + 1, 0);
    }
    return arg;
}

static void *race_guest(void *arg)
{
    struct hv_message got;

    while (!__atomic_load_n(&race_over, __ATOMIC_RELAXED))
        if (!guest_take(&root->vp[0], SINT, &got))
            sched_yield();
    return arg;
}

static void ports_come_and_go_under_fire(void **state)
{
    pthread_t sender, guest;

    (void)state;
    race_over = false;
    pthread_create(&sender, NULL, race_sender, NULL);
    pthread_create(&guest, NULL, race_guest, NULL);
    for (unsigned i = 0; i < 3000; i++) {
        link_message(i % 2 ? 0 : HV_ANY_VP);
        assert_int_equal(create(9, event_port(0, 3, 1)), HV_STATUS_SUCCESS);
        assert_int_equal(connect_child(CONN + 1, 9, &event_conn), HV_STATUS_SUCCESS);
        sched_yield();
        assert_int_equal(port_delete(&root->ports, PORT), HV_STATUS_SUCCESS);
        assert_int_equal(port_disconnect(&child->ports, CONN), HV_STATUS_SUCCESS);
        assert_int_equal(port_disconnect(&child->ports, CONN + 1), HV_STATUS_SUCCESS);
        assert_int_equal(port_delete(&root->ports, 9), HV_STATUS_SUCCESS);
    }
    __atomic_store_n(&race_over, true, __ATOMIC_RELAXED);
    pthread_join(sender, NULL);
    pthread_join(guest, NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(deleted_port_leaves_a_dangling_connection),
        T(deleting_a_port_frees_its_waiting_messages_only),
        T(disconnecting_keeps_waiting_messages),
        T(deleting_a_vp_gives_buffers_back_to_the_port),
        T(port_deleted_during_a_post_is_freed_after_it),
        T(queued_message_of_a_port_deleted_during_the_post_is_taken_back),
        T(connection_severed_during_a_signal_does_not_disturb_it),
        T(drain_is_bounded_by_its_budget),
        T(draining_the_sender_makes_the_port_free_again),
        T(ids_all_over_the_space_are_found_and_leave_no_nodes),
        T(tables_are_walked_in_order_of_identifiers),
        T(port_and_its_waiting_messages_survive_a_round_trip),
        T(bad_port_states_are_refused),
        T(connections_survive_a_round_trip_dangling_ones_too),
        T(ports_come_and_go_under_fire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
