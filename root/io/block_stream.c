/* SPDX-License-Identifier: MIT */
/* root/io/block_stream.c - see block_stream.h. Buffers go round: while one is visited, the others
 * are in flight. */
#include <rt/mem.h>
#include "io/block_stream.h"
#include "log.h"
#include "mm/memory.h"

enum { BUFFERS = 4, BUFFER_ORDER = 8 };
#define BUFFER_SIZE ((uint32_t)PAGE_SIZE << BUFFER_ORDER) /* 1 MiB */

struct buffer {
    struct block_request request;
    struct block_segment segment;
    struct block_wait wait;
    uint64_t physical; /* 0: not allocated */
    bool busy;         /* in flight, or done and not yet looked at */
};

struct stream {
    struct block_device *device;
    enum block_op op;
    block_visitor visit;
    void *context;
    uint64_t next_sector;    /* to be submitted */
    uint32_t buffer_sectors; /* in a full buffer */
    uint32_t depth;          /* buffers that are used */
    struct buffer buffers[BUFFERS];
};

static void stretch_visit(const struct stream *s, const struct buffer *b)
{
    s->visit(s->context, phys_to_virt(b->physical), b->segment.length);
}

/* Put @b in flight for the next stretch; nothing if the end is reached. */
static void stretch_start(struct stream *s, struct buffer *b)
{
    uint64_t left = s->device->sector_count - s->next_sector;
    uint32_t count = left < s->buffer_sectors ? (uint32_t)left : s->buffer_sectors;

    if (count == 0)
        return;
    b->segment =
        (struct block_segment){.physical = b->physical, .length = count * s->device->sector_size};
    b->request = (struct block_request){
        .op = s->op,
        .force_unit_access = s->op == BLOCK_WRITE && count == left,
        .sector = s->next_sector,
        .sector_count = count,
        .segment_count = 1,
        .segments = &b->segment,
        .device = s->device,
    };
    if (s->op == BLOCK_WRITE)
        stretch_visit(s, b);
    b->busy = true;
    s->next_sector += count;
    block_start(&b->request, &b->wait);
}

/* Wait for @b, which is busy; false: its request failed. */
static bool stretch_finish(struct stream *s, struct buffer *b)
{
    block_wait(&b->wait);
    b->busy = false;
    if (b->request.status != BLOCK_OK) {
        log_print("block: %s: %u sectors at %lu: %s", s->device->name, b->request.sector_count,
                  b->request.sector, block_status_text(b->request.status));
        return false;
    }
    if (s->op == BLOCK_READ)
        stretch_visit(s, b);
    return true;
}

static bool buffers_alloc(struct stream *s)
{
    for (unsigned i = 0; i < s->depth; i++) {
        s->buffers[i].physical = page_alloc(BUFFER_ORDER);
        if (s->buffers[i].physical == 0)
            return false;
    }
    return true;
}

/* Also after a failure: waits until no buffer is in flight. */
static void stream_free(struct stream *s)
{
    for (unsigned i = 0; i < BUFFERS; i++) {
        if (s->buffers[i].busy)
            block_wait(&s->buffers[i].wait);
        if (s->buffers[i].physical != 0)
            page_free(s->buffers[i].physical, BUFFER_ORDER);
    }
    kfree(s);
}

static enum block_stream_result stream_run(struct stream *s)
{
    for (unsigned i = 0; i < s->depth; i++)
        stretch_start(s, &s->buffers[i]);
    for (unsigned i = 0; s->buffers[i].busy; i = (i + 1) % s->depth) {
        if (!stretch_finish(s, &s->buffers[i]))
            return BLOCK_STREAM_IO_ERROR;
        stretch_start(s, &s->buffers[i]);
    }
    return BLOCK_STREAM_OK; /* in order: nothing was left for this buffer or any after it */
}

/* @depth requests are under way at a time. */
static enum block_stream_result stream(struct block_device *device, enum block_op op,
                                       uint32_t depth, block_visitor visit, void *context)
{
    struct stream *s = kalloc(sizeof(*s));
    enum block_stream_result result = BLOCK_STREAM_NO_MEMORY;

    if (s == NULL)
        return BLOCK_STREAM_NO_MEMORY;
    s->device = device;
    s->op = op;
    s->visit = visit;
    s->context = context;
    s->depth = depth;
    s->buffer_sectors = BUFFER_SIZE / device->sector_size;
    if (s->buffer_sectors > device->max_request_sectors)
        s->buffer_sectors = device->max_request_sectors;
    if (buffers_alloc(s))
        result = stream_run(s);
    stream_free(s);
    return result;
}

enum block_stream_result block_stream(struct block_device *device, enum block_op op,
                                      block_visitor visit, void *context)
{
    return stream(device, op, BUFFERS, visit, context);
}

static void stretch_ignore(void *context, void *data, uint32_t length)
{
    (void)context;
    (void)data;
    (void)length;
}

enum block_stream_result block_read_through(struct block_device *device)
{
    return stream(device, BLOCK_READ, 1, stretch_ignore, NULL);
}

static void stretch_hash(void *context, void *data, uint32_t length)
{
    sha256_update(context, data, length);
}

enum block_stream_result block_hash(struct block_device *device, uint8_t digest[SHA256_DIGEST_SIZE])
{
    enum block_stream_result result;
    struct sha256 s;

    sha256_init(&s);
    result = block_stream(device, BLOCK_READ, stretch_hash, &s);
    sha256_final(&s, digest);
    return result;
}

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static void stretch_fill(void *context, void *data, uint32_t length)
{
    uint64_t *words = data;

    for (uint32_t i = 0; i < length / sizeof(*words); i++)
        words[i] = splitmix64(context);
}

enum block_stream_result block_fill(struct block_device *device, uint64_t seed)
{
    struct block_request flush = {.op = BLOCK_FLUSH, .device = device};
    enum block_stream_result result = block_stream(device, BLOCK_WRITE, stretch_fill, &seed);

    if (result == BLOCK_STREAM_OK && block_submit_wait(&flush) != BLOCK_OK)
        result = BLOCK_STREAM_IO_ERROR;
    return result;
}

enum block_status block_discard(struct block_device *device)
{
    struct block_request r = {.op = BLOCK_DISCARD, .device = device};
    enum block_status status = BLOCK_OK;

    for (; r.sector < device->sector_count && status == BLOCK_OK; r.sector += r.sector_count) {
        uint64_t left = device->sector_count - r.sector;

        r.sector_count =
            left < device->max_discard_sectors ? (uint32_t)left : device->max_discard_sectors;
        if (r.sector_count == 0)
            return BLOCK_UNSUPPORTED;
        status = block_submit_wait(&r);
    }
    return status;
}
