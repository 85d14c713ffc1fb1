/* SPDX-License-Identifier: MIT */
/* test_limits.c - core/limits.c under core/sched.c: the most and the least that a VP gets. */
#include "fakes/test.h"
#include "sched_fixture.h"

#include <hvabi/stats.h>

#define PERIOD ((uint64_t)LIMITS_PERIOD_SLICES * SLICE)
#define LONG   (400 * PERIOD)

static void limit(uint32_t partition, uint32_t cap, uint32_t reserve)
{
    assert_true(world_limit(partition, cap, reserve));
}

static void assert_at_least(const struct vp *vp, uint64_t permille, uint64_t ticks)
{
    assert_in_range(vp->sched.run_tsc * 1000 / ticks, permille, 1000);
}

/* ---- cap ---- */

static void capped_vp_waits_although_the_lp_is_idle(void **state)
{
    struct vp *vp;

    (void)state;
    limit(1, 250, 0);
    vp = awake(1, 0, 100);
    world_run(LONG);
    assert_share(vp, 250, LONG, 2);
    assert_int_equal(world.lps[0].run_tsc[1], vp->sched.run_tsc);
    assert_in_range(world.stats[HvStatsVpCapWaits], LONG / PERIOD - 1, LONG / PERIOD + 1);
}

static void capped_vp_leaves_the_rest_to_others(void **state)
{
    struct vp *capped = awake(1, 0, 10000), *other = awake(2, 0, 1);

    (void)state;
    limit(1, 250, 0);
    world_run(LONG);
    assert_share(capped, 250, LONG, 2);
    assert_share(other, 750, LONG, 2);
}

static void cap_above_the_weighted_share_changes_nothing(void **state)
{
    struct vp *capped = awake(1, 0, 100), *other = awake(2, 0, 300);

    (void)state;
    limit(1, 500, 0);
    world_run(LONG);
    assert_share(capped, 250, LONG, 10);
    assert_share(other, 750, LONG, 10);
}

static void each_vp_of_a_partition_has_the_cap(void **state)
{
    (void)state;
    limit(1, 300, 0);
    for (unsigned i = 0; i < 4; i++)
        awake(1, 0, 100);
    world_run(LONG);
    for (unsigned i = 0; i < 4; i++)
        assert_share(world.vps[i], 300, LONG, 3);
}

/* It is given the LP for a step, and blocks before the timer of its cap is over. */
static void cap_holds_for_who_blocks_all_the_time(void **state)
{
    struct vp *vp;
    uint64_t begin = world.tsc;

    (void)state;
    limit(1, 100, 0);
    vp = awake(1, 0, 100);
    while (world.tsc < begin + LONG) {
        world_run(STEP);
        if (world.lps[0].current == vp)
            world_next(true);
        sched_wake(vp);
    }
    assert_share(vp, 100, LONG, 2);
}

static void what_ran_too_long_waits_longer(void **state)
{
    struct vp *vp;

    (void)state;
    limit(1, 250, 0);
    vp = awake(1, 0, 100);
    assert_ptr_equal(world_next(false), vp);
    world.tsc += PERIOD; /* the timer is late */
    (void)sched_should_preempt(world_lp(0), vp, world.tsc);
    world_run(3 * PERIOD - 2 * STEP);
    assert_in_range(vp->sched.run_tsc, PERIOD, PERIOD + 2 * STEP);
    world_run(PERIOD);
    assert_in_range(vp->sched.run_tsc, PERIOD + PERIOD / 4 - 2 * STEP,
                    PERIOD + PERIOD / 4 + 4 * STEP);
}

static void cap_of_nothing_stops_a_vp_until_it_is_lifted(void **state)
{
    struct vp *vp = awake(1, 0, 100);
    uint64_t before;

    (void)state;
    world_run(PERIOD);
    before = vp->sched.run_tsc;
    limit(1, 0, 0);
    world_run(10 * PERIOD);
    assert_in_range(vp->sched.run_tsc, before, before + STEP);
    before = vp->sched.run_tsc;
    limit(1, 1000, 0);
    world_run(10 * PERIOD);
    assert_in_range(vp->sched.run_tsc - before, 10 * PERIOD - STEP, 10 * PERIOD);
}

static void cap_takes_a_vp_that_runs_on_another_lp(void **state)
{
    struct vp *vp = awake(1, 1, 100);

    (void)state;
    world_lp(1);
    assert_ptr_equal(world_next(false), vp);
    world_lp(0);
    limit(1, 250, 0);
    world_run(LONG);
    assert_share(vp, 250, LONG, 3);
}

/* It is charged for what root does until it is resumed, and not until its cap lets it go on. */
static void root_works_for_a_capped_vp_no_longer_than_it_does(void **state)
{
    struct vp *vp, *root = world.root_vps[0];
    uint64_t before;

    (void)state;
    limit(1, 250, 0);
    vp = awake(1, 0, 100);
    assert_ptr_equal(world_next(false), vp);
    world.tsc += PERIOD / 4 - SLICE / 8;
    sched_root_works_for(vp, 0);
    vp->suspend |= VP_SUSPEND_INTERCEPT;
    sched_wake(root);
    assert_ptr_equal(world_next(true), root);
    before = vp->sched.vruntime;
    world_run(SLICE / 2);
    vp->suspend &= ~(uint32_t)VP_SUSPEND_INTERCEPT;
    sched_wake(vp);
    assert_int_equal(vp->sched.vruntime - before, SLICE / 2);
    world_next(true);
    world_run(2 * PERIOD);
    assert_in_range(vp->sched.run_tsc, PERIOD / 2, 3 * PERIOD / 4 + 2 * STEP);
}

/* ---- reserve ---- */

static void reserve_holds_beside_heavy_vps(void **state)
{
    struct vp *vp, *a = awake(2, 0, 10000), *b = awake(2, 0, 10000);

    (void)state;
    limit(1, 1000, 500);
    vp = awake(1, 0, 1);
    world_run(LONG);
    assert_share(vp, 500, LONG, 3);
    assert_share(a, 250, LONG, 5);
    assert_share(b, 250, LONG, 5);
}

static void reserve_below_the_weighted_share_changes_nothing(void **state)
{
    struct vp *vp, *other = awake(2, 0, 100);

    (void)state;
    limit(1, 1000, 200);
    vp = awake(1, 0, 100);
    world_run(LONG);
    assert_share(vp, 500, LONG, 10);
    assert_share(other, 500, LONG, 10);
}

static void reserve_that_is_not_used_is_for_others(void **state)
{
    struct vp *vp = world_vp(1, 0, 100), *other = awake(2, 0, 100);

    (void)state;
    limit(1, 1000, 900);
    world_run(10 * PERIOD);
    assert_int_equal(other->sched.run_tsc, 10 * PERIOD);
    assert_int_equal(vp->sched.run_tsc, 0);
}

/* It is not behind those with whom it competed for years when its partition gets more weight. */
static void living_by_a_reserve_is_no_debt_for_long(void **state)
{
    struct vp *vp, *other = awake(2, 0, 10000);
    uint64_t before;

    (void)state;
    limit(1, 1000, 500);
    vp = awake(1, 0, 100);
    world_run(LONG);
    limit(1, 1000, 0);
    vp->sched.weight = other->sched.weight = 100;
    world_run(20 * PERIOD);
    before = vp->sched.run_tsc;
    world_run(100 * PERIOD);
    assert_in_range(vp->sched.run_tsc - before, 49 * PERIOD, 51 * PERIOD);
}

static void reserves_of_a_whole_lp_are_all_met(void **state)
{
    struct vp *a, *b, *c, *heavy = awake(0, 0, 10000);

    (void)state;
    limit(1, 1000, 350);
    limit(2, 1000, 300);
    a = awake(1, 0, 1);
    b = awake(1, 0, 100);
    c = awake(2, 0, 1);
    world_run(LONG);
    assert_at_least(a, 345, LONG);
    assert_at_least(b, 345, LONG);
    assert_at_least(c, 295, LONG);
    assert_in_range(heavy->sched.run_tsc, 0, LONG / 100);
}

static void reserve_and_cap_of_the_same_size_are_what_it_gets(void **state)
{
    struct vp *vp, *other = awake(2, 0, 10000);

    (void)state;
    limit(1, 400, 400);
    vp = awake(1, 0, 100);
    world_run(LONG);
    assert_share(vp, 400, LONG, 3);
    other->suspend = VP_SUSPEND_EXPLICIT;
    world_next(true);
    vp->sched.limits.seen -= vp->sched.run_tsc;
    vp->sched.run_tsc = 0;
    world_run(LONG);
    assert_share(vp, 400, LONG, 3);
}

/* A period begins anew with a VP that slept through most of it: from here on, others come first
 * again when it has had a tenth. */
static void reserve_is_not_saved_by_sleeping(void **state)
{
    struct vp *vp = world_vp(1, 0, 1), *other = awake(2, 0, 10000);
    uint64_t begin;

    (void)state;
    limit(1, 1000, 500);
    world_run(PERIOD - SLICE / 2);
    begin = world.tsc;
    sched_wake(vp);
    while (world.lps[0].current != other || world.tsc < begin + SLICE)
        world_run(STEP);
    assert_in_range(world.tsc - begin, 5 * SLICE - 2 * STEP, 5 * SLICE + 4 * STEP);
    world_run(begin + PERIOD - world.tsc - STEP);
    assert_in_range(vp->sched.run_tsc, 5 * SLICE - 2 * STEP, 5 * SLICE + 4 * STEP);
}

static void spinning_gives_the_reserve_away(void **state)
{
    struct vp *spins, *other = awake(2, 0, 100);
    struct pcpu *cpu = world_lp(0);

    (void)state;
    limit(1, 1000, 800);
    spins = awake(1, 0, 100);
    assert_ptr_equal(world_next(false), spins);
    world.tsc += STEP;
    assert_true(sched_long_spin(cpu, spins));
    assert_ptr_equal(world_next(false), other);
    world_run(PERIOD);
    assert_in_range(spins->sched.run_tsc, PERIOD * 4 / 10,
                    PERIOD * 6 / 10); /* as its weight says */
    spins->sched.limits.seen -= spins->sched.run_tsc;
    spins->sched.run_tsc = 0;
    world_run(PERIOD);
    assert_at_least(spins, 750, PERIOD);
}

/* ---- root ---- */

static void busy_root_leaves_the_reserve(void **state)
{
    struct vp *vp;

    (void)state;
    awake(2, 0, 10000);
    limit(1, 1000, 500);
    vp = awake(1, 0, 100);
    sched_wake(world.root_vps[0]);
    world_run(LONG);
    assert_at_least(vp, 495, LONG);
    assert_at_least(world.root_vps[0], 480, LONG);
}

static void root_keeps_a_fifth(void **state)
{
    struct vp *vp;

    (void)state;
    limit(1, 1000, 1000);
    vp = awake(1, 0, 100);
    sched_wake(world.root_vps[0]);
    world_run(LONG);
    assert_share(world.root_vps[0], 200, LONG, 20);
    assert_share(vp, 800, LONG, 20);
}

static void root_goes_first_where_the_reserve_sleeps(void **state)
{
    struct vp *other = awake(2, 0, 100);

    (void)state;
    limit(1, 1000, 1000);
    world_vp(1, 0, 100);
    sched_wake(world.root_vps[0]);
    world_run(LONG);
    assert_share(world.root_vps[0], 800, LONG, 10);
    assert_share(other, 200, LONG, 10);
}

/* ---- several LPs ---- */

static void reserves_hold_on_two_lps(void **state)
{
    struct vp *a, *b;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        awake(2, i % 2, 10000);
    limit(1, 1000, 600);
    a = awake(1, 0, 1);
    b = awake(1, 0, 1);
    world_run(LONG);
    assert_at_least(a, 590, LONG);
    assert_at_least(b, 590, LONG);
}

/* They run wherever an LP is idle, and come back to what is reserved when they would have to wait.
 */
static void reserves_hold_among_vps_that_come_and_go(void **state)
{
    struct vp *a, *b;
    uint64_t begin = world.tsc;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        awake(2, i % 2, 10000);
    limit(1, 1000, 500);
    a = awake(1, 0, 1);
    b = awake(1, 0, 1);
    for (unsigned n = 0; world.tsc < begin + LONG; n++) {
        struct vp *comes = world.vps[n % 3];
        world_run(3 * SLICE + n % 7 * STEP);
        if (comes->sched.state == SCHED_RUNNING) {
            world_lp(comes->sched.lp);
            world_next(true);
        }
        sched_wake(world.vps[(n + 1) % 3]);
    }
    assert_at_least(a, 490, LONG);
    assert_at_least(b, 490, LONG);
}

static void reserved_vp_runs_where_an_lp_is_idle(void **state)
{
    struct vp *a, *b;

    (void)state;
    limit(1, 1000, 100);
    a = awake(1, 0, 100);
    b = awake(1, 0, 100);
    a->sched.limits.home = b->sched.limits.home = 0;
    world_run(LONG);
    assert_at_least(a, 990, LONG);
    assert_at_least(b, 990, LONG);
}

static void capped_vp_goes_on_after_it_was_stolen(void **state)
{
    (void)state;
    limit(1, 400, 0);
    for (unsigned i = 0; i < 5; i++)
        awake(1, 0, 100);
    world_run(LONG);
    for (unsigned i = 0; i < 5; i++)
        assert_share(world.vps[i], 400, LONG, 12);
}

/* ---- admission ---- */

static void no_more_is_reserved_than_an_lp_has(void **state)
{
    (void)state;
    limit(1, 1000, 600);
    limit(2, 1000, 400);
    world_vp(1, 0, 100);
    world_vp(1, 0, 100);
    assert_int_equal(world.vps[0]->sched.limits.home + world.vps[1]->sched.limits.home, 1);
    world_vp(2, 0, 100);
    assert_false(world_limit(2, 1000, 401));
    assert_true(world_limit(2, 1000, 400));
    assert_false(world_limit(1, 1000, 601));
    assert_int_equal(world.vps[0]->sched.limits.reserve, LIMITS_WHOLE * 600 / 1000);
    limit(2, 1000, 0);
    limit(1, 1000, 1000);
}

static void refused_reserve_changes_nothing(void **state)
{
    uint32_t reserved[2], homes[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        world_vp(1, i % 2, 100);
    limit(1, 1000, 400);
    for (unsigned i = 0; i < 3; i++)
        homes[i] = world.vps[i]->sched.limits.home;
    for (unsigned i = 0; i < 2; i++)
        reserved[i] = world.lps[i].run_queue.reserved;
    assert_false(world_limit(1, 1000, 600)); /* the third has no room */
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(world.vps[i]->sched.limits.home, homes[i]);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(world.lps[i].run_queue.reserved, reserved[i]);
}

static void nothing_is_reserved_where_no_child_runs(void **state)
{
    (void)state;
    world.lps[1].root_only = true;
    world_vp(1, 0, 100);
    world_vp(1, 0, 100);
    assert_false(world_limit(1, 1000, 600));
    limit(1, 1000, 500);
    assert_int_equal(world.lps[0].run_queue.reserved, LIMITS_WHOLE);
    assert_int_equal(world.lps[1].run_queue.reserved, 0);
}

/* ---- arithmetic ---- */

static struct limits some(uint32_t cap, uint32_t reserve)
{
    struct limits l = {.cap = cap, .reserve = reserve};

    limits_begin(&l, 1000);
    return l;
}

static void period_gives_what_the_parts_say(void **state)
{
    struct limits l = some(0x4000, 0x1000);

    (void)state;
    assert_int_equal(l.period_end, 1000 + PERIOD);
    assert_int_equal(l.cap_left, PERIOD / 4);
    assert_int_equal(l.reserve_left, PERIOD / 16);
    limits_take(&l, 700);
    limits_take(&l, 800);
    assert_int_equal(l.cap_left, PERIOD / 4 - 800);
    assert_int_equal(l.reserve_left, (int64_t)PERIOD / 16 - 800);
    limits_refill(&l, l.period_end - 1, true);
    assert_int_equal(l.cap_left, PERIOD / 4 - 800);
    limits_refill(&l, l.period_end, true);
    assert_int_equal(l.cap_left, PERIOD / 4);
    assert_int_equal(l.reserve_left, PERIOD / 16); /* what it had beyond is not held against it */
    assert_int_equal(l.period_end, 1000 + 2 * PERIOD);
}

static void periods_pass_all_at_once(void **state)
{
    struct limits l = some(0x4000, 0);

    (void)state;
    limits_take(&l, 2 * PERIOD);
    l.over = true;
    assert_int_equal(limits_due_running(&l, 1000), 1000 + 8 * PERIOD);
    limits_refill(&l, 1000 + 8 * PERIOD - 1, false);
    assert_int_equal(l.cap_left, 0);
    assert_int_equal(limits_due_running(&l, 1000), 1000 + 8 * PERIOD);
    limits_refill(&l, 1000 + 8 * PERIOD, false);
    assert_int_equal(l.cap_left, PERIOD / 4);
    limits_refill(&l, UINT64_MAX / 2, false); /* years */
    assert_int_equal(l.cap_left, PERIOD / 4);
    assert_in_range(l.period_end - UINT64_MAX / 2, 1, PERIOD);
}

static void what_was_not_given_is_owed_for_one_period(void **state)
{
    struct limits l = some(LIMITS_WHOLE, 0x4000);

    (void)state;
    limits_refill(&l, 1000 + PERIOD, true);
    assert_int_equal(l.reserve_left, PERIOD / 2);
    limits_refill(&l, 1000 + 2 * PERIOD, true);
    assert_int_equal(l.reserve_left, PERIOD / 2);
    limits_refill(&l, 1000 + 3 * PERIOD, false);
    assert_int_equal(l.reserve_left, PERIOD / 4);
}

static void clock_of_another_lp_ends_no_period_late(void **state)
{
    struct limits l = some(0x4000, 0);

    (void)state;
    l.period_end += 1000000000000u;
    limits_refill(&l, 5000, true);
    assert_int_equal(l.period_end, 5000 + PERIOD);
}

/* With a cap that is as large as the reserve, waking again and again gains nothing. */
static void waking_gains_nothing(void **state)
{
    struct limits l = some(0x4000, 0x4000);
    uint64_t now = 1000, ran = 0;

    (void)state;
    for (unsigned n = 0; now < 1000 + 1000 * PERIOD; n++) {
        limits_wake(&l, now);
        if (l.cap_left > 0) {
            uint64_t most = (uint64_t)l.cap_left, some_of_it = 1 + n * 7919 % PERIOD;
            ran += most < some_of_it ? most : some_of_it;
            now += most < some_of_it ? most : some_of_it;
            limits_take(&l, ran);
        }
        now += 1 + n * 104729 % (PERIOD / 3);
    }
    assert_true(ran <= (now - 1000) / 4 + PERIOD / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(one, capped_vp_waits_although_the_lp_is_idle),
        ON(one, capped_vp_leaves_the_rest_to_others),
        ON(one, cap_above_the_weighted_share_changes_nothing),
        ON(two, each_vp_of_a_partition_has_the_cap),
        ON(one, cap_holds_for_who_blocks_all_the_time),
        ON(one, what_ran_too_long_waits_longer),
        ON(one, cap_of_nothing_stops_a_vp_until_it_is_lifted),
        ON(two, cap_takes_a_vp_that_runs_on_another_lp),
        ON(one, root_works_for_a_capped_vp_no_longer_than_it_does),
        ON(one, reserve_holds_beside_heavy_vps),
        ON(one, reserve_below_the_weighted_share_changes_nothing),
        ON(one, reserve_that_is_not_used_is_for_others),
        ON(one, living_by_a_reserve_is_no_debt_for_long),
        ON(one, reserves_of_a_whole_lp_are_all_met),
        ON(one, reserve_and_cap_of_the_same_size_are_what_it_gets),
        ON(one, reserve_is_not_saved_by_sleeping),
        ON(one, spinning_gives_the_reserve_away),
        ON(one, busy_root_leaves_the_reserve),
        ON(one, root_keeps_a_fifth),
        ON(one, root_goes_first_where_the_reserve_sleeps),
        ON(two, reserves_hold_on_two_lps),
        ON(two, reserves_hold_among_vps_that_come_and_go),
        ON(two, reserved_vp_runs_where_an_lp_is_idle),
        ON(two, capped_vp_goes_on_after_it_was_stolen),
        ON(two, no_more_is_reserved_than_an_lp_has),
        ON(two, refused_reserve_changes_nothing),
        ON(two, nothing_is_reserved_where_no_child_runs),
        cmocka_unit_test(period_gives_what_the_parts_say),
        cmocka_unit_test(periods_pass_all_at_once),
        cmocka_unit_test(what_was_not_given_is_owed_for_one_period),
        cmocka_unit_test(clock_of_another_lp_ends_no_period_late),
        cmocka_unit_test(waking_gains_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
