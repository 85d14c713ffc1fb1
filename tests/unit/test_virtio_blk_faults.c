/* SPDX-License-Identifier: MIT */
/* tests/unit/test_virtio_blk_faults.c - the virtio block driver over a device that fails, lies, or
 * goes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "mm/memory.h"
#include "virtio_fixture.h"

static void errors_say_whose_fault_they_are(void **state)
{
    static const struct {
        uint8_t virtio;
        enum block_status block;
        uint32_t chains;
    } map[] = {{VIRTIO_BLK_S_IOERR, BLOCK_DEVICE_ERROR, 2},
               {VIRTIO_BLK_S_UNSUPPORTED, BLOCK_UNSUPPORTED, 1},
               {3, BLOCK_DEVICE_ERROR, 2}};

    (void)state;
    virtio_probe();
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        uint32_t chains = virtio.chains;

        virtio.fail = map[i].chains;
        virtio.fail_status = map[i].virtio;
        assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), map[i].block);
        assert_int_equal(virtio.chains, chains + map[i].chains);
    }
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
    assert_int_equal(io.disk->statistics.errors, 3);
}

static void passing_failure_is_tried_again_once(void **state)
{
    (void)state;
    virtio_probe();
    virtio.fail = 1;
    virtio.fail_status = VIRTIO_BLK_S_IOERR;
    assert_int_equal(disk_perform(BLOCK_WRITE, 5, 0, 4096), BLOCK_OK);
    assert_memory_equal(virtio.disk + 5 * 512, io.memory, 4096);
}

static void failure_of_a_neighbour_is_not_ones_own(void **state)
{
    (void)state;
    virtio_probe();
    virtio.bad_sector = 20 * 8 + 3;
    for (uint32_t i = 0; i < 100; i++) /* the first of the second batch is bad as well */
        disk_submit(i, BLOCK_WRITE, i == 63 ? 20 * 8 : i * 8, i * 4096, 4096);
    while (io.done < 100)
        thread_sleep(1000);
    for (uint32_t i = 0; i < 100; i++) {
        bool bad = i == 20 || i == 63;

        assert_int_equal(io.requests[i].status, bad ? BLOCK_DEVICE_ERROR : BLOCK_OK);
        if (!bad)
            assert_memory_equal(virtio.disk + i * 4096, io.memory + i * 4096, 4096);
    }
    assert_int_equal(virtio.writes, 2 * 100); /* each came together with a bad one */
}

static void what_has_failed_waits_for_what_is_in_flight(void **state)
{
    (void)state;
    virtio_probe();
    virtio.chains = 0;
    virtio.hold = 1;
    virtio.fail = 1;
    virtio.fail_status = VIRTIO_BLK_S_IOERR;
    for (uint32_t i = 0; i < 2; i++)
        disk_submit(i, BLOCK_WRITE, i * 8, i * 4096, 4096);
    for (uint32_t i = 0; i < 3; i++)
        thread_sleep(1000);
    assert_int_equal(virtio.chains, 2);
    virtio_watch(2);
    assert_int_equal(io.requests[0].status, BLOCK_OK);
    assert_int_equal(io.requests[1].status, BLOCK_OK);
    assert_memory_equal(virtio.disk, io.memory, 8192);
}

static void request_of_many_chains_ends_with_the_first_that_fails(void **state)
{
    (void)state;
    virtio.features |= VIRTIO_BLK_F_SIZE_MAX;
    virtio.size_max = 4096;
    virtio_probe();
    virtio.fail = 2;
    virtio.fail_status = VIRTIO_BLK_S_IOERR;
    assert_int_equal(disk_perform(BLOCK_WRITE, 0, 0, 2u << 20), BLOCK_DEVICE_ERROR);
    assert_int_equal(virtio.writes, 0);
    assert_int_equal(disk_perform(BLOCK_WRITE, 0, 0, 2u << 20), BLOCK_OK);
}

/* ---- devices that lie ---- */

/* Reads fail while it lies; what it says once is not its last word. */
static void reads_fail_by(enum fake_virtio_lie lie)
{
    uint32_t reads = virtio.reads;

    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
    virtio.lie = lie;
    virtio.goes_on = true;
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_DEVICE_ERROR);
    virtio.goes_on = false;
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
    assert_int_equal(virtio.reads, reads + 5);
}

static void status_that_there_is_not_is_an_error(void **state)
{
    (void)state;
    virtio_probe();
    reads_fail_by(VIRTIO_STATUS_ODD);
    reads_fail_by(VIRTIO_NO_STATUS); /* though the chain before had one */
}

static void data_that_were_not_written_are_not_read(void **state)
{
    (void)state;
    virtio_probe();
    reads_fail_by(VIRTIO_LENGTH_SHORT);
}

/* The disk ends: every request now and later, and the device is kept from memory. */
static void disk_is_lost(uint32_t requests, enum block_status status)
{
    for (uint32_t i = 0; i < requests; i++)
        assert_true(io.requests[i].status == status || io.requests[i].status == BLOCK_OK);
    assert_int_equal(io.done, requests);
    assert_false(fake_pci.command & PCI_COMMAND_MASTER);
    assert_false(virtio.status & VIRTIO_STATUS_DRIVER_OK);
    disk_submit(0, BLOCK_WRITE, 0, 0, 4096);
    assert_int_equal(io.requests[0].status, status);
}

static void device_that_returns_what_it_does_not_have_ends_the_disk(void **state)
{
    static const enum fake_virtio_lie lies[] = {
        VIRTIO_INDEX_BACK, VIRTIO_INDEX_AHEAD, VIRTIO_ID_HUGE,    VIRTIO_ID_SPARE,
        VIRTIO_ID_FREE,    VIRTIO_ID_TWICE,    VIRTIO_LENGTH_HUGE};

    (void)state;
    for (size_t k = 0; k < 2 * sizeof(lies) / sizeof(lies[0]); k++) {
        virtio_drop(NULL);
        virtio_make(NULL);
        if (k % 2 != 0)
            virtio.features &= ~(VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_INDEX);
        virtio_probe();
        disk_submit(0, BLOCK_READ, 0, 0, 4096);
        virtio.lie = lies[k / 2];
        thread_sleep(1000); /* the device works, and lies, and says so */
        for (uint32_t i = 1; i < 100; i++)
            disk_submit(i, BLOCK_READ, 0, 0, 4096);
        thread_sleep(1000);
        fake_threads_run();
        disk_is_lost(100, BLOCK_DEVICE_ERROR);
        assert_int_equal(io.requests[99].status, BLOCK_DEVICE_ERROR);
    }
}

static uint32_t seed;

static uint32_t random_below(uint32_t limit)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % limit;
}

static void scribble(const struct dma_buffer *buffer)
{
    uint8_t *bytes = buffer->virtual;

    for (uint32_t i = random_below(64); i > 0; i--)
        bytes[random_below((uint32_t)buffer->size)] = (uint8_t)random_below(256);
}

/* Now and then what an honest device would do, so that requests end; all else as well. */
static void device_scribbles(void)
{
    struct virtio_blk *d = io.disk->driver;
    struct virtio_blk_queue *q = &d->queues[random_below(d->queue_count)];
    uint16_t *index = &q->ring.used->index;
    struct virtio_used_element *next = &q->ring.used->ring[*index % q->ring.size];

    if (random_below(20) == 0)
        scribble(&q->memory);
    if (random_below(8) == 0)
        scribble(&q->areas);
    if (random_below(8) == 0 && q->tables.virtual)
        scribble(&q->tables);
    *next = (struct virtio_used_element){.id = random_below(8) * q->stride, .length = 1};
    for (uint32_t i = 0; i <= q->slot_count; i++)
        ((struct virtio_blk_area *)q->areas.virtual)[i].status = (uint8_t)random_below(4);
    *index = (uint16_t)(*index + random_below(2));
    fake_pci_raise(q->index);
}

/* More work than ends: cmocka and ASan watch that each request ends once, and that nothing but
 * shared memory is trusted with what the device wrote. */
static void device_that_writes_anything_ends_each_request_once(void **state)
{
    (void)state;
    for (uint32_t round = 1; round < 100; round++) {
        virtio_drop(NULL);
        virtio_make(NULL);
        seed = round * 2654435761u;
        if (round % 3 == 0)
            virtio.features &= ~(VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_INDEX);
        fake.cpus = 2;
        virtio_probe();
        fake.step = device_scribbles;
        for (uint32_t i = 0; i < DISK_REQUESTS_MAX; i++) {
            fake.cpu = random_below(2);
            disk_submit(i, random_below(2) ? BLOCK_WRITE : BLOCK_READ, i, 0,
                        512u << random_below(8));
            if (random_below(4) == 0)
                thread_sleep(1000);
        }
        virtio.status |= round % 2 ? VIRTIO_STATUS_NEEDS_RESET : 0;
        virtio.removed = round % 2 == 0;
        fake_threads_run();
        assert_int_equal(io.done, DISK_REQUESTS_MAX);
    }
}

static void device_that_needs_a_reset_ends_the_disk(void **state)
{
    (void)state;
    virtio_probe();
    virtio.hold = 100;
    for (uint32_t i = 0; i < 100; i++)
        disk_submit(i, BLOCK_READ, 0, 0, 4096);
    virtio.status |= VIRTIO_STATUS_NEEDS_RESET;
    fake_threads_run();
    disk_is_lost(100, BLOCK_DEVICE_ERROR);
    assert_true(fake.now < 2 * VIRTIO_BLK_IO_TIMEOUT_NS);
}

static void broken_device_that_goes_was_removed(void **state)
{
    (void)state;
    virtio_probe();
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    virtio.lie = VIRTIO_ID_HUGE;
    virtio.never_reset = true;
    io.remove_after = 0;
    thread_sleep(1000);
    virtio.removed = true;
    fake_threads_run();
    assert_int_equal(io.requests[0].status, BLOCK_GONE);
}

/* ---- devices that do not answer ---- */

static void swallowed_chain_is_sent_again_after_a_reset(void **state)
{
    uint32_t resets;

    (void)state;
    fake.cpus = 2;
    virtio_probe();
    resets = virtio.resets;
    virtio.hold = 1;
    for (uint32_t i = 0; i < 3; i++) {
        fake.cpu = i % 2;
        disk_submit(i, BLOCK_WRITE, i * 8, i * 4096, 4096);
    }
    virtio_watch(3);
    assert_int_equal(virtio.resets, resets + 1);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(io.requests[i].status, BLOCK_OK);
        assert_memory_equal(virtio.disk + i * 4096, io.memory + i * 4096, 4096);
    }
}

static void part_of_a_request_is_sent_again_and_not_the_whole(void **state)
{
    (void)state;
    virtio.features |= VIRTIO_BLK_F_SIZE_MAX;
    virtio.size_max = 4096;
    virtio_probe();
    disk_submit(0, BLOCK_WRITE, 0, 0, 2u << 20);
    thread_sleep(1000); /* one of three parts */
    virtio.hold = 1;
    virtio_watch(1);
    assert_int_equal(io.requests[0].status, BLOCK_OK);
    assert_int_equal(virtio.writes, 3);
    assert_memory_equal(virtio.disk, io.memory, 2u << 20);
}

static void chain_that_is_always_swallowed_fails_in_the_end(void **state)
{
    (void)state;
    virtio_probe();
    virtio.chains = 0;
    virtio.hold = UINT32_MAX;
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    virtio_watch(1);
    assert_int_equal(io.requests[0].status, BLOCK_DEVICE_ERROR);
    assert_int_equal(virtio.chains, VIRTIO_BLK_RETRIES + 1);
}

static void lost_interrupt_needs_no_reset(void **state)
{
    uint32_t resets;

    (void)state;
    virtio_probe();
    resets = virtio.resets;
    virtio.silent = true;
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    virtio_watch(1);
    assert_int_equal(io.requests[0].status, BLOCK_OK);
    assert_int_equal(virtio.resets, resets);
}

/* It would never be told again: its event is behind what it was not told of. */
static void lost_notification_is_made_up_for_in_two_seconds(void **state)
{
    uint32_t resets, notifications;
    uint64_t start;

    (void)state;
    virtio_probe();
    resets = virtio.resets;
    start = fake.now;
    virtio.deaf = 1;
    for (uint32_t i = 0; i < 3; i++)
        disk_submit(i, BLOCK_READ, 0, 0, 4096);
    notifications = virtio.notifications;
    virtio_watch(3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(io.requests[i].status, BLOCK_OK);
    assert_int_equal(virtio.notifications, notifications + 1);
    assert_int_equal(virtio.resets, resets);
    assert_true(fake.now - start < 4 * 1000000000ull); /* the third look finds it gone */
}

static void device_that_stays_dead_fails_all_requests_and_loses_memory(void **state)
{
    (void)state;
    virtio_probe();
    virtio.hold = UINT32_MAX;
    virtio.never_reset = true;
    for (uint32_t i = 0; i < 100; i++)
        disk_submit(i, BLOCK_READ, 0, 0, 4096);
    fake_threads_run();
    assert_int_equal(io.done, 100);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(io.requests[i].status, BLOCK_DEVICE_ERROR);
    assert_false(fake_pci.command & PCI_COMMAND_MASTER);
}

static void device_that_changes_its_mind_in_a_reset_is_lost(void **state)
{
    (void)state;
    virtio_probe();
    virtio.hold = 1;
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    thread_sleep(1000);
    virtio.features &= ~VIRTIO_F_INDIRECT;
    fake_threads_run();
    disk_is_lost(1, BLOCK_DEVICE_ERROR);
}

static void device_that_does_not_come_up_is_left_alone(void **state)
{
    (void)state;
    virtio.never_reset = true;
    virtio.status = VIRTIO_STATUS_DRIVER;
    virtio_is_refused();
    virtio.never_reset = false;
    virtio.refuse_vectors = true;
    virtio_is_refused();
    assert_true(virtio.status & VIRTIO_STATUS_FAILED);
    virtio.refuse_vectors = false;
    virtio.notify_offset = 0x1000 / 4; /* the first address after its structure */
    virtio_is_refused();
    virtio.notify_offset = 0x1000 / 4 - 1;
    virtio_probe();
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
}

static void device_that_does_not_answer_for_its_name_has_none(void **state)
{
    (void)state;
    virtio.hold = 1;
    virtio_probe();
    assert_string_equal(io.disk->serial, "");
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
}

/* ---- devices that go ---- */

static void removal_ends_requests_now_and_later(void **state)
{
    (void)state;
    virtio_probe();
    virtio.hold = UINT32_MAX;
    for (uint32_t i = 0; i < 100; i++)
        disk_submit(i, BLOCK_READ, 0, 0, 4096);
    virtio.removed = true;
    fake_threads_run();
    assert_int_equal(io.done, 100);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(io.requests[i].status, BLOCK_GONE);
    disk_submit(0, BLOCK_WRITE, 0, 0, 4096);
    assert_int_equal(io.requests[0].status, BLOCK_GONE);
}

static void device_that_is_to_go_ends_its_requests_and_is_flushed(void **state)
{
    (void)state;
    virtio_probe();
    virtio.hold = 40;
    for (uint32_t i = 0; i < 100; i++)
        disk_submit(i, BLOCK_WRITE, i * 8, i * 4096, 4096);
    for (uint32_t i = 0; i < 3; i++) /* slots are free for the last of them after the second */
        thread_sleep(1000);
    assert_int_equal(io.done, 60);
    virtio_take_away();
    assert_int_equal(io.done, 100);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(io.requests[i].status, i < 40 ? BLOCK_GONE : BLOCK_OK);
    assert_int_equal(virtio.flushes, 1);
    assert_int_equal(virtio.status, 0);
    assert_false(fake_pci.command & PCI_COMMAND_MASTER);
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    assert_int_equal(io.done, 101);
    assert_int_equal(io.requests[0].status, BLOCK_GONE);
}

static void device_that_neither_flushes_nor_resets_goes_all_the_same(void **state)
{
    (void)state;
    virtio_probe();
    virtio.never_reset = true;
    virtio.hold = UINT32_MAX;
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    virtio_take_away();
    assert_int_equal(io.done, 1);
    assert_int_equal(io.requests[0].status, BLOCK_GONE);
    assert_true(fake.now < 12000000000ull);
}

static void device_that_has_gone_before_is_let_go(void **state)
{
    (void)state;
    virtio_probe();
    virtio.removed = true;
    fake_threads_run(); /* the watchdog ends */
    fake.step = NULL;
    virtio_blk_driver.remove(&virtio.pci);
    assert_int_equal(virtio.flushes, 0);
}

static void other_thread(void *unused)
{
    (void)unused;
}

static void device_that_nobody_watches_can_go(void **state)
{
    (void)state;
    while (thread_start("other", other_thread, NULL, -1))
        ;
    (void)fake_thread_take("other"); /* for its partitions' thread: none is left for a watchdog */
    virtio_probe();
    virtio_blk_driver.remove(&virtio.pci);
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_GONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, virtio_make, virtio_drop)
    const struct CMUnitTest tests[] = {
        TEST(errors_say_whose_fault_they_are),
        TEST(passing_failure_is_tried_again_once),
        TEST(failure_of_a_neighbour_is_not_ones_own),
        TEST(what_has_failed_waits_for_what_is_in_flight),
        TEST(request_of_many_chains_ends_with_the_first_that_fails),
        TEST(status_that_there_is_not_is_an_error),
        TEST(data_that_were_not_written_are_not_read),
        TEST(device_that_returns_what_it_does_not_have_ends_the_disk),
        TEST(device_that_writes_anything_ends_each_request_once),
        TEST(device_that_needs_a_reset_ends_the_disk),
        TEST(broken_device_that_goes_was_removed),
        TEST(swallowed_chain_is_sent_again_after_a_reset),
        TEST(part_of_a_request_is_sent_again_and_not_the_whole),
        TEST(chain_that_is_always_swallowed_fails_in_the_end),
        TEST(lost_interrupt_needs_no_reset),
        TEST(lost_notification_is_made_up_for_in_two_seconds),
        TEST(device_that_stays_dead_fails_all_requests_and_loses_memory),
        TEST(device_that_changes_its_mind_in_a_reset_is_lost),
        TEST(device_that_does_not_come_up_is_left_alone),
        TEST(device_that_does_not_answer_for_its_name_has_none),
        TEST(removal_ends_requests_now_and_later),
        TEST(device_that_is_to_go_ends_its_requests_and_is_flushed),
        TEST(device_that_neither_flushes_nor_resets_goes_all_the_same),
        TEST(device_that_has_gone_before_is_let_go),
        TEST(device_that_nobody_watches_can_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
