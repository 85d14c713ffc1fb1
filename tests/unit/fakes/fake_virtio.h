/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/fake_virtio.h - a virtio block device on PCI, with faults on demand; or what all
 * virtio devices have in common, for a test that brings the rest of another kind.
 * It works when fake_virtio_step is called, from fake.step, and then only on queues that it was
 * told of. It checks each chain; what is not as the specification says is counted in @wrong. */
#ifndef FAKES_FAKE_VIRTIO_H
#define FAKES_FAKE_VIRTIO_H

#include "drivers/virtio_blk.h"
#include "fake_pci.h"

#define FAKE_VIRTIO_SECTORS 16384u /* of 512 bytes */
#define FAKE_VIRTIO_QUEUES  8u
#define FAKE_VIRTIO_QUEUE   256u /* descriptors */

/* What it does to the next chain, once unless it goes on so. */
enum fake_virtio_lie {
    VIRTIO_HONEST,
    VIRTIO_INDEX_BACK,   /* the used index goes back */
    VIRTIO_INDEX_AHEAD,  /* it goes past what was sent */
    VIRTIO_ID_HUGE,      /* of no descriptor */
    VIRTIO_ID_SPARE,     /* of one that no chain begins with */
    VIRTIO_ID_FREE,      /* of a chain that is not in flight */
    VIRTIO_ID_TWICE,     /* of a chain that was returned before */
    VIRTIO_LENGTH_HUGE,  /* more than there is */
    VIRTIO_LENGTH_SHORT, /* less than what was read */
    VIRTIO_STATUS_ODD,   /* a status that there is not */
    VIRTIO_NO_STATUS,    /* the chain comes back without one */
};

/* A device that is no disk. */
struct fake_virtio_kind {
    /* A field of its configuration; checks the width. */
    uint32_t (*read)(uint32_t at, uint32_t width);
    /* The chain that begins with descriptor @head is the device's now. */
    void (*chain)(uint32_t queue, uint16_t head);
};

struct fake_virtio {
    const struct fake_virtio_kind *kind; /* NULL: a disk */
    struct pci_device pci;
    uint8_t config[256]; /* PCI configuration space */
    uint8_t *registers;
    uint8_t *disk;

    /* What it offers: before the driver comes up. */
    uint64_t features;
    uint64_t capacity;
    uint16_t queue_limit, queue_size;
    uint32_t size_max, seg_max, block_size, discard_max;
    uint8_t physical_exponent;
    const char *id;

    /* Faults. */
    enum fake_virtio_lie lie;
    bool goes_on;         /* to lie */
    bool never_reset;     /* the status stays */
    bool refuse_features; /* FEATURES_OK does not */
    bool refuse_vectors;
    bool silent;   /* no interrupts */
    bool backward; /* chains that are there together come back in the opposite order */
    bool removed;
    uint32_t torn; /* times that the configuration changes while it is read */
    uint32_t hold; /* chains to swallow */
    uint32_t deaf; /* notifications that it does not hear */
    uint32_t fail; /* chains to end with @fail_status */
    uint8_t fail_status;
    uint64_t bad_sector;    /* transfers that touch it fail, and all that come together with them */
    uint32_t notify_offset; /* of each queue, in multiples */

    /* What was seen. */
    uint32_t wrong;
    uint32_t chains, reads, writes, flushes, discards, resets, notifications, interrupts;
    uint32_t most_pieces, most_bytes; /* in a chain */
    uint32_t per_queue[FAKE_VIRTIO_QUEUES];
    uint32_t notified[FAKE_VIRTIO_QUEUES]; /* heard or not */
    uint32_t outside;                      /* memory touched while bus mastering was off */
    char order[16];                        /* of the last chains: r w f d i */

    /* Its registers. */
    uint32_t device_select, driver_select;
    uint64_t accepted;
    uint8_t status, generation;
    uint16_t select, config_vector;
    struct fake_virtio_queue {
        uint64_t descriptors, available, used;
        uint16_t size, vector;
        bool enabled, told;
        uint16_t taken, returned, signalled;
    } queues[FAKE_VIRTIO_QUEUES];
};
extern struct fake_virtio virtio;

void fake_virtio_make(void);
void fake_virtio_drop(void);
void fake_virtio_step(void);

/* Give the chain that begins with @head back, with @length bytes written to it. */
void fake_virtio_return(uint32_t queue, uint16_t head, uint32_t length);

/* Put a capability into configuration space at @at, with the next at @next. */
void fake_virtio_capability(uint8_t at, uint8_t next, uint8_t type, uint8_t bar, uint32_t offset,
                            uint32_t size);

#endif
