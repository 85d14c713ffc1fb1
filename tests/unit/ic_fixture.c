/* SPDX-License-Identifier: MIT */
/* ic_fixture.c - see ic_fixture.h. */
#include "ic_fixture.h"

#define ROUNDS_MAX 10000u

struct world world;

/* ---- the bus ---- */

static struct world_channel *channel_of(struct vmbus_channel *c)
{
    return container_of(c, struct world_channel, server);
}

void vmbus_server_closed(struct vmbus_channel *c)
{
    channel_of(c)->closed++;
}

void vmbus_server_channel_broken(struct vmbus_channel *c)
{
    struct world_channel *w = channel_of(c);

    w->broken++;
    if (w->open)
        world_close((enum ic_kind)(w - world.channels));
}

/* ---- the owner ---- */

static void wake(struct ic *ic)
{
    assert_ptr_equal(ic, &world.ic);
    world.woken = true;
}

static bool moment(struct ic *ic, struct ic_moment *out)
{
    assert_ptr_equal(ic->context, &world);
    *out = (struct ic_moment){.wall = world.wall, .reference = world.reference};
    return !world.no_moment;
}

static void note(struct ic *ic, uint32_t relid, const char *reason)
{
    (void)ic;
    assert_int_not_equal(relid, 0);
    world.logged++;
    world.reason = reason;
}

static const struct ic_port port = {.wake = wake, .moment = moment, .log = note};

/* ---- rings ---- */

static void signal_server(struct vmbus_channel *c)
{
    struct world_channel *w = container_of(c, struct world_channel, child);
    struct vmbus_offer *o = &world.ic.services[w - world.channels].offer;

    if (w->open)
        o->operations->signalled(o, &w->server);
}

static void signal_child(struct vmbus_channel *c)
{
    (void)c;
}

void world_open(enum ic_kind kind)
{
    struct world_channel *w = &world.channels[kind];
    struct vmbus_offer *o = &world.ic.services[kind].offer;
    static const uint8_t user_data[VMBUS_USER_DATA_SIZE];
    uint8_t *down = w->rings + WORLD_RING_BYTES;

    assert_false(w->open);
    vmbus_ring_format(w->rings);
    vmbus_ring_format(down);
    w->server = (struct vmbus_channel){.relid = kind + 1u, .signal = signal_child};
    w->child = (struct vmbus_channel){.relid = kind + 1u, .signal = signal_server};
    assert_true(vmbus_ring_attach_reader(&w->server.in, w->rings, WORLD_RING_BYTES));
    assert_true(vmbus_ring_attach_writer(&w->server.out, down, WORLD_RING_BYTES));
    assert_true(vmbus_ring_attach_writer(&w->child.out, w->rings, WORLD_RING_BYTES));
    assert_true(vmbus_ring_attach_reader(&w->child.in, down, WORLD_RING_BYTES));
    w->open = true;
    assert_true(o->operations->opened(o, &w->server, user_data, false));
    world_run();
}

void world_close(enum ic_kind kind)
{
    struct world_channel *w = &world.channels[kind];
    struct vmbus_offer *o = &world.ic.services[kind].offer;
    unsigned closed = w->closed;

    assert_true(w->open);
    w->open = false;
    o->operations->closed(o, &w->server);
    assert_int_equal(w->closed, closed + 1);
    assert_null(world.ic.services[kind].channel);
}

int world_setup(void **state)
{
    struct vmbus_guid instances[IC_KINDS] = {{0}};

    (void)state;
    memset(&world, 0, sizeof(world));
    world.now = 100 * WORLD_SECOND;
    for (uint32_t i = 0; i < IC_KINDS; i++) {
        instances[i].data1 = i;
        world.channels[i].rings = aligned_alloc(4096, (size_t)2 * WORLD_RING_BYTES);
        assert_non_null(world.channels[i].rings);
    }
    ic_init(&world.ic, &port, &world, instances);
    return 0;
}

int world_teardown(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < IC_KINDS; i++) {
        if (world.channels[i].open)
            world_close((enum ic_kind)i);
        free(world.channels[i].rings);
    }
    return 0;
}

/* ---- time ---- */

void world_run(void)
{
    bool more = true;

    for (unsigned i = 0; more || world.woken; i++) {
        assert_true(i < ROUNDS_MAX);
        world.woken = false;
        more = ic_work(&world.ic, world.now, &world.next);
        assert_true(world.next > world.now);
    }
}

void world_pass(uint64_t ns)
{
    world.now += ns;
    world_run();
}

/* ---- the child ---- */

bool world_take(enum ic_kind kind)
{
    struct vmbus_channel *c = &world.channels[kind].child;
    enum vmbus_ring_status status;
    struct vmbus_packet p;

    vmbus_channel_read_begin(c);
    status = vmbus_channel_read_next(c, &p, world.buffer, sizeof(world.buffer));
    (void)!vmbus_channel_read_end(c);
    if (status == VMBUS_RING_EMPTY)
        return false;
    assert_int_equal(status, VMBUS_RING_OK);
    assert_int_equal(p.type, VMBUS_PACKET_IN_BAND);
    assert_int_equal(p.flags, 0);
    assert_true(p.length >= sizeof(world.header));
    memcpy(&world.header, p.payload, sizeof(world.header));
    world.length = world.header.size;
    world.transaction = p.transaction;
    assert_int_equal(world.header.pipe_type, IC_PIPE_DATA);
    assert_int_equal(world.header.pipe_size, sizeof(world.header) - IC_PIPE_BYTES + world.length);
    assert_int_equal(world.header.flags, IC_FLAG_TRANSACTION | IC_FLAG_REQUEST);
    assert_int_equal(world.header.status, 0);
    assert_true(p.length - sizeof(world.header) >= world.length &&
                world.length <= sizeof(world.payload));
    memcpy(world.payload, (const uint8_t *)p.payload + sizeof(world.header), world.length);
    return true;
}

void world_none(enum ic_kind kind)
{
    assert_false(world_take(kind));
}

bool world_send(enum ic_kind kind, const void *bytes, uint32_t length)
{
    struct vmbus_channel *c = &world.channels[kind].child;
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .transaction = world.transaction,
                             .payload = bytes,
                             .length = length};
    enum vmbus_ring_status status = vmbus_channel_send(c, &p);

    vmbus_channel_flush(c);
    return status == VMBUS_RING_OK;
}

void world_answer(enum ic_kind kind, uint32_t status)
{
    static uint8_t packet[sizeof(world.header) + sizeof(world.payload)];
    struct ic_header h = world.header;

    h.status = status;
    h.flags = IC_FLAG_TRANSACTION | IC_FLAG_RESPONSE;
    memcpy(packet, &h, sizeof(h));
    memcpy(packet + sizeof(h), world.payload, world.length);
    assert_true(world_send(kind, packet, (uint32_t)sizeof(h) + world.length));
    world_run();
}

void world_agree(enum ic_kind kind, uint16_t framework, uint16_t major, uint16_t minor)
{
    const struct ic_negotiate n = {
        .framework_count = 1, .message_count = 1, .versions = {{framework, 0}, {major, minor}}};

    world_open(kind);
    assert_true(world_take(kind));
    assert_int_equal(world.header.type, IC_NEGOTIATE);
    memcpy(world.payload, &n, IC_NEGOTIATE_BYTES(2));
    world.header.size = IC_NEGOTIATE_BYTES(2); /* as Linux does: the packet stays as long */
    world_answer(kind, IC_STATUS_OK);
}

void world_ready(enum ic_kind kind)
{
    static const struct ic_version newest[IC_KINDS] = {
        [IC_HEARTBEAT] = {3, 0}, [IC_SHUTDOWN] = {3, 2}, [IC_TIME] = {4, 0},
        [IC_DATA] = {4, 0},      [IC_SNAPSHOT] = {5, 0},
    };

    world_agree(kind, 3, newest[kind].major, newest[kind].minor);
    assert_int_equal(world.ic.services[kind].state, IC_READY);
}
