/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_blk.h - what a virtio block device is made of: features, configuration,
 * requests. Sections are those of the Virtual I/O Device (VIRTIO) Specification 1.2. */
#ifndef ROOT_DRIVERS_VIRTIO_BLK_H
#define ROOT_DRIVERS_VIRTIO_BLK_H

#include "drivers/virtio.h"

/* Feature bits (5.2.3). */
#define VIRTIO_BLK_F_SIZE_MAX (1ull << 1)
#define VIRTIO_BLK_F_SEG_MAX  (1ull << 2)
#define VIRTIO_BLK_F_RO       (1ull << 5)
#define VIRTIO_BLK_F_BLK_SIZE (1ull << 6)
#define VIRTIO_BLK_F_FLUSH    (1ull << 9) /* it has a cache that is written back when it is told */
#define VIRTIO_BLK_F_TOPOLOGY (1ull << 10)
#define VIRTIO_BLK_F_MQ       (1ull << 12)
#define VIRTIO_BLK_F_DISCARD  (1ull << 13)

/* Configuration (5.2.4): offsets. What is past the first eight bytes is there with its feature. */
#define VIRTIO_BLK_CAPACITY            0x00u /* 64 bits, in sectors of 512 bytes */
#define VIRTIO_BLK_SIZE_MAX            0x08u
#define VIRTIO_BLK_SEG_MAX             0x0cu
#define VIRTIO_BLK_BLK_SIZE            0x14u
#define VIRTIO_BLK_PHYSICAL_EXPONENT   0x18u /* 8 bits: log2 of the blocks that it writes at once */
#define VIRTIO_BLK_NUM_QUEUES          0x22u /* 16 bits */
#define VIRTIO_BLK_MAX_DISCARD_SECTORS 0x24u
#define VIRTIO_BLK_MAX_DISCARD_SEG     0x28u
#define VIRTIO_BLK_CONFIG_SIZE_MIN     0x08u

/* A request (5.2.6): this, data, and a byte of status that the device writes. */
struct virtio_blk_header {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector; /* of 512 bytes, whatever the block size */
};
ABI_SIZE(struct virtio_blk_header, 16);
#define VIRTIO_BLK_SECTOR 512u

#define VIRTIO_BLK_T_IN      0u
#define VIRTIO_BLK_T_OUT     1u
#define VIRTIO_BLK_T_FLUSH   4u
#define VIRTIO_BLK_T_GET_ID  8u
#define VIRTIO_BLK_T_DISCARD 11u

#define VIRTIO_BLK_ID_BYTES 20u

/* The data of a discard. */
struct virtio_blk_range {
    uint64_t sector;
    uint32_t sector_count;
    uint32_t flags;
};
ABI_SIZE(struct virtio_blk_range, 16);

#define VIRTIO_BLK_S_OK          0u
#define VIRTIO_BLK_S_IOERR       1u
#define VIRTIO_BLK_S_UNSUPPORTED 2u

#endif
