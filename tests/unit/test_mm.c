/* SPDX-License-Identifier: MIT */
/* test_mm.c - memory moves between root, children and pools, and all of it comes back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fake_mm.h>
#include <hvabi/status.h>
#include <mm/guest.h>
#include <mm/overlay.h>
#include <mm/pfn.h>
#include <mm/phys.h>

#define SLOT     3
#define LARGE    (2 * MIB)
#define GPA_BITS 48
#define PAGE_A   (5 * GIB)

static struct pool root_pool, pool;
static struct slat root, child;
static struct slat_gather g, root_g;

static int machine(void **state)
{
    (void)state;
    fake_machine_init(&root_pool);
    if (slat_init(&root, &root_pool, GPA_BITS) != HV_STATUS_SUCCESS)
        return -1;
    pool_init(&pool, SLOT);
    slat_gather_init(&root_g, &root);
    return mm_map_root(&root, fake_map, fake_map_count);
}

static int family(void **state)
{
    if (machine(state) != 0)
        return -1;
    fake_pool_fill(&pool, 4 * GIB, 32);
    slat_gather_init(&g, &child);
    return slat_init(&child, &pool, 40);
}

static hv_status deposit(struct pool *to, uint64_t page)
{
    hv_status st = mm_deposit(&root, to, gpa(page), &root_g);

    slat_gather_end(&root_g);
    return st;
}

static hv_status withdraw(struct pool *from, gpa_t *out)
{
    hv_status st = mm_withdraw(&root, from, out, &root_g);

    slat_gather_end(&root_g);
    return st;
}

static hv_status map(uint64_t target, uint64_t source, enum slat_level level)
{
    hv_status st = mm_map_child(&child, &root, gpa(target), gpa(source), level, SLAT_RWX,
                                SLAT_WRITE_BACK, &g);

    slat_gather_end(&g);
    return st;
}

static void assert_root_has(uint64_t at, enum slat_level level)
{
    struct slat_view v;

    assert_int_equal(slat_query(&root, gpa(at), &v), HV_STATUS_SUCCESS);
    assert_int_equal(v.hpa.v, at);
    assert_int_equal(v.access, SLAT_RWX);
    assert_int_equal(v.level, level);
}

static void assert_root_lacks(uint64_t at)
{
    struct slat_view v;

    assert_int_equal(slat_query(&root, gpa(at), &v), HV_STATUS_OPERATION_DENIED);
}

static void root_has_all_its_ram_and_none_of_the_hypervisors(void **state)
{
    (void)state;
    assert_root_has(0, SLAT_4K);
    assert_root_has(KEPT_BASE - PAGE_SIZE, SLAT_2M);
    assert_root_has(KEPT_BASE + KEPT_SIZE, SLAT_2M);
    assert_root_has(2 * GIB, SLAT_2M);
    assert_root_has(GIB, SLAT_1G);
    assert_root_has(5 * GIB, SLAT_1G);
    for (uint64_t at = KEPT_BASE; at < KEPT_BASE + KEPT_SIZE; at += PAGE_SIZE)
        assert_root_lacks(at);
    assert_root_lacks(0xa0000);
    assert_root_lacks(3 * GIB);
    assert_root_lacks(6 * GIB);
}

static void deposited_page_leaves_root_and_is_zeroed(void **state)
{
    uint16_t slot;

    (void)state;
    memset(hpa_ptr(hpa(PAGE_A)), 0x77, PAGE_SIZE);
    assert_int_equal(mm_deposit(&root, &pool, gpa(PAGE_A), &root_g), HV_STATUS_SUCCESS);
    assert_true(root_g.needs_flush);
    assert_int_equal(pool_balance(&pool).available, 0); /* root may still see it */
    slat_gather_end(&root_g);
    assert_int_equal(pool_balance(&pool).available, 1);
    assert_int_equal(pfn_query(hpa(PAGE_A), &slot), PFN_POOL);
    assert_int_equal(slot, SLOT);
    assert_root_lacks(PAGE_A);
    assert_root_has(PAGE_A + PAGE_SIZE, SLAT_4K);
    assert_int_equal(*(unsigned char *)hpa_ptr(hpa(PAGE_A + 100)), 0);
}

static void deposit_refuses_what_root_cannot_give(void **state)
{
    (void)state;
    assert_int_equal(deposit(&pool, PAGE_A), HV_STATUS_SUCCESS);
    assert_int_equal(deposit(&pool, PAGE_A), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(deposit(&pool, PAGE_A + PAGE_SIZE + 1), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(deposit(&pool, 0), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(deposit(&pool, KEPT_BASE), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(deposit(&pool, 0xa0000), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(deposit(&pool, 1ull << GPA_BITS), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(deposit(&pool, UINT64_MAX & ~PAGE_MASK), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(slat_identity_fault(&root, gpa(8 * GIB), SLAT_READ, SLAT_WRITE_BACK, NULL, 0),
                     HV_STATUS_SUCCESS);
    assert_int_equal(deposit(&pool, 8 * GIB), HV_STATUS_OPERATION_DENIED); /* a device */
    assert_int_equal(mm_protect_root(&root, gpa(PAGE_A + PAGE_SIZE), SLAT_4K, SLAT_READ, &root_g),
                     HV_STATUS_SUCCESS);
    assert_int_equal(deposit(&pool, PAGE_A + PAGE_SIZE), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(pfn_count(PFN_POOL), 1);
}

static void deposit_refuses_overlaid_page(void **state)
{
    struct overlay o;
    hpa_t page;

    (void)state;
    overlay_init(&o);
    assert_int_equal(pool_page_alloc(&root_pool, &page), HV_STATUS_SUCCESS);
    assert_int_equal(overlay_set(&root, &o, gpa(PAGE_A), page, SLAT_RWX, &root_g),
                     HV_STATUS_SUCCESS);
    assert_int_equal(deposit(&pool, PAGE_A), HV_STATUS_OBJECT_IN_USE);
    overlay_clear(&root, &o, &root_g);
    assert_int_equal(deposit(&pool, PAGE_A), HV_STATUS_SUCCESS);
}

static void depositing_a_large_block_costs_root_no_tables(void **state)
{
    uint64_t tables;

    (void)state;
    assert_int_equal(deposit(&pool, PAGE_A + 8 * LARGE), HV_STATUS_SUCCESS); /* splits the GiB */
    tables = root.tables;
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(deposit(&pool, PAGE_A + i * PAGE_SIZE), HV_STATUS_SUCCESS);
    assert_int_equal(root.tables, tables);
    assert_int_equal(pool_balance(&pool).available, 513);
}

static void all_comes_back_and_root_is_whole_again(void **state)
{
    struct pool_balance before = pool_balance(&root_pool);
    uint64_t tables = root.tables, count = 700;
    gpa_t page;

    (void)state;
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(deposit(&pool, PAGE_A + (i * 37 % count) * PAGE_SIZE), HV_STATUS_SUCCESS);
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(withdraw(&pool, &page), HV_STATUS_SUCCESS);
    assert_int_equal(withdraw(&pool, &page), HV_STATUS_NO_RESOURCES);
    assert_root_has(PAGE_A, SLAT_1G);
    assert_int_equal(root.tables, tables);
    assert_int_equal(pool_balance(&root_pool).available, before.available);
    assert_int_equal(pool_balance(&root_pool).in_use, before.in_use);
    assert_int_equal(pfn_count(PFN_POOL), 0);
}

/* Take all but the SLAT's reserve. */
static void exhaust(struct pool *p)
{
    hpa_t page;

    while (pool_page_alloc(p, &page) == HV_STATUS_SUCCESS)
        ;
}

static void root_out_of_tables_can_still_deposit_to_itself(void **state)
{
    (void)state;
    exhaust(&root_pool);
    assert_int_equal(deposit(&pool, PAGE_A), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_int_equal(pfn_query(hpa(PAGE_A), NULL), PFN_ROOT);
    assert_root_has(PAGE_A, SLAT_1G);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(deposit(&root_pool, PAGE_A + i * PAGE_SIZE), HV_STATUS_SUCCESS);
    assert_int_equal(root.reserved, SLAT_RESERVE_FLOOR);
    assert_int_equal(deposit(&pool, PAGE_A + LARGE), HV_STATUS_SUCCESS); /* splits another block */
}

static void withdrawal_without_tables_leaves_the_page_in_the_pool(void **state)
{
    gpa_t page;

    (void)state;
    for (uint64_t i = 0; i < 512; i++) /* root's tables around these are gone */
        assert_int_equal(deposit(&pool, PAGE_A + i * PAGE_SIZE), HV_STATUS_SUCCESS);
    exhaust(&root_pool);
    assert_int_equal(withdraw(&pool, &page), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_int_equal(pool_balance(&pool).available, 512);
    assert_int_equal(pfn_count(PFN_POOL), 512);
}

static void child_shows_roots_page_and_root_keeps_it(void **state)
{
    char c = 0;

    (void)state;
    assert_int_equal(map(0, PAGE_A, SLAT_4K), HV_STATUS_SUCCESS);
    assert_int_equal(guest_write(&root, gpa(PAGE_A), "x", 1), HV_STATUS_SUCCESS);
    assert_int_equal(guest_read(&child, gpa(0), &c, 1), HV_STATUS_SUCCESS);
    assert_int_equal(c, 'x');
    assert_int_equal(deposit(&pool, PAGE_A), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(pfn_map_count(hpa(PAGE_A)), 1);
}

static void child_may_show_a_page_twice(void **state)
{
    uint64_t done;

    (void)state;
    assert_int_equal(map(0, PAGE_A, SLAT_4K), HV_STATUS_SUCCESS);
    assert_int_equal(map(GIB, PAGE_A, SLAT_4K), HV_STATUS_SUCCESS);
    assert_int_equal(map(GIB, PAGE_A, SLAT_4K), HV_STATUS_SUCCESS);
    assert_int_equal(pfn_map_count(hpa(PAGE_A)), 2);
    assert_int_equal(mm_unmap_child(&child, gpa(0), 1, &done, &g), HV_STATUS_SUCCESS);
    slat_gather_end(&g);
    assert_int_equal(done, 1);
    assert_int_equal(pfn_map_count(hpa(PAGE_A)), 1);
}

static void pages_mapped_one_by_one_become_a_large_page(void **state)
{
    struct slat_view v;

    (void)state;
    for (uint64_t i = 0; i < 512; i++)
        assert_int_equal(map(LARGE + i * PAGE_SIZE, PAGE_A + i * PAGE_SIZE, SLAT_4K),
                         HV_STATUS_SUCCESS);
    assert_int_equal(slat_query(&child, gpa(LARGE), &v), HV_STATUS_SUCCESS);
    assert_int_equal(v.level, SLAT_2M);
    assert_int_equal(pfn_mappings(), 512);
}

static void child_cannot_have_what_root_does_not_own(void **state)
{
    struct overlay o;
    hpa_t page;

    (void)state;
    assert_int_equal(map(0, 4 * GIB, SLAT_4K), HV_STATUS_OPERATION_DENIED); /* deposited */
    assert_int_equal(map(0, KEPT_BASE, SLAT_4K), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(map(0, 4 * GIB, SLAT_2M), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(map(0, 1ull << GPA_BITS, SLAT_4K), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(map(1ull << 40, PAGE_A, SLAT_4K), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(map(PAGE_SIZE, PAGE_A, SLAT_2M), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(map(0, 4 * GIB, SLAT_1G), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(slat_identity_fault(&root, gpa(8 * GIB), SLAT_READ, SLAT_WRITE_BACK, NULL, 0),
                     HV_STATUS_SUCCESS);
    assert_int_equal(map(0, 8 * GIB, SLAT_4K), HV_STATUS_OPERATION_DENIED); /* a device */
    overlay_init(&o);
    assert_int_equal(pool_page_alloc(&root_pool, &page), HV_STATUS_SUCCESS);
    assert_int_equal(overlay_set(&root, &o, gpa(PAGE_A + PAGE_SIZE), page, SLAT_RWX, &root_g),
                     HV_STATUS_SUCCESS);
    assert_int_equal(map(0, PAGE_A + PAGE_SIZE, SLAT_4K), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(map(0, PAGE_A, SLAT_2M), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(pfn_mappings(), 0);
    assert_int_equal(child.tables, 1);
}

static void failed_child_mapping_keeps_no_reference(void **state)
{
    (void)state;
    exhaust(&pool);
    assert_int_equal(map(0, PAGE_A, SLAT_4K), HV_STATUS_SUCCESS); /* three of the four reserved */
    assert_int_equal(map(GIB, PAGE_A, SLAT_4K), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_int_equal(pfn_map_count(hpa(PAGE_A)), 1);
}

static void unmapping_takes_whole_blocks_where_it_can(void **state)
{
    uint64_t done;

    (void)state;
    assert_int_equal(map(LARGE, PAGE_A, SLAT_2M), HV_STATUS_SUCCESS);
    assert_int_equal(mm_unmap_child(&child, gpa(LARGE), 511, &done, &g), HV_STATUS_SUCCESS);
    assert_int_equal(done, 1);
    assert_int_equal(mm_unmap_child(&child, gpa(LARGE), 512, &done, &g), HV_STATUS_SUCCESS);
    assert_int_equal(done, 512);
    assert_int_equal(pfn_mappings(), 512);
    slat_gather_end(&g);
    assert_int_equal(pfn_mappings(), 0);
    assert_int_equal(child.tables, 1);
}

static void root_changes_its_own_rights_only(void **state)
{
    (void)state;
    assert_int_equal(mm_protect_root(&root, gpa(PAGE_A), SLAT_4K, SLAT_READ, &root_g), HV_STATUS_SUCCESS);
    assert_int_equal(guest_write(&root, gpa(PAGE_A), "x", 1), HV_STATUS_ACCESS_DENIED);
    assert_int_equal(mm_protect_root(&root, gpa(PAGE_A), SLAT_4K, SLAT_WRITE, &root_g),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(mm_protect_root(&root, gpa(PAGE_A), SLAT_4K, SLAT_RWX, &root_g), HV_STATUS_SUCCESS);
    slat_gather_end(&root_g);
    assert_root_has(PAGE_A, SLAT_1G);
    assert_int_equal(mm_protect_root(&root, gpa(KEPT_BASE), SLAT_4K, SLAT_RWX, &root_g),
                     HV_STATUS_ACCESS_DENIED);
    assert_root_lacks(KEPT_BASE);
    assert_int_equal(mm_protect_root(&root, gpa(PAGE_A), SLAT_2M, SLAT_READ, &root_g),
                     HV_STATUS_SUCCESS);
    assert_int_equal(guest_write(&root, gpa(PAGE_A + LARGE - 1), "x", 1), HV_STATUS_ACCESS_DENIED);
    assert_int_equal(guest_write(&root, gpa(PAGE_A + LARGE), "x", 1), HV_STATUS_SUCCESS);
    assert_int_equal(mm_protect_root(&root, gpa(PAGE_A + PAGE_SIZE), SLAT_2M, SLAT_RWX, &root_g),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(mm_protect_root(&root, gpa(PAGE_A), SLAT_2M, SLAT_RWX, &root_g),
                     HV_STATUS_SUCCESS);
    assert_root_has(PAGE_A, SLAT_1G);
    slat_gather_end(&root_g);
    assert_int_equal(deposit(&pool, PAGE_A + LARGE - PAGE_SIZE), HV_STATUS_SUCCESS);
    assert_int_equal(mm_protect_root(&root, gpa(PAGE_A), SLAT_2M, SLAT_READ, &root_g),
                     HV_STATUS_ACCESS_DENIED);
}

static void hundred_lives_of_a_child_leave_no_trace(void **state)
{
    struct pool_balance before = pool_balance(&root_pool);
    uint64_t seed = 7, root_pages = pfn_count(PFN_ROOT);
    gpa_t page;

    (void)state;
    for (int life = 0; life < 100; life++) {
        pool_init(&pool, SLOT);
        for (uint64_t i = 0; i < 24; i++)
            assert_int_equal(deposit(&pool, PAGE_A + i * PAGE_SIZE), HV_STATUS_SUCCESS);
        slat_gather_init(&g, &child);
        assert_int_equal(slat_init(&child, &pool, 40), HV_STATUS_SUCCESS);
        for (int k = 0; k < 30; k++) {
            enum slat_level level = k % 3 == 0 ? SLAT_2M : SLAT_4K;
            uint64_t source = 5 * GIB + 512 * MIB + fake_random(&seed, 64) * LARGE;
            hv_status st = map(fake_random(&seed, 4096) * 64 * MIB, source, level);

            assert_true(st == HV_STATUS_SUCCESS || st == HV_STATUS_INSUFFICIENT_MEMORY);
        }
        while (!slat_destroy(&child, 50))
            ;
        for (uint64_t i = 0; i < 24; i++)
            assert_int_equal(withdraw(&pool, &page), HV_STATUS_SUCCESS);
        assert_int_equal(pool_balance(&pool).in_use, 0);
    }
    assert_int_equal(pfn_mappings(), 0);
    assert_int_equal(pfn_count(PFN_ROOT), root_pages);
    assert_int_equal(pool_balance(&root_pool).available, before.available);
    assert_root_has(PAGE_A, SLAT_1G);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(root_has_all_its_ram_and_none_of_the_hypervisors, machine),
        cmocka_unit_test_setup(deposited_page_leaves_root_and_is_zeroed, machine),
        cmocka_unit_test_setup(deposit_refuses_what_root_cannot_give, machine),
        cmocka_unit_test_setup(deposit_refuses_overlaid_page, machine),
        cmocka_unit_test_setup(depositing_a_large_block_costs_root_no_tables, machine),
        cmocka_unit_test_setup(all_comes_back_and_root_is_whole_again, machine),
        cmocka_unit_test_setup(root_out_of_tables_can_still_deposit_to_itself, machine),
        cmocka_unit_test_setup(withdrawal_without_tables_leaves_the_page_in_the_pool, machine),
        cmocka_unit_test_setup(child_shows_roots_page_and_root_keeps_it, family),
        cmocka_unit_test_setup(child_may_show_a_page_twice, family),
        cmocka_unit_test_setup(pages_mapped_one_by_one_become_a_large_page, family),
        cmocka_unit_test_setup(child_cannot_have_what_root_does_not_own, family),
        cmocka_unit_test_setup(failed_child_mapping_keeps_no_reference, family),
        cmocka_unit_test_setup(unmapping_takes_whole_blocks_where_it_can, family),
        cmocka_unit_test_setup(root_changes_its_own_rights_only, machine),
        cmocka_unit_test_setup(hundred_lives_of_a_child_leave_no_trace, machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
