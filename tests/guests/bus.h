/* SPDX-License-Identifier: MIT */
/* bus.h - the VMBus of a toy guest: vmbus/client.h over its hypercalls and its SynIC. For drivers:
 * connect, find what is offered, open it, and have a handler called when its doorbell rings.
 *
 * Rules: the VP that connects makes all other calls, but for guest_bus_join(), _poll() and _wait(),
 * which each VP makes for itself, with interrupts off as ever. A channel's handler runs on the VP
 * that the channel was opened for, from within these two; only that VP uses the channel's rings. A
 * channel that root takes back while it is open ends the guest. */
#ifndef GUEST_BUS_H
#define GUEST_BUS_H

#include <vmbus/client.h>

#include "guest.h"

#define GUEST_BUS_CHANNELS 64u /* offered at a time */

/* Enable the hypercall page and make contact. Argument on the command line: vmbus=VERSION
 * (VMBUS_VERSION_*), the newest that is tried. False, with a line printed: there is no bus. */
bool guest_bus_connect(void);

/* This VP, too, is to have channels. */
void guest_bus_join(void);

/* Close everything and leave the bus. */
void guest_bus_leave(void);

/* What was agreed upon: VMBUS_VERSION_*. */
uint32_t guest_bus_version(void);

/* The channel that is offered with this interface, 0 for the primary one; NULL: none is now. All
 * that root has to offer at first is there once guest_bus_connect() has returned. */
struct vmbus_client_channel *guest_bus_offer(const struct vmbus_guid *interface,
                                             uint16_t sub_channel_index);

/* The same, where several are offered: number 0 is the first. */
struct vmbus_client_channel *guest_bus_offer_number(const struct vmbus_guid *interface,
                                                    uint16_t sub_channel_index, uint32_t number);

/* Open @c with rings of so many pages of data, to be signalled on VP @vp by @handler. False: root
 * refuses. */
bool guest_bus_open(struct vmbus_client_channel *c, uint32_t out_pages, uint32_t in_pages,
                    uint32_t vp, void (*handler)(struct vmbus_client_channel *c));

/* Have @c signalled on VP @vp from now on, as soon as root says so, where it does (version 5.3);
 * the handler may then run on both, at once. False: root refuses, or the version has no such
 * message. */
bool guest_bus_move(struct vmbus_client_channel *c, uint32_t vp);

/* Close @c, which may then be opened again. */
void guest_bus_close(struct vmbus_client_channel *c);

/* Memory beside the rings that the provider of a channel may use. */
struct guest_bus_memory {
    struct vmbus_client_gpadl gpadl;
    bool answered, shared; /* the guest's library's */
};

/* Share @bytes at @memory, whole pages, with the provider of @c, as m->gpadl.id. False: root
 * refuses. */
bool guest_bus_share(struct guest_bus_memory *m, struct vmbus_client_channel *c, void *memory,
                     uint32_t bytes);

/* End that, when the provider does not use it any more. */
void guest_bus_unshare(struct guest_bus_memory *m);

/* Handle what has come for this VP. Whether there was anything. */
bool guest_bus_poll(void);

/* The same, but halt if there is nothing. For loops that wait for something to become true; who
 * makes it true on another VP kicks this one. */
void guest_bus_wait(void);

#endif
