/* SPDX-License-Identifier: MIT */
/* bus.c - the client's transport, and waiting for its answers. See bus.h. */
#include <hvabi/message.h>
#include <kern/guest_cpu.h>
#include <rt/mem.h>
#include <x86/insn.h>

#include "bus.h"

/* What we know of a channel beyond what the client knows; of the same index. */
struct bus_user {
    void (*handler)(struct vmbus_client_channel *c);
    void *memory; /* of the rings */
    uint64_t bytes;
    bool offered, open, failed, moved;
};

static struct {
    struct vmbus_client client;
    struct vmbus_client_channel *channels;
    struct bus_user users[GUEST_BUS_CHANNELS];
    uint32_t vp; /* that connected */
    bool answered, delivered, unloaded;
} bus;

static struct bus_user *user_of(const struct vmbus_client_channel *c)
{
    return &bus.users[c - bus.channels];
}

/* ---- what the client needs ---- */

static hv_status port_post(void *context, uint32_t connection_id, const void *message,
                           uint32_t length)
{
    (void)context;
    return hv_call_post_message(guest_client(), connection_id, VMBUS_MESSAGE_TYPE, message, length);
}

static void port_signal(struct vmbus_channel *c)
{
    (void)hv_call_signal_event(guest_client(), c->connection_id, 0);
}

static uint64_t port_page_number(void *context, const void *page)
{
    (void)context;
    return guest_page_number(page);
}

static const struct vmbus_client_port port = {
    .post = port_post, .signal = port_signal, .page_number = port_page_number};

/* ---- what it tells ---- */

static void event_connected(struct vmbus_client *b, uint32_t version)
{
    (void)b;
    (void)version;
    bus.answered = true;
}

static void event_offered(struct vmbus_client *b, struct vmbus_client_channel *c)
{
    (void)b;
    user_of(c)->offered = true;
}

static void event_offers_delivered(struct vmbus_client *b)
{
    (void)b;
    bus.delivered = true;
}

static void event_opened(struct vmbus_client_channel *c, bool ok)
{
    user_of(c)->open = ok;
    user_of(c)->failed = !ok;
}

static void event_closed(struct vmbus_client_channel *c)
{
    user_of(c)->open = false;
}

static void event_modified(struct vmbus_client_channel *c, bool ok)
{
    user_of(c)->moved = true;
    user_of(c)->failed = !ok;
}

static void event_rescinded(struct vmbus_client_channel *c)
{
    if (user_of(c)->open) {
        guest_printf("guest: root has taken channel %u back\n", c->channel.relid);
        guest_exit(GUEST_EXIT_FAILED);
    }
    user_of(c)->offered = false;
    (void)vmbus_client_release(c);
}

/* What guest_bus_share() waits for. */
static void event_gpadl_created(struct vmbus_client_gpadl *g, bool ok)
{
    struct guest_bus_memory *m = container_of(g, struct guest_bus_memory, gpadl);

    m->shared = ok;
    m->answered = true;
}

static void event_gpadl_torndown(struct vmbus_client_gpadl *g)
{
    container_of(g, struct guest_bus_memory, gpadl)->shared = false;
}

static void event_unloaded(struct vmbus_client *b)
{
    (void)b;
    bus.unloaded = true;
}

static const struct vmbus_client_events events = {
    .connected = event_connected,
    .offered = event_offered,
    .offers_delivered = event_offers_delivered,
    .opened = event_opened,
    .closed = event_closed,
    .rescinded = event_rescinded,
    .modified = event_modified,
    .gpadl_created = event_gpadl_created,
    .gpadl_torndown = event_gpadl_torndown,
    .unloaded = event_unloaded,
};

/* ---- messages and events of this VP ---- */

static void channel_signalled(uint32_t relid)
{
    struct vmbus_client_channel *c = vmbus_client_channel_of(&bus.client, relid);

    if (c && user_of(c)->handler)
        user_of(c)->handler(c);
}

static bool messages_take(void)
{
    struct hv_message m;
    bool any = false;

    while (guest_synic_message(&m)) {
        any = true;
        if (m.header.message_type == VMBUS_MESSAGE_TYPE && guest_cpu_this()->index == bus.vp &&
            m.header.payload_size <= sizeof(m.payload))
            vmbus_client_receive(&bus.client, m.payload, m.header.payload_size);
    }
    return any;
}

bool guest_bus_poll(void)
{
    bool signalled = guest_synic_events(channel_signalled);

    return messages_take() || signalled;
}

void guest_bus_wait(void)
{
    if (guest_bus_poll())
        return;
    /* Nothing tells when root has room for our messages again. */
    if (guest_cpu_this()->index == bus.vp && !vmbus_client_post_again(&bus.client))
        insn_pause();
    else
        guest_halt();
}

/* ---- the bus ---- */

void guest_bus_join(void)
{
    guest_synic_enable(VMBUS_SINT);
}

static bool contact_make(void)
{
    uint32_t newest = (uint32_t)guest_arg_number(guest_command_line(), "vmbus", VMBUS_VERSION_5_3);

    if (!vmbus_client_contact(&bus.client, newest, bus.vp, guest_memory(HV_PAGE_SIZE),
                              guest_memory(HV_PAGE_SIZE)))
        return false;
    while (!bus.answered)
        guest_bus_wait();
    return bus.client.version != 0;
}

bool guest_bus_connect(void)
{
    if (!guest_hypercall_enable())
        return false;
    bus.vp = guest_cpu_this()->index;
    bus.channels = guest_memory(GUEST_BUS_CHANNELS * sizeof(*bus.channels));
    vmbus_client_init(&bus.client, &port, NULL, &events, bus.channels, GUEST_BUS_CHANNELS);
    guest_bus_join();
    if (!contact_make()) {
        guest_printf("guest: root has no VMBus of a version that we speak\n");
        return false;
    }
    vmbus_client_request_offers(&bus.client);
    while (!bus.delivered)
        guest_bus_wait();
    return true;
}

void guest_bus_leave(void)
{
    if (!vmbus_client_unload(&bus.client))
        return;
    while (!bus.unloaded)
        guest_bus_wait();
}

uint32_t guest_bus_version(void)
{
    return bus.client.version;
}

/* ---- channels ---- */

struct vmbus_client_channel *guest_bus_offer_number(const struct vmbus_guid *interface,
                                                    uint16_t sub_channel_index, uint32_t number)
{
    for (uint32_t i = 0; i < GUEST_BUS_CHANNELS; i++) {
        struct vmbus_client_channel *c = &bus.channels[i];

        if (bus.users[i].offered && c->offer.sub_channel_index == sub_channel_index &&
            memcmp(&c->offer.interface, interface, sizeof(*interface)) == 0 && number-- == 0)
            return c;
    }
    return NULL;
}

struct vmbus_client_channel *guest_bus_offer(const struct vmbus_guid *interface,
                                             uint16_t sub_channel_index)
{
    return guest_bus_offer_number(interface, sub_channel_index, 0);
}

/* Memory for rings; what an earlier opening left, if it suffices. */
static void *rings_memory(struct bus_user *u, uint64_t bytes)
{
    if (bytes > u->bytes) {
        u->memory = guest_memory(bytes);
        u->bytes = bytes;
    }
    return u->memory;
}

bool guest_bus_open(struct vmbus_client_channel *c, uint32_t out_pages, uint32_t in_pages,
                    uint32_t vp, void (*handler)(struct vmbus_client_channel *c))
{
    struct bus_user *u = user_of(c);
    uint32_t out = (out_pages + 1) * HV_PAGE_SIZE, in = (in_pages + 1) * HV_PAGE_SIZE;

    u->handler = handler;
    u->failed = false;
    if (!vmbus_client_open(c, rings_memory(u, out + in), out, in, vp, NULL))
        return false;
    while (!u->open && !u->failed)
        guest_bus_wait();
    return u->open;
}

bool guest_bus_move(struct vmbus_client_channel *c, uint32_t vp)
{
    struct bus_user *u = user_of(c);

    u->failed = false;
    u->moved = bus.client.version < VMBUS_VERSION_5_3; /* no answer comes */
    if (!vmbus_client_modify(c, vp))
        return false;
    while (!u->moved)
        guest_bus_wait();
    return !u->failed;
}

void guest_bus_close(struct vmbus_client_channel *c)
{
    if (!vmbus_client_close(c))
        return;
    while (user_of(c)->open)
        guest_bus_wait();
}

bool guest_bus_share(struct guest_bus_memory *m, struct vmbus_client_channel *c, void *memory,
                     uint32_t bytes)
{
    m->answered = m->shared = false;
    if (!vmbus_client_gpadl_create(&m->gpadl, c, memory, bytes))
        return false;
    while (!m->answered)
        guest_bus_wait();
    return m->shared;
}

void guest_bus_unshare(struct guest_bus_memory *m)
{
    if (!vmbus_client_gpadl_teardown(&m->gpadl))
        return;
    while (m->shared)
        guest_bus_wait();
}
