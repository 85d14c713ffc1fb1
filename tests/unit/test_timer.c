/* SPDX-License-Identifier: MIT */
/* test_timer.c - the hypervisor's timers: in order, once, on the LP that armed them, with the
 * physical timer at the earliest. */
#include "fakes/test.h"

#include "core/timer.h"
#include "fakes/hv_machine.h"

#define TIMERS 64u

static struct timer timers[TIMERS];
static unsigned fired[TIMERS * 4], count;

static void note(struct timer *t)
{
    assert_true(count < ARRAY_SIZE(fired));
    assert_false(t->node.queued);
    assert_false(machine_locked(&this_cpu()->timer_lock));
    fired[count++] = (unsigned)(t - timers);
}

static int setup(void **state)
{
    (void)state;
    machine_init(2);
    count = 0;
    for (unsigned i = 0; i < TIMERS; i++)
        timer_init(&timers[i], note);
    return 0;
}

/* The LP's timer interrupt comes when the physical timer says so, and not before. */
static void pass(uint64_t ticks)
{
    uint64_t end = machine.tsc + ticks;

    while (machine.lp->deadline <= end) {
        if (machine.lp->deadline > machine.tsc)
            machine.tsc = machine.lp->deadline;
        machine.lp->deadline = UINT64_MAX;
        timers_run(this_cpu());
    }
    machine.tsc = end;
}

static void timers_fire_in_the_order_of_their_deadlines(void **state)
{
    uint64_t seed = 5, start = machine.tsc;
    uint64_t due[TIMERS];

    (void)state;
    for (unsigned i = 0; i < TIMERS; i++) {
        due[i] = start + 1 + fake_random(&seed, 100000);
        timer_arm(&timers[i], due[i]);
    }
    pass(100001);
    assert_int_equal(count, TIMERS);
    for (unsigned i = 1; i < TIMERS; i++)
        assert_true(due[fired[i - 1]] <= due[fired[i]]);
}

static void timer_does_not_fire_early_and_fires_once(void **state)
{
    (void)state;
    timer_arm(&timers[0], machine.tsc + 1000);
    pass(999);
    assert_int_equal(count, 0);
    pass(1);
    assert_int_equal(count, 1);
    pass(100000);
    assert_int_equal(count, 1);
}

static void past_deadline_fires_soon(void **state)
{
    (void)state;
    timer_arm(&timers[0], machine.tsc - 1);
    pass(0);
    assert_int_equal(count, 1);
}

static void armed_again_means_the_new_deadline_only(void **state)
{
    (void)state;
    timer_arm(&timers[0], machine.tsc + 100);
    timer_arm(&timers[0], machine.tsc + 200);
    pass(150);
    assert_int_equal(count, 0);
    timer_arm(&timers[0], machine.tsc + 10);
    pass(10);
    assert_int_equal(count, 1);
    pass(1000);
    assert_int_equal(count, 1);
}

static void cancelled_timer_does_not_fire(void **state)
{
    (void)state;
    timer_arm(&timers[0], machine.tsc + 100);
    timer_arm(&timers[1], machine.tsc + 200);
    assert_true(timer_cancel(&timers[0]));
    assert_false(timer_cancel(&timers[0])); /* harmless */
    pass(1000);
    assert_int_equal(count, 1);
    assert_int_equal(fired[0], 1);
}

static void physical_timer_is_set_to_the_earliest(void **state)
{
    (void)state;
    timer_arm(&timers[0], machine.tsc + 500);
    assert_int_equal(machine.lp->deadline, machine.tsc + 500);
    timer_arm(&timers[1], machine.tsc + 100);
    assert_int_equal(machine.lp->deadline, machine.tsc + 100);
    timer_arm(&timers[2], machine.tsc + 900);
    assert_int_equal(machine.lp->deadline, machine.tsc + 100);
    pass(100);
    assert_int_equal(machine.lp->deadline, machine.tsc + 400);
    pass(400);
    pass(400);
    assert_int_equal(machine.lp->deadline, UINT64_MAX);
}

static void timer_belongs_to_the_lp_that_armed_it_last(void **state)
{
    (void)state;
    timer_arm(&timers[0], machine.tsc + 100);
    machine_lp(1);
    timer_arm(&timers[0], machine.tsc + 50);
    assert_int_equal(machine.lps[1].deadline, machine.tsc + 50);
    machine_lp(0);
    pass(100);
    assert_int_equal(count, 0);
    machine_lp(1);
    pass(0);
    assert_int_equal(count, 1);
}

static void any_lp_may_cancel(void **state)
{
    (void)state;
    timer_arm(&timers[0], machine.tsc + 100);
    machine_lp(1);
    assert_true(timer_cancel(&timers[0]));
    machine_lp(0);
    pass(1000);
    assert_int_equal(count, 0);
}

static void arm_once_more(struct timer *t)
{
    note(t);
    if (count < 10)
        timer_arm(t, machine.tsc + 10);
}

static void timer_may_arm_itself(void **state)
{
    (void)state;
    timer_init(&timers[0], arm_once_more);
    timer_arm(&timers[0], machine.tsc + 10);
    pass(95);
    assert_int_equal(count, 9);
    pass(1000);
    assert_int_equal(count, 10);
}

static void cancel_the_next(struct timer *t)
{
    note(t);
    assert_false(timer_cancel(t)); /* it is not queued while it is called */
    assert_true(timer_cancel(&timers[1]));
}

static void timer_may_cancel_one_that_is_due_as_well(void **state)
{
    (void)state;
    timer_init(&timers[0], cancel_the_next);
    timer_arm(&timers[0], machine.tsc + 10);
    timer_arm(&timers[1], machine.tsc + 11);
    machine.tsc += 20;
    pass(0);
    assert_int_equal(count, 1);
}

static void units_convert_both_ways(void **state)
{
    (void)state;
    assert_int_equal(tsc_to_100ns(MACHINE_TSC_HZ), 10000000);
    assert_int_equal(tsc_to_100ns(99), 0);
    assert_int_equal(tsc_to_100ns(MACHINE_TSC_HZ * 86400 * 365), 10000000ull * 86400 * 365);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(timers_fire_in_the_order_of_their_deadlines),
        TEST(timer_does_not_fire_early_and_fires_once),
        TEST(past_deadline_fires_soon),
        TEST(armed_again_means_the_new_deadline_only),
        TEST(cancelled_timer_does_not_fire),
        TEST(physical_timer_is_set_to_the_earliest),
        TEST(timer_belongs_to_the_lp_that_armed_it_last),
        TEST(any_lp_may_cancel),
        TEST(timer_may_arm_itself),
        TEST(timer_may_cancel_one_that_is_due_as_well),
        TEST(units_convert_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
