/* SPDX-License-Identifier: MIT */
/* root/io/block_shape.c - stand-in requests for devices that cannot take the original; see
 * block_shape.h. A stand-in is submitted to the driver itself: the original has been checked. */
#include <rt/mem.h>
#include "io/block_shape.h"
#include "log.h"
#include "mm/memory.h"

static void driver_submit(struct block_request *r)
{
    r->device->operations->submit(r->device, r);
}

/* A request of the same extent as @outer, which its completion will lead to. */
static void inner_init(struct block_request *inner, struct block_request *outer,
                       void (*done)(struct block_request *inner))
{
    *inner = (struct block_request){
        .op = outer->op,
        .force_unit_access = outer->force_unit_access,
        .sector = outer->sector,
        .sector_count = outer->sector_count,
        .segment_count = outer->segment_count,
        .segments = outer->segments,
        .done = done,
        .device = outer->device,
        .outer = outer,
    };
}

static void no_memory(struct block_request *r)
{
    log_print("block: %s: no memory for a request", r->device->name);
    block_complete(r, BLOCK_DEVICE_ERROR);
}

/* A copy: pages of our own in place of the original's segments. */
struct bounce {
    struct block_request inner;
    uint32_t page_count;
    struct block_segment pages[];
};

static void bounce_free(struct bounce *b)
{
    for (uint32_t i = 0; i < b->page_count; i++)
        page_free(b->pages[i].physical, 0);
    kfree(b);
}

static struct bounce *bounce_alloc(uint32_t bytes)
{
    uint32_t pages = (uint32_t)((bytes + PAGE_SIZE - 1) / PAGE_SIZE);
    struct bounce *b = kalloc(sizeof(*b) + pages * sizeof(b->pages[0]));

    for (; b && b->page_count < pages; b->page_count++) {
        struct block_segment *s = &b->pages[b->page_count];
        uint32_t left = bytes - b->page_count * (uint32_t)PAGE_SIZE;

        s->physical = page_alloc(0);
        s->length = left < PAGE_SIZE ? left : (uint32_t)PAGE_SIZE;
        if (!s->physical) {
            bounce_free(b);
            return NULL;
        }
    }
    return b;
}

/* Copy @segment from (@in) or to our pages, beginning at byte @offset of the request. */
static void bounce_copy_segment(struct bounce *b, const struct block_segment *segment,
                                uint32_t offset, bool in)
{
    char *theirs = phys_to_virt(segment->physical);
    uint32_t done = 0;

    while (done < segment->length) {
        uint32_t at = (offset + done) % (uint32_t)PAGE_SIZE;
        uint32_t n = (uint32_t)PAGE_SIZE - at;
        char *ours = phys_to_virt(b->pages[(offset + done) / PAGE_SIZE].physical);

        if (n > segment->length - done)
            n = segment->length - done;
        memcpy(in ? ours + at : theirs + done, in ? theirs + done : ours + at, n);
        done += n;
    }
}

static void bounce_copy(struct bounce *b, bool in)
{
    const struct block_request *outer = b->inner.outer;
    uint32_t offset = 0;

    for (uint32_t i = 0; i < outer->segment_count; i++) {
        bounce_copy_segment(b, &outer->segments[i], offset, in);
        offset += outer->segments[i].length;
    }
}

static void bounce_done(struct block_request *inner)
{
    struct bounce *b = container_of(inner, struct bounce, inner);
    struct block_request *outer = inner->outer;
    enum block_status status = inner->status;

    if (status == BLOCK_OK && inner->op == BLOCK_READ)
        bounce_copy(b, false);
    bounce_free(b);
    block_complete(outer, status);
}

static void bounce_submit(struct block_request *outer)
{
    struct bounce *b = bounce_alloc(outer->sector_count * outer->device->sector_size);

    if (!b) {
        no_memory(outer);
        return;
    }
    __atomic_fetch_add(&outer->device->statistics.copied, 1, __ATOMIC_RELAXED);
    inner_init(&b->inner, outer, bounce_done);
    b->inner.segments = b->pages;
    b->inner.segment_count = b->page_count;
    if (outer->op == BLOCK_WRITE)
        bounce_copy(b, true);
    driver_submit(&b->inner);
}

bool block_shape_whole_pages(const struct block_segment *segments, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if ((segments[i - 1].physical + segments[i - 1].length) % PAGE_SIZE != 0 ||
            segments[i].physical % PAGE_SIZE != 0)
            return false;
    }
    return true;
}

static void pages_submit(struct block_request *r)
{
    bool data = r->op == BLOCK_READ || r->op == BLOCK_WRITE;

    if (data && r->device->whole_pages && !block_shape_whole_pages(r->segments, r->segment_count))
        bounce_submit(r);
    else
        driver_submit(r);
}

static void flush_done(struct block_request *inner)
{
    struct block_request *outer = inner->outer;
    enum block_status status = inner->status;

    kfree(inner);
    block_complete(outer, status);
}

/* The write half of a forced write is over: flush the device's cache. */
static void forced_write_done(struct block_request *inner)
{
    if (inner->status != BLOCK_OK) {
        flush_done(inner);
        return;
    }
    inner->op = BLOCK_FLUSH;
    inner->done = flush_done;
    driver_submit(inner);
}

static void forced_write_submit(struct block_request *outer)
{
    struct block_request *inner = kalloc(sizeof(*inner));

    if (!inner) {
        no_memory(outer);
        return;
    }
    inner_init(inner, outer, forced_write_done);
    inner->force_unit_access = false;
    pages_submit(inner);
}

void block_shape_submit(struct block_request *r)
{
    if (r->op == BLOCK_WRITE && r->force_unit_access && !r->device->can_force_unit_access)
        forced_write_submit(r);
    else
        pages_submit(r);
}
