/* SPDX-License-Identifier: MIT */
/* tests/unit/test_virtio_blk.c - the virtio block driver over a device that keeps to the rules:
 * what it offers, and how requests reach it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "mm/memory.h"
#include "virtio_fixture.h"

#define REQUESTS 200u

static void device_becomes_a_disk(void **state)
{
    (void)state;
    virtio_probe();
    assert_memory_equal(io.disk->name, "virtio", 6);
    assert_string_equal(io.disk->serial, "of a test");
    assert_true(io.disk->sector_count == FAKE_VIRTIO_SECTORS);
    assert_int_equal(io.disk->sector_size, 512);
    assert_int_equal(io.disk->max_request_sectors, 8192);
    assert_int_equal(io.disk->queue_depth, VIRTIO_BLK_SLOTS);
    assert_int_equal(io.disk->max_discard_sectors, 4096);
    assert_true(io.disk->can_discard);
    assert_false(io.disk->can_force_unit_access);
    assert_false(io.disk->read_only);
}

static void transitional_device_is_used_by_its_modern_interface(void **state)
{
    (void)state;
    virtio.pci.device_id = 0x1001;
    virtio_probe();
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 4096), BLOCK_OK);
}

static void other_devices_are_not_ours(void **state)
{
    (void)state;
    virtio.pci.device_id = 0x1041;
    assert_false(virtio_blk_driver.match(&virtio.pci));
    virtio.pci.device_id = 0x1042;
    virtio.pci.vendor_id = 0x8086;
    assert_false(virtio_blk_driver.match(&virtio.pci));
}

/* ---- where the registers are ---- */

static void device_without_modern_capabilities_is_left_alone(void **state)
{
    (void)state;
    virtio.config[0x41] = 0;
    virtio_is_refused();
    virtio.config[PCI_STATUS] = 0;
    virtio_is_refused();
    assert_int_equal(virtio.resets, 0);
}

static void capability_that_is_wrong_is_not_followed(void **state)
{
    static const struct {
        uint8_t at;
        uint32_t value;
    } wrongs[] = {
        {0x50 + 4, 6},          /* a BAR that there is not */
        {0x50 + 4, 0},          /* a BAR that is not there */
        {0x50 + 8, 2},          /* not aligned */
        {0x50 + 8, 0x4000},     /* outside of the BAR */
        {0x50 + 8, 0xfffffffc}, /* so that it wraps */
        {0x50 + 12, 0x37},      /* too short */
        {0x50 + 12, 0xffffffff}, {0x74 + 12, 7}, {0x84 + 12, 0x2000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        uint32_t was;

        memcpy(&was, virtio.config + wrongs[i].at, 4);
        memcpy(virtio.config + wrongs[i].at, &wrongs[i].value, 4);
        virtio_is_refused();
        memcpy(virtio.config + wrongs[i].at, &was, 4);
    }
    virtio.config[0x84 + 2] = 16; /* the notifications' multiplier is not in it */
    virtio_is_refused();
    virtio.config[0x84 + 2] = 20;
    virtio_probe();
}

static void first_capability_of_a_kind_that_is_usable_counts(void **state)
{
    (void)state;
    virtio.config[0x41] = 0xa0;
    fake_virtio_capability(0xa0, 0xb4, VIRTIO_TYPE_COMMON, 7, 0, 0x38);
    fake_virtio_capability(0xb4, 0x50, 9, 4, 0, 0x38);
    fake_virtio_capability(0x84, 0xd0, VIRTIO_TYPE_NOTIFY, 4, 0x3000, 0x1000);
    fake_virtio_capability(0xd0, 0, VIRTIO_TYPE_COMMON, 4, 0x1000, 0x38);
    virtio_probe();
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 4096), BLOCK_OK);
}

static void list_of_capabilities_without_an_end_ends(void **state)
{
    (void)state;
    virtio.config[0x41] = 0x40;
    virtio_is_refused();
    virtio.config[0x41] = 0x50;
    virtio.config[0x85] = 0x40;
    virtio_probe();
}

static void structures_in_one_bar_are_mapped_once_or_apart(void **state)
{
    (void)state;
    virtio.pci.bars[2] = virtio.pci.bars[4];
    virtio.config[0x84 + 4] = 2;
    virtio_probe();
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 4096), BLOCK_OK);
}

/* ---- features and limits ---- */

static void device_of_before_version_1_is_refused(void **state)
{
    (void)state;
    virtio.features &= ~VIRTIO_F_VERSION_1;
    virtio_is_refused();
}

static void device_that_does_not_agree_is_refused(void **state)
{
    (void)state;
    virtio.refuse_features = true;
    virtio_is_refused();
}

static void nothing_is_accepted_that_is_not_known(void **state)
{
    (void)state;
    virtio.features = UINT64_MAX;
    virtio_probe();
    assert_false(virtio.accepted & 1ull << 34); /* RING_PACKED */
    assert_false(virtio.accepted & 1ull << 14); /* WRITE_ZEROES */
    assert_true(virtio.accepted & VIRTIO_F_ACCESS_PLATFORM);
}

static void configuration_that_changes_is_read_again(void **state)
{
    (void)state;
    virtio.torn = 3;
    virtio_probe();
    assert_true(io.disk->sector_count == FAKE_VIRTIO_SECTORS);
}

static void device_whose_limits_hold_no_request_is_refused(void **state)
{
    (void)state;
    virtio.seg_max = 1;
    virtio_is_refused();
    virtio.seg_max = 254;
    virtio.queue_size = 0;
    virtio_is_refused();
    virtio.queue_size = 2;
    virtio_is_refused();
    virtio.queue_size = 256;
    virtio.capacity = 0;
    virtio_is_refused();
    virtio.capacity = 7;
    virtio.block_size = 4096;
    virtio_is_refused();
    virtio.capacity = FAKE_VIRTIO_SECTORS;
    virtio.block_size = 256;
    virtio_is_refused();
    virtio.block_size = 8192;
    virtio_is_refused();
    virtio.block_size = 1536;
    virtio_is_refused();
}

static void blocks_of_4_kib_are_sectors_of_4_kib(void **state)
{
    struct block_request r = {.op = BLOCK_WRITE,
                              .sector = 3,
                              .sector_count = 2,
                              .segments = io.segments,
                              .segment_count = 1};

    (void)state;
    virtio.block_size = 4096;
    virtio_probe();
    assert_int_equal(io.disk->sector_size, 4096);
    assert_true(io.disk->sector_count == FAKE_VIRTIO_SECTORS / 8);
    assert_int_equal(io.disk->max_discard_sectors, 512);
    io.segments[0] = (struct block_segment){.physical = virt_to_phys(io.memory), .length = 8192};
    r.device = io.disk;
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_memory_equal(virtio.disk + 3 * 4096, io.memory, 8192);
    r.op = BLOCK_DISCARD;
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_int_equal(virtio.disk[3 * 4096 + 1], 0);
}

static void physical_block_is_known_if_it_makes_sense(void **state)
{
    static const struct {
        uint64_t feature;
        uint8_t exponent, known;
    } cases[] = {{VIRTIO_BLK_F_TOPOLOGY, 3, 3}, {VIRTIO_BLK_F_TOPOLOGY, 16, 0}, {0, 3, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        virtio_drop(NULL);
        virtio_make(NULL);
        virtio.features |= cases[i].feature;
        virtio.physical_exponent = cases[i].exponent;
        virtio_probe();
        assert_int_equal(io.disk->physical_exponent, cases[i].known);
    }
}

static void read_only_device_is_not_written(void **state)
{
    (void)state;
    virtio.features |= VIRTIO_BLK_F_RO;
    virtio_probe();
    assert_int_equal(disk_perform(BLOCK_WRITE, 0, 0, 4096), BLOCK_READ_ONLY);
    assert_int_equal(virtio.writes, 0);
}

static void device_without_optional_features_works(void **state)
{
    (void)state;
    virtio.features = VIRTIO_F_VERSION_1;
    virtio.id = NULL;
    virtio_probe();
    assert_string_equal(io.disk->serial, "");
    assert_false(io.disk->can_discard);
    assert_int_equal(disk_perform(BLOCK_WRITE, 9, 512, 1u << 20), BLOCK_OK);
    assert_memory_equal(virtio.disk + 9 * 512, io.memory + 512, 1u << 20);
}

/* ---- requests ---- */

static void four_mebibytes_go_in_one_chain(void **state)
{
    static const uint32_t offsets[] = {0, 512, 4092};

    (void)state;
    virtio_probe();
    for (size_t i = 0; i < 3; i++) {
        memset(virtio.disk, 0, FAKE_VIRTIO_SECTORS * 512);
        assert_int_equal(disk_perform(BLOCK_WRITE, 100, offsets[i], 4u << 20), BLOCK_OK);
        assert_memory_equal(virtio.disk + 100 * 512, io.memory + offsets[i], 4u << 20);
    }
    assert_int_equal(virtio.most_bytes, 4u << 20);
    assert_int_equal(virtio.writes, 3);
    memset(io.memory, 0, 4u << 20);
    assert_int_equal(disk_perform(BLOCK_READ, 100, 8, 4u << 20), BLOCK_OK);
    assert_memory_equal(virtio.disk + 100 * 512, io.memory + 8, 4u << 20);
}

/* A request of 257 pages, each apart from the next, the first and last in part. */
static enum block_status scattered(enum block_op op, uint64_t sector)
{
    static struct block_segment segments[257];
    struct block_request r = {.op = op,
                              .sector = sector,
                              .sector_count = 2048,
                              .segments = segments,
                              .segment_count = 257,
                              .device = io.disk};

    for (uint32_t i = 0; i < 257; i++)
        segments[i] =
            (struct block_segment){.physical = virt_to_phys(io.memory + i * 8192), .length = 4096};
    segments[0].physical += 4;
    segments[0].length -= 4;
    segments[256].length = 4;
    return block_submit_wait(&r);
}

static void scattered_compare(uint64_t sector)
{
    const uint8_t *disk = virtio.disk + sector * 512;

    assert_memory_equal(disk, io.memory + 4, 4092);
    for (uint32_t i = 1; i < 256; i++)
        assert_memory_equal(disk + i * 4096 - 4, io.memory + i * 8192, 4096);
    assert_memory_equal(disk + 256 * 4096 - 4, io.memory + 256 * 8192, 4);
}

static void scattered_mebibyte_goes_in_chains_that_the_device_takes(void **state)
{
    static const uint32_t seg_max[] = {254, 100, 2};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        virtio_drop(NULL);
        virtio_make(NULL);
        virtio.seg_max = seg_max[i];
        virtio_probe();
        assert_int_equal(scattered(BLOCK_WRITE, 7), BLOCK_OK);
        scattered_compare(7);
        memset(io.memory, 0, DISK_MEMORY_SIZE);
        assert_int_equal(scattered(BLOCK_READ, 7), BLOCK_OK);
        scattered_compare(7);
        assert_int_equal(virtio.most_pieces, seg_max[i]);
        assert_true(virtio.writes == virtio.reads && virtio.writes >= 257 / seg_max[i]);
    }
}

static void largest_piece_of_the_device_is_kept(void **state)
{
    (void)state;
    virtio.features |= VIRTIO_BLK_F_SIZE_MAX;
    virtio.size_max = 4096;
    virtio_probe();
    assert_int_equal(disk_perform(BLOCK_WRITE, 1, 512, 2u << 20), BLOCK_OK);
    assert_memory_equal(virtio.disk + 512, io.memory + 512, 2u << 20);
    assert_int_equal(virtio.writes, 3); /* of 254 pieces of 4 KiB at most */
}

static void flush_discard_and_forced_writes_say_so(void **state)
{
    struct block_request r = {.op = BLOCK_FLUSH};

    (void)state;
    virtio_probe();
    r.device = io.disk;
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_int_equal(virtio.flushes, 1);
    memset(virtio.disk, 0x55, 8192);
    r.op = BLOCK_DISCARD;
    r.sector = 3;
    r.sector_count = 2;
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_int_equal(virtio.disk[3 * 512 - 1], 0x55);
    assert_int_equal(virtio.disk[3 * 512], 0);
    assert_int_equal(virtio.disk[5 * 512 - 1], 0);
    assert_int_equal(virtio.disk[5 * 512], 0x55);
    r = (struct block_request){.op = BLOCK_WRITE,
                               .force_unit_access = true,
                               .sector_count = 1,
                               .segments = io.segments,
                               .segment_count = 1,
                               .device = io.disk};
    io.segments[0] = (struct block_segment){.physical = virt_to_phys(io.memory), .length = 512};
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_memory_equal(virtio.order + 12, "fdwf", 4);
}

static void device_without_a_cache_is_not_flushed(void **state)
{
    struct block_request r = {.op = BLOCK_FLUSH};

    (void)state;
    virtio.features &= ~VIRTIO_BLK_F_FLUSH;
    virtio_probe();
    assert_true(io.disk->can_force_unit_access);
    r.device = io.disk;
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_int_equal(virtio.flushes, 0);
}

static void each_cpu_has_its_queue(void **state)
{
    (void)state;
    fake.cpus = 4;
    virtio_probe();
    assert_int_equal(fake_pci.routed_count, 4);
    assert_int_equal(io.disk->queue_depth, 4 * VIRTIO_BLK_SLOTS);
    virtio.per_queue[0] = 0; /* of the driver's own */
    for (fake.cpu = 0; fake.cpu < 4; fake.cpu++)
        assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(virtio.per_queue[i], 1);
        assert_int_equal(fake_pci.routed[i].cpu, i);
    }
}

static void queues_are_as_many_as_device_and_vectors_have(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        virtio_drop(NULL);
        virtio_make(NULL);
        fake.cpus = 8;
        if (i == 0)
            virtio.queue_limit = 3;
        else if (i == 1)
            virtio.pci.msix_count = 3;
        else
            virtio.features &= ~VIRTIO_BLK_F_MQ;
        virtio_probe();
        assert_int_equal(fake_pci.routed_count, i == 2 ? 1 : 3);
        for (fake.cpu = 0; fake.cpu < 8; fake.cpu++)
            assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
        assert_int_equal(virtio.reads, 8);
    }
}

/* Each feature that changes how the ring is used, with and without the other. */
static const uint64_t ring_features[] = {VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_INDEX,
                                         VIRTIO_F_INDIRECT, VIRTIO_F_EVENT_INDEX, 0};

static void more_requests_than_the_queue_holds_wait_their_turn(void **state)
{
    (void)state;
    for (size_t k = 0; k < 8; k++) {
        virtio_drop(NULL);
        virtio_make(NULL);
        virtio.features &= ~(VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_INDEX);
        virtio.features |= ring_features[k / 2];
        virtio.backward = k % 2 != 0;
        virtio_probe();
        for (uint32_t i = 0; i < REQUESTS; i++)
            disk_submit(i, BLOCK_WRITE, i * 8, i * 16384, 4096);
        while (io.done < REQUESTS)
            thread_sleep(1000);
        for (uint32_t i = 0; i < REQUESTS; i++) {
            assert_int_equal(io.requests[i].status, BLOCK_OK);
            assert_memory_equal(virtio.disk + i * 4096, io.memory + i * 16384, 4096);
        }
        assert_int_equal(virtio.writes, REQUESTS);
    }
}

static void queues_of_any_size_work(void **state)
{
    static const uint16_t sizes[] = {8, 16, 48, 256, 1024};

    (void)state;
    for (size_t k = 0; k < 2 * sizeof(sizes) / sizeof(sizes[0]); k++) {
        virtio_drop(NULL);
        virtio_make(NULL);
        virtio.queue_size = sizes[k / 2];
        if (k % 2 != 0)
            virtio.features &= ~VIRTIO_F_INDIRECT;
        virtio_probe();
        for (uint32_t i = 0; i < 40; i++)
            disk_submit(i, BLOCK_WRITE, i * 64, i * 65536, 32768);
        while (io.done < 40)
            thread_sleep(1000);
        for (uint32_t i = 0; i < 40; i++)
            assert_memory_equal(virtio.disk + i * 32768, io.memory + i * 65536, 32768);
        assert_int_equal(scattered(BLOCK_WRITE, 3000), BLOCK_OK);
        scattered_compare(3000);
    }
}

static void indices_of_the_ring_wrap(void **state)
{
    (void)state;
    fake.step_limit = 1000000;
    virtio_probe();
    for (uint32_t i = 0; i < 70000; i++) {
        memset(io.memory, (int)i, 8);
        assert_int_equal(disk_perform(BLOCK_WRITE, i % 1000, 0, 512), BLOCK_OK);
        assert_memory_equal(virtio.disk + i % 1000 * 512, io.memory, 8);
    }
}

static void device_that_is_at_work_is_not_told_again(void **state)
{
    uint32_t notifications;

    (void)state;
    virtio_probe();
    notifications = virtio.notifications;
    for (uint32_t i = 0; i < 60; i++)
        disk_submit(i, BLOCK_READ, 0, 0, 4096);
    assert_int_equal(virtio.notifications, notifications + 1);
    while (io.done < 60)
        thread_sleep(1000);
    assert_int_equal(io.disk->statistics.interrupts, 1);
}

static void device_without_interrupts_is_polled(void **state)
{
    (void)state;
    fake_pci.irq_limit = 0;
    virtio_probe();
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    virtio_watch(1);
    assert_int_equal(io.requests[0].status, BLOCK_OK);
    assert_true(io.requests[0].driver_private[0] == 0); /* it was never late */
    assert_int_equal(virtio.interrupts, 0);
}

static void lack_of_memory_while_probing_leaks_nothing(void **state)
{
    (void)state;
    for (int left = 0; left < 9; left++) {
        fake.allocations_left = left;
        fake.cpus = 2;
        virtio_is_refused();
    }
    fake.allocations_left = 9;
    virtio_probe();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, virtio_make, virtio_drop)
    const struct CMUnitTest tests[] = {
        TEST(device_becomes_a_disk),
        TEST(transitional_device_is_used_by_its_modern_interface),
        TEST(other_devices_are_not_ours),
        TEST(device_without_modern_capabilities_is_left_alone),
        TEST(capability_that_is_wrong_is_not_followed),
        TEST(first_capability_of_a_kind_that_is_usable_counts),
        TEST(list_of_capabilities_without_an_end_ends),
        TEST(structures_in_one_bar_are_mapped_once_or_apart),
        TEST(device_of_before_version_1_is_refused),
        TEST(device_that_does_not_agree_is_refused),
        TEST(nothing_is_accepted_that_is_not_known),
        TEST(configuration_that_changes_is_read_again),
        TEST(device_whose_limits_hold_no_request_is_refused),
        TEST(blocks_of_4_kib_are_sectors_of_4_kib),
        TEST(physical_block_is_known_if_it_makes_sense),
        TEST(read_only_device_is_not_written),
        TEST(device_without_optional_features_works),
        TEST(four_mebibytes_go_in_one_chain),
        TEST(scattered_mebibyte_goes_in_chains_that_the_device_takes),
        TEST(largest_piece_of_the_device_is_kept),
        TEST(flush_discard_and_forced_writes_say_so),
        TEST(device_without_a_cache_is_not_flushed),
        TEST(each_cpu_has_its_queue),
        TEST(queues_are_as_many_as_device_and_vectors_have),
        TEST(more_requests_than_the_queue_holds_wait_their_turn),
        TEST(queues_of_any_size_work),
        TEST(indices_of_the_ring_wrap),
        TEST(device_that_is_at_work_is_not_told_again),
        TEST(device_without_interrupts_is_polled),
        TEST(lack_of_memory_while_probing_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
