/* SPDX-License-Identifier: MIT */
/* root/mm/alias.h - pages that lie anywhere, mapped one after the other: a second address for them
 * beside the direct map. Cached like RAM, readable and writable. */
#ifndef ROOT_MM_ALIAS_H
#define ROOT_MM_ALIAS_H

#include <stdint.h>

/* Once, before any other call. */
void alias_init(void);

/* Map the @count pages at @physical (each a multiple of the page size; a page may be named twice).
 * NULL: no memory, or @count is 0. Thread context. */
void *alias_map(const uint64_t *physical, uint32_t count);

/* Undo alias_map: when it returns, no CPU has a translation of it any more. Thread context,
 * interrupts on, no spinlock held. */
void alias_unmap(void *alias, uint32_t count);

#endif
