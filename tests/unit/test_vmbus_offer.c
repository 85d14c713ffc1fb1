/* SPDX-License-Identifier: MIT */
/* test_vmbus_offer.c - sub-channels, offers that are taken back, and a child that leaves the bus:
 * what is closed when, who is told, and when a relid may be used again. */
#include "fakes/test.h"
#include "vmbus_child.h"

#define OK     VMBUS_STATUS_SUCCESS
#define FAILED VMBUS_STATUS_UNSUCCESSFUL

/* ---- sub-channels ---------------------------------------------------------------------------- */

/* Have @count sub-channels of device 0, the primary of which is open. Their relids. */
static void sub_channels_get(struct child *c, uint32_t count, uint32_t *relid)
{
    struct vmbus_offer_channel offer;

    assert_int_equal(vmbus_server_sub_channels(&c->device[0].offer, count), count);
    for (uint32_t i = 0; i < count; i++) {
        child_take(c, VMBUS_OFFER_CHANNEL, &offer);
        assert_int_equal(offer.sub_channel_index, i + 1);
        assert_int_equal(offer.instance.data1, 1);
        relid[i] = offer.relid;
    }
}

static void sub_channels_are_rescinded_with_their_primary(void **state)
{
    struct child *c = *state;
    struct vmbus_relid_message rescind;
    uint32_t relid[2];

    child_connect(c);
    assert_int_equal(vmbus_server_sub_channels(&c->device[0].offer, 2), 0); /* not open */
    child_open(c, c->relid[0]);
    sub_channels_get(c, 2, relid);
    child_open(c, relid[1]);
    c->device[0].defers = true;
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[0]);
    child_take(c, VMBUS_RESCIND_OFFER, &rescind); /* the one that was not open */
    assert_int_equal(rescind.relid, relid[0]);
    child_took_all(c);
    device_finish(&c->device[0]);
    child_take(c, VMBUS_RESCIND_OFFER, &rescind);
    assert_int_equal(rescind.relid, relid[1]);
    child_relid(c, VMBUS_RELID_RELEASED, relid[0]);
    child_relid(c, VMBUS_RELID_RELEASED, relid[1]);
    assert_int_equal(child_statistics(c).channels, CHILD_DEVICES);
    child_open(c, c->relid[0]);
    assert_int_equal(vmbus_server_sub_channels(&c->device[0].offer, 99), 3);
    c->world.post_count = 0;
}

/* As Linux does when a driver is unbound: close and release sub-channels, then close the primary.
 */
static void sub_channels_may_be_released_by_the_child(void **state)
{
    struct child *c = *state;
    uint32_t relid[1], gpadl;

    child_connect(c);
    child_open(c, c->relid[0]);
    sub_channels_get(c, 1, relid);
    gpadl = child_open(c, relid[0]);
    child_relid(c, VMBUS_CLOSE_CHANNEL, relid[0]);
    child_tear_down(c, relid[0], gpadl);
    child_torndown(c, gpadl);
    child_relid(c, VMBUS_RELID_RELEASED, relid[0]);
    assert_int_equal(child_statistics(c).channels, CHILD_DEVICES);
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[0]);
    child_took_all(c);
    assert_int_equal(child_statistics(c).refused, 0);
    child_open(c, c->relid[0]);
    sub_channels_get(c, 1, relid);
}

static void primary_is_not_opened_while_sub_channels_close(void **state)
{
    struct child *c = *state;
    struct vmbus_open_channel m = {.header.type = VMBUS_OPEN_CHANNEL, .downstream_page = 2};
    struct vmbus_relid_message rescind;
    uint32_t relid[1];

    child_connect(c);
    m.relid = c->relid[0];
    m.ring_gpadl = child_open(c, c->relid[0]);
    sub_channels_get(c, 1, relid);
    child_open(c, relid[0]);
    c->device[0].defers = true;
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[0]);
    c->device[0].closing[0] = false;
    vmbus_server_closed(c->device[0].channel[0]); /* the primary is done first */
    c->device[0].channel[0] = NULL;
    assert_int_equal(child_open_with(c, &m), FAILED);
    device_finish(&c->device[0]);
    child_take(c, VMBUS_RESCIND_OFFER, &rescind);
    assert_int_equal(child_open_with(c, &m), OK);
}

/* ---- taking back, leaving -------------------------------------------------------------------- */

static void revoked_channel_is_closed_then_rescinded_then_released(void **state)
{
    struct child *c = *state;
    struct vmbus_relid_message rescind;

    child_connect(c);
    child_open(c, c->relid[1]);
    c->device[1].defers = true;
    vmbus_server_revoke(&c->device[1].offer);
    vmbus_server_revoke(&c->device[1].offer);
    assert_int_equal(c->device[1].closed, 1);
    assert_int_equal(c->device[1].revoked, 0);
    child_took_all(c);
    device_finish(&c->device[1]);
    assert_int_equal(c->device[1].revoked, 1);
    child_take(c, VMBUS_RESCIND_OFFER, &rescind);
    assert_int_equal(rescind.relid, c->relid[1]);
    assert_int_equal(c->world.pinned, 0); /* the child may use the memory for other things */
    assert_int_equal(child_statistics(c).channels, CHILD_DEVICES);
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[1]); /* it may have been under way */
    assert_int_equal(child_statistics(c).refused, 0);
    child_relid(c, VMBUS_RELID_RELEASED, c->relid[1]);
    assert_int_equal(child_statistics(c).channels, CHILD_DEVICES - 1);
}

static void relid_is_not_used_again_before_it_is_released(void **state)
{
    struct child *c = *state;
    struct world_device device;
    struct vmbus_relid_message rescind;
    struct vmbus_offer_channel offer;

    child_connect(c);
    vmbus_server_revoke(&c->device[1].offer);
    child_take(c, VMBUS_RESCIND_OFFER, &rescind);
    for (uint32_t i = 0; i < 2 * WORLD_RELIDS; i++) {
        device_offer(&c->world, &device, 1000, 0);
        child_take(c, VMBUS_OFFER_CHANNEL, &offer);
        assert_int_not_equal(offer.relid, c->relid[1]);
        vmbus_server_revoke(&device.offer);
        child_take(c, VMBUS_RESCIND_OFFER, &rescind);
        child_relid(c, VMBUS_RELID_RELEASED, rescind.relid);
    }
    assert_int_equal(child_statistics(c).channels, CHILD_DEVICES);
    child_relid(c, VMBUS_RELID_RELEASED, c->relid[1]);
    assert_int_equal(child_statistics(c).channels, CHILD_DEVICES - 1);
}

static void child_that_releases_nothing_runs_out_of_relids(void **state)
{
    struct child *c = *state;
    struct world_device device;

    child_connect(c);
    for (uint32_t i = CHILD_DEVICES; i < WORLD_RELIDS; i++) {
        device_offer(&c->world, &device, 1000, 0);
        vmbus_server_revoke(&device.offer);
    }
    assert_false(vmbus_server_offer(c->world.server, &device.offer));
    c->world.post_count = 0;
    child_unload(c);
    c->world.post_count = 0;
    assert_true(vmbus_server_offer(c->world.server, &device.offer));
    vmbus_server_revoke(&device.offer);
}

static void offer_that_the_child_never_saw_is_revoked_in_silence(void **state)
{
    struct child *c = *state;

    vmbus_server_revoke(&c->device[2].offer);
    assert_int_equal(c->device[2].revoked, 1);
    child_took_all(c);
    assert_int_equal(child_statistics(c).channels, CHILD_DEVICES - 1);
}

static void unload_is_answered_when_all_is_closed(void **state)
{
    struct child *c = *state;
    struct vmbus_message m;

    child_connect(c);
    child_open(c, c->relid[0]);
    child_open(c, c->relid[1]);
    child_share(c, c->relid[2], 0, 3);
    c->world.post_count = 0;
    c->device[0].defers = true;
    child_unload(c);
    assert_int_equal(c->device[1].closed, 1);
    child_took_all(c);
    assert_true(c->world.pinned > 0);
    device_finish(&c->device[0]);
    child_take(c, VMBUS_UNLOAD_RESPONSE, &m);
    child_took_all(c);
    assert_int_equal(c->world.pinned, 0);
    assert_int_equal(child_statistics(c).gpadls, 0);
    c->device[0].defers = false;
    child_connect(c);
    child_open(c, c->relid[0]);
}

static void contact_while_channels_are_open_closes_them_first(void **state)
{
    struct child *c = *state;
    struct vmbus_initiate_contact m = {.header.type = VMBUS_INITIATE_CONTACT,
                                       .version = VMBUS_VERSION_4_0};
    struct vmbus_version_response response;

    child_connect(c);
    child_open(c, c->relid[0]);
    c->device[0].defers = true;
    world_send(&c->world, &m, sizeof(m));
    child_took_all(c);
    m.version = VMBUS_VERSION_3_0; /* it tries again, meanwhile */
    world_send(&c->world, &m, sizeof(m));
    device_finish(&c->device[0]);
    child_take(c, VMBUS_VERSION_RESPONSE, &response);
    child_took_all(c);
    assert_int_equal(child_statistics(c).version, VMBUS_VERSION_3_0);
    assert_int_equal(c->world.pinned, 0);
    child_request_offers(c);
}

static void stopping_waits_for_providers_and_says_nothing(void **state)
{
    struct child *c = *state;

    child_connect(c);
    child_open(c, c->relid[0]);
    c->device[0].defers = true;
    assert_false(vmbus_server_stop(c->world.server));
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[0]);
    assert_false(vmbus_server_stop(c->world.server));
    device_finish(&c->device[0]);
    assert_true(vmbus_server_stop(c->world.server));
    child_took_all(c);
    assert_int_equal(c->world.pinned, 0);
}

static void offer_revoked_in_mid_unload_goes_in_silence(void **state)
{
    struct child *c = *state;
    struct vmbus_message m;

    child_connect(c);
    child_open(c, c->relid[0]);
    child_open(c, c->relid[1]);
    c->device[0].defers = true;
    c->device[1].defers = true;
    child_unload(c);
    vmbus_server_revoke(&c->device[1].offer);
    vmbus_server_revoke(&c->device[2].offer);
    device_finish(&c->device[1]);
    assert_int_equal(c->device[1].revoked, 1);
    child_took_all(c);
    device_finish(&c->device[0]);
    child_take(c, VMBUS_UNLOAD_RESPONSE, &m);
    assert_int_equal(child_statistics(c).channels, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, child_start, child_stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(sub_channels_are_rescinded_with_their_primary),
        T(sub_channels_may_be_released_by_the_child),
        T(primary_is_not_opened_while_sub_channels_close),
        T(revoked_channel_is_closed_then_rescinded_then_released),
        T(relid_is_not_used_again_before_it_is_released),
        T(child_that_releases_nothing_runs_out_of_relids),
        T(offer_that_the_child_never_saw_is_revoked_in_silence),
        T(unload_is_answered_when_all_is_closed),
        T(contact_while_channels_are_open_closes_them_first),
        T(stopping_waits_for_providers_and_says_nothing),
        T(offer_revoked_in_mid_unload_goes_in_silence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
