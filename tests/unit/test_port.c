/* SPDX-License-Identifier: MIT */
/* test_port.c - making ports and connections, posting, signalling: hypervisor/synic/{port,post}.c.
 */
#include "port_fixture.h"

#include <hvabi/msr.h>

/* ---- creating ---------------------------------------------------------------------------------
 */

static void port_ids_have_24_bits_and_may_be_zero(void **state)
{
    (void)state;
    assert_int_equal(create(0x1000000, message_port(0)), HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(create(0xffffffff, message_port(0)), HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(create(0, message_port(0)), HV_STATUS_SUCCESS);
    assert_int_equal(create(0xffffff, message_port(0)), HV_STATUS_SUCCESS);
    assert_int_equal(create(0, message_port(0)), HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(create(0xffffff, event_port(0, 0, 1)), HV_STATUS_INVALID_PORT_ID);
}

static void a_port_for_its_own_partition_is_refused(void **state)
{
    struct hv_port_info info = message_port(0);

    (void)state;
    assert_int_equal(port_create(&root->ports, PORT, 1, &info), HV_STATUS_INVALID_PARTITION_ID);
}

static void sints_from_1_to_15_are_accepted(void **state)
{
    struct hv_port_info info = message_port(0);

    (void)state;
    for (uint32_t sint = 1; sint < 16; sint++) {
        info.message.target_sint = sint;
        assert_int_equal(create(sint, info), HV_STATUS_SUCCESS);
    }
    info.message.target_sint = 0;
    assert_int_equal(create(PORT, info), HV_STATUS_INVALID_PARAMETER);
    info.message.target_sint = 16;
    assert_int_equal(create(PORT, info), HV_STATUS_INVALID_PARAMETER);
    info.message.target_sint = 0xffffffff;
    assert_int_equal(create(PORT, info), HV_STATUS_INVALID_PARAMETER);
}

static void target_vp_must_exist_or_be_any(void **state)
{
    (void)state;
    assert_int_equal(create(PORT, message_port(WORLD_VPS)), HV_STATUS_INVALID_VP_INDEX);
    assert_int_equal(create(PORT, event_port(HV_VP_INDEX_SELF, 0, 1)), HV_STATUS_INVALID_VP_INDEX);
    assert_int_equal(create(1, message_port(WORLD_VPS - 1)), HV_STATUS_SUCCESS);
    assert_int_equal(create(2, event_port(HV_ANY_VP, 0, 1)), HV_STATUS_SUCCESS);
}

static void reserved_fields_and_unknown_types_are_refused(void **state)
{
    struct hv_port_info info = message_port(0);

    (void)state;
    info.reserved = 1;
    assert_int_equal(create(PORT, info), HV_STATUS_INVALID_PARAMETER);
    info = message_port(0);
    info.message.reserved = 1;
    assert_int_equal(create(PORT, info), HV_STATUS_INVALID_PARAMETER);
    info = event_port(0, 0, 1);
    info.event.reserved = 1;
    assert_int_equal(create(PORT, info), HV_STATUS_INVALID_PARAMETER);
    for (uint32_t type = 0; type < 10; type++) {
        info = message_port(0);
        info.port_type = type;
        if (type < HvPortTypeMessage || type > HvPortTypeMonitor)
            assert_int_equal(create(PORT, info), HV_STATUS_INVALID_PARAMETER);
    }
}

static void event_flags_must_lie_in_the_page(void **state)
{
    (void)state;
    assert_int_equal(create(PORT, event_port(0, 0, 0)), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(create(PORT, event_port(0, 2048, 1)), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(create(PORT, event_port(0, 1, 2048)), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(create(PORT, event_port(0, 0xffff, 0xffff)), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(create(1, event_port(0, 0, 2048)), HV_STATUS_SUCCESS);
    assert_int_equal(create(2, event_port(0, 2047, 1)), HV_STATUS_SUCCESS);
}

static void out_of_memory_at_any_point_leaves_nothing_behind(void **state)
{
    unsigned tries = 0;

    (void)state;
    for (unsigned left = 0;; left++, tries++) {
        root->pool.available = left;
        if (create(PORT, message_port(0)) == HV_STATUS_SUCCESS)
            break;
        assert_int_equal(root->pool.in_use, 0);
        assert_int_equal(root->pool.available, left);
        assert_int_equal(root->ports.live, 0);
    }
    assert_int_equal(tries, 1 + 16 + ID_TABLE_LEVELS);
    for (unsigned left = 0;; left++) {
        child->pool.available = left;
        if (connect_child(CONN, PORT, &message_conn) == HV_STATUS_SUCCESS)
            break;
        assert_int_equal(child->pool.in_use, 0);
        assert_int_equal(child->pool.available, left);
    }
}

/* ---- connecting -------------------------------------------------------------------------------
 */

static void connection_checks_ids_in_both_spaces(void **state)
{
    (void)state;
    assert_int_equal(create(PORT, message_port(0)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(CONN, PORT + 1, &message_conn), HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(connect_child(CONN, PORT | 1u << 24, &message_conn),
                     HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(connect_child(CONN | 1u << 31, PORT, &message_conn),
                     HV_STATUS_INVALID_CONNECTION_ID);
    assert_int_equal(connect_child(CONN, PORT, &message_conn), HV_STATUS_SUCCESS);
    assert_int_equal(create(PORT + 1, message_port(0)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(CONN, PORT + 1, &message_conn), HV_STATUS_INVALID_CONNECTION_ID);
}

static void a_port_takes_one_connection(void **state)
{
    (void)state;
    link_message(0);
    assert_int_equal(connect_child(CONN + 1, PORT, &message_conn), HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(port_disconnect(&child->ports, CONN), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(CONN + 1, PORT, &message_conn), HV_STATUS_SUCCESS);
    assert_int_equal(post(CONN + 1, 1), HV_STATUS_SUCCESS);
}

static void only_the_named_partition_may_connect(void **state)
{
    (void)state;
    assert_int_equal(create(PORT, message_port(0)), HV_STATUS_SUCCESS);
    assert_int_equal(port_connect(&other->ports, CONN, &root->ports, PORT, &message_conn),
                     HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(other->pool.in_use, 0);
}

static void connection_info_must_fit_the_port(void **state)
{
    struct hv_connection_info info = message_conn;

    (void)state;
    assert_int_equal(create(PORT, message_port(0)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(CONN, PORT, &event_conn), HV_STATUS_INVALID_PARAMETER);
    info.reserved = 1;
    assert_int_equal(connect_child(CONN, PORT, &info), HV_STATUS_INVALID_PARAMETER);
    for (unsigned i = 0; i < 3; i++) {
        info = message_conn;
        info.words[i] = 1;
        assert_int_equal(connect_child(CONN, PORT, &info), HV_STATUS_INVALID_PARAMETER);
    }
    assert_int_equal(child->pool.in_use, 0);
}

static void connections_of_one_partition_mean_nothing_in_another(void **state)
{
    struct hv_input_post_message in = {.connection_id = CONN, .message_type = 1};

    (void)state;
    link_message(0);
    assert_int_equal(port_post_message(&other->ports, &in), HV_STATUS_INVALID_CONNECTION_ID);
    assert_int_equal(port_post_message(&root->ports, &in), HV_STATUS_INVALID_CONNECTION_ID);
    assert_int_equal(port_disconnect(&other->ports, CONN), HV_STATUS_INVALID_CONNECTION_ID);
    assert_int_equal(port_delete(&child->ports, PORT), HV_STATUS_INVALID_PORT_ID);
}

/* ---- posting ----------------------------------------------------------------------------------
 */

static void message_carries_type_payload_and_port(void **state)
{
    struct hv_input_post_message in = {
        .connection_id = CONN, .message_type = 0x7fffffff, .payload_size = 240};
    struct hv_message got;

    (void)state;
    link_message(0);
    for (unsigned i = 0; i < 30; i++)
        in.payload[i] = i * 0x0101010101010101ull;
    assert_int_equal(port_post_message(&child->ports, &in), HV_STATUS_SUCCESS);
    assert_true(guest_take(&root->vp[0], SINT, &got));
    assert_int_equal(got.header.message_type, 0x7fffffff);
    assert_int_equal(got.header.payload_size, 240);
    assert_int_equal(got.header.origination_id, PORT);
    assert_memory_equal(got.payload, in.payload, 240);
    assert_int_equal(root->vp[0].interrupts[VECTOR], 1);
}

static void bad_types_and_sizes_are_refused(void **state)
{
    static const uint32_t size[] = {241, 256, 0xff, 0x100, 0xffffffff, 0x80000000};
    struct hv_input_post_message in = {.connection_id = CONN, .message_type = 1};

    (void)state;
    link_message(0);
    for (unsigned i = 0; i < ARRAY_SIZE(size); i++) {
        in.payload_size = size[i];
        assert_int_equal(port_post_message(&child->ports, &in), HV_STATUS_INVALID_PARAMETER);
    }
    assert_int_equal(post(CONN, 0), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(post(CONN, 0x80000000), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(post(CONN, HvMessageTimerExpired), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(root->vp[0].interrupts[VECTOR], 0);
}

static void seventeenth_waiting_message_is_refused(void **state)
{
    struct hv_message got;
    uint64_t in_use;

    (void)state;
    link_message(0);
    in_use = root->pool.in_use;
    assert_int_equal(post(CONN, 1), HV_STATUS_SUCCESS); /* goes to the slot */
    for (uint32_t i = 0; i < 16; i++)
        assert_int_equal(post(CONN, 2 + i), HV_STATUS_SUCCESS);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(post(CONN, 99), HV_STATUS_INSUFFICIENT_BUFFERS);
    assert_int_equal(root->pool.in_use, in_use);
    assert_int_equal(child->pool.in_use, 1 + ID_TABLE_LEVELS);
    assert_true(guest_take(&root->vp[0], SINT, &got));
    assert_int_equal(post(CONN, 18), HV_STATUS_SUCCESS);
    for (uint32_t i = 2; i <= 18; i++) {
        assert_true(guest_take(&root->vp[0], SINT, &got));
        assert_int_equal(got.header.message_type, i);
    }
}

static void unknown_connections_are_refused(void **state)
{
    static const uint32_t id[] = {0, 1, CONN + 1, CONN - 1, 0xffffff, CONN | 1u << 24, 0xffffffff};

    (void)state;
    link_message(0);
    for (unsigned i = 0; i < ARRAY_SIZE(id); i++) {
        assert_int_equal(post(id[i], 1), HV_STATUS_INVALID_CONNECTION_ID);
        assert_int_equal(signal_event(id[i], 0), HV_STATUS_INVALID_CONNECTION_ID);
    }
}

static void event_and_message_ports_are_not_confused(void **state)
{
    (void)state;
    link_event(0, 0, 1);
    assert_int_equal(post(CONN, 1), HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(create(1, message_port(0)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(1, 1, &message_conn), HV_STATUS_SUCCESS);
    assert_int_equal(signal_event(1, 0), HV_STATUS_INVALID_PORT_ID);
}

static void disabled_target_refuses_and_keeps_the_buffers(void **state)
{
    (void)state;
    link_message(1);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(post(CONN, 1), HV_STATUS_INVALID_SYNIC_STATE);
    world_enable(&root->vp[1], SINT, VECTOR);
    for (unsigned i = 0; i < 17; i++)
        assert_int_equal(post(CONN, 1), HV_STATUS_SUCCESS);
}

static void vanished_target_vp_is_invalid(void **state)
{
    (void)state;
    link_message(0);
    assert_int_equal(post(CONN, 1), HV_STATUS_SUCCESS);
    assert_int_equal(post(CONN, 1), HV_STATUS_SUCCESS);
    synic_destroy(&root->vp[0].synic);
    root->vp[0].present = false;
    assert_int_equal(post(CONN, 1), HV_STATUS_INVALID_VP_INDEX);
}

static void any_vp_finds_the_enabled_one(void **state)
{
    struct hv_message got;

    (void)state;
    link_message(HV_ANY_VP);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(post(CONN, 5), HV_STATUS_SUCCESS);
        assert_true(guest_take(&root->vp[0], SINT, &got));
    }
    synic_reset(&root->vp[0].synic);
    assert_int_equal(post(CONN, 5), HV_STATUS_INVALID_SYNIC_STATE);
    world_enable(&root->vp[3], SINT, VECTOR);
    assert_int_equal(post(CONN, 5), HV_STATUS_SUCCESS);
    assert_true(guest_take(&root->vp[3], SINT, &got));
}

static void any_vp_spreads_ports_and_keeps_each_on_one_vp(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WORLD_VPS; i++)
        world_enable(&root->vp[i], SINT, VECTOR);
    for (uint32_t i = 0; i < 2 * WORLD_VPS; i++) {
        assert_int_equal(create(i, event_port(HV_ANY_VP, (uint16_t)(2 * i), 2)), HV_STATUS_SUCCESS);
        assert_int_equal(connect_child(i, i, &event_conn), HV_STATUS_SUCCESS);
        assert_int_equal(signal_event(i, 0), HV_STATUS_SUCCESS);
        assert_int_equal(signal_event(i, 1), HV_STATUS_SUCCESS);
    }
    for (unsigned i = 0; i < WORLD_VPS; i++)
        assert_int_equal(root->vp[i].interrupts[VECTOR], 4);
}

/* ---- events -----------------------------------------------------------------------------------
 */

static void flags_are_relative_to_the_base_and_bounded(void **state)
{
    struct hv_input_signal_event in = {.connection_id = CONN, .reserved = 1};

    (void)state;
    link_event(0, 100, 20);
    assert_int_equal(signal_event(CONN, 0), HV_STATUS_SUCCESS);
    assert_int_equal(signal_event(CONN, 19), HV_STATUS_SUCCESS);
    assert_int_equal(root->vp[0].sief->slots[SINT].flags[12], 1 << 4);
    assert_int_equal(root->vp[0].sief->slots[SINT].flags[14], 1 << 7);
    assert_int_equal(signal_event(CONN, 20), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(signal_event(CONN, 0xffff), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(port_signal_event(&child->ports, &in), HV_STATUS_INVALID_HYPERCALL_INPUT);
    assert_int_equal(root->vp[0].interrupts[VECTOR], 2);
}

static void masked_sint_refuses_the_signal(void **state)
{
    (void)state;
    link_event(0, 0, 1);
    assert_true(synic_msr_write(&root->vp[0].synic, HV_X64_MSR_SINT0 + SINT,
                                VECTOR | HV_SYNIC_SINT_MASKED));
    assert_int_equal(signal_event(CONN, 0), HV_STATUS_INVALID_SYNIC_STATE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(port_ids_have_24_bits_and_may_be_zero),
        T(a_port_for_its_own_partition_is_refused),
        T(sints_from_1_to_15_are_accepted),
        T(target_vp_must_exist_or_be_any),
        T(reserved_fields_and_unknown_types_are_refused),
        T(event_flags_must_lie_in_the_page),
        T(out_of_memory_at_any_point_leaves_nothing_behind),
        T(connection_checks_ids_in_both_spaces),
        T(a_port_takes_one_connection),
        T(only_the_named_partition_may_connect),
        T(connection_info_must_fit_the_port),
        T(connections_of_one_partition_mean_nothing_in_another),
        T(message_carries_type_payload_and_port),
        T(bad_types_and_sizes_are_refused),
        T(seventeenth_waiting_message_is_refused),
        T(unknown_connections_are_refused),
        T(event_and_message_ports_are_not_confused),
        T(disabled_target_refuses_and_keeps_the_buffers),
        T(vanished_target_vp_is_invalid),
        T(any_vp_finds_the_enabled_one),
        T(any_vp_spreads_ports_and_keeps_each_on_one_vp),
        T(flags_are_relative_to_the_base_and_bounded),
        T(masked_sint_refuses_the_signal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
