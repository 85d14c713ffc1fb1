/* SPDX-License-Identifier: MIT */
/* test_storvsc.c - vsc/storvsc against a server that the test plays by hand, and not always well.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rt/big_endian.h>
#include "storvsc/storvsc.h"

#define RING_BYTES (2 * 4096u)
#define DEPTH      8u

static struct {
    uint8_t *rings;
    struct vmbus_channel child, server;
    struct storvsc device;
    struct storvsc_slot slots[DEPTH];
    struct storvsc_request requests[DEPTH];
    unsigned done[DEPTH];
    unsigned ready, failed, changed, resets, resets_failed;
    struct vmbus_packet received; /* what the server took last */
    struct storage_packet packet;
    uint64_t buffer[1024];
} t;

static void ready(struct storvsc *s, bool ok)
{
    (void)s;
    t.ready += ok;
    t.failed += !ok;
}

static void changed(struct storvsc *s)
{
    (void)s;
    t.changed++;
}

static void was_reset(struct storvsc *s, bool ok)
{
    (void)s;
    t.resets += ok;
    t.resets_failed += !ok;
}

static const struct storvsc_events events = {
    .ready = ready, .changed = changed, .reset = was_reset};

static void no_signal(struct vmbus_channel *c)
{
    (void)c;
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    assert_int_equal(posix_memalign((void **)&t.rings, 4096, 2 * RING_BYTES), 0);
    memset(t.rings, 0, 2 * RING_BYTES);
    vmbus_ring_format(t.rings);
    vmbus_ring_format(t.rings + RING_BYTES);
    t.child.signal = no_signal;
    t.server.signal = no_signal;
    assert_true(vmbus_ring_attach_writer(&t.child.out, t.rings, RING_BYTES));
    assert_true(vmbus_ring_attach_reader(&t.server.in, t.rings, RING_BYTES));
    assert_true(vmbus_ring_attach_writer(&t.server.out, t.rings + RING_BYTES, RING_BYTES));
    assert_true(vmbus_ring_attach_reader(&t.child.in, t.rings + RING_BYTES, RING_BYTES));
    storvsc_init(&t.device, &events, &t.child, t.slots, DEPTH);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(t.rings);
    return 0;
}

/* The server takes the next packet; false: there is none. */
static bool server_take(void)
{
    enum vmbus_ring_status status;

    vmbus_channel_read_begin(&t.server);
    status = vmbus_channel_read_next(&t.server, &t.received, t.buffer, sizeof(t.buffer));
    if (vmbus_channel_read_end(&t.server) && status != VMBUS_RING_OK)
        return server_take();
    if (status != VMBUS_RING_OK)
        return false;
    assert_int_equal(t.received.length, sizeof(t.packet));
    assert_int_equal(t.received.flags, VMBUS_PACKET_FLAG_COMPLETION);
    memcpy(&t.packet, t.received.payload, sizeof(t.packet));
    return true;
}

static void server_send(uint16_t type, uint64_t transaction, const void *payload, uint32_t length)
{
    struct vmbus_packet p = {
        .type = type, .transaction = transaction, .payload = payload, .length = length};

    assert_int_equal(vmbus_channel_send(&t.server, &p), VMBUS_RING_OK);
    vmbus_channel_flush(&t.server);
    assert_true(storvsc_poll(&t.device.primary));
}

/* Answer what was taken last with @status. */
static void server_answer(uint32_t status)
{
    t.packet.operation = STORAGE_COMPLETE_IO;
    t.packet.status = status;
    server_send(VMBUS_PACKET_COMPLETION, t.received.transaction, &t.packet, sizeof(t.packet));
}

static void take(uint32_t operation)
{
    assert_true(server_take());
    assert_int_equal(t.packet.operation, operation);
}

static void request_done(struct storvsc_request *r)
{
    t.done[r - t.requests]++;
}

static struct storvsc_request *request(uint32_t i)
{
    static const uint64_t pages[STORVSC_PAGES_MAX + 1] = {1, 2, 3};
    struct storvsc_request *r = &t.requests[i];

    r->done = request_done;
    storvsc_prepare_read(r, i, 8);
    storvsc_data(r, pages, 0, 4096);
    return r;
}

static void initialise(uint16_t sub_channels)
{
    assert_true(storvsc_begin(&t.device, sub_channels));
    take(STORAGE_BEGIN_INITIALIZATION);
    server_answer(STORAGE_STATUS_OK);
    take(STORAGE_QUERY_PROTOCOL_VERSION);
    server_answer(STORAGE_STATUS_OK);
    take(STORAGE_QUERY_PROPERTIES);
    t.packet.properties = (struct storage_properties){.max_channel_count = 5,
                                                      .flags = STORAGE_PROPERTY_MULTI_CHANNEL,
                                                      .max_transfer_bytes = 0x20fff};
    server_answer(STORAGE_STATUS_OK);
    take(STORAGE_END_INITIALIZATION);
    server_answer(STORAGE_STATUS_OK);
}

/* ---- initialisation ---- */

static void initialisation_takes_whole_pages_and_no_sub_channels_unasked(void **state)
{
    (void)state;
    initialise(0);
    assert_int_equal(t.ready, 1);
    assert_int_equal(t.device.max_transfer_bytes, 0x20000);
    assert_int_equal(t.device.version, STORAGE_VERSION_6_2);
    assert_false(server_take());
}

static void sub_channels_are_asked_for_as_far_as_there_are(void **state)
{
    (void)state;
    initialise(9);
    assert_int_equal(t.ready, 0);
    take(STORAGE_CREATE_SUB_CHANNELS);
    assert_int_equal(t.packet.sub_channel_count, 5);
    server_answer(STORAGE_STATUS_OK);
    assert_int_equal(t.ready, 1);
    assert_int_equal(t.device.sub_channels, 5);
}

static void refused_sub_channels_are_done_without(void **state)
{
    (void)state;
    initialise(2);
    take(STORAGE_CREATE_SUB_CHANNELS);
    server_answer(STORAGE_STATUS_INVALID_REQUEST);
    assert_int_equal(t.ready, 1);
    assert_int_equal(t.device.sub_channels, 0);
}

static void older_versions_are_tried_in_turn(void **state)
{
    const uint16_t expected[] = {STORAGE_VERSION_6_2, STORAGE_VERSION_6_0, STORAGE_VERSION_5_1};

    (void)state;
    assert_true(storvsc_begin(&t.device, 0));
    take(STORAGE_BEGIN_INITIALIZATION);
    server_answer(STORAGE_STATUS_OK);
    for (unsigned i = 0; i < 3; i++) {
        take(STORAGE_QUERY_PROTOCOL_VERSION);
        assert_int_equal(t.packet.version.major_minor, expected[i]);
        assert_int_equal(t.failed, 0);
        server_answer(STORAGE_STATUS_REVISION_MISMATCH);
    }
    assert_int_equal(t.failed, 1);
    assert_false(server_take());
}

static void each_step_that_fails_ends_initialisation(void **state)
{
    for (unsigned failing = 0; failing < 3; failing++) {
        const uint32_t steps[] = {STORAGE_BEGIN_INITIALIZATION, STORAGE_QUERY_PROTOCOL_VERSION,
                                  STORAGE_QUERY_PROPERTIES, STORAGE_END_INITIALIZATION};
        const unsigned failures[] = {0, 2, 3};

        teardown(state);
        setup(state);
        assert_true(storvsc_begin(&t.device, 0));
        for (unsigned i = 0; i < failures[failing]; i++) {
            take(steps[i]);
            t.packet.properties.max_transfer_bytes = 4096;
            server_answer(STORAGE_STATUS_OK);
        }
        take(steps[failures[failing]]);
        server_answer(STORAGE_STATUS_INVALID_STATE);
        assert_int_equal(t.failed, 1);
        assert_int_equal(t.ready, 0);
    }
}

static void a_server_that_transfers_nothing_is_no_use(void **state)
{
    (void)state;
    assert_true(storvsc_begin(&t.device, 0));
    for (unsigned i = 0; i < 3; i++) {
        assert_true(server_take());
        memset(&t.packet, 0, sizeof(t.packet));
        server_answer(STORAGE_STATUS_OK);
    }
    assert_int_equal(t.failed, 1);
}

static void a_beginning_that_was_not_sent_has_no_answer(void **state)
{
    (void)state;
    assert_true(storvsc_begin(&t.device, 0));
    take(STORAGE_BEGIN_INITIALIZATION);
    server_answer(STORAGE_STATUS_INVALID_STATE);
    assert_int_equal(t.failed, 1);
    vmbus_ring_break(&t.child.out, "it is");
    assert_false(storvsc_begin(&t.device, 0));
    server_answer(STORAGE_STATUS_OK);
    assert_int_equal(t.ready + t.failed, 1);
    assert_int_equal(t.device.primary.stray, 1);
}

/* ---- requests ---- */

static void a_request_is_on_the_wire_as_it_should(void **state)
{
    struct storvsc_request *r = request(0);
    struct vmbus_packet_range range;
    uint32_t cursor = 0;

    (void)state;
    storvsc_prepare_write(r, 0x123456789a, 24, true);
    r->lun = 7;
    r->offset = 512;
    r->length = 12288 - 512;
    assert_true(storvsc_submit(&t.device.primary, r));
    storvsc_flush(&t.device.primary);
    take(STORAGE_EXECUTE_SRB);
    assert_int_equal(t.received.type, VMBUS_PACKET_GPA_DIRECT);
    assert_true(vmbus_packet_next_range(&t.received, &cursor, &range));
    assert_int_equal(range.offset, 512);
    assert_int_equal(range.length, 12288 - 512);
    assert_int_equal(range.page_count, 3);
    assert_int_equal(range.pages[2], 3);
    assert_false(vmbus_packet_next_range(&t.received, &cursor, &range));
    assert_int_equal(t.packet.flags, STORAGE_FLAG_COMPLETION);
    assert_int_equal(t.packet.srb.length, 52);
    assert_int_equal(t.packet.srb.lun, 7);
    assert_int_equal(t.packet.srb.data_in, STORAGE_DATA_OUT);
    assert_int_equal(t.packet.srb.data_transfer_length, 12288 - 512);
    assert_int_equal(t.packet.srb.cdb_length, 16);
    assert_int_equal(t.packet.srb.data[0], SCSI_WRITE_16);
    assert_int_equal(t.packet.srb.data[1], SCSI_RW_FUA);
    assert_int_equal(be64_get(t.packet.srb.data + 2), 0x123456789a);
    assert_int_equal(be32_get(t.packet.srb.data + 10), 24);
}

static void large_reads_have_16_bytes_small_ones_10(void **state)
{
    struct storvsc_request r;

    (void)state;
    storvsc_prepare_read(&r, 0xffffffff, 0xffff);
    assert_int_equal(r.cdb[0], SCSI_READ_10);
    assert_int_equal(be32_get(r.cdb + 2), 0xffffffff);
    assert_int_equal(be16_get(r.cdb + 7), 0xffff);
    storvsc_prepare_read(&r, 0x100000000, 1);
    assert_int_equal(r.cdb[0], SCSI_READ_16);
    storvsc_prepare_read(&r, 0, 0x10000);
    assert_int_equal(r.cdb[0], SCSI_READ_16);
    assert_int_equal(be32_get(r.cdb + 10), 0x10000);
}

static void data_of_too_many_pages_is_refused(void **state)
{
    struct storvsc_request *r = request(0);

    (void)state;
    r->length = STORVSC_PAGES_MAX * 4096 + 1;
    assert_false(storvsc_submit(&t.device.primary, r));
    r->length = UINT32_MAX;
    assert_false(storvsc_submit(&t.device.primary, r));
    r->length = 1;
    r->offset = 4096;
    assert_false(storvsc_submit(&t.device.primary, r));
    assert_int_equal(t.device.primary.under_way, 0);
}

static void answers_are_believed_only_within_their_bounds(void **state)
{
    struct storvsc_request *r = request(0);

    (void)state;
    assert_true(storvsc_submit(&t.device.primary, r));
    storvsc_flush(&t.device.primary);
    take(STORAGE_EXECUTE_SRB);
    t.packet.srb.data_transfer_length = 0xffffffff;
    t.packet.srb.srb_status = STORAGE_SRB_ERROR | STORAGE_SRB_AUTOSENSE;
    t.packet.srb.scsi_status = SCSI_STATUS_CHECK_CONDITION;
    t.packet.srb.sense_info_length = 255;
    memset(t.packet.srb.data, 0x13, sizeof(t.packet.srb.data));
    server_answer(STORAGE_STATUS_OK);
    assert_int_equal(t.done[0], 1);
    assert_int_equal(r->transferred, 4096);
    assert_int_equal(r->sense_bytes, STORAGE_SENSE_BYTES);
    assert_int_equal(storvsc_sense(r), SCSI_SENSE_OF(3, 0x13, 0x13));
    assert_false(storvsc_succeeded(r));
}

static void answers_to_nothing_are_counted_and_dropped(void **state)
{
    uint64_t first;

    (void)state;
    assert_true(storvsc_submit(&t.device.primary, request(0)));
    storvsc_flush(&t.device.primary);
    take(STORAGE_EXECUTE_SRB);
    first = t.received.transaction;
    t.packet.operation = STORAGE_COMPLETE_IO;
    server_send(VMBUS_PACKET_COMPLETION, first, &t.packet, 56);                 /* short */
    server_send(VMBUS_PACKET_COMPLETION, first + 1, &t.packet, 64);             /* free slot */
    server_send(VMBUS_PACKET_COMPLETION, first + (1ull << 32), &t.packet, 64);  /* its next use */
    server_send(VMBUS_PACKET_COMPLETION, 0, &t.packet, 64);                     /* no slot */
    server_send(VMBUS_PACKET_COMPLETION, DEPTH + 1, &t.packet, 64);             /* no slot */
    server_send(VMBUS_PACKET_COMPLETION, 0xfffffffffffffffdull, &t.packet, 64); /* none begun */
    server_send(VMBUS_PACKET_IN_BAND, first, &t.packet, 64);
    t.packet.operation = STORAGE_EXECUTE_SRB;
    server_send(VMBUS_PACKET_COMPLETION, first, &t.packet, 64);
    assert_int_equal(t.device.primary.stray, 8);
    assert_int_equal(t.done[0], 0);
    server_answer(STORAGE_STATUS_OK);
    assert_int_equal(t.done[0], 1);
    server_answer(STORAGE_STATUS_OK); /* again */
    assert_int_equal(t.done[0], 1);
    assert_int_equal(t.device.primary.stray, 9);
    assert_true(storvsc_submit(&t.device.primary, request(1))); /* takes the same slot */
    storvsc_flush(&t.device.primary);
    take(STORAGE_EXECUTE_SRB);
    assert_int_not_equal(t.received.transaction, first);
    t.packet.operation = STORAGE_COMPLETE_IO;
    server_send(VMBUS_PACKET_COMPLETION, first, &t.packet, 64); /* the former use's */
    assert_int_equal(t.done[1], 0);
}

static void a_full_ring_refuses_and_recovers(void **state)
{
    struct storvsc_request *r = request(0);
    unsigned submitted = 0;

    (void)state;
    r->length = 200 * 4096; /* a packet of 1.7 KiB */
    for (unsigned i = 0; i < DEPTH; i++) {
        t.requests[i] = *r;
        if (!storvsc_submit(&t.device.primary, &t.requests[i]))
            break;
        submitted++;
    }
    storvsc_flush(&t.device.primary);
    assert_true(submitted > 1 && submitted < DEPTH);
    assert_int_equal(t.device.primary.under_way, submitted);
    take(STORAGE_EXECUTE_SRB);
    assert_true(storvsc_submit(&t.device.primary, &t.requests[submitted]));
}

static void as_many_as_there_are_slots_are_under_way(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DEPTH; i++)
        assert_true(storvsc_submit(&t.device.primary, request(i)));
    assert_false(storvsc_submit(&t.device.primary, request(0)));
    storvsc_flush(&t.device.primary);
    take(STORAGE_EXECUTE_SRB);
    server_answer(STORAGE_STATUS_OK);
    assert_true(storvsc_submit(&t.device.primary, request(0)));
}

static void a_closed_channel_ends_its_requests(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_true(storvsc_submit(&t.device.primary, request(i)));
    storvsc_channel_closed(&t.device.primary);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(t.done[i], 1);
        assert_int_equal(t.requests[i].status, STORVSC_STATUS_CLOSED);
        assert_false(storvsc_succeeded(&t.requests[i]));
    }
    storvsc_channel_closed(&t.device.primary);
    assert_int_equal(t.done[0], 1);
}

static void a_broken_ring_is_reported(void **state)
{
    struct vmbus_ring_header *header = (void *)(t.rings + RING_BYTES);

    (void)state;
    header->write_index = 12345;
    assert_false(storvsc_poll(&t.device.primary));
}

/* ---- the rest ---- */

static void changes_and_resets_are_told(void **state)
{
    struct storage_packet packet = {.operation = STORAGE_ENUMERATE_BUS};

    (void)state;
    server_send(VMBUS_PACKET_IN_BAND, 0, &packet, sizeof(packet));
    assert_int_equal(t.changed, 1);
    assert_true(storvsc_reset(&t.device));
    take(STORAGE_RESET_BUS);
    server_answer(STORAGE_STATUS_OK);
    assert_int_equal(t.resets, 1);
    assert_true(storvsc_reset(&t.device));
    take(STORAGE_RESET_BUS);
    server_answer(STORAGE_STATUS_INVALID_STATE);
    assert_int_equal(t.resets_failed, 1);
}

static void vps_share_the_channels(void **state)
{
    static struct storvsc_channel sub[STORVSC_CHANNELS_MAX];

    (void)state;
    assert_ptr_equal(storvsc_channel_of(&t.device, 3), &t.device.primary);
    for (unsigned i = 1; i < STORVSC_CHANNELS_MAX; i++)
        assert_true(storvsc_channel_add(&t.device, &sub[i], &t.child, NULL, 0));
    assert_false(storvsc_channel_add(&t.device, &sub[0], &t.child, NULL, 0));
    assert_ptr_equal(storvsc_channel_of(&t.device, 0), &t.device.primary);
    assert_ptr_equal(storvsc_channel_of(&t.device, 5), &sub[5]);
    assert_ptr_equal(storvsc_channel_of(&t.device, STORVSC_CHANNELS_MAX + 5), &sub[5]);
    assert_false(storvsc_submit(&sub[5], request(0))); /* without slots */
}

static void capacities_that_make_no_sense_are_refused(void **state)
{
    struct storvsc_request r = {.transferred = 32};
    uint8_t data[32] = {0};
    uint64_t sectors;
    uint32_t size;

    (void)state;
    be64_put(data, 99);
    be32_put(data + 8, 4096);
    assert_true(storvsc_capacity(&r, data, &sectors, &size));
    assert_int_equal(sectors, 100);
    assert_int_equal(size, 4096);
    r.transferred = 11;
    assert_false(storvsc_capacity(&r, data, &sectors, &size));
    r.transferred = 12;
    be32_put(data + 8, 0);
    assert_false(storvsc_capacity(&r, data, &sectors, &size));
    be32_put(data + 8, 520);
    assert_false(storvsc_capacity(&r, data, &sectors, &size));
    be32_put(data + 8, 512);
    be64_put(data, UINT64_MAX);
    assert_false(storvsc_capacity(&r, data, &sectors, &size));
}

static void only_scsi_controllers_are_ours(void **state)
{
    struct vmbus_guid guid = STORAGE_SCSI_INTERFACE;
    const uint8_t wire[16] = {0xd9, 0x63, 0x61, 0xba, 0xa1, 0x04, 0x29, 0x4d,
                              0xb6, 0x05, 0x72, 0xe2, 0xff, 0xb1, 0xdc, 0x7f};

    (void)state;
    assert_memory_equal(&guid, wire, sizeof(wire));
    assert_true(storvsc_is_ours(&guid));
    guid.data4[7]++;
    assert_false(storvsc_is_ours(&guid));
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(initialisation_takes_whole_pages_and_no_sub_channels_unasked),
        FACT(sub_channels_are_asked_for_as_far_as_there_are),
        FACT(refused_sub_channels_are_done_without),
        FACT(older_versions_are_tried_in_turn),
        FACT(each_step_that_fails_ends_initialisation),
        FACT(a_server_that_transfers_nothing_is_no_use),
        FACT(a_beginning_that_was_not_sent_has_no_answer),
        FACT(a_request_is_on_the_wire_as_it_should),
        FACT(large_reads_have_16_bytes_small_ones_10),
        FACT(data_of_too_many_pages_is_refused),
        FACT(answers_are_believed_only_within_their_bounds),
        FACT(answers_to_nothing_are_counted_and_dropped),
        FACT(a_full_ring_refuses_and_recovers),
        FACT(as_many_as_there_are_slots_are_under_way),
        FACT(a_closed_channel_ends_its_requests),
        FACT(a_broken_ring_is_reported),
        FACT(changes_and_resets_are_told),
        FACT(vps_share_the_channels),
        FACT(capacities_that_make_no_sense_are_refused),
        FACT(only_scsi_controllers_are_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
