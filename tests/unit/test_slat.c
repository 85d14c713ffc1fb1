/* SPDX-License-Identifier: MIT */
/* test_slat.c - second-level translation: blocks, splitting, merging, giving up, running short. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fake_mm.h>
#include <hvabi/status.h>
#include <mm/pfn.h>
#include <mm/phys.h>

#define GPA_BITS     40
#define POOL_PAGES   64
#define POOL_AT      (5 * GIB)
#define LARGE        (2 * MIB)
#define APIC_BASE    0xfee00000ull
#define FIXED_TABLES 1 /* the top one */

static struct pool root_pool, pool;
static struct slat slat;
static struct slat_gather g;
static const struct slat_hole apic = {APIC_BASE, PAGE_SIZE};

static int machine(void **state)
{
    (void)state;
    fake_machine_init(&root_pool);
    pool_init(&pool, 1);
    fake_pool_fill(&pool, POOL_AT, POOL_PAGES);
    slat_gather_init(&g, &slat);
    return slat_init(&slat, &pool, GPA_BITS) == HV_STATUS_SUCCESS ? 0 : -1;
}

static hv_status map(uint64_t at, enum slat_level level, uint64_t to, unsigned access)
{
    struct slat_mapping m = {hpa(to), access, SLAT_WRITE_BACK, false};
    hv_status st = slat_map(&slat, gpa(at), level, &m, &g);

    slat_gather_end(&g);
    return st;
}

static hv_status unmap(uint64_t at, enum slat_level level)
{
    hv_status st = slat_unmap(&slat, gpa(at), level, &g);

    slat_gather_end(&g);
    return st;
}

static void assert_maps(uint64_t at, uint64_t to, unsigned access, enum slat_level level)
{
    struct slat_view v;

    assert_int_equal(slat_query(&slat, gpa(at), &v), HV_STATUS_SUCCESS);
    assert_int_equal(v.hpa.v, to);
    assert_int_equal(v.access, access);
    assert_int_equal(v.level, level);
    assert_false(v.overlay);
}

static void assert_unmapped(uint64_t at)
{
    struct slat_view v;

    assert_int_equal(slat_query(&slat, gpa(at), &v), HV_STATUS_OPERATION_DENIED);
}

static void new_space_maps_nothing(void **state)
{
    struct slat_view v;

    (void)state;
    assert_unmapped(0);
    assert_unmapped((1ull << GPA_BITS) - 1);
    assert_int_equal(slat_query(&slat, gpa(1ull << GPA_BITS), &v), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(slat.tables, FIXED_TABLES);
}

static void mapping_has_its_size_and_rights(void **state)
{
    (void)state;
    assert_int_equal(map(PAGE_SIZE, SLAT_4K, 5 * MIB, SLAT_READ), HV_STATUS_SUCCESS);
    assert_int_equal(map(LARGE, SLAT_2M, 6 * MIB, SLAT_READ | SLAT_WRITE), HV_STATUS_SUCCESS);
    assert_int_equal(map(GIB, SLAT_1G, 4 * GIB, SLAT_RWX), HV_STATUS_SUCCESS);
    assert_maps(PAGE_SIZE + 5, 5 * MIB + 5, SLAT_READ, SLAT_4K);
    assert_maps(LARGE + 0x12345, 6 * MIB + 0x12345, SLAT_READ | SLAT_WRITE, SLAT_2M);
    assert_maps(GIB + 0x1234567, 4 * GIB + 0x1234567, SLAT_RWX, SLAT_1G);
    assert_unmapped(0);
}

static void memory_type_is_part_of_the_mapping(void **state)
{
    struct slat_mapping m = {hpa(LARGE), SLAT_RWX, SLAT_UNCACHED, false};
    struct slat_view v;

    (void)state;
    assert_int_equal(slat_map(&slat, gpa(0), SLAT_2M, &m, &g), HV_STATUS_SUCCESS);
    assert_int_equal(unmap(0, SLAT_4K), HV_STATUS_SUCCESS);
    assert_int_equal(slat_query(&slat, gpa(PAGE_SIZE), &v), HV_STATUS_SUCCESS);
    assert_int_equal(v.type, SLAT_UNCACHED);
}

static void inaccessible_is_not_unmapped(void **state)
{
    (void)state;
    assert_int_equal(map(0, SLAT_4K, 0, 0), HV_STATUS_SUCCESS);
    assert_maps(0, 0, 0, SLAT_4K);
    assert_int_equal(map(LARGE, SLAT_2M, 0, 0), HV_STATUS_SUCCESS);
    assert_maps(2 * LARGE - 1, LARGE - 1, 0, SLAT_2M);
    assert_int_equal(unmap(LARGE, SLAT_4K), HV_STATUS_SUCCESS);
    assert_maps(2 * LARGE - 1, LARGE - 1, 0, SLAT_4K);
}

static void bad_blocks_and_rights_are_refused(void **state)
{
    (void)state;
    assert_int_equal(map(1, SLAT_4K, MIB, SLAT_READ), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(map(PAGE_SIZE, SLAT_2M, LARGE, SLAT_READ), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(map(LARGE, SLAT_2M, MIB, SLAT_READ), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(map(1ull << GPA_BITS, SLAT_4K, MIB, SLAT_READ), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(map(UINT64_MAX & ~PAGE_MASK, SLAT_4K, MIB, SLAT_READ),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(map(0, SLAT_4K, MIB, SLAT_WRITE), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(map(0, SLAT_4K, MIB, SLAT_EXECUTE), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(map(0, SLAT_4K, MIB, 8), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(unmap(1ull << GPA_BITS, SLAT_4K), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(slat.tables, FIXED_TABLES);
}

static void unmapping_a_page_splits_a_gib_around_it(void **state)
{
    (void)state;
    assert_int_equal(map(GIB, SLAT_1G, 4 * GIB, SLAT_RWX), HV_STATUS_SUCCESS);
    assert_int_equal(unmap(GIB + LARGE + PAGE_SIZE, SLAT_4K), HV_STATUS_SUCCESS);
    assert_unmapped(GIB + LARGE + PAGE_SIZE);
    assert_maps(GIB + LARGE, 4 * GIB + LARGE, SLAT_RWX, SLAT_4K);
    assert_maps(GIB + 2 * LARGE, 4 * GIB + 2 * LARGE, SLAT_RWX, SLAT_2M);
    assert_maps(GIB, 4 * GIB, SLAT_RWX, SLAT_2M);
}

static void mapping_the_missing_page_makes_the_gib_whole(void **state)
{
    (void)state;
    assert_int_equal(map(GIB, SLAT_1G, 4 * GIB, SLAT_RWX), HV_STATUS_SUCCESS);
    assert_int_equal(unmap(GIB + 7 * PAGE_SIZE, SLAT_4K), HV_STATUS_SUCCESS);
    assert_int_equal(slat.tables, FIXED_TABLES + 3);
    assert_int_equal(map(GIB + 7 * PAGE_SIZE, SLAT_4K, 4 * GIB + 7 * PAGE_SIZE, SLAT_RWX),
                     HV_STATUS_SUCCESS);
    assert_maps(GIB, 4 * GIB, SLAT_RWX, SLAT_1G);
    assert_int_equal(slat.tables, FIXED_TABLES + 1);
}

static void unmapping_all_pages_of_a_block_gives_its_tables_up(void **state)
{
    uint64_t before = pool_balance(&pool).available;

    (void)state;
    assert_int_equal(map(LARGE, SLAT_2M, LARGE, SLAT_RWX), HV_STATUS_SUCCESS);
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(unmap(LARGE + i * PAGE_SIZE, SLAT_4K), HV_STATUS_SUCCESS);
    assert_int_equal(slat.tables, FIXED_TABLES);
    assert_int_equal(pool_balance(&pool).available + slat.reserved, before + SLAT_RESERVE_FLOOR);
}

static void freed_table_waits_for_the_flush(void **state)
{
    uint64_t generation, available;

    (void)state;
    assert_int_equal(map(0, SLAT_4K, MIB, SLAT_RWX), HV_STATUS_SUCCESS);
    assert_int_equal(slat_reserve(&slat, 8), HV_STATUS_SUCCESS);
    generation = slat.generation;
    available = pool_balance(&pool).available;
    assert_int_equal(slat_unmap(&slat, gpa(0), SLAT_4K, &g), HV_STATUS_SUCCESS);
    assert_true(g.needs_flush);
    assert_true(slat.generation > generation);
    assert_int_equal(pool_balance(&pool).available, available);
    assert_int_equal(slat.reserved, 8);
    slat_gather_end(&g);
    assert_int_equal(pool_balance(&pool).available, available + 3);
    assert_false(g.needs_flush);
}

static void first_mapping_needs_no_flush(void **state)
{
    struct slat_mapping m = {hpa(LARGE), SLAT_RWX, SLAT_WRITE_BACK, false};

    (void)state;
    assert_int_equal(slat_map(&slat, gpa(0), SLAT_2M, &m, &g), HV_STATUS_SUCCESS);
    assert_int_equal(slat_unmap(&slat, gpa(LARGE), SLAT_2M, &g), HV_STATUS_SUCCESS);
    assert_false(g.needs_flush);
}

static void counted_reference_waits_for_the_flush(void **state)
{
    struct slat_mapping m = {hpa(4 * GIB), SLAT_RWX, SLAT_WRITE_BACK, true};

    (void)state;
    assert_int_equal(pfn_map_get(m.hpa, 512), HV_STATUS_SUCCESS);
    assert_int_equal(slat_map(&slat, gpa(0), SLAT_2M, &m, &g), HV_STATUS_SUCCESS);
    assert_int_equal(slat_unmap(&slat, gpa(0), SLAT_4K, &g), HV_STATUS_SUCCESS);
    assert_int_equal(pfn_mappings(), 512);
    slat_gather_end(&g);
    assert_int_equal(pfn_mappings(), 511);
    assert_int_equal(pfn_map_count(m.hpa), 0);
    assert_int_equal(slat_unmap(&slat, gpa(0), SLAT_2M, &g), HV_STATUS_SUCCESS);
    slat_gather_end(&g);
    assert_int_equal(pfn_mappings(), 0);
}

static void gather_is_full_before_its_end_takes_long(void **state)
{
    struct slat_mapping m = {hpa(4 * GIB), SLAT_RWX, SLAT_WRITE_BACK, true};
    uint64_t blocks = 0;

    (void)state;
    for (uint64_t i = 0; i < 20; i++) {
        assert_int_equal(pfn_map_get(m.hpa, 512), HV_STATUS_SUCCESS);
        assert_int_equal(slat_map(&slat, gpa(i * LARGE), SLAT_2M, &m, &g), HV_STATUS_SUCCESS);
    }
    for (; !slat_gather_full(&g); blocks++)
        assert_int_equal(slat_unmap(&slat, gpa(blocks * LARGE), SLAT_2M, &g), HV_STATUS_SUCCESS);
    assert_int_equal(blocks, 8);
    slat_gather_end(&g);
    assert_int_equal(pfn_mappings(), 12 * 512);
    assert_false(slat_gather_full(&g));
}

static void counted_gib_and_gib_over_tables_are_denied(void **state)
{
    struct slat_mapping m = {hpa(4 * GIB), SLAT_RWX, SLAT_WRITE_BACK, true};

    (void)state;
    assert_int_equal(slat_map(&slat, gpa(0), SLAT_1G, &m, &g), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(map(PAGE_SIZE, SLAT_4K, MIB, SLAT_RWX), HV_STATUS_SUCCESS);
    assert_int_equal(map(0, SLAT_1G, GIB, SLAT_RWX), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(unmap(0, SLAT_1G), HV_STATUS_OPERATION_DENIED);
    assert_maps(PAGE_SIZE, MIB, SLAT_RWX, SLAT_4K);
}

static void without_tables_nothing_changes(void **state)
{
    hpa_t page;

    (void)state;
    assert_int_equal(map(GIB, SLAT_1G, 4 * GIB, SLAT_RWX), HV_STATUS_SUCCESS);
    while (pool_page_alloc(&pool, &page) == HV_STATUS_SUCCESS)
        ;
    assert_int_equal(map(64 * GIB, SLAT_4K, 0, SLAT_READ), HV_STATUS_SUCCESS);
    assert_int_equal(slat.reserved, 1);
    assert_int_equal(unmap(GIB + PAGE_SIZE, SLAT_4K), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_int_equal(map(GIB + PAGE_SIZE, SLAT_4K, 0, SLAT_READ), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_int_equal(slat_protect(&slat, gpa(GIB), SLAT_4K, 0, &g), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_maps(GIB + PAGE_SIZE, 4 * GIB + PAGE_SIZE, SLAT_RWX, SLAT_1G);
    assert_false(g.needs_flush);
    assert_int_equal(unmap(GIB, SLAT_2M), HV_STATUS_SUCCESS); /* takes just the one */
}

static void init_without_memory_leaves_nothing(void **state)
{
    static struct pool small;
    static struct slat s;

    (void)state;
    pool_init(&small, 2);
    for (uint64_t n = 0; n < 1 + SLAT_RESERVE_FLOOR; n++) {
        assert_int_equal(slat_init(&s, &small, GPA_BITS), HV_STATUS_INSUFFICIENT_MEMORY);
        assert_int_equal(pool_balance(&small).available, n);
        assert_true(slat_destroy(&s, 1));
        fake_pool_fill(&small, 4 * GIB + n * PAGE_SIZE, 1);
    }
    assert_int_equal(slat_init(&s, &small, GPA_BITS), HV_STATUS_SUCCESS);
    while (!slat_destroy(&s, 100))
        ;
    assert_int_equal(pool_balance(&small).in_use, 0);
}

static void destroy_is_bounded_and_gives_all_back(void **state)
{
    struct slat_mapping m = {hpa(4 * GIB), SLAT_RWX, SLAT_WRITE_BACK, true};
    int rounds = 0;

    (void)state;
    for (uint64_t i = 0; i < 4; i++) {
        m.hpa = hpa(4 * GIB + i * LARGE);
        assert_int_equal(pfn_map_get(m.hpa, 512), HV_STATUS_SUCCESS);
        assert_int_equal(slat_map(&slat, gpa(i * 64 * GIB), SLAT_2M, &m, &g), HV_STATUS_SUCCESS);
    }
    assert_int_equal(map(100 * GIB, SLAT_1G, GIB, SLAT_READ), HV_STATUS_SUCCESS);
    assert_int_equal(unmap(0, SLAT_4K), HV_STATUS_SUCCESS);
    for (;; rounds++) {
        uint64_t before = pfn_mappings();
        bool gone = slat_destroy(&slat, 64);

        assert_true(before - pfn_mappings() <= 64 + 512);
        if (gone)
            break;
    }
    assert_true(rounds > 20);
    assert_int_equal(pfn_mappings(), 0);
    assert_int_equal(pool_balance(&pool).in_use, 0);
    assert_int_equal(pool_balance(&pool).available, POOL_PAGES);
    assert_true(slat_destroy(&slat, 1));
}

static hv_status touch(uint64_t at)
{
    return slat_identity_fault(&slat, gpa(at), SLAT_READ, SLAT_WRITE_BACK, &apic, 1);
}

static void device_is_mapped_when_root_touches_it(void **state)
{
    (void)state;
    assert_int_equal(touch(8 * GIB + 123), HV_STATUS_SUCCESS);
    assert_maps(8 * GIB, 8 * GIB, SLAT_RWX, SLAT_1G);
    assert_int_equal(touch(8 * GIB + 123), HV_STATUS_SUCCESS); /* another LP was faster */
    assert_int_equal(touch(0xb8000), HV_STATUS_SUCCESS);
    assert_maps(0xb8000, 0xb8000, SLAT_RWX, SLAT_4K);
    assert_int_equal(touch(3 * GIB), HV_STATUS_SUCCESS); /* the APIC's GiB */
    assert_maps(3 * GIB, 3 * GIB, SLAT_RWX, SLAT_2M);
}

static void local_apic_is_never_mapped(void **state)
{
    (void)state;
    assert_int_equal(touch(APIC_BASE + 0x20), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(touch(APIC_BASE + PAGE_SIZE), HV_STATUS_SUCCESS);
    assert_unmapped(APIC_BASE);
    assert_maps(APIC_BASE + PAGE_SIZE, APIC_BASE + PAGE_SIZE, SLAT_RWX, SLAT_4K);
}

static void ram_that_is_not_roots_is_never_mapped_by_a_fault(void **state)
{
    (void)state;
    assert_int_equal(touch(KEPT_BASE), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(touch(POOL_AT), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(touch(1ull << GPA_BITS), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(slat.tables, FIXED_TABLES);
}

static void fault_on_missing_right_is_denied(void **state)
{
    (void)state;
    assert_int_equal(map(0, SLAT_4K, 0, SLAT_READ), HV_STATUS_SUCCESS);
    assert_int_equal(slat_identity_fault(&slat, gpa(0), SLAT_READ | SLAT_WRITE, SLAT_WRITE_BACK,
                                         NULL, 0),
                     HV_STATUS_OPERATION_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(new_space_maps_nothing, machine),
        cmocka_unit_test_setup(mapping_has_its_size_and_rights, machine),
        cmocka_unit_test_setup(memory_type_is_part_of_the_mapping, machine),
        cmocka_unit_test_setup(inaccessible_is_not_unmapped, machine),
        cmocka_unit_test_setup(bad_blocks_and_rights_are_refused, machine),
        cmocka_unit_test_setup(unmapping_a_page_splits_a_gib_around_it, machine),
        cmocka_unit_test_setup(mapping_the_missing_page_makes_the_gib_whole, machine),
        cmocka_unit_test_setup(unmapping_all_pages_of_a_block_gives_its_tables_up, machine),
        cmocka_unit_test_setup(freed_table_waits_for_the_flush, machine),
        cmocka_unit_test_setup(first_mapping_needs_no_flush, machine),
        cmocka_unit_test_setup(counted_reference_waits_for_the_flush, machine),
        cmocka_unit_test_setup(gather_is_full_before_its_end_takes_long, machine),
        cmocka_unit_test_setup(counted_gib_and_gib_over_tables_are_denied, machine),
        cmocka_unit_test_setup(without_tables_nothing_changes, machine),
        cmocka_unit_test_setup(init_without_memory_leaves_nothing, machine),
        cmocka_unit_test_setup(destroy_is_bounded_and_gives_all_back, machine),
        cmocka_unit_test_setup(device_is_mapped_when_root_touches_it, machine),
        cmocka_unit_test_setup(local_apic_is_never_mapped, machine),
        cmocka_unit_test_setup(ram_that_is_not_roots_is_never_mapped_by_a_fault, machine),
        cmocka_unit_test_setup(fault_on_missing_right_is_denied, machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
