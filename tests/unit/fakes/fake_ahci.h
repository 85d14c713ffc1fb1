/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/fake_ahci.h - an AHCI controller with one disk on port 1, an optical drive on
 * port 2 and nothing on port 0; faults on demand. It works in fake_ahci_step, from fake.step. */
#ifndef FAKES_FAKE_AHCI_H
#define FAKES_FAKE_AHCI_H

#include "drivers/ahci.h"
#include "fake_pci.h"

#define FAKE_AHCI_SECTOR  512u
#define FAKE_AHCI_SECTORS 16384u
#define FAKE_AHCI_PORTS   3u
#define FAKE_AHCI_DISK    1u

struct fake_ahci {
    struct pci_device pci;
    uint8_t *registers;
    uint8_t *disk;
    uint32_t queue_depth; /* NCQ; 0: none */

    /* Faults. */
    uint64_t bad_sector; /* commands that touch it fail */
    uint32_t hold;       /* commands to swallow */
    bool stuck;          /* the engine does not stop */
    bool removed;        /* the controller */

    /* What was seen. */
    uint32_t commands, queued, flushes, trims, link_resets;
    uint32_t deepest;   /* commands in flight at once */
    uint32_t mixed;     /* queued and other commands in flight together: forbidden */
    uint32_t largest;   /* sectors in one command */
    char order[64];     /* of commands: r R (queued), w W, f, t */
    uint32_t swallowed; /* slots */
    bool queue_error;   /* all queued commands wait for a reset */
};
extern struct fake_ahci ahci;

void fake_ahci_make(void);
void fake_ahci_drop(void);
void fake_ahci_step(void);

/* The disk's cable is pulled. */
void fake_ahci_unplug(void);

#endif
