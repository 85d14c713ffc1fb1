/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_blk_chain.h - a request as a chain of descriptors (Virtio 1.2, 2.7.5, 5.2.6).
 *
 * Pure. A chain is a header, data, and a status. A request of more pieces of memory than the device
 * takes in one chain goes in several, of whole blocks each. The table is shared with the device: it
 * is written, and never read. */
#ifndef ROOT_DRIVERS_VIRTIO_BLK_CHAIN_H
#define ROOT_DRIVERS_VIRTIO_BLK_CHAIN_H

#include <stdint.h>
#include "drivers/virtio.h"
#include "io/block.h"

#define VIRTIO_BLK_CHAIN_EXTRA 2u /* descriptors of a chain that are not data */

/* What a device takes in a chain. */
struct virtio_blk_limits {
    uint32_t pieces;      /* descriptors of data */
    uint32_t piece_bytes; /* in one of them */
    uint32_t block_bytes; /* a chain's data are a multiple of these */
};

/* Whether a block fits into a chain wherever it lies: its memory meets at page borders, and is at
 * most a page. */
bool virtio_blk_limits_suit(const struct virtio_blk_limits *l);

/* The data of a chain: of the request's segments, @bytes from byte @from on. */
struct virtio_blk_data {
    const struct block_segment *segments;
    uint32_t segment_count;
    uint32_t from, bytes;
};

/* How many bytes of @data go into one chain: all, or as many whole blocks as fit. */
uint32_t virtio_blk_chain_bytes(const struct virtio_blk_data *data,
                                const struct virtio_blk_limits *l);

/* Addresses of the other ends of a chain. */
struct virtio_blk_ends {
    uint64_t header, status;
    uint16_t first; /* what the chain's first descriptor is called in @next */
};

/* Write the chain into @table, which has room for @l and the ends; @data must fit into it. @in: the
 * device writes the data. The number of descriptors. */
uint32_t virtio_blk_chain_build(const struct virtio_blk_data *data,
                                const struct virtio_blk_limits *l, bool in,
                                const struct virtio_blk_ends *ends,
                                struct virtio_descriptor *table);

#endif
