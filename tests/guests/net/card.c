/* SPDX-License-Identifier: MIT */
/* card.c - from the offer to a network card that sends and receives. See net.h. */
#include <rt/list.h>
#include <rt/mem.h>

#include "net.h"

#define RING_PAGES    32u
#define RECEIVE_BYTES 0x100000u
#define SEND_BYTES    0x40000u

static const struct vmbus_guid interface = NETWORK_INTERFACE;

static struct {
    struct vmbus_client_channel *channel;
    struct guest_bus_memory receive, send;
} card;

/* ---- what the driver tells ---- */

static void driver_ready(struct netvsc *n, bool ok)
{
    (void)n;
    net.ready = true;
    net.ok = ok;
}

static void driver_received(struct netvsc_channel *c, const struct netvsc_received *frame)
{
    (void)c;
    net.received++;
    frame_received(frame->bytes, frame->length);
}

static void driver_sent(struct netvsc *n, void *context, uint32_t status)
{
    (void)n;
    (void)context;
    net.under_way--;
    net.failed += status != NVSP_STATUS_SUCCESS;
}

static void driver_link(struct netvsc *n, uint32_t status)
{
    guest_printf("net: link %s (%#x)\n", n->link_down ? "down" : "up", status);
}

static void driver_answered(struct netvsc *n, uint32_t id, uint32_t status, const uint8_t *value,
                            uint32_t length)
{
    (void)n;
    (void)id;
    (void)status;
    (void)value;
    (void)length;
}

static const struct netvsc_events events = {.ready = driver_ready,
                                            .received = driver_received,
                                            .sent = driver_sent,
                                            .link = driver_link,
                                            .answered = driver_answered};

static void signalled(struct vmbus_client_channel *c)
{
    struct netvsc_channel *driver = c->context;

    if (!driver || netvsc_poll(driver))
        return;
    guest_printf("net: channel %u is broken: %s\n", c->channel.relid,
                 vmbus_channel_broken(&c->channel));
    guest_exit(GUEST_EXIT_FAILED);
}

/* ---- life ---- */

static bool share(struct guest_bus_memory *m, uint32_t bytes, uint8_t **memory)
{
    *memory = guest_memory(bytes);
    if (guest_bus_share(m, card.channel, *memory, bytes))
        return true;
    guest_printf("net: root does not take a buffer of %u bytes\n", bytes);
    return false;
}

static bool driver_begin(void)
{
    struct netvsc_config config = {
        .version = (uint32_t)guest_arg_number(guest_command_line(), "nvsp", NVSP_VERSION_6_1),
        .mtu = (uint32_t)guest_arg_number(guest_command_line(), "mtu", NET_MTU_DEFAULT),
        .filter = NDIS_FILTER_DIRECTED | NDIS_FILTER_BROADCAST | NDIS_FILTER_ALL_MULTICAST,
        .receive_bytes = RECEIVE_BYTES,
        .send_bytes = SEND_BYTES,
    };

    net.promiscuous = guest_arg_number(guest_command_line(), "promiscuous", 0) != 0;
    if (net.promiscuous)
        config.filter = NDIS_FILTER_PROMISCUOUS;
    if (!share(&card.receive, RECEIVE_BYTES, &config.receive) ||
        !share(&card.send, SEND_BYTES, &config.send))
        return false;
    config.receive_gpadl = card.receive.gpadl.id;
    config.send_gpadl = card.send.gpadl.id;
    net.send = config.send;
    net.send_bytes = SEND_BYTES;
    netvsc_init(&net.netvsc, &events, &card.channel->channel, &config);
    card.channel->context = &net.netvsc.primary;
    if (netvsc_begin(&net.netvsc))
        while (!net.ready)
            guest_bus_wait();
    if (!net.ok)
        guest_printf("net: the card cannot be initialised\n");
    return net.ok;
}

bool card_open(void)
{
    const uint8_t *a = net.netvsc.address;

    while (!(card.channel = guest_bus_offer(&interface, 0)))
        guest_bus_wait();
    if (!guest_bus_open(card.channel, RING_PAGES, RING_PAGES, 0, signalled)) {
        guest_printf("net: the channel cannot be opened\n");
        return false;
    }
    if (!driver_begin())
        return false;
    guest_printf("net: address=%02x:%02x:%02x:%02x:%02x:%02x mtu=%u version=%#x\n", a[0], a[1],
                 a[2], a[3], a[4], a[5], net.netvsc.mtu, net.netvsc.version);
    return true;
}

void card_send(const uint8_t *bytes, uint32_t length)
{
    const struct netvsc_frame f = {.bytes = bytes, .length = length};

    while (!netvsc_send(&net.netvsc.primary, &f))
        guest_bus_wait();
    net.sent++;
    net.under_way++;
    netvsc_flush(&net.netvsc.primary);
}

void card_close(void)
{
    while (net.under_way > 0)
        guest_bus_wait();
    card.channel->context = NULL;
    guest_bus_close(card.channel);
    netvsc_channel_closed(&net.netvsc.primary);
    guest_bus_unshare(&card.receive);
    guest_bus_unshare(&card.send);
}
