/* SPDX-License-Identifier: MIT */
/* root/drivers/memdisk.c - a disk of root's memory, for tests and measurements.
 *
 * It behaves as a device does: submit only queues, and a thread of its own completes requests in
 * the order they came, so that no request ever completes inside submit.
 * Its memory is taken in chunks when it is made; what was never written reads as zeros. */
#include <rt/format.h>
#include <rt/mem.h>
#include "drivers/drivers.h"
#include "io/block.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/thread.h"

#define CHUNK_ORDER         9u
#define CHUNK_SIZE          (PAGE_SIZE << CHUNK_ORDER)
#define SECTOR_SIZE         512u
#define MAX_REQUEST_SECTORS 8192u
#define MAX_SEGMENTS        1025u
#define QUEUE_DEPTH         256u

struct memdisk {
    struct spinlock lock;
    struct list queue; /* [lock] requests in order of arrival */
    struct wait_queue wait;
    uint64_t chunk_count;
    struct block_device block;
    char *chunks[]; /* [I] */
};

static uint32_t disk_numbers; /* [a] names given out */

static void memdisk_submit(struct block_device *device, struct block_request *r)
{
    struct memdisk *m = device->driver;
    uint64_t flags = spin_lock(&m->lock);

    list_push_back(&m->queue, &r->link);
    spin_unlock(&m->lock, flags);
    wake_all(&m->wait);
}

static const struct block_operations memdisk_operations = {.submit = memdisk_submit};

/* Byte @offset of the disk, and in *@left how many follow it in one piece. */
static char *disk_at(struct memdisk *m, uint64_t offset, uint64_t *left)
{
    *left = CHUNK_SIZE - offset % CHUNK_SIZE;
    return m->chunks[offset / CHUNK_SIZE] + offset % CHUNK_SIZE;
}

static void segment_copy(struct memdisk *m, uint64_t offset, const struct block_segment *s,
                         bool write)
{
    char *memory = phys_to_virt(s->physical);
    uint64_t done = 0;

    while (done < s->length) {
        uint64_t n;
        char *disk = disk_at(m, offset + done, &n);

        if (n > s->length - done)
            n = s->length - done;
        memcpy(write ? disk : memory + done, write ? memory + done : disk, n);
        done += n;
    }
}

static void range_zero(struct memdisk *m, uint64_t offset, uint64_t length)
{
    while (length > 0) {
        uint64_t n;
        char *disk = disk_at(m, offset, &n);

        if (n > length)
            n = length;
        memset(disk, 0, n);
        offset += n;
        length -= n;
    }
}

static void request_perform(struct memdisk *m, struct block_request *r)
{
    uint64_t offset = r->sector * SECTOR_SIZE;

    if (r->op == BLOCK_DISCARD)
        range_zero(m, offset, (uint64_t)r->sector_count * SECTOR_SIZE);
    for (uint32_t i = 0; i < r->segment_count && (r->op == BLOCK_READ || r->op == BLOCK_WRITE);
         i++) {
        segment_copy(m, offset, &r->segments[i], r->op == BLOCK_WRITE);
        offset += r->segments[i].length;
    }
    block_complete(r, BLOCK_OK);
}

static struct block_request *request_take(struct memdisk *m)
{
    uint64_t flags = spin_lock(&m->lock);
    struct list *node = list_pop_front(&m->queue);

    spin_unlock(&m->lock, flags);
    return node ? container_of(node, struct block_request, link) : NULL;
}

static bool queue_filled(void *context)
{
    struct memdisk *m = context;
    uint64_t flags = spin_lock(&m->lock);
    bool filled = !list_empty(&m->queue);

    spin_unlock(&m->lock, flags);
    return filled;
}

static void completion_thread(void *argument)
{
    struct memdisk *m = argument;

    for (;;) {
        struct block_request *r;

        wait_until(&m->wait, queue_filled, m);
        while ((r = request_take(m)))
            request_perform(m, r);
    }
}

static void memdisk_free(struct memdisk *m)
{
    while (m->chunk_count > 0)
        page_free(virt_to_phys(m->chunks[--m->chunk_count]), CHUNK_ORDER);
    kfree(m);
}

static struct memdisk *memdisk_alloc(uint64_t chunks)
{
    struct memdisk *m = kalloc(sizeof(*m) + chunks * sizeof(m->chunks[0]));

    for (; m && m->chunk_count < chunks; m->chunk_count++) {
        uint64_t physical = page_alloc(CHUNK_ORDER);

        if (!physical) {
            memdisk_free(m);
            return NULL;
        }
        m->chunks[m->chunk_count] = phys_to_virt(physical);
        memset(m->chunks[m->chunk_count], 0, CHUNK_SIZE);
    }
    return m;
}

static void memdisk_describe(struct memdisk *m, uint64_t size)
{
    struct block_device *d = &m->block;

    rt_snprintf(d->name, sizeof(d->name), "mem%u",
                __atomic_fetch_add(&disk_numbers, 1, __ATOMIC_RELAXED));
    rt_strlcpy(d->model, "memory disk", sizeof(d->model));
    rt_strlcpy(d->serial, d->name, sizeof(d->serial));
    d->operations = &memdisk_operations;
    d->sector_size = SECTOR_SIZE;
    d->sector_count = size / SECTOR_SIZE;
    d->max_request_sectors = MAX_REQUEST_SECTORS;
    d->max_discard_sectors = UINT32_MAX;
    d->max_segments = MAX_SEGMENTS;
    d->queue_depth = QUEUE_DEPTH;
    d->can_discard = true;
    d->can_force_unit_access = true;
    d->in_memory = true;
    d->driver = m;
}

bool memdisk_create(uint64_t size)
{
    struct memdisk *m = memdisk_alloc((size + CHUNK_SIZE - 1) / CHUNK_SIZE);

    if (!m)
        return false;
    list_init(&m->queue);
    wait_queue_init(&m->wait);
    memdisk_describe(m, size);
    if (!thread_start("memdisk", completion_thread, m, -1)) {
        memdisk_free(m);
        return false;
    }
    block_register(&m->block);
    return true;
}
