/* SPDX-License-Identifier: MIT */
/* root/net/root_port.h - root's own port of a switch: a queue of copies, and the thread that
 * answers them (rt/net_responder.h).
 *
 * Each of the switch's ports has a share of the queue (rt/net_share.h), so that one that floods
 * leaves room for the others. A frame is copied with interrupts on: its place is taken before.
 * Rules: [q] is root_port.lock, a spinlock. */
#ifndef ROOT_NET_ROOT_PORT_H
#define ROOT_NET_ROOT_PORT_H

#include <rt/net_responder.h>
#include "net/vswitch.h"
#include "sched/thread.h"

#define ROOT_PORT_SLOTS       64u
#define ROOT_PORT_FRAME_BYTES 1514u /* longer ones are not for us */

struct root_port_slot {
    uint32_t length; /* [a] 0: it is free, or being filled */
    uint16_t sender;
    uint8_t bytes[ROOT_PORT_FRAME_BYTES];
};

struct root_port {
    struct vswitch_port port;
    struct responder responder; /* the thread's */
    struct spinlock lock;
    uint32_t first;   /* [q] the oldest slot; only the thread changes it */
    uint32_t used;    /* [q] slots that are not free */
    uint64_t dropped; /* [a] frames for which there was no room */
    struct net_share share;
    struct wait_queue due;
    struct root_port_slot slots[ROOT_PORT_SLOTS]; /* who took one, then the thread's */
    uint8_t answer[ROOT_PORT_FRAME_BYTES];        /* the thread's */
};

/* Give root a port of @s, in the zeroed memory of @p, at address @mac; @address and @mask are its
 * IPv4 address, or 0. */
enum vswitch_result root_port_add(struct root_port *p, struct vswitch *s, const uint8_t *mac,
                                  uint32_t address, uint32_t mask);

/* Tell everybody of the address. Thread context. */
void root_port_announce(struct root_port *p);

/* Answer what waits; whether there was anything. One thread at a time. */
bool root_port_serve(struct root_port *p);

/* The thread's body: serve for ever. */
void root_port_thread(void *root_port);

#endif
