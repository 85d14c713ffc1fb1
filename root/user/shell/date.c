/* SPDX-License-Identifier: MIT */
/* root/user/shell/date.c - `date`: root's wall clock, shown and set. Always UTC. */
#include <rootabi/errno.h>
#include "lib/print.h"
#include "lib/system.h"
#include "shell/shell.h"
#include "vmwp/device/calendar.h"

#define NS_PER_S  1000000000ul
#define NS_PER_MS 1000000ul

enum { YEAR_FIRST = 1970, YEAR_LAST = 2200, MONTHS = 12, DAYS = 31, HOURS = 24 };

/* Two or more digits and then @end, from *@at on, which is moved behind it. */
static bool field(const char **at, char end, unsigned min, unsigned max, unsigned *value)
{
    const char *begin = *at;

    *value = 0;
    for (; **at >= '0' && **at <= '9' && *at - begin < 4; ++*at)
        *value = *value * 10 + (unsigned)(**at - '0');
    if (*at - begin < 2 || **at != end || *value < min || *value > max)
        return false;
    if (end != '\0')
        ++*at;
    return true;
}

/* Days that a month does not have carry over, so the date that is meant is another. */
static bool parse(const char *day, const char *time, int64_t *seconds)
{
    struct calendar c = {0}, back;
    unsigned year;

    if (!field(&day, '-', YEAR_FIRST, YEAR_LAST, &year) || !field(&day, '-', 1, MONTHS, &c.month) ||
        !field(&day, '\0', 1, DAYS, &c.day) || !field(&time, ':', 0, HOURS - 1, &c.hour) ||
        !field(&time, ':', 0, CALENDAR_MINUTES - 1, &c.minute) ||
        !field(&time, '\0', 0, CALENDAR_SECONDS - 1, &c.second))
        return false;
    c.year = year;
    *seconds = calendar_seconds(&c);
    back = calendar_of(*seconds);
    return back.day == c.day;
}

int command_date(int argc, char **argv)
{
    uint64_t now;
    struct calendar c;
    int64_t seconds;

    if (argc == 3 && parse(argv[1], argv[2], &seconds)) {
        int64_t result = wall_clock_set_ns((uint64_t)seconds * NS_PER_S);

        if (result != 0)
            return report("date", result);
    } else if (argc != 1) {
        print("date: [YYYY-MM-DD HH:MM:SS], which is UTC\n");
        return 1;
    }
    now = wall_clock_ns();
    c = calendar_of((int64_t)(now / NS_PER_S));
    print("%04u-%02u-%02u %02u:%02u:%02u.%03lu UTC\n", (unsigned)c.year, c.month, c.day, c.hour,
          c.minute, c.second, now % NS_PER_S / NS_PER_MS);
    return 0;
}
