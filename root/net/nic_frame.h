/* SPDX-License-Identifier: MIT */
/* root/net/nic_frame.h - from the bytes that a card received to a frame, and back to bytes. Pure.
 */
#ifndef ROOT_NET_NIC_FRAME_H
#define ROOT_NET_NIC_FRAME_H

#include <rt/net_frame.h>

/* Make @f the frame whose bytes, as they were on the wire, are @count @pieces: its header is copied
 * to
 * @header, which has room for NET_HEADER_MAX, a tag is taken out, and the pieces then are what is
 * behind that. The first piece has NET_ETHERNET_BYTES at least; and NET_HEADER_MAX and
 * NET_VLAN_BYTES, or it is the only one. */
void nic_frame_make(struct net_frame *f, uint8_t *header, struct net_piece *pieces, uint32_t count);

/* Write the next segment of @f to @to, as it is on the wire: net_frame_write() and the tag, if @f
 * has one. Its length, NET_VLAN_BYTES more than net_frame_segment_max() at most. */
uint32_t nic_frame_write(const struct net_frame *f, struct net_cursor *cursor, uint8_t *to);

/* ---- for a card that has offloads: the frame with its tag, an open checksum, and not cut ---- */

/* Where a copy of @frame stands. Until it begins, who makes it may change @head, which is of
 * @head_bytes: the frame's header and its tag. */
struct nic_copy {
    const struct net_frame *frame;
    uint8_t head[NET_HEADER_MAX + NET_VLAN_BYTES];
    uint32_t head_bytes;
    uint32_t done, left;     /* bytes, of @head too */
    uint32_t piece, skipped; /* the next to copy behind @head */
};

void nic_copy_begin(struct nic_copy *c, const struct net_frame *f);

/* Copy the next bytes to @to: @size of them, or c->left. How many; each of a piece is read once. */
uint32_t nic_copy(struct nic_copy *c, uint8_t *to, uint32_t size);

#endif
