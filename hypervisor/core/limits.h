/* SPDX-License-Identifier: MIT */
/* core/limits.h - cap and reserve: the most and the least that a VP gets of an LP. TLFS 2.0A, 18.2;
 * docs/scheduling.md says how.
 *
 * A VP that has one of them has periods of its own, of ten slices. What it ran is taken off what
 * the two give it in a period. Who has had its cap is suspended (VP_SUSPEND_CAP) until a period
 * begins that leaves it something. Who has not had its reserve, and is on the LP that has room for
 * it, its home, goes before VPs without: it is ahead, by a virtual run time that is less by
 * LIMITS_AHEAD. A timer of the VP is set for whatever is next. VPs without cap and reserve have
 * nothing to do with all this.
 *
 * Locks: [q] as in core/sched.h; admission (limits.c), inside partition.lock and outside of [q]:
 * how much of each LP is reserved. */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>
#include "core/timer.h"
#include "core/types.h"

struct partition;
struct pcpu;
struct run_queue;
struct sched_entity;
struct vp;

#define LIMITS_WHOLE         0x10000u /* an LP, in the unit of caps and reserves */
#define LIMITS_PERIOD_SLICES 10u
#define LIMITS_AHEAD         (1ull << 60)

struct limits {
    uint32_t cap, reserve; /* [q] to change, with partition.lock; LIMITS_WHOLE, 0: none */
    uint32_t home; /* [q] to change, with partition.lock: the LP that has room for the reserve */
    uint32_t next_home;   /* [admission] */
    bool over;            /* [q] it has had its cap */
    bool ahead;           /* [q] */
    uint64_t seen;        /* [q] run time that was taken off */
    int64_t cap_left;     /* [q] ticks; below 0: too much was taken in an earlier period */
    int64_t reserve_left; /* [q] */
    uint64_t period_end;  /* [q] host TSC */
    struct timer timer;   /* armed under [q] */
};

/* ---- arithmetic; under [q] ---- */

/* A period with everything in it begins at host TSC @now. */
void limits_begin(struct limits *l, uint64_t now);

/* The VP's run time is @run_tsc. */
void limits_take(struct limits *l, uint64_t run_tsc);

/* Root has worked for the VP, or its partition, for @ticks, which are returned: they are part of its
 * reserve too. */
static inline uint64_t limits_pay(struct limits *l, uint64_t ticks)
{
    l->reserve_left -= (int64_t)ticks;
    return ticks;
}

/* If the period is over at @now, the next one begins. @wants: the VP wanted an LP all the time, and
 * is owed what it did not get of its reserve, but for more than one period. */
void limits_refill(struct limits *l, uint64_t now, bool wants);

/* The VP was asleep. If more of its reserve is left than the rest of the period would have given
 * it, its period begins anew: else it would come with all of it shortly before the end, twice. */
void limits_wake(struct limits *l, uint64_t now);

/* Host TSC at which there is something to do for the VP if it goes on to run, or to wait on its
 * home or (@away) on another LP; UINT64_MAX: never. */
uint64_t limits_due_running(const struct limits *l, uint64_t now);
uint64_t limits_due_waiting(const struct limits *l, uint64_t now, bool away);

/* ---- for core/sched.c: what it does with VPs that have limits, off the way of the others ---- */

#define LIMITS_ASIDE __attribute__((noinline))

/* Queue @e on @cpu, under the lock of that run queue. */
LIMITS_ASIDE void limits_enqueue(struct pcpu *cpu, struct sched_entity *e, uint64_t now);

/* @vp has got this LP: if nothing is left of its cap it is suspended now. No lock held. */
LIMITS_ASIDE void limits_picked(struct pcpu *cpu, struct vp *vp);

/* @e is not ahead any more: it leaves its LP, or gives it away (@forgo) for the rest of the period.
 * Under the lock of its run queue. */
LIMITS_ASIDE void limits_fall_back(struct sched_entity *e, bool forgo);

/* ---- for partitions; caller holds partition.lock ---- */

/* @vp, which is new and not found yet, gets the cap and reserve of its partition. False: there is
 * no LP with room for its reserve. */
bool limits_join(struct vp *vp) MUST_CHECK;

/* @vp is not found any more and on no queue. */
void limits_leave(struct vp *vp);

/* For all VPs of @p, from now on. False: no LPs with room for the reserves; nothing has changed. */
bool limits_set(struct partition *p, uint32_t cap, uint32_t reserve) MUST_CHECK;

#endif
