/* SPDX-License-Identifier: MIT */
/* root/mm/page.c - the page allocator: two buddies, below and above 4 GiB, under per-CPU caches of
 * single pages. Memory above 4 GiB goes first: what lies below stays for whoever needs it there. */
#include <rt/mem.h>
#include "cpu/cpu.h"
#include "log.h"
#include "mm/boot_memory.h"
#include "mm/buddy.h"
#include "mm/init.h"
#include "mm/memory.h"
#include "mm/paging.h"

#define FOUR_GIB 0x100000000ull

struct zone {
    struct spinlock lock;
    struct buddy buddy; /* [lock] */
    uint64_t base;      /* [I] physical */
};

enum { ZONE_LOW, ZONE_HIGH, ZONES };

static struct {
    struct zone zones[ZONES];
    struct memory_totals totals; /* [I] but for .free, which is not kept here */
} pages;

static struct zone *zone_of(uint64_t physical)
{
    return &pages.zones[physical < FOUR_GIB ? ZONE_LOW : ZONE_HIGH];
}

static uint64_t zone_alloc(struct zone *z, unsigned order)
{
    uint64_t flags = spin_lock(&z->lock);
    uint64_t frame = buddy_alloc(&z->buddy, order);

    spin_unlock(&z->lock, flags);
    return frame == BUDDY_NONE ? 0 : z->base + frame * PAGE_SIZE;
}

static void zone_free(struct zone *z, uint64_t physical, unsigned order)
{
    uint64_t flags = spin_lock(&z->lock);
    bool ok = buddy_free(&z->buddy, (physical - z->base) / PAGE_SIZE, order);

    spin_unlock(&z->lock, flags);
    if (!ok)
        panic("page: free of %#lx, order %u, which is no such allocation", physical, order);
}

static uint64_t zones_alloc(unsigned order)
{
    uint64_t page = zone_alloc(&pages.zones[ZONE_HIGH], order);

    return page != 0 ? page : zone_alloc(&pages.zones[ZONE_LOW], order);
}

static uint64_t cache_take(void)
{
    uint64_t flags = interrupts_off(), page = 0;
    struct page_cache *c = &this_cpu()->pages;

    if (c->count != 0)
        page = c->pages[--c->count];
    interrupts_restore(flags);
    return page;
}

static bool cache_put(uint64_t page)
{
    uint64_t flags = interrupts_off();
    struct page_cache *c = &this_cpu()->pages;
    bool room = c->count < PAGE_CACHE_SIZE;

    if (room)
        c->pages[c->count++] = page;
    interrupts_restore(flags);
    return room;
}

uint64_t page_alloc(unsigned order)
{
    uint64_t page = order == 0 ? cache_take() : 0;

    return page != 0 ? page : zones_alloc(order);
}

void page_free(uint64_t physical, unsigned order)
{
    BUG_ON(physical == 0 || physical % PAGE_SIZE != 0);
    if (order == 0 && cache_put(physical))
        return;
    zone_free(zone_of(physical), physical, order);
}

unsigned page_order(uint64_t physical)
{
    struct zone *z = zone_of(physical);

    return buddy_order(&z->buddy, (physical - z->base) / PAGE_SIZE);
}

void page_zero(uint64_t physical, unsigned order)
{
    memset(phys_to_virt(physical), 0, PAGE_SIZE << order);
}

/* Manage [@base, @end), nothing of it free yet. */
static void zone_init(struct zone *z, uint64_t base, uint64_t end)
{
    uint64_t frames = end > base ? (end - base) / PAGE_SIZE : 0;
    uint64_t states = frames != 0 ? boot_memory_take((frames + PAGE_SIZE - 1) / PAGE_SIZE) : 0;

    z->base = base;
    buddy_init(&z->buddy, phys_to_virt(base), phys_to_virt(states), frames);
}

static void zone_add(unsigned index, uint64_t begin, uint64_t end)
{
    struct zone *z = &pages.zones[index];

    if (begin < end)
        buddy_add(&z->buddy, (begin - z->base) / PAGE_SIZE, (end - begin) / PAGE_SIZE);
}

/* Give [@begin, @end) to the zones. Page 0 stays out: 0 means failure. */
static void add_range(uint64_t begin, uint64_t end)
{
    if (begin == 0)
        begin = PAGE_SIZE;
    zone_add(ZONE_LOW, begin, end < FOUR_GIB ? end : FOUR_GIB);
    zone_add(ZONE_HIGH, begin > FOUR_GIB ? begin : FOUR_GIB, end);
}

static uint64_t end_of_ram(void)
{
    uint32_t count;
    const struct boot_memory_range *r = boot_memory_ranges(&count);
    uint64_t end = 0;

    for (uint32_t i = 0; i < count; i++)
        if (boot_memory_is_ram(r[i].type) && r[i].base + r[i].length <= DIRECT_MAP_SIZE)
            end = r[i].base + r[i].length;
    return end;
}

/* All RAM that the firmware's map names and the hypervisor does not keep; the ranges before
 * anything was cut off them. */
static void count_totals(const struct boot_info *info)
{
    const struct boot_memory_range *map = phys_to_virt(info->memory_map);

    pages.totals.hypervisor_kept = info->kept_size;
    for (uint32_t i = 0; i < info->memory_map_count; i++) {
        if (boot_memory_is_ram(map[i].type) || map[i].type == BOOT_MEMORY_RUNTIME_CODE)
            pages.totals.total += map[i].length;
        if (map[i].type == BOOT_MEMORY_LOADER)
            pages.totals.loader_kept += map[i].length;
    }
}

void page_init(const struct boot_info *info)
{
    uint64_t end = end_of_ram();
    const struct boot_memory_range *r;
    uint32_t count;

    count_totals(info);
    zone_init(&pages.zones[ZONE_LOW], 0, end < FOUR_GIB ? end : FOUR_GIB);
    zone_init(&pages.zones[ZONE_HIGH], FOUR_GIB, end);
    r = boot_memory_ranges(&count);
    for (uint32_t i = 0; i < count; i++)
        if (r[i].type == BOOT_MEMORY_USABLE && r[i].base + r[i].length <= DIRECT_MAP_SIZE)
            add_range(r[i].base, r[i].base + r[i].length);
    paging_use_page_allocator();
}

uint64_t page_reclaim_loader(void)
{
    uint32_t count;
    const struct boot_memory_range *r = boot_memory_ranges(&count);
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (r[i].type != BOOT_MEMORY_LOADER || r[i].base + r[i].length > DIRECT_MAP_SIZE)
            continue;
        add_range(r[i].base, r[i].base + r[i].length);
        bytes += r[i].length;
    }
    pages.totals.loader_kept -= bytes;
    return bytes;
}

static uint64_t zone_free_bytes(struct zone *z)
{
    uint64_t flags = spin_lock(&z->lock);
    uint64_t bytes = z->buddy.free * PAGE_SIZE;

    spin_unlock(&z->lock, flags);
    return bytes;
}

void memory_totals(struct memory_totals *t)
{
    *t = pages.totals;
    t->free = zone_free_bytes(&pages.zones[ZONE_LOW]) + zone_free_bytes(&pages.zones[ZONE_HIGH]);
    for (uint32_t i = 0; i < cpu_count(); i++)
        t->free += (uint64_t)cpu_get(i)->pages.count * PAGE_SIZE;
}
