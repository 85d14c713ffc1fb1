/* SPDX-License-Identifier: MIT */
/* root/drivers/drivers.c - the table of drivers: a new one adds its line here. */
#include "drivers/drivers.h"
#include "io/block.h"
#include "io/pci_slot.h"
#include "log.h"

#define MEMDISK_DEFAULT_SIZE (16ull << 20)

const struct pci_driver *const root_pci_drivers[] = {
    &nvme_driver,
    &ahci_driver,
    &virtio_blk_driver,
    &virtio_net_driver,
    &e1000e_driver,
};
const uint32_t root_pci_driver_count = sizeof(root_pci_drivers) / sizeof(root_pci_drivers[0]);

void drivers_init(uint64_t memdisk_size)
{
    pci_bind(root_pci_drivers, root_pci_driver_count);
    pci_slots_init();
    if (!memdisk_create(memdisk_size ? memdisk_size : MEMDISK_DEFAULT_SIZE))
        log_print("memdisk: no memory");
    block_settle();
}
