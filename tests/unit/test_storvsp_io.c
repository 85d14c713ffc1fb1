/* SPDX-License-Identifier: MIT */
/* test_storvsp_io.c - what disks get to do, and that each request is answered exactly once:
 * vsp/storvsp. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/big_endian.h>
#include "storvsp_fixture.h"

static const uint8_t ready_cdb[6] = {SCSI_TEST_UNIT_READY};
static const uint8_t flush_cdb[10] = {SCSI_SYNCHRONIZE_CACHE_10};

static uint8_t *data_at(uint32_t page)
{
    return child_bytes(&world.child, P(page));
}

/* ---- data ---- */

static void reads_bring_the_disk_to_the_childs_pages(void **state)
{
    struct storage_packet packet = world_read(3, 16);
    const uint64_t pages[3] = {P(7), P(2), P(900)};

    (void)state;
    world_send(0, 1, &packet, pages, 3, 512, 8192);
    world_run();
    assert_good(world_answer(1), 8192);
    assert_memory_equal(data_at(7) + 512, world.disk.data + 3 * 512, 3584);
    assert_memory_equal(data_at(2), world.disk.data + 10 * 512, 4096);
    assert_memory_equal(data_at(900), world.disk.data + 18 * 512, 512);
    assert_int_equal(data_at(900)[512], 0);
    assert_int_equal(world.child.pinned, 0);
}

static void writes_bring_the_childs_pages_to_the_disk(void **state)
{
    struct storage_packet packet = world_write(5, 8);

    (void)state;
    memset(data_at(0), 0x77, CHILD_PAGE);
    assert_good(world_ask(&packet, 1), 4096);
    assert_memory_equal(world.disk.data + 5 * 512, data_at(0), CHILD_PAGE);
    assert_int_not_equal(be64_get(world.disk.data + 13 * 512), 0x7777777777777777);
}

static void pages_may_be_named_twice(void **state)
{
    struct storage_packet packet = world_write(0, 16);
    const uint64_t pages[2] = {P(1), P(1)};

    (void)state;
    memset(data_at(1), 0x33, CHILD_PAGE);
    world.disk.mode = DISK_WHEN_TOLD;
    world_send(0, 1, &packet, pages, 2, 0, 8192);
    world_run();
    assert_int_equal(world.child.pins[1], 2);
    disk_complete(&world.disk, 0);
    world_run();
    assert_good(world_answer(1), 8192);
    assert_int_equal(world.child.pins[1], 0);
    assert_memory_equal(world.disk.data, world.disk.data + 4096, 4096);
}

static void contiguous_pages_become_one_segment(void **state)
{
    struct storage_packet packet = world_read(0, 32);
    const uint64_t pages[4] = {P(4), P(5), P(6), P(20)};

    (void)state;
    world.disk.mode = DISK_WHEN_TOLD;
    world_send(0, 1, &packet, pages, 4, 0, 16384);
    world_run();
    assert_int_equal(world.disk.queue[0]->segment_count, 2);
    assert_int_equal(world.disk.queue[0]->segments[0].length, 3 * CHILD_PAGE);
    assert_int_equal(world.child.pinned, 4);
}

static void only_pages_that_are_used_are_pinned(void **state)
{
    struct storage_packet packet = world_read(0, 1);

    (void)state;
    packet.srb.data_transfer_length = 3 * CHILD_PAGE;
    world.disk.mode = DISK_WHEN_TOLD;
    world_submit(1, &packet, P(0), 3);
    world_run();
    assert_int_equal(world.child.pinned, 1);
    disk_complete(&world.disk, 0);
    world_run();
    assert_good(world_answer(1), 512);
}

static void the_largest_transfer_goes_unaligned(void **state)
{
    struct storage_packet packet = world_read(1, WORLD_TRANSFER / 512);
    uint64_t pages[17];

    (void)state;
    for (uint32_t i = 0; i < 17; i++)
        pages[i] = P(40 - 2 * i);
    world_send(0, 1, &packet, pages, 17, 4092, WORLD_TRANSFER);
    world_run();
    assert_good(world_answer(1), WORLD_TRANSFER);
    assert_memory_equal(data_at(40) + 4092, world.disk.data + 512, 4);
    packet = world_read(1, WORLD_TRANSFER / 512 + 1);
    world_send(0, 2, &packet, pages, 17, 0, WORLD_TRANSFER + 512);
    world_run();
    assert_sense(world_answer(2), SCSI_SENSE_INVALID_FIELD);
}

static void flush_and_fua_reach_the_disk(void **state)
{
    struct storage_packet packet = world_write(0, 8);

    (void)state;
    assert_good(world_ask(&packet, 1), 4096);
    assert_int_equal(world.disk.unflushed, 1);
    packet.srb.data[1] = SCSI_RW_FUA;
    assert_good(world_ask(&packet, 1), 4096);
    assert_int_equal(world.disk.forced, 1);
    packet = world_srb(flush_cdb, 10, STORAGE_DATA_NONE, 0);
    assert_good(world_ask(&packet, 0), 0);
    assert_int_equal(world.disk.flushes, 1);
    assert_int_equal(world.disk.unflushed, 0);
}

static void unmap_of(uint32_t count, uint64_t first, uint32_t sectors)
{
    uint8_t cdb[10] = {SCSI_UNMAP}, *list = data_at(0);
    uint16_t length = (uint16_t)(8 + 16 * count);
    struct storage_packet packet;

    memset(list, 0, length);
    be16_put(cdb + 7, length);
    be16_put(list + 2, (uint16_t)(length - 8));
    for (uint32_t i = 0; i < count; i++) {
        be64_put(list + 8 + 16 * i, first + 2ull * i * sectors);
        be32_put(list + 16 + 16 * i, sectors);
    }
    packet = world_srb(cdb, 10, STORAGE_DATA_OUT, length);
    world_submit(1, &packet, P(0), 1);
    world_run();
}

static void unmap_discards_one_extent_after_the_other(void **state)
{
    (void)state;
    world.disk.mode = DISK_WHEN_TOLD;
    unmap_of(32, 64, 4);
    memset(data_at(0), 0xff, CHILD_PAGE); /* the list was copied */
    for (unsigned i = 0; i < 32; i++) {
        assert_int_equal(world_answered(1), 0);
        assert_int_equal(world.disk.count, 1);
        assert_int_equal(world.disk.queue[0]->sector, 64 + 8 * i);
        assert_int_equal(world.disk.queue[0]->sector_count, 4);
        disk_complete(&world.disk, 0);
        world_run();
    }
    assert_good(world_answer(1), 0);
    assert_int_equal(world.disk.discards, 32);
    assert_int_equal(be64_get(world.disk.data + 64 * 512), 0);
    assert_int_not_equal(be64_get(world.disk.data + 68 * 512), 0);
}

static void unmap_ends_with_the_first_failure(void **state)
{
    (void)state;
    world.disk.bad_sector = 64 + 8;
    unmap_of(3, 64, 4);
    assert_sense(world_answer(1), SCSI_SENSE_WRITE_ERROR);
    assert_int_equal(world.disk.submitted, 2);
}

static void a_list_outside_of_ram_is_refused(void **state)
{
    uint8_t cdb[10] = {SCSI_UNMAP, [8] = 24};
    struct storage_packet packet = world_srb(cdb, 10, STORAGE_DATA_OUT, 24);

    (void)state;
    world_submit(1, &packet, CHILD_FIRST_PAGE - 1, 1);
    world_run();
    assert_int_equal(world_answer(1)->srb.srb_status, STORAGE_SRB_INVALID_REQUEST);
    assert_int_equal(world.disk.submitted, 0);
}

/* ---- errors ---- */

static void disk_errors_become_sense_data(void **state)
{
    struct storage_packet read = world_read(96, 8), write = world_write(96, 8);
    struct storage_packet flush = world_srb(flush_cdb, 10, STORAGE_DATA_NONE, 0);

    (void)state;
    world.disk.bad_sector = 100;
    assert_sense(world_ask(&read, 1), SCSI_SENSE_READ_ERROR);
    assert_sense(world_ask(&write, 1), SCSI_SENSE_WRITE_ERROR);
    world.disk.failure = SCSI_OUTCOME_DEVICE_ERROR;
    assert_sense(world_ask(&read, 1), SCSI_SENSE_INTERNAL_FAILURE);
    world.disk.fail_all = true;
    assert_sense(world_ask(&flush, 0), SCSI_SENSE_INTERNAL_FAILURE);
    assert_int_equal(world_statistics(0).errors, 4);
    assert_int_equal(world.child.pinned, 0);
}

static void a_disk_that_is_gone_is_absent(void **state)
{
    struct storage_packet read = world_read(0, 8);

    (void)state;
    world.disk.failure = SCSI_OUTCOME_GONE;
    world.disk.fail_all = true;
    world.disk.mode = DISK_WHEN_TOLD;
    for (uint64_t i = 1; i <= 3; i++)
        world_submit(i, &read, P(i), 1);
    world_run();
    disk_complete_all(&world.disk);
    world_run();
    for (uint64_t i = 1; i <= 3; i++)
        assert_sense(world_answer(i), SCSI_SENSE_LUN_UNSUPPORTED);
    assert_int_equal(world_answered(0), 1); /* the child is told, once and unasked */
    assert_int_equal(world.answers[world.answer_count - 1].packet.operation, STORAGE_ENUMERATE_BUS);
    assert_int_equal(world.answers[world.answer_count - 1].type, VMBUS_PACKET_IN_BAND);
    assert_int_equal(world_ask(&read, 1)->srb.srb_status, STORAGE_SRB_INVALID_LUN);
    assert_int_equal(world.disk.submitted, 3);
}

static void a_read_only_disk_is_not_written(void **state)
{
    struct scsi_disk disk = world.disk.scsi;
    struct storage_packet packet = world_write(0, 8);

    (void)state;
    disk.read_only = true;
    assert_true(storvsp_lun_add(&world.adapter, 1, &disk, &fake_disk_backend, &world.disk));
    packet.srb.lun = 1;
    assert_sense(world_ask(&packet, 1), SCSI_SENSE_WRITE_PROTECTED);
    assert_int_equal(world.disk.submitted, 0);
}

/* ---- queues ---- */

static void as_many_as_the_queue_is_deep_are_under_way(void **state)
{
    struct storage_packet packet = world_read(0, 8);

    (void)state;
    world.disk.mode = DISK_WHEN_TOLD;
    for (uint64_t i = 1; i <= 20; i++)
        world_submit(i, &packet, P(i), 1);
    world_run();
    assert_int_equal(world.disk.submitted, WORLD_DEPTH);
    assert_int_equal(world_statistics(0).under_way, WORLD_DEPTH);
    disk_complete(&world.disk, 5);
    world_run();
    assert_int_equal(world.disk.submitted, WORLD_DEPTH + 1);
    assert_int_equal(world_answered(6), 1);
    while (world.disk.count > 0) {
        disk_complete_all(&world.disk);
        world_run();
    }
    for (uint64_t i = 1; i <= 20; i++)
        assert_good(world_answer(i), 4096);
    assert_int_equal(world_statistics(0).most, WORLD_DEPTH);
}

static void answers_wait_for_a_child_that_takes_none(void **state)
{
    struct storage_packet packet = world_srb(ready_cdb, 6, STORAGE_DATA_NONE, 0);
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = 1,
                             .payload = &packet,
                             .length = sizeof(packet)};
    uint64_t sent = 0, most;

    (void)state;
    while (world_send_raw(0, &p)) {
        world_work();
        sent++;
    }
    most = world_statistics(0).completed;
    assert_int_equal(world_statistics(0).under_way, WORLD_DEPTH);
    assert_true(sent > most + WORLD_DEPTH);
    world_run(); /* the child takes answers, which makes room, and so on */
    assert_int_equal(world_answered(1), sent);
    assert_int_equal(world_statistics(0).under_way, 0);
}

static void a_child_that_takes_no_answers_can_close(void **state)
{
    struct storage_packet packet = world_srb(ready_cdb, 6, STORAGE_DATA_NONE, 0);
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = 1,
                             .payload = &packet,
                             .length = sizeof(packet)};

    (void)state;
    while (world_send_raw(0, &p))
        world_work();
    world_close(0);
    world_work();
    assert_int_equal(world.channels[0].closed, 1);
    assert_int_equal(world.allocated, 0);
}

static void one_signal_is_sent_for_a_batch_of_answers(void **state)
{
    struct storage_packet packet = world_read(0, 8);
    unsigned before = world.channels[0].signals;

    (void)state;
    world.disk.mode = DISK_WHEN_TOLD;
    for (uint64_t i = 1; i <= WORLD_DEPTH; i++)
        world_submit(i, &packet, P(i), 1);
    world_work();
    disk_complete_all(&world.disk);
    world_work();
    assert_int_equal(world.channels[0].signals, before + 1);
    world_run();
    assert_int_equal(world.answer_count, 4 + WORLD_DEPTH);
}

/* Random operations, completed in a random order, against a model of the disk. */
static void a_storm_is_answered_exactly_once(void **state)
{
    static uint8_t model[WORLD_SECTORS * 512];
    uint32_t seed = 99;
    uint64_t next = 1;

    (void)state;
    memcpy(model, world.disk.data, sizeof(model));
    world.disk.mode = DISK_WHEN_TOLD;
    for (unsigned round = 0; round < 3000; round++) {
        uint32_t slot = fake_random(&seed) % 64; /* its sectors, and its page */

        if (next % 64 == 0 || fake_random(&seed) % 3 == 0) {
            while (world.disk.count > 0 && fake_random(&seed) % 4)
                disk_complete(&world.disk, fake_random(&seed) % world.disk.count);
        }
        if (fake_random(&seed) % 2 && world.disk.count == 0) {
            struct storage_packet packet = world_write(slot * 8, 8);

            memset(data_at(slot), (int)round, CHILD_PAGE);
            memset(model + slot * 4096, (int)round, 4096);
            world_submit(next++, &packet, P(slot), 1);
        } else {
            struct storage_packet packet = world_read(2048 + slot * 8, 8);

            world_submit(next++, &packet, P(100 + slot), 1);
        }
        world_run();
        while (world.disk.count == WORLD_DEPTH) {
            disk_complete(&world.disk, fake_random(&seed) % world.disk.count);
            world_run();
        }
    }
    disk_complete_all(&world.disk);
    world_run();
    assert_memory_equal(model, world.disk.data, sizeof(model));
    for (uint64_t i = 1; i < next; i++)
        assert_good(world_answer(i), 4096);
}

static void completions_may_come_from_another_thread(void **state)
{
    struct storage_packet packet = world_read(8, 8);
    const uint64_t count = 2000;

    (void)state;
    disk_thread_start(&world.disk);
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t page = P(i % 512);
        struct vmbus_range_and_page {
            struct vmbus_range range;
            uint64_t page;
        } data = {{.length = 4096}, page};
        struct vmbus_packet p = {.type = VMBUS_PACKET_GPA_DIRECT,
                                 .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                 .transaction = i,
                                 .ranges = &data,
                                 .range_count = 1,
                                 .ranges_length = sizeof(data),
                                 .payload = &packet,
                                 .length = sizeof(packet)};

        while (!world_send_raw(0, &p))
            world_run();
    }
    while (world.answer_count < 4 + count)
        world_run();
    for (uint64_t i = 1; i <= count; i++)
        assert_good(world_answer(i), 4096);
    assert_int_equal(world.child.pinned, 0);
}

static void closing_while_a_thread_completes_loses_nothing(void **state)
{
    struct storage_packet packet = world_read(8, 8);

    (void)state;
    disk_thread_start(&world.disk);
    for (unsigned round = 0; round < 300; round++) {
        for (uint64_t i = 1; i <= 1 + round % WORLD_DEPTH; i++)
            world_submit(i, &packet, P(i), 1);
        world_work();
        world_close(0);
        while (world.channels[0].storvsp)
            world_work();
        assert_int_equal(world.channels[0].closed, round + 1);
        assert_int_equal(__atomic_load_n(&world.child.pinned, __ATOMIC_RELAXED), 0);
        assert_int_equal(world.allocated, 0);
        assert_true(world_open(0));
        world.answer_count = 0;
        world_initialise();
    }
}

static void a_second_completion_is_a_bug(void **state)
{
    struct storage_packet packet = world_read(0, 8);
    struct storvsp_io *io;

    (void)state;
    world.disk.mode = DISK_WHEN_TOLD;
    world_submit(1, &packet, P(0), 1);
    world_run();
    io = world.disk.queue[0];
    disk_complete(&world.disk, 0);
    storvsp_io_done(io, SCSI_OUTCOME_OK);
    assert_int_equal(world.bugs, 1);
    world_run();
    assert_good(world_answer(1), 4096);
    world.bugs = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(reads_bring_the_disk_to_the_childs_pages),
        FACT(writes_bring_the_childs_pages_to_the_disk),
        FACT(pages_may_be_named_twice),
        FACT(contiguous_pages_become_one_segment),
        FACT(only_pages_that_are_used_are_pinned),
        FACT(the_largest_transfer_goes_unaligned),
        FACT(flush_and_fua_reach_the_disk),
        FACT(unmap_discards_one_extent_after_the_other),
        FACT(unmap_ends_with_the_first_failure),
        FACT(a_list_outside_of_ram_is_refused),
        FACT(disk_errors_become_sense_data),
        FACT(a_disk_that_is_gone_is_absent),
        FACT(a_read_only_disk_is_not_written),
        FACT(as_many_as_the_queue_is_deep_are_under_way),
        FACT(answers_wait_for_a_child_that_takes_none),
        FACT(a_child_that_takes_no_answers_can_close),
        FACT(one_signal_is_sent_for_a_batch_of_answers),
        FACT(a_storm_is_answered_exactly_once),
        FACT(completions_may_come_from_another_thread),
        FACT(closing_while_a_thread_completes_loses_nothing),
        FACT(a_second_completion_is_a_bug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
