/* SPDX-License-Identifier: MIT */
/* emul/hvmsr.c - see emul/hvmsr.h. */
#include "emul/hvmsr.h"

#include <hvabi/msr.h>
#include <x86/insn.h>
#include "core/lapic_physical.h"
#include "core/pcpu.h"
#include "core/vp.h"
#include "debug/log.h"
#include "debug/panic.h"
#include "emul/eoi_assist.h"
#include "mm/phys.h"

/* The privilege that opens @msr; 0: no such register. */
static uint64_t privilege_of(uint32_t msr)
{
    if (msr >= HV_X64_MSR_SCONTROL && msr <= HV_X64_MSR_SINT15)
        return HV_PRIVILEGE_ACCESS_SYNIC_REGS;
    if (msr >= HV_X64_MSR_STIMER0_CONFIG && msr <= HV_X64_MSR_STIMER3_COUNT)
        return HV_PRIVILEGE_ACCESS_SYNTHETIC_TIMER_REGS;
    switch (msr) {
    case HV_X64_MSR_GUEST_OS_ID:
    case HV_X64_MSR_HYPERCALL:
    case HV_X64_MSR_CRASH_P0:
    case HV_X64_MSR_CRASH_P1:
    case HV_X64_MSR_CRASH_P2:
    case HV_X64_MSR_CRASH_P3:
    case HV_X64_MSR_CRASH_P4:
    case HV_X64_MSR_CRASH_CTL:
        return HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS;
    case HV_X64_MSR_VP_INDEX:
        return HV_PRIVILEGE_ACCESS_VP_INDEX;
    case HV_X64_MSR_RESET:
        return HV_PRIVILEGE_ACCESS_RESET_REG;
    case HV_X64_MSR_TSC_INVARIANT_CONTROL:
        return HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS;
    case HV_X64_MSR_VP_RUNTIME:
        return HV_PRIVILEGE_ACCESS_VP_RUN_TIME_REG;
    case HV_X64_MSR_TIME_REF_COUNT:
        return HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_COUNTER;
    case HV_X64_MSR_REFERENCE_TSC:
        return HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_TSC;
    case HV_X64_MSR_TSC_FREQUENCY:
    case HV_X64_MSR_APIC_FREQUENCY:
        return HV_PRIVILEGE_ACCESS_FREQUENCY_REGS;
    case HV_X64_MSR_EOI:
    case HV_X64_MSR_ICR:
    case HV_X64_MSR_TPR:
    case HV_X64_MSR_VP_ASSIST_PAGE:
        return HV_PRIVILEGE_ACCESS_INTR_CTRL_REGS;
    case HV_X64_MSR_GUEST_IDLE:
        return HV_PRIVILEGE_ACCESS_GUEST_IDLE_REG;
    case HV_X64_MSR_STATS_VP_RETAIL_PAGE:
        return HV_PRIVILEGE_ACCESS_STATS_REG;
    default:
        return 0;
    }
}

static bool may(const struct vp *vp, uint32_t msr)
{
    uint64_t privilege = privilege_of(msr);

    return privilege != 0 && (vp->partition->privileges & privilege) == privilege;
}

/* Charged so far, and, unless its parent asks for a VP that does not run, since it was last
 * charged. */
static uint64_t run_time(const struct vp *vp)
{
    uint64_t since = this_cpu()->current == vp ? insn_rdtsc() - vp->sched.started : 0;

    return tsc_to_100ns(vp->sched.run_tsc + since);
}

enum msr_result hvmsr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
    struct partition *p = vp->partition;

    if (!may(vp, msr))
        return MSR_FAULT;
    if (msr >= HV_X64_MSR_SCONTROL && msr <= HV_X64_MSR_SINT15)
        return synic_msr_read(&vp->synic, msr, value) ? MSR_DONE : MSR_FAULT;
    if (msr >= HV_X64_MSR_STIMER0_CONFIG && msr <= HV_X64_MSR_STIMER3_COUNT)
        return stimer_msr_read(vp->stimers, msr, value) ? MSR_DONE : MSR_FAULT;
    switch (msr) {
    case HV_X64_MSR_GUEST_OS_ID:
        *value = p->guest_os_id;
        return MSR_DONE;
    case HV_X64_MSR_HYPERCALL:
        *value = p->hypercall_msr;
        return MSR_DONE;
    case HV_X64_MSR_VP_INDEX:
        *value = vp->index;
        return MSR_DONE;
    case HV_X64_MSR_VP_RUNTIME:
        *value = run_time(vp);
        return MSR_DONE;
    case HV_X64_MSR_TIME_REF_COUNT:
        *value = reftime_now(&p->reftime);
        return MSR_DONE;
    case HV_X64_MSR_REFERENCE_TSC:
        *value = p->reference_tsc_msr;
        return MSR_DONE;
    case HV_X64_MSR_TSC_FREQUENCY:
        *value = tsc_hz;
        return MSR_DONE;
    case HV_X64_MSR_APIC_FREQUENCY:
        *value = lapic_timer_hz;
        return MSR_DONE;
    case HV_X64_MSR_VP_ASSIST_PAGE:
        *value = vp->vp_assist_msr;
        return MSR_DONE;
    case HV_X64_MSR_STATS_VP_RETAIL_PAGE:
        *value = vp->stats_msr;
        return MSR_DONE;
    case HV_X64_MSR_GUEST_IDLE:
        vp->activity = VP_ACTIVITY_IDLE;
        return MSR_DONE;
    case HV_X64_MSR_TSC_INVARIANT_CONTROL:
        *value = p->tsc_invariant;
        return MSR_DONE;
    case HV_X64_MSR_RESET: /* always reads 0 */
        return MSR_DONE;
    case HV_X64_MSR_CRASH_CTL: /* a text only if there is somebody to read it */
        *value = HV_CRASH_NOTIFY |
                 (p->intercepts.msr_index & INTERCEPT_MSR_CRASH ? HV_CRASH_MESSAGE : 0);
        return MSR_DONE;
    case HV_X64_MSR_EOI:
    case HV_X64_MSR_ICR:
    case HV_X64_MSR_TPR:
        eoi_assist_settle(vp);
        return lapic_msr_read(&vp->lapic, msr, value) ? MSR_DONE : MSR_FAULT;
    default:
        if (msr >= HV_X64_MSR_CRASH_P0 && msr <= HV_X64_MSR_CRASH_P4) {
            *value = p->crash[msr - HV_X64_MSR_CRASH_P0];
            return MSR_DONE;
        }
        return MSR_FAULT;
    }
}

/* ---- writes ---- */

static enum msr_result done_if_status(hv_status st)
{
    return st == HV_STATUS_SUCCESS ? MSR_DONE : MSR_FAULT;
}

/* TLFS 6.0b, 3.13: without an OS id there is no page; a locked page does not move. */
static enum msr_result write_hypercall(struct vp *vp, uint64_t value)
{
    struct partition *p = vp->partition;
    hv_status st;

    if (p->hypercall_msr & HV_X64_MSR_HYPERCALL_LOCKED)
        return MSR_DONE;
    if (p->guest_os_id == 0)
        value &= ~HV_X64_MSR_HYPERCALL_ENABLE;
    st = partition_overlay(p, &p->hypercall_overlay, value & HV_X64_MSR_HYPERCALL_ENABLE,
                           value >> HV_X64_MSR_PAGE_SHIFT, ptr_hpa(p->hypercall_page),
                           SLAT_READ | SLAT_EXECUTE);
    if (st == HV_STATUS_SUCCESS)
        p->hypercall_msr = value;
    return done_if_status(st);
}

static enum msr_result write_os_id(struct vp *vp, uint64_t value)
{
    struct partition *p = vp->partition;

    p->guest_os_id = value;
    if (value != 0 || !(p->hypercall_msr & HV_X64_MSR_HYPERCALL_ENABLE))
        return MSR_DONE;
    p->hypercall_msr &= ~(HV_X64_MSR_HYPERCALL_ENABLE | HV_X64_MSR_HYPERCALL_LOCKED);
    return done_if_status(partition_overlay(p, &p->hypercall_overlay, false, 0, hpa(0), 0));
}

static enum msr_result write_reference_tsc(struct vp *vp, uint64_t value)
{
    struct partition *p = vp->partition;
    hv_status st = partition_overlay(p, &p->reference_tsc_overlay, value & HV_X64_MSR_PAGE_ENABLE,
                                     value >> HV_X64_MSR_PAGE_SHIFT, ptr_hpa(p->reference_tsc_page),
                                     SLAT_READ);

    /* A frame beyond the space does not fault: the page is just not accessible. */
    p->reference_tsc_msr = value;
    return st == HV_STATUS_INSUFFICIENT_MEMORY ? MSR_FAULT : MSR_DONE;
}

static enum msr_result write_assist(struct vp *vp, uint64_t value)
{
    hv_status st;

    if (value & HV_X64_MSR_PAGE_ENABLE)
        page_zero(vp->assist_page);
    st = partition_overlay(vp->partition, &vp->assist_overlay, value & HV_X64_MSR_PAGE_ENABLE,
                           value >> HV_X64_MSR_PAGE_SHIFT, vp->assist_page, SLAT_READ | SLAT_WRITE);
    if (st == HV_STATUS_SUCCESS) {
        vp->vp_assist_msr = value;
        eoi_assist_page(vp, value);
    }
    return done_if_status(st);
}

static enum msr_result write_stats(struct vp *vp, uint64_t value)
{
    hv_status st =
        partition_overlay(vp->partition, &vp->stats_overlay, value & HV_X64_MSR_PAGE_ENABLE,
                          value >> HV_X64_MSR_PAGE_SHIFT, vp->stats_page, SLAT_READ);

    /* A frame beyond the space does not fault: the page is just not accessible. */
    vp->stats_msr = value;
    return st == HV_STATUS_INSUFFICIENT_MEMORY ? MSR_FAULT : MSR_DONE;
}

static enum msr_result write_crash(struct vp *vp, uint32_t index, uint64_t value)
{
    struct partition *p = vp->partition;

    p->crash[index] = value;
    if (index != HV_X64_MSR_CRASH_CTL - HV_X64_MSR_CRASH_P0 || !(value & HV_CRASH_NOTIFY))
        return MSR_DONE;
    if (p->is_root)
        panic_root_died("VP %u: it says so: %lx %lx %lx %lx %lx", vp->index, p->crash[0],
                        p->crash[1], p->crash[2], p->crash[3], p->crash[4]);
    if (p->intercepts.msr_index & INTERCEPT_MSR_CRASH)
        return MSR_INTERCEPT;
    if (!p->crash_reported)
        hv_log("partition %lx: guest crash %lx %lx %lx %lx %lx", p->id, p->crash[0], p->crash[1],
               p->crash[2], p->crash[3], p->crash[4]);
    p->crash_reported = true;
    return MSR_DONE;
}

/* The guest will count on it, so CPUID says so from now on. */
static enum msr_result write_tsc_invariant(struct vp *vp, uint64_t value)
{
    if (value & ~HV_TSC_INVARIANT_EXPOSE)
        return MSR_FAULT;
    vp->partition->tsc_invariant = value;
    cpuid_show_invariant_tsc(vp->partition->cpuid, value != 0);
    return MSR_DONE;
}

/* TLFS 2.0A, 6.3.5: bits 63:1 are RsvdZ. */
static enum msr_result write_reset(const struct vp *vp, uint64_t value)
{
    if (value & ~HV_X64_MSR_RESET_NOW)
        return MSR_FAULT;
    if (value == 0)
        return MSR_DONE;
    return vp->partition->intercepts.msr_index & INTERCEPT_MSR_RESET ? MSR_INTERCEPT : MSR_SHUTDOWN;
}

static enum msr_result write_locked(struct vp *vp, uint32_t msr, uint64_t value)
{
    switch (msr) {
    case HV_X64_MSR_GUEST_OS_ID:
        return write_os_id(vp, value);
    case HV_X64_MSR_HYPERCALL:
        return write_hypercall(vp, value);
    case HV_X64_MSR_RESET:
        return write_reset(vp, value);
    case HV_X64_MSR_TSC_INVARIANT_CONTROL:
        return write_tsc_invariant(vp, value);
    case HV_X64_MSR_REFERENCE_TSC:
        return write_reference_tsc(vp, value);
    case HV_X64_MSR_STATS_VP_RETAIL_PAGE:
        return write_stats(vp, value);
    default:
        if (msr >= HV_X64_MSR_CRASH_P0 && msr <= HV_X64_MSR_CRASH_CTL)
            return write_crash(vp, msr - HV_X64_MSR_CRASH_P0, value);
        return MSR_FAULT;
    }
}

/* What depends on the end of an interrupt, or on the page that tells of it. */
static enum msr_result write_apic(struct vp *vp, uint32_t msr, uint64_t value)
{
    eoi_assist_settle(vp);
    if (msr == HV_X64_MSR_VP_ASSIST_PAGE)
        return write_assist(vp, value);
    return lapic_msr_write(&vp->lapic, msr, value) ? MSR_DONE : MSR_FAULT;
}

enum msr_result hvmsr_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    enum msr_result r;

    if (!may(vp, msr))
        return MSR_FAULT;
    if (msr >= HV_X64_MSR_EOI && msr <= HV_X64_MSR_VP_ASSIST_PAGE)
        return write_apic(vp, msr, value);
    if (msr >= HV_X64_MSR_SCONTROL && msr <= HV_X64_MSR_SINT15)
        return synic_msr_write(&vp->synic, msr, value) ? MSR_DONE : MSR_FAULT;
    if (msr >= HV_X64_MSR_STIMER0_CONFIG && msr <= HV_X64_MSR_STIMER3_COUNT)
        return stimer_msr_write(vp->stimers, msr, value) ? MSR_DONE : MSR_FAULT;
    spin_lock(&vp->partition->msr_lock);
    r = write_locked(vp, msr, value);
    spin_unlock(&vp->partition->msr_lock);
    return r;
}
