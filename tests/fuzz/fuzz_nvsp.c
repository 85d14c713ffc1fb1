/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_nvsp.c - any packets, frames and moments for netvsp: each packet that asks for it
 * is answered once, sections go to the child one after the other and never twice, nothing passes
 * while its link is down, and in the end nothing of the child is held.
 *
 * Input: operations of one byte with what they need behind it. Rings may also be scribbled upon;
 * then their channel may be closed, and the ledger only has an upper bound. */
#include "network_input.h"

#define PAYLOAD   64u
#define PAGES_MAX 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OP_SEND,
    OP_RUN,
    OP_BRING,
    OP_COMPLETE,
    OP_INITIALISE,
    OP_CHANNEL,
    OP_BUFFER,
    OP_SCRIBBLE,
    OP_WORK,
    OP_LINK,
    OP_COUNT,
};

static struct {
    uint64_t asked[WORLD_CHANNELS], answered[WORLD_CHANNELS];
    bool exact[WORLD_CHANNELS];    /* neither scribbled on nor closed since it was opened */
    bool has[WORLD_RECEIVE_BYTES]; /* the child has what begins here */
    uint64_t ranges[1 + PAGES_MAX];
    uint32_t buffers; /* that were there */
    bool loose;       /* something was scribbled on, closed, or given back wrongly */
    bool link_down;
} fuzz;

/* ---- what the child gets ---- */

static void sections_note(const struct world_packet *p, bool has)
{
    for (uint32_t i = 0; i < p->range_count; i++) {
        uint32_t offset = p->ranges[i].offset;

        must((uint64_t)offset + p->ranges[i].length <= WORLD_RECEIVE_BYTES);
        must(p->ranges[i].length >= sizeof(struct rndis_complete));
        must(fuzz.loose || fuzz.has[offset] != has);
        fuzz.has[offset] = has;
    }
}

static void packets_note(unsigned from)
{
    for (unsigned i = from; i < world.packet_count; i++) {
        const struct world_packet *p = &world.packets[i];

        if (p->type == VMBUS_PACKET_COMPLETION) {
            /* Of a buffer that is there anew, no section is the child's. */
            if (p->message.type == NVSP_RECEIVE_BUFFER_COMPLETE && p->message.status == 1)
                fuzz.loose |= fuzz.buffers++ > 0;
            fuzz.answered[p->channel]++;
            must(fuzz.answered[p->channel] <= fuzz.asked[p->channel] || !fuzz.exact[p->channel]);
        } else if (p->type == VMBUS_PACKET_TRANSFER_PAGES) {
            sections_note(p, true);
        } else {
            must(p->type == VMBUS_PACKET_IN_BAND && p->message.type == NVSP_SEND_TABLE);
        }
    }
}

static void run(void)
{
    unsigned from = world.packet_count;

    if (from > WORLD_PACKETS / 2) { /* the child forgets what it has not given back */
        world.packet_count = 0;
        from = 0;
    }
    world_run();
    packets_note(from);
}

static void send_raw(uint32_t channel, struct vmbus_packet *p)
{
    p->transaction |= fuzz.asked[channel] << 8;
    if (!world.channels[channel].open || !world_send_raw(channel, p))
        return;
    if ((p->flags & VMBUS_PACKET_FLAG_COMPLETION) &&
        (p->type == VMBUS_PACKET_IN_BAND || p->type == VMBUS_PACKET_GPA_DIRECT))
        fuzz.asked[channel]++;
}

static void complete(void)
{
    uint8_t which = take_byte();
    struct world_packet *p =
        world.packet_count > 0 ? &world.packets[world.packet_count - 1 - which % world.packet_count]
                               : NULL;
    struct vmbus_packet c = {.type = VMBUS_PACKET_COMPLETION};

    if (!p || p->type != VMBUS_PACKET_TRANSFER_PAGES || !world.channels[p->channel].open)
        return;
    c.transaction = p->transaction;
    if (world_send_raw(p->channel, &c) && p->range_count > 0)
        sections_note(p, false);
    p->range_count = 0; /* a second time is nothing */
}

/* ---- what it sends ---- */

struct send_head {
    uint8_t channel, type, flags, payload, pages, first_page;
    uint16_t offset;
};

static void ranges_fill(struct vmbus_packet *p, const struct send_head *head)
{
    uint32_t pages = 1 + head->pages % PAGES_MAX, offset = head->offset % 4096;
    struct vmbus_range range = {.length = pages * 4096 - offset, .offset = offset};

    memcpy(fuzz.ranges, &range, sizeof(range));
    for (uint32_t i = 0; i < pages; i++)
        fuzz.ranges[1 + i] = WORLD_FIRST_PAGE - 1 + (head->first_page + i) % (WORLD_PAGES + 2);
    p->ranges = fuzz.ranges;
    p->range_count = 1;
    p->ranges_length = 8 + pages * 8;
}

static void send(void)
{
    static const uint16_t types[] = {VMBUS_PACKET_IN_BAND, VMBUS_PACKET_GPA_DIRECT,
                                     VMBUS_PACKET_COMPLETION, VMBUS_PACKET_TRANSFER_PAGES};
    uint8_t payload[PAYLOAD] __attribute__((aligned(8)));
    struct send_head head;
    struct vmbus_packet p = {.payload = payload};

    take(&head, sizeof(head));
    p.type = types[head.type % 4];
    p.length = head.payload == 0 ? NVSP_MESSAGE_BYTES : head.payload % PAYLOAD & ~7u;
    p.flags = head.flags & 1 ? VMBUS_PACKET_FLAG_COMPLETION : 0;
    take(payload, sizeof(payload));
    if (p.type == VMBUS_PACKET_COMPLETION) {
        memcpy(&p.transaction, payload, sizeof(p.transaction));
        fuzz.loose = true; /* it may be one that fits */
    }
    if (p.type == VMBUS_PACKET_GPA_DIRECT || p.type == VMBUS_PACKET_TRANSFER_PAGES)
        ranges_fill(&p, &head);
    if (p.type == VMBUS_PACKET_TRANSFER_PAGES)
        p.ranges_length = 8;
    send_raw(head.channel % WORLD_CHANNELS, &p);
}

static void tell(const struct nvsp_message *m)
{
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = VMBUS_PACKET_FLAG_COMPLETION,
                             .payload = m,
                             .length = sizeof(*m)};

    send_raw(0, &p);
    run();
}

/* As far as frames, with the input's version and MTU. */
static void initialise(void)
{
    static const uint32_t versions[] = {NVSP_VERSION_1, NVSP_VERSION_2, NVSP_VERSION_4,
                                        NVSP_VERSION_5, NVSP_VERSION_6, NVSP_VERSION_6_1};
    uint32_t version = versions[take_byte() % 6];
    struct {
        struct rndis_initialize init;
        struct rndis_oid_request set;
        uint32_t filter;
    } m = {.init = {.header = {RNDIS_INITIALIZE, sizeof(m.init)}, .major = 1},
           .set = {.header = {RNDIS_SET, sizeof(m.set) + 4},
                   .oid = OID_GEN_CURRENT_PACKET_FILTER,
                   .length = 4,
                   .offset = 20},
           .filter = NDIS_FILTER_PROMISCUOUS};
    uint8_t *section = world.buffers[WORLD_SEND];

    tell(&(struct nvsp_message){.type = NVSP_INIT, .init = {version, version}});
    tell(&(struct nvsp_message){.type = NVSP_NDIS_CONFIG,
                                .ndis_config.frame_max = 100 + take_byte() * 30u});
    tell(&(struct nvsp_message){.type = NVSP_RECEIVE_BUFFER,
                                .buffer = {WORLD_RECEIVE, NVSP_RECEIVE_BUFFER_ID, 0}});
    tell(&(struct nvsp_message){.type = NVSP_SEND_BUFFER, .buffer = {WORLD_SEND, 0, 0}});
    memcpy(section, &m.init, sizeof(m.init));
    tell(&(struct nvsp_message){.type = NVSP_RNDIS,
                                .rndis = {NVSP_CHANNEL_CONTROL, 0, sizeof(m.init)}});
    memcpy(section, &m.set, sizeof(m.set) + 4);
    tell(&(struct nvsp_message){.type = NVSP_RNDIS,
                                .rndis = {NVSP_CHANNEL_CONTROL, 0, sizeof(m.set) + 4}});
}

static void channel_toggle(void)
{
    uint32_t channel = take_byte() % WORLD_CHANNELS;

    fuzz.loose = true;
    if (world.channels[channel].open) {
        world_close(channel);
        fuzz.exact[channel] = false;
    } else if (!world.channels[channel].netvsp && world_open(channel)) {
        fuzz.exact[channel] = true;
        fuzz.asked[channel] = 0;
        fuzz.answered[channel] = 0;
    }
}

/* What is in the send buffer, and in the pages. */
static void buffer_write(void)
{
    uint8_t where = take_byte(), bytes = take_byte();
    uint8_t *to = where & 1 ? world.ram + where / 2 * 64u
                            : world.buffers[WORLD_SEND] + where / 2 % 4 * NETVSP_SEND_SECTION;

    take(to, bytes);
}

/* Write to what is the child's to write: all of the ring to the server, and the reader's words of
 * the ring from it. */
static void scribble(void)
{
    uint32_t channel = take_byte() % WORLD_CHANNELS, at;
    uint16_t offset;
    uint32_t value;

    take(&offset, sizeof(offset));
    take(&value, sizeof(value));
    at = offset % (WORLD_RING_BYTES / 4) * 4;
    if (offset & 0x8000)
        at = WORLD_RING_BYTES + 4 + (offset & 4);
    memcpy(world.channels[channel].rings + at, &value, sizeof(value));
    world.channels[channel].broken_allowed = true;
    fuzz.exact[channel] = false;
    fuzz.loose = true;
}

static void link_set(bool up)
{
    fuzz.link_down = !up;
    netvsp_link_set(&world.device, up);
}

static void frame_sent(const struct net_frame *f)
{
    must(!fuzz.link_down);
    frame_check(f);
}

static void operation(uint8_t op)
{
    switch (op % OP_COUNT) {
    case OP_SEND:
        send();
        break;
    case OP_BRING:
        must(frame_bring() != NET_TAKEN || !fuzz.link_down);
        break;
    case OP_COMPLETE:
        complete();
        break;
    case OP_INITIALISE:
        initialise();
        break;
    case OP_CHANNEL:
        channel_toggle();
        break;
    case OP_BUFFER:
        buffer_write();
        break;
    case OP_SCRIBBLE:
        scribble();
        break;
    case OP_WORK:
        (void)world_work_once();
        break;
    case OP_LINK:
        link_set(take_byte() & 1);
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
    input_begin(data, size);
    fuzz.exact[0] = true;
    world_make(NET_MTU_MAX);
    world.send = frame_sent;
    while (input_left())
        operation(take_byte());
    run();
    for (uint32_t i = 0; i < WORLD_CHANNELS; i++)
        must(!fuzz.exact[i] || !world.channels[i].open || fuzz.answered[i] == fuzz.asked[i]);
    world_drop();
    return 0;
}
