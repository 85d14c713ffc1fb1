/* SPDX-License-Identifier: MIT */
/* root/mm/boot_memory.h - the memory map while the kernel has no page allocator yet: root's own
 * copy, from whose usable ranges pages are cut off. Bootstrap processor, before memory_init ends. */
#ifndef ROOT_MM_BOOT_MEMORY_H
#define ROOT_MM_BOOT_MEMORY_H

#include <stdint.h>
#include <hvabi/boot.h>

/* Copy the map out of @info. */
void boot_memory_init(const struct boot_info *info);

/* @count zeroed pages below 4 GiB, above 1 MiB; panics if there are none. The address is
 * physical; boot_memory_access turns it into a pointer before and after the direct map is there. */
uint64_t boot_memory_take(uint64_t count);
void *boot_memory_access(uint64_t physical);

/* From now on pages are reached through the direct map. */
void boot_memory_use_direct_map(void);

/* The page below 640 KiB that is kept for the processors' start code; 0: there is none. */
uint64_t boot_memory_low_page(void);

/* The ranges as they are now. */
const struct boot_memory_range *boot_memory_ranges(uint32_t *count);

/* Whether memory of @type is RAM that the direct map covers. */
_Bool boot_memory_is_ram(uint32_t type);

#endif
