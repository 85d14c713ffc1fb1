/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_net.c - virtio network devices: finds them, registers their cards, sends; the
 * thread of a card receives, and closes it when the device is broken, gone, or is to leave its
 * slot. */
#include <rt/format.h>
#include <rt/mem.h>
#include "drivers/drivers.h"
#include "drivers/virtio_net_card.h"
#include "log.h"
#include "mm/memory.h"

#define WATCH_PERIOD_NS 1000000000ull
#define POLL_PERIOD_NS  1000000ull
#define BURST           64u /* packets that are received before the device gets their buffers */

static uint32_t card_numbers; /* [a] names given out */

static void count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* ---- sending ---- */

/* What must be done to a frame, as features of the device. */
static uint32_t offload_needed(const struct net_frame *f)
{
    uint32_t needed = 0;

    if (f->offload.flags & NET_CHECKSUM_NEEDED)
        needed |= NIC_OFFLOAD_CHECKSUM;
    if (f->offload.mss > 0)
        needed |= net_frame_type(f) == NET_TYPE_IPV4 ? NIC_OFFLOAD_TCP4 : NIC_OFFLOAD_TCP6;
    return needed;
}

/* Send the @length bytes of d->segment with the tag of @whole. */
static bool segment_send(struct virtio_net *d, const struct net_frame *whole, uint32_t length)
{
    uint32_t header = length < NET_HEADER_MAX ? length : NET_HEADER_MAX;
    struct net_piece rest = {.bytes = d->segment + header, .length = length - header};
    struct net_frame f = {.header = d->segment,
                          .header_length = header,
                          .pieces = &rest,
                          .piece_count = 1,
                          .length = length,
                          .vlan = whole->vlan};

    return virtio_net_send(&d->send, &f);
}

/* Do what the device cannot. False: there is no room, perhaps after some segments. */
static bool segments_send(struct virtio_net *d, const struct net_frame *frame)
{
    struct net_cursor cursor = {0};

    for (uint32_t left = net_frame_segments(frame); left > 0; left--) {
        if (!segment_send(d, frame, net_frame_write(frame, &cursor, d->segment)))
            return false;
    }
    return true;
}

/* [s] is held. */
static bool frame_send(struct virtio_net *d, const struct net_frame *frame)
{
    bool sent;

    if (d->closed || !virtio_net_sent_take(&d->send))
        return false;
    sent = (offload_needed(frame) & ~d->nic.offload) == 0 ? virtio_net_send(&d->send, frame)
                                                          : segments_send(d, frame);
    if (virtio_ring_publish(&d->send.ring))
        virtio_pci_notify(&d->transport, d->send_memory.notify_at, VIRTIO_NET_QUEUE_SEND);
    return sent;
}

static bool card_transmit(struct nic *nic, const struct net_frame *frame)
{
    struct virtio_net *d = nic->driver;
    uint64_t flags = spin_lock(&d->send_lock);
    bool sent = frame_send(d, frame);

    spin_unlock(&d->send_lock, flags);
    return sent;
}

static const struct nic_operations card_operations = {.transmit = card_transmit};

/* ---- receiving ---- */

static void buffers_publish(struct virtio_net *d)
{
    if (virtio_ring_publish(&d->receive.ring))
        virtio_pci_notify(&d->transport, d->receive_memory.notify_at, VIRTIO_NET_QUEUE_RECEIVE);
}

/* Receive a burst at most. False: nothing is left, or the device is broken. */
static bool burst_receive(struct virtio_net *d)
{
    bool mergeable = (d->features & VIRTIO_NET_F_MRG_RXBUF) != 0;
    enum virtio_net_received result = VIRTIO_NET_PACKET;
    uint32_t n = 0;

    for (; n < BURST; n++) {
        result = virtio_net_receive_take(&d->receive, mergeable, &d->packet);
        if (result == VIRTIO_NET_NOTHING || result == VIRTIO_NET_BROKEN)
            break;
        if (result == VIRTIO_NET_BAD_PACKET) {
            count(&d->nic.statistics.receive_errors, 1);
            continue;
        }
        nic_receive(&d->nic, &d->packet.frame);
        virtio_net_receive_return(&d->receive, &d->packet);
    }
    if (n > 0 && result != VIRTIO_NET_BROKEN)
        buffers_publish(d);
    return n == BURST;
}

static void card_receive(struct virtio_net *d)
{
    do {
        while (burst_receive(d))
            ;
    } while (!d->receive.broken && virtio_ring_rearm(&d->receive.ring) && !d->receive.ring.broken);
    d->receive.broken |= d->receive.ring.broken;
}

/* ---- the thread ---- */

void virtio_net_receive_interrupt(void *context)
{
    struct virtio_net *d = context;

    count(&d->nic.statistics.interrupts, 1);
    __atomic_store_n(&d->due, true, __ATOMIC_RELEASE); /* pairs with is_due */
    wake_all(&d->watch);
}

void virtio_net_config_interrupt(void *context)
{
    struct virtio_net *d = context;

    __atomic_store_n(&d->config_due, true, __ATOMIC_RELAXED);
    virtio_net_receive_interrupt(d);
}

static bool is_to_go(const struct virtio_net *d)
{
    return __atomic_load_n(&d->removed, __ATOMIC_ACQUIRE); /* pairs with virtio_net_remove */
}

static bool is_due(void *context)
{
    struct virtio_net *d = context;

    /* pairs with virtio_net_receive_interrupt */
    return __atomic_exchange_n(&d->due, false, __ATOMIC_ACQUIRE) || is_to_go(d);
}

static bool is_over(void *context)
{
    const struct virtio_net *d = context;

    return __atomic_load_n(&d->over, __ATOMIC_ACQUIRE); /* pairs with card_thread */
}

static bool send_is_broken(struct virtio_net *d)
{
    uint64_t flags = spin_lock(&d->send_lock);
    bool broken = d->send.broken;

    spin_unlock(&d->send_lock, flags);
    return broken;
}

/* Why the card cannot go on; NULL: it can. */
static const char *card_trouble(struct virtio_net *d)
{
    uint8_t status = virtio_pci_status(&d->transport);

    if (status == VIRTIO_STATUS_GONE || is_to_go(d))
        return "was removed";
    if (d->receive.broken || send_is_broken(d))
        return "is broken, and not used any more";
    if (status & VIRTIO_STATUS_NEEDS_RESET)
        return "says that it is broken, and is not used any more";
    return NULL;
}

/* Nothing is sent or received any more; the device may no longer touch memory. */
static void card_close(struct virtio_net *d, const char *why)
{
    uint64_t flags = spin_lock(&d->send_lock);

    d->closed = true;
    spin_unlock(&d->send_lock, flags);
    (void)virtio_pci_reset(&d->transport);
    pci_disable(d->transport.pci);
    log_print("%s: %s", d->nic.name, why);
    nic_gone(&d->nic);
}

/* Until the card cannot go on; the reason. */
static const char *card_serve(struct virtio_net *d)
{
    const char *why = NULL;
    uint64_t next = time_now() + WATCH_PERIOD_NS;

    while (!why) {
        (void)wait_until_timeout(&d->watch, is_due, d,
                                 d->polled ? POLL_PERIOD_NS : WATCH_PERIOD_NS);
        card_receive(d);
        if (__atomic_exchange_n(&d->config_due, false, __ATOMIC_RELAXED))
            next = 0;
        if (time_now() < next && !d->receive.broken && !is_to_go(d))
            continue;
        next = time_now() + WATCH_PERIOD_NS;
        why = card_trouble(d);
        if (!why)
            nic_link_set(&d->nic, virtio_net_link(d));
    }
    return why;
}

static void card_thread(void *argument)
{
    struct virtio_net *d = argument;

    card_close(d, card_serve(d));
    __atomic_store_n(&d->over, true, __ATOMIC_RELEASE); /* pairs with is_over */
    wake_all(&d->watch);
}

/* ---- finding them ---- */

static bool virtio_net_match(const struct pci_device *d)
{
    return d->vendor_id == VIRTIO_PCI_VENDOR &&
           (d->device_id == VIRTIO_PCI_NET || d->device_id == VIRTIO_PCI_NET_TRANSITIONAL);
}

static void card_describe(struct virtio_net *d)
{
    struct nic *nic = &d->nic;

    rt_snprintf(nic->name, sizeof(nic->name), "virtio-net%u",
                __atomic_fetch_add(&card_numbers, 1, __ATOMIC_RELAXED));
    rt_strlcpy(nic->model, "virtio network card", sizeof(nic->model));
    nic->operations = &card_operations;
    nic->driver = d;
}

static bool virtio_net_probe(struct pci_device *pci)
{
    struct virtio_net *d = kalloc(sizeof(*d));
    const char *why;

    if (!d)
        return false;
    d->transport.pci = pci;
    d->polled = true; /* until there are interrupts */
    wait_queue_init(&d->watch);
    rt_snprintf(d->name, sizeof(d->name), "virtio-%02x:%02x.%x", pci->bus, pci->device,
                pci->function);
    pci_enable(pci);
    why = virtio_net_create(d);
    if (!why) {
        card_describe(d);
        d->due = true; /* what came before there was a thread */
        if (!thread_start(d->nic.name, card_thread, d, -1))
            why = "there is no thread to receive";
    }
    if (why) {
        log_print("%s: %s", d->name, why);
        virtio_net_destroy(d);
        return false;
    }
    pci->driver_data = d;
    nic_register(&d->nic);
    return true;
}

/* The card stays known; its thread closes it. */
static void virtio_net_remove(struct pci_device *pci)
{
    struct virtio_net *d = pci->driver_data;

    __atomic_store_n(&d->removed, true, __ATOMIC_RELEASE); /* pairs with is_to_go */
    wake_all(&d->watch);
    wait_until(&d->watch, is_over, d);
}

const struct pci_driver virtio_net_driver = {.name = "virtio-net",
                                             .match = virtio_net_match,
                                             .probe = virtio_net_probe,
                                             .remove = virtio_net_remove};
