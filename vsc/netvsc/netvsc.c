/* SPDX-License-Identifier: MIT */
/* netvsc/netvsc.c - NVSP's messages, and frames: out through sections of the send buffer, with more
 * of a frame in pages, in through those of the receive buffer. */
#include <rt/mem.h>
#include "internal.h"

#define PAGE       4096u
#define INFOS_MAX  3u
#define NO_SECTION UINT32_MAX

/* A frame's message up to its bytes. */
struct frame_head {
    struct rndis_packet packet;
    struct {
        struct rndis_info info;
        uint32_t value;
    } infos[INFOS_MAX];
};

/* ---- life ---- */

bool netvsc_is_ours(const struct vmbus_guid *interface)
{
    static const struct vmbus_guid ours = NETWORK_INTERFACE;

    return memcmp(interface, &ours, sizeof(ours)) == 0;
}

static void channel_init(struct netvsc_channel *c, struct netvsc *n, struct vmbus_channel *vmbus)
{
    memset(c, 0, sizeof(*c));
    c->device = n;
    c->vmbus = vmbus;
    n->channels[n->channel_count++] = c;
}

void netvsc_init(struct netvsc *n, const struct netvsc_events *events,
                 struct vmbus_channel *primary, const struct netvsc_config *config)
{
    void *context = n->context;

    memset(n, 0, sizeof(*n));
    n->context = context;
    n->events = events;
    n->config = *config;
    channel_init(&n->primary, n, primary);
}

bool netvsc_channel_add(struct netvsc *n, struct netvsc_channel *c, struct vmbus_channel *vmbus)
{
    if (n->channel_count == NETVSC_CHANNELS_MAX)
        return false;
    channel_init(c, n, vmbus);
    return true;
}

bool netvsc_message_send(struct netvsc *n, const struct nvsp_message *m, bool answered)
{
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND,
                             .flags = answered ? VMBUS_PACKET_FLAG_COMPLETION : 0,
                             .transaction = NETVSC_TRANSACTION_INIT,
                             .payload = m,
                             .length = sizeof(*m)};
    bool sent = vmbus_channel_send(n->primary.vmbus, &p) == VMBUS_RING_OK;

    vmbus_channel_flush(n->primary.vmbus);
    return sent;
}

/* ---- sending ---- */

static uint32_t section_find(struct netvsc *n)
{
    for (uint32_t i = 0; i < n->section_count; i++) {
        uint32_t at = (n->next_section + i) % n->section_count;

        if (n->sections[at].busy)
            continue;
        n->next_section = at + 1;
        return at;
    }
    return NO_SECTION;
}

static uint8_t *section_bytes(const struct netvsc *n, uint32_t index)
{
    return n->config.send + (size_t)index * n->section_size;
}

/* Send the message of @length bytes in section @index, and what @p has in pages. */
static bool section_send(struct netvsc_channel *c, uint32_t index, bool control, uint32_t length,
                         struct vmbus_packet p, void *context)
{
    struct netvsc_section *s = &c->device->sections[index];
    struct nvsp_message m = {
        .type = NVSP_RNDIS,
        .rndis = {.channel = control ? NVSP_CHANNEL_CONTROL : NVSP_CHANNEL_DATA,
                  .section = index,
                  .section_size = length}};

    p.flags = VMBUS_PACKET_FLAG_COMPLETION;
    p.transaction = (uint64_t)(s->use & 0x7fffffffu) << 32 | (index + 1);
    p.payload = &m;
    p.length = sizeof(m);
    if (vmbus_channel_send(c->vmbus, &p) != VMBUS_RING_OK)
        return false;
    s->busy = true;
    s->control = control;
    s->channel = c;
    s->context = context;
    c->sent_packets++;
    return true;
}

bool netvsc_control_send(struct netvsc *n, const void *message, uint32_t length)
{
    struct vmbus_packet p = {.type = VMBUS_PACKET_IN_BAND};
    uint32_t index = section_find(n);
    bool sent;

    if (index == NO_SECTION || length > n->section_size)
        return false;
    memcpy(section_bytes(n, index), message, length);
    sent = section_send(&n->primary, index, true, length, p, NULL);
    vmbus_channel_flush(n->primary.vmbus);
    return sent;
}

static void info_add(struct frame_head *head, uint32_t type, uint32_t value)
{
    uint32_t size = sizeof(head->infos[0]), number = head->packet.info_length / size;

    head->infos[number].info =
        (struct rndis_info){.size = size, .type = type, .offset = sizeof(struct rndis_info)};
    head->infos[number].value = value;
    head->packet.info_length += size;
}

static uint32_t head_make(const struct netvsc_frame *f, struct frame_head *head)
{
    struct rndis_packet *p = &head->packet;
    uint32_t length;

    memset(head, 0, sizeof(*head));
    if (f->checksum != 0)
        info_add(head, RNDIS_INFO_CHECKSUM, f->checksum);
    if (f->lso != 0)
        info_add(head, RNDIS_INFO_LSO, f->lso);
    if (f->vlan != NET_VLAN_NONE)
        info_add(head, RNDIS_INFO_8021Q, rndis_vlan_of(f->vlan));
    length = (uint32_t)sizeof(*p) + p->info_length;
    p->header.type = RNDIS_PACKET;
    p->header.length = length + f->length + f->page_bytes;
    p->data_offset = length - (uint32_t)sizeof(p->header);
    p->data_length = f->length + f->page_bytes;
    p->info_offset = p->info_length > 0 ? (uint32_t)(sizeof(*p) - sizeof(p->header)) : 0;
    return length;
}

/* Name the rest of @f by the one range of @p. False: it has too many pages. */
static bool range_fill(const struct netvsc_frame *f, struct vmbus_packet *p, uint8_t *ranges)
{
    struct vmbus_range range = {.length = f->page_bytes, .offset = f->page_offset};
    uint64_t pages = ((uint64_t)f->page_offset + f->page_bytes + PAGE - 1) / PAGE;

    p->type = VMBUS_PACKET_IN_BAND;
    if (f->page_bytes == 0)
        return true;
    if (pages > NETVSC_PAGES_MAX || f->page_offset >= PAGE)
        return false;
    memcpy(ranges, &range, sizeof(range));
    memcpy(ranges + sizeof(range), f->pages, pages * sizeof(f->pages[0]));
    p->type = VMBUS_PACKET_GPA_DIRECT;
    p->ranges = ranges;
    p->range_count = 1;
    p->ranges_length = (uint32_t)(sizeof(range) + pages * sizeof(f->pages[0]));
    return true;
}

bool netvsc_send(struct netvsc_channel *c, const struct netvsc_frame *f)
{
    uint8_t ranges[sizeof(struct vmbus_range) + NETVSC_PAGES_MAX * sizeof(uint64_t)]
        __attribute__((aligned(8)));
    struct netvsc *n = c->device;
    struct vmbus_packet p = {0};
    struct frame_head head;
    uint32_t head_bytes = head_make(f, &head), index = section_find(n);

    if (index == NO_SECTION || f->length > n->section_size - head_bytes ||
        !range_fill(f, &p, ranges))
        return false;
    memcpy(section_bytes(n, index), &head, head_bytes);
    memcpy(section_bytes(n, index) + head_bytes, f->bytes, f->length);
    return section_send(c, index, false, head_bytes + f->length, p, f->context);
}

void netvsc_flush(struct netvsc_channel *c)
{
    vmbus_channel_flush(c->vmbus);
}

/* ---- completions ---- */

static void section_done(struct netvsc *n, struct netvsc_section *s, uint32_t status)
{
    void *context = s->context;

    s->busy = false;
    s->use++;
    s->channel = NULL;
    if (!s->control)
        n->events->sent(n, context, status);
}

static void completion_take(struct netvsc_channel *c, const struct vmbus_packet *p)
{
    struct netvsc *n = c->device;
    uint32_t index = (uint32_t)p->transaction - 1;
    struct netvsc_section *s = &n->sections[index % NETVSC_SECTIONS_MAX];
    struct nvsp_message m = {0};

    memcpy(&m, p->payload, p->length < sizeof(m) ? p->length : sizeof(m));
    if (p->transaction == NETVSC_TRANSACTION_INIT && c == &n->primary) {
        netvsc_setup_answered(n, &m);
    } else if (index >= n->section_count || !s->busy || s->channel != c ||
               (s->use & 0x7fffffffu) != p->transaction >> 32) {
        c->stray++;
    } else {
        c->completed++;
        section_done(n, s, m.type == NVSP_RNDIS_COMPLETE ? m.status : NVSP_STATUS_FAIL);
    }
}

/* ---- receiving ---- */

static void info_note(struct netvsc_received *f, uint32_t type, uint32_t value)
{
    if (type == RNDIS_INFO_CHECKSUM)
        f->checksum = value;
    else if (type == RNDIS_INFO_8021Q)
        f->vlan = rndis_vlan_tag(value);
    else if (type == RNDIS_INFO_HASH)
        f->hash = value;
}

/* False: @length bytes of @info are no list of per-packet information. */
static bool infos_take(struct netvsc_received *f, const uint8_t *info, uint32_t length)
{
    for (uint32_t at = 0; at < length;) {
        struct rndis_info i;
        uint32_t value;

        if (length - at < sizeof(i))
            return false;
        memcpy(&i, info + at, sizeof(i));
        if (i.size < sizeof(i) + sizeof(value) || i.size > length - at || i.offset < sizeof(i) ||
            i.offset > i.size - sizeof(value))
            return false;
        memcpy(&value, info + at + i.offset, sizeof(value));
        info_note(f, i.type, value);
        at += i.size;
    }
    return true;
}

static bool within(uint32_t length, uint32_t offset, uint32_t bytes)
{
    return (uint64_t)offset + bytes <= length - sizeof(struct rndis_header);
}

static bool frame_take(struct netvsc_channel *c, const uint8_t *message, uint32_t length)
{
    const uint8_t *base = message + sizeof(struct rndis_header);
    struct netvsc_received f = {0};
    struct rndis_packet p;

    if (length < sizeof(p))
        return false;
    memcpy(&p, message, sizeof(p));
    if (!within(length, p.data_offset, p.data_length) ||
        !within(length, p.info_offset, p.info_length) || p.data_length < NET_ETHERNET_BYTES ||
        !infos_take(&f, base + p.info_offset, p.info_length))
        return false;
    f.bytes = base + p.data_offset;
    f.length = p.data_length;
    c->device->events->received(c, &f);
    return true;
}

static bool message_take(struct netvsc_channel *c, const struct vmbus_packet_range *range)
{
    struct netvsc *n = c->device;
    uint8_t control[NETVSC_MESSAGE_BYTES];
    const uint8_t *message = n->config.receive + range->offset;
    struct rndis_header h;

    if ((uint64_t)range->offset + range->length > n->received_max || range->length < sizeof(h))
        return false;
    memcpy(&h, message, sizeof(h));
    if (h.length < sizeof(h) || h.length > range->length)
        return false;
    if (h.type == RNDIS_PACKET)
        return frame_take(c, message, h.length);
    if (h.length > sizeof(control))
        return false;
    memcpy(control, message, h.length);
    netvsc_control_take(n, control, h.length);
    return true;
}

/* The sections are the provider's again. */
static bool answer_send(struct netvsc_channel *c)
{
    struct nvsp_message m = {.type = NVSP_RNDIS_COMPLETE, .status = NVSP_STATUS_SUCCESS};
    struct vmbus_packet p = {.type = VMBUS_PACKET_COMPLETION,
                             .transaction = c->answer,
                             .payload = &m,
                             .length = sizeof(m)};

    if (c->answer_due && vmbus_channel_send(c->vmbus, &p) == VMBUS_RING_OK)
        c->answer_due = false;
    return !c->answer_due;
}

static void sections_take(struct netvsc_channel *c, const struct vmbus_packet *p)
{
    struct vmbus_packet_range range;
    uint32_t cursor = 0;

    c->received_packets++;
    while (vmbus_packet_next_range(p, &cursor, &range))
        if (p->page_set != NVSP_RECEIVE_BUFFER_ID || !message_take(c, &range))
            c->stray++;
    c->answer_due = (p->flags & VMBUS_PACKET_FLAG_COMPLETION) != 0;
    c->answer = p->transaction;
    (void)answer_send(c); /* else when there is room */
}

/* ---- packets ---- */

static void table_take(struct netvsc *n, const struct vmbus_packet *p)
{
    struct nvsp_send_table_message m;

    if (p->length < sizeof(m))
        return;
    memcpy(&m, p->payload, sizeof(m));
    if (m.message.send_table.count == NVSP_SEND_TABLE_ENTRIES &&
        m.message.send_table.offset == offsetof(struct nvsp_send_table_message, entries))
        memcpy(n->send_table, m.entries, sizeof(n->send_table));
}

static void packet_take(struct netvsc_channel *c, const struct vmbus_packet *p)
{
    uint32_t type = 0;

    if (p->length >= sizeof(type))
        memcpy(&type, p->payload, sizeof(type));
    if (p->type == VMBUS_PACKET_COMPLETION)
        completion_take(c, p);
    else if (p->type == VMBUS_PACKET_TRANSFER_PAGES && type == NVSP_RNDIS)
        sections_take(c, p);
    else if (p->type == VMBUS_PACKET_IN_BAND && type == NVSP_SEND_TABLE)
        table_take(c->device, p);
    else
        c->stray++;
}

bool netvsc_poll(struct netvsc_channel *c)
{
    struct vmbus_packet p;
    bool again = true;

    while (again && answer_send(c)) {
        vmbus_channel_read_begin(c->vmbus);
        while (answer_send(c) &&
               vmbus_channel_read_next(c->vmbus, &p, c->buffer, sizeof(c->buffer)) == VMBUS_RING_OK)
            packet_take(c, &p);
        again = vmbus_channel_read_end(c->vmbus);
    }
    vmbus_channel_flush(c->vmbus);
    return !vmbus_channel_broken(c->vmbus);
}

void netvsc_channel_closed(struct netvsc_channel *c)
{
    struct netvsc *n = c->device;

    c->answer_due = false;
    for (uint32_t i = 0; i < n->section_count; i++)
        if (n->sections[i].busy && n->sections[i].channel == c)
            section_done(n, &n->sections[i], 0);
}
