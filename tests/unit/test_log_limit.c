/* SPDX-License-Identifier: MIT */
/* test_log_limit.c - root/lib/log_limit.c: a burst, then so many a second; the dropped are told. */
#include "fakes/test.h"
#include "lib/log_limit.h"

#define SECOND 1000000000ull
#define START  (7 * SECOND)

static struct log_limit limit;

static int make(void **state)
{
    (void)state;
    log_limit_init(&limit, LOG_LIMIT_BURST, START);
    return 0;
}

/* How many of @tries lines at @now are allowed; those that were dropped before them. */
static unsigned allowed(uint64_t now, unsigned tries, uint32_t *dropped)
{
    unsigned some = 0;
    uint32_t before;

    *dropped = 0;
    for (unsigned i = 0; i < tries; i++) {
        if (log_limit_take(&limit, now, &before)) {
            some++;
            *dropped += before;
        }
    }
    return some;
}

static void burst_is_allowed_and_no_more(void **state)
{
    uint32_t dropped;

    (void)state;
    assert_int_equal(allowed(START, 1000, &dropped), LOG_LIMIT_BURST);
    assert_int_equal(dropped, 0);
}

static void so_many_a_second_are_allowed_later(void **state)
{
    uint32_t dropped;
    unsigned total = 0;

    (void)state;
    allowed(START, 1000, &dropped);
    for (unsigned i = 1; i <= 1000; i++)
        total += allowed(START + i * SECOND / 100, 10, &dropped); /* 10 s */
    assert_int_equal(total, 10 * LOG_LIMIT_PER_SECOND);
}

static void rest_gives_back_the_burst_and_no_more(void **state)
{
    uint32_t dropped;

    (void)state;
    allowed(START, 1000, &dropped);
    assert_int_equal(allowed(START + 10000 * SECOND, 1000, &dropped), LOG_LIMIT_BURST);
}

static void what_was_dropped_is_told_once(void **state)
{
    uint32_t dropped;

    (void)state;
    allowed(START, LOG_LIMIT_BURST + 17, &dropped);
    assert_int_equal(allowed(START + SECOND, 1, &dropped), 1);
    assert_int_equal(dropped, 17);
    assert_int_equal(allowed(START + SECOND, 1, &dropped), 1);
    assert_int_equal(dropped, 0);
}

static void a_burst_may_be_shorter(void **state)
{
    uint32_t dropped;

    (void)state;
    log_limit_init(&limit, 3, START);
    assert_int_equal(allowed(START, 1000, &dropped), 3);
    assert_int_equal(allowed(START + 10000 * SECOND, 1000, &dropped), 3);
}

#define T(name) cmocka_unit_test_setup(name, make)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(burst_is_allowed_and_no_more),
        T(so_many_a_second_are_allowed_later),
        T(rest_gives_back_the_burst_and_no_more),
        T(what_was_dropped_is_told_once),
        T(a_burst_may_be_shorter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
