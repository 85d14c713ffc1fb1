/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_net_queue.h - packets in the rings of a virtio network device (Virtio 1.2,
 * 5.1.6).
 *
 * Pure: memory only. Each descriptor of a ring has a buffer of its own, so that all that the device
 * reads or writes is the driver's: frames are copied. The device is not trusted: what it returns is
 * checked, and one that returns what it does not have is broken, for good.
 * Rules: one caller at a time, but for virtio_net_send_fill(). */
#ifndef ROOT_DRIVERS_VIRTIO_NET_QUEUE_H
#define ROOT_DRIVERS_VIRTIO_NET_QUEUE_H

#include <rt/net_share.h>
#include "drivers/virtio_net.h"
#include "drivers/virtio_ring.h"

#define VIRTIO_NET_DESCRIPTORS    256u  /* more are not used */
#define VIRTIO_NET_RECEIVE_BUFFER 2048u /* bytes for each descriptor */
#define VIRTIO_NET_SEND_BUFFER    4096u
#define VIRTIO_NET_SEND_LONG      9216u /* with an MTU that is longer than such a buffer */
#define VIRTIO_NET_RECEIVE_PIECES 8u    /* buffers of a packet; of longer ones nothing is kept */

struct virtio_net_queue {
    struct virtio_ring ring;
    uint8_t *buffers; /* one after the other */
    uint64_t buffers_device;
    uint32_t buffer_bytes;
    bool broken; /* the device returned what it does not have */
    uint16_t free_count;
    uint16_t free[VIRTIO_NET_DESCRIPTORS];   /* descriptors that the device does not have */
    uint16_t next[VIRTIO_NET_DESCRIPTORS];   /* of a chain: what the device cannot change */
    uint16_t flight[VIRTIO_NET_DESCRIPTORS]; /* descriptors of the chain that begins here */
    /* Sending. */
    struct net_share share;
    uint16_t sender[VIRTIO_NET_DESCRIPTORS]; /* of the chain that begins here */
};

/* Begin with the ring in @ring_memory (virtio_ring_bytes(@size), on a page) and @size buffers of
 * @buffer_bytes each at @buffers, which the device knows by @buffers_device. */
void virtio_net_queue_init(struct virtio_net_queue *q, void *ring_memory, uint16_t size,
                           bool event_index, uint8_t *buffers, uint64_t buffers_device,
                           uint32_t buffer_bytes);

/* ---- sending ---- */

/* Take back what the device has sent. False: it is broken. */
bool virtio_net_sent_take(struct virtio_net_queue *q);

/* Where a frame is on its way into the ring: in @count descriptors, linked by their next. */
struct virtio_net_place {
    uint16_t first;
    uint16_t count;
    bool cut; /* each is a chain of its own, of a segment */
};

/* Take a place for @frame, or none: then why there is none. @cut: its checksum and segments are
 * made in software, and each fits into a buffer; else the device must be able to (features). */
enum net_taken virtio_net_send_begin(struct virtio_net_queue *q, const struct net_frame *frame,
                                     bool cut, struct virtio_net_place *place);

/* Write @frame into its @place, with its tag. At the same time as all others. */
void virtio_net_send_fill(struct virtio_net_queue *q, const struct net_frame *frame,
                          const struct virtio_net_place *place);

/* Put what was filled into the ring, for virtio_ring_publish. */
void virtio_net_send_end(struct virtio_net_queue *q, const struct net_frame *frame,
                         const struct virtio_net_place *place);

/* ---- receiving ---- */

/* A packet: the frame is in the device's buffers until it is given back. */
struct virtio_net_packet {
    struct net_frame frame;
    uint8_t header[NET_HEADER_MAX];
    struct net_piece pieces[VIRTIO_NET_RECEIVE_PIECES];
    uint16_t count; /* buffers */
    uint16_t ids[VIRTIO_NET_RECEIVE_PIECES];
};

enum virtio_net_received {
    VIRTIO_NET_NOTHING,
    VIRTIO_NET_PACKET,
    VIRTIO_NET_BAD_PACKET, /* not whole, or too long: its buffers are back already */
    VIRTIO_NET_BROKEN,
};

/* Give the device all buffers that it does not have, for virtio_ring_publish. */
void virtio_net_receive_fill(struct virtio_net_queue *q);

/* Take the next packet; @mergeable: MRG_RXBUF was negotiated. */
enum virtio_net_received virtio_net_receive_take(struct virtio_net_queue *q, bool mergeable,
                                                 struct virtio_net_packet *packet);

/* Give back the buffers of @packet. */
void virtio_net_receive_return(struct virtio_net_queue *q, const struct virtio_net_packet *packet);

#endif
