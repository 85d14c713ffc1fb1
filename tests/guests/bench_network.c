/* SPDX-License-Identifier: MIT */
/* bench_network.c - what a frame costs between two cards of this child, which are two ports of a
 * switch; or from one that goes to nobody. Lines are bench_storage.c's, for one frame; up to so
 * many are under way that the provider is never without. netvsc_rx_64b is what a frame that arrives
 * costs beyond one that goes to nobody. */
#include <rt/big_endian.h>
#include <rt/list.h>
#include <rt/mem.h>
#include <x86/insn.h>

#include <netvsc/netvsc.h>

#include "bench.h"
#include "bus.h"

#define RING_PAGES    32u
#define RECEIVE_BYTES 0x200000u /* half of it, which one sender may have, is enough for all under way */
#define SEND_BYTES    0x100000u
#define DEPTH_MAX     64u

/* Where things are in a frame of TCP over IPv4 without options. */
#define TYPE         12u
#define IP           NET_ETHERNET_BYTES
#define IP_BEGIN     0x4500u
#define IP_TTL_TCP   0x4006u
#define TCP          (IP + 20u)
#define TCP_LENGTH   (TCP + 12u)
#define TCP_BEGIN    0x5010u /* 20 bytes, ACK */
#define HEADS        (TCP + 20u)
#define TYPE_PRIVATE 0x88b5u /* IEEE 802: for experiments */
#define MSS          (NET_MTU_DEFAULT - (HEADS - IP))
#define LSO_SEGMENTS 42u
#define LSO_BYTES    (HEADS + LSO_SEGMENTS * MSS)

struct card {
    struct netvsc netvsc;
    struct vmbus_client_channel *channel;
    struct guest_bus_memory receive, send;
    bool ready, ok;
    uint64_t received, done, failed; /* frames; done: sent, and answered */
};

/* A figure: @count frames of @bytes, @depth at a time; each arrives as @segments frames, or with 0
 * goes to nobody. */
struct frames {
    const char *name;
    uint32_t bytes, depth, count, segments;
};

static const struct frames to_nobody = {"netvsc_tx_64b", 64, DEPTH_MAX, 4096, 0};
static const struct frames arriving = {"netvsc_rx_64b", 64, DEPTH_MAX, 4096, 1};
static const struct frames big = {"netvsc_tx_64k_lso", LSO_BYTES, 8, 128, LSO_SEGMENTS};
static const struct frames pair = {"netvsc_pair_1500", NET_ETHERNET_BYTES + NET_MTU_DEFAULT,
                                   DEPTH_MAX, 4096, 1};

static const uint8_t nobody[NET_ADDRESS_BYTES] = {2, 0, 0, 0, 0, 0x99};
static const struct vmbus_guid interface = NETWORK_INTERFACE;
static struct card cards[2];
static uint8_t *bytes;
static uint64_t *pages;

/* ---- cards ---- */

static struct card *card_of(struct netvsc *n)
{
    return container_of(n, struct card, netvsc);
}

static void driver_ready(struct netvsc *n, bool ok)
{
    card_of(n)->ready = true;
    card_of(n)->ok = ok;
}

static void driver_received(struct netvsc_channel *c, const struct netvsc_received *frame)
{
    (void)frame;
    card_of(c->device)->received++;
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

static bool card_open(struct card *c, uint32_t number)
{
    struct netvsc_config config = {.version = NVSP_VERSION_6_1,
                                   .mtu = NET_MTU_DEFAULT,
                                   .filter = NDIS_FILTER_DIRECTED,
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

static void card_close(struct card *c)
{
    c->channel->context = NULL;
    guest_bus_close(c->channel);
    netvsc_channel_closed(&c->netvsc.primary);
    guest_bus_unshare(&c->receive);
    guest_bus_unshare(&c->send);
}

/* ---- frames ---- */

/* TCP that is to be cut: lengths and sums are the provider's to write. */
static void tcp_make(void)
{
    be16_put(bytes + TYPE, NET_TYPE_IPV4);
    be16_put(bytes + IP, IP_BEGIN);
    be16_put(bytes + IP + 8, IP_TTL_TCP);
    be16_put(bytes + TCP_LENGTH, TCP_BEGIN);
}

static struct netvsc_frame frame_make(const struct frames *f)
{
    struct netvsc_frame frame = {.bytes = bytes, .length = f->bytes, .vlan = NET_VLAN_NONE};

    memset(bytes, 0, HEADS);
    memcpy(bytes, f->segments == 0 ? nobody : cards[1].netvsc.address, NET_ADDRESS_BYTES);
    memcpy(bytes + NET_ADDRESS_BYTES, cards[0].netvsc.address, NET_ADDRESS_BYTES);
    be16_put(bytes + TYPE, TYPE_PRIVATE);
    if (f->segments <= 1)
        return frame;
    tcp_make();
    frame.length = HEADS;
    frame.pages = pages;
    frame.page_offset = HEADS;
    frame.page_bytes = f->bytes - HEADS;
    frame.lso = RNDIS_LSO_VERSION_2 | MSS;
    return frame;
}

static void work(const void *figure, uint64_t count)
{
    const struct frames *f = figure;
    struct netvsc_frame frame = frame_make(f);
    uint64_t sent = 0;

    cards[0].done = cards[1].received = 0;
    while (cards[0].done != count || cards[1].received != count * f->segments) {
        uint64_t before = sent;

        while (sent != count && sent - cards[0].done < f->depth &&
               netvsc_send(&cards[0].netvsc.primary, &frame))
            sent++;
        if (sent != before)
            netvsc_flush(&cards[0].netvsc.primary);
        insn_sti_nop_cli();
        if (!guest_bus_poll())
            insn_pause();
    }
}

/* ---- figures ---- */

static struct bench_cost measured(const struct frames *f)
{
    struct bench_cost cost;

    bench_measure(work, f, f->count, &cost);
    return cost;
}

static void measure(const struct frames *f)
{
    struct bench_cost cost = measured(f);

    bench_report(f->name, &cost, f->count);
}

/* Down to 0: an exit that came in the one stretch only. */
static void minus(uint64_t *a, uint64_t b)
{
    *a -= *a < b ? *a : b;
}

static void measure_small(void)
{
    struct bench_cost one_way = measured(&to_nobody), both = measured(&arriving);

    bench_report(to_nobody.name, &one_way, to_nobody.count);
    minus(&both.tsc, one_way.tsc);
    minus(&both.child, one_way.child);
    both.root -= one_way.root;
    both.root_exits -= both.root_exits < one_way.root_exits ? both.root_exits : one_way.root_exits;
    for (unsigned i = 0; i < BENCH_COUNTERS; i++)
        minus(&both.counters[i], one_way.counters[i]);
    bench_report(arriving.name, &both, arriving.count);
}

uint8_t bench_network(void)
{
    if (!guest_bus_connect() || !card_open(&cards[0], 0) || !card_open(&cards[1], 1)) {
        guest_printf("bench: two network cards are needed\n");
        return GUEST_EXIT_FAILED;
    }
    bench_count();
    bytes = guest_memory(LSO_BYTES);
    pages = guest_page_numbers(bytes, (LSO_BYTES + HV_PAGE_SIZE - 1) / HV_PAGE_SIZE);
    measure_small();
    measure(&big);
    measure(&pair);
    card_close(&cards[0]);
    card_close(&cards[1]);
    guest_bus_leave();
    if (cards[0].failed == 0)
        return GUEST_EXIT_OK;
    guest_printf("bench: %lu frames were not taken\n", cards[0].failed);
    return GUEST_EXIT_FAILED;
}
