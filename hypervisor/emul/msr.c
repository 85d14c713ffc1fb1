/* SPDX-License-Identifier: MIT */
/* emul/msr.c - see emul/msr.h. Architectural MSRs here, synthetic ones in emul/hvmsr.c. */
#include "emul/msr.h"

#include <hvabi/msr.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include "core/pcpu.h"
#include "core/speculation.h"
#include "core/vp.h"
#include "emul/hvmsr.h"
#include "virt/virt.h"

/* Systems read it unguarded on processors that seem to be Intel's, and give up fast strings
 * without. */
#define MISC_ENABLE                                                                                \
    (MISC_ENABLE_FAST_STRINGS | MISC_ENABLE_BTS_UNAVAILABLE | MISC_ENABLE_PEBS_UNAVAILABLE)

static enum msr_result done_if(bool ok)
{
    return ok ? MSR_DONE : MSR_FAULT;
}

static bool is_lapic(uint32_t msr)
{
    return msr == MSR_IA32_APIC_BASE || msr == MSR_IA32_TSC_DEADLINE ||
           (msr >= MSR_IA32_X2APIC_FIRST && msr <= MSR_IA32_X2APIC_LAST);
}

static bool is_synthetic(uint32_t msr)
{
    return msr >= HV_X64_MSR_SYNTHETIC_FIRST && msr <= HV_X64_MSR_SYNTHETIC_LAST;
}

/* The first four performance counters need no CPUID bit: systems on AMD's processors expect them.
 * Here they do not count. */
static bool is_counter(uint32_t msr)
{
    return msr >= MSR_PERF_EVT_SEL0 && msr <= MSR_PERF_CTR3;
}

enum msr_result msr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
    *value = 0;
    if (is_synthetic(msr))
        return hvmsr_read(vp, msr, value);
    if (is_lapic(msr))
        return done_if(lapic_msr_read(&vp->lapic, msr, value));
    if (virt_msr_read(vp, msr, value) || is_counter(msr))
        return MSR_DONE;
    switch (msr) {
    case MSR_IA32_TSC:
        *value = insn_rdtsc() + vp->tsc_offset;
        return MSR_DONE;
    case MSR_TSC_AUX:
        *value = vp->tsc_aux;
        return done_if(this_cpu()->has_tsc_aux);
    case MSR_IA32_SPEC_CTRL:
        *value = vp->spec_ctrl;
        return speculation.spec_ctrl_guest != 0 ? MSR_DONE : MSR_UNKNOWN;
    case MSR_IA32_MTRRCAP:
        return MSR_DONE; /* no MTRRs: the default type is all there is */
    case MSR_IA32_MTRR_DEF_TYPE:
        *value = MTRR_DEF_TYPE_E | MEMORY_TYPE_WB;
        return MSR_DONE;
    case MSR_IA32_BIOS_SIGN_ID: /* the microcode is the host's affair */
    case MSR_IA32_MCG_CAP:      /* no banks */
    case MSR_IA32_MCG_STATUS:
    case MSR_IA32_DEBUGCTL: /* neither branch records nor traps */
    case MSR_SYSCFG:
    case MSR_NB_CFG: /* no north bridge, nor interrupts from it */
    case MSR_INTPEND:
        return MSR_DONE;
    case MSR_IA32_MISC_ENABLE:
        *value = MISC_ENABLE;
        return MSR_DONE;
    case MSR_HWCR:
        *value = HWCR_TSC_FREQ_SEL;
        return MSR_DONE;
    default:
        return MSR_UNKNOWN;
    }
}

static enum msr_result write_tsc(struct vp *vp, uint64_t value)
{
    uint64_t before = insn_rdtsc() + vp->tsc_offset;

    virt_set_tsc_offset(vp, vp->tsc_offset + (value - before));
    lapic_tsc_moved(&vp->lapic, (int64_t)(value - before));
    spin_lock(&vp->partition->msr_lock);
    reftime_distrust(&vp->partition->reftime);
    spin_unlock(&vp->partition->msr_lock);
    return MSR_DONE;
}

enum msr_result msr_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    bool fault;

    if (is_synthetic(msr))
        return hvmsr_write(vp, msr, value);
    if (is_lapic(msr))
        return done_if(lapic_msr_write(&vp->lapic, msr, value));
    if (virt_msr_write(vp, msr, value, &fault))
        return done_if(!fault);
    if (is_counter(msr))
        return done_if(value == 0);
    switch (msr) {
    case MSR_IA32_TSC:
        return write_tsc(vp, value);
    case MSR_TSC_AUX:
        if (!this_cpu()->has_tsc_aux || value >> 32)
            return MSR_FAULT;
        vp->tsc_aux = value;
        insn_wrmsr(MSR_TSC_AUX, value);
        return MSR_DONE;
    case MSR_IA32_SPEC_CTRL:
        if (speculation.spec_ctrl_guest == 0)
            return MSR_UNKNOWN;
        if (value & ~speculation.spec_ctrl_guest)
            return MSR_FAULT;
        speculation_set_spec_ctrl(vp, value);
        return MSR_DONE;
    case MSR_IA32_PRED_CMD:
        if (speculation.pred_cmd_guest == 0)
            return MSR_UNKNOWN;
        if (value & ~speculation.pred_cmd_guest)
            return MSR_FAULT;
        insn_wrmsr(MSR_IA32_PRED_CMD, value);
        return MSR_DONE;
    case MSR_IA32_DEBUGCTL:
        return done_if((value & ~(DEBUGCTL_LBR | DEBUGCTL_BTF)) == 0);
    case MSR_IA32_BIOS_SIGN_ID:
    case MSR_IA32_MTRR_DEF_TYPE:
    case MSR_IA32_MISC_ENABLE:
    case MSR_NB_CFG:
    case MSR_HWCR:
        return MSR_DONE;
    default:
        return MSR_UNKNOWN;
    }
}
