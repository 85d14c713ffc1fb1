/* SPDX-License-Identifier: MIT */
/* test_netvsp_rndis.c - RNDIS as a child sees it: every object that Linux' driver asks for or sets,
 * the life of the device, the link, and control messages that make no sense. */
#include <rt/big_endian.h>
#include "netvsp_fixture.h"

static uint8_t value[NETVSP_SEND_SECTION];
static uint32_t length;

static uint32_t number(uint32_t oid)
{
    uint32_t n;

    assert_int_equal(world_query(oid, NULL, 0, value, &length), RNDIS_STATUS_SUCCESS);
    assert_int_equal(length, sizeof(n));
    memcpy(&n, value, sizeof(n));
    return n;
}

/* ---- what Linux asks for ---- */

static void numbers_are_those_of_the_device(void **state)
{
    (void)state;
    assert_int_equal(number(OID_GEN_MAXIMUM_FRAME_SIZE), NET_MTU_DEFAULT);
    assert_int_equal(number(OID_GEN_MEDIA_CONNECT_STATUS), 0);
    assert_int_equal(number(OID_GEN_LINK_SPEED), 100000000); /* 10 Gbit/s */
    assert_int_equal(number(OID_GEN_MAXIMUM_TOTAL_SIZE), 1514);
    assert_int_equal(number(OID_GEN_CURRENT_PACKET_FILTER), 0xd);
    assert_int_equal(number(OID_802_3_MAXIMUM_LIST_SIZE), NETVSP_MULTICAST_MAX);
    netvsp_link_set(&world.device, false);
    assert_int_equal(number(OID_GEN_MEDIA_CONNECT_STATUS), 1);
}

static void the_address_and_the_name_are_told(void **state)
{
    (void)state;
    assert_int_equal(world_query(OID_802_3_PERMANENT_ADDRESS, NULL, 0, value, &length), 0);
    assert_int_equal(length, 6);
    assert_memory_equal(value, world_address, 6);
    assert_int_equal(world_query(OID_802_3_CURRENT_ADDRESS, NULL, 0, value, &length), 0);
    assert_memory_equal(value, world_address, 6);
    assert_int_equal(world_query(OID_GEN_FRIENDLY_NAME, NULL, 0, value, &length), 0);
    assert_int_equal(length, 8);
    assert_memory_equal(value, "n\0e\0t\0000", 8);
}

/* Each object of the list can be asked for or set. */
static void what_is_listed_is_there(void **state)
{
    uint32_t list[64], count;

    (void)state;
    assert_int_equal(world_query(OID_GEN_SUPPORTED_LIST, NULL, 0, list, &length), 0);
    count = length / 4;
    assert_true(count > 20 && count <= 64);
    for (uint32_t i = 0; i < count; i++) {
        bool asked =
            world_query(list[i], NULL, 0, value, &length) == RNDIS_STATUS_SUCCESS && length > 0;

        if (!asked)
            assert_int_not_equal(world_set(list[i], NULL, 0), RNDIS_STATUS_NOT_SUPPORTED);
    }
}

static void offload_row(uint16_t asked, uint16_t size, uint8_t revision)
{
    struct ndis_object object = {.type = NDIS_OBJECT_OFFLOAD, .size = asked};
    struct ndis_offload o = {0};

    assert_int_equal(world_query(OID_TCP_OFFLOAD_HARDWARE, &object, sizeof(object), value, &length),
                     0);
    assert_int_equal(length, size);
    memcpy(&o, value, length);
    assert_int_equal(o.header.type, NDIS_OBJECT_OFFLOAD);
    assert_int_equal(o.header.size, size);
    assert_int_equal(o.header.revision, revision);
    /* The bits without which Linux turns an offload off. */
    assert_int_equal(o.checksum.send4 & 0x54, 0x54);
    assert_int_equal(o.checksum.send6 & 0x55, 0x55);
    assert_int_equal(o.checksum.receive4 & 0x50, 0x50);
    assert_int_equal(o.checksum.receive6 & 0x50, 0x50);
    assert_int_equal(o.lso.encapsulation4, 2);
    assert_int_equal(o.lso.options6 & 5, 5);
    assert_true(o.lso.size_max4 + NET_ETHERNET_BYTES + 60 <= NET_FRAME_MAX);
}

static void offloads_are_told_as_the_child_knows_them(void **state)
{
    struct ndis_object object = {.type = NDIS_OBJECT_OFFLOAD, .size = 111};

    (void)state;
    offload_row(112, 112, 1);
    offload_row(143, 112, 1);
    offload_row(144, 144, 2);
    offload_row(156, 156, 3);
    offload_row(0xffff, 156, 3);
    assert_int_equal(world_query(OID_TCP_OFFLOAD_HARDWARE, &object, 4, value, &length),
                     RNDIS_STATUS_INVALID_DATA);
    assert_int_equal(length, 0);
    assert_int_equal(world_query(OID_TCP_OFFLOAD_CURRENT_CONFIG, NULL, 0, value, &length), 0);
    assert_int_equal(length, 156);
}

static void offload_parameters_are_set(void **state)
{
    struct ndis_offload_parameters p = {.header = {NDIS_OBJECT_DEFAULT, 1, sizeof(p)}};

    (void)state;
    p.tcp4_checksum = NDIS_PARAMETER_BOTH;
    p.tcp6_checksum = NDIS_PARAMETER_SEND;
    assert_int_equal(world_set(OID_TCP_OFFLOAD_PARAMETERS, &p, sizeof(p)), 0);
    assert_int_equal(world.device.offloads, 1);
    p.tcp4_checksum = NDIS_PARAMETER_NO_CHANGE;
    p.tcp6_checksum = NDIS_PARAMETER_RECEIVE;
    assert_int_equal(world_set(OID_TCP_OFFLOAD_PARAMETERS, &p, sizeof(p)), 0);
    assert_int_equal(world.device.offloads, 3);
    p.tcp4_checksum = 5;
    assert_int_equal(world_set(OID_TCP_OFFLOAD_PARAMETERS, &p, sizeof(p)),
                     RNDIS_STATUS_INVALID_DATA);
    assert_int_equal(world_set(OID_TCP_OFFLOAD_PARAMETERS, &p, 8), RNDIS_STATUS_INVALID_LENGTH);
    assert_int_equal(world.device.offloads, 3);
}

static void spreading_is_for_all_channels(void **state)
{
    struct ndis_rss_capabilities c = {0};

    (void)state;
    assert_int_equal(world_query(OID_GEN_RECEIVE_SCALE_CAPABILITY, NULL, 0, value, &length), 0);
    assert_int_equal(length, NDIS_RSS_CAPABILITIES_BYTES);
    memcpy(&c, value, length);
    assert_int_equal(c.header.type, NDIS_OBJECT_RSS_CAPABILITIES);
    assert_int_equal(c.queues, WORLD_CHANNELS);
    assert_int_equal(c.table_entries, 128);
}

/* What a child may send to spread, and a change that makes it senseless. */
struct spread {
    struct ndis_rss_parameters p;
    uint32_t table[128];
    uint8_t key[40];
};

static struct spread spread_make(void)
{
    struct spread s = {.p = {.header = {NDIS_OBJECT_RSS_PARAMETERS, 2, sizeof(s.p)},
                             .hash = NDIS_RSS_HASH_TOEPLITZ | NDIS_RSS_HASH_TCP_IPV4,
                             .table_bytes = sizeof(s.table),
                             .table_offset = sizeof(s.p),
                             .key_bytes = sizeof(s.key),
                             .key_offset = sizeof(s.p) + sizeof(s.table)}};

    for (uint32_t i = 0; i < 128; i++)
        s.table[i] = i % WORLD_CHANNELS;
    return s;
}

static uint32_t spread_set(const struct spread *s)
{
    return world_set(OID_GEN_RECEIVE_SCALE_PARAMETERS, s, sizeof(*s));
}

static void senseless_spreading_is_refused(void **state)
{
    struct spread s = spread_make();

    (void)state;
    s.p.table_offset = 0xfffffff0;
    assert_int_equal(spread_set(&s), RNDIS_STATUS_INVALID_DATA);
    s = spread_make();
    s.p.key_offset = 0xffffffff;
    assert_int_equal(spread_set(&s), RNDIS_STATUS_INVALID_DATA);
    s = spread_make();
    s.p.key_bytes = 39;
    assert_int_equal(spread_set(&s), RNDIS_STATUS_INVALID_DATA);
    s = spread_make();
    s.p.table_bytes = 0;
    assert_int_equal(spread_set(&s), RNDIS_STATUS_INVALID_DATA);
    s.p.table_bytes = 513;
    assert_int_equal(spread_set(&s), RNDIS_STATUS_INVALID_DATA);
    s = spread_make();
    s.table[127] = WORLD_CHANNELS;
    assert_int_equal(spread_set(&s), RNDIS_STATUS_INVALID_DATA);
    s = spread_make();
    s.p.header.type = NDIS_OBJECT_RSS_CAPABILITIES;
    assert_int_equal(spread_set(&s), RNDIS_STATUS_INVALID_DATA);
    assert_int_equal(world_set(OID_GEN_RECEIVE_SCALE_PARAMETERS, &s, 39),
                     RNDIS_STATUS_INVALID_LENGTH);
    assert_int_equal(world.device.hash_types, 0);
    s = spread_make();
    assert_int_equal(spread_set(&s), 0);
    assert_int_equal(world.device.hash_types, NDIS_RSS_HASH_TCP_IPV4);
    assert_int_equal(world.device.spread[127], 3);
    s.p.flags = NDIS_RSS_TABLE_UNCHANGED | NDIS_RSS_KEY_UNCHANGED | NDIS_RSS_HASH_UNCHANGED;
    s.p.table_offset = 0xffffffff; /* not looked at */
    assert_int_equal(spread_set(&s), 0);
    assert_int_equal(world.device.hash_types, NDIS_RSS_HASH_TCP_IPV4);
    s.p.flags = NDIS_RSS_DISABLED;
    assert_int_equal(spread_set(&s), 0);
    assert_int_equal(world.device.hash_types, 0);
}

static void filters_and_lists_have_their_lengths(void **state)
{
    uint8_t list[NET_ADDRESS_BYTES * (NETVSP_MULTICAST_MAX + 1)] = {1};
    uint32_t filter = 0xffffffff;

    (void)state;
    assert_int_equal(world_set(OID_GEN_CURRENT_PACKET_FILTER, &filter, 3),
                     RNDIS_STATUS_INVALID_LENGTH);
    assert_int_equal(number(OID_GEN_CURRENT_PACKET_FILTER), 0xd);
    assert_int_equal(world_set(OID_GEN_CURRENT_PACKET_FILTER, &filter, 4), 0);
    assert_int_equal(number(OID_GEN_CURRENT_PACKET_FILTER), 0x2f); /* those that there are */
    assert_int_equal(world_set(OID_802_3_MULTICAST_LIST, list, 7), RNDIS_STATUS_INVALID_LENGTH);
    assert_int_equal(world_set(OID_802_3_MULTICAST_LIST, list, sizeof(list)),
                     RNDIS_STATUS_RESOURCES);
    assert_int_equal(world_set(OID_802_3_MULTICAST_LIST, list, sizeof(list) - 6), 0);
    assert_int_equal(world.device.multicast_count, NETVSP_MULTICAST_MAX);
}

static bool is_listed(const uint32_t *list, uint32_t count, uint32_t object)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i] == object)
            return true;
    return false;
}

/* Objects of a host's own, whose values have pointers in them, are none that a child may name
 * (CVE-2021-28476): neither those of NDIS in general nor its switch's. */
static void objects_of_hosts_are_refused(void **state)
{
    uint32_t list[64], listed, refused = 0;
    uint64_t pointers[8];

    (void)state;
    memset(pointers, 0x41, sizeof(pointers));
    assert_int_equal(world_query(OID_GEN_SUPPORTED_LIST, NULL, 0, list, &length), 0);
    listed = length / 4;
    for (uint32_t object = 0x10200; object < 0x10400; object++) {
        if (is_listed(list, listed, object))
            continue;
        assert_int_equal(world_set(object, pointers, sizeof(pointers)), RNDIS_STATUS_NOT_SUPPORTED);
        assert_int_equal(world_query(object, pointers, sizeof(pointers), value, &length),
                         RNDIS_STATUS_NOT_SUPPORTED);
        assert_int_equal(length, 0);
        refused++;
    }
    assert_true(refused > 400);
}

static void a_child_does_not_change_its_address(void **state)
{
    struct rndis_config_parameter p = {.type = RNDIS_CONFIG_STRING};

    (void)state;
    assert_int_equal(world_set(OID_GEN_RNDIS_CONFIG_PARAMETER, &p, sizeof(p)),
                     RNDIS_STATUS_NOT_SUPPORTED);
    assert_int_equal(world_set(0x12345678, &p, sizeof(p)), RNDIS_STATUS_NOT_SUPPORTED);
    assert_int_equal(world_query(0x12345678, NULL, 0, value, &length), RNDIS_STATUS_NOT_SUPPORTED);
    assert_int_equal(length, 0);
}

/* ---- life ---- */

static struct rndis_complete complete_of(uint32_t type)
{
    struct rndis_request m = {.header = {.type = type, .length = sizeof(m)}, .id = 9};
    struct rndis_complete c = {0};
    const uint8_t *answer = world_control(&m, sizeof(m));

    assert_non_null(answer);
    memcpy(&c, answer, sizeof(c));
    assert_int_equal(c.header.type, type | RNDIS_COMPLETE);
    return c;
}

static void keepalive_and_reset_are_answered(void **state)
{
    (void)state;
    assert_int_equal(complete_of(RNDIS_KEEPALIVE).id, 9);
    assert_int_equal(complete_of(RNDIS_KEEPALIVE).status, 0);
    assert_int_equal(complete_of(RNDIS_RESET).id, 0); /* its status */
    assert_int_equal(world.device.filter, 0);
    assert_true(world.device.ready);
}

static void after_halt_there_is_nothing(void **state)
{
    struct rndis_request m = {.header = {.type = RNDIS_HALT, .length = sizeof(m)}, .id = 9};
    uint8_t frame[100] = {0x02, 0x15, 0x5d, 1, 2, 3};

    (void)state;
    assert_null(world_control(&m, sizeof(m)));
    assert_int_equal(world_query(OID_802_3_PERMANENT_ADDRESS, NULL, 0, value, &length),
                     RNDIS_STATUS_FAILURE);
    world_receive(frame, sizeof(frame));
    assert_int_equal(world_statistics().lost_not_ready, 1);
}

static void another_version_of_rndis_is_refused(void **state)
{
    struct rndis_initialize m = {
        .header = {.type = RNDIS_INITIALIZE, .length = sizeof(m)}, .id = 4, .major = 2};
    struct rndis_initialize_complete c;

    (void)state;
    memcpy(&c, world_control(&m, sizeof(m)), sizeof(c));
    assert_int_equal(c.status, RNDIS_STATUS_NOT_SUPPORTED);
    assert_int_equal(c.id, 4);
}

/* ---- the link ---- */

static uint32_t indicated(void)
{
    struct rndis_indicate m;
    uint32_t status = 0;

    world_run();
    for (unsigned i = 0; i < world.packet_count; i++) {
        const struct world_packet *p = &world.packets[i];

        assert_int_equal(status, 0);
        assert_int_equal(p->type, VMBUS_PACKET_TRANSFER_PAGES);
        assert_int_equal(p->message.rndis.channel, NVSP_CHANNEL_CONTROL);
        memcpy(&m, world_section(p, 0), sizeof(m));
        assert_int_equal(m.header.type, RNDIS_INDICATE_STATUS);
        assert_int_equal(m.header.length, p->ranges[0].length);
        status = m.status;
        world_complete(p);
    }
    world.packet_count = 0;
    return status;
}

static void the_child_is_told_of_its_link(void **state)
{
    (void)state;
    assert_int_equal(indicated(), 0);
    netvsp_link_set(&world.device, false);
    assert_int_equal(indicated(), RNDIS_STATUS_MEDIA_DISCONNECT);
    netvsp_link_set(&world.device, false);
    assert_int_equal(indicated(), 0);
    netvsp_link_set(&world.device, true);
    assert_int_equal(indicated(), RNDIS_STATUS_MEDIA_CONNECT);
    netvsp_link_set(&world.device, false); /* a flap that nobody saw */
    netvsp_link_set(&world.device, true);
    assert_int_equal(indicated(), 0);
}

/* It is not the child's to raise. */
static void a_link_that_is_down_stays_so_when_the_channel_is_opened_anew(void **state)
{
    (void)state;
    netvsp_link_set(&world.device, false);
    assert_int_equal(indicated(), RNDIS_STATUS_MEDIA_DISCONNECT);
    world_close(0);
    world_work();
    assert_true(world_open(0));
    world_initialise();
    assert_int_equal(number(OID_GEN_MEDIA_CONNECT_STATUS), 1);
    world_receive(value, 100);
    assert_int_equal(world_statistics().lost_no_link, 1);
    world.packet_count = 0;
    assert_int_equal(indicated(), 0); /* it has asked */
    netvsp_link_set(&world.device, true);
    assert_int_equal(indicated(), RNDIS_STATUS_MEDIA_CONNECT);
}

/* ---- senseless messages ---- */

struct row {
    const char *reason;
    uint32_t words[7], bytes; /* and how many of them are sent */
};

static const struct row rows[] = {
    {"a control message of a wrong length", {RNDIS_QUERY}, 4},
    {"a control message that is not as long as it says", {RNDIS_QUERY, 8}, 8},
    {"a control message that is not as long as it says", {RNDIS_QUERY, 0, 1}, 12},
    {"a control message that is not as long as it says", {RNDIS_QUERY, 7, 1}, 12},
    {"a control message that is not as long as it says", {RNDIS_QUERY, 13, 1}, 12},
    {"a control message that is not as long as it says", {RNDIS_QUERY, 0xffffffff, 1}, 28},
    {"a query or setting of a wrong length", {RNDIS_QUERY, 27, 1}, 28},
    {"a query or setting of a wrong length", {RNDIS_SET, 12, 1}, 12},
    {"an initialisation of a wrong length", {RNDIS_INITIALIZE, 20, 1, 1}, 24},
    {"a control message of a kind that is none", {RNDIS_PACKET, 12}, 12},
    {"a control message of a kind that is none", {0, 12}, 12},
    {"a control message of a kind that is none", {9, 12}, 12},
    {"a control message of a kind that is none", {RNDIS_QUERY | RNDIS_COMPLETE, 12}, 12},
};

static void senseless_messages_are_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t before = world_statistics().malformed;
        unsigned packets = world.packet_count;

        world.reason = "";
        (void)world_rndis(0, NVSP_CHANNEL_CONTROL, rows[i].words, rows[i].bytes);
        assert_string_equal(world.reason, rows[i].reason);
        assert_int_equal(world_statistics().malformed, before + 1);
        assert_int_equal(world.packet_count, packets + 1); /* NVSP's answer */
    }
    assert_int_equal(number(OID_GEN_MAXIMUM_FRAME_SIZE), 1500);
}

static void information_row(uint32_t offset, uint32_t bytes, uint32_t status)
{
    struct {
        struct rndis_oid_request m;
        uint32_t filter;
    } message = {.m = {.header = {.type = RNDIS_SET, .length = sizeof(message)},
                       .id = 3,
                       .oid = OID_GEN_CURRENT_PACKET_FILTER,
                       .length = bytes,
                       .offset = offset},
                 .filter = 1};
    struct rndis_complete c;

    memcpy(&c, world_control(&message, sizeof(message)), sizeof(c));
    assert_int_equal(c.id, 3);
    assert_int_equal(c.status, status);
}

static void information_is_within_its_message(void **state)
{
    (void)state;
    information_row(20, 4, RNDIS_STATUS_SUCCESS);
    information_row(20, 0, RNDIS_STATUS_INVALID_LENGTH);
    information_row(0xffffffff, 0, RNDIS_STATUS_INVALID_LENGTH); /* nothing is nowhere */
    information_row(19, 4, RNDIS_STATUS_INVALID_DATA);
    information_row(0, 4, RNDIS_STATUS_INVALID_DATA);
    information_row(21, 4, RNDIS_STATUS_INVALID_DATA);
    information_row(20, 5, RNDIS_STATUS_INVALID_DATA);
    information_row(0xffffffff, 1, RNDIS_STATUS_INVALID_DATA);
    information_row(20, 0xffffffff, RNDIS_STATUS_INVALID_DATA);
    information_row(0xfffffffc, 4, RNDIS_STATUS_INVALID_DATA);
}

/* A child that takes no answers back gets as many as there are sections for that, and no more; then
 * it can go on. */
static void a_flood_of_questions_does_no_harm(void **state)
{
    struct rndis_request m = {.header = {.type = RNDIS_KEEPALIVE, .length = sizeof(m)}, .id = 1};

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(world_rndis(0, NVSP_CHANNEL_CONTROL, &m, sizeof(m)), 1);
    assert_int_equal(world_statistics().control_lost, 100 - NETVSP_CONTROL);
    assert_string_equal(world.reason, "an answer for which the child left no section");
    netvsp_link_set(&world.device, false); /* not lost, but late */
    for (unsigned i = 0, count = world.packet_count; i < count; i++)
        if (world.packets[i].type == VMBUS_PACKET_TRANSFER_PAGES)
            world_complete(&world.packets[i]);
    world.packet_count = 0;
    assert_int_equal(indicated(), RNDIS_STATUS_MEDIA_DISCONNECT);
    assert_int_equal(complete_of(RNDIS_KEEPALIVE).id, 9);
}

static void long_messages_in_pages_are_read(void **state)
{
    struct spread s = spread_make();
    uint8_t message[1100] = {0};
    struct rndis_oid_request m = {.header = {.type = RNDIS_SET, .length = sizeof(m) + sizeof(s)},
                                  .id = 3,
                                  .oid = OID_GEN_RECEIVE_SCALE_PARAMETERS,
                                  .length = sizeof(s),
                                  .offset = 20};

    (void)state;
    memcpy(message, &m, sizeof(m));
    memcpy(message + sizeof(m), &s, sizeof(s));
    /* Over the end of a page, as Linux' may be. */
    assert_int_equal(
        world_rndis_pages(0, NVSP_CHANNEL_CONTROL, message, sizeof(m) + sizeof(s), 3900), 1);
    assert_int_equal(world.device.hash_types, NDIS_RSS_HASH_TCP_IPV4);
    assert_int_equal(world_rndis_pages(0, NVSP_CHANNEL_CONTROL, message, 1025, 0),
                     NVSP_STATUS_INVALID_RNDIS);
    assert_string_equal(world.reason, "a control message of a wrong length");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(numbers_are_those_of_the_device),
        FACT(the_address_and_the_name_are_told),
        FACT(what_is_listed_is_there),
        FACT(offloads_are_told_as_the_child_knows_them),
        FACT(offload_parameters_are_set),
        FACT(spreading_is_for_all_channels),
        FACT(senseless_spreading_is_refused),
        FACT(filters_and_lists_have_their_lengths),
        FACT(a_child_does_not_change_its_address),
        FACT(objects_of_hosts_are_refused),
        FACT(keepalive_and_reset_are_answered),
        FACT(after_halt_there_is_nothing),
        FACT(another_version_of_rndis_is_refused),
        FACT(the_child_is_told_of_its_link),
        FACT(a_link_that_is_down_stays_so_when_the_channel_is_opened_anew),
        FACT(senseless_messages_are_counted),
        FACT(information_is_within_its_message),
        FACT(a_flood_of_questions_does_no_harm),
        FACT(long_messages_in_pages_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
