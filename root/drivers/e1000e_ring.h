/* SPDX-License-Identifier: MIT */
/* root/drivers/e1000e_ring.h - packets in the rings of an 82574 (datasheet, 7.1 and 7.2).
 *
 * Pure: memory only. Each descriptor has a buffer of its own for a whole packet; frames are copied.
 * The device only says that it is done with a descriptor, and how long a packet is: what it cannot
 * say is not believed. Rules: one caller at a time. */
#ifndef ROOT_DRIVERS_E1000E_RING_H
#define ROOT_DRIVERS_E1000E_RING_H

#include <stdbool.h>
#include <rt/net_frame.h>
#include "drivers/e1000e.h"

#define E1000E_DESCRIPTORS 256u
#define E1000E_RING_BYTES  4096u /* of 16-byte descriptors */
#define E1000E_MTU         1500u /* and a tag: no packet is longer than a buffer */

struct e1000e_ring {
    union {
        struct e1000e_receive *receive;
        struct e1000e_send *send;
    };
    uint8_t *buffers; /* E1000E_BUFFER bytes for each descriptor */
    uint64_t buffers_device;
    uint32_t next; /* the descriptor that is received from, or sent by, next */
    uint32_t busy; /* sending: the device has so many before it */
};

/* Begin with the descriptors at @memory, E1000E_RING_BYTES of zeros, and buffers for all, which the
 * device knows by @buffers_device. */
void e1000e_ring_init(struct e1000e_ring *r, void *memory, uint8_t *buffers,
                      uint64_t buffers_device);

/* ---- sending ---- */

/* Write all segments of @frame into the ring, complete and with its tag. False: there is no room
 * for all of them, and none is written. r->next is what the device is told as the tail. */
bool e1000e_send(struct e1000e_ring *r, const struct net_frame *frame);

/* ---- receiving ---- */

/* A packet: the frame is in the device's buffer until it is given back. */
struct e1000e_packet {
    struct net_frame frame;
    uint8_t header[NET_HEADER_MAX];
    struct net_piece piece;
};

enum e1000e_received { E1000E_NOTHING, E1000E_PACKET, E1000E_BAD_PACKET };

/* Give the device all buffers: once. */
void e1000e_receive_fill(struct e1000e_ring *r);

/* The next packet, if there is one: then, also if it is a bad one, its buffer is to be returned. */
enum e1000e_received e1000e_receive_take(struct e1000e_ring *r, struct e1000e_packet *packet);

/* Give back the buffer of the packet taken last: the descriptor that the device is told as the
 * tail. */
uint32_t e1000e_receive_return(struct e1000e_ring *r);

#endif
