/* SPDX-License-Identifier: MIT */
/* root/mm/page_cache.h - single pages kept per CPU, so that most allocations take no lock. */
#ifndef ROOT_MM_PAGE_CACHE_H
#define ROOT_MM_PAGE_CACHE_H

#include <stdint.h>

enum { PAGE_CACHE_SIZE = 32 };

struct page_cache {
    uint32_t count; /* [CPU, interrupts off] */
    uint64_t pages[PAGE_CACHE_SIZE];
};

#endif
