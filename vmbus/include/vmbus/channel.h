/* SPDX-License-Identifier: MIT */
/* vmbus/channel.h - an open channel: two rings and how to signal the peer. The same structure for a
 * provider (server.h) and a client driver (client.h), which find it in what those give them.
 *
 * Rules: no lock, no allocation. The caller serialises receiving (vmbus_channel_read_*), and
 * sending (vmbus_channel_send and _flush); one of each may run at the same time. Rings may be used
 * from the opened to the closed callback. On VMBUS_RING_BROKEN stop, and tell the bus
 * (vmbus_server_channel_broken()); a client closes the channel. */
#ifndef VMBUS_CHANNEL_H
#define VMBUS_CHANNEL_H

#include <vmbus/ring.h>

struct vmbus_channel;

/* Each direction's are changed by its user only; read them at any time. */
struct vmbus_channel_statistics {
    uint64_t packets_in, bytes_in, batches_in;
    uint64_t packets_out, bytes_out, batches_out;
    uint64_t signals_for_packets; /* sent because we wrote to an empty ring */
    uint64_t signals_for_room;    /* sent because we made room for a waiting writer */
    uint64_t full;                /* sends that found no room */
};

struct vmbus_channel {
    struct vmbus_ring in, out;
    void (*signal)(struct vmbus_channel *c); /* rings the peer's doorbell; from any context */
    struct vmbus_channel_statistics statistics;

    /* What the offer said; constant. */
    uint32_t relid;
    uint16_t sub_channel_index; /* 0: the primary channel */
    uint32_t connection_id;     /* of the client's doorbell */
    uint32_t target_vp;         /* of the client: interrupted by the server's; may be modified */
    int32_t monitor_id;         /* in the monitor page; -1: the doorbell is not monitored */

    /* The provider's or driver's own: NULL until it sets it. A provider's is NULL again when
     * vmbus_server_closed() returns, so that nobody who looks at the channel finds what is gone. */
    void *context;
    void *transport; /* the transport's own, NULL until it sets it */
};

/* ---- receiving: as vmbus_ring_read_*() ---------------------------------------------------- */

void vmbus_channel_read_begin(struct vmbus_channel *c);

/* OK: @p is the next packet, copied to @buffer of @size bytes, aligned to 8. EMPTY, BROKEN. */
enum vmbus_ring_status vmbus_channel_read_next(struct vmbus_channel *c, struct vmbus_packet *p,
                                               void *buffer, uint32_t size)
    __attribute__((warn_unused_result));

/* Signals a peer that waits for room. True: look again (from _read_begin on). */
bool vmbus_channel_read_end(struct vmbus_channel *c) __attribute__((warn_unused_result));

/* ---- sending ------------------------------------------------------------------------------ */

/* Put @p into the ring; it is sure to be seen, and the peer signalled, only after a flush.
 * FULL: keep it, flush, and send it again when the peer signals. */
enum vmbus_ring_status vmbus_channel_send(struct vmbus_channel *c, const struct vmbus_packet *p)
    __attribute__((warn_unused_result));

/* Publish what was sent, and signal once if the peer needs it. Also after FULL. */
void vmbus_channel_flush(struct vmbus_channel *c);

/* Why a ring of @c is broken; NULL: it is not. */
const char *vmbus_channel_broken(const struct vmbus_channel *c);

#endif
