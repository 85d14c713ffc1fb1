/* SPDX-License-Identifier: MIT */
/* netvsp_fixture_ask.c - what a child of netvsp_fixture.h sends, and how it reads its answers. */
#include "netvsp_fixture.h"

#define PAGE 4096u

/* ---- asking ---- */

bool world_send_raw(uint32_t index, const struct vmbus_packet *p)
{
    struct world_channel *w = &world.channels[index];
    enum vmbus_ring_status status = vmbus_channel_send(&w->child, p);

    vmbus_channel_flush(&w->child);
    return status == VMBUS_RING_OK;
}

static struct world_packet *answer_find(uint64_t transaction)
{
    struct world_packet *found = NULL;

    for (unsigned i = 0; i < world.packet_count; i++) {
        struct world_packet *p = &world.packets[i];

        if (p->type != VMBUS_PACKET_COMPLETION || p->transaction != transaction)
            continue;
        assert_null(found); /* no more than one */
        found = p;
    }
    return found;
}

static struct world_packet *packet_ask(uint32_t index, struct vmbus_packet *p)
{
    static uint64_t transaction = 0x1234567890000000ull;

    p->flags = VMBUS_PACKET_FLAG_COMPLETION;
    p->transaction = ++transaction;
    assert_true(world_send_raw(index, p));
    world_run();
    return answer_find(p->transaction);
}

struct world_packet *world_ask(uint32_t index, const struct nvsp_message *m)
{
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND, .payload = m, .length = sizeof(*m)};

    return packet_ask(index, &p);
}

void world_tell(uint32_t index, const struct nvsp_message *m)
{
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND, .payload = m, .length = sizeof(*m)};

    assert_true(world_send_raw(index, &p));
    world_run();
}

void world_version(uint32_t version)
{
    struct nvsp_message m = {.type = NVSP_INIT, .init = {version, version}};
    struct world_packet *a = world_ask(0, &m);

    assert_non_null(a);
    assert_int_equal(a->message.type, NVSP_INIT_COMPLETE);
    assert_int_equal(a->message.init_complete.status, NVSP_STATUS_SUCCESS);
    assert_int_equal(a->message.init_complete.version, version);
}

void world_buffers(uint32_t mtu)
{
    struct nvsp_message config = {.type = NVSP_NDIS_CONFIG,
                                  .ndis_config.frame_max = mtu + NET_ETHERNET_BYTES};
    struct nvsp_message receive = {
        .type = NVSP_RECEIVE_BUFFER,
        .buffer = {.gpadl = WORLD_RECEIVE, .id = NVSP_RECEIVE_BUFFER_ID}};
    struct nvsp_message send = {.type = NVSP_SEND_BUFFER,
                                .buffer = {.gpadl = WORLD_SEND, .id = NVSP_SEND_BUFFER_ID}};
    struct world_packet *a;

    world_tell(0, &config);
    a = world_ask(0, &receive);
    assert_non_null(a);
    assert_int_equal(a->message.receive_buffer_complete.status, NVSP_STATUS_SUCCESS);
    a = world_ask(0, &send);
    assert_non_null(a);
    assert_int_equal(a->message.send_buffer_complete.status, NVSP_STATUS_SUCCESS);
}

void world_initialise(void)
{
    struct rndis_initialize m = {.header = {.type = RNDIS_INITIALIZE, .length = sizeof(m)},
                                 .id = 77,
                                 .major = 1,
                                 .transfer_max = 0x4000};
    struct rndis_initialize_complete answer;
    uint32_t filter = NDIS_FILTER_DIRECTED | NDIS_FILTER_BROADCAST | NDIS_FILTER_ALL_MULTICAST;

    world_version(NVSP_VERSION_6_1);
    world_buffers(NET_MTU_DEFAULT);
    memcpy(&answer, world_control(&m, sizeof(m)), sizeof(answer));
    assert_int_equal(answer.header.type, RNDIS_INITIALIZE | RNDIS_COMPLETE);
    assert_int_equal(answer.id, 77);
    assert_int_equal(answer.status, RNDIS_STATUS_SUCCESS);
    assert_int_equal(world_set(OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter)), 0);
    world.packet_count = 0;
}

/* ---- RNDIS ---- */

uint32_t world_rndis(uint32_t index, uint32_t channel, const void *message, uint32_t length)
{
    struct nvsp_message m = {.type = NVSP_RNDIS,
                             .rndis = {.channel = channel, .section = 3, .section_size = length}};
    struct world_packet *a;

    assert_true(length <= NETVSP_SEND_SECTION);
    memcpy(world.buffers[WORLD_SEND] + 3 * NETVSP_SEND_SECTION, message, length);
    a = world_ask(index, &m);
    assert_non_null(a);
    assert_int_equal(a->message.type, NVSP_RNDIS_COMPLETE);
    return a->message.status;
}

uint32_t world_rndis_pages(uint32_t index, uint32_t channel, const void *message, uint32_t length,
                           uint32_t offset)
{
    struct nvsp_message m = {.type = NVSP_RNDIS,
                             .rndis = {.channel = channel, .section = NVSP_SECTION_NONE}};
    struct {
        struct vmbus_range range;
        uint64_t pages[WORLD_PAGES];
    } ranges = {.range = {.length = length, .offset = offset}};
    uint32_t pages = (offset + length + PAGE - 1) / PAGE;
    struct vmbus_packet p = {.type = VMBUS_PACKET_GPA_DIRECT,
                             .ranges = &ranges,
                             .range_count = 1,
                             .ranges_length =
                                 (uint32_t)(sizeof(ranges.range) + pages * sizeof(uint64_t)),
                             .payload = &m,
                             .length = sizeof(m)};
    struct world_packet *a;

    assert_true(pages <= WORLD_PAGES);
    memcpy(world.ram + offset, message, length);
    for (uint32_t i = 0; i < pages; i++)
        ranges.pages[i] = WORLD_FIRST_PAGE + i;
    a = packet_ask(index, &p);
    assert_non_null(a);
    return a->message.status;
}

const uint8_t *world_control(const void *message, uint32_t length)
{
    unsigned from = world.packet_count;

    assert_int_equal(world_rndis(0, NVSP_CHANNEL_CONTROL, message, length), NVSP_STATUS_SUCCESS);
    for (unsigned i = from; i < world.packet_count; i++) {
        const struct world_packet *p = &world.packets[i];

        if (p->type != VMBUS_PACKET_TRANSFER_PAGES ||
            p->message.rndis.channel != NVSP_CHANNEL_CONTROL)
            continue;
        assert_int_equal(p->channel, 0);
        world_complete(p);
        return world_section(p, 0);
    }
    return NULL;
}

static const uint8_t *oid_ask(uint32_t type, uint32_t oid, const void *value, uint32_t length)
{
    uint8_t message[1024];
    struct rndis_oid_request m = {.header = {.type = type, .length = (uint32_t)sizeof(m) + length},
                                  .id = oid ^ 0x55,
                                  .oid = oid,
                                  .length = length,
                                  .offset = sizeof(m) - sizeof(m.header)};
    const uint8_t *answer;

    assert_true(sizeof(m) + length <= sizeof(message));
    memcpy(message, &m, sizeof(m));
    if (length > 0)
        memcpy(message + sizeof(m), value, length);
    answer = world_control(message, (uint32_t)sizeof(m) + length);
    assert_non_null(answer);
    return answer;
}

uint32_t world_query(uint32_t oid, const void *asked, uint32_t length, void *value,
                     uint32_t *value_length)
{
    const uint8_t *answer = oid_ask(RNDIS_QUERY, oid, asked, length);
    struct rndis_query_complete c;

    memcpy(&c, answer, sizeof(c));
    assert_int_equal(c.header.type, RNDIS_QUERY | RNDIS_COMPLETE);
    assert_int_equal(c.id, oid ^ 0x55);
    assert_int_equal(c.header.length, sizeof(c) + c.length);
    assert_int_equal(c.offset, c.length > 0 ? 16 : 0);
    *value_length = c.length;
    memcpy(value, answer + sizeof(c), c.length);
    return c.status;
}

uint32_t world_set(uint32_t oid, const void *value, uint32_t length)
{
    struct rndis_complete c;

    memcpy(&c, oid_ask(RNDIS_SET, oid, value, length), sizeof(c));
    assert_int_equal(c.header.type, RNDIS_SET | RNDIS_COMPLETE);
    assert_int_equal(c.id, oid ^ 0x55);
    return c.status;
}

uint32_t world_message(uint8_t *to, const void *frame, uint32_t length, const void *info,
                       uint32_t info_length)
{
    struct rndis_packet m = {
        .header = {.type = RNDIS_PACKET, .length = (uint32_t)sizeof(m) + info_length + length},
        .data_offset = (uint32_t)(sizeof(m) - sizeof(m.header)) + info_length,
        .data_length = length,
        .info_offset = info_length > 0 ? (uint32_t)(sizeof(m) - sizeof(m.header)) : 0,
        .info_length = info_length};

    memcpy(to, &m, sizeof(m));
    if (info_length > 0)
        memcpy(to + sizeof(m), info, info_length);
    memcpy(to + sizeof(m) + info_length, frame, length);
    return m.header.length;
}

/* ---- the child's receive buffer ---- */

void world_complete(const struct world_packet *p)
{
    struct nvsp_message m = {.type = NVSP_RNDIS_COMPLETE, .status = NVSP_STATUS_SUCCESS};
    struct vmbus_packet c = {.type = VMBUS_PACKET_COMPLETION,
                             .transaction = p->transaction,
                             .payload = &m,
                             .length = sizeof(m)};

    assert_true(world_send_raw(p->channel, &c));
    world_work();
}

struct world_packet *world_sections(unsigned from)
{
    for (unsigned i = from; i < world.packet_count; i++)
        if (world.packets[i].type == VMBUS_PACKET_TRANSFER_PAGES &&
            world.packets[i].message.rndis.channel == NVSP_CHANNEL_DATA)
            return &world.packets[i];
    return NULL;
}

const uint8_t *world_section(const struct world_packet *p, uint32_t i)
{
    assert_true(i < p->range_count);
    assert_true((uint64_t)p->ranges[i].offset + p->ranges[i].length <= WORLD_RECEIVE_BYTES);
    return world.buffers[WORLD_RECEIVE] + p->ranges[i].offset;
}

void world_receive(const uint8_t *bytes, uint32_t length)
{
    uint32_t header = length < NET_HEADER_MAX ? length : NET_HEADER_MAX;
    struct net_piece piece = {.bytes = bytes + header, .length = length - header};
    struct net_frame f = {.header = bytes,
                          .header_length = header,
                          .pieces = &piece,
                          .piece_count = length > header,
                          .length = length};

    netvsp_receive(&world.device, &f);
}
