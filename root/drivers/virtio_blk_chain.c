/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_blk_chain.c - see virtio_blk_chain.h. */
#include "drivers/virtio_blk.h"
#include "drivers/virtio_blk_chain.h"
#include "io/dma.h"

/* Goes over memory in pieces as large as the device takes: neighbours are joined. */
struct walk {
    const struct block_segment *segment;
    uint32_t offset; /* in it */
    uint32_t left;   /* bytes of all */
    uint32_t piece_bytes;
};

struct piece {
    uint64_t address;
    uint32_t length; /* 0: none is left */
};

static void walk_begin(struct walk *w, const struct virtio_blk_data *data,
                       const struct virtio_blk_limits *l)
{
    *w = (struct walk){.segment = data->segments,
                       .offset = data->from,
                       .left = data->bytes,
                       .piece_bytes = l->piece_bytes};
    while (w->left > 0 && w->offset >= w->segment->length) {
        w->offset -= w->segment->length;
        w->segment++;
    }
}

/* Go over @n bytes, which are within the segment. */
static void walk_skip(struct walk *w, uint32_t n)
{
    w->left -= n;
    w->offset += n;
    if (w->offset == w->segment->length) {
        w->segment++;
        w->offset = 0;
    }
}

static uint64_t walk_address(const struct walk *w)
{
    return dma_map(w->segment->physical, w->segment->length) + w->offset;
}

static struct piece piece_next(struct walk *w)
{
    struct piece p = {.address = w->left > 0 ? walk_address(w) : 0};

    while (w->left > 0 && p.length < w->piece_bytes && walk_address(w) == p.address + p.length) {
        uint32_t n = w->segment->length - w->offset;

        n = n < w->left ? n : w->left;
        n = n < w->piece_bytes - p.length ? n : w->piece_bytes - p.length;
        p.length += n;
        walk_skip(w, n);
    }
    return p;
}

bool virtio_blk_limits_suit(const struct virtio_blk_limits *l)
{
    /* Cut by a page border and by the largest piece. */
    return l->piece_bytes > 0 && l->pieces > 1u + (l->block_bytes - 1) / l->piece_bytes;
}

uint32_t virtio_blk_chain_bytes(const struct virtio_blk_data *data,
                                const struct virtio_blk_limits *l)
{
    struct walk w;
    uint32_t bytes = 0;

    walk_begin(&w, data, l);
    for (uint32_t i = 0; i < l->pieces && w.left > 0; i++)
        bytes += piece_next(&w).length;
    return w.left == 0 ? bytes : bytes - bytes % l->block_bytes;
}

/* A chain that is being written. */
struct chain {
    struct virtio_descriptor *table;
    uint32_t used, total;
    uint16_t first;
};

static void chain_add(struct chain *c, uint64_t address, uint32_t length, uint16_t flags)
{
    bool last = c->used + 1 == c->total;

    if (!last)
        flags |= VIRTIO_DESCRIPTOR_NEXT;
    c->table[c->used] = (struct virtio_descriptor){
        .address = address,
        .length = length,
        .flags = flags,
        .next = last ? 0 : (uint16_t)(c->first + c->used + 1),
    };
    c->used++;
}

static uint32_t pieces_count(const struct virtio_blk_data *data, const struct virtio_blk_limits *l)
{
    struct walk w;
    uint32_t count = 0;

    walk_begin(&w, data, l);
    while (piece_next(&w).length > 0)
        count++;
    return count;
}

uint32_t virtio_blk_chain_build(const struct virtio_blk_data *data,
                                const struct virtio_blk_limits *l, bool in,
                                const struct virtio_blk_ends *ends, struct virtio_descriptor *table)
{
    struct chain c = {.table = table,
                      .total = pieces_count(data, l) + VIRTIO_BLK_CHAIN_EXTRA,
                      .first = ends->first};
    struct walk w;

    walk_begin(&w, data, l);
    chain_add(&c, ends->header, sizeof(struct virtio_blk_header), 0);
    while (w.left > 0) {
        struct piece p = piece_next(&w);

        chain_add(&c, p.address, p.length, in ? VIRTIO_DESCRIPTOR_WRITE : 0);
    }
    chain_add(&c, ends->status, 1, VIRTIO_DESCRIPTOR_WRITE);
    return c.used;
}
