/* SPDX-License-Identifier: MIT */
/* emul/eoi_assist.h - ends of interrupt that cost no exit. TLFS 6.0b, 7.8.7 and 10.3.5.
 *
 * When an interrupt is offered to a guest that has a VP assist page, the hypervisor may promise in that
 * page that it needs no EOI. The guest ends it by taking the promise out of the page. Until somebody
 * wants to know what is in service the APIC is not told of the interrupt at all; then the promise is
 * settled: if it is still in the page it is taken back, and the interrupt is in service as any other.
 *
 * A promise is for an edge-triggered interrupt that is alone: nothing is in service below it, and
 * nothing else is pending, so that no decision waits for its end. It is settled before anything is
 * delivered while the APIC has something pending, when the guest reads what is in service or ends an
 * interrupt by the APIC, and before its state is saved. Other exits, and another LP, leave it alone.
 * The VP is loaded here, or held. */
#ifndef EMUL_EOI_ASSIST_H
#define EMUL_EOI_ASSIST_H

#include "core/vp.h"

/* @vector, out of the IRR already, is offered to the guest, which has an assist page. */
void eoi_assist_promise(struct vp *vp, uint8_t vector);

/* The guest did not take what it was offered, or is no more: no promise. */
void eoi_assist_withdraw(struct vp *vp);

/* Only by the next. */
void eoi_assist_settle_now(struct vp *vp);

static inline void eoi_assist_settle(struct vp *vp)
{
    if (__builtin_expect(vp->eoi_promised, 0))
        eoi_assist_settle_now(vp);
}

/* The guest enables, moves or disables the page: @msr. There is no promise. */
void eoi_assist_page(struct vp *vp, uint64_t msr);

#endif
