/* SPDX-License-Identifier: MIT */
/* vmwp/device/calendar.c - see calendar.h. Years are counted from March on, so that the day that
 * leap years have is the last one of theirs. */
#include "vmwp/device/calendar.h"

enum {
    DAY_SECONDS = CALENDAR_DAY_MINUTES * CALENDAR_SECONDS,
    HOUR_SECONDS = CALENDAR_MINUTES * CALENDAR_SECONDS,
    MONTHS = 12,
    MARCH = 3,
    WEEKDAY_1970 = 4, /* 1970-01-01 was a Thursday */
    YEAR_DAYS = 365,
    FOUR_YEARS_DAYS = 4 * YEAR_DAYS + 1,
    CENTURY_DAYS = 25 * FOUR_YEARS_DAYS - 1,
    ERA_YEARS = 400,
    ERA_DAYS = 4 * CENTURY_DAYS + 1,
    EPOCH_DAYS = 719468, /* from 0000-03-01 to 1970-01-01 */
};

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days from March 1st to the first day of month @m, counted from March: 31 30 31 30 31, and again.
 */
static unsigned month_days(unsigned m)
{
    return (153 * m + 2) / 5;
}

int64_t calendar_seconds(const struct calendar *c)
{
    unsigned month = (c->month + MONTHS - MARCH) % MONTHS; /* from March */
    int64_t year = c->year - (month >= MONTHS - 2);
    int64_t era = floor_divide(year, ERA_YEARS), y = year - era * ERA_YEARS;
    int64_t days = era * ERA_DAYS + y * YEAR_DAYS + y / 4 - y / 100 + month_days(month) +
                   (int64_t)c->day - 1 - EPOCH_DAYS;

    return days * DAY_SECONDS + (int64_t)c->hour * HOUR_SECONDS +
           (int64_t)c->minute * CALENDAR_SECONDS + c->second;
}

struct calendar calendar_of(int64_t seconds)
{
    int64_t days = floor_divide(seconds, DAY_SECONDS);
    unsigned rest = (unsigned)(seconds - days * DAY_SECONDS);
    int64_t shifted = days + EPOCH_DAYS, era = floor_divide(shifted, ERA_DAYS);
    unsigned d = (unsigned)(shifted - era * ERA_DAYS);
    /* Of the era's days, those that leap years add up to here are taken away. */
    unsigned y =
        (d - d / (FOUR_YEARS_DAYS - 1) + d / CENTURY_DAYS - d / (ERA_DAYS - 1)) / YEAR_DAYS;
    unsigned of_year = d - (y * YEAR_DAYS + y / 4 - y / 100), m = (5 * of_year + 2) / 153;

    return (struct calendar){
        .year = era * ERA_YEARS + y + (m >= MONTHS - 2),
        .month = (m + MARCH - 1) % MONTHS + 1,
        .day = of_year - month_days(m) + 1,
        .hour = rest / HOUR_SECONDS,
        .minute = rest / CALENDAR_SECONDS % CALENDAR_MINUTES,
        .second = rest % CALENDAR_SECONDS,
        .weekday = (unsigned)(days - floor_divide(days + WEEKDAY_1970, 7) * 7 + WEEKDAY_1970),
    };
}
