/* SPDX-License-Identifier: MIT */
/* root/drivers/virtio_pci.h - virtio over PCI, the modern interface (Virtio 1.2, 4.1): where a
 * device has its registers, how it is brought up. Thread context, except virtio_pci_notify. */
#ifndef ROOT_DRIVERS_VIRTIO_PCI_H
#define ROOT_DRIVERS_VIRTIO_PCI_H

#include "drivers/virtio.h"
#include "io/pci.h"

/* A structure of the device's within a BAR. */
struct virtio_pci_place {
    bool there;
    uint8_t bar;
    uint32_t offset, size;
};

struct virtio_pci_layout {
    struct virtio_pci_place common, notify, device;
    uint32_t notify_multiplier; /* bytes between notification addresses */
    bool any;                   /* there is a capability of the modern interface, usable or not */
};

struct virtio_pci {
    struct pci_device *pci;
    struct virtio_pci_layout layout;
    volatile void *common, *notify, *device; /* mapped */
};

/* A queue as the device is told of it. */
struct virtio_pci_queue {
    uint16_t index, size;
    uint16_t vector;                       /* of MSI-X, or VIRTIO_NO_VECTOR */
    uint64_t descriptors, available, used; /* for the device */
};

/* Read the list of capabilities: of each structure the first place that lies wholly in a memory BAR
 * (4.1.4). */
void virtio_pci_layout_read(const struct pci_device *d, struct virtio_pci_layout *layout);

/* Find and map the device's structures, of which its own has @device_size bytes at least. NULL, or
 * the reason why it cannot be used. */
const char *virtio_pci_open(struct virtio_pci *v, struct pci_device *d, uint32_t device_size);

/* Reset the device (2.4): it reads and writes no memory any more. False: it does not answer. */
bool virtio_pci_reset(struct virtio_pci *v);

/* The device status; VIRTIO_STATUS_GONE: there is no device. */
uint8_t virtio_pci_status(const struct virtio_pci *v);

/* After a reset: agree on those of @wanted that the device offers, into @features (3.1.1, steps 2
 * to 6). False: it is not a device of version 1, or does not agree. */
bool virtio_pci_negotiate(struct virtio_pci *v, uint64_t wanted, uint64_t *features);

uint16_t virtio_pci_queue_count(const struct virtio_pci *v);

/* The largest size of queue @index, 0: there is none; a power of two. */
uint16_t virtio_pci_queue_size(struct virtio_pci *v, uint16_t index);

/* Hand queue @q to the device; *@notify_at is then where it is notified. False: it does not want
 * the vector, or its notification address is outside of its structure. */
bool virtio_pci_queue_set(struct virtio_pci *v, const struct virtio_pci_queue *q,
                          uint32_t *notify_at);

/* Have changes of the configuration raise MSI-X @vector, or none for VIRTIO_NO_VECTOR. False: it does
 * not want the vector. */
bool virtio_pci_config_vector_set(struct virtio_pci *v, uint16_t vector);

/* The device may begin (3.1.1, step 8). */
void virtio_pci_start(struct virtio_pci *v);

/* Say that we give up. Harmless if the device was never opened. */
void virtio_pci_fail(struct virtio_pci *v);

/* The device's own configuration; 4.1.3.1: each field by its width. */
uint8_t virtio_pci_config_generation(const struct virtio_pci *v);
uint8_t virtio_pci_config8(const struct virtio_pci *v, uint32_t offset);
uint16_t virtio_pci_config16(const struct virtio_pci *v, uint32_t offset);
uint32_t virtio_pci_config32(const struct virtio_pci *v, uint32_t offset);

/* Tell the device to look at queue @index (4.1.5.2). Any context. */
void virtio_pci_notify(const struct virtio_pci *v, uint32_t notify_at, uint16_t index);

#endif
