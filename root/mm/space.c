/* SPDX-License-Identifier: MIT */
/* root/mm/space.c - see space.h. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include "cpu/tlb.h"
#include "mm/area.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "mm/space.h"

/* Where memory is put that may lie anywhere. */
#define MAP_LOW  0x0000100000000000ull
#define MAP_HIGH 0x0000700000000000ull

/* How many pages are unmapped for one flush of the TLBs. */
enum { UNMAP_BATCH = 64 };

struct address_space *space_create(uint64_t pages_max)
{
    struct address_space *s = kalloc(sizeof(*s));

    if (s == NULL)
        return NULL;
    s->root = paging_new_root();
    if (s->root == 0) {
        kfree(s);
        return NULL;
    }
    mutex_init(&s->lock);
    list_init(&s->areas);
    s->pages_max = pages_max;
    return s;
}

static uint64_t page_up(uint64_t v)
{
    return (v + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

static bool range_is_valid(uint64_t address, uint64_t size)
{
    return size != 0 && address % PAGE_SIZE == 0 && address >= USER_BASE && address < USER_END &&
           size <= USER_END - address;
}

/* Clear the entries of [@va, @end) as far as one batch goes; the number of pages in @pages. */
static unsigned unmap_batch(struct address_space *s, uint64_t *va, uint64_t end, uint64_t *pages)
{
    unsigned n = 0;

    for (; *va < end && n < UNMAP_BATCH; *va += PAGE_SIZE) {
        uint64_t *entry = pt_entry(s->root, *va, PT_LEVEL_4K, false);

        if (entry == NULL || (*entry & PTE_P) == 0)
            continue;
        pages[n++] = *entry & PTE_ADDR_MASK;
        *entry = 0;
    }
    return n;
}

static void unmap_pages_locked(struct address_space *s, uint64_t va, uint64_t end)
{
    uint64_t pages[UNMAP_BATCH];

    while (va < end) {
        unsigned n = unmap_batch(s, &va, end, pages);

        if (n != 0)
            tlb_flush_space(s);
        for (unsigned i = 0; i < n; i++)
            page_free(pages[i], 0);
        s->pages -= n;
    }
}

static uint64_t access_flags(uint32_t access)
{
    return PTE_P | PTE_US | ((access & SPACE_WRITE) != 0 ? PTE_RW : 0) |
           ((access & SPACE_EXECUTE) != 0 ? 0 : PTE_NX);
}

static bool map_page_locked(struct address_space *s, uint64_t va, uint64_t flags)
{
    uint64_t page = page_alloc(0), *entry;

    if (page == 0)
        return false;
    page_zero(page, 0);
    entry = pt_entry(s->root, va, PT_LEVEL_4K, true);
    if (entry == NULL) {
        page_free(page, 0);
        return false;
    }
    *entry = page | flags;
    s->pages++;
    return true;
}

static int64_t map_locked(struct address_space *s, uint64_t address, uint64_t size, uint32_t access)
{
    if (size / PAGE_SIZE > s->pages_max - s->pages)
        return -ENOMEM;
    if (area_overlaps(&s->areas, address, address + size))
        return -EEXIST;
    if (!area_add(&s->areas, address, address + size))
        return -ENOMEM;
    for (uint64_t va = address; va < address + size; va += PAGE_SIZE) {
        if (map_page_locked(s, va, access_flags(access)))
            continue;
        unmap_pages_locked(s, address, va);
        area_remove(&s->areas, address, address + size, NULL); /* a whole area: no split */
        return -ENOMEM;
    }
    return (int64_t)address;
}

int64_t space_map(struct address_space *s, uint64_t address, uint64_t size, uint32_t access)
{
    int64_t result;

    if (size == 0 || size > USER_END)
        return -EINVAL;
    size = page_up(size);
    mutex_lock(&s->lock);
    if (address == 0)
        address = area_find_gap(&s->areas, size, MAP_LOW, MAP_HIGH);
    if (address == 0)
        result = -ENOMEM;
    else if (!range_is_valid(address, size))
        result = -EINVAL;
    else
        result = map_locked(s, address, size, access);
    mutex_unlock(&s->lock);
    return result;
}

/* The used part of [@start, @end) is unmapped piece by piece: a huge empty range costs nothing. */
static void unmap_used_locked(struct address_space *s, uint64_t start, uint64_t end)
{
    LIST_FOR_EACH (l, &s->areas) {
        const struct area *a = container_of(l, struct area, link);
        uint64_t from = a->start > start ? a->start : start;
        uint64_t to = a->end < end ? a->end : end;

        if (from < to)
            unmap_pages_locked(s, from, to);
    }
}

int64_t space_unmap(struct address_space *s, uint64_t address, uint64_t size)
{
    struct area *spare;

    if (size == 0 || size > USER_END || !range_is_valid(address, page_up(size)))
        return -EINVAL;
    spare = area_spare();
    if (spare == NULL)
        return -ENOMEM;
    size = page_up(size);
    mutex_lock(&s->lock);
    unmap_used_locked(s, address, address + size);
    area_remove(&s->areas, address, address + size, &spare);
    mutex_unlock(&s->lock);
    area_free_spare(spare);
    return 0;
}

bool space_write(struct address_space *s, uint64_t address, const void *data, uint64_t size)
{
    const uint8_t *from = data;

    while (size != 0) {
        uint64_t *entry = pt_entry(s->root, address, PT_LEVEL_4K, false);
        uint64_t offset = address % PAGE_SIZE;
        uint64_t n = size < PAGE_SIZE - offset ? size : PAGE_SIZE - offset;

        if (entry == NULL || (*entry & PTE_P) == 0)
            return false;
        memcpy((uint8_t *)phys_to_virt(*entry & PTE_ADDR_MASK) + offset, from, n);
        address += n;
        from += n;
        size -= n;
    }
    return true;
}

void space_destroy(struct address_space *s)
{
    LIST_FOR_EACH (l, &s->areas) {
        const struct area *a = container_of(l, struct area, link);
        uint64_t pages[UNMAP_BATCH], va = a->start;

        while (va < a->end) {
            unsigned n = unmap_batch(s, &va, a->end, pages);

            for (unsigned i = 0; i < n; i++)
                page_free(pages[i], 0);
        }
    }
    area_free_all(&s->areas);
    pt_free_user_tables(s->root);
    page_free(s->root, 0);
    kfree(s);
}
