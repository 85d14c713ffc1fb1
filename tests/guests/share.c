/* SPDX-License-Identifier: MIT */
/* share.c - how much of a processor each VP gets, as it sees itself: it counts batches of work, of
 * which it knows what one costs when nothing interrupts it, against the TSC.
 *
 * Arguments: ticks=N of the TSC to measure over (300,000,000). Prints for each VP
 *   share: VP I permille=P accounted=A
 * P is what it found out by itself, for which no time may pass but what it sees itself: under
 * -icount. A is what the hypervisor accounts (HV_X64_MSR_VP_RUNTIME). */
#include <hvabi/msr.h>
#include <kern/guest_cpu.h>
#include <kern/guest_sync.h>
#include <x86/insn.h>

#include "guest.h"

#define TICKS_DEFAULT 300000000u
#define BATCH_STEPS   20000u /* far below a time slice */
#define TRIES         64u    /* of which one is not interrupted */
#define PER_MILLE     1000u

static struct {
    uint32_t finished; /* [a] */
    uint64_t ticks;
} run;

static void batch(void)
{
    for (volatile uint32_t i = 0; i < BATCH_STEPS; i++)
        ;
}

static uint64_t batch_cost(void)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t begin = insn_rdtsc(), ticks;

        batch();
        ticks = insn_rdtsc() - begin;
        if (ticks < least)
            least = ticks;
    }
    return least;
}

static void vp_main(void)
{
    uint64_t cost = batch_cost(), batches = 0, begin, ticks;
    uint64_t run_time = insn_rdmsr(HV_X64_MSR_VP_RUNTIME);
    uint64_t time = insn_rdmsr(HV_X64_MSR_TIME_REF_COUNT);

    begin = insn_rdtsc();
    do {
        batch();
        batches++;
        ticks = insn_rdtsc() - begin;
    } while (ticks < run.ticks);
    run_time = insn_rdmsr(HV_X64_MSR_VP_RUNTIME) - run_time;
    time = insn_rdmsr(HV_X64_MSR_TIME_REF_COUNT) - time;
    guest_printf("share: VP %u permille=%llu accounted=%llu\n", guest_cpu_this()->index,
                 (unsigned long long)(batches * cost * PER_MILLE / ticks),
                 (unsigned long long)(run_time * PER_MILLE / time));
    __atomic_fetch_add(&run.finished, 1, __ATOMIC_RELEASE); /* pairs with guest_main() */
}

uint8_t guest_main(const struct guest_boot *boot)
{
    run.ticks = guest_arg_number(guest_command_line(), "ticks", TICKS_DEFAULT);
    guest_printf("share: starts\n");
    guest_others_start(boot, vp_main);
    vp_main();
    while (__atomic_load_n(&run.finished, __ATOMIC_ACQUIRE) < boot->vp_count)
        insn_pause();
    return GUEST_EXIT_OK;
}
