/* SPDX-License-Identifier: MIT */
/* test_guest_copy.c - copies to and from guest memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fake_mm.h>
#include <hvabi/status.h>
#include <mm/guest.h>
#include <mm/overlay.h>
#include <mm/phys.h>

#define A 0x10000ull /* a guest page, readable and writable, shows PAGE_A */
#define B 0x11000ull /* its neighbour: read-only, shows PAGE_B */
#define C 0x12000ull /* not mapped */
#define D 0x13000ull /* a device */
#define E 0x14000ull /* mapped, inaccessible */
#define PAGE_A (4 * GIB + 8 * MIB)
#define PAGE_B (4 * GIB + 2 * MIB)
#define DEVICE 0xfed00000ull

static struct pool root_pool, pool;
static struct slat slat;
static struct slat_gather g;

static hv_status map(uint64_t at, uint64_t to, unsigned access)
{
    struct slat_mapping m = {hpa(to), access, SLAT_WRITE_BACK, false};

    return slat_map(&slat, gpa(at), SLAT_4K, &m, &g);
}

static int guest(void **state)
{
    (void)state;
    fake_machine_init(&root_pool);
    pool_init(&pool, 1);
    fake_pool_fill(&pool, 5 * GIB, 64);
    slat_gather_init(&g, &slat);
    if (slat_init(&slat, &pool, 40) != HV_STATUS_SUCCESS)
        return -1;
    for (uint64_t i = 0; i < PAGE_SIZE; i++) {
        *(unsigned char *)hpa_ptr(hpa(PAGE_A + i)) = (unsigned char)i;
        *(unsigned char *)hpa_ptr(hpa(PAGE_B + i)) = (unsigned char)(0xff - i);
    }
    return map(A, PAGE_A, SLAT_READ | SLAT_WRITE) | map(B, PAGE_B, SLAT_READ) |
           map(D, DEVICE, SLAT_RWX) | map(E, PAGE_A, 0);
}

static void read_crosses_pages(void **state)
{
    unsigned char buf[8], want[8] = {0xfc, 0xfd, 0xfe, 0xff, 0xff, 0xfe, 0xfd, 0xfc};

    (void)state;
    assert_int_equal(guest_read(&slat, gpa(B - 4), buf, 8), HV_STATUS_SUCCESS);
    assert_memory_equal(buf, want, 8);
}

static void write_crosses_pages(void **state)
{
    (void)state;
    assert_int_equal(map(B, PAGE_B, SLAT_READ | SLAT_WRITE), HV_STATUS_SUCCESS);
    assert_int_equal(guest_write(&slat, gpa(B - 2), "abcd", 4), HV_STATUS_SUCCESS);
    assert_memory_equal(hpa_ptr(hpa(PAGE_A + PAGE_SIZE - 2)), "ab", 2);
    assert_memory_equal(hpa_ptr(hpa(PAGE_B)), "cd", 2);
}

static void write_that_fails_on_its_second_page_changes_nothing(void **state)
{
    unsigned char want[2] = {0xfe, 0xff};

    (void)state;
    assert_int_equal(guest_write(&slat, gpa(B - 2), "abcd", 4), HV_STATUS_ACCESS_DENIED);
    assert_memory_equal(hpa_ptr(hpa(PAGE_A + PAGE_SIZE - 2)), want, 2);
}

static void read_that_fails_on_its_second_page_copies_nothing(void **state)
{
    unsigned char buf[4] = {1, 2, 3, 4}, want[4] = {1, 2, 3, 4};

    (void)state;
    assert_int_equal(guest_read(&slat, gpa(C - 2), buf, 4), HV_STATUS_OPERATION_DENIED);
    assert_memory_equal(buf, want, 4);
}

static void missing_rights_and_mappings_are_told_apart(void **state)
{
    uint64_t word = 0;

    (void)state;
    assert_int_equal(guest_read(&slat, gpa(C), &word, 8), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(guest_read(&slat, gpa(D), &word, 8), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(guest_read(&slat, gpa(E), &word, 8), HV_STATUS_ACCESS_DENIED);
    assert_int_equal(guest_write(&slat, gpa(B), &word, 8), HV_STATUS_ACCESS_DENIED);
}

static void addresses_beyond_the_space_are_refused(void **state)
{
    static unsigned char buf[2 * PAGE_SIZE];

    (void)state;
    assert_int_equal(guest_read(&slat, gpa(1ull << 40), buf, 1), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_read(&slat, gpa((1ull << 40) - 4), buf, 8),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_read(&slat, gpa(UINT64_MAX - 3), buf, 8), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_read(&slat, gpa(A), buf, GUEST_COPY_MAX + 1),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(guest_write(&slat, gpa(1ull << 52), buf, 8), HV_STATUS_INVALID_PARAMETER);
}

static void whole_page_and_nothing_can_be_copied(void **state)
{
    static unsigned char buf[PAGE_SIZE];

    (void)state;
    assert_int_equal(guest_read(&slat, gpa(A), buf, PAGE_SIZE), HV_STATUS_SUCCESS);
    assert_memory_equal(buf, hpa_ptr(hpa(PAGE_A)), PAGE_SIZE);
    assert_int_equal(guest_read(&slat, gpa(A), NULL, 0), HV_STATUS_SUCCESS);
}

static void overlay_is_what_is_read(void **state)
{
    struct overlay o;
    hpa_t page;
    char c = 0;

    (void)state;
    assert_int_equal(pool_page_alloc(&pool, &page), HV_STATUS_SUCCESS);
    *(char *)hpa_ptr(page) = 'o';
    overlay_init(&o);
    assert_int_equal(overlay_set(&slat, &o, gpa(A), page, SLAT_READ, &g), HV_STATUS_SUCCESS);
    assert_int_equal(guest_read(&slat, gpa(A), &c, 1), HV_STATUS_SUCCESS);
    assert_int_equal(c, 'o');
    assert_int_equal(guest_write(&slat, gpa(A), &c, 1), HV_STATUS_ACCESS_DENIED);
    overlay_clear(&slat, &o, &g);
    assert_int_equal(guest_write(&slat, gpa(A), &c, 1), HV_STATUS_SUCCESS);
}

/* ---- views ---- */

static unsigned char view_byte(struct guest_view *v, struct slat *s, uint64_t at, hv_status want)
{
    unsigned char b = 0;

    assert_int_equal(guest_view_read(v, s, gpa(at), &b, 1), want);
    return b;
}

static void view_follows_what_is_written_and_mapped(void **state)
{
    struct guest_view v = {0};
    unsigned char *page = hpa_ptr(hpa(PAGE_A));

    (void)state;
    assert_int_equal(view_byte(&v, &slat, A + 5, HV_STATUS_SUCCESS), 5);
    assert_ptr_equal(v.at, page);
    page[5] = 77;
    assert_int_equal(view_byte(&v, &slat, A + 5, HV_STATUS_SUCCESS), 77);
    page[5] = 5;
    assert_int_equal(map(A, PAGE_B, SLAT_READ), HV_STATUS_SUCCESS);
    assert_int_equal(view_byte(&v, &slat, A + 5, HV_STATUS_SUCCESS), 0xfa);
    assert_int_equal(slat_unmap(&slat, gpa(A), SLAT_4K, &g), HV_STATUS_SUCCESS);
    view_byte(&v, &slat, A + 5, HV_STATUS_OPERATION_DENIED);
    view_byte(&v, &slat, A + 5, HV_STATUS_OPERATION_DENIED);
}

static void view_of_one_space_does_not_hold_in_another(void **state)
{
    struct guest_view v = {0};
    struct slat other;

    (void)state;
    assert_int_equal(slat_init(&other, &pool, 40), HV_STATUS_SUCCESS);
    assert_int_equal(view_byte(&v, &slat, A, HV_STATUS_SUCCESS), 0);
    view_byte(&v, &other, A, HV_STATUS_OPERATION_DENIED);
}

static void view_reads_across_pages_and_entries_whole(void **state)
{
    struct guest_view v = {0};
    unsigned char buf[4], want[4] = {0xfe, 0xff, 0xff, 0xfe};
    uint64_t entry;

    (void)state;
    assert_int_equal(guest_view_read(&v, &slat, gpa(B - 2), buf, 4), HV_STATUS_SUCCESS);
    assert_memory_equal(buf, want, 4);
    for (unsigned twice = 0; twice < 2; twice++) {
        assert_int_equal(guest_view_entry(&v, &slat, gpa(A + 8), 8, &entry), HV_STATUS_SUCCESS);
        assert_int_equal(entry, 0x0f0e0d0c0b0a0908ull);
        assert_int_equal(guest_view_entry(&v, &slat, gpa(A + 8), 4, &entry), HV_STATUS_SUCCESS);
        assert_int_equal(entry, 0x0b0a0908u);
    }
    assert_int_equal(guest_view_entry(&v, &slat, gpa(E), 8, &entry), HV_STATUS_ACCESS_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(read_crosses_pages, guest),
        cmocka_unit_test_setup(write_crosses_pages, guest),
        cmocka_unit_test_setup(write_that_fails_on_its_second_page_changes_nothing, guest),
        cmocka_unit_test_setup(read_that_fails_on_its_second_page_copies_nothing, guest),
        cmocka_unit_test_setup(missing_rights_and_mappings_are_told_apart, guest),
        cmocka_unit_test_setup(addresses_beyond_the_space_are_refused, guest),
        cmocka_unit_test_setup(whole_page_and_nothing_can_be_copied, guest),
        cmocka_unit_test_setup(overlay_is_what_is_read, guest),
        cmocka_unit_test_setup(view_follows_what_is_written_and_mapped, guest),
        cmocka_unit_test_setup(view_of_one_space_does_not_hold_in_another, guest),
        cmocka_unit_test_setup(view_reads_across_pages_and_entries_whole, guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
