/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_blk_queue.c - virtio block queues: requests become chains, what the device
 * returns ends requests.
 *
 * With INDIRECT a chain takes one descriptor of the ring and a table of its own, else a fixed part
 * of the ring. A request that does not fit into a chain is sent part by part, one at a time.
 *
 * A device may join chains that it finds together, as QEMU does, and then all of them fail with
 * one. So what has failed is sent once more, alone: what then fails is itself at fault. */
#include <rt/mem.h>
#include "drivers/virtio_blk_disk.h"
#include "log.h"
#include "mm/memory.h"

/* block_request.driver_private of this driver: how often it was sent again; bytes that are done. */
enum { PRIVATE_RETRIES, PRIVATE_DONE };

#define STATUS_NONE 0xffu /* what no device answers */

static bool is_indirect(const struct virtio_blk_queue *q)
{
    return (q->disk->features & VIRTIO_F_INDIRECT) != 0;
}

/* The slot of the driver's own command. */
static uint16_t own_slot(const struct virtio_blk_queue *q)
{
    return q->slot_count;
}

/* The bytes of a slot's indirect table. */
static size_t table_bytes(const struct virtio_blk_queue *q)
{
    return (q->disk->limits.pieces + VIRTIO_BLK_CHAIN_EXTRA) * sizeof(struct virtio_descriptor);
}

static struct virtio_blk_area *area_of(const struct virtio_blk_queue *q, uint16_t slot)
{
    return (struct virtio_blk_area *)q->areas.virtual + slot;
}

static uint64_t area_address(const struct virtio_blk_queue *q, uint16_t slot, size_t offset)
{
    return q->areas.device + slot * sizeof(struct virtio_blk_area) + offset;
}

static void slots_reset(struct virtio_blk_queue *q)
{
    q->free_slot_count = 0;
    q->alone = false;
    for (uint16_t i = 0; i < q->slot_count; i++)
        q->free_slots[q->free_slot_count++] = i;
    memset(q->slots, 0, sizeof(q->slots));
}

bool virtio_blk_queue_create(struct virtio_blk_queue *q, struct virtio_blk *d, uint16_t index,
                             uint16_t size)
{
    size_t slots;

    q->disk = d;
    q->index = index;
    q->stride = is_indirect(q) ? 1 : (uint16_t)(d->limits.pieces + VIRTIO_BLK_CHAIN_EXTRA);
    slots = size / q->stride;
    if (slots > VIRTIO_BLK_SLOTS + 1)
        slots = VIRTIO_BLK_SLOTS + 1;
    q->slot_count = (uint16_t)(slots - 1);
    list_init(&q->pending);
    if (!dma_alloc(&q->memory, virtio_ring_bytes(size)) ||
        !dma_alloc(&q->areas, slots * sizeof(struct virtio_blk_area)) ||
        (is_indirect(q) && !dma_alloc(&q->tables, slots * table_bytes(q))))
        return false;
    virtio_ring_init(&q->ring, q->memory.virtual, size, (d->features & VIRTIO_F_EVENT_INDEX) != 0);
    slots_reset(q);
    return true;
}

void virtio_blk_queue_destroy(struct virtio_blk_queue *q)
{
    dma_free(&q->memory);
    dma_free(&q->areas);
    dma_free(&q->tables);
}

const char *virtio_blk_queue_id(const struct virtio_blk_queue *q)
{
    return area_of(q, own_slot(q))->id;
}

/* ---- sending ---- */

/* Write the chain of @slot with @data and put it into the ring. */
static void chain_put(struct virtio_blk_queue *q, uint16_t slot, const struct virtio_blk_data *data)
{
    uint16_t head = (uint16_t)(slot * q->stride);
    struct virtio_descriptor *table = q->ring.descriptors + head;
    size_t offset = slot * table_bytes(q);
    struct virtio_blk_ends ends = {
        .header = area_address(q, slot, offsetof(struct virtio_blk_area, header)),
        .status = area_address(q, slot, offsetof(struct virtio_blk_area, status)),
        .first = is_indirect(q) ? 0 : head,
    };
    uint32_t count;

    if (is_indirect(q))
        table = (struct virtio_descriptor *)(void *)((char *)q->tables.virtual + offset);
    count = virtio_blk_chain_build(data, &q->disk->limits, q->slots[slot].in, &ends, table);
    if (is_indirect(q))
        q->ring.descriptors[head] = (struct virtio_descriptor){
            .address = q->tables.device + offset,
            .length = count * (uint32_t)sizeof(struct virtio_descriptor),
            .flags = VIRTIO_DESCRIPTOR_INDIRECT,
        };
    virtio_ring_put(&q->ring, head);
}

/* Make @slot the command @type at @sector, and put it. */
static void slot_put(struct virtio_blk_queue *q, uint16_t slot, uint32_t type, uint64_t sector,
                     const struct virtio_blk_data *data)
{
    struct virtio_blk_area *area = area_of(q, slot);

    area->header = (struct virtio_blk_header){.type = type, .sector = sector};
    area->status = STATUS_NONE;
    q->slots[slot].busy = true;
    q->slots[slot].bytes = data->bytes;
    q->slots[slot].in = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
    chain_put(q, slot, data);
}

/* Read and write: what is left of the request, or as much as goes into a chain. */
static void transfer_put(struct virtio_blk_queue *q, uint16_t slot, const struct block_request *r)
{
    uint32_t sector_size = r->device->sector_size, from = (uint32_t)r->driver_private[PRIVATE_DONE];
    struct virtio_blk_data data = {.segments = r->segments,
                                   .segment_count = r->segment_count,
                                   .from = from,
                                   .bytes = r->sector_count * sector_size - from};

    data.bytes = virtio_blk_chain_bytes(&data, &q->disk->limits);
    slot_put(q, slot, r->op == BLOCK_READ ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT,
             r->sector * q->disk->block_sectors + from / VIRTIO_BLK_SECTOR, &data);
}

/* One range, without flags (5.2.6.1: those are for WRITE_ZEROES). */
static void discard_put(struct virtio_blk_queue *q, uint16_t slot, const struct block_request *r)
{
    struct block_segment segment = {
        .physical = area_address(q, slot, offsetof(struct virtio_blk_area, range)),
        .length = sizeof(struct virtio_blk_range),
    };
    struct virtio_blk_data data = {
        .segments = &segment, .segment_count = 1, .bytes = segment.length};

    area_of(q, slot)->range =
        (struct virtio_blk_range){.sector = r->sector * q->disk->block_sectors,
                                  .sector_count = r->sector_count * q->disk->block_sectors};
    slot_put(q, slot, VIRTIO_BLK_T_DISCARD, 0, &data);
}

static void request_put(struct virtio_blk_queue *q, uint16_t slot, const struct block_request *r)
{
    static const struct virtio_blk_data none;

    if (r->op == BLOCK_FLUSH)
        slot_put(q, slot, VIRTIO_BLK_T_FLUSH, 0, &none);
    else if (r->op == BLOCK_DISCARD)
        discard_put(q, slot, r);
    else
        transfer_put(q, slot, r);
}

/* Give the oldest pending request a slot; false: it must wait. */
static bool pending_put(struct virtio_blk_queue *q)
{
    struct block_request *r = container_of(q->pending.next, struct block_request, link);
    bool again = r->driver_private[PRIVATE_RETRIES] > 0;
    uint16_t slot;

    if (q->free_slot_count == 0 || q->alone || (again && q->free_slot_count < q->slot_count))
        return false;
    list_remove(&r->link);
    q->alone = again;
    slot = q->free_slots[--q->free_slot_count];
    q->slots[slot].request = r;
    q->slots[slot].deadline = time_now() + VIRTIO_BLK_IO_TIMEOUT_NS;
    request_put(q, slot, r);
    return true;
}

static void ring_publish(struct virtio_blk_queue *q)
{
    if (virtio_ring_publish(&q->ring))
        virtio_pci_notify(&q->disk->transport, q->notify_at, q->index);
}

/* Send as many pending requests as there is room for. @q is locked. */
static void pending_send(struct virtio_blk_queue *q)
{
    bool any = false;

    if (q->stopped || q->broken)
        return;
    while (!list_empty(&q->pending) && pending_put(q))
        any = true;
    if (any)
        ring_publish(q);
}

static void requests_complete(struct list *requests)
{
    struct list *node;

    while ((node = list_pop_front(requests))) {
        struct block_request *r = container_of(node, struct block_request, link);

        block_complete(r, r->status);
    }
}

void virtio_blk_queue_submit(struct virtio_blk_queue *q, struct block_request *r)
{
    /* Without the feature there is no cache that would have to be flushed (5.2.6.2). */
    bool idle = r->op == BLOCK_FLUSH && !(q->disk->features & VIRTIO_BLK_F_FLUSH);
    enum block_status status = BLOCK_OK;
    uint64_t flags = spin_lock(&q->lock);
    bool over = q->closed || idle;

    r->driver_private[PRIVATE_RETRIES] = 0;
    r->driver_private[PRIVATE_DONE] = 0;
    if (q->closed)
        status = q->closed_status;
    if (!over) {
        list_push_back(&q->pending, &r->link);
        pending_send(q);
    }
    spin_unlock(&q->lock, flags);
    if (over)
        block_complete(r, status);
}

/* ---- what comes back ---- */

/* The device returned what it does not have: nothing of it is believed any more. @q is locked. */
static void queue_break(struct virtio_blk_queue *q, const char *what, uint32_t value)
{
    q->broken = true;
    log_print("%s: queue %u: the device is broken: %s %u", q->disk->name, q->index, what, value);
}

/* 5.2.6: the status byte. */
static enum block_status status_map(uint8_t status)
{
    return status == VIRTIO_BLK_S_OK            ? BLOCK_OK
           : status == VIRTIO_BLK_S_UNSUPPORTED ? BLOCK_UNSUPPORTED
                                                : BLOCK_DEVICE_ERROR;
}

/* How a chain has ended whose device wrote @length bytes: data that it has not written were not
 * read, whatever it says (2.7.8.2). */
static enum block_status slot_status(struct virtio_blk_queue *q, uint16_t slot, uint32_t length)
{
    const struct virtio_blk_slot *s = &q->slots[slot];
    uint8_t status = __atomic_load_n(&area_of(q, slot)->status, __ATOMIC_RELAXED);

    if (status == VIRTIO_BLK_S_OK && s->request && s->in && length < s->bytes) {
        log_print("%s: queue %u: %u bytes were read, and not %u", q->disk->name, q->index, length,
                  s->bytes);
        return BLOCK_DEVICE_ERROR;
    }
    if (status != VIRTIO_BLK_S_OK && s->request)
        log_print("%s: %s: operation %u at sector %llu fails with status %u", q->disk->name,
                  s->request->device->name, s->request->op, (unsigned long long)s->request->sector,
                  status);
    return status_map(status);
}

/* Whether @r is to be sent again, or its next part, after @bytes of it have ended so. */
static bool request_goes_on(struct block_request *r, enum block_status status, uint32_t bytes)
{
    if (status == BLOCK_DEVICE_ERROR)
        return r->driver_private[PRIVATE_RETRIES]++ == 0;
    if (status != BLOCK_OK || (r->op != BLOCK_READ && r->op != BLOCK_WRITE))
        return false;
    r->driver_private[PRIVATE_DONE] += bytes;
    return r->driver_private[PRIVATE_DONE] < (uint64_t)r->sector_count * r->device->sector_size;
}

static void request_return(struct virtio_blk_queue *q, uint16_t slot, enum block_status status,
                           struct list *done)
{
    struct virtio_blk_slot *s = &q->slots[slot];
    struct block_request *r = s->request;

    r->status = status;
    s->busy = false;
    s->request = NULL;
    q->alone = false;
    q->free_slots[q->free_slot_count++] = slot;
    if (request_goes_on(r, status, s->bytes))
        list_push_front(&q->pending, &r->link);
    else
        list_push_back(done, &r->link);
}

/* End the chain that @element is for. @q is locked. */
static void element_take(struct virtio_blk_queue *q, const struct virtio_used_element *element,
                         struct list *done)
{
    uint32_t slot = element->id / q->stride, most;
    enum block_status status;

    if (element->id % q->stride != 0 || slot > q->slot_count || !q->slots[slot].busy) {
        queue_break(q, "it returns a chain that is not in flight,", element->id);
        return;
    }
    most = (q->slots[slot].in ? q->slots[slot].bytes : 0) + 1;
    if (element->length > most) {
        queue_break(q, "it says that it wrote more than it was given,", element->length);
        return;
    }
    status = slot_status(q, (uint16_t)slot, element->length);
    if (slot == own_slot(q)) {
        q->slots[slot].busy = false;
        q->command_status = status;
    } else {
        request_return(q, (uint16_t)slot, status, done);
    }
}

/* All that the device has returned. @q is locked. */
static void elements_take(struct virtio_blk_queue *q, struct list *done)
{
    do {
        struct virtio_used_element element;
        enum virtio_ring_result result = VIRTIO_RING_EMPTY;

        while (!q->broken && (result = virtio_ring_take(&q->ring, &element)) == VIRTIO_RING_TAKEN)
            element_take(q, &element, done);
        if (result == VIRTIO_RING_BROKEN && !q->broken)
            queue_break(q, "its used index is none that there can be, after", q->ring.taken);
    } while (!q->broken && virtio_ring_rearm(&q->ring));
}

void virtio_blk_queue_interrupt(void *context)
{
    struct virtio_blk_queue *q = context;
    struct list done;
    uint64_t flags = spin_lock(&q->lock);
    bool broke = !q->broken;

    list_init(&done);
    if (!q->closed && !q->broken) {
        elements_take(q, &done);
        pending_send(q);
    }
    broke &= q->broken;
    spin_unlock(&q->lock, flags);
    if (broke) {
        __atomic_store_n(&q->disk->broken, true, __ATOMIC_RELEASE); /* pairs with is_broken */
        watchdog_wake(&q->disk->watchdog);
    }
    if (!list_empty(&done))
        __atomic_fetch_add(&q->disk->block.statistics.interrupts, 1, __ATOMIC_RELAXED);
    requests_complete(&done);
}

/* ---- the driver's own command ---- */

static bool command_send(struct virtio_blk_queue *q, uint32_t type)
{
    uint16_t slot = own_slot(q);
    struct block_segment segment = {
        .physical = area_address(q, slot, offsetof(struct virtio_blk_area, id)),
        .length = VIRTIO_BLK_ID_BYTES,
    };
    struct virtio_blk_data data = {.segments = &segment, .segment_count = 1};
    uint64_t flags = spin_lock(&q->lock);
    bool usable = !q->closed && !q->broken && !q->slots[slot].busy;

    if (type == VIRTIO_BLK_T_GET_ID)
        data.bytes = segment.length;
    if (usable) {
        slot_put(q, slot, type, 0, &data);
        ring_publish(q);
    }
    spin_unlock(&q->lock, flags);
    return usable;
}

static bool command_is_over(struct virtio_blk_queue *q)
{
    uint64_t flags;
    bool busy;

    virtio_blk_queue_interrupt(q);
    flags = spin_lock(&q->lock);
    busy = q->slots[own_slot(q)].busy && !q->broken;
    spin_unlock(&q->lock, flags);
    return !busy;
}

enum block_status virtio_blk_queue_command(struct virtio_blk_queue *q, uint32_t type)
{
    uint64_t deadline = time_now() + VIRTIO_BLK_COMMAND_NS;

    q->command_status = BLOCK_DEVICE_ERROR;
    if (!command_send(q, type))
        return BLOCK_DEVICE_ERROR;
    while (!command_is_over(q)) {
        if (virtio_pci_status(&q->disk->transport) == VIRTIO_STATUS_GONE)
            return BLOCK_GONE;
        if (time_now() > deadline) {
            log_print("%s: no answer to command %u", q->disk->name, type);
            return BLOCK_DEVICE_ERROR;
        }
        thread_sleep(VIRTIO_BLK_POLL_NS);
    }
    return q->command_status;
}

/* ---- when the device is in trouble ---- */

bool virtio_blk_queue_is_late(struct virtio_blk_queue *q)
{
    uint64_t flags = spin_lock(&q->lock), now = time_now();
    bool late = false;

    for (uint32_t i = 0; i < q->slot_count; i++)
        late |= q->slots[i].busy && q->slots[i].deadline < now;
    spin_unlock(&q->lock, flags);
    return late;
}

void virtio_blk_queue_remind(struct virtio_blk_queue *q)
{
    uint64_t flags = spin_lock(&q->lock);

    if (!q->stopped && !q->closed && !q->broken && virtio_ring_stands_still(&q->ring))
        virtio_pci_notify(&q->disk->transport, q->notify_at, q->index);
    spin_unlock(&q->lock, flags);
}

void virtio_blk_queue_stop(struct virtio_blk_queue *q)
{
    uint64_t flags = spin_lock(&q->lock);

    q->stopped = true;
    spin_unlock(&q->lock, flags);
}

/* Take every request back, into @again if it may be sent once more. @q is locked. */
static void slots_recall(struct virtio_blk_queue *q, struct list *again, struct list *failed)
{
    for (uint16_t i = 0; i < q->slot_count; i++) {
        struct block_request *r = q->slots[i].request;

        if (!q->slots[i].busy)
            continue;
        r->status = BLOCK_DEVICE_ERROR;
        list_push_back(r->driver_private[PRIVATE_RETRIES]++ < VIRTIO_BLK_RETRIES ? again : failed,
                       &r->link);
    }
    slots_reset(q);
}

void virtio_blk_queue_recall(struct virtio_blk_queue *q)
{
    uint64_t flags = spin_lock(&q->lock);
    struct list again, failed, *node;

    list_init(&again);
    list_init(&failed);
    slots_recall(q, &again, &failed);
    while ((node = list_pop_front(&again)))
        list_push_front(&q->pending, node);
    virtio_ring_reset(&q->ring);
    spin_unlock(&q->lock, flags);
    requests_complete(&failed);
}

void virtio_blk_queue_resume(struct virtio_blk_queue *q)
{
    uint64_t flags = spin_lock(&q->lock);

    q->stopped = false;
    pending_send(q);
    spin_unlock(&q->lock, flags);
}

void virtio_blk_queue_close(struct virtio_blk_queue *q, enum block_status status)
{
    uint64_t flags = spin_lock(&q->lock);
    struct list all, *node;

    list_init(&all);
    q->stopped = true;
    q->closed = true;
    q->closed_status = status;
    slots_recall(q, &all, &all);
    while ((node = list_pop_front(&q->pending)))
        list_push_back(&all, node);
    LIST_FOR_EACH(n, &all)
    container_of(n, struct block_request, link)->status = status;
    spin_unlock(&q->lock, flags);
    requests_complete(&all);
}
