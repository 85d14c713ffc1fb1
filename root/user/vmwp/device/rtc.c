/* SPDX-License-Identifier: MIT */
/* vmwp/device/rtc.c - see rtc.h. Motorola MC146818A data sheet.
 *
 * While the clock runs, the bytes of the time of day are made when they are read. While it is
 * stopped (SET, or the divider held in reset) they are what they were then, or what the child has
 * written; when it starts again they are the time, whatever nonsense they say. */
#include <string.h>
#include "vmwp/device/calendar.h"
#include "vmwp/device/rtc.h"

enum {
    SECONDS,
    SECONDS_ALARM,
    MINUTES,
    MINUTES_ALARM,
    HOURS,
    HOURS_ALARM,
    WEEKDAY,
    DAY,
    MONTH,
    YEAR,
    REGISTER_A,
    REGISTER_B,
    REGISTER_C,
    REGISTER_D,
    CENTURY = 0x32,
};

#define INDEX_MASK 0x7fu /* of port 0x70; bit 7 masks the NMI of a PC */

#define A_UPDATING      0x80u
#define A_DIVIDER_SHIFT 4
#define A_DIVIDER_MASK  7u
#define A_DIVIDER_RESET 6u /* and 7 */
#define A_RATE_MASK     0x0fu
#define A_INITIAL       0x26u /* 32768 Hz; 1024 Hz */

#define B_SET      0x80u
#define B_PERIODIC 0x40u
#define B_ALARM    0x20u
#define B_UPDATE   0x10u
#define B_BINARY   0x04u
#define B_24_HOURS 0x02u

/* Register C has the flags where register B has what enables them. */
#define C_REQUEST 0x80u
#define C_FLAGS   (B_PERIODIC | B_ALARM | B_UPDATE)

#define D_VALID     0x80u
#define ALARM_ANY   0xc0u /* an alarm byte with both bits set always matches */
#define HOURS_PM    0x80u
#define UPDATING_NS 244000u    /* UIP is set so long before an update */
#define RESTART_NS  500000000u /* from the divider's release to the first update */

#define NS_PER_SECOND 1000000000ull
#define CRYSTAL_HZ    32768u
#define CRYSTAL_SHIFT 15
/* More than a child can set: it keeps sums of seconds far from overflow. */
#define OFFSET_MAX (1ll << 50)

static uint64_t now(const struct rtc *r)
{
    return r->host->now_ns(r->host->context);
}

static bool divider_held(const struct rtc_state *s)
{
    return (s->bytes[REGISTER_A] >> A_DIVIDER_SHIFT & A_DIVIDER_MASK) >= A_DIVIDER_RESET;
}

static bool stopped(const struct rtc_state *s)
{
    return (s->bytes[REGISTER_B] & B_SET) || divider_held(s);
}

/* Differences of the host's clock are right even if base_ns lies before its beginning. */
static int64_t seconds_at(const struct rtc *r, uint64_t ns)
{
    return r->base_seconds + (int64_t)((ns - r->base_ns) / NS_PER_SECOND);
}

static uint64_t ns_of(const struct rtc *r, int64_t seconds)
{
    return r->base_ns + (uint64_t)(seconds - r->base_seconds) * NS_PER_SECOND;
}

/* ---- the formats of bytes ---- */

static uint8_t encode(const struct rtc_state *s, unsigned value)
{
    return (uint8_t)(s->bytes[REGISTER_B] & B_BINARY ? value : (value / 10 % 10) << 4 | value % 10);
}

static unsigned decode(const struct rtc_state *s, uint8_t byte)
{
    return s->bytes[REGISTER_B] & B_BINARY ? byte : (byte >> 4) * 10u + (byte & 0xfu);
}

static uint8_t encode_hours(const struct rtc_state *s, unsigned hours)
{
    if (s->bytes[REGISTER_B] & B_24_HOURS)
        return encode(s, hours);
    return encode(s, (hours + 11) % 12 + 1) | (hours >= 12 ? HOURS_PM : 0);
}

static unsigned decode_hours(const struct rtc_state *s, uint8_t byte)
{
    if (s->bytes[REGISTER_B] & B_24_HOURS)
        return decode(s, byte);
    return decode(s, byte & (uint8_t)~HOURS_PM) % 12 + (byte & HOURS_PM ? 12 : 0);
}

static void time_store(struct rtc_state *s, int64_t seconds)
{
    struct calendar c = calendar_of(seconds);

    s->bytes[SECONDS] = encode(s, c.second);
    s->bytes[MINUTES] = encode(s, c.minute);
    s->bytes[HOURS] = encode_hours(s, c.hour);
    s->bytes[WEEKDAY] = encode(s, c.weekday + 1);
    s->bytes[DAY] = encode(s, c.day);
    s->bytes[MONTH] = encode(s, c.month);
    s->bytes[YEAR] = encode(s, (unsigned)(c.year % 100));
    s->bytes[CENTURY] = encode(s, (unsigned)(c.year / 100 % 100));
}

static int64_t time_load(const struct rtc_state *s)
{
    struct calendar c = {
        .year = decode(s, s->bytes[CENTURY]) * 100ll + decode(s, s->bytes[YEAR]),
        .month = decode(s, s->bytes[MONTH]),
        .day = decode(s, s->bytes[DAY]),
        .hour = decode_hours(s, s->bytes[HOURS]),
        .minute = decode(s, s->bytes[MINUTES]),
        .second = decode(s, s->bytes[SECONDS]),
    };

    return calendar_seconds(&c);
}

static bool is_time(unsigned reg)
{
    static const uint8_t times[YEAR + 1] = {
        [SECONDS] = 1, [MINUTES] = 1, [HOURS] = 1, [WEEKDAY] = 1,
        [DAY] = 1,     [MONTH] = 1,   [YEAR] = 1,
    };

    return reg == CENTURY || (reg <= YEAR && times[reg]);
}

/* ---- alarm and flags ---- */

static bool alarm_is(uint8_t byte, unsigned wanted, unsigned value)
{
    return byte >= ALARM_ANY || wanted == value;
}

/* The first second of the day's minute @minute, not before @from, that the alarm names; or none. */
static bool alarm_in_minute(const struct rtc_state *s, unsigned minute, unsigned from,
                            unsigned *second)
{
    const uint8_t *b = s->bytes;

    if (!alarm_is(b[HOURS_ALARM], decode_hours(s, b[HOURS_ALARM]), minute / CALENDAR_MINUTES) ||
        !alarm_is(b[MINUTES_ALARM], decode(s, b[MINUTES_ALARM]), minute % CALENDAR_MINUTES))
        return false;
    *second = b[SECONDS_ALARM] >= ALARM_ANY ? from : decode(s, b[SECONDS_ALARM]);
    return *second >= from && *second < CALENDAR_SECONDS;
}

/* Find the next alarm after seen_ns: a day is searched, by minutes, when the alarm has changed or
 * has come. */
static void alarm_find(struct rtc *r)
{
    struct calendar c;
    unsigned minute, second, from;
    int64_t next;

    r->alarm_ns = DEVICE_NO_DEADLINE;
    if (stopped(&r->s))
        return;
    next = seconds_at(r, r->seen_ns) + 1;
    c = calendar_of(next);
    minute = c.hour * CALENDAR_MINUTES + c.minute;
    from = c.second;
    next -= from;
    for (unsigned i = 0; i <= CALENDAR_DAY_MINUTES; i++) {
        if (alarm_in_minute(&r->s, minute, from, &second)) {
            r->alarm_ns = ns_of(r, next + second);
            return;
        }
        minute = (minute + 1) % CALENDAR_DAY_MINUTES;
        next += CALENDAR_SECONDS;
        from = 0;
    }
}

/* Periods are counted from the beginning of the host's clock. */
static uint64_t crystal_ticks(uint64_t ns)
{
    return (ns / NS_PER_SECOND << CRYSTAL_SHIFT) +
           (ns % NS_PER_SECOND * CRYSTAL_HZ) / NS_PER_SECOND;
}

/* log2 of the period in ticks of the crystal; 0: no periodic interrupt. */
static unsigned period_shift(const struct rtc_state *s)
{
    unsigned rate = s->bytes[REGISTER_A] & A_RATE_MASK;

    if (rate == 0 || divider_held(s))
        return 0;
    return rate <= 2 ? rate + 6 : rate - 1; /* rates 1 and 2 are those of 8 and 9 */
}

static uint64_t period_next(const struct rtc *r)
{
    unsigned shift = period_shift(&r->s);
    uint64_t ticks;

    if (shift == 0)
        return DEVICE_NO_DEADLINE;
    ticks = ((crystal_ticks(r->seen_ns) >> shift) + 1) << shift;
    return (ticks >> CRYSTAL_SHIFT) * NS_PER_SECOND +
           ((ticks & (CRYSTAL_HZ - 1)) * NS_PER_SECOND + CRYSTAL_HZ - 1) / CRYSTAL_HZ;
}

static uint64_t update_next(const struct rtc *r)
{
    return stopped(&r->s) ? DEVICE_NO_DEADLINE : ns_of(r, seconds_at(r, r->seen_ns) + 1);
}

/* Set the flags of what has happened until now. */
static void advance(struct rtc *r)
{
    uint64_t ns = now(r);
    bool alarm = ns >= r->alarm_ns;

    if (ns >= period_next(r))
        r->s.flags |= B_PERIODIC;
    if (ns >= update_next(r))
        r->s.flags |= B_UPDATE;
    r->seen_ns = ns;
    if (alarm) {
        r->s.flags |= B_ALARM;
        alarm_find(r);
    }
}

bool rtc_line(const struct rtc *r)
{
    return (r->s.flags & r->s.bytes[REGISTER_B] & C_FLAGS) != 0;
}

/* ---- registers ---- */

static void clock_start(struct rtc *r, uint64_t ns)
{
    r->base_seconds = time_load(&r->s);
    r->base_ns = ns;
}

static void time_write(struct rtc *r, unsigned reg, uint8_t value)
{
    uint64_t part;

    if (stopped(&r->s)) {
        r->s.bytes[reg] = value;
        return;
    }
    part = (r->seen_ns - r->base_ns) % NS_PER_SECOND;
    time_store(&r->s, seconds_at(r, r->seen_ns));
    r->s.bytes[reg] = value;
    clock_start(r, r->seen_ns - part);
}

/* Registers A and B, which may stop and start the clock. */
static void control_write(struct rtc *r, unsigned reg, uint8_t value)
{
    bool held = divider_held(&r->s), was_stopped = stopped(&r->s);

    if (!was_stopped)
        time_store(&r->s, seconds_at(r, r->seen_ns));
    if (reg == REGISTER_A)
        value &= (uint8_t)~A_UPDATING;
    else if (value & B_SET) /* no updates, no interrupt when they end */
        value &= (uint8_t)~B_UPDATE;
    r->s.bytes[reg] = value;
    if (was_stopped && !stopped(&r->s))
        clock_start(r, held ? r->seen_ns - RESTART_NS : r->seen_ns);
}

static void register_write(struct rtc *r, unsigned reg, uint8_t value)
{
    advance(r);
    if (is_time(reg))
        time_write(r, reg, value);
    else if (reg == REGISTER_A || reg == REGISTER_B)
        control_write(r, reg, value);
    else if (reg != REGISTER_C && reg != REGISTER_D)
        r->s.bytes[reg] = value;
    if (reg <= REGISTER_B || reg == CENTURY)
        alarm_find(r);
}

static uint8_t updating(const struct rtc *r)
{
    uint64_t part = (r->seen_ns - r->base_ns) % NS_PER_SECOND;

    return !stopped(&r->s) && part >= NS_PER_SECOND - UPDATING_NS ? A_UPDATING : 0;
}

static uint8_t flags_take(struct rtc *r)
{
    uint8_t flags = r->s.flags | (rtc_line(r) ? C_REQUEST : 0);

    r->s.flags = 0;
    return flags;
}

static uint8_t register_read(struct rtc *r, unsigned reg)
{
    advance(r);
    if (is_time(reg) && !stopped(&r->s))
        time_store(&r->s, seconds_at(r, r->seen_ns));
    switch (reg) {
    case REGISTER_A:
        return r->s.bytes[REGISTER_A] | updating(r);
    case REGISTER_C:
        return flags_take(r);
    case REGISTER_D:
        return D_VALID;
    default:
        return r->s.bytes[reg];
    }
}

uint8_t rtc_read(struct rtc *r, unsigned offset)
{
    return offset == 0 ? UINT8_MAX : register_read(r, r->s.index); /* the index is write-only */
}

void rtc_write(struct rtc *r, unsigned offset, uint8_t value)
{
    if (offset == 0)
        r->s.index = value & INDEX_MASK;
    else
        register_write(r, r->s.index, value);
}

/* ---- time and state ---- */

uint64_t rtc_deadline(const struct rtc *r)
{
    uint8_t enabled = r->s.bytes[REGISTER_B];
    uint64_t next = DEVICE_NO_DEADLINE, at;

    if (rtc_line(r)) /* asserted until register C is read */
        return DEVICE_NO_DEADLINE;
    if (enabled & B_ALARM)
        next = r->alarm_ns;
    at = enabled & B_UPDATE ? update_next(r) : DEVICE_NO_DEADLINE;
    next = at < next ? at : next;
    at = enabled & B_PERIODIC ? period_next(r) : DEVICE_NO_DEADLINE;
    return at < next ? at : next;
}

void rtc_tick(struct rtc *r)
{
    advance(r);
}

static int64_t wall(const struct rtc *r)
{
    return r->host->wall_seconds(r->host->context);
}

void rtc_init(struct rtc *r, const struct device_host *host)
{
    memset(r, 0, sizeof(*r));
    r->host = host;
    r->s.version = RTC_STATE_VERSION;
    r->s.size = sizeof(r->s);
    r->s.bytes[REGISTER_A] = A_INITIAL;
    r->s.bytes[REGISTER_B] = B_24_HOURS;
    r->base_seconds = wall(r);
    r->base_ns = r->seen_ns = now(r);
    alarm_find(r);
}

void rtc_save(struct rtc *r, struct rtc_state *out)
{
    advance(r);
    r->s.offset_seconds = 0;
    if (!stopped(&r->s)) {
        time_store(&r->s, seconds_at(r, r->seen_ns));
        r->s.offset_seconds = seconds_at(r, r->seen_ns) - wall(r);
    }
    *out = r->s;
}

bool rtc_state_valid(const struct rtc_state *in)
{
    uint8_t any = 0;

    for (unsigned i = 0; i < sizeof(in->reserved); i++)
        any |= in->reserved[i];
    if (in->version != RTC_STATE_VERSION || in->size != sizeof(*in) || any != 0)
        return false;
    if (in->index > INDEX_MASK || (in->flags & ~C_FLAGS) || in->bytes[REGISTER_C] != 0 ||
        in->bytes[REGISTER_D] != 0 || (in->bytes[REGISTER_A] & A_UPDATING) ||
        (in->bytes[REGISTER_B] & (B_SET | B_UPDATE)) == (B_SET | B_UPDATE))
        return false;
    return in->offset_seconds >= -OFFSET_MAX && in->offset_seconds <= OFFSET_MAX &&
           (in->offset_seconds == 0 || !stopped(in));
}

void rtc_restore(struct rtc *r, const struct rtc_state *in)
{
    r->s = *in;
    r->base_seconds = wall(r) + in->offset_seconds;
    r->base_ns = r->seen_ns = now(r);
    alarm_find(r);
}
