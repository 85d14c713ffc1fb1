/* SPDX-License-Identifier: MIT */
/* tests/unit/test_child_ram.c - a child's RAM: its layout, and how long it lives. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rootabi/partition.h>
#include "child/ram.h"
#include "mm/memory.h"
#include "root_kernel.h"

static uint64_t memory_free;

void memory_totals(struct memory_totals *t)
{
    *t = (struct memory_totals){.total = memory_free, .free = memory_free};
}

void page_zero(uint64_t physical, unsigned order)
{
    memset((void *)(uintptr_t)physical, 0, PAGE_SIZE << order);
}

static int begin(void **state)
{
    (void)state;
    fake_kernel_reset();
    memory_free = 1ull << 40;
    return 0;
}

/* RAM of which only the layout is looked at: its blocks have their numbers as addresses. */
static struct child_ram *layout_of(uint64_t size)
{
    struct child_ram *r = calloc(1, sizeof(*r) + size / RAM_BLOCK * sizeof(r->blocks[0]));

    assert_non_null(r);
    r->count = (uint32_t)(size / RAM_BLOCK);
    r->size = size;
    r->low = size < PARTITION_LOW_MAX ? size : PARTITION_LOW_MAX;
    for (uint32_t i = 0; i < r->count; i++)
        r->blocks[i] = (i + 1ull) * RAM_BLOCK;
    return r;
}

static void small_ram_is_one_piece(void **state)
{
    struct child_ram *r = layout_of(4 * RAM_BLOCK);

    (void)state;
    assert_int_equal(ram_at(r, 0), RAM_BLOCK);
    assert_int_equal(ram_at(r, 0x1234), RAM_BLOCK + 0x1234);
    assert_int_equal(ram_at(r, 4 * RAM_BLOCK - 1), 5 * RAM_BLOCK - 1);
    assert_int_equal(ram_at(r, 4 * RAM_BLOCK), 0);
    assert_int_equal(ram_at(r, PARTITION_HIGH_GPA), 0);
    assert_int_equal(ram_at(r, UINT64_MAX), 0);
    assert_true(ram_covers(r, 0, 4 * RAM_BLOCK));
    assert_true(ram_covers(r, RAM_BLOCK, 0));
    assert_false(ram_covers(r, 1, 4 * RAM_BLOCK));
    assert_false(ram_covers(r, 4 * RAM_BLOCK, 1));
    assert_false(ram_covers(r, PARTITION_HIGH_GPA, 1));
    free(r);
}

static void large_ram_leaves_a_hole_below_4_gib(void **state)
{
    const uint64_t high = 2 * RAM_BLOCK;
    struct child_ram *r = layout_of(PARTITION_LOW_MAX + high);
    const uint64_t first_high = PARTITION_LOW_MAX + RAM_BLOCK; /* where the address says so */

    (void)state;
    assert_int_equal(ram_at(r, PARTITION_LOW_MAX - 1), PARTITION_LOW_MAX + RAM_BLOCK - 1);
    assert_int_equal(ram_at(r, PARTITION_LOW_MAX), 0);
    assert_int_equal(ram_at(r, PARTITION_HIGH_GPA - 1), 0);
    assert_int_equal(ram_at(r, PARTITION_HIGH_GPA), first_high);
    assert_int_equal(ram_at(r, PARTITION_HIGH_GPA + high - 1), first_high + high - 1);
    assert_int_equal(ram_at(r, PARTITION_HIGH_GPA + high), 0);
    assert_int_equal(ram_at(r, UINT64_MAX), 0);
    assert_true(ram_covers(r, 0, PARTITION_LOW_MAX));
    assert_true(ram_covers(r, PARTITION_HIGH_GPA, high));
    assert_false(ram_covers(r, 0, PARTITION_LOW_MAX + 1));
    assert_false(ram_covers(r, PARTITION_LOW_MAX - 1, 2));
    assert_false(ram_covers(r, PARTITION_LOW_MAX + 1, 0));
    assert_false(ram_covers(r, PARTITION_HIGH_GPA, high + 1));
    assert_false(ram_covers(r, PARTITION_HIGH_GPA + high, UINT64_MAX));
    assert_false(ram_covers(r, UINT64_MAX, UINT64_MAX));
    free(r);
}

static void every_block_is_where_the_child_sees_it(void **state)
{
    struct child_ram *r = layout_of(5ull << 30);

    (void)state;
    for (uint32_t i = 0; i < r->count; i++)
        assert_true(ram_at(r, ram_gpa(r, i)) == r->blocks[i]);
    assert_true(ram_gpa(r, r->count - 1) == PARTITION_HIGH_GPA + (2ull << 30) - RAM_BLOCK);
    free(r);
}

static void ram_is_zeroed_and_lives_as_long_as_anybody_has_it(void **state)
{
    struct child_ram *r = ram_create(2 * RAM_BLOCK, 3);

    (void)state;
    assert_non_null(r);
    assert_int_equal(*(uint64_t *)phys_to_virt(ram_at(r, RAM_BLOCK)), 0);
    assert_int_equal(*(uint64_t *)phys_to_virt(ram_page(r, 2)), 0);
    ram_get(r);
    ram_put(r);
    assert_int_not_equal(fake.live, 0);
    ram_put(r);
    assert_int_equal(fake.live, 0);
}

static void ram_that_is_not_there_costs_nothing(void **state)
{
    (void)state;
    memory_free = 4 * RAM_BLOCK;
    assert_null(ram_create(4 * RAM_BLOCK, 0)); /* root keeps some */
    memory_free = 1ull << 40;
    for (int left = 0; left < 7; left++) {
        fake.allocations_left = left;
        assert_null(ram_create(2 * RAM_BLOCK, 3)); /* two arrays, three pages, two blocks */
        assert_int_equal(fake.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(small_ram_is_one_piece, begin),
        cmocka_unit_test_setup(large_ram_leaves_a_hole_below_4_gib, begin),
        cmocka_unit_test_setup(every_block_is_where_the_child_sees_it, begin),
        cmocka_unit_test_setup(ram_is_zeroed_and_lives_as_long_as_anybody_has_it, begin),
        cmocka_unit_test_setup(ram_that_is_not_there_costs_nothing, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
