/* SPDX-License-Identifier: MIT */
/* tests/unit/test_rtc.c - what the CMOS clock's registers mean. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "io/rtc.h"

static uint64_t seconds_of(struct rtc_registers r)
{
    uint64_t seconds = UINT64_MAX;

    assert_true(rtc_decode(&r, &seconds));
    return seconds;
}

static void is_no_time(struct rtc_registers r)
{
    uint64_t seconds;

    assert_false(rtc_decode(&r, &seconds));
}

static void both_ways_of_counting_are_understood(void **state)
{
    (void)state;
    assert_int_equal(seconds_of((struct rtc_registers){0x30, 0x59, 0x23, 0x29, 0x02, 0x24, RTC_B_24H}),
                     1709251170); /* date -u -d '2024-02-29 23:59:30' +%s */
    assert_int_equal(seconds_of((struct rtc_registers){30, 59, 23, 29, 2, 24, RTC_B_24H | RTC_B_BINARY}),
                     1709251170);
}

static void twelve_hours_are_understood(void **state)
{
    (void)state;
    assert_int_equal(seconds_of((struct rtc_registers){0, 0, 0x12, 1, 1, 0x70, 0}), 0);
    assert_int_equal(seconds_of((struct rtc_registers){0, 0, 0x12 | RTC_HOURS_PM, 1, 1, 0x70, 0}),
                     12 * 3600);
    assert_int_equal(seconds_of((struct rtc_registers){0, 0, 0x11 | RTC_HOURS_PM, 1, 1, 0x70, 0}),
                     23 * 3600);
    is_no_time((struct rtc_registers){0, 0, 0, 1, 1, 0x70, 0});
    is_no_time((struct rtc_registers){0, 0, 0x13, 1, 1, 0x70, 0});
}

static void centuries_are_guessed(void **state)
{
    (void)state;
    assert_int_equal(seconds_of((struct rtc_registers){0, 0, 0, 1, 1, 0x99, RTC_B_24H}), 915148800);
    assert_int_equal(seconds_of((struct rtc_registers){0, 0, 0, 1, 1, 0x00, RTC_B_24H}), 946684800);
    assert_int_equal(seconds_of((struct rtc_registers){0, 0, 0, 1, 1, 0x69, RTC_B_24H}), 3124224000);
}

static void nonsense_is_no_time(void **state)
{
    (void)state;
    is_no_time((struct rtc_registers){0x60, 0, 0, 1, 1, 0, RTC_B_24H});
    is_no_time((struct rtc_registers){0x0a, 0, 0, 1, 1, 0, RTC_B_24H});
    is_no_time((struct rtc_registers){0, 0x60, 0, 1, 1, 0, RTC_B_24H});
    is_no_time((struct rtc_registers){0, 0, 0x24, 1, 1, 0, RTC_B_24H});
    is_no_time((struct rtc_registers){0, 0, 0, 0, 1, 0, RTC_B_24H});
    is_no_time((struct rtc_registers){0, 0, 0, 0x29, 2, 0x23, RTC_B_24H});
    is_no_time((struct rtc_registers){0, 0, 0, 1, 0, 0, RTC_B_24H});
    is_no_time((struct rtc_registers){0, 0, 0, 1, 0x13, 0, RTC_B_24H});
    is_no_time((struct rtc_registers){0, 0, 0, 1, 1, 100, RTC_B_24H | RTC_B_BINARY});
    is_no_time((struct rtc_registers){0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_of_counting_are_understood),
        cmocka_unit_test(twelve_hours_are_understood),
        cmocka_unit_test(centuries_are_guessed),
        cmocka_unit_test(nonsense_is_no_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
