/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/fake_pci.h - PCI and interrupts for driver tests: one device, whose registers
 * are host memory. Zero fake_pci before a test. */
#ifndef FAKES_FAKE_PCI_H
#define FAKES_FAKE_PCI_H

#include "io/pci.h"
#include "io/pci_regs.h"

struct fake_pci {
    uint32_t command;   /* the command register, as far as drivers change it */
    uint32_t irqs;      /* allocated */
    uint32_t irq_limit; /* that irq_alloc gives */
    struct irq *routed; /* MSI-X entries, or the MSI */
    uint32_t routed_count;
};
extern struct fake_pci fake_pci;

/* The device sends message @vector. */
void fake_pci_raise(uint32_t vector);

#endif
