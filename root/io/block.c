/* SPDX-License-Identifier: MIT */
/* root/io/block.c - the list of disks and partitions, and the way of a request to its driver. */
#include <rt/format.h>
#include <rt/mem.h>
#include "io/block.h"
#include "io/block_shape.h"
#include "io/gpt.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/thread.h"

#define SEGMENT_ALIGNMENT 4u
#define WAIT_QUEUES       16u /* threads in block_wait sleep on these, by address */
#define WAIT_SPREAD       (4 * PAGE_SIZE)
#define SETTLE_NS         5000000000ull

static struct {
    struct spinlock lock;
    struct list devices; /* [lock]; only ever grows */
    bool waits_ready;    /* [lock] */
    struct wait_queue waits[WAIT_QUEUES];
    uint32_t unsettled; /* [a] disks whose partition table is yet to be read */
    struct wait_queue settled;
} block = {
    .devices = {&block.devices, &block.devices},
    .settled.waiters = {&block.settled.waiters, &block.settled.waiters},
};

static void count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static bool range_valid(const struct block_device *d, const struct block_request *r)
{
    return r->sector_count > 0 && r->sector < d->sector_count &&
           r->sector_count <= d->sector_count - r->sector;
}

static bool segments_valid(const struct block_device *d, const struct block_request *r)
{
    uint64_t bytes = 0;

    if (r->segment_count == 0 || r->segment_count > d->max_segments)
        return false;
    for (uint32_t i = 0; i < r->segment_count; i++) {
        const struct block_segment *s = &r->segments[i];

        if (s->length == 0 || (s->physical | s->length) % SEGMENT_ALIGNMENT != 0)
            return false;
        bytes += s->length;
    }
    return bytes == (uint64_t)r->sector_count * d->sector_size;
}

static enum block_status transfer_check(const struct block_device *d, const struct block_request *r)
{
    if (r->op == BLOCK_WRITE && d->read_only)
        return BLOCK_READ_ONLY;
    if (!range_valid(d, r) || r->sector_count > d->max_request_sectors || !segments_valid(d, r))
        return BLOCK_OUT_OF_RANGE;
    return BLOCK_OK;
}

static enum block_status request_check(const struct block_device *d, const struct block_request *r)
{
    switch (r->op) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        return transfer_check(d, r);
    case BLOCK_FLUSH:
        return BLOCK_OK;
    case BLOCK_DISCARD:
        if (!d->can_discard)
            return BLOCK_UNSUPPORTED;
        if (d->read_only)
            return BLOCK_READ_ONLY;
        return range_valid(d, r) && r->sector_count <= d->max_discard_sectors ? BLOCK_OK
                                                                              : BLOCK_OUT_OF_RANGE;
    default:
        return BLOCK_UNSUPPORTED;
    }
}

void block_submit(struct block_request *r)
{
    struct block_device *d = r->device;
    enum block_status status = request_check(d, r);

    r->partition = NULL;
    r->outer = NULL;
    if (status != BLOCK_OK) {
        block_complete(r, status);
        return;
    }
    if (d->parent) {
        r->partition = d;
        r->sector += d->first_sector;
        r->device = d->parent;
    }
    block_shape_submit(r);
}

static void statistics_count(struct block_statistics *s, const struct block_request *r,
                             uint32_t sector_size)
{
    uint64_t bytes = (uint64_t)r->sector_count * sector_size;

    if (r->status != BLOCK_OK) {
        count(&s->errors, 1);
        return;
    }
    switch (r->op) {
    case BLOCK_READ:
        count(&s->reads, 1);
        count(&s->read_bytes, bytes);
        break;
    case BLOCK_WRITE:
        count(&s->writes, 1);
        count(&s->written_bytes, bytes);
        break;
    case BLOCK_FLUSH:
        count(&s->flushes, 1);
        break;
    case BLOCK_DISCARD:
    default:
        count(&s->discards, 1);
        break;
    }
}

void block_complete(struct block_request *r, enum block_status status)
{
    r->status = status;
    if (!r->outer)
        statistics_count(&r->device->statistics, r, r->device->sector_size);
    if (r->partition) {
        r->device = r->partition;
        r->sector -= r->device->first_sector;
        r->partition = NULL;
        statistics_count(&r->device->statistics, r, r->device->sector_size);
    }
    r->done(r);
}

static bool wait_is_done(void *context)
{
    const struct block_wait *wait = context;

    return __atomic_load_n(&wait->done, __ATOMIC_ACQUIRE); /* pairs with wait_done */
}

/* Once it is done, the waiting thread may be gone, and @wait with it: only its queue is touched
 * then, which is static. */
static void wait_done(struct block_request *r)
{
    struct block_wait *wait = r->context;
    struct wait_queue *queue = wait->queue;

    __atomic_store_n(&wait->done, true, __ATOMIC_RELEASE); /* pairs with wait_is_done */
    wake_all(queue);
}

static struct wait_queue *wait_queue_for(const void *address)
{
    uint64_t flags = spin_lock(&block.lock);

    if (!block.waits_ready) {
        for (unsigned i = 0; i < WAIT_QUEUES; i++)
            wait_queue_init(&block.waits[i]);
        block.waits_ready = true;
    }
    spin_unlock(&block.lock, flags);
    return &block.waits[((uintptr_t)address / WAIT_SPREAD) % WAIT_QUEUES];
}

void block_start(struct block_request *r, struct block_wait *wait)
{
    *wait = (struct block_wait){.queue = wait_queue_for(wait)};
    r->done = wait_done;
    r->context = wait;
    block_submit(r);
}

void block_wait(struct block_wait *wait)
{
    wait_until(wait->queue, wait_is_done, wait);
}

enum block_status block_submit_wait(struct block_request *r)
{
    struct block_wait wait;

    block_start(r, &wait);
    block_wait(&wait);
    r->context = NULL;
    return r->status;
}

static void device_add(struct block_device *device)
{
    uint64_t flags = spin_lock(&block.lock);

    list_push_back(&block.devices, &device->link);
    spin_unlock(&block.lock, flags);
}

/* gpt_read's hook: one sector into @buffer by way of the page in @context. */
struct sector_reader {
    struct block_device *device;
    uint64_t page;
};

static bool sector_read(void *context, uint64_t sector, void *buffer)
{
    struct sector_reader *reader = context;
    struct block_segment segment = {.physical = reader->page,
                                    .length = reader->device->sector_size};
    struct block_request r = {.op = BLOCK_READ,
                              .device = reader->device,
                              .sector = sector,
                              .sector_count = 1,
                              .segments = &segment,
                              .segment_count = 1};

    if (block_submit_wait(&r) != BLOCK_OK)
        return false;
    memcpy(buffer, phys_to_virt(reader->page), segment.length);
    return true;
}

static void partition_add(struct block_device *disk, const struct gpt_partition *p)
{
    struct block_device *d = kalloc(sizeof(*d));

    if (!d) {
        log_print("block: %s: no memory for partition %u", disk->name, p->number);
        return;
    }
    *d = *disk;
    memset(&d->statistics, 0, sizeof(d->statistics));
    rt_snprintf(d->name, sizeof(d->name), "%sp%u", disk->name, p->number);
    d->sector_count = p->sector_count;
    d->partition = p->number;
    d->parent = disk;
    d->first_sector = p->first_sector;
    device_add(d);
    log_print("block: %s: %llu sectors from %llu", d->name, (unsigned long long)d->sector_count,
              (unsigned long long)d->first_sector);
}

/* C12A7328-F81F-11D2-BA4B-00A0C93EC93B: UEFI 2.10, table 5.7. */
static const uint8_t efi_system[16] = {0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
                                       0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b};

static void table_read(struct block_device *disk, struct gpt_table *table, uint64_t page)
{
    struct sector_reader reader = {.device = disk, .page = page};
    struct gpt_disk gpt = {.read = sector_read,
                           .context = &reader,
                           .sector_size = disk->sector_size,
                           .sector_count = disk->sector_count};
    enum gpt_status status = gpt_read(&gpt, table);

    if (status != GPT_OK && status != GPT_ABSENT)
        log_print("block: %s: partition table is %s", disk->name, gpt_status_text(status));
    if (table->from_backup)
        log_print("block: %s: using the backup partition table: the primary is %s", disk->name,
                  gpt_status_text(table->primary));
    for (uint32_t i = 0; i < table->count; i++) {
        if (memcmp(table->partitions[i].type, efi_system, sizeof(efi_system)) == 0)
            __atomic_store_n(&disk->for_firmware, true, __ATOMIC_RELAXED);
        partition_add(disk, &table->partitions[i]);
    }
}

static void disk_settled(void)
{
    __atomic_fetch_sub(&block.unsettled, 1, __ATOMIC_RELEASE); /* pairs with all_settled */
    wake_all(&block.settled);
}

static bool all_settled(void *unused)
{
    (void)unused;
    return __atomic_load_n(&block.unsettled, __ATOMIC_ACQUIRE) == 0; /* pairs with disk_settled */
}

void block_settle(void)
{
    if (!wait_until_timeout(&block.settled, all_settled, NULL, SETTLE_NS))
        log_print("block: not waiting any longer for partition tables");
}

static void partitions_thread(void *argument)
{
    struct block_device *disk = argument;
    struct gpt_table *table = kalloc(sizeof(*table));
    uint64_t page = page_alloc(0);

    if (table && page)
        table_read(disk, table, page);
    else
        log_print("block: %s: no memory to read its partition table", disk->name);
    if (page)
        page_free(page, 0);
    kfree(table);
    disk_settled();
}

void block_register(struct block_device *device)
{
    device->parent = NULL;
    device_add(device);
    log_print("block: %s: %s, serial %s, %llu sectors of %u bytes, queue depth %u", device->name,
              device->model, device->serial, (unsigned long long)device->sector_count,
              device->sector_size, device->queue_depth);
    __atomic_fetch_add(&block.unsettled, 1, __ATOMIC_RELAXED);
    if (!thread_start("partitions", partitions_thread, device, -1)) {
        log_print("block: %s: no thread to read its partition table", device->name);
        disk_settled();
    }
}

/* The device after @device, or the first for NULL. Devices stay, so that no lock is held while
 * one is looked at. */
static struct block_device *device_next(const struct block_device *device)
{
    uint64_t flags = spin_lock(&block.lock);
    struct list *next = device ? device->link.next : block.devices.next;

    spin_unlock(&block.lock, flags);
    return next == &block.devices ? NULL : container_of(next, struct block_device, link);
}

struct block_device *block_find(const char *name)
{
    struct block_device *d = device_next(NULL);

    while (d && strcmp(d->name, name) != 0)
        d = device_next(d);
    return d;
}

void block_for_each(bool (*visit)(struct block_device *device, void *context), void *context)
{
    struct block_device *d = device_next(NULL);

    while (d && visit(d, context))
        d = device_next(d);
}

const char *block_status_text(enum block_status status)
{
    static const char *const texts[] = {
        [BLOCK_OK] = "done",
        [BLOCK_MEDIUM_ERROR] = "medium error",
        [BLOCK_DEVICE_ERROR] = "device error",
        [BLOCK_OUT_OF_RANGE] = "out of range",
        [BLOCK_READ_ONLY] = "read-only",
        [BLOCK_GONE] = "device gone",
        [BLOCK_UNSUPPORTED] = "unsupported",
    };

    return texts[status];
}

void block_text(char *text, const char *field, uint32_t length)
{
    uint32_t used = 0;

    while (length > 0 && *field == ' ') {
        field++;
        length--;
    }
    for (uint32_t i = 0; i < length && field[i] != '\0'; i++)
        text[used++] = (char)(field[i] >= ' ' && field[i] <= '~' ? field[i] : '?');
    while (used > 0 && text[used - 1] == ' ')
        used--;
    text[used] = '\0';
}
