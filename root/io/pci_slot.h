/* SPDX-License-Identifier: MIT */
/* root/io/pci_slot.h - hot-plug slots of PCI Express ports: a device that is asked for is given up.
 *
 * The attention button of an occupied slot, or a device that has vanished from it, takes the
 * device from its driver (pci_driver.remove) and switches the slot off. What is put into a slot
 * later is left alone. */
#ifndef ROOT_IO_PCI_SLOT_H
#define ROOT_IO_PCI_SLOT_H

/* Watch over all slots with the hot-plug capability from now on. Once, after pci_bind, in thread
 * context; nobody else calls pci_bind afterwards. */
void pci_slots_init(void);

#endif
