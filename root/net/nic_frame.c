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
