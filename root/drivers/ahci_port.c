/* SPDX-License-Identifier: MIT */
/* root/drivers/ahci_port.c - AHCI ports: bring-up (AHCI 1.3.1, 10.1.2), identification, recovery
 * from errors (6.2.2). Thread context. */
#include <rt/format.h>
#include <rt/mem.h>
#include "drivers/ahci_controller.h"
#include "io/mmio.h"
#include "log.h"
#include "mm/memory.h"

#define POLL_NS     100000ull
#define STOP_NS     500000000ull   /* 10.1.2: the engines stop within this */
#define LINK_NS     30000000ull    /* 10.1.1: a disk shows itself within 10 ms of spin-up */
#define RELINK_NS   1000000000ull  /* the same after an error, when we know there is a disk */
#define READY_NS    10000000000ull /* a disk that spins up is busy for seconds */
#define ENGINE_RUNS (AHCI_CMD_LIST_RUNS | AHCI_CMD_FIS_RUNS)

static uint32_t disk_numbers; /* [a] names given out */

static uint32_t port_read(const struct ahci_port *port, uint32_t offset)
{
    return mmio_read32(port->registers, offset);
}

static void port_write(struct ahci_port *port, uint32_t offset, uint32_t v)
{
    mmio_write32(port->registers, offset, v);
}

/* Wait until the bits @mask of a register are @value. */
static bool port_wait(const struct ahci_port *port, uint32_t offset, uint32_t mask, uint32_t value,
                      uint64_t ns)
{
    uint64_t deadline = time_now() + ns;

    while ((port_read(port, offset) & mask) != value) {
        if (time_now() > deadline)
            return false;
        thread_sleep(POLL_NS);
    }
    return true;
}

/* Stop both engines: the port reads and writes no memory any more. */
static bool engine_stop(struct ahci_port *port)
{
    uint32_t cmd = port_read(port, AHCI_PORT_CMD);

    port_write(port, AHCI_PORT_CMD, cmd & ~AHCI_CMD_START);
    if (!port_wait(port, AHCI_PORT_CMD, AHCI_CMD_LIST_RUNS, 0, STOP_NS))
        return false;
    port_write(port, AHCI_PORT_CMD, cmd & ~(AHCI_CMD_START | AHCI_CMD_FIS));
    return port_wait(port, AHCI_PORT_CMD, ENGINE_RUNS, 0, STOP_NS);
}

/* Receive FISes, find the link up and the disk ready, and start the command engine. */
static bool engine_start(struct ahci_port *port, uint64_t link_ns)
{
    uint32_t cmd = port_read(port, AHCI_PORT_CMD) & ~AHCI_CMD_START;

    cmd |= AHCI_CMD_SPIN_UP | AHCI_CMD_POWER | AHCI_CMD_FIS | AHCI_CMD_ACTIVE;
    port_write(port, AHCI_PORT_CMD, cmd);
    if (!port_wait(port, AHCI_PORT_SSTS, AHCI_SSTS_DET(UINT32_MAX), AHCI_SSTS_DET_LINK, link_ns))
        return false;
    port_write(port, AHCI_PORT_SERR, UINT32_MAX);
    if (!port_wait(port, AHCI_PORT_TFD, AHCI_TFD_BUSY | AHCI_TFD_DRQ, 0, READY_NS))
        return false;
    port_write(port, AHCI_PORT_IS, UINT32_MAX);
    port_write(port, AHCI_PORT_CMD, port_read(port, AHCI_PORT_CMD) | AHCI_CMD_START);
    return true;
}

/* COMRESET (10.4.2). */
static void link_reset(struct ahci_port *port)
{
    uint32_t control = port_read(port, AHCI_PORT_SCTL) & ~AHCI_SCTL_DET;

    port_write(port, AHCI_PORT_SCTL, control | AHCI_SCTL_DET_RESET);
    thread_sleep(AHCI_RESET_HOLD_NS);
    port_write(port, AHCI_PORT_SCTL, control);
}

static void addresses_set(struct ahci_port *port)
{
    mmio_write64(port->registers, AHCI_PORT_CLB, port->memory.device);
    mmio_write64(port->registers, AHCI_PORT_FB, port->memory.device + AHCI_RECEIVED_FIS);
}

/* IDENTIFY DEVICE in slot 0, before anything else is sent and with interrupts off. */
static bool port_identify(struct ahci_port *port)
{
    struct ahci_command_table *table = port->slots[0].table.virtual;
    struct ahci_fis fis = {.command = ATA_IDENTIFY};

    table->prdt[0] = (struct ahci_prd){.address = port->scratch.device,
                                       .count = ATA_ID_WORDS * sizeof(uint16_t) - 1};
    ahci_slot_fill(port, 0, &fis, false, 1);
    dma_publish();
    port_write(port, AHCI_PORT_CI, 1);
    if (!port_wait(port, AHCI_PORT_CI, 1, 0, AHCI_IO_TIMEOUT_NS) ||
        (port_read(port, AHCI_PORT_TFD) & AHCI_TFD_ERR))
        return false;
    dma_observe();
    return ata_identify_parse(port->scratch.virtual, &port->identity);
}

static void port_free(struct ahci_port *port)
{
    for (uint32_t i = 0; i < AHCI_SLOTS_MAX; i++)
        dma_free(&port->slots[i].table);
    dma_free(&port->scratch);
    dma_free(&port->memory);
    kfree(port);
}

static bool slots_create(struct ahci_port *port, uint32_t count)
{
    for (; port->slot_count < count; port->slot_count++) {
        if (!dma_alloc(&port->slots[port->slot_count].table, AHCI_TABLE_SIZE))
            return false;
    }
    return true;
}

static void port_describe(struct ahci_port *port)
{
    const struct ata_identity *id = &port->identity;
    struct block_device *d = &port->block;

    rt_snprintf(d->name, sizeof(d->name), "ahci%u",
                __atomic_fetch_add(&disk_numbers, 1, __ATOMIC_RELAXED));
    memcpy(d->model, id->model, sizeof(d->model));
    memcpy(d->serial, id->serial, sizeof(d->serial));
    d->operations = &ahci_operations;
    d->sector_size = id->sector_size;
    d->sector_count = id->sector_count;
    d->max_request_sectors = AHCI_REQUEST_BYTES / id->sector_size;
    d->max_segments = AHCI_PRDT_ENTRIES;
    d->queue_depth = port->queued ? port->slot_count : 1;
    d->can_discard = id->can_trim;
    d->max_discard_sectors = ATA_TRIM_SECTORS_MAX;
    d->driver = port;
}

/* Whether a disk answers on the port; its slots are then as many as it and the controller have. */
static bool port_bring_up(struct ahci_port *port)
{
    uint32_t slots = AHCI_CAP_SLOTS(port->controller->capabilities);

    if (!dma_alloc(&port->memory, PAGE_SIZE) || !dma_alloc(&port->scratch, PAGE_SIZE) ||
        !slots_create(port, 1))
        return false;
    if (!engine_stop(port)) {
        log_print("%s: port %u does not stop", port->controller->name, port->index);
        return false;
    }
    addresses_set(port);
    if (!engine_start(port, LINK_NS) || port_read(port, AHCI_PORT_SIG) != AHCI_SIG_DISK)
        return false;
    if (!port_identify(port)) {
        log_print("%s: port %u has a disk that cannot be used", port->controller->name,
                  port->index);
        return false;
    }
    port->queued = (port->controller->capabilities & AHCI_CAP_NCQ) && port->identity.queue_depth;
    if (port->queued && port->identity.queue_depth < slots)
        slots = port->identity.queue_depth;
    return slots_create(port, port->queued ? slots : 1);
}

struct ahci_port *ahci_port_create(struct ahci *c, uint32_t index)
{
    struct ahci_port *port = kalloc(sizeof(*port));

    if (!port)
        return NULL;
    port->controller = c;
    port->index = index;
    port->registers = (volatile char *)c->registers + AHCI_PORTS +
                      (size_t)index * AHCI_PORT_STRIDE;
    list_init(&port->pending);
    port_write(port, AHCI_PORT_IE, 0);
    if (port_bring_up(port)) {
        port_describe(port);
        return port;
    }
    /* Memory that a port may still write to is not given back. */
    if (engine_stop(port))
        port_free(port);
    return NULL;
}

void ahci_port_start(struct ahci_port *port)
{
    port_write(port, AHCI_PORT_IE, AHCI_IS_WANTED);
}

void ahci_port_close(struct ahci_port *port, enum block_status status)
{
    struct list all, *node;
    uint64_t flags;

    log_print("%s: %s", port->block.name,
              status == BLOCK_GONE ? "was removed" : "does not come back from a reset");
    /* Memory goes back to its owners: a port that does not stop must not reach it. */
    if (!engine_stop(port))
        pci_disable(port->controller->pci);
    flags = spin_lock(&port->lock);
    list_init(&all);
    port->failed = true;
    port->closed = true;
    port->closed_status = status;
    ahci_queue_recall(port, &all);
    while ((node = list_pop_front(&port->pending)))
        list_push_back(&all, node);
    LIST_FOR_EACH(n, &all)
    container_of(n, struct block_request, link)->status = status;
    spin_unlock(&port->lock, flags);
    ahci_requests_complete(&all);
}

static bool link_is_up(const struct ahci_port *port)
{
    return AHCI_SSTS_DET(port_read(port, AHCI_PORT_SSTS)) == AHCI_SSTS_DET_LINK;
}

static bool port_recover(struct ahci_port *port)
{
    struct list failed;
    uint64_t flags;

    list_init(&failed);
    if (!engine_stop(port))
        return false;
    flags = spin_lock(&port->lock);
    ahci_queue_recall(port, &failed);
    spin_unlock(&port->lock, flags);
    ahci_requests_complete(&failed);
    link_reset(port);
    if (!engine_start(port, RELINK_NS))
        return false;
    flags = spin_lock(&port->lock);
    port->failed = false;
    ahci_queue_send(port);
    spin_unlock(&port->lock, flags);
    ahci_port_start(port);
    return true;
}

/* Whether a command is past its deadline; the port then counts as failed. */
static bool port_is_late(struct ahci_port *port)
{
    uint64_t flags = spin_lock(&port->lock), now = time_now();

    for (uint32_t i = 0; i < AHCI_SLOTS_MAX && !port->failed; i++) {
        if (port->slots[i].request && port->slots[i].deadline < now) {
            log_print("%s: a command takes too long", port->block.name);
            port_write(port, AHCI_PORT_IE, 0);
            port->failed = true;
            port->error = 0;
        }
    }
    spin_unlock(&port->lock, flags);
    return __atomic_load_n(&port->failed, __ATOMIC_RELAXED);
}

bool ahci_port_watch(struct ahci_port *port)
{
    if (port->closed)
        return false;
    if (!port_is_late(port) || port_recover(port))
        return true;
    ahci_port_close(port, link_is_up(port) ? BLOCK_DEVICE_ERROR : BLOCK_GONE);
    return false;
}
