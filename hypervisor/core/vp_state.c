/* SPDX-License-Identifier: MIT */
/* core/vp_state.c - see core/vp_state.h.
 * Rule: restore checks everything, then changes anything: what it is given may be hostile. */
#include "core/vp_state.h"

#include <hvabi/msr.h>
#include <hvabi/status.h>
#include <rt/mem.h>
#include <x86/cr.h>
#include <x86/msr.h>
#include "core/fpu.h"
#include "core/pcpu.h"
#include "core/speculation.h"
#include "core/vp.h"
#include "core/vp_regs.h"
#include "debug/log.h"
#include "emul/eoi_assist.h"
#include "mm/phys.h"
#include "virt/virt.h"

/* vp_state.registers */
static const uint32_t registers[VP_STATE_REGISTERS] = {
    HvX64RegisterCr0,
    HvX64RegisterCr2,
    HvX64RegisterCr3,
    HvX64RegisterCr4,
    HvX64RegisterXfem,
    HvX64RegisterDr6,
    HvX64RegisterDr7,
    HvX64RegisterEfer,
    HvX64RegisterKernelGsBase,
    HvX64RegisterPat,
    HvX64RegisterSysenterCs,
    HvX64RegisterSysenterRip,
    HvX64RegisterSysenterRsp,
    HvX64RegisterStar,
    HvX64RegisterLstar,
    HvX64RegisterCstar,
    HvX64RegisterSfmask,
    HvX64RegisterEs,
    HvX64RegisterCs,
    HvX64RegisterSs,
    HvX64RegisterDs,
    HvX64RegisterFs,
    HvX64RegisterGs,
    HvX64RegisterLdtr,
    HvX64RegisterTr,
    HvX64RegisterIdtr,
    HvX64RegisterGdtr,
    HvRegisterInterruptState,
    HvRegisterPendingInterruption,
};

/* How requests and suspensions of a VP show in vp_state.events. */
static const struct {
    uint32_t event, request, suspend;
} events[] = {
    {VP_STATE_INIT, VP_REQUEST_INIT, 0},
    {VP_STATE_SIPI, VP_REQUEST_SIPI, 0},
    {VP_STATE_NMI, VP_REQUEST_NMI, 0},
    {VP_STATE_EXPLICIT_SUSPEND, 0, VP_SUSPEND_EXPLICIT},
    {VP_STATE_INTERCEPT_SUSPEND, 0, VP_SUSPEND_INTERCEPT},
};

/* vp_state.activity is the VP's own. */
_Static_assert((int)VP_STATE_HALTED == (int)VP_ACTIVITY_HALT &&
                   (int)VP_STATE_IDLES == (int)VP_ACTIVITY_IDLE &&
                   (int)VP_STATE_WAITS_FOR_SIPI == (int)VP_ACTIVITY_WAIT_SIPI,
               "a new order needs a new version");

/* ---- save ---- */

static uint32_t events_of(const struct vp *vp)
{
    uint32_t found = vp->nmi_pending ? VP_STATE_NMI : 0u;

    for (size_t i = 0; i < ARRAY_SIZE(events); i++)
        if ((vp->requests & events[i].request) || (vp->suspend & events[i].suspend))
            found |= events[i].event;
    if (vp->intercept_message.synic != NULL)
        found |= VP_STATE_INTERCEPT_WAITS;
    return found;
}

/* One that is told in a message which still waits has not been heard of either. */
static void save_eoi_vectors(const struct vp *vp, uint64_t out[4])
{
    const struct hv_x64_apic_eoi_message *m = (const void *)vp->eoi_message.message.payload;

    memcpy(out, vp->eoi_vectors, sizeof(vp->eoi_vectors));
    if (vp->eoi_message.synic != NULL)
        out[m->interrupt_vector / 64] |= 1ull << m->interrupt_vector % 64;
}

/* Behind the payload is what earlier messages left; the sender will have another name elsewhere. */
static void save_intercept(const struct hv_message *m, struct hv_message *out)
{
    out->header = m->header;
    out->header.origination_id = 0;
    memcpy(out->payload, m->payload, m->header.payload_size);
}

/* It is the backend's where the processor has one for guests. */
static uint64_t spec_ctrl_of(struct vp *vp)
{
    uint64_t value;

    return virt_msr_read(vp, MSR_IA32_SPEC_CTRL, &value) ? value : vp->spec_ctrl;
}

void vp_save(struct vp *vp, struct vp_state *out)
{
    memset(out, 0, sizeof(*out)); /* too large for a literal on this stack */
    out->version = VP_STATE_VERSION;
    out->size = sizeof(*out);
    out->vp_index = vp->index;
    out->apic_id = vp->apic_id;
    out->activity = vp->activity;
    out->events = events_of(vp);
    out->rip = vp->rip;
    out->rflags = vp->rflags;
    out->tsc_delta = vp->tsc_offset - vp->partition->tsc_offset;
    out->tsc_aux = vp->tsc_aux;
    out->spec_ctrl = spec_ctrl_of(vp);
    out->run_tsc = vp->sched.run_tsc;
    out->vp_assist_msr = vp->vp_assist_msr;
    out->stats_msr = vp->stats_msr;
    if (out->events & VP_STATE_SIPI)
        out->sipi_vector = vp->sipi_vector;
    memcpy(out->gpr, vp->gpr, sizeof(out->gpr));
    memcpy(out->dr, vp->dr, sizeof(out->dr));
    for (size_t i = 0; i < VP_STATE_REGISTERS; i++) {
        hv_status st = vp_reg_get(vp, registers[i], &out->registers[i]);
        BUG_ON(st != HV_STATUS_SUCCESS);
    }
    save_eoi_vectors(vp, out->eoi_vectors);
    if (out->events & VP_STATE_INTERCEPT_WAITS)
        save_intercept(&vp->intercept_message.message, &out->intercept);
    memcpy(out->assist_page, hpa_ptr(vp->assist_page), sizeof(out->assist_page));
    memcpy(out->xsave, vp->xsave, sizeof(out->xsave));
}

/* ---- check ---- */

static bool identity_valid(const struct vp *vp, const struct vp_state *in)
{
    return in->version == VP_STATE_VERSION && in->size == sizeof(*in) && in->reserved == 0 &&
           in->vp_index == vp->index && in->apic_id == vp->apic_id;
}

static bool events_valid(const struct vp_state *in)
{
    uint32_t known = VP_STATE_INTERCEPT_WAITS;
    bool waits = in->events & VP_STATE_INTERCEPT_WAITS;

    for (size_t i = 0; i < ARRAY_SIZE(events); i++)
        known |= events[i].event;
    if (in->events & ~known || in->activity > VP_STATE_WAITS_FOR_SIPI)
        return false;
    if (in->sipi_vector > (in->events & VP_STATE_SIPI ? UINT8_MAX : 0u))
        return false;
    return !waits || (in->events & VP_STATE_INTERCEPT_SUSPEND);
}

static bool intercept_valid(const struct vp_state *in)
{
    static const struct hv_message none;
    const struct hv_message_header *h = &in->intercept.header;
    const uint8_t *payload = (const void *)in->intercept.payload;

    if (!(in->events & VP_STATE_INTERCEPT_WAITS))
        return memcmp(&in->intercept, &none, sizeof(none)) == 0;
    return (h->message_type & HV_MESSAGE_TYPE_HYPERVISOR_MASK) && h->message_flags == 0 &&
           h->reserved == 0 && h->origination_id == 0 && h->payload_size <= sizeof(none.payload) &&
           memcmp(payload + h->payload_size, none.payload,
                  sizeof(none.payload) - h->payload_size) == 0;
}

/* Vectors below 16 are none of a local APIC's. */
#define EOI_VECTORS_ILLEGAL 0xffffull

/* What is in the value beyond the register. */
static bool value_clean(uint32_t name, const struct hv_register_value *v)
{
    if (name >= HvX64RegisterEs && name <= HvX64RegisterTr)
        return (v->segment.attributes & HV_X64_SEGMENT_RESERVED) == 0;
    if (name == HvX64RegisterIdtr || name == HvX64RegisterGdtr)
        return (v->table.pad[0] | v->table.pad[1] | v->table.pad[2]) == 0;
    return v->words[1] == 0;
}

static bool registers_valid(const struct vp *vp, const struct vp_state *in)
{
    for (size_t i = 0; i < VP_STATE_REGISTERS; i++)
        if (!value_clean(registers[i], &in->registers[i]) ||
            !vp_reg_allows(vp, registers[i], &in->registers[i]))
            return false;
    return (in->rflags & RFLAGS_RESERVED1) && in->tsc_aux <= UINT32_MAX &&
           !(in->spec_ctrl & ~speculation.spec_ctrl_guest) &&
           (in->eoi_vectors[0] & EOI_VECTORS_ILLEGAL) == 0 && fpu_area_valid(in->xsave);
}

/* An assist page that is on lies in the guest's space. */
static bool pages_valid(const struct vp *vp, const struct vp_state *in)
{
    uint64_t at = in->vp_assist_msr & HV_X64_MSR_PAGE_GPA_MASK;

    return !(in->vp_assist_msr & HV_X64_MSR_PAGE_ENABLE) || at < vp->partition->slat.limit;
}

/* ---- restore ---- */

static hv_status overlay_restore(struct vp *vp, struct overlay *o, uint64_t msr, hpa_t page,
                                 unsigned access)
{
    return partition_overlay(vp->partition, o, msr & HV_X64_MSR_PAGE_ENABLE,
                             msr >> HV_X64_MSR_PAGE_SHIFT, page, access);
}

/* All that can run out of memory. */
static hv_status overlays_restore(struct vp *vp, const struct vp_state *in)
{
    hv_status st = overlay_restore(vp, &vp->assist_overlay, in->vp_assist_msr, vp->assist_page,
                                   SLAT_READ | SLAT_WRITE);

    if (st != HV_STATUS_SUCCESS)
        return st;
    st = overlay_restore(vp, &vp->stats_overlay, in->stats_msr, vp->stats_page, SLAT_READ);
    if (st != HV_STATUS_INSUFFICIENT_MEMORY)
        return HV_STATUS_SUCCESS; /* beyond the space it is just not accessible */
    hv_status undone = overlay_restore(vp, &vp->assist_overlay, 0, vp->assist_page, 0);
    BUG_ON(undone != HV_STATUS_SUCCESS);
    return st;
}

static void registers_restore(struct vp *vp, const struct vp_state *in)
{
    bool fault = false;

    memcpy(vp->gpr, in->gpr, sizeof(vp->gpr));
    memcpy(vp->dr, in->dr, sizeof(vp->dr));
    vp->rip = in->rip;
    vp->rflags = in->rflags;
    vp->tsc_aux = in->tsc_aux;
    if (!virt_msr_write(vp, MSR_IA32_SPEC_CTRL, in->spec_ctrl, &fault))
        vp->spec_ctrl = in->spec_ctrl;
    BUG_ON(fault); /* registers_valid has seen it */
    virt_set_tsc_offset(vp, vp->partition->tsc_offset + in->tsc_delta);
    for (size_t i = 0; i < VP_STATE_REGISTERS; i++) {
        hv_status st = vp_reg_set(vp, registers[i], &in->registers[i]);
        BUG_ON(st != HV_STATUS_SUCCESS);
    }
}

static void events_restore(struct vp *vp, const struct vp_state *in)
{
    uint32_t requests = 0, suspend = 0, mask = 0;

    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        mask |= events[i].suspend;
        if (!(in->events & events[i].event))
            continue;
        requests |= events[i].request;
        suspend |= events[i].suspend;
    }
    memcpy(vp->eoi_vectors, in->eoi_vectors, sizeof(vp->eoi_vectors));
    if ((in->eoi_vectors[0] | in->eoi_vectors[1] | in->eoi_vectors[2] | in->eoi_vectors[3]) != 0)
        requests |= VP_REQUEST_EOI;
    vp->sipi_vector = (uint8_t)in->sipi_vector;
    vp->activity = (uint8_t)in->activity;
    vp->nmi_pending = false;
    __atomic_store_n(&vp->requests, requests, __ATOMIC_SEQ_CST);
    __atomic_fetch_and(&vp->suspend, ~mask, __ATOMIC_SEQ_CST);
    __atomic_fetch_or(&vp->suspend, suspend, __ATOMIC_SEQ_CST);
    partition_clock_update(vp->partition);
}

hv_status vp_restore(struct vp *vp, const struct vp_state *in)
{
    const struct hv_message_header *h = &in->intercept.header;
    hv_status st;

    if (!identity_valid(vp, in) || !events_valid(in) || !intercept_valid(in) ||
        !registers_valid(vp, in) || !pages_valid(vp, in))
        return HV_STATUS_INVALID_SAVE_RESTORE_STATE;
    st = overlays_restore(vp, in);
    if (st != HV_STATUS_SUCCESS)
        return st;
    vp->vp_assist_msr = in->vp_assist_msr;
    eoi_assist_page(vp, in->vp_assist_msr);
    vp->stats_msr = in->stats_msr;
    vp->sched.run_tsc = in->run_tsc;
    memcpy(hpa_ptr(vp->assist_page), in->assist_page, sizeof(in->assist_page));
    memcpy(vp->xsave, in->xsave, sizeof(in->xsave));
    registers_restore(vp, in);
    events_restore(vp, in);
    if (in->events & VP_STATE_INTERCEPT_WAITS) {
        memcpy(vp_intercept_begin(vp, h->payload_size), in->intercept.payload, h->payload_size);
        vp_intercept(vp, h->message_type, h->payload_size);
    }
    return HV_STATUS_SUCCESS;
}
