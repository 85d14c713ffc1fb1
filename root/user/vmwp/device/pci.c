/* SPDX-License-Identifier: MIT */
/* vmwp/device/pci.c - see pci.h. */
#include <string.h>
#include "vmwp/device/pci.h"

/* PCI 3.0, 3.2.2.3.2: the bits that CONFIG_ADDRESS has */
#define ADDRESS_BITS 0x80fffffcu

static bool is_address(unsigned offset, unsigned size)
{
    return offset == 0 && size == sizeof(uint32_t);
}

uint32_t pci_read(const struct pci *p, unsigned offset, unsigned size)
{
    return is_address(offset, size) ? p->s.address : UINT32_MAX;
}

void pci_write(struct pci *p, unsigned offset, unsigned size, uint32_t value)
{
    if (is_address(offset, size))
        p->s.address = value & ADDRESS_BITS;
}

void pci_init(struct pci *p)
{
    memset(p, 0, sizeof(*p));
    p->s.version = PCI_STATE_VERSION;
    p->s.size = sizeof(p->s);
}

void pci_save(const struct pci *p, struct pci_state *out)
{
    *out = p->s;
}

bool pci_state_valid(const struct pci_state *in)
{
    return in->version == PCI_STATE_VERSION && in->size == sizeof(*in) && in->reserved == 0 &&
           (in->address & ~ADDRESS_BITS) == 0;
}

void pci_restore(struct pci *p, const struct pci_state *in)
{
    p->s = *in;
}
