/* SPDX-License-Identifier: MIT */
/* bench_card.c - see bench_card.h. */
#include <rt/big_endian.h>
#include <rt/list.h>
#include <rt/mem.h>

#include "bench_card.h"

#define RING_PAGES    32u
#define RECEIVE_BYTES 0x200000u /* of which one sender may have half: enough for all under way */
#define SEND_BYTES    0x200000u

#define TYPE         12u
#define TYPE_PRIVATE 0x88b5u /* IEEE 802: for experiments */
#define IP           NET_ETHERNET_BYTES
#define IP_BEGIN     0x4500u
#define IP_TTL_TCP   0x4006u
#define TCP_LENGTH   (IP + 32u)
#define TCP_BEGIN    0x5010u /* 20 bytes, ACK */

static const struct vmbus_guid interface = NETWORK_INTERFACE;

static struct bench_card *card_of(struct netvsc *n)
{
    return container_of(n, struct bench_card, netvsc);
}

static void driver_ready(struct netvsc *n, bool ok)
{
    card_of(n)->ready = true;
    card_of(n)->ok = ok;
}

static void driver_received(struct netvsc_channel *c, const struct netvsc_received *frame)
{
    struct bench_card *card = card_of(c->device);

    card->received++;
    if (card->taken)
        card->taken(frame->bytes, frame->length);
}

static void driver_sent(struct netvsc *n, void *context, uint32_t status)
{
    (void)context;
    card_of(n)->done++;
    card_of(n)->failed += status != NVSP_STATUS_SUCCESS;
}

static void driver_link(struct netvsc *n, uint32_t status)
{
    (void)n;
    (void)status;
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
    guest_printf("bench: a network card's channel is broken\n");
    guest_exit(GUEST_EXIT_FAILED);
}

bool bench_card_open(struct bench_card *c, uint32_t number, uint32_t filter)
{
    struct netvsc_config config = {.version = NVSP_VERSION_6_1,
                                   .mtu = NET_MTU_DEFAULT,
                                   .filter = filter,
                                   .receive = guest_memory(RECEIVE_BYTES),
                                   .receive_bytes = RECEIVE_BYTES,
                                   .send = guest_memory(SEND_BYTES),
                                   .send_bytes = SEND_BYTES};

    c->channel = guest_bus_offer_number(&interface, 0, number);
    if (!c->channel || !guest_bus_open(c->channel, RING_PAGES, RING_PAGES, 0, signalled) ||
        !guest_bus_share(&c->receive, c->channel, config.receive, RECEIVE_BYTES) ||
        !guest_bus_share(&c->send, c->channel, config.send, SEND_BYTES))
        return false;
    config.receive_gpadl = c->receive.gpadl.id;
    config.send_gpadl = c->send.gpadl.id;
    netvsc_init(&c->netvsc, &events, &c->channel->channel, &config);
    c->channel->context = &c->netvsc.primary;
    if (netvsc_begin(&c->netvsc))
        while (!c->ready)
            guest_bus_wait();
    return c->ok;
}

void bench_card_close(struct bench_card *c)
{
    c->channel->context = NULL;
    guest_bus_close(c->channel);
    netvsc_channel_closed(&c->netvsc.primary);
    guest_bus_unshare(&c->receive);
    guest_bus_unshare(&c->send);
}

void bench_frame_make(const struct bench_card *c, const uint8_t *to, uint8_t *bytes)
{
    memset(bytes, 0, BENCH_TCP_BYTES);
    memcpy(bytes, to, NET_ADDRESS_BYTES);
    memcpy(bytes + NET_ADDRESS_BYTES, c->netvsc.address, NET_ADDRESS_BYTES);
    be16_put(bytes + TYPE, TYPE_PRIVATE);
}

void bench_tcp_make(uint8_t *bytes, uint32_t length)
{
    be16_put(bytes + TYPE, NET_TYPE_IPV4);
    be16_put(bytes + IP, IP_BEGIN);
    be16_put(bytes + IP + 2, (uint16_t)length);
    be16_put(bytes + IP + 8, IP_TTL_TCP);
    be16_put(bytes + TCP_LENGTH, TCP_BEGIN);
}
