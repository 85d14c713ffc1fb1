/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_netvsc.c - a driver of network cards whose provider answers and sends anything,
 * at any moment, and scribbles on what it may write to: each frame that was taken is sent once, and
 * what comes lies within the receive buffer.
 *
 * Input: operations of one byte with what they need behind it. Buffers are on the heap, so that
 * AddressSanitizer sees a byte beyond them. */
#include <stdlib.h>
#include <string.h>
#include "netvsc/netvsc.h"

#define CHANNELS      2u
#define RING_BYTES    (2 * HV_PAGE_SIZE)
#define RECEIVE_BYTES 8000u
#define SEND_BYTES    5000u
#define PAYLOAD       128u
#define RANGES        8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OP_SEND,
    OP_ANSWER,
    OP_SECTIONS,
    OP_BUFFER,
    OP_SCRIBBLE,
    OP_POLL,
    OP_BEGIN,
    OP_CLOSE,
    OP_ASK,
    OP_COUNT
};

static struct {
    const uint8_t *data;
    size_t left;
    struct netvsc netvsc;
    struct netvsc_channel second;
    struct vmbus_channel ends[CHANNELS], providers[CHANNELS];
    uint8_t *rings[CHANNELS], *receive, *send;
    uint64_t taken, sent;
    uint64_t transaction; /* of the last packet that the provider has seen */
    bool initialising;
} fuzz;

static void check(bool condition)
{
    if (!condition)
        abort();
}

/* The next @size bytes of input, then zeroes. */
static void take(void *to, size_t size)
{
    size_t n = size < fuzz.left ? size : fuzz.left;

    memset(to, 0, size);
    if (n > 0)
        memcpy(to, fuzz.data, n);
    fuzz.data += n;
    fuzz.left -= n;
}

static uint8_t take_byte(void)
{
    uint8_t byte;

    take(&byte, 1);
    return byte;
}

/* ---- what the driver tells ---- */

static void ready(struct netvsc *n, bool ok)
{
    (void)ok;
    check(n == &fuzz.netvsc && fuzz.initialising);
    check(n->sub_channels <= 3 && n->section_count <= NETVSC_SECTIONS_MAX);
    fuzz.initialising = false;
}

static void received(struct netvsc_channel *c, const struct netvsc_received *f)
{
    check(c->device == &fuzz.netvsc);
    check(f->bytes >= fuzz.receive && f->bytes + f->length <= fuzz.receive + RECEIVE_BYTES);
    check(f->length >= NET_ETHERNET_BYTES);
}

static void sent(struct netvsc *n, void *context, uint32_t status)
{
    (void)status;
    check(n == &fuzz.netvsc && context == &fuzz);
    fuzz.sent++;
    check(fuzz.sent <= fuzz.taken);
}

static void told(struct netvsc *n, uint32_t status)
{
    (void)status;
    check(n == &fuzz.netvsc);
}

static void answered(struct netvsc *n, uint32_t id, uint32_t status, const uint8_t *value,
                     uint32_t length)
{
    volatile uint8_t sink = 0;

    (void)id;
    (void)status;
    check(n == &fuzz.netvsc && length <= NETVSC_MESSAGE_BYTES);
    for (uint32_t i = 0; i < length; i++) /* all of it can be read */
        sink = value[i];
    (void)sink;
}

static const struct netvsc_events events = {
    .ready = ready, .received = received, .sent = sent, .link = told, .answered = answered};

/* ---- the channels ---- */

static void no_signal(struct vmbus_channel *c)
{
    (void)c;
}

static void channel_make(uint32_t i)
{
    fuzz.rings[i] = aligned_alloc(HV_PAGE_SIZE, 2 * RING_BYTES);
    check(fuzz.rings[i] != NULL);
    memset(fuzz.rings[i], 0, 2 * RING_BYTES);
    vmbus_ring_format(fuzz.rings[i]);
    vmbus_ring_format(fuzz.rings[i] + RING_BYTES);
    fuzz.ends[i].signal = no_signal;
    fuzz.providers[i].signal = no_signal;
    check(vmbus_ring_attach_writer(&fuzz.ends[i].out, fuzz.rings[i], RING_BYTES));
    check(vmbus_ring_attach_reader(&fuzz.ends[i].in, fuzz.rings[i] + RING_BYTES, RING_BYTES));
    check(vmbus_ring_attach_reader(&fuzz.providers[i].in, fuzz.rings[i], RING_BYTES));
    check(vmbus_ring_attach_writer(&fuzz.providers[i].out, fuzz.rings[i] + RING_BYTES, RING_BYTES));
}

static struct netvsc_channel *channel_of(uint32_t i)
{
    return i == 0 ? &fuzz.netvsc.primary : &fuzz.second;
}

/* ---- the user ---- */

static void frame_send(void)
{
    static const uint64_t pages[2] = {1, 2};
    uint8_t what = take_byte(), bytes[256] = {0};
    struct netvsc_frame f = {.bytes = bytes,
                             .length = take_byte(),
                             .pages = pages,
                             .page_bytes = what & 0x40 ? 5000 : 0,
                             .vlan = what & 0x20 ? 5 : 0,
                             .context = &fuzz};

    fuzz.taken += netvsc_send(channel_of(what % CHANNELS), &f);
    netvsc_flush(channel_of(what % CHANNELS));
}

static void begin(void)
{
    if (fuzz.initialising)
        return;
    fuzz.initialising = true;
    if (!netvsc_begin(&fuzz.netvsc))
        fuzz.initialising = false;
}

static void ask(void)
{
    static const uint8_t value[8];
    uint8_t what = take_byte();

    if (fuzz.initialising)
        return;
    if (what & 1)
        (void)netvsc_query(&fuzz.netvsc, OID_GEN_LINK_SPEED, NULL, 0);
    else
        (void)netvsc_set(&fuzz.netvsc, OID_GEN_CURRENT_PACKET_FILTER, value, sizeof(value));
}

/* ---- the provider ---- */

static void put(uint32_t i, struct vmbus_packet *p)
{
    (void)!vmbus_channel_send(&fuzz.providers[i], p);
    vmbus_channel_flush(&fuzz.providers[i]);
}

/* Read a packet and answer it, with whatever the input says. */
static void answer(void)
{
    static uint8_t buffer[HV_PAGE_SIZE] __attribute__((aligned(8)));
    uint8_t what = take_byte(), payload[PAYLOAD];
    uint32_t i = what % CHANNELS;
    struct vmbus_packet p, a = {.type = what & 8 ? VMBUS_PACKET_IN_BAND : VMBUS_PACKET_COMPLETION,
                                .payload = payload,
                                .length = (what >> 4) * 8u};

    vmbus_channel_read_begin(&fuzz.providers[i]);
    if (vmbus_channel_read_next(&fuzz.providers[i], &p, buffer, sizeof(buffer)) == VMBUS_RING_OK &&
        p.type != VMBUS_PACKET_COMPLETION)
        fuzz.transaction = p.transaction;
    (void)!vmbus_channel_read_end(&fuzz.providers[i]);
    take(payload, sizeof(payload));
    a.transaction = fuzz.transaction;
    if (what & 4)
        take(&a.transaction, sizeof(a.transaction));
    put(i, &a);
}

/* Name what is in the receive buffer. */
static void sections_send(void)
{
    uint8_t what = take_byte();
    struct nvsp_message m = {.type = NVSP_RNDIS};
    struct vmbus_range ranges[RANGES];
    struct vmbus_packet p = {.type = VMBUS_PACKET_TRANSFER_PAGES,
                             .flags = what & 2 ? VMBUS_PACKET_FLAG_COMPLETION : 0,
                             .page_set = what & 4 ? 1 : NVSP_RECEIVE_BUFFER_ID,
                             .ranges = ranges,
                             .range_count = 1 + (what >> 5),
                             .payload = &m,
                             .length = sizeof(m)};

    for (uint32_t i = 0; i < p.range_count; i++) {
        uint16_t place[2];

        take(place, sizeof(place));
        ranges[i] = (struct vmbus_range){.length = 1u + place[0], .offset = place[1]};
    }
    p.ranges_length = p.range_count * (uint32_t)sizeof(ranges[0]);
    put(what % CHANNELS, &p);
}

static void buffer_write(void)
{
    uint8_t at = take_byte(), bytes = take_byte();

    take(fuzz.receive + at * 29u, bytes); /* the last is within */
}

/* To what is the provider's to write: all of the ring from it, and its words of the other. */
static void scribble(void)
{
    uint32_t i = take_byte() % CHANNELS, value, at;
    uint16_t offset;

    take(&offset, sizeof(offset));
    take(&value, sizeof(value));
    at = RING_BYTES + offset % (RING_BYTES / 4) * 4;
    if (offset & 0x8000)
        at = 4 + (offset & 4);
    memcpy(fuzz.rings[i] + at, &value, sizeof(value));
}

static void operation(uint8_t op)
{
    switch (op % OP_COUNT) {
    case OP_SEND:
        frame_send();
        break;
    case OP_ANSWER:
        answer();
        break;
    case OP_SECTIONS:
        sections_send();
        break;
    case OP_BUFFER:
        buffer_write();
        break;
    case OP_SCRIBBLE:
        scribble();
        break;
    case OP_BEGIN:
        begin();
        break;
    case OP_CLOSE:
        netvsc_channel_closed(channel_of(take_byte() % CHANNELS));
        break;
    case OP_ASK:
        ask();
        break;
    case OP_POLL:
    default:
        (void)netvsc_poll(channel_of(take_byte() % CHANNELS));
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct netvsc_config config = {.version = NVSP_VERSION_6_1,
                                   .mtu = 1500,
                                   .sub_channels = 3,
                                   .receive_bytes = RECEIVE_BYTES,
                                   .send_bytes = SEND_BYTES};

    memset(&fuzz, 0, sizeof(fuzz));
    fuzz.data = data;
    fuzz.left = size;
    fuzz.receive = calloc(1, RECEIVE_BYTES);
    fuzz.send = calloc(1, SEND_BYTES);
    config.receive = fuzz.receive;
    config.send = fuzz.send;
    for (uint32_t i = 0; i < CHANNELS; i++)
        channel_make(i);
    netvsc_init(&fuzz.netvsc, &events, &fuzz.ends[0], &config);
    check(netvsc_channel_add(&fuzz.netvsc, &fuzz.second, &fuzz.ends[1]));
    while (fuzz.left > 0)
        operation(take_byte());
    for (uint32_t i = 0; i < CHANNELS; i++) {
        netvsc_channel_closed(channel_of(i));
        free(fuzz.rings[i]);
    }
    check(fuzz.sent == fuzz.taken);
    free(fuzz.receive);
    free(fuzz.send);
    return 0;
}
