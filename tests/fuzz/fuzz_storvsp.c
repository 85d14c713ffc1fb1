/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_storvsp.c - any packets, disks and moments: each request that asks for it is
 * answered once, and in the end nothing of the child is held.
 *
 * Input: operations of one byte with what they need behind it. Rings may also be scribbled upon;
 * then their channel may be closed, and the ledger only has an upper bound. The fakes check what
 * disks are given, AddressSanitizer the rest. */
#include <stdlib.h>
#include <string.h>
#include "storvsp_fixture.h"

#define SECTORS   256u
#define PAYLOAD   96u
#define PAGES_MAX 24u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OP_SEND,
    OP_RUN,
    OP_COMPLETE,
    OP_INITIALISE,
    OP_CHANNEL,
    OP_LUN,
    OP_DISK,
    OP_SCRIBBLE,
    OP_WORK,
    OP_COUNT,
};

static struct {
    const uint8_t *data;
    size_t left;
    uint64_t asked[WORLD_CHANNELS], answered[WORLD_CHANNELS];
    uint8_t ranges[sizeof(struct vmbus_range) + (PAGES_MAX + 1) * sizeof(uint64_t)];
    bool exact[WORLD_CHANNELS]; /* neither scribbled on nor closed since it was opened */
} fuzz;

static void must(bool condition)
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

static void answers_count(void)
{
    for (unsigned i = 0; i < world.answer_count; i++) {
        const struct world_answer *a = &world.answers[i];

        if (a->type == VMBUS_PACKET_COMPLETION) {
            must(a->packet.operation == STORAGE_COMPLETE_IO);
            fuzz.answered[a->channel]++;
            must(fuzz.answered[a->channel] <= fuzz.asked[a->channel] || !fuzz.exact[a->channel]);
        } else {
            must(a->packet.operation == STORAGE_ENUMERATE_BUS && a->transaction == 0);
        }
    }
    world.answer_count = 0;
}

static void run(void)
{
    world_run();
    answers_count();
}

struct send_head {
    uint8_t channel, type, flags, payload, pages, first_page;
    uint16_t offset;
    uint32_t length;
};

static void ranges_fill(struct vmbus_packet *p, const struct send_head *head)
{
    struct vmbus_range range = {.length = head->length, .offset = head->offset % CHILD_PAGE};
    uint32_t count = head->pages % PAGES_MAX;
    uint32_t needed;

    if (range.length == 0 || range.length > count * CHILD_PAGE)
        range.length = count * CHILD_PAGE - range.offset;
    needed = (range.offset + range.length + CHILD_PAGE - 1) / CHILD_PAGE;
    memcpy(fuzz.ranges, &range, sizeof(range));
    for (uint64_t i = 0; i < needed; i++) {
        uint64_t page = CHILD_FIRST_PAGE - 1 + head->first_page + i;

        memcpy(fuzz.ranges + sizeof(range) + i * sizeof(page), &page, sizeof(page));
    }
    p->type = VMBUS_PACKET_GPA_DIRECT;
    p->ranges = fuzz.ranges;
    p->range_count = 1;
    p->ranges_length = (uint32_t)(sizeof(range) + needed * sizeof(uint64_t));
}

static void send(void)
{
    uint8_t payload[PAYLOAD];
    struct send_head head;
    struct vmbus_packet p = {.payload = payload};
    uint32_t channel;

    take(&head, sizeof(head));
    channel = head.channel % WORLD_CHANNELS;
    p.length = head.payload == 0 ? STORAGE_PACKET_BYTES : head.payload % PAYLOAD & ~7u;
    take(payload, p.length);
    p.type = head.type % 8 == 7 ? VMBUS_PACKET_COMPLETION : VMBUS_PACKET_IN_BAND;
    p.flags = head.flags & 2 ? 0 : VMBUS_PACKET_FLAG_COMPLETION;
    p.transaction = fuzz.asked[channel];
    if (head.pages % PAGES_MAX > 0 && p.type == VMBUS_PACKET_IN_BAND)
        ranges_fill(&p, &head);
    if (!world.channels[channel].open || !world_send_raw(channel, &p))
        return;
    if (p.flags && p.type != VMBUS_PACKET_COMPLETION)
        fuzz.asked[channel]++;
}

static void channel_toggle(void)
{
    uint32_t channel = take_byte() % WORLD_CHANNELS;

    if (world.channels[channel].open) {
        world_close(channel);
        fuzz.exact[channel] = false;
    } else if (!world.channels[channel].storvsp && world_open(channel)) {
        fuzz.exact[channel] = true;
        fuzz.asked[channel] = 0;
        fuzz.answered[channel] = 0;
    }
}

static void lun_change(void)
{
    struct scsi_disk disk = world.disk.scsi;
    uint8_t lun;

    disk.max_transfer_sectors = 1u + take_byte();
    lun = take_byte() % 4;
    (void)storvsp_lun_add(&world.adapter, lun, &disk, &fake_disk_backend, &world.disk);
}

static void disk_change(void)
{
    uint8_t what = take_byte();

    world.disk.mode = what & 1 ? DISK_AT_ONCE : DISK_WHEN_TOLD;
    world.disk.fail_all = (what & 0x1e) == 0x1e;
    world.disk.bad_sector = what & 0x20 ? take_byte() : UINT64_MAX;
    world.disk.failure = 1 + (what >> 6) % 3;
    if (world.disk.mode == DISK_AT_ONCE)
        disk_complete_all(&world.disk);
}

/* Write to what is the child's to write: all of the ring to the server, and the reader's words of
 * the ring from it. */
static void scribble(void)
{
    uint32_t channel = take_byte() % WORLD_CHANNELS, at;
    uint8_t *rings = world.channels[channel].rings;
    uint16_t offset;
    uint32_t value;

    take(&offset, sizeof(offset));
    take(&value, sizeof(value));
    at = offset % (WORLD_RING_BYTES / 4) * 4;
    if (offset & 0x8000)
        at = WORLD_RING_BYTES + 4 + (offset & 4);
    memcpy(rings + at, &value, sizeof(value));
    world.channels[channel].scribbled = true;
    fuzz.exact[channel] = false;
}

static void initialise(void)
{
    const uint32_t operations[] = {STORAGE_BEGIN_INITIALIZATION, STORAGE_QUERY_PROTOCOL_VERSION,
                                   STORAGE_QUERY_PROPERTIES, STORAGE_END_INITIALIZATION};

    for (unsigned i = 0; i < 4 && world.channels[0].open; i++) {
        struct storage_packet packet = {.operation = operations[i],
                                        .version.major_minor = STORAGE_VERSION_6_2};
        struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                                 .flags = VMBUS_PACKET_FLAG_COMPLETION,
                                 .payload = &packet,
                                 .length = sizeof(packet)};

        if (world_send_raw(0, &p))
            fuzz.asked[0]++;
        run();
    }
}

static void operation(uint8_t op)
{
    switch (op % OP_COUNT) {
    case OP_SEND:
        send();
        break;
    case OP_COMPLETE:
        if (world.disk.count > 0)
            disk_complete(&world.disk, take_byte() % world.disk.count);
        break;
    case OP_INITIALISE:
        initialise();
        break;
    case OP_CHANNEL:
        channel_toggle();
        break;
    case OP_LUN:
        lun_change();
        break;
    case OP_DISK:
        disk_change();
        break;
    case OP_SCRIBBLE:
        scribble();
        break;
    case OP_WORK:
        world_work();
        break;
    case OP_RUN:
    default:
        run();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(&fuzz, 0, sizeof(fuzz));
    fuzz.data = data;
    fuzz.left = size;
    fuzz.exact[0] = true;
    world_make_sized(SECTORS);
    world.disk.mode = DISK_WHEN_TOLD;
    while (fuzz.left > 0)
        operation(take_byte());
    do {
        disk_complete_all(&world.disk);
        run();
    } while (world.disk.count > 0);
    for (uint32_t i = 0; i < WORLD_CHANNELS; i++)
        must(!fuzz.exact[i] || !world.channels[i].open || fuzz.answered[i] == fuzz.asked[i]);
    must(world.child.pinned == 0);
    world_drop();
    return 0;
}
