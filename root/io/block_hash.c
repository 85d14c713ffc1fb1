/* SPDX-License-Identifier: MIT */
/* root/io/block_hash.c - see block_hash.h. Buffers go round: while one is hashed, the others are
 * being read. */
#include "io/block_hash.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/thread.h"

enum { BUFFERS = 4, BUFFER_ORDER = 8 };
#define BUFFER_SIZE (PAGE_SIZE << BUFFER_ORDER) /* 1 MiB */

struct buffer {
    struct block_request request;
    struct block_segment segment;
    uint64_t physical;  /* 0: not allocated */
    bool busy;          /* [hash queue lock] being read */
    struct hash *owner;
};

struct hash {
    struct block_device *device;
    struct wait_queue queue;
    uint64_t next_sector;    /* to be read */
    uint32_t buffer_sectors; /* in a full buffer */
    struct buffer buffers[BUFFERS];
};

static void read_done(struct block_request *r)
{
    struct buffer *b = r->context;
    struct hash *h = b->owner;
    uint64_t flags = spin_lock(&h->queue.lock);

    b->busy = false;
    spin_unlock(&h->queue.lock, flags);
    wake_all(&h->queue);
}

static bool is_read(void *context)
{
    return !((const struct buffer *)context)->busy;
}

/* Begin to read the next stretch into @b; nothing if the end is reached. */
static void read_next(struct hash *h, struct buffer *b)
{
    uint64_t left = h->device->sector_count - h->next_sector;
    uint32_t count = left < h->buffer_sectors ? (uint32_t)left : h->buffer_sectors;

    b->request = (struct block_request){0};
    if (count == 0)
        return;
    b->segment = (struct block_segment){.physical = b->physical,
                                        .length = count * h->device->sector_size};
    b->request = (struct block_request){
        .op = BLOCK_READ,
        .sector = h->next_sector,
        .sector_count = count,
        .segment_count = 1,
        .segments = &b->segment,
        .done = read_done,
        .context = b,
        .device = h->device,
    };
    list_init(&b->request.link);
    b->busy = true;
    h->next_sector += count;
    block_submit(&b->request);
}

static bool buffers_alloc(struct hash *h)
{
    for (unsigned i = 0; i < BUFFERS; i++) {
        h->buffers[i].owner = h;
        h->buffers[i].physical = page_alloc(BUFFER_ORDER);
        if (h->buffers[i].physical == 0)
            return false;
    }
    return true;
}

/* Also after a failure: waits until no buffer is being read into. */
static void hash_free(struct hash *h)
{
    for (unsigned i = 0; i < BUFFERS; i++) {
        wait_until(&h->queue, is_read, &h->buffers[i]);
        if (h->buffers[i].physical != 0)
            page_free(h->buffers[i].physical, BUFFER_ORDER);
    }
    kfree(h);
}

static enum block_hash_result hash_run(struct hash *h, struct sha256 *s)
{
    for (unsigned i = 0; i < BUFFERS; i++)
        read_next(h, &h->buffers[i]);
    for (unsigned i = 0;; i = (i + 1) % BUFFERS) {
        struct buffer *b = &h->buffers[i];

        wait_until(&h->queue, is_read, b);
        if (b->request.sector_count == 0)
            return BLOCK_HASH_OK; /* in order: nothing was left for this one or any after it */
        if (b->request.status != BLOCK_OK) {
            log_print("disk: %s: sector %lu: %s", h->device->name, b->request.sector,
                      block_status_text(b->request.status));
            return BLOCK_HASH_READ_ERROR;
        }
        sha256_update(s, phys_to_virt(b->physical), b->segment.length);
        read_next(h, b);
    }
}

enum block_hash_result block_hash(struct block_device *device, uint8_t digest[SHA256_DIGEST_SIZE])
{
    struct hash *h = kalloc(sizeof(*h));
    enum block_hash_result result = BLOCK_HASH_NO_MEMORY;
    struct sha256 s;

    if (h == NULL)
        return BLOCK_HASH_NO_MEMORY;
    h->device = device;
    wait_queue_init(&h->queue);
    h->buffer_sectors = (uint32_t)(BUFFER_SIZE / device->sector_size);
    if (h->buffer_sectors > device->max_request_sectors)
        h->buffer_sectors = device->max_request_sectors;
    sha256_init(&s);
    if (buffers_alloc(h))
        result = hash_run(h, &s);
    hash_free(h);
    sha256_final(&s, digest);
    return result;
}
