/* SPDX-License-Identifier: MIT */
/* core/sched.h - which VP runs on which LP (TLFS 2.0A, chapter 18). docs/scheduling.md says why.
 *
 * Each LP has a run queue: a heap by virtual run time, which grows as a VP runs, the slower the
 * larger its partition's weight. Root's VPs are pinned, one to an LP, and go first as long as they
 * stay within their budget; beyond it they run when no child wants to. Children's VPs are stolen by
 * idle LPs, and go to and take turns on the others by what root leaves of an LP for each. Every
 * operation is O(log VPs of the LP). Caps and reserves are core/limits.h.
 *
 * Locks: [q] run_queue.lock of the LP entity.lp; [v] partition.preempted_lock, inside [q]; [a]
 * atomic. Two run queues are never locked at once: a VP that changes its LP is RUNNING meanwhile. */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "core/limits.h"
#include "core/lp_set.h"
#include "core/spinlock.h"
#include "core/types.h"
#include <rt/list.h>
#include <rt/pairing_heap.h>

struct vp;
struct pcpu;
struct partition;

enum sched_state {
    SCHED_BLOCKED,  /* waits for an event */
    SCHED_RUNNABLE, /* on a run queue */
    SCHED_RUNNING,  /* current on an LP, or on its way to one */
};

struct sched_entity {
    struct heap_node node;  /* [q] */
    struct list waiting;    /* [v] on its partition's list of preempted VPs, or of spinning ones */
    enum sched_state state; /* [q] */
    bool wake_pending;      /* [q] woken while running: do not block */
    bool pinned;            /* [I] */
    bool spinning;          /* of the LP it runs on: it gives the LP away because it spins */
    bool limited;           /* [q] has a cap or a reserve */
    uint32_t lp;            /* [q] where it is queued, runs, or last ran */
    uint32_t weight;        /* [a] TLFS: 1 to 10,000, 100 by default */
    uint64_t vruntime;      /* [q] TSC ticks of a VP of the default weight */
    uint64_t rest;          /* [q] what its last charge left, in ticks / weight */
    uint64_t run_tsc;       /* [q] ticks of run time, all in all */
    uint64_t started;       /* [q] host TSC up to which it was charged */
    uint64_t given;         /* [q] host TSC when it was given the LP */
    uint64_t moved;         /* [q] host TSC when it last changed its LP */
    bool in_root;           /* [q] root works for it, on LP root_lp, ... */
    uint32_t root_lp;       /* [q] */
    uint64_t root_since;    /* [q] ... since its VP there had this run time */
    struct limits limits;   /* its cap and reserve */
};

struct run_queue {
    struct spinlock lock;
    struct heap heap;           /* [lock] runnable VPs but root's */
    struct sched_entity *root;  /* [lock] to change, [a] to read: root's VP when it is runnable */
    struct sched_entity *boost; /* [lock] goes before the others of the heap: a lock holder */
    uint32_t count;             /* [lock] to change, [a] to read: VPs runnable here */
    uint64_t min_vruntime;      /* [lock] never goes back */
    uint64_t budget_end;        /* [lock], [a]: host TSC from which root's budget is full again */
    uint64_t budget_used;    /* [lock], [a]: ticks root's VP has run since it was last filled, and
                              * what it yielded then */
    uint64_t root_took;      /* [lock], [a]: part of the LP that it had in the window before */
    uint32_t neighbour;      /* [lock] the LP with which it compares itself next */
    uint64_t turned;         /* [lock] host TSC when one was sent away, or came in turn */
    struct partition *payer; /* [a] for whom root's VP works (core/payer.h); NULL: for itself */
    uint64_t payable;        /* [a] ticks of that which the payer pays at most */
    uint64_t pays_from;      /* [a] host TSC when it began to pay */
    bool listed_idle;        /* the LP's own: is it in the set of idle LPs? */
    uint32_t reserved;       /* of the LP: core/limits.c */
    uint64_t root_yields;    /* [a] ticks of root's budget that go to reserves before */
};

#define SCHED_WEIGHT_DEFAULT 100u
/* Where the virtual time of queues begins: VPs that are LIMITS_AHEAD have less. */
#define SCHED_VRUNTIME_BEGIN (2 * LIMITS_AHEAD)
/* Root goes first as long as it used less than this many of the last slices of its window. */
#define SCHED_WINDOW_SLICES 10u
#define SCHED_ROOT_SLICES   8u

extern uint64_t sched_slice_tsc; /* one time slice, in TSC ticks */

/* Of @vp, which is new: on LP @lp for good, or (not @pinned) to begin with. */
void sched_entity_init(struct vp *vp, bool pinned, uint32_t lp);

/* Make @vp runnable if it is blocked and not suspended; if it runs, see to it that it looks again at
 * what it was asked before it blocks, and soon. Any LP, no lock of the scheduler held. */
void sched_wake(struct vp *vp);

/* The VP that shall run on this LP now, made RUNNING; NULL: none is runnable. */
struct vp *sched_pick(struct pcpu *cpu);

/* This LP's @vp stops running: blocks (unless it was woken meanwhile), or stays runnable. */
void sched_stop(struct pcpu *cpu, struct vp *vp, bool block);

/* Charge @vp, which runs here, up to @now. Should this LP choose again although it could go on? */
bool sched_should_preempt(struct pcpu *cpu, struct vp *vp, uint64_t now);

/* @payer has sent a message or an event to @worker: if that is root's, what it runs is charged to
 * @payer's partition too, until it blocks or another partition is its cause. One cause is good for a
 * sixteenth of a slice, and several of one partition add up, to a slice. On @payer's LP. */
void sched_cause(struct vp *worker, struct vp *payer);

/* The VP of this LP spins: run the VP of its partition that lost its LP longest ago, or, if there is
 * none, the one that has been spinning longest. True: the caller must go back to the scheduler. */
bool sched_long_spin(struct pcpu *cpu, struct vp *vp);

/* Root's VP of LP @root_lp is about to work for @vp, which has this LP and will be suspended: what it
 * runs until @vp is woken is charged to @vp. */
void sched_root_works_for(struct vp *vp, uint32_t root_lp);

/* Take @vp, which is suspended, off every queue. False: it runs; it was kicked: try again later. */
bool sched_detach(struct vp *vp);

/* The LP to place a child's new VP on. */
uint32_t sched_place(void);

/* ---- for core/limits.c; under the lock of @cpu's run queue, but for the first and the last ----
 */

/* Lock the run queue that @e belongs to now. */
struct pcpu *sched_lock_queue(struct sched_entity *e);

/* A VP that slept long starts a slice before the others, not ages. */
static inline void run_queue_place(const struct run_queue *q, struct sched_entity *e)
{
    uint64_t floor = q->min_vruntime > sched_slice_tsc ? q->min_vruntime - sched_slice_tsc : 0;

    if ((int64_t)(e->vruntime - floor) < 0)
        e->vruntime = floor;
}

/* Bring the queue's own virtual time up to @now. */
void sched_advance(struct pcpu *cpu, uint64_t now);

void sched_enqueue(struct pcpu *cpu, struct sched_entity *e, uint64_t now);
/* The same for a VP of a child that has its virtual run time already. */
void sched_enqueue_placed(struct pcpu *cpu, struct sched_entity *e);
void sched_dequeue(struct pcpu *cpu, struct sched_entity *e);

/* A VP was queued here. Must the LP look? Also when it ran one VP alone, with no end to its slice.
 */
bool sched_must_look(struct pcpu *cpu, uint64_t now);

/* Shall the best of those queued here have the LP now, instead of the VP that has it? */
bool sched_preempts(struct pcpu *cpu, uint64_t now);

/* @e leaves this queue for LP @to, where sched_join queues it. Virtual times of two queues compare
 * only by their distance to the queue's own, which is what @e carries on its way; nobody else takes
 * it. */
void sched_leave(struct pcpu *cpu, struct sched_entity *e, uint32_t to, uint64_t now);
void sched_join(struct sched_entity *e, uint64_t now);

#endif
