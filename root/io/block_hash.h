/* SPDX-License-Identifier: MIT */
/* root/io/block_hash.h - the SHA-256 of a whole disk, streamed. */
#ifndef ROOT_IO_BLOCK_HASH_H
#define ROOT_IO_BLOCK_HASH_H

#include <stdint.h>
#include "io/block.h"
#include "lib/sha256.h"

enum block_hash_result { BLOCK_HASH_OK, BLOCK_HASH_NO_MEMORY, BLOCK_HASH_READ_ERROR };

/* Read all of @device, several large requests in flight, and hash it. Thread context; sleeps. */
enum block_hash_result block_hash(struct block_device *device,
                                  uint8_t digest[SHA256_DIGEST_SIZE]);

#endif
