/* SPDX-License-Identifier: MIT */
/* root/mm/space_lent.c - memory that is lent to a space; see space.h. Its pages are nobody's here:
 * they are mapped and unmapped, and the lender's file says how long they must stay. */
#include <rootabi/errno.h>
#include "mm/page_table.h"
#include "mm/space_internal.h"
#include "proc/file.h"

/* A table that an earlier mapping has left where a large page would go: it stays. */
static bool has_table(const struct address_space *s, uint64_t va)
{
    const uint64_t *entry = pt_entry(s->root, va, PT_LEVEL_2M, false);

    return entry != NULL && (*entry & PTE_P) != 0;
}

static unsigned level_for(const struct address_space *s, uint64_t va, uint64_t physical,
                          uint64_t length)
{
    return (va | physical) % PAGE_SIZE_2M == 0 && length >= PAGE_SIZE_2M && !has_table(s, va)
               ? PT_LEVEL_2M
               : PT_LEVEL_4K;
}

/* Map @length bytes at @physical, which lie in one piece. */
static bool map_piece(struct address_space *s, uint64_t va, uint64_t physical, uint64_t length,
                      uint64_t flags)
{
    while (length != 0) {
        unsigned level = level_for(s, va, physical, length);
        uint64_t *entry = space_entry_locked(s, va, level);

        if (entry == NULL)
            return false;
        *entry = physical | flags | (level == PT_LEVEL_2M ? PTE_PS : 0);
        va += pt_level_size(level);
        physical += pt_level_size(level);
        length -= pt_level_size(level);
    }
    return true;
}

static int64_t fill_locked(struct address_space *s, uint64_t at, uint64_t size,
                           const struct space_lent *lent)
{
    uint64_t flags = space_entry_flags(lent->access & (SPACE_READ | SPACE_WRITE));

    for (uint64_t offset = 0; offset < size;) {
        uint64_t length = 0, physical = lent->find(lent->context, offset, &length);

        if (physical == 0 || length == 0)
            return -EINVAL;
        if (length > size - offset)
            length = size - offset;
        if (!map_piece(s, at + offset, physical, length, flags))
            return -ENOMEM;
        offset += length;
    }
    return (int64_t)at;
}

static int64_t map_locked(struct address_space *s, uint64_t at, uint64_t size,
                          const struct space_lent *lent, struct space_change *c)
{
    struct area *a;
    int64_t result;

    if (s->pages + s->tables >= s->pages_max)
        return -ENOMEM;
    a = area_add(&s->areas, at, at + size);
    if (a == NULL)
        return -ENOMEM;
    a->lender = file_get(lent->lender);
    s->pages++;
    result = fill_locked(s, at, size, lent);
    if (result < 0)
        (void)space_clear_locked(s, at, at + size, c);
    return result;
}

int64_t space_map_lent(struct address_space *s, uint64_t address, const struct space_lent *lent)
{
    uint64_t size = page_up(lent->size);
    struct space_change c;
    int64_t result;

    if (lent->size == 0 || lent->size > USER_END)
        return -EINVAL;
    if (!space_change_begin(&c))
        return -ENOMEM;
    mutex_lock(&s->lock);
    result = space_place_locked(s, address, size, size < PAGE_SIZE_2M ? PAGE_SIZE : PAGE_SIZE_2M,
                                lent->access, &c);
    if (result > 0)
        result = map_locked(s, (uint64_t)result, size, lent, &c);
    mutex_unlock(&s->lock);
    space_change_end(&c);
    return result;
}
