/* SPDX-License-Identifier: MIT */
/* root/child/ram.c - see root/child/ram.h. */
#include "child/ram.h"

#include <rootabi/partition.h>
#include "mm/memory.h"

/* What root keeps for itself when it gives memory to a child: 16 MiB. */
#define RAM_KEPT (16ull << 20)

_Static_assert(PARTITION_LOW_MAX % RAM_BLOCK == 0, "the hole begins with a block");

/* Whether or not all of it is there. */
static void destroy(struct child_ram *r)
{
    while (r->count != 0)
        page_free(r->blocks[--r->count], RAM_BLOCK_ORDER);
    while (r->pages != 0)
        page_free(r->page[--r->pages], 0);
    kfree(r->page);
    kfree(r);
}

static bool fill_pages(struct child_ram *r, uint32_t pages)
{
    if (pages == 0)
        return true;
    r->page = kalloc(pages * sizeof(*r->page));
    if (r->page == NULL)
        return false;
    for (; r->pages < pages; r->pages++) {
        r->page[r->pages] = page_alloc(0);
        if (r->page[r->pages] == 0)
            return false;
        page_zero(r->page[r->pages], 0);
    }
    return true;
}

static bool fill_blocks(struct child_ram *r)
{
    for (; r->count < r->size / RAM_BLOCK; r->count++) {
        uint64_t block = page_alloc(RAM_BLOCK_ORDER);

        if (block == 0)
            return false;
        page_zero(block, RAM_BLOCK_ORDER);
        r->blocks[r->count] = block;
    }
    return true;
}

static bool root_can_spare(uint64_t size)
{
    struct memory_totals m;

    memory_totals(&m);
    return m.free >= RAM_KEPT && size <= m.free - RAM_KEPT;
}

struct child_ram *ram_create(uint64_t size, uint32_t pages)
{
    struct child_ram *r;

    if (!root_can_spare(size))
        return NULL;
    r = kalloc(sizeof(*r) + size / RAM_BLOCK * sizeof(r->blocks[0]));
    if (r == NULL)
        return NULL;
    r->users = 1;
    r->size = size;
    r->low = size < PARTITION_LOW_MAX ? size : PARTITION_LOW_MAX;
    if (fill_pages(r, pages) && fill_blocks(r))
        return r;
    destroy(r);
    return NULL;
}

void ram_get(struct child_ram *r)
{
    __atomic_fetch_add(&r->users, 1, __ATOMIC_RELAXED);
}

void ram_put(struct child_ram *r)
{
    if (__atomic_sub_fetch(&r->users, 1, __ATOMIC_ACQ_REL) == 0)
        destroy(r);
}

uint64_t ram_at(const struct child_ram *r, uint64_t gpa)
{
    uint64_t at = gpa;

    if (gpa >= r->low) {
        at = gpa - PARTITION_HIGH_GPA + r->low;
        if (gpa < PARTITION_HIGH_GPA || at < r->low || at >= r->size)
            return 0;
    }
    return r->blocks[at / RAM_BLOCK] + at % RAM_BLOCK;
}

bool ram_covers(const struct child_ram *r, uint64_t gpa, uint64_t size)
{
    uint64_t start = gpa < PARTITION_HIGH_GPA ? 0 : PARTITION_HIGH_GPA;
    uint64_t length = gpa < PARTITION_HIGH_GPA ? r->low : r->size - r->low;

    return gpa - start <= length && size <= length - (gpa - start);
}

uint64_t ram_gpa(const struct child_ram *r, uint32_t index)
{
    uint64_t at = index * RAM_BLOCK;

    return at < r->low ? at : at - r->low + PARTITION_HIGH_GPA;
}
