/* SPDX-License-Identifier: MIT */
/* root/lib/crc32.h - the CRC-32 of GPT and Ethernet (UEFI 2.10, 4.1.2: CCITT32, seed and final
 * complement 0xFFFFFFFF). Streams: feed the last result back as @crc; 0 begins. Any context. */
#ifndef ROOT_LIB_CRC32_H
#define ROOT_LIB_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_update(uint32_t crc, const void *data, size_t length);

#endif
