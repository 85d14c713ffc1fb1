/* SPDX-License-Identifier: MIT */
/* bus_fixture.h - a child's bus in root, root/bus/, with its own thread, over ports, memory and
 * disks of the test's. The test is the child: it posts channel messages and takes what comes back.
 *
 * The rest of root is fakes/root_threads.h. Everything must be given back at the end. */
#ifndef BUS_FIXTURE_H
#define BUS_FIXTURE_H

#include <hvabi/vmbus.h>
#include "bus/bus_internal.h"
#include "child/child.h"
#include "fakes/root_threads.h"
#include "io/block.h"
#include "net/vswitch.h"

#define WORLD_CPUS      4u
#define WORLD_VPS       2u
#define WORLD_RAM_BYTES (32ull << 20)
#define WORLD_RAM_PAGES ((uint32_t)(WORLD_RAM_BYTES / HV_PAGE_SIZE))
#define WORLD_RINGS     64u /* page: where a channel's rings are, RING_PAGES each */
#define RING_PAGES      4u

struct bus_world {
    struct child child;
    uint32_t number; /* of the child's record */
    struct bus *bus;
    uint8_t *ram;
    struct block_device disk;   /* "disk0"; its requests wait in @requests */
    struct block_device second; /* the other one, if there are two */
    struct block_request *requests[64];
    uint32_t request_count; /* [a] */

    void (*posted)(void);         /* root has posted something; by the bus's thread, as the next */
    void (*signalled)(void);      /* root has signalled a channel */
    uint32_t bell_cpu, bell_flag; /* of the channel that was opened last */

    struct vmbus_guid instance; /* of the first offer */
    bool destroy_early;         /* the bus is destroyed by its own thread, from stopped() */
    bool takes_nothing;         /* [a] the child has no room for messages */
    uint64_t posts;             /* [a] that were tried */
    bool no_ports, ports_stay;  /* none is made for channels; none is deleted */
    uint64_t monitor_root, monitor_child; /* the page of triggers, if there is one, in both */
    uint32_t ports;                       /* [a] made and not deleted */
    uint32_t mappings;                    /* [a] aliases */
    struct vswitch *vswitch;              /* root's only one; NULL: it has none */
};
extern struct bus_world world;

/* A bus of child number @number, as bus_create makes it: with disk0, if @disk; with an echo
 * device, if @echo. It does nothing yet. */
void world_make(uint32_t number, bool disk, bool echo);
/* The same, of a child that is not called "guest". */
void world_make_named(const char *name, uint32_t number, bool disk, bool echo);
/* What bus_create() says to child number 0 with this card, where root has @s. */
int64_t world_make_card(struct vswitch *s, const struct vm_network *card);
/* And with these devices. */
int64_t world_make_devices(struct vswitch *s, const struct bus_devices *devices);
/* A bus of child number 0 with the integration services and nothing else. */
void world_make_integration(void);
/* A bus of child number 0 with these two disks. */
void world_make_disks(const struct block_device *first, const struct block_device *second);
/* Let its thread run. */
void world_run(void);
/* Stop it, if it runs, destroy it, and see that nothing is left. */
void world_end(void);

/* Wait, at most some seconds, until @condition. False: it never came. */
bool world_wait(bool (*condition)(void));

/* The child posts; takes the next message, which must be of @type, and copies @size bytes. */
void guest_post(const void *message, uint32_t length);
void guest_take(uint32_t type, void *message, uint32_t size);
/* Takes and forgets messages until one of @type comes. */
void guest_skip_to(uint32_t type, void *message, uint32_t size);

/* Forget what root has posted. */
void guest_forget(void);

/* Contact with version 5.3, and the offers; the relid of the first. */
uint32_t guest_connect(void);
/* The same with a page for monitored doorbells at @page; 0: none. */
uint32_t guest_connect_monitored(uint64_t page);
/* What the hypervisor has of that page. */
const struct hv_monitor_page *guest_monitor_page(void);
/* Post all of a GPADL of @count pages from @page on, at once; its number. */
uint32_t guest_share(uint32_t relid, uint32_t page, uint32_t count);
/* Its rings: RING_PAGES, the half of them to root. */
uint8_t *guest_rings(uint32_t relid);
/* Open @relid with rings at WORLD_RINGS; the status. */
uint32_t guest_open(uint32_t relid);
/* Close @relid, the only one that is open. */
void guest_close(uint32_t relid);
/* Ring the doorbell of the channel that was opened last. */
void guest_ring(void);

#endif
