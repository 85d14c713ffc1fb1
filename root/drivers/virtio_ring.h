/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_ring.h - a split virtqueue (Virtio 1.2, 2.7), the driver's side.
 *
 * Pure: memory only. Who owns which descriptor is the caller's matter; this counts chains that go
 * out and come back. The device is not trusted: what is read of the ring is read once, and an index
 * that it cannot have means that it is broken, for good.
 * Rules: one caller at a time. */
#ifndef ROOT_DRIVERS_VIRTIO_RING_H
#define ROOT_DRIVERS_VIRTIO_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "drivers/virtio.h"

struct virtio_ring {
    struct virtio_descriptor *descriptors; /* @size of them, the caller's to fill */
    struct virtio_available *available;
    struct virtio_used *used;
    uint16_t size;
    bool event_index;  /* EVENT_INDEX was negotiated */
    uint16_t sent;     /* chains put, modulo 2^16 */
    uint16_t told;     /* of them, when the device was last told or need not be */
    uint16_t returned; /* chains that the device has returned, as last read */
    uint16_t taken;    /* of them, by us */
    uint16_t seen;     /* of them, when virtio_ring_stands_still looked last */
    bool broken;       /* the used index was none that there can be */
};

enum virtio_ring_result { VIRTIO_RING_EMPTY, VIRTIO_RING_TAKEN, VIRTIO_RING_BROKEN };

/* The bytes of a ring of @size descriptors, a power of two. */
size_t virtio_ring_bytes(uint16_t size);

/* Lay out a ring in @memory, which is virtio_ring_bytes long and begins on a page. */
void virtio_ring_init(struct virtio_ring *ring, void *memory, uint16_t size, bool event_index);

/* Forget everything: for a device that has been reset. */
void virtio_ring_reset(struct virtio_ring *ring);

/* Put the chain that begins with descriptor @head into the ring, for virtio_ring_publish. At most
 * @size are out at a time. */
void virtio_ring_put(struct virtio_ring *ring, uint16_t head);

/* Show the device what was put; whether it must be told. */
bool virtio_ring_publish(struct virtio_ring *ring);

/* Take the next chain that the device has returned. */
enum virtio_ring_result virtio_ring_take(struct virtio_ring *ring,
                                         struct virtio_used_element *element);

/* Want an interrupt for the next chain to come back. True: there is one already, or the ring is
 * broken; virtio_ring_take says. */
bool virtio_ring_rearm(struct virtio_ring *ring);

/* A look, each second or so. Whether the device has chains, and has returned none since the last
 * one: then tell it again. Before 8.1, QEMU has no memory barriers where one thread of the host
 * emulates all processors, so that virtio_ring_publish may see an old wish of the device, whose
 * next one is never reached. */
bool virtio_ring_stands_still(struct virtio_ring *ring);

#endif
