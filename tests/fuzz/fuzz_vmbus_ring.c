/* SPDX-License-Identifier: MIT */
/* fuzz_vmbus_ring.c - a ring whose page may hold anything and change at any time: what is read lies
 * in the reader's buffer and is consistent, what is written stays in the ring, our own index is
 * ours.
 *
 * Input: five words for the ring's header, a length and so many bytes of data, then steps: an
 * opcode and its operands, until they run out. */
#include <stdlib.h>
#include <string.h>
#include <vmbus/ring.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGE       4096u
#define RING_BYTES (2 * PAGE)
#define BUFFER_MAX 1024u

struct input {
    const uint8_t *at, *end;
};

static uint32_t number(struct input *in, size_t bytes)
{
    uint32_t v = 0;

    for (size_t i = 0; i < bytes && in->at < in->end; i++)
        v |= (uint32_t)*in->at++ << 8 * i;
    return v;
}

static void check(bool condition)
{
    if (!condition)
        abort();
}

/* ---- what must hold -------------------------------------------------------------------------- */

static void packet_check(const struct vmbus_packet *p, const uint8_t *buffer, uint32_t size)
{
    const uint8_t *payload = p->payload;
    struct vmbus_packet_range range;
    uint32_t cursor = 0, count = 0;

    check(payload >= buffer && (size_t)(payload - buffer) + p->length <= size);
    while (vmbus_packet_next_range(p, &cursor, &range)) {
        const uint8_t *end = (const uint8_t *)(range.pages + range.page_count);

        count++;
        check(range.length != 0 && end <= payload);
        if (p->type == VMBUS_PACKET_GPA_DIRECT)
            check(range.offset < PAGE &&
                  (uint64_t)range.page_count * PAGE >= (uint64_t)range.offset + range.length);
        for (uint32_t i = 0; i < range.page_count; i++)
            check(range.pages[i] != 0x6a65737465727300); /* ASan sees each */
    }
    check(count == p->range_count);
}

static void ring_check(const struct vmbus_ring *r)
{
    check(r->broken || (r->own < r->size && r->own % 8 == 0 && r->peer < r->size &&
                        r->published < r->size && r->size == PAGE));
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void step_read(struct vmbus_ring *r, struct input *in)
{
    uint32_t size = number(in, 1) * 8 % (BUFFER_MAX + 1);
    uint8_t *buffer = malloc(size != 0 ? size : 1);
    struct vmbus_packet packet;

    if (vmbus_ring_read(r, &packet, buffer, size) == VMBUS_RING_OK)
        packet_check(&packet, buffer, size);
    free(buffer);
}

static void step_write(struct vmbus_ring *r, struct input *in)
{
    static const uint8_t payload[2 * PAGE];
    static const struct {
        struct vmbus_range range;
        uint64_t pages[2];
    } ranges = {{PAGE, 1}, {1, 2}};
    struct vmbus_packet packet = {.type = VMBUS_PACKET_COMPLETION, .payload = payload};

    packet.length = number(in, 2) % sizeof(payload);
    if (packet.length & 1) {
        packet.type = VMBUS_PACKET_GPA_DIRECT;
        packet.ranges = &ranges;
        packet.range_count = 1;
        packet.ranges_length = sizeof(ranges);
    }
    (void)!vmbus_ring_write(r, &packet);
}

static void step_poke(struct vmbus_ring *r, struct input *in)
{
    uint32_t at = number(in, 2) % (RING_BYTES / 4), value = number(in, 4);

    memcpy((uint8_t *)r->header + at * (size_t)4, &value, sizeof(value));
}

static void step(struct vmbus_ring *reader, struct vmbus_ring *writer, struct input *in)
{
    bool signal;

    switch (number(in, 1) % 7) {
    case 0:
        vmbus_ring_read_begin(reader);
        break;
    case 1:
    case 2:
        step_read(reader, in);
        break;
    case 3:
        (void)!vmbus_ring_read_end(reader, &signal);
        break;
    case 4:
        step_write(writer, in);
        break;
    case 5:
        (void)!vmbus_ring_write_end(writer);
        break;
    default:
        step_poke(reader, in);
        break;
    }
    ring_check(reader);
    ring_check(writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    struct vmbus_ring_header *header = aligned_alloc(PAGE, RING_BYTES);
    struct vmbus_ring reader, writer;
    uint32_t bytes;

    memset(header, 0, RING_BYTES);
    header->write_index = number(&in, 4);
    header->read_index = number(&in, 4);
    header->interrupt_mask = number(&in, 4);
    header->pending_send_size = number(&in, 4);
    header->features = number(&in, 4);
    bytes = number(&in, 2) % (PAGE + 1);
    for (uint32_t i = 0; i < bytes; i++)
        ((uint8_t *)header)[PAGE + i] = (uint8_t)number(&in, 1);
    if (vmbus_ring_attach_reader(&reader, header, RING_BYTES) &&
        vmbus_ring_attach_writer(&writer, header, RING_BYTES))
        while (in.at < in.end)
            step(&reader, &writer, &in);
    free(header);
    return 0;
}
