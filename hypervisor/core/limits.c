/* SPDX-License-Identifier: MIT */
/* core/limits.c - see core/limits.h. */
#include "core/limits.h"

#include <hvabi/stats.h>
#include <x86/insn.h>
#include "core/partition.h"
#include "core/pcpu.h"
#include "core/sched.h"
#include "core/vp.h"

/* The timer of a VP is not set for less than this part of its period. */
#define NEAREST_OF_PERIOD 1024u
/* A VP that lives by its reserve, and not by its weight, gets ahead of others by virtual run time.
 * When they go it is not to pay for that for longer than these periods. */
#define LEAD_PERIODS 10u
/* As many periods make good for any that took too much, and more would overflow. */
#define PERIODS_MAX (1u << 20)

static struct spinlock admission; /* how much of each LP is reserved: run_queue.reserved */

static struct vp *vp_of(struct sched_entity *e)
{
    return container_of(e, struct vp, sched);
}

/* ---- arithmetic ---- */

static uint64_t period_length(void)
{
    return LIMITS_PERIOD_SLICES * sched_slice_tsc;
}

/* Ticks in a period. */
static int64_t part_of_period(uint32_t part)
{
    return (int64_t)(period_length() * part / LIMITS_WHOLE);
}

static int64_t at_most(int64_t value, int64_t most)
{
    return value < most ? value : most;
}

void limits_begin(struct limits *l, uint64_t now)
{
    l->cap_left = part_of_period(l->cap);
    l->reserve_left = part_of_period(l->reserve);
    l->period_end = now + period_length();
}

/* Signed: run time that is not charged yet is estimated, and the clocks of LPs may differ. */
void limits_take(struct limits *l, uint64_t run_tsc)
{
    int64_t ran = (int64_t)(run_tsc - l->seen);

    l->seen = run_tsc;
    l->cap_left -= ran;
    l->reserve_left -= ran;
}

void limits_refill(struct limits *l, uint64_t now, bool wants)
{
    int64_t cap = part_of_period(l->cap), reserve = part_of_period(l->reserve);
    int64_t late = (int64_t)(now - l->period_end), periods, owed;

    if (late < 0) {
        if ((uint64_t)-late > period_length()) /* it comes from an LP with another clock */
            l->period_end = now + period_length();
        return;
    }
    l->period_end = now + period_length() - (uint64_t)late % period_length();
    periods = at_most(late / (int64_t)period_length() + 1, PERIODS_MAX);
    l->cap_left = at_most(l->cap_left + periods * cap, cap);
    owed = wants && l->reserve_left > 0 ? at_most(l->reserve_left, reserve) : 0;
    l->reserve_left = reserve + owed;
}

void limits_wake(struct limits *l, uint64_t now)
{
    int64_t rest, passed;

    limits_refill(l, now, false);
    rest = (int64_t)(l->period_end - now);
    passed = (int64_t)period_length() - rest;
    if (l->reserve_left <= rest * l->reserve / LIMITS_WHOLE)
        return;
    l->period_end = now + period_length();
    l->reserve_left = part_of_period(l->reserve);
    l->cap_left = at_most(l->cap_left + passed * l->cap / LIMITS_WHOLE, part_of_period(l->cap));
}

/* When so much has been run. */
static uint64_t after(uint64_t now, int64_t ticks)
{
    int64_t nearest = (int64_t)(period_length() / NEAREST_OF_PERIOD);

    return now + (uint64_t)(ticks > nearest ? ticks : nearest);
}

/* When a period begins that leaves something of the cap. */
static uint64_t due_over(const struct limits *l)
{
    int64_t cap = part_of_period(l->cap);

    return cap == 0 ? UINT64_MAX : l->period_end + (uint64_t)(-l->cap_left / cap) * period_length();
}

uint64_t limits_due_running(const struct limits *l, uint64_t now)
{
    uint64_t due = UINT64_MAX, other = UINT64_MAX;

    if (l->over)
        return due_over(l);
    if (l->cap < LIMITS_WHOLE)
        due = after(now, l->cap_left);
    if (l->ahead)
        other = after(now, l->reserve_left);
    else if (l->reserve != 0)
        other = l->period_end;
    return due < other ? due : other;
}

uint64_t limits_due_waiting(const struct limits *l, uint64_t now, bool away)
{
    if (l->over)
        return due_over(l);
    if (l->reserve == 0 || l->ahead)
        return UINT64_MAX;
    return away && l->reserve_left > 0 ? now : l->period_end;
}

/* ---- a VP, under the lock of its run queue ---- */

void limits_fall_back(struct sched_entity *e, bool forgo)
{
    if (e->limits.ahead)
        e->vruntime += LIMITS_AHEAD;
    e->limits.ahead = false;
    if (forgo)
        e->limits.reserve_left = at_most(e->limits.reserve_left, 0);
}

/* Of the cap nothing is left, or something is again. The VP's run loop looks at the bit, and
 * whoever finds it clear in a VP that is blocked wakes that. While root works for the VP it is not
 * set: who resumes the VP is to wake it then, and to have it charged for that. */
static void mark_over(struct vp *vp, bool over)
{
    struct limits *l = &vp->sched.limits;

    if (over == l->over || (over && vp->sched.in_root))
        return;
    l->over = over;
    if (over) {
        vp->stats[HvStatsVpCapWaits]++;
        __atomic_fetch_or(&vp->suspend, VP_SUSPEND_CAP, __ATOMIC_SEQ_CST);
    } else {
        __atomic_fetch_and(&vp->suspend, ~(uint32_t)VP_SUSPEND_CAP, __ATOMIC_SEQ_CST);
    }
}

/* Take off what @e has run, and see what is left. It is not ahead then. */
static void settle(struct pcpu *cpu, struct sched_entity *e, uint64_t now, bool slept)
{
    uint64_t lead = cpu->run_queue.min_vruntime + LEAD_PERIODS * period_length();
    bool running = cpu->current == vp_of(e) && now > e->started;
    struct limits *l = &e->limits;

    limits_fall_back(e, false);
    limits_take(l, e->run_tsc + (running ? now - e->started : 0));
    if (slept)
        limits_wake(l, now);
    else
        limits_refill(l, now, e->state != SCHED_BLOCKED);
    if (l->reserve != 0 && (int64_t)(e->vruntime - lead) > 0)
        e->vruntime = lead;
    mark_over(vp_of(e), l->cap < LIMITS_WHOLE && l->cap_left <= 0);
}

/* If something is left of the reserve. */
static void get_ahead(const struct pcpu *cpu, struct sched_entity *e)
{
    struct limits *l = &e->limits;

    if (l->reserve == 0 || l->reserve_left <= 0 || l->over || l->home != cpu->lp_index)
        return;
    e->vruntime -= LIMITS_AHEAD;
    l->ahead = true;
}

static void arm(struct limits *l, uint64_t due)
{
    if (due != UINT64_MAX)
        timer_arm(&l->timer, due);
}

void limits_enqueue(struct pcpu *cpu, struct sched_entity *e, uint64_t now)
{
    sched_advance(cpu, now);
    settle(cpu, e, now, e->state == SCHED_BLOCKED);
    run_queue_place(&cpu->run_queue, e);
    get_ahead(cpu, e);
    arm(&e->limits, limits_due_waiting(&e->limits, now, e->limits.home != cpu->lp_index));
    sched_enqueue_placed(cpu, e);
}

static void see_to_current(struct pcpu *cpu, struct sched_entity *e, uint64_t now)
{
    settle(cpu, e, now, false);
    get_ahead(cpu, e);
    arm(&e->limits, limits_due_running(&e->limits, now));
}

void limits_picked(struct pcpu *cpu, struct vp *vp)
{
    spin_lock(&cpu->run_queue.lock);
    see_to_current(cpu, &vp->sched, insn_rdtsc());
    spin_unlock(&cpu->run_queue.lock);
}

/* ---- time has passed, or the limits have changed ---- */

/* What is to be done without the lock. */
struct errands {
    bool kick, wake, join;
};

/* Queue @e, which waits on @cpu, according to what is left. On another LP it has no reserve. */
static void look_waiting(struct pcpu *cpu, struct sched_entity *e, uint64_t now,
                         struct errands *out)
{
    const struct limits *l = &e->limits;

    sched_dequeue(cpu, e);
    sched_enqueue(cpu, e, now);
    if (l->reserve != 0 && l->reserve_left > 0 && !l->over && l->home != cpu->lp_index) {
        sched_leave(cpu, e, l->home, now);
        out->join = true;
    } else {
        out->kick = sched_must_look(cpu, now);
    }
}

/* It may have seen that it is to wait, and be about to: then it is woken, if that is over. */
static void look_running(struct pcpu *cpu, struct sched_entity *e, uint64_t now,
                         struct errands *out)
{
    bool was_over = e->limits.over;

    see_to_current(cpu, e, now);
    out->wake = was_over && !e->limits.over;
    out->kick = e->limits.over || sched_preempts(cpu, now);
}

static void look_blocked(struct pcpu *cpu, struct sched_entity *e, uint64_t now,
                         struct errands *out)
{
    bool was_over = e->limits.over;

    settle(cpu, e, now, false);
    out->wake = was_over && !e->limits.over;
    if (e->limits.over)
        arm(&e->limits, limits_due_running(&e->limits, now));
}

/* A VP on its way to a queue is looked at there. */
static struct errands look(struct pcpu *cpu, struct sched_entity *e, uint64_t now)
{
    struct errands out = {0};

    if (cpu->current == vp_of(e))
        look_running(cpu, e, now, &out);
    else if (e->state == SCHED_RUNNABLE)
        look_waiting(cpu, e, now, &out);
    else if (e->state == SCHED_BLOCKED)
        look_blocked(cpu, e, now, &out);
    return out;
}

static void run_errands(struct pcpu *cpu, struct vp *vp, const struct errands *e, uint64_t now)
{
    if (e->kick)
        pcpu_kick(cpu, WORK_RESCHEDULE);
    if (e->join)
        sched_join(&vp->sched, now);
    if (e->wake)
        sched_wake(vp);
}

static void timer_fired(struct timer *t) NO_LOCK_CHECK
{
    struct vp *vp = container_of(t, struct vp, sched.limits.timer);
    struct pcpu *cpu = sched_lock_queue(&vp->sched);
    uint64_t now = insn_rdtsc();
    struct errands errands = {0};

    if (vp->sched.limited)
        errands = look(cpu, &vp->sched, now);
    spin_unlock(&cpu->run_queue.lock);
    run_errands(cpu, vp, &errands, now);
}

static void change(struct vp *vp, uint32_t cap, uint32_t reserve) NO_LOCK_CHECK
{
    struct sched_entity *e = &vp->sched;
    struct pcpu *cpu = sched_lock_queue(e);
    bool queued = e->state == SCHED_RUNNABLE, was_over;
    uint64_t now = insn_rdtsc();
    struct errands errands;

    if (queued)
        sched_dequeue(cpu, e);
    settle(cpu, e, now, false); /* what it ran so far is the old limits' */
    was_over = e->limits.over;
    mark_over(vp, false);
    e->limits.cap = cap;
    e->limits.reserve = reserve;
    e->limits.home = e->limits.next_home;
    e->limited = cap < LIMITS_WHOLE || reserve != 0;
    limits_begin(&e->limits, now);
    if (queued)
        sched_enqueue(cpu, e, now);
    errands = look(cpu, e, now);
    errands.wake |= was_over;
    spin_unlock(&cpu->run_queue.lock);
    run_errands(cpu, vp, &errands, now);
}

/* ---- admission ---- */

/* Root's budget is less by what of it is reserved to VPs whose home the LP is, as long as they have
 * not had it; but a fifth of the LP it keeps. */
static void reserve_add(uint32_t lp, int64_t part)
{
    struct run_queue *q = &lp_table[lp]->run_queue;
    uint64_t kept = (SCHED_WINDOW_SLICES - SCHED_ROOT_SLICES) * sched_slice_tsc, ticks;

    q->reserved = (uint32_t)(q->reserved + part);
    ticks = SCHED_WINDOW_SLICES * sched_slice_tsc * q->reserved / LIMITS_WHOLE;
    ticks = ticks > kept ? ticks - kept : 0;
    if (ticks > SCHED_ROOT_SLICES * sched_slice_tsc - kept)
        ticks = SCHED_ROOT_SLICES * sched_slice_tsc - kept;
    __atomic_store_n(&q->root_yields, ticks, __ATOMIC_RELAXED);
}

/* The LP of which least is reserved, if @part of it is left for @vp; LP_MAX: none. Linear in LPs.
 */
static uint32_t roomiest(const struct vp *vp, uint32_t part)
{
    uint32_t best = __atomic_load_n(&vp->sched.lp, __ATOMIC_RELAXED);

    for (uint32_t i = 0; i < lp_count; i++)
        if (!lp_table[i]->root_only &&
            (lp_table[best]->root_only ||
             lp_table[i]->run_queue.reserved < lp_table[best]->run_queue.reserved))
            best = i;
    return lp_table[best]->run_queue.reserved + part <= LIMITS_WHOLE ? best : LP_MAX;
}

static bool admit(struct vp *vp, uint32_t part)
{
    uint32_t lp = roomiest(vp, part);

    if (lp == LP_MAX)
        return false;
    vp->sched.limits.next_home = lp;
    reserve_add(lp, part);
    return true;
}

/* All VPs of @p, or none. */
static bool admit_all(struct partition *p, uint32_t part)
{
    uint32_t i;

    for (i = 0; i < p->vp_highest; i++)
        if (p->vps[i] != NULL)
            reserve_add(p->vps[i]->sched.limits.home, -(int64_t)p->vps[i]->sched.limits.reserve);
    for (i = 0; i < p->vp_highest; i++)
        if (p->vps[i] != NULL && !admit(p->vps[i], part))
            break;
    if (i == p->vp_highest)
        return true;
    while (i-- > 0)
        if (p->vps[i] != NULL)
            reserve_add(p->vps[i]->sched.limits.next_home, -(int64_t)part);
    for (i = 0; i < p->vp_highest; i++)
        if (p->vps[i] != NULL)
            reserve_add(p->vps[i]->sched.limits.home, p->vps[i]->sched.limits.reserve);
    return false;
}

/* ---- for partitions ---- */

bool limits_join(struct vp *vp)
{
    const struct partition *p = vp->partition;
    struct sched_entity *e = &vp->sched;
    struct limits *l = &e->limits;

    timer_init(&l->timer, timer_fired);
    l->cap = p->cpu_cap;
    e->limited = p->cpu_cap < LIMITS_WHOLE || p->cpu_reserve != 0;
    if (p->cpu_reserve != 0) {
        bool admitted;

        spin_lock(&admission);
        admitted = admit(vp, p->cpu_reserve);
        spin_unlock(&admission);
        if (!admitted)
            return false;
        l->reserve = p->cpu_reserve;
        l->home = l->next_home;
        e->lp = l->home;
    }
    limits_begin(l, insn_rdtsc());
    return true;
}

void limits_leave(struct vp *vp) NO_LOCK_CHECK
{
    struct sched_entity *e = &vp->sched;
    struct pcpu *cpu = sched_lock_queue(e);

    e->limited = false; /* nobody arms the timer any more */
    spin_unlock(&cpu->run_queue.lock);
    timer_cancel(&e->limits.timer);
    spin_lock(&admission);
    reserve_add(e->limits.home, -(int64_t)e->limits.reserve);
    spin_unlock(&admission);
    e->limits.reserve = 0;
}

bool limits_set(struct partition *p, uint32_t cap, uint32_t reserve)
{
    bool admitted;

    spin_lock(&admission);
    admitted = admit_all(p, reserve);
    spin_unlock(&admission);
    if (!admitted)
        return false;
    for (uint32_t i = 0; i < p->vp_highest; i++)
        if (p->vps[i] != NULL)
            change(p->vps[i], cap, reserve);
    return true;
}
