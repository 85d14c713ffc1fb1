/* SPDX-License-Identifier: MIT */
/* synic/port_state.c - see synic/port_state.h. */
#include <mm/pool.h>
#include <synic/port_internal.h>
#include <synic/port_state.h>

/* ---- ports ------------------------------------------------------------------------------------
 */

static void message_save(const struct port_buffer *b, struct port_state_message *out)
{
    *out = (struct port_state_message){
        .order = b->message.order,
        .vp_index = b->vp,
        .message = b->message.message,
    };
}

static void port_fill(const struct port *port, struct port_state *out)
{
    *out = (struct port_state){
        .version = PORT_STATE_VERSION,
        .id = port->id,
        .peer = port->peer,
        .info = port->info,
    };
    if (port->monitor)
        monitor_page_save(port->monitor, out->monitor_page);
    for (unsigned i = 0; i < HV_PORT_MESSAGE_BUFFER_COUNT && port->buffer[i]; i++)
        if (!(port->free & 1u << i))
            message_save(port->buffer[i], &out->message[out->waiting++]);
}

bool port_save(struct port_space *sp, uint32_t from, struct port_state *out)
{
    const struct port *port;

    spin_lock(&sp->lock);
    port = id_table_from(&sp->ports, from);
    if (port)
        port_fill(port, out);
    spin_unlock(&sp->lock);
    return port;
}

/* @m can wait for a SINT of a VP of @sp: nothing in it could have been refused when it was posted.
 */
static bool message_valid(struct port_space *sp, const struct port_state_message *m)
{
    struct synic *s;

    if (m->reserved || m->order == UINT64_MAX ||
        !port_message_valid(m->message.header.message_type, m->message.header.payload_size))
        return false;
    s = port_host_synic(sp->partition, m->vp_index);
    if (s)
        port_host_synic_put(s);
    return s;
}

static bool port_state_valid(struct port_space *sp, const struct port_state *in)
{
    bool valid = in->version == PORT_STATE_VERSION && !in->reserved &&
                 in->waiting <= HV_PORT_MESSAGE_BUFFER_COUNT &&
                 (!in->waiting || in->info.port_type == HvPortTypeMessage);

    for (unsigned i = 0; valid && i < in->waiting; i++)
        valid = message_valid(sp, &in->message[i]);
    return valid;
}

/* Queue @in again, with one of the buffers of the fresh @port. */
static void message_restore(struct port *port, struct port_buffer *b,
                            const struct port_state_message *in)
{
    struct synic *s = port_host_synic(port->space->partition, in->vp_index);

    port->free &= ~b->bit;
    b->vp = in->vp_index;
    b->message.message = in->message;
    synic_requeue(s, port->info.message.target_sint, in->order, &b->message);
    port_host_synic_put(s);
}

hv_status port_restore(struct port_space *sp, const struct port_state *in)
{
    struct port *port;
    hv_status st;

    if (!port_state_valid(sp, in))
        return HV_STATUS_INVALID_SAVE_RESTORE_STATE;
    st = port_create(sp, in->id, in->peer, &in->info);
    if (st != HV_STATUS_SUCCESS)
        return st;
    spin_lock(&sp->lock);
    port = id_table_get(&sp->ports, in->id);
    spin_unlock(&sp->lock);
    if (port->monitor)
        monitor_page_restore(port->monitor, in->monitor_page);
    for (unsigned i = 0; i < in->waiting; i++)
        message_restore(port, port->buffer[i], &in->message[i]);
    return HV_STATUS_SUCCESS;
}

/* ---- connections ------------------------------------------------------------------------------
 */

static void connection_fill(const struct connection *c, struct connection_state *out)
{
    *out = (struct connection_state){
        .version = CONNECTION_STATE_VERSION,
        .id = c->id,
        .info = c->info,
    };
    if (!c->port)
        return;
    out->port_partition = c->port->space->id;
    out->port_id = c->port->id;
}

bool connection_save(struct port_space *sp, uint32_t from, struct connection_state *out)
{
    const struct connection *c;

    spin_lock(&sp->lock);
    c = id_table_from(&sp->connections, from);
    if (c)
        connection_fill(c, out);
    spin_unlock(&sp->lock);
    return c;
}

static bool connection_state_valid(const struct port_space *target,
                                   const struct connection_state *in)
{
    hv_partition_id expected = target ? target->id : HV_PARTITION_ID_INVALID;

    return in->version == CONNECTION_STATE_VERSION && !in->reserved &&
           in->port_partition == expected;
}

hv_status connection_restore(struct port_space *sp, struct port_space *target,
                             const struct connection_state *in)
{
    if (!connection_state_valid(target, in))
        return HV_STATUS_INVALID_SAVE_RESTORE_STATE;
    return target ? port_connect(sp, in->id, target, in->port_id, &in->info)
                  : port_connect_nowhere(sp, in->id, &in->info);
}
