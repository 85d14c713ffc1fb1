/* SPDX-License-Identifier: MIT */
/* root/io/pci_regs.h - configuration space: PCI Local Bus Specification 3.0 (sections cited), with
 * the extended space of PCI Express. */
#ifndef ROOT_IO_PCI_REGS_H
#define ROOT_IO_PCI_REGS_H

/* Configuration mechanism 1 (3.2.2.3.2). */
#define PCI_PORT_ADDRESS        0xcf8u
#define PCI_PORT_DATA           0xcfcu
#define PCI_PORT_ENABLE         (1u << 31)
#define PCI_CONFIG_SIZE         0x100u  /* reached by ports */
#define PCI_CONFIG_SIZE_EXPRESS 0x1000u /* reached by ECAM, a page for each function */
#define PCI_BUS_CONFIG_SIZE     (1u << 20)
#define PCI_ECAM_DEVICE_SHIFT   15u
#define PCI_ECAM_FUNCTION_SHIFT 12u

#define PCI_DEVICES_PER_BUS      32u
#define PCI_FUNCTIONS_PER_DEVICE 8u

/* The header (6.1, 6.2). */
#define PCI_VENDOR_ID       0x00u
#define PCI_VENDOR_ID_NONE  0xffffu
#define PCI_COMMAND         0x04u
#define PCI_COMMAND_IO      (1u << 0)
#define PCI_COMMAND_MEMORY  (1u << 1)
#define PCI_COMMAND_MASTER  (1u << 2)
#define PCI_COMMAND_NO_INTX (1u << 10)
#define PCI_STATUS          0x06u
#define PCI_STATUS_CAP_LIST (1u << 4)
#define PCI_REVISION_ID     0x08u /* revision, then prog-if, subclass and class */
#define PCI_HEADER_TYPE     0x0eu
#define PCI_HEADER_MULTI    (1u << 7)
#define PCI_HEADER_LAYOUT   0x7fu
#define PCI_HEADER_DEVICE   0u
#define PCI_HEADER_BRIDGE   1u
#define PCI_BAR0            0x10u
#define PCI_BARS_DEVICE     6u
#define PCI_BARS_BRIDGE     2u
#define PCI_SECONDARY_BUS   0x19u /* of a bridge: the buses behind it (PCI-to-PCI Bridge 1.2, 3.2) \
                                   */
#define PCI_SUBORDINATE_BUS 0x1au
#define PCI_CAPABILITIES    0x34u

/* Base address registers (6.2.5.1). */
#define PCI_BAR_IO          (1u << 0)
#define PCI_BAR_IO_MASK     (~3u)
#define PCI_BAR_MEMORY_MASK (~15u)
#define PCI_BAR_TYPE        (3u << 1)
#define PCI_BAR_TYPE_64     (2u << 1)

/* Capabilities (6.7): a list of (id, next) pairs in the first 256 bytes past the header. */
#define PCI_CAP_FIRST   0x40u
#define PCI_CAP_LIMIT   48u /* more cannot fit: the list is a loop */
#define PCI_CAP_ALIGN   0xfcu
#define PCI_CAP_MSI     0x05u
#define PCI_CAP_EXPRESS 0x10u
#define PCI_CAP_MSIX    0x11u

/* MSI (6.8.1): offsets from the capability. */
#define PCI_MSI_CONTROL          2u
#define PCI_MSI_CONTROL_ENABLE   (1u << 0)
#define PCI_MSI_CONTROL_MULTIPLE (7u << 4)
#define PCI_MSI_CONTROL_64       (1u << 7)
#define PCI_MSI_ADDRESS          4u
#define PCI_MSI_ADDRESS_HIGH     8u
#define PCI_MSI_DATA_32          8u
#define PCI_MSI_DATA_64          12u

/* MSI-X (6.8.2). */
#define PCI_MSIX_CONTROL        2u
#define PCI_MSIX_CONTROL_SIZE   0x7ffu /* entries less one */
#define PCI_MSIX_CONTROL_MASK   (1u << 14)
#define PCI_MSIX_CONTROL_ENABLE (1u << 15)
#define PCI_MSIX_TABLE          4u
#define PCI_MSIX_TABLE_BIR      7u
#define PCI_MSIX_ENTRY_SIZE     16u
#define PCI_MSIX_ENTRY_ADDRESS  0u
#define PCI_MSIX_ENTRY_DATA     8u
#define PCI_MSIX_ENTRY_CONTROL  12u
#define PCI_MSIX_ENTRY_MASKED   (1u << 0)

/* A port's slot (PCI Express Base Specification 5.0, 7.5.3): offsets from the capability. */
#define PCI_EXPRESS_FLAGS         2u
#define PCI_EXPRESS_FLAGS_SLOT    (1u << 8)
#define PCI_SLOT_CAPABILITIES     0x14u
#define PCI_SLOT_CAP_POWER        (1u << 1) /* software can switch it off */
#define PCI_SLOT_CAP_HOT_PLUG     (1u << 6)
#define PCI_SLOT_CAP_NO_COMPLETED (1u << 18) /* commands take no time */
#define PCI_SLOT_CONTROL          0x18u
#define PCI_SLOT_CONTROL_BUTTON   (1u << 0) /* interrupts: attention button, presence */
#define PCI_SLOT_CONTROL_PRESENCE (1u << 3)
#define PCI_SLOT_CONTROL_HOT_PLUG (1u << 5) /* interrupts at all */
#define PCI_SLOT_CONTROL_LAMP     (3u << 8) /* power indicator */
#define PCI_SLOT_CONTROL_LAMP_ON  (1u << 8)
#define PCI_SLOT_CONTROL_LAMP_OFF (3u << 8)
#define PCI_SLOT_CONTROL_OFF      (1u << 10) /* power */
#define PCI_SLOT_STATUS           0x1au      /* events are cleared by writing ones */
#define PCI_SLOT_STATUS_BUTTON    (1u << 0)
#define PCI_SLOT_STATUS_PRESENCE  (1u << 3) /* it has changed */
#define PCI_SLOT_STATUS_COMPLETED (1u << 4)
#define PCI_SLOT_STATUS_PRESENT   (1u << 6)

#endif
