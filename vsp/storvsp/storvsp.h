/* SPDX-License-Identifier: MIT */
/* storvsp/storvsp.h - a synthetic SCSI controller that one child sees on its bus.
 *
 * An adapter (struct storvsp_adapter) is one offer with up to STORVSP_LUNS disks. Each channel that
 * the child opens, the primary or a sub-channel, has as many requests as the adapter's queue depth:
 * when all are under way, or their answers find no room in the ring, nothing more is read. A packet
 * that asks for a completion gets one, once, unless its channel is closed first; one that does not
 * is dropped. The child's pages are what the disks read and write: pinned from the start of a
 * request to its end, never copied, but for commands that are answered from the disk's description.
 *
 * Three kinds of callers; a function says whose it is.
 * - Bus: whatever serialises the calls of the child's vmbus_server, which this uses. That is
 *   storvsp_service(), everything with an adapter or a LUN, and the server's own callbacks.
 * - Worker of a channel: storvsp_channel_work(), one call at a time for each channel; those of
 *   different channels may run at the same time, and at the same time as the bus. One thread for
 *   the bus and all channels of a child will do.
 * - Any context, interrupts too: storvsp_io_done() and the server's signalled(), which only wake.
 * No locks; nothing waits; memory is allocated at opening only. */
#ifndef STORVSP_STORVSP_H
#define STORVSP_STORVSP_H

#include <rt/list.h>
#include <vmbus/server.h>
#include <vspabi/storage.h>
#include "scsi.h"

#define STORVSP_LUNS         64u
#define STORVSP_DEPTH_MAX    1024u
#define STORVSP_TRANSFER_MAX 0x400000u /* bytes */
#define STORVSP_SUB_CHANNELS 239u      /* one for each VP, beside the primary */

struct storvsp_adapter;
struct storvsp_channel;
struct storvsp_request;

/* ---- disks -------------------------------------------------------------------------------- */

/* One piece of memory: within one page or over physically contiguous pages. */
struct storvsp_segment {
    uint64_t physical; /* as pin() gave it; a multiple of 4 */
    uint32_t length;   /* bytes, a multiple of 4 */
    uint32_t reserved;
};

/* An operation on a disk: the back end's from submit() to storvsp_io_done(). */
struct storvsp_io {
    enum scsi_op op;
    bool force_unit_access; /* a hint for reads */
    uint64_t sector;        /* of SCSI_OP_FLUSH: 0 */
    uint32_t sector_count;
    uint32_t segment_count; /* of reads and writes: their lengths add up to the sectors */
    const struct storvsp_segment *segments;
    void *memory; /* the back end's: config's backend_bytes, aligned to 16 */
};

struct storvsp_backend {
    /* Carry out @io on @disk, and call storvsp_io_done() once, maybe from here. Never blocks.
     * Worker. */
    void (*submit)(void *disk, struct storvsp_io *io);
};

/* @io is over, and is not the back end's any more. Any context, once for each submit(). */
void storvsp_io_done(struct storvsp_io *io, enum scsi_outcome outcome);

/* A disk in its place. The adapter's own. */
struct storvsp_lun {
    struct scsi_disk disk;                 /* [I] once present */
    const struct storvsp_backend *backend; /* [I] the same */
    void *context;                         /* [I] the same */
    bool present;                          /* [a] for good */
    bool gone;                             /* [a] its back end said so */
};

/* ---- the transport: what the owner does for an adapter ------------------------------------ */

/* None of these calls back into the adapter. @context is that of storvsp_adapter_init(). */
struct storvsp_port {
    /* Pin @count of the child's pages, to be written by a disk if @write, and say where each is.
     * Duplicates are possible. False: one is not the child's RAM; none is pinned. Worker. */
    bool (*pin)(void *context, const uint64_t *pages, uint32_t count, bool write,
                uint64_t *physical);
    /* Undo it for the pages that @segments touch, once for each segment. Worker. */
    void (*unpin)(void *context, const struct storvsp_segment *segments, uint32_t count);
    /* Copy @length bytes within the child's page @page, from @buffer if @to_child, else to it.
     * False: it is not the child's RAM. Worker. */
    bool (*copy)(void *context, uint64_t page, uint32_t offset, void *buffer, uint32_t length,
                 bool to_child);

    /* See to it that storvsp_channel_work(@c) is called soon. Any context. */
    void (*wake)(struct storvsp_channel *c);
    /* See to it that storvsp_service(@a) is called soon. Any context. */
    void (*wake_bus)(struct storvsp_adapter *a);

    /* @c may be worked on from now on. False: it cannot be. storvsp_channel_context_set(). Bus. */
    bool (*started)(void *context, struct storvsp_channel *c);
    /* When it returns, no storvsp_channel_work(@c) is under way and none will come. No wake(@c)
     * comes any more; the channel of the bus may be gone already. Bus. */
    void (*stopped)(void *context, struct storvsp_channel *c);

    /* Zeroed memory aligned to 16, or NULL. Bus. */
    void *(*allocate)(void *context, size_t size);
    void (*free)(void *context, void *memory, size_t size);

    /* The child did something wrong: @reason is a literal. As often as the child likes: this port
     * limits what it logs. Worker. */
    void (*log)(void *context, uint32_t relid, const char *reason);
    /* A back end did something wrong; does not return. Any context. */
    void (*bug)(const char *what);
};

/* ---- adapters ----------------------------------------------------------------------------- */

struct storvsp_config {
    struct vmbus_guid instance;  /* of the device on the child's bus */
    uint32_t queue_depth;        /* of a channel, 1 to STORVSP_DEPTH_MAX */
    uint32_t max_transfer_bytes; /* of a request, whole pages, to STORVSP_TRANSFER_MAX */
    uint32_t backend_bytes;      /* of memory for each operation */
    uint32_t sub_channel_max;    /* to STORVSP_SUB_CHANNELS */
};

/* The owner's memory, from storvsp_adapter_init() until its offer is revoked, or its server
 * destroyed; the rest is the adapter's own. */
struct storvsp_adapter {
    struct vmbus_offer offer;
    void *context; /* the owner's */
    const struct storvsp_port *port;
    struct storvsp_config config;
    struct storvsp_lun luns[STORVSP_LUNS];

    struct list channels;            /* bus */
    struct storvsp_channel *primary; /* bus; NULL: closed, or being closed */
    bool draining, revoke_due;       /* bus; for a revocation while channels are being closed */
    void (*revoked)(struct storvsp_adapter *a);
    uint32_t state;        /* [a] of the protocol; the primary's worker sets it */
    uint32_t version;      /* [a] STORAGE_VERSION_*, once negotiated */
    uint32_t sub_wanted;   /* [a] how many sub-channels the bus is to offer */
    uint32_t epoch;        /* [a] counts resets */
    uint32_t under_way[2]; /* [a] commands begun in even and odd epochs */
    bool enumerate;        /* [a] the child is to look at the bus again */
    bool wake_primary;     /* [a] for the bus to do */
};

/* An adapter with no disk in it. False: the configuration makes no sense. Then offer a->offer by
 * vmbus_server_offer(); @revoked (may be NULL) tells when it is the owner's again, after a
 * vmbus_server_revoke() or the server's end. Bus. */
bool storvsp_adapter_init(struct storvsp_adapter *a, const struct storvsp_port *port, void *context,
                          const struct storvsp_config *config,
                          void (*revoked)(struct storvsp_adapter *a))
    __attribute__((warn_unused_result));

/* Put a disk in place @number, for good: copies @disk, with max_transfer_sectors cut to what the
 * adapter takes, and has the child look. @context is used until the adapter is the owner's again.
 * False: the place is taken, or @disk makes no sense. Bus. */
bool storvsp_lun_add(struct storvsp_adapter *a, uint32_t number, const struct scsi_disk *disk,
                     const struct storvsp_backend *backend, void *context)
    __attribute__((warn_unused_result));

/* Do what workers left to the bus: after wake_bus(). @a may be revoked when it returns. Bus. */
void storvsp_service(struct storvsp_adapter *a);

/* ---- channels ----------------------------------------------------------------------------- */

/* Read requests, take completions, send answers. True: there is more to do, call it again (others
 * may come first). Else wake() is called when there is. Worker. */
bool storvsp_channel_work(struct storvsp_channel *c) __attribute__((warn_unused_result));

/* The owner's pointer, NULL at first; and what the channel is. Any context; the channel of the bus
 * until stopped(). */
void storvsp_channel_context_set(struct storvsp_channel *c, void *context);
void *storvsp_channel_context(const struct storvsp_channel *c);
const struct vmbus_channel *storvsp_channel_vmbus(const struct storvsp_channel *c);
struct storvsp_adapter *storvsp_channel_adapter(const struct storvsp_channel *c);

/* Since the channel was opened. Commands are SRBs; errors are those that did not succeed. */
struct storvsp_statistics {
    uint64_t commands, reads, writes, flushes, discards, read_bytes, written_bytes, errors;
    uint64_t dropped;   /* packets that wanted no completion, or none that exists */
    uint64_t completed; /* packets answered */
    uint32_t under_way; /* requests that are not answered yet */
    uint32_t most;      /* of them, at a time */
};

/* Any context while @c exists: from started() to stopped(). */
void storvsp_channel_statistics(const struct storvsp_channel *c, struct storvsp_statistics *out);

/* ---- save and restore --------------------------------------------------------------------- */

#define STORVSP_STATE_VERSION 1u

/* All of an adapter's state that is not in its server's, its configuration or its disks. */
struct storvsp_state {
    uint32_t state_version; /* STORVSP_STATE_VERSION */
    uint32_t state;
    uint32_t version;
    uint32_t enumerate;
};

/* NULL: done, else why not: requests are under way, or storvsp_service() is to be called first. No
 * worker runs meanwhile. Bus. */
const char *storvsp_save(const struct storvsp_adapter *a, struct storvsp_state *state)
    __attribute__((warn_unused_result));

/* Before vmbus_server_restore(), with the disks in place. NULL: done, else what is wrong. Bus. */
const char *storvsp_restore(struct storvsp_adapter *a, const struct storvsp_state *state)
    __attribute__((warn_unused_result));

#endif
