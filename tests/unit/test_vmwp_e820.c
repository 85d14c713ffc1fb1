/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vmwp_e820.c - a child's memory, and the map of it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "vmwp/boot/e820.h"
#include "vmwp/ram.h"

#define KIB (1ull << 10)
#define MIB (1ull << 20)
#define GIB (1ull << 30)

/* Nothing here touches the memory. */
static uint8_t nowhere_low[1], nowhere_high[1];

static struct guest_ram ram_of(uint64_t low, uint64_t high)
{
    return (struct guest_ram){nowhere_low, low, nowhere_high, high};
}

static void ram_ends_where_it_ends(void **state)
{
    const struct guest_ram ram = ram_of(8 * MIB, 0);

    (void)state;
    assert_ptr_equal(ram_at(&ram, 0, 8 * MIB), nowhere_low);
    assert_null(ram_at(&ram, 0, 8 * MIB + 1));
    assert_non_null(ram_at(&ram, 8 * MIB - 1, 1));
    assert_null(ram_at(&ram, 8 * MIB - 1, 2));
    assert_null(ram_at(&ram, 8 * MIB, 1));
    assert_null(ram_at(&ram, 8 * MIB - 1, UINT64_MAX));
    assert_null(ram_at(&ram, UINT64_MAX, 1));
    assert_null(ram_at(&ram, GUEST_RAM_HIGH_GPA, 1));
}

static void ram_beyond_the_hole_is_at_4_gib(void **state)
{
    const struct guest_ram ram = ram_of(3 * GIB, 2 * MIB);

    (void)state;
    assert_null(ram_at(&ram, 3 * GIB, 1));
    assert_null(ram_at(&ram, 3 * GIB - 1, 2));
    assert_null(ram_at(&ram, 4 * GIB - 1, 2));
    assert_ptr_equal(ram_at(&ram, 4 * GIB, 2 * MIB), nowhere_high);
    assert_null(ram_at(&ram, 4 * GIB, 2 * MIB + 1));
    assert_null(ram_at(&ram, 4 * GIB + 2 * MIB, 1));
    assert_null(ram_at(&ram, 4 * GIB + 1, UINT64_MAX - 1));
}

static void assert_map(const struct e820_map *map, const struct e820_entry *expected,
                       uint32_t count)
{
    assert_int_equal(map->count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(map->entries[i].address, expected[i].address);
        assert_int_equal(map->entries[i].size, expected[i].size);
        assert_int_equal(map->entries[i].type, expected[i].type);
    }
}

static void small_child_has_memory_tables_and_apics(void **state)
{
    const struct guest_ram ram = ram_of(384 * MIB, 0);
    const struct e820_entry expected[] = {
        {0, 640 * KIB, E820_RAM},
        {0xe0000, 64 * KIB, E820_ACPI},
        {0xf0000, 64 * KIB, E820_RESERVED},
        {MIB, 383 * MIB, E820_RAM},
        {0xfec00000, 4 * KIB, E820_RESERVED},
        {0xfee00000, 4 * KIB, E820_RESERVED},
    };
    struct e820_map map;

    (void)state;
    e820_build(&map, &ram);
    assert_map(&map, expected, 6);
}

static void child_of_3_gib_has_nothing_above_4_gib(void **state)
{
    const struct guest_ram ram = ram_of(3 * GIB, 0);
    struct e820_map map;

    (void)state;
    e820_build(&map, &ram);
    assert_int_equal(map.count, 6);
    assert_int_equal(map.entries[3].address + map.entries[3].size, 3 * GIB);
}

static void child_of_5_gib_has_the_rest_at_4_gib(void **state)
{
    const struct guest_ram ram = ram_of(3 * GIB, 2 * GIB);
    const struct e820_entry expected[] = {
        {0, 640 * KIB, E820_RAM},
        {0xe0000, 64 * KIB, E820_ACPI},
        {0xf0000, 64 * KIB, E820_RESERVED},
        {MIB, 3 * GIB - MIB, E820_RAM},
        {0xfec00000, 4 * KIB, E820_RESERVED},
        {0xfee00000, 4 * KIB, E820_RESERVED},
        {4 * GIB, 2 * GIB, E820_RAM},
    };
    struct e820_map map;

    (void)state;
    e820_build(&map, &ram);
    assert_map(&map, expected, 7);
}

/* Whatever the size: in order, apart, all RAM is memory, nothing of the child's memory is lost but
 * the hole below 1 MiB. */
static void every_size_has_a_sound_map(void **state)
{
    (void)state;
    for (uint64_t size = 256 * KIB; size <= 8 * GIB; size += size < 4 * MIB ? 64 * KIB : 34 * MIB) {
        uint64_t low = size < GUEST_RAM_LOW_MAX ? size : GUEST_RAM_LOW_MAX, sum = 0, end = 0;
        const struct guest_ram ram = ram_of(low, size - low);
        struct e820_map map;

        e820_build(&map, &ram);
        assert_true(map.count <= E820_ENTRIES_MAX);
        for (uint32_t i = 0; i < map.count; i++) {
            const struct e820_entry *e = &map.entries[i];
            assert_true(e->address >= end && e->size != 0);
            end = e->address + e->size;
            if (e->type == E820_RAM) {
                assert_non_null(ram_at(&ram, e->address, e->size));
                sum += e->size;
            }
        }
        if (size >= MIB)
            assert_int_equal(sum, size - 384 * KIB);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ram_ends_where_it_ends),
        cmocka_unit_test(ram_beyond_the_hole_is_at_4_gib),
        cmocka_unit_test(small_child_has_memory_tables_and_apics),
        cmocka_unit_test(child_of_3_gib_has_nothing_above_4_gib),
        cmocka_unit_test(child_of_5_gib_has_the_rest_at_4_gib),
        cmocka_unit_test(every_size_has_a_sound_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
