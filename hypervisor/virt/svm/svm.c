/* SPDX-License-Identifier: MIT */
/* svm/svm.c - AMD-V: turning it on, VPs' control blocks, and the world switch.
 * APM vol. 2, chapter 15. */
#include "virt/virt.h"
#include "virt/svm/svm.h"

#include <rt/mem.h>
#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/exception.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include "boot/kept.h"
#include "core/config.h"
#include "core/pcpu.h"
#include "core/speculation.h"
#include "debug/log.h"
#include "mm/phys.h"

const char *const virt_name = "AMD-V";

struct svm_features svm_features;

#define IOPM_SIZE  (3 * PAGE_SIZE) /* 15.10.1 */
#define MSRPM_SIZE (2 * PAGE_SIZE) /* 15.11 */

/* Permission maps: root reaches all ports, children none; MSRs are the same for both. */
static hpa_t iopm_root, iopm_child, msrpm;

/* Let the guest reach @msr without an exit: its value is part of the VMCB. */
static void msrpm_pass(uint8_t *map, uint32_t msr)
{
    uint32_t base = msr < 0x2000u ? 0 : msr < 0xc0010000u ? 0x800u : 0x1000u;
    uint32_t bit = (msr & 0x1fffu) * 2;

    map[base + bit / 8] &= (uint8_t) ~(3u << bit % 8);
}

static void build_permission_maps(void)
{
    static const uint32_t in_vmcb[] = {
        MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
        MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK,
        MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_IA32_PAT,
    };

    iopm_root = kept_alloc(IOPM_SIZE);
    iopm_child = kept_alloc(IOPM_SIZE);
    memset(hpa_ptr(iopm_child), 0xff, IOPM_SIZE);
    msrpm = kept_alloc(MSRPM_SIZE);
    memset(hpa_ptr(msrpm), 0xff, MSRPM_SIZE);
    for (size_t i = 0; i < ARRAY_SIZE(in_vmcb); i++)
        msrpm_pass(hpa_ptr(msrpm), in_vmcb[i]);
    if (speculation.spec_ctrl_virtual && speculation.spec_ctrl_guest != 0)
        msrpm_pass(hpa_ptr(msrpm), MSR_IA32_SPEC_CTRL);
}

static void read_features(void)
{
    uint32_t r[4];

    insn_cpuid(CPUID_LEAF_SVM, 0, r);
    svm_features = (struct svm_features){
        .asids = r[1],
        .nrip_save = r[3] & CPUID_8000000A_EDX_NRIPS,
        .decode_assists = r[3] & CPUID_8000000A_EDX_DECODE_ASSISTS,
        .flush_by_asid = r[3] & CPUID_8000000A_EDX_FLUSH_BY_ASID,
    };
}

void virt_cpu_on(struct pcpu *cpu)
{
    if (cpu->lp_index == 0) {
        read_features();
        build_permission_maps();
        hv_log("AMD-V: %u ASIDs%s%s%s", svm_features.asids,
               svm_features.nrip_save ? ", NRIP save" : "",
               svm_features.decode_assists ? ", decode assists" : "",
               svm_features.flush_by_asid ? ", flush by ASID" : "");
    }
    insn_wrmsr(MSR_EFER, insn_rdmsr(MSR_EFER) | EFER_SVME |
                             (speculation.auto_ibrs ? EFER_AIBRSE : 0));
    insn_wrmsr(MSR_VM_HSAVE_PA, cpu->host_save.v);
    insn_vmsave(cpu->host_vmcb.v);
    cpu->asid_count = svm_features.asids;
    cpu->asid_next = 1;
    cpu->asid_generation = 1;
}

/* ---- VPs ---- */

static void set_intercepts(struct vmcb_control *c)
{
    c->intercept_cr_writes = 1u << 8; /* CR8: see virt_interrupt_offer */
    c->intercept_exceptions =
        1u << EXCEPTION_DB | 1u << EXCEPTION_AC | 1u << EXCEPTION_MC;
    c->intercept_misc1 = VMCB_INTERCEPT_INTR | VMCB_INTERCEPT_NMI | VMCB_INTERCEPT_SMI |
                         VMCB_INTERCEPT_INIT | VMCB_INTERCEPT_RDPMC | VMCB_INTERCEPT_CPUID |
                         VMCB_INTERCEPT_INVD | VMCB_INTERCEPT_HLT | VMCB_INTERCEPT_INVLPGA |
                         VMCB_INTERCEPT_IOIO | VMCB_INTERCEPT_MSR | VMCB_INTERCEPT_SHUTDOWN;
    c->intercept_misc2 = VMCB_INTERCEPT_VMRUN | VMCB_INTERCEPT_VMMCALL | VMCB_INTERCEPT_VMLOAD |
                         VMCB_INTERCEPT_VMSAVE | VMCB_INTERCEPT_STGI | VMCB_INTERCEPT_CLGI |
                         VMCB_INTERCEPT_SKINIT | VMCB_INTERCEPT_WBINVD | VMCB_INTERCEPT_MONITOR |
                         VMCB_INTERCEPT_MWAIT | VMCB_INTERCEPT_XSETBV;
}

hv_status virt_vp_create(struct vp *vp)
{
    struct pool *pool = &vp->partition->pool;
    struct svm_vp *s = pool_alloc(pool, sizeof(*s));
    hv_status status;

    if (s == NULL)
        return HV_STATUS_INSUFFICIENT_MEMORY;
    status = pool_page_alloc(pool, &s->vmcb_pa);
    if (status != HV_STATUS_SUCCESS) {
        pool_free(pool, s);
        return status;
    }
    s->vmcb = hpa_ptr(s->vmcb_pa);
    s->asid_lp = UINT32_MAX;
    s->refused_at = UINT64_MAX / 2; /* never */
    vp->backend = s;
    struct vmcb_control *c = &s->vmcb->control;
    set_intercepts(c);
    c->iopm_base_pa = vp->partition->is_root ? iopm_root.v : iopm_child.v;
    c->msrpm_base_pa = msrpm.v;
    c->np_control = VMCB_NP_ENABLE;
    c->n_cr3 = vp->partition->slat.root.v;
    c->tsc_offset = vp->tsc_offset;
    virt_vp_reset(vp);
    return HV_STATUS_SUCCESS;
}

void virt_vp_destroy(struct vp *vp)
{
    struct svm_vp *s = vp->backend;

    if (s == NULL)
        return;
    pool_page_free(&vp->partition->pool, s->vmcb_pa);
    pool_free(&vp->partition->pool, s);
    vp->backend = NULL;
}

static struct vmcb_segment real_mode_segment(uint16_t attributes)
{
    return (struct vmcb_segment){.attributes = attributes, .limit = 0xffff};
}

/* APM vol. 2, table 14-1. */
void virt_vp_reset(struct vp *vp)
{
    enum { DATA = 0x93, CODE = 0x9b, LDT = 0x82, TSS_BUSY = 0x8b };
    struct vmcb_control *c = &vmcb_of(vp)->control;
    struct vmcb_save *s = &vmcb_of(vp)->save;

    memset(s, 0, sizeof(*s));
    s->es = s->ss = s->ds = s->fs = s->gs = real_mode_segment(DATA);
    s->cs = real_mode_segment(CODE);
    s->cs.selector = 0xf000;
    s->cs.base = 0xffff0000;
    s->gdtr.limit = s->idtr.limit = 0xffff;
    s->ldtr = real_mode_segment(LDT);
    s->tr = real_mode_segment(TSS_BUSY);
    s->efer = EFER_SVME;
    s->cr0 = CR0_RESET;
    s->dr6 = DR6_RESET;
    s->dr7 = DR7_RESET;
    s->g_pat = PAT_RESET;
    c->eventinj = 0;
    c->interrupt_shadow = 0;
    c->v_intr = VMCB_V_INTR_MASKING | VMCB_V_IGN_TPR;
    virt_nmi_window(vp, false);
    memset(vp->gpr, 0, sizeof(vp->gpr));
    vp->gpr[2] = 0x600; /* RDX: family, model, stepping */
    vp->rip = 0xfff0;
    vp->rflags = RFLAGS_RESERVED1;
}

void virt_vp_sipi(struct vp *vp, uint8_t vector)
{
    struct vmcb_save *s = &vmcb_of(vp)->save;

    s->cs.selector = (uint16_t)(vector << 8);
    s->cs.base = (uint64_t)vector << 12;
    vp->rip = 0;
}

void virt_vp_load(struct vp *vp)
{
    (void)vp; /* the VMCB is all there is, and VMRUN loads it */
}

void virt_vp_unload(struct vp *vp)
{
    (void)vp;
}

/* @vp's ASID for this LP: a fresh one when the last is gone; and, when translations changed since, the
 * same one flushed (APM vol. 2, 15.16.2), or a fresh one where the processor cannot. */
static void assign_asid(struct pcpu *cpu, struct vp *vp, struct svm_vp *s)
{
    struct vmcb_control *c = &s->vmcb->control;
    uint64_t now = __atomic_load_n(&vp->partition->slat.generation, __ATOMIC_ACQUIRE) +
                   __atomic_load_n(&vp->tlb_generation, __ATOMIC_ACQUIRE);

    c->tlb_control = VMCB_TLB_NOTHING;
    if (s->asid_lp == cpu->lp_index && s->asid_generation == cpu->asid_generation) {
        if (s->translations == now)
            return;
        if (svm_features.flush_by_asid) {
            s->translations = now;
            c->tlb_control = VMCB_TLB_FLUSH_ASID;
            return;
        }
    }
    if (cpu->asid_next == cpu->asid_count) {
        cpu->asid_next = 1;
        cpu->asid_generation++;
        c->tlb_control = VMCB_TLB_FLUSH_ALL;
    }
    s->asid = cpu->asid_next++;
    s->asid_lp = cpu->lp_index;
    s->asid_generation = cpu->asid_generation;
    s->translations = now;
    c->guest_asid = s->asid;
}

/* An event whose delivery was cut short by the exit is delivered again (15.7.2), but what an
 * instruction raised comes again by itself, since RIP still points to it. */
static void replay_event(struct vmcb_control *c)
{
    uint64_t e = c->exitintinfo, type = e & VMCB_EVENT_TYPE_MASK;
    uint64_t vector = e & VMCB_EVENT_VECTOR_MASK;

    if (type == VMCB_EVENT_SOFT)
        return;
    if (type == VMCB_EVENT_EXCEPTION && (vector == EXCEPTION_BP || vector == EXCEPTION_OF))
        return;
    /* QEMU's TCG calls an offered interrupt an exception, and goes on offering it. */
    if (type == VMCB_EVENT_EXCEPTION && (c->v_intr & VMCB_V_IRQ) &&
        vector == (c->v_intr & VMCB_V_INTR_VECTOR_MASK) >> VMCB_V_INTR_VECTOR_SHIFT)
        return;
    c->eventinj = e;
}

/* A loop of one instruction looks like no instruction: it has its interrupt after so many exits, the
 * last of them 20 ms apart (core/vp_run.c), within which the emulator of a busy host has come to it. */
#define SHADOWS_MAX 24u

/* VMRUN of QEMU 7.2 forgets the interrupt shadow. Where the guest has executed nothing it is still in
 * it: else the second of two interrupts between STI and HLT would be taken there. */
static __attribute__((noinline, cold)) void enter_in_shadow(struct vp *vp, struct svm_vp *s,
                                                            uint64_t host_vmcb)
{
    struct vmcb *v = s->vmcb;
    bool interrupted;

    svm_enter(vp, s->vmcb_pa.v, host_vmcb);
    interrupted = v->save.rip == vp->rip && v->control.exitcode == VMEXIT_INTR;
    s->shadows = interrupted ? s->shadows + 1 : 0;
    if (interrupted && s->shadows < SHADOWS_MAX)
        v->control.interrupt_shadow |= VMCB_INTERRUPT_SHADOW;
}

void virt_vp_run(struct vp *vp, struct vp_exit *exit)
{
    struct pcpu *cpu = this_cpu();
    struct svm_vp *s = svm_of(vp);
    struct vmcb *v = s->vmcb;
    const char *wrong;

    /* Odd before the generation is read: pairs with partition_flush_tlb, which raises the
     * generation before it reads the epoch. */
    __atomic_store_n(&cpu->remote.guest_epoch, cpu->remote.guest_epoch + 1, __ATOMIC_SEQ_CST);
    assign_asid(cpu, vp, s);
    v->save.rax = vp->gpr[0];
    v->save.rsp = vp->gpr[4];
    v->save.rip = s->entered_rip = vp->rip;
    v->save.rflags = vp->rflags;
    if (HV_CHECK_VMCB && (wrong = vmcb_check(v, svm_features.asids)) != NULL)
        hv_log("VP %u: VMRUN will be refused: %s", vp->index, wrong);
    if (__builtin_expect((v->control.interrupt_shadow & VMCB_INTERRUPT_SHADOW) != 0, 0))
        enter_in_shadow(vp, s, cpu->host_vmcb.v);
    else
        svm_enter(vp, s->vmcb_pa.v, cpu->host_vmcb.v);
    __atomic_store_n(&cpu->remote.guest_epoch, cpu->remote.guest_epoch + 1, __ATOMIC_RELEASE);
    vp->gpr[0] = v->save.rax;
    vp->gpr[4] = v->save.rsp;
    vp->rip = v->save.rip;
    vp->rflags = v->save.rflags;
    v->control.eventinj = 0;
    if (v->control.exitintinfo & VMCB_EVENT_VALID)
        replay_event(&v->control);
    svm_exit_translate(vp, exit);
}

/* ---- events ---- */

bool virt_injecting(const struct vp *vp)
{
    return vmcb_of(vp)->control.eventinj & VMCB_EVENT_VALID;
}

bool virt_in_shadow(const struct vp *vp)
{
    return vmcb_of(vp)->control.interrupt_shadow & VMCB_INTERRUPT_SHADOW;
}

bool virt_interruptible(const struct vp *vp)
{
    return (vp->rflags & RFLAGS_IF) && !virt_in_shadow(vp) && !virt_injecting(vp);
}

void virt_inject_nmi(struct vp *vp)
{
    vmcb_of(vp)->control.eventinj = VMCB_EVENT_VALID | VMCB_EVENT_NMI | EXCEPTION_NMI;
}

void virt_inject_exception(struct vp *vp, uint8_t vector, bool has_error, uint32_t error)
{
    uint64_t e = VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | vector;

    if (has_error)
        e |= VMCB_EVENT_ERROR_VALID | (uint64_t)error << VMCB_EVENT_ERROR_SHIFT;
    vmcb_of(vp)->control.eventinj = e;
}

/* A virtual interrupt (15.21.4): the processor takes it when IF and the shadow allow, and clears
 * V_IRQ. CR8 writes exit all the time: QEMU's TCG aborts on one that does not while V_IRQ is set. */
void virt_interrupt_offer(struct vp *vp, int vector)
{
    struct vmcb_control *c = &vmcb_of(vp)->control;

    c->v_intr &= ~(VMCB_V_IRQ | VMCB_V_INTR_VECTOR_MASK);
    if (vector >= 0)
        c->v_intr |= VMCB_V_IRQ | (uint64_t)vector << VMCB_V_INTR_VECTOR_SHIFT;
}

bool virt_interrupt_taken(const struct vp *vp)
{
    return !(vmcb_of(vp)->control.v_intr & VMCB_V_IRQ);
}

void virt_nmi_window(struct vp *vp, bool on)
{
    struct vmcb_control *c = &vmcb_of(vp)->control;

    c->intercept_misc1 &= ~VMCB_INTERCEPT_IRET;
    if (on)
        c->intercept_misc1 |= VMCB_INTERCEPT_IRET;
}

void virt_shadow_set(struct vp *vp)
{
    vmcb_of(vp)->control.interrupt_shadow = VMCB_INTERRUPT_SHADOW;
}

void virt_cr8_set(struct vp *vp, uint8_t cr8)
{
    struct vmcb_control *c = &vmcb_of(vp)->control;

    c->v_intr = (c->v_intr & ~VMCB_V_TPR_MASK) | (cr8 & 0xf);
}

void virt_skip(struct vp *vp, unsigned len)
{
    vp->rip += len;
    if (!virt_code_64(vp))
        vp->rip &= UINT32_MAX;
    vmcb_of(vp)->control.interrupt_shadow = 0;
}

void virt_set_tsc_offset(struct vp *vp, uint64_t offset)
{
    vp->tsc_offset = offset;
    vmcb_of(vp)->control.tsc_offset = offset;
}
