/* SPDX-License-Identifier: MIT */
/* tests/unit/test_boot_memmap.c - the memory map that is handed off, and the page tables. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "memmap.h"
#include "paging.h"

#define ROOM 16
#define MIB  (1ull << 20)
#define GIB  (1ull << 30)
#define WB   8ull /* EFI_MEMORY_WB */

static struct boot_memory_range ranges[ROOM];
static struct memmap map;

static int setup(void **state)
{
    (void)state;
    memmap_init(&map, ranges, ROOM);
    return 0;
}

static void assert_range(uint32_t i, uint64_t base, uint64_t length, uint32_t type)
{
    assert_true(i < map.count);
    assert_int_equal(ranges[i].base, base);
    assert_int_equal(ranges[i].length, length);
    assert_int_equal(ranges[i].type, type);
}

static void map_is_sorted_whatever_the_order(void **state)
{
    (void)state;
    memmap_set(&map, 0x5000, 0x1000, BOOT_MEMORY_USABLE, WB);
    memmap_set(&map, 0x1000, 0x1000, BOOT_MEMORY_ACPI_NVS, WB);
    memmap_set(&map, 0x3000, 0x1000, BOOT_MEMORY_USABLE, WB);
    assert_int_equal(map.count, 3);
    assert_range(0, 0x1000, 0x1000, BOOT_MEMORY_ACPI_NVS);
    assert_range(1, 0x3000, 0x1000, BOOT_MEMORY_USABLE);
    assert_range(2, 0x5000, 0x1000, BOOT_MEMORY_USABLE);
    assert_int_equal(memmap_end(&map), 0x6000);
}

static void later_entry_replaces_what_it_covers(void **state)
{
    (void)state;
    memmap_set(&map, 0x1000, 0x2000, BOOT_MEMORY_USABLE, WB);
    memmap_set(&map, 0x3000, 0x2000, BOOT_MEMORY_LOADER, WB);
    memmap_set(&map, 0x2000, 0x2000, BOOT_MEMORY_RESERVED, 0);
    assert_int_equal(map.count, 3);
    assert_range(0, 0x1000, 0x1000, BOOT_MEMORY_USABLE);
    assert_range(1, 0x2000, 0x2000, BOOT_MEMORY_RESERVED);
    assert_range(2, 0x4000, 0x1000, BOOT_MEMORY_LOADER);
}

static void retype_cuts_a_range_and_keeps_its_attributes(void **state)
{
    (void)state;
    memmap_set(&map, 0x1000, 0x5000, BOOT_MEMORY_LOADER, WB);
    memmap_retype(&map, 0x2000, 0x1000, BOOT_MEMORY_MODULE);
    assert_int_equal(map.count, 3);
    assert_range(1, 0x2000, 0x1000, BOOT_MEMORY_MODULE);
    assert_int_equal(ranges[1].attributes, WB);
}

static void retype_reaches_over_several_ranges_and_not_into_holes(void **state)
{
    (void)state;
    memmap_set(&map, 0x1000, 0x1000, BOOT_MEMORY_LOADER, WB);
    memmap_set(&map, 0x4000, 0x2000, BOOT_MEMORY_LOADER, 0);
    memmap_retype(&map, 0x1000, 0x4000, BOOT_MEMORY_MODULE);
    assert_int_equal(map.count, 3);
    assert_range(0, 0x1000, 0x1000, BOOT_MEMORY_MODULE);
    assert_range(1, 0x4000, 0x1000, BOOT_MEMORY_MODULE);
    assert_range(2, 0x5000, 0x1000, BOOT_MEMORY_LOADER);
}

static void merge_joins_equal_neighbours_only(void **state)
{
    (void)state;
    memmap_set(&map, 0x1000, 0x1000, BOOT_MEMORY_USABLE, WB);
    memmap_set(&map, 0x2000, 0x1000, BOOT_MEMORY_USABLE, WB);
    memmap_set(&map, 0x3000, 0x1000, BOOT_MEMORY_USABLE, 0);
    memmap_set(&map, 0x4000, 0x1000, BOOT_MEMORY_LOADER, 0);
    memmap_set(&map, 0x6000, 0x1000, BOOT_MEMORY_LOADER, 0);
    memmap_merge(&map);
    assert_int_equal(map.count, 4);
    assert_range(0, 0x1000, 0x2000, BOOT_MEMORY_USABLE);
    assert_range(1, 0x3000, 0x1000, BOOT_MEMORY_USABLE);
    assert_range(3, 0x6000, 0x1000, BOOT_MEMORY_LOADER);
}

static void merge_of_an_empty_map_is_empty(void **state)
{
    (void)state;
    memmap_merge(&map);
    assert_int_equal(map.count, 0);
    assert_int_equal(memmap_end(&map), 0);
}

static void full_map_says_that_it_overflowed(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ROOM; i++)
        memmap_set(&map, i * 0x2000, 0x1000, BOOT_MEMORY_USABLE, WB);
    assert_false(map.overflowed);
    memmap_set(&map, ROOM * 0x2000, 0x1000, BOOT_MEMORY_USABLE, WB);
    assert_true(map.overflowed);
    assert_int_equal(map.count, ROOM);
}

static void highest_place_is_aligned_and_below_the_limit(void **state)
{
    (void)state;
    memmap_set(&map, 0, 0x80000, BOOT_MEMORY_USABLE, WB);
    memmap_set(&map, MIB, 64 * MIB - 0x3000, BOOT_MEMORY_USABLE, WB);
    memmap_set(&map, 4 * GIB, GIB, BOOT_MEMORY_USABLE, WB);
    assert_int_equal(memmap_find_highest(&map, 8 * MIB, 2 * MIB, 4 * GIB), 56 * MIB);
    assert_int_equal(memmap_find_highest(&map, 8 * MIB, 2 * MIB, UINT64_MAX), 5 * GIB - 8 * MIB);
    assert_int_equal(memmap_find_highest(&map, 64 * MIB, 2 * MIB, 4 * GIB), 0);
}

static void highest_place_is_never_in_memory_of_another_type(void **state)
{
    (void)state;
    memmap_set(&map, 2 * MIB, 8 * MIB, BOOT_MEMORY_LOADER, WB);
    assert_int_equal(memmap_find_highest(&map, 2 * MIB, 2 * MIB, UINT64_MAX), 0);
}

/* A walk as the processor does it; the entry that maps @address, 0 if none does. */
static uint64_t walk(uint64_t cr3, uint64_t address, uint64_t *size)
{
    uint64_t table = cr3;

    for (unsigned shift = 39;; shift -= 9) {
        uint64_t entry = ((const uint64_t *)(uintptr_t)table)[address >> shift & 511];

        *size = 1ull << shift;
        if ((entry & 1) == 0)
            return 0;
        if (shift == 12 || (shift != 39 && (entry & 0x80) != 0))
            return entry;
        table = entry & 0x000ffffffffff000ull;
    }
}

static const struct image_plan PLAN = {
    .virtual_base = 0xffffffff80000000ull,
    .size = 0x4000,
    .segment_count = 2,
    .segments = {{.address = 0xffffffff80000000ull,
                  .memory_size = 0x1800,
                  .access = IMAGE_READ | IMAGE_EXECUTE},
                 {.address = 0xffffffff80003010ull,
                  .memory_size = 0xff0,
                  .access = IMAGE_READ | IMAGE_WRITE}},
};

static void tables_map(bool gib_pages)
{
    uint64_t bytes = paging_bytes(8 * GIB, gib_pages, &PLAN);
    void *block = aligned_alloc(4096, bytes);
    struct paging p;
    uint64_t size;

    paging_init(&p, (uintptr_t)block);
    paging_map_identity(&p, 8 * GIB, gib_pages);
    paging_map_image(&p, &PLAN, 0x7654000);
    assert_true(p.next <= (uintptr_t)block + bytes);
    for (uint64_t at = 0; at < 8 * GIB; at += 2 * MIB) {
        uint64_t entry = walk(p.cr3, at, &size);

        assert_int_equal(entry & 0x000ffffffffff003ull, (at & ~(size - 1)) | 3);
        assert_int_equal(size, gib_pages ? GIB : 2 * MIB);
    }
    assert_int_equal(walk(p.cr3, 8 * GIB, &size), 0);
    assert_int_equal(walk(p.cr3, PLAN.virtual_base, &size), 0x7654001);
    assert_int_equal(walk(p.cr3, PLAN.virtual_base + 0x1000, &size), 0x7655001);
    assert_int_equal(walk(p.cr3, PLAN.virtual_base + 0x2000, &size), 0);
    assert_int_equal(walk(p.cr3, PLAN.virtual_base + 0x3000, &size), 0x8000000007657003ull);
    assert_int_equal(walk(p.cr3, PLAN.virtual_base + 0x4000, &size), 0);
    free(block);
}

static void tables_map_memory_and_image_with_gib_pages(void **state)
{
    (void)state;
    tables_map(true);
}

static void tables_map_memory_and_image_with_2_mib_pages(void **state)
{
    (void)state;
    tables_map(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(map_is_sorted_whatever_the_order, setup),
        cmocka_unit_test_setup(later_entry_replaces_what_it_covers, setup),
        cmocka_unit_test_setup(retype_cuts_a_range_and_keeps_its_attributes, setup),
        cmocka_unit_test_setup(retype_reaches_over_several_ranges_and_not_into_holes, setup),
        cmocka_unit_test_setup(merge_joins_equal_neighbours_only, setup),
        cmocka_unit_test_setup(merge_of_an_empty_map_is_empty, setup),
        cmocka_unit_test_setup(full_map_says_that_it_overflowed, setup),
        cmocka_unit_test_setup(highest_place_is_aligned_and_below_the_limit, setup),
        cmocka_unit_test_setup(highest_place_is_never_in_memory_of_another_type, setup),
        cmocka_unit_test(tables_map_memory_and_image_with_gib_pages),
        cmocka_unit_test(tables_map_memory_and_image_with_2_mib_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
