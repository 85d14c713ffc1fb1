/* SPDX-License-Identifier: MIT */
/* test_storvsp.c - the protocol of a channel, and what a hostile child does to it: vsp/storvsp. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "storvsp_fixture.h"

static const uint8_t ready_cdb[6] = {SCSI_TEST_UNIT_READY};
static const uint8_t inquiry_cdb[6] = {SCSI_INQUIRY, 0, 0, 0, 255};
static const uint8_t luns_cdb[12] = {SCSI_REPORT_LUNS, [8] = 0x10};

static void assert_invalid(const struct storage_packet *answer)
{
    assert_int_equal(answer->srb.srb_status, STORAGE_SRB_INVALID_REQUEST);
    assert_int_equal(answer->srb.scsi_status, 0);
    assert_int_equal(answer->srb.data_transfer_length, 0);
    assert_int_equal(world.child.pinned, 0);
}

/* ---- initialisation ---- */

static void initialisation_has_one_order(void **state)
{
    const uint32_t order[] = {STORAGE_BEGIN_INITIALIZATION, STORAGE_QUERY_PROTOCOL_VERSION,
                              STORAGE_QUERY_PROPERTIES, STORAGE_END_INITIALIZATION,
                              STORAGE_RESET_BUS};

    (void)state;
    for (unsigned step = 0; step < 5; step++) {
        for (unsigned other = 0; other < 5; other++) {
            if (other != step)
                assert_int_equal(world_operation(order[other], STORAGE_VERSION_6_2)->status,
                                 STORAGE_STATUS_INVALID_STATE);
        }
        assert_int_equal(world_operation(order[step], STORAGE_VERSION_6_2)->status, 0);
    }
}

static void versions_are_tried_until_one_is_known(void **state)
{
    const uint16_t unknown[] = {0, 0x0200, 0x0402, 0x0600 + 1, 0x0700, 0xffff};
    const uint16_t known[] = {STORAGE_VERSION_5_1, STORAGE_VERSION_6_0, STORAGE_VERSION_6_2};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        world_operation(STORAGE_BEGIN_INITIALIZATION, 0);
        for (unsigned k = 0; k < sizeof(unknown) / sizeof(unknown[0]); k++)
            assert_int_equal(world_operation(STORAGE_QUERY_PROTOCOL_VERSION, unknown[k])->status,
                             STORAGE_STATUS_REVISION_MISMATCH);
        assert_int_equal(world_operation(STORAGE_QUERY_PROTOCOL_VERSION, known[i])->status, 0);
        assert_int_equal(world.adapter.version, known[i]);
        world_close(0);
        world_run();
        assert_true(world_open(0));
    }
}

static void properties_tell_the_limits(void **state)
{
    const struct storage_packet *answer;

    (void)state;
    world_operation(STORAGE_BEGIN_INITIALIZATION, 0);
    world_operation(STORAGE_QUERY_PROTOCOL_VERSION, STORAGE_VERSION_6_0);
    answer = world_operation(STORAGE_QUERY_PROPERTIES, 0);
    assert_int_equal(answer->properties.max_channel_count, WORLD_CHANNELS - 1);
    assert_int_equal(answer->properties.flags, STORAGE_PROPERTY_MULTI_CHANNEL);
    assert_int_equal(answer->properties.max_transfer_bytes, WORLD_TRANSFER);
}

/* max_transfer_bytes, once there is also a disk of this limit at @lun. */
static uint32_t transfer_told(uint32_t lun, uint32_t sectors)
{
    struct scsi_disk disk = world.disk.scsi;
    uint32_t told;

    disk.max_transfer_sectors = sectors;
    assert_true(storvsp_lun_add(&world.adapter, lun, &disk, &fake_disk_backend, &world.disk));
    world_operation(STORAGE_BEGIN_INITIALIZATION, 0);
    world_operation(STORAGE_QUERY_PROTOCOL_VERSION, STORAGE_VERSION_6_2);
    told = world_operation(STORAGE_QUERY_PROPERTIES, 0)->properties.max_transfer_bytes;
    world_close(0);
    world_run();
    assert_true(world_open(0));
    return told;
}

static void properties_tell_what_each_disk_takes(void **state)
{
    (void)state;
    assert_int_equal(transfer_told(5, 1000), WORLD_TRANSFER);
    assert_int_equal(transfer_told(63, 64), 64 * 512);
    assert_int_equal(transfer_told(1, 65), 64 * 512);
    assert_int_equal(transfer_told(2, 47), 40 * 512); /* in whole pages */
    assert_int_equal(transfer_told(3, 3), 4096);      /* Linux takes no less */
}

static void requests_before_the_end_of_initialisation_are_refused(void **state)
{
    struct storage_packet packet = world_write(0, 8);

    (void)state;
    for (unsigned step = 0; step < 4; step++) {
        const struct storage_packet *answer = world_ask(&packet, 1);

        assert_int_equal(answer->status, STORAGE_STATUS_INVALID_STATE);
        assert_invalid(answer);
        world_operation((uint32_t[]){STORAGE_BEGIN_INITIALIZATION, STORAGE_QUERY_PROTOCOL_VERSION,
                                     STORAGE_QUERY_PROPERTIES, STORAGE_END_INITIALIZATION}[step],
                        STORAGE_VERSION_6_2);
    }
    assert_int_equal(world.disk.submitted, 0);
    assert_int_equal(world_ask(&packet, 1)->srb.srb_status, STORAGE_SRB_SUCCESS);
    assert_int_equal(world.logged, 4);
}

static void a_reopened_channel_begins_anew(void **state)
{
    struct storage_packet packet = world_srb(ready_cdb, 6, STORAGE_DATA_NONE, 0);

    (void)state;
    world_close(0);
    world_run();
    assert_int_equal(world.channels[0].closed, 1);
    assert_true(world_open(0));
    assert_int_equal(world_ask(&packet, 0)->status, STORAGE_STATUS_INVALID_STATE);
    world_initialise();
    assert_int_equal(world_ask(&packet, 0)->status, 0);
}

static void unknown_operations_fail(void **state)
{
    const uint32_t operations[] = {
        0,  STORAGE_COMPLETE_IO, STORAGE_REMOVE_DEVICE, STORAGE_ENUMERATE_BUS, STORAGE_FCHBA_DATA,
        14, 0xffffffff};

    (void)state;
    for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        assert_int_equal(world_operation(operations[i], 0)->status, STORAGE_STATUS_INVALID_REQUEST);
}

/* ---- packets ---- */

static void packets_that_want_no_answer_are_dropped(void **state)
{
    struct storage_packet packet = world_write(0, 0);
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .transaction = 5,
                             .payload = &packet,
                             .length = sizeof(packet)};
    struct storvsp_statistics s;

    (void)state;
    assert_true(world_send_raw(0, &p));
    p.type = VMBUS_PACKET_COMPLETION;
    p.flags = VMBUS_PACKET_FLAG_COMPLETION;
    assert_true(world_send_raw(0, &p));
    world_run();
    assert_int_equal(world_answered(5), 0);
    storvsp_channel_statistics(world.channels[0].storvsp, &s);
    assert_int_equal(s.dropped, 2);
    assert_int_equal(s.under_way, 0);
}

static void short_packets_fail(void **state)
{
    struct storage_packet packet = world_srb(ready_cdb, 6, STORAGE_DATA_NONE, 0);
    struct vmbus_packet p = {
        .type = VMBUS_PACKET_IN_BAND, .flags = VMBUS_PACKET_FLAG_COMPLETION, .payload = &packet};

    (void)state;
    for (p.length = 0; p.length < sizeof(packet); p.length += 8, p.transaction++) {
        assert_true(world_send_raw(0, &p));
        world_run();
        assert_int_equal(world_answer(p.transaction)->status, STORAGE_STATUS_INVALID_PARAMETER);
    }
}

static void longer_packets_are_taken(void **state)
{
    uint8_t bytes[80] = {0};
    struct storage_packet packet = world_srb(ready_cdb, 6, STORAGE_DATA_NONE, 0);
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .payload = bytes,
                             .length = sizeof(bytes)};

    (void)state;
    memcpy(bytes, &packet, sizeof(packet));
    assert_true(world_send_raw(0, &p));
    world_run();
    assert_int_equal(world_answer(0)->srb.srb_status, STORAGE_SRB_SUCCESS);
}

/* As Linux before 6.1.30 sends them: with room for 32 pages, more than this adapter takes. */
static void page_numbers_behind_those_of_the_data_do_not_matter(void **state)
{
    const struct {
        struct vmbus_range range;
        uint64_t pages[32];
    } ranges = {{8 * 512, 0}, {P(3)}};
    struct storage_packet packet = world_read(0, 8);
    struct vmbus_packet p = {.type = VMBUS_PACKET_GPA_DIRECT,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .ranges = &ranges,
                             .range_count = 1,
                             .ranges_length = sizeof(ranges),
                             .payload = &packet,
                             .length = sizeof(packet)};

    (void)state;
    assert_true(WORLD_TRANSFER / CHILD_PAGE + 1 < 32);
    assert_true(world_send_raw(0, &p));
    world_run();
    assert_int_equal(world.channels[0].broken, 0);
    assert_good(world_answer(0), 8 * 512);
    assert_memory_equal(child_bytes(&world.child, P(3)), world.disk.data, 8 * 512);
}

static void transfer_pages_fail(void **state)
{
    struct storage_packet packet = world_srb(ready_cdb, 6, STORAGE_DATA_NONE, 0);
    struct vmbus_range range = {.length = 8};
    struct vmbus_packet p = {.type = VMBUS_PACKET_TRANSFER_PAGES,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .ranges = &range,
                             .range_count = 1,
                             .ranges_length = sizeof(range),
                             .payload = &packet,
                             .length = sizeof(packet)};

    (void)state;
    assert_true(world_send_raw(0, &p));
    world_run();
    assert_int_equal(world_answer(0)->status, STORAGE_STATUS_INVALID_PARAMETER);
}

static void a_packet_longer_than_any_request_closes_the_channel(void **state)
{
    static uint8_t bytes[8192];
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .payload = bytes,
                             .length = sizeof(bytes)};

    (void)state;
    assert_true(world_send_raw(0, &p));
    world_work();
    assert_int_equal(world.channels[0].broken, 1);
    assert_int_equal(world.channels[0].closed, 1);
    assert_null(world.channels[0].storvsp);
}

static void a_broken_ring_closes_the_channel_when_disks_are_done(void **state)
{
    struct storage_packet packet = world_read(0, 8);
    struct vmbus_ring_header *header = (void *)world.channels[0].rings;

    (void)state;
    world.disk.mode = DISK_WHEN_TOLD;
    world_submit(1, &packet, P(0), 1);
    world_run();
    header->write_index = 0x12345;
    world.channels[0].child.signal(&world.channels[0].child);
    world_work();
    assert_int_equal(world.channels[0].broken, 1);
    assert_int_equal(world.channels[0].closed, 0);
    assert_int_equal(world.child.pinned, 1);
    disk_complete_all(&world.disk);
    world_work();
    assert_int_equal(world.channels[0].closed, 1);
    assert_int_equal(world.child.pinned, 0);
}

static void one_transaction_a_thousand_times_is_a_thousand_requests(void **state)
{
    struct storage_packet packet = world_srb(ready_cdb, 6, STORAGE_DATA_NONE, 0);

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        world_send(0, 77, &packet, NULL, 0, 0, 0);
        if (i % 7 == 0)
            world_run();
    }
    world_run();
    assert_int_equal(world_answered(77), 1000);
}

/* ---- SRBs that lie ---- */

static void data_as_long_as_it_says_or_nothing(void **state)
{
    struct storage_packet packet = world_read(0, 8);
    uint64_t pages[2] = {P(0), P(1)};

    (void)state;
    world_send(0, 1, &packet, pages, 1, 0, 4092);
    world_send(0, 2, &packet, pages, 2, 0, 4100);
    world_send(0, 3, &packet, NULL, 0, 0, 0);
    packet.srb.data_transfer_length = 0;
    world_send(0, 4, &packet, pages, 1, 0, 4096);
    world_run();
    for (uint64_t transaction = 1; transaction <= 4; transaction++)
        assert_invalid(world_answer(transaction));
    assert_int_equal(world.disk.submitted, 0);
}

static void more_than_one_range_is_refused(void **state)
{
    struct storage_packet packet = world_read(0, 8);
    struct {
        struct vmbus_range range;
        uint64_t page;
    } ranges[2] = {{{.length = 4096}, P(0)}, {{.length = 4096}, P(1)}};
    struct vmbus_packet p = {.type = VMBUS_PACKET_GPA_DIRECT,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .ranges = ranges,
                             .range_count = 2,
                             .ranges_length = sizeof(ranges),
                             .payload = &packet,
                             .length = sizeof(packet)};

    (void)state;
    assert_true(world_send_raw(0, &p));
    world_run();
    assert_invalid(world_answer(0));
}

static void data_outside_of_ram_is_refused(void **state)
{
    const uint64_t pages[] = {0, CHILD_FIRST_PAGE - 1, P(CHILD_PAGES), UINT64_MAX, 1ull << 52};
    struct storage_packet inquiry = world_srb(inquiry_cdb, 6, STORAGE_DATA_IN, 255);
    struct storage_packet read = world_read(0, 16);

    (void)state;
    for (unsigned i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        uint64_t two[2] = {P(3), pages[i]};

        world_send(0, 2 * i, &inquiry, &pages[i], 1, 0, 255);
        world_send(0, 2 * i + 1, &read, two, 2, 0, 8192);
        world_run();
        assert_invalid(world_answer(2 * i));
        assert_invalid(world_answer(2 * i + 1));
    }
    assert_int_equal(world.disk.submitted, 0);
    assert_string_equal(world.reason, "a request's data is not in RAM");
}

static void unaligned_data_is_refused(void **state)
{
    struct storage_packet packet = world_read(0, 1);
    uint64_t page = P(0);

    (void)state;
    for (uint32_t offset = 1; offset < 4; offset++) {
        world_send(0, offset, &packet, &page, 1, offset, 512);
        world_run();
        assert_invalid(world_answer(offset));
        assert_string_equal(world.reason, "a request's data is not aligned to 4 bytes");
    }
    world_send(0, 4, &packet, &page, 1, 4, 512);
    world_run();
    assert_int_equal(world_answer(4)->srb.srb_status, STORAGE_SRB_SUCCESS);
}

/* Root's log has the reason, each time. */
static void assert_refused(const struct storage_packet *packet, const char *reason)
{
    unsigned logged = world.logged;

    assert_invalid(world_ask(packet, 1));
    assert_int_equal(world.logged, logged + 1);
    assert_string_equal(world.reason, reason);
}

static void impossible_cdbs_and_directions_are_refused(void **state)
{
    const uint8_t lengths[] = {0, 15, 17, 255}, directions[] = {0, 2, 3, 255};
    struct storage_packet packet = world_read(0, 8);

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        packet.srb.cdb_length = lengths[i];
        assert_refused(&packet, "a request's CDB has a wrong length");
    }
    packet.srb.cdb_length = 16;
    for (unsigned i = 0; i < 4; i++) {
        packet.srb.data_in = directions[i];
        assert_refused(&packet, "a request's data goes the wrong way");
    }
    assert_int_equal(world.disk.submitted, 0);
}

static void less_data_than_sectors_is_refused(void **state)
{
    struct storage_packet read = world_read(0, 8),
                          inquiry = world_srb(inquiry_cdb, 5, STORAGE_DATA_IN, 255);

    (void)state;
    read.srb.data_transfer_length = 4095;
    assert_refused(&read, "a request's data is shorter than its CDB says");
    assert_int_equal(world.disk.submitted, 0);
    inquiry.srb.lun = 1;
    assert_refused(&inquiry, "an inquiry's CDB has a wrong length");
}

static void no_sector_past_the_end_is_reached(void **state)
{
    const uint64_t sectors[] = {WORLD_SECTORS, WORLD_SECTORS - 7, UINT64_MAX, 1ull << 63};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct storage_packet packet = world_read(sectors[i], 8);
        const struct storage_packet *answer = world_ask(&packet, 1);

        assert_int_equal(answer->srb.scsi_status, SCSI_STATUS_CHECK_CONDITION);
        assert_int_equal(answer->srb.srb_status, STORAGE_SRB_ERROR | STORAGE_SRB_AUTOSENSE);
        assert_int_equal(answer->srb.sense_info_length, 18);
        assert_int_equal(answer->srb.data[2], 5);
        assert_int_equal(answer->srb.data[12], 0x21);
    }
    assert_int_equal(world.disk.submitted, 0);
}

static void sense_data_fits_where_the_child_wants_it(void **state)
{
    struct storage_packet packet = world_read(WORLD_SECTORS, 8);
    const struct storage_packet *answer;

    (void)state;
    packet.srb.sense_info_length = 0;
    answer = world_ask(&packet, 1);
    assert_int_equal(answer->srb.srb_status, STORAGE_SRB_ERROR);
    assert_int_equal(answer->srb.sense_info_length, 0);
    assert_int_equal(answer->srb.data[0], 0);
    packet.srb.sense_info_length = 255;
    answer = world_ask(&packet, 1);
    assert_int_equal(answer->srb.srb_status, STORAGE_SRB_ERROR | STORAGE_SRB_AUTOSENSE);
    assert_int_equal(answer->srb.sense_info_length, 18);
    assert_int_equal(answer->srb.data[18], 0);
    packet.srb.sense_info_length = 4;
    answer = world_ask(&packet, 1);
    assert_int_equal(answer->srb.sense_info_length, 4);
    assert_int_equal(answer->srb.data[4], 0);
}

/* ---- where no disk is ---- */

static void absent_units_say_so(void **state)
{
    const struct {
        uint8_t path, target, lun;
    } places[] = {{0, 0, 1}, {0, 0, 63}, {0, 0, 64}, {0, 0, 255}, {0, 1, 0}, {7, 0, 0}};

    (void)state;
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct storage_packet packet = world_srb(inquiry_cdb, 6, STORAGE_DATA_IN, 255);
        const struct storage_packet *answer;

        packet.srb.path = places[i].path;
        packet.srb.target = places[i].target;
        packet.srb.lun = places[i].lun;
        memset(child_bytes(&world.child, P(0)), 0, CHILD_PAGE);
        answer = world_ask(&packet, 1);
        assert_int_equal(answer->srb.srb_status, STORAGE_SRB_SUCCESS);
        assert_int_equal(answer->srb.data_transfer_length, 36);
        assert_int_equal(child_bytes(&world.child, P(0))[0], 0x7f);
        memcpy(packet.srb.data, ready_cdb, 6);
        answer = world_ask(&packet, 1);
        assert_int_equal(answer->srb.srb_status, STORAGE_SRB_INVALID_LUN);
    }
}

/* Linux asks on each path and target that there can be, and forgets its disk at 0, 0, 0 when one of
 * them fails with INVALID_LUN. */
static void report_luns_tells_each_target_its_own(void **state)
{
    static const struct {
        uint8_t path, target, lun;
        unsigned luns;
    } places[] = {{0, 0, 0, 2},   {0, 0, 1, 2}, {0, 0, 3, 2}, {0, 0, 255, 2},    {0, 1, 0, 0},
                  {0, 255, 0, 0}, {1, 0, 0, 0}, {7, 1, 0, 0}, {255, 255, 255, 0}};
    const uint8_t *data = child_bytes(&world.child, P(0));

    (void)state;
    assert_true(
        storvsp_lun_add(&world.adapter, 3, &world.disk.scsi, &fake_disk_backend, &world.disk));
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct storage_packet packet = world_srb(luns_cdb, 12, STORAGE_DATA_IN, 4096);

        packet.srb.path = places[i].path;
        packet.srb.target = places[i].target;
        packet.srb.lun = places[i].lun;
        memset(child_bytes(&world.child, P(0)), 0xa5, CHILD_PAGE);
        assert_good(world_ask(&packet, 1), 8 + places[i].luns * 8);
        assert_int_equal(data[3], places[i].luns * 8);
        if (places[i].luns == 2)
            assert_int_equal(data[16 + 1], 3);
    }
}

/* So its driver says, of a request. */
static void disk_0_goes(void)
{
    struct storage_packet packet = world_read(0, 8);

    world.disk.fail_all = true;
    world.disk.failure = SCSI_OUTCOME_GONE;
    assert_sense(world_ask(&packet, 1), SCSI_SENSE_LUN_UNSUPPORTED);
    world.disk.fail_all = false;
}

static void report_luns_needs_no_disk_at_0(void **state)
{
    struct storage_packet packet = world_srb(luns_cdb, 12, STORAGE_DATA_IN, 4096);
    const uint8_t *data = child_bytes(&world.child, P(0));

    (void)state;
    assert_true(
        storvsp_lun_add(&world.adapter, 9, &world.disk.scsi, &fake_disk_backend, &world.disk));
    disk_0_goes();
    assert_int_equal(world_ask(&packet, 1)->srb.data_transfer_length, 24);
    assert_int_equal(data[3], 16);
    assert_int_equal(data[8 + 1], 0);
    assert_int_equal(data[16 + 1], 9);
}

#define FRESH(name) cmocka_unit_test_setup_teardown(name, world_setup_opened, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(initialisation_has_one_order),
        FRESH(versions_are_tried_until_one_is_known),
        FRESH(properties_tell_the_limits),
        FRESH(properties_tell_what_each_disk_takes),
        FRESH(requests_before_the_end_of_initialisation_are_refused),
        FACT(a_reopened_channel_begins_anew),
        FACT(unknown_operations_fail),
        FACT(packets_that_want_no_answer_are_dropped),
        FACT(short_packets_fail),
        FACT(longer_packets_are_taken),
        FACT(page_numbers_behind_those_of_the_data_do_not_matter),
        FACT(transfer_pages_fail),
        FACT(a_packet_longer_than_any_request_closes_the_channel),
        FACT(a_broken_ring_closes_the_channel_when_disks_are_done),
        FACT(one_transaction_a_thousand_times_is_a_thousand_requests),
        FACT(data_as_long_as_it_says_or_nothing),
        FACT(more_than_one_range_is_refused),
        FACT(data_outside_of_ram_is_refused),
        FACT(unaligned_data_is_refused),
        FACT(impossible_cdbs_and_directions_are_refused),
        FACT(less_data_than_sectors_is_refused),
        FACT(no_sector_past_the_end_is_reached),
        FACT(sense_data_fits_where_the_child_wants_it),
        FACT(absent_units_say_so),
        FACT(report_luns_tells_each_target_its_own),
        FACT(report_luns_needs_no_disk_at_0),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
