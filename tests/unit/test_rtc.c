/* SPDX-License-Identifier: MIT */
/* tests/unit/test_rtc.c - what the CMOS clock's registers mean. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "io/rtc.h"

#define BINARY       (RTC_B_24H | RTC_B_BINARY)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct reading {
    struct rtc_registers registers;
    uint64_t seconds; /* as date(1) says */
};

static void expect_seconds(const struct reading *readings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t seconds = UINT64_MAX;

        assert_true(rtc_decode(&readings[i].registers, &seconds));
        assert_int_equal(seconds, readings[i].seconds);
    }
}

static void expect_no_time(const struct rtc_registers *registers, size_t count)
{
    uint64_t seconds;

    for (size_t i = 0; i < count; i++)
        assert_false(rtc_decode(&registers[i], &seconds));
}

static void both_ways_of_counting_are_understood(void **state)
{
    static const struct reading readings[] = {
        {{0x30, 0x59, 0x23, 0x29, 0x02, 0x24, RTC_B_24H}, 1709251170},
        {{30, 59, 23, 29, 2, 24, BINARY}, 1709251170},
    };

    (void)state;
    expect_seconds(readings, COUNT(readings));
}

static void twelve_hours_are_understood(void **state)
{
    static const struct reading readings[] = {
        {{0, 0, 0x12, 1, 1, 0x70, 0}, 0},
        {{0, 0, 0x12 | RTC_HOURS_PM, 1, 1, 0x70, 0}, 43200},
        {{0, 0, 0x11 | RTC_HOURS_PM, 1, 1, 0x70, 0}, 82800},
    };
    static const struct rtc_registers wrong[] = {
        {0, 0, 0, 1, 1, 0x70, 0},
        {0, 0, 0x13, 1, 1, 0x70, 0},
    };

    (void)state;
    expect_seconds(readings, COUNT(readings));
    expect_no_time(wrong, COUNT(wrong));
}

static void centuries_are_guessed(void **state)
{
    static const struct reading readings[] = {
        {{0, 0, 0, 1, 1, 0x99, RTC_B_24H}, 915148800},
        {{0, 0, 0, 1, 1, 0x00, RTC_B_24H}, 946684800},
        {{0, 0, 0, 1, 1, 0x69, RTC_B_24H}, 3124224000},
    };

    (void)state;
    expect_seconds(readings, COUNT(readings));
}

static void nonsense_is_no_time(void **state)
{
    static const struct rtc_registers wrong[] = {
        {0x60, 0, 0, 1, 1, 0, RTC_B_24H}, {0x0a, 0, 0, 1, 1, 0, RTC_B_24H},
        {0, 0x60, 0, 1, 1, 0, RTC_B_24H}, {0, 0, 0x24, 1, 1, 0, RTC_B_24H},
        {0, 0, 0, 0, 1, 0, RTC_B_24H},    {0, 0, 0, 0x29, 2, 0x23, RTC_B_24H},
        {0, 0, 0, 1, 0, 0, RTC_B_24H},    {0, 0, 0, 1, 0x13, 0, RTC_B_24H},
        {0, 0, 0, 1, 1, 100, BINARY},     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
    };

    (void)state;
    expect_no_time(wrong, COUNT(wrong));
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
