/* SPDX-License-Identifier: MIT */
/* efi/paging.c - see efi/paging.h. */
#include <rt/mem.h>
#include "paging.h"

#define PAGE_SIZE  IMAGE_PAGE_SIZE
#define TABLE_SPAN (2ull << 20)   /* what one table of 4 KiB entries maps */
#define DIR_SPAN   (1ull << 30)   /* what one table of 2 MiB entries maps */
#define TOP_SPAN   (512ull << 30) /* what one table of 1 GiB entries maps */
#define ENTRIES    512u

/* APM vol. 2, 5.4.1: fields common to the entries. */
#define ENTRY_PRESENT    (1ull << 0)
#define ENTRY_WRITE      (1ull << 1)
#define ENTRY_LARGE      (1ull << 7)
#define ENTRY_NO_EXECUTE (1ull << 63)
#define ENTRY_ADDRESS    0x000ffffffffff000ull

#define LEVEL_PAGE  12u /* address bits below the index of each level */
#define LEVEL_TABLE 21u
#define LEVEL_DIR   30u
#define LEVEL_TOP   39u

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

    for (unsigned at = LEVEL_TOP;; at -= LEVEL_TOP - LEVEL_DIR) {
        uint64_t *entry = &table_at(table)[address >> at & (ENTRIES - 1)];

        if (at == level)
            return entry;
        if (*entry == 0)
            *entry = table_new(p) | ENTRY_PRESENT | ENTRY_WRITE;
        table = *entry & ENTRY_ADDRESS;
    }
}

void paging_map_identity(struct paging *p, uint64_t size, bool gib_pages)
{
    unsigned level = gib_pages ? LEVEL_DIR : LEVEL_TABLE;

    for (uint64_t at = 0; at < size; at += 1ull << level)
        *entry_for(p, at, level) = at | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_LARGE;
}

static uint64_t access_bits(uint32_t access)
{
    return ENTRY_PRESENT | ((access & IMAGE_WRITE) != 0 ? ENTRY_WRITE : 0) |
           ((access & IMAGE_EXECUTE) != 0 ? 0 : ENTRY_NO_EXECUTE);
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
