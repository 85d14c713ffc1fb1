/* SPDX-License-Identifier: MIT */
/* core/vp_regs.c - see core/vp_regs.h. */
#include "core/vp_regs.h"

#include <hvabi/msr.h>
#include <x86/cr.h>
#include <x86/exception.h>
#include <x86/msr.h>
#include "core/vp.h"
#include "emul/msr.h"
#include "virt/virt.h"

/* Registers that are MSRs too: one implementation. 0: not one. */
static uint32_t msr_of(uint32_t name)
{
    if (name >= HvRegisterSint0 && name <= HvRegisterSint15)
        return HV_X64_MSR_SINT0 + (name - HvRegisterSint0);
    switch (name) {
    case HvX64RegisterApicBase:
        return MSR_IA32_APIC_BASE;
    case HvX64RegisterTsc:
        return MSR_IA32_TSC;
    case HvRegisterGuestOsId:
        return HV_X64_MSR_GUEST_OS_ID;
    case HvX64RegisterHypercall:
        return HV_X64_MSR_HYPERCALL;
    case HvX64RegisterVpRuntime:
        return HV_X64_MSR_VP_RUNTIME;
    case HvRegisterScontrol:
        return HV_X64_MSR_SCONTROL;
    case HvRegisterSipp:
        return HV_X64_MSR_SIMP;
    case HvRegisterSifp:
        return HV_X64_MSR_SIEFP;
    default:
        return 0;
    }
}

static uint64_t *plain_field(struct vp *vp, uint32_t name)
{
    if (name >= HvX64RegisterRax && name <= HvX64RegisterR15)
        return &vp->gpr[name - HvX64RegisterRax];
    if (name >= HvX64RegisterDr0 && name <= HvX64RegisterDr3)
        return &vp->dr[name - HvX64RegisterDr0];
    switch (name) {
    case HvX64RegisterRip:
        return &vp->rip;
    case HvX64RegisterRflags:
        return &vp->rflags;
    default:
        return NULL;
    }
}

static uint32_t suspend_bit(uint32_t name)
{
    return name == HvRegisterExplicitSuspend    ? VP_SUSPEND_EXPLICIT
           : name == HvRegisterInterceptSuspend ? VP_SUSPEND_INTERCEPT
                                                : 0u;
}

/* What the guest has written there: its own reads of the control register show what it could ask for.
 * Read-only. */
static bool is_crash(uint32_t name)
{
    return name >= HvRegisterGuestCrashP0 && name <= HvRegisterGuestCrashCtl;
}

hv_status vp_reg_get(struct vp *vp, uint32_t name, struct hv_register_value *value)
{
    uint64_t *field = plain_field(vp, name);
    uint32_t msr = msr_of(name), suspend = suspend_bit(name);

    *value = (struct hv_register_value){{{0}}};
    if (field != NULL)
        value->reg64 = *field;
    else if (suspend != 0)
        value->reg64 = (vp->suspend & suspend) != 0;
    else if (msr != 0)
        return msr_read(vp, msr, &value->reg64) == MSR_DONE ? HV_STATUS_SUCCESS
                                                            : HV_STATUS_INVALID_PARAMETER;
    else if (is_crash(name))
        value->reg64 = vp->partition->crash[name - HvRegisterGuestCrashP0];
    else if (name == HvX64RegisterXfem)
        value->reg64 = vp->xcr0;
    else if (name == HvX64RegisterCr8)
        value->reg64 = lapic_cr8(&vp->lapic);
    else if (name == HvRegisterVpIndex)
        value->reg64 = vp->index;
    else if (name == HvX64RegisterInitialApicId)
        value->reg64 = vp->apic_id;
    else
        return virt_reg_get(vp, name, value);
    return HV_STATUS_SUCCESS;
}

/* An event for the next entry that a processor can deliver. TLFS 2.0A, 10.3.4; APM vol. 2, 15.20. */
static bool pending_valid(uint64_t v)
{
    uint64_t vector = (v & HV_X64_PENDING_INTERRUPTION_VECTOR_MASK) >>
                      HV_X64_PENDING_INTERRUPTION_VECTOR_SHIFT;
    bool error = v & HV_X64_PENDING_INTERRUPTION_DELIVER_ERROR_CODE;

    if (!(v & HV_X64_PENDING_INTERRUPTION_PENDING))
        return v == 0;
    if (v & (HV_X64_PENDING_INTERRUPTION_RESERVED | HV_X64_PENDING_INTERRUPTION_LENGTH_MASK) ||
        (!error && v >> HV_X64_PENDING_INTERRUPTION_ERROR_CODE_SHIFT != 0))
        return false;
    switch ((v & HV_X64_PENDING_INTERRUPTION_TYPE_MASK) >> HV_X64_PENDING_INTERRUPTION_TYPE_SHIFT) {
    case HvX64PendingInterrupt:
        return vector <= UINT8_MAX && !error;
    case HvX64PendingNmi:
        return vector == EXCEPTION_NMI && !error;
    case HvX64PendingException:
        return vector < EXCEPTION_COUNT && vector != EXCEPTION_NMI;
    default:
        return false;
    }
}

bool vp_reg_allows(const struct vp *vp, uint32_t name, const struct hv_register_value *value)
{
    switch (name) {
    case HvRegisterPendingInterruption:
        return pending_valid(value->reg64);
    case HvX64RegisterXfem:
        return value->reg64 == vp->xcr0 || cpuid_xcr0_valid(vp->partition->cpuid, value->reg64);
    case HvX64RegisterCr8:
        return !(value->reg64 & ~(uint64_t)CR8_TPR_MASK);
    case HvRegisterExplicitSuspend:
    case HvRegisterInterceptSuspend:
        return value->reg64 <= 1;
    default:
        return virt_reg_allows(name, value->reg64);
    }
}

static void set_suspend(struct vp *vp, uint32_t bit, uint64_t v)
{
    if (v != 0)
        __atomic_fetch_or(&vp->suspend, bit, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(&vp->suspend, ~bit, __ATOMIC_SEQ_CST); /* vp_release wakes */
    if (bit == VP_SUSPEND_EXPLICIT)
        partition_clock_update(vp->partition);
}

hv_status vp_reg_set(struct vp *vp, uint32_t name, const struct hv_register_value *value)
{
    uint64_t *field = plain_field(vp, name);
    uint32_t msr = msr_of(name), suspend = suspend_bit(name);
    uint64_t v = value->reg64;

    if (name == HvX64RegisterRflags)
        v |= RFLAGS_RESERVED1;
    if (field != NULL) {
        *field = v;
        return HV_STATUS_SUCCESS;
    }
    if (!vp_reg_allows(vp, name, value))
        return HV_STATUS_INVALID_REGISTER_VALUE;
    if (suspend != 0)
        set_suspend(vp, suspend, v);
    else if (msr != 0)
        return msr_write(vp, msr, v) == MSR_DONE ? HV_STATUS_SUCCESS
                                                 : HV_STATUS_INVALID_REGISTER_VALUE;
    else if (name == HvX64RegisterXfem)
        vp->xcr0 = v;
    else if (name == HvX64RegisterCr8)
        lapic_tpr_set(&vp->lapic, (uint8_t)(v << 4)); /* vp_load shows it */
    else
        return virt_reg_set(vp, name, value);
    return HV_STATUS_SUCCESS;
}
