/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_blk_setup.c - virtio block devices: bring-up (Virtio 1.2, 3.1.1, 5.2.5). */
#include "cpu/cpu.h"
#include "drivers/virtio_blk_disk.h"
#include "log.h"
#include "mm/memory.h"

#define FEATURES_WANTED                                                                            \
    (VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_INDEX | VIRTIO_F_ACCESS_PLATFORM |    \
     VIRTIO_F_ORDER_PLATFORM | VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_RO |    \
     VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_TOPOLOGY | VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_MQ |        \
     VIRTIO_BLK_F_DISCARD)

#define PHYSICAL_EXPONENT_MAX 15u /* more is nonsense */

#define CONFIG_TRIES 16u /* reads, until none is torn by a change of the device's */

static bool has(const struct virtio_blk *d, uint64_t feature)
{
    return (d->features & feature) != 0;
}

/* ---- what the device says of itself ---- */

/* Of the configuration, what we use. */
struct config {
    uint64_t capacity;
    uint32_t size_max, seg_max, blk_size, queues, discard_sectors;
    uint8_t physical_exponent;
};

/* A field that comes with @feature, and with it lies within the device's structure; else @other. */
static uint32_t field_read(const struct virtio_blk *d, uint64_t feature, uint32_t offset,
                           uint32_t other)
{
    if (!has(d, feature) || offset + sizeof(uint32_t) > d->transport.layout.device.size)
        return other;
    return virtio_pci_config32(&d->transport, offset);
}

static struct config config_read_once(const struct virtio_blk *d)
{
    const struct virtio_pci *v = &d->transport;
    uint32_t low = virtio_pci_config32(v, VIRTIO_BLK_CAPACITY);
    struct config c = {
        .capacity = (uint64_t)virtio_pci_config32(v, VIRTIO_BLK_CAPACITY + 4) << 32 | low,
        .size_max = field_read(d, VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_SIZE_MAX, UINT32_MAX),
        .seg_max = field_read(d, VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_SEG_MAX, UINT32_MAX),
        .blk_size = field_read(d, VIRTIO_BLK_F_BLK_SIZE, VIRTIO_BLK_BLK_SIZE, VIRTIO_BLK_SECTOR),
        .queues = 1,
        .discard_sectors = field_read(d, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_MAX_DISCARD_SECTORS, 0),
    };

    if (has(d, VIRTIO_BLK_F_MQ) &&
        VIRTIO_BLK_NUM_QUEUES + sizeof(uint16_t) <= v->layout.device.size)
        c.queues = virtio_pci_config16(v, VIRTIO_BLK_NUM_QUEUES);
    if (has(d, VIRTIO_BLK_F_TOPOLOGY) && VIRTIO_BLK_PHYSICAL_EXPONENT < v->layout.device.size)
        c.physical_exponent = virtio_pci_config8(v, VIRTIO_BLK_PHYSICAL_EXPONENT);
    if (field_read(d, VIRTIO_BLK_F_DISCARD, VIRTIO_BLK_MAX_DISCARD_SEG, 0) == 0)
        c.discard_sectors = 0;
    return c;
}

/* Fields of one and the same configuration (2.5.1). */
static struct config config_read(const struct virtio_blk *d)
{
    struct config c;

    for (unsigned i = 0; i < CONFIG_TRIES; i++) {
        uint8_t before = virtio_pci_config_generation(&d->transport);

        c = config_read_once(d);
        if (virtio_pci_config_generation(&d->transport) == before)
            break;
    }
    return c;
}

static uint32_t at_most(uint32_t value, uint32_t limit)
{
    return value < limit ? value : limit;
}

/* The size of the device's first queue that we use: a power of two. The other queues have it too.
 */
static uint16_t queue_size(struct virtio_blk *d)
{
    return (uint16_t)at_most(virtio_pci_queue_size(&d->transport, 0), VIRTIO_BLK_QUEUE_SIZE);
}

/* No chain is longer than the queue (2.7.5.3.1). Without INDIRECT it is divided into slots. */
static void limits_set(struct virtio_blk *d, const struct config *c, uint32_t size)
{
    uint32_t room = size;

    if (!has(d, VIRTIO_F_INDIRECT)) {
        room = size / VIRTIO_BLK_DIRECT_SLOTS;
        if (room < VIRTIO_BLK_CHAIN_EXTRA + 2)
            room = at_most(VIRTIO_BLK_CHAIN_EXTRA + 2, size);
    }
    d->limits = (struct virtio_blk_limits){
        .pieces =
            room > VIRTIO_BLK_CHAIN_EXTRA ? at_most(c->seg_max, room - VIRTIO_BLK_CHAIN_EXTRA) : 0,
        .piece_bytes = c->size_max,
        .block_bytes = c->blk_size,
    };
}

/* Take what @c says; NULL, or why the device cannot be used. */
static const char *config_take(struct virtio_blk *d, const struct config *c, uint32_t size)
{
    if (c->blk_size < VIRTIO_BLK_SECTOR || c->blk_size > PAGE_SIZE ||
        (c->blk_size & (c->blk_size - 1)))
        return "has blocks of a size that is not supported";
    d->block_sectors = c->blk_size / VIRTIO_BLK_SECTOR;
    d->capacity = c->capacity;
    if (c->physical_exponent <= PHYSICAL_EXPONENT_MAX)
        d->physical_exponent = c->physical_exponent;
    d->discard_sectors = c->discard_sectors;
    if (d->capacity < d->block_sectors)
        return "has no capacity";
    limits_set(d, c, size);
    if (!virtio_blk_limits_suit(&d->limits))
        return "takes too little memory in a request";
    /* One slot for requests, and one for commands of our own. */
    if (size / (has(d, VIRTIO_F_INDIRECT) ? 1 : d->limits.pieces + VIRTIO_BLK_CHAIN_EXTRA) < 2)
        return "has queues that are too short";
    return NULL;
}

/* ---- queues and their interrupts ---- */

/* Allocate interrupts for up to @wanted queues, one on each CPU; how many queues there are. */
static uint32_t interrupts_create(struct virtio_blk *d, uint32_t wanted)
{
    uint32_t n = 0;

    while (n < wanted && irq_alloc(&d->irqs[n], n, virtio_blk_queue_interrupt, &d->queues[n]))
        n++;
    if (n > 0 && pci_enable_msix(d->transport.pci, d->irqs, n))
        return n;
    while (n > 0)
        irq_free(&d->irqs[--n]);
    log_print("%s: no message-signalled interrupts, polling", d->name);
    d->polled = true;
    return 1;
}

static uint32_t queues_wanted(const struct virtio_blk *d, uint32_t offered)
{
    uint32_t n = at_most(cpu_count(), VIRTIO_BLK_QUEUES_MAX);

    n = at_most(n, offered);
    n = at_most(n, virtio_pci_queue_count(&d->transport));
    if (d->transport.pci->msix_count > 0)
        n = at_most(n, d->transport.pci->msix_count);
    return n > 0 ? n : 1;
}

static bool queues_create(struct virtio_blk *d, uint32_t count, uint16_t size)
{
    d->queues = kalloc(count * sizeof(*d->queues));
    d->irqs = kalloc(count * sizeof(*d->irqs));
    if (!d->queues || !d->irqs)
        return false;
    d->queue_count = interrupts_create(d, count);
    for (uint32_t i = 0; i < d->queue_count; i++) {
        if (!virtio_blk_queue_create(&d->queues[i], d, (uint16_t)i, size))
            return false;
    }
    return true;
}

static bool queue_announce(struct virtio_blk *d, struct virtio_blk_queue *q)
{
    const char *start = q->memory.virtual;
    struct virtio_pci_queue announced = {
        .index = q->index,
        .size = q->ring.size,
        .vector = d->polled ? VIRTIO_NO_VECTOR : q->index,
        .descriptors = q->memory.device,
        .available = q->memory.device + (uint64_t)((const char *)q->ring.available - start),
        .used = q->memory.device + (uint64_t)((const char *)q->ring.used - start),
    };

    return virtio_pci_queue_size(&d->transport, q->index) >= q->ring.size &&
           virtio_pci_queue_set(&d->transport, &announced, &q->notify_at);
}

/* The device knows its features: hand it the queues, and let it begin. */
static bool device_begin(struct virtio_blk *d)
{
    for (uint32_t i = 0; i < d->queue_count; i++) {
        if (!queue_announce(d, &d->queues[i]))
            return false;
    }
    virtio_pci_start(&d->transport);
    return true;
}

bool virtio_blk_start(struct virtio_blk *d)
{
    uint64_t features;

    return virtio_pci_negotiate(&d->transport, d->features, &features) && features == d->features &&
           device_begin(d);
}

/* NULL, or why the device cannot be used. */
static const char *device_open(struct virtio_blk *d)
{
    const char *why = virtio_pci_open(&d->transport, d->transport.pci, VIRTIO_BLK_CONFIG_SIZE_MIN);

    if (why)
        return why;
    if (!virtio_pci_reset(&d->transport))
        return "does not come out of reset";
    if (!virtio_pci_negotiate(&d->transport, FEATURES_WANTED, &d->features))
        return "does not agree on its features";
    return NULL;
}

const char *virtio_blk_create(struct virtio_blk *d)
{
    const char *why = device_open(d);
    struct config config;
    uint16_t size;

    if (why)
        return why;
    config = config_read(d);
    size = queue_size(d);
    why = config_take(d, &config, size);
    if (why)
        return why;
    if (!queues_create(d, queues_wanted(d, config.queues), size))
        return "has queues for which there is no memory";
    return device_begin(d) ? NULL : "does not take its queues";
}

void virtio_blk_destroy(struct virtio_blk *d)
{
    virtio_pci_fail(&d->transport);
    pci_disable(d->transport.pci);
    for (uint32_t i = 0; i < d->queue_count; i++) {
        if (!d->polled)
            irq_free(&d->irqs[i]);
        virtio_blk_queue_destroy(&d->queues[i]);
    }
    kfree(d->queues);
    kfree(d->irqs);
    kfree(d);
}
