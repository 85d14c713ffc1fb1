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

    if (in->flags != 0 || in->subnode_type != 0 || in->subnode_id != 0)
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
    unlock_put(p);
    return st;
}

/* The VP @index of a child, or, with the privilege for it, another VP of the caller's partition,
 * stopped; NULL with *@st, or with SUCCESS and h->again. */
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
    else if (!vp_hold(vp))
        h->again = true;
    else
        return vp;
    return NULL;
}

hv_status hcall_get_vp_registers(struct hcall *h)
{
    const struct hv_input_get_vp_registers *in = h->in;
    const uint32_t *names = h->list;
    struct hv_register_value *values = h->out;
    struct partition *p;
    hv_status st = get_lock(h, in->partition_id, HCALL_SELF_ANY, &p);

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
    hv_status st = get_lock(h, in->partition_id, HCALL_SELF_ANY, &p);

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

static uint32_t result_code(enum gva_result r)
{
    switch (r) {
    case GVA_OK:
        return HvTranslateGvaSuccess;
    case GVA_PROTECTION:
        return HvTranslateGvaPrivilegeViolation;
    case GVA_RESERVED_BIT:
        return HvTranslateGvaInvalidPageTableFlags;
    case GVA_TABLE_UNMAPPED:
        return HvTranslateGvaGpaUnmapped;
    case GVA_NOT_PRESENT:
    default:
        return HvTranslateGvaPageNotPresent;
    }
}

static void translate(struct vp *vp, const struct hv_input_translate_virtual_address *in,
                      struct hv_output_translate_virtual_address *out)
{
    uint64_t f = in->control_flags;
    unsigned access = (f & HV_TRANSLATE_GVA_VALIDATE_WRITE ? (unsigned)GVA_WRITE : 0u) |
                      (f & HV_TRANSLATE_GVA_VALIDATE_EXECUTE ? (unsigned)GVA_FETCH : 0u) |
                      (f & HV_TRANSLATE_GVA_USER_ACCESS ? (unsigned)GVA_USER : 0u) |
                      (f & HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT ? (unsigned)GVA_SUPERVISOR_EXEMPT : 0u);
    struct slat_view view;
    gpa_t at;
    enum gva_result r = gva_translate(vp, in->gva_page << PAGE_SHIFT, access, &at);

    out->result_code = result_code(r);
    if (r != GVA_OK)
        return;
    out->gpa_page = at.v >> PAGE_SHIFT;
    if (slat_query(&vp->partition->slat, at, &view) != HV_STATUS_SUCCESS) {
        out->result_code = HvTranslateGvaGpaUnmapped;
        return;
    }
    out->attributes = (view.type == SLAT_UNCACHED ? HvCacheTypeX64Uncached : HvCacheTypeX64WriteBack) |
                      (view.overlay ? HV_TRANSLATE_GVA_OVERLAY_PAGE : 0u);
    if ((f & HV_TRANSLATE_GVA_VALIDATE_WRITE) && !(view.access & SLAT_WRITE))
        out->result_code = HvTranslateGvaGpaNoWriteAccess;
    else if ((f & HV_TRANSLATE_GVA_VALIDATE_READ) && !(view.access & SLAT_READ))
        out->result_code = HvTranslateGvaGpaNoReadAccess;
}

hv_status hcall_translate_virtual_address(struct hcall *h)
{
    const struct hv_input_translate_virtual_address *in = h->in;
    struct partition *p;
    hv_status st = get_lock(h, in->partition_id, HCALL_SELF_NEVER, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    struct vp *vp = hold(h, p, in->vp_index, &st);
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

    if (in->interrupt_control & HV_INTERRUPT_CONTROL_RESERVED_MASK || in->target_vtl != 0 ||
        in->requested_vector > UINT8_MAX || in->destination_address >> 32 != 0 ||
        !delivery_of((uint32_t)in->interrupt_control, &m.delivery))
        return HV_STATUS_INVALID_PARAMETER;
    st = get_lock(h, in->partition_id, HCALL_SELF_NEVER, &p);
    if (st != HV_STATUS_SUCCESS)
        return st;
    if (!lapic_space_send(p->apics, &m))
        st = HV_STATUS_INVALID_PARAMETER;
    unlock_put(p);
    return st;
}

hv_status hcall_get_logical_processor_run_time(struct hcall *h)
{
    const struct hv_input_get_logical_processor_run_time *in = h->in;
    struct hv_output_get_logical_processor_run_time *out = h->out;

    if (in->lp_index >= lp_count)
        return HV_STATUS_INVALID_LP_INDEX;
    struct pcpu *cpu = lp_table[in->lp_index];
    uint64_t root = __atomic_load_n(&cpu->run_tsc[0], __ATOMIC_RELAXED);
    uint64_t children = __atomic_load_n(&cpu->run_tsc[1], __ATOMIC_RELAXED);
    out->global_time = tsc_to_100ns(root + children);
    out->local_run_time = tsc_to_100ns(root);
    return HV_STATUS_SUCCESS;
}
