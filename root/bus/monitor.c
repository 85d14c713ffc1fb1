/* SPDX-License-Identifier: MIT */
/* root/bus/monitor.c - monitored doorbells: the hypervisor looks at the page in which a child sets a
 * trigger for a channel, and signals the channel's connection for it (TLFS 2.0A, 14.5). Made when
 * the first channel that wants it is opened. All of it by the bus's thread. */
#include "bus/bus_internal.h"
#include "child/child.h"
#include "child/hv.h"
#include "child/ports.h"
#include "mm/memory.h"

#define LATENCY_100NS 1000u /* 100 us: what a child's packet may wait for */

bool bus_monitor_set(void *context, uint64_t server_to_client, uint64_t client_to_server)
{
    struct bus *b = context;

    (void)server_to_client; /* we always signal */
    if (b->monitor_page != NULL) {
        port_to_root_delete(hv_begin(), b->child, PORT_MONITOR(b->number), CONNECTION_MONITOR);
        hv_end();
        page_free(virt_to_phys(b->monitor_page), 0);
    }
    b->monitor_page = NULL;
    b->monitor_address = client_to_server;
    return client_to_server % PAGE_SIZE == 0;
}

/* The page in root over which the monitor's is laid. */
static bool have_page(struct bus *b)
{
    uint64_t page = b->monitor_page == NULL ? page_alloc(0) : 0;
    hv_status st;

    if (page == 0)
        return b->monitor_page != NULL;
    st = monitor_port_to_root(hv_begin(), b->child, PORT_MONITOR(b->number), page,
                              CONNECTION_MONITOR, b->monitor_address);
    hv_end();
    if (st == HV_STATUS_SUCCESS) {
        b->monitor_page = phys_to_virt(page);
        return true;
    }
    bus_log(b, 0, "no monitor page: status %x", st);
    page_free(page, 0);
    return false;
}

bool bus_monitor_add(struct bus *b, const struct vmbus_channel *c)
{
    uint32_t id = (uint32_t)c->monitor_id, group = id / HV_MONITOR_TRIGGERS_PER_GROUP;
    uint32_t trigger = id % HV_MONITOR_TRIGGERS_PER_GROUP;

    if (c->monitor_id < 0)
        return true;
    if (!have_page(b))
        return false;
    b->monitor_page->latency[group][trigger] = LATENCY_100NS;
    b->monitor_page->parameter[group][trigger] =
        (struct hv_monitor_parameter){.connection_id = c->connection_id};
    __atomic_fetch_or(&b->monitor_page->trigger_state, 1u << group, __ATOMIC_RELEASE);
    return true;
}
