/* SPDX-License-Identifier: MIT */
/* fuzz_storvsc.c - a provider that answers as it likes against the driver of SCSI controllers: each
 * request of its user is done once, by its answer or when the channel is closed, and answers to no
 * request are only counted.
 *
 * Input: operations of one byte with what they need behind it. */
#include <stdlib.h>
#include <string.h>
#include "storvsc/storvsc.h"

#define CHANNELS   2u
#define REQUESTS   8u
#define SLOTS      6u
#define RING_BYTES (2 * HV_PAGE_SIZE)
#define PAYLOAD    160u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OP_SUBMIT,
    OP_ANSWER,
    OP_SEND,
    OP_SCRIBBLE,
    OP_POLL,
    OP_BEGIN,
    OP_CLOSE,
    OP_RESET,
    OP_COUNT
};

struct fuzz_request {
    struct storvsc_request request;
    bool busy;
};

static struct {
    const uint8_t *data;
    size_t left;
    struct storvsc storvsc;
    struct storvsc_channel second;
    struct storvsc_slot slots[CHANNELS][SLOTS];
    struct vmbus_channel ends[CHANNELS], providers[CHANNELS];
    uint8_t *rings[CHANNELS];
    struct fuzz_request requests[CHANNELS][REQUESTS];
    uint64_t submitted[CHANNELS], done[CHANNELS];
    uint64_t transaction; /* of the last request that the provider has seen */
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

static void ready(struct storvsc *s, bool ok)
{
    (void)ok;
    check(s == &fuzz.storvsc && fuzz.initialising);
    fuzz.initialising = false;
    check(s->sub_channels <= 3);
}

static void changed(struct storvsc *s)
{
    check(s == &fuzz.storvsc);
}

static void was_reset(struct storvsc *s, bool ok)
{
    (void)ok;
    check(s == &fuzz.storvsc);
}

static const struct storvsc_events events = {
    .ready = ready, .changed = changed, .reset = was_reset};

static void request_done(struct storvsc_request *r)
{
    struct fuzz_request *f = r->context;

    check(&f->request == r && f->busy);
    check(r->transferred <= r->length && r->sense_bytes <= sizeof(r->sense));
    (void)storvsc_sense(r);
    f->busy = false;
    fuzz.done[f >= fuzz.requests[1]]++;
}

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

static struct storvsc_channel *channel_of(uint32_t i)
{
    return i == 0 ? &fuzz.storvsc.primary : &fuzz.second;
}

/* ---- the user ---- */

static void submit(void)
{
    uint8_t what = take_byte(), bytes = take_byte();
    uint32_t i = what % CHANNELS;
    struct fuzz_request *f = &fuzz.requests[i][what / CHANNELS % REQUESTS];
    static const uint64_t pages[2] = {1, 2};

    if (f->busy)
        return;
    f->request.context = f;
    f->request.done = request_done;
    if (what & 0x80)
        storvsc_prepare_read(&f->request, bytes, 1);
    else
        storvsc_prepare_ready(&f->request);
    storvsc_data(&f->request, pages, 0, what & 0x80 ? bytes * 16u : 0);
    if (!storvsc_submit(channel_of(i), &f->request))
        return;
    f->busy = true;
    fuzz.submitted[i]++;
    storvsc_flush(channel_of(i));
}

static void poll(uint32_t i)
{
    (void)storvsc_poll(channel_of(i));
}

static void close(uint32_t i)
{
    storvsc_channel_closed(channel_of(i));
    check(fuzz.done[i] == fuzz.submitted[i]);
}

static void begin(void)
{
    if (fuzz.initialising)
        return;
    fuzz.initialising = true;
    if (!storvsc_begin(&fuzz.storvsc, take_byte() % 4))
        fuzz.initialising = false;
}

/* ---- the provider ---- */

static void answer_put(uint32_t i, uint16_t type, uint64_t transaction, const void *payload,
                       uint32_t length)
{
    struct vmbus_packet p = {
        .type = type, .transaction = transaction, .payload = payload, .length = length};

    (void)!vmbus_channel_send(&fuzz.providers[i], &p);
    vmbus_channel_flush(&fuzz.providers[i]);
}

/* Read a request and answer it, with whatever the input says. */
static void answer(void)
{
    static uint8_t buffer[HV_PAGE_SIZE] __attribute__((aligned(8)));
    uint8_t what = take_byte();
    uint32_t i = what % CHANNELS;
    struct storage_packet packet;
    struct vmbus_packet p;

    vmbus_channel_read_begin(&fuzz.providers[i]);
    if (vmbus_channel_read_next(&fuzz.providers[i], &p, buffer, sizeof(buffer)) == VMBUS_RING_OK)
        fuzz.transaction = p.transaction;
    (void)!vmbus_channel_read_end(&fuzz.providers[i]);
    take(&packet, sizeof(packet));
    packet.operation = STORAGE_COMPLETE_IO;
    if (what & 2) /* what a sound provider says of an operation that went well */
        packet.status = STORAGE_STATUS_OK;
    answer_put(i, VMBUS_PACKET_COMPLETION, fuzz.transaction, &packet, sizeof(packet));
}

static void send(void)
{
    uint8_t payload[PAYLOAD], what = take_byte(), length = take_byte() % PAYLOAD;
    uint64_t transaction;

    take(&transaction, sizeof(transaction));
    take(payload, length);
    answer_put(what % CHANNELS, what & 2 ? VMBUS_PACKET_COMPLETION : VMBUS_PACKET_IN_BAND,
               what & 4 ? fuzz.transaction + transaction : transaction, payload, length);
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
    case OP_SUBMIT:
        submit();
        break;
    case OP_ANSWER:
        answer();
        break;
    case OP_SEND:
        send();
        break;
    case OP_SCRIBBLE:
        scribble();
        break;
    case OP_BEGIN:
        begin();
        break;
    case OP_CLOSE:
        close(take_byte() % CHANNELS);
        break;
    case OP_RESET:
        (void)storvsc_reset(&fuzz.storvsc);
        break;
    case OP_POLL:
    default:
        poll(take_byte() % CHANNELS);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(&fuzz, 0, sizeof(fuzz));
    fuzz.data = data;
    fuzz.left = size;
    for (uint32_t i = 0; i < CHANNELS; i++)
        channel_make(i);
    storvsc_init(&fuzz.storvsc, &events, &fuzz.ends[0], fuzz.slots[0], SLOTS);
    check(storvsc_channel_add(&fuzz.storvsc, &fuzz.second, &fuzz.ends[1], fuzz.slots[1], SLOTS));
    while (fuzz.left > 0)
        operation(take_byte());
    for (uint32_t i = 0; i < CHANNELS; i++) {
        poll(i);
        check(channel_of(i)->completed <= channel_of(i)->submitted);
        close(i);
        free(fuzz.rings[i]);
    }
    return 0;
}
