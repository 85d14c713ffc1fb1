/* SPDX-License-Identifier: MIT */
/* root/mm/space.c - memory of a space's own; see space.h. An entry of a page that nobody may touch
 * keeps the page's address without being present. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include "cpu/tlb.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "mm/space_internal.h"
#include "proc/file.h"

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

bool space_change_begin(struct space_change *c)
{
    list_init(&c->gone);
    c->spare = area_spare();
    return c->spare != NULL;
}

/* A lender's release may sleep, and may want any lock. */
static void free_areas(struct list *areas)
{
    LIST_FOR_EACH (l, areas)
        file_put(container_of(l, struct area, link)->lender);
    area_free_all(areas);
}

void space_change_end(struct space_change *c)
{
    free_areas(&c->gone);
    area_free_spare(c->spare);
}

bool space_range_is_valid(uint64_t address, uint64_t size)
{
    return size != 0 && address % PAGE_SIZE == 0 && address >= USER_BASE && address < USER_END &&
           size <= USER_END - address;
}

uint64_t space_entry_flags(uint32_t access)
{
    return (access != 0 ? PTE_P : 0) | PTE_US | ((access & SPACE_WRITE) != 0 ? PTE_RW : 0) |
           ((access & SPACE_EXECUTE) != 0 ? 0 : PTE_NX);
}

static uint64_t room_locked(const struct address_space *s)
{
    return s->pages_max - s->pages - s->tables;
}

uint64_t *space_entry_locked(struct address_space *s, uint64_t va, unsigned level)
{
    unsigned missing = pt_tables_missing(s->root, va, level);
    uint64_t *entry;

    if (missing > room_locked(s))
        return NULL;
    entry = pt_entry(s->root, va, level, true);
    s->tables += missing - (entry == NULL ? pt_tables_missing(s->root, va, level) : 0);
    return entry;
}

/* Clear the entries of [@va, @end) as far as one batch goes; the number of pages in @pages. */
static unsigned unmap_batch(struct address_space *s, uint64_t *va, uint64_t end, uint64_t *pages)
{
    unsigned n = 0;

    while (*va < end && n < UNMAP_BATCH) {
        unsigned level;
        uint64_t *entry = pt_leaf(s->root, *va, &level);

        if (entry != NULL && *entry != 0) {
            pages[n++] = *entry & PTE_ADDR_MASK;
            *entry = 0;
        }
        *va = (*va | (pt_level_size(level) - 1)) + 1;
    }
    return n;
}

static void unmap_own_locked(struct address_space *s, uint64_t va, uint64_t end)
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

void space_unmap_lent_locked(struct address_space *s, uint64_t va, uint64_t end)
{
    uint64_t pages[UNMAP_BATCH];

    while (va < end)
        (void)unmap_batch(s, &va, end, pages);
    tlb_flush_space(s);
}

/* The used part of [@start, @end) is unmapped piece by piece: a huge empty range costs nothing. */
static void unmap_used_locked(struct address_space *s, uint64_t start, uint64_t end)
{
    LIST_FOR_EACH (l, &s->areas) {
        const struct area *a = container_of(l, struct area, link);
        uint64_t from = a->start > start ? a->start : start;
        uint64_t to = a->end < end ? a->end : end;

        if (from >= to)
            continue;
        if (a->lender == NULL) {
            unmap_own_locked(s, from, to);
        } else {
            space_unmap_lent_locked(s, from, to);
            s->pages--;
        }
    }
}

int64_t space_clear_locked(struct address_space *s, uint64_t start, uint64_t end,
                           struct space_change *c)
{
    if (area_has_lent(&s->areas, start, end, true))
        return -EINVAL;
    unmap_used_locked(s, start, end);
    area_remove(&s->areas, start, end, &c->spare, &c->gone);
    return 0;
}

int64_t space_place_locked(struct address_space *s, uint64_t address, uint64_t size, uint64_t align,
                           uint32_t access, struct space_change *c)
{
    int64_t result = 0;

    if (address == 0) {
        address = area_find_gap(&s->areas, size, align, SPACE_MAP_LOW, SPACE_MAP_HIGH);
        return address != 0 ? (int64_t)address : -ENOMEM;
    }
    if (!space_range_is_valid(address, size))
        return -EINVAL;
    if ((access & SPACE_REPLACE) != 0)
        result = space_clear_locked(s, address, address + size, c);
    else if (area_overlaps(&s->areas, address, address + size))
        result = -EEXIST;
    return result < 0 ? result : (int64_t)address;
}

static bool map_page_locked(struct address_space *s, uint64_t va, uint64_t flags)
{
    uint64_t *entry = space_entry_locked(s, va, PT_LEVEL_4K), page;

    if (entry == NULL || room_locked(s) == 0) /* a table may have had the last of it */
        return false;
    page = page_alloc(0);
    if (page == 0)
        return false;
    page_zero(page, 0);
    *entry = page | flags;
    s->pages++;
    return true;
}

static int64_t map_locked(struct address_space *s, uint64_t address, uint64_t size, uint32_t access,
                          struct space_change *c)
{
    if (size / PAGE_SIZE > room_locked(s) || !area_extend(&s->areas, address, address + size))
        return -ENOMEM;
    for (uint64_t va = address; va < address + size; va += PAGE_SIZE) {
        if (map_page_locked(s, va, space_entry_flags(access)))
            continue;
        unmap_own_locked(s, address, va);
        area_remove(&s->areas, address, address + size, &c->spare, &c->gone);
        return -ENOMEM;
    }
    return (int64_t)address;
}

int64_t space_map(struct address_space *s, uint64_t address, uint64_t size, uint32_t access)
{
    const uint32_t rights = access & ~(uint32_t)SPACE_REPLACE;
    struct space_change c;
    int64_t result;

    if (size == 0 || size > USER_END)
        return -EINVAL;
    size = page_up(size);
    if (!space_change_begin(&c))
        return -ENOMEM;
    mutex_lock(&s->lock);
    result = space_place_locked(s, address, size, PAGE_SIZE, access, &c);
    if (result > 0)
        result = map_locked(s, (uint64_t)result, size, rights, &c);
    mutex_unlock(&s->lock);
    space_change_end(&c);
    return result;
}

int64_t space_unmap(struct address_space *s, uint64_t address, uint64_t size)
{
    struct space_change c;
    int64_t result;

    if (size == 0 || size > USER_END || !space_range_is_valid(address, page_up(size)))
        return -EINVAL;
    if (!space_change_begin(&c))
        return -ENOMEM;
    mutex_lock(&s->lock);
    result = space_clear_locked(s, address, address + page_up(size), &c);
    mutex_unlock(&s->lock);
    space_change_end(&c);
    return result;
}

static int64_t protect_locked(struct address_space *s, uint64_t start, uint64_t end, uint64_t flags)
{
    if (!area_covers(&s->areas, start, end))
        return -ENOMEM;
    if (area_has_lent(&s->areas, start, end, false))
        return -EACCES;
    for (uint64_t va = start; va < end; va += PAGE_SIZE) {
        uint64_t *entry = pt_entry(s->root, va, PT_LEVEL_4K, false);

        *entry = (*entry & PTE_ADDR_MASK) | flags;
    }
    tlb_flush_space(s);
    return 0;
}

int64_t space_protect(struct address_space *s, uint64_t address, uint64_t size, uint32_t access)
{
    int64_t result;

    if (size > USER_END || address % PAGE_SIZE != 0)
        return -EINVAL;
    if (size == 0)
        return 0;
    size = page_up(size);
    if (!space_range_is_valid(address, size))
        return -ENOMEM;
    mutex_lock(&s->lock);
    result = protect_locked(s, address, address + size, space_entry_flags(access));
    mutex_unlock(&s->lock);
    return result;
}

/* Nothing is lent where the end of brk's memory may be: MAP_FIXED may have put it there. */
static bool brk_move_locked(struct address_space *s, uint64_t to, struct space_change *c)
{
    uint64_t old = page_up(s->brk), new = page_up(to);

    if (new < old)
        return space_clear_locked(s, new, old, c) == 0;
    return new == old || (!area_overlaps(&s->areas, old, new) &&
                          map_locked(s, old, new - old, SPACE_READ | SPACE_WRITE, c) > 0);
}

uint64_t space_brk(struct address_space *s, uint64_t address)
{
    struct space_change c;
    uint64_t result;
    bool ready = space_change_begin(&c);

    mutex_lock(&s->lock);
    if (ready && s->brk_base != 0 && address >= s->brk_base && address <= SPACE_MAP_LOW &&
        brk_move_locked(s, address, &c))
        s->brk = address;
    result = s->brk;
    mutex_unlock(&s->lock);
    space_change_end(&c);
    return result;
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

static void free_pages(struct address_space *s, const struct area *a)
{
    uint64_t pages[UNMAP_BATCH], va = a->start;

    while (va < a->end) {
        unsigned n = unmap_batch(s, &va, a->end, pages);

        for (unsigned i = 0; a->lender == NULL && i < n; i++)
            page_free(pages[i], 0);
    }
}

void space_destroy(struct address_space *s)
{
    LIST_FOR_EACH (l, &s->areas)
        free_pages(s, container_of(l, struct area, link));
    pt_free_user_tables(s->root);
    page_free(s->root, 0);
    free_areas(&s->areas);
    kfree(s);
}
