/* SPDX-License-Identifier: MIT */
/* test_payer.c - core/payer.h under core/sched.c: who pays for what root does, and how. */
#include "core/payer.h"
#include "fakes/test.h"
#include "sched_fixture.h"

#define CAUSE (SLICE / 16) /* what one cause is good for */

/* One VP asks root for a step of work after each step of its own: it gets half, root's part included,
 * and its sibling the other half. */
static void who_causes_root_work_pays_for_it(void **state)
{
    struct vp *asks = awake(1, 0, 100), *b = awake(2, 0, 100), *root = world.root_vps[0];
    uint64_t begin = world.tsc, ticks;

    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        world_run(STEP);
        if (world.lps[0].current != asks)
            continue;
        sched_cause(root, asks);
        sched_wake(root);
        assert_ptr_equal(world_next(false), root);
        world_run(STEP);
        world_next(true);
    }
    ticks = world.tsc - begin;
    assert_share(b, 500, ticks, 20);
    assert_share(asks, 250, ticks, 20);
}

/* Root does not block, so what it does is hardly all because of the one that asked last. */
static void one_cause_costs_a_part_of_a_slice(void **state)
{
    struct vp *asks = awake(1, 0, 100), *root = world.root_vps[0];

    (void)state;
    sched_cause(root, asks);
    sched_wake(root);
    world_run(5 * SLICE);
    assert_int_equal(asks->partition->sched_debt, CAUSE);
}

static void causes_add_up_to_a_slice(void **state)
{
    struct vp *asks = awake(1, 0, 100), *root = world.root_vps[0];

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        sched_cause(root, asks);
    sched_wake(root);
    world_run(5 * SLICE);
    assert_int_equal(asks->partition->sched_debt, 3 * CAUSE);
    for (unsigned i = 0; i < 100; i++)
        sched_cause(root, asks);
    world_run(5 * SLICE);
    assert_int_equal(asks->partition->sched_debt, (3 + 16) * CAUSE);
}

/* Who floods root from another LP pays up to the moment at which somebody else asks. */
static void next_cause_settles_the_one_before(void **state)
{
    struct vp *first = awake(1, 0, 100), *second = awake(2, 0, 100), *root = world.root_vps[0];

    (void)state;
    sched_wake(root);
    assert_ptr_equal(world_next(false), root);
    world_lp(1);
    sched_cause(root, first);
    world.tsc += 40;
    sched_cause(root, second);
    assert_int_equal(first->partition->sched_debt, 40);
    world.tsc += 50;
    world_lp(0);
    world_next(true);
    assert_int_equal(first->partition->sched_debt, 40);
    assert_int_equal(second->partition->sched_debt, 50);
}

static void root_that_waits_costs_nobody(void **state)
{
    struct vp *first = awake(1, 0, 100), *second = awake(2, 0, 100), *root = world.root_vps[0];

    (void)state;
    assert_ptr_equal(world_next(false), first);
    sched_cause(root, first);
    sched_wake(root);
    world.tsc += 40;
    sched_cause(root, second);
    assert_int_equal(first->partition->sched_debt, 0);
}

/* The TSC of the LP that asks may be ahead. */
static void payer_that_begins_later_pays_nothing(void **state)
{
    struct vp *asks = awake(1, 0, 100), *root = world.root_vps[0];

    (void)state;
    sched_wake(root);
    assert_ptr_equal(world_next(false), root);
    world.tsc += 50;
    world_lp(1);
    sched_cause(root, asks);
    world.tsc -= 20;
    world_lp(0);
    world_next(true);
    assert_int_equal(asks->partition->sched_debt, 0);
}

/* What a partition owes is for its VP that competes with others to pay, and forgotten beyond a few
 * slices if none does. */
static void debt_waits_for_who_competes(void **state)
{
    struct vp *alone = awake(1, 0, 100), *competes = world_vp(1, 0, 100), *other;
    uint64_t v;

    (void)state;
    alone->partition->sched_debt = 100 * SLICE;
    world_run(SLICE);
    assert_int_equal(alone->partition->sched_debt, 100 * SLICE);
    assert_int_equal(alone->sched.vruntime, SCHED_VRUNTIME_BEGIN); /* from a slice before */
    alone->suspend = VP_SUSPEND_HOLD;
    assert_null(world_next(true));
    sched_wake(competes);
    assert_ptr_equal(world_next(false), competes);
    other = awake(2, 0, 100);
    v = competes->sched.vruntime;
    assert_ptr_equal(world_next(false), other);
    assert_int_equal(competes->partition->sched_debt, 0);
    assert_int_equal(competes->sched.vruntime, v + 4 * SLICE);
}

static void who_is_gone_pays_no_more(void **state)
{
    struct vp *asks = awake(1, 0, 100), *root = world.root_vps[0];

    (void)state;
    sched_cause(root, asks);
    payer_forget(asks->partition);
    sched_wake(root);
    world_run(SLICE);
    assert_int_equal(asks->partition->sched_debt, 0);
}

static void root_pays_for_itself(void **state)
{
    struct vp *asks = awake(1, 0, 100), *root = world.root_vps[0];

    (void)state;
    sched_cause(root, asks);
    sched_wake(root);
    world_next(false);
    world_next(true); /* that work is done */
    sched_wake(root);
    world_run(SLICE);
    assert_int_equal(asks->partition->sched_debt, 0);
}

/* A VP that does little, and has root do four times as much for it each time. */
static void root_work_is_charged_to_who_caused_it(void **state)
{
    struct vp *flood = awake(1, 0, 100), *busy = awake(2, 0, 100), *root = world.root_vps[0];
    struct pcpu *cpu = world_lp(0);
    uint64_t ticks = 1000 * SLICE, end = world.tsc + ticks;

    (void)state;
    for (struct vp *vp = world_next(false); world.tsc < end;) {
        world.tsc += STEP;
        if (vp == flood) {
            flood->suspend = VP_SUSPEND_INTERCEPT;
            sched_root_works_for(flood, 0);
            sched_wake(root);
            assert_ptr_equal(world_next(true), root);
            world.tsc += 4 * STEP;
            flood->suspend = 0;
            sched_wake(flood);
            vp = world_next(true);
        } else if (sched_should_preempt(cpu, busy, world.tsc)) {
            vp = world_next(false);
        }
    }
    assert_share(busy, 500, ticks, 20);
    assert_share(flood, 100, ticks, 10);
}

static void who_stays_has_paid(void **state)
{
    struct partition *p = &world.partitions[1];

    (void)state;
    p->sched_debt = SLICE;
    assert_false(payer_stays(p));
    assert_int_equal(p->sched_debt, SLICE);
    p->sched_debt++;
    assert_true(payer_stays(p));
    assert_int_equal(p->sched_debt, 0);
}

/* ---- several LPs ---- */

/* All VPs of partition 2 ask @root for something, twice in each step that they run. */
static void flood(struct vp *root, uint64_t ticks)
{
    for (uint64_t end = world.tsc + ticks; world.tsc < end;) {
        world_run(STEP);
        for (uint32_t i = 0; i < lp_count; i++) {
            struct vp *vp = world.lps[i].current;
            if (vp == NULL || vp->partition != &world.partitions[2])
                continue;
            sched_cause(root, vp);
            sched_cause(root, vp);
        }
    }
}

static void who_floods_a_busy_root_takes_from_itself(void **state)
{
    struct vp *sibling = awake(1, 0, 100);
    uint64_t ticks = 4000 * SLICE;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        awake(2, i % 2, 100);
    sched_wake(world.root_vps[0]);
    flood(world.root_vps[0], ticks);
    assert_true(sibling->sched.run_tsc * 1000 / ticks >= 320); /* four fifths of what is due to it */
}

/* The sibling takes the LP of an attacker that owes, and has it for itself. */
static void who_owes_does_not_leave_what_root_leaves_of_its_lp(void **state)
{
    struct vp *sibling = awake(1, 1, 100), *attacker = awake(2, 0, 100);
    uint64_t ticks = 4000 * SLICE;

    (void)state;
    sched_wake(world.root_vps[1]);
    flood(world.root_vps[1], ticks);
    assert_share(sibling, 1000, ticks, 20);
    assert_share(attacker, 200, ticks, 20);
}

/* It owes a little all the time that it shares an LP with root alone. Three VPs have what root leaves,
 * 1.2 LPs. */
static void who_asks_root_now_and_then_does_not_stay_with_it(void **state)
{
    struct vp *sibling = awake(1, 0, 100), *root = world.root_vps[1];
    uint64_t ticks = 4000 * SLICE;

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        awake(2, i, 100);
    sched_wake(root);
    for (unsigned i = 0; i < 800; i++) {
        flood(root, 5 * SLICE);
        sched_cause(root, sibling);
    }
    assert_true(sibling->sched.run_tsc * 1000 / ticks >= 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(one, who_causes_root_work_pays_for_it),
        ON(one, one_cause_costs_a_part_of_a_slice),
        ON(one, causes_add_up_to_a_slice),
        ON(two, next_cause_settles_the_one_before),
        ON(one, root_that_waits_costs_nobody),
        ON(two, payer_that_begins_later_pays_nothing),
        ON(one, debt_waits_for_who_competes),
        ON(one, who_is_gone_pays_no_more),
        ON(one, root_pays_for_itself),
        ON(one, root_work_is_charged_to_who_caused_it),
        ON(one, who_stays_has_paid),
        ON(two, who_floods_a_busy_root_takes_from_itself),
        ON(two, who_owes_does_not_leave_what_root_leaves_of_its_lp),
        ON(two, who_asks_root_now_and_then_does_not_stay_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
