/* SPDX-License-Identifier: MIT */
/* fakes/synic_world.c - see the header. */
#include "synic_world.h"

#include <core/timer.h>
#include <debug/log.h>
#include <hvabi/msr.h>
#include <mm/phys.h>
#include <rt/pairing_heap.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t fake_tsc;
hv_status world_overlay_status;
uint64_t world_look_ticks;
void (*world_timer_popped)(void);

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

static struct spinlock timer_lock;
static struct heap timers;   /* [timer_lock] */
static unsigned queued, run; /* [timer_lock] */

void timer_init(struct timer *t, timer_fn fn)
{
    *t = (struct timer){.fn = fn};
}

bool timer_cancel(struct timer *t)
{
    bool was;

    spin_lock(&timer_lock);
    was = t->node.queued;
    queued -= was;
    heap_remove(&timers, &t->node);
    spin_unlock(&timer_lock);
    return was;
}

void timer_arm(struct timer *t, uint64_t deadline_tsc)
{
    timer_cancel(t);
    spin_lock(&timer_lock);
    heap_insert(&timers, &t->node, deadline_tsc);
    queued++;
    spin_unlock(&timer_lock);
}

unsigned world_timers_queued(void)
{
    return queued;
}

unsigned world_timers_run(void)
{
    return run;
}

static void timer_popped(void)
{
    void (*act)(void) = world_timer_popped;

    world_timer_popped = NULL;
    if (act)
        act();
}

/* Take the first timer that is due by @end off the heap, and move time there; NULL: none is. */
static struct timer *timer_pop(uint64_t end)
{
    struct timer *t = NULL;

    spin_lock(&timer_lock);
    if (heap_first(&timers) && heap_first(&timers)->key <= end) {
        t = container_of(heap_first(&timers), struct timer, node);
        if (fake_tsc < t->node.key)
            __atomic_store_n(&fake_tsc, t->node.key, __ATOMIC_RELAXED);
        heap_remove(&timers, &t->node);
        queued--;
        run++;
    }
    spin_unlock(&timer_lock);
    return t;
}

void world_advance(uint64_t units)
{
    uint64_t end = fake_tsc + units * (WORLD_HZ / REFTIME_HZ);
    struct timer *t;

    while ((t = timer_pop(end)) != NULL) {
        timer_popped();
        t->fn(t);
    }
    __atomic_store_n(&fake_tsc, end, __ATOMIC_RELAXED);
}

uint64_t tsc_from_100ns(uint64_t units)
{
    return units * (WORLD_HZ / REFTIME_HZ);
}

uint64_t tsc_to_100ns(uint64_t ticks)
{
    return ticks / (WORLD_HZ / REFTIME_HZ);
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

/* A page counts as an object; its physical address is the host's. */
void *hpa_ptr(hpa_t a)
{
    return (void *)(uintptr_t)a.v;
}

hpa_t ptr_hpa(const void *p)
{
    return hpa((uint64_t)(uintptr_t)p);
}

hv_status pool_page_alloc(struct pool *p, hpa_t *out)
{
    void *page = NULL, *object = pool_alloc(p, 1);

    if (!object)
        return HV_STATUS_INSUFFICIENT_MEMORY;
    free(object);
    page = aligned_alloc(HV_PAGE_SIZE, HV_PAGE_SIZE);
    memset(page, 0, HV_PAGE_SIZE);
    *out = ptr_hpa(page);
    return HV_STATUS_SUCCESS;
}

void pool_page_free(struct pool *p, hpa_t page)
{
    pool_free(p, hpa_ptr(page));
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

void overlay_init(struct overlay *o)
{
    *o = (struct overlay){.placed = false};
}

/* Where @o is among the monitor pages that @p sees; NULL: a free place. */
static struct overlay **monitor_place(struct partition *p, const struct overlay *o)
{
    for (unsigned i = 0; i < WORLD_MONITORS; i++)
        if (p->monitors[i] == o)
            return &p->monitors[i];
    panic("%u monitor pages are too many for the tests", WORLD_MONITORS);
}

hv_status monitor_host_overlay(struct partition *p, struct overlay *o, bool enable, uint64_t gpfn,
                               hpa_t page)
{
    if (enable && world_overlay_status != HV_STATUS_SUCCESS)
        return world_overlay_status;
    BUG_ON(enable && o->placed);
    if (enable)
        *monitor_place(p, NULL) = o;
    else if (o->placed)
        *monitor_place(p, o) = NULL;
    o->placed = enable;
    o->gpa = gpa(gpfn << HV_PAGE_SHIFT);
    o->hpa = page;
    return HV_STATUS_SUCCESS;
}

bool monitor_host_runs(const struct partition *p)
{
    return __atomic_load_n(&p->runs, __ATOMIC_SEQ_CST);
}

bool monitor_host_begin(struct partition *p)
{
    __atomic_fetch_add(&p->looks, 1, __ATOMIC_RELAXED);
    fake_tsc += world_look_ticks;
    return !p->mute;
}

void monitor_host_end(struct partition *p, uint64_t ticks)
{
    __atomic_fetch_add(&p->charged, ticks, __ATOMIC_RELAXED);
}

void world_run(struct partition *p)
{
    __atomic_store_n(&p->runs, true, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&p->ports.asleep, __ATOMIC_SEQ_CST))
        monitor_wake(&p->ports);
}

struct hv_monitor_page *world_monitor_page(const struct partition *p, uint64_t gpfn)
{
    for (unsigned i = 0; i < WORLD_MONITORS; i++)
        if (p->monitors[i] && p->monitors[i]->gpa.v == gpfn << HV_PAGE_SHIFT)
            return hpa_ptr(p->monitors[i]->hpa);
    return NULL;
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
