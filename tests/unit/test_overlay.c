/* SPDX-License-Identifier: MIT */
/* test_overlay.c - overlay pages hide and uncover what is underneath. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fake_mm.h>
#include <hvabi/status.h>
#include <mm/overlay.h>
#include <mm/pfn.h>
#include <mm/phys.h>

#define AT    (6 * MIB + 5 * PAGE_SIZE)
#define LARGE (2 * MIB)
#define BASE  (4 * GIB + 6 * MIB) /* what the guest's block around AT shows */

static struct pool root_pool, pool;
static struct slat slat;
static struct slat_gather g;
static struct overlay o[4];
static hpa_t page[4];
static uint64_t pages_at_start;

static int guest(void **state)
{
    struct slat_mapping m = {hpa(BASE), SLAT_RWX, SLAT_WRITE_BACK, true};

    (void)state;
    fake_machine_init(&root_pool);
    pool_init(&pool, 1);
    fake_pool_fill(&pool, 5 * GIB, 64);
    slat_gather_init(&g, &slat);
    if (slat_init(&slat, &pool, 40) != HV_STATUS_SUCCESS)
        return -1;
    for (int i = 0; i < 4; i++) {
        overlay_init(&o[i]);
        if (pool_page_alloc(&pool, &page[i]) != HV_STATUS_SUCCESS)
            return -1;
    }
    if (pfn_map_get(m.hpa, 512) != HV_STATUS_SUCCESS ||
        slat_map(&slat, gpa(6 * MIB), SLAT_2M, &m, &g) != HV_STATUS_SUCCESS)
        return -1;
    pages_at_start = slat.tables;
    return 0;
}

static hv_status place(int i, uint64_t at)
{
    hv_status st = overlay_set(&slat, &o[i], gpa(at), page[i], SLAT_READ | SLAT_WRITE, &g);

    slat_gather_end(&g);
    return st;
}

static void clear(int i)
{
    overlay_clear(&slat, &o[i], &g);
    slat_gather_end(&g);
}

static void assert_shows(uint64_t at, uint64_t to, bool overlay)
{
    struct slat_view v;

    assert_int_equal(slat_query(&slat, gpa(at), &v), HV_STATUS_SUCCESS);
    assert_int_equal(v.hpa.v, to);
    assert_int_equal(v.overlay, overlay);
    assert_int_equal(v.access, overlay ? SLAT_READ | SLAT_WRITE : SLAT_RWX);
}

static void assert_unmapped(uint64_t at)
{
    struct slat_view v;

    assert_int_equal(slat_query(&slat, gpa(at), &v), HV_STATUS_OPERATION_DENIED);
}

static void overlay_hides_one_page_and_uncovers_it(void **state)
{
    struct slat_view v;

    (void)state;
    assert_int_equal(place(0, AT), HV_STATUS_SUCCESS);
    assert_shows(AT, page[0].v, true);
    assert_shows(AT - PAGE_SIZE, BASE + 4 * PAGE_SIZE, false);
    clear(0);
    assert_shows(AT, BASE + 5 * PAGE_SIZE, false);
    assert_int_equal(slat_query(&slat, gpa(AT), &v), HV_STATUS_SUCCESS);
    assert_int_equal(v.level, SLAT_2M); /* whole again */
    assert_int_equal(slat.tables, pages_at_start);
    assert_int_equal(pfn_mappings(), 512);
}

static void overlay_lies_on_unmapped_address_too(void **state)
{
    (void)state;
    assert_int_equal(place(0, 100 * GIB), HV_STATUS_SUCCESS);
    assert_shows(100 * GIB, page[0].v, true);
    clear(0);
    assert_unmapped(100 * GIB);
    assert_int_equal(slat.tables, pages_at_start);
}

static void placing_and_clearing_tell_to_flush(void **state)
{
    (void)state;
    assert_int_equal(overlay_set(&slat, &o[0], gpa(AT), page[0], SLAT_READ, &g),
                     HV_STATUS_SUCCESS);
    assert_true(g.needs_flush);
    slat_gather_end(&g);
    overlay_clear(&slat, &o[0], &g);
    assert_true(g.needs_flush);
}

static void clearing_twice_is_harmless(void **state)
{
    (void)state;
    assert_int_equal(place(0, AT), HV_STATUS_SUCCESS);
    clear(0);
    clear(0);
    assert_shows(AT, BASE + 5 * PAGE_SIZE, false);
}

static void stacked_overlays_leave_in_any_order(void **state)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    (void)state;
    for (int k = 0; k < 6; k++) {
        bool placed[3] = {true, true, true};

        for (int i = 0; i < 3; i++)
            assert_int_equal(place(i, AT), HV_STATUS_SUCCESS);
        for (int i = 0; i < 3; i++) {
            int top = -1;

            clear(orders[k][i]);
            placed[orders[k][i]] = false;
            for (int n = 0; n < 3; n++)
                if (placed[n])
                    top = n;
            assert_shows(AT, top < 0 ? BASE + 5 * PAGE_SIZE : page[top].v, top >= 0);
        }
        assert_int_equal(slat.tables, pages_at_start);
    }
}

static void mapping_underneath_appears_later(void **state)
{
    struct slat_mapping m = {hpa(BASE + 8 * MIB), SLAT_RWX, SLAT_WRITE_BACK, false};

    (void)state;
    assert_int_equal(place(0, AT), HV_STATUS_SUCCESS);
    assert_int_equal(place(1, AT), HV_STATUS_SUCCESS);
    assert_int_equal(slat_map(&slat, gpa(AT), SLAT_4K, &m, &g), HV_STATUS_SUCCESS);
    slat_gather_end(&g);
    assert_int_equal(pfn_mappings(), 511);
    assert_shows(AT, page[1].v, true);
    clear(1);
    clear(0);
    assert_shows(AT, BASE + 8 * MIB, false);
}

static void unmapping_underneath_appears_later(void **state)
{
    (void)state;
    assert_int_equal(place(0, AT), HV_STATUS_SUCCESS);
    assert_int_equal(slat_unmap(&slat, gpa(AT), SLAT_4K, &g), HV_STATUS_SUCCESS);
    slat_gather_end(&g);
    assert_int_equal(pfn_mappings(), 511);
    assert_shows(AT, page[0].v, true);
    clear(0);
    assert_unmapped(AT);
}

static void unmapping_a_large_block_leaves_its_overlays(void **state)
{
    (void)state;
    assert_int_equal(place(0, AT), HV_STATUS_SUCCESS);
    assert_int_equal(place(1, AT + PAGE_SIZE), HV_STATUS_SUCCESS);
    assert_int_equal(slat_unmap(&slat, gpa(6 * MIB), SLAT_2M, &g), HV_STATUS_SUCCESS);
    assert_int_equal(pfn_mappings(), 512);
    slat_gather_end(&g);
    assert_int_equal(pfn_mappings(), 0);
    assert_unmapped(6 * MIB);
    assert_shows(AT, page[0].v, true);
    clear(0);
    assert_unmapped(AT);
    assert_shows(AT + PAGE_SIZE, page[1].v, true);
    clear(1);
    assert_int_equal(slat.tables, 1);
}

static void mapping_a_large_block_goes_underneath(void **state)
{
    struct slat_mapping m = {hpa(BASE + LARGE), SLAT_RWX, SLAT_WRITE_BACK, true};
    struct slat_view v;

    (void)state;
    assert_int_equal(place(0, AT), HV_STATUS_SUCCESS);
    assert_int_equal(pfn_map_get(m.hpa, 512), HV_STATUS_SUCCESS);
    assert_int_equal(slat_map(&slat, gpa(6 * MIB), SLAT_2M, &m, &g), HV_STATUS_SUCCESS);
    slat_gather_end(&g);
    assert_int_equal(pfn_mappings(), 512);
    assert_shows(AT, page[0].v, true);
    assert_shows(AT + PAGE_SIZE, BASE + LARGE + 6 * PAGE_SIZE, false);
    clear(0);
    assert_int_equal(slat_query(&slat, gpa(AT), &v), HV_STATUS_SUCCESS);
    assert_int_equal(v.hpa.v, BASE + LARGE + 5 * PAGE_SIZE);
    assert_int_equal(v.level, SLAT_2M);
}

static void rights_underneath_do_not_touch_the_overlay(void **state)
{
    struct slat_view v;

    (void)state;
    assert_int_equal(place(0, AT), HV_STATUS_SUCCESS);
    assert_int_equal(slat_protect(&slat, gpa(6 * MIB), SLAT_2M, SLAT_READ, &g),
                     HV_STATUS_SUCCESS);
    slat_gather_end(&g);
    assert_shows(AT, page[0].v, true);
    clear(0);
    assert_int_equal(slat_query(&slat, gpa(AT), &v), HV_STATUS_SUCCESS);
    assert_int_equal(v.access, SLAT_READ);
    assert_int_equal(v.level, SLAT_2M);
}

static hv_status move(int i, uint64_t to)
{
    hv_status st = overlay_move(&slat, &o[i], gpa(to), &g);

    slat_gather_end(&g);
    return st;
}

static void moved_overlay_uncovers_the_old_place(void **state)
{
    (void)state;
    assert_int_equal(place(0, AT), HV_STATUS_SUCCESS);
    assert_int_equal(move(0, AT + PAGE_SIZE), HV_STATUS_SUCCESS);
    assert_shows(AT, BASE + 5 * PAGE_SIZE, false);
    assert_shows(AT + PAGE_SIZE, page[0].v, true);
    assert_int_equal(move(0, 100 * GIB), HV_STATUS_SUCCESS);
    assert_int_equal(move(0, 100 * GIB), HV_STATUS_SUCCESS);
    assert_shows(AT + PAGE_SIZE, BASE + 6 * PAGE_SIZE, false);
    assert_shows(100 * GIB, page[0].v, true);
    clear(0);
    assert_unmapped(100 * GIB);
    assert_int_equal(slat.tables, pages_at_start);
}

static void overlay_that_cannot_move_stays(void **state)
{
    hpa_t taken;

    (void)state;
    assert_int_equal(place(0, AT), HV_STATUS_SUCCESS);
    while (pool_page_alloc(&pool, &taken) == HV_STATUS_SUCCESS)
        ;
    assert_int_equal(place(1, 200 * GIB), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_false(o[1].placed);
    assert_int_equal(move(0, 100 * GIB), HV_STATUS_INSUFFICIENT_MEMORY);
    assert_int_equal(move(0, 1ull << 40), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(move(0, AT + 8), HV_STATUS_INVALID_PARAMETER);
    assert_shows(AT, page[0].v, true);
    assert_int_equal(move(0, AT + PAGE_SIZE), HV_STATUS_SUCCESS);
}

static void find_returns_the_topmost(void **state)
{
    struct overlay *found;

    (void)state;
    assert_int_equal(place(0, AT), HV_STATUS_SUCCESS);
    assert_int_equal(place(1, AT), HV_STATUS_SUCCESS);
    assert_int_equal(place(2, 0), HV_STATUS_SUCCESS);
    spin_lock(&slat.lock);
    found = overlay_find_locked(&slat, gpa(AT + 100));
    assert_null(overlay_find_locked(&slat, gpa(AT + PAGE_SIZE)));
    spin_unlock(&slat.lock);
    assert_ptr_equal(found, &o[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(overlay_hides_one_page_and_uncovers_it, guest),
        cmocka_unit_test_setup(overlay_lies_on_unmapped_address_too, guest),
        cmocka_unit_test_setup(placing_and_clearing_tell_to_flush, guest),
        cmocka_unit_test_setup(clearing_twice_is_harmless, guest),
        cmocka_unit_test_setup(stacked_overlays_leave_in_any_order, guest),
        cmocka_unit_test_setup(mapping_underneath_appears_later, guest),
        cmocka_unit_test_setup(unmapping_underneath_appears_later, guest),
        cmocka_unit_test_setup(unmapping_a_large_block_leaves_its_overlays, guest),
        cmocka_unit_test_setup(mapping_a_large_block_goes_underneath, guest),
        cmocka_unit_test_setup(rights_underneath_do_not_touch_the_overlay, guest),
        cmocka_unit_test_setup(moved_overlay_uncovers_the_old_place, guest),
        cmocka_unit_test_setup(overlay_that_cannot_move_stays, guest),
        cmocka_unit_test_setup(find_returns_the_topmost, guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
