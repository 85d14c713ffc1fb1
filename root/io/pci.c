/* SPDX-License-Identifier: MIT */
/* root/io/pci.c - finds PCI functions and binds drivers to them; interrupts are in pci_msi.c.
 *
 * Firmware has numbered the buses and placed the BARs; we read what it did. Which root buses exist
 * only AML tells, so every bus number is looked at. Functions stay in the list, also when
 * they have left their slot. */
#include <rt/mem.h>
#include <x86/insn.h>
#include "io/acpi.h"
#include "io/mmio.h"
#include "io/pci.h"
#include "io/pci_regs.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/thread.h"

static struct {
    struct list devices;        /* [I] after pci_init */
    struct spinlock ports_lock; /* the address port and the data port are used together */
} pci = {.devices = {&pci.devices, &pci.devices}};

/* Without ECAM: a 32-bit read or write by configuration mechanism 1. */
static uint32_t port_address(const struct pci_device *d, uint32_t offset)
{
    return PCI_PORT_ENABLE | (uint32_t)d->bus << 16 | (uint32_t)d->device << 11 |
           (uint32_t)d->function << 8 | (offset & PCI_CAP_ALIGN);
}

static uint32_t port_read32(const struct pci_device *d, uint32_t offset)
{
    uint64_t flags;
    uint32_t v;

    if (offset >= PCI_CONFIG_SIZE)
        return UINT32_MAX;
    flags = spin_lock(&pci.ports_lock);
    insn_out32(PCI_PORT_ADDRESS, port_address(d, offset));
    v = insn_in32(PCI_PORT_DATA);
    spin_unlock(&pci.ports_lock, flags);
    return v;
}

uint32_t pci_read32(const struct pci_device *d, uint32_t offset)
{
    return d->config ? mmio_read32(d->config, offset) : port_read32(d, offset);
}

uint16_t pci_read16(const struct pci_device *d, uint32_t offset)
{
    if (d->config)
        return mmio_read16(d->config, offset);
    return (uint16_t)(port_read32(d, offset) >> 8 * (offset & 2u));
}

uint8_t pci_read8(const struct pci_device *d, uint32_t offset)
{
    if (d->config)
        return mmio_read8(d->config, offset);
    return (uint8_t)(port_read32(d, offset) >> 8 * (offset & 3u));
}

void pci_write16(const struct pci_device *d, uint32_t offset, uint16_t v)
{
    uint64_t flags;

    if (d->config) {
        mmio_write16(d->config, offset, v);
    } else if (offset < PCI_CONFIG_SIZE) {
        flags = spin_lock(&pci.ports_lock);
        insn_out32(PCI_PORT_ADDRESS, port_address(d, offset));
        insn_out16((uint16_t)(PCI_PORT_DATA + (offset & 2u)), v);
        spin_unlock(&pci.ports_lock, flags);
    }
}

void pci_write32(const struct pci_device *d, uint32_t offset, uint32_t v)
{
    uint64_t flags;

    if (d->config) {
        mmio_write32(d->config, offset, v);
    } else if (offset < PCI_CONFIG_SIZE) {
        flags = spin_lock(&pci.ports_lock);
        insn_out32(PCI_PORT_ADDRESS, port_address(d, offset));
        insn_out32(PCI_PORT_DATA, v);
        spin_unlock(&pci.ports_lock, flags);
    }
}

void pci_change16(const struct pci_device *d, uint32_t offset, uint32_t clear, uint32_t set)
{
    pci_write16(d, offset, (uint16_t)((pci_read16(d, offset) & ~clear) | set));
}

/* What sticks of all ones: the BAR's size is its lowest set bit (PCI 3.0, 6.2.5.1). */
static uint32_t bar_probe(const struct pci_device *d, uint32_t offset)
{
    uint32_t was = pci_read32(d, offset), mask;

    pci_write32(d, offset, UINT32_MAX);
    mask = pci_read32(d, offset);
    pci_write32(d, offset, was);
    return mask;
}

/* Read BAR @index; how many 32-bit registers it takes. Decoding is off. */
static unsigned bar_read(struct pci_device *d, unsigned index, unsigned count)
{
    uint32_t offset = PCI_BAR0 + 4 * index;
    uint32_t low = pci_read32(d, offset), mask = bar_probe(d, offset);
    struct pci_bar *bar = &d->bars[index];
    uint64_t wide = (uint64_t)UINT32_MAX << 32;

    if (mask == 0 || mask == UINT32_MAX)
        return 1;
    if (low & PCI_BAR_IO) {
        bar->io = true;
        bar->base = low & PCI_BAR_IO_MASK & UINT16_MAX;
        bar->size = (~(mask & PCI_BAR_IO_MASK) & UINT16_MAX) + 1;
        return 1;
    }
    bar->base = low & PCI_BAR_MEMORY_MASK;
    wide |= mask & PCI_BAR_MEMORY_MASK;
    if ((low & PCI_BAR_TYPE) != PCI_BAR_TYPE_64 || index + 1 == count) {
        bar->size = ~wide + 1;
        return 1;
    }
    bar->base |= (uint64_t)pci_read32(d, offset + 4) << 32;
    wide &= (uint64_t)bar_probe(d, offset + 4) << 32 | UINT32_MAX;
    bar->size = ~wide + 1;
    return 2;
}

static void bars_read(struct pci_device *d, uint8_t layout)
{
    unsigned count = layout == PCI_HEADER_DEVICE   ? PCI_BARS_DEVICE
                     : layout == PCI_HEADER_BRIDGE ? PCI_BARS_BRIDGE
                                                   : 0;
    uint16_t command = pci_read16(d, PCI_COMMAND);

    pci_change16(d, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 0);
    for (unsigned i = 0; i < count;)
        i += bar_read(d, i, count);
    pci_write16(d, PCI_COMMAND, command);
}

uint8_t pci_find_capability(const struct pci_device *d, uint8_t id)
{
    uint8_t at;

    if (!(pci_read16(d, PCI_STATUS) & PCI_STATUS_CAP_LIST))
        return 0;
    at = pci_read8(d, PCI_CAPABILITIES) & PCI_CAP_ALIGN;
    for (unsigned i = 0; i < PCI_CAP_LIMIT && at >= PCI_CAP_FIRST; i++) {
        uint16_t head = pci_read16(d, at);

        if ((head & UINT8_MAX) == id)
            return at;
        at = (uint8_t)(head >> 8) & PCI_CAP_ALIGN;
    }
    return 0;
}

static void capabilities_read(struct pci_device *d)
{
    d->msi_capability = pci_find_capability(d, PCI_CAP_MSI);
    d->msix_capability = pci_find_capability(d, PCI_CAP_MSIX);
    if (d->msix_capability)
        d->msix_count = (uint16_t)((pci_read16(d, d->msix_capability + PCI_MSIX_CONTROL) &
                                    PCI_MSIX_CONTROL_SIZE) +
                                   1);
}

/* Take the function at @at into the list; its header type, or -1: nothing is there. */
static int function_find(const struct pci_device *at)
{
    uint32_t ids = pci_read32(at, PCI_VENDOR_ID), class;
    struct pci_device *d;
    uint8_t type;

    if ((ids & UINT16_MAX) == PCI_VENDOR_ID_NONE)
        return -1;
    type = pci_read8(at, PCI_HEADER_TYPE);
    d = kalloc(sizeof(*d));
    if (!d) {
        log_print("pci: no memory for a function");
        return type;
    }
    *d = *at;
    class = pci_read32(d, PCI_REVISION_ID);
    d->vendor_id = (uint16_t)ids;
    d->device_id = (uint16_t)(ids >> 16);
    d->revision = (uint8_t) class;
    d->prog_if = (uint8_t)(class >> 8);
    d->subclass = (uint8_t)(class >> 16);
    d->class_code = (uint8_t)(class >> 24);
    bars_read(d, type & PCI_HEADER_LAYOUT);
    capabilities_read(d);
    list_push_back(&pci.devices, &d->link);
    log_print("pci: %04x:%02x:%02x.%x is %04x:%04x, class %02x.%02x.%02x", d->segment, d->bus,
              d->device, d->function, d->vendor_id, d->device_id, d->class_code, d->subclass,
              d->prog_if);
    return type;
}

/* Look at every function of a bus; @config is its megabyte of ECAM, or NULL. */
static void bus_scan(uint16_t segment, uint8_t bus, volatile void *config)
{
    for (uint8_t device = 0; device < PCI_DEVICES_PER_BUS; device++) {
        for (uint8_t function = 0; function < PCI_FUNCTIONS_PER_DEVICE; function++) {
            struct pci_device at = {
                .segment = segment, .bus = bus, .device = device, .function = function};
            int type;

            if (config)
                at.config = (volatile char *)config + ((uint32_t)device << PCI_ECAM_DEVICE_SHIFT) +
                            ((uint32_t)function << PCI_ECAM_FUNCTION_SHIFT);
            type = function_find(&at);
            if (function == 0 && (type < 0 || !(type & (int)PCI_HEADER_MULTI)))
                break;
        }
    }
}

static void range_scan(const struct acpi_mcfg_range *range)
{
    for (unsigned bus = range->start_bus; bus <= range->end_bus; bus++) {
        uint64_t physical = range->base + (uint64_t)bus * PCI_BUS_CONFIG_SIZE;
        volatile void *config = mmio_map(physical, PCI_BUS_CONFIG_SIZE);

        if (!config) {
            log_print("pci: cannot map bus %04x:%02x", range->segment, bus);
            return;
        }
        bus_scan(range->segment, (uint8_t)bus, config);
    }
}

void pci_init(void)
{
    const struct acpi_mcfg_info *mcfg = acpi_mcfg();

    for (uint32_t i = 0; mcfg && i < mcfg->count; i++)
        range_scan(&mcfg->ranges[i]);
    if (mcfg && mcfg->count > 0)
        return;
    log_print("pci: no MCFG, using ports");
    for (unsigned bus = 0; bus <= UINT8_MAX; bus++)
        bus_scan(0, (uint8_t)bus, NULL);
}

static void device_bind(struct pci_device *d, const struct pci_driver *const *drivers,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count && !d->driver; i++) {
        if (drivers[i]->match(d) && drivers[i]->probe(d))
            d->driver = drivers[i];
    }
}

void pci_for_each(bool (*visit)(struct pci_device *device, void *context), void *context)
{
    struct list *node = pci.devices.next;

    while (node != &pci.devices && visit(container_of(node, struct pci_device, link), context))
        node = node->next;
}

void pci_bind(const struct pci_driver *const *drivers, uint32_t count)
{
    LIST_FOR_EACH(node, &pci.devices)
    device_bind(container_of(node, struct pci_device, link), drivers, count);
}

void pci_enable(struct pci_device *d)
{
    pci_change16(d, PCI_COMMAND, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

volatile void *pci_map_bar(struct pci_device *d, unsigned index)
{
    const struct pci_bar *bar;

    if (index >= PCI_BARS_DEVICE)
        return NULL;
    bar = &d->bars[index];
    return bar->io || bar->size == 0 || bar->base == 0 ? NULL : mmio_map(bar->base, bar->size);
}
