/* SPDX-License-Identifier: MIT */
/* test_vmwp_rtc.c - a child's clock, used as Linux's rtc_cmos and mc146818 library do. */
#include <time.h>
#include "fakes/test.h"
#include "fakes/vmwp_world.h"
#include "vmwp/device/calendar.h"
#include "vmwp/device/rtc.h"

enum { SEC, SEC_ALARM, MIN, MIN_ALARM, HOUR, HOUR_ALARM, WDAY, MDAY, MON, YEAR, A, B, C, D };
enum { CENTURY = 0x32 };
enum { UIP = 0x80, SET = 0x80, PIE = 0x40, AIE = 0x20, UIE = 0x10, BINARY = 0x04, H24 = 0x02 };

#define SECOND 1000000000ull

static struct vmwp_world w;
static struct rtc r;

static int setup(void **state)
{
    (void)state;
    vmwp_world_init(&w);
    rtc_init(&r, &w.host);
    return 0;
}

static uint8_t get(uint8_t reg)
{
    rtc_write(&r, 0, reg);
    return rtc_read(&r, 1);
}

static void put(uint8_t reg, unsigned value)
{
    rtc_write(&r, 0, reg);
    rtc_write(&r, 1, (uint8_t)value);
}

static void pass(uint64_t ns)
{
    w.now_ns += ns;
    rtc_tick(&r);
}

static unsigned bcd(uint8_t byte)
{
    return (byte >> 4) * 10u + (byte & 0xfu);
}

static uint8_t to_bcd(unsigned v)
{
    return (uint8_t)(v / 10 << 4 | v % 10);
}

/* mc146818_get_time() in a child with a century byte. */
static struct tm linux_get_time(void)
{
    struct tm t = {0};
    uint8_t control;

    for (;;) {
        uint8_t seconds = get(SEC);

        if ((get(A) & UIP) || seconds != get(SEC)) {
            pass(1000000);
            continue;
        }
        control = get(B);
        assert_int_equal(control & (BINARY | H24), H24);
        t.tm_sec = (int)bcd(seconds);
        t.tm_min = (int)bcd(get(MIN));
        t.tm_hour = (int)bcd(get(HOUR));
        t.tm_mday = (int)bcd(get(MDAY));
        t.tm_mon = (int)bcd(get(MON)) - 1;
        t.tm_year = (int)bcd(get(YEAR)) + ((int)bcd(get(CENTURY)) - 19) * 100;
        if (!(get(A) & UIP) && seconds == get(SEC))
            return t;
    }
}

/* mc146818_set_time(). */
static void linux_set_time(const struct tm *t)
{
    uint8_t control = get(B), rate;

    put(B, control | SET);
    rate = get(A);
    put(A, rate | 0x70);
    put(YEAR, to_bcd((unsigned)t->tm_year % 100));
    put(MON, to_bcd((unsigned)t->tm_mon + 1));
    put(MDAY, to_bcd((unsigned)t->tm_mday));
    put(HOUR, to_bcd((unsigned)t->tm_hour));
    put(MIN, to_bcd((unsigned)t->tm_min));
    put(SEC, to_bcd((unsigned)t->tm_sec));
    put(CENTURY, to_bcd((unsigned)t->tm_year / 100 + 19));
    put(B, control);
    put(A, rate);
}

static time_t clock_now(void)
{
    struct tm t = linux_get_time();

    return timegm(&t);
}

/* ---- time of day ---- */

static void it_begins_at_the_hosts_time(void **state)
{
    (void)state;
    assert_int_equal(clock_now(), VMWP_WORLD_WALL);
    assert_int_equal(get(YEAR), 0x26);
    assert_int_equal(get(MON), 0x11);
    assert_int_equal(get(CENTURY), 0x20);
    assert_int_equal(get(WDAY), 5); /* a Thursday */
    assert_int_equal(get(D), 0x80); /* its battery is good */
}

static void it_goes_on_by_the_hosts_clock(void **state)
{
    (void)state;
    pass(40 * 86400 * SECOND);
    assert_int_equal(clock_now(), VMWP_WORLD_WALL + 40 * 86400);
}

/* cmos_do_probe(): the clock has to work, and to be a 24-hour one. */
static void probe_succeeds(void **state)
{
    (void)state;
    assert_int_equal(get(D) & 0x40, 0);
    put(A, 0x26);
    put(B, get(B) & (uint8_t) ~(PIE | AIE | UIE));
    get(C);
    assert_true(get(B) & H24);
    assert_false(rtc_line(&r));
}

static void update_is_announced_244_us_before(void **state)
{
    (void)state;
    pass(SECOND - 244001);
    assert_int_equal(get(A), 0x26);
    pass(1);
    assert_int_equal(get(A), 0x26 | UIP);
    assert_int_equal(get(SEC), 0x49);
    pass(244000);
    assert_int_equal(get(A), 0x26);
    assert_int_equal(get(SEC), 0x50);
}

static void set_time_is_read_again(void **state)
{
    struct tm t = {
        .tm_year = 124, .tm_mon = 1, .tm_mday = 29, .tm_hour = 23, .tm_min = 59, .tm_sec = 59};
    time_t seconds = timegm(&t);

    (void)state;
    linux_set_time(&t);
    assert_int_equal(clock_now(), seconds);
    pass(SECOND /
         2); /* the divider was held: so long after it was released comes the first update */
    assert_int_equal(clock_now(), seconds + 1);
    assert_int_equal(get(MON), 0x03);
    assert_int_equal(get(MDAY), 0x01);
    pass(SECOND);
    assert_int_equal(clock_now(), seconds + 2);
}

static void stopped_clock_stands_still(void **state)
{
    (void)state;
    put(B, H24 | SET | UIE);
    assert_int_equal(get(B), H24 | SET); /* no updates, no interrupt of theirs */
    pass(100 * SECOND);
    assert_int_equal(get(SEC), 0x49);
    assert_int_equal(get(A) & UIP, 0);
    put(SEC, 0x10);
    assert_int_equal(get(SEC), 0x10);
    put(B, H24);
    assert_int_equal(clock_now(), VMWP_WORLD_WALL - 39);
}

static void single_bytes_can_be_set_while_it_runs(void **state)
{
    (void)state;
    pass(SECOND / 4);
    put(MIN, 0x30);
    put(WDAY, 1);
    assert_int_equal(clock_now(), VMWP_WORLD_WALL + 6 * 60);
    assert_int_equal(get(WDAY), 5);
    pass(SECOND / 4 * 3);
    assert_int_equal(clock_now(), VMWP_WORLD_WALL + 6 * 60 + 1);
}

static void hours_come_in_four_formats(void **state)
{
    static const struct {
        uint8_t hour, bcd24, bcd12, binary24, binary12;
    } rows[] = {
        {0, 0x00, 0x12, 0, 12},         {1, 0x01, 0x01, 1, 1},
        {11, 0x11, 0x11, 11, 11},       {12, 0x12, 0x92, 12, 0x80 | 12},
        {13, 0x13, 0x81, 13, 0x80 | 1}, {23, 0x23, 0x91, 23, 0x80 | 11},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tm t = {.tm_year = 99, .tm_mday = 1, .tm_hour = rows[i].hour};

        put(B, H24);
        linux_set_time(&t);
        assert_int_equal(get(HOUR), rows[i].bcd24);
        put(B, 0);
        assert_int_equal(get(HOUR), rows[i].bcd12);
        put(HOUR, rows[i].bcd12);
        put(B, H24 | BINARY);
        assert_int_equal(get(HOUR), rows[i].binary24);
        assert_int_equal(get(YEAR), 99);
        put(B, BINARY);
        assert_int_equal(get(HOUR), rows[i].binary12);
        put(HOUR, rows[i].binary12);
        put(B, H24);
        assert_int_equal(get(HOUR), rows[i].bcd24);
    }
}

static void nonsense_is_some_time(void **state)
{
    (void)state;
    put(B, SET);
    for (uint8_t reg = SEC; reg <= YEAR; reg++)
        put(reg, 0xff);
    put(CENTURY, 0xff);
    put(B, H24);
    assert_true(bcd(get(SEC)) < 60);
    assert_true(bcd(get(MON)) >= 1 && bcd(get(MON)) <= 12);
    assert_true(bcd(get(HOUR)) < 24);
}

/* ---- interrupts ---- */

/* cmos_set_alarm() and cmos_interrupt(). */
static void alarm_interrupts_once_at_its_time(void **state)
{
    (void)state;
    put(HOUR_ALARM, 0x07);
    put(MIN_ALARM, 0x25);
    put(SEC_ALARM, 0x01);
    get(C);
    put(B, get(B) | AIE);
    get(C);
    assert_int_equal(rtc_deadline(&r), w.now_ns + 12 * SECOND);
    pass(12 * SECOND - 1);
    assert_false(rtc_line(&r));
    pass(1);
    assert_true(rtc_line(&r));
    assert_int_equal(rtc_deadline(&r), DEVICE_NO_DEADLINE);
    /* Updates and periods have ended too, for whom wants to know. */
    assert_int_equal(get(C), 0x80 | PIE | AIE | UIE);
    assert_false(rtc_line(&r));
    assert_int_equal(get(C), 0);
    assert_int_equal(rtc_deadline(&r), w.now_ns + 86400 * SECOND);
}

static void alarm_bytes_may_match_always(void **state)
{
    (void)state;
    put(HOUR_ALARM, 0xff);
    put(MIN_ALARM, 0xc0);
    put(SEC_ALARM, 0x15);
    put(B, H24 | AIE);
    get(C);
    assert_int_equal(rtc_deadline(&r), w.now_ns + 26 * SECOND);
    put(SEC_ALARM, 0xff);
    assert_int_equal(rtc_deadline(&r), w.now_ns + SECOND);
    put(MIN_ALARM, 0x24);
    put(HOUR_ALARM, 0x07);
    pass(11 * SECOND); /* 07:25:00 */
    get(C);
    assert_int_equal(rtc_deadline(&r), w.now_ns + (86400 - 60) * SECOND);
    put(HOUR_ALARM, 0x24);
    assert_int_equal(rtc_deadline(&r), DEVICE_NO_DEADLINE);
}

static void alarm_follows_the_clock_that_is_set(void **state)
{
    const struct tm t = {.tm_year = 126, .tm_mon = 0, .tm_mday = 1, .tm_hour = 6, .tm_min = 0};

    (void)state;
    put(HOUR_ALARM, 0x06);
    put(MIN_ALARM, 0x01);
    put(SEC_ALARM, 0x00);
    put(B, H24 | AIE);
    linux_set_time(&t);
    get(C);
    assert_int_equal(rtc_deadline(&r), w.now_ns + 60 * SECOND - SECOND / 2);
}

static void update_interrupts_each_second(void **state)
{
    (void)state;
    pass(SECOND / 4);
    put(B, H24 | UIE);
    get(C);
    assert_int_equal(rtc_deadline(&r), w.now_ns + SECOND / 4 * 3);
    for (unsigned i = 0; i < 3; i++) {
        pass(i == 0 ? SECOND / 4 * 3 : SECOND);
        assert_true(rtc_line(&r));
        assert_true(get(C) & UIE);
        assert_false(rtc_line(&r));
    }
}

static void periodic_rates_are_those_of_the_data_sheet(void **state)
{
    static const unsigned hz[16] = {0,   256, 128, 8192, 4096, 2048, 1024, 512,
                                    256, 128, 64,  32,   16,   8,    4,    2};

    (void)state;
    put(B, H24 | PIE);
    for (unsigned rate = 0; rate < 16; rate++) {
        uint64_t end = w.now_ns + SECOND;
        unsigned count = 0;

        put(A, 0x20 | rate);
        get(C);
        while (rtc_deadline(&r) <= end) {
            pass(rtc_deadline(&r) - w.now_ns);
            assert_true(get(C) & PIE);
            count++;
        }
        assert_int_equal(count, hz[rate]);
        pass(end - w.now_ns);
    }
    put(A, 0x6f); /* the divider is held */
    assert_int_equal(rtc_deadline(&r), DEVICE_NO_DEADLINE);
}

static void flags_are_kept_for_whom_has_not_enabled_them(void **state)
{
    (void)state;
    put(SEC_ALARM, 0xff);
    put(MIN_ALARM, 0xff);
    put(HOUR_ALARM, 0xff);
    get(C);
    pass(3 * SECOND);
    assert_false(rtc_line(&r));
    assert_int_equal(rtc_deadline(&r), DEVICE_NO_DEADLINE);
    put(B, H24 | UIE);
    assert_true(rtc_line(&r));
    assert_int_equal(get(C), 0x80 | PIE | AIE | UIE);
}

/* ---- memory, state ---- */

static void other_bytes_are_memory(void **state)
{
    (void)state;
    for (unsigned reg = D + 1; reg < RTC_BYTES; reg++)
        if (reg != CENTURY)
            put((uint8_t)reg, reg ^ 0x5a);
    put(0x80 | 0x0f, 0x0a); /* NMI off: the same byte */
    for (unsigned reg = D + 1; reg < RTC_BYTES; reg++)
        if (reg != CENTURY)
            assert_int_equal(get((uint8_t)reg), reg == 0x0f ? 0x0a : reg ^ 0x5a);
    assert_int_equal(rtc_read(&r, 0), 0xff);
    put(C, 0xff);
    put(D, 0);
    assert_int_equal(get(D), 0x80);
}

static void state_makes_the_round(void **state)
{
    const struct tm t = {.tm_year = 70, .tm_mday = 1};
    struct rtc_state saved, again;

    (void)state;
    linux_set_time(&t);
    put(0x40, 0x99);
    put(B, H24 | AIE);
    put(SEC_ALARM, 0xff);
    put(MIN_ALARM, 0xff);
    put(HOUR_ALARM, 0xff);
    pass(5 * SECOND);
    w.wall_seconds += 5;
    rtc_save(&r, &saved);
    assert_true(rtc_state_valid(&saved));
    rtc_init(&r, &w.host);
    rtc_restore(&r, &saved);
    rtc_save(&r, &again);
    assert_memory_equal(&saved, &again, sizeof(saved));
    assert_true(rtc_line(&r));
    assert_int_equal(get(0x40), 0x99);
    assert_int_equal(clock_now(), 5);
    w.wall_seconds += 3600; /* it lay in a file for an hour */
    rtc_restore(&r, &saved);
    assert_int_equal(clock_now(), 3605);
}

static void stopped_state_stays_stopped(void **state)
{
    struct rtc_state saved;

    (void)state;
    put(B, H24 | SET);
    put(SEC, 0x33);
    rtc_save(&r, &saved);
    assert_true(rtc_state_valid(&saved));
    w.wall_seconds += 100;
    rtc_restore(&r, &saved);
    pass(50 * SECOND);
    assert_int_equal(get(SEC), 0x33);
    put(B, H24);
    assert_int_equal(clock_now(), VMWP_WORLD_WALL - 16);
}

static void states_that_lie_are_refused(void **state)
{
    struct rtc_state good, bad;

    (void)state;
    rtc_save(&r, &good);
    assert_true(rtc_state_valid(&good));
#define REFUSED(field, value) bad = good, bad.field = (value), assert_false(rtc_state_valid(&bad))
    REFUSED(version, 2);
    REFUSED(size, 8);
    REFUSED(index, 0x80);
    REFUSED(flags, 0x80);
    REFUSED(reserved[5], 1);
    REFUSED(offset_seconds, INT64_MIN);
    REFUSED(offset_seconds, INT64_MAX);
    REFUSED(bytes[A], 0xa6);
    REFUSED(bytes[B], SET | UIE);
    REFUSED(bytes[C], 1);
    REFUSED(bytes[D], 0x80);
    good.bytes[B] |= SET;
    assert_true(rtc_state_valid(&good));
    REFUSED(offset_seconds, 1);
#undef REFUSED
}

/* ---- the calendar against the host's ---- */

static void assert_same_date(int64_t seconds)
{
    struct calendar c = calendar_of(seconds);
    time_t when = (time_t)seconds;
    struct tm t;

    assert_non_null(gmtime_r(&when, &t));
    assert_int_equal(c.year, t.tm_year + 1900);
    assert_int_equal(c.month, t.tm_mon + 1);
    assert_int_equal(c.day, t.tm_mday);
    assert_int_equal(c.hour, t.tm_hour);
    assert_int_equal(c.minute, t.tm_min);
    assert_int_equal(c.second, t.tm_sec);
    assert_int_equal(c.weekday, t.tm_wday);
    assert_int_equal(calendar_seconds(&c), seconds);
}

static void calendar_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = -200000; day < 400000; day++) /* years 1422 to 3065 */
        assert_same_date(day * 86400 + day % 86400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_begins_at_the_hosts_time, setup),
        cmocka_unit_test_setup(it_goes_on_by_the_hosts_clock, setup),
        cmocka_unit_test_setup(probe_succeeds, setup),
        cmocka_unit_test_setup(update_is_announced_244_us_before, setup),
        cmocka_unit_test_setup(set_time_is_read_again, setup),
        cmocka_unit_test_setup(stopped_clock_stands_still, setup),
        cmocka_unit_test_setup(single_bytes_can_be_set_while_it_runs, setup),
        cmocka_unit_test_setup(hours_come_in_four_formats, setup),
        cmocka_unit_test_setup(nonsense_is_some_time, setup),
        cmocka_unit_test_setup(alarm_interrupts_once_at_its_time, setup),
        cmocka_unit_test_setup(alarm_bytes_may_match_always, setup),
        cmocka_unit_test_setup(alarm_follows_the_clock_that_is_set, setup),
        cmocka_unit_test_setup(update_interrupts_each_second, setup),
        cmocka_unit_test_setup(periodic_rates_are_those_of_the_data_sheet, setup),
        cmocka_unit_test_setup(flags_are_kept_for_whom_has_not_enabled_them, setup),
        cmocka_unit_test_setup(other_bytes_are_memory, setup),
        cmocka_unit_test_setup(state_makes_the_round, setup),
        cmocka_unit_test_setup(stopped_state_stays_stopped, setup),
        cmocka_unit_test_setup(states_that_lie_are_refused, setup),
        cmocka_unit_test(calendar_agrees_with_the_c_library),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
