/* SPDX-License-Identifier: MIT */
/* test_monitor.c - what the hypervisor does about a monitor page that guests write, and when:
 * hypervisor/synic/monitor.c. */
#include "monitor_fixture.h"

#define PAUSE_MAX (2 * MONITOR_PAUSE_REST)

/* ---- triggers ---------------------------------------------------------------------------------
 */

static void pending_trigger_signals_when_its_latency_is_over(void **state)
{
    (void)state;
    link_monitor();
    watch(2, 5, 77);
    trigger(2, 5);
    next_look(PAUSE_MAX);
    assert_true(pending(2, 5));
    assert_true(armed(2, 5));
    world_advance(LATENCY - 1);
    assert_int_equal(take_all(), 0);
    world_advance(1);
    assert_true(take(77));
    assert_int_equal(take_all(), 0);
    assert_int_equal(root->vp[0].interrupts[VECTOR], 1);
    assert_int_equal(page->trigger_group[2].as_uint64, 0);
    world_advance(100 * LATENCY);
    assert_int_equal(take_all(), 0);
}

static void pending_is_noticed_within_its_latency_while_others_are(void **state)
{
    (void)state;
    link_monitor();
    watch(0, 0, 0);
    watch(0, 1, 1);
    for (unsigned i = 0; i < 50; i++) {
        trigger(0, 0);
        world_advance(LATENCY / 2);
        trigger(0, 1);
        world_advance(2 * LATENCY);
        assert_true(take(0));
        assert_true(take(1));
    }
}

static void each_setting_of_a_trigger_is_signalled(void **state)
{
    (void)state;
    link_monitor();
    watch(1, 31, 3);
    for (unsigned i = 0; i < 20; i++) {
        trigger(1, 31);
        trigger(1, 31); /* again before it was seen: the same one */
        world_advance(20 * LATENCY);
        assert_true(take(3));
    }
    assert_int_equal(root->vp[0].interrupts[VECTOR], 20);
}

static void trigger_without_latency_is_signalled_at_the_next_look(void **state)
{
    (void)state;
    link_monitor();
    watch(3, 0, 9);
    page->latency[3][0] = 0;
    next_look(PAUSE_MAX);
    trigger(3, 0);
    next_look(PAUSE_MAX);
    assert_true(take(9));
}

static void trigger_that_is_taken_back_is_not_signalled(void **state)
{
    (void)state;
    link_monitor();
    watch(0, 4, 4);
    trigger(0, 4);
    next_look(PAUSE_MAX);
    page->trigger_group[0].as_uint64 = 0;
    world_advance(100 * LATENCY);
    assert_int_equal(take_all(), 0);
    trigger(0, 4); /* and it works again */
    world_advance(20 * LATENCY);
    assert_true(take(4));
}

static void disabled_group_keeps_its_triggers_until_it_is_enabled(void **state)
{
    (void)state;
    link_monitor();
    watch(0, 0, 0);
    watch(1, 0, 1);
    page->trigger_state = 1;
    trigger(0, 0);
    trigger(1, 0);
    world_advance(100 * LATENCY);
    assert_true(take(0));
    assert_int_equal(take_all(), 0);
    assert_true(pending(1, 0));
    page->trigger_state = 2;
    world_advance(100 * LATENCY);
    assert_true(take(1));
}

static void failed_signal_is_forgotten(void **state)
{
    (void)state;
    link_monitor();
    for (unsigned i = 0; i < 6; i++)
        watch(0, i, 0);
    page->parameter[0][0].connection_id = MONITOR_CONN;
    page->parameter[0][1].connection_id = CONN + 1;
    page->parameter[0][2].connection_id = UINT32_MAX;
    page->parameter[0][3].flag_number = FLAGS;
    page->parameter[0][4].reserved = 0xffff; /* is not looked at */
    page->parameter[0][4].flag_number = 4;
    page->parameter[0][5].flag_number = 5;
    page->trigger_group[0].as_uint64 = 0x3f;
    world_advance(20 * LATENCY);
    assert_true(take(4));
    assert_true(take(5));
    assert_int_equal(take_all(), 0);
    assert_int_equal(page->trigger_group[0].as_uint64, 0);
}

static void connections_are_those_of_the_sender(void **state)
{
    struct hv_port_info info = event_port(0, 0, 8);

    (void)state;
    link_monitor();
    /* An event port of root for somebody else, connected under an id that the child has not. */
    assert_int_equal(port_create(&root->ports, 9, 3, &info), HV_STATUS_SUCCESS);
    assert_int_equal(port_connect(&other->ports, 9, &root->ports, 9, &event_conn),
                     HV_STATUS_SUCCESS);
    watch(0, 0, 0);
    page->parameter[0][0].connection_id = 9;
    trigger(0, 0);
    world_advance(20 * LATENCY);
    assert_int_equal(take_all(), 0);
    assert_false(pending(0, 0));
}

static void sender_without_the_privilege_signals_nothing(void **state)
{
    (void)state;
    link_monitor();
    watch(0, 0, 0);
    child->mute = true;
    trigger(0, 0);
    world_advance(20 * LATENCY);
    assert_int_equal(take_all(), 0);
    assert_false(pending(0, 0));
}

/* ---- what a hostile guest writes --------------------------------------------------------------
 */

static void check_time_that_a_guest_writes_delays_by_the_latency_at_most(void **state)
{
    static const uint32_t ahead[] = {1, LATENCY, LATENCY + 1, 0x7fffffff, 0x80000000, 0xffffffff};

    (void)state;
    link_monitor();
    watch(0, 0, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(ahead); i++) {
        page->next_check_time[0][0] = (uint32_t)(fake_tsc / (WORLD_HZ / REFTIME_HZ)) + ahead[i];
        page->trigger_group[0].as_uint64 = 1ull << 32 | 1; /* armed by the guest itself */
        world_advance(MONITOR_PAUSE_MIN + MONITOR_IDLE_FACTOR * LATENCY + LATENCY);
        assert_true(take(0));
    }
}

static void latency_is_kept_where_the_clock_of_the_page_wraps(void **state)
{
    uint64_t units = fake_tsc / (WORLD_HZ / REFTIME_HZ);

    (void)state;
    /* The clock of 32 bits wraps between the arming and the signal. */
    world_advance((1ull << 32) - units % (1ull << 32) - MONITOR_PAUSE_MIN - LATENCY / 2);
    link_monitor();
    watch(0, 0, 0);
    trigger(0, 0);
    assert_int_equal(next_look(PAUSE_MAX), MONITOR_PAUSE_MIN);
    world_advance(LATENCY - 1);
    assert_int_equal(take_all(), 0);
    world_advance(1);
    assert_true(take(0));
}

static void looks_are_never_closer_than_the_shortest_pause(void **state)
{
    uint32_t looks;

    (void)state;
    link_monitor();
    for (unsigned g = 0; g < 4; g++) {
        for (unsigned i = 0; i < 32; i++) {
            watch(g, i, (uint16_t)(32 * g + i));
            page->latency[g][i] = (uint16_t)(i % 3);
        }
    }
    looks = child->looks;
    for (unsigned n = 0; n < 1000; n++) {
        for (unsigned g = 0; g < 4; g++)
            page->trigger_group[g].as_uint64 = UINT64_MAX;
        world_advance(MONITOR_PAUSE_MIN / 10);
    }
    assert_int_equal(child->looks - looks, 100);
}

static void a_look_signals_one_group_and_groups_take_turns(void **state)
{
    unsigned got[4] = {0};

    (void)state;
    link_monitor();
    next_look(PAUSE_MAX);
    for (unsigned g = 0; g < 4; g++)
        for (unsigned i = 0; i < 32; i++)
            watch(g, i, (uint16_t)(32 * g + i));
    memset(page->latency, 0, sizeof(page->latency));
    for (unsigned n = 0; n < 40; n++) {
        unsigned all = 0;

        for (unsigned g = 0; g < 4; g++)
            page->trigger_group[g].as_uint64 = UINT32_MAX;
        next_look(PAUSE_MAX);
        for (unsigned flag = 0; flag < FLAGS; flag++) {
            bool set = take(flag);

            all += set;
            got[flag / 32] += set;
        }
        assert_int_equal(all, MONITOR_SIGNALS_MAX);
    }
    for (unsigned g = 0; g < 4; g++)
        assert_int_equal(got[g], 10 * 32);
}

static void any_page_of_bytes_is_survived(void **state)
{
    uint64_t seed = 7;

    (void)state;
    link_monitor();
    for (unsigned n = 0; n < 2000; n++) {
        uint64_t *words = (uint64_t *)(void *)page;

        for (unsigned i = 0; i < HV_PAGE_SIZE / 8; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            words[i] = seed;
        }
        next_look(PAUSE_MAX);
    }
    assert_int_equal(world_timers_queued(), 1);
}

/* ---- the pace ---------------------------------------------------------------------------------
 */

static void idle_page_is_looked_at_less_and_less(void **state)
{
    (void)state;
    link_monitor();
    watch(0, 0, 0);
    watch(3, 7, 1);
    page->latency[3][7] = 2 * LATENCY; /* the lowest one decides */
    assert_int_equal(next_look(PAUSE_MAX), MONITOR_PAUSE_MIN);
    for (unsigned i = 0; i < 10; i++)
        next_look(PAUSE_MAX);
    assert_int_equal(next_look(PAUSE_MAX), MONITOR_IDLE_FACTOR * LATENCY);
    trigger(0, 0);
    next_look(PAUSE_MAX);
    assert_int_equal(next_look(PAUSE_MAX), LATENCY); /* and is signalled */
    assert_true(take(0));
    assert_int_equal(next_look(PAUSE_MAX), LATENCY); /* perhaps there is more */
    assert_int_equal(next_look(PAUSE_MAX), 2 * LATENCY);
    assert_int_equal(next_look(PAUSE_MAX), 4 * LATENCY);
    assert_int_equal(next_look(PAUSE_MAX), 4 * LATENCY);
}

static void new_latency_is_noticed(void **state)
{
    (void)state;
    link_monitor();
    watch(0, 0, 0);
    world_advance(MONITOR_PAUSE_REST);
    page->latency[0][0] = 0xffff;
    world_advance(2 * MONITOR_PAUSE_REST);
    next_look(MONITOR_IDLE_FACTOR * 0xffff + 1);
    assert_int_equal(next_look(MONITOR_IDLE_FACTOR * 0xffff + 1), MONITOR_IDLE_FACTOR * 0xffff);
    page->latency[0][0] = 1;
    next_look(MONITOR_IDLE_FACTOR * 0xffff + 1);
    assert_int_equal(next_look(MONITOR_IDLE_FACTOR * 0xffff + 1),
                     MONITOR_IDLE_FACTOR * MONITOR_PAUSE_MIN);
}

static void page_with_all_groups_disabled_is_left_at_rest(void **state)
{
    (void)state;
    link_monitor();
    watch(0, 0, 0);
    page->trigger_state = ~HV_MONITOR_STATE_GROUP_ENABLE_MASK;
    trigger(0, 0);
    next_look(PAUSE_MAX);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(next_look(PAUSE_MAX), MONITOR_PAUSE_REST);
}

static void pace_without_any_latency_is_the_default(void **state)
{
    (void)state;
    link_monitor();
    page->trigger_state = 1;
    next_look(PAUSE_MAX);
    for (unsigned i = 0; i < 10; i++)
        next_look(PAUSE_MAX);
    assert_int_equal(next_look(PAUSE_MAX), MONITOR_IDLE_FACTOR * MONITOR_PAUSE_DEFAULT);
}

static void looks_are_charged_to_the_sender(void **state)
{
    (void)state;
    link_monitor();
    watch(0, 0, 0);
    world_look_ticks = 77;
    for (unsigned i = 0; i < 3; i++)
        next_look(PAUSE_MAX);
    world_look_ticks = 0;
    assert_int_equal(child->charged, 3 * 77);
    assert_int_equal(root->charged, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start_monitor, stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(pending_trigger_signals_when_its_latency_is_over),
        T(pending_is_noticed_within_its_latency_while_others_are),
        T(each_setting_of_a_trigger_is_signalled),
        T(trigger_without_latency_is_signalled_at_the_next_look),
        T(trigger_that_is_taken_back_is_not_signalled),
        T(disabled_group_keeps_its_triggers_until_it_is_enabled),
        T(failed_signal_is_forgotten),
        T(connections_are_those_of_the_sender),
        T(sender_without_the_privilege_signals_nothing),
        T(check_time_that_a_guest_writes_delays_by_the_latency_at_most),
        T(latency_is_kept_where_the_clock_of_the_page_wraps),
        T(looks_are_never_closer_than_the_shortest_pause),
        T(a_look_signals_one_group_and_groups_take_turns),
        T(any_page_of_bytes_is_survived),
        T(idle_page_is_looked_at_less_and_less),
        T(new_latency_is_noticed),
        T(page_with_all_groups_disabled_is_left_at_rest),
        T(pace_without_any_latency_is_the_default),
        T(looks_are_charged_to_the_sender),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
