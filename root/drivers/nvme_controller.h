/* SPDX-License-Identifier: MIT */
/* root/drivers/nvme_controller.h - inside the NVMe driver: controllers, queues, namespaces.
 *
 *   nvme.c        finds controllers and namespaces, watches over them, resets them
 *   nvme_admin.c  brings a controller up and sends admin commands
 *   nvme_queue.c  the I/O queues: one for each CPU where interrupts and the controller allow
 *
 * Rules: a queue's lock protects its members marked [q]; requests are completed with no lock held.
 * Only the thread that probes, later the watchdog thread, sends admin commands or resets. */
#ifndef ROOT_DRIVERS_NVME_CONTROLLER_H
#define ROOT_DRIVERS_NVME_CONTROLLER_H

#include "drivers/nvme.h"
#include "drivers/watchdog.h"
#include "io/block.h"
#include "io/dma.h"
#include "io/pci.h"
#include "sched/thread.h"

#define NVME_MAX_QUEUES    64u
#define NVME_IO_ENTRIES    64u /* of a queue; one always stays empty */
#define NVME_ADMIN_ENTRIES 16u
#define NVME_LIST_PAGES    32u /* of a queue, shared by its commands */
#define NVME_REQUEST_LISTS 3u  /* pages of PRP lists that the largest request needs */
#define NVME_REQUEST_BYTES (4u << 20)
#define NVME_RETRIES       3u
#define NVME_IO_TIMEOUT_NS 10000000000ull
#define NVME_ADMIN_POLL_NS 50000ull
#define NVME_SHUT_DOWN_NS  5000000000ull
#define NVME_SHUT_POLL_NS  1000000ull

struct nvme;

/* A pair of rings shared with the controller. */
struct nvme_ring {
    struct dma_buffer commands, completions;
    volatile uint32_t *command_doorbell, *completion_doorbell;
    uint32_t entries;
    uint32_t tail; /* where the next command goes */
    uint32_t head; /* where the next completion comes */
    uint16_t phase;
};

/* A command in flight: its place is its command identifier. */
struct nvme_slot {
    struct block_request *request; /* NULL: free */
    uint64_t deadline;             /* time_now() when it has taken too long */
    uint32_t list_count;
    uint8_t lists[NVME_REQUEST_LISTS]; /* list pages it holds */
};

struct nvme_queue {
    struct spinlock lock;
    struct nvme *controller; /* [I] */
    uint16_t id;             /* [I] from 1 */
    struct nvme_ring ring;   /* [q] */
    struct dma_buffer lists; /* [I] NVME_LIST_PAGES pages */
    struct list pending;     /* [q] requests that wait for a slot or a list page */
    bool stopped;            /* [q] the controller is being reset */
    bool closed;             /* [q] the controller is lost: requests end with @closed_status */
    enum block_status closed_status;
    uint32_t free_slot_count, free_list_count; /* [q] */
    uint16_t free_slots[NVME_IO_ENTRIES];      /* [q] */
    uint8_t free_lists[NVME_LIST_PAGES];       /* [q] */
    struct nvme_slot slots[NVME_IO_ENTRIES];   /* [q] */
};

struct nvme_namespace {
    struct nvme *controller;
    uint32_t id;
    struct block_device block;
};

struct nvme {
    struct pci_device *pci;
    volatile void *registers;
    uint64_t capabilities; /* CAP */
    uint32_t io_entries;   /* of each I/O queue */
    struct nvme_ring admin;
    struct dma_buffer identify; /* a page for answers */
    uint32_t queue_count;
    struct nvme_queue *queues;
    struct irq *irqs; /* one a queue; the first also serves the admin queue */
    bool polled;      /* no interrupts: the watchdog polls */
    uint32_t request_bytes;
    bool can_discard;
    char name[16], model[41], serial[21];
    struct watchdog watchdog;
};

/* nvme_admin.c */

/* Make memory and interrupts for the controller, then start it. False: it cannot be used. */
bool nvme_create(struct nvme *c);

/* Cut the controller off from memory and give back what it has; @c may be half made. */
void nvme_destroy(struct nvme *c);

/* Reset the controller and bring it up with all its queues. False: it does not answer. */
bool nvme_start(struct nvme *c);

/* Stop the controller: it reads and writes no memory any more. False: it does not answer. */
bool nvme_disable(struct nvme *c);

/* Have the controller write its cache to the medium, before it loses power. Harmless if it is gone.
 * Bounded. */
void nvme_shut_down(struct nvme *c);

/* Read a data structure into c->identify. */
bool nvme_identify(struct nvme *c, uint32_t cns, uint32_t nsid);

bool nvme_is_gone(const struct nvme *c);

/* nvme_queue.c */

bool nvme_ring_create(struct nvme *c, struct nvme_ring *ring, uint32_t id, uint32_t entries);
void nvme_ring_reset(struct nvme_ring *ring);
void nvme_ring_destroy(struct nvme_ring *ring);

/* Put a command into the ring, without telling the controller yet. */
void nvme_ring_put(struct nvme_ring *ring, const struct nvme_command *command);
void nvme_ring_notify(struct nvme_ring *ring);

/* The next completion; false: there is none. nvme_ring_consumed tells the controller. */
bool nvme_ring_take(struct nvme_ring *ring, struct nvme_completion *completion);
void nvme_ring_consumed(struct nvme_ring *ring);

bool nvme_queue_create(struct nvme_queue *q, struct nvme *c, uint16_t id);
void nvme_queue_submit(struct nvme_queue *q, struct block_request *r);

/* Finish what the controller has completed: the interrupt handler. @context is the queue. */
void nvme_queue_interrupt(void *context);

/* Whether a command of @q is past its deadline. */
bool nvme_queue_is_late(struct nvme_queue *q);

/* For a reset: no command is sent from now on. */
void nvme_queue_stop(struct nvme_queue *q);

/* For a reset, while the controller is disabled: forget the commands in flight. Their requests
 * wait to be sent again; those that were sent too often end with BLOCK_DEVICE_ERROR. */
void nvme_queue_recall(struct nvme_queue *q);
void nvme_queue_resume(struct nvme_queue *q);

/* The controller is lost: end every request, now and later, with @status. */
void nvme_queue_close(struct nvme_queue *q, enum block_status status);

#endif
