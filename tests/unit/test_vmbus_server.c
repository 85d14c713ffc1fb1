/* SPDX-License-Identifier: MIT */
/* test_vmbus_server.c - root's end of the bus and a child that keeps to the protocol: contact,
 * offers, channels, and the order in which things are given back. */
#include "fakes/test.h"
#include "vmbus_child.h"

#include <hvabi/status.h>

#define OK     VMBUS_STATUS_SUCCESS
#define FAILED VMBUS_STATUS_UNSUCCESSFUL

/* ---- contact and offers ---------------------------------------------------------------------- */

static void versions_from_2_4_to_5_3_are_spoken(void **state)
{
    static const uint32_t spoken[] = {VMBUS_VERSION_2_4, VMBUS_VERSION_3_0, VMBUS_VERSION_4_0,
                                      VMBUS_VERSION_4_1, VMBUS_VERSION_5_0, VMBUS_VERSION_5_1,
                                      VMBUS_VERSION_5_2, VMBUS_VERSION_5_3};
    static const uint32_t refused[] = {0,          13,         0x00010001, 0x00020003, 0x00030001,
                                       0x00040002, 0x00050004, 0x00060000, 0xffffffff};
    struct child *c = *state;

    for (size_t i = 0; i < sizeof(spoken) / sizeof(spoken[0]); i++) {
        assert_true(child_contact(c, spoken[i]));
        assert_int_equal(child_statistics(c).version, spoken[i]);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_false(child_contact(c, refused[i]));
        assert_int_equal(child_statistics(c).version, 0);
    }
}

static void answers_go_to_the_vp_that_made_contact(void **state)
{
    struct child *c = *state;
    struct vmbus_initiate_contact m = {.header.type = VMBUS_INITIATE_CONTACT,
                                       .version = VMBUS_VERSION_5_0,
                                       .target_vp = 3,
                                       .message_sint = VMBUS_SINT};
    struct vmbus_version_response response;

    world_send(&c->world, &m, sizeof(m));
    assert_int_equal(c->world.posts[0].vp, 3);
    child_take(c, VMBUS_VERSION_RESPONSE, &response);
    assert_int_equal(response.supported, 1);
    assert_int_equal(response.connection_id, VMBUS_CONNECTION_ID_5);
}

static void contact_for_a_missing_vp_or_another_sint_is_refused(void **state)
{
    struct child *c = *state;
    struct vmbus_initiate_contact m = {.header.type = VMBUS_INITIATE_CONTACT,
                                       .version = VMBUS_VERSION_5_0,
                                       .target_vp = WORLD_VPS,
                                       .message_sint = VMBUS_SINT};
    struct vmbus_version_response response;

    world_send(&c->world, &m, sizeof(m));
    child_take(c, VMBUS_VERSION_RESPONSE, &response);
    assert_int_equal(response.supported, 0);
    m.target_vp = 0;
    m.message_sint = 5;
    world_send(&c->world, &m, sizeof(m));
    child_take(c, VMBUS_VERSION_RESPONSE, &response);
    assert_int_equal(response.supported, 0);
    assert_int_equal(child_statistics(c).version, 0);
}

static void offers_say_what_the_provider_said(void **state)
{
    struct child *c = *state;
    struct vmbus_message m = {.type = VMBUS_REQUEST_OFFERS};
    struct vmbus_offer_channel offer;

    assert_true(child_contact(c, VMBUS_VERSION_5_3));
    world_send(&c->world, &m, sizeof(m));
    child_take(c, VMBUS_OFFER_CHANNEL, &offer);
    assert_int_equal(offer.interface.data1, 0xba6163d9);
    assert_int_equal(offer.instance.data1, 1);
    assert_int_equal(offer.mmio_megabytes, 3);
    assert_int_equal(offer.user_data[2], 3);
    assert_int_equal(offer.sub_channel_index, 0);
    assert_int_equal(offer.dedicated_interrupt, 1);
    assert_int_equal(offer.monitor_allocated, 0);
    assert_int_equal(offer.connection_id, 0x2000 | offer.relid);
    assert_int_equal(c->world.posts[CHILD_DEVICES - 1].bytes[0], VMBUS_ALL_OFFERS_DELIVERED);
    c->world.post_count = 0;
}

static void offers_come_once_they_were_asked_for(void **state)
{
    struct child *c = *state;
    struct world_device late;
    struct vmbus_offer_channel offer;

    assert_true(child_contact(c, VMBUS_VERSION_5_3));
    child_took_all(c);
    child_request_offers(c);
    device_offer(&c->world, &late, 77, 0);
    child_take(c, VMBUS_OFFER_CHANNEL, &offer);
    assert_int_equal(offer.instance.data1, 77);
    vmbus_server_revoke(&late.offer);
    assert_int_equal(late.revoked, 1);
}

static void the_same_device_is_not_offered_twice(void **state)
{
    struct child *c = *state;
    struct world_device other = c->device[0];

    assert_false(vmbus_server_offer(c->world.server, &other.offer));
}

static void monitored_offers_have_their_own_triggers(void **state)
{
    struct child *c = *state;
    struct vmbus_initiate_contact m = {.header.type = VMBUS_INITIATE_CONTACT,
                                       .version = VMBUS_VERSION_5_3,
                                       .message_sint = VMBUS_SINT,
                                       .server_to_client_monitor = 0x1000,
                                       .client_to_server_monitor = 0x2000};
    struct vmbus_message request = {.type = VMBUS_REQUEST_OFFERS};
    struct vmbus_version_response response;
    struct vmbus_offer_channel offer;

    world_send(&c->world, &m, sizeof(m));
    child_take(c, VMBUS_VERSION_RESPONSE, &response);
    assert_int_equal(c->world.monitor[0], 0x1000);
    assert_int_equal(c->world.monitor[1], 0x2000);
    world_send(&c->world, &request, sizeof(request));
    for (uint32_t i = 0; i < CHILD_DEVICES; i++) {
        child_take(c, VMBUS_OFFER_CHANNEL, &offer);
        assert_int_equal(offer.monitor_allocated, 1);
        assert_int_equal(offer.monitor_id, i);
    }
    child_take(c, VMBUS_ALL_OFFERS_DELIVERED, &request);
    child_unload(c);
    child_take(c, VMBUS_UNLOAD_RESPONSE, &request);
    assert_int_equal(c->world.monitor[1], 0);
    child_connect(c); /* without monitor pages */
    assert_int_equal(
        vmbus_server_channel_from(c->world.server, 1, &(const struct vmbus_offer *){0})->monitor_id,
        -1);
}

static void monitor_pages_that_cannot_be_used_are_not(void **state)
{
    struct child *c = *state;
    struct vmbus_initiate_contact m = {.header.type = VMBUS_INITIATE_CONTACT,
                                       .version = VMBUS_VERSION_4_1,
                                       .server_to_client_monitor = 0x1000,
                                       .client_to_server_monitor = 0x2008};
    struct vmbus_version_response response;

    world_send(&c->world, &m, sizeof(m));
    child_take(c, VMBUS_VERSION_RESPONSE, &response);
    assert_int_equal(response.supported, 1);
    assert_int_equal(c->world.monitor[0], 0);
    m.client_to_server_monitor = 0x2000;
    c->world.no_monitor = true;
    world_send(&c->world, &m, sizeof(m));
    child_take(c, VMBUS_VERSION_RESPONSE, &response);
    assert_int_equal(c->world.monitor[0], 0);
}

/* ---- channels -------------------------------------------------------------------------------- */

static void opened_channel_carries_packets_both_ways(void **state)
{
    struct child *c = *state;
    uint8_t *ring = c->world.ram + CHILD_RING * WORLD_PAGE_SIZE,
            buffer[256] __attribute__((aligned(8)));
    struct vmbus_packet in, out = {.type = VMBUS_PACKET_IN_BAND, .payload = "ping", .length = 5};
    struct vmbus_ring to_server, from_server;
    struct vmbus_channel *channel;

    child_connect(c);
    child_open(c, c->relid[1]);
    channel = c->device[1].channel[0];
    assert_int_equal(c->device[1].user_data[2], 7);
    assert_int_equal(channel->target_vp, 2);
    assert_true(vmbus_ring_attach_writer(&to_server, ring, 2 * WORLD_PAGE_SIZE));
    assert_true(
        vmbus_ring_attach_reader(&from_server, ring + 2 * WORLD_PAGE_SIZE, 2 * WORLD_PAGE_SIZE));
    assert_int_equal(vmbus_ring_write(&to_server, &out), VMBUS_RING_OK);
    assert_true(vmbus_ring_write_end(&to_server));
    vmbus_server_signalled(channel);
    assert_int_equal(c->device[1].signalled, 1);
    vmbus_channel_read_begin(channel);
    assert_int_equal(vmbus_channel_read_next(channel, &in, buffer, sizeof(buffer)), VMBUS_RING_OK);
    assert_string_equal(in.payload, "ping");
    assert_false(vmbus_channel_read_end(channel));
    assert_int_equal(vmbus_channel_send(channel, &out), VMBUS_RING_OK);
    assert_int_equal(c->world.signals[channel->relid], 0);
    vmbus_channel_flush(channel);
    assert_int_equal(c->world.signals[channel->relid], 1);
    assert_int_equal(vmbus_ring_read(&from_server, &in, buffer, sizeof(buffer)), VMBUS_RING_OK);
    assert_int_equal(channel->statistics.packets_in, 1);
    assert_int_equal(channel->statistics.signals_for_packets, 1);
}

static void provider_may_refuse(void **state)
{
    struct child *c = *state;
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .downstream_page = 2};

    child_connect(c);
    m.relid = c->relid[0];
    m.ring_gpadl = child_share(c, m.relid, CHILD_RING, CHILD_PAGES);
    assert_int_equal(child_created(c, m.ring_gpadl), OK);
    memset(c->world.ram, 0, WORLD_PAGES * WORLD_PAGE_SIZE);
    c->device[0].refuses = true;
    assert_int_equal(child_open_with(c, &m), FAILED);
    assert_int_equal(c->world.doorbell_count, 0);
    c->device[0].refuses = false;
    assert_int_equal(child_open_with(c, &m), OK);
    assert_int_equal(c->world.doorbell_count, 1);
}

static void no_doorbell_no_channel(void **state)
{
    struct child *c = *state;
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .downstream_page = 2};

    child_connect(c);
    m.relid = c->relid[0];
    m.ring_gpadl = child_share(c, m.relid, CHILD_RING, CHILD_PAGES);
    assert_int_equal(child_created(c, m.ring_gpadl), OK);
    c->world.no_doorbells = true;
    assert_int_equal(child_open_with(c, &m), FAILED);
    assert_int_equal(c->device[0].opened, 0);
}

static void rings_stay_mapped_until_the_provider_is_done(void **state)
{
    struct child *c = *state;
    uint32_t gpadl;

    child_connect(c);
    c->device[0].defers = true;
    gpadl = child_open(c, c->relid[0]);
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[0]);
    assert_int_equal(c->device[0].closed, 1);
    child_tear_down(c, c->relid[0], gpadl);
    child_took_all(c);
    assert_int_equal(c->world.pinned, CHILD_PAGES);
    assert_int_equal(c->device[0].channel[0]->in.broken, NULL);
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[0]);
    assert_int_equal(c->device[0].closed, 1);
    device_finish(&c->device[0]);
    child_torndown(c, gpadl);
    assert_int_equal(c->world.pinned, 0);
    child_open(c, c->relid[0]);
}

/* What it was the provider frees when it is done. */
static void closed_channel_leads_to_no_provider(void **state)
{
    struct child *c = *state;
    const struct vmbus_channel *channel;
    const struct vmbus_offer *offer;

    child_connect(c);
    c->device[0].defers = true;
    child_open(c, c->relid[0]);
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[0]);
    channel = vmbus_server_channel_from(c->world.server, c->relid[0], &offer);
    assert_ptr_equal(channel->context, &c->device[0]);
    device_finish(&c->device[0]);
    assert_string_equal(vmbus_server_channel_state(channel), "closed");
    assert_null(channel->context);
}

static void signals_come_while_the_channel_is_open(void **state)
{
    struct child *c = *state;
    struct vmbus_channel *channel;

    child_connect(c);
    c->device[0].defers = true;
    child_open(c, c->relid[0]);
    channel = c->device[0].channel[0];
    vmbus_server_signalled(channel);
    assert_int_equal(c->device[0].signalled, 1);
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[0]);
    vmbus_server_signalled(channel);
    assert_int_equal(c->device[0].signalled, 1);
}

static void broken_ring_closes_its_channel_only(void **state)
{
    struct child *c = *state;
    struct vmbus_ring_header *ring;
    uint8_t buffer[64] __attribute__((aligned(8)));
    struct vmbus_channel *channel;
    struct vmbus_packet packet;
    uint32_t gpadl;

    child_connect(c);
    gpadl = child_open(c, c->relid[0]);
    channel = c->device[0].channel[0];
    ring = (void *)(c->world.ram + CHILD_RING * WORLD_PAGE_SIZE);
    ring->write_index = 4096;
    vmbus_channel_read_begin(channel);
    assert_int_equal(vmbus_channel_read_next(channel, &packet, buffer, sizeof(buffer)),
                     VMBUS_RING_BROKEN);
    vmbus_server_channel_broken(channel);
    assert_string_equal(c->world.last_log, "the write index is outside of the ring");
    assert_int_equal(c->device[0].closed, 1);
    vmbus_server_channel_broken(channel);
    assert_int_equal(c->device[0].closed, 1);
    child_took_all(c);
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[0]);
    child_tear_down(c, c->relid[0], gpadl);
    child_torndown(c, gpadl);
    child_open(c, c->relid[0]);
}

static void interrupts_move_to_another_vp(void **state)
{
    struct child *c = *state;
    struct vmbus_modify_channel m = {.header.type = VMBUS_MODIFY_CHANNEL, .target_vp = 3};
    struct vmbus_modify_channel_response response;

    child_connect(c);
    m.relid = c->relid[0];
    world_send(&c->world, &m, sizeof(m));
    child_take(c, VMBUS_MODIFY_CHANNEL_RESPONSE, &response);
    assert_int_equal(response.status, FAILED); /* not open */
    child_open(c, c->relid[0]);
    world_send(&c->world, &m, sizeof(m));
    child_take(c, VMBUS_MODIFY_CHANNEL_RESPONSE, &response);
    assert_int_equal(response.status, OK);
    assert_int_equal(response.relid, c->relid[0]);
    assert_int_equal(c->device[0].channel[0]->target_vp, 3);
    m.target_vp = WORLD_VPS;
    world_send(&c->world, &m, sizeof(m));
    child_take(c, VMBUS_MODIFY_CHANNEL_RESPONSE, &response);
    assert_int_equal(response.status, FAILED);
    assert_int_equal(c->device[0].channel[0]->target_vp, 3);
}

static void before_5_3_moving_is_not_answered_and_before_4_1_not_done(void **state)
{
    struct child *c = *state;
    struct vmbus_modify_channel m = {.header.type = VMBUS_MODIFY_CHANNEL, .target_vp = 3};

    assert_true(child_contact(c, VMBUS_VERSION_5_2));
    child_request_offers(c);
    child_open(c, c->relid[0]);
    m.relid = c->relid[0];
    world_send(&c->world, &m, sizeof(m));
    child_took_all(c);
    assert_int_equal(c->device[0].channel[0]->target_vp, 3);
    assert_true(child_contact(c, VMBUS_VERSION_4_0));
    child_request_offers(c);
    child_open(c, c->relid[0]);
    world_send(&c->world, &m, sizeof(m));
    assert_int_equal(c->device[0].channel[0]->target_vp, 2);
}

/* ---- messages that wait ---------------------------------------------------------------------- */

static void messages_wait_in_order_for_the_childs_buffers(void **state)
{
    struct child *c = *state;
    struct vmbus_message m = {.type = VMBUS_REQUEST_OFFERS};
    struct vmbus_offer_channel offer;

    assert_true(child_contact(c, VMBUS_VERSION_5_3));
    c->world.room = 1;
    world_send(&c->world, &m, sizeof(m));
    assert_int_equal(child_statistics(c).waiting, CHILD_DEVICES);
    assert_false(vmbus_server_post_again(c->world.server));
    c->world.room = 1;
    assert_false(vmbus_server_post_again(c->world.server));
    c->world.room = 2;
    assert_true(vmbus_server_post_again(c->world.server));
    for (uint32_t i = 1; i <= CHILD_DEVICES; i++) {
        child_take(c, VMBUS_OFFER_CHANNEL, &offer);
        assert_int_equal(offer.instance.data1, i);
    }
    child_take(c, VMBUS_ALL_OFFERS_DELIVERED, &m);
}

static void offer_that_waits_while_it_is_revoked_is_never_posted(void **state)
{
    struct child *c = *state;
    struct vmbus_message m = {.type = VMBUS_REQUEST_OFFERS};
    struct vmbus_offer_channel offer;

    assert_true(child_contact(c, VMBUS_VERSION_5_3));
    c->world.room = 0;
    world_send(&c->world, &m, sizeof(m));
    vmbus_server_revoke(&c->device[0].offer);
    assert_int_equal(c->device[0].revoked, 1);
    c->world.room = 100;
    assert_true(vmbus_server_post_again(c->world.server));
    child_take(c, VMBUS_OFFER_CHANNEL, &offer);
    child_take(c, VMBUS_OFFER_CHANNEL, &offer);
    child_take(c, VMBUS_ALL_OFFERS_DELIVERED, &m);
    child_took_all(c);
    assert_int_equal(child_statistics(c).channels, CHILD_DEVICES - 1);
}

static void messages_that_cannot_be_delivered_are_lost_and_counted(void **state)
{
    struct child *c = *state;
    struct vmbus_message m = {.type = VMBUS_REQUEST_OFFERS};

    assert_true(child_contact(c, VMBUS_VERSION_5_3));
    c->world.post_failure = HV_STATUS_INVALID_SYNIC_STATE;
    world_send(&c->world, &m, sizeof(m));
    assert_int_equal(child_statistics(c).waiting, 0);
    assert_int_equal(child_statistics(c).lost_posts, CHILD_DEVICES + 1);
}

/* ---- GPADLs of providers --------------------------------------------------------------------- */

static void provider_uses_memory_that_its_channel_shares(void **state)
{
    struct child *c = *state;
    struct vmbus_gpadl_view view;
    struct vmbus_channel *channel;
    uint32_t gpadl, other;

    child_connect(c);
    child_open(c, c->relid[0]);
    channel = c->device[0].channel[0];
    gpadl = child_share(c, c->relid[0], 200, 100); /* several bodies */
    assert_int_equal(child_created(c, gpadl), OK);
    other = child_share(c, c->relid[1], 300, 1);
    assert_int_equal(child_created(c, other), OK);
    assert_false(vmbus_server_gpadl_get(channel, other, &view));
    assert_false(vmbus_server_gpadl_get(channel, 12345, &view));
    assert_true(vmbus_server_gpadl_get(channel, gpadl, &view));
    assert_int_equal(view.length, 100 * WORLD_PAGE_SIZE);
    assert_int_equal(view.page_count, 100);
    assert_int_equal(view.pages[99], 299);
    view.bytes[99 * WORLD_PAGE_SIZE + 5] = 0x5a;
    assert_int_equal(c->world.ram[299 * WORLD_PAGE_SIZE + 5], 0x5a);
    child_tear_down(c, c->relid[0], gpadl);
    child_took_all(c);
    assert_false(vmbus_server_gpadl_get(channel, gpadl, &view)); /* it is going */
    vmbus_server_gpadl_put(channel, gpadl);
    child_torndown(c, gpadl);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void without_memory_things_fail_one_by_one(void **state)
{
    struct child *c = *state;
    uint32_t gpadl;

    child_connect(c);
    c->world.allocations_left = 0;
    assert_null(world_server(&c->world));
    gpadl = child_share(c, c->relid[0], 0, 1);
    assert_int_equal(child_created(c, gpadl), FAILED);
    for (uint32_t left = 1; left < 3; left++) {
        c->world.allocations_left = left;
        assert_null(world_server(&c->world));
    }
    c->world.allocations_left = UINT32_MAX;
    child_open(c, c->relid[0]);
    c->world.allocations_left = 1;
    assert_int_equal(vmbus_server_sub_channels(&c->device[0].offer, 3), 1);
    c->world.post_count = 0;
    c->world.allocations_left = UINT32_MAX;
}

static void channels_can_be_listed(void **state)
{
    struct child *c = *state;
    const struct vmbus_channel *channel;
    const struct vmbus_offer *offer;
    uint32_t relid = 0, count = 0;

    child_connect(c);
    child_open(c, c->relid[0]);
    while ((channel = vmbus_server_channel_from(c->world.server, relid, &offer)) != NULL) {
        assert_int_equal(offer->instance.data1, ++count);
        assert_string_equal(vmbus_server_channel_state(channel), count == 1 ? "open" : "closed");
        relid = channel->relid + 1;
    }
    assert_int_equal(count, CHILD_DEVICES);
}

#define T(name) cmocka_unit_test_setup_teardown(name, child_start, child_stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(versions_from_2_4_to_5_3_are_spoken),
        T(answers_go_to_the_vp_that_made_contact),
        T(contact_for_a_missing_vp_or_another_sint_is_refused),
        T(offers_say_what_the_provider_said),
        T(offers_come_once_they_were_asked_for),
        T(the_same_device_is_not_offered_twice),
        T(monitored_offers_have_their_own_triggers),
        T(monitor_pages_that_cannot_be_used_are_not),
        T(opened_channel_carries_packets_both_ways),
        T(provider_may_refuse),
        T(no_doorbell_no_channel),
        T(rings_stay_mapped_until_the_provider_is_done),
        T(closed_channel_leads_to_no_provider),
        T(signals_come_while_the_channel_is_open),
        T(broken_ring_closes_its_channel_only),
        T(interrupts_move_to_another_vp),
        T(before_5_3_moving_is_not_answered_and_before_4_1_not_done),
        T(messages_wait_in_order_for_the_childs_buffers),
        T(offer_that_waits_while_it_is_revoked_is_never_posted),
        T(messages_that_cannot_be_delivered_are_lost_and_counted),
        T(provider_uses_memory_that_its_channel_shares),
        T(without_memory_things_fail_one_by_one),
        T(channels_can_be_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
