/* SPDX-License-Identifier: MIT */
/* efi/memmap.c - see efi/memmap.h. */
#include <rt/mem.h>
#include "memmap.h"

void memmap_init(struct memmap *m, struct boot_memory_range *ranges, uint32_t capacity)
{
    *m = (struct memmap){ranges, 0, capacity, false};
}

static uint64_t range_end(const struct boot_memory_range *r)
{
    return r->base + r->length;
}

static void ranges_move(struct memmap *m, uint32_t to, uint32_t from)
{
    memmove(&m->ranges[to], &m->ranges[from], (m->count - from) * sizeof(m->ranges[0]));
    m->count = m->count - from + to;
}

static void range_insert(struct memmap *m, uint32_t at, struct boot_memory_range r)
{
    if (m->count == m->capacity) {
        m->overflowed = true;
        return;
    }
    ranges_move(m, at + 1, at);
    m->ranges[at] = r;
}

/* Make @address a boundary: a range across it becomes two. */
static void range_split(struct memmap *m, uint64_t address)
{
    for (uint32_t i = 0; i < m->count; i++) {
        struct boot_memory_range *r = &m->ranges[i];
        struct boot_memory_range upper = *r;

        if (address <= r->base || address >= range_end(r))
            continue;
        upper.base = address;
        upper.length = range_end(r) - address;
        r->length = address - r->base;
        range_insert(m, i + 1, upper);
        return;
    }
}

/* The first range that is not below @address. */
static uint32_t range_at_or_above(const struct memmap *m, uint64_t address)
{
    uint32_t i = 0;

    while (i < m->count && m->ranges[i].base < address)
        i++;
    return i;
}

void memmap_set(struct memmap *m, uint64_t base, uint64_t length, uint32_t type,
                uint64_t attributes)
{
    uint32_t first;

    if (length == 0)
        return;
    range_split(m, base);
    range_split(m, base + length);
    first = range_at_or_above(m, base);
    ranges_move(m, first, range_at_or_above(m, base + length));
    range_insert(m, first, (struct boot_memory_range){base, length, type, 0, attributes});
}

void memmap_retype(struct memmap *m, uint64_t base, uint64_t length, uint32_t type)
{
    range_split(m, base);
    range_split(m, base + length);
    for (uint32_t i = range_at_or_above(m, base); i < m->count; i++)
        if (m->ranges[i].base < base + length)
            m->ranges[i].type = type;
}

void memmap_merge(struct memmap *m)
{
    uint32_t kept = 0;

    for (uint32_t i = 1; i < m->count; i++) {
        struct boot_memory_range *last = &m->ranges[kept];
        const struct boot_memory_range *r = &m->ranges[i];

        if (r->base == range_end(last) && r->type == last->type &&
            r->attributes == last->attributes)
            last->length += r->length;
        else
            m->ranges[++kept] = *r;
    }
    if (m->count != 0)
        m->count = kept + 1;
}

uint64_t memmap_end(const struct memmap *m)
{
    return m->count == 0 ? 0 : range_end(&m->ranges[m->count - 1]);
}

uint64_t memmap_find_highest(const struct memmap *m, uint64_t length, uint64_t align,
                             uint64_t limit)
{
    for (uint32_t i = m->count; i-- > 0;) {
        const struct boot_memory_range *r = &m->ranges[i];
        uint64_t end = range_end(r) < limit ? range_end(r) : limit;

        if (r->type != BOOT_MEMORY_USABLE || end < length || end - length < r->base)
            continue;
        if (((end - length) & ~(align - 1)) >= r->base && end > r->base)
            return (end - length) & ~(align - 1);
    }
    return 0;
}
