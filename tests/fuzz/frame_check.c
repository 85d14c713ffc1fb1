/* SPDX-License-Identifier: MIT */
/* tests/fuzz/frame_check.c - see frame_check.h. */
#include <stdlib.h>
#include "frame_check.h"
#include "input.h"

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
