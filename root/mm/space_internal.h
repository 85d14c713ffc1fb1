/* SPDX-License-Identifier: MIT */
/* root/mm/space_internal.h - what space.c and space_lent.c share. */
#ifndef ROOT_MM_SPACE_INTERNAL_H
#define ROOT_MM_SPACE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include "mm/area.h"
#include "mm/memory.h"
#include "mm/space.h"

/* Where memory is put that may lie anywhere. */
#define SPACE_MAP_LOW  0x0000100000000000ull
#define SPACE_MAP_HIGH 0x0000700000000000ull

/* What a change of a space's areas needs beforehand, and leaves to be done without its lock. */
struct space_change {
    struct area *spare;
    struct list gone;
};

/* False: no memory. space_change_end after the space's lock has been dropped, in any case. */
bool space_change_begin(struct space_change *c);
void space_change_end(struct space_change *c);

bool space_range_is_valid(uint64_t address, uint64_t size);

/* The entry of @va at @level, whose tables are made and charged to @s. NULL: no memory for them, or
 * more than @s may have. */
uint64_t *space_entry_locked(struct address_space *s, uint64_t va, unsigned level);

/* Unmap all that is mapped in [@start, @end), whose areas go to @c. -EINVAL: lent memory is only
 * partly in it; nothing is changed. */
int64_t space_clear_locked(struct address_space *s, uint64_t start, uint64_t end,
                           struct space_change *c);

/* Clear the entries of [@va, @end), which belong to nobody's area yet or to a lent one. */
void space_unmap_lent_locked(struct address_space *s, uint64_t va, uint64_t end);

/* Where a new mapping is to go: @address after SPACE_REPLACE of @access has been done, or where there
 * is room for it at a multiple of @align; or a negative error number. */
int64_t space_place_locked(struct address_space *s, uint64_t address, uint64_t size, uint64_t align,
                           uint32_t access, struct space_change *c);

uint64_t space_entry_flags(uint32_t access);

static inline uint64_t page_up(uint64_t v)
{
    return (v + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
}

#endif
