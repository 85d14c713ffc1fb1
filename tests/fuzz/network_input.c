/* SPDX-License-Identifier: MIT */
/* tests/fuzz/network_input.c - see network_input.h. */
#include "network_input.h"

#define FRAME_BYTES 20000u

struct frame_head {
    uint16_t length, vlan, mss;
    uint8_t flags, bytes; /* of input that the frame begins with */
};

enum net_taken frame_bring(void)
{
    static uint8_t bytes[FRAME_BYTES];
    struct net_piece piece = {.bytes = bytes + NET_HEADER_MAX};
    struct net_frame f = {.header = bytes, .pieces = &piece};
    struct frame_head head;

    take(&head, sizeof(head));
    memset(bytes, 0, NET_HEADER_MAX);
    take(bytes, head.bytes % NET_HEADER_MAX);
    if (head.flags & 1)
        memcpy(bytes, world_address, sizeof(world_address));
    f.length = NET_ETHERNET_BYTES + head.length % (FRAME_BYTES - NET_ETHERNET_BYTES);
    f.header_length = f.length < NET_HEADER_MAX ? f.length : NET_HEADER_MAX;
    piece.length = f.length - f.header_length;
    f.piece_count = piece.length > 0;
    f.vlan = head.vlan;
    if (head.flags & 2) {
        struct net_offload_wish wish = {.l4_checksum = true, .mss = head.mss};

        if (net_offload_prepare(bytes, f.header_length, f.length, &wish, &f.offload))
            return NET_UNWANTED;
    } else if (head.flags & 4) {
        f.offload.flags = NET_CHECKSUM_VALID;
    }
    return netvsp_receive(&world.device, &f);
}
