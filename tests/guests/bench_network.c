/* SPDX-License-Identifier: MIT */
/* bench_network.c - what a frame costs between two cards of this child, which are two ports of a
 * switch; or from one to the uplink. Lines are bench_storage.c's, for one frame; up to so many are
 * under way that the provider is never without. netvsc_rx_64b is what a frame from the one card to
 * the other costs beyond one to the uplink. */
#include <rt/mem.h>
#include <x86/insn.h>

#include "bench.h"
#include "bench_card.h"

#define DEPTH_MAX 64u

#define MSS          (NET_ETHERNET_BYTES + NET_MTU_DEFAULT - BENCH_TCP_BYTES)
#define LSO_SEGMENTS 42u
#define LSO_BYTES    (BENCH_TCP_BYTES + LSO_SEGMENTS * MSS)

/* A figure: @count frames of @bytes, @depth at a time; each arrives as @segments frames, or with 0
 * goes to the uplink. */
struct frames {
    const char *name;
    uint32_t bytes, depth, count, segments;
};

static const struct frames to_uplink = {"netvsc_tx_64b", 64, DEPTH_MAX, 4096, 0};
static const struct frames arriving = {"netvsc_rx_64b", 64, DEPTH_MAX, 4096, 1};
static const struct frames big = {"netvsc_tx_64k_lso", LSO_BYTES, 8, 128, LSO_SEGMENTS};

static const uint8_t nobody[NET_ADDRESS_BYTES] = {2, 0, 0, 0, 0, 0x99};
static struct bench_card cards[2];
static uint8_t *bytes;
static uint64_t *pages;

/* ---- frames ---- */

static struct netvsc_frame frame_make(const struct frames *f)
{
    struct netvsc_frame frame = {.bytes = bytes, .length = f->bytes, .vlan = NET_VLAN_NONE};

    bench_frame_make(&cards[0], f->segments == 0 ? nobody : cards[1].netvsc.address, bytes);
    if (f->segments <= 1)
        return frame;
    bench_tcp_make(bytes, 0); /* lengths and sums are the provider's to write */
    frame.length = BENCH_TCP_BYTES;
    frame.pages = pages;
    frame.page_offset = BENCH_TCP_BYTES;
    frame.page_bytes = f->bytes - BENCH_TCP_BYTES;
    frame.lso = RNDIS_LSO_VERSION_2 | MSS;
    return frame;
}

static void work(const void *figure, uint64_t count, struct bench_cost *cost)
{
    const struct frames *f = figure;
    struct netvsc_frame frame = frame_make(f);
    uint64_t sent = 0;

    (void)cost;
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
    struct bench_cost one_way = measured(&to_uplink), both = measured(&arriving);

    bench_report(to_uplink.name, &one_way, to_uplink.count);
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
    if (!guest_bus_connect() || !bench_card_open(&cards[0], 0, NDIS_FILTER_DIRECTED) ||
        !bench_card_open(&cards[1], 1, NDIS_FILTER_DIRECTED)) {
        guest_printf("bench: two network cards are needed\n");
        return GUEST_EXIT_FAILED;
    }
    bench_count();
    bytes = guest_memory(LSO_BYTES);
    pages = guest_page_numbers(bytes, (LSO_BYTES + HV_PAGE_SIZE - 1) / HV_PAGE_SIZE);
    measure_small();
    measure(&big);
    bench_card_close(&cards[0]);
    bench_card_close(&cards[1]);
    guest_bus_leave();
    if (cards[0].failed == 0)
        return GUEST_EXIT_OK;
    guest_printf("bench: %lu frames were not taken\n", cards[0].failed);
    return GUEST_EXIT_FAILED;
}
