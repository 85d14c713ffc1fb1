/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_net.h - what a virtio network device is made of: features, configuration, the
 * header of a packet. Sections are those of the Virtual I/O Device (VIRTIO) Specification 1.2. */
#ifndef ROOT_DRIVERS_VIRTIO_NET_H
#define ROOT_DRIVERS_VIRTIO_NET_H

#include "drivers/virtio.h"

/* Feature bits (5.1.3). */
#define VIRTIO_NET_F_CSUM      (1ull << 0) /* it completes checksums of what is sent */
#define VIRTIO_NET_F_MTU       (1ull << 3)
#define VIRTIO_NET_F_MAC       (1ull << 5)
#define VIRTIO_NET_F_HOST_TSO4 (1ull << 11) /* it makes segments of what is sent */
#define VIRTIO_NET_F_HOST_TSO6 (1ull << 12)
#define VIRTIO_NET_F_MRG_RXBUF (1ull << 15) /* what is received may go over several buffers */
#define VIRTIO_NET_F_STATUS    (1ull << 16)
#define VIRTIO_NET_F_CTRL_VQ   (1ull << 17)
#define VIRTIO_NET_F_CTRL_RX   (1ull << 18)

/* Configuration (5.1.4): offsets. Each is there with its feature. */
#define VIRTIO_NET_MAC             0u
#define VIRTIO_NET_STATUS          6u  /* 16 bits */
#define VIRTIO_NET_MTU             10u /* 16 bits */
#define VIRTIO_NET_CONFIG_SIZE_MIN 6u
#define VIRTIO_NET_STATUS_LINK     (1u << 0)

/* Queues (5.1.2), of one pair. */
#define VIRTIO_NET_QUEUE_RECEIVE 0u
#define VIRTIO_NET_QUEUE_SEND    1u
#define VIRTIO_NET_QUEUE_CONTROL 2u

/* Before each packet (5.1.6). */
struct virtio_net_header {
    uint8_t flags;
    uint8_t segments; /* VIRTIO_NET_SEGMENTS_ */
    uint16_t header_length;
    uint16_t segment_size;
    uint16_t checksum_start, checksum_offset;
    uint16_t buffer_count; /* received: that it goes over */
};
ABI_OFFSET(struct virtio_net_header, buffer_count, 10);
ABI_SIZE(struct virtio_net_header, 12);
#define VIRTIO_NET_HEADER_NEEDS_CHECKSUM 1u

#define VIRTIO_NET_SEGMENTS_NONE 0u
#define VIRTIO_NET_SEGMENTS_TCP4 1u
#define VIRTIO_NET_SEGMENTS_TCP6 4u

/* A command (5.1.6.5): this, data, and a byte that the device writes. */
struct virtio_net_command {
    uint8_t class;
    uint8_t command;
};
ABI_SIZE(struct virtio_net_command, 2);
#define VIRTIO_NET_CLASS_RX       0u
#define VIRTIO_NET_RX_PROMISCUOUS 0u /* a byte: on or off */
#define VIRTIO_NET_COMMAND_OK     0u

#endif
