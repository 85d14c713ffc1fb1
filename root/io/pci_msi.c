/* SPDX-License-Identifier: MIT */
/* root/io/pci_msi.c - message-signalled interrupts of PCI functions. */
#include "io/mmio.h"
#include "io/pci.h"
#include "io/pci_regs.h"
#include "mm/memory.h"

static void intx_disable(struct pci_device *d)
{
    pci_change16(d, PCI_COMMAND, 0, PCI_COMMAND_NO_INTX);
}

/* Map the MSI-X table; false: it does not lie within its BAR. */
static bool msix_map(struct pci_device *d)
{
    uint32_t place = pci_read32(d, d->msix_capability + PCI_MSIX_TABLE);
    uint32_t bir = place & PCI_MSIX_TABLE_BIR, offset = place & ~PCI_MSIX_TABLE_BIR;
    uint64_t size = (uint64_t)d->msix_count * PCI_MSIX_ENTRY_SIZE;

    if (d->msix_table)
        return true;
    if (bir >= PCI_BARS_DEVICE || d->bars[bir].io || d->bars[bir].base == 0 ||
        offset > d->bars[bir].size || size > d->bars[bir].size - offset)
        return false;
    d->msix_table = mmio_map(d->bars[bir].base + offset, size);
    return d->msix_table != NULL;
}

static void msix_entry_set(struct pci_device *d, uint32_t index, const struct irq *irq)
{
    uint32_t entry = index * PCI_MSIX_ENTRY_SIZE;

    mmio_write64(d->msix_table, entry + PCI_MSIX_ENTRY_ADDRESS, irq_msi_address(irq));
    mmio_write32(d->msix_table, entry + PCI_MSIX_ENTRY_DATA, irq_msi_data(irq));
    mmio_write32(d->msix_table, entry + PCI_MSIX_ENTRY_CONTROL, 0);
}

bool pci_enable_msix(struct pci_device *d, struct irq *irqs, uint32_t count)
{
    uint32_t at = d->msix_capability + PCI_MSIX_CONTROL;

    if (!d->msix_capability || count > d->msix_count || !msix_map(d))
        return false;
    /* Enabled but masked as a whole while the table is filled (PCI 3.0, 6.8.3.4). */
    pci_change16(d, at, 0, PCI_MSIX_CONTROL_ENABLE | PCI_MSIX_CONTROL_MASK);
    for (uint32_t i = 0; i < count; i++)
        msix_entry_set(d, i, &irqs[i]);
    for (uint32_t i = count; i < d->msix_count; i++)
        mmio_write32(d->msix_table, i * PCI_MSIX_ENTRY_SIZE + PCI_MSIX_ENTRY_CONTROL,
                     PCI_MSIX_ENTRY_MASKED);
    pci_change16(d, at, PCI_MSIX_CONTROL_MASK, 0);
    intx_disable(d);
    return true;
}

bool pci_enable_msi(struct pci_device *d, struct irq *irq)
{
    uint32_t cap = d->msi_capability, control, data_at = PCI_MSI_DATA_32;
    uint64_t address = irq_msi_address(irq);

    if (!cap)
        return false;
    control = pci_read16(d, cap + PCI_MSI_CONTROL);
    if (!(control & PCI_MSI_CONTROL_64) && address > UINT32_MAX)
        return false;
    pci_write32(d, cap + PCI_MSI_ADDRESS, (uint32_t)address);
    if (control & PCI_MSI_CONTROL_64) {
        pci_write32(d, cap + PCI_MSI_ADDRESS_HIGH, (uint32_t)(address >> 32));
        data_at = PCI_MSI_DATA_64;
    }
    pci_write16(d, cap + data_at, (uint16_t)irq_msi_data(irq));
    /* One message. */
    pci_change16(d, cap + PCI_MSI_CONTROL, PCI_MSI_CONTROL_MULTIPLE, PCI_MSI_CONTROL_ENABLE);
    intx_disable(d);
    return true;
}

void pci_disable(struct pci_device *d)
{
    pci_change16(d, PCI_COMMAND, PCI_COMMAND_MASTER, 0);
    if (d->msix_capability)
        pci_change16(d, d->msix_capability + PCI_MSIX_CONTROL, PCI_MSIX_CONTROL_ENABLE, 0);
    if (d->msi_capability)
        pci_change16(d, d->msi_capability + PCI_MSI_CONTROL, PCI_MSI_CONTROL_ENABLE, 0);
}
