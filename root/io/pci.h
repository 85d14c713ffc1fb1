/* SPDX-License-Identifier: MIT */
/* root/io/pci.h - PCI functions, found by ECAM (ACPI MCFG) or ports 0xCF8/0xCFC, and their BARs,
 * MSI and MSI-X. Thread context. */
#ifndef ROOT_IO_PCI_H
#define ROOT_IO_PCI_H

#include <stdbool.h>
#include <stdint.h>
#include <rt/list.h>
#include "io/irq.h"

struct pci_bar {
    uint64_t base; /* physical, or port number */
    uint64_t size; /* 0: not there */
    bool io;
};

struct pci_device {
    uint16_t segment;
    uint8_t bus, device, function;
    uint16_t vendor_id, device_id;
    uint8_t class_code, subclass, prog_if, revision;
    uint8_t msi_capability, msix_capability; /* offsets; 0: none */
    uint16_t msix_count;
    struct pci_bar bars[6];
    volatile void *config;     /* [I] its page of ECAM; NULL: reached by ports */
    volatile void *msix_table; /* mapped by pci_enable_msix */
    const struct pci_driver *driver;
    void *driver_data; /* the driver's */
    struct list link;
};

struct pci_driver {
    const char *name;
    bool (*match)(const struct pci_device *device);
    bool (*probe)(struct pci_device *device); /* true: taken */
    /* The device loses power when this returns, or has lost it: end what is under way and leave
     * it alone. Thread context. NULL: the driver cannot. */
    void (*remove)(struct pci_device *device);
};

/* Find the functions on every bus. Once, after acpi_init, while no other CPU runs: a function is
 * off the bus while its BARs are sized. */
void pci_init(void);

/* Offer each function that has no driver to those that match it. */
void pci_bind(const struct pci_driver *const *drivers, uint32_t count);

/* Call @visit for each function until it returns false. */
void pci_for_each(bool (*visit)(struct pci_device *device, void *context), void *context);

/* Configuration space. What does not exist reads as ones. */
uint8_t pci_read8(const struct pci_device *d, uint32_t offset);
uint16_t pci_read16(const struct pci_device *d, uint32_t offset);
uint32_t pci_read32(const struct pci_device *d, uint32_t offset);
void pci_write16(const struct pci_device *d, uint32_t offset, uint16_t v);
/* Clear, then set, bits of a 16-bit register. */
void pci_change16(const struct pci_device *d, uint32_t offset, uint32_t clear, uint32_t set);
void pci_write32(const struct pci_device *d, uint32_t offset, uint32_t v);

/* The offset of capability @id, or 0. */
uint8_t pci_find_capability(const struct pci_device *d, uint8_t id);

/* Memory decoding and bus mastering on. */
void pci_enable(struct pci_device *d);

/* Map BAR @index uncached; NULL if it is not a memory BAR. */
volatile void *pci_map_bar(struct pci_device *d, unsigned index);

/* Route @count interrupts (MSI-X entries 0..count-1; MSI for one). False: unsupported. */
bool pci_enable_msix(struct pci_device *d, struct irq *irqs, uint32_t count);
bool pci_enable_msi(struct pci_device *d, struct irq *irq);

/* Bus mastering and messages off: the device reaches neither memory nor a CPU. */
void pci_disable(struct pci_device *d);

#endif
