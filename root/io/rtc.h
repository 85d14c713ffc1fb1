/* SPDX-License-Identifier: MIT */
/* root/io/rtc.h - the battery-backed clock of PCs (Motorola MC146818), behind ports 0x70 and 0x71. */
#ifndef ROOT_IO_RTC_H
#define ROOT_IO_RTC_H

#include <stdbool.h>
#include <stdint.h>

/* What was read of its registers; MC146818 data sheet, table 3. */
struct rtc_registers {
    uint8_t seconds, minutes, hours, day, month, year;
    uint8_t status_b;
};

#define RTC_B_24H    (1u << 1)
#define RTC_B_BINARY (1u << 2)
#define RTC_HOURS_PM (1u << 7)

/* Seconds since 1970; false: that is no time. Years below 70 are after 1999. */
bool rtc_decode(const struct rtc_registers *r, uint64_t *seconds);

/* Read it: true, and a time that stood still meanwhile. False: there is none, or it runs wild. */
bool rtc_read(struct rtc_registers *r);

#endif
