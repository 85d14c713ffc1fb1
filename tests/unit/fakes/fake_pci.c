/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/fake_pci.c - PCI and interrupts for driver tests; see fake_pci.h. */
#include <stddef.h>
#include "fake_pci.h"

struct fake_pci fake_pci;

bool irq_alloc(struct irq *irq, uint32_t cpu, irq_handler handler, void *context)
{
    if (fake_pci.irqs == fake_pci.irq_limit)
        return false;
    fake_pci.irqs++;
    *irq = (struct irq){.cpu = cpu, .handler = handler, .context = context};
    return true;
}

void irq_free(struct irq *irq)
{
    fake_pci.irqs--;
    irq->handler = NULL;
}

bool pci_enable_msix(struct pci_device *d, struct irq *irqs, uint32_t count)
{
    if (d->msix_count < count)
        return false;
    fake_pci.routed = irqs;
    fake_pci.routed_count = count;
    return true;
}

bool pci_enable_msi(struct pci_device *d, struct irq *irq)
{
    if (!d->msi_capability)
        return false;
    fake_pci.routed = irq;
    fake_pci.routed_count = 1;
    return true;
}

void pci_enable(struct pci_device *d)
{
    (void)d;
    fake_pci.command |= PCI_COMMAND_MASTER;
}

void pci_disable(struct pci_device *d)
{
    (void)d;
    fake_pci.command &= ~PCI_COMMAND_MASTER;
    fake_pci.routed_count = 0;
}

volatile void *pci_map_bar(struct pci_device *d, unsigned index)
{
    return (volatile void *)(uintptr_t)d->bars[index].base;
}

void fake_pci_raise(uint32_t vector)
{
    if ((fake_pci.command & PCI_COMMAND_MASTER) && vector < fake_pci.routed_count)
        fake_pci.routed[vector].handler(fake_pci.routed[vector].context);
}
