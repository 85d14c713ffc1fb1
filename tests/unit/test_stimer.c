/* SPDX-License-Identifier: MIT */
/* test_stimer.c - synthetic timers: hypervisor/synic/stimer.c, over a clock that stands still. */
#include "fakes/synic_world.h"
#include "fakes/test.h"

#include <hvabi/msr.h>

#define SINT   2
#define VECTOR 0x51
#define DIRECT 0xed

#define ONE_SHOT (HV_STIMER_AUTO_ENABLE | (uint64_t)SINT << HV_STIMER_SINT_SHIFT)
#define PERIODIC (ONE_SHOT | HV_STIMER_PERIODIC)
#define LAZY     (PERIODIC | HV_STIMER_LAZY)
#define DIRECTLY                                                                                   \
    (HV_STIMER_AUTO_ENABLE | HV_STIMER_DIRECT_MODE |                                               \
     (uint64_t)DIRECT << HV_STIMER_APIC_VECTOR_SHIFT)

#define MS 10000ull /* 100 ns units */

static struct partition *p;
static struct world_vp *vp;
static struct stimers *t;

static int start(void **state)
{
    (void)state;
    fake_tsc = 1000000007;
    p = world_partition(7, 0);
    vp = &p->vp[0];
    t = &vp->stimers;
    world_enable(vp, SINT, VECTOR);
    world_advance(50 * MS);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    world_free(p);
    assert_int_equal(world_timers_queued(), 0);
    return 0;
}

static uint64_t now(void)
{
    return reftime_now(&p->reftime);
}

static uint32_t config_msr(unsigned i)
{
    return HV_X64_MSR_STIMER0_CONFIG + 2 * i;
}

static uint32_t count_msr(unsigned i)
{
    return HV_X64_MSR_STIMER0_COUNT + 2 * i;
}

static void wr(uint32_t msr, uint64_t v)
{
    assert_true(stimer_msr_write(t, msr, v));
}

static uint64_t rd(uint32_t msr)
{
    uint64_t v;

    assert_true(stimer_msr_read(t, msr, &v));
    return v;
}

static void set(unsigned i, uint64_t config, uint64_t count)
{
    wr(config_msr(i), config);
    wr(count_msr(i), count);
}

/* The payload of the message that the guest finds; fails if there is none. */
static struct hv_timer_message_payload take(void)
{
    struct hv_timer_message_payload payload;
    struct hv_message got;

    assert_true(guest_take(vp, SINT, &got));
    assert_int_equal(got.header.message_type, HvMessageTimerExpired);
    assert_int_equal(got.header.payload_size, 24);
    assert_int_equal(got.header.origination_id, 0);
    memcpy(&payload, got.payload, sizeof(payload));
    return payload;
}

static bool nothing_came(void)
{
    struct hv_message got;

    return !guest_take(vp, SINT, &got);
}

/* Take messages as they come for @units, looking every @step; how many came. */
static unsigned drink(uint64_t units, uint64_t step)
{
    struct hv_message got;
    unsigned n = 0;

    for (uint64_t i = 0; i < units; i += step) {
        world_advance(step);
        while (guest_take(vp, SINT, &got))
            n++;
    }
    return n;
}

/* ---- registers --------------------------------------------------------------------------------
 */

static void registers_read_back_and_reset_to_zero(void **state)
{
    (void)state;
    for (unsigned i = 0; i < HV_STIMER_COUNT; i++) {
        assert_int_equal(rd(config_msr(i)), 0);
        assert_int_equal(rd(count_msr(i)), 0);
        set(i, ONE_SHOT, now() + 1000 * MS + i);
        assert_int_equal(rd(config_msr(i)), ONE_SHOT | HV_STIMER_ENABLE);
        assert_int_equal(rd(count_msr(i)), now() + 1000 * MS + i);
    }
    assert_int_equal(world_timers_queued(), 4);
    stimers_reset(t);
    assert_int_equal(world_timers_queued(), 0);
    assert_int_equal(rd(config_msr(3)), 0);
    assert_int_equal(rd(count_msr(3)), 0);
}

static void neighbours_of_the_msr_range_fault(void **state)
{
    uint64_t v;

    (void)state;
    assert_false(stimer_msr_read(t, 0x400000af, &v));
    assert_false(stimer_msr_read(t, 0x400000b8, &v));
    assert_false(stimer_msr_write(t, 0x400000af, 0));
    assert_false(stimer_msr_write(t, 0x400000b8, 0));
}

static void reserved_config_bits_fault(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++)
        assert_int_equal(stimer_msr_write(t, config_msr(1), 1ull << bit),
                         bit <= 12 || (bit >= 16 && bit <= 19));
}

static void direct_mode_faults_where_it_is_not_offered(void **state)
{
    (void)state;
    t->direct = false;
    assert_false(stimer_msr_write(t, config_msr(0), DIRECTLY));
    assert_true(stimer_msr_write(t, config_msr(0), ONE_SHOT));
}

static void enabling_with_sint_zero_disables(void **state)
{
    (void)state;
    wr(count_msr(0), now() + MS);
    wr(config_msr(0), HV_STIMER_ENABLE);
    assert_int_equal(rd(config_msr(0)), 0);
    assert_int_equal(world_timers_queued(), 0);
}

static void direct_mode_with_an_exception_vector_disables(void **state)
{
    (void)state;
    wr(config_msr(0), HV_STIMER_DIRECT_MODE | HV_STIMER_AUTO_ENABLE | 15 << 4);
    wr(count_msr(0), 1);
    assert_int_equal(rd(config_msr(0)) & HV_STIMER_ENABLE, 0);
}

static void zero_count_disables_despite_auto_enable(void **state)
{
    (void)state;
    set(0, ONE_SHOT, now() + MS);
    wr(count_msr(0), 0);
    assert_int_equal(rd(config_msr(0)), ONE_SHOT);
    world_advance(10 * MS);
    assert_true(nothing_came());
}

static void without_auto_enable_the_count_starts_nothing(void **state)
{
    (void)state;
    set(0, ONE_SHOT & ~HV_STIMER_AUTO_ENABLE, now() + MS);
    assert_int_equal(world_timers_queued(), 0);
    wr(config_msr(0), (ONE_SHOT & ~HV_STIMER_AUTO_ENABLE) | HV_STIMER_ENABLE);
    assert_int_equal(world_timers_queued(), 1);
}

static void enabled_with_a_zero_count_waits_for_the_count(void **state)
{
    (void)state;
    wr(config_msr(0), ONE_SHOT | HV_STIMER_ENABLE); /* as Linux does first */
    assert_int_equal(rd(config_msr(0)), ONE_SHOT | HV_STIMER_ENABLE);
    world_advance(MS);
    assert_true(nothing_came());
    wr(count_msr(0), now() + MS);
    world_advance(2 * MS);
    take();
}

/* ---- one shot ---------------------------------------------------------------------------------
 */

static void one_shot_expires_once_and_not_before_its_time(void **state)
{
    uint64_t when = now() + 7 * MS;
    struct hv_timer_message_payload got;

    (void)state;
    set(1, ONE_SHOT, when);
    world_advance(7 * MS - 2);
    assert_true(nothing_came());
    world_advance(3);
    got = take();
    assert_int_equal(got.timer_index, 1);
    assert_int_equal(got.expiration_time, when);
    assert_in_range(got.delivery_time, when, when + 1);
    assert_int_equal(rd(config_msr(1)), ONE_SHOT);
    assert_int_equal(rd(count_msr(1)), when);
    assert_int_equal(vp->interrupts[VECTOR], 1);
    world_advance(1000 * MS);
    assert_true(nothing_came());
}

static void one_shot_in_the_past_expires_at_once(void **state)
{
    (void)state;
    set(0, ONE_SHOT, 1);
    assert_int_equal(take().expiration_time, 1);
    set(0, ONE_SHOT, now());
    take();
    assert_int_equal(world_timers_queued(), 0);
}

static void one_shot_needs_one_host_timer(void **state)
{
    unsigned before = world_timers_run();

    (void)state;
    for (uint64_t i = 1; i < 1000; i++) {
        set(0, ONE_SHOT, now() + i * 13);
        world_advance(i * 13 + 2);
        take();
    }
    assert_int_equal(world_timers_run() - before, 999);
}

static void one_shot_a_month_away_is_kept(void **state)
{
    uint64_t month = REFTIME_HZ * 3600 * 24 * 30;

    (void)state;
    set(0, ONE_SHOT, now() + month);
    world_advance(month - 10);
    assert_true(nothing_came());
    world_advance(20);
    take();
}

static void one_shot_at_the_end_of_time_never_comes(void **state)
{
    (void)state;
    set(0, ONE_SHOT, UINT64_MAX);
    world_advance(REFTIME_HZ * 86400);
    assert_true(nothing_came());
    assert_int_equal(world_timers_queued(), 1);
}

static void message_kept_back_by_a_full_slot_tells_its_delivery_time(void **state)
{
    struct hv_timer_message_payload got;

    (void)state;
    set(0, ONE_SHOT, now() + MS);
    set(1, ONE_SHOT, now() + 2 * MS);
    world_advance(5 * MS);
    assert_int_equal(take().timer_index, 0);
    got = take();
    assert_int_equal(got.timer_index, 1);
    assert_int_equal(got.delivery_time - got.expiration_time, 3 * MS);
}

static void rearming_takes_back_a_message_that_waits(void **state)
{
    (void)state;
    set(0, ONE_SHOT, now() + MS);
    set(1, ONE_SHOT, now() + 2 * MS);
    world_advance(5 * MS);
    set(1, ONE_SHOT, now() + MS);
    assert_int_equal(take().timer_index, 0);
    assert_true(nothing_came());
    world_advance(2 * MS);
    assert_int_equal(take().timer_index, 1);
}

static void disabled_synic_loses_the_message_but_not_the_timer(void **state)
{
    (void)state;
    assert_true(synic_msr_write(&vp->synic, HV_X64_MSR_SCONTROL, 0));
    set(0, ONE_SHOT, now() + MS);
    world_advance(2 * MS);
    assert_int_equal(rd(config_msr(0)), ONE_SHOT);
    assert_true(synic_msr_write(&vp->synic, HV_X64_MSR_SCONTROL, 1));
    assert_true(nothing_came());
    set(0, ONE_SHOT, now() + MS);
    world_advance(2 * MS);
    take();
}

static void direct_mode_interrupts_without_a_message(void **state)
{
    (void)state;
    set(0, DIRECTLY, now() + MS); /* as Linux: 0x1ed8 */
    assert_int_equal(rd(config_msr(0)), 0x1ed9);
    world_advance(2 * MS);
    assert_int_equal(vp->interrupts[DIRECT], 1);
    assert_int_equal(rd(config_msr(0)), 0x1ed8);
    assert_true(nothing_came());
}

static void expiry_that_lost_the_race_against_a_write_does_nothing(void **state)
{
    (void)state;
    set(0, ONE_SHOT, now() + MS);
    wr(count_msr(0), 0);
    t->timer[0].timer.fn(&t->timer[0].timer); /* was entering on another LP */
    assert_true(nothing_came());
    set(0, ONE_SHOT, now() + MS);
    t->timer[0].timer.fn(&t->timer[0].timer);
    assert_true(nothing_came());
    world_advance(2 * MS);
    take();
}

/* ---- periodic ---------------------------------------------------------------------------------
 */

static void periodic_timer_does_not_drift(void **state)
{
    uint64_t began = now();

    (void)state;
    set(0, PERIODIC, 3 * MS);
    for (uint64_t i = 1; i <= 100; i++) {
        world_advance(3 * MS + (i == 1));
        assert_int_equal(take().expiration_time, began + i * 3 * MS);
    }
    assert_int_equal(rd(config_msr(0)), PERIODIC | HV_STIMER_ENABLE);
}

static void missed_ticks_are_caught_up_at_half_the_period(void **state)
{
    uint64_t began = now(), taken;

    (void)state;
    set(0, PERIODIC, 2 * MS);
    world_advance(11 * MS); /* nobody takes: ticks 2 to 5 are owed */
    for (uint64_t i = 1; i <= 5; i++) {
        assert_int_equal(take().expiration_time, began + i * 2 * MS);
        world_advance(MS + 1);
    }
    /* Nothing is lost in the long run. */
    taken = 5 + drink(100 * MS, MS / 2);
    assert_in_range(taken, (now() - began) / (2 * MS) - 1, (now() - began) / (2 * MS));
}

static void lazy_timer_skips_missed_ticks(void **state)
{
    uint64_t began = now();

    (void)state;
    set(0, LAZY, 2 * MS);
    world_advance(2 * MS + 1);
    world_advance(20 * MS);
    assert_int_equal(take().expiration_time, began + 2 * MS);
    take(); /* the one that waited */
    assert_true(nothing_came());
    /* It was left alone for up to STIMER_MAX_BACKOFF, that is 5 periods. */
    assert_in_range(drink(40 * MS, MS / 4), 20 - 5, 20);
}

static void owed_ticks_are_bounded(void **state)
{
    (void)state;
    set(0, PERIODIC, MS);
    world_advance(100000 * MS);
    assert_in_range(drink(100 * MS, MS / 4), 100 + 10, 100 + STIMER_MAX_OWED + 2);
}

static void guest_that_takes_nothing_costs_few_host_timers(void **state)
{
    unsigned before;

    (void)state;
    for (unsigned i = 0; i < HV_STIMER_COUNT; i++)
        set(i, PERIODIC, 1);
    world_advance(1000 * MS);
    before = world_timers_run();
    world_advance(REFTIME_HZ);
    assert_in_range(world_timers_run() - before, 0,
                    HV_STIMER_COUNT * REFTIME_HZ / STIMER_MAX_BACKOFF + 4);
}

static void shortest_period_is_bounded(void **state)
{
    unsigned before = world_timers_run();

    (void)state;
    set(0, DIRECTLY | HV_STIMER_PERIODIC, 1);
    set(1, LAZY, 1);
    assert_in_range(drink(1000 * MS, STIMER_MIN_PERIOD / 2), 1, 1000 * MS / STIMER_MIN_PERIOD + 2);
    assert_in_range(world_timers_run() - before, 1, 2 * (1000 * MS / STIMER_MIN_PERIOD + 2));
}

static void guest_that_takes_messages_again_gets_its_rate_back(void **state)
{
    (void)state;
    set(0, PERIODIC, MS);
    world_advance(1000 * MS);
    drink(200 * MS, MS / 4);
    assert_in_range(drink(1000 * MS, MS / 4), 998, 1002);
}

static void period_at_the_end_of_time_does_not_wrap(void **state)
{
    (void)state;
    set(0, PERIODIC, UINT64_MAX);
    set(1, LAZY, UINT64_MAX - now() / 2);
    world_advance(REFTIME_HZ * 86400);
    assert_true(nothing_came());
}

static void changing_the_period_starts_anew(void **state)
{
    uint64_t began;

    (void)state;
    set(0, PERIODIC, 10 * MS);
    world_advance(5 * MS);
    began = now();
    wr(count_msr(0), 2 * MS);
    world_advance(2 * MS + 1);
    assert_int_equal(take().expiration_time, began + 2 * MS);
}

/* ---- pause, save and restore ------------------------------------------------------------------
 */

static void timers_stand_still_with_frozen_time(void **state)
{
    uint64_t when = now() + 5 * MS;

    (void)state;
    set(0, ONE_SHOT, when);
    world_advance(MS);
    stimers_pause(t);
    reftime_freeze(&p->reftime);
    assert_int_equal(world_timers_queued(), 0);
    world_advance(100 * MS);
    t->timer[0].timer.fn(&t->timer[0].timer); /* was entering on another LP */
    assert_true(nothing_came());
    reftime_thaw(&p->reftime, 0);
    stimers_resume(t);
    world_advance(4 * MS - 2);
    assert_true(nothing_came());
    world_advance(4);
    assert_int_equal(take().expiration_time, when);
}

static void paused_timers_do_not_expire_though_they_are_due(void **state)
{
    (void)state;
    set(0, ONE_SHOT, now() + MS);
    stimers_pause(t);
    world_advance(2 * MS);
    t->timer[0].timer.fn(&t->timer[0].timer); /* was entering on another LP */
    assert_true(nothing_came());
    stimers_resume(t);
    take();
}

static void state_survives_a_round_trip(void **state)
{
    static struct synic_state synic_saved;
    struct stimer_state saved, again;
    uint64_t when = now() + 5 * MS;

    (void)state;
    set(0, ONE_SHOT, now());
    set(1, ONE_SHOT, now()); /* waits for the slot */
    set(2, ONE_SHOT, when);
    set(3, PERIODIC, 3 * MS);
    world_advance(MS);
    stimers_pause(t);
    stimers_save(t, &saved);
    synic_save(&vp->synic, &synic_saved);
    assert_int_equal(saved.timer[1].waiting_sint, SINT);

    vp = &p->vp[3];
    t = &vp->stimers;
    assert_int_equal(synic_restore(&vp->synic, &synic_saved), HV_STATUS_SUCCESS);
    assert_int_equal(stimers_restore(t, &saved), HV_STATUS_SUCCESS);
    stimers_save(t, &again);
    assert_memory_equal(&saved, &again, sizeof(saved));
    stimers_resume(t);
    assert_int_equal(take().timer_index, 0);
    assert_int_equal(take().timer_index, 1);
    world_advance(2 * MS + 1);
    assert_int_equal(take().timer_index, 3);
    world_advance(2 * MS + 1);
    assert_int_equal(take().expiration_time, when);
}

static void bad_state_is_refused_and_changes_nothing(void **state)
{
    struct stimer_state good = {.version = STIMER_STATE_VERSION}, bad, after;

    (void)state;
    bad = good;
    bad.version = 0;
    assert_int_equal(stimers_restore(t, &bad), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    bad = good;
    bad.reserved = 1;
    assert_int_equal(stimers_restore(t, &bad), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    bad = good;
    bad.timer[3].config = 1ull << 63;
    assert_int_equal(stimers_restore(t, &bad), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    bad = good;
    bad.timer[0].waiting_sint = 16;
    assert_int_equal(stimers_restore(t, &bad), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    bad = good;
    bad.timer[0].running = 1; /* but not enabled */
    assert_int_equal(stimers_restore(t, &bad), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    bad.timer[0].config = PERIODIC | HV_STIMER_ENABLE; /* a period of 0 */
    assert_int_equal(stimers_restore(t, &bad), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    bad.timer[0].count = 1;
    bad.timer[0].config &= ~HV_STIMER_SINT_MASK;
    assert_int_equal(stimers_restore(t, &bad), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    stimers_save(t, &after);
    assert_memory_equal(&good, &after, sizeof(good));
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(registers_read_back_and_reset_to_zero),
        T(neighbours_of_the_msr_range_fault),
        T(reserved_config_bits_fault),
        T(direct_mode_faults_where_it_is_not_offered),
        T(enabling_with_sint_zero_disables),
        T(direct_mode_with_an_exception_vector_disables),
        T(zero_count_disables_despite_auto_enable),
        T(without_auto_enable_the_count_starts_nothing),
        T(enabled_with_a_zero_count_waits_for_the_count),
        T(one_shot_expires_once_and_not_before_its_time),
        T(one_shot_in_the_past_expires_at_once),
        T(one_shot_needs_one_host_timer),
        T(one_shot_a_month_away_is_kept),
        T(one_shot_at_the_end_of_time_never_comes),
        T(message_kept_back_by_a_full_slot_tells_its_delivery_time),
        T(rearming_takes_back_a_message_that_waits),
        T(disabled_synic_loses_the_message_but_not_the_timer),
        T(direct_mode_interrupts_without_a_message),
        T(expiry_that_lost_the_race_against_a_write_does_nothing),
        T(periodic_timer_does_not_drift),
        T(missed_ticks_are_caught_up_at_half_the_period),
        T(lazy_timer_skips_missed_ticks),
        T(owed_ticks_are_bounded),
        T(guest_that_takes_nothing_costs_few_host_timers),
        T(shortest_period_is_bounded),
        T(guest_that_takes_messages_again_gets_its_rate_back),
        T(period_at_the_end_of_time_does_not_wrap),
        T(changing_the_period_starts_anew),
        T(timers_stand_still_with_frozen_time),
        T(paused_timers_do_not_expire_though_they_are_due),
        T(state_survives_a_round_trip),
        T(bad_state_is_refused_and_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
