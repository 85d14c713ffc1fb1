/* SPDX-License-Identifier: MIT */
/* synic/post.c - the hot paths of ports: posting a message, signalling an event.
 * Rules: O(1), nothing is allocated; the space's lock is held for the lookup only. */
#include <rt/mem.h>
#include <synic/port_internal.h>

/* The port of connection @id of @sp, held. */
static hv_status port_of_connection(struct port_space *sp, hv_connection_id id, uint32_t type,
                                    struct port **out)
{
    hv_status st = HV_STATUS_SUCCESS;
    struct connection *c;

    spin_lock(&sp->lock);
    c = id_table_get(&sp->connections, id);
    if (!c)
        st = HV_STATUS_INVALID_CONNECTION_ID;
    else if (!c->port || c->port->info.port_type != type)
        st = HV_STATUS_INVALID_PORT_ID;
    else
        port_hold(*out = c->port);
    spin_unlock(&sp->lock);
    return st;
}

/* The SynIC of VP @vp of @sp, held. HV_ANY_VP here: no VP can take it. */
static hv_status target_hold(struct port_space *sp, uint32_t vp, struct synic **out)
{
    if (vp == HV_ANY_VP)
        return sp->set.vps ? HV_STATUS_INVALID_SYNIC_STATE : HV_STATUS_INVALID_VP_INDEX;
    *out = port_host_synic(sp->partition, vp);
    return *out ? HV_STATUS_SUCCESS : HV_STATUS_INVALID_VP_INDEX;
}

/* A free buffer of @port, or NULL. */
static struct port_buffer *buffer_take(struct port *port)
{
    uint32_t free = __atomic_load_n(&port->free, __ATOMIC_RELAXED);

    while (free) {
        /* Pairs with the release in buffer_release(). */
        if (__atomic_compare_exchange_n(&port->free, &free, free & (free - 1), false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return port->buffer[__builtin_ctz(free)];
    }
    return NULL;
}

static void buffer_put_back(struct port *port, struct port_buffer *b)
{
    __atomic_fetch_or(&port->free, b->bit, __ATOMIC_RELEASE);
}

static void buffer_fill(struct port_buffer *b, hv_port_id id,
                        const struct hv_input_post_message *in)
{
    struct hv_message *m = &b->message.message;

    m->header = (struct hv_message_header){
        .message_type = in->message_type,
        .payload_size = (uint8_t)in->payload_size,
        .origination_id = id,
    };
    memcpy(m->payload, in->payload, in->payload_size);
}

static hv_status post_to(struct port *port, struct synic *s, const struct hv_input_post_message *in)
{
    struct port_buffer *b = buffer_take(port);
    hv_status st;

    if (!b)
        return HV_STATUS_INSUFFICIENT_BUFFERS;
    buffer_fill(b, port->id, in);
    b->vp = s->vp_index;
    st = synic_post(s, port->info.message.target_sint, &b->message);
    if (st != HV_STATUS_SUCCESS)
        buffer_put_back(port, b);
    return st;
}

static hv_status post_port(struct port *port, const struct hv_input_post_message *in)
{
    uint32_t vp = port->info.message.target_vp;
    struct synic *s;
    hv_status st;

    if (vp == HV_ANY_VP)
        vp = synic_set_pick_messages(&port->space->set, port->id);
    st = target_hold(port->space, vp, &s);
    if (st != HV_STATUS_SUCCESS)
        return st;
    st = post_to(port, s, in);
    port_host_synic_put(s);
    return st;
}

hv_status port_post_message(struct port_space *sp, const struct hv_input_post_message *in)
{
    struct port *port;
    hv_status st;

    if (!port_message_valid(in->message_type, in->payload_size))
        return HV_STATUS_INVALID_PARAMETER;
    st = port_of_connection(sp, in->connection_id, HvPortTypeMessage, &port);
    if (st != HV_STATUS_SUCCESS)
        return st;
    st = post_port(port, in);
    port_put(port);
    return st;
}

static hv_status signal_port(struct port *port, uint32_t flag)
{
    const struct hv_event_port_info *e = &port->info.event;
    uint32_t vp = e->target_vp;
    struct synic *s;
    hv_status st;

    if (flag >= e->flag_count)
        return HV_STATUS_INVALID_PARAMETER;
    if (vp == HV_ANY_VP)
        vp = synic_set_pick_events(&port->space->set, port->id);
    st = target_hold(port->space, vp, &s);
    if (st != HV_STATUS_SUCCESS)
        return st;
    st = synic_signal(s, e->target_sint, e->base_flag_number + flag);
    port_host_synic_put(s);
    return st;
}

hv_status port_signal_event(struct port_space *sp, const struct hv_input_signal_event *in)
{
    struct port *port;
    hv_status st;

    if (in->reserved)
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    st = port_of_connection(sp, in->connection_id, HvPortTypeEvent, &port);
    if (st != HV_STATUS_SUCCESS)
        return st;
    st = signal_port(port, in->flag_number);
    port_put(port);
    return st;
}
