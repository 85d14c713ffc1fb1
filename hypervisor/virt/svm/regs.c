/* SPDX-License-Identifier: MIT */
/* svm/regs.c - a VP's architectural state in its VMCB, by TLFS register name and by MSR. */
#include "virt/virt.h"
#include "virt/svm/svm.h"

#include <x86/cr.h>
#include <x86/msr.h>
#include "core/speculation.h"

static uint64_t *save_field(struct vp *vp, uint32_t name)
{
    struct vmcb_save *s = &vmcb_of(vp)->save;

    switch (name) {
    case HvX64RegisterCr0:
        return &s->cr0;
    case HvX64RegisterCr2:
        return &s->cr2;
    case HvX64RegisterCr3:
        return &s->cr3;
    case HvX64RegisterCr4:
        return &s->cr4;
    case HvX64RegisterDr6:
        return &s->dr6;
    case HvX64RegisterDr7:
        return &s->dr7;
    case HvX64RegisterKernelGsBase:
        return &s->kernel_gs_base;
    case HvX64RegisterPat:
        return &s->g_pat;
    case HvX64RegisterSysenterCs:
        return &s->sysenter_cs;
    case HvX64RegisterSysenterRip:
        return &s->sysenter_eip;
    case HvX64RegisterSysenterRsp:
        return &s->sysenter_esp;
    case HvX64RegisterStar:
        return &s->star;
    case HvX64RegisterLstar:
        return &s->lstar;
    case HvX64RegisterCstar:
        return &s->cstar;
    case HvX64RegisterSfmask:
        return &s->sfmask;
    default:
        return NULL;
    }
}

static struct vmcb_segment *segment_field(const struct vp *vp, uint32_t name)
{
    struct vmcb_save *s = &vmcb_of(vp)->save;
    struct vmcb_segment *segments[] = {&s->es, &s->cs, &s->ss, &s->ds,
                                       &s->fs, &s->gs, &s->ldtr, &s->tr};

    return name - HvX64RegisterEs < ARRAY_SIZE(segments) ? segments[name - HvX64RegisterEs] : NULL;
}

/* The TLFS keeps descriptor bits 47:40 and 55:52 at 7:0 and 15:12, the VMCB at 7:0 and 11:8. */
static void segment_get(const struct vmcb_segment *s, struct hv_x64_segment_register *out)
{
    out->base = s->base;
    out->limit = s->limit;
    out->selector = s->selector;
    out->attributes = (uint16_t)((s->attributes & 0xffu) | (s->attributes & 0xf00u) << 4);
}

static void segment_set(struct vmcb_segment *s, const struct hv_x64_segment_register *in)
{
    s->base = in->base;
    s->limit = in->limit;
    s->selector = in->selector;
    s->attributes = (uint16_t)((in->attributes & 0xffu) | (in->attributes & 0xf000u) >> 4);
}

static hv_status table_get(const struct vmcb_segment *s, struct hv_register_value *value)
{
    value->table.limit = (uint16_t)s->limit;
    value->table.base = s->base;
    return HV_STATUS_SUCCESS;
}

static hv_status table_set(struct vmcb_segment *s, const struct hv_register_value *value)
{
    s->limit = value->table.limit;
    s->base = value->table.base;
    return HV_STATUS_SUCCESS;
}

/* HvRegisterPendingInterruption has the event types of EVENTINJ at other places. */
static uint64_t pending_get(uint64_t e)
{
    if (!(e & VMCB_EVENT_VALID))
        return 0;
    return HV_X64_PENDING_INTERRUPTION_PENDING |
           (e & VMCB_EVENT_TYPE_MASK) >> VMCB_EVENT_TYPE_SHIFT
               << HV_X64_PENDING_INTERRUPTION_TYPE_SHIFT |
           (e & VMCB_EVENT_VECTOR_MASK) << HV_X64_PENDING_INTERRUPTION_VECTOR_SHIFT |
           (e & VMCB_EVENT_ERROR_VALID ? HV_X64_PENDING_INTERRUPTION_DELIVER_ERROR_CODE : 0) |
           e >> VMCB_EVENT_ERROR_SHIFT << HV_X64_PENDING_INTERRUPTION_ERROR_CODE_SHIFT;
}

static uint64_t pending_set(uint64_t v)
{
    if (!(v & HV_X64_PENDING_INTERRUPTION_PENDING))
        return 0;
    return VMCB_EVENT_VALID |
           (v & HV_X64_PENDING_INTERRUPTION_TYPE_MASK) >> HV_X64_PENDING_INTERRUPTION_TYPE_SHIFT
               << VMCB_EVENT_TYPE_SHIFT |
           (v >> HV_X64_PENDING_INTERRUPTION_VECTOR_SHIFT & VMCB_EVENT_VECTOR_MASK) |
           (v & HV_X64_PENDING_INTERRUPTION_DELIVER_ERROR_CODE ? VMCB_EVENT_ERROR_VALID : 0) |
           v >> HV_X64_PENDING_INTERRUPTION_ERROR_CODE_SHIFT << VMCB_EVENT_ERROR_SHIFT;
}

hv_status virt_reg_get(struct vp *vp, uint32_t name, struct hv_register_value *value)
{
    struct vmcb_save *s = &vmcb_of(vp)->save;
    uint64_t *field = save_field(vp, name);
    struct vmcb_segment *segment = segment_field(vp, name);

    *value = (struct hv_register_value){{{0}}};
    if (field != NULL)
        value->reg64 = *field;
    else if (segment != NULL)
        segment_get(segment, &value->segment);
    else if (name == HvX64RegisterEfer)
        value->reg64 = virt_efer(vp);
    else if (name == HvX64RegisterIdtr)
        return table_get(&s->idtr, value);
    else if (name == HvX64RegisterGdtr)
        return table_get(&s->gdtr, value);
    else if (name == HvRegisterInterruptState)
        value->reg64 = virt_in_shadow(vp);
    else if (name == HvRegisterPendingInterruption)
        value->reg64 = pending_get(vmcb_of(vp)->control.eventinj);
    else
        return HV_STATUS_INVALID_PARAMETER;
    return HV_STATUS_SUCCESS;
}

/* Bits that no guest may set are refused here, the rest by the hardware at VMRUN. */
bool virt_reg_allows(uint32_t name, uint64_t value)
{
    const uint64_t efer_allowed = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_FFXSR |
                                  (speculation.auto_ibrs ? EFER_AIBRSE : 0);

    switch (name) {
    case HvX64RegisterCr0:
        return !(value & ~CR0_DEFINED) && (!(value & CR0_PG) || (value & CR0_PE)) &&
               (!(value & CR0_NW) || (value & CR0_CD));
    case HvX64RegisterCr4:
        return !(value & (CR4_VMXE | CR4_SMXE | CR4_PCIDE | CR4_CET | CR4_PKS | CR4_KL));
    case HvX64RegisterEfer:
        return !(value & ~efer_allowed);
    case HvX64RegisterDr6:
    case HvX64RegisterDr7:
        return value >> 32 == 0;
    case HvRegisterInterruptState:
        return !(value & ~HV_X64_INTERRUPT_STATE_SHADOW);
    default:
        return true;
    }
}

hv_status virt_reg_set(struct vp *vp, uint32_t name, const struct hv_register_value *value)
{
    struct vmcb_save *s = &vmcb_of(vp)->save;
    uint64_t *field = save_field(vp, name);
    struct vmcb_segment *segment = segment_field(vp, name);

    if (!virt_reg_allows(name, value->reg64))
        return HV_STATUS_INVALID_REGISTER_VALUE;
    if (field != NULL)
        *field = value->reg64;
    else if (segment != NULL)
        segment_set(segment, &value->segment);
    else if (name == HvX64RegisterEfer)
        s->efer = value->reg64 | EFER_SVME;
    else if (name == HvX64RegisterIdtr)
        return table_set(&s->idtr, value);
    else if (name == HvX64RegisterGdtr)
        return table_set(&s->gdtr, value);
    else if (name == HvRegisterInterruptState)
        vmcb_of(vp)->control.interrupt_shadow = value->reg64;
    else if (name == HvRegisterPendingInterruption)
        vmcb_of(vp)->control.eventinj = pending_set(value->reg64);
    else
        return HV_STATUS_INVALID_PARAMETER;
    if (name == HvX64RegisterSs) /* 15.5.1: CPL is SS.DPL, except in real and VM86 mode */
        s->cpl = (uint8_t)(s->ss.attributes >> VMCB_SEGMENT_DPL_SHIFT & 3);
    return HV_STATUS_SUCCESS;
}

uint8_t virt_cpl(const struct vp *vp)
{
    return vmcb_of(vp)->save.cpl;
}

uint64_t virt_cr0(const struct vp *vp)
{
    return vmcb_of(vp)->save.cr0;
}

uint64_t virt_cr3(const struct vp *vp)
{
    return vmcb_of(vp)->save.cr3;
}

uint64_t virt_cr4(const struct vp *vp)
{
    return vmcb_of(vp)->save.cr4;
}

uint64_t virt_efer(const struct vp *vp)
{
    return vmcb_of(vp)->save.efer & ~EFER_SVME;
}

uint64_t virt_segment_base(const struct vp *vp, uint32_t name)
{
    const struct vmcb_segment *s = segment_field(vp, name);

    return s != NULL ? s->base : 0;
}

bool virt_code_64(const struct vp *vp)
{
    const struct vmcb_save *s = &vmcb_of(vp)->save;

    return (s->efer & EFER_LMA) && (s->cs.attributes & VMCB_SEGMENT_L);
}

bool virt_code_32(const struct vp *vp)
{
    return vmcb_of(vp)->save.cs.attributes & VMCB_SEGMENT_DB;
}

/* Guests reach a SPEC_CTRL of the VMCB without an exit: here it is for saving and restoring. */
static bool is_spec_ctrl(uint32_t msr)
{
    return msr == MSR_IA32_SPEC_CTRL && speculation.spec_ctrl_virtual &&
           speculation.spec_ctrl_guest != 0;
}

bool virt_msr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
    if (msr != MSR_EFER && !is_spec_ctrl(msr))
        return false;
    *value = msr == MSR_EFER ? virt_efer(vp) : vmcb_of(vp)->save.spec_ctrl;
    return true;
}

static bool write_spec_ctrl(struct vmcb_save *s, uint64_t value)
{
    if (value & ~speculation.spec_ctrl_guest)
        return false;
    s->spec_ctrl = value;
    return true;
}

/* EFER: LMA follows LME and CR0.PG by itself; LME is fixed while paging is on (APM vol. 2, 3.1.7). */
bool virt_msr_write(struct vp *vp, uint32_t msr, uint64_t value, bool *fault)
{
    struct vmcb_save *s = &vmcb_of(vp)->save;

    if (is_spec_ctrl(msr)) {
        *fault = !write_spec_ctrl(s, value);
        return true;
    }
    if (msr != MSR_EFER)
        return false;
    *fault = !virt_reg_allows(HvX64RegisterEfer, value) ||
             ((s->cr0 & CR0_PG) && ((value ^ s->efer) & EFER_LME));
    if (!*fault)
        s->efer = (value & ~EFER_LMA) | (s->efer & EFER_LMA) | EFER_SVME;
    return true;
}

/* APM vol. 2, 15.5.1, "canonicalization and consistency checks". */
const char *vmcb_check(const struct vmcb *v, uint32_t asids)
{
    const struct vmcb_save *s = &v->save;
    const struct vmcb_control *c = &v->control;
    bool long_mode = (s->efer & EFER_LME) && (s->cr0 & CR0_PG);

    if (!(s->efer & EFER_SVME))
        return "EFER.SVME is 0";
    if (!(s->cr0 & CR0_CD) && (s->cr0 & CR0_NW))
        return "CR0.NW without CR0.CD";
    if (s->cr0 >> 32)
        return "CR0[63:32] is not 0";
    if (s->dr6 >> 32 || s->dr7 >> 32)
        return "DR6 or DR7[63:32] is not 0";
    if (long_mode && !(s->cr4 & CR4_PAE))
        return "long mode without CR4.PAE";
    if (long_mode && !(s->cr0 & CR0_PE))
        return "long mode without CR0.PE";
    if (long_mode && (s->cr4 & CR4_PAE) && (s->cs.attributes & VMCB_SEGMENT_L) &&
        (s->cs.attributes & VMCB_SEGMENT_DB))
        return "CS.L and CS.D are both 1";
    if (!(c->intercept_misc2 & VMCB_INTERCEPT_VMRUN))
        return "VMRUN is not intercepted";
    if (c->guest_asid == 0 || c->guest_asid >= asids)
        return "the ASID is 0 or too large";
    if (c->iopm_base_pa & PAGE_MASK || c->msrpm_base_pa & PAGE_MASK || c->n_cr3 & PAGE_MASK)
        return "a table is not page-aligned";
    return NULL;
}
