/* SPDX-License-Identifier: MIT */
/* tests/unit/test_vmms_backoff.c - when a child that ends again and again may start again. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "vmms/backoff.h"

enum { START_NS = 1000, LIFE_NS = 5000 };

/* How long it waits after one more life. */
static uint64_t live(struct backoff *b, uint64_t *now, uint64_t start, uint64_t life)
{
    uint64_t ended = *now + start + life;

    backoff_started(b, *now, *now + start);
    *now = backoff_ended(b, ended);
    return *now - ended;
}

static void use_up(struct backoff *b, uint64_t *now)
{
    for (unsigned i = 0; i < BACKOFF_AT_ONCE; i++)
        assert_int_equal(live(b, now, START_NS, LIFE_NS), 0);
}

static void the_first_restarts_are_at_once_and_then_one_a_second(void **state)
{
    struct backoff b = {0};
    uint64_t now = 77;

    (void)state;
    use_up(&b, &now);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(live(&b, &now, START_NS, LIFE_NS), BACKOFF_INTERVAL_NS);
}

static void a_start_that_takes_long_makes_the_wait_long(void **state)
{
    struct backoff b = {0};
    uint64_t now = 0;

    (void)state;
    use_up(&b, &now);
    assert_int_equal(live(&b, &now, 7 * BACKOFF_NS_PER_S, 0), 7 * BACKOFF_NS_PER_S);
}

static void a_long_life_forgets_the_short_ones(void **state)
{
    struct backoff b = {0};
    uint64_t now = 0;

    (void)state;
    use_up(&b, &now);
    assert_int_not_equal(live(&b, &now, START_NS, BACKOFF_LONG_NS - 1), 0);
    assert_int_equal(live(&b, &now, START_NS, BACKOFF_LONG_NS), 0);
    for (unsigned i = 1; i < BACKOFF_AT_ONCE; i++)
        assert_int_equal(live(&b, &now, START_NS, LIFE_NS), 0);
    assert_int_not_equal(live(&b, &now, START_NS, LIFE_NS), 0);
}

/* The time that a start takes is no life. */
static void a_long_start_is_no_long_life(void **state)
{
    struct backoff b = {0};
    uint64_t now = 0;

    (void)state;
    use_up(&b, &now);
    assert_int_not_equal(live(&b, &now, BACKOFF_LONG_NS, 0), 0);
    assert_int_not_equal(live(&b, &now, START_NS, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_restarts_are_at_once_and_then_one_a_second),
        cmocka_unit_test(a_start_that_takes_long_makes_the_wait_long),
        cmocka_unit_test(a_long_life_forgets_the_short_ones),
        cmocka_unit_test(a_long_start_is_no_long_life),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
