/* SPDX-License-Identifier: MIT */
/* test_storvsp_life.c - channels close and disks go while requests are under way: nothing is used
 * after its end. vsp/storvsp. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/big_endian.h>
#include "storvsp_fixture.h"

static const uint8_t ready_cdb[6] = {SCSI_TEST_UNIT_READY};

/* ---- closing ---- */

static void closing_waits_for_the_disk(void **state)
{
    struct storage_packet packet = world_write(0, 8);

    (void)state;
    world.disk.mode = DISK_WHEN_TOLD;
    for (uint64_t i = 1; i <= 20; i++)
        world_submit(i, &packet, P(i), 1);
    world_run();
    world_close(0);
    for (unsigned left = WORLD_DEPTH; left > 0; left--) {
        world_run();
        assert_int_equal(world.channels[0].closed, 0);
        assert_int_equal(world.child.pinned, left);
        disk_complete(&world.disk, left / 2);
    }
    world_work();
    assert_int_equal(world.channels[0].closed, 1);
    assert_int_equal(world.child.pinned, 0);
    assert_int_equal(world.allocated, 0);
    assert_int_equal(world.answer_count, 4); /* of the initialisation */
    assert_int_equal(world.disk.submitted, WORLD_DEPTH);
}

static void discard_of(uint32_t count, uint64_t first, uint32_t sectors)
{
    uint8_t cdb[10] = {SCSI_UNMAP}, *list = child_bytes(&world.child, P(0));
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

/* On another processor, the worker may get through before storvsp_io_done() returns. */
static void a_channel_outlives_the_call_that_completes_its_last_request(void **state)
{
    struct storage_packet packet = world_read(0, 8);

    (void)state;
    world.disk.mode = DISK_WHEN_TOLD;
    world_submit(1, &packet, P(0), 1);
    world_run();
    world_close(0);
    world_work();
    world.work_in_wake = true;
    disk_complete(&world.disk, 0);
    world.work_in_wake = false;
    assert_int_equal(world.channels[0].closed, 0);
    assert_int_equal(world.child.pinned, 0);
    world_work();
    assert_int_equal(world.channels[0].closed, 1);
}

static void a_discard_is_not_continued_when_closing(void **state)
{
    (void)state;
    world.disk.mode = DISK_WHEN_TOLD;
    discard_of(32, 64, 4);
    world_close(0);
    disk_complete(&world.disk, 0);
    world_work();
    assert_int_equal(world.disk.submitted, 1);
    assert_int_equal(world.channels[0].closed, 1);
}

static void opening_fails_without_memory_or_worker(void **state)
{
    (void)state;
    world.no_memory = true;
    world_close(0);
    world_work();
    assert_false(world_open(0));
    world.no_memory = false;
    world.no_start = true;
    assert_false(world_open(0));
    assert_int_equal(world.allocated, 0);
    world.no_start = false;
    assert_true(world_open(0));
    world_initialise();
}

/* ---- sub-channels ---- */

static void sub_channels_are_clamped_and_work(void **state)
{
    struct storage_packet packet = world_read(0, 8);
    uint64_t page = P(0);

    (void)state;
    assert_int_equal(world_operation(STORAGE_CREATE_SUB_CHANNELS, 65535)->status, 0);
    assert_int_equal(world.sub_channels_wanted, WORLD_CHANNELS - 1);
    assert_int_equal(world.logged, 1);
    assert_string_equal(world.reason, "more sub-channels than there may be are asked for");
    world.disk.mode = DISK_WHEN_TOLD;
    for (uint32_t i = 1; i < WORLD_CHANNELS; i++) {
        assert_true(world_open(i));
        world_send(i, 100 + i, &packet, &page, 1, 0, 4096);
    }
    world_run();
    disk_complete_all(&world.disk);
    world_run();
    for (uint32_t i = 1; i < WORLD_CHANNELS; i++)
        assert_good(world_answer(100 + i), 4096);
    for (unsigned i = 0; i < world.answer_count; i++) {
        if (world.answers[i].transaction > 100 && world.answers[i].transaction < 104)
            assert_int_equal(world.answers[i].channel, world.answers[i].transaction - 100);
    }
}

static void sub_channels_have_no_protocol_of_their_own(void **state)
{
    const uint32_t operations[] = {STORAGE_BEGIN_INITIALIZATION, STORAGE_QUERY_PROTOCOL_VERSION,
                                   STORAGE_QUERY_PROPERTIES,     STORAGE_END_INITIALIZATION,
                                   STORAGE_CREATE_SUB_CHANNELS,  STORAGE_RESET_BUS};

    (void)state;
    assert_true(world_open(1));
    for (uint32_t i = 0; i < 6; i++) {
        struct storage_packet packet = {.operation = operations[i],
                                        .version.major_minor = STORAGE_VERSION_6_2};

        world_send(1, i, &packet, NULL, 0, 0, 0);
        world_run();
        assert_int_equal(world_answer(i)->status, STORAGE_STATUS_INVALID_REQUEST);
    }
}

static void sub_channels_depend_on_the_primary(void **state)
{
    struct storage_packet packet = world_read(0, 8);
    uint64_t page = P(0);

    (void)state;
    assert_true(world_open(1));
    world_close(0);
    world_run();
    assert_int_equal(world.channels[0].closed, 1);
    world_send(1, 1, &packet, &page, 1, 0, 4096);
    world_run();
    assert_int_equal(world_answer(1)->status, STORAGE_STATUS_INVALID_STATE);
    assert_false(world_open(2));
}

/* ---- resets ---- */

static void a_reset_waits_for_what_was_begun_on_all_channels(void **state)
{
    struct storage_packet read = world_read(0, 8), reset = {.operation = STORAGE_RESET_BUS};
    uint64_t page = P(0);

    (void)state;
    world.disk.mode = DISK_WHEN_TOLD;
    assert_true(world_open(1));
    world_submit(1, &read, P(1), 1);
    world_send(1, 2, &read, &page, 1, 0, 4096);
    world_run();
    world_send(0, 10, &reset, NULL, 0, 0, 0);
    world_send(0, 11, &reset, NULL, 0, 0, 0);
    world_submit(3, &read, P(3), 1); /* later: delays no reset but the second */
    world_run();
    assert_int_equal(world.disk.count, 3);
    disk_complete(&world.disk, 0);
    world_run();
    assert_int_equal(world_answered(10), 0);
    disk_complete(&world.disk, 0);
    world_run();
    assert_int_equal(world_answer(10)->status, 0);
    assert_int_equal(world_answered(11), 0);
    disk_complete(&world.disk, 0);
    world_run();
    assert_int_equal(world_answer(11)->status, 0);
    assert_int_equal(world.adapter.under_way[0] + world.adapter.under_way[1], 0);
}

static void a_reset_of_nothing_is_answered_at_once(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(world_operation(STORAGE_RESET_LUN + i % 3, 0)->status, 0);
}

static void closing_drops_resets_that_wait(void **state)
{
    struct storage_packet read = world_read(0, 8), reset = {.operation = STORAGE_RESET_BUS};

    (void)state;
    world.disk.mode = DISK_WHEN_TOLD;
    world_submit(1, &read, P(1), 1);
    world_send(0, 10, &reset, NULL, 0, 0, 0);
    world_run();
    world_close(0);
    world_work();
    assert_int_equal(world.channels[0].closed, 0);
    disk_complete(&world.disk, 0);
    world_work();
    assert_int_equal(world.channels[0].closed, 1);
    assert_true(world_open(0));
    world_initialise();
    assert_int_equal(world_operation(STORAGE_RESET_BUS, 0)->status, 0);
}

/* ---- disks that come ---- */

static void added_disks_have_the_child_look(void **state)
{
    struct storage_packet packet = world_read(0, 8);

    (void)state;
    packet.srb.lun = 5;
    assert_int_equal(world_ask(&packet, 1)->srb.srb_status, STORAGE_SRB_INVALID_LUN);
    assert_true(
        storvsp_lun_add(&world.adapter, 5, &world.disk.scsi, &fake_disk_backend, &world.disk));
    assert_false(
        storvsp_lun_add(&world.adapter, 5, &world.disk.scsi, &fake_disk_backend, &world.disk));
    world.answer_count = 0;
    world_run();
    assert_int_equal(world.answers[0].packet.operation, STORAGE_ENUMERATE_BUS);
    assert_int_equal(world.answers[0].transaction, 0);
    assert_good(world_ask(&packet, 1), 4096);
}

static void a_child_without_room_is_told_later(void **state)
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
    assert_true(
        storvsp_lun_add(&world.adapter, 5, &world.disk.scsi, &fake_disk_backend, &world.disk));
    world_work();
    world_run();
    assert_int_equal(world_answered(0), 1);
}

static void disks_that_make_no_sense_are_refused(void **state)
{
    struct scsi_disk good = world.disk.scsi, bad[6];

    (void)state;
    for (unsigned i = 0; i < 6; i++)
        bad[i] = good;
    bad[0].sector_count = 0;
    bad[1].sector_size = 256;
    bad[2].sector_size = 8192;
    bad[3].sector_size = 1536;
    bad[4].max_transfer_sectors = 0;
    bad[5].max_discard_sectors = 0;
    for (unsigned i = 0; i < 6; i++)
        assert_false(storvsp_lun_add(&world.adapter, 1, &bad[i], &fake_disk_backend, NULL));
    assert_false(storvsp_lun_add(&world.adapter, STORVSP_LUNS, &good, &fake_disk_backend, NULL));
}

static void what_is_asked_is_counted(void **state)
{
    struct storage_packet read = world_read(0, 8), write = world_write(0, 16);
    struct storvsp_statistics s;

    (void)state;
    world_ask(&read, 1);
    world_ask(&write, 2);
    s = world_statistics(0);
    assert_int_equal(s.commands, 2);
    assert_int_equal(s.reads, 1);
    assert_int_equal(s.writes, 1);
    assert_int_equal(s.read_bytes, 4096);
    assert_int_equal(s.written_bytes, 8192);
    assert_int_equal(s.completed, 6);
    assert_int_equal(s.under_way, 0);
}

/* ---- state ---- */

static void state_survives_saving_and_restoring(void **state)
{
    struct storage_packet packet = world_srb(ready_cdb, 6, STORAGE_DATA_NONE, 0);
    struct storvsp_state saved, again;
    static const uint8_t user_data[VMBUS_USER_DATA_SIZE];
    struct world_channel *w = &world.channels[0];

    (void)state;
    assert_null(storvsp_save(&world.adapter, &saved));
    world_close(0);
    world_run();
    assert_null(storvsp_restore(&world.adapter, &saved));
    assert_null(storvsp_save(&world.adapter, &again));
    assert_memory_equal(&saved, &again, sizeof(saved));
    w->open =
        world.adapter.offer.operations->opened(&world.adapter.offer, &w->server, user_data, true);
    assert_true(w->open);
    assert_true(w->woken); /* what was in the ring is looked at */
    assert_good(world_ask(&packet, 0), 0);
}

static void state_that_is_none_is_refused(void **state)
{
    struct storvsp_state saved, bad;
    struct storage_packet packet = world_read(0, 8);

    (void)state;
    assert_null(storvsp_save(&world.adapter, &saved));
    bad = saved;
    bad.state_version++;
    assert_non_null(storvsp_restore(&world.adapter, &bad));
    bad = saved;
    bad.state = 5;
    assert_non_null(storvsp_restore(&world.adapter, &bad));
    bad = saved;
    bad.version = 0x0603;
    assert_non_null(storvsp_restore(&world.adapter, &bad));
    world.disk.mode = DISK_WHEN_TOLD;
    world_submit(1, &packet, P(0), 1);
    world_run();
    assert_non_null(storvsp_save(&world.adapter, &saved));
    disk_complete_all(&world.disk);
    world_run();
    packet =
        (struct storage_packet){.operation = STORAGE_CREATE_SUB_CHANNELS, .sub_channel_count = 1};
    world_send(0, 2, &packet, NULL, 0, 0, 0);
    assert_false(storvsp_channel_work(world.channels[0].storvsp));
    assert_non_null(storvsp_save(&world.adapter, &saved)); /* the bus has not offered it yet */
    world_run();
    assert_null(storvsp_save(&world.adapter, &saved));
}

static void configurations_that_make_no_sense_are_refused(void **state)
{
    static struct storvsp_adapter adapter;
    const struct storvsp_config good = world.adapter.config;
    struct storvsp_config bad[6] = {good, good, good, good, good, good};

    (void)state;
    bad[0].queue_depth = 0;
    bad[1].queue_depth = STORVSP_DEPTH_MAX + 1;
    bad[2].max_transfer_bytes = 0;
    bad[3].max_transfer_bytes = 5000;
    bad[4].max_transfer_bytes = STORVSP_TRANSFER_MAX + 4096;
    bad[5].sub_channel_max = STORVSP_SUB_CHANNELS + 1;
    for (unsigned i = 0; i < 6; i++)
        assert_false(storvsp_adapter_init(&adapter, world.adapter.port, NULL, &bad[i], NULL));
    assert_true(storvsp_adapter_init(&adapter, world.adapter.port, NULL, &good, NULL));
}

static void revoking_tells_the_owner(void **state)
{
    (void)state;
    world.adapter.offer.operations->revoked(&world.adapter.offer);
    assert_int_equal(world.revoked, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(closing_waits_for_the_disk),
        FACT(a_channel_outlives_the_call_that_completes_its_last_request),
        FACT(a_discard_is_not_continued_when_closing),
        FACT(opening_fails_without_memory_or_worker),
        FACT(sub_channels_are_clamped_and_work),
        FACT(sub_channels_have_no_protocol_of_their_own),
        FACT(sub_channels_depend_on_the_primary),
        FACT(a_reset_waits_for_what_was_begun_on_all_channels),
        FACT(a_reset_of_nothing_is_answered_at_once),
        FACT(closing_drops_resets_that_wait),
        FACT(added_disks_have_the_child_look),
        FACT(a_child_without_room_is_told_later),
        FACT(disks_that_make_no_sense_are_refused),
        FACT(what_is_asked_is_counted),
        FACT(state_survives_saving_and_restoring),
        FACT(state_that_is_none_is_refused),
        FACT(configurations_that_make_no_sense_are_refused),
        FACT(revoking_tells_the_owner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
