/* SPDX-License-Identifier: MIT */
/* hcall/partition.c - partition management. TLFS 2.0A, 5.6. */
#include "core/partition.h"
#include "hcall/hcall.h"

hv_status hcall_partition(struct hcall *h, uint64_t id, enum hcall_self self,
                          struct partition **out)
{
    struct partition *p = partition_get(h->caller, id);

    if (p == NULL)
        return HV_STATUS_INVALID_PARTITION_ID;
    if (p == h->caller &&
        (self == HCALL_SELF_NEVER || (self == HCALL_SELF_ROOT && !p->is_root))) {
        partition_put(p);
        return HV_STATUS_ACCESS_DENIED;
    }
    *out = p;
    return HV_STATUS_SUCCESS;
}

hv_status hcall_create_partition(struct hcall *h)
{
    const struct hv_input_create_partition *in = h->in;
    struct hv_output_create_partition *out = h->out;
    hv_status st;

    if (in->flags & ~(HV_PARTITION_CREATION_FLAG_GPA_LARGE_PAGES |
                      HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED |
                      HV_PARTITION_CREATION_FLAG_X2APIC_CAPABLE))
        return HV_STATUS_INVALID_PARAMETER;
    /* Who wants features hidden, or isolation, must not believe to have them. */
    if (in->reserved0 != 0 || in->disabled_processor_features[0] != 0 ||
        in->disabled_processor_features[1] != 0 || in->disabled_processor_xsave_features != 0 ||
        in->isolation_properties != 0)
        return HV_STATUS_INVALID_PARAMETER;
    if (h->caller->parent != NULL)
        return HV_STATUS_PARTITION_TOO_DEEP;
    spin_lock(&h->caller->lock);
    st = partition_create(h->caller, in->flags, &out->partition_id);
    spin_unlock(&h->caller->lock);
    return st;
}

hv_status hcall_initialize_partition(struct hcall *h)
{
    const struct hv_input_partition *in = h->in;
    struct partition *p;
    hv_status st = hcall_partition(h, in->partition_id, HCALL_SELF_NEVER, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    spin_lock(&p->lock);
    st = partition_initialize(p);
    spin_unlock(&p->lock);
    partition_put(p);
    return st;
}

hv_status hcall_finalize_partition(struct hcall *h)
{
    const struct hv_input_partition *in = h->in;
    struct partition *p;
    hv_status st = hcall_partition(h, in->partition_id, HCALL_SELF_NEVER, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    spin_lock(&p->lock);
    st = partition_finalize(p, &h->again);
    spin_unlock(&p->lock);
    partition_put(p);
    return st;
}

hv_status hcall_delete_partition(struct hcall *h)
{
    const struct hv_input_partition *in = h->in;
    struct partition *p;
    hv_status st = hcall_partition(h, in->partition_id, HCALL_SELF_NEVER, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    st = partition_delete(p);
    if (st != HV_STATUS_SUCCESS)
        partition_put(p);
    return st;
}

hv_status hcall_get_partition_property(struct hcall *h)
{
    const struct hv_input_get_partition_property *in = h->in;
    struct hv_output_get_partition_property *out = h->out;
    struct partition *p;
    hv_status st = hcall_partition(h, in->partition_id, HCALL_SELF_ROOT, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    spin_lock(&p->lock);
    st = partition_property_get(p, in->property_code, &out->property_value);
    spin_unlock(&p->lock);
    partition_put(p);
    return st;
}

hv_status hcall_set_partition_property(struct hcall *h)
{
    const struct hv_input_set_partition_property *in = h->in;
    struct partition *p;
    hv_status st = hcall_partition(h, in->partition_id, HCALL_SELF_ROOT, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    spin_lock(&p->lock);
    st = partition_property_set(p, in->property_code, in->property_value);
    spin_unlock(&p->lock);
    partition_put(p);
    return st;
}

hv_status hcall_get_partition_id(struct hcall *h)
{
    struct hv_output_get_partition_id *out = h->out;

    out->partition_id = h->caller->id;
    return HV_STATUS_SUCCESS;
}

hv_status hcall_get_next_child_partition(struct hcall *h)
{
    const struct hv_input_get_next_child_partition *in = h->in;
    struct hv_output_get_next_child_partition *out = h->out;

    if (in->parent_id != h->caller->id && in->parent_id != HV_PARTITION_ID_SELF)
        return HV_STATUS_INVALID_PARTITION_ID;
    return partition_next_child(h->caller, in->previous_child_id, &out->next_child_id);
}
