/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_blk.c - virtio block devices: finds them, registers their disks, watches over
 * them.
 *
 * The watchdog thread of a disk resets the device when a chain takes too long, and closes the disk
 * when the device is broken, is gone, is to leave its slot, or does not come back from a reset. */
#include <rt/format.h>
#include <rt/mem.h>
#include "cpu/cpu.h"
#include "drivers/drivers.h"
#include "drivers/virtio_blk_disk.h"
#include "log.h"
#include "mm/memory.h"

static uint32_t disk_numbers; /* [a] names given out */

static void disk_submit(struct block_device *device, struct block_request *r)
{
    struct virtio_blk *d = device->driver;
    uint64_t flags = interrupts_off();
    uint32_t cpu = this_cpu()->index;

    interrupts_restore(flags);
    virtio_blk_queue_submit(&d->queues[cpu % d->queue_count], r);
}

static const struct block_operations disk_operations = {.submit = disk_submit};

static void disk_describe(struct virtio_blk *d)
{
    struct block_device *b = &d->block;

    rt_snprintf(b->name, sizeof(b->name), "virtio%u",
                __atomic_fetch_add(&disk_numbers, 1, __ATOMIC_RELAXED));
    rt_strlcpy(b->model, "virtio disk", sizeof(b->model));
    /* Not every device has one. */
    if (virtio_blk_queue_command(&d->queues[0], VIRTIO_BLK_T_GET_ID) == BLOCK_OK)
        block_text(b->serial, virtio_blk_queue_id(&d->queues[0]), VIRTIO_BLK_ID_BYTES);
    b->operations = &disk_operations;
    b->sector_size = d->block_sectors * VIRTIO_BLK_SECTOR;
    b->physical_exponent = d->physical_exponent;
    b->sector_count = d->capacity / d->block_sectors;
    b->max_request_sectors = VIRTIO_BLK_REQUEST_BYTES / b->sector_size;
    b->max_segments = VIRTIO_BLK_REQUEST_BYTES / PAGE_SIZE + 1;
    b->queue_depth = d->queue_count * d->queues[0].slot_count;
    b->read_only = (d->features & VIRTIO_BLK_F_RO) != 0;
    b->can_discard = d->discard_sectors >= d->block_sectors;
    b->max_discard_sectors = d->discard_sectors / d->block_sectors;
    b->can_force_unit_access = !(d->features & VIRTIO_BLK_F_FLUSH);
    b->whole_pages = true;
    b->driver = d;
}

/* No request will be served any more; the device may no longer touch memory. */
static void disk_close(struct virtio_blk *d, const char *why, enum block_status status)
{
    log_print("%s: %s", d->name, why);
    for (uint32_t i = 0; i < d->queue_count; i++)
        virtio_blk_queue_stop(&d->queues[i]);
    pci_disable(d->transport.pci);
    for (uint32_t i = 0; i < d->queue_count; i++)
        virtio_blk_queue_close(&d->queues[i], status);
}

static bool disk_is_gone(const struct virtio_blk *d)
{
    return virtio_pci_status(&d->transport) == VIRTIO_STATUS_GONE;
}

/* False: the device does not come back. */
static bool disk_reset(struct virtio_blk *d)
{
    log_print("%s: reset", d->name);
    for (uint32_t i = 0; i < d->queue_count; i++)
        virtio_blk_queue_stop(&d->queues[i]);
    if (!virtio_pci_reset(&d->transport))
        return false;
    for (uint32_t i = 0; i < d->queue_count; i++)
        virtio_blk_queue_recall(&d->queues[i]);
    if (!virtio_blk_start(d))
        return false;
    for (uint32_t i = 0; i < d->queue_count; i++)
        virtio_blk_queue_resume(&d->queues[i]);
    return true;
}

/* Whether a chain is late even after a look at the queues: an interrupt may have been lost. The
 * device may not have heard of chains that are not late yet, either. */
static bool disk_is_late(struct virtio_blk *d)
{
    bool late = false;

    for (uint32_t i = 0; i < d->queue_count; i++) {
        virtio_blk_queue_remind(&d->queues[i]);
        if (virtio_blk_queue_is_late(&d->queues[i])) {
            virtio_blk_queue_interrupt(&d->queues[i]);
            late |= virtio_blk_queue_is_late(&d->queues[i]);
        }
    }
    return late;
}

static bool is_broken(const void *device)
{
    const struct virtio_blk *d = device;

    return __atomic_load_n(&d->broken, __ATOMIC_ACQUIRE); /* pairs with queue_interrupt */
}

/* A device that is broken is not trusted to come back: it is reset to be still, then closed. */
static void disk_give_up(struct virtio_blk *d, const char *why)
{
    for (uint32_t i = 0; i < d->queue_count; i++)
        virtio_blk_queue_stop(&d->queues[i]);
    if (!virtio_pci_reset(&d->transport) && disk_is_gone(d))
        disk_close(d, "was removed", BLOCK_GONE);
    else
        disk_close(d, why, BLOCK_DEVICE_ERROR);
}

/* False: the disk is closed. */
static bool disk_watch(void *device)
{
    struct virtio_blk *d = device;
    uint8_t status = virtio_pci_status(&d->transport);

    if (status == VIRTIO_STATUS_GONE) {
        disk_close(d, "was removed", BLOCK_GONE);
    } else if (is_broken(d)) {
        disk_give_up(d, "is broken, and not used any more");
    } else if (status & VIRTIO_STATUS_NEEDS_RESET) {
        disk_give_up(d, "says that it is broken, and is not used any more");
    } else {
        if (!disk_is_late(d) || disk_reset(d))
            return true;
        disk_close(d, "does not come back from a reset",
                   disk_is_gone(d) ? BLOCK_GONE : BLOCK_DEVICE_ERROR);
    }
    return false;
}

/* What the device was told is done stays done; what is under way ends with the device. */
static void disk_leave(void *device)
{
    struct virtio_blk *d = device;

    for (uint32_t i = 0; i < d->queue_count; i++)
        virtio_blk_queue_stop(&d->queues[i]);
    if ((d->features & VIRTIO_BLK_F_FLUSH) && !disk_is_gone(d) &&
        virtio_blk_queue_command(&d->queues[0], VIRTIO_BLK_T_FLUSH) != BLOCK_OK)
        log_print("%s: does not flush its cache", d->name);
    (void)virtio_pci_reset(&d->transport);
    disk_close(d, "was removed", BLOCK_GONE);
}

static void disk_poll(void *device)
{
    struct virtio_blk *d = device;

    for (uint32_t i = 0; i < d->queue_count; i++)
        virtio_blk_queue_interrupt(&d->queues[i]);
}

static const struct watchdog_operations watchdog_operations = {
    .is_due = is_broken, .poll = disk_poll, .watch = disk_watch, .leave = disk_leave};

static bool virtio_blk_match(const struct pci_device *d)
{
    return d->vendor_id == VIRTIO_PCI_VENDOR &&
           (d->device_id == VIRTIO_PCI_BLOCK || d->device_id == VIRTIO_PCI_BLOCK_TRANSITIONAL);
}

static bool virtio_blk_probe(struct pci_device *pci)
{
    struct virtio_blk *d = kalloc(sizeof(*d));
    const char *why;

    if (!d)
        return false;
    d->transport.pci = pci;
    watchdog_init(&d->watchdog, &watchdog_operations, d);
    rt_snprintf(d->name, sizeof(d->name), "virtio-%02x:%02x.%x", pci->bus, pci->device,
                pci->function);
    pci_enable(pci);
    why = virtio_blk_create(d);
    if (why) {
        log_print("%s: %s", d->name, why);
        virtio_blk_destroy(d);
        return false;
    }
    disk_describe(d);
    log_print("%s: %u queues, requests of up to %u pieces", d->name, d->queue_count,
              d->limits.pieces);
    block_register(&d->block);
    pci->driver_data = d;
    if (!watchdog_start(&d->watchdog, "virtio", d->polled))
        log_print("%s: nobody watches over it: no thread", d->name);
    return true;
}

/* The disk stays known. */
static void virtio_blk_remove(struct pci_device *pci)
{
    struct virtio_blk *d = pci->driver_data;

    watchdog_remove(&d->watchdog);
}

const struct pci_driver virtio_blk_driver = {.name = "virtio-blk",
                                             .match = virtio_blk_match,
                                             .probe = virtio_blk_probe,
                                             .remove = virtio_blk_remove};
