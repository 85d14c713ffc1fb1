/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/fake_nvme.h - an NVMe controller of one namespace, with faults on demand.
 * It works when fake_nvme_step is called, from fake.step. */
#ifndef FAKES_FAKE_NVME_H
#define FAKES_FAKE_NVME_H

#include "drivers/nvme.h"
#include "fake_pci.h"

#define FAKE_NVME_SECTOR  512u
#define FAKE_NVME_SECTORS 16384u
#define FAKE_NVME_QUEUES  8u

struct fake_nvme {
    struct pci_device pci;
    uint8_t *registers;
    uint8_t *disk;
    uint32_t queue_limit; /* pairs it grants */
    uint8_t mdts;

    /* Faults. */
    bool never_ready; /* after the next disable */
    uint32_t hold;    /* I/O commands to swallow without an answer */
    uint32_t fail;    /* I/O commands to end with @fail_status */
    uint16_t fail_status;
    bool never_shut; /* when told to shut down */
    bool silent;     /* completes without interrupts */
    bool bogus;      /* completes a command nobody sent, once */

    /* What was seen. */
    uint32_t commands, reads, writes, flushes, datasets, forced, resets, shutdowns;
    uint32_t largest; /* sectors in one command */
    uint32_t per_queue[FAKE_NVME_QUEUES + 1];
    uint32_t outside; /* memory touched while bus mastering was off */

    struct {
        struct nvme_command *commands;
        struct nvme_completion *completions;
        uint32_t entries, head, tail, vector;
        uint16_t phase;
    } queues[FAKE_NVME_QUEUES + 1];
};
extern struct fake_nvme nvme;

void fake_nvme_make(void);
void fake_nvme_drop(void);
void fake_nvme_step(void);

/* Every register reads as ones from now on. */
void fake_nvme_remove(void);

#endif
