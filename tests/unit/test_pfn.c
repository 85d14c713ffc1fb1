/* SPDX-License-Identifier: MIT */
/* test_pfn.c - page ownership. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fake_mm.h>
#include <hvabi/status.h>
#include <mm/pfn.h>
#include <mm/phys.h>

static struct pool root_pool;

static int machine(void **state)
{
    (void)state;
    fake_machine_init(&root_pool);
    return 0;
}

static void boot_map_decides_the_first_owners(void **state)
{
    (void)state;
    assert_int_equal(pfn_query(hpa(0x9f000), NULL), PFN_ROOT);
    assert_int_equal(pfn_query(hpa(0xa0000), NULL), PFN_NONE);
    assert_int_equal(pfn_query(hpa(KEPT_BASE - 1), NULL), PFN_ROOT);
    assert_int_equal(pfn_query(hpa(KEPT_BASE), NULL), PFN_KEPT);
    assert_int_equal(pfn_query(hpa(KEPT_BASE + KEPT_SIZE - 1), NULL), PFN_KEPT);
    assert_int_equal(pfn_query(hpa(KEPT_BASE + KEPT_SIZE), NULL), PFN_ROOT);
    assert_int_equal(pfn_query(hpa(3 * GIB - 16 * MIB), NULL), PFN_NONE); /* runtime services */
    assert_int_equal(pfn_query(hpa(3 * GIB - 1), NULL), PFN_ROOT);
    assert_int_equal(pfn_query(hpa(3 * GIB), NULL), PFN_NONE);
    assert_int_equal(pfn_query(hpa(4 * GIB), NULL), PFN_ROOT);
    assert_int_equal(pfn_query(hpa(6 * GIB), NULL), PFN_NONE);
    assert_int_equal(pfn_query(hpa(UINT64_MAX), NULL), PFN_NONE);
}

static void counters_add_up_to_all_ram(void **state)
{
    (void)state;
    assert_int_equal(pfn_count(PFN_KEPT), KEPT_SIZE >> PAGE_SHIFT);
    assert_int_equal(pfn_count(PFN_ROOT),
                     (0xa0000 + 3 * GIB - MIB - KEPT_SIZE - 8 * MIB + 2 * GIB) >> PAGE_SHIFT);
    assert_int_equal(pfn_count(PFN_POOL), 0);
    assert_int_equal(pfn_mappings(), 0);
}

static void kept_region_inside_usable_range_is_kept(void **state)
{
    static const struct boot_memory_range map[] = {
        {.base = MIB, .length = 63 * MIB, .type = BOOT_MEMORY_USABLE}};
    void *table = hpa_ptr(hpa(512 * MIB));

    (void)state;
    pfn_init(map, 1, hpa(8 * MIB), 2 * MIB, table);
    assert_int_equal(pfn_query(hpa(8 * MIB), NULL), PFN_KEPT);
    assert_int_equal(pfn_query(hpa(10 * MIB), NULL), PFN_ROOT);
    assert_int_equal(pfn_count(PFN_KEPT), 512);
    assert_int_equal(pfn_count(PFN_ROOT), 61 * 256);
}

static void deposit_changes_owner_and_withdraw_changes_it_back(void **state)
{
    uint16_t slot = 0;

    (void)state;
    assert_int_equal(pfn_deposit(hpa(4 * GIB), 1023), HV_STATUS_SUCCESS);
    assert_int_equal(pfn_query(hpa(4 * GIB), &slot), PFN_POOL);
    assert_int_equal(slot, 1023);
    assert_int_equal(pfn_count(PFN_POOL), 1);
    pfn_withdraw(hpa(4 * GIB), 1023);
    assert_int_equal(pfn_query(hpa(4 * GIB), NULL), PFN_ROOT);
    assert_int_equal(pfn_count(PFN_POOL), 0);
}

static void deposit_refuses_what_is_not_roots(void **state)
{
    (void)state;
    assert_int_equal(pfn_deposit(hpa(KEPT_BASE), 1), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(pfn_deposit(hpa(0xa0000), 1), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(pfn_deposit(hpa(3 * GIB), 1), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(pfn_deposit(hpa(1ull << 60), 1), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(pfn_deposit(hpa(0), 1), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(pfn_deposit(hpa(MIB), 1), HV_STATUS_SUCCESS);
    assert_int_equal(pfn_deposit(hpa(MIB), 2), HV_STATUS_OPERATION_DENIED);
}

static void deposit_refuses_mapped_page(void **state)
{
    (void)state;
    assert_int_equal(pfn_map_get(hpa(MIB), 1), HV_STATUS_SUCCESS);
    assert_int_equal(pfn_deposit(hpa(MIB), 1), HV_STATUS_OPERATION_DENIED);
    pfn_map_put(hpa(MIB), 1);
    assert_int_equal(pfn_deposit(hpa(MIB), 1), HV_STATUS_SUCCESS);
}

static void withdraw_from_another_pool_is_a_bug(void **state)
{
    (void)state;
    assert_int_equal(pfn_deposit(hpa(MIB), 1), HV_STATUS_SUCCESS);
    assert_true(PANICS(pfn_withdraw(hpa(MIB), 2)));
    assert_true(PANICS(pfn_withdraw(hpa(2 * MIB), 1)));
}

static void mappings_are_counted(void **state)
{
    (void)state;
    assert_int_equal(pfn_map_get(hpa(2 * MIB), 512), HV_STATUS_SUCCESS);
    assert_int_equal(pfn_map_get(hpa(2 * MIB), 1), HV_STATUS_SUCCESS);
    assert_int_equal(pfn_map_count(hpa(2 * MIB)), 2);
    assert_int_equal(pfn_map_count(hpa(4 * MIB - 1)), 1);
    assert_int_equal(pfn_map_count(hpa(4 * MIB)), 0);
    assert_int_equal(pfn_mappings(), 513);
    pfn_map_put(hpa(2 * MIB), 512);
    assert_int_equal(pfn_mappings(), 1);
}

static void failed_block_leaves_no_counts(void **state)
{
    (void)state;
    assert_int_equal(pfn_deposit(hpa(3 * MIB), 1), HV_STATUS_SUCCESS);
    assert_int_equal(pfn_map_get(hpa(2 * MIB), 512), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(pfn_map_get(hpa(KEPT_BASE - PAGE_SIZE), 2), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(pfn_mappings(), 0);
}

static void putting_what_nobody_took_is_a_bug(void **state)
{
    (void)state;
    assert_true(PANICS(pfn_map_put(hpa(2 * MIB), 1)));
    assert_true(PANICS(pfn_map_put(hpa(3 * GIB), 1)));
}

static void ranges_without_ram_are_found(void **state)
{
    (void)state;
    assert_true(pfn_range_is_none(hpa(3 * GIB), GIB));
    assert_true(pfn_range_is_none(hpa(6 * GIB), 100 * GIB));
    assert_true(pfn_range_is_none(hpa(0xa0000), 0x60000));
    assert_false(pfn_range_is_none(hpa(0), 2 * MIB));
    assert_false(pfn_range_is_none(hpa(0xa0000), 0x61000));
    assert_false(pfn_range_is_none(hpa(2 * GIB), GIB));
    assert_true(pfn_range_is_none(hpa(3 * GIB - 16 * MIB), 2 * MIB));
    assert_false(pfn_range_is_none(hpa(KEPT_BASE), PAGE_SIZE));
}

/* A PC's map: RAM below 3 GiB, then from 4 GiB, or from 1 TiB past AMD's HyperTransport hole. */
static uint32_t pc_map(struct boot_memory_range *map, uint64_t ram)
{
    uint64_t low = ram < 3 * GIB ? ram : 3 * GIB, high = ram - low, below = 1012 * GIB - 4 * GIB;
    uint32_t n = 0;

    map[n++] = (struct boot_memory_range){.length = 0xa0000, .type = BOOT_MEMORY_USABLE};
    map[n++] = (struct boot_memory_range){
        .base = MIB, .length = low - MIB, .type = BOOT_MEMORY_USABLE};
    if (high == 0)
        return n;
    map[n++] = (struct boot_memory_range){
        .base = 4 * GIB, .length = high < below ? high : below, .type = BOOT_MEMORY_USABLE};
    if (high > below)
        map[n++] = (struct boot_memory_range){
            .base = 1024 * GIB, .length = high - below, .type = BOOT_MEMORY_USABLE};
    return n;
}

static void table_fits_what_is_kept_from_512_mib_to_4_tib(void **state)
{
    struct boot_memory_range map[4];

    (void)state;
    for (uint64_t ram = 512 * MIB; ram <= 4096 * GIB; ram += ram / 8) {
        uint32_t n = pc_map(map, ram);
        uint64_t table = pfn_table_size(map, n);
        /* Root's tables: a GiB at the edges of a range needs two, 512 GiB need one. */
        uint64_t slat = PAGE_SIZE * (1 + SLAT_RESERVE_FLOOR + 4 * 2 + ram / (512 * GIB) + 4);

        assert_true(table >= (ram >> PAGE_SHIFT) * BOOT_KEPT_PER_RAM_PAGE - MIB);
        /* A quarter of the fixed part is left for holes and tables, the rest is the image's. */
        assert_true(table + slat <=
                    (ram >> PAGE_SHIFT) * BOOT_KEPT_PER_RAM_PAGE + BOOT_KEPT_FIXED / 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(boot_map_decides_the_first_owners, machine),
        cmocka_unit_test_setup(counters_add_up_to_all_ram, machine),
        cmocka_unit_test_setup(kept_region_inside_usable_range_is_kept, machine),
        cmocka_unit_test_setup(deposit_changes_owner_and_withdraw_changes_it_back, machine),
        cmocka_unit_test_setup(deposit_refuses_what_is_not_roots, machine),
        cmocka_unit_test_setup(deposit_refuses_mapped_page, machine),
        cmocka_unit_test_setup(withdraw_from_another_pool_is_a_bug, machine),
        cmocka_unit_test_setup(mappings_are_counted, machine),
        cmocka_unit_test_setup(failed_block_leaves_no_counts, machine),
        cmocka_unit_test_setup(putting_what_nobody_took_is_a_bug, machine),
        cmocka_unit_test_setup(ranges_without_ram_are_found, machine),
        cmocka_unit_test(table_fits_what_is_kept_from_512_mib_to_4_tib),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
