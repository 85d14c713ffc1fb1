/* SPDX-License-Identifier: MIT */
/* root/lib/fnv.h - FNV-1a: numbers for names that are to stay the same. Not for what is hostile. */
#ifndef ROOT_LIB_FNV_H
#define ROOT_LIB_FNV_H

#include <stdint.h>

#define FNV_START 0xcbf29ce484222325ull
#define FNV_PRIME 0x100000001b3ull

/* @hash (FNV_START at first) with @byte behind it. */
static inline uint64_t fnv_byte(uint64_t hash, uint8_t byte)
{
    return (hash ^ byte) * FNV_PRIME;
}

/* @hash (FNV_START at first) with the text @at behind it. */
static inline uint64_t fnv_text(uint64_t hash, const char *at)
{
    for (; *at != '\0'; at++)
        hash = fnv_byte(hash, (uint8_t)*at);
    return hash;
}

#endif
