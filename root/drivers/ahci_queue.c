/* SPDX-License-Identifier: MIT */
/* root/drivers/ahci_queue.c - requests of an AHCI disk become commands, and end. */
#include <rt/mem.h>
#include "drivers/ahci_controller.h"
#include "io/mmio.h"
#include "log.h"

/* block_request.driver_private of this driver. */
enum { PRIVATE_RETRIES, PRIVATE_ALONE };

void ahci_slot_fill(struct ahci_port *port, uint32_t index, const struct ahci_fis *fis, bool write,
                    uint32_t prd_count)
{
    struct ahci_command_header *header = (struct ahci_command_header *)port->memory.virtual + index;
    struct ahci_command_table *table = port->slots[index].table.virtual;

    table->fis = *fis;
    table->fis.type = AHCI_FIS_REGISTER;
    table->fis.flags = AHCI_FIS_COMMAND;
    *header = (struct ahci_command_header){
        .flags = AHCI_HEADER_FIS_LENGTH | (write ? AHCI_HEADER_WRITE : 0) |
                 prd_count << AHCI_HEADER_PRDTL_SHIFT,
        .table = port->slots[index].table.device,
    };
}

static void fis_set_range(struct ahci_fis *fis, uint64_t sector)
{
    fis->device = ATA_DEVICE_LBA;
    fis->lba0 = (uint8_t)sector;
    fis->lba1 = (uint8_t)(sector >> 8);
    fis->lba2 = (uint8_t)(sector >> 16);
    fis->lba3 = (uint8_t)(sector >> 24);
    fis->lba4 = (uint8_t)(sector >> 32);
    fis->lba5 = (uint8_t)(sector >> 40);
}

/* READ and WRITE FPDMA QUEUED (ACS 7.16): the count is in the features, the tag in the count. */
static void fis_queued(struct ahci_fis *fis, const struct block_request *r, uint32_t tag)
{
    fis->command = r->op == BLOCK_WRITE ? ATA_WRITE_QUEUED : ATA_READ_QUEUED;
    fis->features = (uint8_t)r->sector_count;
    fis->features_high = (uint8_t)(r->sector_count >> 8);
    fis->count = (uint8_t)(tag << AHCI_FIS_TAG_SHIFT);
    fis_set_range(fis, r->sector);
}

static void fis_transfer(struct ahci_fis *fis, const struct block_request *r)
{
    fis->command = r->op == BLOCK_WRITE ? ATA_WRITE_DMA_EXT : ATA_READ_DMA_EXT;
    fis->count = (uint8_t)r->sector_count;
    fis->count_high = (uint8_t)(r->sector_count >> 8);
    fis_set_range(fis, r->sector);
}

/* The ranges go into the scratch page: a trim is alone on its port. */
static uint32_t fis_trim(struct ahci_port *port, struct ahci_fis *fis,
                         const struct block_request *r, struct ahci_prd *prd)
{
    ahci_trim_build(r->sector, r->sector_count, port->scratch.virtual);
    *prd = (struct ahci_prd){.address = port->scratch.device, .count = ATA_TRIM_BLOCK - 1};
    fis->command = ATA_DATA_SET;
    fis->features = ATA_DATA_SET_TRIM;
    fis->count = 1;
    fis->device = ATA_DEVICE_LBA;
    return 1;
}

static bool request_is_queued(const struct ahci_port *port, const struct block_request *r)
{
    return port->queued && (r->op == BLOCK_READ || r->op == BLOCK_WRITE) &&
           !r->driver_private[PRIVATE_ALONE];
}

static void slot_set(struct ahci_port *port, uint32_t index, bool queued)
{
    const struct block_request *r = port->slots[index].request;
    struct ahci_command_table *table = port->slots[index].table.virtual;
    struct ahci_fis fis = {.command = ATA_FLUSH_EXT};
    uint32_t prds = 0;

    if (r->op == BLOCK_DISCARD)
        prds = fis_trim(port, &fis, r, table->prdt);
    else if (r->op != BLOCK_FLUSH)
        prds = ahci_prdt_build(r->segments, r->segment_count, table->prdt, AHCI_PRDT_ENTRIES);
    if (queued)
        fis_queued(&fis, r, index);
    else if (r->op == BLOCK_READ || r->op == BLOCK_WRITE)
        fis_transfer(&fis, r);
    ahci_slot_fill(port, index, &fis, r->op == BLOCK_WRITE || r->op == BLOCK_DISCARD, prds);
}

/* Give the oldest pending request a slot; its bit, or 0: it must wait. */
static uint32_t pending_take(struct ahci_port *port)
{
    struct block_request *r = container_of(port->pending.next, struct block_request, link);
    bool queued = request_is_queued(port, r);
    uint32_t index = 0;

    if (port->active && (!queued || !port->active_queued))
        return 0;
    while (index < port->slot_count && port->slots[index].request)
        index++;
    if (index == port->slot_count)
        return 0;
    list_remove(&r->link);
    port->slots[index].request = r;
    port->slots[index].deadline = time_now() + AHCI_IO_TIMEOUT_NS;
    port->active |= 1u << index;
    port->active_queued = queued;
    slot_set(port, index, queued);
    return 1u << index;
}

void ahci_queue_send(struct ahci_port *port)
{
    uint32_t bits = 0, bit;

    if (port->failed)
        return;
    while (!list_empty(&port->pending) && (bit = pending_take(port)))
        bits |= bit;
    if (!bits)
        return;
    dma_publish();
    if (port->active_queued)
        mmio_write32(port->registers, AHCI_PORT_SACT, bits);
    mmio_write32(port->registers, AHCI_PORT_CI, bits);
}

static void port_submit(struct block_device *device, struct block_request *r)
{
    struct ahci_port *port = device->driver;
    uint64_t flags = spin_lock(&port->lock);
    bool closed = port->closed;

    r->driver_private[PRIVATE_RETRIES] = 0;
    r->driver_private[PRIVATE_ALONE] = false;
    if (!closed) {
        list_push_back(&port->pending, &r->link);
        ahci_queue_send(port);
    }
    spin_unlock(&port->lock, flags);
    if (closed)
        block_complete(r, port->closed_status);
}

const struct block_operations ahci_operations = {.submit = port_submit};

static struct block_request *slot_release(struct ahci_port *port, uint32_t index)
{
    struct block_request *r = port->slots[index].request;

    port->slots[index].request = NULL;
    port->active &= ~(1u << index);
    return r;
}

static void slots_complete(struct ahci_port *port, uint32_t slots, struct list *done)
{
    for (uint32_t i = 0; i < AHCI_SLOTS_MAX; i++) {
        struct block_request *r;

        if (!(slots & 1u << i))
            continue;
        r = slot_release(port, i);
        r->status = BLOCK_OK;
        list_push_back(done, &r->link);
    }
}

void ahci_requests_complete(struct list *requests)
{
    struct list *node;

    while ((node = list_pop_front(requests))) {
        struct block_request *r = container_of(node, struct block_request, link);

        block_complete(r, r->status);
    }
}

/* Leave the port to the worker. @port is locked. */
static void port_fail(struct ahci_port *port, uint32_t interrupts)
{
    uint32_t task_file = mmio_read32(port->registers, AHCI_PORT_TFD);

    mmio_write32(port->registers, AHCI_PORT_IE, 0);
    port->failed = true;
    port->error = task_file & AHCI_TFD_ERR ? AHCI_TFD_ERROR(task_file) : 0;
    log_print("%s: error: interrupts %#x, task file %#x, SError %#x", port->block.name, interrupts,
              task_file, mmio_read32(port->registers, AHCI_PORT_SERR));
}

void ahci_queue_interrupt(struct ahci_port *port)
{
    uint64_t flags = spin_lock(&port->lock);
    uint32_t interrupts = mmio_read32(port->registers, AHCI_PORT_IS);
    bool failed = false;
    struct list done;

    list_init(&done);
    mmio_write32(port->registers, AHCI_PORT_IS, interrupts);
    if (!port->failed && (interrupts & AHCI_IS_ERRORS)) {
        port_fail(port, interrupts);
        failed = true;
    }
    if (!port->failed) {
        /* A slot's bit may go from CI before it goes from SACT, never the other way round. */
        uint32_t busy = mmio_read32(port->registers, AHCI_PORT_CI);

        busy |= mmio_read32(port->registers, AHCI_PORT_SACT);
        slots_complete(port, port->active & ~busy, &done);
        ahci_queue_send(port);
    }
    spin_unlock(&port->lock, flags);
    if (failed)
        watchdog_wake(&port->controller->watchdog);
    if (list_empty(&done))
        return;
    __atomic_fetch_add(&port->block.statistics.interrupts, 1, __ATOMIC_RELAXED);
    ahci_requests_complete(&done);
}

/* ACS 6.3: what the error bits of a command that ran alone mean. */
static enum block_status error_map(uint32_t error)
{
    if (error & ATA_ERROR_UNCORRECTED)
        return BLOCK_MEDIUM_ERROR;
    return error & ATA_ERROR_NOT_FOUND ? BLOCK_OUT_OF_RANGE : BLOCK_DEVICE_ERROR;
}

void ahci_queue_recall(struct ahci_port *port, struct list *failed)
{
    bool alone = !port->active_queued;

    for (uint32_t i = AHCI_SLOTS_MAX; i-- > 0;) {
        struct block_request *r;

        if (!(port->active & 1u << i))
            continue;
        r = slot_release(port, i);
        r->status = alone ? error_map(port->error) : BLOCK_DEVICE_ERROR;
        r->driver_private[PRIVATE_ALONE] = true;
        if (r->status == BLOCK_DEVICE_ERROR && r->driver_private[PRIVATE_RETRIES]++ < AHCI_RETRIES)
            list_push_front(&port->pending, &r->link);
        else
            list_push_back(failed, &r->link);
    }
}
