/* SPDX-License-Identifier: MIT */
/* root/bus/transport.c - what a bus's server needs of the hypervisor, and of root's memory. All of
 * it by the bus's thread, but signal(). */
#include "child/child.h"
#include "child/doorbell.h"
#include "child/hv.h"
#include "child/ports.h"
#include "cpu/cpu.h"
#include "log.h"
#include "mm/alias.h"
#include "mm/memory.h"
#include "bus/bus_internal.h"

/* Of all buses, so that what a bus leaves behind would show. */
static struct {
    uint64_t gpadls, channels; /* [a] mapped; connected */
} totals;

uint64_t bus_gpadls_mapped(void)
{
    return __atomic_load_n(&totals.gpadls, __ATOMIC_RELAXED);
}

uint64_t bus_channels_connected(void)
{
    return __atomic_load_n(&totals.channels, __ATOMIC_RELAXED);
}

static void count(uint64_t *total, int64_t change)
{
    __atomic_fetch_add(total, (uint64_t)change, __ATOMIC_RELAXED);
}

/* ---- ports of the child's VPs ---- */

static hv_status make_vp_ports(struct bus *b, const struct hv_client *h, uint32_t vp)
{
    const struct hv_port_info message = {
        .port_type = HvPortTypeMessage,
        .message = {.target_sint = VMBUS_SINT, .target_vp = vp},
    };
    const struct hv_port_info event = {
        .port_type = HvPortTypeEvent,
        .event = {.target_sint = VMBUS_SINT, .target_vp = vp, .flag_count = HV_EVENT_FLAGS_COUNT},
    };
    hv_status st =
        port_to_child(h, b->child, PORT_VP_MESSAGE(vp), &message, CONNECTION_VP(b->number, vp, 0));

    if (st != HV_STATUS_SUCCESS)
        return st;
    st = port_to_child(h, b->child, PORT_VP_EVENT(vp), &event, CONNECTION_VP(b->number, vp, 1));
    if (st != HV_STATUS_SUCCESS)
        port_to_child_delete(h, b->child, PORT_VP_MESSAGE(vp), CONNECTION_VP(b->number, vp, 0));
    return st;
}

/* When the first message or event goes to @vp. */
static bool have_vp_ports(struct bus *b, uint32_t vp)
{
    hv_status st = HV_STATUS_SUCCESS;

    if (vp >= b->child->vp_count)
        return false;
    if (!b->vp_ports[vp]) {
        st = make_vp_ports(b, hv_begin(), vp);
        hv_end();
        b->vp_ports[vp] = st == HV_STATUS_SUCCESS;
    }
    if (st != HV_STATUS_SUCCESS)
        bus_log(b, 0, "no ports for VP %u: status %x", vp, st);
    return st == HV_STATUS_SUCCESS;
}

void bus_vp_ports_delete(struct bus *b, const struct hv_client *h)
{
    for (uint32_t vp = 0; vp < b->child->vp_count; vp++) {
        if (!b->vp_ports[vp])
            continue;
        port_to_child_delete(h, b->child, PORT_VP_MESSAGE(vp), CONNECTION_VP(b->number, vp, 0));
        port_to_child_delete(h, b->child, PORT_VP_EVENT(vp), CONNECTION_VP(b->number, vp, 1));
    }
}

static hv_status post(void *context, uint32_t vp, const void *message, uint32_t length)
{
    struct bus *b = context;

    if (vp >= b->child->vp_count)
        return HV_STATUS_INVALID_VP_INDEX;
    if (!have_vp_ports(b, vp))
        return HV_STATUS_INSUFFICIENT_BUFFERS; /* root is short of memory: it is posted again */
    return hv_call_post_message(&b->client, CONNECTION_VP(b->number, vp, 0), VMBUS_MESSAGE_TYPE,
                                message, length);
}

/* ---- memory ---- */

uint64_t bus_page(const struct bus *b, uint64_t page)
{
    return page <= UINT64_MAX / PAGE_SIZE ? ram_at(b->child->ram, page * PAGE_SIZE) : 0;
}

static void *map(void *context, const uint64_t *pages, uint32_t page_count)
{
    struct bus *b = context;
    uint64_t *physical = kalloc(page_count * sizeof(*physical));
    void *mapping = NULL;
    bool all = physical != NULL;

    for (uint32_t i = 0; all && i < page_count; i++) {
        physical[i] = bus_page(b, pages[i]);
        all = physical[i] != 0;
    }
    if (all)
        mapping = alias_map(physical, page_count);
    if (mapping != NULL) {
        b->pages_mapped += page_count;
        count(&totals.gpadls, 1);
    }
    kfree(physical);
    return mapping;
}

static void unmap(void *context, void *mapping, const uint64_t *pages, uint32_t page_count)
{
    struct bus *b = context;

    (void)pages;
    alias_unmap(mapping, page_count);
    b->pages_mapped -= page_count;
    count(&totals.gpadls, -1);
}

void *bus_allocate(void *context, size_t size)
{
    (void)context;
    return kalloc(size);
}

void bus_free(void *context, void *memory, size_t size)
{
    (void)context;
    (void)size;
    kfree(memory);
}

/* ---- doorbells ---- */

struct bus_doorbell {
    struct bus *bus;
    struct doorbell bell;
};

static void rang(void *context)
{
    vmbus_server_signalled(context);
}

static hv_status connect(struct bus *b, struct bus_doorbell *d, uint32_t connection)
{
    const struct hv_port_info info = doorbell_port_info(&d->bell);
    hv_status st = port_to_root(hv_begin(), b->child, doorbell_port(&d->bell), &info, connection);

    hv_end();
    return st;
}

/* Channels spread over root's CPUs, and so do children, whose first channels have the same relid.
 * Any CPU will do that has a bell left. */
static bool take_bell(const struct bus *b, struct doorbell *bell, struct vmbus_channel *c)
{
    for (uint32_t i = 0; i < cpu_count(); i++)
        if (doorbell_take(bell, (b->number + c->relid + i) % cpu_count(), b->number, rang, c))
            return true;
    return false;
}

/* A port that stayed would ring whoever has the bell next. */
static void disconnect(struct bus *b, const struct bus_doorbell *d, uint32_t connection)
{
    hv_status st = port_to_root_delete(hv_begin(), b->child, doorbell_port(&d->bell), connection);

    hv_end();
    BUG_ON(st != HV_STATUS_SUCCESS);
}

static bool doorbell_connect(void *context, struct vmbus_channel *c)
{
    struct bus *b = context;
    struct bus_doorbell *d = have_vp_ports(b, c->target_vp) ? kalloc(sizeof(*d)) : NULL;

    if (d == NULL)
        return false;
    d->bus = b;
    if (!take_bell(b, &d->bell, c))
        goto err_free;
    if (connect(b, d, c->connection_id) != HV_STATUS_SUCCESS)
        goto err_release;
    if (!bus_monitor_add(b, c))
        goto err_disconnect;
    c->transport = d;
    count(&totals.channels, 1);
    return true;

err_disconnect:
    disconnect(b, d, c->connection_id);
err_release:
    doorbell_release(&d->bell);
err_free:
    kfree(d);
    return false;
}

static void doorbell_disconnect(void *context, struct vmbus_channel *c)
{
    struct bus *b = context;
    struct bus_doorbell *d = c->transport;

    bus_monitor_remove(b, c);
    disconnect(b, d, c->connection_id);
    doorbell_release(&d->bell);
    c->transport = NULL;
    kfree(d);
    count(&totals.channels, -1);
}

static bool doorbell_retarget(void *context, struct vmbus_channel *c, uint32_t vp)
{
    (void)c;
    return have_vp_ports(context, vp);
}

/* A child that takes no events loses them: nobody else cares. */
static void signal(struct vmbus_channel *c)
{
    const struct bus_doorbell *d = c->transport;

    (void)hv_call_signal_event(hv_client_fast(), CONNECTION_VP(d->bus->number, c->target_vp, 1),
                               (uint16_t)c->relid);
}

const struct vmbus_server_port bus_transport = {
    .post = post,
    .map = map,
    .unmap = unmap,
    .doorbell_connect = doorbell_connect,
    .doorbell_disconnect = doorbell_disconnect,
    .doorbell_retarget = doorbell_retarget,
    .signal = signal,
    .monitor_set = bus_monitor_set,
    .allocate = bus_allocate,
    .free = bus_free,
    .log = bus_log_reason,
};
