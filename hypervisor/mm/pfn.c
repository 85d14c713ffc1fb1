/* SPDX-License-Identifier: MIT */
/* mm/pfn.c - see mm/pfn.h.
 *
 * A directory with one entry for each GiB up to the last RAM page leads to that GiB's words. Words
 * exist from the first to the last RAM page of the GiB only, so that the holes of the address space
 * cost nothing. */
#include <debug/log.h>
#include <hvabi/status.h>
#include <mm/pfn.h>
#include <rt/mem.h>

#define CHUNK_SHIFT 18 /* pages in a GiB */
#define CHUNK_PAGES (1ull << CHUNK_SHIFT)

/* A word: state in bits 0 to 7, slot in 16 to 31, child mappings in 32 to 63. */
#define WORD_STATE_MASK  0xffull
#define WORD_SLOT_SHIFT  16
#define WORD_SLOT_MASK   0xffffull
#define WORD_COUNT_SHIFT 32
#define WORD_COUNT_ONE   (1ull << WORD_COUNT_SHIFT)

struct chunk {
    uint64_t *words; /* [a] each */
    uint32_t first;  /* [I] page within the GiB that words[0] describes */
    uint32_t count;  /* [I] */
};

static struct {
    struct chunk *chunks;        /* [I] */
    uint64_t chunk_count;        /* [I] */
    uint64_t pages[PFN_STATES];  /* [a] pages in each state */
    uint64_t mapped;             /* [a] sum of the counts */
} pfn;

bool pfn_type_is_root(uint32_t type)
{
    return type == BOOT_MEMORY_USABLE || type == BOOT_MEMORY_LOADER ||
           type == BOOT_MEMORY_ROOT_IMAGE || type == BOOT_MEMORY_MODULE ||
           type == BOOT_MEMORY_ACPI_RECLAIM;
}

static enum pfn_state state_at_boot(uint32_t type)
{
    if (type == BOOT_MEMORY_HYPERVISOR)
        return PFN_KEPT;
    return pfn_type_is_root(type) ? PFN_ROOT : PFN_NONE;
}

static uint64_t range_first(const struct boot_memory_range *r)
{
    return r->base >> PAGE_SHIFT;
}

static uint64_t range_end(const struct boot_memory_range *r)
{
    return (r->base + r->length) >> PAGE_SHIFT;
}

/* The pages [*@first, *@end) from the first to the last RAM page of the next GiB that has any, not
 * before page @from; false: there is none. The map is sorted. */
static bool next_span(const struct boot_memory_range *map, uint32_t count, uint64_t from,
                      uint64_t *first, uint64_t *end)
{
    uint64_t chunk_end = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t lo = range_first(&map[i]), hi = range_end(&map[i]);

        if (state_at_boot(map[i].type) == PFN_NONE || hi <= from || lo >= hi)
            continue;
        if (lo < from)
            lo = from;
        if (chunk_end == 0) {
            chunk_end = (lo | (CHUNK_PAGES - 1)) + 1;
            *first = lo;
        } else if (lo >= chunk_end) {
            break;
        }
        *end = hi < chunk_end ? hi : chunk_end;
    }
    return chunk_end != 0;
}

static uint64_t chunk_end_of(uint64_t page)
{
    return (page | (CHUNK_PAGES - 1)) + 1;
}

static uint64_t directory_entries(const struct boot_memory_range *map, uint32_t count)
{
    uint64_t top = 0;

    for (uint32_t i = 0; i < count; i++)
        if (state_at_boot(map[i].type) != PFN_NONE && range_end(&map[i]) > top)
            top = range_end(&map[i]);
    return (top + CHUNK_PAGES - 1) >> CHUNK_SHIFT;
}

size_t pfn_table_size(const struct boot_memory_range *map, uint32_t count)
{
    uint64_t words = 0, first, end;

    for (uint64_t from = 0; next_span(map, count, from, &first, &end); from = chunk_end_of(first))
        words += end - first;
    return directory_entries(map, count) * sizeof(struct chunk) + words * sizeof(uint64_t);
}

static uint64_t *word_of(uint64_t page)
{
    uint64_t c = page >> CHUNK_SHIFT, i;

    if (c >= pfn.chunk_count)
        return NULL;
    i = (page & (CHUNK_PAGES - 1)) - pfn.chunks[c].first; /* wraps if it is below */
    return i < pfn.chunks[c].count ? &pfn.chunks[c].words[i] : NULL;
}

static enum pfn_state word_state(uint64_t w)
{
    return (enum pfn_state)(w & WORD_STATE_MASK);
}

static void account(enum pfn_state from, enum pfn_state to)
{
    __atomic_fetch_sub(&pfn.pages[from], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&pfn.pages[to], 1, __ATOMIC_RELAXED);
}

static void set_at_boot(uint64_t first, uint64_t end, enum pfn_state state)
{
    for (uint64_t page = first; page < end; page++) {
        uint64_t *w = word_of(page);

        if (w == NULL)
            continue;
        pfn.pages[word_state(*w)]--;
        pfn.pages[state]++;
        *w = state;
    }
}

void pfn_init(const struct boot_memory_range *map, uint32_t count, hpa_t kept_base,
              uint64_t kept_size, void *table_memory)
{
    uint64_t first, end, *words;

    memset(table_memory, 0, pfn_table_size(map, count));
    memset(pfn.pages, 0, sizeof(pfn.pages));
    pfn.mapped = 0;
    pfn.chunks = table_memory;
    pfn.chunk_count = directory_entries(map, count);
    words = (uint64_t *)(void *)(pfn.chunks + pfn.chunk_count);
    for (uint64_t from = 0; next_span(map, count, from, &first, &end); from = chunk_end_of(first)) {
        struct chunk *c = &pfn.chunks[first >> CHUNK_SHIFT];

        *c = (struct chunk){words, (uint32_t)(first & (CHUNK_PAGES - 1)), (uint32_t)(end - first)};
        words += end - first;
        pfn.pages[PFN_NONE] += end - first;
    }
    for (uint32_t i = 0; i < count; i++)
        set_at_boot(range_first(&map[i]), range_end(&map[i]), state_at_boot(map[i].type));
    set_at_boot(kept_base.v >> PAGE_SHIFT, (kept_base.v + kept_size) >> PAGE_SHIFT, PFN_KEPT);
}

enum pfn_state pfn_query(hpa_t page, uint16_t *slot)
{
    const uint64_t *p = word_of(page.v >> PAGE_SHIFT);
    uint64_t w = p == NULL ? PFN_NONE : __atomic_load_n(p, __ATOMIC_RELAXED);

    if (slot != NULL)
        *slot = (uint16_t)(w >> WORD_SLOT_SHIFT & WORD_SLOT_MASK);
    return word_state(w);
}

uint32_t pfn_map_count(hpa_t page)
{
    const uint64_t *p = word_of(page.v >> PAGE_SHIFT);

    return p == NULL ? 0 : (uint32_t)(__atomic_load_n(p, __ATOMIC_RELAXED) >> WORD_COUNT_SHIFT);
}

bool pfn_range_is_none(hpa_t base, uint64_t size)
{
    uint64_t page = base.v >> PAGE_SHIFT, end = (base.v + size) >> PAGE_SHIFT;

    while (page < end) {
        bool whole = (page & (CHUNK_PAGES - 1)) == 0 && end - page >= CHUNK_PAGES;
        const struct chunk *c;

        if (page >> CHUNK_SHIFT >= pfn.chunk_count)
            return true;
        c = &pfn.chunks[page >> CHUNK_SHIFT];
        if (whole && c->count != 0)
            return false; /* a chunk has words only if it has RAM */
        if (c->count != 0 && pfn_query(hpa(page << PAGE_SHIFT), NULL) != PFN_NONE)
            return false;
        page = c->count == 0 ? chunk_end_of(page) : page + 1;
    }
    return true;
}

hv_status pfn_deposit(hpa_t page, uint16_t slot)
{
    uint64_t *p = word_of(page.v >> PAGE_SHIFT);
    uint64_t from = PFN_ROOT; /* and no mappings */
    uint64_t to = PFN_POOL | (uint64_t)slot << WORD_SLOT_SHIFT;

    /* Page 0 is the end of a pool's chain of free pages. */
    if (p == NULL || page.v == 0 ||
        !__atomic_compare_exchange_n(p, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return HV_STATUS_OPERATION_DENIED;
    account(PFN_ROOT, PFN_POOL);
    return HV_STATUS_SUCCESS;
}

void pfn_withdraw(hpa_t page, uint16_t slot)
{
    uint64_t *p = word_of(page.v >> PAGE_SHIFT);
    uint64_t from = PFN_POOL | (uint64_t)slot << WORD_SLOT_SHIFT;

    BUG_ON(p == NULL);
    BUG_ON(!__atomic_compare_exchange_n(p, &from, PFN_ROOT, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED));
    account(PFN_POOL, PFN_ROOT);
}

static hv_status map_get_one(uint64_t page)
{
    uint64_t *p = word_of(page), w;

    if (p == NULL)
        return HV_STATUS_OPERATION_DENIED;
    w = __atomic_load_n(p, __ATOMIC_RELAXED);
    do {
        if (word_state(w) != PFN_ROOT)
            return HV_STATUS_OPERATION_DENIED;
        if (w >> WORD_COUNT_SHIFT == UINT32_MAX)
            return HV_STATUS_NO_RESOURCES;
    } while (!__atomic_compare_exchange_n(p, &w, w + WORD_COUNT_ONE, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    return HV_STATUS_SUCCESS;
}

static void map_put_one(uint64_t page)
{
    uint64_t *p = word_of(page), w;

    BUG_ON(p == NULL);
    w = __atomic_fetch_sub(p, WORD_COUNT_ONE, __ATOMIC_ACQ_REL);
    BUG_ON(word_state(w) != PFN_ROOT || w >> WORD_COUNT_SHIFT == 0);
}

static void map_put(hpa_t base, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++)
        map_put_one((base.v >> PAGE_SHIFT) + i);
}

hv_status pfn_map_get(hpa_t base, uint64_t pages)
{
    uint64_t first = base.v >> PAGE_SHIFT;

    for (uint64_t i = 0; i < pages; i++) {
        hv_status st = map_get_one(first + i);

        if (st != HV_STATUS_SUCCESS) {
            map_put(base, i);
            return st;
        }
    }
    __atomic_fetch_add(&pfn.mapped, pages, __ATOMIC_RELAXED);
    return HV_STATUS_SUCCESS;
}

void pfn_map_put(hpa_t base, uint64_t pages)
{
    map_put(base, pages);
    __atomic_fetch_sub(&pfn.mapped, pages, __ATOMIC_RELAXED);
}

uint64_t pfn_count(enum pfn_state state)
{
    return __atomic_load_n(&pfn.pages[state], __ATOMIC_RELAXED);
}

uint64_t pfn_mapped(void)
{
    return __atomic_load_n(&pfn.mapped, __ATOMIC_RELAXED);
}

uint64_t pfn_mappings(void)
{
    uint64_t sum = 0;

    for (uint64_t c = 0; c < pfn.chunk_count; c++)
        for (uint32_t i = 0; i < pfn.chunks[c].count; i++)
            sum += __atomic_load_n(&pfn.chunks[c].words[i], __ATOMIC_RELAXED) >> WORD_COUNT_SHIFT;
    return sum;
}
