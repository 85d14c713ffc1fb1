/* SPDX-License-Identifier: MIT */
/* emul/eoi_assist.c - see emul/eoi_assist.h. The page is the guest's too, which may write to it at
 * any time on any VP: of what it holds only the one bit is used, by one atomic access. */
#include "emul/eoi_assist.h"

#include <hvabi/msr.h>
#include <hvabi/synic.h>
#include "mm/phys.h"

/* Take the bit out. Was it still there? */
static bool take_back(struct vp *vp)
{
    vp->eoi_promised = false;
    return __atomic_fetch_and(&vp->assist->apic_assist, ~HV_APIC_ASSIST_NO_EOI_REQUIRED,
                              __ATOMIC_SEQ_CST) &
           HV_APIC_ASSIST_NO_EOI_REQUIRED;
}

void eoi_assist_promise(struct vp *vp, uint8_t vector)
{
    const struct lapic *l = &vp->lapic;

    if (!lapic_idle(l) || lapic_is_level(l, vector) || synic_vector_auto_eoi(&vp->synic, vector))
        return;
    __atomic_fetch_or(&vp->assist->apic_assist, HV_APIC_ASSIST_NO_EOI_REQUIRED, __ATOMIC_SEQ_CST);
    vp->eoi_promised = true;
}

void eoi_assist_withdraw(struct vp *vp)
{
    if (vp->eoi_promised)
        (void)take_back(vp);
}

void eoi_assist_settle_now(struct vp *vp)
{
    if (!take_back(vp))
        lapic_eoi(&vp->lapic);
}

void eoi_assist_page(struct vp *vp, uint64_t msr)
{
    vp->eoi_promised = false;
    vp->assist = msr & HV_X64_MSR_PAGE_ENABLE ? hpa_ptr(vp->assist_page) : NULL;
}
