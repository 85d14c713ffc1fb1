/* SPDX-License-Identifier: MIT */
/* root/bus/storage.c - the SCSI controller of a child: block devices of root's as its disks, in the
 * order in which they are given. */
#include <rootabi/errno.h>
#include <rt/format.h>
#include <rt/mem.h>
#include <storvsp/storvsp.h>
#include "child/child.h"
#include "io/block.h"
#include "lib/fnv.h"
#include "log.h"
#include "mm/memory.h"
#include "bus/bus_internal.h"

enum { QUEUE_DEPTH = 64, SUB_CHANNELS_MAX = 15 };
#define TRANSFER_MAX (1u << 20)

/* A disk that a child has. Two children share one only if both just read. */
struct storage_disk {
    struct list link; /* [claims.lock] */
    struct block_device *device;
    bool read_only;
};

struct storage {
    struct storvsp_adapter adapter;
    struct bus *bus;
    struct bus_work service;
    struct storage_disk disks[VM_DISKS_MAX];
};

/* ---- who has which disk ---- */

static struct {
    struct spinlock lock;
    struct list disks; /* [lock] */
} claims = {.disks = {&claims.disks, &claims.disks}};

static const struct block_device *whole(const struct block_device *d)
{
    return d->parent != NULL ? d->parent : d;
}

static bool overlap(const struct block_device *a, const struct block_device *b)
{
    return whole(a) == whole(b) && a->first_sector < b->first_sector + b->sector_count &&
           b->first_sector < a->first_sector + a->sector_count;
}

/* False: another child writes to some of it, or reads what this one wants to write. */
static bool claim(struct storage_disk *d)
{
    bool allowed = true;
    uint64_t flags = spin_lock(&claims.lock);

    LIST_FOR_EACH(l, &claims.disks)
    {
        const struct storage_disk *other = container_of(l, struct storage_disk, link);
        if (overlap(other->device, d->device) && !(other->read_only && d->read_only))
            allowed = false;
    }
    if (allowed)
        list_push_back(&claims.disks, &d->link);
    spin_unlock(&claims.lock, flags);
    return allowed;
}

static void unclaim(struct storage_disk *d)
{
    uint64_t flags = spin_lock(&claims.lock);

    list_remove(&d->link);
    spin_unlock(&claims.lock, flags);
}

/* ---- the disks' side ---- */

_Static_assert(sizeof(struct storvsp_segment) == sizeof(struct block_segment) &&
                   offsetof(struct storvsp_segment, length) ==
                       offsetof(struct block_segment, length),
               "a provider's segments are the block layer's");

static enum block_op block_op_of(enum scsi_op op)
{
    static const enum block_op ops[] = {[SCSI_OP_READ] = BLOCK_READ,
                                        [SCSI_OP_WRITE] = BLOCK_WRITE,
                                        [SCSI_OP_FLUSH] = BLOCK_FLUSH,
                                        [SCSI_OP_DISCARD] = BLOCK_DISCARD};

    return ops[op];
}

static enum scsi_outcome outcome_of(enum block_status status)
{
    static const enum scsi_outcome outcomes[] = {
        [BLOCK_OK] = SCSI_OUTCOME_OK,
        [BLOCK_MEDIUM_ERROR] = SCSI_OUTCOME_MEDIUM_ERROR,
        [BLOCK_DEVICE_ERROR] = SCSI_OUTCOME_DEVICE_ERROR,
        [BLOCK_OUT_OF_RANGE] = SCSI_OUTCOME_OUT_OF_RANGE,
        [BLOCK_READ_ONLY] = SCSI_OUTCOME_READ_ONLY,
        [BLOCK_GONE] = SCSI_OUTCOME_GONE,
        [BLOCK_UNSUPPORTED] = SCSI_OUTCOME_UNSUPPORTED,
    };

    return outcomes[status];
}

static void request_done(struct block_request *r)
{
    storvsp_io_done(r->context, outcome_of(r->status));
}

static void submit(void *disk, struct storvsp_io *io)
{
    const struct storage_disk *d = disk;
    struct block_request *r = io->memory;

    *r = (struct block_request){
        .op = block_op_of(io->op),
        .force_unit_access = io->op == SCSI_OP_WRITE && io->force_unit_access,
        .sector = io->sector,
        .sector_count = io->sector_count,
        .segments = (const struct block_segment *)(const void *)io->segments,
        .segment_count = io->segment_count,
        .done = request_done,
        .context = io,
        .device = d->device,
    };
    block_submit(r);
}

static const struct storvsp_backend backend = {submit};

/* ---- the child's side ---- */

static bool pin(void *context, const uint64_t *pages, uint32_t count, bool write,
                uint64_t *physical)
{
    struct bus *b = context;

    (void)write;
    for (uint32_t i = 0; i < count; i++) {
        physical[i] = bus_page(b, pages[i]);
        if (physical[i] == 0)
            return false;
    }
    b->pages_pinned += count;
    return true;
}

static void unpin(void *context, const struct storvsp_segment *segments, uint32_t count)
{
    struct bus *b = context;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t first = segments[i].physical / PAGE_SIZE;
        b->pages_pinned -= (segments[i].physical + segments[i].length - 1) / PAGE_SIZE - first + 1;
    }
}

static bool copy(void *context, uint64_t page, uint32_t offset, void *buffer, uint32_t length,
                 bool to_child)
{
    uint64_t physical = bus_page(context, page);
    uint8_t *at;

    if (physical == 0)
        return false;
    at = (uint8_t *)phys_to_virt(physical) + offset;
    if (to_child)
        memcpy(at, buffer, length);
    else
        memcpy(buffer, at, length);
    return true;
}

static void channel_wake(struct storvsp_channel *c)
{
    bus_worker_wake(storvsp_channel_context(c));
}

static bool channel_work(void *channel)
{
    return storvsp_channel_work(channel);
}

static bool channel_started(void *context, struct storvsp_channel *c)
{
    struct bus_worker *w = bus_worker_create(context, channel_work, c);

    storvsp_channel_context_set(c, w);
    return w != NULL;
}

static void channel_stopped(void *context, struct storvsp_channel *c)
{
    (void)context;
    bus_worker_destroy(storvsp_channel_context(c));
}

static void service_wake(struct storvsp_adapter *a)
{
    struct storage *s = container_of(a, struct storage, adapter);

    bus_work_add(s->bus, &s->service);
}

static void service(struct bus_work *w)
{
    storvsp_service(&container_of(w, struct storage, service)->adapter);
}

static void bug(const char *what)
{
    panic("storvsp: %s", what);
}

static const struct storvsp_port port = {
    .pin = pin,
    .unpin = unpin,
    .copy = copy,
    .wake = channel_wake,
    .wake_bus = service_wake,
    .started = channel_started,
    .stopped = channel_stopped,
    .allocate = bus_allocate,
    .free = bus_free,
    .log = bus_log_reason,
    .bug = bug,
};

/* ---- life ---- */

/* A request's pages are at most one more than its bytes fill. */
static uint32_t transfer_sectors(const struct block_device *d)
{
    uint64_t by_segments = (d->max_segments - 1ull) * PAGE_SIZE / d->sector_size;

    return by_segments < d->max_request_sectors ? (uint32_t)by_segments : d->max_request_sectors;
}

/* A child takes two disks with one identifier for two ways to one disk. Where devices have the same
 * serial number, their names tell the disks of @s apart. */
static uint64_t identifier_of(const struct storage *s, const struct block_device *d)
{
    struct block_identity own, other;

    block_identify(d, &own);
    for (uint32_t i = 0; i < VM_DISKS_MAX; i++) {
        const struct block_device *o = s->disks[i].device;

        if (o == NULL || o == d)
            continue;
        block_identify(o, &other);
        if (other.hash == own.hash)
            return fnv_text(own.hash, d->name);
    }
    return own.hash;
}

static struct scsi_disk description(const struct storage *storage, const struct storage_disk *s)
{
    const struct block_device *d = s->device;
    struct block_identity identity;
    struct scsi_disk disk = {
        .sector_count = d->sector_count,
        .sector_size = d->sector_size,
        .physical_exponent = d->physical_exponent,
        .max_transfer_sectors = transfer_sectors(d),
        .max_discard_sectors = d->can_discard ? d->max_discard_sectors : 0,
        .identifier = identifier_of(storage, d),
        .read_only = s->read_only || d->read_only,
        .write_cache = true,
        .can_discard = d->can_discard,
        .vendor = "Verdigr",
        .product = "Virtual disk",
        .revision = "1.0",
    };

    block_identify(d, &identity);
    rt_strlcpy(disk.serial, identity.serial, sizeof(disk.serial));
    return disk;
}

static int64_t refuse(const struct bus *b, const struct vm_disk *disk, const char *why,
                      int64_t error)
{
    log_print("child %s: disk %s: %s", b->child->name, disk->name, why);
    return error;
}

static int64_t add(struct storage *s, uint32_t lun, const struct vm_disk *disk)
{
    struct storage_disk *d = &s->disks[lun];
    struct block_device *device = block_find(disk->name);
    struct scsi_disk as_scsi;

    if (device == NULL)
        return refuse(s->bus, disk, "there is none of that name", -ENOENT);
    if (transfer_sectors(device) == 0)
        return refuse(s->bus, disk, "its driver takes requests of a single piece of memory",
                      -EINVAL);
    d->device = device;
    d->read_only = disk->flags & VM_DISK_READ_ONLY;
    if (!claim(d)) {
        d->device = NULL;
        return refuse(s->bus, disk, "another child has it, and one of the two writes", -EBUSY);
    }
    as_scsi = description(s, d);
    if (!storvsp_lun_add(&s->adapter, lun, &as_scsi, &backend, d))
        return refuse(s->bus, disk, "its sectors are of a size that a SCSI disk cannot have",
                      -EINVAL);
    return 0;
}

int64_t storage_create(struct bus *b, const struct vm_disk *disks, uint32_t count,
                       struct storage **out)
{
    const struct storvsp_config config = {
        .instance = bus_instance(b, "scsi"),
        .queue_depth = QUEUE_DEPTH,
        .max_transfer_bytes = TRANSFER_MAX,
        .backend_bytes = sizeof(struct block_request),
        .sub_channel_max = SUB_CHANNELS_MAX,
    };
    struct storage *s = kalloc(sizeof(*s));
    int64_t result = 0;

    if (s == NULL)
        return -ENOMEM;
    s->bus = b;
    s->service.run = service;
    BUG_ON(!storvsp_adapter_init(&s->adapter, &port, b, &config, NULL));
    for (uint32_t i = 0; i < count && result == 0; i++)
        result = add(s, i, &disks[i]);
    if (result == 0 && !vmbus_server_offer(b->server, &s->adapter.offer))
        result = -ENOMEM;
    *out = s; /* whoever destroys the bus destroys it */
    return result;
}

void storage_destroy(struct storage *s)
{
    if (s == NULL)
        return;
    bus_work_cancel(s->bus, &s->service);
    for (uint32_t i = 0; i < VM_DISKS_MAX; i++)
        if (s->disks[i].device != NULL)
            unclaim(&s->disks[i]);
    kfree(s);
}

bool storage_offers(const struct storage *s, const struct vmbus_offer *offer)
{
    return offer == &s->adapter.offer;
}

void storage_channel(const struct vmbus_channel *channel, struct vm_channel *out)
{
    struct storvsp_statistics s;

    rt_strlcpy(out->provider, "storvsp", sizeof(out->provider));
    if (channel->context == NULL)
        return;
    storvsp_channel_statistics(channel->context, &s);
    out->requests = s.commands;
    out->reads = s.reads;
    out->writes = s.writes;
    out->read_bytes = s.read_bytes;
    out->written_bytes = s.written_bytes;
    out->errors = s.errors;
    out->under_way = s.under_way;
}
