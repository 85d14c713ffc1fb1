/* SPDX-License-Identifier: MIT */
/* root/bus/network.c - the network cards of a child: each is a port of one of root's switches. */
#include <netvsp/netvsp.h>
#include <rootabi/errno.h>
#include <rt/format.h>
#include <rt/mem.h>
#include "bus/bus_internal.h"
#include "child/child.h"
#include "lib/fnv.h"
#include "log.h"
#include "mm/memory.h"
#include <rt/net_mac.h>
#include "net/net.h"

enum { SUB_CHANNELS_MAX = 15 };
#define LINK_BITS 10000000000ull /* a second; what the child is told */
#define BURST_NS  10000000ull    /* so long a card with a rate may send at once what it saved up, */
#define BURST_MIN 65536u         /* but this at least, which is one frame that the child cuts */
#define NS_PER_S  1000000000ull

struct network {
    struct netvsp_device device;
    struct bus *bus;
    struct bus_work service;
    struct vswitch_port port;
};

/* ---- the switch's side ---- */

static enum net_taken deliver(struct vswitch_port *to, const struct net_frame *frame)
{
    struct network *n = to->owner;

    return netvsp_receive(&n->device, frame);
}

static const struct vswitch_port_ops switch_ops = {.deliver = deliver};

static void send(void *context, const struct net_frame *frame)
{
    struct network *n = context;

    vswitch_send(&n->port, frame);
}

/* ---- the child's side ---- */

static bool pin(void *context, const uint64_t *pages, uint32_t count, const uint8_t **at)
{
    struct network *n = context;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t physical = bus_page(n->bus, pages[i]);

        if (physical == 0)
            return false;
        at[i] = phys_to_virt(physical);
    }
    n->bus->pages_pinned += count;
    return true;
}

static void unpin(void *context, const uint64_t *pages, uint32_t count)
{
    struct network *n = context;

    (void)pages;
    n->bus->pages_pinned -= count;
}

static void channel_wake(struct netvsp_channel *c)
{
    bus_worker_wake(netvsp_channel_context(c));
}

static bool channel_work(void *channel)
{
    return netvsp_channel_work(channel);
}

static bool channel_started(void *context, struct netvsp_channel *c)
{
    struct network *n = context;
    struct bus_worker *w = bus_worker_create(n->bus, channel_work, c);

    netvsp_channel_context_set(c, w);
    return w != NULL;
}

static void channel_stopped(void *context, struct netvsp_channel *c)
{
    (void)context;
    bus_worker_destroy(netvsp_channel_context(c));
}

static void service_wake(struct netvsp_device *d)
{
    struct network *n = container_of(d, struct network, device);

    bus_work_add(n->bus, &n->service);
}

static void service(struct bus_work *w)
{
    netvsp_service(&container_of(w, struct network, service)->device);
}

static void *allocate(void *context, size_t size)
{
    const struct network *n = context;

    return bus_allocate(n->bus, size);
}

static void release(void *context, void *memory, size_t size)
{
    const struct network *n = context;

    bus_free(n->bus, memory, size);
}

static void log_reason(void *context, uint32_t relid, const char *reason)
{
    const struct network *n = context;

    bus_log_reason(n->bus, relid, reason);
}

static const struct netvsp_port port = {
    .send = send,
    .pin = pin,
    .unpin = unpin,
    .wake = channel_wake,
    .wake_bus = service_wake,
    .started = channel_started,
    .stopped = channel_stopped,
    .allocate = allocate,
    .free = release,
    .log = log_reason,
};

/* ---- life ---- */

static struct vswitch *switch_find(const char *name)
{
    struct vswitch *s;

    for (uint32_t i = 0; (s = net_switch(i)) != NULL; i++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

/* The same whenever a child of that name is started at this machine's switch. */
static void address_make(const struct bus *b, const struct vswitch *s, const char *kind,
                         uint8_t *mac)
{
    uint64_t hash = fnv_text(fnv_text(s->identity, kind), b->child->name);

    memcpy(mac, &hash, NET_ADDRESS_BYTES);
    mac[0] = (uint8_t)((mac[0] & ~MAC_GROUP) | MAC_LOCAL);
}

static int64_t refuse(const struct bus *b, const struct vm_network *wanted, const char *why,
                      int64_t error)
{
    log_print("child %s: network %s: %s", b->child->name, wanted->name, why);
    return error;
}

static uint32_t burst_of(uint64_t rate)
{
    uint64_t burst = rate * BURST_NS / NS_PER_S;

    return burst < BURST_MIN ? BURST_MIN : burst > UINT32_MAX ? UINT32_MAX : (uint32_t)burst;
}

static int64_t join(struct network *n, struct vswitch *s, const struct vm_network *wanted)
{
    struct vswitch_port_config config = {
        .vlan = wanted->vlan, .rate = wanted->rate, .burst = burst_of(wanted->rate)};

    rt_strlcpy(config.name, n->bus->child->name, sizeof(config.name));
    memcpy(config.mac, n->device.config.address, sizeof(config.mac));
    switch (vswitch_port_add(s, &n->port, &config, &switch_ops, n)) {
    case VSWITCH_OK:
        return 0;
    case VSWITCH_FULL:
        return refuse(n->bus, wanted, "the switch has no port left", -ENOSPC);
    case VSWITCH_ADDRESS_TAKEN:
        return refuse(n->bus, wanted, "another port has its address", -EADDRINUSE);
    case VSWITCH_BAD_CONFIG:
    default:
        return refuse(n->bus, wanted,
                      "its address is no single card's, or its VLAN or rate is out of range",
                      -EINVAL);
    }
}

static int64_t add(struct network *n, uint32_t number, const struct vm_network *wanted)
{
    static const uint8_t none[NET_ADDRESS_BYTES];
    struct vswitch *s = switch_find(wanted->name);
    char kind[16];
    struct netvsp_config config = {
        .mtu_max = NET_MTU_MAX, .sub_channel_max = SUB_CHANNELS_MAX, .bits_per_second = LINK_BITS};

    if (s == NULL)
        return refuse(n->bus, wanted, "there is no such switch", -ENOENT);
    rt_snprintf(kind, sizeof(kind), "net%u", number);
    config.instance = bus_instance(n->bus, kind);
    rt_strlcpy(config.name, s->name, sizeof(config.name));
    memcpy(config.address, wanted->mac, sizeof(config.address));
    if (memcmp(config.address, none, sizeof(none)) == 0)
        address_make(n->bus, s, kind, config.address);
    if (!netvsp_device_init(&n->device, &port, n, &config, NULL))
        return refuse(n->bus, wanted, "its address is no single card's", -EINVAL);
    if (!vmbus_server_offer(n->bus->server, &n->device.offer))
        return -ENOMEM;
    return join(n, s, wanted);
}

int64_t network_create(struct bus *b, const struct bus_devices *devices)
{
    int64_t result = 0;

    for (uint32_t i = 0; i < devices->network_count && result == 0; i++) {
        struct network *n = kalloc(sizeof(*n));

        if (n == NULL)
            return -ENOMEM;
        n->bus = b;
        n->service.run = service;
        b->networks[b->network_count++] = n;
        result = add(n, i, &devices->networks[i]);
        if (result == 0)
            netvsp_link_set(&n->device, !devices->link_down);
    }
    return result;
}

int64_t bus_link(struct bus *b, bool up)
{
    for (uint32_t i = 0; i < b->network_count; i++)
        netvsp_link_set(&b->networks[i]->device, up);
    return b->network_count != 0 ? 0 : -ENOTCONN;
}

void network_leave(struct bus *b)
{
    for (uint32_t i = 0; i < b->network_count; i++)
        vswitch_port_remove(&b->networks[i]->port);
}

void network_destroy(struct bus *b)
{
    for (uint32_t i = 0; i < b->network_count; i++) {
        bus_work_cancel(b, &b->networks[i]->service);
        kfree(b->networks[i]);
    }
}

bool network_offers(const struct bus *b, const struct vmbus_offer *offer, struct vm_channel *out)
{
    for (uint32_t i = 0; offer != NULL && i < b->network_count; i++) {
        const struct netvsp_device *d = &b->networks[i]->device;
        struct netvsp_statistics s;
        struct netvsp_setup setup;

        if (offer != &d->offer)
            continue;
        rt_strlcpy(out->provider, "netvsp", sizeof(out->provider));
        if (out->sub_channel != 0) /* counted for the card, not for each channel */
            return true;
        netvsp_device_setup(d, &setup);
        out->flags = setup.link ? 0 : VM_CHANNEL_LINK_DOWN;
        netvsp_device_statistics(d, &s);
        out->reads = s.received_frames;
        out->read_bytes = s.received_bytes;
        out->writes = s.sent_frames;
        out->written_bytes = s.sent_bytes;
        out->requests = s.control;
        out->errors = s.lost_no_buffer + s.lost_share + s.lost_not_ready + s.lost_too_long +
                      s.lost_no_link + s.malformed;
        return true;
    }
    return false;
}
