/* SPDX-License-Identifier: MIT */
/* vmwp/device/rtc.h - real-time clock and CMOS memory: Motorola MC146818A, with the century in byte
 * 0x32 (FADT.CENTURY). It starts at the host's time of day (UTC), and goes by the host's clock. The
 * child may set it; the difference is kept in the state, not the time.
 *
 * Bits of register C are set as time goes by, enabled or not. The day of the week follows from the
 * date, whatever is written. The square wave goes nowhere, there is no daylight saving. */
#ifndef USER_VMWP_DEVICE_RTC_H
#define USER_VMWP_DEVICE_RTC_H

#include <hvabi/layout.h>
#include "vmwp/device/device.h"

enum { RTC_BYTES = 128 };

#define RTC_STATE_VERSION 1u

/* Fields are only appended, together with an increment of the version. */
struct rtc_state {
    uint32_t version;
    uint32_t size;            /* bytes, of this structure */
    int64_t offset_seconds;   /* the child's time of day less the host's */
    uint8_t index;            /* as written to port 0x70 */
    uint8_t flags;            /* register C */
    uint8_t reserved[6];      /* 0 */
    uint8_t bytes[RTC_BYTES]; /* times in it are meant only while the clock is stopped */
};
ABI_SIZE(struct rtc_state, 152);

struct rtc {
    struct rtc_state s;
    const struct device_host *host; /* [I] */
    int64_t base_seconds;           /* the child's time of day ... */
    uint64_t base_ns;               /* ... when the host's clock was this */
    uint64_t seen_ns;               /* up to here the flags of register C are right */
    uint64_t alarm_ns;              /* the next alarm after seen_ns; DEVICE_NO_DEADLINE */
};

void rtc_init(struct rtc *r, const struct device_host *host);

/* Port 0x70 (@offset 0) and 0x71 (1). */
uint8_t rtc_read(struct rtc *r, unsigned offset);
void rtc_write(struct rtc *r, unsigned offset, uint8_t value);

bool rtc_line(const struct rtc *r);

/* When an enabled interrupt comes next. */
uint64_t rtc_deadline(const struct rtc *r);
void rtc_tick(struct rtc *r);

void rtc_save(struct rtc *r, struct rtc_state *out);
bool rtc_state_valid(const struct rtc_state *in);
void rtc_restore(struct rtc *r, const struct rtc_state *in); /* a valid one */

#endif
