/* SPDX-License-Identifier: MIT */
/* root/mm/boot_memory.c - see boot_memory.h. */
#include <stdbool.h>
#include <rt/mem.h>
#include "log.h"
#include "mm/boot_memory.h"
#include "mm/memory.h"
#include "mm/paging.h"

enum { RANGES_MAX = 1024 };
#define LOW_LIMIT  0x100000ull
#define LOW_END    0xa0000ull /* below the video memory and the EBDA's usual place */
#define HIGH_LIMIT 0x100000000ull

static struct {
    struct boot_memory_range ranges[RANGES_MAX];
    uint32_t count;
    bool direct_map;
    uint64_t low_page;
} memory;

void *boot_memory_access(uint64_t physical)
{
    return (void *)(uintptr_t)(memory.direct_map ? DIRECT_MAP_BASE + physical : physical);
}

void boot_memory_use_direct_map(void)
{
    memory.direct_map = true;
}

/* Cut @size bytes off the end of @r; 0: it is no usable range that ends in [@low + @size, @high]
 * and has as much. */
static uint64_t range_cut(struct boot_memory_range *r, uint64_t size, uint64_t low, uint64_t high)
{
    uint64_t end = r->base + r->length;

    if (r->type != BOOT_MEMORY_USABLE || end > high || r->length < size || end - size < low)
        return 0;
    r->length -= size;
    memset(boot_memory_access(r->base + r->length), 0, size);
    return r->base + r->length;
}

uint64_t boot_memory_take(uint64_t count)
{
    for (uint32_t i = memory.count; i-- > 0;) {
        uint64_t at = range_cut(&memory.ranges[i], count * PAGE_SIZE, LOW_LIMIT, HIGH_LIMIT);

        if (at != 0)
            return at;
    }
    panic("memory: no %lu contiguous pages below 4 GiB", count);
}

static uint64_t take_low(void)
{
    for (uint32_t i = 0; i < memory.count; i++) {
        uint64_t at = range_cut(&memory.ranges[i], PAGE_SIZE, PAGE_SIZE, LOW_END);

        if (at != 0)
            return at;
    }
    return 0;
}

void boot_memory_init(const struct boot_info *info)
{
    const struct boot_memory_range *map =
        (const struct boot_memory_range *)(uintptr_t)info->memory_map;

    memory.count = info->memory_map_count;
    if (memory.count > RANGES_MAX) {
        log_print("memory: only %u of %u ranges of the memory map used", RANGES_MAX, memory.count);
        memory.count = RANGES_MAX;
    }
    memcpy(memory.ranges, map, memory.count * sizeof(*map));
    memory.low_page = take_low();
}

uint64_t boot_memory_low_page(void)
{
    return memory.low_page;
}

const struct boot_memory_range *boot_memory_ranges(uint32_t *count)
{
    *count = memory.count;
    return memory.ranges;
}

bool boot_memory_is_ram(uint32_t type)
{
    switch (type) {
    case BOOT_MEMORY_USABLE:
    case BOOT_MEMORY_LOADER:
    case BOOT_MEMORY_ROOT_IMAGE:
    case BOOT_MEMORY_MODULE:
    case BOOT_MEMORY_ACPI_RECLAIM:
    case BOOT_MEMORY_ACPI_NVS:
    case BOOT_MEMORY_RUNTIME_DATA:
        return true;
    default:
        return false;
    }
}
