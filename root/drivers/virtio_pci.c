/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_pci.c - see virtio_pci.h. */
#include "drivers/virtio_pci.h"
#include "io/dma.h"
#include "io/mmio.h"
#include "io/pci_regs.h"
#include "sched/thread.h"

#define RESET_NS      5000000000ull
#define RESET_POLL_NS 1000000ull
#define WORD_BITS     32u
#define PLACE_ALIGN   4u /* 4.1.4.3 and 4.1.4.6: offsets of structures */
#define NOTIFY_ALIGN  2u /* 4.1.4.4 */

static bool place_is_usable(const struct pci_device *d, const struct virtio_pci_place *p,
                            uint32_t alignment)
{
    return p->bar < PCI_BARS_DEVICE && !d->bars[p->bar].io && d->bars[p->bar].base != 0 &&
           p->offset % alignment == 0 && p->offset <= d->bars[p->bar].size &&
           p->size <= d->bars[p->bar].size - p->offset;
}

static struct virtio_pci_place *place_of(struct virtio_pci_layout *layout, uint8_t type)
{
    switch (type) {
    case VIRTIO_TYPE_COMMON:
        return &layout->common;
    case VIRTIO_TYPE_NOTIFY:
        return &layout->notify;
    case VIRTIO_TYPE_DEVICE:
        return &layout->device;
    default:
        return NULL;
    }
}

/* Take capability @at into @layout, if it is of use and the first of its kind that is. */
static void capability_read(const struct pci_device *d, uint8_t at,
                            struct virtio_pci_layout *layout)
{
    uint8_t length = pci_read8(d, at + VIRTIO_CAP_LENGTH);
    uint8_t type = pci_read8(d, at + VIRTIO_CAP_TYPE);
    struct virtio_pci_place *place = place_of(layout, type);
    uint8_t least =
        type == VIRTIO_TYPE_NOTIFY ? VIRTIO_CAP_NOTIFY_LENGTH_MIN : VIRTIO_CAP_LENGTH_MIN;
    struct virtio_pci_place found = {.there = true};

    if (!place || place->there)
        return;
    layout->any = true;
    if (length < least || at + least > PCI_CONFIG_SIZE)
        return;
    found.bar = pci_read8(d, at + VIRTIO_CAP_BAR);
    found.offset = pci_read32(d, at + VIRTIO_CAP_OFFSET);
    found.size = pci_read32(d, at + VIRTIO_CAP_SIZE);
    if (!place_is_usable(d, &found, type == VIRTIO_TYPE_NOTIFY ? NOTIFY_ALIGN : PLACE_ALIGN))
        return;
    *place = found;
    if (type == VIRTIO_TYPE_NOTIFY)
        layout->notify_multiplier = pci_read32(d, at + VIRTIO_CAP_NOTIFY_MULTIPLIER);
}

void virtio_pci_layout_read(const struct pci_device *d, struct virtio_pci_layout *layout)
{
    uint8_t at;

    *layout = (struct virtio_pci_layout){.any = false};
    if (!(pci_read16(d, PCI_STATUS) & PCI_STATUS_CAP_LIST))
        return;
    at = pci_read8(d, PCI_CAPABILITIES) & PCI_CAP_ALIGN;
    for (unsigned i = 0; i < PCI_CAP_LIMIT && at >= PCI_CAP_FIRST; i++) {
        uint16_t head = pci_read16(d, at);

        if ((head & UINT8_MAX) == VIRTIO_CAP_VENDOR)
            capability_read(d, at, layout);
        at = (uint8_t)(head >> 8) & PCI_CAP_ALIGN;
    }
}

/* Map @place, which may share its BAR with another that @shared is mapped for. */
static volatile void *place_map(const struct virtio_pci *v, const struct virtio_pci_place *place,
                                const struct virtio_pci_place *other, volatile void *shared)
{
    volatile char *base;

    if (shared && other->bar == place->bar)
        return (volatile char *)shared - other->offset + place->offset;
    base = pci_map_bar(v->pci, place->bar);
    return base ? base + place->offset : NULL;
}

const char *virtio_pci_open(struct virtio_pci *v, struct pci_device *d, uint32_t device_size)
{
    struct virtio_pci_layout *l = &v->layout;

    v->pci = d;
    virtio_pci_layout_read(d, l);
    if (!l->any)
        return "has the legacy interface of virtio only, which is not supported";
    if (!l->common.there || l->common.size < VIRTIO_COMMON_SIZE || !l->notify.there ||
        !l->device.there || l->device.size < device_size)
        return "does not say where its registers are";
    v->common = place_map(v, &l->common, NULL, NULL);
    v->notify = place_map(v, &l->notify, &l->common, v->common);
    v->device = place_map(v, &l->device, &l->common, v->common);
    if (v->common && v->notify && v->device)
        return NULL;
    v->common = NULL;
    return "has registers that cannot be mapped";
}

uint8_t virtio_pci_status(const struct virtio_pci *v)
{
    return mmio_read8(v->common, VIRTIO_STATUS);
}

static void status_add(struct virtio_pci *v, uint8_t bits)
{
    mmio_write8(v->common, VIRTIO_STATUS, virtio_pci_status(v) | bits);
}

bool virtio_pci_reset(struct virtio_pci *v)
{
    uint64_t deadline = time_now() + RESET_NS;
    uint8_t status;

    mmio_write8(v->common, VIRTIO_STATUS, 0);
    while ((status = virtio_pci_status(v)) != 0) {
        if (status == VIRTIO_STATUS_GONE || time_now() > deadline)
            return false;
        thread_sleep(RESET_POLL_NS);
    }
    return true;
}

static uint64_t features_offered(struct virtio_pci *v)
{
    uint64_t low, high;

    mmio_write32(v->common, VIRTIO_DEVICE_FEATURE_SELECT, 0);
    low = mmio_read32(v->common, VIRTIO_DEVICE_FEATURE);
    mmio_write32(v->common, VIRTIO_DEVICE_FEATURE_SELECT, 1);
    high = mmio_read32(v->common, VIRTIO_DEVICE_FEATURE);
    return high << WORD_BITS | low;
}

bool virtio_pci_negotiate(struct virtio_pci *v, uint64_t wanted, uint64_t *features)
{
    status_add(v, VIRTIO_STATUS_ACKNOWLEDGE);
    status_add(v, VIRTIO_STATUS_DRIVER);
    *features = features_offered(v) & wanted;
    if (!(*features & VIRTIO_F_VERSION_1))
        return false;
    mmio_write32(v->common, VIRTIO_DRIVER_FEATURE_SELECT, 0);
    mmio_write32(v->common, VIRTIO_DRIVER_FEATURE, (uint32_t)*features);
    mmio_write32(v->common, VIRTIO_DRIVER_FEATURE_SELECT, 1);
    mmio_write32(v->common, VIRTIO_DRIVER_FEATURE, (uint32_t)(*features >> WORD_BITS));
    status_add(v, VIRTIO_STATUS_FEATURES_OK);
    return (virtio_pci_status(v) & VIRTIO_STATUS_FEATURES_OK) != 0;
}

uint16_t virtio_pci_queue_count(const struct virtio_pci *v)
{
    return mmio_read16(v->common, VIRTIO_QUEUE_COUNT);
}

uint16_t virtio_pci_queue_size(struct virtio_pci *v, uint16_t index)
{
    uint16_t size;

    mmio_write16(v->common, VIRTIO_QUEUE_SELECT, index);
    size = mmio_read16(v->common, VIRTIO_QUEUE_SIZE);
    if (size > VIRTIO_QUEUE_SIZE_MAX)
        size = VIRTIO_QUEUE_SIZE_MAX;
    while (size & (size - 1))
        size = (uint16_t)(size & (size - 1));
    return size;
}

bool virtio_pci_queue_set(struct virtio_pci *v, const struct virtio_pci_queue *q,
                          uint32_t *notify_at)
{
    uint64_t at;

    mmio_write16(v->common, VIRTIO_QUEUE_SELECT, q->index);
    at = (uint64_t)mmio_read16(v->common, VIRTIO_QUEUE_NOTIFY_OFFSET) * v->layout.notify_multiplier;
    if (at + sizeof(uint16_t) > v->layout.notify.size)
        return false;
    *notify_at = (uint32_t)at;
    mmio_write16(v->common, VIRTIO_QUEUE_SIZE, q->size);
    mmio_write16(v->common, VIRTIO_QUEUE_VECTOR, q->vector);
    if (mmio_read16(v->common, VIRTIO_QUEUE_VECTOR) != q->vector)
        return false;
    mmio_write64(v->common, VIRTIO_QUEUE_DESCRIPTORS, q->descriptors);
    mmio_write64(v->common, VIRTIO_QUEUE_AVAILABLE, q->available);
    mmio_write64(v->common, VIRTIO_QUEUE_USED, q->used);
    mmio_write16(v->common, VIRTIO_QUEUE_ENABLE, 1);
    return true;
}

bool virtio_pci_config_vector_set(struct virtio_pci *v, uint16_t vector)
{
    mmio_write16(v->common, VIRTIO_CONFIG_VECTOR, vector);
    return mmio_read16(v->common, VIRTIO_CONFIG_VECTOR) == vector;
}

void virtio_pci_start(struct virtio_pci *v)
{
    dma_publish();
    status_add(v, VIRTIO_STATUS_DRIVER_OK);
}

void virtio_pci_fail(struct virtio_pci *v)
{
    if (v->common)
        status_add(v, VIRTIO_STATUS_FAILED);
}

uint8_t virtio_pci_config_generation(const struct virtio_pci *v)
{
    return mmio_read8(v->common, VIRTIO_CONFIG_GENERATION);
}

uint8_t virtio_pci_config8(const struct virtio_pci *v, uint32_t offset)
{
    return mmio_read8(v->device, offset);
}

uint16_t virtio_pci_config16(const struct virtio_pci *v, uint32_t offset)
{
    return mmio_read16(v->device, offset);
}

uint32_t virtio_pci_config32(const struct virtio_pci *v, uint32_t offset)
{
    return mmio_read32(v->device, offset);
}

void virtio_pci_notify(const struct virtio_pci *v, uint32_t notify_at, uint16_t index)
{
    mmio_write16((volatile char *)v->notify + notify_at, 0, index);
}
