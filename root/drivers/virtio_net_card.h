/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_net_card.h - inside the virtio network driver.
 *
 *   virtio_net.c        finds devices, registers their cards, sends and receives
 *   virtio_net_setup.c  brings a device up
 *   virtio_net_queue.c  packets in its rings
 *
 * One pair of queues. Interrupts only wake the thread; what was sent is taken back when more is, so
 * that sending raises none. Frames are copied with interrupts on.
 * Rules: [s] is virtio_net.sending.lock, a spinlock. Only the thread that probes, later the card's
 * thread, receives, commands or resets. */
#ifndef ROOT_DRIVERS_VIRTIO_NET_CARD_H
#define ROOT_DRIVERS_VIRTIO_NET_CARD_H

#include "drivers/nic_watch.h"
#include "drivers/virtio_net_queue.h"
#include "drivers/virtio_pci.h"
#include "io/dma.h"
#include "net/nic.h"
#include "sched/thread.h"

#define VIRTIO_NET_MTU_MAX 9000u /* with buffers that are merged */

/* A queue's memory. */
struct virtio_net_memory {
    struct dma_buffer ring, buffers;
    uint32_t notify_at;
};

struct virtio_net {
    struct virtio_pci transport;
    uint64_t features;
    struct virtio_net_queue receive, send; /* the thread's; [s] */
    struct virtio_net_memory receive_memory, send_memory, control_memory;
    struct nic_sending sending;
    struct virtio_ring control; /* the thread's that probes */
    struct nic_watch watch;
    struct virtio_net_packet packet; /* the thread's */
    struct nic nic;
};

/* Whether the device says that the link is up; one that does not say has it always. */
bool virtio_net_link(const struct virtio_net *d);

/* Bring the device up, and learn its address and MTU. NULL, or why it cannot be used. */
const char *virtio_net_create(struct virtio_net *d);

/* Give back the memory of a device that touches no memory any more; @d may be half
 * made. */
void virtio_net_free(struct virtio_net *d);

#endif
