/* SPDX-License-Identifier: MIT */
/* test_reftime.c - partition reference time: hypervisor/synic/reftime.c. */
#include "fakes/synic_world.h"
#include "fakes/test.h"

#define UNIT (WORLD_HZ / REFTIME_HZ)

static struct reftime r;
static struct hv_reference_tsc_page page;

static int start(void **state)
{
    (void)state;
    fake_tsc = 123456789012345;
    memset(&page, 0, sizeof(page));
    reftime_init(&r, 0 - fake_tsc, WORLD_HZ, true);
    return 0;
}

/* The formula of TLFS 2.0A, 15.4.3, as a guest computes it. */
static uint64_t guest_time(uint64_t guest_tsc)
{
    return (uint64_t)((unsigned __int128)guest_tsc * page.tsc_scale >> 64) +
           (uint64_t)page.tsc_offset;
}

static void time_starts_at_zero(void **state)
{
    (void)state;
    assert_int_equal(reftime_now(&r), 0);
}

static void a_second_is_ten_million_units(void **state)
{
    (void)state;
    fake_tsc += WORLD_HZ;
    assert_in_range(reftime_now(&r), REFTIME_HZ - 1, REFTIME_HZ);
}

static void time_is_exact_after_a_year(void **state)
{
    uint64_t seconds = 365ull * 24 * 3600;

    (void)state;
    fake_tsc += seconds * WORLD_HZ;
    assert_in_range(reftime_now(&r), seconds * REFTIME_HZ - 1, seconds * REFTIME_HZ);
}

static void odd_frequencies_do_not_drift(void **state)
{
    static const uint64_t hz[] = {10000001, 999999937, 1000000000, 2893202317, 6000000001};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(hz); i++) {
        reftime_init(&r, 0 - fake_tsc, hz[i], true);
        fake_tsc += hz[i] * 1000000;
        assert_in_range(reftime_now(&r), REFTIME_HZ * 1000000 - 1, REFTIME_HZ * 1000000);
    }
}

static void page_and_counter_give_the_same_time(void **state)
{
    (void)state;
    reftime_attach_page(&r, &page);
    assert_int_not_equal(page.tsc_sequence, 0);
    for (unsigned i = 0; i < 1000; i++) {
        fake_tsc += 1 + i * 7919;
        assert_int_equal(guest_time(fake_tsc + r.tsc_offset), reftime_now(&r));
    }
}

static void page_is_right_for_a_root_without_tsc_offset(void **state)
{
    (void)state;
    reftime_init(&r, 0, WORLD_HZ, true);
    reftime_attach_page(&r, &page);
    fake_tsc += 5 * UNIT;
    assert_in_range(guest_time(fake_tsc), 4, 5);
    assert_int_equal(guest_time(fake_tsc), reftime_now(&r));
}

static void unsynchronised_tscs_give_sequence_zero(void **state)
{
    (void)state;
    reftime_init(&r, 0, WORLD_HZ, false);
    page.tsc_sequence = 77;
    reftime_attach_page(&r, &page);
    assert_int_equal(page.tsc_sequence, HV_REFERENCE_TSC_SEQUENCE_INVALID);
}

static void unsynchronised_tscs_never_take_time_back(void **state)
{
    uint64_t before;

    (void)state;
    reftime_init(&r, 0, WORLD_HZ, false);
    fake_tsc += 1000 * UNIT;
    before = reftime_now(&r);
    fake_tsc -= 500 * UNIT; /* another LP */
    assert_int_equal(reftime_now(&r), before);
    fake_tsc += 501 * UNIT;
    assert_true(reftime_now(&r) > before);
}

static void distrust_gives_sequence_zero_for_good(void **state)
{
    (void)state;
    reftime_attach_page(&r, &page);
    reftime_distrust(&r);
    assert_int_equal(page.tsc_sequence, 0);
    reftime_freeze(&r);
    reftime_thaw(&r, 0);
    assert_int_equal(page.tsc_sequence, 0);
}

static void frozen_time_stands_still_and_goes_on_without_a_jump(void **state)
{
    uint64_t then, tsc;

    (void)state;
    reftime_attach_page(&r, &page);
    fake_tsc += 1000 * UNIT;
    then = reftime_now(&r);
    reftime_freeze(&r);
    assert_int_equal(page.tsc_sequence, 0);
    assert_false(reftime_deadline(&r, then + 1, &tsc));
    fake_tsc += 50000 * UNIT;
    assert_int_equal(reftime_now(&r), then);
    reftime_thaw(&r, 42 - fake_tsc);
    assert_int_equal(reftime_now(&r), then);
    assert_int_equal(guest_time(42), then);
    fake_tsc += 10 * UNIT;
    assert_in_range(reftime_now(&r), then + 9, then + 10);
}

static void every_change_gives_another_sequence(void **state)
{
    uint32_t first;

    (void)state;
    reftime_attach_page(&r, &page);
    first = page.tsc_sequence;
    reftime_freeze(&r);
    reftime_thaw(&r, 0);
    assert_int_not_equal(page.tsc_sequence, first);
    assert_int_not_equal(page.tsc_sequence, 0);
}

static void sequence_skips_zero_and_all_ones(void **state)
{
    struct reftime_state s = {.version = REFTIME_STATE_VERSION, .trusted = 1};

    (void)state;
    s.sequence = 0xfffffffe;
    assert_int_equal(reftime_restore(&r, &s), HV_STATUS_SUCCESS);
    reftime_attach_page(&r, &page);
    reftime_thaw(&r, 0);
    assert_int_equal(page.tsc_sequence, 1);
}

static void deadline_is_never_early_and_at_most_a_unit_late(void **state)
{
    (void)state;
    for (uint64_t when = 1; when < 1000000000000; when = when * 3 + 1) {
        uint64_t at, now = reftime_now(&r);

        assert_true(reftime_deadline(&r, now + when, &at));
        if (when > REFTIME_FAR)
            continue;
        fake_tsc = at;
        assert_in_range(reftime_now(&r), now + when, now + when + 1);
    }
}

static void past_deadline_is_now(void **state)
{
    uint64_t at;

    (void)state;
    fake_tsc += 1000 * UNIT;
    assert_true(reftime_deadline(&r, 5, &at));
    assert_int_equal(at, fake_tsc);
}

static void far_deadline_does_not_overflow(void **state)
{
    uint64_t at;

    (void)state;
    assert_true(reftime_deadline(&r, UINT64_MAX, &at));
    assert_in_range(at - fake_tsc, REFTIME_FAR * UNIT, REFTIME_FAR * UNIT + 2);
}

static void saved_time_goes_on_on_a_host_of_another_frequency(void **state)
{
    struct reftime_state s;
    struct reftime other;

    (void)state;
    reftime_attach_page(&r, &page);
    fake_tsc += 777 * UNIT;
    reftime_freeze(&r);
    reftime_save(&r, &s);
    reftime_init(&other, 9, WORLD_HZ * 2, true);
    assert_int_equal(reftime_restore(&other, &s), HV_STATUS_SUCCESS);
    reftime_attach_page(&other, &page);
    reftime_thaw(&other, 9);
    assert_int_equal(reftime_now(&other), s.time);
    assert_int_not_equal(page.tsc_sequence, s.sequence);
    fake_tsc += 2 * 100 * UNIT;
    assert_in_range(reftime_now(&other), s.time + 99, s.time + 100);
    assert_int_equal(guest_time(fake_tsc + 9), reftime_now(&other));
}

static void state_survives_a_round_trip(void **state)
{
    struct reftime_state s = {.version = 1, .trusted = 1, .time = 123456, .sequence = 7}, again;

    (void)state;
    assert_int_equal(reftime_restore(&r, &s), HV_STATUS_SUCCESS);
    reftime_save(&r, &again);
    assert_memory_equal(&s, &again, sizeof(s));
}

static void bad_state_is_refused_and_changes_nothing(void **state)
{
    struct reftime before = r;
    struct reftime_state good = {.version = 1, .trusted = 1}, s;

    (void)state;
    s = good;
    s.version = 2;
    assert_int_equal(reftime_restore(&r, &s), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    s = good;
    s.trusted = 2;
    assert_int_equal(reftime_restore(&r, &s), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    s = good;
    s.sequence = 0xffffffff;
    assert_int_equal(reftime_restore(&r, &s), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    s = good;
    s.reserved = 1;
    assert_int_equal(reftime_restore(&r, &s), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    assert_memory_equal(&before, &r, sizeof(r));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(time_starts_at_zero, start),
        cmocka_unit_test_setup(a_second_is_ten_million_units, start),
        cmocka_unit_test_setup(time_is_exact_after_a_year, start),
        cmocka_unit_test_setup(odd_frequencies_do_not_drift, start),
        cmocka_unit_test_setup(page_and_counter_give_the_same_time, start),
        cmocka_unit_test_setup(page_is_right_for_a_root_without_tsc_offset, start),
        cmocka_unit_test_setup(unsynchronised_tscs_give_sequence_zero, start),
        cmocka_unit_test_setup(unsynchronised_tscs_never_take_time_back, start),
        cmocka_unit_test_setup(distrust_gives_sequence_zero_for_good, start),
        cmocka_unit_test_setup(frozen_time_stands_still_and_goes_on_without_a_jump, start),
        cmocka_unit_test_setup(every_change_gives_another_sequence, start),
        cmocka_unit_test_setup(sequence_skips_zero_and_all_ones, start),
        cmocka_unit_test_setup(deadline_is_never_early_and_at_most_a_unit_late, start),
        cmocka_unit_test_setup(past_deadline_is_now, start),
        cmocka_unit_test_setup(far_deadline_does_not_overflow, start),
        cmocka_unit_test_setup(saved_time_goes_on_on_a_host_of_another_frequency, start),
        cmocka_unit_test_setup(state_survives_a_round_trip, start),
        cmocka_unit_test_setup(bad_state_is_refused_and_changes_nothing, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
