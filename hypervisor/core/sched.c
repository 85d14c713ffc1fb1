/* SPDX-License-Identifier: MIT */
/* core/sched.c - see core/sched.h. */
#include "core/sched.h"

#include <x86/insn.h>
#include "core/payer.h"
#include "core/pcpu.h"
#include "core/vp.h"

uint64_t sched_slice_tsc;

/* A VP that is this part of a slice behind takes the LP before the slice of the other one ends. */
#define LAG_OF_SLICE 4u
/* A lock holder goes first unless it is this many slices ahead of others. */
#define BOOST_SLICES 1u
/* Slices after which it is another VP's turn to share an LP. */
#define TURN_SLICES 16u
/* The whole of an LP, of which root takes a part. */
#define LP_WHOLE 1024u

static struct lp_set idle_lps;   /* LPs that found nothing to run */
static struct lp_set loaded_lps; /* LPs on whose heaps a VP waits */

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
    list_init(&e->waiting);
    if (pinned) /* the LP is new too */
        lp_table[lp]->run_queue.min_vruntime = SCHED_VRUNTIME_BEGIN;
}

uint32_t sched_place(void)
{
    static uint32_t placed; /* [a] */
    uint32_t lp;

    do
        lp = __atomic_fetch_add(&placed, 1, __ATOMIC_RELAXED) % lp_count;
    while (lp_table[lp]->root_only); /* LP 0 is not */
    return lp;
}

struct pcpu *sched_lock_queue(struct sched_entity *e) NO_LOCK_CHECK
{
    for (;;) {
        struct pcpu *cpu = lp_table[__atomic_load_n(&e->lp, __ATOMIC_ACQUIRE)];
        spin_lock(&cpu->run_queue.lock);
        if (__atomic_load_n(&e->lp, __ATOMIC_RELAXED) == cpu->lp_index)
            return cpu;
        spin_unlock(&cpu->run_queue.lock);
    }
}

/* ---- virtual time; all under the lock of the run queue ---- */

static uint64_t weight_of(const struct sched_entity *e)
{
    return __atomic_load_n(&e->weight, __ATOMIC_RELAXED);
}

/* Virtual time of @e, which runs. TSCs of LPs may differ: never less than what it was charged. */
static uint64_t vruntime_at(const struct sched_entity *e, uint64_t now)
{
    if (now <= e->started)
        return e->vruntime;
    return e->vruntime + (now - e->started) * SCHED_WEIGHT_DEFAULT / weight_of(e);
}

static struct sched_entity *first_of(const struct run_queue *q)
{
    struct heap_node *first = heap_first(&q->heap);

    return first != NULL ? container_of(first, struct sched_entity, node) : NULL;
}

/* The queue's own virtual time is that of whoever is furthest behind of those who want the LP. */
void sched_advance(struct pcpu *cpu, uint64_t now)
{
    struct run_queue *q = &cpu->run_queue;
    const struct sched_entity *first = first_of(q);
    const struct vp *current = cpu->current;
    uint64_t v = first != NULL ? first->vruntime : UINT64_MAX;

    if (current != NULL && !current->sched.pinned) {
        uint64_t running = vruntime_at(&current->sched, now);
        if (running < v)
            v = running;
    }
    if (v != UINT64_MAX && v > q->min_vruntime)
        q->min_vruntime = v;
}

static bool window_over(uint64_t end, uint64_t now)
{
    return (int64_t)(now - end) >= 0;
}

/* The part of an LP that is @used of the time since the begin of the window that is over at @end. */
static uint64_t part_of_lp(uint64_t used, uint64_t end, uint64_t now)
{
    uint64_t most = LP_WHOLE * SCHED_ROOT_SLICES / SCHED_WINDOW_SLICES;
    uint64_t part = used * LP_WHOLE / (now - end + SCHED_WINDOW_SLICES * sched_slice_tsc);

    return part < most ? part : most;
}

/* Ticks that root's VP has run in this window. */
static uint64_t root_used(const struct run_queue *q)
{
    uint64_t used = __atomic_load_n(&q->budget_used, __ATOMIC_RELAXED);
    uint64_t yields = __atomic_load_n(&q->root_yields, __ATOMIC_RELAXED);

    return used > yields ? used - yields : 0;
}

/* If the window is over root's budget is full again, and what it took of the LP is known. */
static inline bool roll_window(struct run_queue *q, uint64_t now)
{
    if (__builtin_expect(!window_over(q->budget_end, now), 1))
        return false;
    __atomic_store_n(&q->root_took, part_of_lp(root_used(q), q->budget_end, now), __ATOMIC_RELAXED);
    __atomic_store_n(&q->budget_end, now + SCHED_WINDOW_SLICES * sched_slice_tsc, __ATOMIC_RELAXED);
    __atomic_store_n(&q->budget_used, __atomic_load_n(&q->root_yields, __ATOMIC_RELAXED),
                     __ATOMIC_RELAXED);
    return true;
}

/* What is left of root's budget is for VPs that are ahead by their reserve, if there are any. */
static bool root_goes_on(struct run_queue *q, const struct sched_entity *first, uint64_t now)
{
    return roll_window(q, now) ||
           (!first->limits.ahead && root_used(q) < SCHED_ROOT_SLICES * sched_slice_tsc);
}

/* Does root go before @first? */
static inline bool root_within_budget(struct run_queue *q, const struct sched_entity *first,
                                      uint64_t now)
{
    return q->budget_used < SCHED_ROOT_SLICES * sched_slice_tsc || root_goes_on(q, first, now);
}

/* Root's VP has run from host TSC @since to @now. The window rolls although no child may want the LP:
 * else the time for which root had it alone would count for ages. */
static void charge_root(struct run_queue *q, uint64_t since, uint64_t now)
{
    __atomic_store_n(&q->budget_used, q->budget_used + (now - since), __ATOMIC_RELAXED);
    (void)roll_window(q, now);
    payer_charge(q, since, now);
}

static void charge(struct pcpu *cpu, struct vp *vp, uint64_t now)
{
    struct sched_entity *e = &vp->sched;
    uint64_t since = e->started, delta = now - since, weight, share;

    e->started = now;
    e->run_tsc += delta;
    if (e->pinned) {
        cpu->run_tsc[0] += delta;
        charge_root(&cpu->run_queue, since, now);
        return;
    }
    cpu->run_tsc[1] += delta;
    /* Who has the LP alone would pay nobody: others of its partition may. */
    if (__atomic_load_n(&vp->partition->sched_debt, __ATOMIC_RELAXED) != 0 &&
        first_of(&cpu->run_queue) != NULL)
        delta += limits_pay(&e->limits, payer_take_debt(vp->partition));
    weight = weight_of(e);
    share = delta * SCHED_WEIGHT_DEFAULT + e->rest;
    e->vruntime += share / weight;
    e->rest = share % weight;
    sched_advance(cpu, now);
}

/* Run time of root's VP on @cpu, which may be going on. Without a lock, so not exact. */
static uint64_t root_time(const struct pcpu *cpu, uint64_t now)
{
    uint64_t time = __atomic_load_n(&cpu->run_tsc[0], __ATOMIC_RELAXED);
    const struct vp *current = __atomic_load_n(&cpu->current, __ATOMIC_RELAXED);

    if (current == cpu->root_vp && current != NULL && now > current->sched.started)
        time += now - current->sched.started;
    return time;
}

void sched_root_works_for(struct vp *vp, uint32_t root_lp)
{
    struct sched_entity *e = &vp->sched;

    e->in_root = true;
    e->root_lp = root_lp;
    e->root_since = root_time(lp_table[root_lp], insn_rdtsc());
}

/* Root has done what @e waited for; at most a slice, for it may have done other things too. Until it
 * blocks it finishes with it. */
static void charge_root_work(struct sched_entity *e, uint64_t now)
{
    struct pcpu *cpu = lp_table[e->root_lp];
    uint64_t time = root_time(cpu, now);

    e->in_root = false;
    time = time > e->root_since ? time - e->root_since : 0;
    if (time > sched_slice_tsc)
        time = sched_slice_tsc;
    e->vruntime += time * SCHED_WEIGHT_DEFAULT / weight_of(e);
    (void)limits_pay(&e->limits, time);
    payer_set(cpu, vp_of(e)->partition, now);
}

/* ---- the run queue; all under its lock ---- */

static inline void insert(struct pcpu *cpu, struct sched_entity *e)
{
    struct run_queue *q = &cpu->run_queue;

    if (heap_first(&q->heap) == NULL)
        lp_set_add(&loaded_lps, cpu->lp_index);
    heap_insert(&q->heap, &e->node, e->vruntime);
    __atomic_store_n(&q->count, q->count + 1, __ATOMIC_RELAXED);
}

void sched_enqueue(struct pcpu *cpu, struct sched_entity *e, uint64_t now)
{
    struct run_queue *q = &cpu->run_queue;

    if (e->limited) {
        limits_enqueue(cpu, e, now);
        return;
    }
    e->state = SCHED_RUNNABLE;
    if (e->pinned) {
        __atomic_store_n(&q->root, e, __ATOMIC_RELAXED);
        __atomic_store_n(&q->count, q->count + 1, __ATOMIC_RELAXED);
    } else {
        sched_advance(cpu, now);
        run_queue_place(q, e);
        insert(cpu, e);
    }
}

void sched_enqueue_placed(struct pcpu *cpu, struct sched_entity *e)
{
    e->state = SCHED_RUNNABLE;
    insert(cpu, e);
}

void sched_dequeue(struct pcpu *cpu, struct sched_entity *e)
{
    struct run_queue *q = &cpu->run_queue;

    if (e->pinned) {
        __atomic_store_n(&q->root, NULL, __ATOMIC_RELAXED);
    } else {
        heap_remove(&q->heap, &e->node);
        if (heap_first(&q->heap) == NULL)
            lp_set_remove(&loaded_lps, cpu->lp_index);
    }
    if (q->boost == e)
        q->boost = NULL;
    __atomic_store_n(&q->count, q->count - 1, __ATOMIC_RELAXED);
}

void sched_leave(struct pcpu *cpu, struct sched_entity *e, uint32_t to, uint64_t now)
{
    sched_dequeue(cpu, e);
    if (e->limits.ahead)
        limits_fall_back(e, false);
    sched_advance(cpu, now);
    e->vruntime -= cpu->run_queue.min_vruntime;
    e->state = SCHED_RUNNING;
    e->moved = now;
    __atomic_store_n(&e->lp, to, __ATOMIC_RELEASE);
}

static void arrive(struct pcpu *cpu, struct sched_entity *e, uint64_t now)
{
    sched_advance(cpu, now);
    e->vruntime += cpu->run_queue.min_vruntime;
    sched_enqueue(cpu, e, now);
}

/* Who goes first of those queued here; NULL: nobody. */
static inline struct sched_entity *best(struct run_queue *q, uint64_t now)
{
    struct sched_entity *first = first_of(q);

    if (q->root != NULL && (first == NULL || root_within_budget(q, first, now)))
        return q->root;
    if (q->boost != NULL &&
        q->boost->vruntime <= first->vruntime + BOOST_SLICES * sched_slice_tsc)
        return q->boost;
    return first;
}

bool sched_preempts(struct pcpu *cpu, uint64_t now)
{
    struct run_queue *q = &cpu->run_queue;
    const struct sched_entity *e = best(q, now), *current = &cpu->current->sched;
    uint64_t v;

    if (e == NULL)
        return false;
    if (e->pinned || e == q->boost)
        return true;
    if (current->pinned)
        return !root_within_budget(q, e, now);
    v = vruntime_at(current, now);
    if (e->vruntime + sched_slice_tsc / LAG_OF_SLICE <= v)
        return true;
    return e->vruntime < v && now - current->given >= sched_slice_tsc;
}

bool sched_must_look(struct pcpu *cpu, uint64_t now)
{
    if (cpu->current == NULL)
        return true;
    return (cpu->run_queue.count == 1 && cpu != this_cpu()) || sched_preempts(cpu, now);
}

/* ---- VPs that wait although they could run, for sched_long_spin ---- */

/* Under the lock of the run queue that @vp is on, so that who finds it there finds it runnable. */
static void remember(struct vp *vp)
{
    struct partition *p = vp->partition;

    if (vp->sched.pinned)
        return;
    spin_lock(&p->preempted_lock);
    list_push_back(vp->sched.spinning ? &p->spinning : &p->preempted, &vp->sched.waiting);
    spin_unlock(&p->preempted_lock);
}

static void forget(struct vp *vp)
{
    struct partition *p = vp->partition;

    if (list_empty(&vp->sched.waiting))
        return;
    spin_lock(&p->preempted_lock);
    list_remove(&vp->sched.waiting);
    spin_unlock(&p->preempted_lock);
}

static bool runs_elsewhere(const struct partition *p, const struct pcpu *cpu)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(p->running_lps); i++) {
        uint64_t own = i == cpu->lp_index / 64 ? 1ull << cpu->lp_index % 64 : 0;
        if (__atomic_load_n(&p->running_lps[i], __ATOMIC_RELAXED) & ~own)
            return true;
    }
    return false;
}

/* For whom a spinning VP of @p may be waiting: the one that lost its LP longest ago; or, when all
 * spin and none runs that could hold the lock, the one that has been spinning longest. */
static struct sched_entity *longest_waiting(struct partition *p, const struct pcpu *cpu)
{
    struct list *node;

    spin_lock(&p->preempted_lock);
    node = list_pop_front(&p->preempted);
    if (node == NULL && !runs_elsewhere(p, cpu))
        node = list_pop_front(&p->spinning);
    spin_unlock(&p->preempted_lock);
    return node != NULL ? container_of(node, struct sched_entity, waiting) : NULL;
}

/* ---- several LPs ---- */

/* Tell one LP that has nothing to do that there is something to steal. */
static void wake_an_idle_lp(void)
{
    uint32_t lp = lp_set_next(&idle_lps, 0);

    if (lp != LP_MAX)
        pcpu_kick(lp_table[lp], WORK_RESCHEDULE);
}

/* Take the first VP of the next LP where one waits. It belongs to this LP then. */
static struct sched_entity *steal(struct pcpu *cpu, uint64_t now)
{
    uint32_t lp = cpu->lp_index;

    while ((lp = lp_set_next(&loaded_lps, lp + 1)) != LP_MAX) {
        struct pcpu *victim = lp_table[lp];
        spin_lock(&victim->run_queue.lock);
        struct sched_entity *e = first_of(&victim->run_queue);
        if (e != NULL)
            sched_leave(victim, e, cpu->lp_index, now);
        spin_unlock(&victim->run_queue.lock);
        if (e != NULL)
            return e;
    }
    return NULL;
}

/* What root leaves of an LP to children, or would if they wanted it. Any LP, without a lock. */
static uint64_t left_by_root(const struct run_queue *q, uint64_t now)
{
    uint64_t end = __atomic_load_n(&q->budget_end, __ATOMIC_RELAXED);

    if (window_over(end, now)) /* root has not been charged since */
        return LP_WHOLE - part_of_lp(root_used(q), end, now);
    return LP_WHOLE - __atomic_load_n(&q->root_took, __ATOMIC_RELAXED);
}

/* VPs of children that want @cpu. Any LP, without a lock. */
static uint64_t children_on(const struct pcpu *cpu)
{
    const struct run_queue *q = &cpu->run_queue;
    const struct vp *current = __atomic_load_n(&cpu->current, __ATOMIC_RELAXED);
    bool root_waits = __atomic_load_n(&q->root, __ATOMIC_RELAXED) != NULL;
    uint32_t waiting = __atomic_load_n(&q->count, __ATOMIC_RELAXED);

    return waiting + (current != NULL && current != cpu->root_vp) - (root_waits && waiting != 0);
}

/* Of those who want this LP, @e among them, one may have to go to an LP of which more is left for
 * each. At once, if it will still be so when it is there, but the last one stays: what root leaves
 * of an LP is for somebody. And in turns, if one is too many wherever it is, so that each of three
 * VPs gets two thirds of two LPs: the one that has been here longest; but the last one stays for one
 * turn more if its partition owes for root's work. Looks at one other LP at a time. */
static struct sched_entity *send_away(struct pcpu *cpu, struct sched_entity *e, uint64_t now)
{
    struct run_queue *q = &cpu->run_queue;
    struct sched_entity *mover = first_of(q);

    if (lp_count == 1 || e->pinned || e->spinning)
        return NULL;
    q->neighbour = (q->neighbour + 1) % lp_count;
    struct pcpu *other = lp_table[q->neighbour];
    if (other == cpu || other->root_only)
        return NULL;
    if (e->moved < mover->moved)
        mover = e;
    if (mover->limits.ahead) /* its reserve is here */
        return NULL;
    uint64_t left_here = left_by_root(q, now), left_there = left_by_root(&other->run_queue, now);
    uint64_t here = children_on(cpu), there = children_on(other);
    if (here * left_there <= there * left_here)
        return NULL;
    bool better = there == 0 || here * left_there > (there + 1) * left_here;
    if (!(better && here > 1) && now - q->turned < TURN_SLICES * sched_slice_tsc)
        return NULL;
    q->turned = now;
    if (here == 1 && payer_stays(vp_of(mover)->partition))
        return NULL;
    sched_leave(cpu, mover, q->neighbour, now);
    return mover;
}

void sched_join(struct sched_entity *e, uint64_t now)
{
    struct pcpu *cpu = lp_table[e->lp];
    bool look;

    spin_lock(&cpu->run_queue.lock);
    arrive(cpu, e, now);
    cpu->run_queue.turned = now;
    look = sched_must_look(cpu, now);
    spin_unlock(&cpu->run_queue.lock);
    if (look)
        pcpu_kick(cpu, WORK_RESCHEDULE);
}

/* ---- what others call ---- */

void sched_wake(struct vp *vp) NO_LOCK_CHECK
{
    struct sched_entity *e = &vp->sched;
    struct pcpu *cpu = sched_lock_queue(e);
    uint64_t now = insn_rdtsc();
    bool suspended = __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) != 0;
    bool look = false, crowded = false;

    if (e->in_root && !suspended && e->state != SCHED_RUNNABLE)
        charge_root_work(e, now);
    /* Who resumes a suspended VP wakes it. */
    if (e->state == SCHED_BLOCKED && !suspended) {
        sched_enqueue(cpu, e, now);
        look = sched_must_look(cpu, now);
        crowded = lp_count > 1 && cpu->current != NULL && !e->pinned;
    } else if (e->state == SCHED_RUNNING) {
        __atomic_store_n(&e->wake_pending, true, __ATOMIC_RELAXED);
        look = true;
    }
    spin_unlock(&cpu->run_queue.lock);
    if (look)
        pcpu_kick(cpu, WORK_RESCHEDULE);
    if (crowded)
        wake_an_idle_lp();
}

/* Under the lock of this LP's run queue. */
static struct vp *give_lp(struct pcpu *cpu, struct sched_entity *e, uint64_t now)
{
    e->state = SCHED_RUNNING;
    e->started = now;
    e->given = now;
    e->spinning = false;
    cpu->current = vp_of(e);
    return cpu->current;
}

static void leave_idle(struct pcpu *cpu)
{
    cpu->run_queue.listed_idle = false;
    lp_set_remove(&idle_lps, cpu->lp_index);
}

static struct vp *pick_elsewhere(struct pcpu *cpu, uint64_t now)
{
    struct run_queue *q = &cpu->run_queue;
    struct sched_entity *e;
    struct vp *vp;

    lp_set_add(&idle_lps, cpu->lp_index); /* before the last look: who queues later sees it */
    q->listed_idle = true;
    e = steal(cpu, now);
    if (e == NULL)
        return NULL;
    leave_idle(cpu);
    spin_lock(&q->lock);
    arrive(cpu, e, now);
    sched_dequeue(cpu, e);
    vp = give_lp(cpu, e, now);
    spin_unlock(&q->lock);
    return vp;
}

struct vp *sched_pick(struct pcpu *cpu)
{
    struct run_queue *q = &cpu->run_queue;
    uint64_t now = insn_rdtsc();
    struct sched_entity *e;
    struct vp *vp = NULL;

    if (q->listed_idle)
        leave_idle(cpu);
    spin_lock(&q->lock);
    e = best(q, now);
    if (e != NULL) {
        sched_dequeue(cpu, e);
        vp = give_lp(cpu, e, now);
    }
    spin_unlock(&q->lock);
    if (vp == NULL && lp_count > 1 && !cpu->root_only)
        vp = pick_elsewhere(cpu, now);
    if (vp == NULL)
        return NULL;
    if (__builtin_expect(vp->sched.limited, 0))
        limits_picked(cpu, vp);
    forget(vp);
    return vp;
}

void sched_stop(struct pcpu *cpu, struct vp *vp, bool block)
{
    struct run_queue *q = &cpu->run_queue;
    struct sched_entity *e = &vp->sched, *mover = NULL;
    uint64_t now = insn_rdtsc();

    spin_lock(&q->lock);
    charge(cpu, vp, now);
    cpu->current = NULL;
    if (block && e->wake_pending && __atomic_load_n(&vp->suspend, __ATOMIC_SEQ_CST) == 0)
        block = false;
    e->wake_pending = false;
    if (block) {
        e->state = SCHED_BLOCKED;
        if (e->pinned)
            __atomic_store_n(&q->payer, NULL, __ATOMIC_RELAXED);
    } else {
        sched_enqueue(cpu, e, now);
        remember(vp);
        mover = send_away(cpu, e, now);
    }
    spin_unlock(&q->lock);
    if (mover != NULL)
        sched_join(mover, now);
    else if (!block && !e->pinned && lp_count > 1)
        wake_an_idle_lp();
}

bool sched_should_preempt(struct pcpu *cpu, struct vp *vp, uint64_t now)
{
    bool preempt;

    spin_lock(&cpu->run_queue.lock);
    charge(cpu, vp, now);
    preempt = sched_preempts(cpu, now);
    spin_unlock(&cpu->run_queue.lock);
    return preempt;
}

void sched_cause(struct vp *worker, struct vp *payer)
{
    if (worker->sched.pinned && !payer->sched.pinned)
        payer_set(lp_table[worker->sched.lp], payer->partition, insn_rdtsc());
}

/* Bring @e, which waits, to this LP's queue, and lock that. False: it does not wait any more. */
static bool fetch(struct pcpu *cpu, struct sched_entity *e, uint64_t now) NO_LOCK_CHECK
{
    struct pcpu *home = sched_lock_queue(e);

    if (e->state != SCHED_RUNNABLE) {
        spin_unlock(&home->run_queue.lock);
        return false;
    }
    if (home != cpu) {
        sched_leave(home, e, cpu->lp_index, now);
        spin_unlock(&home->run_queue.lock);
        spin_lock(&cpu->run_queue.lock);
        arrive(cpu, e, now);
    }
    return true;
}

/* The spinning VP changes places with the one it waits for: what its partition is owed stays. */
static void change_places(struct pcpu *cpu, struct sched_entity *spinning, struct sched_entity *e)
{
    uint64_t v = spinning->vruntime;

    if (v >= e->vruntime)
        return;
    heap_remove(&cpu->run_queue.heap, &e->node);
    spinning->vruntime = e->vruntime;
    e->vruntime = v;
    heap_insert(&cpu->run_queue.heap, &e->node, v);
}

/* The spinning VP lets the first of this LP's queue go before it. False: nobody is queued. */
static bool step_back(struct pcpu *cpu, struct sched_entity *spinning, uint64_t now)
{
    const struct sched_entity *first;

    if (__atomic_load_n(&cpu->run_queue.count, __ATOMIC_RELAXED) == 0)
        return false;
    spin_lock(&cpu->run_queue.lock);
    charge(cpu, vp_of(spinning), now);
    limits_fall_back(spinning, true);
    first = first_of(&cpu->run_queue);
    if (first != NULL && spinning->vruntime <= first->vruntime)
        spinning->vruntime = first->vruntime + 1;
    spin_unlock(&cpu->run_queue.lock);
    return first != NULL;
}

bool sched_long_spin(struct pcpu *cpu, struct vp *vp) NO_LOCK_CHECK
{
    struct sched_entity *e = longest_waiting(vp->partition, cpu);
    uint64_t now = insn_rdtsc();

    if (e != NULL && fetch(cpu, e, now)) {
        charge(cpu, vp, now);
        limits_fall_back(&vp->sched, true);
        change_places(cpu, &vp->sched, e);
        cpu->run_queue.boost = e;
        spin_unlock(&cpu->run_queue.lock);
    } else if (!step_back(cpu, &vp->sched, now)) {
        return false;
    }
    vp->sched.spinning = true;
    return true;
}

bool sched_detach(struct vp *vp) NO_LOCK_CHECK
{
    struct sched_entity *e = &vp->sched;
    struct pcpu *cpu = sched_lock_queue(e);
    bool running = e->state == SCHED_RUNNING;

    if (e->state == SCHED_RUNNABLE) {
        sched_dequeue(cpu, e);
        e->state = SCHED_BLOCKED;
    }
    spin_unlock(&cpu->run_queue.lock);
    if (running)
        pcpu_kick(cpu, WORK_RESCHEDULE);
    else
        forget(vp);
    return !running;
}
