/* SPDX-License-Identifier: MIT */
/* clock.c - a program for a Linux child: what its clock says, and what its reference time is at the
 * same moment, by /dev/cpu/0/msr. Of many looks the one counts that took least. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TIME_REF_COUNT 0x40000020 /* HV_X64_MSR_TIME_REF_COUNT */
#define LOOKS          1000u
#define NS_PER_S       1000000000ull

static uint64_t clock_ns(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

int main(void)
{
    uint64_t best = UINT64_MAX, clock = 0, reference = 0;
    int msr = open("/dev/cpu/0/msr", O_RDONLY);

    for (unsigned i = 0; i < LOOKS; i++) {
        uint64_t before = clock_ns(), count, after;

        if (pread(msr, &count, sizeof(count), TIME_REF_COUNT) != sizeof(count)) {
            perror("msr");
            return 1;
        }
        after = clock_ns();
        if (after - before >= best)
            continue;
        best = after - before;
        clock = before + best / 2;
        reference = count;
    }
    printf("clock=%" PRIu64 " reference=%" PRIu64 " width=%" PRIu64 "\n", clock, reference, best);
    return 0;
}
