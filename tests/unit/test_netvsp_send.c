/* SPDX-License-Identifier: MIT */
/* test_netvsp_send.c - frames from a child: out of sections, pages and both; several in a message;
 * with offloads and tags; and all that makes no sense, which is counted and never read beyond. */
#include <rt/big_endian.h>
#include "netvsp_fixture.h"

#define PAGE 4096u

static uint8_t frame[NETVSP_SEND_SECTION * 12], message[NETVSP_SEND_SECTION * 12];

/* An Ethernet frame of @length bytes, of nothing in particular. */
static void plain(uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        frame[i] = (uint8_t)(i * 7 + length);
    be16_put(frame + 12, 0x88b5); /* for experiments */
}

/* The same with IPv4 and TCP in it. */
static void tcp(uint32_t length)
{
    plain(length);
    be16_put(frame + 12, NET_TYPE_IPV4);
    memset(frame + 14, 0, 40);
    frame[14] = 0x45;
    be16_put(frame + 16, (uint16_t)(length - 14));
    frame[23] = NET_IP_TCP;
    frame[46] = 0x50;
}

struct info {
    struct rndis_info info;
    uint32_t value;
};

static struct info info_of(uint32_t type, uint32_t value)
{
    return (struct info){{sizeof(struct info), type, sizeof(struct rndis_info)}, value};
}

static uint32_t send(uint32_t length, const void *info, uint32_t info_length)
{
    uint32_t bytes = world_message(message, frame, length, info, info_length);

    return world_rndis(0, NVSP_CHANNEL_DATA, message, bytes);
}

static const struct world_frame *only(void)
{
    assert_int_equal(world.frame_count, 1);
    return &world.frames[0];
}

/* ---- where frames are ---- */

static void a_frame_in_a_section_goes_out(void **state)
{
    (void)state;
    for (uint32_t length = NET_ETHERNET_BYTES; length <= 1514; length += 50) {
        unsigned before = world.frame_count;

        plain(length);
        assert_int_equal(send(length, NULL, 0), NVSP_STATUS_SUCCESS);
        assert_int_equal(world.frame_count, before + 1);
        assert_int_equal(world.frames[before].length, length);
        assert_memory_equal(world.frames[before].bytes, frame, length);
        assert_int_equal(world.frames[before].offload.flags, 0);
    }
    assert_int_equal(world_statistics().sent_frames, world.frame_count);
    assert_int_equal(world_statistics().malformed, 0);
}

/* The child is not told: a real card takes what its cable does not. */
static void without_a_link_no_frame_goes_out(void **state)
{
    (void)state;
    plain(100);
    netvsp_link_set(&world.device, false);
    assert_int_equal(send(100, NULL, 0), NVSP_STATUS_SUCCESS);
    assert_int_equal(world.frame_count, 0);
    assert_int_equal(world_statistics().sent_frames, 0);
    assert_int_equal(world_statistics().lost_no_link, 1);
    netvsp_link_set(&world.device, true);
    assert_int_equal(send(100, NULL, 0), NVSP_STATUS_SUCCESS);
    assert_int_equal(only()->length, 100);
    assert_int_equal(world_statistics().lost_no_link, 1);
}

static void a_frame_in_pages_goes_out(void **state)
{
    (void)state;
    plain(1514);
    for (uint32_t offset = 0; offset < PAGE; offset += 511) {
        unsigned before = world.frame_count;
        uint32_t bytes = world_message(message, frame, 1514, NULL, 0);

        assert_int_equal(world_rndis_pages(0, NVSP_CHANNEL_DATA, message, bytes, offset),
                         NVSP_STATUS_SUCCESS);
        assert_int_equal(world.frame_count, before + 1);
        assert_memory_equal(world.frames[before].bytes, frame, 1514);
        assert_int_equal(world.pinned, 0);
    }
}

/* The section first, then @bytes of page 0 from @offset on; NVSP's answer. */
static uint32_t send_both(uint32_t section_bytes, uint32_t offset, uint32_t bytes)
{
    struct nvsp_message m = {.type = NVSP_RNDIS, .rndis = {NVSP_CHANNEL_DATA, 0, section_bytes}};
    struct {
        struct vmbus_range range;
        uint64_t page;
    } range = {{bytes, offset}, WORLD_FIRST_PAGE};
    struct vmbus_packet p = {.type = VMBUS_PACKET_GPA_DIRECT,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = 5,
                             .ranges = &range,
                             .range_count = 1,
                             .ranges_length = sizeof(range),
                             .payload = &m,
                             .length = sizeof(m)};

    world.packet_count = 0;
    assert_true(world_send_raw(0, &p));
    world_run();
    assert_int_equal(world.packet_count, 1);
    return world.packets[0].message.status;
}

static void a_frame_in_section_and_pages_goes_out(void **state)
{
    uint32_t bytes;

    (void)state;
    plain(1000);
    bytes = world_message(message, frame, 1000, NULL, 0);
    for (uint32_t cut = 8; cut < bytes; cut += 97) {
        memcpy(world.buffers[WORLD_SEND], message, cut);
        memcpy(world.ram + 100, message + cut, bytes - cut);
        assert_int_equal(send_both(cut, 100, bytes - cut), NVSP_STATUS_SUCCESS);
        assert_memory_equal(world.frames[world.frame_count - 1].bytes, frame, 1000);
    }
}

/* As Linux names them: a range for the message's head, then one for each page's part of the frame.
 */
static void a_frame_in_many_ranges_goes_out(void **state)
{
    struct nvsp_message m = {.type = NVSP_RNDIS,
                             .rndis = {NVSP_CHANNEL_DATA, NVSP_SECTION_NONE, 0}};
    struct {
        struct vmbus_range range;
        uint64_t page;
    } ranges[6];
    struct vmbus_packet p = {.type = VMBUS_PACKET_GPA_DIRECT,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .ranges = ranges,
                             .range_count = 6,
                             .ranges_length = sizeof(ranges),
                             .payload = &m,
                             .length = sizeof(m)};
    uint32_t bytes, at = 0;

    (void)state;
    plain(1400);
    bytes = world_message(message, frame, 1400, NULL, 0);
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t part = i == 0 ? 44 : i == 5 ? bytes - at : 200 + i, offset = i * 700 % 3800;

        ranges[i].range = (struct vmbus_range){part, offset};
        ranges[i].page = WORLD_FIRST_PAGE + 9 - i;
        memcpy(world.ram + (9 - i) * PAGE + offset, message + at, part);
        at += part;
    }
    assert_true(world_send_raw(0, &p));
    world_run();
    assert_int_equal(world.packets[0].message.status, NVSP_STATUS_SUCCESS);
    assert_int_equal(only()->length, 1400);
    assert_memory_equal(only()->bytes, frame, 1400);
}

static void several_frames_are_in_a_message(void **state)
{
    uint32_t at = 0;

    (void)state;
    for (uint32_t i = 0; i < NETVSP_SEND_SECTION / 700; i++) {
        uint32_t bytes;

        plain(600 + i);
        bytes = world_message(message + at, frame, 600 + i, NULL, 0);
        bytes = (bytes + 7) / 8 * 8; /* padding counts as the message's */
        memcpy(message + at + 4, &bytes, sizeof(bytes));
        at += bytes;
    }
    assert_int_equal(world_rndis(0, NVSP_CHANNEL_DATA, message, at), NVSP_STATUS_SUCCESS);
    assert_int_equal(world.frame_count, NETVSP_SEND_SECTION / 700);
    for (uint32_t i = 0; i < world.frame_count; i++) {
        plain(600 + i);
        assert_int_equal(world.frames[i].length, 600 + i);
        assert_memory_equal(world.frames[i].bytes, frame, 600 + i);
    }
}

static void more_frames_than_agreed_are_not_sent(void **state)
{
    uint32_t at = 0;

    (void)state;
    plain(60);
    for (uint32_t i = 0; i < 9; i++)
        at += world_message(message + at, frame, 60, NULL, 0);
    assert_int_equal(world_rndis(0, NVSP_CHANNEL_DATA, message, at), NVSP_STATUS_INVALID_RNDIS);
    assert_int_equal(world.frame_count, 8);
    assert_string_equal(world.reason, "more frames in a message than were agreed");
}

static void frames_go_out_of_sub_channels(void **state)
{
    uint32_t bytes;

    (void)state;
    assert_true(world_open(2));
    plain(200);
    bytes = world_message(message, frame, 200, NULL, 0);
    assert_int_equal(world_rndis(2, NVSP_CHANNEL_DATA, message, bytes), NVSP_STATUS_SUCCESS);
    assert_int_equal(only()->length, 200);
}

/* ---- what goes with them ---- */

static void a_checksum_is_left_to_the_network(void **state)
{
    struct info i = info_of(RNDIS_INFO_CHECKSUM, RNDIS_CHECKSUM_IS_IPV4 | RNDIS_CHECKSUM_TCP |
                                                     34u << RNDIS_CHECKSUM_L4_OFFSET_SHIFT);

    (void)state;
    tcp(300);
    assert_int_equal(send(300, &i, sizeof(i)), NVSP_STATUS_SUCCESS);
    assert_int_equal(only()->offload.flags, NET_CHECKSUM_NEEDED);
    assert_int_equal(only()->offload.l4_offset, 34);
    assert_int_equal(only()->offload.checksum_offset, 16);
    assert_int_equal(only()->offload.mss, 0);
}

static void a_large_frame_is_left_to_be_cut(void **state)
{
    struct info i = info_of(RNDIS_INFO_LSO, 1460 | RNDIS_LSO_VERSION_2);
    uint32_t bytes, length = 14 + 65000;

    (void)state;
    tcp(length);
    be16_put(frame + 16, 0); /* as Linux leaves it */
    bytes = world_message(message, frame, length, &i, sizeof(i));
    assert_int_equal(world_rndis_pages(0, NVSP_CHANNEL_DATA, message, bytes, 1234),
                     NVSP_STATUS_SUCCESS);
    assert_int_equal(only()->length, length);
    assert_int_equal(only()->offload.mss, 1460);
    assert_int_equal(only()->offload.payload_offset, 54);
    assert_int_equal(be16_get(only()->bytes + 16), 65000);
    assert_memory_equal(only()->bytes + 54, frame + 54, length - 54);
}

static void tags_go_beside_the_frame(void **state)
{
    struct info i = info_of(RNDIS_INFO_8021Q, rndis_vlan_of(0xb123));

    (void)state;
    plain(300);
    assert_int_equal(send(300, &i, sizeof(i)), NVSP_STATUS_SUCCESS);
    assert_int_equal(world.frames[0].vlan, 0xb123);
    assert_int_equal(world.frames[0].length, 300);
    be16_put(frame + 12, NET_TYPE_VLAN);
    be16_put(frame + 14, 0x2007);
    be16_put(frame + 16, 0x88b5);
    assert_int_equal(send(300, NULL, 0), NVSP_STATUS_SUCCESS);
    assert_int_equal(world.frames[1].vlan, 0x2007);
    assert_int_equal(world.frames[1].length, 296);
    assert_memory_equal(world.frames[1].bytes, frame, 12);
    assert_memory_equal(world.frames[1].bytes + 12, frame + 16, 284);
    assert_int_equal(send(300, &i, sizeof(i)), NVSP_STATUS_SUCCESS); /* one in the other */
    assert_int_equal(world.frames[2].vlan, 0xb123);
    assert_int_equal(world.frames[2].length, 300);
    assert_int_equal(send(18, NULL, 0), NVSP_STATUS_SUCCESS);
    assert_int_equal(world.frames[3].length, 14);
}

static void unknown_information_is_passed_over(void **state)
{
    struct {
        struct info a, b, c;
        struct rndis_info empty;
        struct info vlan;
    } i = {info_of(RNDIS_INFO_HASH, 1),
           info_of(99, 2),
           info_of(RNDIS_INFO_INTERNAL | 6, 3),
           {sizeof(i.empty), RNDIS_INFO_8021Q, sizeof(i.empty)},
           info_of(RNDIS_INFO_8021Q, rndis_vlan_of(5))};

    (void)state;
    plain(100);
    assert_int_equal(send(100, &i, sizeof(i)), NVSP_STATUS_SUCCESS);
    assert_int_equal(only()->vlan, 5);
}

/* ---- hostile: messages ---- */

/* A frame's message of which word @at is @value. */
struct row {
    const char *reason;
    uint32_t at, value;
};

static const struct row rows[] = {
    {"a message among frames that is none", 0, RNDIS_QUERY},
    {"a message among frames that is none", 0, 0xffffffff},
    {"a frame's message of a wrong length", 1, 0},
    {"a frame's message of a wrong length", 1, 7},
    {"a frame's message of a wrong length", 1, 43},
    {"a frame's message of a wrong length", 1, 161},
    {"a frame's message of a wrong length", 1, 0xffffffff},
    {"a frame that is not in its message", 2, 0},
    {"a frame that is not in its message", 2, 35},
    {"a frame that is not in its message", 2, 53},
    {"a frame that is not in its message", 2, 0xffffffff},
    {"a frame that is not in its message", 3, 0},
    {"a frame that is not in its message", 3, 13},
    {"a frame that is not in its message", 3, 101},
    {"a frame that is not in its message", 3, 0xffffffff},
    {"a frame that is not in its message", 3, 0xffffffcc}, /* offset + length is 0 */
    {"per-packet information that is not in its message", 7, 0},
    {"per-packet information that is not in its message", 7, 145},
    {"per-packet information that is not in its message", 7, 0xfffffff0},
    {"per-packet information that is not in its message", 8, 117},
    {"per-packet information that is not in its message", 8, 0xffffffff},
    {"per-packet information that makes no sense", 8, 15},
    {"per-packet information that makes no sense", 8, 17},
    {"per-packet information that makes no sense", 11, 0}, /* it would go on for ever */
    {"per-packet information that makes no sense", 11, 11},
    {"per-packet information that makes no sense", 11, 17},
    {"per-packet information that makes no sense", 11, 0xffffffff},
    {"per-packet information that makes no sense", 13, 0},
    {"per-packet information that makes no sense", 13, 17},
    {"per-packet information that makes no sense", 13, 0xffffffff},
};

static void senseless_messages_are_counted(void **state)
{
    struct info i = info_of(RNDIS_INFO_HASH, 1);

    (void)state;
    plain(100);
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        uint32_t bytes = world_message(message, frame, 100, &i, sizeof(i));

        assert_int_equal(bytes, 160);
        memcpy(message + rows[k].at * 4, &rows[k].value, 4);
        world.reason = "";
        assert_int_equal(world_rndis(0, NVSP_CHANNEL_DATA, message, bytes),
                         NVSP_STATUS_INVALID_RNDIS);
        if (strcmp(world.reason, rows[k].reason) != 0)
            fail_msg("row %zu: %s", k, world.reason);
        assert_int_equal(world_statistics().malformed, k + 1);
    }
    assert_int_equal(world.frame_count, 0);
    assert_int_equal(send(100, NULL, 0), NVSP_STATUS_SUCCESS); /* the channel goes on */
}

static void messages_end_where_they_end(void **state)
{
    uint32_t bytes;

    (void)state;
    plain(60);
    bytes = world_message(message, frame, 60, NULL, 0);
    for (uint32_t n = 0; n < bytes; n++) {
        uint32_t status = world_rndis(0, NVSP_CHANNEL_DATA, message, n);

        assert_int_equal(status, n < 8 ? NVSP_STATUS_SUCCESS : NVSP_STATUS_INVALID_RNDIS);
    }
    assert_int_equal(world.frame_count, 0);
}

static void frames_that_are_too_long_are_dropped(void **state)
{
    struct info i = info_of(RNDIS_INFO_LSO, 1461 | RNDIS_LSO_VERSION_2);

    (void)state;
    plain(1515);
    assert_int_equal(send(1515, NULL, 0), NVSP_STATUS_SUCCESS);
    assert_string_equal(world.reason, "a frame longer than the MTU");
    tcp(4000);
    assert_int_equal(send(4000, &i, sizeof(i)), NVSP_STATUS_SUCCESS);
    assert_string_equal(world.reason, "a frame longer than the MTU");
    assert_int_equal(world_statistics().malformed, 2);
    assert_int_equal(world.frame_count, 0);
}

static void offloads_that_cannot_be_done_are_refused(void **state)
{
    struct info lso = info_of(RNDIS_INFO_LSO, 1000 | RNDIS_LSO_VERSION_2);
    struct info checksum = info_of(RNDIS_INFO_CHECKSUM, RNDIS_CHECKSUM_UDP);

    (void)state;
    plain(3000);
    assert_int_equal(send(3000, &lso, sizeof(lso)), NVSP_STATUS_SUCCESS);
    assert_string_equal(world.reason, "an offload for a frame that is not IP");
    tcp(20);
    assert_int_equal(send(20, &checksum, sizeof(checksum)), NVSP_STATUS_SUCCESS);
    assert_string_equal(world.reason, "an offload for a frame without an IP header");
    assert_int_equal(world.frame_count, 0);
}

/* ---- hostile: where they are ---- */

static void sections_are_within_the_send_buffer(void **state)
{
    static const uint32_t sections[] = {16, 17, 0x7fffffff, 0xfffffffe};
    struct nvsp_message m = {.type = NVSP_RNDIS, .rndis = {NVSP_CHANNEL_DATA, 0, 100}};

    (void)state;
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        m.rndis.section = sections[i];
        assert_int_equal(world_ask(0, &m)->message.status, NVSP_STATUS_FAIL);
        assert_string_equal(world.reason, "a section that is not in the send buffer");
    }
    m.rndis.section = 15;
    m.rndis.section_size = NETVSP_SEND_SECTION + 1;
    assert_int_equal(world_ask(0, &m)->message.status, NVSP_STATUS_FAIL);
    m.rndis.section_size = 0xffffffff;
    assert_int_equal(world_ask(0, &m)->message.status, NVSP_STATUS_FAIL);
    m.rndis.section_size = NETVSP_SEND_SECTION; /* its last byte is the buffer's */
    assert_int_equal(world_ask(0, &m)->message.status, NVSP_STATUS_INVALID_RNDIS);
    m.rndis.channel = 2;
    assert_int_equal(world_ask(0, &m)->message.status, NVSP_STATUS_FAIL);
    assert_string_equal(world.reason, "a message for neither data nor control");
}

static void without_a_send_buffer_there_are_no_sections(void **state)
{
    struct nvsp_message revoke = {.type = NVSP_SEND_BUFFER_REVOKE};
    struct nvsp_message m = {.type = NVSP_RNDIS, .rndis = {NVSP_CHANNEL_DATA, 0, 100}};

    (void)state;
    world_tell(0, &revoke);
    assert_int_equal(world_ask(0, &m)->message.status, NVSP_STATUS_FAIL);
    assert_string_equal(world.reason, "a section of a send buffer that is not there");
}

static void pages_are_ram(void **state)
{
    uint32_t bytes;

    (void)state;
    plain(1500);
    bytes = world_message(message, frame, 1500, NULL, 0);
    world.refuse_page = WORLD_FIRST_PAGE + 1;
    assert_int_equal(world_rndis_pages(0, NVSP_CHANNEL_DATA, message, bytes, 4000),
                     NVSP_STATUS_FAIL);
    assert_string_equal(world.reason, "a message that is not in RAM");
    assert_int_equal(world.frame_count, 0);
    assert_int_equal(world.pinned, 0);
}

static void there_are_not_too_many_pages(void **state)
{
    struct nvsp_message m = {.type = NVSP_RNDIS,
                             .rndis = {NVSP_CHANNEL_DATA, NVSP_SECTION_NONE, 0}};
    struct {
        struct vmbus_range range;
        uint64_t pages[300];
    } ranges = {.range = {.length = 300 * PAGE}};
    struct vmbus_packet p = {.type = VMBUS_PACKET_GPA_DIRECT,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .ranges = &ranges,
                             .range_count = 1,
                             .ranges_length = sizeof(ranges),
                             .payload = &m,
                             .length = sizeof(m)};

    (void)state;
    for (uint32_t i = 0; i < 300; i++)
        ranges.pages[i] = WORLD_FIRST_PAGE;
    assert_true(world_send_raw(0, &p));
    world_run();
    assert_string_equal(world.reason, "a message of too many pages");
    ranges.range.length = 256 * PAGE; /* the same page again and again will do */
    p.ranges_length = sizeof(struct vmbus_range) + 256 * 8;
    world.ram[0] = 77;
    assert_true(world_send_raw(0, &p));
    world_run();
    assert_string_equal(world.reason, "a message among frames that is none");
    assert_int_equal(world.pinned, 0);
}

static void frames_come_after_initialisation(void **state)
{
    struct rndis_request halt = {.header = {RNDIS_HALT, sizeof(halt)}, .id = 1};

    (void)state;
    (void)world_rndis(0, NVSP_CHANNEL_CONTROL, &halt, sizeof(halt));
    plain(100);
    assert_int_equal(send(100, NULL, 0), NVSP_STATUS_FAIL);
    assert_string_equal(world.reason, "a frame before RNDIS is initialised");
}

/* ---- hostile: memory that changes ---- */

static void scribble(const struct net_frame *f)
{
    static uint8_t copy[2000];

    memset(world.buffers[WORLD_SEND] + 3 * NETVSP_SEND_SECTION, 0xff, NETVSP_SEND_SECTION);
    assert_int_equal(f->length, 300); /* what was decided stays */
    assert_int_equal(f->header_length, 128);
    assert_memory_equal(f->header, frame, 128);
    net_frame_copy(f, copy);
    assert_int_equal(copy[299], 0xff);
    world.logged = 1234;
}

static void what_was_checked_is_private(void **state)
{
    (void)state;
    plain(300);
    world.send = scribble;
    assert_int_equal(send(300, NULL, 0), NVSP_STATUS_SUCCESS);
    assert_int_equal(world.logged, 1234);
}

static unsigned seen;

static void count(const struct net_frame *f)
{
    (void)f;
    seen++;
}

/* A child that takes no answers waits in its own ring; later, it gets each answer once. */
static void answers_wait_for_room(void **state)
{
    struct nvsp_message m = {.type = NVSP_RNDIS, .rndis = {NVSP_CHANNEL_DATA, 3, 0}};
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .payload = &m,
                             .length = sizeof(m)};
    uint8_t *section = world.buffers[WORLD_SEND] + 3 * NETVSP_SEND_SECTION;
    unsigned sent = 0, taken;

    (void)state;
    world.send = count;
    plain(60);
    m.rndis.section_size = world_message(section, frame, 60, NULL, 0);
    world.channels[0].deaf = true;
    seen = 0;
    for (p.transaction = 1; world_send_raw(0, &p); p.transaction++, sent++)
        world_work();
    taken = seen;
    assert_true(taken > 100 && taken < sent); /* both rings are full */
    world_work();
    assert_int_equal(seen, taken);
    assert_int_equal(world.packet_count, 0);
    world.channels[0].deaf = false;
    world_packets_take(0); /* which signals for the room */
    world_run();
    assert_int_equal(seen, sent);
    assert_int_equal(world.packet_count, sent);
    for (unsigned i = 0; i < sent; i++)
        assert_int_equal(world.packets[i].transaction, i + 1);
}

/* What a child calls its packets is its own affair. */
static void one_transaction_is_answered_as_often_as_it_comes(void **state)
{
    struct nvsp_message m = {.type = NVSP_RNDIS, .rndis = {NVSP_CHANNEL_DATA, 3, 0}};
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .transaction = 77,
                             .payload = &m,
                             .length = sizeof(m)};
    unsigned sent = 0;

    (void)state;
    world.send = count;
    plain(60);
    m.rndis.section_size =
        world_message(world.buffers[WORLD_SEND] + 3 * NETVSP_SEND_SECTION, frame, 60, NULL, 0);
    seen = 0;
    world.packet_count = 0;
    while (sent < 1000) {
        for (uint32_t i = 0; i < 20; i++, sent++)
            assert_true(world_send_raw(0, &p));
        world_run();
    }
    assert_int_equal(seen, sent);
    assert_int_equal(world.packet_count, sent);
    for (unsigned i = 0; i < sent; i++) {
        assert_int_equal(world.packets[i].transaction, 77);
        assert_int_equal(world.packets[i].message.status, NVSP_STATUS_SUCCESS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_frame_in_a_section_goes_out),
        FACT(without_a_link_no_frame_goes_out),
        FACT(a_frame_in_pages_goes_out),
        FACT(a_frame_in_section_and_pages_goes_out),
        FACT(a_frame_in_many_ranges_goes_out),
        FACT(several_frames_are_in_a_message),
        FACT(more_frames_than_agreed_are_not_sent),
        FACT(frames_go_out_of_sub_channels),
        FACT(a_checksum_is_left_to_the_network),
        FACT(a_large_frame_is_left_to_be_cut),
        FACT(tags_go_beside_the_frame),
        FACT(unknown_information_is_passed_over),
        FACT(senseless_messages_are_counted),
        FACT(messages_end_where_they_end),
        FACT(frames_that_are_too_long_are_dropped),
        FACT(offloads_that_cannot_be_done_are_refused),
        FACT(sections_are_within_the_send_buffer),
        FACT(without_a_send_buffer_there_are_no_sections),
        FACT(pages_are_ram),
        FACT(there_are_not_too_many_pages),
        FACT(frames_come_after_initialisation),
        FACT(what_was_checked_is_private),
        FACT(answers_wait_for_room),
        FACT(one_transaction_is_answered_as_often_as_it_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
