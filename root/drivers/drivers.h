/* SPDX-License-Identifier: MIT */
/* root/drivers/drivers.h - the drivers that are linked in. */
#ifndef ROOT_DRIVERS_DRIVERS_H
#define ROOT_DRIVERS_DRIVERS_H

#include <stdint.h>
#include "io/pci.h"

extern const struct pci_driver nvme_driver, ahci_driver, virtio_blk_driver, virtio_net_driver,
    e1000e_driver;

extern const struct pci_driver *const root_pci_drivers[];
extern const uint32_t root_pci_driver_count;

/* Give each PCI function its driver; make a memory disk of @memdisk_size bytes (0: of
 * the default size); wait until partitions are known. Once, in thread context, with interrupts and
 * all CPUs running. */
void drivers_init(uint64_t memdisk_size);

/* Register a disk of @size bytes of memory; false: there is not as much. */
bool memdisk_create(uint64_t size);

/* Register a network card of memory; false: there is none left. */
bool memnic_create(void);

#endif
