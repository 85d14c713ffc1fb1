/* SPDX-License-Identifier: MIT */
/* netvsp/send.c - from the child: an NVSP message names RNDIS messages in memory that the child can
 * change at any time; frames come out. The heads of messages and frames are copied, and only the
 * copies are looked at; the rest of a frame is left where it is, for the network to copy. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include "internal.h"

#define NO_SEND_BUFFER "a section of a send buffer that is not there"

/* Where reading stands in a message of the child's. */
struct reader {
    const struct net_piece *piece;
    uint32_t skipped; /* of that piece */
    uint32_t left;    /* in all */
};

/* What a frame's per-packet information wants. */
struct wishes {
    struct net_offload_wish offload;
    bool any; /* of these */
    bool tagged;
    uint16_t vlan;
};

/* ---- reading ---- */

/* The next piece of what @r has, of @n bytes at most; moves on behind it. */
static struct net_piece reader_slice(struct reader *r, uint32_t n)
{
    struct net_piece slice = {.bytes = r->piece->bytes + r->skipped,
                              .length = r->piece->length - r->skipped};

    if (slice.length > n)
        slice.length = n;
    r->skipped += slice.length;
    r->left -= slice.length;
    if (r->skipped == r->piece->length) {
        r->piece++;
        r->skipped = 0;
    }
    return slice;
}

/* Of the @n bytes, @r has at least so many. */
static void reader_copy(struct reader *r, void *to, uint32_t n)
{
    uint8_t *at = to;

    while (n > 0) {
        struct net_piece slice = reader_slice(r, n);

        memcpy(at, slice.bytes, slice.length);
        at += slice.length;
        n -= slice.length;
    }
}

static void reader_skip(struct reader *r, uint32_t n)
{
    while (n > 0)
        n -= reader_slice(r, n).length;
}

/* ---- a frame's information ---- */

static void checksum_wish(struct wishes *w, uint32_t value)
{
    w->offload.ip_checksum = (value & RNDIS_CHECKSUM_IP) != 0;
    w->offload.l4_checksum = (value & (RNDIS_CHECKSUM_TCP | RNDIS_CHECKSUM_UDP)) != 0;
    w->any |= w->offload.ip_checksum || w->offload.l4_checksum;
}

static void wish_take(struct wishes *w, uint32_t type, uint32_t value)
{
    switch (type) {
    case RNDIS_INFO_CHECKSUM:
        checksum_wish(w, value);
        break;
    case RNDIS_INFO_LSO:
        w->offload.mss = RNDIS_LSO_MSS(value);
        w->any |= w->offload.mss > 0;
        break;
    case RNDIS_INFO_8021Q:
        w->tagged = true;
        w->vlan = rndis_vlan_tag(value);
        break;
    default: /* hashes, and what we do not know */
        break;
    }
}

/* False: @info, of @length bytes, is no list of per-packet information. */
static bool info_take(const uint8_t *info, uint32_t length, struct wishes *w)
{
    for (uint32_t at = 0; at < length;) {
        struct rndis_info i;
        uint32_t value = 0;

        if (length - at < sizeof(i))
            return false;
        memcpy(&i, info + at, sizeof(i));
        if (i.size < sizeof(i) || i.size > length - at || i.offset < sizeof(i) || i.offset > i.size)
            return false;
        if (i.size - i.offset >= sizeof(value)) {
            memcpy(&value, info + at + i.offset, sizeof(value));
            wish_take(w, i.type, value);
        }
        at += i.size;
    }
    return true;
}

/* ---- frames ---- */

static const char *malformed(struct netvsp_channel *c, const char *why)
{
    netvsp_count(&c->slot->statistics.malformed, 1);
    netvsp_complain(c, why);
    return why;
}

/* Read the header of the frame that @r is at: NET_HEADER_MAX bytes of it without its tag, which
 * goes to @f. @bytes has room for the tag, too. */
static void header_read(struct reader *r, uint32_t length, const struct wishes *w, uint8_t *bytes,
                        struct net_frame *f)
{
    uint32_t n = length < NET_HEADER_MAX ? length : NET_HEADER_MAX, more;

    reader_copy(r, bytes, n);
    *f = (struct net_frame){.header = bytes, .header_length = n, .length = length, .vlan = w->vlan};
    if (w->tagged || n < NET_ETHERNET_BYTES + NET_VLAN_BYTES || net_frame_type(f) != NET_TYPE_VLAN)
        return;
    more = length - n < NET_VLAN_BYTES ? length - n : NET_VLAN_BYTES;
    reader_copy(r, bytes + n, more);
    f->vlan = be16_get(bytes + NET_ETHERNET_BYTES);
    memmove(bytes + NET_VLAN_BYTES, bytes, (size_t)2 * NET_ADDRESS_BYTES);
    f->header += NET_VLAN_BYTES;
    f->header_length = n + more - NET_VLAN_BYTES;
    f->length -= NET_VLAN_BYTES;
}

static void payload_slice(struct netvsp_channel *c, struct reader *r, struct net_frame *f)
{
    uint32_t left = f->length - f->header_length;

    f->pieces = c->frame_pieces;
    while (left > 0) {
        struct net_piece slice = reader_slice(r, left);

        if (slice.length == 0)
            continue;
        c->frame_pieces[f->piece_count++] = slice;
        left -= slice.length;
    }
}

static void frame_hand_over(struct netvsp_channel *c, const struct net_frame *f)
{
    const struct netvsp_device *d = c->device;

    if (!netvsp_has_link(d)) {
        netvsp_count(&c->slot->statistics.lost_no_link, 1);
        return;
    }
    netvsp_count(&c->slot->statistics.sent_frames, 1);
    netvsp_count(&c->slot->statistics.sent_bytes, f->length);
    d->port->send(d->context, f);
}

/* The frame of @length bytes that @r is at. */
static const char *frame_send(struct netvsp_channel *c, struct reader *r, uint32_t length,
                              const struct wishes *w)
{
    struct netvsp_device *d = c->device;
    uint8_t bytes[NET_HEADER_MAX + NET_VLAN_BYTES];
    struct net_frame f;
    const char *why = NULL;

    header_read(r, length, w, bytes, &f);
    if (w->any)
        why = net_offload_prepare(bytes + (f.header - bytes), f.header_length, f.length,
                                  &w->offload, &f.offload);
    if (why)
        return malformed(c, why);
    if (f.offload.mss > 0 && net_address_is_group(net_frame_destination(&f)))
        return malformed(c, "segments for many receivers");
    if (net_frame_segment_max(&f) > NET_ETHERNET_BYTES + __atomic_load_n(&d->mtu, __ATOMIC_RELAXED))
        return malformed(c, "a frame longer than the MTU");
    c->spent += net_frame_segments(&f) + f.length / NETVSP_PAGE;
    payload_slice(c, r, &f);
    frame_hand_over(c, &f);
    return NULL;
}

/* ---- messages ---- */

/* @length bytes at @offset, counted from the end of the message's header, are within the message,
 * and behind the fixed part of @head bytes. */
static bool within(const struct rndis_packet *m, uint32_t offset, uint32_t length)
{
    return offset >= sizeof(*m) - sizeof(m->header) &&
           (uint64_t)offset + length <= m->header.length - sizeof(m->header);
}

static const char *packet_check(const struct rndis_packet *m, uint32_t left)
{
    if (m->header.type != RNDIS_PACKET)
        return "a message among frames that is none";
    if (m->header.length < sizeof(*m) || m->header.length > left)
        return "a frame's message of a wrong length";
    if (!within(m, m->data_offset, m->data_length) || m->data_length < NET_ETHERNET_BYTES ||
        m->data_length > NET_FRAME_MAX + NET_VLAN_BYTES)
        return "a frame that is not in its message";
    if (m->info_length > NETVSP_INFO_MAX ||
        (m->info_length > 0 && !within(m, m->info_offset, m->info_length)))
        return "per-packet information that is not in its message";
    return NULL;
}

/* What comes with the frame of @m, which begins where @r is. */
static bool wishes_read(const struct rndis_packet *m, struct reader r, struct wishes *w)
{
    uint8_t info[NETVSP_INFO_MAX];

    if (m->info_length == 0)
        return true;
    reader_skip(&r, (uint32_t)sizeof(m->header) + m->info_offset);
    reader_copy(&r, info, m->info_length);
    return info_take(info, m->info_length, w);
}

/* The next message of @r, which moves on behind it. Not NULL: that has no sense, and what follows
 * it is not looked at. */
static const char *message_send(struct netvsp_channel *c, struct reader *r)
{
    struct reader start = *r, data = *r;
    struct wishes w = {0};
    struct rndis_packet m;
    const char *why;

    if (r->left < sizeof(m))
        return malformed(c, "a message that ends in its head");
    reader_copy(r, &m, sizeof(m));
    why = packet_check(&m, start.left);
    if (!why && !wishes_read(&m, start, &w))
        why = "per-packet information that makes no sense";
    if (why)
        return malformed(c, why);
    *r = start;
    reader_skip(r, m.header.length);
    reader_skip(&data, (uint32_t)sizeof(m.header) + m.data_offset);
    (void)frame_send(c, &data, m.data_length, &w); /* counted; the next may be a good one */
    return NULL;
}

static uint32_t frames_take(struct netvsp_channel *c, uint32_t total)
{
    struct reader r = {.piece = c->pieces, .left = total};
    uint32_t count = 0;

    if (!__atomic_load_n(&c->device->ready, __ATOMIC_ACQUIRE)) { /* pairs with initialize */
        malformed(c, "a frame before RNDIS is initialised");
        return NVSP_STATUS_FAIL;
    }
    while (r.left >= sizeof(struct rndis_header)) {
        if (count++ == NETVSP_MESSAGES_MAX) {
            malformed(c, "more frames in a message than were agreed");
            return NVSP_STATUS_INVALID_RNDIS;
        }
        if (message_send(c, &r))
            return NVSP_STATUS_INVALID_RNDIS;
    }
    return NVSP_STATUS_SUCCESS;
}

static uint32_t control_take(struct netvsp_channel *c, uint32_t total)
{
    struct reader r = {.piece = c->pieces, .left = total};

    if (!netvsp_is_primary(c)) {
        malformed(c, "a control message on a sub-channel");
        return NVSP_STATUS_FAIL;
    }
    if (total < sizeof(struct rndis_header) || total > NETVSP_CONTROL_MAX) {
        malformed(c, "a control message of a wrong length");
        return NVSP_STATUS_INVALID_RNDIS;
    }
    reader_copy(&r, c->control, total);
    netvsp_enter(c->slot);
    netvsp_control_take(c, (const uint8_t *)c->control, total);
    netvsp_leave(c->slot);
    return NVSP_STATUS_SUCCESS;
}

/* ---- where the message is ---- */

/* The bytes in the send buffer, as the first piece. */
static const char *section_take(struct netvsp_channel *c, const struct nvsp_rndis *m)
{
    const struct netvsp_buffer *b = &c->device->send;

    if (!netvsp_open(b))
        return NO_SEND_BUFFER;
    if (m->section >= b->section_count || m->section_size > b->section_size)
        return "a section that is not in the send buffer";
    if (m->section_size > 0)
        c->pieces[c->piece_count++] =
            (struct net_piece){.bytes = b->view.bytes + (size_t)m->section * b->section_size,
                               .length = m->section_size};
    return NULL;
}

/* All pages of the packet, to be pinned. False: there are too many. */
static bool pages_collect(struct netvsp_channel *c, const struct vmbus_packet *p, uint32_t *count)
{
    struct vmbus_packet_range range;
    uint32_t cursor = 0;

    *count = 0;
    while (vmbus_packet_next_range(p, &cursor, &range)) {
        if (range.page_count > NETVSP_PAGES_MAX - *count)
            return false;
        memcpy(c->pages + *count, range.pages, range.page_count * sizeof(c->pages[0]));
        *count += range.page_count;
    }
    return true;
}

/* The pinned pages' bytes as pieces. */
static void pages_slice(struct netvsp_channel *c, const struct vmbus_packet *p)
{
    struct vmbus_packet_range range;
    uint32_t cursor = 0, page = 0;

    while (vmbus_packet_next_range(p, &cursor, &range)) {
        uint32_t offset = range.offset, left = range.length;

        for (uint32_t i = 0; i < range.page_count; i++, offset = 0) {
            uint32_t n = NETVSP_PAGE - offset < left ? NETVSP_PAGE - offset : left;

            c->pieces[c->piece_count++] =
                (struct net_piece){.bytes = c->at[page++] + offset, .length = n};
            left -= n;
        }
    }
}

static uint32_t pieces_length(const struct netvsp_channel *c)
{
    uint32_t length = 0;

    for (uint32_t i = 0; i < c->piece_count; i++)
        length += c->pieces[i].length;
    return length;
}

/* With the message's pages pinned. */
static uint32_t pieces_take(struct netvsp_channel *c, uint32_t channel)
{
    uint32_t total = pieces_length(c);

    return channel == NVSP_CHANNEL_CONTROL ? control_take(c, total) : frames_take(c, total);
}

static uint32_t refuse(struct netvsp_channel *c, const char *why)
{
    malformed(c, why);
    return NVSP_STATUS_FAIL;
}

static uint32_t with_pages(struct netvsp_channel *c, uint32_t channel, const struct vmbus_packet *p)
{
    const struct netvsp_device *d = c->device;
    uint32_t count, status;

    if (p->type != VMBUS_PACKET_GPA_DIRECT)
        return pieces_take(c, channel);
    if (!pages_collect(c, p, &count))
        return refuse(c, "a message of too many pages");
    if (!d->port->pin(d->context, c->pages, count, c->at))
        return refuse(c, "a message that is not in RAM");
    pages_slice(c, p);
    status = pieces_take(c, channel);
    d->port->unpin(d->context, c->pages, count);
    return status;
}

/* As a sender. */
static uint32_t with_section(struct netvsp_channel *c, const struct nvsp_rndis *m,
                             const struct vmbus_packet *p)
{
    const char *why = section_take(c, m);

    return why ? refuse(c, why) : with_pages(c, m->channel, p);
}

uint32_t netvsp_rndis_take(struct netvsp_channel *c, const struct nvsp_message *message,
                           const struct vmbus_packet *p)
{
    const struct nvsp_rndis *m = &message->rndis;
    uint32_t status;

    if (m->channel != NVSP_CHANNEL_DATA && m->channel != NVSP_CHANNEL_CONTROL)
        return refuse(c, "a message for neither data nor control");
    c->piece_count = 0;
    if (m->section == NVSP_SECTION_NONE)
        return with_pages(c, m->channel, p);
    if (!netvsp_open(&c->device->send)) /* who waits for senders to leave is not kept waiting */
        return refuse(c, NO_SEND_BUFFER);
    __atomic_fetch_add(&c->slot->senders, 1, __ATOMIC_SEQ_CST); /* before looking at the door */
    status = with_section(c, m, p);
    __atomic_fetch_sub(&c->slot->senders, 1, __ATOMIC_SEQ_CST);
    return status;
}
