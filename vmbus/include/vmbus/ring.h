/* SPDX-License-Identifier: MIT */
/* vmbus/ring.h - one ring of a channel, seen from its reader or from its writer.
 *
 * The ring is memory that the peer can write at any time, and the peer is hostile. So our own index
 * lives in struct vmbus_ring and is only published to the shared page; the peer's index is loaded
 * once, checked, and then used; of a packet first the descriptor is copied, then checked, then the
 * rest is copied to the caller's buffer, and nobody looks at the ring again. A ring found broken
 * stays so: every later call says VMBUS_RING_BROKEN and touches nothing.
 *
 * Both directions work in batches. A reader:
 *     do {
 *         vmbus_ring_read_begin(r);
 *         while (vmbus_ring_read(r, &packet, buffer, size) == VMBUS_RING_OK)
 *             ...
 *     } while (vmbus_ring_read_end(r, &signal));
 * A writer: any number of vmbus_ring_write(), then vmbus_ring_write_end().
 * A peer that never stops writing keeps a reader in these loops: whoever has other things to do
 * stops at a number of packets, and comes back by itself.
 *
 * Rules: no lock, no allocation. The caller serialises all calls for one ring; the two rings of a
 * channel are independent. The order of loads and stores is in ring.c, beside each barrier. */
#ifndef VMBUS_RING_H
#define VMBUS_RING_H

#include <hvabi/vmbus.h>
#include <stdbool.h>

enum vmbus_ring_status {
    VMBUS_RING_OK,
    VMBUS_RING_EMPTY,  /* nothing to read */
    VMBUS_RING_FULL,   /* no room; the reader signals when there is */
    VMBUS_RING_BROKEN, /* see vmbus_ring.broken */
};

/* A packet, in memory that the peer cannot change. Of what was read, all has been checked: ranges
 * have 1 byte at least, begin in their first page (GPA_DIRECT), and their bytes and page numbers
 * are there; what a GPA_DIRECT packet has behind them is left out. Whether page numbers mean
 * anything, and whether a completion is wanted (VMBUS_PACKET_FLAG_COMPLETION), is up to the
 * caller. */
struct vmbus_packet {
    uint16_t type; /* VMBUS_PACKET_* */
    uint16_t flags;
    uint16_t page_set; /* TRANSFER_PAGES only */
    uint64_t transaction;
    const void *ranges; /* as on the wire: struct vmbus_range, page numbers, ... ; see below */
    uint32_t range_count;
    uint32_t ranges_length; /* bytes, a multiple of 8 */
    const void *payload;
    uint32_t length; /* bytes; of what was read, a multiple of 8 */
};

/* One range of a packet. */
struct vmbus_packet_range {
    uint32_t length;
    uint32_t offset;
    uint32_t page_count;   /* 0 in TRANSFER_PAGES */
    const uint64_t *pages; /* their numbers, in the packet's memory */
};

/* The range at *@cursor, which is 0 for the first, in @range; moves *@cursor on. False: that was
 * the last. @p was read by vmbus_ring_read(), or its ranges are right. */
bool vmbus_packet_next_range(const struct vmbus_packet *p, uint32_t *cursor,
                             struct vmbus_packet_range *range);

struct vmbus_ring {
    struct vmbus_ring_header *header; /* shared */
    uint8_t *data;                    /* shared, @size bytes behind the header */
    uint32_t size;
    uint32_t own;       /* our index: up to here we have read (written) */
    uint32_t published; /* our index as the peer was told last */
    uint32_t peer;      /* the peer's index as we took it last */
    bool waiting;       /* writer: we set pending_send_size */
    bool signal;        /* a signal is due at the end of this batch */
    const char *broken; /* NULL: sound; else why not */
};

/* ---- life --------------------------------------------------------------------------------- */

/* Use the ring at @pages: a header page and data, @bytes in all, mapped contiguously, aligned to a
 * page. Goes on where its indices stand. False: @bytes is no size of a ring, or the indices are not
 * those of one (@r->broken). */
bool vmbus_ring_attach_reader(struct vmbus_ring *r, void *pages, uint32_t bytes);
bool vmbus_ring_attach_writer(struct vmbus_ring *r, void *pages, uint32_t bytes);

/* Make an empty ring of zeroed indices at @pages: the client does, before anybody attaches. */
void vmbus_ring_format(void *pages);

/* Read and write nothing any more; @reason is a literal. The first reason stays. */
void vmbus_ring_break(struct vmbus_ring *r, const char *reason);

/* ---- reading ------------------------------------------------------------------------------ */

/* Begin a batch: ask the writer for silence. */
void vmbus_ring_read_begin(struct vmbus_ring *r);

/* The next packet: @p, which refers to @buffer (@size bytes, aligned to 8), where all of it is
 * copied. OK, EMPTY or BROKEN; a packet that does not fit @buffer breaks the ring. */
enum vmbus_ring_status vmbus_ring_read(struct vmbus_ring *r, struct vmbus_packet *p, void *buffer,
                                       uint32_t size) __attribute__((warn_unused_result));

/* End a batch: publish what was read and let the writer signal again. True: packets are there,
 * begin again, for no signal comes for them. A reader that stops while packets are left (it has no
 * room for their work) has to come back by itself. *@signal: the writer waits for room: signal it.
 */
bool vmbus_ring_read_end(struct vmbus_ring *r, bool *signal) __attribute__((warn_unused_result));

/* ---- writing ------------------------------------------------------------------------------ */

/* The bytes that a packet takes in the ring, with its trailer. */
uint32_t vmbus_packet_size(const struct vmbus_packet *p);

/* Write @p, padded to 8 bytes with zeros; the reader sees it at vmbus_ring_write_end() at the
 * latest. FULL: there is no room, what was written before is published, and the reader has been
 * told to signal once there is room for this one: write it again then. A packet too long for the
 * descriptor or for the empty ring is a bug of the caller, and breaks the ring. */
enum vmbus_ring_status vmbus_ring_write(struct vmbus_ring *r, const struct vmbus_packet *p)
    __attribute__((warn_unused_result));

/* End a batch: publish what was written. True: signal the reader. */
bool vmbus_ring_write_end(struct vmbus_ring *r) __attribute__((warn_unused_result));

#endif
