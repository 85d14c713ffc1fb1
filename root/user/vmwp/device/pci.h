/* SPDX-License-Identifier: MIT */
/* vmwp/device/pci.h - PCI configuration mechanism 1 (PCI 3.0, 3.2.2.3.2), with no device behind it.
 */
#ifndef USER_VMWP_DEVICE_PCI_H
#define USER_VMWP_DEVICE_PCI_H

#include <hvabi/layout.h>
#include "vmwp/device/device.h"

#define PCI_STATE_VERSION 1u

/* Fields are only appended, together with an increment of the version. */
struct pci_state {
    uint32_t version;
    uint32_t size;     /* bytes, of this structure */
    uint32_t address;  /* CONFIG_ADDRESS */
    uint32_t reserved; /* 0 */
};
ABI_SIZE(struct pci_state, 16);

struct pci {
    struct pci_state s;
};

void pci_init(struct pci *p);

/* @offset from 0xCF8. CONFIG_ADDRESS is there for accesses of 4 bytes only; all else is all ones.
 */
uint32_t pci_read(const struct pci *p, unsigned offset, unsigned size);
void pci_write(struct pci *p, unsigned offset, unsigned size, uint32_t value);

void pci_save(const struct pci *p, struct pci_state *out);
bool pci_state_valid(const struct pci_state *in);
void pci_restore(struct pci *p, const struct pci_state *in); /* a valid one */

#endif
