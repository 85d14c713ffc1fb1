/* SPDX-License-Identifier: MIT */
/* rt/sha256.h - SHA-256 of a stream (FIPS 180-4). No allocation, any context. */
#ifndef RT_SHA256_H
#define RT_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_DIGEST_SIZE 32u
#define SHA256_BLOCK_SIZE  64u
#define SHA256_HEX_SIZE    (2u * SHA256_DIGEST_SIZE + 1u)

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes taken so far */
    uint8_t block[SHA256_BLOCK_SIZE];
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t length);

/* The digest of all that was given; @s is used up. */
void sha256_final(struct sha256 *s, uint8_t digest[SHA256_DIGEST_SIZE]);

/* @digest as sha256sum prints it, with a NUL. */
void sha256_hex(const uint8_t digest[SHA256_DIGEST_SIZE], char text[SHA256_HEX_SIZE]);

#endif
