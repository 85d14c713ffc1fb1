/* SPDX-License-Identifier: MIT */
/* root/mm/init.h - bringing the memory parts up, in this order, on the bootstrap processor. */
#ifndef ROOT_MM_INIT_H
#define ROOT_MM_INIT_H

#include <hvabi/boot.h>

/* After paging_init: the page allocator takes what boot_memory has left. @info: the copy. */
void page_init(const struct boot_info *info);

/* After page_init. */
void heap_init(void);

/* Hand the loader's own memory (BOOT_MEMORY_LOADER) to the page allocator, once nothing in it is
 * needed any more; the number of bytes. */
uint64_t page_reclaim_loader(void);

#endif
