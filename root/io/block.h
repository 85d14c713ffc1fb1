/* SPDX-License-Identifier: MIT */
/* root/io/block.h - disks as the rest of root sees them: asynchronous requests on byte ranges.
 *
 * A driver registers a struct block_device; anybody submits requests. A request names pages by
 * physical address (they are the DMA targets, no copy) and is completed exactly once, from the
 * driver's interrupt or completion context, by its @done, which must not block.
 * Rules: the submitter owns the request and its pages until @done ran. */
#ifndef ROOT_IO_BLOCK_H
#define ROOT_IO_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <rt/list.h>

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD };

enum block_status {
    BLOCK_OK,
    BLOCK_MEDIUM_ERROR, /* the device reports an unrecoverable error of the medium */
    BLOCK_DEVICE_ERROR, /* the device or its link failed */
    BLOCK_OUT_OF_RANGE, /* sectors past the end, or a misaligned request */
    BLOCK_READ_ONLY,
    BLOCK_GONE, /* the device was removed */
    BLOCK_UNSUPPORTED,
};

/* One piece of memory: within one page or over physically contiguous pages. */
struct block_segment {
    uint64_t physical; /* address, a multiple of 4 */
    uint32_t length;   /* bytes */
    uint32_t reserved;
};

struct block_device;
struct wait_queue;

struct block_request {
    enum block_op op;
    bool force_unit_access;
    uint64_t sector;       /* first, in units of the device's sector_size */
    uint32_t sector_count; /* the segments' lengths add up to it, for reads and writes */
    uint32_t segment_count;
    const struct block_segment *segments;
    void (*done)(struct block_request *request);
    void *context;            /* the submitter's */
    enum block_status status; /* valid in @done and after */
    struct block_device *device;
    struct list link; /* the driver's, while it owns the request */
    uint64_t driver_private[2];
    struct block_device *partition; /* the block layer's: submitted to, if not to a whole disk */
    struct block_request *outer;    /* the block layer's: the request that this one stands for */
};

struct block_operations {
    /* Take @r, which is within the device's limits. Never blocks: queues when the device is full.
     * Completion may come before this returns. Any context. */
    void (*submit)(struct block_device *device, struct block_request *r);
};

struct block_statistics {
    uint64_t reads, writes, flushes, discards, read_bytes, written_bytes, errors, interrupts;
    uint64_t copied; /* requests of which the device got a copy of the data, not the data itself */
};

struct block_device {
    char name[16]; /* "nvme0", "ahci0", "virtio0", "mem0"; partitions "nvme0p1" */
    char model[41];
    char serial[21];           /* "": it has none */
    uint32_t unit;             /* of those with this serial number; 0: the first; NVMe: a namespace above 1 */
    uint32_t partition;        /* its number; 0: a whole disk */
    const struct block_operations *operations;
    uint32_t sector_size;      /* bytes */
    uint8_t physical_exponent; /* log2 of the sectors that the medium writes at once, as is known */
    uint64_t sector_count;
    uint32_t max_request_sectors; /* larger requests are refused with BLOCK_OUT_OF_RANGE */
    uint32_t max_discard_sectors; /* the same for discards */
    uint32_t max_segments;
    uint32_t queue_depth;
    bool read_only;
    bool can_discard;
    bool can_force_unit_access;         /* else such a write is followed by a flush */
    bool whole_pages;                   /* segments must meet at page borders; others are copied */
    bool in_memory;                     /* root's own: gone with it */
    bool for_firmware;                  /* [a] has an EFI system partition */
    struct block_statistics statistics; /* [a] */
    struct list link;
    void *driver;
    struct block_device *parent; /* [I] a partition's disk; NULL: a whole disk */
    uint64_t first_sector;       /* [I] of the partition, on its disk */
};

/* Make @device known by its name and read its partition table in the background. It stays known
 * for good: when it is removed, its requests complete with BLOCK_GONE. Thread context. */
void block_register(struct block_device *device);

/* Sleep until the partition tables of all disks registered so far have been read, or one takes
 * suspiciously long. Thread context. */
void block_settle(void);

/* The device named @name, or NULL. */
struct block_device *block_find(const char *name);

/* Call @visit for every device until it returns false. */
void block_for_each(bool (*visit)(struct block_device *device, void *context), void *context);

/* Check @r and hand it to its device. What no device would take is completed at once, with
 * BLOCK_OUT_OF_RANGE, BLOCK_READ_ONLY or BLOCK_UNSUPPORTED. Any context. */
void block_submit(struct block_request *r);

/* Complete @r with @status: the drivers' side, with no lock held. Any context. */
void block_complete(struct block_request *r, enum block_status status);

/* Where a thread waits for a request: it may leave as soon as the request is done. */
struct block_wait {
    struct wait_queue *queue; /* [I] one of the block layer's */
    bool done;                /* [a] */
};

/* Submit @r, whose done and context are overwritten; wait for it later. Thread context only. */
void block_start(struct block_request *r, struct block_wait *wait);

/* Sleep until the request that @wait was started with is done. Thread context only. */
void block_wait(struct block_wait *wait);

/* Both; the status. Thread context only. */
enum block_status block_submit_wait(struct block_request *r);

const char *block_status_text(enum block_status status);

/* What @d is known by, wherever it is attached and whenever it is found: its serial number, which
 * of the disks with that it is, and which of their partitions; and a hash of these and the model. One
 * without a serial number is known by its name, which depends on the order in which disks are found. */
struct block_identity {
    char serial[41]; /* 20 characters and two numbers */
    uint64_t hash;
};
void block_identify(const struct block_device *d, struct block_identity *out);

/* Copy the @length characters of a device's name field to @text of @length + 1 bytes, without
 * outer spaces and with nothing unprintable. */
void block_text(char *text, const char *field, uint32_t length);

#endif
