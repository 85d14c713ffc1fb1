/* SPDX-License-Identifier: MIT */
/* storvsp/internal.h - what the files of storvsp share: requests and channels, and their owners.
 *
 *   adapter.c   the offer, its disks, and what is left to the bus
 *   storvsp.c   a channel: packets in, answers out, the protocol's other operations
 *   request.c   an SRB: from a packet to a disk and back
 *
 * A request is on exactly one list, or with the disk, or being worked on:
 *   free -> (packet) -> disk -> c->done -> answers -> (sent) -> free
 *                    -> answers            resets -> answers                                   */
#ifndef STORVSP_INTERNAL_H
#define STORVSP_INTERNAL_H

#include "storvsp.h"

#define STORVSP_PAGE 4096u

/* storvsp_adapter.state: how far the primary channel has come. */
enum {
    STORVSP_OPENED,
    STORVSP_BEGUN,
    STORVSP_VERSIONED,
    STORVSP_KNOWN, /* properties were asked for */
    STORVSP_READY,
};

/* storvsp_request.owner: catches a back end that completes twice. */
enum { STORVSP_OURS, STORVSP_DISKS };

struct storvsp_request {
    struct storvsp_io io;
    struct storvsp_channel *channel;   /* [I] */
    struct list link;                  /* the worker's: free, answers or resets */
    struct storvsp_request *done_next; /* [a] in c->done */
    enum scsi_outcome outcome;         /* with c->done */
    uint32_t owner;                    /* [a] */
    uint32_t epoch;                    /* in which it was begun: its lowest bit counts */
    uint64_t transaction;
    struct storage_packet packet; /* the child's, then our answer */
    struct scsi_task task;
    struct storvsp_lun *lun; /* that it is for; NULL: there is none */
    uint32_t extent;         /* of a discard: which one is under way */
    union {
        struct storvsp_segment *segments; /* [I] of reads and writes; memory behind the request */
        struct scsi_extent *extents;      /* [I] of discards: the same memory */
    };
};

struct storvsp_channel {
    struct storvsp_adapter *adapter; /* [I] */
    struct vmbus_channel *vmbus;     /* [I] */
    void *context;                   /* [a] the owner's */
    struct list node;                /* bus: in adapter->channels */
    size_t size;                     /* [I] of this memory */
    bool primary;                    /* [I] */

    /* Shared with completions and with the bus. */
    struct storvsp_request *done; /* [a] completed by disks, the latest first */
    uint32_t completing;          /* [a] calls of storvsp_io_done() that still need us */
    bool awake;                   /* [a] the worker will look at @done by itself */
    bool closing;                 /* [a] the bus wants it closed */
    bool broken;                  /* [a] for the bus: a ring is */
    bool drained;                 /* [a] for the bus: nothing refers to it any more */

    /* The worker's. */
    struct list free, answers, resets;
    uint32_t busy; /* requests that are not free */
    bool reset_begun; /* the first of @resets waits for the commands before it */
    uint32_t reset_epoch;
    struct storvsp_statistics statistics;
    uint32_t pages_max; /* [I] of a request */
    uint32_t buffer_bytes;
    uint64_t *physical;           /* [I] pages_max of them */
    uint64_t *buffer;             /* [I] a packet, buffer_bytes */
    struct scsi_scratch *scratch; /* [I] */
};

/* ---- storvsp.c ---- */

/* A channel of @a, with its memory; NULL: there is none. */
struct storvsp_channel *storvsp_channel_create(struct storvsp_adapter *a, struct vmbus_channel *v);

/* The child did something wrong: say so. */
void storvsp_complain(struct storvsp_channel *c, const char *reason);

/* The answer of @r is complete: send it when there is room. */
void storvsp_answer(struct storvsp_request *r);

/* ---- request.c ---- */

/* Begin the SRB in r->packet, whose data is what the ranges of @p name. */
void storvsp_srb_begin(struct storvsp_request *r, const struct vmbus_packet *p);

/* The disk is done with @r: next extent, or answer. */
void storvsp_srb_continue(struct storvsp_request *r);

/* Fail the SRB in r->packet before it began, with STORAGE_SRB_@srb_status. */
void storvsp_srb_fail(struct storvsp_request *r, uint8_t srb_status);

/* ---- adapter.c ---- */

/* The disk at this address; NULL: none. Any worker. */
struct storvsp_lun *storvsp_lun_find(struct storvsp_adapter *a, const struct storage_srb *srb);

/* Which LUNs have a disk. */
uint64_t storvsp_luns_present(const struct storvsp_adapter *a);

/* The bytes that a request to any of them may transfer: whole pages, at least one. */
uint32_t storvsp_transfer_max(const struct storvsp_adapter *a);

/* ---- counters of one writer, which others may read ---- */

static inline void storvsp_count(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

#endif
