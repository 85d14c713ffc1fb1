/* SPDX-License-Identifier: MIT */
/* root/proc/dev_disk.c - /dev/disk: what disks there are, and their hashes; see rootabi/disk.h. */
#include <rt/mem.h>
#include <rootabi/disk.h>
#include <rootabi/errno.h>
#include "io/block.h"
#include "io/block_stream.h"
#include "proc/devices.h"
#include "sched/thread.h"

struct search {
    uint32_t skip;
    struct block_device *found;
};

static bool visit_index(struct block_device *device, void *context)
{
    struct search *s = context;

    if (s->skip == 0)
        s->found = device;
    return s->skip-- != 0;
}

static uint64_t counter(const uint64_t *value)
{
    return __atomic_load_n(value, __ATOMIC_RELAXED);
}

static uint32_t disk_flags(const struct block_device *d)
{
    return (d->read_only ? DISK_READ_ONLY : 0u) | (d->parent != NULL ? DISK_PARTITION : 0u) |
           (__atomic_load_n(&d->for_firmware, __ATOMIC_RELAXED) ? DISK_FIRMWARE : 0u) |
           (d->in_memory ? DISK_MEMORY : 0u);
}

static int64_t disk_info(struct file *f, void *argument)
{
    struct disk_info *i = argument;
    struct search s = {.skip = i->index};
    const struct block_device *d;

    (void)f;
    block_for_each(visit_index, &s);
    if (s.found == NULL)
        return -ENOENT;
    d = s.found;
    *i = (struct disk_info){
        .index = i->index,
        .flags = disk_flags(d),
        .sector_size = d->sector_size,
        .queue_depth = d->queue_depth,
        .sector_count = d->sector_count,
        .reads = counter(&d->statistics.reads),
        .writes = counter(&d->statistics.writes),
        .read_bytes = counter(&d->statistics.read_bytes),
        .written_bytes = counter(&d->statistics.written_bytes),
        .errors = counter(&d->statistics.errors),
        .interrupts = counter(&d->statistics.interrupts),
        .flushes = counter(&d->statistics.flushes),
        .copied = counter(&d->statistics.copied),
    };
    rt_strlcpy(i->name, d->name, sizeof(i->name));
    rt_strlcpy(i->model, d->model, sizeof(i->model));
    rt_strlcpy(i->serial, d->serial, sizeof(i->serial));
    return 0;
}

static int64_t stream_errno(enum block_stream_result result)
{
    switch (result) {
    case BLOCK_STREAM_OK:
        return 0;
    case BLOCK_STREAM_NO_MEMORY:
        return -ENOMEM;
    case BLOCK_STREAM_IO_ERROR:
    default:
        return -EIO;
    }
}

static int64_t disk_hash(struct file *f, void *argument)
{
    struct disk_hash *h = argument;
    struct block_device *d;

    (void)f;
    h->name[sizeof(h->name) - 1] = '\0';
    d = block_find(h->name);
    if (d == NULL)
        return -ENOENT;
    h->bytes = d->sector_count * d->sector_size;
    return stream_errno(block_hash(d, h->sha256));
}

static int64_t disk_fill(struct file *f, void *argument)
{
    struct disk_fill *a = argument;
    struct block_device *d;

    (void)f;
    a->name[sizeof(a->name) - 1] = '\0';
    d = block_find(a->name);
    if (d == NULL)
        return -ENOENT;
    a->bytes = d->sector_count * d->sector_size;
    return stream_errno(block_fill(d, a->seed));
}

static int64_t disk_discard(struct file *f, void *argument)
{
    struct disk_discard *a = argument;
    struct block_device *d;

    (void)f;
    a->name[sizeof(a->name) - 1] = '\0';
    d = block_find(a->name);
    if (d == NULL)
        return -ENOENT;
    a->bytes = d->sector_count * d->sector_size;
    switch (block_discard(d)) {
    case BLOCK_OK:
        return 0;
    case BLOCK_UNSUPPORTED:
        return -ENOTTY;
    default:
        return -EIO;
    }
}

static int64_t disk_read(struct file *f, void *argument)
{
    struct disk_read *a = argument;
    struct block_device *d;
    int64_t result;

    (void)f;
    a->name[sizeof(a->name) - 1] = '\0';
    d = block_find(a->name);
    if (d == NULL)
        return -ENOENT;
    a->bytes = d->sector_count * d->sector_size;
    a->nanoseconds = time_now();
    result = stream_errno(block_read_through(d));
    a->nanoseconds = time_now() - a->nanoseconds;
    return result;
}

static const struct file_ioctl ioctls[] = {
    {DISK_IOCTL_INFO, disk_info},
    {DISK_IOCTL_HASH, disk_hash},
    {DISK_IOCTL_FILL, disk_fill},
    {DISK_IOCTL_DISCARD, disk_discard},
    {DISK_IOCTL_READ, disk_read},
};

const struct file_operations dev_disk = {
    .name = "/dev/disk",
    .ioctls = ioctls,
    .ioctl_count = sizeof(ioctls) / sizeof(ioctls[0]),
};
