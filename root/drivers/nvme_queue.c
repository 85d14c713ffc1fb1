/* SPDX-License-Identifier: MIT */
/* root/drivers/nvme_queue.c - NVMe queues: requests become commands, completions end requests. */
#include <rt/mem.h>
#include "drivers/nvme_controller.h"
#include "drivers/nvme_prp.h"
#include "io/mmio.h"
#include "log.h"
#include "mm/memory.h"

bool nvme_ring_create(struct nvme *c, struct nvme_ring *ring, uint32_t id, uint32_t entries)
{
    size_t stride = NVME_CAP_DSTRD(c->capabilities);
    volatile char *doorbells = (volatile char *)c->registers + NVME_REG_DOORBELLS;

    ring->entries = entries;
    ring->command_doorbell = (volatile uint32_t *)(volatile void *)(doorbells + stride * 2 * id);
    ring->completion_doorbell =
        (volatile uint32_t *)(volatile void *)(doorbells + stride * (2 * id + 1));
    if (!dma_alloc(&ring->commands, entries * sizeof(struct nvme_command)) ||
        !dma_alloc(&ring->completions, entries * sizeof(struct nvme_completion)))
        return false;
    nvme_ring_reset(ring);
    return true;
}

void nvme_ring_reset(struct nvme_ring *ring)
{
    memset(ring->completions.virtual, 0, ring->completions.size);
    ring->tail = 0;
    ring->head = 0;
    ring->phase = NVME_PHASE;
}

void nvme_ring_destroy(struct nvme_ring *ring)
{
    dma_free(&ring->commands);
    dma_free(&ring->completions);
}

void nvme_ring_put(struct nvme_ring *ring, const struct nvme_command *command)
{
    struct nvme_command *commands = ring->commands.virtual;

    commands[ring->tail] = *command;
    ring->tail = (ring->tail + 1) % ring->entries;
}

void nvme_ring_notify(struct nvme_ring *ring)
{
    dma_publish();
    *ring->command_doorbell = ring->tail;
}

bool nvme_ring_take(struct nvme_ring *ring, struct nvme_completion *completion)
{
    const volatile struct nvme_completion *next = (const volatile struct nvme_completion *)
                                                      ring->completions.virtual +
                                                  ring->head;
    uint16_t status = next->status;

    if ((status & NVME_PHASE) != ring->phase)
        return false;
    dma_observe();
    completion->dw0 = next->dw0;
    completion->command_id = next->command_id;
    completion->status = status >> 1;
    ring->head = (ring->head + 1) % ring->entries;
    if (ring->head == 0)
        ring->phase ^= NVME_PHASE;
    return true;
}

void nvme_ring_consumed(struct nvme_ring *ring)
{
    *ring->completion_doorbell = ring->head;
}

static void slots_reset(struct nvme_queue *q)
{
    q->free_slot_count = 0;
    q->free_list_count = 0;
    /* One entry stays empty, so that a full ring differs from an empty one (NVMe 1.4, 4.1). */
    for (uint32_t i = 0; i < q->ring.entries - 1; i++)
        q->free_slots[q->free_slot_count++] = (uint16_t)i;
    for (uint32_t i = 0; i < NVME_LIST_PAGES; i++)
        q->free_lists[q->free_list_count++] = (uint8_t)i;
    memset(q->slots, 0, sizeof(q->slots));
}

bool nvme_queue_create(struct nvme_queue *q, struct nvme *c, uint16_t id)
{
    q->controller = c;
    q->id = id;
    list_init(&q->pending);
    if (!nvme_ring_create(c, &q->ring, id, c->io_entries) ||
        !dma_alloc(&q->lists, (size_t)NVME_LIST_PAGES * NVME_PAGE_SIZE))
        return false;
    slots_reset(q);
    return true;
}

static uint32_t request_lists(const struct block_request *r)
{
    if (r->op == BLOCK_DISCARD)
        return 1;
    if (r->op == BLOCK_FLUSH)
        return 0;
    return nvme_prp_list_pages(nvme_prp_count(r->segments, r->segment_count));
}

static struct nvme_prp_page list_page(const struct nvme_queue *q, uint8_t index)
{
    uint32_t offset = index * NVME_PAGE_SIZE;

    return (struct nvme_prp_page){
        .entries = (uint64_t *)(void *)((char *)q->lists.virtual + offset),
        .device = q->lists.device + offset,
    };
}

/* Read and write (NVMe 1.4, 6.9 and 6.15). */
static void transfer_fill(const struct nvme_queue *q, const struct nvme_slot *slot,
                          struct nvme_command *command)
{
    const struct block_request *r = slot->request;
    struct nvme_prp_page lists[NVME_REQUEST_LISTS];
    uint64_t prp[2];

    for (uint32_t i = 0; i < slot->list_count; i++)
        lists[i] = list_page(q, slot->lists[i]);
    nvme_prp_build(r->segments, r->segment_count, lists, prp);
    command->opcode = r->op == BLOCK_READ ? NVME_CMD_READ : NVME_CMD_WRITE;
    command->prp1 = prp[0];
    command->prp2 = prp[1];
    command->cdw10 = (uint32_t)r->sector;
    command->cdw11 = (uint32_t)(r->sector >> 32);
    command->cdw12 = r->sector_count - 1;
    if (r->op == BLOCK_WRITE && r->force_unit_access)
        command->cdw12 |= NVME_RW_FORCE_UNIT_ACCESS;
}

/* Dataset management with one range, deallocate (NVMe 1.4, 6.7). */
static void discard_fill(const struct nvme_queue *q, const struct nvme_slot *slot,
                         struct nvme_command *command)
{
    struct nvme_prp_page page = list_page(q, slot->lists[0]);
    struct nvme_dataset_range range = {.length = slot->request->sector_count,
                                       .start = slot->request->sector};

    memcpy(page.entries, &range, sizeof(range));
    command->opcode = NVME_CMD_DATASET;
    command->prp1 = page.device;
    command->cdw11 = NVME_DATASET_DEALLOCATE; /* dword 10: ranges less one */
}

static void command_put(struct nvme_queue *q, uint16_t id)
{
    const struct nvme_slot *slot = &q->slots[id];
    const struct nvme_namespace *ns = slot->request->device->driver;
    struct nvme_command command = {.command_id = id, .nsid = ns->id};

    if (slot->request->op == BLOCK_FLUSH)
        command.opcode = NVME_CMD_FLUSH;
    else if (slot->request->op == BLOCK_DISCARD)
        discard_fill(q, slot, &command);
    else
        transfer_fill(q, slot, &command);
    nvme_ring_put(&q->ring, &command);
}

/* Turn the oldest pending request into a command; false: something it needs is used up. */
static bool pending_put(struct nvme_queue *q)
{
    struct block_request *r = container_of(q->pending.next, struct block_request, link);
    uint32_t lists = request_lists(r);
    struct nvme_slot *slot;
    uint16_t id;

    if (q->free_slot_count == 0 || lists > q->free_list_count)
        return false;
    list_remove(&r->link);
    id = q->free_slots[--q->free_slot_count];
    slot = &q->slots[id];
    slot->request = r;
    slot->deadline = time_now() + NVME_IO_TIMEOUT_NS;
    slot->list_count = lists;
    for (uint32_t i = 0; i < lists; i++)
        slot->lists[i] = q->free_lists[--q->free_list_count];
    command_put(q, id);
    return true;
}

/* Send as many pending requests as there is room for. @q is locked. */
static void pending_send(struct nvme_queue *q)
{
    bool any = false;

    if (q->stopped)
        return;
    while (!list_empty(&q->pending) && pending_put(q))
        any = true;
    if (any)
        nvme_ring_notify(&q->ring);
}

static void requests_complete(struct list *requests)
{
    struct list *node;

    while ((node = list_pop_front(requests))) {
        struct block_request *r = container_of(node, struct block_request, link);

        block_complete(r, r->status);
    }
}

void nvme_queue_submit(struct nvme_queue *q, struct block_request *r)
{
    uint64_t flags = spin_lock(&q->lock);
    bool closed = q->closed;

    r->driver_private[0] = 0; /* times it was sent again */
    if (!closed) {
        list_push_back(&q->pending, &r->link);
        pending_send(q);
    }
    spin_unlock(&q->lock, flags);
    if (closed)
        block_complete(r, q->closed_status);
}

/* NVMe 1.4, figures 126 to 128. */
static enum block_status status_map(uint16_t status)
{
    uint32_t code = NVME_STATUS_CODE(status);

    switch (NVME_STATUS_TYPE(status)) {
    case NVME_TYPE_GENERIC:
        return code == 0                         ? BLOCK_OK
               : code == NVME_SC_LBA_RANGE       ? BLOCK_OUT_OF_RANGE
               : code == NVME_SC_WRITE_PROTECTED ? BLOCK_READ_ONLY
               : code == NVME_SC_INVALID_OPCODE  ? BLOCK_UNSUPPORTED
                                                 : BLOCK_DEVICE_ERROR;
    case NVME_TYPE_COMMAND:
        return code == NVME_SC_READ_ONLY_RANGE ? BLOCK_READ_ONLY : BLOCK_DEVICE_ERROR;
    case NVME_TYPE_MEDIUM:
        return BLOCK_MEDIUM_ERROR;
    default:
        return BLOCK_DEVICE_ERROR;
    }
}

static struct block_request *slot_release(struct nvme_queue *q, uint16_t id)
{
    struct nvme_slot *slot = &q->slots[id];
    struct block_request *r = slot->request;

    for (uint32_t i = 0; i < slot->list_count; i++)
        q->free_lists[q->free_list_count++] = slot->lists[i];
    slot->request = NULL;
    q->free_slots[q->free_slot_count++] = id;
    return r;
}

/* End the command that @completion is for, or queue its request once more. @q is locked. */
static void completion_take(struct nvme_queue *q, const struct nvme_completion *completion,
                            struct list *done)
{
    uint16_t id = completion->command_id, status = completion->status;
    struct block_request *r;

    if (id >= NVME_IO_ENTRIES || !q->slots[id].request) {
        log_print("%s: queue %u completes command %u, which is not in flight", q->controller->name,
                  q->id, id);
        return;
    }
    r = slot_release(q, id);
    r->status = status_map(status);
    if (r->status != BLOCK_OK)
        log_print("%s: %s: operation %u at sector %llu fails with status %#x", q->controller->name,
                  r->device->name, r->op, (unsigned long long)r->sector, status);
    if (r->status == BLOCK_DEVICE_ERROR && !(status & NVME_STATUS_DO_NOT_RETRY) &&
        r->driver_private[0]++ < NVME_RETRIES)
        list_push_front(&q->pending, &r->link);
    else
        list_push_back(done, &r->link);
}

void nvme_queue_interrupt(void *context)
{
    struct nvme_queue *q = context;
    struct nvme_completion completion;
    struct list done;
    uint64_t flags = spin_lock(&q->lock);
    bool any = false;

    list_init(&done);
    while (!q->stopped && nvme_ring_take(&q->ring, &completion)) {
        completion_take(q, &completion, &done);
        any = true;
    }
    if (any) {
        nvme_ring_consumed(&q->ring);
        pending_send(q);
    }
    spin_unlock(&q->lock, flags);
    if (!list_empty(&done)) {
        struct block_request *r = container_of(done.next, struct block_request, link);

        __atomic_fetch_add(&r->device->statistics.interrupts, 1, __ATOMIC_RELAXED);
        requests_complete(&done);
    }
}

bool nvme_queue_is_late(struct nvme_queue *q)
{
    uint64_t flags = spin_lock(&q->lock), now = time_now();
    bool late = false;

    for (uint32_t i = 0; i < NVME_IO_ENTRIES; i++)
        late |= q->slots[i].request && q->slots[i].deadline < now;
    spin_unlock(&q->lock, flags);
    return late;
}

void nvme_queue_stop(struct nvme_queue *q)
{
    uint64_t flags = spin_lock(&q->lock);

    q->stopped = true;
    spin_unlock(&q->lock, flags);
}

/* Take every command back, into @again if its request may be sent once more. @q is locked. */
static void slots_recall(struct nvme_queue *q, struct list *again, struct list *failed)
{
    for (uint16_t i = 0; i < NVME_IO_ENTRIES; i++) {
        struct block_request *r;

        if (!q->slots[i].request)
            continue;
        r = slot_release(q, i);
        r->status = BLOCK_DEVICE_ERROR;
        list_push_back(r->driver_private[0]++ < NVME_RETRIES ? again : failed, &r->link);
    }
}

void nvme_queue_recall(struct nvme_queue *q)
{
    uint64_t flags = spin_lock(&q->lock);
    struct list again, failed, *node;

    list_init(&again);
    list_init(&failed);
    slots_recall(q, &again, &failed);
    while ((node = list_pop_front(&again)))
        list_push_front(&q->pending, node);
    nvme_ring_reset(&q->ring);
    slots_reset(q);
    spin_unlock(&q->lock, flags);
    requests_complete(&failed);
}

void nvme_queue_resume(struct nvme_queue *q)
{
    uint64_t flags = spin_lock(&q->lock);

    q->stopped = false;
    pending_send(q);
    spin_unlock(&q->lock, flags);
}

void nvme_queue_close(struct nvme_queue *q, enum block_status status)
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
