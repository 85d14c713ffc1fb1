/* SPDX-License-Identifier: MIT */
/* hcall/vp.c - virtual processors, their registers, intercepts and interrupts. TLFS 2.0A, 9.3,
 * 10.4, 12.4 and 13.5. */
#include <x86/apic.h>
#include "core/lapic_physical.h"
#include "core/pcpu.h"
#include "core/vp.h"
#include "core/vp_regs.h"
#include "emul/gva.h"
#include "hcall/hcall.h"
#include "virt/virt.h"

/* The initialized partition @id, locked; unlock_put gives both back. */
static hv_status get_lock(struct hcall *h, uint64_t id, enum hcall_self self,
                          struct partition **out) NO_LOCK_CHECK
{
    struct partition *p;
    hv_status st = hcall_partition(h, id, self, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    *out = p;
    spin_lock(&p->lock);
    if (p->state == PARTITION_INITIALIZED)
        return HV_STATUS_SUCCESS;
    spin_unlock(&p->lock);
    partition_put(p);
    return HV_STATUS_INVALID_PARTITION_STATE;
}

static void unlock_put(struct partition *p) NO_LOCK_CHECK
{
    spin_unlock(&p->lock);
    partition_put(p);
}

hv_status hcall_install_intercept(struct hcall *h)
{
    const struct hv_input_install_intercept *in = h->in;
    struct partition *p;
    hv_status st = get_lock(h, in->partition_id, HCALL_SELF_NEVER, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    st = partition_install_intercept(p, in->intercept_type, in->access_type,
                                     in->intercept_parameter);
    unlock_put(p);
    return st;
}

hv_status hcall_create_vp(struct hcall *h)
{
    const struct hv_input_create_vp *in = h->in;
    struct partition *p;
    hv_status st;

    if (in->flags != 0 || in->subnode_type != 0 || in->subnode_id != 0 ||
        (in->reserved[0] | in->reserved[1] | in->reserved[2]) != 0)
        return HV_STATUS_INVALID_PARAMETER;
    st = get_lock(h, in->partition_id, HCALL_SELF_NEVER, &p);
    if (st != HV_STATUS_SUCCESS)
        return st;
    st = vp_create(p, in->vp_index, sched_place(), false);
    unlock_put(p);
    return st;
}

hv_status hcall_delete_vp(struct hcall *h)
{
    const struct hv_input_delete_vp *in = h->in;
    struct partition *p;
    hv_status st = get_lock(h, in->partition_id, HCALL_SELF_NEVER, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    st = vp_delete(p, in->vp_index, &h->again);
    partition_clock_update(p);
    unlock_put(p);
    return st;
}

/* Is somebody else about to stop the caller, and comes back for it? */
static bool is_wanted(const struct vp *vp)
{
    return __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) & VP_SUSPEND_HOLD;
}

/* The VP @index of a child, or, with the privilege for it, another VP of the caller's partition,
 * stopped; NULL with *@st, or with SUCCESS and h->again. @p is locked.
 *
 * A VP that still runs stays marked until its holder comes back. So a VP that is marked itself marks
 * nobody: it stops first, and two that want each other do not wait for each other. */
static struct vp *hold(struct hcall *h, struct partition *p, uint32_t index, hv_status *st)
{
    struct vp *vp = partition_vp(p, index);

    *st = HV_STATUS_SUCCESS;
    if (!p->is_root && p == h->caller && !(p->privileges & HV_PRIVILEGE_ACCESS_VP_REGISTERS))
        *st = HV_STATUS_ACCESS_DENIED;
    else if (p->is_root || vp == h->vp)
        *st = HV_STATUS_OPERATION_DENIED; /* a VP cannot wait for itself to stop */
    else if (vp == NULL)
        *st = HV_STATUS_INVALID_VP_INDEX;
    else if (is_wanted(h->vp) || !vp_hold(vp))
        h->again = true;
    else
        return vp;
    return NULL;
}

/* There is one VTL. */
static bool vtl_valid(uint8_t vtl, const uint8_t reserved[3])
{
    return (vtl | reserved[0] | reserved[1] | reserved[2]) == 0;
}

hv_status hcall_get_vp_registers(struct hcall *h)
{
    const struct hv_input_get_vp_registers *in = h->in;
    const uint32_t *names = h->list;
    struct hv_register_value *values = h->out;
    struct partition *p;
    hv_status st;

    if (!vtl_valid(in->input_vtl, in->reserved))
        return HV_STATUS_INVALID_PARAMETER;
    st = get_lock(h, in->partition_id, HCALL_SELF_ANY, &p);
    if (st != HV_STATUS_SUCCESS)
        return st;
    struct vp *vp = hold(h, p, in->vp_index, &st);
    if (vp != NULL) {
        for (; h->done < h->rep_end && st == HV_STATUS_SUCCESS; h->done++) {
            uint32_t i = h->done - h->rep_start;
            st = vp_reg_get(vp, names[i], &values[i]);
            if (st != HV_STATUS_SUCCESS)
                break;
        }
        vp_release(vp);
    }
    unlock_put(p);
    return st;
}

hv_status hcall_set_vp_registers(struct hcall *h)
{
    const struct hv_input_set_vp_registers *in = h->in;
    const struct hv_register_assoc *elements = h->list;
    struct partition *p;
    hv_status st;

    if (!vtl_valid(in->input_vtl, in->reserved))
        return HV_STATUS_INVALID_PARAMETER;
    st = get_lock(h, in->partition_id, HCALL_SELF_ANY, &p);
    if (st != HV_STATUS_SUCCESS)
        return st;
    struct vp *vp = hold(h, p, in->vp_index, &st);
    if (vp != NULL) {
        for (; h->done < h->rep_end; h->done++) {
            const struct hv_register_assoc *e = &elements[h->done - h->rep_start];
            st = vp_reg_set(vp, e->name, &e->value);
            if (st != HV_STATUS_SUCCESS)
                break;
        }
        vp_release(vp);
    }
    unlock_put(p);
    return st;
}

#define TRANSLATE_ACCESS                                                                           \
    (HV_TRANSLATE_GVA_VALIDATE_READ | HV_TRANSLATE_GVA_VALIDATE_WRITE |                            \
     HV_TRANSLATE_GVA_VALIDATE_EXECUTE)

/* What the partition's memory at @view says to an access of @flags. */
static uint32_t translate_access(const struct slat_view *view, uint64_t flags)
{
    bool write = (flags & HV_TRANSLATE_GVA_VALIDATE_WRITE) && !(view->access & SLAT_WRITE);
    bool read = (flags & HV_TRANSLATE_GVA_VALIDATE_READ) && !(view->access & SLAT_READ);
    bool fetch = (flags & HV_TRANSLATE_GVA_VALIDATE_EXECUTE) && !(view->access & SLAT_EXECUTE);

    if (!write && !read && !fetch)
        return HvTranslateGvaSuccess;
    if (view->overlay)
        return HvTranslateGvaGpaIllegalOverlayAccess;
    return write ? HvTranslateGvaGpaNoWriteAccess : HvTranslateGvaGpaNoReadAccess;
}

/* The walk has ended at @at, a page that is accessed as @flags say. */
static void translate_end(struct slat *slat, gpa_t at, uint64_t flags,
                          struct hv_output_translate_virtual_address *out)
{
    struct slat_view view;

    out->gpa_page = at.v >> PAGE_SHIFT;
    if (slat_query(slat, at, &view) != HV_STATUS_SUCCESS) {
        out->result_code = HvTranslateGvaGpaUnmapped;
        return;
    }
    out->result_code = translate_access(&view, flags);
    out->attributes = (view.type == SLAT_UNCACHED ? HvCacheTypeX64Uncached : HvCacheTypeX64WriteBack) |
                      (view.overlay ? HV_TRANSLATE_GVA_OVERLAY_PAGE : 0u);
}

static void translate(struct vp *vp, const struct hv_input_translate_virtual_address *in,
                      struct hv_output_translate_virtual_address *out)
{
    uint64_t f = in->control_flags;
    bool user = virt_cpl(vp) == 3 && !(f & HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT);
    unsigned access = (f & HV_TRANSLATE_GVA_VALIDATE_WRITE ? (unsigned)GVA_WRITE : 0u) |
                      (f & HV_TRANSLATE_GVA_VALIDATE_EXECUTE ? (unsigned)GVA_FETCH : 0u) |
                      (user ? (unsigned)GVA_USER : 0u);
    struct slat *slat = &vp->partition->slat;
    gpa_t at;

    switch (gva_translate(vp, in->gva_page << PAGE_SHIFT, access, &at)) {
    case GVA_OK:
        translate_end(slat, at, f, out);
        break;
    case GVA_TABLE_UNMAPPED:
        translate_end(slat, at, HV_TRANSLATE_GVA_VALIDATE_READ, out);
        if (out->result_code == HvTranslateGvaSuccess) /* mapped, but not to memory */
            out->result_code = HvTranslateGvaGpaNoReadAccess;
        break;
    case GVA_PROTECTION:
        out->result_code = HvTranslateGvaPrivilegeViolation;
        break;
    case GVA_RESERVED_BIT:
        out->result_code = HvTranslateGvaInvalidPageTableFlags;
        break;
    case GVA_NOT_PRESENT:
    default:
        out->result_code = HvTranslateGvaPageNotPresent;
        break;
    }
}

/* Accessed and dirty bits are not set, the TLB is not locked, and there is one VTL. */
static bool translate_valid(const struct hv_input_translate_virtual_address *in)
{
    return (in->control_flags & ~(TRANSLATE_ACCESS | HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT)) == 0 &&
           (in->control_flags & TRANSLATE_ACCESS) != 0 &&
           in->gva_page <= UINT64_MAX >> PAGE_SHIFT;
}

hv_status hcall_translate_virtual_address(struct hcall *h)
{
    const struct hv_input_translate_virtual_address *in = h->in;
    struct partition *p;
    hv_status st = get_lock(h, in->partition_id, HCALL_SELF_NEVER, &p);
    struct vp *vp = NULL;

    if (st != HV_STATUS_SUCCESS)
        return st;
    if (translate_valid(in))
        vp = hold(h, p, in->vp_index, &st);
    else
        st = HV_STATUS_INVALID_PARAMETER;
    if (vp != NULL) {
        translate(vp, in, h->out);
        vp_release(vp);
    }
    unlock_put(p);
    return st;
}

/* TLFS interrupt types are the APIC's delivery modes; ExtINT has no message here. */
static bool delivery_of(uint32_t type, uint32_t *delivery)
{
    switch (type) {
    case HvX64InterruptTypeFixed:
    case HvX64InterruptTypeLowestPriority:
    case HvX64InterruptTypeNmi:
    case HvX64InterruptTypeInit:
    case HvX64InterruptTypeSipi:
        *delivery = type << APIC_DELIVERY_SHIFT;
        return true;
    default:
        return false;
    }
}

/* Only these take a vector; none asks for the end of a level-triggered one. TLFS 6.0b, 10.5.1. */
static bool vector_valid(uint32_t delivery, uint32_t vector)
{
    switch (delivery) {
    case APIC_DELIVERY_FIXED:
    case APIC_DELIVERY_LOWEST:
        return vector <= UINT8_MAX || vector == HV_INTERRUPT_VECTOR_NONE;
    case APIC_DELIVERY_STARTUP:
        return vector <= UINT8_MAX;
    default:
        return vector == 0;
    }
}

hv_status hcall_assert_virtual_interrupt(struct hcall *h)
{
    const struct hv_input_assert_virtual_interrupt *in = h->in;
    struct lapic_message m = {
        .destination = (uint32_t)in->destination_address,
        .vector = (uint8_t)in->requested_vector,
        .logical = in->interrupt_control & HV_INTERRUPT_CONTROL_LOGICAL_DESTINATION_MODE,
        .level = in->interrupt_control & HV_INTERRUPT_CONTROL_LEVEL_TRIGGERED,
    };
    struct partition *p;
    hv_status st;

    if (in->interrupt_control & HV_INTERRUPT_CONTROL_RESERVED_MASK ||
        (in->target_vtl | in->reserved0 | in->reserved1) != 0 ||
        in->destination_address >> 32 != 0 ||
        !delivery_of((uint32_t)in->interrupt_control, &m.delivery) ||
        !vector_valid(m.delivery, in->requested_vector))
        return HV_STATUS_INVALID_PARAMETER;
    st = get_lock(h, in->partition_id, HCALL_SELF_NEVER, &p);
    if (st != HV_STATUS_SUCCESS)
        return st;
    /* A local APIC does not give back what it has accepted: a line that falls changes nothing. */
    if (in->requested_vector != HV_INTERRUPT_VECTOR_NONE && !lapic_space_send(p->apics, &m))
        st = m.logical ? HV_STATUS_INVALID_PARAMETER : HV_STATUS_INVALID_VP_INDEX;
    unlock_put(p);
    return st;
}

hv_status hcall_get_logical_processor_run_time(struct hcall *h)
{
    const struct hv_input_get_logical_processor_run_time *in = h->in;
    struct hv_output_get_logical_processor_run_time *out = h->out;

    if (in->lp_index >= lp_count)
        return HV_STATUS_INVALID_LP_INDEX;
    struct pcpu *cpu = lp_table[insn_index_nospec(in->lp_index, lp_count)];
    uint64_t now = insn_rdtsc(), guests = pcpu_run_time(cpu, now);
    uint64_t active = now - __atomic_load_n(&cpu->started, __ATOMIC_RELAXED) -
                      pcpu_idle_time(cpu, now);
    out->global_time = reftime_now(&root_partition->reftime);
    out->local_run_time = tsc_to_100ns(active);
    out->hypervisor_time = tsc_to_100ns(active > guests ? active - guests : 0);
    return HV_STATUS_SUCCESS;
}
