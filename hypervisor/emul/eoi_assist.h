/* SPDX-License-Identifier: MIT */
/* emul/eoi_assist.h - ends of interrupt that cost no exit. TLFS 6.0b, 7.8.7 and 10.3.5.
 *
 * When an interrupt is offered to a guest that has a VP assist page, the hypervisor may promise in
 * that page that it needs no EOI. The guest ends it by taking the promise out of the page, and the
 * APIC's state stays behind until somebody wants to know it: then the promise is settled.
 *
 * A promise is for an edge-triggered interrupt that is alone: nothing is in service below it, and
 * nothing else is pending, so that no decision waits for its end. It is settled before anything is
 * delivered while the APIC has something pending, before the guest uses its APIC, before it halts
 * for good, and before the VP leaves its LP: at an exit with nothing pending it stays. The VP is
 * loaded here. */
#ifndef EMUL_EOI_ASSIST_H
#define EMUL_EOI_ASSIST_H

#include "core/vp.h"

/* @vector, out of the IRR already, is offered to the guest, which has an assist page. */
void eoi_assist_promise(struct vp *vp, uint8_t vector);

/* The guest did not take what it was offered: no promise. */
void eoi_assist_withdraw(struct vp *vp);

/* Only by the next. */
void eoi_assist_settle_now(struct vp *vp);

/* If there is a promise: the interrupt has ended if the guest took it out of the page, and needs an
 * EOI as any other if not. */
static inline void eoi_assist_settle(struct vp *vp)
{
    if (__builtin_expect(vp->eoi_promised, 0))
        eoi_assist_settle_now(vp);
}

/* The guest enables, moves or disables the page: @msr. There is no promise. */
void eoi_assist_page(struct vp *vp, uint64_t msr);

#endif
