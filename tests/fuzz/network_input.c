/* SPDX-License-Identifier: MIT */
/* tests/fuzz/network_input.c - see network_input.h. */
#include "network_input.h"

#define FRAME_BYTES 20000u

static struct {
    const uint8_t *data;
    size_t left;
} input;

void must(bool condition)
{
    if (!condition)
        abort();
}

void input_begin(const uint8_t *data, size_t size)
{
    input.data = data;
    input.left = size;
}

bool input_left(void)
{
    return input.left > 0;
}

void take(void *to, size_t size)
{
    size_t n = size < input.left ? size : input.left;

    memset(to, 0, size);
    if (n > 0)
        memcpy(to, input.data, n);
    input.data += n;
    input.left -= n;
}

uint8_t take_byte(void)
{
    uint8_t byte;

    take(&byte, 1);
    return byte;
}

static void offload_check(const struct net_frame *f)
{
    const struct net_offload *o = &f->offload;

    if (o->flags & NET_CHECKSUM_NEEDED) {
        must(o->l4_offset >= NET_ETHERNET_BYTES + 20u);
        must(o->l4_offset + o->checksum_offset + 2u <= f->header_length);
    }
    if (o->mss > 0) {
        must((o->flags & NET_CHECKSUM_NEEDED) != 0);
        must(o->payload_offset > o->l4_offset && o->payload_offset <= f->header_length);
        must(f->length - o->payload_offset > o->mss);
    }
}

void frame_check(const struct net_frame *f)
{
    uint32_t bytes = f->header_length, written = 0, segments = net_frame_segments(f);
    uint32_t longest = net_frame_segment_max(f);
    struct net_cursor cursor = {0};
    uint8_t *out = malloc(longest); /* so that a byte too many is seen */

    must(out != NULL);
    must(f->length >= NET_ETHERNET_BYTES && f->length <= NET_FRAME_MAX);
    must(f->header_length == (f->length < NET_HEADER_MAX ? f->length : NET_HEADER_MAX));
    for (uint32_t i = 0; i < f->piece_count; i++)
        bytes += f->pieces[i].length;
    must(bytes == f->length);
    must(longest <= NET_ETHERNET_BYTES + NET_MTU_MAX);
    offload_check(f);
    for (uint32_t i = 0; i < segments; i++)
        written += net_frame_write(f, &cursor, out);
    must(written == f->length + (segments - 1) * f->offload.payload_offset);
    free(out);
}

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
