/* SPDX-License-Identifier: MIT */
/* test_port.c - ports and connections: hypervisor/synic/{port,post,id_table}.c. */
#include "fakes/synic_world.h"
#include "fakes/test.h"

#include <hvabi/msr.h>
#include <pthread.h>
#include <sched.h>

#define SINT    2
#define VECTOR  0x51
#define OBJECTS 1000u
#define PORT    0x123456u
#define CONN    0x654321u

static struct partition *root, *child, *other;

static const struct hv_connection_info message_conn = {.port_type = HvPortTypeMessage};
static const struct hv_connection_info event_conn = {.port_type = HvPortTypeEvent};

static int start(void **state)
{
    (void)state;
    root = world_partition(1, OBJECTS);
    child = world_partition(2, OBJECTS);
    other = world_partition(3, OBJECTS);
    world_enable(&root->vp[0], SINT, VECTOR);
    return 0;
}

/* Every test ends with all memory back. */
static int stop(void **state)
{
    struct partition *all[] = {root, child, other};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
        while (!port_space_drain(&all[i]->ports, 3))
            ;
        assert_int_equal(all[i]->pool.in_use, 0);
        assert_int_equal(all[i]->ports.live, 0);
        assert_null(all[i]->ports.ports.root);
        assert_null(all[i]->ports.connections.root);
        for (unsigned v = 0; v < WORLD_VPS; v++)
            assert_int_equal(all[i]->vp[v].holds, 0);
        world_free(all[i]);
    }
    return 0;
}

static struct hv_port_info message_port(uint32_t vp)
{
    return (struct hv_port_info){
        .port_type = HvPortTypeMessage,
        .message = {.target_sint = SINT, .target_vp = vp},
    };
}

static struct hv_port_info event_port(uint32_t vp, uint16_t base, uint16_t count)
{
    return (struct hv_port_info){
        .port_type = HvPortTypeEvent,
        .event = {.target_sint = SINT,
                  .target_vp = vp,
                  .base_flag_number = base,
                  .flag_count = count},
    };
}

static hv_status create(hv_port_id id, struct hv_port_info info)
{
    return port_create(&root->ports, id, 2, &info);
}

static hv_status connect_child(hv_connection_id id, hv_port_id port,
                               const struct hv_connection_info *info)
{
    return port_connect(&child->ports, id, &root->ports, port, info);
}

static hv_status post(hv_connection_id id, uint32_t type)
{
    struct hv_input_post_message in = {.connection_id = id, .message_type = type,
                                       .payload_size = 8, .payload = {type}};

    return port_post_message(&child->ports, &in);
}

static hv_status signal_event(hv_connection_id id, uint16_t flag)
{
    struct hv_input_signal_event in = {.connection_id = id, .flag_number = flag};

    return port_signal_event(&child->ports, &in);
}

static void link_message(uint32_t vp)
{
    assert_int_equal(create(PORT, message_port(vp)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(CONN, PORT, &message_conn), HV_STATUS_SUCCESS);
}

static void link_event(uint32_t vp, uint16_t base, uint16_t count)
{
    assert_int_equal(create(PORT, event_port(vp, base, count)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(CONN, PORT, &event_conn), HV_STATUS_SUCCESS);
}

/* ---- creating --------------------------------------------------------------------------------- */

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

static void monitor_ports_want_an_aligned_page(void **state)
{
    struct hv_port_info info = {.port_type = HvPortTypeMonitor, .monitor = {0x5008, 0}};
    struct hv_connection_info conn = {.port_type = HvPortTypeMonitor, .monitor_address = 0x6001};

    (void)state;
    assert_int_equal(create(PORT, info), HV_STATUS_INVALID_ALIGNMENT);
    info.monitor.monitor_address = 0x5000;
    info.monitor.reserved = 1;
    assert_int_equal(create(PORT, info), HV_STATUS_INVALID_PARAMETER);
    info.monitor.reserved = 0;
    assert_int_equal(create(PORT, info), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(CONN, PORT, &conn), HV_STATUS_INVALID_ALIGNMENT);
    conn.monitor_address = 0x6000;
    assert_int_equal(connect_child(CONN, PORT, &conn), HV_STATUS_SUCCESS);
    assert_int_equal(post(CONN, 1), HV_STATUS_INVALID_PORT_ID);
    assert_int_equal(signal_event(CONN, 0), HV_STATUS_INVALID_PORT_ID);
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

/* ---- connecting ------------------------------------------------------------------------------- */

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
    assert_int_equal(connect_child(CONN, PORT + 1, &message_conn),
                     HV_STATUS_INVALID_CONNECTION_ID);
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

/* ---- posting ---------------------------------------------------------------------------------- */

static void message_carries_type_payload_and_port(void **state)
{
    struct hv_input_post_message in = {.connection_id = CONN, .message_type = 0x7fffffff,
                                       .payload_size = 240};
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
        assert_int_equal(create(i, event_port(HV_ANY_VP, (uint16_t)(2 * i), 2)),
                         HV_STATUS_SUCCESS);
        assert_int_equal(connect_child(i, i, &event_conn), HV_STATUS_SUCCESS);
        assert_int_equal(signal_event(i, 0), HV_STATUS_SUCCESS);
        assert_int_equal(signal_event(i, 1), HV_STATUS_SUCCESS);
    }
    for (unsigned i = 0; i < WORLD_VPS; i++)
        assert_int_equal(root->vp[i].interrupts[VECTOR], 4);
}

/* ---- events ----------------------------------------------------------------------------------- */

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

/* ---- deleting --------------------------------------------------------------------------------- */

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

struct synic *__wrap_port_host_synic(struct partition *p, uint32_t vp_index);
struct synic *__real_port_host_synic(struct partition *p, uint32_t vp_index);

struct synic *__wrap_port_host_synic(struct partition *p, uint32_t vp_index)
{
    void (*act)(void) = __atomic_exchange_n(&during_post, NULL, __ATOMIC_RELAXED);

    if (act)
        act();
    return __real_port_host_synic(p, vp_index);
}

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
        assert_non_null(id_table_first(&t));
        id_table_remove(&t, &root->pool, id);
        id_table_remove(&t, &root->pool, id);
        assert_null(id_table_get(&t, id));
    }
    assert_null(t.root);
    assert_null(id_table_first(&t));
    assert_int_equal(root->pool.in_use, 0);
}

/* ---- races ------------------------------------------------------------------------------------ */

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
        T(port_ids_have_24_bits_and_may_be_zero),
        T(a_port_for_its_own_partition_is_refused),
        T(sints_from_1_to_15_are_accepted),
        T(target_vp_must_exist_or_be_any),
        T(reserved_fields_and_unknown_types_are_refused),
        T(event_flags_must_lie_in_the_page),
        T(monitor_ports_want_an_aligned_page),
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
        T(ports_come_and_go_under_fire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
