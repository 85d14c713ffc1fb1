/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_ic.c - any packets, answers and moments for the integration services: what people
 * see is printable, nothing is pending without a channel to answer it, no question is answered
 * twice, and root's work has an end.
 *
 * Input: operations of one byte with what they need behind it. Rings may also be scribbled upon. */
#include "ic_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OP_ANSWER,
    OP_AGREE,
    OP_SEND,
    OP_CHANNEL,
    OP_PASS,
    OP_ASK,
    OP_CLOCK,
    OP_SCRIBBLE,
    OP_WORK,
    OP_COUNT,
};

static struct {
    const uint8_t *data;
    size_t size;
} input;

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* The next @size bytes of input, then zeroes. */
static void take(void *to, size_t size)
{
    size_t n = size < input.size ? size : input.size;

    memset(to, 0, size);
    memcpy(to, input.data, n);
    input.data += n;
    input.size -= n;
}

static uint8_t take_byte(void)
{
    uint8_t b;

    take(&b, 1);
    return b;
}

static enum ic_kind take_kind(void)
{
    return (enum ic_kind)(take_byte() % IC_KINDS);
}

/* ---- what must hold ---- */

static void plain(const char *text, size_t size)
{
    size_t n = 0;

    for (; n < size && text[n] != '\0'; n++)
        must(text[n] >= ' ' && text[n] <= '~');
    must(n < size);
}

static void check(void)
{
    static const enum ic_kind kinds[IC_REQUESTS] = {
        [IC_POWER_OFF] = IC_SHUTDOWN, [IC_FREEZE] = IC_SNAPSHOT, [IC_THAW] = IC_SNAPSHOT,
        [IC_SET] = IC_DATA,           [IC_REFRESH] = IC_DATA,
    };
    const struct ic *ic = &world.ic;

    must(ic->item_count <= IC_ITEMS_MAX);
    for (uint32_t i = 0; i < ic->item_count; i++) {
        plain(ic->items[i].key, sizeof(ic->items[i].key));
        plain(ic->items[i].value, sizeof(ic->items[i].value));
    }
    for (uint32_t i = 0; i < IC_REQUESTS; i++)
        must(ic->requests[i].outcome != IC_PENDING || ic->services[kinds[i]].state == IC_READY);
    for (uint32_t i = 0; i < IC_KINDS; i++) {
        const struct ic_service *s = &ic->services[i];

        must((s->channel != NULL) == world.channels[i].open);
        must((s->state == IC_CLOSED) == (s->channel == NULL));
        must(s->counters.answered + (s->asking ? 1 : 0) <= s->counters.asked);
    }
    must(!ic->frozen || ic->services[IC_SNAPSHOT].state == IC_READY);
}

/* ---- the child ---- */

/* What came last of @kind's, if its ring is sound. False: nothing did. */
static bool packet_take(enum ic_kind kind)
{
    struct vmbus_channel *c = &world.channels[kind].child;
    enum vmbus_ring_status status;
    struct vmbus_packet p;

    if (!world.channels[kind].open)
        return false;
    vmbus_channel_read_begin(c);
    status = vmbus_channel_read_next(c, &p, world.buffer, sizeof(world.buffer));
    (void)!vmbus_channel_read_end(c);
    if (status != VMBUS_RING_OK || p.length < sizeof(world.header))
        return false;
    memcpy(&world.header, p.payload, sizeof(world.header));
    world.length = p.length - (uint32_t)sizeof(world.header);
    if (world.length > sizeof(world.payload))
        return false;
    memcpy(world.payload, (const uint8_t *)p.payload + sizeof(world.header), world.length);
    world.transaction = p.transaction;
    return true;
}

static void packet_send(enum ic_kind kind)
{
    static uint8_t packet[sizeof(world.header) + sizeof(world.payload)];

    memcpy(packet, &world.header, sizeof(world.header));
    memcpy(packet + sizeof(world.header), world.payload, world.length);
    if (world.channels[kind].open)
        (void)world_send(kind, packet, (uint32_t)sizeof(world.header) + world.length);
    world_run();
}

/* An answer, right but for what the input makes wrong; some of it is the input's. */
static void answer(void)
{
    static const uint32_t statuses[] = {IC_STATUS_OK, IC_STATUS_OK, IC_STATUS_FAIL,
                                        IC_STATUS_NO_MORE};
    enum ic_kind kind = take_kind();
    uint8_t how = take_byte();

    if (!packet_take(kind))
        return;
    world.header.flags = IC_FLAG_TRANSACTION | IC_FLAG_RESPONSE;
    world.header.status = statuses[how & 3];
    if (how & 4) /* a heart beats, items have a type */
        world.payload[kind == IC_DATA ? 8 : 0]++;
    if (how & 8) {
        uint16_t at;
        uint8_t count;

        take(&at, sizeof(at));
        count = take_byte();
        at = (uint16_t)(at % (sizeof(world.payload) - UINT8_MAX));
        take(world.payload + at, count);
    }
    if (how & 16)
        take((uint8_t *)&world.header + take_byte() % (sizeof(world.header) - 4), 4);
    if (how & 32)
        world.length = world.length * take_byte() / 255;
    packet_send(kind);
    if (how & 64) /* once more */
        packet_send(kind);
}

/* The version is one of ours, or, if the input wants that, any. */
static void agree(void)
{
    static const struct ic_version newest[IC_KINDS] = {
        [IC_HEARTBEAT] = {3, 0}, [IC_SHUTDOWN] = {3, 2}, [IC_TIME] = {4, 0},
        [IC_DATA] = {4, 0},      [IC_SNAPSHOT] = {5, 0},
    };
    enum ic_kind kind = take_kind();
    struct ic_negotiate n = {
        .framework_count = 1, .message_count = 1, .versions = {{3, 0}, newest[kind]}};

    if (!world.channels[kind].open)
        world_open(kind);
    if (!packet_take(kind))
        return;
    if (take_byte() & 1)
        take(&n, IC_NEGOTIATE_BYTES(2));
    memcpy(world.payload, &n, sizeof(n));
    world.header.flags = IC_FLAG_TRANSACTION | IC_FLAG_RESPONSE;
    packet_send(kind);
}

static void send(void)
{
    enum ic_kind kind = take_kind();

    take(&world.header, sizeof(world.header));
    world.length = take_byte();
    take(world.payload, world.length);
    packet_send(kind);
}

static void channel_toggle(void)
{
    enum ic_kind kind = take_kind();

    if (world.channels[kind].open)
        world_close(kind);
    else
        world_open(kind);
}

static void ask(void)
{
    enum ic_request request = (enum ic_request)(take_byte() % IC_REQUESTS);
    char key[IC_KEY_MAX + 4] = "", value[IC_VALUE_MAX + 4] = "";
    uint8_t how = take_byte();

    take(key, how % sizeof(key));
    take(value, take_byte() % sizeof(value));
    key[sizeof(key) - 1] = value[sizeof(value) - 1] = '\0';
    (void)ic_ask(&world.ic, request, key, how & 128 ? NULL : value);
    if (how & 64)
        world_run();
}

/* Write to what is the child's to write: all of the ring to root, and the reader's words of the
 * ring from it. */
static void scribble(void)
{
    enum ic_kind kind = take_kind();
    uint16_t offset;
    uint32_t value, at;

    take(&offset, sizeof(offset));
    take(&value, sizeof(value));
    at = offset % (WORLD_RING_BYTES / 4) * 4;
    if (offset & 0x8000)
        at = WORLD_RING_BYTES + 4 + (offset & 4);
    memcpy(world.channels[kind].rings + at, &value, sizeof(value));
}

static void operation(uint8_t op)
{
    uint64_t next;

    switch (op % OP_COUNT) {
    case OP_ANSWER:
        answer();
        break;
    case OP_AGREE:
        agree();
        break;
    case OP_SEND:
        send();
        break;
    case OP_CHANNEL:
        channel_toggle();
        break;
    case OP_PASS:
        world.no_moment = take_byte() == 0xff;
        world_pass(take_byte() * WORLD_SECOND / 2);
        break;
    case OP_ASK:
        ask();
        break;
    case OP_CLOCK:
        ic_clock_set(&world.ic);
        world_run();
        break;
    case OP_SCRIBBLE:
        scribble();
        break;
    case OP_WORK:
    default:
        (void)!ic_work(&world.ic, world.now, &next);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input.data = data;
    input.size = size;
    world_setup(NULL);
    ic_own_add(&world.ic, "HostName", "root");
    while (input.size != 0) {
        operation(take_byte());
        check();
    }
    world_run();
    check();
    world_teardown(NULL);
    check();
    return 0;
}
