/* SPDX-License-Identifier: MIT */
/* root/drivers/e1000e_ring.h - packets in the rings of an 82574 (datasheet, 7.1 and 7.2).
 *
 * Pure: memory only. Each descriptor has a buffer of its own for a whole packet; frames are copied.
 * The device only says that it is done with a descriptor, and how long a packet is: what it cannot
 * say is not believed. Rules: one caller at a time, but for e1000e_send_fill(). */
#ifndef ROOT_DRIVERS_E1000E_RING_H
#define ROOT_DRIVERS_E1000E_RING_H

#include <stdbool.h>
#include <rt/net_share.h>
#include "drivers/e1000e.h"

#define E1000E_DESCRIPTORS 256u
#define E1000E_RING_BYTES  4096u /* of 16-byte descriptors */
#define E1000E_MTU         1500u /* and a tag: no packet is longer than a buffer */
#define E1000E_BURST       32u   /* received packets whose buffers go back together */

struct e1000e_ring {
    union {
        struct e1000e_receive *receive;
        struct e1000e_send *send;
        struct e1000e_context *context;
        struct e1000e_data *data;
    };
    uint8_t *buffers; /* E1000E_BUFFER bytes for each descriptor */
    uint64_t buffers_device;
    uint32_t next;   /* the descriptor that is received from, or taken to send by, next */
    uint32_t untold; /* receiving: buffers that the device can have, but was not told of */
    /* Sending. */
    uint32_t busy; /* descriptors before @next that are taken, or the device's */
    uint32_t tail; /* the device has those of them that are before this one */
    struct net_share share;
    uint16_t sender[E1000E_DESCRIPTORS];
    bool filled[E1000E_DESCRIPTORS]; /* and not the device's yet */
};

/* Begin with the descriptors at @memory, E1000E_RING_BYTES of zeros, and buffers for all, which the
 * device knows by @buffers_device. */
void e1000e_ring_init(struct e1000e_ring *r, void *memory, uint8_t *buffers,
                      uint64_t buffers_device);

/* ---- sending ---- */

/* Where a frame is on its way into the ring: in @count descriptors from @first on. The device
 * computes its checksum: then they are two, the first without a packet. */
struct e1000e_place {
    uint32_t first, count;
    bool summed;
};

/* Take a place for all segments of @frame, or none: then why there is none. */
enum net_taken e1000e_send_begin(struct e1000e_ring *r, const struct net_frame *frame,
                                 struct e1000e_place *place);

/* Write @frame into its @place, with its tag, and complete but for what the device does. At the
 * same time as all others. */
void e1000e_send_fill(struct e1000e_ring *r, const struct net_frame *frame,
                      const struct e1000e_place *place);

/* @place is filled. True: the device is to be told r->tail: all before that is, too. */
bool e1000e_send_end(struct e1000e_ring *r, const struct e1000e_place *place);

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

/* Give back the buffer of the packet taken last. True: the device is to be told *@tail, for it and
 * others before it. */
bool e1000e_receive_return(struct e1000e_ring *r, uint32_t *tail);

/* The same for what it was not told of yet, when no more packets are taken. */
bool e1000e_receive_flush(struct e1000e_ring *r, uint32_t *tail);

#endif
