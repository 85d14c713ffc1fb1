/* SPDX-License-Identifier: MIT */
/* debug/stop.c - see debug/stop.h. */
#include "debug/stop.h"

#include <hvabi/hypercall.h>
#include <x86/decode.h>
#include "core/vp.h"
#include "debug/log.h"
#include "virt/vp_exit.h"

#define SEED_DEFAULT 1u
#define MAX_DEFAULT  200u
#define SPARED       2u /* root's partition, and the first child's */

static struct {
    uint64_t seed;
    uint32_t max; /* 0: off */
} stop;

void stop_init(uint64_t seed, uint32_t max)
{
    stop.seed = seed != 0 ? seed : SEED_DEFAULT;
    stop.max = max != 0 ? max : MAX_DEFAULT;
    hv_log("hvdebug: children stop at an exit from 1 to %u, seed %lu", stop.max, stop.seed);
}

/* SplitMix64's output for the partition. */
static uint64_t draw(const struct partition *p)
{
    uint64_t z = stop.seed + p->id * 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static bool stops(const struct partition *p)
{
    return stop.max != 0 && p->id >> PARTITION_SLOT_BITS > SPARED;
}

static uint32_t stop_at(const struct partition *p)
{
    return 1 + (uint32_t)(draw(p) >> 1) % stop.max;
}

static bool stop_all(const struct partition *p)
{
    return draw(p) & 1;
}

/* No VP is freed while this LP handles an exit: see core/pcpu.h, grace periods. */
static void suspend(struct vp *vp)
{
    struct partition *p = vp->partition;

    vp_suspend(vp, VP_SUSPEND_EXPLICIT);
    for (uint32_t i = 0; i < PARTITION_VP_TABLE && stop_all(p); i++) {
        struct vp *other = partition_vp(p, i);
        if (other == NULL)
            return; /* root makes them in order */
        vp_suspend(other, VP_SUSPEND_EXPLICIT);
    }
}

void stop_before(struct vp *vp)
{
    struct stop_record *r = &vp->partition->stop;

    if (!stops(vp->partition) ||
        __atomic_add_fetch(&r->exits, 1, __ATOMIC_RELAXED) != stop_at(vp->partition))
        return;
    suspend(vp);
    r->rip = vp->rip;
    r->vp = vp->index;
    __atomic_store_n(&r->begun, true, __ATOMIC_RELEASE);
}

void stop_after(const struct vp *vp, const struct vp_exit *exit)
{
    struct stop_record *r = &vp->partition->stop;

    if (!__atomic_load_n(&r->begun, __ATOMIC_ACQUIRE) || r->vp != vp->index || r->reached)
        return;
    r->reason = exit->reason;
    r->mid_rep = exit->reason == VP_EXIT_HYPERCALL && vp->rip == r->rip &&
                 (vp->gpr[X86_RCX] & HV_HYPERCALL_REP_START_MASK) != 0;
    __atomic_store_n(&r->reached, true, __ATOMIC_RELEASE);
}

void stop_report(struct partition *p)
{
    const struct stop_record *r = &p->stop;
    unsigned intercepts = 0, starting = 0;

    if (!stops(p))
        return;
    for (uint32_t i = 0; i < p->vp_highest; i++) {
        struct vp *vp = partition_vp(p, i);
        if (vp == NULL)
            continue;
        if (__atomic_load_n(&vp->suspend, __ATOMIC_RELAXED) & VP_SUSPEND_INTERCEPT)
            intercepts++;
        if (__atomic_load_n(&vp->requests, __ATOMIC_RELAXED) & (VP_REQUEST_INIT | VP_REQUEST_SIPI))
            starting++;
    }
    if (!__atomic_load_n(&r->reached, __ATOMIC_ACQUIRE)) {
        hv_log("hvdebug: partition %lx of %u VPs: not yet at exit %u: intercepts %u, INIT or SIPI %u",
               p->id, p->vp_count, stop_at(p), intercepts, starting);
        return;
    }
    hv_log("hvdebug: partition %lx of %u VPs: stopped %s at exit %u (%s of VP %u): mid-rep %u, "
           "intercepts %u, INIT or SIPI %u",
           p->id, p->vp_count, stop_all(p) ? "all" : "one", stop_at(p), vp_exit_names[r->reason],
           r->vp, r->mid_rep, intercepts, starting);
}
