/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/fake_virtio.c - see fake_virtio.h. Written from the virtio 1.2 specification,
 * not from the driver: it walks descriptors as 2.7.5 says. */
#include <stdlib.h>
#include <string.h>
#include "fake_virtio.h"
#include "io/mmio.h"

#define BAR             4u
#define REGISTERS_SIZE  0x4000u
#define COMMON          0x0000u
#define DEVICE          0x2000u
#define NOTIFY          0x3000u
#define DEVICE_SIZE     0x3cu
#define NOTIFY_SIZE     0x1000u
#define NOTIFY_MULTIPLE 4u
#define PIECES_MAX      512u
#define SECTOR          512u

struct fake_virtio virtio;

/* ---- PCI configuration space ---- */

uint8_t pci_read8(const struct pci_device *d, uint32_t offset)
{
    (void)d;
    return offset < sizeof(virtio.config) ? virtio.config[offset] : 0xff;
}

uint16_t pci_read16(const struct pci_device *d, uint32_t offset)
{
    return (uint16_t)(pci_read8(d, offset) | pci_read8(d, offset + 1) << 8);
}

uint32_t pci_read32(const struct pci_device *d, uint32_t offset)
{
    return pci_read16(d, offset) | (uint32_t)pci_read16(d, offset + 2) << 16;
}

static void config_put32(uint32_t at, uint32_t v)
{
    memcpy(virtio.config + at, &v, sizeof(v));
}

void fake_virtio_capability(uint8_t at, uint8_t next, uint8_t type, uint8_t bar, uint32_t offset,
                            uint32_t size)
{
    virtio.config[at] = 0x09;
    virtio.config[at + 1] = next;
    virtio.config[at + 2] = type == VIRTIO_TYPE_NOTIFY ? 20 : 16;
    virtio.config[at + 3] = type;
    virtio.config[at + 4] = bar;
    config_put32(at + 8u, offset);
    config_put32(at + 12u, size);
    if (type == VIRTIO_TYPE_NOTIFY)
        config_put32(at + 16u, NOTIFY_MULTIPLE);
}

static void capabilities_make(void)
{
    virtio.config[PCI_STATUS] = PCI_STATUS_CAP_LIST;
    virtio.config[PCI_CAPABILITIES] = 0x40;
    virtio.config[0x40] = PCI_CAP_MSIX;
    virtio.config[0x41] = 0x50;
    fake_virtio_capability(0x50, 0x64, VIRTIO_TYPE_COMMON, BAR, COMMON, 0x38);
    fake_virtio_capability(0x64, 0x74, 3, BAR, 0x1000, 4);
    fake_virtio_capability(0x74, 0x84, VIRTIO_TYPE_DEVICE, BAR, DEVICE, DEVICE_SIZE);
    fake_virtio_capability(0x84, 0, VIRTIO_TYPE_NOTIFY, BAR, NOTIFY, NOTIFY_SIZE);
}

void fake_virtio_make(void)
{
    memset(&virtio, 0, sizeof(virtio));
    memset(&fake_pci, 0, sizeof(fake_pci));
    fake_pci.irq_limit = UINT32_MAX;
    virtio.registers = calloc(1, REGISTERS_SIZE);
    virtio.disk = calloc(FAKE_VIRTIO_SECTORS, SECTOR);
    virtio.features = VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_INDEX |
                      VIRTIO_BLK_F_SEG_MAX | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH |
                      VIRTIO_BLK_F_MQ | VIRTIO_BLK_F_DISCARD;
    virtio.capacity = FAKE_VIRTIO_SECTORS;
    virtio.queue_limit = FAKE_VIRTIO_QUEUES;
    virtio.queue_size = FAKE_VIRTIO_QUEUE;
    virtio.seg_max = FAKE_VIRTIO_QUEUE - 2;
    virtio.size_max = UINT32_MAX;
    virtio.block_size = SECTOR;
    virtio.bad_sector = UINT64_MAX;
    virtio.discard_max = 4096;
    virtio.id = "of a test";
    virtio.pci = (struct pci_device){
        .vendor_id = 0x1af4, .device_id = 0x1042, .msix_count = FAKE_VIRTIO_QUEUES + 1};
    virtio.pci.bars[BAR] =
        (struct pci_bar){.base = (uintptr_t)virtio.registers, .size = REGISTERS_SIZE};
    capabilities_make();
}

void fake_virtio_drop(void)
{
    free(virtio.registers);
    free(virtio.disk);
}

/* ---- registers ---- */

static uint32_t register_at(const volatile void *base, uint32_t offset)
{
    return (uint32_t)((const volatile uint8_t *)base - virtio.registers) + offset;
}

static struct fake_virtio_queue *selected(void)
{
    return virtio.select < virtio.queue_limit ? &virtio.queues[virtio.select] : NULL;
}

static void device_reset(void)
{
    memset(virtio.queues, 0, sizeof(virtio.queues));
    for (unsigned i = 0; i < FAKE_VIRTIO_QUEUES; i++) {
        virtio.queues[i].size = virtio.queue_size;
        virtio.queues[i].vector = VIRTIO_NO_VECTOR;
    }
    virtio.accepted = 0;
    virtio.status = 0;
    virtio.resets++;
}

static uint64_t common_read(uint32_t at)
{
    const struct fake_virtio_queue *q = selected();

    switch (at) {
    case VIRTIO_DEVICE_FEATURE:
        return virtio.device_select > 1 ? 0
                                        : (uint32_t)(virtio.features >> 32 * virtio.device_select);
    case VIRTIO_CONFIG_VECTOR:
        return virtio.config_vector;
    case VIRTIO_QUEUE_COUNT:
        return virtio.queue_limit;
    case VIRTIO_STATUS:
        return virtio.status;
    case VIRTIO_CONFIG_GENERATION:
        return virtio.generation;
    case VIRTIO_QUEUE_SIZE:
        return q ? q->size : 0;
    case VIRTIO_QUEUE_VECTOR:
        return q ? q->vector : VIRTIO_NO_VECTOR;
    case VIRTIO_QUEUE_NOTIFY_OFFSET:
        return virtio.notify_offset + virtio.select;
    default:
        virtio.wrong++;
        return 0;
    }
}

static uint64_t device_read(uint32_t at)
{
    if (virtio.torn > 0 && at == VIRTIO_BLK_BLK_SIZE) {
        virtio.torn--;
        virtio.generation++;
        virtio.capacity = FAKE_VIRTIO_SECTORS - virtio.torn;
    }
    switch (at) {
    case VIRTIO_BLK_CAPACITY:
        return (uint32_t)virtio.capacity;
    case VIRTIO_BLK_CAPACITY + 4:
        return virtio.capacity >> 32;
    case VIRTIO_BLK_SIZE_MAX:
        return virtio.size_max;
    case VIRTIO_BLK_SEG_MAX:
        return virtio.seg_max;
    case VIRTIO_BLK_BLK_SIZE:
        return virtio.block_size;
    case VIRTIO_BLK_PHYSICAL_EXPONENT:
        return virtio.physical_exponent;
    case VIRTIO_BLK_NUM_QUEUES:
        return virtio.queue_limit;
    case VIRTIO_BLK_MAX_DISCARD_SECTORS:
        return virtio.discard_max;
    case VIRTIO_BLK_MAX_DISCARD_SEG:
        return 1;
    default:
        virtio.wrong++;
        return 0;
    }
}

/* 4.1.3.1: fields are read and written by their width. */
static uint32_t width_of(uint32_t at)
{
    if (at == VIRTIO_STATUS || at == VIRTIO_CONFIG_GENERATION ||
        at == DEVICE + VIRTIO_BLK_PHYSICAL_EXPONENT)
        return 1;
    if ((at > VIRTIO_DRIVER_FEATURE && at < VIRTIO_QUEUE_DESCRIPTORS) || at >= NOTIFY ||
        at == DEVICE + VIRTIO_BLK_NUM_QUEUES)
        return 2;
    return 4;
}

static uint32_t access_read(const volatile void *base, uint32_t offset, uint32_t width)
{
    uint32_t at = register_at(base, offset);

    if (virtio.removed)
        return UINT32_MAX;
    if (at >= DEVICE && virtio.kind)
        return virtio.kind->read(at - DEVICE, width);
    virtio.wrong += width != width_of(at);
    return (uint32_t)(at >= DEVICE ? device_read(at - DEVICE) : common_read(at));
}

static void status_write(uint8_t v)
{
    if (v == 0) {
        if (!virtio.never_reset)
            device_reset();
        return;
    }
    virtio.wrong += (v & virtio.status) != virtio.status; /* 2.1.1: bits are not cleared */
    if (virtio.refuse_features)
        v &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
    virtio.status = v;
}

static void queue_write(struct fake_virtio_queue *q, uint32_t at, uint32_t v)
{
    /* 4.1.5.1.3 and 3.1.1: only between FEATURES_OK and DRIVER_OK */
    virtio.wrong += !q || (virtio.status & VIRTIO_STATUS_DRIVER_OK) ||
                    !(virtio.status & VIRTIO_STATUS_FEATURES_OK) || q->enabled;
    if (!q)
        return;
    if (at == VIRTIO_QUEUE_SIZE)
        q->size = (uint16_t)v;
    else if (at == VIRTIO_QUEUE_VECTOR)
        q->vector = virtio.refuse_vectors ? VIRTIO_NO_VECTOR : (uint16_t)v;
    else if (at == VIRTIO_QUEUE_ENABLE)
        q->enabled = v == 1;
    else if (at < VIRTIO_QUEUE_AVAILABLE)
        q->descriptors |= (uint64_t)v << 8 * (at - VIRTIO_QUEUE_DESCRIPTORS);
    else if (at < VIRTIO_QUEUE_USED)
        q->available |= (uint64_t)v << 8 * (at - VIRTIO_QUEUE_AVAILABLE);
    else
        q->used |= (uint64_t)v << 8 * (at - VIRTIO_QUEUE_USED);
}

static void driver_feature_write(uint32_t v)
{
    virtio.accepted |= (uint64_t)v << 32 * virtio.driver_select;
    virtio.wrong += (virtio.accepted & ~virtio.features) != 0;
}

static void notify_write(uint32_t at, uint16_t index)
{
    virtio.notifications++;
    virtio.notified[index % FAKE_VIRTIO_QUEUES]++;
    virtio.wrong += index >= virtio.queue_limit || !(virtio.status & VIRTIO_STATUS_DRIVER_OK) ||
                    at != (virtio.notify_offset + index) * NOTIFY_MULTIPLE;
    if (virtio.deaf > 0)
        virtio.deaf--;
    else
        virtio.queues[index].told = true;
}

static void access_write(volatile void *base, uint32_t offset, uint32_t v, uint32_t width)
{
    uint32_t at = register_at(base, offset);

    if (virtio.removed)
        return;
    virtio.wrong += width != width_of(at);
    if (at >= NOTIFY)
        notify_write(at - NOTIFY, (uint16_t)v);
    else if (at == VIRTIO_DEVICE_FEATURE_SELECT)
        virtio.device_select = v;
    else if (at == VIRTIO_DRIVER_FEATURE_SELECT)
        virtio.driver_select = v;
    else if (at == VIRTIO_DRIVER_FEATURE)
        driver_feature_write(v);
    else if (at == VIRTIO_CONFIG_VECTOR)
        virtio.config_vector = (uint16_t)v;
    else if (at == VIRTIO_STATUS)
        status_write((uint8_t)v);
    else if (at == VIRTIO_QUEUE_SELECT)
        virtio.select = (uint16_t)v;
    else
        queue_write(selected(), at, v);
}

uint8_t fake_mmio_read8(const volatile void *base, uint32_t offset)
{
    return (uint8_t)access_read(base, offset, 1);
}

uint16_t fake_mmio_read16(const volatile void *base, uint32_t offset)
{
    return (uint16_t)access_read(base, offset, 2);
}

uint32_t fake_mmio_read32(const volatile void *base, uint32_t offset)
{
    return access_read(base, offset, 4);
}

void fake_mmio_write8(volatile void *base, uint32_t offset, uint8_t v)
{
    access_write(base, offset, v, 1);
}

void fake_mmio_write16(volatile void *base, uint32_t offset, uint16_t v)
{
    access_write(base, offset, v, 2);
}

void fake_mmio_write32(volatile void *base, uint32_t offset, uint32_t v)
{
    access_write(base, offset, v, 4);
}

/* ---- chains ---- */

struct chain {
    uint32_t head, count;
    struct virtio_descriptor pieces[PIECES_MAX];
};

/* Collect a chain's descriptors from @table of @size entries. */
static void chain_walk(struct chain *c, const struct virtio_descriptor *table, uint32_t size,
                       uint32_t first)
{
    const struct virtio_descriptor *d;

    do {
        if (first >= size || c->count == PIECES_MAX) {
            virtio.wrong++;
            return;
        }
        d = &table[first];
        c->pieces[c->count++] = *d;
        first = d->next;
    } while (d->flags & VIRTIO_DESCRIPTOR_NEXT);
}

static void chain_read(struct chain *c, const struct fake_virtio_queue *q, uint16_t head)
{
    const struct virtio_descriptor *ring = (void *)(uintptr_t)q->descriptors;

    c->head = head;
    c->count = 0;
    if (ring[head].flags & VIRTIO_DESCRIPTOR_INDIRECT) {
        virtio.wrong += !(virtio.accepted & VIRTIO_F_INDIRECT) ||
                        ring[head].flags != VIRTIO_DESCRIPTOR_INDIRECT ||
                        ring[head].length % sizeof(*ring) != 0;
        chain_walk(c, (void *)(uintptr_t)ring[head].address,
                   ring[head].length / (uint32_t)sizeof(*ring), 0);
    } else {
        chain_walk(c, ring, q->size, head);
    }
    virtio.wrong += c->count > q->size || c->count < 2; /* 2.7.5.3.1 */
}

static bool is_written(const struct virtio_descriptor *d)
{
    return (d->flags & VIRTIO_DESCRIPTOR_WRITE) != 0;
}

/* Header, data, status, and nothing that the device does not bear. Bytes of data. */
static uint32_t chain_check(const struct chain *c, bool in)
{
    uint32_t bytes = 0;

    virtio.wrong += is_written(&c->pieces[0]) || c->pieces[0].length != 16 ||
                    !is_written(&c->pieces[c->count - 1]) || c->pieces[c->count - 1].length != 1;
    for (uint32_t i = 1; i + 1 < c->count; i++) {
        virtio.wrong +=
            is_written(&c->pieces[i]) != in || c->pieces[i].length == 0 ||
            ((virtio.features & VIRTIO_BLK_F_SIZE_MAX) && c->pieces[i].length > virtio.size_max);
        bytes += c->pieces[i].length;
    }
    virtio.wrong += (virtio.features & VIRTIO_BLK_F_SEG_MAX) && c->count - 2 > virtio.seg_max;
    if (c->count - 2 > virtio.most_pieces)
        virtio.most_pieces = c->count - 2;
    if (bytes > virtio.most_bytes)
        virtio.most_bytes = bytes;
    return bytes;
}

static bool batch_is_bad; /* what is worked on together, for a sector of it */

static uint8_t transfer(const struct chain *c, uint64_t sector, uint32_t bytes, bool in)
{
    uint8_t *disk = virtio.disk + sector * SECTOR;

    virtio.wrong += bytes % virtio.block_size != 0 || bytes == 0;
    if (batch_is_bad)
        return VIRTIO_BLK_S_IOERR;
    if (sector > virtio.capacity || bytes / SECTOR > virtio.capacity - sector)
        return VIRTIO_BLK_S_IOERR;
    for (uint32_t i = 1; i + 1 < c->count; i++) {
        void *memory = (void *)(uintptr_t)c->pieces[i].address;

        memcpy(in ? memory : disk, in ? disk : memory, c->pieces[i].length);
        disk += c->pieces[i].length;
    }
    return VIRTIO_BLK_S_OK;
}

static uint8_t discard(const struct chain *c, uint32_t bytes)
{
    struct virtio_blk_range range;

    if (bytes != sizeof(range) || c->count != 3)
        return VIRTIO_BLK_S_UNSUPPORTED;
    memcpy(&range, (void *)(uintptr_t)c->pieces[1].address, sizeof(range));
    virtio.wrong += range.flags != 0 || range.sector_count > virtio.discard_max;
    memset(virtio.disk + range.sector * SECTOR, 0, (size_t)range.sector_count * SECTOR);
    return VIRTIO_BLK_S_OK;
}

static uint8_t id_get(const struct chain *c, uint32_t bytes)
{
    if (!virtio.id || bytes != VIRTIO_BLK_ID_BYTES || c->count != 3)
        return VIRTIO_BLK_S_UNSUPPORTED;
    strncpy((char *)(uintptr_t)c->pieces[1].address, virtio.id, VIRTIO_BLK_ID_BYTES);
    return VIRTIO_BLK_S_OK;
}

static void order_note(char what)
{
    memmove(virtio.order, virtio.order + 1, sizeof(virtio.order) - 1);
    virtio.order[sizeof(virtio.order) - 1] = what;
}

/* Carry out the chain; its status. */
static uint8_t chain_perform(const struct chain *c, const struct virtio_blk_header *h,
                             uint32_t bytes)
{
    switch (h->type) {
    case VIRTIO_BLK_T_IN:
    case VIRTIO_BLK_T_OUT:
        virtio.reads += h->type == VIRTIO_BLK_T_IN;
        virtio.writes += h->type == VIRTIO_BLK_T_OUT;
        order_note(h->type == VIRTIO_BLK_T_IN ? 'r' : 'w');
        return transfer(c, h->sector, bytes, h->type == VIRTIO_BLK_T_IN);
    case VIRTIO_BLK_T_FLUSH:
        virtio.flushes++;
        order_note('f');
        virtio.wrong += bytes != 0 || !(virtio.accepted & VIRTIO_BLK_F_FLUSH);
        return VIRTIO_BLK_S_OK;
    case VIRTIO_BLK_T_DISCARD:
        virtio.discards++;
        order_note('d');
        return discard(c, bytes);
    case VIRTIO_BLK_T_GET_ID:
        order_note('i');
        return id_get(c, bytes);
    default:
        return VIRTIO_BLK_S_UNSUPPORTED;
    }
}

static struct virtio_used *used_of(const struct fake_virtio_queue *q)
{
    return (void *)(uintptr_t)q->used;
}

static struct virtio_available *available_of(const struct fake_virtio_queue *q)
{
    return (void *)(uintptr_t)q->available;
}

static void used_put(struct fake_virtio_queue *q, uint32_t id, uint32_t length)
{
    struct virtio_used *used = used_of(q);

    used->ring[q->returned % q->size] = (struct virtio_used_element){.id = id, .length = length};
    used->index = ++q->returned;
}

static void chain_return(struct fake_virtio_queue *q, const struct chain *c, uint32_t length)
{
    enum fake_virtio_lie lie = virtio.lie;

    if (!virtio.goes_on)
        virtio.lie = VIRTIO_HONEST;
    used_put(q,
             lie == VIRTIO_ID_HUGE    ? UINT32_MAX
             : lie == VIRTIO_ID_SPARE ? FAKE_VIRTIO_QUEUE - 1
             : lie == VIRTIO_ID_FREE  ? c->head ^ 1u
                                      : c->head,
             lie == VIRTIO_LENGTH_HUGE    ? length + 1
             : lie == VIRTIO_LENGTH_SHORT ? 2
                                          : length);
    if (lie == VIRTIO_ID_TWICE)
        used_put(q, c->head, length);
    if (lie == VIRTIO_INDEX_BACK)
        used_of(q)->index = (uint16_t)(q->returned - 2);
    if (lie == VIRTIO_INDEX_AHEAD)
        used_of(q)->index = (uint16_t)(q->returned + 200);
}

static void chain_take(uint32_t queue, struct fake_virtio_queue *q, uint16_t head)
{
    static struct chain c;
    struct virtio_blk_header header;
    uint32_t bytes;
    uint8_t status;
    bool in;

    chain_read(&c, q, head);
    memcpy(&header, (void *)(uintptr_t)c.pieces[0].address, sizeof(header));
    in = header.type == VIRTIO_BLK_T_IN || header.type == VIRTIO_BLK_T_GET_ID;
    bytes = chain_check(&c, in);
    virtio.chains++;
    virtio.per_queue[queue]++;
    virtio.outside += !(fake_pci.command & PCI_COMMAND_MASTER);
    if (virtio.hold > 0) {
        virtio.hold--;
        return;
    }
    if (virtio.fail > 0) {
        virtio.fail--;
        status = virtio.fail_status;
    } else {
        status = chain_perform(&c, &header, bytes);
    }
    if (virtio.lie == VIRTIO_STATUS_ODD)
        status = 77;
    if (virtio.lie != VIRTIO_NO_STATUS)
        *(uint8_t *)(uintptr_t)c.pieces[c.count - 1].address = status;
    chain_return(q, &c, (in ? bytes : 0) + 1);
}

/* 2.7.7.1, 2.7.10.1. */
static bool goes_over(uint16_t event, uint16_t new, uint16_t old)
{
    return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

static void queue_interrupt(struct fake_virtio_queue *q)
{
    const struct virtio_available *available = available_of(q);
    uint16_t new = used_of(q)->index, old = q->signalled;

    if (new == old)
        return;
    q->signalled = new;
    if (virtio.accepted & VIRTIO_F_EVENT_INDEX ? !goes_over(available->ring[q->size], new, old)
                                               : available->flags & 1u)
        return;
    if (virtio.silent || q->vector == VIRTIO_NO_VECTOR)
        return;
    virtio.interrupts++;
    fake_pci_raise(q->vector);
}

/* Whether the chain is a transfer that touches the bad sector. */
static bool chain_is_bad(const struct fake_virtio_queue *q, uint16_t head)
{
    static struct chain c;
    struct virtio_blk_header h;
    uint64_t bytes = 0;

    chain_read(&c, q, head);
    memcpy(&h, (void *)(uintptr_t)c.pieces[0].address, sizeof(h));
    for (uint32_t i = 1; i + 1 < c.count; i++)
        bytes += c.pieces[i].length;
    return h.type <= VIRTIO_BLK_T_OUT && virtio.bad_sector >= h.sector &&
           virtio.bad_sector - h.sector < bytes / SECTOR;
}

static void chain_give(uint32_t queue, struct fake_virtio_queue *q, uint16_t head)
{
    if (!virtio.kind) {
        chain_take(queue, q, head);
        return;
    }
    virtio.wrong += head >= q->size;
    virtio.outside += !(fake_pci.command & PCI_COMMAND_MASTER);
    virtio.per_queue[queue]++;
    virtio.kind->chain(queue, head);
}

void fake_virtio_return(uint32_t queue, uint16_t head, uint32_t length)
{
    struct fake_virtio_queue *q = &virtio.queues[queue];

    virtio.outside += !(fake_pci.command & PCI_COMMAND_MASTER);
    used_put(q, head, length);
    queue_interrupt(q);
}

/* Work on all chains of the queue that are there now. */
static void queue_work(uint32_t index, struct fake_virtio_queue *q)
{
    const struct virtio_available *available = available_of(q);
    uint16_t first = q->taken, count = (uint16_t)(available->index - first);

    virtio.wrong += count > q->size;
    q->taken = available->index;
    batch_is_bad = false;
    for (uint16_t i = 0; i < count && virtio.bad_sector != UINT64_MAX; i++)
        batch_is_bad |= chain_is_bad(q, available->ring[(uint16_t)(first + i) % q->size]);
    for (uint16_t i = 0; i < count; i++) {
        uint16_t k = virtio.backward ? (uint16_t)(count - 1 - i) : i;

        chain_give(index, q, available->ring[(uint16_t)(first + k) % q->size]);
    }
}

static void queue_step(uint32_t index)
{
    struct fake_virtio_queue *q = &virtio.queues[index];

    if (!q->enabled || !(virtio.status & VIRTIO_STATUS_DRIVER_OK) || !q->told)
        return;
    while (available_of(q)->index != q->taken)
        queue_work(index, q);
    q->told = false;
    /* To be told of the next (2.7.10). */
    *(uint16_t *)(void *)&used_of(q)->ring[q->size] = q->taken;
    queue_interrupt(q);
}

void fake_virtio_step(void)
{
    for (uint32_t i = 0; i < FAKE_VIRTIO_QUEUES && !virtio.removed; i++)
        queue_step(i);
}
