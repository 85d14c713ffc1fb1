/* SPDX-License-Identifier: MIT */
/* tests/unit/test_nvme.c - the NVMe driver over a controller that fails on demand. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "disk_fixture.h"
#include "drivers/drivers.h"
#include "drivers/nvme_controller.h"
#include "fake_nvme.h"
#include "io/block.h"
#include "mm/memory.h"
#include "root_kernel.h"

#define REQUESTS 200u

static bool removed; /* by the step function */

static void device_step(void)
{
    fake_nvme_step();
    if (io.remove_after && io.done >= io.remove_after && !removed) {
        fake_nvme_remove();
        removed = true;
    }
}

static int machine_make(void **state)
{
    (void)state;
    disk_fixture_make(device_step);
    fake_nvme_make();
    removed = false;
    return 0;
}

static int machine_drop(void **state)
{
    (void)state;
    if (io.disk) {
        list_remove(&io.disk->link);
        nvme_destroy(((struct nvme_namespace *)io.disk->driver)->controller);
        free(io.disk->driver);
    }
    disk_fixture_drop();
    fake_nvme_drop();
    return 0;
}

static void probe(void)
{
    disk_probe(&nvme_driver, &nvme.pci);
}

static void namespace_becomes_a_disk(void **state)
{
    (void)state;
    probe();
    assert_string_equal(io.disk->model, "Fake");
    assert_string_equal(io.disk->serial, "12");
    assert_int_equal(io.disk->unit, 0);
    assert_true(io.disk->sector_count == FAKE_NVME_SECTORS);
    assert_int_equal(io.disk->sector_size, 512);
    assert_int_equal(io.disk->max_request_sectors, 8192);
}

/* CAP.DSTRD: 4 bytes << @dstrd between doorbells. */
static void set_stride(uint32_t dstrd)
{
    uint32_t *high = (uint32_t *)(void *)((char *)nvme.registers + NVME_REG_CAP) + 1;

    *high = (*high & ~0xfu) | dstrd;
}

static void doorbells_beyond_the_bar_are_not_used(void **state)
{
    (void)state;
    set_stride(12); /* 16 KiB apart */
    assert_false(nvme_driver.probe(&nvme.pci));
    set_stride(1);
    nvme.pci.bars[0].size = NVME_REGS_SIZE_MIN - 1;
    assert_false(nvme_driver.probe(&nvme.pci));
    assert_int_equal(fake.live, 0);
}

static void queues_are_as_many_as_have_doorbells(void **state)
{
    (void)state;
    fake.cpus = FAKE_NVME_QUEUES;
    nvme.pci.bars[0].size = NVME_REGS_SIZE_MIN;
    set_stride(8); /* 1 KiB: two pairs */
    probe();
    assert_int_equal(io.disk->queue_depth, 63); /* of one queue */
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 4096), BLOCK_OK);
}

static void transfer_limit_of_the_controller_is_kept(void **state)
{
    (void)state;
    nvme.mdts = 5;
    probe();
    assert_int_equal(io.disk->max_request_sectors, (4096u << 5) / 512);
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, (4096u << 5) + 512), BLOCK_OUT_OF_RANGE);
}

static void four_mebibytes_go_in_one_command(void **state)
{
    static const uint32_t offsets[] = {0, 512, 4092};

    (void)state;
    probe();
    for (size_t i = 0; i < 3; i++) {
        memset(nvme.disk, 0, FAKE_NVME_SECTORS * FAKE_NVME_SECTOR);
        assert_int_equal(disk_perform(BLOCK_WRITE, 100, offsets[i], 4u << 20), BLOCK_OK);
        assert_memory_equal(nvme.disk + 100 * 512, io.memory + offsets[i], 4u << 20);
    }
    assert_int_equal(nvme.largest, 8192);
    assert_int_equal(nvme.writes, 3);
    memset(io.memory, 0, 4u << 20);
    assert_int_equal(disk_perform(BLOCK_READ, 100, 8, 4u << 20), BLOCK_OK);
    assert_memory_equal(nvme.disk + 100 * 512, io.memory + 8, 4u << 20);
}

static void flush_discard_and_forced_writes_say_so(void **state)
{
    struct block_request r = {.op = BLOCK_FLUSH};

    (void)state;
    probe();
    r.device = io.disk;
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_int_equal(nvme.flushes, 1);
    memset(nvme.disk, 0x55, 8192);
    r.op = BLOCK_DISCARD;
    r.sector = 3;
    r.sector_count = 2;
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_int_equal(nvme.disk[3 * 512 - 1], 0x55);
    assert_int_equal(nvme.disk[3 * 512], 0);
    assert_int_equal(nvme.disk[5 * 512 - 1], 0);
    assert_int_equal(nvme.disk[5 * 512], 0x55);
    r = (struct block_request){.op = BLOCK_WRITE,
                               .force_unit_access = true,
                               .sector_count = 1,
                               .segments = io.segments,
                               .segment_count = 1,
                               .device = io.disk};
    io.segments[0] = (struct block_segment){.physical = virt_to_phys(io.memory), .length = 512};
    assert_int_equal(block_submit_wait(&r), BLOCK_OK);
    assert_int_equal(nvme.forced, 1);
}

static void each_cpu_has_its_queue(void **state)
{
    (void)state;
    fake.cpus = 4;
    probe();
    assert_int_equal(fake_pci.routed_count, 4);
    for (fake.cpu = 0; fake.cpu < 4; fake.cpu++)
        assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
    for (uint32_t i = 1; i <= 4; i++) {
        assert_int_equal(nvme.per_queue[i], 1);
        assert_int_equal(fake_pci.routed[i - 1].cpu, i - 1);
    }
}

static void cpus_share_queues_when_there_are_fewer(void **state)
{
    (void)state;
    fake.cpus = 8;
    nvme.queue_limit = 3;
    probe();
    for (fake.cpu = 0; fake.cpu < 8; fake.cpu++)
        assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
    assert_int_equal(nvme.per_queue[1] + nvme.per_queue[2] + nvme.per_queue[3], 8);
}

static void more_requests_than_the_queue_holds_wait_their_turn(void **state)
{
    (void)state;
    probe();
    for (uint32_t i = 0; i < REQUESTS; i++)
        disk_submit(i, BLOCK_WRITE, i * 8, i * 16384, 4096);
    while (io.done < REQUESTS)
        thread_sleep(1000);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        assert_int_equal(io.requests[i].status, BLOCK_OK);
        assert_memory_equal(nvme.disk + i * 4096, io.memory + i * 16384, 4096);
    }
    assert_int_equal(nvme.writes, REQUESTS);
}

static void more_lists_than_there_are_pages_wait_their_turn(void **state)
{
    (void)state;
    probe();
    for (uint32_t i = 0; i < REQUESTS; i++)
        disk_submit(i, BLOCK_READ, 0, 512, 4u << 20);
    while (io.done < REQUESTS)
        thread_sleep(1000);
    assert_int_equal(nvme.reads, REQUESTS);
}

static void errors_say_whose_fault_they_are(void **state)
{
    static const struct {
        uint16_t nvme;
        enum block_status block;
    } map[] = {{2u << 8 | 0x81, BLOCK_MEDIUM_ERROR},
               {0x80, BLOCK_OUT_OF_RANGE},
               {0x01, BLOCK_UNSUPPORTED},
               {0x20, BLOCK_READ_ONLY},
               {1u << 14 | 0x06, BLOCK_DEVICE_ERROR}};

    (void)state;
    probe();
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        nvme.fail = 1;
        nvme.fail_status = map[i].nvme;
        assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), map[i].block);
        assert_int_equal(nvme.commands, i + 1);
    }
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
}

static void passing_failure_is_tried_again_but_not_for_ever(void **state)
{
    (void)state;
    probe();
    nvme.fail_status = 0x06;
    nvme.fail = NVME_RETRIES;
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
    nvme.fail = UINT32_MAX;
    nvme.commands = 0;
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_DEVICE_ERROR);
    assert_int_equal(nvme.commands, NVME_RETRIES + 1);
}

static void completion_of_nothing_is_ignored(void **state)
{
    (void)state;
    probe();
    nvme.bogus = true;
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_OK);
    assert_false(nvme.bogus);
}

/* Let the watchdog run until the requests are done; then the device goes, and it ends. */
static void watch(uint32_t requests)
{
    io.remove_after = requests;
    fake_threads_run();
}

static void swallowed_command_is_sent_again_after_a_reset(void **state)
{
    uint32_t resets;

    (void)state;
    probe();
    resets = nvme.resets;
    nvme.hold = 1;
    for (uint32_t i = 0; i < 3; i++)
        disk_submit(i, BLOCK_WRITE, i * 8, i * 4096, 4096);
    watch(3);
    assert_int_equal(nvme.resets, resets + 1);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(io.requests[i].status, BLOCK_OK);
        assert_memory_equal(nvme.disk + i * 4096, io.memory + i * 4096, 4096);
    }
}

static void command_that_is_always_swallowed_fails_in_the_end(void **state)
{
    (void)state;
    probe();
    nvme.hold = UINT32_MAX;
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    watch(1);
    assert_int_equal(io.requests[0].status, BLOCK_DEVICE_ERROR);
    assert_int_equal(nvme.commands, NVME_RETRIES + 1);
}

static void lost_interrupt_needs_no_reset(void **state)
{
    uint32_t resets;

    (void)state;
    probe();
    resets = nvme.resets;
    nvme.silent = true;
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    watch(1);
    assert_int_equal(io.requests[0].status, BLOCK_OK);
    assert_int_equal(nvme.resets, resets);
}

static void controller_without_interrupts_is_polled(void **state)
{
    (void)state;
    fake_pci.irq_limit = 0;
    probe();
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    watch(1);
    assert_int_equal(io.requests[0].status, BLOCK_OK);
    assert_true(io.requests[0].driver_private[0] == 0);
}

static void controller_that_stays_dead_fails_all_requests_and_loses_memory(void **state)
{
    (void)state;
    probe();
    nvme.hold = UINT32_MAX;
    nvme.never_ready = true;
    for (uint32_t i = 0; i < 100; i++)
        disk_submit(i, BLOCK_READ, 0, 0, 4096);
    fake_threads_run();
    assert_int_equal(io.done, 100);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(io.requests[i].status, BLOCK_DEVICE_ERROR);
    assert_false(fake_pci.command & PCI_COMMAND_MASTER);
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    assert_int_equal(io.requests[0].status, BLOCK_DEVICE_ERROR);
}

static void removal_ends_requests_now_and_later(void **state)
{
    (void)state;
    probe();
    nvme.hold = UINT32_MAX;
    for (uint32_t i = 0; i < 100; i++)
        disk_submit(i, BLOCK_READ, 0, 0, 4096);
    fake_nvme_remove();
    fake_threads_run();
    assert_int_equal(io.done, 100);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(io.requests[i].status, BLOCK_GONE);
    disk_submit(0, BLOCK_WRITE, 0, 0, 4096);
    assert_int_equal(io.requests[0].status, BLOCK_GONE);
}

/* The slot's thread takes the device away while the watchdog's is at work: on one host thread, the
 * watchdog runs when the device works next. */
static void watchdog_runs_meanwhile(void)
{
    fake.step = device_step;
    fake_threads_run();
}

static void taken_away(void)
{
    fake.step = watchdog_runs_meanwhile;
    nvme_driver.remove(&nvme.pci);
}

static void device_that_is_to_go_ends_its_requests_and_is_shut_down(void **state)
{
    (void)state;
    probe();
    nvme.hold = 40;
    for (uint32_t i = 0; i < 100; i++)
        disk_submit(i, BLOCK_WRITE, i * 8, i * 4096, 4096);
    device_step();
    assert_int_equal(io.done, 60);
    taken_away();
    assert_int_equal(io.done, 100);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(io.requests[i].status, i < 40 ? BLOCK_GONE : BLOCK_OK);
    assert_int_equal(nvme.shutdowns, 1);
    assert_int_equal(nvme.outside, 0);
    assert_false(fake_pci.command & PCI_COMMAND_MASTER);
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    assert_int_equal(io.done, 101);
    assert_int_equal(io.requests[0].status, BLOCK_GONE);
}

static void device_that_does_not_shut_down_goes_all_the_same(void **state)
{
    (void)state;
    probe();
    nvme.never_shut = true;
    nvme.hold = 1;
    disk_submit(0, BLOCK_READ, 0, 0, 4096);
    taken_away();
    assert_int_equal(io.done, 1);
    assert_int_equal(io.requests[0].status, BLOCK_GONE);
    assert_true(fake.now < 2 * NVME_SHUT_DOWN_NS);
}

static void device_that_has_gone_before_is_let_go(void **state)
{
    (void)state;
    probe();
    fake_nvme_remove();
    fake_threads_run(); /* the watchdog ends */
    fake.step = NULL;
    nvme_driver.remove(&nvme.pci);
    assert_int_equal(nvme.shutdowns, 0);
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
    probe();
    nvme_driver.remove(&nvme.pci);
    assert_int_equal(disk_perform(BLOCK_READ, 0, 0, 512), BLOCK_GONE);
}

static void controller_that_does_not_come_up_is_left_alone(void **state)
{
    (void)state;
    nvme.never_ready = true;
    assert_false(nvme_driver.probe(&nvme.pci));
    assert_int_equal(fake.live, 0);
    assert_int_equal(fake_pci.irqs, 0);
    assert_false(fake_pci.command & PCI_COMMAND_MASTER);
}

static void lack_of_memory_while_probing_leaks_nothing(void **state)
{
    (void)state;
    for (int left = 0; left < 9; left++) {
        fake.allocations_left = left;
        fake.cpus = 2;
        assert_false(nvme_driver.probe(&nvme.pci));
        assert_int_equal(fake.live, 0);
        assert_int_equal(fake_pci.irqs, 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, machine_make, machine_drop)
    const struct CMUnitTest tests[] = {
        TEST(namespace_becomes_a_disk),
        TEST(transfer_limit_of_the_controller_is_kept),
        TEST(four_mebibytes_go_in_one_command),
        TEST(flush_discard_and_forced_writes_say_so),
        TEST(each_cpu_has_its_queue),
        TEST(cpus_share_queues_when_there_are_fewer),
        TEST(more_requests_than_the_queue_holds_wait_their_turn),
        TEST(more_lists_than_there_are_pages_wait_their_turn),
        TEST(errors_say_whose_fault_they_are),
        TEST(passing_failure_is_tried_again_but_not_for_ever),
        TEST(completion_of_nothing_is_ignored),
        TEST(swallowed_command_is_sent_again_after_a_reset),
        TEST(command_that_is_always_swallowed_fails_in_the_end),
        TEST(lost_interrupt_needs_no_reset),
        TEST(controller_without_interrupts_is_polled),
        TEST(controller_that_stays_dead_fails_all_requests_and_loses_memory),
        TEST(removal_ends_requests_now_and_later),
        TEST(device_that_is_to_go_ends_its_requests_and_is_shut_down),
        TEST(device_that_does_not_shut_down_goes_all_the_same),
        TEST(device_that_has_gone_before_is_let_go),
        TEST(device_that_nobody_watches_can_go),
        TEST(doorbells_beyond_the_bar_are_not_used),
        TEST(queues_are_as_many_as_have_doorbells),
        TEST(controller_that_does_not_come_up_is_left_alone),
        TEST(lack_of_memory_while_probing_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
