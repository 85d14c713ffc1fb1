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

#define BURSTS 4u  /* before the thread looks at the card */
#define BURST  64u /* packets that are received before the device gets their buffers */

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

static bool must_cut(const struct virtio_net *d, const struct net_frame *f)
{
    return (offload_needed(f) & ~d->nic.offload) != 0;
}

static enum net_taken place_take(struct virtio_net *d, const struct net_frame *frame,
                                 struct virtio_net_place *place)
{
    uint64_t flags = spin_lock(&d->sending.lock);
    enum net_taken taken = NET_LOST;

    if (!d->sending.closed && virtio_net_sent_take(&d->send))
        taken = virtio_net_send_begin(&d->send, frame, must_cut(d, frame), place);
    d->sending.filling += taken == NET_TAKEN;
    spin_unlock(&d->sending.lock, flags);
    return taken;
}

static void place_send(struct virtio_net *d, const struct net_frame *frame,
                       const struct virtio_net_place *place)
{
    uint64_t flags = spin_lock(&d->sending.lock);

    virtio_net_send_end(&d->send, frame, place);
    if (!d->sending.closed && virtio_ring_publish(&d->send.ring))
        virtio_pci_notify(&d->transport, d->send_memory.notify_at, VIRTIO_NET_QUEUE_SEND);
    d->sending.filling--;
    spin_unlock(&d->sending.lock, flags);
}

static enum net_taken card_transmit(struct nic *nic, const struct net_frame *frame)
{
    struct virtio_net *d = nic->driver;
    struct virtio_net_place place;
    enum net_taken taken = place_take(d, frame, &place);

    if (taken != NET_TAKEN)
        return taken;
    virtio_net_send_fill(&d->send, frame, &place);
    place_send(d, frame, &place);
    return NET_TAKEN;
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

/* Bursts, of which a flood would make ever more. */
static enum nic_received card_receive(void *card)
{
    struct virtio_net *d = card;
    bool more = true;

    for (uint32_t i = 0; i < BURSTS && more && !d->receive.broken; i++) {
        more = burst_receive(d);
        if (!more && !d->receive.broken)
            more = virtio_ring_rearm(&d->receive.ring);
        d->receive.broken |= d->receive.ring.broken;
    }
    if (d->receive.broken)
        return NIC_RECEIVE_BROKEN;
    return more ? NIC_RECEIVED_SOME : NIC_RECEIVED_ALL;
}

/* ---- what its thread asks ---- */

static bool send_is_broken(struct virtio_net *d)
{
    uint64_t flags = spin_lock(&d->sending.lock);
    bool broken = d->send.broken;

    spin_unlock(&d->sending.lock, flags);
    return broken;
}

static const char *card_trouble(void *card)
{
    struct virtio_net *d = card;
    uint8_t status = virtio_pci_status(&d->transport);

    if (status == VIRTIO_STATUS_GONE)
        return "was removed";
    if (d->receive.broken || send_is_broken(d))
        return "is broken, and not used any more";
    if (status & VIRTIO_STATUS_NEEDS_RESET)
        return "says that it is broken, and is not used any more";
    return NULL;
}

static void send_remind(struct virtio_net *d)
{
    uint64_t flags = spin_lock(&d->sending.lock);

    if (!d->sending.closed && !d->send.broken && virtio_ring_stands_still(&d->send.ring))
        virtio_pci_notify(&d->transport, d->send_memory.notify_at, VIRTIO_NET_QUEUE_SEND);
    spin_unlock(&d->sending.lock, flags);
}

static void card_remind(void *card)
{
    struct virtio_net *d = card;

    send_remind(d);
    if (virtio_ring_stands_still(&d->receive.ring)) /* or nothing has come */
        virtio_pci_notify(&d->transport, d->receive_memory.notify_at, VIRTIO_NET_QUEUE_RECEIVE);
}

static bool card_link(void *card)
{
    return virtio_net_link(card);
}

static void card_stop(void *card)
{
    struct virtio_net *d = card;

    nic_sending_end(&d->sending);
    (void)virtio_pci_reset(&d->transport);
    pci_disable(d->transport.pci);
}

/* ---- life ---- */

static const char *card_create(void *card)
{
    struct virtio_net *d = card;
    struct nic *nic = &d->nic;
    const char *why = virtio_net_create(d);

    if (why)
        return why;
    rt_snprintf(nic->name, sizeof(nic->name), "virtio-net%u",
                __atomic_fetch_add(&card_numbers, 1, __ATOMIC_RELAXED));
    rt_strlcpy(nic->model, "virtio network card", sizeof(nic->model));
    nic->operations = &card_operations;
    nic->driver = d;
    return NULL;
}

static void card_release(void *card, bool half)
{
    struct virtio_net *d = card;

    if (half) {
        virtio_pci_fail(&d->transport);
        pci_disable(d->transport.pci);
    }
    virtio_net_free(d);
}

static const struct nic_watch_operations watch_operations = {
    .name = "virtio",
    .create = card_create,
    .receive = card_receive,
    .link = card_link,
    .trouble = card_trouble,
    .remind = card_remind,
    .stop = card_stop,
    .release = card_release,
};

/* ---- finding them ---- */

static bool virtio_net_match(const struct pci_device *d)
{
    return d->vendor_id == VIRTIO_PCI_VENDOR &&
           (d->device_id == VIRTIO_PCI_NET || d->device_id == VIRTIO_PCI_NET_TRANSITIONAL);
}

static bool virtio_net_probe(struct pci_device *pci)
{
    struct virtio_net *d = kalloc(sizeof(*d));

    if (!d)
        return false;
    d->transport.pci = pci;
    return nic_watch_probe(&d->watch, &watch_operations, &d->nic, d, pci);
}

const struct pci_driver virtio_net_driver = {.name = "virtio-net",
                                             .match = virtio_net_match,
                                             .probe = virtio_net_probe,
                                             .remove = nic_watch_remove};
