/* SPDX-License-Identifier: MIT */
/* tests/unit/test_ahci.c - the AHCI driver over a controller that fails on demand. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "drivers/ahci_controller.h"
#include "drivers/drivers.h"
#include "fake_ahci.h"
#include "io/block.h"
#include "mm/memory.h"
#include "root_kernel.h"

#define MEMORY_SIZE (8u << 20)
#define REQUESTS    100u

static struct {
    uint8_t *memory;
    struct block_device *disk;
    uint32_t done;
    uint32_t remove_after; /* requests; then the worker thread ends */
    struct block_request requests[REQUESTS];
    struct block_segment segments[REQUESTS];
} t;

static bool last_disk(struct block_device *device, void *context)
{
    (void)context;
    t.disk = device;
    return true;
}

static void device_step(void)
{
    fake_ahci_step();
    if (t.remove_after && t.done >= t.remove_after)
        ahci.removed = true;
}

static int machine_make(void **state)
{
    (void)state;
    fake_kernel_reset();
    fake_ahci_make();
    memset(&t, 0, sizeof(t));
    fake.step = device_step;
    assert_int_equal(posix_memalign((void **)&t.memory, PAGE_SIZE, MEMORY_SIZE), 0);
    for (uint32_t i = 0; i < MEMORY_SIZE / 4; i++)
        ((uint32_t *)(void *)t.memory)[i] = i * 2654435761u;
    return 0;
}

static int machine_drop(void **state)
{
    struct ahci_port *port;

    (void)state;
    if (t.disk) {
        port = t.disk->driver;
        list_remove(&t.disk->link);
        for (uint32_t i = 0; i < AHCI_SLOTS_MAX; i++)
            dma_free(&port->slots[i].table);
        dma_free(&port->scratch);
        dma_free(&port->memory);
        free(port->controller);
        free(port);
    }
    free(t.memory);
    fake_ahci_drop();
    return 0;
}

static void probe(void)
{
    assert_true(ahci_driver.match(&ahci.pci));
    assert_true(ahci_driver.probe(&ahci.pci));
    block_for_each(last_disk, NULL);
    assert_non_null(t.disk);
    fake_thread_take("partitions");
}

static void request_done(struct block_request *r)
{
    (void)r;
    t.done++;
}

static void submit(uint32_t i, enum block_op op, uint64_t sector, uint32_t offset, uint32_t bytes)
{
    t.segments[i] =
        (struct block_segment){.physical = virt_to_phys(t.memory + offset), .length = bytes};
    t.requests[i] = (struct block_request){.op = op,
                                           .sector = sector,
                                           .sector_count = bytes / FAKE_AHCI_SECTOR,
                                           .segments = &t.segments[i],
                                           .segment_count = 1,
                                           .done = request_done,
                                           .device = t.disk};
    block_submit(&t.requests[i]);
}

static enum block_status perform(enum block_op op, uint64_t sector, uint32_t offset, uint32_t bytes)
{
    submit(0, op, sector, offset, bytes);
    while (t.done == 0)
        thread_sleep(1000);
    t.done = 0;
    return t.requests[0].status;
}

/* Let the worker thread run until @requests are done; then the controller goes, and it ends. */
static void work(uint32_t requests)
{
    t.remove_after = requests;
    fake_threads_run();
}

static bool count_disk(struct block_device *device, void *context)
{
    (void)device;
    ++*(uint32_t *)context;
    return true;
}

static void only_the_disk_among_the_ports_becomes_a_disk(void **state)
{
    uint32_t count = 0;

    (void)state;
    probe();
    block_for_each(count_disk, &count);
    assert_int_equal(count, 1);
    assert_string_equal(t.disk->model, "Fa");
    assert_true(t.disk->sector_count == FAKE_AHCI_SECTORS);
    assert_int_equal(t.disk->queue_depth, 32);
}

static void four_mebibytes_go_in_one_command(void **state)
{
    static const uint32_t depths[] = {32, 0};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        machine_drop(NULL);
        machine_make(NULL);
        ahci.queue_depth = depths[i];
        probe();
        assert_int_equal(perform(BLOCK_WRITE, 5, 12, 4u << 20), BLOCK_OK);
        assert_memory_equal(ahci.disk + 5 * 512, t.memory + 12, 4u << 20);
        memset(t.memory, 0, MEMORY_SIZE);
        assert_int_equal(perform(BLOCK_READ, 5, 4, 4u << 20), BLOCK_OK);
        assert_memory_equal(ahci.disk + 5 * 512, t.memory + 4, 4u << 20);
        assert_int_equal(ahci.largest, 8192);
        assert_int_equal(ahci.queued, depths[i] ? 2 : 0);
    }
}

static void scattered_mebibyte_goes_in_one_command(void **state)
{
    static struct block_segment segments[256];
    struct block_request r = {.op = BLOCK_WRITE,
                              .sector = 7,
                              .sector_count = 2048,
                              .segments = segments,
                              .segment_count = 256};

    (void)state;
    probe();
    r.device = t.disk;
    for (uint32_t i = 0; i < 256; i++)
        segments[i] = (struct block_segment){.physical = virt_to_phys(t.memory + (255 - i) * 8192),
                                             .length = 4096};
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    for (uint32_t i = 0; i < 256; i++)
        assert_memory_equal(ahci.disk + 7 * 512 + i * 4096, t.memory + (255 - i) * 8192, 4096);
    assert_int_equal(ahci.largest, 2048);
}

static void queue_fills_to_its_depth_and_the_rest_waits(void **state)
{
    (void)state;
    ahci.queue_depth = 16;
    probe();
    for (uint32_t i = 0; i < REQUESTS; i++)
        submit(i, BLOCK_WRITE, i * 8, i * 8192, 4096);
    while (t.done < REQUESTS)
        thread_sleep(1000);
    for (uint32_t i = 0; i < REQUESTS; i++)
        assert_memory_equal(ahci.disk + i * 4096, t.memory + i * 8192, 4096);
    assert_int_equal(ahci.deepest, 16);
    assert_int_equal(ahci.queued, REQUESTS);
}

static void disk_without_a_queue_gets_one_command_at_a_time(void **state)
{
    (void)state;
    ahci.queue_depth = 0;
    probe();
    for (uint32_t i = 0; i < REQUESTS; i++)
        submit(i, BLOCK_READ, i * 8, i * 8192, 4096);
    while (t.done < REQUESTS)
        thread_sleep(1000);
    assert_int_equal(ahci.deepest, 1);
}

static void flush_and_trim_never_mix_with_queued_commands(void **state)
{
    struct block_request flush = {.op = BLOCK_FLUSH, .done = request_done};
    struct block_request trim = {
        .op = BLOCK_DISCARD, .sector = 1, .sector_count = 2, .done = request_done};

    (void)state;
    probe();
    flush.device = trim.device = t.disk;
    memset(ahci.disk, 0x55, 8192);
    submit(0, BLOCK_WRITE, 100, 0, 4096);
    submit(1, BLOCK_READ, 200, 8192, 4096);
    block_submit(&flush);
    submit(2, BLOCK_WRITE, 300, 0, 4096);
    block_submit(&trim);
    submit(3, BLOCK_READ, 400, 8192, 4096);
    while (t.done < 6)
        thread_sleep(1000);
    assert_string_equal(ahci.order, "WRfWtR");
    assert_int_equal(ahci.mixed, 0);
    assert_int_equal(ahci.disk[511], 0x55);
    assert_int_equal(ahci.disk[512], 0);
    assert_int_equal(ahci.disk[1535], 0);
    assert_int_equal(ahci.disk[1536], 0x55);
}

static void bad_sector_fails_its_own_request_and_no_other(void **state)
{
    (void)state;
    probe();
    ahci.bad_sector = 10 * 8 + 3;
    for (uint32_t i = 0; i < 30; i++)
        submit(i, BLOCK_READ, i * 8, i * 8192, 4096);
    work(30);
    for (uint32_t i = 0; i < 30; i++)
        assert_int_equal(t.requests[i].status, i == 10 ? BLOCK_MEDIUM_ERROR : BLOCK_OK);
    assert_true(ahci.link_resets >= 1);
    assert_int_equal(ahci.mixed, 0);
}

static void bad_sector_fails_its_request_without_a_queue(void **state)
{
    (void)state;
    ahci.queue_depth = 0;
    probe();
    ahci.bad_sector = 3;
    submit(0, BLOCK_READ, 0, 0, 4096);
    submit(1, BLOCK_READ, 8, 8192, 4096);
    work(2);
    assert_int_equal(t.requests[0].status, BLOCK_MEDIUM_ERROR);
    assert_int_equal(t.requests[1].status, BLOCK_OK);
}

static void swallowed_command_is_sent_again_after_a_link_reset(void **state)
{
    (void)state;
    probe();
    ahci.hold = 1;
    submit(0, BLOCK_WRITE, 0, 0, 4096);
    submit(1, BLOCK_WRITE, 8, 4096, 4096);
    work(2);
    assert_int_equal(ahci.link_resets, 1);
    assert_memory_equal(ahci.disk, t.memory, 8192);
    assert_int_equal(t.requests[0].status, BLOCK_OK);
}

static void command_that_is_always_swallowed_fails_in_the_end(void **state)
{
    (void)state;
    probe();
    ahci.hold = UINT32_MAX;
    ahci.commands = 0;
    submit(0, BLOCK_READ, 0, 0, 4096);
    work(1);
    assert_int_equal(t.requests[0].status, BLOCK_DEVICE_ERROR);
    assert_int_equal(ahci.commands, AHCI_RETRIES + 1);
}

static void controller_without_interrupts_is_polled(void **state)
{
    (void)state;
    fake_pci.irq_limit = 0;
    probe();
    submit(0, BLOCK_READ, 0, 0, 4096);
    work(1);
    assert_int_equal(t.requests[0].status, BLOCK_OK);
    assert_int_equal(ahci.link_resets, 0);
}

static void assert_all_end_with(enum block_status status)
{
    assert_int_equal(t.done, REQUESTS);
    for (uint32_t i = 0; i < REQUESTS; i++)
        assert_int_equal(t.requests[i].status, status);
    t.done = 0;
    submit(0, BLOCK_WRITE, 0, 0, 4096);
    assert_int_equal(t.done, 1);
    assert_int_equal(t.requests[0].status, status);
}

static void submit_all_held(void)
{
    probe();
    ahci.hold = UINT32_MAX;
    for (uint32_t i = 0; i < REQUESTS; i++)
        submit(i, BLOCK_READ, i, 0, 4096);
}

static void unplugged_disk_ends_requests_now_and_later(void **state)
{
    (void)state;
    submit_all_held();
    fake_ahci_unplug();
    fake_threads_run();
    assert_all_end_with(BLOCK_GONE);
}

static void removed_controller_ends_requests_now_and_later(void **state)
{
    (void)state;
    submit_all_held();
    ahci.removed = true;
    fake_threads_run();
    assert_all_end_with(BLOCK_GONE);
}

static void engine_that_does_not_stop_loses_memory_before_requests_end(void **state)
{
    (void)state;
    submit_all_held();
    ahci.stuck = true;
    fake_threads_run();
    assert_false(fake_pci.command & PCI_COMMAND_MASTER);
    assert_all_end_with(BLOCK_DEVICE_ERROR);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, machine_make, machine_drop)
    const struct CMUnitTest tests[] = {
        TEST(only_the_disk_among_the_ports_becomes_a_disk),
        TEST(four_mebibytes_go_in_one_command),
        TEST(scattered_mebibyte_goes_in_one_command),
        TEST(queue_fills_to_its_depth_and_the_rest_waits),
        TEST(disk_without_a_queue_gets_one_command_at_a_time),
        TEST(flush_and_trim_never_mix_with_queued_commands),
        TEST(bad_sector_fails_its_own_request_and_no_other),
        TEST(bad_sector_fails_its_request_without_a_queue),
        TEST(swallowed_command_is_sent_again_after_a_link_reset),
        TEST(command_that_is_always_swallowed_fails_in_the_end),
        TEST(controller_without_interrupts_is_polled),
        TEST(unplugged_disk_ends_requests_now_and_later),
        TEST(removed_controller_ends_requests_now_and_later),
        TEST(engine_that_does_not_stop_loses_memory_before_requests_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
