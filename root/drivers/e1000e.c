/* SPDX-License-Identifier: MIT */
/* root/drivers/e1000e.c - Intel 82574: finds cards, brings them up, sends and receives.
 *
 * The device computes checksums of what is sent over IPv4 and looks at those of what comes; the
 * rest, and segments, are done in software, with interrupts on. What was sent is taken back when
 * more is; a message for received packets is masked until they have been taken (datasheet, 7.4.4),
 * which is when the thread asks for the next. Rules: [s] is e1000e.sending.lock, a spinlock; the
 * rest is the card's thread's, before that the probe's. */
#include <rt/format.h>
#include <rt/mem.h>
#include "drivers/drivers.h"
#include "drivers/e1000e_ring.h"
#include "drivers/nic_watch.h"
#include "io/dma.h"
#include "io/mmio.h"
#include "io/pci.h"
#include "log.h"
#include "mm/memory.h"
#include <rt/net_mac.h>
#include "proc/random.h"

#define RECEIVE_MAX   256u /* packets before the thread looks at the card */
#define RESET_NS      1000000000ull
#define RESET_POLL_NS 1000000ull

/* A ring's memory. */
struct ring_memory {
    struct dma_buffer descriptors, buffers;
};

struct e1000e {
    struct pci_device *pci;
    volatile void *registers;
    struct e1000e_ring receive, send; /* the thread's; [s] */
    struct ring_memory receive_memory, send_memory;
    struct nic_sending sending;
    struct nic_watch watch;
    struct e1000e_packet packet; /* the thread's */
    struct nic nic;
};

static uint32_t card_numbers; /* [a] names given out */

static uint32_t register_read(const struct e1000e *d, uint32_t at)
{
    return mmio_read32(d->registers, at);
}

static void register_write(struct e1000e *d, uint32_t at, uint32_t value)
{
    mmio_write32(d->registers, at, value);
}

/* ---- sending ---- */

static enum net_taken place_take(struct e1000e *d, const struct net_frame *frame,
                                 struct e1000e_place *place)
{
    uint64_t flags = spin_lock(&d->sending.lock);
    enum net_taken taken = d->sending.closed ? NET_LOST : e1000e_send_begin(&d->send, frame, place);

    d->sending.filling += taken == NET_TAKEN;
    spin_unlock(&d->sending.lock, flags);
    return taken;
}

static void place_send(struct e1000e *d, const struct e1000e_place *place)
{
    uint64_t flags = spin_lock(&d->sending.lock);

    if (e1000e_send_end(&d->send, place) && !d->sending.closed) {
        dma_publish();
        register_write(d, E1000E_TX + E1000E_RING_TAIL, d->send.tail);
    }
    d->sending.filling--;
    spin_unlock(&d->sending.lock, flags);
}

static enum net_taken card_transmit(struct nic *nic, const struct net_frame *frame)
{
    struct e1000e *d = nic->driver;
    struct e1000e_place place;
    enum net_taken taken = place_take(d, frame, &place);

    if (taken != NET_TAKEN)
        return taken;
    e1000e_send_fill(&d->send, frame, &place);
    place_send(d, &place);
    return NET_TAKEN;
}

static const struct nic_operations card_operations = {.transmit = card_transmit};

/* ---- receiving ---- */

/* The device may have the buffers before @tail, and the one there. */
static void buffers_return(struct e1000e *d, uint32_t tail)
{
    dma_publish();
    register_write(d, E1000E_RX + E1000E_RING_TAIL, tail);
}

/* Whether there was a packet. */
static bool packet_receive(struct e1000e *d)
{
    enum e1000e_received result = e1000e_receive_take(&d->receive, &d->packet);
    uint32_t tail;

    if (result == E1000E_NOTHING)
        return false;
    if (result == E1000E_PACKET)
        nic_receive(&d->nic, &d->packet.frame);
    else
        __atomic_fetch_add(&d->nic.statistics.receive_errors, 1, __ATOMIC_RELAXED);
    if (e1000e_receive_return(&d->receive, &tail))
        buffers_return(d, tail);
    return true;
}

/* A packet that came between the last look and the mask's end has its cause pending, and raises the
 * message then. */
static enum nic_received card_receive(void *card)
{
    struct e1000e *d = card;
    uint32_t n = 0, tail;

    while (n < RECEIVE_MAX && packet_receive(d))
        n++;
    if (e1000e_receive_flush(&d->receive, &tail))
        buffers_return(d, tail);
    if (n == RECEIVE_MAX)
        return NIC_RECEIVED_SOME;
    if (!d->watch.polled)
        register_write(d, E1000E_IMS, E1000E_CAUSE_RECEIVE);
    return NIC_RECEIVED_ALL;
}

/* ---- what its thread asks ---- */

static bool card_link(void *card)
{
    struct e1000e *d = card;

    /* Else there is no message for the next change. */
    register_write(d, E1000E_ICR, E1000E_CAUSE_LINK | E1000E_CAUSE_OTHER);
    if (!d->watch.polled)
        register_write(d, E1000E_IMS, E1000E_CAUSE_LINK | E1000E_CAUSE_OTHER);
    return (register_read(d, E1000E_STATUS) & E1000E_STATUS_LINK) != 0;
}

static const char *card_trouble(void *card)
{
    const struct e1000e *d = card;

    return register_read(d, E1000E_STATUS) == E1000E_GONE ? "was removed" : NULL;
}

/* It comes out of a reset without interrupts, and with both directions off. */
static bool card_reset(struct e1000e *d)
{
    uint64_t deadline = time_now() + RESET_NS;

    register_write(d, E1000E_IMC, UINT32_MAX);
    register_write(d, E1000E_RCTL, 0);
    register_write(d, E1000E_TCTL, 0);
    register_write(d, E1000E_CTRL, register_read(d, E1000E_CTRL) | E1000E_CTRL_RESET);
    do {
        if (time_now() > deadline)
            return false;
        thread_sleep(RESET_POLL_NS);
    } while (register_read(d, E1000E_CTRL) & E1000E_CTRL_RESET);
    register_write(d, E1000E_IMC, UINT32_MAX);
    return true;
}

static void card_stop(void *card)
{
    struct e1000e *d = card;

    nic_sending_end(&d->sending);
    if (register_read(d, E1000E_STATUS) != E1000E_GONE)
        (void)card_reset(d);
    pci_disable(d->pci);
}

/* ---- bring-up ---- */

static void interrupts_begin(struct e1000e *d)
{
    if (d->watch.polled)
        return;
    register_write(d, E1000E_IVAR,
                   (E1000E_IVAR_VALID | NIC_VECTOR_RECEIVE) << E1000E_IVAR_RECEIVE_SHIFT |
                       (E1000E_IVAR_VALID | NIC_VECTOR_LINK) << E1000E_IVAR_OTHER_SHIFT);
    register_write(d, E1000E_EIAC, E1000E_CAUSE_RECEIVE);
    register_write(d, E1000E_IMS, E1000E_CAUSE_RECEIVE | E1000E_CAUSE_LINK | E1000E_CAUSE_OTHER);
}

static bool ring_create(struct e1000e *d, uint32_t at, struct e1000e_ring *r, struct ring_memory *m)
{
    if (!dma_alloc(&m->descriptors, E1000E_RING_BYTES) ||
        !dma_alloc(&m->buffers, (size_t)E1000E_DESCRIPTORS * E1000E_BUFFER))
        return false;
    e1000e_ring_init(r, m->descriptors.virtual, m->buffers.virtual, m->buffers.device);
    mmio_write64(d->registers, at + E1000E_RING_BASE, m->descriptors.device);
    register_write(d, at + E1000E_RING_LENGTH, E1000E_RING_BYTES);
    register_write(d, at + E1000E_RING_HEAD, 0);
    register_write(d, at + E1000E_RING_TAIL, 0);
    return true;
}

/* The address that its non-volatile memory gave it. */
static void mac_read(struct e1000e *d)
{
    uint32_t low = register_read(d, E1000E_RAL), high = register_read(d, E1000E_RAH);
    uint8_t *mac = d->nic.mac;

    memcpy(mac, &low, sizeof(low));
    memcpy(mac + sizeof(low), &high, NET_ADDRESS_BYTES - sizeof(low));
    if (mac_is_unicast(mac))
        return;
    random_bytes(mac, NET_ADDRESS_BYTES);
    mac[0] = (uint8_t)((mac[0] & ~MAC_GROUP) | MAC_LOCAL);
}

static void card_begin(struct e1000e *d)
{
    e1000e_receive_fill(&d->receive);
    dma_publish();
    register_write(d, E1000E_CTRL,
                   register_read(d, E1000E_CTRL) | E1000E_CTRL_SLU | E1000E_CTRL_ASDE);
    register_write(d, E1000E_TCTL,
                   E1000E_TCTL_ENABLE | E1000E_TCTL_PAD | E1000E_TCTL_THRESHOLD |
                       E1000E_TCTL_DISTANCE);
    register_write(d, E1000E_RXCSUM, E1000E_RXCSUM_IP | E1000E_RXCSUM_L4);
    register_write(d, E1000E_RCTL,
                   E1000E_RCTL_ENABLE | E1000E_RCTL_PROMISCUOUS | E1000E_RCTL_BROADCAST |
                       E1000E_RCTL_STRIP_CRC);
    register_write(d, E1000E_RX + E1000E_RING_TAIL, E1000E_DESCRIPTORS - 1);
    interrupts_begin(d);
    d->nic.link = card_link(d);
}

static void card_describe(struct e1000e *d)
{
    struct nic *nic = &d->nic;

    rt_snprintf(nic->name, sizeof(nic->name), "e1000e%u",
                __atomic_fetch_add(&card_numbers, 1, __ATOMIC_RELAXED));
    rt_strlcpy(nic->model, "Intel 82574", sizeof(nic->model));
    nic->mtu = E1000E_MTU;
    nic->operations = &card_operations;
    nic->driver = d;
}

/* NULL, or why the card cannot be used. */
static const char *card_create(void *card)
{
    struct e1000e *d = card;

    if (d->pci->bars[E1000E_BAR].size < E1000E_BAR_SIZE)
        return "has fewer registers than it should";
    d->registers = pci_map_bar(d->pci, E1000E_BAR);
    if (!d->registers)
        return "has registers that cannot be mapped";
    if (!card_reset(d))
        return "does not come out of reset";
    mac_read(d);
    card_describe(d);
    nic_watch_interrupts(&d->watch, d->pci);
    if (!ring_create(d, E1000E_RX, &d->receive, &d->receive_memory) ||
        !ring_create(d, E1000E_TX, &d->send, &d->send_memory))
        return "has rings for which there is no memory";
    card_begin(d);
    return NULL;
}

static void memory_free(struct ring_memory *m)
{
    dma_free(&m->descriptors);
    dma_free(&m->buffers);
}

static void card_release(void *card, bool half)
{
    struct e1000e *d = card;

    if (half && d->registers)
        (void)card_reset(d);
    if (half)
        pci_disable(d->pci);
    memory_free(&d->receive_memory);
    memory_free(&d->send_memory);
}

static const struct nic_watch_operations watch_operations = {
    .name = "e1000e",
    .create = card_create,
    .receive = card_receive,
    .link = card_link,
    .trouble = card_trouble,
    .stop = card_stop,
    .release = card_release,
};

/* ---- finding them ---- */

static bool e1000e_match(const struct pci_device *d)
{
    return d->vendor_id == E1000E_PCI_VENDOR && d->device_id == E1000E_PCI_82574;
}

static bool e1000e_probe(struct pci_device *pci)
{
    struct e1000e *d = kalloc(sizeof(*d));

    if (!d)
        return false;
    d->pci = pci;
    return nic_watch_probe(&d->watch, &watch_operations, &d->nic, d, pci);
}

const struct pci_driver e1000e_driver = {
    .name = "e1000e", .match = e1000e_match, .probe = e1000e_probe, .remove = nic_watch_remove};
