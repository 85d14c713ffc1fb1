/* SPDX-License-Identifier: MIT */
/* core/monitor_host.c - the hooks of monitored notifications (synic/monitor.h): whom a look at a
 * page is for, and who pays for it. */
#include "core/partition.h"
#include "core/pcpu.h"
#include "core/vp.h"
#include "synic/monitor.h"

hv_status monitor_host_overlay(struct partition *p, struct overlay *o, bool enable, uint64_t gpfn,
                               hpa_t page)
{
    return partition_overlay(p, o, enable, gpfn, page, SLAT_READ | SLAT_WRITE);
}

bool monitor_host_runs(const struct partition *p)
{
    uint64_t lps = 0;

    for (uint32_t i = 0; i < ARRAY_SIZE(p->running_lps); i++)
        lps |= __atomic_load_n(&p->running_lps[i], __ATOMIC_SEQ_CST);
    return lps != 0;
}

/* The VP of @p that has this LP, or NULL. It cannot be deleted meanwhile. */
static struct vp *running_here(const struct partition *p)
{
    struct vp *vp = this_cpu()->current;

    return vp != NULL && vp->partition == p ? vp : NULL;
}

/* What root does about it is charged to @p if a VP of it runs here. Elsewhere its VPs may go while
 * this LP works, and a payer must not. */
bool monitor_host_begin(struct partition *p)
{
    this_cpu()->cause = running_here(p);
    return (__atomic_load_n(&p->privileges, __ATOMIC_RELAXED) & HV_PRIVILEGE_SIGNAL_EVENTS) != 0;
}

/* A VP that runs here has had the look's time charged already, as that of any exit. */
void monitor_host_end(struct partition *p, uint64_t ticks)
{
    this_cpu()->cause = NULL;
    if (!p->is_root && running_here(p) == NULL)
        __atomic_fetch_add(&p->sched_debt, ticks, __ATOMIC_RELAXED);
}
