/* SPDX-License-Identifier: MIT */
/* efi/paging.c - see efi/paging.h. */
#include <rt/mem.h>
#include <x86/pte.h>
#include "paging.h"

/* What one table of entries of a size maps. */
#define TABLE_SPAN (PTE_PER_TABLE * PAGE_SIZE)
#define DIR_SPAN   (PTE_PER_TABLE * PAGE_SIZE_2M)
#define TOP_SPAN   (PTE_PER_TABLE * PAGE_SIZE_1G)

enum { LEVEL_PAGE = 1, LEVEL_TABLE, LEVEL_DIR, LEVEL_TOP };

static uint64_t divide_up(uint64_t v, uint64_t by)
{
    return (v + by - 1) / by;
}

uint64_t paging_bytes(uint64_t identity_size, bool gib_pages, const struct image_plan *plan)
{
    uint64_t tables = 1 + divide_up(identity_size, TOP_SPAN);

    if (!gib_pages)
        tables += divide_up(identity_size, DIR_SPAN);
    tables += 1 + divide_up(plan->size, DIR_SPAN) + 1 + divide_up(plan->size, TABLE_SPAN) + 1;
    return tables * PAGE_SIZE;
}

static uint64_t *table_at(uint64_t physical)
{
    return (uint64_t *)(uintptr_t)physical;
}

static uint64_t table_new(struct paging *p)
{
    uint64_t table = p->next;

    memset(table_at(table), 0, PAGE_SIZE);
    p->next += PAGE_SIZE;
    return table;
}

void paging_init(struct paging *p, uint64_t block)
{
    p->next = block;
    p->cr3 = table_new(p);
}

/* The entry that maps @address at @level, with the tables above it. */
static uint64_t *entry_for(struct paging *p, uint64_t address, unsigned level)
{
    uint64_t table = p->cr3;

    for (unsigned at = LEVEL_TOP;; at--) {
        uint64_t *entry = &table_at(table)[pte_index(address, at)];

        if (at == level)
            return entry;
        if (*entry == 0)
            *entry = table_new(p) | PTE_P | PTE_RW;
        table = *entry & PTE_ADDR_MASK;
    }
}

void paging_map_identity(struct paging *p, uint64_t size, bool gib_pages)
{
    unsigned level = gib_pages ? LEVEL_DIR : LEVEL_TABLE;

    for (uint64_t at = 0; at < size; at += 1ull << pte_shift(level))
        *entry_for(p, at, level) = at | PTE_P | PTE_RW | PTE_PS;
}

static uint64_t access_bits(uint32_t access)
{
    return PTE_P | ((access & IMAGE_WRITE) != 0 ? PTE_RW : 0) |
           ((access & IMAGE_EXECUTE) != 0 ? 0 : PTE_NX);
}

void paging_map_image(struct paging *p, const struct image_plan *plan, uint64_t physical_base)
{
    for (unsigned i = 0; i < plan->segment_count; i++) {
        const struct image_segment *s = &plan->segments[i];
        uint64_t end = s->address + s->memory_size;

        for (uint64_t at = s->address & ~(PAGE_SIZE - 1); at < end; at += PAGE_SIZE)
            *entry_for(p, at, LEVEL_PAGE) =
                (at - plan->virtual_base + physical_base) | access_bits(s->access);
    }
}
