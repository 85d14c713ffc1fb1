/* SPDX-License-Identifier: MIT */
/* test_lapic_timer.c - the timer of the software local APIC under a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <x86/msr.h>
#include "lapic_fixture.h"

#define VECTOR    0xecu
#define TSC_TICKS (FIXTURE_TSC_HZ / FIXTURE_HZ) /* of the TSC in a count, undivided */

static struct lapic *l;

static void begin(uint64_t tsc_hz, uint64_t timer_hz)
{
    fixture_space_init_config((struct lapic_space_config){.capacity = FIXTURE_APICS,
                                                          .tsc_hz = tsc_hz,
                                                          .timer_hz = timer_hz,
                                                          .x2apic = true,
                                                          .tsc_deadline = true});
    l = fixture_add_enabled(0);
    lapic_mmio_write(l, APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
}

static int setup(void **state)
{
    (void)state;
    begin(FIXTURE_TSC_HZ, FIXTURE_HZ);
    return 0;
}

static void mode(uint32_t timer_mode)
{
    lapic_mmio_write(l, APIC_LVT_TIMER, timer_mode | VECTOR);
}

static void count(uint32_t initial)
{
    lapic_mmio_write(l, APIC_TIMER_INITIAL, initial);
}

static uint32_t current(void)
{
    return lapic_mmio_read(l, APIC_TIMER_CURRENT);
}

static void after(uint64_t tsc_ticks)
{
    fixture_clock_to(fixture_tsc + tsc_ticks);
    fixture_check(l);
}

static bool interrupted(void)
{
    int vector = fixture_deliver(l);

    if (vector >= 0)
        lapic_eoi(l);
    return vector == (int)VECTOR;
}

/* ---- One-shot ---- */

static void one_shot_fires_once_at_its_time(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_ONE_SHOT);
    count(1000);
    after(1000 * TSC_TICKS - 1);
    assert_false(interrupted());
    after(1);
    assert_true(interrupted());
    after(1000000);
    assert_false(interrupted());
    assert_int_equal(current(), 0);
    assert_int_equal(lapic_mmio_read(l, APIC_TIMER_INITIAL), 1000);
}

static void count_goes_down_with_the_clock(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_ONE_SHOT);
    count(1000);
    assert_int_equal(current(), 1000);
    after(TSC_TICKS - 1);
    assert_int_equal(current(), 1000);
    after(1);
    assert_int_equal(current(), 999);
    after(998 * TSC_TICKS);
    assert_int_equal(current(), 1);
    after(TSC_TICKS);
    assert_int_equal(current(), 0);
}

static void every_divisor_divides(void **state)
{
    static const struct {
        uint32_t divide, by;
    } d[] = {{APIC_DIVIDE_BY_1, 1},   {APIC_DIVIDE_BY_2, 2},   {APIC_DIVIDE_BY_4, 4},
             {APIC_DIVIDE_BY_8, 8},   {APIC_DIVIDE_BY_16, 16}, {APIC_DIVIDE_BY_32, 32},
             {APIC_DIVIDE_BY_64, 64}, {APIC_DIVIDE_BY_128, 128}};

    (void)state;
    mode(APIC_LVT_TIMER_ONE_SHOT);
    for (unsigned i = 0; i < sizeof(d) / sizeof(d[0]); i++) {
        lapic_mmio_write(l, APIC_TIMER_DIVIDE, d[i].divide);
        count(100);
        after(100 * TSC_TICKS * d[i].by - 1);
        assert_int_equal(current(), 1);
        assert_false(interrupted());
        after(1);
        assert_true(interrupted());
    }
}

static void changing_the_divisor_keeps_the_count(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_ONE_SHOT);
    count(1000);
    after(400 * TSC_TICKS);
    lapic_mmio_write(l, APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_4);
    assert_int_equal(current(), 600);
    after(4 * 600 * TSC_TICKS - 1);
    assert_false(interrupted());
    after(1);
    assert_true(interrupted());
}

static void writing_zero_stops(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_ONE_SHOT);
    count(1000);
    count(0);
    assert_false(fixture_vp(l)->timer_armed);
    after(100000);
    assert_false(interrupted());
}

static void new_count_replaces_the_old(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_ONE_SHOT);
    count(1000);
    after(999 * TSC_TICKS);
    count(1000);
    after(999 * TSC_TICKS);
    assert_false(interrupted());
    after(TSC_TICKS);
    assert_true(interrupted());
}

static void largest_count_at_the_largest_divisor_does_not_overflow(void **state)
{
    uint64_t ticks = 0xffffffffull * 128 * TSC_TICKS;

    (void)state;
    mode(APIC_LVT_TIMER_ONE_SHOT);
    lapic_mmio_write(l, APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_128);
    count(0xffffffff);
    assert_int_equal(current(), 0xffffffff);
    after(ticks - 1);
    assert_int_equal(current(), 1);
    after(1);
    assert_true(interrupted());
}

static void count_started_just_before_the_tsc_wraps_still_ends(void **state)
{
    (void)state;
    fixture_tsc = UINT64_MAX - 100;
    mode(APIC_LVT_TIMER_ONE_SHOT);
    count(1000);
    assert_int_equal(current(), 1000);
    fixture_tsc += 500 * TSC_TICKS;
    assert_int_equal(current(), 500);
    fixture_tsc += 500 * TSC_TICKS;
    assert_true(lapic_timer_expired(l));
    assert_true(interrupted());
}

/* ---- Periodic ---- */

/* Frequencies whose ratio is no number of 32.32 bits; 1000 periods against exact arithmetic. */
static void periodic_timer_does_not_drift(void **state)
{
    const uint64_t tsc_hz = 2893437019ull, hz = 199999991ull;
    uint64_t start;

    (void)state;
    begin(tsc_hz, hz);
    start = fixture_tsc;
    mode(APIC_LVT_TIMER_PERIODIC);
    count(12345);
    for (uint64_t n = 1; n <= 1000; n++) {
        uint64_t expected = start + (uint64_t)((unsigned __int128)n * 12345 * tsc_hz / hz);

        fixture_clock_to(expected - 1);
        assert_false(interrupted());
        fixture_clock_to(expected + 1);
        assert_true(interrupted());
    }
}

static void periodic_timer_of_any_length_keeps_its_phase_when_the_host_is_late(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_PERIODIC);
    for (uint64_t late = 1; late < 1ull << 60; late = late * 3 + 1) {
        uint64_t start = fixture_tsc = 5000, period = 1000 * TSC_TICKS;

        count(1000);
        fixture_tsc = start + period + late;
        lapic_timer_expired(l);
        assert_true(interrupted());
        assert_int_equal(fixture_vp(l)->timer_deadline,
                         start + period + (late / period + 1) * period);
        count(0);
    }
}

static void periodic_count_reloads(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_PERIODIC);
    count(1000);
    after(1250 * TSC_TICKS);
    assert_int_equal(current(), 750);
    fixture_tsc += 1000 * TSC_TICKS; /* the host has not looked yet */
    assert_int_equal(current(), 750);
}

static void host_is_asked_once_for_each_interrupt_that_is_taken(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_PERIODIC);
    count(1);
    after(1000000);
    assert_int_equal(fixture_vp(l)->timer_arms, 1); /* the vector is pending: nobody would notice */
    for (unsigned k = 0; k < 5; k++) { /* nor does an offer that nobody takes make a difference */
        uint8_t vector = (uint8_t)lapic_pending(l);
        lapic_take(l, vector);
        lapic_give_back(l, vector);
    }
    assert_int_equal(fixture_vp(l)->timer_arms, 1);
    assert_true(interrupted());
    after(1000000);
    assert_int_equal(fixture_vp(l)->timer_arms, 2);
    assert_true(interrupted());
    assert_false(interrupted());
}

static void masked_timer_counts_without_the_host(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_PERIODIC | APIC_LVT_MASKED);
    count(1000);
    assert_false(fixture_vp(l)->timer_armed);
    after(1250 * TSC_TICKS);
    assert_int_equal(current(), 750);
    mode(APIC_LVT_TIMER_PERIODIC);
    assert_false(interrupted());
    after(750 * TSC_TICKS);
    assert_true(interrupted());
}

static void one_shot_that_ended_while_masked_is_over(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_ONE_SHOT | APIC_LVT_MASKED);
    count(1000);
    after(1000 * TSC_TICKS);
    mode(APIC_LVT_TIMER_ONE_SHOT);
    after(100000);
    assert_false(interrupted());
    assert_int_equal(current(), 0);
}

static void masked_periodic_timer_turned_one_shot_ends_its_period(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_PERIODIC | APIC_LVT_MASKED);
    count(1000);
    after(2250 * TSC_TICKS);
    mode(APIC_LVT_TIMER_ONE_SHOT | APIC_LVT_MASKED);
    assert_int_equal(current(), 750);
    mode(APIC_LVT_TIMER_ONE_SHOT);
    after(750 * TSC_TICKS);
    assert_true(interrupted());
    after(10000 * TSC_TICKS);
    assert_false(interrupted());
}

static void count_shorter_than_a_tsc_tick_makes_progress(void **state)
{
    (void)state;
    begin(LAPIC_HZ_MIN, LAPIC_HZ_MAX);
    mode(APIC_LVT_TIMER_PERIODIC);
    count(1);
    for (unsigned i = 0; i < 100; i++) {
        after(1);
        assert_true(interrupted());
    }
}

static void early_call_of_the_host_is_answered_by_arming_again(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_ONE_SHOT);
    count(1000);
    fixture_vp(l)->timer_armed = false;
    assert_false(lapic_timer_expired(l));
    assert_true(fixture_vp(l)->timer_armed);
    count(0);
    assert_false(lapic_timer_expired(l)); /* a late call after the guest has stopped it */
    fixture_check(l);
}

/* ---- TSC-deadline ---- */

static void deadline_fires_at_its_tsc_and_reads_zero_then(void **state)
{
    uint64_t deadline = fixture_tsc + 12345;

    (void)state;
    mode(APIC_LVT_TIMER_DEADLINE);
    fixture_msr_set(l, MSR_IA32_TSC_DEADLINE, deadline);
    assert_int_equal(fixture_msr(l, MSR_IA32_TSC_DEADLINE), deadline);
    after(12344);
    assert_false(interrupted());
    after(1);
    assert_true(interrupted());
    assert_int_equal(fixture_msr(l, MSR_IA32_TSC_DEADLINE), 0);
}

static void deadline_in_the_past_fires_without_the_host(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_DEADLINE);
    fixture_msr_set(l, MSR_IA32_TSC_DEADLINE, fixture_tsc);
    assert_true(interrupted());
    assert_int_equal(fixture_vp(l)->timer_arms, 0);
    assert_int_equal(fixture_msr(l, MSR_IA32_TSC_DEADLINE), 0);
}

static void deadline_of_zero_disarms(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_DEADLINE);
    fixture_msr_set(l, MSR_IA32_TSC_DEADLINE, fixture_tsc + 100);
    fixture_msr_set(l, MSR_IA32_TSC_DEADLINE, 0);
    assert_false(fixture_vp(l)->timer_armed);
    after(1000);
    assert_false(interrupted());
}

static void farthest_deadline_is_not_past(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_DEADLINE);
    fixture_msr_set(l, MSR_IA32_TSC_DEADLINE, UINT64_MAX);
    assert_false(interrupted());
    assert_in_range(fixture_vp(l)->timer_deadline - fixture_tsc, 1ull << 60, (1ull << 63) - 1);
    assert_int_equal(fixture_msr(l, MSR_IA32_TSC_DEADLINE), UINT64_MAX);
}

static void deadline_msr_and_count_belong_to_their_modes(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_ONE_SHOT);
    fixture_msr_set(l, MSR_IA32_TSC_DEADLINE, fixture_tsc + 100);
    assert_int_equal(fixture_msr(l, MSR_IA32_TSC_DEADLINE), 0);
    assert_false(fixture_vp(l)->timer_armed);
    mode(APIC_LVT_TIMER_DEADLINE);
    count(1000);
    assert_int_equal(lapic_mmio_read(l, APIC_TIMER_INITIAL), 0);
    assert_int_equal(current(), 0);
    assert_false(fixture_vp(l)->timer_armed);
}

static void change_to_or_from_deadline_mode_disarms(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_DEADLINE);
    fixture_msr_set(l, MSR_IA32_TSC_DEADLINE, fixture_tsc + 100);
    mode(APIC_LVT_TIMER_ONE_SHOT);
    assert_false(fixture_vp(l)->timer_armed);
    count(1000);
    mode(APIC_LVT_TIMER_DEADLINE);
    assert_false(fixture_vp(l)->timer_armed);
    assert_int_equal(fixture_msr(l, MSR_IA32_TSC_DEADLINE), 0);
}

static void deadline_that_passes_while_masked_is_over(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_DEADLINE | APIC_LVT_MASKED);
    fixture_msr_set(l, MSR_IA32_TSC_DEADLINE, fixture_tsc + 100);
    after(100);
    assert_int_equal(fixture_msr(l, MSR_IA32_TSC_DEADLINE), 0);
    mode(APIC_LVT_TIMER_DEADLINE);
    assert_false(interrupted());
}

/* ---- A TSC that jumps ---- */

static void count_keeps_its_time_when_the_tsc_jumps(void **state)
{
    (void)state;
    mode(APIC_LVT_TIMER_ONE_SHOT);
    count(1000);
    fixture_tsc += 1000000000;
    lapic_tsc_moved(l, 1000000000);
    assert_int_equal(current(), 1000);
    assert_int_equal(fixture_vp(l)->timer_deadline, fixture_tsc + 1000 * TSC_TICKS);
    fixture_tsc -= 3000000;
    lapic_tsc_moved(l, -3000000);
    assert_int_equal(current(), 1000);
    assert_int_equal(fixture_vp(l)->timer_deadline, fixture_tsc + 1000 * TSC_TICKS);
}

static void deadline_keeps_its_value_when_the_tsc_jumps(void **state)
{
    uint64_t deadline = fixture_tsc + 1000;

    (void)state;
    mode(APIC_LVT_TIMER_DEADLINE);
    fixture_msr_set(l, MSR_IA32_TSC_DEADLINE, deadline);
    fixture_tsc += 1000000;
    lapic_tsc_moved(l, 1000000);
    assert_int_equal(fixture_msr(l, MSR_IA32_TSC_DEADLINE), deadline);
    assert_true(fixture_vp(l)->timer_deadline <= fixture_tsc);
    after(0);
    assert_true(interrupted());
}

static void power_up_divisor_is_two(void **state)
{
    (void)state;
    lapic_reset(l);
    lapic_mmio_write(l, APIC_SVR, APIC_SVR_ENABLE | APIC_SVR_RESET);
    mode(APIC_LVT_TIMER_ONE_SHOT);
    count(1000);
    after(2 * 1000 * TSC_TICKS - 1);
    assert_false(interrupted());
    after(1);
    assert_true(interrupted());
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_shot_fires_once_at_its_time),
        TEST(count_goes_down_with_the_clock),
        TEST(every_divisor_divides),
        TEST(changing_the_divisor_keeps_the_count),
        TEST(writing_zero_stops),
        TEST(new_count_replaces_the_old),
        TEST(largest_count_at_the_largest_divisor_does_not_overflow),
        TEST(count_started_just_before_the_tsc_wraps_still_ends),
        TEST(periodic_timer_does_not_drift),
        TEST(periodic_timer_of_any_length_keeps_its_phase_when_the_host_is_late),
        TEST(periodic_count_reloads),
        TEST(host_is_asked_once_for_each_interrupt_that_is_taken),
        TEST(masked_timer_counts_without_the_host),
        TEST(one_shot_that_ended_while_masked_is_over),
        TEST(masked_periodic_timer_turned_one_shot_ends_its_period),
        TEST(count_shorter_than_a_tsc_tick_makes_progress),
        TEST(early_call_of_the_host_is_answered_by_arming_again),
        TEST(deadline_fires_at_its_tsc_and_reads_zero_then),
        TEST(deadline_in_the_past_fires_without_the_host),
        TEST(deadline_of_zero_disarms),
        TEST(farthest_deadline_is_not_past),
        TEST(deadline_msr_and_count_belong_to_their_modes),
        TEST(change_to_or_from_deadline_mode_disarms),
        TEST(deadline_that_passes_while_masked_is_over),
        TEST(count_keeps_its_time_when_the_tsc_jumps),
        TEST(deadline_keeps_its_value_when_the_tsc_jumps),
        TEST(power_up_divisor_is_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
