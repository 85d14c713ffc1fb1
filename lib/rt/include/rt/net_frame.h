/* SPDX-License-Identifier: MIT */
/* rt/net_frame.h - an Ethernet frame on its way between the ports of root's network: what a network
 * provider, the switch and the drivers of network cards hand to each other.
 *
 *   header   a private copy of the frame's beginning, that nobody changes: min(length,
 *            NET_HEADER_MAX) bytes. Whatever is decided, is decided by it.
 *   pieces   the length - header_length bytes behind it, in order. They may be memory of a hostile
 *            child, which changes them at any time: copy each byte once, decide nothing by them.
 *
 * A frame is its sender's, and lives until the call that it was handed to returns: the receiver
 * copies what it keeps, changes nothing, and never waits. Whoever makes a frame keeps to these:
 * - length is NET_ETHERNET_BYTES at least and NET_FRAME_MAX at most; a frame without mss has
 *   NET_ETHERNET_BYTES + the MTU of its port at most. Padding to 60 bytes is the card's business,
 *   and so is the frame check sequence, which is never here.
 * - the outermost 802.1Q tag is in @vlan and not among the bytes, so that what the Ethernet header
 *   carries begins at NET_ETHERNET_BYTES; tags inside it are payload.
 * - NET_CHECKSUM_NEEDED: the TCP or UDP checksum at l4_offset + checksum_offset (both within the
 *   header) holds the folded, not complemented sum of the pseudo-header, whose length is length -
 *   l4_offset; whoever puts the frame on a wire or into another's memory completes it
 *   (net_frame_write() does). An IPv4 header's own checksum is always right.
 * - NET_CHECKSUM_VALID: somebody trustworthy checked TCP's or UDP's checksum, which is right.
 * - mss > 0: it is TCP, to be cut into segments of that many bytes of payload on its way
 *   (net_frame_segments()), with NET_CHECKSUM_NEEDED; the header has all of TCP's, with its options
 *   (up to payload_offset), and IP's length is that of the whole. net_offload_prepare() makes all
 *   of this from a frame's bytes, and says if it cannot be.
 *
 * Rules: pure functions on the caller's memory; any context. */
#ifndef RT_NET_FRAME_H
#define RT_NET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_ADDRESS_BYTES  6u
#define NET_ETHERNET_BYTES 14u /* two addresses, and the type of what follows */
#define NET_VLAN_BYTES     4u  /* a tag: its type and its value */
#define NET_HEADER_MAX     128u
#define NET_FRAME_MAX      (NET_ETHERNET_BYTES + 65535u)
#define NET_MTU_MIN        68u
#define NET_MTU_DEFAULT    1500u
#define NET_MTU_MAX        9000u

/* EtherTypes and protocol numbers. */
#define NET_TYPE_IPV4 0x0800u
#define NET_TYPE_ARP  0x0806u
#define NET_TYPE_VLAN 0x8100u
#define NET_TYPE_IPV6 0x86ddu
#define NET_IP_ICMP   1u
#define NET_IP_TCP    6u
#define NET_IP_UDP    17u

/* net_frame.vlan: a tag's value as on the wire, in our byte order. 0, identifier and priority 0,
 * says nothing and is no tag. */
#define NET_VLAN_NONE           0u
#define NET_VLAN_ID(vlan)       ((vlan)&0xfffu)
#define NET_VLAN_PRIORITY(vlan) ((vlan) >> 13)

/* net_offload.flags */
#define NET_CHECKSUM_NEEDED 0x01u
#define NET_CHECKSUM_VALID  0x02u

struct net_piece {
    const uint8_t *bytes; /* may be changed by others */
    uint32_t length;
};

struct net_offload {
    uint8_t flags;           /* NET_CHECKSUM_* */
    uint8_t checksum_offset; /* in the TCP or UDP header */
    uint16_t l4_offset;      /* of that header in the frame; 0: unknown, no flag needs it */
    uint16_t payload_offset; /* with mss: behind the TCP header */
    uint16_t mss;            /* 0: a frame as it goes on the wire */
};

struct net_frame {
    const uint8_t *header; /* private, at any alignment */
    uint32_t header_length;
    const struct net_piece *pieces;
    uint32_t piece_count;
    uint32_t length; /* header included */
    struct net_offload offload;
    uint16_t vlan;
    uint16_t sender; /* the port of a switch by which it came, for rt/net_share.h */
};

/* What became of a frame that was handed on. */
enum net_taken {
    NET_TAKEN,
    NET_UNWANTED, /* the receiver asked for no such frames */
    NET_LOST,     /* there is no room, no link, or nobody who receives */
    NET_CROWDED,  /* there is room, but its sender has his share of it; a part may be taken */
};

static inline uint16_t net_frame_type(const struct net_frame *f)
{
    return (uint16_t)(f->header[12] << 8 | f->header[13]);
}

static inline const uint8_t *net_frame_destination(const struct net_frame *f)
{
    return f->header;
}

static inline const uint8_t *net_frame_source(const struct net_frame *f)
{
    return f->header + NET_ADDRESS_BYTES;
}

/* Multicast, broadcast included. */
static inline bool net_address_is_group(const uint8_t *address)
{
    return (address[0] & 1) != 0;
}

static inline bool net_address_is_broadcast(const uint8_t *a)
{
    return (a[0] & a[1] & a[2] & a[3] & a[4] & a[5]) == 0xff;
}

/* ---- from a frame to what goes on a wire (net_frame.c) -------------------------------------- */

/* Where net_frame_write() stands; {0} at a frame's beginning. */
struct net_cursor {
    uint32_t segment;        /* the next */
    uint32_t offset;         /* of the frame's bytes: the next of its payload */
    uint32_t piece, skipped; /* where that is */
};

/* How many frames of the wire this is: 1 without mss. */
uint32_t net_frame_segments(const struct net_frame *f);

/* The bytes of the greatest of them, and of the frame without mss. */
uint32_t net_frame_segment_max(const struct net_frame *f);

/* Write the next frame of the wire (net_frame_segments() of them in all) to @to, which has room for
 * net_frame_segment_max(): with its own headers, checksums complete, a tag not inserted. Each byte
 * of the pieces is read once. Returns its length. */
uint32_t net_frame_write(const struct net_frame *f, struct net_cursor *cursor, uint8_t *to);

/* Copy all of the frame to @to as it is: with an open checksum, not cut. */
void net_frame_copy(const struct net_frame *f, uint8_t *to);

/* What is wanted of net_offload_prepare(). */
struct net_offload_wish {
    bool ip_checksum; /* IPv4's own is to be computed */
    bool l4_checksum; /* TCP's or UDP's */
    uint32_t mss;     /* 0: no segmentation */
};

/* Prepare @header, the private copy of @header_length bytes of a frame of @length: find TCP or UDP,
 * write IP's length and checksum and the pseudo-header's sum as struct net_frame wants them, and
 * fill in @offload. NULL: done; else why it cannot be (a literal): then @header is as it was. */
const char *net_offload_prepare(uint8_t *header, uint32_t header_length, uint32_t length,
                                const struct net_offload_wish *wish, struct net_offload *offload)
    __attribute__((warn_unused_result));

#endif
