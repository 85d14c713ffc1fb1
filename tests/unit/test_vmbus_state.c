/* SPDX-License-Identifier: MIT */
/* test_vmbus_state.c - a server saved and restored is the same server, and a state that is none is
 * refused without harm. */
#include "fakes/test.h"
#include "vmbus_child.h"

#define OK VMBUS_STATUS_SUCCESS

struct saved {
    uint8_t *bytes;
    size_t size;
};

static struct saved save(const struct child *c)
{
    struct saved s = {.size = vmbus_server_state_size(c->world.server)};

    s.bytes = malloc(s.size);
    assert_null(vmbus_server_save(c->world.server, s.bytes, s.size));
    return s;
}

/* End the server, and begin another with the same devices. */
static void server_replace(struct child *c)
{
    (void)!vmbus_server_stop(c->world.server);
    for (uint32_t i = 0; i < CHILD_DEVICES; i++)
        device_finish(&c->device[i]);
    assert_true(vmbus_server_stop(c->world.server));
    vmbus_server_destroy(c->world.server);
    assert_int_equal(c->world.allocated, 0);
    c->world.log_lines = 0;
    c->world.server = world_server(&c->world);
    for (uint32_t i = 0; i < CHILD_DEVICES; i++)
        device_offer(&c->world, &c->device[i], i + 1, i == 0 ? 3 : 0);
}

static const char *restore(struct child *c, const struct saved *s)
{
    server_replace(c);
    return vmbus_server_restore(c->world.server, s->bytes, s->size);
}

static void assert_same_after_restore(struct child *c)
{
    struct saved before = save(c), after;

    assert_null(restore(c, &before));
    after = save(c);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.bytes, after.bytes, before.size);
    free(before.bytes);
    free(after.bytes);
}

/* What the tests below find again: see everything_there_is_comes_back(). */
struct scene {
    uint32_t gpadl, half, dying;
    uint32_t sub[2];
};

static void monitored_connect(struct child *c)
{
    struct vmbus_initiate_contact m = {.header.type = VMBUS_INITIATE_CONTACT,
                                       .version = VMBUS_VERSION_5_3,
                                       .target_vp = 3,
                                       .message_sint = VMBUS_SINT,
                                       .server_to_client_monitor = 0x3000,
                                       .client_to_server_monitor = 0x4000};
    struct vmbus_version_response response;

    world_send(&c->world, &m, sizeof(m));
    child_take(c, VMBUS_VERSION_RESPONSE, &response);
    child_request_offers(c);
}

/* Open channels and sub-channels, memory in each state, rescinded channels, waiting messages. */
static struct scene scene_make(struct child *c)
{
    struct scene s;
    struct vmbus_gpadl_header half = {.header.type = VMBUS_GPADL_HEADER,
                                      .gpadl = 4711,
                                      .range_length = 8 + 8 * 7,
                                      .range_count = 1,
                                      .byte_count = 7 * WORLD_PAGE_SIZE};
    struct vmbus_offer_channel offer;
    struct vmbus_relid_message rescind;
    struct vmbus_message unknown = {.type = VMBUS_MODIFY_CHANNEL};
    uint8_t modify[16] = {0};

    monitored_connect(c);
    s.dying = child_open(c, c->relid[0]);
    assert_int_equal(vmbus_server_sub_channels(&c->device[0].offer, 2), 2);
    for (uint32_t i = 0; i < 2; i++) {
        child_take(c, VMBUS_OFFER_CHANNEL, &offer);
        s.sub[i] = offer.relid;
    }
    s.gpadl = child_share(c, c->relid[0], 300, 40);
    assert_int_equal(child_created(c, s.gpadl), OK);
    half.relid = c->relid[0];
    world_send(&c->world, &half, sizeof(half));
    s.half = half.gpadl;
    child_tear_down(c, c->relid[0], s.dying);
    vmbus_server_revoke(&c->device[1].offer);
    child_take(c, VMBUS_RESCIND_OFFER, &rescind);
    c->world.room = 0;
    memcpy(modify, &unknown, sizeof(unknown));
    world_send(&c->world, modify, sizeof(modify)); /* its answer waits */
    vmbus_server_revoke(&c->device[2].offer);      /* and so does this RESCIND */
    assert_int_equal(child_statistics(c).waiting, 2);
    child_took_all(c);
    return s;
}

static void nothing_comes_back_as_nothing(void **state)
{
    struct child *c = *state;

    assert_same_after_restore(c);
    child_connect(c);
    child_open(c, c->relid[0]);
}

static void connected_server_goes_on(void **state)
{
    struct child *c = *state;
    uint32_t gpadl;

    child_connect(c);
    gpadl = child_open(c, c->relid[1]);
    assert_same_after_restore(c);
    assert_true(c->device[1].restored);
    assert_int_equal(c->device[1].user_data[0], 9);
    assert_int_equal(c->device[1].channel[0]->target_vp, 2);
    assert_int_equal(child_statistics(c).version, VMBUS_VERSION_5_3);
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[1]);
    child_tear_down(c, c->relid[1], gpadl);
    child_torndown(c, gpadl);
    child_open(c, c->relid[0]);
}

static void packets_in_the_rings_are_not_lost(void **state)
{
    struct child *c = *state;
    struct vmbus_packet in, out = {.type = VMBUS_PACKET_IN_BAND, .payload = "kept", .length = 5};
    uint8_t buffer[64] __attribute__((aligned(8)));
    struct vmbus_ring to_server;

    child_connect(c);
    child_open(c, c->relid[0]);
    assert_true(vmbus_ring_attach_writer(&to_server, c->world.ram + CHILD_RING * WORLD_PAGE_SIZE,
                                         2 * WORLD_PAGE_SIZE));
    assert_int_equal(vmbus_ring_write(&to_server, &out), VMBUS_RING_OK);
    assert_true(vmbus_ring_write_end(&to_server));
    assert_int_equal(vmbus_channel_send(c->device[0].channel[0], &out), VMBUS_RING_OK);
    vmbus_channel_flush(c->device[0].channel[0]);
    assert_same_after_restore(c);
    assert_int_equal(c->device[0].channel[0]->out.own, 32);
    vmbus_channel_read_begin(c->device[0].channel[0]);
    assert_int_equal(vmbus_channel_read_next(c->device[0].channel[0], &in, buffer, sizeof(buffer)),
                     VMBUS_RING_OK);
    assert_string_equal(in.payload, "kept");
}

static void everything_there_is_comes_back(void **state)
{
    struct child *c = *state;
    struct scene s = scene_make(c);
    struct saved before = save(c);
    struct vmbus_modify_channel_response modified;
    struct vmbus_relid_message rescind;
    struct vmbus_gpadl_view view;
    struct {
        struct vmbus_gpadl_body body;
        uint64_t pages[7];
    } body = {.body = {.header.type = VMBUS_GPADL_BODY, .gpadl = s.half}};

    assert_null(restore(c, &before));
    assert_int_equal(c->world.monitor[1], 0x4000);
    assert_int_equal(child_statistics(c).half_built, 1);
    assert_int_equal(child_statistics(c).gpadls, 3);
    assert_int_equal(c->world.pinned, CHILD_PAGES + 40);
    c->world.room = UINT32_MAX;
    assert_true(vmbus_server_post_again(c->world.server));
    assert_int_equal(c->world.posts[0].vp, 3);
    child_take(c, VMBUS_MODIFY_CHANNEL_RESPONSE, &modified);
    child_take(c, VMBUS_RESCIND_OFFER, &rescind);
    assert_int_equal(rescind.relid, c->relid[2]);
    /* The devices that were revoked are offered again, as new ones. */
    child_take(c, VMBUS_OFFER_CHANNEL, &(struct vmbus_offer_channel){0});
    child_take(c, VMBUS_OFFER_CHANNEL, &(struct vmbus_offer_channel){0});
    child_took_all(c);
    child_relid(c, VMBUS_RELID_RELEASED, c->relid[1]);
    child_relid(c, VMBUS_RELID_RELEASED, c->relid[2]);
    assert_int_equal(child_statistics(c).channels, CHILD_DEVICES + 2);
    world_send(&c->world, &body, sizeof(body));
    assert_int_equal(child_created(c, s.half), OK);
    assert_true(vmbus_server_gpadl_get(c->device[0].channel[0], s.gpadl, &view));
    assert_int_equal(view.pages[39], 339);
    vmbus_server_gpadl_put(c->device[0].channel[0], s.gpadl);
    child_open(c, s.sub[1]);
    child_relid(c, VMBUS_CLOSE_CHANNEL, s.sub[1]);
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[0]);
    child_take(c, VMBUS_RESCIND_OFFER, &rescind);
    child_take(c, VMBUS_RESCIND_OFFER, &rescind);
    child_torndown(c, s.dying);
    assert_int_equal(child_statistics(c).refused, 0);
    free(before.bytes);
}

static void restored_server_saves_the_same(void **state)
{
    struct child *c = *state;
    struct scene s;

    monitored_connect(c);
    s.dying = child_open(c, c->relid[0]);
    assert_int_equal(vmbus_server_sub_channels(&c->device[0].offer, 3), 3);
    child_tear_down(c, c->relid[0], s.dying);
    child_share(c, c->relid[1], 1, 100);
    child_relid(c, VMBUS_RELID_RELEASED, c->relid[2]);
    c->world.room = 0;
    child_share(c, c->relid[1], 1, 30);
    assert_same_after_restore(c);
    assert_same_after_restore(c);
    c->world.room = UINT32_MAX;
    assert_true(vmbus_server_post_again(c->world.server));
    c->world.post_count = 0;
}

static void offer_that_is_missing_is_an_error(void **state)
{
    struct child *c = *state;
    struct world_device extra;
    struct saved before;

    child_connect(c);
    device_offer(&c->world, &extra, 99, 0);
    c->world.post_count = 0;
    before = save(c);
    assert_non_null(restore(c, &before));
    free(before.bytes);
}

static void channel_whose_ring_was_changed_is_closed(void **state)
{
    struct child *c = *state;
    struct saved before;
    uint32_t *words = (void *)(c->world.ram + CHILD_RING * WORLD_PAGE_SIZE);
    uint32_t gpadl;

    child_connect(c);
    gpadl = child_open(c, c->relid[0]);
    child_tear_down(c, c->relid[0], gpadl);
    before = save(c);
    words[1] = 8;
    assert_null(restore(c, &before));
    assert_string_equal(c->world.last_log, "the rings are not as they were saved");
    assert_int_equal(child_statistics(c).open, 0);
    child_torndown(c, gpadl);
    child_open(c, c->relid[0]);
    free(before.bytes);
}

static void what_is_under_way_cannot_be_saved(void **state)
{
    struct child *c = *state;
    uint8_t bytes[4096];
    struct vmbus_message m;

    child_connect(c);
    c->device[0].defers = true;
    child_open(c, c->relid[0]);
    assert_non_null(
        vmbus_server_save(c->world.server, bytes, vmbus_server_state_size(c->world.server) - 1));
    child_relid(c, VMBUS_CLOSE_CHANNEL, c->relid[0]);
    assert_non_null(vmbus_server_save(c->world.server, bytes, sizeof(bytes)));
    child_unload(c);
    assert_non_null(vmbus_server_save(c->world.server, bytes, sizeof(bytes)));
    device_finish(&c->device[0]);
    child_take(c, VMBUS_UNLOAD_RESPONSE, &m);
    assert_null(vmbus_server_save(c->world.server, bytes, sizeof(bytes)));
}

static void server_in_use_is_not_restored(void **state)
{
    struct child *c = *state;
    struct saved s = save(c);

    child_connect(c);
    assert_non_null(vmbus_server_restore(c->world.server, s.bytes, s.size));
    free(s.bytes);
}

/* ---- states that are none -------------------------------------------------------------------- */

static void state_cut_off_anywhere_is_refused(void **state)
{
    struct child *c = *state;
    struct saved s, cut;

    (void)scene_make(c);
    s = save(c);
    for (cut.size = 0; cut.size < s.size; cut.size += cut.size < 1000 ? 1 : 7) {
        cut.bytes = malloc(cut.size != 0 ? cut.size : 1);
        memcpy(cut.bytes, s.bytes, cut.size);
        if (cut.size >= 16)
            memcpy(cut.bytes + 8, &cut.size, 8); /* it says so itself */
        assert_non_null(restore(c, &cut));
        free(cut.bytes);
    }
    free(s.bytes);
    c->world.room = UINT32_MAX;
}

static void state_with_any_byte_changed_does_no_harm(void **state)
{
    static const uint8_t change[] = {1, 2, 4, 8, 0x80, 0xff};
    struct child *c = *state;
    struct saved s;
    uint32_t refused = 0;

    (void)scene_make(c);
    s = save(c);
    for (size_t i = 0; i < s.size; i++) {
        for (size_t k = 0; k < sizeof(change); k++) {
            s.bytes[i] ^= change[k];
            refused += restore(c, &s) != NULL;
            c->world.room = UINT32_MAX;
            (void)!vmbus_server_post_again(c->world.server);
            c->world.post_count = 0;
            s.bytes[i] ^= change[k];
        }
    }
    assert_in_range(refused, 500, UINT32_MAX);
    free(s.bytes);
}

#define T(name) cmocka_unit_test_setup_teardown(name, child_start, child_stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(nothing_comes_back_as_nothing),
        T(connected_server_goes_on),
        T(packets_in_the_rings_are_not_lost),
        T(everything_there_is_comes_back),
        T(restored_server_saves_the_same),
        T(offer_that_is_missing_is_an_error),
        T(channel_whose_ring_was_changed_is_closed),
        T(what_is_under_way_cannot_be_saved),
        T(server_in_use_is_not_restored),
        T(state_cut_off_anywhere_is_refused),
        T(state_with_any_byte_changed_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
