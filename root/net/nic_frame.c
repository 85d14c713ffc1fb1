/* SPDX-License-Identifier: MIT */
/* root/net/nic_frame.c - see nic_frame.h. */
#include <rt/big_endian.h>
#include <rt/mem.h>
#include "net/nic_frame.h"

#define TAG_AT                                                                                     \
    (NET_ADDRESS_BYTES + NET_ADDRESS_BYTES) /* where a tag is, and without one the type */

void nic_frame_make(struct net_frame *f, uint8_t *header, struct net_piece *pieces, uint32_t count)
{
    const uint8_t *bytes = pieces[0].bytes;
    uint32_t tag = 0, rest;

    *f = (struct net_frame){.header = header, .pieces = pieces, .piece_count = count};
    memcpy(header, bytes, NET_ETHERNET_BYTES);
    if (be16_get(header + TAG_AT) == NET_TYPE_VLAN &&
        pieces[0].length >= NET_ETHERNET_BYTES + NET_VLAN_BYTES) {
        tag = NET_VLAN_BYTES;
        f->vlan = be16_get(bytes + NET_ETHERNET_BYTES);
        memcpy(header + TAG_AT, bytes + TAG_AT + tag, sizeof(uint16_t));
    }
    rest = pieces[0].length - tag - NET_ETHERNET_BYTES;
    if (rest > NET_HEADER_MAX - NET_ETHERNET_BYTES)
        rest = NET_HEADER_MAX - NET_ETHERNET_BYTES;
    memcpy(header + NET_ETHERNET_BYTES, bytes + NET_ETHERNET_BYTES + tag, rest);
    f->header_length = NET_ETHERNET_BYTES + rest;
    pieces[0].bytes += tag + f->header_length;
    pieces[0].length -= tag + f->header_length;
    f->length = f->header_length;
    for (uint32_t i = 0; i < count; i++)
        f->length += pieces[i].length;
}

uint32_t nic_frame_write(const struct net_frame *f, struct net_cursor *cursor, uint8_t *to)
{
    uint32_t tag = f->vlan != NET_VLAN_NONE ? NET_VLAN_BYTES : 0;
    uint32_t length = net_frame_write(f, cursor, to + tag);

    if (tag > 0) {
        memmove(to, to + tag, TAG_AT);
        be16_put(to + TAG_AT, NET_TYPE_VLAN);
        be16_put(to + TAG_AT + sizeof(uint16_t), f->vlan);
    }
    return tag + length;
}

void nic_copy_begin(struct nic_copy *c, const struct net_frame *f)
{
    uint32_t tag = f->vlan != NET_VLAN_NONE ? NET_VLAN_BYTES : 0;

    *c = (struct nic_copy){
        .frame = f, .head_bytes = f->header_length + tag, .left = f->length + tag};
    memcpy(c->head, f->header, TAG_AT);
    memcpy(c->head + TAG_AT + tag, f->header + TAG_AT, f->header_length - TAG_AT);
    if (tag == 0)
        return;
    be16_put(c->head + TAG_AT, NET_TYPE_VLAN);
    be16_put(c->head + TAG_AT + sizeof(uint16_t), f->vlan);
}

/* The next stretch that is in one place, of @size bytes at most. */
static uint32_t stretch_copy(struct nic_copy *c, uint8_t *to, uint32_t size)
{
    const struct net_piece *p = &c->frame->pieces[c->piece];
    bool in_head = c->done < c->head_bytes;
    uint32_t there = in_head ? c->head_bytes - c->done : p->length - c->skipped;
    uint32_t n = there < size ? there : size;

    memcpy(to, in_head ? c->head + c->done : p->bytes + c->skipped, n);
    c->done += n;
    c->left -= n;
    if (in_head)
        return n;
    c->skipped += n;
    if (c->skipped == p->length) {
        c->piece++;
        c->skipped = 0;
    }
    return n;
}

uint32_t nic_copy(struct nic_copy *c, uint8_t *to, uint32_t size)
{
    uint32_t n = 0;

    size = size < c->left ? size : c->left;
    while (n < size)
        n += stretch_copy(c, to + n, size - n);
    return n;
}
