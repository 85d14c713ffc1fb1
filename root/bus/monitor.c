/* SPDX-License-Identifier: MIT */
/* root/bus/monitor.c - monitored doorbells: the hypervisor looks at the page in which a child sets
 * a trigger for a channel, and signals the channel's connection for it (TLFS 2.0A, 14.5). Made when
 * the first channel that wants it is opened. All of it by the bus's thread. */
#include "bus/bus_internal.h"
#include "child/child.h"
#include "child/hv.h"
#include "child/ports.h"
#include "log.h"
#include "mm/memory.h"

#define LATENCY_100NS 1000u /* 100 us: what a child's packet may wait for */

bool bus_monitor_set(void *context, uint64_t server_to_client, uint64_t client_to_server)
{
    struct bus *b = context;

    (void)server_to_client; /* we always signal */
    if (b->monitor_page != NULL) {
        hv_status st =
            port_to_root_delete(hv_begin(), b->child, PORT_MONITOR(b->number), CONNECTION_MONITOR);

        hv_end();
        BUG_ON(st != HV_STATUS_SUCCESS); /* the hypervisor's page would still lie over ours */
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

/* Where @c is in the page. */
struct place {
    uint32_t group, trigger;
};

static struct place place_of(const struct vmbus_channel *c)
{
    uint32_t id = (uint32_t)c->monitor_id;

    return (struct place){id / HV_MONITOR_TRIGGERS_PER_GROUP, id % HV_MONITOR_TRIGGERS_PER_GROUP};
}

/* The page is the child's too: what of it is in use is known from @b alone. */
static void trigger_set(struct bus *b, struct place p, uint32_t connection, uint16_t latency)
{
    const struct hv_monitor_parameter parameter = {.connection_id = connection};

    b->monitor_page->parameter[p.group][p.trigger] = parameter;
    __atomic_store_n(&b->monitor_page->latency[p.group][p.trigger], latency, __ATOMIC_RELEASE);
}

bool bus_monitor_add(struct bus *b, const struct vmbus_channel *c)
{
    struct place p = place_of(c);

    if (c->monitor_id < 0)
        return true;
    if (!have_page(b))
        return false;
    b->monitored[p.group] |= 1u << p.trigger;
    trigger_set(b, p, c->connection_id, LATENCY_100NS);
    __atomic_fetch_or(&b->monitor_page->trigger_state, 1u << p.group, __ATOMIC_RELEASE);
    return true;
}

/* The hypervisor looks at a group as long as it is enabled. */
void bus_monitor_remove(struct bus *b, const struct vmbus_channel *c)
{
    struct place p = place_of(c);

    if (c->monitor_id < 0)
        return;
    b->monitored[p.group] &= ~(1u << p.trigger);
    if (b->monitored[p.group] == 0)
        __atomic_fetch_and(&b->monitor_page->trigger_state, ~(1u << p.group), __ATOMIC_RELEASE);
    trigger_set(b, p, 0, 0);
}
