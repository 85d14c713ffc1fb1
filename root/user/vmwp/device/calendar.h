/* SPDX-License-Identifier: MIT */
/* vmwp/device/calendar.h - seconds since 1970 and dates of the Gregorian calendar, which is taken
 * to have been there always. Pure; every input has a result. */
#ifndef USER_VMWP_DEVICE_CALENDAR_H
#define USER_VMWP_DEVICE_CALENDAR_H

#include <stdint.h>

enum {
    CALENDAR_SECONDS = 60, /* in a minute */
    CALENDAR_MINUTES = 60, /* in an hour */
    CALENDAR_DAY_MINUTES = 24 * CALENDAR_MINUTES,
};

struct calendar {
    int64_t year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
    unsigned hour, minute, second;
    unsigned weekday; /* 0: Sunday */
};

struct calendar calendar_of(int64_t seconds);

/* The seconds since 1970 of @c, whose weekday does not count. Fields beyond their range carry over;
 * a month beyond 12 does not touch the year, month 0 is December. */
int64_t calendar_seconds(const struct calendar *c);

#endif
