/* SPDX-License-Identifier: MIT */
/* tests/unit/test_nvme_prp.c - PRP lists, walked as a controller walks them (NVMe 1.4, 4.3). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "drivers/nvme.h"
#include "drivers/nvme_prp.h"
#include "io/dma.h"

#define LIST_DEVICE 0x7000000000ull /* the device's address of the first list page */
#define LISTS       4u
#define UNTOUCHED   0xdeadull

static uint64_t lists[LISTS][NVME_PRP_ENTRIES];
static uint64_t prp[2];

uint64_t dma_map(uint64_t physical, size_t length)
{
    (void)length;
    return physical;
}

static void build(const struct block_segment *segments, uint32_t count)
{
    uint32_t pages = nvme_prp_list_pages(nvme_prp_count(segments, count));
    struct nvme_prp_page *given = test_malloc((pages + 1) * sizeof(*given));

    assert_true(pages <= LISTS);
    for (uint32_t i = 0; i < LISTS * NVME_PRP_ENTRIES; i++)
        lists[i / NVME_PRP_ENTRIES][i % NVME_PRP_ENTRIES] = UNTOUCHED;
    for (uint32_t i = 0; i < pages; i++)
        given[i] = (struct nvme_prp_page){lists[i], LIST_DEVICE + i * NVME_PAGE_SIZE};
    nvme_prp_build(segments, count, given, prp);
    test_free(given);
    for (uint32_t i = pages; i < LISTS; i++)
        assert_true(lists[i][0] == UNTOUCHED);
}

/* What a controller would take as page @index of @total: the rules of 4.3, not our code's. */
static uint64_t controller_page(uint32_t index, uint32_t total)
{
    uint64_t list = prp[1];
    uint32_t at = index - 1, left = total - 1;

    if (index == 0)
        return prp[0];
    if (total == 2)
        return prp[1];
    while (left > NVME_PRP_ENTRIES && at >= NVME_PRP_ENTRIES - 1) {
        list = lists[(list - LIST_DEVICE) / NVME_PAGE_SIZE][NVME_PRP_ENTRIES - 1];
        at -= NVME_PRP_ENTRIES - 1;
        left -= NVME_PRP_ENTRIES - 1;
    }
    assert_true(at < NVME_PRP_ENTRIES);
    return lists[(list - LIST_DEVICE) / NVME_PAGE_SIZE][at];
}

/* A transfer of @bytes from @start, in segments of at most @piece bytes, reaches every page. */
static void assert_transfer(uint64_t start, uint32_t bytes, uint32_t piece)
{
    static struct block_segment segments[2048];
    uint32_t count = 0, total;

    for (uint64_t at = start; at < start + bytes;) {
        uint64_t end = (at / piece + 1) * piece;

        end = end < start + bytes ? end : start + bytes;
        segments[count++] = (struct block_segment){.physical = at, .length = (uint32_t)(end - at)};
        at = end;
    }
    total = nvme_prp_count(segments, count);
    assert_int_equal(total, (start % 4096 + bytes + 4095) / 4096);
    build(segments, count);
    assert_true(controller_page(0, total) == start);
    for (uint32_t i = 1; i < total; i++)
        assert_true(controller_page(i, total) == (start / 4096 + i) * 4096);
}

static void one_page_needs_no_second_prp(void **state)
{
    (void)state;
    assert_transfer(0x10000, 4096, 4096);
    assert_true(prp[1] == 0);
    assert_transfer(0x10200, 512, 4096);
    assert_true(prp[1] == 0);
}

static void two_pages_are_both_named_in_the_command(void **state)
{
    (void)state;
    assert_transfer(0x10000, 8192, 4096);
    assert_true(prp[1] == 0x11000);
    assert_transfer(0x10e00, 1024, 4096);
    assert_true(prp[1] == 0x11000);
}

static void three_pages_need_a_list(void **state)
{
    (void)state;
    assert_transfer(0x10e00, 8192, 4096);
    assert_true(prp[1] == LIST_DEVICE);
    assert_true(lists[0][2] == UNTOUCHED);
}

static void pieces_of_any_size_give_the_same_pages(void **state)
{
    static const uint32_t pieces[] = {4096, 8192, 65536, 4u << 20};

    (void)state;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        assert_transfer(0x100000000, 1u << 20, pieces[i]);
        assert_transfer(0x100000e00, 1u << 20, pieces[i]);
        assert_transfer(0x100000004, 4u << 20, pieces[i]);
    }
}

static void segments_from_all_over_memory_are_taken_in_order(void **state)
{
    struct block_segment s[] = {{.physical = 0x5c00, .length = 0x400},
                                {.physical = 0x900000, .length = 0x2000},
                                {.physical = 0x3000, .length = 0x1000},
                                {.physical = 0x700000000, .length = 0x200}};

    (void)state;
    build(s, 4);
    assert_true(prp[0] == 0x5c00);
    assert_true(lists[0][0] == 0x900000 && lists[0][1] == 0x901000);
    assert_true(lists[0][2] == 0x3000 && lists[0][3] == 0x700000000);
    assert_true(lists[0][4] == UNTOUCHED);
}

static void list_that_just_fits_a_page_does_not_chain(void **state)
{
    (void)state;
    assert_int_equal(nvme_prp_list_pages(2), 0);
    assert_int_equal(nvme_prp_list_pages(3), 1);
    assert_int_equal(nvme_prp_list_pages(513), 1);
    assert_int_equal(nvme_prp_list_pages(514), 2);
    assert_int_equal(nvme_prp_list_pages(1024), 2);
    assert_int_equal(nvme_prp_list_pages(1025), 3);
    for (uint32_t pages = 510; pages < 516; pages++)
        assert_transfer(0x40000000, pages * 4096, 4096);
    for (uint32_t pages = 1020; pages < 1028; pages++)
        assert_transfer(0x40000000, pages * 4096, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_page_needs_no_second_prp),
        cmocka_unit_test(two_pages_are_both_named_in_the_command),
        cmocka_unit_test(three_pages_need_a_list),
        cmocka_unit_test(pieces_of_any_size_give_the_same_pages),
        cmocka_unit_test(segments_from_all_over_memory_are_taken_in_order),
        cmocka_unit_test(list_that_just_fits_a_page_does_not_chain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
