/* SPDX-License-Identifier: MIT */
/* sched_fixture.c - see sched_fixture.h. */
#include "sched_fixture.h"

#include "fakes/test.h"

#include "core/lapic_physical.h"

#include <sched.h>

struct sched_world world;
struct pcpu *lp_table[LP_MAX];
uint32_t lp_count;
uint64_t tsc_hz = 1000 * SLICE;
static __thread struct pcpu *this_lp;

uint64_t insn_rdtsc(void)
{
    return __atomic_load_n(&world.tsc, __ATOMIC_RELAXED);
}

void insn_pause(void)
{
    sched_yield();
}

void *insn_read_gs_self(void)
{
    return this_lp;
}

/* The clock of world_run looks at all timers. */
void lapic_physical_timer(uint64_t deadline)
{
    (void)deadline;
}

bool lapic_physical_timer_repeats(void)
{
    return false;
}

void spin_wait(struct spinlock *l, uint32_t ticket)
{
    while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket)
        insn_pause();
}

void pcpu_kick(struct pcpu *cpu, uint32_t work)
{
    __atomic_fetch_or(&cpu->remote.work, work, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&world.kicks[cpu->lp_index], 1, __ATOMIC_RELAXED);
}

struct pcpu *world_lp(uint32_t lp)
{
    this_lp = &world.lps[lp];
    return this_lp;
}

static struct vp *make_vp(uint32_t partition, uint32_t lp, bool pinned)
{
    struct vp *vp = calloc(1, sizeof(*vp));

    vp->partition = &world.partitions[partition];
    vp->stats = world.stats;
    sched_entity_init(vp, pinned, lp);
    if (!limits_join(vp))
        fail();
    return vp;
}

void world_init(uint32_t lps)
{
    /* LPs of an earlier test leave the sets of the scheduler as they pick and find nothing. */
    memset(&world, 0, sizeof(world));
    world.tsc = 1000 * SLICE;
    sched_slice_tsc = SLICE;
    lp_count = lps;
    for (uint32_t i = 0; i < WORLD_PARTITIONS; i++) {
        world.partitions[i].is_root = i == 0;
        world.partitions[i].cpu_cap = LIMITS_WHOLE;
        world.partitions[i].vps = world.tables[i];
        list_init(&world.partitions[i].preempted);
        list_init(&world.partitions[i].spinning);
    }
    for (uint32_t i = 0; i < lps; i++) {
        lp_table[i] = &world.lps[i];
        world.lps[i].lp_index = i;
        world.root_vps[i] = make_vp(0, i, true);
        world_lp(i)->root_vp = world.root_vps[i];
    }
    world_lp(0);
}

void world_free(void)
{
    for (uint32_t i = 0; i < world.vp_count; i++) {
        world.vps[i]->suspend = VP_SUSPEND_DEAD;
        if (!sched_detach(world.vps[i])) {
            world_lp(world.vps[i]->sched.lp);
            sched_stop(&world.lps[world.vps[i]->sched.lp], world.vps[i], true);
        }
        limits_leave(world.vps[i]);
        free(world.vps[i]);
    }
    for (uint32_t i = 0; i < lp_count; i++) {
        sched_pick(world_lp(i)); /* leaves the set of idle LPs, then joins it */
        free(world.root_vps[i]);
    }
}

int world_one(void **state)
{
    (void)state;
    world_init(1);
    return 0;
}

int world_two(void **state)
{
    (void)state;
    world_init(2);
    return 0;
}

int world_clean(void **state)
{
    (void)state;
    world_free();
    return 0;
}

struct vp *world_vp(uint32_t partition, uint32_t lp, uint32_t weight)
{
    struct vp *vp = make_vp(partition, lp, false);

    vp->sched.weight = weight;
    vp->index = world.vp_count;
    world.tables[partition][vp->index] = vp;
    vp->partition->vp_highest = vp->index + 1;
    world.vps[world.vp_count++] = vp;
    return vp;
}

bool world_limit(uint32_t partition, uint32_t cap, uint32_t reserve)
{
    struct partition *p = &world.partitions[partition];
    uint32_t c = LIMITS_WHOLE * cap / 1000, r = LIMITS_WHOLE * reserve / 1000;
    bool set;

    spin_lock(&p->lock);
    set = limits_set(p, c, r);
    if (set) {
        p->cpu_cap = c;
        p->cpu_reserve = r;
    }
    spin_unlock(&p->lock);
    return set;
}

struct vp *awake(uint32_t partition, uint32_t lp, uint32_t weight)
{
    struct vp *vp = world_vp(partition, lp, weight);

    sched_wake(vp);
    return vp;
}

/* As the run loop: a suspended VP is not run. */
struct vp *world_next(bool block)
{
    struct pcpu *cpu = this_lp;
    struct vp *vp;

    if (cpu->current != NULL)
        sched_stop(cpu, cpu->current, block);
    while ((vp = sched_pick(cpu)) != NULL && vp->suspend != 0)
        sched_stop(cpu, vp, true);
    return vp;
}

static void world_turn(struct pcpu *cpu)
{
    timers_run(cpu);
    if (cpu->current != NULL && cpu->current->suspend != 0)
        world_next(true);
    else if (cpu->current == NULL || sched_should_preempt(cpu, cpu->current, world.tsc))
        world_next(false);
}

void world_run(uint64_t ticks)
{
    struct pcpu *self = this_lp;

    for (uint64_t end = world.tsc + ticks; world.tsc < end; world.tsc += STEP)
        for (uint32_t i = 0; i < lp_count; i++)
            world_turn(world_lp(i));
    for (uint32_t i = 0; i < lp_count; i++)
        if (world.lps[i].current != NULL)
            (void)sched_should_preempt(world_lp(i), world.lps[i].current, world.tsc); /* charges */
    this_lp = self;
}

void assert_share(const struct vp *vp, uint64_t permille, uint64_t ticks, uint64_t off)
{
    uint64_t share = vp->sched.run_tsc * 1000 / ticks;

    assert_in_range(share, permille - off, permille + off);
}
