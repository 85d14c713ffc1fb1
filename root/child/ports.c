/* SPDX-License-Identifier: MIT */
/* root/child/ports.c - see root/child/ports.h. */
#include "child/ports.h"

#include "child/child.h"
#include "child/hv.h"

static hv_status make(const struct hv_client *h, struct child_pool *port_pool,
                      struct child_pool *connection_pool, uint32_t port,
                      const struct hv_port_info *info, uint32_t connection, uint64_t monitor)
{
    const struct hv_input_create_port create = {
        .port_partition_id = port_pool->id,
        .port_id = port,
        .connection_partition_id = connection_pool->id,
        .port_info = *info,
    };
    const struct hv_input_connect_port connect = {
        .connection_partition_id = connection_pool->id,
        .connection_id = connection,
        .port_partition_id = port_pool->id,
        .port_id = port,
        .connection_info = {.port_type = info->port_type, .monitor_address = monitor},
    };
    hv_status st = WITH_DEPOSITS(h, port_pool, hv_call_create_port(h, &create));

    if (st != HV_STATUS_SUCCESS)
        return st;
    st = WITH_DEPOSITS(h, connection_pool, hv_call_connect_port(h, &connect));
    if (st != HV_STATUS_SUCCESS)
        (void)hv_call_delete_port(h, port_pool->id, port);
    return st;
}

hv_status port_to_root(const struct hv_client *h, struct child *c, uint32_t port,
                       const struct hv_port_info *info, uint32_t connection)
{
    return make(h, pool_of_root(), &c->pool, port, info, connection, 0);
}

hv_status monitor_port_to_root(const struct hv_client *h, struct child *c, uint32_t port,
                               uint64_t root_page, uint32_t connection, uint64_t child_page)
{
    const struct hv_port_info info = {
        .port_type = HvPortTypeMonitor,
        .monitor = {.monitor_address = root_page},
    };

    return make(h, pool_of_root(), &c->pool, port, &info, connection, child_page);
}

hv_status port_to_child(const struct hv_client *h, struct child *c, uint32_t port,
                        const struct hv_port_info *info, uint32_t connection)
{
    return make(h, &c->pool, pool_of_root(), port, info, connection, 0);
}

hv_status port_to_root_delete(const struct hv_client *h, struct child *c, uint32_t port,
                              uint32_t connection)
{
    if (c->created)
        (void)hv_call_disconnect_port(h, c->id, connection);
    return hv_call_delete_port(h, hv_root_id(), port);
}

void port_to_child_delete(const struct hv_client *h, struct child *c, uint32_t port,
                          uint32_t connection)
{
    (void)hv_call_disconnect_port(h, hv_root_id(), connection);
    if (c->created)
        (void)hv_call_delete_port(h, c->id, port);
}
