/* SPDX-License-Identifier: MIT */
/* root/bus/bus.h - the VMBus of one child, root's end.
 *
 * One thread for each bus feeds its server and does its providers' work; interrupts leave messages
 * and work for it. A bus is made before its child runs, stops with it, and is gone before the
 * child's memory is taken back: what a disk still writes has a place until it is done. */
#ifndef ROOT_BUS_BUS_H
#define ROOT_BUS_BUS_H

#include <hypercall/client.h>
#include <rootabi/vm.h>
#include <rt/list.h>
#include <vmbus/server.h>
#include "sched/thread.h"

struct bus;
struct child;

/* Something that the bus's thread is to do. The owner's memory, until it is neither queued nor
 * running. */
struct bus_work {
    struct list link; /* [bus.lock] */
    bool queued;      /* [bus.lock] */
    void (*run)(struct bus_work *w);
};

/* What a child has on its bus. */
struct bus_devices {
    const struct vm_disk *disks; /* of one SCSI controller, which is there if they are */
    uint32_t disk_count;
    const struct vm_network *networks; /* a card for each */
    uint32_t network_count;
    bool link_down; /* of these cards, at first */
    bool echo; /* an echo device */
    bool integration; /* integration services and a keyboard, for a system of its own */
};

/* A bus for @c with @devices. 0, or a negative error number, whose reason is in the log. Thread
 * context. */
int64_t bus_create(struct child *c, const struct bus_devices *devices, struct bus **out);

/* Make what the child needs to reach @b. HV_STATUS_SUCCESS, or why not. Under hv_begin. */
hv_status bus_connect(struct bus *b, const struct hv_client *h) __attribute__((warn_unused_result));

/* Let the bus work: what the child has sent meanwhile waits for it. False: no memory. Thread
 * context. */
bool bus_run(struct bus *b);

/* The child has begun to end: close everything. @stopped(child) is called by the thread once
 * nothing uses the child's memory any more. Any context, once, after bus_run. */
void bus_stop(struct bus *b, void (*stopped)(struct child *c));

/* Free @b, which has stopped, or never ran. Under hv_begin. */
void bus_destroy(struct bus *b, const struct hv_client *h);

/* The child posted @m. Interrupts off, under child.lock; what there is no room for is more than a
 * child posts that keeps to the protocol, and is dropped. */
void bus_message(struct bus *b, const struct hv_message *m);

/* Have @w run soon. Any context. */
void bus_work_add(struct bus *b, struct bus_work *w);

/* @w will not run any more. From the bus's thread. */
void bus_work_cancel(struct bus *b, struct bus_work *w);

/* A channel's worker: once it is woken, the bus's thread calls @work(@channel) until that returns
 * false. NULL: no memory. Under the bus's mutex; waking from any context. */
struct bus_worker;
struct bus_worker *bus_worker_create(struct bus *b, bool (*work)(void *channel), void *channel);
void bus_worker_wake(struct bus_worker *w);
void bus_worker_destroy(struct bus_worker *w);

/* The @index-th channel that is offered, with its counters. False: there are not so many. Thread
 * context; @b stays. */
bool bus_channel(struct bus *b, uint32_t index, struct vm_channel *out);

/* bus/ic.c: what VM_IOCTL_ASK, _INTEGRATION and _ITEM (rootabi/vm.h) are of the child of @b: 0, or a
 * negative error number. Thread context; @b stays. */
int64_t bus_ask(struct bus *b, const struct vm_ask *a);
int64_t bus_integration(struct bus *b, struct vm_integration *out);
int64_t bus_item(struct bus *b, struct vm_item *out);

/* bus/keyboard.c: the same of VM_IOCTL_KEYS. */
int64_t bus_keys(struct bus *b, const struct vm_keys *a);

/* bus/network.c: the same of VM_IOCTL_LINK. Waits for nobody, so that a child that keeps its bus
 * busy is cut off at once. */
int64_t bus_link(struct bus *b, bool up);

/* Over all buses: GPADLs that are mapped, channels whose doorbells are connected. Any context. */
uint64_t bus_gpadls_mapped(void);
uint64_t bus_channels_connected(void);
/* How many buses have ended while disks had requests of their children. Any context. */
uint64_t bus_ends_amidst_io(void);

#endif
