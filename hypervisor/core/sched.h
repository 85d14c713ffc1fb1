/* SPDX-License-Identifier: MIT */
/* core/sched.h - which VP runs on which LP (TLFS 2.0A, chapter 18).
 *
 * Each LP has a run queue: a heap by virtual run time, which grows as a VP runs, the slower the
 * larger its partition's weight. Root's VPs are pinned, one to an LP, and go first as long as they
 * stay within their budget; beyond it they compete like everybody else. Children's VPs go to the
 * least loaded LP when created and are stolen by idle LPs. Every operation is O(log VPs of the LP).
 *
 * Lock: run_queue.lock; a VP's sched_entity belongs to the run queue of entity.lp. */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "core/spinlock.h"
#include "core/types.h"
#include <rt/list.h>
#include <rt/pairing_heap.h>

struct vp;
struct pcpu;

enum sched_state {
    SCHED_BLOCKED,  /* waits for an event */
    SCHED_RUNNABLE, /* on a run queue */
    SCHED_RUNNING,  /* current on an LP */
};

struct sched_entity {
    struct heap_node node;    /* [q] */
    struct list preempted;    /* [p->preempted_lock] on its partition's list of preempted VPs */
    enum sched_state state;   /* [q] */
    bool wake_pending;        /* [q] woken while running: do not block */
    bool pinned;              /* [I] */
    bool spinning;            /* gave its LP away because it spins */
    uint32_t lp;              /* [q] where it is queued, runs, or last ran */
    uint32_t weight;          /* [a] TLFS: 1 to 10,000, 100 by default */
    uint64_t vruntime;        /* [q] */
    uint64_t run_tsc;         /* ticks of run time, all in all */
    uint64_t started;         /* host TSC when it was given the LP */
};

struct run_queue {
    struct spinlock lock;
    struct heap heap;      /* [lock] runnable VPs but root's */
    struct sched_entity *root; /* [lock] root's VP when it is runnable */
    struct sched_entity *boost; /* [lock] goes before the others of the heap: a lock holder */
    uint32_t assigned;     /* [a] VPs that were ever placed here, for spreading them */
    uint32_t count;        /* [a] VPs runnable here, for placement and stealing */
    uint64_t min_vruntime; /* [lock] never goes back */
    uint64_t budget_window;  /* host TSC at which root's budget was last filled */
    uint64_t budget_used;    /* ticks root's VP has run since */
};

#define SCHED_WEIGHT_DEFAULT 100u
#define SCHED_WEIGHT_MAX     10000u

void sched_entity_init(struct vp *vp, bool pinned, uint32_t lp);

/* Make @vp runnable if it is blocked; if it runs, see to it that it looks again at what it was asked
 * before it blocks, and soon. Any LP, no lock of the scheduler held. */
void sched_wake(struct vp *vp);

/* The VP that shall run on this LP now, made RUNNING; NULL: none is runnable. */
struct vp *sched_pick(struct pcpu *cpu);

/* This LP's @vp stops running: blocks (unless it was woken meanwhile), or stays runnable. */
void sched_stop(struct pcpu *cpu, struct vp *vp, bool block);

/* Charge @vp, which runs here, up to now. */
void sched_charge(struct pcpu *cpu, struct vp *vp, uint64_t now);

/* Should this LP choose again although its VP could go on? */
bool sched_should_preempt(struct pcpu *cpu, struct vp *vp, uint64_t now);

/* The VP of this LP spins: run the longest-preempted VP of its partition that does not spin, if
 * there is one. True: the caller must go back to the scheduler. */
bool sched_long_spin(struct pcpu *cpu, struct vp *vp);

/* Take @vp, which is not running, off every queue for good. False: it runs; it was kicked. */
bool sched_detach(struct vp *vp);

/* The LP to place a new VP on. Linear in LPs: for creation only. */
uint32_t sched_least_loaded(void);

extern uint64_t sched_slice_tsc; /* one time slice, in TSC ticks */

#endif
