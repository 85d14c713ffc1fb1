/* SPDX-License-Identifier: MIT */
/* efi/memmap.h - the sorted, non-overlapping memory map that is handed off.
 *
 * Rules: no allocation and no firmware calls, because it is built between the last GetMemoryMap and
 * ExitBootServices; ranges are whole pages. */
#ifndef EFI_MEMMAP_H
#define EFI_MEMMAP_H

#include <stdbool.h>
#include <hvabi/boot.h>

struct memmap {
    struct boot_memory_range *ranges;
    uint32_t count;
    uint32_t capacity;
    bool overflowed; /* a range found no room: the map is incomplete */
};

void memmap_init(struct memmap *m, struct boot_memory_range *ranges, uint32_t capacity);

/* Enter a range, over whatever the map said about its pages before. */
void memmap_set(struct memmap *m, uint64_t base, uint64_t length, uint32_t type,
                uint64_t attributes);

/* Give the pages of a range another type; attributes stay, pages outside the map stay outside. */
void memmap_retype(struct memmap *m, uint64_t base, uint64_t length, uint32_t type);

/* Join neighbours of one type with equal attributes. */
void memmap_merge(struct memmap *m);

/* Where the highest range ends. */
uint64_t memmap_end(const struct memmap *m);

/* The highest place of @length bytes, aligned to @align (a power of two), that is usable memory
 * and ends at or below @limit; 0 if there is none. */
uint64_t memmap_find_highest(const struct memmap *m, uint64_t length, uint64_t align,
                             uint64_t limit);

#endif
