/* SPDX-License-Identifier: MIT */
/* test_pool.c - memory pools and the small objects in them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fake_mm.h>
#include <hvabi/status.h>
#include <mm/pfn.h>
#include <mm/phys.h>

#define SLOT 7

static struct pool root_pool, pool;

static int machine(void **state)
{
    (void)state;
    fake_machine_init(&root_pool);
    pool_init(&pool, SLOT);
    return 0;
}

static bool is_zero(const void *p, size_t n)
{
    const unsigned char *b = p;

    for (size_t i = 0; i < n; i++)
        if (b[i] != 0)
            return false;
    return true;
}

static void assert_balance(uint64_t available, uint64_t in_use)
{
    struct pool_balance b = pool_balance(&pool);

    assert_int_equal(b.available, available);
    assert_int_equal(b.in_use, in_use);
}

static void empty_pool_gives_nothing(void **state)
{
    hpa_t page;

    (void)state;
    assert_int_equal(pool_page_alloc(&pool, &page), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_null(pool_alloc(&pool, 16));
    assert_int_equal(pool_withdraw_page(&pool, &page), HV_STATUS_NO_RESOURCES);
    assert_balance(0, 0);
}

static void pages_come_zeroed_although_they_were_written(void **state)
{
    hpa_t page;

    (void)state;
    memset(hpa_ptr(hpa(4 * GIB)), 0xa5, 4 * PAGE_SIZE);
    fake_pool_fill(&pool, 4 * GIB, 4);
    for (int round = 0; round < 10; round++) {
        assert_int_equal(pool_page_alloc(&pool, &page), HV_STATUS_SUCCESS);
        assert_true(is_zero(hpa_ptr(page), PAGE_SIZE));
        assert_balance(3, 1);
        memset(hpa_ptr(page), 0x5a, PAGE_SIZE);
        pool_page_free(&pool, page);
        assert_balance(4, 0);
    }
    assert_int_equal(pool_withdraw_page(&pool, &page), HV_STATUS_SUCCESS);
    assert_true(is_zero(hpa_ptr(page), PAGE_SIZE));
    assert_balance(3, 0);
}

static void every_deposited_page_can_be_withdrawn_once(void **state)
{
    hpa_t page;

    (void)state;
    fake_pool_fill(&pool, 4 * GIB, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pool_withdraw_page(&pool, &page), HV_STATUS_SUCCESS);
        pfn_withdraw(page, SLOT); /* a bug if it comes twice */
    }
    assert_int_equal(pool_withdraw_page(&pool, &page), HV_STATUS_NO_RESOURCES);
    assert_int_equal(pfn_count(PFN_POOL), 0);
}

static void kept_pages_are_used_first_and_never_withdrawn(void **state)
{
    hpa_t page;
    uint64_t kept = 8 * MIB >> PAGE_SHIFT;

    (void)state;
    fake_pool_fill(&root_pool, 4 * GIB, 1);
    assert_int_equal(pool_page_alloc(&root_pool, &page), HV_STATUS_SUCCESS);
    assert_int_equal(pfn_query(page, NULL), PFN_KEPT);
    pool_page_free(&root_pool, page);
    assert_int_equal(pool_withdraw_page(&root_pool, &page), HV_STATUS_SUCCESS);
    assert_int_equal(page.v, 4 * GIB);
    assert_int_equal(pool_withdraw_page(&root_pool, &page), HV_STATUS_NO_RESOURCES);
    assert_int_equal(pool_balance(&root_pool).available, kept);
}

static void page_of_another_pool_is_a_bug(void **state)
{
    hpa_t page;

    (void)state;
    fake_pool_fill(&pool, 4 * GIB, 1);
    assert_int_equal(pool_page_alloc(&pool, &page), HV_STATUS_SUCCESS);
    root_pool.in_use = 1;
    assert_true(PANICS(pool_page_free(&root_pool, page)));
}

static void objects_are_zeroed_aligned_and_apart(void **state)
{
    static const size_t sizes[] = {1, 16, 32, 33, 64, 128, 200, 256, 512, 513, 1008, 1200, 2016, 2048};
    unsigned char *object[ARRAY_SIZE(sizes) * 3];
    size_t n = 0;

    (void)state;
    fake_pool_fill(&pool, 4 * GIB, 64);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (int k = 0; k < 3; k++, n++) {
            object[n] = pool_alloc(&pool, sizes[i]);
            assert_non_null(object[n]);
            assert_true(is_zero(object[n], sizes[i]));
            assert_int_equal((uintptr_t)object[n] % 16, 0);
            if (sizes[i] >= 64 && sizes[i] <= 512 && (sizes[i] & (sizes[i] - 1)) == 0)
                assert_int_equal((uintptr_t)object[n] % 64, 0);
            memset(object[n], (int)n + 1, sizes[i]);
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < sizes[i / 3]; b++)
            assert_int_equal(object[i][b], i + 1);
    for (size_t i = 0; i < n; i++)
        pool_free(&pool, object[i]);
    assert_balance(64, 0);
}

static void slab_page_returns_when_its_last_object_does(void **state)
{
    void *a, *b;

    (void)state;
    fake_pool_fill(&pool, 4 * GIB, 1);
    a = pool_alloc(&pool, 64);
    b = pool_alloc(&pool, 64);
    assert_balance(0, 1);
    pool_free(&pool, a);
    assert_balance(0, 1);
    pool_free(&pool, b);
    assert_balance(1, 0);
    pool_free(&pool, NULL);
    assert_balance(1, 0);
}

static void full_slab_asks_for_another_page(void **state)
{
    void *object[64] = {NULL};
    size_t n = 0;

    (void)state;
    fake_pool_fill(&pool, 4 * GIB, 1);
    while (n < ARRAY_SIZE(object) && (object[n] = pool_alloc(&pool, 64)) != NULL)
        n++;
    assert_int_equal(n, 63); /* a page less its header */
    fake_pool_fill(&pool, 4 * GIB + PAGE_SIZE, 1);
    object[63] = pool_alloc(&pool, 64);
    assert_non_null(object[63]);
    for (size_t i = 0; i < 64; i++)
        pool_free(&pool, object[i]);
    assert_balance(2, 0);
}

static void object_freed_elsewhere_is_a_bug(void **state)
{
    unsigned char *a;

    (void)state;
    fake_pool_fill(&pool, 4 * GIB, 1);
    a = pool_alloc(&pool, 64);
    assert_true(PANICS(pool_free(&root_pool, a)));
    assert_true(PANICS(pool_free(&pool, a + 8))); /* another pool's lock: not the one left taken */
}

static void object_freed_twice_is_a_bug(void **state)
{
    void *a, *b;

    (void)state;
    fake_pool_fill(&pool, 4 * GIB, 1);
    a = pool_alloc(&pool, 64);
    b = pool_alloc(&pool, 64);
    assert_non_null(b);
    pool_free(&pool, a);
    assert_true(PANICS(pool_free(&pool, a)));
}

static void random_objects_never_overlap_and_all_come_back(void **state)
{
    enum { OBJECTS = 200 };
    static unsigned char *object[OBJECTS];
    static size_t size[OBJECTS];
    uint64_t seed = 42;

    (void)state;
    memset(object, 0, sizeof(object));
    fake_pool_fill(&pool, 4 * GIB, 40); /* runs short at times */
    for (int step = 0; step < 20000; step++) {
        size_t i = (size_t)fake_random(&seed, OBJECTS);

        if (object[i] == NULL) {
            size[i] = (size_t)fake_random(&seed, POOL_OBJECT_MAX) + 1;
            object[i] = pool_alloc(&pool, size[i]);
            if (object[i] == NULL)
                continue;
            assert_true(is_zero(object[i], size[i]));
            memset(object[i], (int)i, size[i]);
        } else {
            for (size_t b = 0; b < size[i]; b++)
                assert_int_equal(object[i][b], (unsigned char)i);
            pool_free(&pool, object[i]);
            object[i] = NULL;
        }
    }
    for (size_t i = 0; i < OBJECTS; i++)
        pool_free(&pool, object[i]);
    assert_balance(40, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(empty_pool_gives_nothing, machine),
        cmocka_unit_test_setup(pages_come_zeroed_although_they_were_written, machine),
        cmocka_unit_test_setup(every_deposited_page_can_be_withdrawn_once, machine),
        cmocka_unit_test_setup(kept_pages_are_used_first_and_never_withdrawn, machine),
        cmocka_unit_test_setup(page_of_another_pool_is_a_bug, machine),
        cmocka_unit_test_setup(objects_are_zeroed_aligned_and_apart, machine),
        cmocka_unit_test_setup(slab_page_returns_when_its_last_object_does, machine),
        cmocka_unit_test_setup(full_slab_asks_for_another_page, machine),
        cmocka_unit_test_setup(object_freed_elsewhere_is_a_bug, machine),
        cmocka_unit_test_setup(object_freed_twice_is_a_bug, machine),
        cmocka_unit_test_setup(random_objects_never_overlap_and_all_come_back, machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
