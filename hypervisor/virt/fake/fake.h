/* SPDX-License-Identifier: MIT */
/* fake/fake.h - the backend of host tests: registers are memory, and a function plays the guest.
 *
 * Each entry calls fake_guest, which stands for all that the guest does until it leaves guest mode:
 * it reads and writes the VP's registers, and says why it came back. What the core has injected is
 * delivered before, as far as a test can see it: in fake_vp.delivered. */
#ifndef FAKE_FAKE_H
#define FAKE_FAKE_H

#include "core/vp.h"
#include "virt/virt.h"

/* What waits for the next entry, and what the last one took. */
struct fake_event {
    bool valid, has_error;
    uint8_t type; /* HvX64PendingInterrupt, HvX64PendingNmi, HvX64PendingException */
    uint8_t vector;
    uint32_t error;
};

/* vp.backend */
struct fake_vp {
    uint64_t cr0, cr2, cr3, cr4, cr8, dr6, dr7, efer;
    uint64_t kernel_gs_base, pat, sysenter_cs, sysenter_rip, sysenter_rsp;
    uint64_t star, lstar, cstar, sfmask;
    struct hv_x64_segment_register segments[8]; /* in the order of HvX64RegisterEs */
    struct hv_x64_table_register idtr, gdtr;
    uint64_t tsc_offset;
    bool in_shadow;
    bool nmi_window; /* an IRET exits */
    int offered;     /* virt_interrupt_offer: taken at an entry with nothing else to inject */
    struct fake_event injected, delivered;
    uint64_t entries;
    uint64_t translations, flushes; /* the entries at which translations had to be forgotten */
};

typedef void (*fake_guest_fn)(struct vp *vp, struct vp_exit *exit);
extern fake_guest_fn fake_guest;

static inline struct fake_vp *fake_of(const struct vp *vp)
{
    return vp->backend;
}

#endif
