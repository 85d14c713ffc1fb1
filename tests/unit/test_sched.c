/* SPDX-License-Identifier: MIT */
/* test_sched.c - core/sched.c: who gets an LP, for how long, and who has to wait. */
#include "fakes/test.h"
#include "sched_fixture.h"

static void weights_share_an_lp(void **state)
{
    struct vp *a = awake(1, 0, 100), *b = awake(1, 0, 200), *c = awake(2, 0, 700);
    uint64_t ticks = 2000 * SLICE;

    (void)state;
    world_run(ticks);
    assert_share(a, 100, ticks, 5);
    assert_share(b, 200, ticks, 5);
    assert_share(c, 700, ticks, 5);
}

static void weight_changes_at_once(void **state)
{
    struct vp *a = awake(1, 0, 100), *b = awake(2, 0, 100);
    uint64_t before;

    (void)state;
    world_run(200 * SLICE);
    a->sched.weight = 300;
    before = a->sched.run_tsc;
    world_run(400 * SLICE);
    assert_in_range(a->sched.run_tsc - before, 295 * SLICE, 305 * SLICE);
    assert_in_range(b->sched.run_tsc, 195 * SLICE, 205 * SLICE);
}

static void extreme_weights_starve_nobody(void **state)
{
    struct vp *a = awake(1, 0, 1), *b = awake(2, 0, 10000);

    (void)state;
    world_run(100000 * (uint64_t)SLICE);
    assert_in_range(a->sched.run_tsc, 5 * SLICE, 15 * SLICE);
    assert_true(b->sched.run_tsc > 99900 * (uint64_t)SLICE);
}

static void vp_that_slept_takes_the_lp_at_once(void **state)
{
    struct vp *sleeper = world_vp(1, 0, 100), *busy = awake(2, 0, 100);
    struct pcpu *cpu = world_lp(0);

    (void)state;
    world_run(10 * SLICE);
    assert_ptr_equal(cpu->current, busy);
    sched_wake(sleeper);
    assert_true(sched_should_preempt(cpu, busy, world.tsc));
    assert_ptr_equal(world_next(false), sleeper);
}

static void vp_that_came_late_is_owed_one_slice(void **state)
{
    struct vp *late = world_vp(1, 0, 100), *busy = awake(2, 0, 100);
    uint64_t before;

    (void)state;
    world_run(500 * SLICE);
    before = busy->sched.run_tsc;
    sched_wake(late);
    world_run(20 * SLICE);
    assert_in_range(late->sched.run_tsc, 9 * SLICE, 12 * SLICE);
    assert_in_range(busy->sched.run_tsc - before, 8 * SLICE, 11 * SLICE);
}

static void vp_as_far_as_others_waits_for_the_slice_to_end(void **state)
{
    struct vp *a = awake(1, 0, 100), *b = awake(2, 0, 100);
    struct pcpu *cpu = world_lp(0);

    (void)state;
    assert_ptr_equal(world_next(false), a);
    world.tsc += SLICE / 8;
    assert_false(sched_should_preempt(cpu, a, world.tsc));
    world.tsc += SLICE;
    assert_true(sched_should_preempt(cpu, a, world.tsc));
    assert_ptr_equal(world_next(false), b);
}

static void wake_interrupts_an_lp_that_must_look(void **state)
{
    struct vp *a = awake(1, 1, 100), *b = world_vp(1, 1, 100), *c = world_vp(1, 1, 100);
    uint32_t kicks;

    (void)state;
    world_lp(1);
    assert_ptr_equal(world_next(false), a);
    world_lp(0);
    kicks = world.kicks[1];
    sched_wake(b); /* the end of a's slice must be set */
    assert_int_equal(world.kicks[1], kicks + 1);
    sched_wake(c); /* it is, and c is not behind */
    assert_int_equal(world.kicks[1], kicks + 1);
}

static void root_goes_first(void **state)
{
    struct vp *busy = awake(1, 0, 100);
    struct pcpu *cpu = world_lp(0);

    (void)state;
    assert_ptr_equal(world_next(false), busy);
    sched_wake(world.root_vps[0]);
    assert_true(sched_should_preempt(cpu, busy, world.tsc));
    assert_ptr_equal(world_next(false), world.root_vps[0]);
}

static void busy_root_leaves_a_fifth(void **state)
{
    struct vp *busy = awake(1, 0, 100);
    uint64_t ticks = 1000 * SLICE;

    (void)state;
    sched_wake(world.root_vps[0]);
    world_run(ticks);
    assert_share(busy, 200, ticks, 10);
    assert_share(world.root_vps[0], 800, ticks, 10);
}

static void root_alone_has_no_budget(void **state)
{
    (void)state;
    sched_wake(world.root_vps[0]);
    world_run(100 * SLICE);
    assert_int_equal(world.root_vps[0]->sched.run_tsc, 100 * SLICE);
}

static void vp_woken_while_it_runs_does_not_block(void **state)
{
    struct vp *vp = awake(1, 0, 100);

    (void)state;
    assert_ptr_equal(world_next(false), vp);
    sched_wake(vp);
    assert_ptr_equal(world_next(true), vp);
    assert_null(world_next(true)); /* once */
}

static void suspended_vp_is_not_queued(void **state)
{
    struct vp *vp = world_vp(1, 0, 100);

    (void)state;
    vp->suspend = VP_SUSPEND_EXPLICIT;
    sched_wake(vp);
    assert_null(world_next(false));
    vp->suspend = 0;
    sched_wake(vp);
    assert_ptr_equal(world_next(false), vp);
    vp->suspend = VP_SUSPEND_HOLD;
    sched_wake(vp);
    assert_null(world_next(true));
}

static void detach_takes_a_vp_out_of_each_state(void **state)
{
    struct vp *vp = world_vp(1, 0, 100);

    (void)state;
    assert_true(sched_detach(vp)); /* blocked */
    sched_wake(vp);
    assert_true(sched_detach(vp)); /* runnable */
    assert_null(world_next(false));
    sched_wake(vp);
    assert_ptr_equal(world_next(false), vp);
    assert_false(sched_detach(vp)); /* running */
    assert_true(world.lps[0].remote.work & WORK_RESCHEDULE);
    assert_ptr_equal(world_next(false), vp); /* preempted */
    vp->suspend = VP_SUSPEND_HOLD;
    assert_null(world_next(true));
    assert_true(sched_detach(vp));
    assert_true(list_empty(&vp->sched.waiting));
}

static void detached_vp_is_no_lock_holder(void **state)
{
    struct vp *holder = awake(1, 0, 100), *spinner = awake(1, 0, 100);

    (void)state;
    assert_ptr_equal(world_next(false), holder);
    world.tsc += SLICE + 1;
    assert_ptr_equal(world_next(false), spinner);
    assert_true(sched_detach(holder));
    assert_false(sched_long_spin(world_lp(0), spinner));
}

/* ---- long spins ---- */

static void spinning_vp_yields_to_the_longest_preempted(void **state)
{
    struct vp *a = awake(1, 0, 100), *b = awake(1, 0, 100), *c = awake(1, 0, 100);
    struct vp *other = awake(2, 0, 100);
    struct pcpu *cpu = world_lp(0);
    uint64_t owed;

    (void)state;
    assert_ptr_equal(world_next(false), a);
    world.tsc += SLICE;
    for (struct vp *vp = world_next(false); vp != c; vp = world_next(false))
        world.tsc += vp == other ? 2 * SLICE : SLICE;
    world.tsc += 10;
    (void)sched_should_preempt(cpu, c, world.tsc);
    owed = a->sched.vruntime + b->sched.vruntime + c->sched.vruntime;
    assert_true(sched_long_spin(cpu, c));
    assert_int_equal(a->sched.vruntime + b->sched.vruntime + c->sched.vruntime, owed);
    assert_ptr_equal(world_next(false), a);
}

static void when_all_spin_the_one_that_spun_longest_goes_on(void **state)
{
    struct vp *vps[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        vps[i] = world_vp(1, 0, 100);
        vps[i]->sched.vruntime = SCHED_VRUNTIME_BEGIN + i; /* in this order */
        sched_wake(vps[i]);
    }
    for (struct vp *vp = world_next(false); vp != vps[2]; vp = world_next(false)) {
        world.tsc += SLICE;
        vp->sched.spinning = true;
    }
    for (unsigned i = 0; i < 6; i++) {
        world.tsc += 10;
        assert_true(sched_long_spin(world_lp(0), vps[(i + 2) % 3]));
        assert_ptr_equal(world_next(false), vps[i % 3]);
    }
}

static void spinning_alone_changes_nothing(void **state)
{
    struct vp *vp = awake(1, 0, 100);

    (void)state;
    assert_ptr_equal(world_next(false), vp);
    assert_false(sched_long_spin(world_lp(0), vp));
    assert_false(vp->sched.spinning);
}

static void who_waits_for_another_lp_lets_others_go_first(void **state)
{
    struct vp *spinner = awake(1, 0, 100), *other = awake(2, 0, 100);

    (void)state;
    assert_ptr_equal(world_next(false), spinner);
    world.tsc += 10;
    spinner->partition->running_lps[0] = 3; /* LP 1 too */
    assert_true(sched_long_spin(world_lp(0), spinner));
    assert_ptr_equal(world_next(false), other);
}

static void holder_is_fetched_from_another_lp(void **state)
{
    struct vp *holder = awake(1, 1, 100), *spinner = awake(1, 0, 100);

    (void)state;
    assert_ptr_equal(world_next(false), spinner);
    world_lp(1);
    assert_ptr_equal(world_next(false), holder);
    world.tsc += SLICE;
    sched_wake(world.root_vps[1]);
    assert_ptr_equal(world_next(false), world.root_vps[1]);
    world_lp(0);
    assert_true(sched_long_spin(&world.lps[0], spinner));
    assert_ptr_equal(world_next(false), holder);
    assert_int_equal(holder->sched.lp, 0);
}

static void partition_gains_nothing_by_spinning(void **state)
{
    struct vp *vps[4], *other = awake(2, 0, 100);
    struct pcpu *cpu = world_lp(0);
    uint64_t ticks = 2000 * SLICE, end = world.tsc + ticks;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        vps[i] = awake(1, 0, 100);
    for (struct vp *vp = world_next(false); world.tsc < end;) {
        world.tsc += STEP;
        if (sched_should_preempt(cpu, vp, world.tsc) ||
            (vp != other && sched_long_spin(cpu, vp)))
            vp = world_next(false);
    }
    assert_share(other, 200, ticks, 20);
    for (unsigned i = 0; i < 4; i++)
        assert_share(vps[i], 200, ticks, 20);
}

/* ---- several LPs ---- */

static void idle_lp_steals(void **state)
{
    struct vp *a = awake(1, 0, 100), *b = awake(1, 0, 100);

    (void)state;
    world_run(10 * SLICE);
    assert_int_equal(a->sched.run_tsc, 10 * SLICE);
    assert_int_equal(b->sched.run_tsc, 10 * SLICE);
}

static void stolen_vp_competes_as_before(void **state)
{
    struct vp *a = awake(1, 0, 100), *b = awake(1, 0, 100), *late = world_vp(1, 1, 100);
    uint64_t before;

    (void)state;
    world_run(100 * SLICE); /* LP 1 had never run anything */
    before = b->sched.run_tsc;
    a->suspend = VP_SUSPEND_EXPLICIT; /* and leaves LP 0 to */
    world_lp(a->sched.lp);
    world_next(true);
    sched_wake(late);
    world_run(20 * SLICE);
    assert_in_range(late->sched.run_tsc, 19 * SLICE, 20 * SLICE);
    assert_in_range(b->sched.run_tsc - before, 19 * SLICE, 20 * SLICE);
}

static void preempted_vp_goes_to_an_idle_lp(void **state)
{
    struct vp *vp = awake(1, 0, 100);
    uint32_t kicks;

    (void)state;
    world_lp(1);
    assert_ptr_equal(world_next(false), vp); /* stolen */
    world_lp(0);
    assert_null(world_next(false));
    kicks = world.kicks[0];
    world_lp(1);
    sched_wake(world.root_vps[1]);
    assert_ptr_equal(world_next(false), world.root_vps[1]);
    assert_int_equal(world.kicks[0], kicks + 1);
    world_lp(0);
    assert_ptr_equal(world_next(false), vp);
}

static void three_vps_take_turns_on_two_lps(void **state)
{
    struct vp *vps[3];
    uint64_t ticks = 3000 * SLICE;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        vps[i] = awake(i % 2 + 1, i % 2, 100);
    world_run(ticks);
    for (unsigned i = 0; i < 3; i++)
        assert_share(vps[i], 667, ticks, 30);
}

static void vps_spread_evenly(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++)
        awake(1, 0, 100);
    world_run(200 * SLICE);
    for (unsigned i = 0; i < 8; i++)
        assert_share(world.vps[i], 250, 200 * SLICE, 50);
}

/* Root takes four fifths of LP 0: four VPs that compute get 1.2 LPs between them. */
static void vps_go_where_root_leaves_more(void **state)
{
    struct vp *vps[4];
    uint64_t ticks = 4000 * SLICE;

    (void)state;
    sched_wake(world.root_vps[0]);
    for (unsigned i = 0; i < 4; i++)
        vps[i] = awake(i / 2 + 1, i % 2, 100);
    world_run(ticks);
    for (unsigned i = 0; i < 4; i++)
        assert_share(vps[i], 300, ticks, 45);
}

/* What root took while it had the LP alone counts no longer than any other time. */
static void root_that_has_blocked_leaves_all(void **state)
{
    struct vp *vps[4];
    uint64_t ticks = 2000 * SLICE;

    (void)state;
    sched_wake(world.root_vps[0]);
    world_run(20000 * SLICE);
    world_next(true);
    for (unsigned i = 0; i < 4; i++)
        vps[i] = awake(i / 2 + 1, 1, 100);
    world_run(ticks);
    for (unsigned i = 0; i < 4; i++)
        assert_share(vps[i], 500, ticks, 20);
}

static void new_vps_are_placed_in_turns(void **state)
{
    uint32_t first = sched_place();

    (void)state;
    assert_int_equal(sched_place(), (first + 1) % 2);
    assert_int_equal(sched_place(), first);
}

/* Neither by stealing, nor in turns, nor when new. */
static void lp_for_root_only_runs_no_children(void **state)
{
    (void)state;
    world.lps[1].root_only = true;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sched_place(), 0);
        awake(i % 2 + 1, 0, 100);
    }
    world_run(200 * SLICE);
    for (unsigned i = 0; i < 3; i++)
        assert_share(world.vps[i], 333, 200 * SLICE, 20);
    assert_int_equal(world.lps[1].run_tsc[1], 0);
    sched_wake(world.root_vps[1]);
    world_lp(1);
    assert_ptr_equal(world_next(false), world.root_vps[1]);
}

static void lp_set_is_searched_around(void **state)
{
    struct lp_set s = {0};

    (void)state;
    assert_int_equal(lp_set_next(&s, 5), LP_MAX);
    lp_set_add(&s, 3);
    lp_set_add(&s, 511);
    assert_int_equal(lp_set_next(&s, 3), 3);
    assert_int_equal(lp_set_next(&s, 4), 511);
    assert_int_equal(lp_set_next(&s, LP_MAX), 3);
    lp_set_remove(&s, 511);
    assert_int_equal(lp_set_next(&s, 4), 3);
    assert_false(lp_set_has(&s, 511));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON(one, weights_share_an_lp),
        ON(one, weight_changes_at_once),
        ON(one, extreme_weights_starve_nobody),
        ON(one, vp_that_slept_takes_the_lp_at_once),
        ON(one, vp_that_came_late_is_owed_one_slice),
        ON(one, vp_as_far_as_others_waits_for_the_slice_to_end),
        ON(two, wake_interrupts_an_lp_that_must_look),
        ON(one, root_goes_first),
        ON(one, busy_root_leaves_a_fifth),
        ON(one, root_alone_has_no_budget),
        ON(one, vp_woken_while_it_runs_does_not_block),
        ON(one, suspended_vp_is_not_queued),
        ON(one, detach_takes_a_vp_out_of_each_state),
        ON(one, detached_vp_is_no_lock_holder),
        ON(one, spinning_vp_yields_to_the_longest_preempted),
        ON(one, when_all_spin_the_one_that_spun_longest_goes_on),
        ON(one, spinning_alone_changes_nothing),
        ON(two, who_waits_for_another_lp_lets_others_go_first),
        ON(two, holder_is_fetched_from_another_lp),
        ON(one, partition_gains_nothing_by_spinning),
        ON(two, idle_lp_steals),
        ON(two, stolen_vp_competes_as_before),
        ON(two, preempted_vp_goes_to_an_idle_lp),
        ON(two, three_vps_take_turns_on_two_lps),
        ON(two, vps_spread_evenly),
        ON(two, vps_go_where_root_leaves_more),
        ON(two, root_that_has_blocked_leaves_all),
        ON(two, new_vps_are_placed_in_turns),
        ON(two, lp_for_root_only_runs_no_children),
        cmocka_unit_test(lp_set_is_searched_around),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
