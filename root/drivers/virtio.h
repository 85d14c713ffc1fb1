/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio.h - what virtio devices have in common: PCI capabilities, registers, split
 * virtqueues. Sections are those of the Virtual I/O Device (VIRTIO) Specification 1.2. */
#ifndef ROOT_DRIVERS_VIRTIO_H
#define ROOT_DRIVERS_VIRTIO_H

#include <hvabi/layout.h>

/* PCI (4.1.2). A transitional device may have the modern interface besides the legacy one. */
#define VIRTIO_PCI_VENDOR             0x1af4u
#define VIRTIO_PCI_BLOCK              0x1042u
#define VIRTIO_PCI_BLOCK_TRANSITIONAL 0x1001u
#define VIRTIO_PCI_NET                0x1041u
#define VIRTIO_PCI_NET_TRANSITIONAL   0x1000u

/* A vendor-specific capability that says where a structure lies (4.1.4): offsets from it. */
#define VIRTIO_CAP_VENDOR            0x09u /* its id */
#define VIRTIO_CAP_LENGTH            2u
#define VIRTIO_CAP_TYPE              3u
#define VIRTIO_CAP_BAR               4u
#define VIRTIO_CAP_OFFSET            8u
#define VIRTIO_CAP_SIZE              12u
#define VIRTIO_CAP_NOTIFY_MULTIPLIER 16u /* 4.1.4.4 */
#define VIRTIO_CAP_LENGTH_MIN        16u
#define VIRTIO_CAP_NOTIFY_LENGTH_MIN 20u

#define VIRTIO_TYPE_COMMON 1u
#define VIRTIO_TYPE_NOTIFY 2u
#define VIRTIO_TYPE_DEVICE 4u

/* Common configuration (4.1.4.3). */
#define VIRTIO_DEVICE_FEATURE_SELECT 0x00u
#define VIRTIO_DEVICE_FEATURE        0x04u
#define VIRTIO_DRIVER_FEATURE_SELECT 0x08u
#define VIRTIO_DRIVER_FEATURE        0x0cu
#define VIRTIO_CONFIG_VECTOR         0x10u /* 16 bits */
#define VIRTIO_QUEUE_COUNT           0x12u /* 16 bits */
#define VIRTIO_STATUS                0x14u /* 8 bits */
#define VIRTIO_CONFIG_GENERATION     0x15u /* 8 bits */
#define VIRTIO_QUEUE_SELECT          0x16u /* 16 bits, and so up to the addresses */
#define VIRTIO_QUEUE_SIZE            0x18u
#define VIRTIO_QUEUE_VECTOR          0x1au
#define VIRTIO_QUEUE_ENABLE          0x1cu
#define VIRTIO_QUEUE_NOTIFY_OFFSET   0x1eu
#define VIRTIO_QUEUE_DESCRIPTORS     0x20u /* 64 bits */
#define VIRTIO_QUEUE_AVAILABLE       0x28u /* 64 bits */
#define VIRTIO_QUEUE_USED            0x30u /* 64 bits */
#define VIRTIO_COMMON_SIZE           0x38u

#define VIRTIO_NO_VECTOR 0xffffu /* 4.1.5.1.2 */

/* Device status (2.1). All ones: the device is no longer there. */
#define VIRTIO_STATUS_ACKNOWLEDGE 0x01u
#define VIRTIO_STATUS_DRIVER      0x02u
#define VIRTIO_STATUS_DRIVER_OK   0x04u
#define VIRTIO_STATUS_FEATURES_OK 0x08u
#define VIRTIO_STATUS_NEEDS_RESET 0x40u
#define VIRTIO_STATUS_FAILED      0x80u
#define VIRTIO_STATUS_GONE        0xffu

/* Feature bits of any device (6). */
#define VIRTIO_F_INDIRECT        (1ull << 28)
#define VIRTIO_F_EVENT_INDEX     (1ull << 29)
#define VIRTIO_F_VERSION_1       (1ull << 32)
#define VIRTIO_F_ACCESS_PLATFORM (1ull << 33)
#define VIRTIO_F_ORDER_PLATFORM  (1ull << 36)

#define VIRTIO_QUEUE_SIZE_MAX 32768u /* 2.7; a power of two */

/* A piece of memory (2.7.5). */
struct virtio_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};
ABI_OFFSET(struct virtio_descriptor, flags, 12);
ABI_SIZE(struct virtio_descriptor, 16);
#define VIRTIO_DESCRIPTOR_NEXT     (1u << 0)
#define VIRTIO_DESCRIPTOR_WRITE    (1u << 1) /* the device writes it */
#define VIRTIO_DESCRIPTOR_INDIRECT (1u << 2) /* it is a table of descriptors (2.7.5.3) */

/* Chains that the device may work on (2.7.6). After the ring comes the used index at which it is
 * to interrupt, with EVENT_INDEX. */
struct virtio_available {
    uint16_t flags;
    uint16_t index; /* where the next one goes, modulo 2^16 */
    uint16_t ring[];
};
ABI_OFFSET(struct virtio_available, ring, 4);

/* A chain that the device is done with (2.7.8). */
struct virtio_used_element {
    uint32_t id;     /* of the chain's first descriptor */
    uint32_t length; /* bytes that it has written */
};
ABI_SIZE(struct virtio_used_element, 8);

/* After the ring comes the available index at which it wants to be told, with EVENT_INDEX. */
struct virtio_used {
    uint16_t flags;
    uint16_t index;
    struct virtio_used_element ring[];
};
ABI_OFFSET(struct virtio_used, ring, 4);
#define VIRTIO_USED_NO_NOTIFY (1u << 0)

#endif
