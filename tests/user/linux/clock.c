/* SPDX-License-Identifier: MIT */
/* clock.c - a program for a Linux child, about its clock and about the one that root's time
 * messages give it, which is /dev/ptpN and disciplines nothing by itself.
 *
 * clock           prints what its clock says and what its reference time is at the same moment, by
 *                 /dev/cpu/0/msr, and how much root's clock is ahead. Of many looks the one counts
 *                 that took least.
 * clock skew PPM  has its clock run so much too fast
 * clock follow    sets its clock by root's every PERIOD seconds, as a daemon would, for ever */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define TIME_REF_COUNT 0x40000020 /* HV_X64_MSR_TIME_REF_COUNT */
#define LOOKS          1000u
#define PERIOD         5
#define NS_PER_S       1000000000ll
#define PTP_CLOCKS     8u
#define PTP_NAME       "hyperv\n"
#define PPM            65536l                     /* of struct timex */
#define FD_CLOCK(fd)   ((clockid_t)(~(fd)*8 | 3)) /* Linux' dynamic clocks */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t = {0};

    if (clock_gettime(clock, &t) != 0) {
        perror("clock");
        _exit(1);
    }
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static bool is_roots(unsigned number)
{
    char path[64], name[16] = "";
    FILE *f;

    (void)snprintf(path, sizeof(path), "/sys/class/ptp/ptp%u/clock_name", number);
    f = fopen(path, "r");
    if (!f)
        return false;
    if (!fgets(name, sizeof(name), f))
        name[0] = 0;
    (void)fclose(f);
    return strcmp(name, PTP_NAME) == 0;
}

/* The clock of root's messages; ends the program if there is none. */
static clockid_t roots_clock(void)
{
    char path[64];

    for (unsigned i = 0; i < PTP_CLOCKS; i++) {
        int fd;

        if (!is_roots(i))
            continue;
        (void)snprintf(path, sizeof(path), "/dev/ptp%u", i);
        fd = open(path, O_RDONLY);
        if (fd >= 0)
            return FD_CLOCK(fd);
    }
    fputs("clock: there is no clock of Hyper-V's\n", stderr);
    _exit(1);
}

/* How much root's clock is ahead of ours. */
static int64_t ahead(clockid_t roots)
{
    int64_t best = INT64_MAX, difference = 0;

    for (unsigned i = 0; i < LOOKS; i++) {
        int64_t before = clock_ns(CLOCK_REALTIME), there = clock_ns(roots);
        int64_t took = clock_ns(CLOCK_REALTIME) - before;

        if (took < 0 || took >= best) /* it may be set meanwhile */
            continue;
        best = took;
        difference = there - (before + took / 2);
    }
    return difference;
}

static int print(void)
{
    int64_t best = INT64_MAX, clock = 0;
    uint64_t reference = 0;
    int msr = open("/dev/cpu/0/msr", O_RDONLY);

    for (unsigned i = 0; i < LOOKS; i++) {
        int64_t before = clock_ns(CLOCK_REALTIME), took;
        uint64_t count;

        if (pread(msr, &count, sizeof(count), TIME_REF_COUNT) != sizeof(count)) {
            perror("msr");
            return 1;
        }
        took = clock_ns(CLOCK_REALTIME) - before;
        if (took < 0 || took >= best)
            continue;
        best = took;
        clock = before + best / 2;
        reference = count;
    }
    printf("clock=%" PRId64 " reference=%" PRIu64 " width=%" PRId64 " ahead=%" PRId64 "\n", clock,
           reference, best, ahead(roots_clock()));
    return 0;
}

static int skew(const char *ppm)
{
    struct timex t = {.modes = ADJ_FREQUENCY, .freq = strtol(ppm, NULL, 10) * PPM};

    if (adjtimex(&t) >= 0)
        return 0;
    perror("adjtimex");
    return 1;
}

static int follow(void)
{
    const struct timespec period = {.tv_sec = PERIOD};
    clockid_t roots = roots_clock();

    for (;; nanosleep(&period, NULL)) {
        int64_t now = ahead(roots);
        struct timespec t;

        now += clock_ns(CLOCK_REALTIME);
        t = (struct timespec){.tv_sec = now / NS_PER_S, .tv_nsec = (long)(now % NS_PER_S)};
        if (clock_settime(CLOCK_REALTIME, &t) != 0) {
            perror("settime");
            return 1;
        }
    }
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return print();
    if (argc == 3 && strcmp(argv[1], "skew") == 0)
        return skew(argv[2]);
    if (argc == 2 && strcmp(argv[1], "follow") == 0)
        return follow();
    fputs("usage: clock [skew PPM | follow]\n", stderr);
    return 2;
}
