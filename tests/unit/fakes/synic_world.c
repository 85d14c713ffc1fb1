/* SPDX-License-Identifier: MIT */
/* fakes/synic_world.c - see the header. */
#include "synic_world.h"

#include <core/timer.h>
#include <debug/log.h>
#include <hvabi/msr.h>
#include <rt/pairing_heap.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t fake_tsc;
hv_status world_overlay_status;

/* ---- core -------------------------------------------------------------------------------------
 */

void spin_wait(struct spinlock *l, uint32_t ticket)
{
    while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket)
        sched_yield();
}

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}

static struct heap timers;
static unsigned queued, run;

void timer_init(struct timer *t, timer_fn fn)
{
    *t = (struct timer){.fn = fn};
}

bool timer_cancel(struct timer *t)
{
    bool was = t->node.queued;

    queued -= was;
    heap_remove(&timers, &t->node);
    return was;
}

void timer_arm(struct timer *t, uint64_t deadline_tsc)
{
    timer_cancel(t);
    heap_insert(&timers, &t->node, deadline_tsc);
    queued++;
}

unsigned world_timers_queued(void)
{
    return queued;
}

unsigned world_timers_run(void)
{
    return run;
}

void world_advance(uint64_t units)
{
    uint64_t end = fake_tsc + units * (WORLD_HZ / REFTIME_HZ);

    while (heap_first(&timers) && heap_first(&timers)->key <= end) {
        struct timer *t = container_of(heap_first(&timers), struct timer, node);

        if (fake_tsc < t->node.key)
            fake_tsc = t->node.key;
        timer_cancel(t);
        run++;
        t->fn(t);
    }
    fake_tsc = end;
}

/* ---- the pool ---------------------------------------------------------------------------------
 */

void *pool_alloc(struct pool *p, size_t bytes)
{
    bool taken;

    spin_lock(&p->lock);
    taken = p->available > 0 && bytes <= POOL_OBJECT_MAX;
    p->available -= taken;
    p->in_use += taken;
    spin_unlock(&p->lock);
    return taken ? calloc(1, bytes) : NULL;
}

void pool_free(struct pool *p, void *object)
{
    if (!object)
        return;
    free(object);
    spin_lock(&p->lock);
    p->available++;
    p->in_use--;
    spin_unlock(&p->lock);
}

/* ---- hooks ------------------------------------------------------------------------------------
 */

void synic_host_interrupt(struct synic *s, uint8_t vector)
{
    struct world_vp *vp = container_of(s, struct world_vp, synic);

    BUG_ON(vector < HV_SYNIC_FIRST_VALID_VECTOR);
    __atomic_fetch_add(&vp->interrupts[vector], 1, __ATOMIC_RELAXED);
}

hv_status synic_host_overlay(struct synic *s, unsigned which, bool enable, uint64_t gpfn)
{
    struct world_vp *vp = container_of(s, struct world_vp, synic);

    vp->overlay[which].on = enable && world_overlay_status == HV_STATUS_SUCCESS;
    vp->overlay[which].gpfn = gpfn;
    vp->overlay[which].calls++;
    return world_overlay_status;
}

struct synic *port_host_synic(struct partition *p, uint32_t vp_index)
{
    if (vp_index >= WORLD_VPS || !p->vp[vp_index].present)
        return NULL;
    __atomic_fetch_add(&p->vp[vp_index].holds, 1, __ATOMIC_RELAXED);
    return &p->vp[vp_index].synic;
}

void port_host_synic_put(struct synic *s)
{
    __atomic_fetch_sub(&container_of(s, struct world_vp, synic)->holds, 1, __ATOMIC_RELAXED);
}

/* ---- partitions and guests --------------------------------------------------------------------
 */

struct partition *world_partition(hv_partition_id id, unsigned objects)
{
    struct partition *p = calloc(1, sizeof(*p));

    p->pool.available = objects;
    port_space_init(&p->ports, id, p, &p->pool);
    reftime_init(&p->reftime, 0 - fake_tsc, WORLD_HZ, true);
    for (uint32_t i = 0; i < WORLD_VPS; i++) {
        struct world_vp *vp = &p->vp[i];

        vp->sim = aligned_alloc(HV_PAGE_SIZE, HV_PAGE_SIZE);
        vp->sief = aligned_alloc(HV_PAGE_SIZE, HV_PAGE_SIZE);
        vp->present = true;
        synic_init(&vp->synic, &p->ports.set, i, vp->sim, vp->sief);
        stimers_init(&vp->stimers, &vp->synic, &p->reftime, true);
    }
    return p;
}

void world_free(struct partition *p)
{
    for (uint32_t i = 0; i < WORLD_VPS; i++) {
        stimers_destroy(&p->vp[i].stimers);
        synic_destroy(&p->vp[i].synic);
        free(p->vp[i].sim);
        free(p->vp[i].sief);
    }
    free(p);
}

void world_enable(struct world_vp *vp, unsigned sint, uint8_t vector)
{
    bool ok = synic_msr_write(&vp->synic, HV_X64_MSR_SCONTROL, HV_SYNIC_CONTROL_ENABLE) &&
              synic_msr_write(&vp->synic, HV_X64_MSR_SIEFP, 0x10000 | HV_X64_MSR_PAGE_ENABLE) &&
              synic_msr_write(&vp->synic, HV_X64_MSR_SIMP, 0x11000 | HV_X64_MSR_PAGE_ENABLE) &&
              synic_msr_write(&vp->synic, HV_X64_MSR_SINT0 + sint, vector);

    BUG_ON(!ok);
}

bool guest_take(struct world_vp *vp, unsigned sint, struct hv_message *out)
{
    struct hv_message *slot = &vp->sim->slots[sint];
    uint8_t flags;

    if (!__atomic_load_n(&slot->header.message_type, __ATOMIC_ACQUIRE))
        return false;
    memcpy(out, slot, sizeof(*out));
    __atomic_store_n(&slot->header.message_type, 0, __ATOMIC_SEQ_CST);
    flags = __atomic_load_n(&slot->header.message_flags, __ATOMIC_SEQ_CST);
    if (flags & HV_MESSAGE_FLAG_PENDING)
        BUG_ON(!synic_msr_write(&vp->synic, HV_X64_MSR_EOM, 0));
    return true;
}
