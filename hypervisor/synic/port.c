/* SPDX-License-Identifier: MIT */
/* synic/port.c - making and deleting ports and connections.
 *
 * A port and its connection point at each other across two partitions. Both pointers change only
 * under the links lock; the connection's also under its space's lock, because posts follow it. */
#include <debug/log.h>
#include <mm/pool.h>
#include <synic/port_internal.h>

static struct spinlock links;

void port_space_init(struct port_space *sp, hv_partition_id id, struct partition *partition,
                     struct pool *pool)
{
    *sp = (struct port_space){.id = id, .partition = partition, .pool = pool};
    list_init(&sp->sleeping);
}

static void live_add(struct port_space *sp)
{
    __atomic_fetch_add(&sp->live, 1, __ATOMIC_RELAXED);
}

static struct {
    uint64_t ports, connections; /* [a] in all spaces */
} counts;

void port_counts(uint64_t *ports, uint64_t *connections)
{
    *ports = __atomic_load_n(&counts.ports, __ATOMIC_RELAXED);
    *connections = __atomic_load_n(&counts.connections, __ATOMIC_RELAXED);
}

/* The last touch of @sp by an object that is gone. Pairs with the acquire in port_space_drain(). */
static void live_drop(struct port_space *sp)
{
    __atomic_fetch_sub(&sp->live, 1, __ATOMIC_RELEASE);
}

/* ---- checking ---------------------------------------------------------------------------------
 */

static bool sint_valid(uint32_t sint)
{
    return sint >= 1 && sint < HV_SYNIC_SINT_COUNT; /* SINT 0 is the hypervisor's own */
}

static hv_status vp_check(struct port_space *sp, uint32_t vp)
{
    struct synic *s;

    if (vp == HV_ANY_VP)
        return HV_STATUS_SUCCESS;
    s = port_host_synic(sp->partition, vp);
    if (!s)
        return HV_STATUS_INVALID_VP_INDEX;
    port_host_synic_put(s);
    return HV_STATUS_SUCCESS;
}

static hv_status message_check(struct port_space *sp, const struct hv_message_port_info *info)
{
    if (!sint_valid(info->target_sint) || info->reserved)
        return HV_STATUS_INVALID_PARAMETER;
    return vp_check(sp, info->target_vp);
}

static hv_status event_check(struct port_space *sp, const struct hv_event_port_info *info)
{
    if (!sint_valid(info->target_sint) || info->reserved || !info->flag_count ||
        info->base_flag_number + info->flag_count > HV_EVENT_FLAGS_COUNT)
        return HV_STATUS_INVALID_PARAMETER;
    return vp_check(sp, info->target_vp);
}

static hv_status address_check(uint64_t address)
{
    return address % HV_PAGE_SIZE ? HV_STATUS_INVALID_ALIGNMENT : HV_STATUS_SUCCESS;
}

static hv_status monitor_check(const struct hv_monitor_port_info *info)
{
    return info->reserved ? HV_STATUS_INVALID_PARAMETER : address_check(info->monitor_address);
}

static hv_status info_check(struct port_space *sp, const struct hv_port_info *info)
{
    if (info->reserved)
        return HV_STATUS_INVALID_PARAMETER;
    switch (info->port_type) {
    case HvPortTypeMessage:
        return message_check(sp, &info->message);
    case HvPortTypeEvent:
        return event_check(sp, &info->event);
    case HvPortTypeMonitor:
        return monitor_check(&info->monitor);
    default:
        return HV_STATUS_INVALID_PARAMETER;
    }
}

/* What a connection says of itself must fit @type, the type of its port. */
static hv_status connection_check(const struct hv_connection_info *info, uint32_t type)
{
    if (info->port_type != type || info->reserved || info->words[1] || info->words[2])
        return HV_STATUS_INVALID_PARAMETER;
    if (type == HvPortTypeMonitor)
        return address_check(info->monitor_address);
    if (info->words[0] || (type != HvPortTypeMessage && type != HvPortTypeEvent))
        return HV_STATUS_INVALID_PARAMETER;
    return HV_STATUS_SUCCESS;
}

/* ---- ports ------------------------------------------------------------------------------------
 */

static void buffer_release(struct synic_message *m)
{
    struct port_buffer *b = container_of(m, struct port_buffer, message);

    /* Pairs with the acquire in buffer_take() and buffer_drop(). */
    __atomic_fetch_or(&b->port->free, b->bit, __ATOMIC_RELEASE);
}

static const struct synic_message_ops buffer_ops = {.release = buffer_release};

/* Take @b back from the queue in which it may wait. If its VP is gone, so is the queue. */
static void buffer_drop(struct port *port, struct port_buffer *b)
{
    struct synic *s;

    if (__atomic_load_n(&port->free, __ATOMIC_ACQUIRE) & b->bit)
        return;
    s = port_host_synic(port->space->partition, b->vp);
    if (!s)
        return;
    (void)synic_cancel(s, &b->message);
    port_host_synic_put(s);
}

/* Give back everything @port, which nobody uses any more, consists of; also one half made. */
static void port_destroy(struct port *port)
{
    struct port_space *sp = port->space;

    for (unsigned i = 0; i < HV_PORT_MESSAGE_BUFFER_COUNT && port->buffer[i]; i++) {
        buffer_drop(port, port->buffer[i]);
        BUG_ON(!(__atomic_load_n(&port->free, __ATOMIC_ACQUIRE) & 1u << i));
        pool_free(sp->pool, port->buffer[i]);
    }
    monitor_destroy(port->monitor);
    pool_free(sp->pool, port);
    __atomic_fetch_sub(&counts.ports, 1, __ATOMIC_RELAXED);
    live_drop(sp);
}

void port_put(struct port *port)
{
    if (__atomic_sub_fetch(&port->users, 1, __ATOMIC_ACQ_REL) == 0)
        port_destroy(port);
}

static bool buffers_alloc(struct port *port)
{
    for (unsigned i = 0; i < HV_PORT_MESSAGE_BUFFER_COUNT; i++) {
        struct port_buffer *b = pool_alloc(port->space->pool, sizeof(*b));

        if (!b)
            return false;
        synic_message_init(&b->message, &buffer_ops);
        b->port = port;
        b->bit = 1u << i;
        port->free |= b->bit;
        port->buffer[i] = b;
    }
    return true;
}

/* What @port consists of beside itself, by its type. */
static hv_status parts_alloc(struct port *port)
{
    switch (port->info.port_type) {
    case HvPortTypeMessage:
        return buffers_alloc(port) ? HV_STATUS_SUCCESS : HV_STATUS_INSUFFICIENT_MEMORY;
    case HvPortTypeMonitor:
        return monitor_create(port, port->info.monitor.monitor_address, &port->monitor);
    default:
        return HV_STATUS_SUCCESS;
    }
}

/* A port as @info says, in no table yet. */
static hv_status port_make(struct port_space *sp, hv_port_id id, hv_partition_id peer,
                           const struct hv_port_info *info, struct port **out)
{
    struct port *port = pool_alloc(sp->pool, sizeof(*port));
    hv_status st;

    if (!port)
        return HV_STATUS_INSUFFICIENT_MEMORY;
    *port = (struct port){.space = sp, .id = id, .peer = peer, .info = *info, .users = 1};
    __atomic_fetch_add(&counts.ports, 1, __ATOMIC_RELAXED);
    live_add(sp);
    st = parts_alloc(port);
    if (st == HV_STATUS_SUCCESS)
        *out = port;
    else
        port_destroy(port);
    return st;
}

static hv_status port_insert(struct port_space *sp, struct port *port)
{
    hv_status st = HV_STATUS_INVALID_PORT_ID;

    spin_lock(&sp->lock);
    if (!id_table_get(&sp->ports, port->id))
        st = id_table_put(&sp->ports, sp->pool, port->id, port);
    spin_unlock(&sp->lock);
    return st;
}

hv_status port_create(struct port_space *sp, hv_port_id id, hv_partition_id connection_partition,
                      const struct hv_port_info *info)
{
    struct port *port;
    hv_status st;

    if (id & ~HV_PORT_ID_MASK)
        return HV_STATUS_INVALID_PORT_ID;
    if (connection_partition == sp->id)
        return HV_STATUS_INVALID_PARTITION_ID;
    st = info_check(sp, info);
    if (st != HV_STATUS_SUCCESS)
        return st;
    st = port_make(sp, id, connection_partition, info, &port);
    if (st != HV_STATUS_SUCCESS)
        return st;
    st = port_insert(sp, port);
    if (st != HV_STATUS_SUCCESS)
        port_put(port);
    return st;
}

/* Take the port @id out of its space; NULL: there is none. */
static struct port *port_take_out(struct port_space *sp, hv_port_id id)
{
    struct port *port;

    spin_lock(&sp->lock);
    port = id_table_get(&sp->ports, id);
    id_table_remove(&sp->ports, sp->pool, id);
    spin_unlock(&sp->lock);
    return port;
}

/* Part a connection and its port, so that no post starts on the port any more. */
static void link_cut(struct connection *c) REQUIRES(links)
{
    struct port *port = c->port;

    port->connection = NULL;
    spin_lock(&c->space->lock);
    c->port = NULL;
    spin_unlock(&c->space->lock);
    if (port->monitor)
        monitor_disconnect(port->monitor);
}

hv_status port_delete(struct port_space *sp, hv_port_id id)
{
    struct port *port;

    spin_lock(&links);
    port = port_take_out(sp, id);
    if (port && port->connection)
        link_cut(port->connection);
    spin_unlock(&links);
    if (!port)
        return HV_STATUS_INVALID_PORT_ID;
    if (port->monitor)
        monitor_hide(port->monitor);
    port_put(port);
    return HV_STATUS_SUCCESS;
}

/* ---- connections ------------------------------------------------------------------------------
 */

/* The port @id of @target for a connection from @sp: one that is meant for it and not connected. A
 * port for somebody else is as good as none. */
static hv_status port_for_connection(struct port_space *sp, struct port_space *target,
                                     hv_port_id id, const struct hv_connection_info *info,
                                     struct port **out) REQUIRES(links)
{
    struct port *port;

    spin_lock(&target->lock);
    port = id_table_get(&target->ports, id);
    spin_unlock(&target->lock);
    if (!port || port->peer != sp->id || port->connection)
        return HV_STATUS_INVALID_PORT_ID;
    *out = port;
    return connection_check(info, port->info.port_type);
}

/* Put @c into its space, and tie it to @port, which may be nothing. */
static hv_status connection_insert(struct connection *c, struct port *port) REQUIRES(links)
{
    struct port_space *sp = c->space;
    hv_status st = HV_STATUS_INVALID_CONNECTION_ID;

    spin_lock(&sp->lock);
    if (!id_table_get(&sp->connections, c->id))
        st = id_table_put(&sp->connections, sp->pool, c->id, c);
    if (st == HV_STATUS_SUCCESS && port) {
        c->port = port;
        port->connection = c;
    }
    spin_unlock(&sp->lock);
    return st;
}

/* Put @c into its space, tied to @port, and begin what that means. */
static hv_status connection_link(struct connection *c, struct port *port) REQUIRES(links)
{
    hv_status st = connection_insert(c, port);

    if (st != HV_STATUS_SUCCESS || !port->monitor)
        return st;
    st = monitor_connect(port->monitor, c->space, c->info.monitor_address);
    if (st == HV_STATUS_SUCCESS)
        return st;
    spin_lock(&c->space->lock);
    id_table_remove(&c->space->connections, c->space->pool, c->id);
    spin_unlock(&c->space->lock);
    port->connection = NULL;
    return st;
}

static void connection_free(struct connection *c)
{
    struct port_space *sp = c->space;

    pool_free(sp->pool, c);
    __atomic_fetch_sub(&counts.connections, 1, __ATOMIC_RELAXED);
    live_drop(sp);
}

/* A connection that is in no table yet; NULL: no memory. */
static struct connection *connection_make(struct port_space *sp, hv_connection_id id,
                                          const struct hv_connection_info *info)
{
    struct connection *c = pool_alloc(sp->pool, sizeof(*c));

    if (!c)
        return NULL;
    *c = (struct connection){.space = sp, .id = id, .info = *info};
    __atomic_fetch_add(&counts.connections, 1, __ATOMIC_RELAXED);
    live_add(sp);
    return c;
}

hv_status port_connect(struct port_space *sp, hv_connection_id id, struct port_space *target,
                       hv_port_id port_id, const struct hv_connection_info *info)
{
    struct connection *c;
    struct port *port;
    hv_status st;

    if (id & ~HV_CONNECTION_ID_MASK)
        return HV_STATUS_INVALID_CONNECTION_ID;
    if (port_id & ~HV_PORT_ID_MASK)
        return HV_STATUS_INVALID_PORT_ID;
    c = connection_make(sp, id, info);
    if (!c)
        return HV_STATUS_INSUFFICIENT_MEMORY;
    spin_lock(&links);
    st = port_for_connection(sp, target, port_id, info, &port);
    if (st == HV_STATUS_SUCCESS)
        st = connection_link(c, port);
    spin_unlock(&links);
    if (st != HV_STATUS_SUCCESS)
        connection_free(c);
    return st;
}

hv_status port_connect_nowhere(struct port_space *sp, hv_connection_id id,
                               const struct hv_connection_info *info)
{
    struct connection *c;
    hv_status st;

    if (id & ~HV_CONNECTION_ID_MASK)
        return HV_STATUS_INVALID_CONNECTION_ID;
    st = connection_check(info, info->port_type);
    if (st != HV_STATUS_SUCCESS)
        return st;
    c = connection_make(sp, id, info);
    if (!c)
        return HV_STATUS_INSUFFICIENT_MEMORY;
    spin_lock(&links);
    st = connection_insert(c, NULL);
    spin_unlock(&links);
    if (st != HV_STATUS_SUCCESS)
        connection_free(c);
    return st;
}

hv_status port_disconnect(struct port_space *sp, hv_connection_id id)
{
    struct connection *c;

    spin_lock(&links);
    spin_lock(&sp->lock);
    c = id_table_get(&sp->connections, id);
    id_table_remove(&sp->connections, sp->pool, id);
    spin_unlock(&sp->lock);
    if (c && c->port)
        link_cut(c);
    spin_unlock(&links);
    if (!c)
        return HV_STATUS_INVALID_CONNECTION_ID;
    connection_free(c);
    return HV_STATUS_SUCCESS;
}

/* ---- the end of a space -----------------------------------------------------------------------
 */

/* Delete the first port or else connection. False: there is none. */
static bool drain_one(struct port_space *sp)
{
    struct connection *c;
    struct port *port;
    uint32_t id = 0;

    spin_lock(&sp->lock);
    port = id_table_from(&sp->ports, 0);
    c = id_table_from(&sp->connections, 0);
    if (port || c)
        id = port ? port->id : c->id;
    spin_unlock(&sp->lock);
    if (!port && !c)
        return false;
    /* Refused if somebody else was faster. */
    (void)!(port ? port_delete(sp, id) : port_disconnect(sp, id));
    return true;
}

bool port_space_drain(struct port_space *sp, unsigned budget)
{
    while (budget-- > 0)
        if (!drain_one(sp))
            return __atomic_load_n(&sp->live, __ATOMIC_ACQUIRE) == 0;
    return false;
}
