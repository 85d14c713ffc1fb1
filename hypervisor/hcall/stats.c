/* SPDX-License-Identifier: MIT */
/* hcall/stats.c - statistics pages. TLFS 2.0A, 21.3. The hypervisor and VPs have them; logical
 * processors and partitions do not. */
#include "core/partition.h"
#include "core/statistics.h"
#include "core/vp.h"
#include "hcall/hcall.h"

/* The hypervisor's page: of root only, with an empty identity. */
static hv_status change_global(struct hcall *h, const struct hv_stats_object_identity *id, bool map,
                               uint64_t gpfn)
{
    hv_status st;

    if (id->partition_or_lp != 0 || id->vp_index != 0)
        return HV_STATUS_INVALID_PARAMETER;
    if (!h->caller->is_root)
        return HV_STATUS_ACCESS_DENIED;
    spin_lock(&h->caller->lock);
    st = statistics_map(map, gpfn);
    spin_unlock(&h->caller->lock);
    return st;
}

/* Lay the stats page of the child's VP that @in names over the caller's @gpfn, or take it away. */
static hv_status change(struct hcall *h, const struct hv_input_map_stats_page *in, bool map,
                        uint64_t gpfn)
{
    struct partition *p;
    struct vp *vp;
    hv_status st;

    if (gpfn > HV_PAGE_NUMBER_MAX || in->reserved != 0 || in->identity.flags != 0 ||
        in->identity.reserved != 0)
        return HV_STATUS_INVALID_PARAMETER;
    if (in->stats_type == HvStatsObjectHypervisor)
        return change_global(h, &in->identity, map, gpfn);
    if (in->stats_type != HvStatsObjectVp)
        return HV_STATUS_INVALID_PARAMETER;
    /* Only the parent's: when the VP goes, the page is taken out of the parent's space. */
    st = hcall_partition(h, in->identity.partition_or_lp, HCALL_SELF_NEVER, &p);
    if (st != HV_STATUS_SUCCESS)
        return st;
    spin_lock(&p->lock);
    vp = partition_vp(p, in->identity.vp_index);
    if (vp == NULL)
        st = HV_STATUS_INVALID_VP_INDEX;
    else if (vp->parent_stats_overlay.placed == map)
        st = HV_STATUS_OPERATION_DENIED;
    else
        st = partition_overlay(h->caller, &vp->parent_stats_overlay, map, gpfn, vp->stats_page,
                               SLAT_READ);
    spin_unlock(&p->lock);
    partition_put(p);
    return st;
}

hv_status hcall_map_stats_page(struct hcall *h)
{
    const struct hv_input_map_stats_page *in = h->in;

    return change(h, in, true, in->gpa_page);
}

hv_status hcall_unmap_stats_page(struct hcall *h)
{
    return change(h, h->in, false, 0);
}
