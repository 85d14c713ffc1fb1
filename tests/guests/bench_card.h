/* SPDX-License-Identifier: MIT */
/* bench_card.h - a network card of the guest bench: from the offer to frames, and its end. */
#ifndef BENCH_CARD_H
#define BENCH_CARD_H

#include <netvsc/netvsc.h>

#include "bus.h"

struct bench_card {
    struct netvsc netvsc;
    struct vmbus_client_channel *channel;
    struct guest_bus_memory receive, send;
    void (*taken)(const uint8_t *frame,
                  uint32_t length); /* for each frame; NULL: nothing is done */
    bool ready, ok;
    uint64_t received, done, failed; /* frames; done: sent, and answered */
};

/* Bring up the child's card @number, with NDIS_FILTER_* @filter. False: it has none, or it does not
 * work. */
bool bench_card_open(struct bench_card *c, uint32_t number, uint32_t filter);

void bench_card_close(struct bench_card *c);

#define BENCH_TCP_BYTES (NET_ETHERNET_BYTES + 40u) /* heads of TCP over IPv4, without options */

/* Write the heads of a frame from @c to @to into @bytes, BENCH_TCP_BYTES: of a type for
 * experiments, with zeros behind it; */
void bench_frame_make(const struct bench_card *c, const uint8_t *to, uint8_t *bytes);

/* then make TCP of it, of so many bytes from the IP head on. */
void bench_tcp_make(uint8_t *bytes, uint32_t length);

#endif
