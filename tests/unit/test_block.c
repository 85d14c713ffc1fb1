/* SPDX-License-Identifier: MIT */
/* tests/unit/test_block.c - the block layer over a disk that holds requests until it is told. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "io/block.h"
#include "io/block_shape.h"
#include "io/gpt.h"
#include "lib/crc32.h"
#include "mm/memory.h"
#include "root_kernel.h"

#define SECTOR  512u
#define SECTORS 256u

static struct {
    uint8_t bytes[SECTORS * SECTOR];
    struct block_device device;
    struct list held;
    enum block_status next; /* what the next requests end with */
    uint32_t submitted, flushes, forced;
    bool unshaped; /* a request came whose segments do not meet at page borders */
    uint32_t done;
    uint8_t *memory; /* pages for requests */
} t;

static void disk_submit(struct block_device *device, struct block_request *r)
{
    assert_ptr_equal(device, &t.device);
    assert_ptr_equal(r->device, device);
    t.submitted++;
    t.flushes += r->op == BLOCK_FLUSH;
    t.forced += r->force_unit_access;
    if (r->op != BLOCK_FLUSH)
        t.unshaped |= !block_shape_whole_pages(r->segments, r->segment_count);
    list_push_back(&t.held, &r->link);
}

static const struct block_operations operations = {.submit = disk_submit};

static void disk_transfer(const struct block_request *r)
{
    uint8_t *disk = t.bytes + r->sector * SECTOR;

    for (uint32_t i = 0; i < r->segment_count; i++) {
        void *memory = phys_to_virt(r->segments[i].physical);

        if (r->op == BLOCK_WRITE)
            memcpy(disk, memory, r->segments[i].length);
        else
            memcpy(memory, disk, r->segments[i].length);
        disk += r->segments[i].length;
    }
}

/* Do all that is held, and what comes of it. */
static void disk_work(void)
{
    struct list *node;

    while ((node = list_pop_front(&t.held))) {
        struct block_request *r = container_of(node, struct block_request, link);

        if (t.next == BLOCK_OK && (r->op == BLOCK_READ || r->op == BLOCK_WRITE))
            disk_transfer(r);
        block_complete(r, t.next);
    }
}

static void request_done(struct block_request *r)
{
    (void)r;
    t.done++;
}

static struct block_request request_make(enum block_op op, uint64_t sector,
                                         const struct block_segment *segments, uint32_t count)
{
    struct block_request r = {.op = op,
                              .sector = sector,
                              .segments = segments,
                              .segment_count = count,
                              .done = request_done,
                              .device = &t.device};

    for (uint32_t i = 0; i < count; i++)
        r.sector_count += segments[i].length / SECTOR;
    return r;
}

/* @length bytes of request memory from byte @offset. */
static struct block_segment piece(uint32_t offset, uint32_t length)
{
    return (struct block_segment){.physical = virt_to_phys(t.memory + offset), .length = length};
}

static int disk_make(void **state)
{
    (void)state;
    fake_kernel_reset();
    memset(&t, 0, sizeof(t));
    list_init(&t.held);
    fake.step = disk_work;
    assert_int_equal(posix_memalign((void **)&t.memory, PAGE_SIZE, 16 * PAGE_SIZE), 0);
    for (uint32_t i = 0; i < 16 * PAGE_SIZE; i++)
        t.memory[i] = (uint8_t)(i * 7 + i / 256);
    t.device = (struct block_device){.name = "disk",
                                     .operations = &operations,
                                     .sector_size = SECTOR,
                                     .sector_count = SECTORS,
                                     .max_request_sectors = 64,
                                     .max_segments = 8,
                                     .max_discard_sectors = 100,
                                     .can_force_unit_access = true};
    return 0;
}

static int disk_drop(void **state)
{
    (void)state;
    free(t.memory);
    return 0;
}

static void assert_refused(struct block_request r, enum block_status status)
{
    t.done = 0;
    block_submit(&r);
    assert_int_equal(t.done, 1);
    assert_int_equal(r.status, status);
    assert_int_equal(t.submitted, 0);
}

static void requests_that_no_disk_takes_never_reach_the_driver(void **state)
{
    struct block_segment s = piece(0, 1024), many[9];
    struct block_request r;

    (void)state;
    assert_refused(request_make(BLOCK_READ, SECTORS - 1, &s, 1), BLOCK_OUT_OF_RANGE);
    assert_refused(request_make(BLOCK_READ, UINT64_MAX, &s, 1), BLOCK_OUT_OF_RANGE);
    assert_refused(request_make(BLOCK_READ, 0, &s, 0), BLOCK_OUT_OF_RANGE);
    r = request_make(BLOCK_READ, 0, &s, 1);
    r.sector_count = 3;
    assert_refused(r, BLOCK_OUT_OF_RANGE);
    s = piece(2, 512);
    assert_refused(request_make(BLOCK_READ, 0, &s, 1), BLOCK_OUT_OF_RANGE);
    s = piece(0, 65 * SECTOR);
    assert_refused(request_make(BLOCK_READ, 0, &s, 1), BLOCK_OUT_OF_RANGE);
    for (uint32_t i = 0; i < 9; i++)
        many[i] = piece(i * SECTOR, SECTOR);
    assert_refused(request_make(BLOCK_READ, 0, many, 9), BLOCK_OUT_OF_RANGE);
    assert_int_equal(t.device.statistics.errors, 7);
}

static void read_only_disk_refuses_writes(void **state)
{
    struct block_segment s = piece(0, SECTOR);

    (void)state;
    t.device.read_only = true;
    t.device.can_discard = true;
    assert_refused(request_make(BLOCK_WRITE, 0, &s, 1), BLOCK_READ_ONLY);
    assert_refused(request_make(BLOCK_DISCARD, 0, &s, 1), BLOCK_READ_ONLY);
}

static void discards_need_a_disk_that_can_and_have_their_own_limit(void **state)
{
    struct block_request r = {
        .op = BLOCK_DISCARD, .sector_count = 100, .done = request_done, .device = &t.device};

    (void)state;
    assert_refused(r, BLOCK_UNSUPPORTED);
    t.device.can_discard = true;
    r.sector_count = 101;
    assert_refused(r, BLOCK_OUT_OF_RANGE);
    r.sector_count = 100;
    block_submit(&r);
    disk_work();
    assert_int_equal(r.status, BLOCK_OK);
}

static void written_data_reads_back_and_is_counted(void **state)
{
    struct block_segment w = piece(0, 2048), r = piece(8192, 2048);
    struct block_request request = request_make(BLOCK_WRITE, 9, &w, 1);

    (void)state;
    assert_int_equal(block_submit_wait(&request), BLOCK_OK);
    request = request_make(BLOCK_READ, 9, &r, 1);
    assert_int_equal(block_submit_wait(&request), BLOCK_OK);
    assert_memory_equal(t.memory, t.memory + 8192, 2048);
    assert_int_equal(t.device.statistics.reads, 1);
    assert_int_equal(t.device.statistics.written_bytes, 2048);
}

static void forced_write_becomes_write_and_flush_where_the_disk_cannot(void **state)
{
    struct block_segment s = piece(0, SECTOR);
    struct block_request r = request_make(BLOCK_WRITE, 1, &s, 1);

    (void)state;
    r.force_unit_access = true;
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_int_equal(t.forced, 1);
    t.device.can_force_unit_access = false;
    block_submit(&r);
    assert_int_equal(t.flushes, 0); /* not before the write is over */
    r.done = request_done;
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_int_equal(t.forced, 1);
    assert_int_equal(t.flushes, 2);
    assert_int_equal(t.device.statistics.writes, 3);
    assert_int_equal(t.device.statistics.flushes, 0);
    assert_int_equal(fake.live, 0);
}

static void failed_write_is_not_followed_by_a_flush(void **state)
{
    struct block_segment s = piece(0, SECTOR);
    struct block_request r = request_make(BLOCK_WRITE, 1, &s, 1);

    (void)state;
    t.device.can_force_unit_access = false;
    t.next = BLOCK_MEDIUM_ERROR;
    r.force_unit_access = true;
    assert_int_equal(block_submit_wait(&r), BLOCK_MEDIUM_ERROR);
    assert_int_equal(t.flushes, 0);
    assert_int_equal(fake.live, 0);
}

static void odd_segments_are_copied_for_a_disk_of_whole_pages(void **state)
{
    struct block_segment s[] = {piece(100, 412), piece(9000, 4096), piece(20480, 100)};
    struct block_segment back = piece(32768, 4608);
    struct block_request r = request_make(BLOCK_WRITE, 3, s, 3);

    (void)state;
    r.sector_count = 9;
    t.device.whole_pages = true;
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_false(t.unshaped);
    r = request_make(BLOCK_READ, 3, &back, 1);
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_memory_equal(t.memory + 32768, t.memory + 100, 412);
    assert_memory_equal(t.memory + 32768 + 412, t.memory + 9000, 4096);
    assert_memory_equal(t.memory + 32768 + 4508, t.memory + 20480, 100);
    memset(t.memory, 0, 30000);
    r = request_make(BLOCK_READ, 3, s, 3);
    r.sector_count = 9;
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_memory_equal(t.memory + 32768, t.memory + 100, 412);
    assert_memory_equal(t.memory + 32768 + 412, t.memory + 9000, 4096);
    assert_memory_equal(t.memory + 32768 + 4508, t.memory + 20480, 100);
    assert_int_equal(t.memory[512], 0);
    assert_int_equal(t.memory[99], 0);
    assert_false(t.unshaped);
    assert_int_equal(fake.live, 0);
}

static void no_memory_for_a_copy_is_an_error_and_not_a_leak(void **state)
{
    struct block_segment s[] = {piece(100, 412), piece(9000, 4096), piece(20480, 100)};

    (void)state;
    t.device.whole_pages = true;
    for (int left = 0; left < 3; left++) {
        struct block_request r = request_make(BLOCK_WRITE, 3, s, 3);

        r.sector_count = 9;
        fake.allocations_left = left;
        assert_int_equal(block_submit_wait(&r), BLOCK_DEVICE_ERROR);
        assert_int_equal(fake.live, 0);
    }
}

static void gpt_write(uint64_t first, uint64_t last)
{
    struct gpt_entry *e = (struct gpt_entry *)(void *)(t.bytes + 2 * SECTOR);
    struct gpt_header *h = (struct gpt_header *)(void *)(t.bytes + SECTOR);

    t.bytes[MBR_RECORDS + MBR_RECORD_TYPE] = MBR_TYPE_PROTECTIVE;
    t.bytes[MBR_SIGNATURE_OFFSET] = MBR_SIGNATURE_0;
    t.bytes[MBR_SIGNATURE_OFFSET + 1] = MBR_SIGNATURE_1;
    e[2].partition_type_guid[0] = 1;
    e[2].starting_lba = first;
    e[2].ending_lba = last;
    *h = (struct gpt_header){.signature = GPT_SIGNATURE,
                             .revision = GPT_REVISION,
                             .header_size = GPT_HEADER_SIZE,
                             .my_lba = 1,
                             .first_usable_lba = 3,
                             .last_usable_lba = SECTORS - 1,
                             .partition_entry_lba = 2,
                             .number_of_partition_entries = 4,
                             .size_of_partition_entry = sizeof(*e)};
    h->partition_entry_array_crc32 = crc32_update(0, e, 4 * sizeof(*e));
    h->header_crc32 = crc32_update(0, h, GPT_HEADER_SIZE);
}

static void partitions_become_devices_that_stay_inside_themselves(void **state)
{
    struct block_segment s = piece(0, 1024), back = piece(8192, 1024);
    struct block_device *p;
    struct block_request r;

    (void)state;
    gpt_write(20, 29);
    block_register(&t.device);
    fake_threads_run();
    p = block_find("diskp3");
    assert_non_null(p);
    assert_int_equal(p->sector_count, 10);
    assert_int_equal(p->first_sector, 20);
    assert_int_equal(p->partition, 3);
    assert_int_equal(t.device.partition, 0);
    r = request_make(BLOCK_WRITE, 8, &s, 1);
    r.device = p;
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_ptr_equal(r.device, p);
    assert_int_equal(r.sector, 8);
    assert_memory_equal(t.bytes + 28 * SECTOR, t.memory, 1024);
    assert_int_equal(p->statistics.writes, 1);
    assert_int_equal(t.device.statistics.writes, 1);
    t.submitted = 0;
    r = request_make(BLOCK_READ, 9, &back, 1);
    r.device = p;
    assert_refused(r, BLOCK_OUT_OF_RANGE);
    list_remove(&t.device.link);
    list_remove(&p->link);
    free(p);
}

static void names_are_trimmed_and_printable(void **state)
{
    char text[9];

    (void)state;
    block_text(text, "  ab c  ", 8);
    assert_string_equal(text, "ab c");
    block_text(text, "a\x01\xff    z", 8);
    assert_string_equal(text, "a??    z");
    block_text(text, "        ", 8);
    assert_string_equal(text, "");
    block_text(text, "ab\0cdefg", 8);
    assert_string_equal(text, "ab");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_make, disk_drop)
    const struct CMUnitTest tests[] = {
        TEST(requests_that_no_disk_takes_never_reach_the_driver),
        TEST(read_only_disk_refuses_writes),
        TEST(discards_need_a_disk_that_can_and_have_their_own_limit),
        TEST(written_data_reads_back_and_is_counted),
        TEST(forced_write_becomes_write_and_flush_where_the_disk_cannot),
        TEST(failed_write_is_not_followed_by_a_flush),
        TEST(odd_segments_are_copied_for_a_disk_of_whole_pages),
        TEST(no_memory_for_a_copy_is_an_error_and_not_a_leak),
        TEST(partitions_become_devices_that_stay_inside_themselves),
        TEST(names_are_trimmed_and_printable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
