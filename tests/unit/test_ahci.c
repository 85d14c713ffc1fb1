/* SPDX-License-Identifier: MIT */
/* tests/unit/test_ahci.c - the AHCI driver over a controller that fails on demand. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "disk_fixture.h"
#include "drivers/ahci_controller.h"
#include "drivers/drivers.h"
#include "fake_ahci.h"
#include "io/block.h"
#include "mm/memory.h"
#include "root_kernel.h"

#define REQUESTS 100u

static void device_step(void)
{
    fake_ahci_step();
    if (io.remove_after && io.done >= io.remove_after)
        ahci.removed = true;
}

static int machine_make(void **state)
{
    (void)state;
    disk_fixture_make(device_step);
    fake_ahci_make();
    return 0;
}

static int machine_drop(void **state)
{
    struct ahci_port *port;

    (void)state;
    if (io.disk) {
        port = io.disk->driver;
        list_remove(&io.disk->link);
        for (uint32_t i = 0; i < AHCI_SLOTS_MAX; i++)
            dma_free(&port->slots[i].table);
        dma_free(&port->scratch);
        dma_free(&port->memory);
        free(port->controller);
        free(port);
    }
    disk_fixture_drop();
    fake_ahci_drop();
    return 0;
}

static void probe(void)
{
    disk_probe(&ahci_driver, &ahci.pci);
}

/* Let the worker thread run until @requests are done; then the controller goes, and it ends. */
static void work(uint32_t requests)
{
    io.remove_after = requests;
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
    assert_string_equal(io.disk->model, "Fa");
    assert_true(io.disk->sector_count == FAKE_AHCI_SECTORS);
    assert_int_equal(io.disk->queue_depth, 32);
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
        assert_int_equal(disk_perform(BLOCK_WRITE, 5, 12, 4u << 20), BLOCK_OK);
        assert_memory_equal(ahci.disk + 5 * 512, io.memory + 12, 4u << 20);
        memset(io.memory, 0, DISK_MEMORY_SIZE);
        assert_int_equal(disk_perform(BLOCK_READ, 5, 4, 4u << 20), BLOCK_OK);
        assert_memory_equal(ahci.disk + 5 * 512, io.memory + 4, 4u << 20);
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
    r.device = io.disk;
    for (uint32_t i = 0; i < 256; i++)
        segments[i] = (struct block_segment){.physical = virt_to_phys(io.memory + (255 - i) * 8192),
                                             .length = 4096};
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    for (uint32_t i = 0; i < 256; i++)
        assert_memory_equal(ahci.disk + 7 * 512 + i * 4096, io.memory + (255 - i) * 8192, 4096);
    assert_int_equal(ahci.largest, 2048);
}

static void queue_fills_to_its_depth_and_the_rest_waits(void **state)
{
    (void)state;
    ahci.queue_depth = 16;
    probe();
    for (uint32_t i = 0; i < REQUESTS; i++)
        disk_submit(i, BLOCK_WRITE, i * 8, i * 8192, 4096);
    while (io.done < REQUESTS)
        thread_sleep(1000);
    for (uint32_t i = 0; i < REQUESTS; i++)
        assert_memory_equal(ahci.disk + i * 4096, io.memory + i * 8192, 4096);
    assert_int_equal(ahci.deepest, 16);
    assert_int_equal(ahci.queued, REQUESTS);
}

static void disk_without_a_queue_gets_one_command_at_a_time(void **state)
{
    (void)state;
    ahci.queue_depth = 0;
    probe();
    for (uint32_t i = 0; i < REQUESTS; i++)
        disk_submit(i, BLOCK_READ, i * 8, i * 8192, 4096);
    while (io.done < REQUESTS)
        thread_sleep(1000);
    assert_int_equal(ahci.deepest, 1);
}

static void flush_and_trim_never_mix_with_queued_commands(void **state)
{
    struct block_request flush = {.op = BLOCK_FLUSH, .done = disk_done};
    struct block_request trim = {
        .op = BLOCK_DISCARD, .sector = 1, .sector_count = 2, .done = disk_done};

    (void)state;
    probe();
    flush.device = trim.device = io.disk;
    memset(ahci.disk, 0x55, 8192);
    disk_submit(0, BLOCK_WRITE, 100, 0, 4096);
    disk_submit(1, BLOCK_READ, 200, 8192, 4096);
    block_submit(&flush);
    disk_submit(2, BLOCK_WRITE, 300, 0, 4096);
    block_submit(&trim);
    disk_submit(3, BLOCK_READ, 400, 8192, 4096);
    while (io.done < 6)
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
        disk_submit(i, BLOCK_READ, i * 8, i * 8192, 4096);
    work(30);
    for (uint32_t i = 0; i < 30; i++)
        assert_int_equal(io.requests[i].status, i == 10 ? BLOCK_MEDIUM_ERROR : BLOCK_OK);
    assert_true(ahci.link_resets >= 1);
    assert_int_equal(ahci.mixed, 0);
}

static void bad_sector_fails_its_request_without_a_queue(void **state)
{
    (void)state;
    ahci.queue_depth = 0;
    probe();
    ahci.bad_sector = 3;
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    disk_submit(1, BLOCK_READ, 8, 8192, 4096);
    work(2);
    assert_int_equal(io.requests[0].status, BLOCK_MEDIUM_ERROR);
    assert_int_equal(io.requests[1].status, BLOCK_OK);
}

static void swallowed_command_is_sent_again_after_a_link_reset(void **state)
{
    (void)state;
    probe();
    ahci.hold = 1;
    disk_submit(0, BLOCK_WRITE, 0, 0, 4096);
    disk_submit(1, BLOCK_WRITE, 8, 4096, 4096);
    work(2);
    assert_int_equal(ahci.link_resets, 1);
    assert_memory_equal(ahci.disk, io.memory, 8192);
    assert_int_equal(io.requests[0].status, BLOCK_OK);
}

static void command_that_is_always_swallowed_fails_in_the_end(void **state)
{
    (void)state;
    probe();
    ahci.hold = UINT32_MAX;
    ahci.commands = 0;
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    work(1);
    assert_int_equal(io.requests[0].status, BLOCK_DEVICE_ERROR);
    assert_int_equal(ahci.commands, AHCI_RETRIES + 1);
}

static void controller_without_interrupts_is_polled(void **state)
{
    (void)state;
    fake_pci.irq_limit = 0;
    probe();
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    work(1);
    assert_int_equal(io.requests[0].status, BLOCK_OK);
    assert_int_equal(ahci.link_resets, 0);
}

static void assert_all_end_with(enum block_status status)
{
    assert_int_equal(io.done, REQUESTS);
    for (uint32_t i = 0; i < REQUESTS; i++)
        assert_int_equal(io.requests[i].status, status);
    io.done = 0;
    disk_submit(0, BLOCK_WRITE, 0, 0, 4096);
    assert_int_equal(io.done, 1);
    assert_int_equal(io.requests[0].status, status);
}

static void submit_all_held(void)
{
    probe();
    ahci.hold = UINT32_MAX;
    for (uint32_t i = 0; i < REQUESTS; i++)
        disk_submit(i, BLOCK_READ, i, 0, 4096);
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
