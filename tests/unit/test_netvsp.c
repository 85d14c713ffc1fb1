/* SPDX-License-Identifier: MIT */
/* test_netvsp.c - NVSP as a child sees it: versions, the buffers that it shares, sub-channels, and
 * what is refused. */
#include "netvsp_fixture.h"

#define OPENED(name) cmocka_unit_test_setup_teardown(name, world_setup_opened, world_teardown)

static struct nvsp_message buffer(uint32_t type, uint32_t gpadl)
{
    return (struct nvsp_message){.type = type,
                                 .buffer = {.gpadl = gpadl,
                                            .id = type == NVSP_RECEIVE_BUFFER
                                                      ? NVSP_RECEIVE_BUFFER_ID
                                                      : NVSP_SEND_BUFFER_ID}};
}

static uint32_t buffer_status(uint32_t type, uint32_t gpadl)
{
    struct nvsp_message m = buffer(type, gpadl);
    struct world_packet *a = world_ask(0, &m);

    assert_non_null(a);
    assert_int_equal(a->message.type, type + 1);
    assert_int_equal(a->length, NVSP_MESSAGE_BYTES);
    return a->message.status;
}

static void assert_refused(const struct nvsp_message *m, uint32_t index, const char *reason)
{
    struct world_packet *a;

    world.reason = NULL;
    a = world_ask(index, m);
    assert_non_null(a); /* it wanted an answer, and the channel goes on */
    assert_string_equal(world.reason, reason);
    assert_true(world.channels[index].open);
}

/* ---- versions ---- */

static void each_version_of_linux_is_agreed_on(void **state)
{
    static const uint32_t versions[] = {NVSP_VERSION_6_1, NVSP_VERSION_6, NVSP_VERSION_5,
                                        NVSP_VERSION_4,   NVSP_VERSION_2, NVSP_VERSION_1};

    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        struct netvsp_setup setup;

        world_make(NET_MTU_MAX);
        world_version(versions[i]);
        netvsp_device_setup(&world.device, &setup);
        assert_int_equal(setup.version, versions[i]);
        world_drop();
    }
}

static void init_row(uint32_t min, uint32_t max, uint32_t status, uint32_t version)
{
    struct nvsp_message m = {.type = NVSP_INIT, .init = {min, max}};
    struct world_packet *a;

    world_make(NET_MTU_MAX);
    a = world_ask(0, &m);
    assert_non_null(a);
    assert_int_equal(a->message.init_complete.status, status);
    assert_int_equal(a->message.init_complete.version, version);
    if (status != NVSP_STATUS_SUCCESS) /* the child tries the next */
        world_version(NVSP_VERSION_5);
    world_drop();
}

static void other_versions_are_refused(void **state)
{
    (void)state;
    init_row(0x60002, 0x60002, NVSP_STATUS_TOO_NEW, 0);
    init_row(0xffffffff, 0xffffffff, NVSP_STATUS_TOO_NEW, 0);
    init_row(0, 1, NVSP_STATUS_TOO_OLD, 0);
    init_row(0x40001, 0x4ffff, NVSP_STATUS_UNSUPPORTED, 0);
    init_row(NVSP_VERSION_6, NVSP_VERSION_1, NVSP_STATUS_UNSUPPORTED, 0);
    init_row(NVSP_VERSION_1, 0xffffffff, NVSP_STATUS_SUCCESS, NVSP_VERSION_6_1);
    init_row(NVSP_VERSION_2, 0x5ffff, NVSP_STATUS_SUCCESS, NVSP_VERSION_5);
}

static void nothing_goes_before_a_version(void **state)
{
    static const uint32_t types[] = {NVSP_RECEIVE_BUFFER, NVSP_SEND_BUFFER, NVSP_RNDIS,
                                     NVSP_SUB_CHANNEL,    NVSP_NDIS_CONFIG, 0xffffffff};

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct nvsp_message m = {.type = types[i]};

        assert_refused(&m, 0, "a message before a version is agreed on");
    }
}

static void a_version_is_agreed_on_once(void **state)
{
    struct nvsp_message m = {.type = NVSP_INIT, .init = {NVSP_VERSION_1, NVSP_VERSION_1}};

    (void)state;
    world_version(NVSP_VERSION_6_1);
    assert_refused(&m, 0, "a second agreement on a version");
    assert_int_equal(world.device.version, NVSP_VERSION_6_1);
}

/* ---- configuration ---- */

static uint32_t mtu_after(uint32_t frame_max)
{
    struct nvsp_message m = {.type = NVSP_NDIS_CONFIG, .ndis_config.frame_max = frame_max};

    world_tell(0, &m);
    return world.device.mtu;
}

static void the_mtu_is_what_both_can(void **state)
{
    (void)state;
    world_version(NVSP_VERSION_2);
    assert_int_equal(world.device.mtu, NET_MTU_DEFAULT);
    assert_int_equal(mtu_after(9014), 9000);
    assert_int_equal(mtu_after(0xffffffff), NET_MTU_MAX);
    assert_int_equal(mtu_after(1514), 1500);
    assert_int_equal(world.logged, 0);
    assert_int_equal(mtu_after(81), 1500);
    assert_int_equal(mtu_after(0), 1500);
    assert_int_equal(world.logged, 2);
    assert_int_equal(buffer_status(NVSP_RECEIVE_BUFFER, WORLD_RECEIVE), NVSP_STATUS_SUCCESS);
    assert_int_equal(mtu_after(9014), 1500); /* sections are made for that */
    assert_string_equal(world.reason, "a configuration out of order");
}

static void version_1_has_no_configuration(void **state)
{
    (void)state;
    world_version(NVSP_VERSION_1);
    assert_int_equal(mtu_after(1014), NET_MTU_DEFAULT);
    assert_string_equal(world.reason, "a configuration out of order");
}

/* ---- buffers ---- */

static void sections_are_within_the_receive_buffer(void **state)
{
    static const uint32_t frames[] = {82, 1514, 4014, 9014};

    (void)state;
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        struct nvsp_message m = buffer(NVSP_RECEIVE_BUFFER, WORLD_RECEIVE);
        struct world_packet *a;

        world_make(NET_MTU_MAX);
        world_version(NVSP_VERSION_6_1);
        mtu_after(frames[i]);
        a = world_ask(0, &m);
        if (frames[i] == 9014) { /* not even 16 of them */
            assert_int_equal(a->message.status, NVSP_STATUS_FAIL);
        } else {
            const struct nvsp_receive_section *s = &a->message.receive_buffer_complete.section;

            assert_int_equal(a->message.receive_buffer_complete.section_count, 1);
            assert_int_equal(s->offset, 0);
            assert_true(s->size >= frames[i] + 92 && s->size >= 1728);
            assert_int_equal(s->end, s->size * s->count);
            assert_true(s->end <= WORLD_RECEIVE_BYTES);
            assert_true(s->end > WORLD_RECEIVE_BYTES - s->size);
        }
        world_drop();
    }
}

static void the_send_buffer_has_sections(void **state)
{
    struct nvsp_message m = buffer(NVSP_SEND_BUFFER, WORLD_SEND);
    struct world_packet *a;

    (void)state;
    world_version(NVSP_VERSION_6_1);
    a = world_ask(0, &m);
    assert_int_equal(a->message.send_buffer_complete.status, NVSP_STATUS_SUCCESS);
    assert_int_equal(a->message.send_buffer_complete.section_size, NETVSP_SEND_SECTION);
    assert_int_equal(world.device.send.section_count, WORLD_SEND_BYTES / NETVSP_SEND_SECTION);
}

static void bad_buffers_are_refused(void **state)
{
    struct nvsp_message wrong = buffer(NVSP_RECEIVE_BUFFER, WORLD_RECEIVE);

    (void)state;
    world_version(NVSP_VERSION_6_1);
    assert_int_equal(buffer_status(NVSP_RECEIVE_BUFFER, 5), NVSP_STATUS_FAIL); /* another's */
    assert_int_equal(buffer_status(NVSP_RECEIVE_BUFFER, 0xffffffff), NVSP_STATUS_FAIL);
    assert_int_equal(buffer_status(NVSP_RECEIVE_BUFFER, WORLD_SMALL), NVSP_STATUS_FAIL);
    assert_int_equal(buffer_status(NVSP_SEND_BUFFER, WORLD_SMALL), NVSP_STATUS_FAIL);
    wrong.buffer.id = 1;
    assert_refused(&wrong, 0, "a buffer with a wrong number");
    world.no_memory = true;
    assert_int_equal(buffer_status(NVSP_RECEIVE_BUFFER, WORLD_RECEIVE), NVSP_STATUS_FAIL);
    world.no_memory = false;
    for (uint32_t i = 0; i < WORLD_GPADLS; i++)
        assert_int_equal(world.got[i], 0);
    assert_int_equal(buffer_status(NVSP_RECEIVE_BUFFER, WORLD_RECEIVE), NVSP_STATUS_SUCCESS);
    assert_int_equal(buffer_status(NVSP_RECEIVE_BUFFER, WORLD_RECEIVE), NVSP_STATUS_FAIL);
    assert_string_equal(world.reason, "a second buffer of a kind");
    assert_int_equal(world.got[WORLD_RECEIVE], 1);
}

/* However many come for the one, the other is given back. */
static void a_revocation_waits_for_users_of_that_buffer(void **state)
{
    struct nvsp_message receive = {.type = NVSP_RECEIVE_BUFFER_REVOKE,
                                   .revoke_id = NVSP_RECEIVE_BUFFER_ID};
    struct nvsp_message send = {.type = NVSP_SEND_BUFFER_REVOKE};
    struct netvsp_slot *slot = &world.device.slots[2];
    struct vmbus_packet p = {
        .type = VMBUS_PACKET_IN_BAND, .payload = &send, .length = sizeof(send)};

    (void)state;
    world_version(NVSP_VERSION_6_1);
    world_buffers(NET_MTU_DEFAULT);
    slot->users = 1;
    assert_non_null(world_ask(0, &send));
    assert_int_equal(world.got[WORLD_SEND], 0);
    slot->users = 0;
    assert_int_equal(buffer_status(NVSP_SEND_BUFFER, WORLD_SEND), NVSP_STATUS_SUCCESS);
    slot->senders = 1;
    assert_non_null(world_ask(0, &receive));
    assert_int_equal(world.got[WORLD_RECEIVE], 0);
    assert_true(world_send_raw(0, &p)); /* for this it waits */
    for (int i = 0; i < 100; i++)
        (void)world_work_once();
    assert_int_equal(world.got[WORLD_SEND], 1);
    slot->senders = 0;
    world_run();
    assert_int_equal(world.got[WORLD_SEND], 0);
}

static void revoked_buffers_are_given_back(void **state)
{
    struct nvsp_message receive = {.type = NVSP_RECEIVE_BUFFER_REVOKE,
                                   .revoke_id = NVSP_RECEIVE_BUFFER_ID};
    struct nvsp_message send = {.type = NVSP_SEND_BUFFER_REVOKE};
    struct world_packet *a;

    (void)state;
    world_version(NVSP_VERSION_6_1);
    world_buffers(NET_MTU_DEFAULT);
    a = world_ask(0, &receive); /* Linux wants no answer; whoever does gets an empty one */
    assert_int_equal(a->length, 0);
    assert_int_equal(world.got[WORLD_RECEIVE], 0);
    world_tell(0, &send);
    assert_int_equal(world.got[WORLD_SEND], 0);
    assert_refused(&receive, 0, "a buffer is taken back that is not there");
    assert_refused(&send, 0, "a buffer is taken back that is not there");
    world_buffers(NET_MTU_DEFAULT); /* and they can be there again */
}

static void nothing_is_read_before_a_buffer_is_there(void **state)
{
    struct nvsp_message m = buffer(NVSP_RECEIVE_BUFFER, WORLD_RECEIVE);
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = 1,
                             .payload = &m,
                             .length = sizeof(m)};

    (void)state;
    world_version(NVSP_VERSION_6_1);
    world.packet_count = 0;
    assert_true(world_send_raw(0, &p));
    p.transaction = 2;
    assert_true(world_send_raw(0, &p));
    assert_true(world_channel_work_once(0));
    world_packets_take(0);
    assert_int_equal(world.packet_count, 0); /* the bus has done nothing yet */
    world_run();
    assert_int_equal(world.packet_count, 2);
    assert_int_equal(world.packets[0].transaction, 1);
    assert_int_equal(world.packets[0].message.status, NVSP_STATUS_SUCCESS);
    assert_int_equal(world.packets[1].message.status, NVSP_STATUS_FAIL);
}

/* ---- sub-channels ---- */

static void sub_channels_are_offered_and_clamped(void **state)
{
    struct nvsp_message m = {.type = NVSP_SUB_CHANNEL,
                             .sub_channel = {.operation = NVSP_SUB_CHANNEL_ALLOCATE, .count = 2}};
    struct world_packet *a;

    (void)state;
    world_version(NVSP_VERSION_5);
    a = world_ask(0, &m);
    assert_int_equal(a->message.sub_channel.operation, NVSP_STATUS_SUCCESS);
    assert_int_equal(a->message.sub_channel.count, 2);
    assert_int_equal(world.sub_channels_wanted, 2);
    m.sub_channel.count = 65535;
    a = world_ask(0, &m);
    assert_int_equal(a->message.sub_channel.count, WORLD_CHANNELS - 1);
    assert_int_equal(world.sub_channels_wanted, WORLD_CHANNELS - 1);
    m.sub_channel.operation = 2;
    a = world_ask(0, &m);
    assert_int_equal(a->message.sub_channel.operation, NVSP_STATUS_FAIL);
}

/* Not before they were offered, and not of more than there are. */
static void the_answer_tells_of_sub_channels_that_are_there(void **state)
{
    struct nvsp_message m = {.type = NVSP_SUB_CHANNEL,
                             .sub_channel = {.operation = NVSP_SUB_CHANNEL_ALLOCATE, .count = 3}};
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = 77,
                             .payload = &m,
                             .length = sizeof(m)};

    (void)state;
    world_version(NVSP_VERSION_6_1);
    world.sub_channels_room = 1;
    world.packet_count = 0;
    assert_true(world_send_raw(0, &p));
    while (world_channel_work_once(0))
        ;
    world_packets_take(0);
    assert_int_equal(world.packet_count, 0);
    assert_int_equal(world.sub_channels_wanted, 0);
    world_run();
    assert_int_equal(world.packet_count, 1);
    assert_int_equal(world.packets[0].transaction, 77);
    assert_int_equal(world.packets[0].message.sub_channel.operation, NVSP_STATUS_SUCCESS);
    assert_int_equal(world.packets[0].message.sub_channel.count, 1);
}

static void old_versions_have_no_sub_channels(void **state)
{
    struct nvsp_message m = {.type = NVSP_SUB_CHANNEL,
                             .sub_channel = {.operation = NVSP_SUB_CHANNEL_ALLOCATE, .count = 2}};

    (void)state;
    assert_false(world_open(1));
    world_version(NVSP_VERSION_4);
    assert_int_equal(world_ask(0, &m)->message.sub_channel.operation, NVSP_STATUS_FAIL);
    assert_int_equal(world.sub_channels_wanted, 0);
    assert_false(world_open(1));
}

static void the_send_table_has_open_channels_only(void **state)
{
    static const uint32_t expected[] = {0, 2, 0, 2};

    (void)state;
    world_version(NVSP_VERSION_6);
    world.packet_count = 0;
    assert_true(world_open(2));
    world_run();
    assert_int_equal(world.packet_count, 1);
    assert_int_equal(world.packets[0].type, VMBUS_PACKET_IN_BAND);
    assert_int_equal(world.packets[0].message.type, NVSP_SEND_TABLE);
    assert_int_equal(world.packets[0].message.send_table.count, 16);
    assert_int_equal(world.packets[0].message.send_table.offset, 40);
    assert_int_equal(world.packets[0].length, 104);
    assert_memory_equal(world.packets[0].table.entries, expected, sizeof(expected));
    world_close(2);
    world_run();
    assert_int_equal(world.packets[world.packet_count - 1].table.entries[1], 0);
}

static void sub_channels_take_frames_only(void **state)
{
    struct nvsp_message m = {.type = NVSP_INIT, .init = {NVSP_VERSION_1, NVSP_VERSION_1}};
    struct nvsp_message control = {.type = NVSP_RNDIS,
                                   .rndis = {NVSP_CHANNEL_CONTROL, NVSP_SECTION_NONE, 0}};

    (void)state;
    world_version(NVSP_VERSION_6);
    world_buffers(NET_MTU_DEFAULT);
    assert_true(world_open(1));
    assert_refused(&m, 1, "a message for the primary channel on a sub-channel");
    assert_refused(&control, 1, "a control message on a sub-channel");
}

/* ---- what else is refused ---- */

static void packets_that_make_no_sense_are_refused(void **state)
{
    uint64_t bytes[8] = {NVSP_RNDIS};
    struct vmbus_packet p = {.flags = VMBUS_PACKET_FLAG_COMPLETION, .payload = bytes};
    struct vmbus_range range = {.length = 8};
    struct nvsp_message unknown = {.type = 140};
    struct nvsp_message path = {.type = NVSP_SWITCH_DATA_PATH, .data_path = NVSP_DATA_PATH_VF};

    (void)state;
    world_version(NVSP_VERSION_6_1);
    for (p.length = 0; p.length < NVSP_MESSAGE_MIN; p.length += 8) {
        p.type = VMBUS_PACKET_IN_BAND;
        assert_true(world_send_raw(0, &p));
        world_run();
        assert_string_equal(world.reason, "a packet of a wrong length");
    }
    p = (struct vmbus_packet){.type = VMBUS_PACKET_TRANSFER_PAGES,
                              .payload = bytes,
                              .length = 40,
                              .ranges = &range,
                              .range_count = 1,
                              .ranges_length = sizeof(range)};
    assert_true(world_send_raw(0, &p));
    world_run();
    assert_string_equal(world.reason, "a packet of a kind that clients do not send");
    assert_refused(&unknown, 0, "a message of a kind that is none");
    assert_refused(&path, 0, "a data path that was not offered");
    assert_int_equal(world.channels[0].broken, 0);
}

static void the_synthetic_data_path_is_what_there_is(void **state)
{
    struct nvsp_message path = {.type = NVSP_SWITCH_DATA_PATH};

    (void)state;
    world_version(NVSP_VERSION_6_1);
    assert_int_equal(world_ask(0, &path)->length, 0);
    assert_int_equal(world.logged, 0);
}

/* ---- life ---- */

static void a_broken_ring_closes_the_channel(void **state)
{
    struct vmbus_ring_header *h = (void *)world.channels[0].rings;

    (void)state;
    world.channels[0].broken_allowed = true;
    h->write_index = 0x7ffffff8;
    world.channels[0].woken = true;
    world_work();
    assert_int_equal(world.channels[0].broken, 1);
    assert_int_equal(world.channels[0].closed, 1);
    assert_true(world_open(0)); /* and anew */
    world_version(NVSP_VERSION_6_1);
}

static void closing_gives_all_back(void **state)
{
    (void)state;
    world_initialise();
    assert_true(world_open(1));
    world_close(1);
    world_work();
    assert_int_equal(world.channels[1].closed, 1);
    assert_int_equal(world.got[WORLD_RECEIVE], 1);
    world_close(0);
    world_work();
    assert_int_equal(world.got[WORLD_RECEIVE], 0);
    assert_int_equal(world.got[WORLD_SEND], 0);
    assert_int_equal(world.allocated, 0);
    assert_true(world_open(0)); /* all is as at first */
    assert_int_equal(world.device.version, 0);
    assert_int_equal(world.device.filter, 0);
    assert_false(world.device.ready);
    world_initialise();
}

static void closing_amidst_an_errand_leaves_nothing(void **state)
{
    struct nvsp_message m = buffer(NVSP_RECEIVE_BUFFER, WORLD_RECEIVE);
    struct nvsp_message revoke = {.type = NVSP_RECEIVE_BUFFER_REVOKE,
                                  .revoke_id = NVSP_RECEIVE_BUFFER_ID};
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND, .payload = &m, .length = sizeof(m)};

    (void)state;
    for (uint32_t steps = 0; steps < 6; steps++) {
        world_version(NVSP_VERSION_6_1);
        p.payload = &m;
        assert_true(world_send_raw(0, &p));
        p.payload = &revoke;
        assert_true(world_send_raw(0, &p));
        for (uint32_t i = 0; i < steps; i++)
            i % 2 == 0 ? world_channel_work_once(0) : world_service_once();
        world_close(0);
        world_work();
        assert_int_equal(world.got[WORLD_RECEIVE], 0);
        assert_int_equal(world.allocated, 0);
        assert_true(world_open(0));
    }
}

static void what_cannot_be_opened_is_not(void **state)
{
    (void)state;
    world_close(0);
    world_work();
    world.no_memory = true;
    assert_false(world_open(0));
    world.no_memory = false;
    world.no_start = true;
    assert_false(world_open(0));
    world.no_start = false;
    assert_int_equal(world.allocated, 0);
    assert_true(world_open(0));
}

static void a_configuration_has_to_make_sense(void **state)
{
    static struct netvsp_device device;
    const struct netvsp_config good = {.mtu_max = 1500, .bits_per_second = 1};
    struct netvsp_config c = good;

    (void)state;
    assert_true(netvsp_device_init(&device, world.device.port, NULL, &c, NULL));
    c.mtu_max = 1499;
    assert_false(netvsp_device_init(&device, world.device.port, NULL, &c, NULL));
    c.mtu_max = NET_MTU_MAX + 1;
    assert_false(netvsp_device_init(&device, world.device.port, NULL, &c, NULL));
    c = good;
    c.sub_channel_max = NETVSP_CHANNELS;
    assert_false(netvsp_device_init(&device, world.device.port, NULL, &c, NULL));
    c = good;
    c.address[0] = 1;
    assert_false(netvsp_device_init(&device, world.device.port, NULL, &c, NULL));
    c = good;
    c.bits_per_second = 0;
    assert_false(netvsp_device_init(&device, world.device.port, NULL, &c, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_version_of_linux_is_agreed_on),
        cmocka_unit_test(other_versions_are_refused),
        OPENED(nothing_goes_before_a_version),
        OPENED(a_version_is_agreed_on_once),
        OPENED(the_mtu_is_what_both_can),
        OPENED(version_1_has_no_configuration),
        cmocka_unit_test(sections_are_within_the_receive_buffer),
        OPENED(the_send_buffer_has_sections),
        OPENED(bad_buffers_are_refused),
        OPENED(a_revocation_waits_for_users_of_that_buffer),
        OPENED(revoked_buffers_are_given_back),
        OPENED(nothing_is_read_before_a_buffer_is_there),
        OPENED(sub_channels_are_offered_and_clamped),
        OPENED(the_answer_tells_of_sub_channels_that_are_there),
        OPENED(old_versions_have_no_sub_channels),
        OPENED(the_send_table_has_open_channels_only),
        OPENED(sub_channels_take_frames_only),
        OPENED(packets_that_make_no_sense_are_refused),
        OPENED(the_synthetic_data_path_is_what_there_is),
        OPENED(a_broken_ring_closes_the_channel),
        OPENED(closing_gives_all_back),
        OPENED(closing_amidst_an_errand_leaves_nothing),
        OPENED(what_cannot_be_opened_is_not),
        OPENED(a_configuration_has_to_make_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
