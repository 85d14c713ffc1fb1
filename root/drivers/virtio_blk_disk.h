/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_blk_disk.h - inside the virtio block driver: disks and their queues.
 *
 *   virtio_blk.c        finds devices, registers their disks, watches over them, resets them
 *   virtio_blk_setup.c  brings a device up
 *   virtio_blk_queue.c  requests become chains and end, in any context: one queue for each CPU
 * where interrupts and the device allow
 *
 * The device is not trusted: what it returns is checked, and one that returns what it does not have
 * is broken, which ends the disk.
 * Rules: a queue's lock protects its members marked [q]; requests are completed with no lock held.
 * Only the thread that probes, later the watchdog thread, sends commands of its own or resets. */
#ifndef ROOT_DRIVERS_VIRTIO_BLK_DISK_H
#define ROOT_DRIVERS_VIRTIO_BLK_DISK_H

#include "drivers/virtio_blk.h"
#include "drivers/virtio_blk_chain.h"
#include "drivers/virtio_pci.h"
#include "drivers/virtio_ring.h"
#include "drivers/watchdog.h"
#include "io/block.h"
#include "io/dma.h"
#include "sched/thread.h"

#define VIRTIO_BLK_QUEUES_MAX    64u
#define VIRTIO_BLK_QUEUE_SIZE    256u /* descriptors; more are not used */
#define VIRTIO_BLK_SLOTS         63u  /* requests in flight in a queue, with INDIRECT */
#define VIRTIO_BLK_DIRECT_SLOTS  8u   /* the same without */
#define VIRTIO_BLK_REQUEST_BYTES (4u << 20)
#define VIRTIO_BLK_RETRIES       3u
#define VIRTIO_BLK_IO_TIMEOUT_NS 10000000000ull
#define VIRTIO_BLK_COMMAND_NS    5000000000ull
#define VIRTIO_BLK_POLL_NS       100000ull

struct virtio_blk;

/* Of a slot, shared with the device. */
struct virtio_blk_area {
    struct virtio_blk_header header;
    struct virtio_blk_range range;
    char id[VIRTIO_BLK_ID_BYTES];
    uint8_t status;
    uint8_t unused[11];
};
ABI_SIZE(struct virtio_blk_area, 64);

/* A chain in flight: its place says which descriptors are its. */
struct virtio_blk_slot {
    bool busy;
    struct block_request *request; /* NULL: a command of the driver's own */
    uint64_t deadline;             /* time_now() when it has taken too long */
    uint32_t bytes;                /* of data */
    bool in;                       /* the device writes them */
};

struct virtio_blk_queue {
    struct spinlock lock;
    struct virtio_blk *disk;               /* [I] */
    uint16_t index;                        /* [I] */
    uint16_t slot_count;                   /* [I] and one more, for the driver's own command */
    uint16_t stride;                       /* [I] descriptors of the ring for each slot */
    struct dma_buffer memory;              /* [I] the ring */
    struct dma_buffer tables;              /* [I] a table for each slot, with INDIRECT */
    struct dma_buffer areas;               /* [I] struct virtio_blk_area for each slot */
    uint32_t notify_at;                    /* [q] */
    struct virtio_ring ring;               /* [q] */
    struct list pending;                   /* [q] requests that wait for a slot */
    bool alone;                            /* [q] what is in flight is to be alone there */
    bool stopped;                          /* [q] no request is sent */
    bool broken;                           /* [q] the device returned what it does not have */
    bool closed;                           /* [q] requests end with @closed_status */
    enum block_status closed_status;       /* [q] */
    enum block_status command_status;      /* [q] of the driver's own command, when it is over */
    uint16_t free_slot_count;              /* [q] */
    uint16_t free_slots[VIRTIO_BLK_SLOTS]; /* [q] */
    struct virtio_blk_slot slots[VIRTIO_BLK_SLOTS + 1]; /* [q] */
};

struct virtio_blk {
    struct virtio_pci transport;
    uint64_t features;
    uint64_t capacity;        /* in sectors of 512 bytes */
    uint32_t block_sectors;   /* of 512 bytes in one of the disk's */
    uint32_t discard_sectors; /* of 512 bytes, at most; 0: it cannot */
    uint8_t physical_exponent;
    struct virtio_blk_limits limits;
    uint32_t queue_count;
    struct virtio_blk_queue *queues;
    struct irq *irqs; /* one a queue */
    bool polled;      /* no interrupts: the watchdog polls */
    char name[20];
    struct watchdog watchdog;
    bool broken; /* [a] a queue is */
    struct block_device block;
};

/* virtio_blk_setup.c */

/* Make memory and interrupts for the device, and start it. NULL, or why it cannot be used. */
const char *virtio_blk_create(struct virtio_blk *d);

/* Cut the device off from memory and give back what it has; @d may be half made. */
void virtio_blk_destroy(struct virtio_blk *d);

/* After a reset of the device: bring it up again with all its queues. False: it does not come. */
bool virtio_blk_start(struct virtio_blk *d);

/* virtio_blk_queue.c */

/* Make queue @index of @size descriptors, when the disk has its limits. False: no memory. */
bool virtio_blk_queue_create(struct virtio_blk_queue *q, struct virtio_blk *d, uint16_t index,
                             uint16_t size);
void virtio_blk_queue_destroy(struct virtio_blk_queue *q);
void virtio_blk_queue_submit(struct virtio_blk_queue *q, struct block_request *r);

/* Finish what the device has returned: the interrupt handler. @context is the queue. */
void virtio_blk_queue_interrupt(void *context);

/* Carry out a command of the driver's own, GET_ID or FLUSH, and wait for it, also while the queue
 * is stopped. Thread context. */
enum block_status virtio_blk_queue_command(struct virtio_blk_queue *q, uint32_t type);

/* What GET_ID has answered. */
const char *virtio_blk_queue_id(const struct virtio_blk_queue *q);

/* Whether a chain of @q is past its deadline. */
bool virtio_blk_queue_is_late(struct virtio_blk_queue *q);

/* Tell the device again, each second or so, of requests about which it does nothing. */
void virtio_blk_queue_remind(struct virtio_blk_queue *q);

/* No request is sent from now on; those in flight may still end. */
void virtio_blk_queue_stop(struct virtio_blk_queue *q);

/* While the device is reset: forget the chains in flight. Their requests wait to be sent again;
 * those that were sent too often end with BLOCK_DEVICE_ERROR. */
void virtio_blk_queue_recall(struct virtio_blk_queue *q);
void virtio_blk_queue_resume(struct virtio_blk_queue *q);

/* The device is lost: end every request, now and later, with @status. */
void virtio_blk_queue_close(struct virtio_blk_queue *q, enum block_status status);

#endif
