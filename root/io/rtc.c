/* SPDX-License-Identifier: MIT */
/* root/io/rtc.c - see rtc.h. */
#include <rt/mem.h>
#include <x86/insn.h>
#include "io/rtc.h"

enum { PORT_INDEX = 0x70, PORT_DATA = 0x71 };
enum { SECONDS = 0, MINUTES = 2, HOURS = 4, DAY = 7, MONTH = 8, YEAR = 9, STATUS_A = 10, STATUS_B = 11 };

#define A_UPDATING (1u << 7)

/* An update takes 2 ms at most; a read of a port takes some 1 us. */
#define READS_MAX 100000u

static uint8_t from_bcd(uint8_t v)
{
    return (uint8_t)((v >> 4) * 10 + (v & 0xf));
}

static bool is_bcd(uint8_t v)
{
    return v >> 4 <= 9 && (v & 0xf) <= 9;
}

/* The register's number, whichever way the clock counts; false: it is none. */
static bool number_of(const struct rtc_registers *r, uint8_t v, uint8_t *number)
{
    bool binary = (r->status_b & RTC_B_BINARY) != 0;

    *number = binary ? v : from_bcd(v);
    return binary || is_bcd(v);
}

static bool hour_of(const struct rtc_registers *r, uint8_t *hour)
{
    bool afternoon = (r->status_b & RTC_B_24H) == 0 && (r->hours & RTC_HOURS_PM) != 0;

    if ((r->status_b & RTC_B_24H) != 0)
        return number_of(r, r->hours, hour) && *hour < 24;
    if (!number_of(r, (uint8_t)(r->hours & ~RTC_HOURS_PM), hour) || *hour < 1 || *hour > 12)
        return false;
    *hour = (uint8_t)(*hour % 12 + (afternoon ? 12 : 0));
    return true;
}

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_in(unsigned month, unsigned year)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

static uint64_t days_before(unsigned year, unsigned month)
{
    uint64_t days = 0;

    for (unsigned y = 1970; y < year; y++)
        days += is_leap(y) ? 366 : 365;
    for (unsigned m = 1; m < month; m++)
        days += days_in(m, year);
    return days;
}

bool rtc_decode(const struct rtc_registers *r, uint64_t *seconds)
{
    uint8_t second, minute, hour, day, month, short_year;
    unsigned year;

    if (!number_of(r, r->seconds, &second) || !number_of(r, r->minutes, &minute) ||
        !hour_of(r, &hour) || !number_of(r, r->day, &day) || !number_of(r, r->month, &month) ||
        !number_of(r, r->year, &short_year))
        return false;
    if (second > 59 || minute > 59 || month < 1 || month > 12 || short_year > 99)
        return false;
    year = short_year < 70 ? 2000u + short_year : 1900u + short_year;
    if (day < 1 || day > days_in(month, year))
        return false;
    *seconds = ((days_before(year, month) + day - 1) * 24 + hour) * 3600 + minute * 60u + second;
    return true;
}

static uint8_t read_register(uint8_t index)
{
    insn_out8(PORT_INDEX, index);
    return insn_in8(PORT_DATA);
}

static struct rtc_registers read_all(void)
{
    return (struct rtc_registers){
        .seconds = read_register(SECONDS),
        .minutes = read_register(MINUTES),
        .hours = read_register(HOURS),
        .day = read_register(DAY),
        .month = read_register(MONTH),
        .year = read_register(YEAR),
        .status_b = read_register(STATUS_B),
    };
}

/* Two readings outside an update that are the same. */
bool rtc_read(struct rtc_registers *r)
{
    struct rtc_registers again;

    for (unsigned i = 0; i < READS_MAX; i++) {
        if ((read_register(STATUS_A) & A_UPDATING) != 0)
            continue;
        *r = read_all();
        again = read_all();
        if (memcmp(r, &again, sizeof(again)) == 0)
            return true;
    }
    return false;
}
