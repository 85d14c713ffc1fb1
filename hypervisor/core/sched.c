/* SPDX-License-Identifier: MIT */
/* core/sched.c - see core/sched.h. */
#include "core/sched.h"

#include <x86/insn.h>
#include "core/pcpu.h"
#include "core/vp.h"

uint64_t sched_slice_tsc;

/* Root goes first as long as it used less than this many of the last BUDGET_WINDOW slices. */
#define BUDGET_WINDOW 10u
#define BUDGET_SLICES 8u

/* LPs that found nothing to run; bit by LP index. [a] */
static uint64_t idle_lps[LP_MAX / 64];

static struct vp *vp_of(struct sched_entity *e)
{
    return container_of(e, struct vp, sched);
}

void sched_entity_init(struct vp *vp, bool pinned, uint32_t lp)
{
    struct sched_entity *e = &vp->sched;

    *e = (struct sched_entity){
        .state = SCHED_BLOCKED,
        .pinned = pinned,
        .lp = lp,
        .weight = SCHED_WEIGHT_DEFAULT,
    };
    list_init(&e->preempted);
}

/* Lock the run queue that @e belongs to now. */
static struct pcpu *lock_queue(struct sched_entity *e) NO_LOCK_CHECK
{
    for (;;) {
        struct pcpu *cpu = lp_table[__atomic_load_n(&e->lp, __ATOMIC_ACQUIRE)];
        spin_lock(&cpu->run_queue.lock);
        if (__atomic_load_n(&e->lp, __ATOMIC_RELAXED) == cpu->lp_index)
            return cpu;
        spin_unlock(&cpu->run_queue.lock);
    }
}

/* Caller holds q->lock. A VP that slept long starts beside the others, not ages before them. */
static void enqueue(struct run_queue *q, struct sched_entity *e)
{
    uint64_t floor = q->min_vruntime > sched_slice_tsc ? q->min_vruntime - sched_slice_tsc : 0;

    e->state = SCHED_RUNNABLE;
    if (e->vruntime < floor)
        e->vruntime = floor;
    if (e->pinned)
        q->root = e;
    else
        heap_insert(&q->heap, &e->node, e->vruntime);
    __atomic_store_n(&q->count, q->count + 1, __ATOMIC_RELAXED);
}

/* Caller holds q->lock. */
static void dequeue(struct run_queue *q, struct sched_entity *e)
{
    if (q->root == e)
        q->root = NULL;
    else
        heap_remove(&q->heap, &e->node);
    if (q->boost == e)
        q->boost = NULL;
    __atomic_store_n(&q->count, q->count - 1, __ATOMIC_RELAXED);
}

/* Tell one LP that has nothing to do that there is something to steal. */
static void wake_an_idle_lp(void)
{
    for (uint32_t i = 0; i < (lp_count + 63) / 64; i++) {
        uint64_t word = __atomic_load_n(&idle_lps[i], __ATOMIC_RELAXED);
        if (word != 0) {
            pcpu_kick(lp_table[i * 64 + (uint32_t)__builtin_ctzll(word)], WORK_RESCHEDULE);
            return;
        }
    }
}

void sched_wake(struct vp *vp) NO_LOCK_CHECK
{
    struct sched_entity *e = &vp->sched;
    struct pcpu *cpu = lock_queue(e);
    enum sched_state was = e->state;
    bool busy;

    if (was == SCHED_BLOCKED)
        enqueue(&cpu->run_queue, e);
    else if (was == SCHED_RUNNING)
        e->wake_pending = true;
    busy = __atomic_load_n(&cpu->current, __ATOMIC_RELAXED) != NULL;
    spin_unlock(&cpu->run_queue.lock);
    if (was == SCHED_RUNNABLE)
        return;
    pcpu_kick(cpu, WORK_RESCHEDULE);
    if (was == SCHED_RUNNING)
        return;
    if (busy && !e->pinned)
        wake_an_idle_lp();
}

static bool root_within_budget(struct run_queue *q, uint64_t now)
{
    if (now - q->budget_window >= BUDGET_WINDOW * sched_slice_tsc) {
        q->budget_window = now;
        q->budget_used = 0;
    }
    return q->budget_used < BUDGET_SLICES * sched_slice_tsc;
}

/* Who goes first of those queued here; NULL: nobody. Caller holds q->lock. */
static struct sched_entity *best(struct run_queue *q, uint64_t now)
{
    struct heap_node *first = heap_first(&q->heap);
    struct sched_entity *e = first != NULL ? container_of(first, struct sched_entity, node) : NULL;

    if (q->root != NULL && (e == NULL || root_within_budget(q, now)))
        return q->root;
    return q->boost != NULL ? q->boost : e;
}

static void forget_preempted(struct vp *vp)
{
    struct partition *p = vp->partition;

    if (list_empty(&vp->sched.preempted))
        return;
    spin_lock(&p->preempted_lock);
    list_remove(&vp->sched.preempted);
    spin_unlock(&p->preempted_lock);
}

static struct vp *give_lp(struct pcpu *cpu, struct sched_entity *e, uint64_t now)
{
    e->started = now;
    e->spinning = false;
    forget_preempted(vp_of(e));
    cpu->current = vp_of(e);
    return cpu->current;
}

/* Take the first VP of another LP's queue. */
static struct sched_entity *steal(struct pcpu *cpu)
{
    for (uint32_t i = 1; i < lp_count; i++) {
        struct pcpu *victim = lp_table[(cpu->lp_index + i) % lp_count];
        struct run_queue *q = &victim->run_queue;
        struct sched_entity *e = NULL;

        if (__atomic_load_n(&q->count, __ATOMIC_RELAXED) == 0)
            continue;
        spin_lock(&q->lock);
        struct heap_node *first = heap_first(&q->heap);
        if (first != NULL) {
            e = container_of(first, struct sched_entity, node);
            dequeue(q, e);
            /* Virtual times of two queues compare only by their distance to the queue's own. */
            e->vruntime = e->vruntime - q->min_vruntime + cpu->run_queue.min_vruntime;
            e->state = SCHED_RUNNING;
            __atomic_store_n(&e->lp, cpu->lp_index, __ATOMIC_RELEASE);
        }
        spin_unlock(&q->lock);
        if (e != NULL)
            return e;
    }
    return NULL;
}

static void set_idle(struct pcpu *cpu, bool idle)
{
    uint64_t bit = 1ull << cpu->lp_index % 64;

    if (idle)
        __atomic_fetch_or(&idle_lps[cpu->lp_index / 64], bit, __ATOMIC_SEQ_CST);
    else if (idle_lps[cpu->lp_index / 64] & bit)
        __atomic_fetch_and(&idle_lps[cpu->lp_index / 64], ~bit, __ATOMIC_SEQ_CST);
}

struct vp *sched_pick(struct pcpu *cpu)
{
    struct run_queue *q = &cpu->run_queue;
    uint64_t now = insn_rdtsc();
    struct sched_entity *e;

    set_idle(cpu, false);
    spin_lock(&q->lock);
    e = best(q, now);
    if (e != NULL) {
        dequeue(q, e);
        e->state = SCHED_RUNNING;
        if (!e->pinned && e->vruntime > q->min_vruntime)
            q->min_vruntime = e->vruntime;
    }
    spin_unlock(&q->lock);
    if (e == NULL && lp_count > 1) {
        set_idle(cpu, true); /* before the last look: who queues later sees it */
        e = steal(cpu);
        if (e != NULL)
            set_idle(cpu, false);
    }
    return e != NULL ? give_lp(cpu, e, now) : NULL;
}

void sched_charge(struct pcpu *cpu, struct vp *vp, uint64_t now)
{
    struct sched_entity *e = &vp->sched;
    uint64_t delta = now - e->started;

    e->started = now;
    e->run_tsc += delta;
    cpu->run_tsc[!vp->partition->is_root] += delta;
    e->vruntime += delta * SCHED_WEIGHT_DEFAULT / e->weight;
    if (e->pinned)
        cpu->run_queue.budget_used += delta;
}

void sched_stop(struct pcpu *cpu, struct vp *vp, bool block)
{
    struct sched_entity *e = &vp->sched;
    struct partition *p = vp->partition;

    sched_charge(cpu, vp, insn_rdtsc());
    if (!block && !e->spinning) {
        spin_lock(&p->preempted_lock);
        list_push_back(&p->preempted, &e->preempted);
        spin_unlock(&p->preempted_lock);
    }
    spin_lock(&cpu->run_queue.lock);
    cpu->current = NULL;
    if (block && !e->wake_pending)
        e->state = SCHED_BLOCKED;
    else
        enqueue(&cpu->run_queue, e);
    e->wake_pending = false;
    spin_unlock(&cpu->run_queue.lock);
}

bool sched_should_preempt(struct pcpu *cpu, struct vp *vp, uint64_t now)
{
    struct run_queue *q = &cpu->run_queue;
    bool preempt = false;

    sched_charge(cpu, vp, now);
    spin_lock(&q->lock);
    struct sched_entity *e = best(q, now);
    if (e != NULL) {
        if (e->pinned)
            preempt = true;
        else if (vp->sched.pinned)
            preempt = !root_within_budget(q, now);
        else
            preempt = e == q->boost || e->vruntime + sched_slice_tsc <= vp->sched.vruntime;
    }
    spin_unlock(&q->lock);
    return preempt;
}

/* The VP that lost its LP longest ago, moved to @cpu's queue if it may move; NULL: none. */
static struct sched_entity *longest_preempted(struct pcpu *cpu, struct partition *p) NO_LOCK_CHECK
{
    struct list *node;

    spin_lock(&p->preempted_lock);
    node = list_pop_front(&p->preempted);
    spin_unlock(&p->preempted_lock);
    if (node == NULL)
        return NULL;
    struct sched_entity *e = container_of(node, struct sched_entity, preempted);
    struct pcpu *home = lock_queue(e);
    struct run_queue *q = &home->run_queue;
    if (e->state != SCHED_RUNNABLE || (home != cpu && e->pinned)) {
        spin_unlock(&q->lock);
        return NULL;
    }
    if (home == cpu)
        return e; /* still locked */
    dequeue(q, e);
    e->vruntime = e->vruntime - q->min_vruntime + cpu->run_queue.min_vruntime;
    e->state = SCHED_RUNNING; /* on its way: nobody else takes it */
    __atomic_store_n(&e->lp, cpu->lp_index, __ATOMIC_RELEASE);
    spin_unlock(&q->lock);
    spin_lock(&cpu->run_queue.lock);
    enqueue(&cpu->run_queue, e);
    return e;
}

bool sched_long_spin(struct pcpu *cpu, struct vp *vp) NO_LOCK_CHECK
{
    struct sched_entity *e = longest_preempted(cpu, vp->partition);

    if (e == NULL)
        return false;
    cpu->run_queue.boost = e;
    spin_unlock(&cpu->run_queue.lock);
    vp->sched.spinning = true;
    return true;
}

bool sched_detach(struct vp *vp) NO_LOCK_CHECK
{
    struct sched_entity *e = &vp->sched;
    struct pcpu *cpu = lock_queue(e);
    bool running = e->state == SCHED_RUNNING;

    if (e->state == SCHED_RUNNABLE) {
        dequeue(&cpu->run_queue, e);
        e->state = SCHED_BLOCKED;
    }
    spin_unlock(&cpu->run_queue.lock);
    if (running)
        pcpu_kick(cpu, WORK_RESCHEDULE);
    else
        forget_preempted(vp);
    return !running;
}

uint32_t sched_least_loaded(void)
{
    uint32_t found = 0, least = UINT32_MAX;

    for (uint32_t i = 0; i < lp_count; i++) {
        uint32_t load = __atomic_load_n(&lp_table[i]->run_queue.assigned, __ATOMIC_RELAXED);
        if (load < least) {
            least = load;
            found = i;
        }
    }
    __atomic_fetch_add(&lp_table[found]->run_queue.assigned, 1, __ATOMIC_RELAXED);
    return found;
}
