/* SPDX-License-Identifier: MIT */
/* bench_pair.c - what a frame of full length costs from one child to another. The sender has so
 * many under way that neither root nor the sink waits for it; of each so many the sink tells what
 * it has got, as a receiver of TCP would, and what that has cost it. Both halt when they have
 * nothing to do: one of the two, or root, always has. */
#include <rt/mem.h>

#include "bench.h"
#include "bench_card.h"

#define FRAME_BYTES  (NET_ETHERNET_BYTES + NET_MTU_DEFAULT)
#define HELLO_BYTES  64u
#define UNDER_WAY    256u
#define TOLD_EACH    128u
#define TCP_CHECKSUM /* to be computed, as Linux says it */                                        \
    (RNDIS_CHECKSUM_IS_IPV4 | RNDIS_CHECKSUM_TCP |                                                 \
     (NET_ETHERNET_BYTES + 20u) << RNDIS_CHECKSUM_L4_OFFSET_SHIFT)
#define COUNT 4096u

/* What the sink tells, behind the frame's head. */
struct told {
    uint64_t received; /* frames of full length, ever */
    struct bench_own own;
};

#define TOLD_BYTES (NET_ETHERNET_BYTES + (uint32_t)sizeof(struct told))

static struct bench_card card;
static uint8_t *bytes;

static bool frame_send(uint32_t length, uint32_t checksum)
{
    const struct netvsc_frame frame = {
        .bytes = bytes, .length = length, .checksum = checksum, .vlan = NET_VLAN_NONE};

    return netvsc_send(&card.netvsc.primary, &frame);
}

/* One that says something to the other. */
static void word_send(uint32_t length)
{
    while (!frame_send(length, 0))
        guest_bus_wait();
    netvsc_flush(&card.netvsc.primary);
}

static bool open(uint32_t filter, void (*taken)(const uint8_t *frame, uint32_t length))
{
    if (!guest_bus_connect() || !bench_card_open(&card, 0, filter)) {
        guest_printf("bench: a network card is needed\n");
        return false;
    }
    card.taken = taken;
    bytes = guest_memory(FRAME_BYTES);
    bench_count();
    return true;
}

/* ---- the sink ---- */

static struct {
    uint64_t received;
    uint8_t sender[NET_ADDRESS_BYTES];
    bool due; /* to tell the sender */
} sink;

static void sink_takes(const uint8_t *frame, uint32_t length)
{
    if (length == FRAME_BYTES)
        sink.due |= ++sink.received % TOLD_EACH == 0;
    else
        sink.due = true; /* somebody looks for a sink */
    memcpy(sink.sender, frame + NET_ADDRESS_BYTES, NET_ADDRESS_BYTES);
}

static void sink_tells(void)
{
    struct told told = {.received = sink.received};

    bench_own_read(&told.own);
    bench_frame_make(&card, sink.sender, bytes);
    memcpy(bytes + NET_ETHERNET_BYTES, &told, sizeof(told));
    word_send(TOLD_BYTES);
    sink.due = false;
}

uint8_t bench_network_sink(void)
{
    if (!open(NDIS_FILTER_DIRECTED | NDIS_FILTER_BROADCAST, sink_takes))
        return GUEST_EXIT_FAILED;
    for (;;) { /* until somebody stops it */
        guest_bus_wait();
        if (sink.due)
            sink_tells();
    }
}

/* ---- the sender ---- */

static struct {
    struct told told, begin; /* the last that the sink told; when a stretch began */
    uint8_t sink[NET_ADDRESS_BYTES];
    bool found;
} sender;

static void sender_takes(const uint8_t *frame, uint32_t length)
{
    if (length != TOLD_BYTES)
        return;
    memcpy(&sender.told, frame + NET_ETHERNET_BYTES, sizeof(sender.told));
    memcpy(sender.sink, frame + NET_ADDRESS_BYTES, NET_ADDRESS_BYTES);
    sender.found = true;
}

/* A sink answers what is for everybody, if there is one already. */
static void sink_find(void)
{
    static const uint8_t everybody[NET_ADDRESS_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    bench_frame_make(&card, everybody, bytes);
    word_send(HELLO_BYTES);
    while (!sender.found)
        guest_bus_wait();
}

/* @count, a multiple of TOLD_EACH, with *@checksum to be computed. */
static void work(const void *checksum, uint64_t count, struct bench_cost *cost)
{
    uint32_t wanted = *(const uint32_t *)checksum;
    uint64_t sent = 0;

    sender.begin = sender.told;
    card.done = 0;
    while (card.done != count || sender.told.received - sender.begin.received != count) {
        uint64_t before = sent;

        while (sent != count && sent - (sender.told.received - sender.begin.received) < UNDER_WAY &&
               frame_send(FRAME_BYTES, wanted))
            sent++;
        if (sent != before)
            netvsc_flush(&card.netvsc.primary);
        guest_bus_wait();
    }
    bench_add(cost, &sender.begin.own, &sender.told.own);
}

static void measure(const char *name, uint32_t checksum)
{
    struct bench_cost cost;

    bench_measure(work, &checksum, COUNT, &cost);
    bench_report(name, &cost, COUNT);
}

uint8_t bench_network_pair(void)
{
    if (!open(NDIS_FILTER_DIRECTED, sender_takes))
        return GUEST_EXIT_FAILED;
    sink_find();
    bench_frame_make(&card, sender.sink, bytes);
    measure("netvsc_pair_1500", 0);
    bench_tcp_make(bytes, NET_MTU_DEFAULT);
    measure("netvsc_pair_1500_tcp", TCP_CHECKSUM);
    bench_card_close(&card);
    guest_bus_leave();
    if (card.failed == 0)
        return GUEST_EXIT_OK;
    guest_printf("bench: %lu frames were not taken\n", card.failed);
    return GUEST_EXIT_FAILED;
}
