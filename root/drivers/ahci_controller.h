/* SPDX-License-Identifier: MIT */
/* root/drivers/ahci_controller.h - inside the AHCI driver: controllers and ports.
 *
 *   ahci.c       finds controllers, takes their interrupt, runs their worker thread
 *   ahci_port.c  a port's way up and back up after an error, in the worker thread
 *   ahci_queue.c requests become commands and end, in any context
 *
 * A disk runs either queued commands (NCQ) or one other command. After an error the link is reset;
 * requests that were queued are then sent again one by one, so that the one that is at fault is
 * known.
 * Rules: a port's lock protects its members marked [p]; requests are completed with no lock held.
 */
#ifndef ROOT_DRIVERS_AHCI_CONTROLLER_H
#define ROOT_DRIVERS_AHCI_CONTROLLER_H

#include "drivers/ahci.h"
#include "drivers/ahci_prdt.h"
#include "drivers/watchdog.h"
#include "io/block.h"
#include "io/dma.h"
#include "io/pci.h"
#include "sched/thread.h"

#define AHCI_SLOTS_MAX     32u
#define AHCI_REQUEST_BYTES (4u << 20)
#define AHCI_RETRIES       3u
#define AHCI_IO_TIMEOUT_NS 10000000000ull

struct ahci;

struct ahci_slot {
    struct block_request *request; /* NULL: free */
    uint64_t deadline;
    struct dma_buffer table; /* [I] struct ahci_command_table */
};

struct ahci_port {
    struct spinlock lock;
    struct ahci *controller;      /* [I] */
    uint32_t index;               /* [I] */
    volatile char *registers;     /* [I] */
    struct dma_buffer memory;     /* [I] command list, received FISes */
    struct dma_buffer scratch;    /* [I] a page: identification data, trim ranges */
    struct ata_identity identity; /* [I] */
    bool queued;                  /* [I] NCQ */
    uint32_t slot_count;          /* [I] */
    struct list pending;          /* [p] */
    uint32_t active;              /* [p] slots in flight */
    bool active_queued;           /* [p] they are queued commands; else there is one */
    bool failed;                  /* [p] the worker is to recover the port; nothing is sent */
    bool closed;                  /* [p] the disk is lost: requests end with @closed_status */
    enum block_status closed_status;
    uint32_t error;                         /* [p] ATA error bits of the failure */
    struct ahci_slot slots[AHCI_SLOTS_MAX]; /* [p] */
    struct block_device block;
};

struct ahci {
    struct pci_device *pci;
    volatile void *registers;
    uint32_t capabilities;
    char name[16];
    bool polled;
    struct irq irq;
    struct watchdog watchdog;
    struct ahci_port *ports[AHCI_PORTS_MAX]; /* [I] NULL: no disk */
};

/* ahci_port.c: thread context. */

/* Bring up port @index; NULL: there is no disk that we can use. */
struct ahci_port *ahci_port_create(struct ahci *c, uint32_t index);

/* Let interrupts come. */
void ahci_port_start(struct ahci_port *port);

/* Recover @port if it has failed or a command is late. False: the disk is lost. */
bool ahci_port_watch(struct ahci_port *port);

/* End all requests, now and later, with @status. */
void ahci_port_close(struct ahci_port *port, enum block_status status);

/* ahci_queue.c: any context. */
extern const struct block_operations ahci_operations;

/* Send pending requests as far as they may go now. @port is locked. */
void ahci_queue_send(struct ahci_port *port);

/* Finish what the disk has completed, notice errors. */
void ahci_queue_interrupt(struct ahci_port *port);

/* Take back every request in flight: to @failed if it is at fault or was sent too often, else to
 * be sent again. @port is locked, and its engine stopped. */
void ahci_queue_recall(struct ahci_port *port, struct list *failed);

/* Complete all of @requests with the status that each holds. */
void ahci_requests_complete(struct list *requests);

/* Write the command of slot @index into the command list. */
void ahci_slot_fill(struct ahci_port *port, uint32_t index, const struct ahci_fis *fis, bool write,
                    uint32_t prd_count);

#endif
