/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_net_setup.c - virtio network devices: bring-up (Virtio 1.2, 3.1.1, 5.1.5). */
#include <rt/mem.h>
#include "drivers/virtio_net_card.h"
#include "log.h"
#include "mm/memory.h"
#include <rt/net_mac.h>
#include "proc/random.h"

#define FEATURES_WANTED                                                                            \
    (VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_INDEX | VIRTIO_F_ACCESS_PLATFORM |                        \
     VIRTIO_F_ORDER_PLATFORM | VIRTIO_NET_F_CSUM | VIRTIO_NET_F_MTU | VIRTIO_NET_F_MAC |           \
     VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_MRG_RXBUF |                    \
     VIRTIO_NET_F_STATUS | VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX)

#define COMMAND_NS      1000000000ull
#define COMMAND_POLL_NS 100000ull
#define CONTROL_SIZE    4u    /* descriptors: a command takes three */
#define SEND_LEAST      128u  /* half of which takes 64 KiB, cut or not */
#define ANSWER_NONE     0xffu /* what no device answers */

static bool has(const struct virtio_net *d, uint64_t feature)
{
    return (d->features & feature) != 0;
}

/* ---- what the device says of itself ---- */

/* Whether the field at @offset of @size bytes comes with @feature, and is within the structure. */
static bool has_field(const struct virtio_net *d, uint64_t feature, uint32_t offset, uint32_t size)
{
    return has(d, feature) && offset + size <= d->transport.layout.device.size;
}

bool virtio_net_link(const struct virtio_net *d)
{
    if (!has_field(d, VIRTIO_NET_F_STATUS, VIRTIO_NET_STATUS, sizeof(uint16_t)))
        return true;
    return (virtio_pci_config16(&d->transport, VIRTIO_NET_STATUS) & VIRTIO_NET_STATUS_LINK) != 0;
}

static void mac_read(struct virtio_net *d)
{
    uint8_t *mac = d->nic.mac;

    for (uint32_t i = 0; has(d, VIRTIO_NET_F_MAC) && i < NET_ADDRESS_BYTES; i++)
        mac[i] = virtio_pci_config8(&d->transport, VIRTIO_NET_MAC + i);
    if (mac_is_unicast(mac))
        return;
    random_bytes(mac, NET_ADDRESS_BYTES);
    mac[0] = (uint8_t)((mac[0] & ~MAC_GROUP) | MAC_LOCAL);
}

/* Without merged buffers a packet must fit into one. */
static uint16_t mtu_read(const struct virtio_net *d)
{
    uint16_t mtu = NET_MTU_DEFAULT;

    if (has_field(d, VIRTIO_NET_F_MTU, VIRTIO_NET_MTU, sizeof(uint16_t)))
        mtu = virtio_pci_config16(&d->transport, VIRTIO_NET_MTU);
    if (mtu > NET_MTU_DEFAULT && !has(d, VIRTIO_NET_F_MRG_RXBUF))
        return NET_MTU_DEFAULT;
    return mtu < VIRTIO_NET_MTU_MAX ? mtu : VIRTIO_NET_MTU_MAX;
}

static uint32_t offload_of(const struct virtio_net *d)
{
    uint32_t offload = 0;

    if (!has(d, VIRTIO_NET_F_CSUM))
        return 0; /* 5.1.3.1: the others need it */
    offload = NIC_OFFLOAD_CHECKSUM;
    if (has(d, VIRTIO_NET_F_HOST_TSO4))
        offload |= NIC_OFFLOAD_TCP4;
    if (has(d, VIRTIO_NET_F_HOST_TSO6))
        offload |= NIC_OFFLOAD_TCP6;
    return offload;
}

/* ---- queues ---- */

/* Hand @ring, which lies in @memory, to the device as queue @index. */
static bool ring_announce(struct virtio_net *d, uint16_t index, const struct virtio_ring *ring,
                          struct virtio_net_memory *memory, uint16_t vector)
{
    const char *start = memory->ring.virtual;
    struct virtio_pci_queue announced = {
        .index = index,
        .size = ring->size,
        .vector = vector,
        .descriptors = memory->ring.device,
        .available = memory->ring.device + (uint64_t)((const char *)ring->available - start),
        .used = memory->ring.device + (uint64_t)((const char *)ring->used - start),
    };

    return virtio_pci_queue_set(&d->transport, &announced, &memory->notify_at);
}

/* The size of the device's queue @index that we use; 0: it is not there, or too short. */
static uint16_t queue_size(struct virtio_net *d, uint16_t index, uint16_t least, uint16_t most)
{
    uint16_t size = virtio_pci_queue_size(&d->transport, index);

    return size < least ? 0 : size < most ? size : most;
}

static bool queue_create(struct virtio_net *d, uint16_t index, struct virtio_net_queue *q,
                         struct virtio_net_memory *memory, uint32_t buffer_bytes, uint16_t vector)
{
    uint16_t least = index == VIRTIO_NET_QUEUE_SEND ? SEND_LEAST : VIRTIO_NET_RECEIVE_PIECES;
    uint16_t size = queue_size(d, index, least, VIRTIO_NET_DESCRIPTORS);

    if (size == 0 || !dma_alloc(&memory->ring, virtio_ring_bytes(size)) ||
        !dma_alloc(&memory->buffers, (size_t)size * buffer_bytes))
        return false;
    virtio_net_queue_init(q, memory->ring.virtual, size, has(d, VIRTIO_F_EVENT_INDEX),
                          memory->buffers.virtual, memory->buffers.device, buffer_bytes);
    return ring_announce(d, index, &q->ring, memory, vector);
}

static bool control_create(struct virtio_net *d)
{
    struct virtio_net_memory *memory = &d->control_memory;
    uint16_t size = queue_size(d, VIRTIO_NET_QUEUE_CONTROL, CONTROL_SIZE, CONTROL_SIZE);

    if (!has(d, VIRTIO_NET_F_CTRL_VQ))
        return true;
    if (size == 0 || !dma_alloc(&memory->ring, virtio_ring_bytes(size)) ||
        !dma_alloc(&memory->buffers, PAGE_SIZE))
        return false;
    virtio_ring_init(&d->control, memory->ring.virtual, size, has(d, VIRTIO_F_EVENT_INDEX));
    return ring_announce(d, VIRTIO_NET_QUEUE_CONTROL, &d->control, memory, VIRTIO_NO_VECTOR);
}

/* A packet fits into a buffer, where segments are made in software. */
static uint32_t send_buffer_bytes(const struct virtio_net *d)
{
    uint32_t longest = (uint32_t)sizeof(struct virtio_net_header) + NET_ETHERNET_BYTES +
                       NET_VLAN_BYTES + d->nic.mtu;

    return longest <= VIRTIO_NET_SEND_BUFFER ? VIRTIO_NET_SEND_BUFFER : VIRTIO_NET_SEND_LONG;
}

_Static_assert(sizeof(struct virtio_net_header) + NET_ETHERNET_BYTES + NET_VLAN_BYTES +
                       VIRTIO_NET_MTU_MAX <=
                   VIRTIO_NET_SEND_LONG,
               "the longest packet fits into a buffer");

static bool queues_create(struct virtio_net *d)
{
    uint16_t receive = d->watch.polled ? VIRTIO_NO_VECTOR : NIC_VECTOR_RECEIVE;
    uint16_t config = d->watch.polled ? VIRTIO_NO_VECTOR : NIC_VECTOR_LINK;

    return virtio_pci_config_vector_set(&d->transport, config) &&
           queue_create(d, VIRTIO_NET_QUEUE_RECEIVE, &d->receive, &d->receive_memory,
                        VIRTIO_NET_RECEIVE_BUFFER, receive) &&
           queue_create(d, VIRTIO_NET_QUEUE_SEND, &d->send, &d->send_memory, send_buffer_bytes(d),
                        VIRTIO_NO_VECTOR) &&
           control_create(d);
}

/* ---- commands ---- */

/* A command with a byte of data, in a page. */
struct command {
    struct virtio_net_command head;
    uint8_t data;
    uint8_t answer;
};

static void command_put(struct virtio_net *d, const struct command *c)
{
    struct dma_buffer *page = &d->control_memory.buffers;
    struct virtio_descriptor *at = d->control.descriptors;

    memcpy(page->virtual, c, sizeof(*c));
    at[0] = (struct virtio_descriptor){.address = page->device,
                                       .length = sizeof(c->head),
                                       .flags = VIRTIO_DESCRIPTOR_NEXT,
                                       .next = 1};
    at[1] = (struct virtio_descriptor){.address = page->device + offsetof(struct command, data),
                                       .length = sizeof(c->data),
                                       .flags = VIRTIO_DESCRIPTOR_NEXT,
                                       .next = 2};
    at[2] = (struct virtio_descriptor){.address = page->device + offsetof(struct command, answer),
                                       .length = sizeof(c->answer),
                                       .flags = VIRTIO_DESCRIPTOR_WRITE};
    virtio_ring_put(&d->control, 0);
    if (virtio_ring_publish(&d->control))
        virtio_pci_notify(&d->transport, d->control_memory.notify_at, VIRTIO_NET_QUEUE_CONTROL);
}

/* Whether the device has done @c. */
static bool command_run(struct virtio_net *d, const struct command *c)
{
    const struct command *page = d->control_memory.buffers.virtual;
    uint64_t deadline = time_now() + COMMAND_NS;
    struct virtio_used_element element;
    enum virtio_ring_result result;

    command_put(d, c);
    while ((result = virtio_ring_take(&d->control, &element)) == VIRTIO_RING_EMPTY) {
        if (time_now() > deadline)
            return false;
        thread_sleep(COMMAND_POLL_NS);
    }
    return result == VIRTIO_RING_TAKEN &&
           __atomic_load_n(&page->answer, __ATOMIC_RELAXED) == VIRTIO_NET_COMMAND_OK;
}

/* What is for the switch's other ports must come in too. */
static void promiscuous_set(struct virtio_net *d)
{
    const struct command on = {
        .head = {.class = VIRTIO_NET_CLASS_RX, .command = VIRTIO_NET_RX_PROMISCUOUS},
        .data = 1,
        .answer = ANSWER_NONE,
    };

    if (!has(d, VIRTIO_NET_F_CTRL_VQ) || !has(d, VIRTIO_NET_F_CTRL_RX) || !command_run(d, &on))
        log_print("%s: cannot be told to receive what is for others", d->watch.device);
}

/* ---- bring-up ---- */

static const char *device_open(struct virtio_net *d)
{
    const char *why = virtio_pci_open(&d->transport, d->transport.pci, VIRTIO_NET_CONFIG_SIZE_MIN);

    if (why)
        return why;
    if (!virtio_pci_reset(&d->transport))
        return "does not come out of reset";
    if (!virtio_pci_negotiate(&d->transport, FEATURES_WANTED, &d->features))
        return "does not agree on its features";
    return NULL;
}

const char *virtio_net_create(struct virtio_net *d)
{
    const char *why = device_open(d);

    if (why)
        return why;
    mac_read(d);
    d->nic.mtu = mtu_read(d);
    if (d->nic.mtu < NET_MTU_MIN)
        return "has an MTU that is too small";
    d->nic.offload = offload_of(d);
    nic_watch_interrupts(&d->watch, d->transport.pci);
    if (!queues_create(d))
        return "does not take its queues, or there is no memory";
    virtio_net_receive_fill(&d->receive);
    virtio_pci_start(&d->transport);
    promiscuous_set(d);
    if (virtio_ring_publish(&d->receive.ring))
        virtio_pci_notify(&d->transport, d->receive_memory.notify_at, VIRTIO_NET_QUEUE_RECEIVE);
    d->nic.link = virtio_net_link(d);
    return NULL;
}

static void memory_free(struct virtio_net_memory *m)
{
    dma_free(&m->ring);
    dma_free(&m->buffers);
}

void virtio_net_free(struct virtio_net *d)
{
    memory_free(&d->receive_memory);
    memory_free(&d->send_memory);
    memory_free(&d->control_memory);
}
