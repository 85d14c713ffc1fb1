/* SPDX-License-Identifier: MIT */
/* hcall/stats.c - statistics pages. TLFS 2.0A, 21.3. VPs have them; other objects do not. */
#include "core/partition.h"
#include "core/vp.h"
#include "hcall/hcall.h"

/* Lay the stats page of the child's VP that @in names over the caller's @gpfn, or take it away. */
static hv_status change(struct hcall *h, const struct hv_input_map_stats_page *in, bool map,
                        uint64_t gpfn)
{
    struct partition *p;
    struct vp *vp;
    hv_status st;

    if (in->stats_type != HvStatsObjectVp || in->reserved != 0 || in->identity.flags != 0 ||
        in->identity.reserved != 0)
        return HV_STATUS_INVALID_PARAMETER;
    p = partition_get(h->caller, in->identity.partition_or_lp);
    if (p == NULL)
        return HV_STATUS_INVALID_PARTITION_ID;
    spin_lock(&p->lock);
    vp = partition_vp(p, in->identity.vp_index);
    if (p->is_root)
        st = HV_STATUS_ACCESS_DENIED;
    else if (vp == NULL)
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
