/* SPDX-License-Identifier: MIT */
/* root/io/block_stream.h - whole disks from end to end, in large requests of which several are in
 * flight: to hash or time one, and to fill or discard one for a test. Thread context; sleeps. */
#ifndef ROOT_IO_BLOCK_STREAM_H
#define ROOT_IO_BLOCK_STREAM_H

#include <rt/sha256.h>
#include "io/block.h"

enum block_stream_result { BLOCK_STREAM_OK, BLOCK_STREAM_NO_MEMORY, BLOCK_STREAM_IO_ERROR };

/* Sees the stretches of the disk in order: what was read, or where to put what is to be written. */
typedef void (*block_visitor)(void *context, void *data, uint32_t length);

/* Read (BLOCK_READ) or write (BLOCK_WRITE) all of @device. The first error ends it. */
enum block_stream_result block_stream(struct block_device *device, enum block_op op,
                                      block_visitor visit, void *context);

/* Read all of @device, a MiB (or what it takes at once) after the other, one at a time, and look at
 * nothing: for what it costs. */
enum block_stream_result block_read_through(struct block_device *device);

/* The SHA-256 of @device's content. */
enum block_stream_result block_hash(struct block_device *device,
                                    uint8_t digest[SHA256_DIGEST_SIZE]);

/* Overwrite @device with the outputs of SplitMix64 from state @seed, and flush it. The last write is
 * forced to the medium. */
enum block_stream_result block_fill(struct block_device *device, uint64_t seed);

/* Discard all of @device, piece by piece. */
enum block_status block_discard(struct block_device *device);

#endif
