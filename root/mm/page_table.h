/* SPDX-License-Identifier: MIT */
/* root/mm/page_table.h - walking four-level page tables. The tables' owner serialises. */
#ifndef ROOT_MM_PAGE_TABLE_H
#define ROOT_MM_PAGE_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <x86/pte.h>

/* What an entry of a table of that level maps. */
enum { PT_LEVEL_4K = 1, PT_LEVEL_2M, PT_LEVEL_1G, PT_LEVEL_512G };

static inline uint64_t pt_level_size(unsigned level)
{
    return 1ull << pte_shift(level);
}

/* The entry of @va at @level under the top table @root, or NULL: a large page lies in the way, or a
 * table above it is missing and @create is false or there is no memory for it. */
uint64_t *pt_entry(uint64_t root, uint64_t va, unsigned level, bool create);

/* The entry that maps @va, or would if it were not empty; NULL: a table is missing. In *@level: its
 * level, or that of the entry which has no table. */
uint64_t *pt_leaf(uint64_t root, uint64_t va, unsigned *level);

/* How many tables pt_entry would have to make. */
unsigned pt_tables_missing(uint64_t root, uint64_t va, unsigned level);

/* Free every table (not the pages) under the lower half of @root. */
void pt_free_user_tables(uint64_t root);

/* A zeroed page for a table; 0: no memory. paging.c's. */
uint64_t pt_table_alloc(void);

#endif
