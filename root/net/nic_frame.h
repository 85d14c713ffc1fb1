/* SPDX-License-Identifier: MIT */
/* root/net/nic_frame.h - from the bytes that a card received to a frame. Pure. */
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

#endif
