/* SPDX-License-Identifier: MIT */
/* root/mm/page_table.c - the walker of page_table.h. */
#include <stddef.h>
#include "mm/boot_memory.h"
#include "mm/memory.h"
#include "mm/page_table.h"

#define TABLE_FLAGS (PTE_P | PTE_RW)
#define UPPER_HALF  0xffff800000000000ull

uint64_t *pt_entry(uint64_t root, uint64_t va, unsigned level, bool create)
{
    uint64_t table = root;
    uint64_t user = va < UPPER_HALF ? PTE_US : 0;

    for (unsigned at = PT_LEVEL_512G; at > level; at--) {
        uint64_t *entry = (uint64_t *)boot_memory_access(table) + pte_index(va, at);

        if ((*entry & PTE_P) == 0) {
            uint64_t next = create ? pt_table_alloc() : 0;

            if (next == 0)
                return NULL;
            *entry = next | TABLE_FLAGS | user;
        }
        if ((*entry & PTE_PS) != 0)
            return NULL;
        table = *entry & PTE_ADDR_MASK;
    }
    return (uint64_t *)boot_memory_access(table) + pte_index(va, level);
}

uint64_t *pt_leaf(uint64_t root, uint64_t va, unsigned *level)
{
    uint64_t table = root;

    for (*level = PT_LEVEL_512G;; --*level) {
        uint64_t *entry = (uint64_t *)boot_memory_access(table) + pte_index(va, *level);

        if (*level == PT_LEVEL_4K || (*entry & PTE_PS) != 0)
            return entry;
        if ((*entry & PTE_P) == 0)
            return NULL;
        table = *entry & PTE_ADDR_MASK;
    }
}

unsigned pt_tables_missing(uint64_t root, uint64_t va, unsigned level)
{
    unsigned missing = 0;

    while (level < PT_LEVEL_512G && pt_entry(root, va, level, false) == NULL) {
        missing++;
        level++;
    }
    return missing;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the levels */
static void free_tables(uint64_t table, unsigned level, unsigned entries)
{
    uint64_t *t = phys_to_virt(table);

    for (unsigned i = 0; i < entries && level > PT_LEVEL_4K; i++)
        if ((t[i] & PTE_P) != 0)
            free_tables(t[i] & PTE_ADDR_MASK, level - 1, PTE_PER_TABLE);
    page_free(table, 0);
}

void pt_free_user_tables(uint64_t root)
{
    uint64_t *t = phys_to_virt(root);

    for (unsigned i = 0; i < PTE_PER_TABLE / 2; i++) {
        if ((t[i] & PTE_P) != 0)
            free_tables(t[i] & PTE_ADDR_MASK, PT_LEVEL_1G, PTE_PER_TABLE);
        t[i] = 0;
    }
}
