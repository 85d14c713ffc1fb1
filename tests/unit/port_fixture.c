/* SPDX-License-Identifier: MIT */
/* port_fixture.c - see the header. */
#include "port_fixture.h"

#define OBJECTS 1000u

struct partition *root, *child, *other;

const struct hv_connection_info message_conn = {.port_type = HvPortTypeMessage};
const struct hv_connection_info event_conn = {.port_type = HvPortTypeEvent};

int start(void **state)
{
    (void)state;
    root = world_partition(1, OBJECTS);
    child = world_partition(2, OBJECTS);
    other = world_partition(3, OBJECTS);
    world_enable(&root->vp[0], SINT, VECTOR);
    return 0;
}

int stop(void **state)
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

struct hv_port_info message_port(uint32_t vp)
{
    return (struct hv_port_info){
        .port_type = HvPortTypeMessage,
        .message = {.target_sint = SINT, .target_vp = vp},
    };
}

struct hv_port_info event_port(uint32_t vp, uint16_t base, uint16_t count)
{
    return (struct hv_port_info){
        .port_type = HvPortTypeEvent,
        .event = {.target_sint = SINT,
                  .target_vp = vp,
                  .base_flag_number = base,
                  .flag_count = count},
    };
}

hv_status create(hv_port_id id, struct hv_port_info info)
{
    return port_create(&root->ports, id, 2, &info);
}

hv_status connect_child(hv_connection_id id, hv_port_id port, const struct hv_connection_info *info)
{
    return port_connect(&child->ports, id, &root->ports, port, info);
}

hv_status post(hv_connection_id id, uint32_t type)
{
    struct hv_input_post_message in = {
        .connection_id = id, .message_type = type, .payload_size = 8, .payload = {type}};

    return port_post_message(&child->ports, &in);
}

hv_status signal_event(hv_connection_id id, uint16_t flag)
{
    struct hv_input_signal_event in = {.connection_id = id, .flag_number = flag};

    return port_signal_event(&child->ports, &in);
}

void link_message(uint32_t vp)
{
    assert_int_equal(create(PORT, message_port(vp)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(CONN, PORT, &message_conn), HV_STATUS_SUCCESS);
}

void link_event(uint32_t vp, uint16_t base, uint16_t count)
{
    assert_int_equal(create(PORT, event_port(vp, base, count)), HV_STATUS_SUCCESS);
    assert_int_equal(connect_child(CONN, PORT, &event_conn), HV_STATUS_SUCCESS);
}
