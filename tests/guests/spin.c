/* SPDX-License-Identifier: MIT */
/* spin.c - all VPs contend for one ticket lock; how often it changes hands and how much of what they
 * do is spinning, with and without HvCallNotifyLongSpinWait.
 *
 * Arguments: notify=0|1 (1), rounds=N acquisitions by each VP (10000; 0: no limit), ticks=N of the
 * TSC to run at most (0: no limit), work=N PAUSE-free steps with the lock held (200), think=N such
 * steps without it between two acquisitions (0), limit=N spins before a notification (what CPUID
 * recommends, at most 1000). Prints
 * spin: handovers=H spin_permille=P ticks=T notifies=N vps=V run_ms=R
 * Spins and steps are counted, and what one of each costs is measured first: neither a VP that waits
 * while it is not running nor a host that takes our processors away looks like spinning. */
#include <hvabi/cpuid.h>
#include <hvabi/msr.h>
#include <hvabi/partition.h>
#include <kern/guest_cpu.h>
#include <kern/guest_sync.h>
#include <x86/cpuid.h>
#include <x86/insn.h>

#include "guest.h"

#define SPIN_LIMIT_MAX      1000u /* spins before a notification, unless the leaf says less */
#define CALIBRATION_COUNT   1000u /* spins, or steps */
#define CALIBRATION_BATCHES 16u
#define PER_MILLE           1000u
#define UNITS_PER_MS        10000u /* of 100 ns */

/* One VP's count, on cache lines of its own. */
struct spin_count {
    _Alignas(64) uint64_t spins;
    uint64_t steps;
    uint64_t notifies;
    uint64_t handovers; /* acquisitions after another VP had the lock */
    uint64_t run_time;  /* HV_X64_MSR_VP_RUNTIME, 100 ns */
    uint64_t ticks;
    volatile uint64_t thought; /* what it does without the lock writes */
};

static struct {
    struct guest_ticket_lock lock;
    uint32_t last_holder;       /* [lock] */
    uint32_t started, finished; /* [a] */
    uint32_t vps;
    uint64_t rounds, limit_ticks, work, think;
    uint32_t spin_limit;             /* 0: never notify */
    volatile uint64_t protected_sum; /* [lock] what the work writes */
    struct spin_count count[GUEST_CPU_MAX];
} spin;

static uint32_t spin_limit_get(void)
{
    uint32_t regs[4];
    uint64_t limit;

    if (!guest_arg_number(guest_command_line(), "notify", 1))
        return 0;
    limit = guest_arg_number(guest_command_line(), "limit", 0);
    if (limit)
        return (uint32_t)limit;
    insn_cpuid(HV_CPUID_RECOMMENDATIONS, 0, regs);
    if (regs[CPUID_EBX] == 0 || regs[CPUID_EBX] > SPIN_LIMIT_MAX)
        return SPIN_LIMIT_MAX;
    return regs[CPUID_EBX];
}

/* Spin until it is the turn of @ticket, @spins times at most: how many were not needed. Calibration
 * measures this very code. */
__attribute__((noinline)) static uint32_t spin_wait(struct spin_count *count, uint32_t ticket,
                                                    uint32_t spins)
{
    /* pairs with the release in guest_ticket_release() */
    while (spins && __atomic_load_n(&spin.lock.owner, __ATOMIC_ACQUIRE) != ticket) {
        insn_pause();
        count->spins++;
        spins--;
    }
    return spins;
}

static void lock_acquire(struct spin_count *count)
{
    uint32_t ticket = __atomic_fetch_add(&spin.lock.next, 1, __ATOMIC_RELAXED);

    while (!spin_wait(count, ticket, spin.spin_limit ? spin.spin_limit : UINT32_MAX)) {
        if (!spin.spin_limit)
            continue;
        (void)hv_call_notify_long_spin_wait(guest_client(), spin.spin_limit);
        count->notifies++;
    }
}

/* @steps of work on *@sum; calibration measures this very code. */
__attribute__((noinline)) static void steps_do(struct spin_count *count, volatile uint64_t *sum,
                                               uint64_t steps)
{
    for (uint64_t i = 0; i < steps; i++)
        *sum += i;
    count->steps += steps;
}

static void work_do(struct spin_count *count, uint32_t self)
{
    if (spin.last_holder != self)
        count->handovers++;
    spin.last_holder = self;
    steps_do(count, &spin.protected_sum, spin.work);
}

static bool round_wanted(uint64_t round, uint64_t begin)
{
    if (spin.rounds && round >= spin.rounds)
        return false;
    return !spin.limit_ticks || insn_rdtsc() - begin < spin.limit_ticks;
}

static void vp_main(void)
{
    uint32_t self = guest_cpu_this()->index;
    struct spin_count *count = &spin.count[self];
    uint64_t begin, run_begin;

    guest_meet(&spin.started, spin.vps);
    begin = insn_rdtsc();
    run_begin = insn_rdmsr(HV_X64_MSR_VP_RUNTIME);
    for (uint64_t round = 0; round_wanted(round, begin); round++) {
        lock_acquire(count);
        work_do(count, self);
        guest_ticket_release(&spin.lock);
        steps_do(count, &count->thought, spin.think);
    }
    count->run_time = insn_rdmsr(HV_X64_MSR_VP_RUNTIME) - run_begin;
    count->ticks = insn_rdtsc() - begin;
    __atomic_fetch_add(&spin.finished, 1, __ATOMIC_RELEASE); /* pairs with guest_main() */
}

static void calibration_spins(struct spin_count *scratch)
{
    (void)spin_wait(scratch, spin.lock.next + 1, CALIBRATION_COUNT); /* nobody's turn */
}

static void calibration_steps(struct spin_count *scratch)
{
    steps_do(scratch, &scratch->thought, CALIBRATION_COUNT);
}

/* TSC ticks that @function takes: the least of several times, since one may be preempted. */
static uint64_t calibrate(void (*function)(struct spin_count *scratch))
{
    static struct spin_count scratch;
    uint64_t best = UINT64_MAX;

    for (uint32_t batch = 0; batch < CALIBRATION_BATCHES; batch++) {
        uint64_t begin = insn_rdtsc(), ticks;

        function(&scratch);
        ticks = insn_rdtsc() - begin;
        if (ticks < best)
            best = ticks;
    }
    return best;
}

/* All VPs' counts added up; ticks is the longest. */
static struct spin_count total_get(void)
{
    struct spin_count total = {0};

    for (uint32_t i = 0; i < spin.vps; i++) {
        const struct spin_count *c = &spin.count[i];

        total.spins += c->spins;
        total.steps += c->steps;
        total.notifies += c->notifies;
        total.handovers += c->handovers;
        total.run_time += c->run_time;
        total.ticks = c->ticks > total.ticks ? c->ticks : total.ticks;
    }
    return total;
}

static void result_print(uint64_t spin_cost, uint64_t step_cost)
{
    struct spin_count total = total_get();
    uint64_t spun = total.spins * spin_cost, done = total.steps * step_cost;

    guest_printf("spin: handovers=%llu spin_permille=%llu ticks=%llu notifies=%llu vps=%u "
                 "run_ms=%llu\n",
                 (unsigned long long)total.handovers,
                 (unsigned long long)(spun ? spun * PER_MILLE / (spun + done) : 0),
                 (unsigned long long)total.ticks, (unsigned long long)total.notifies, spin.vps,
                 (unsigned long long)(total.run_time / UNITS_PER_MS));
}

uint8_t guest_main(const struct guest_boot *boot)
{
    const char *line = guest_command_line();
    uint64_t spin_cost, step_cost;

    if (!guest_hypercall_enable())
        return GUEST_EXIT_FAILED;
    if (!(guest_privileges() & HV_PRIVILEGE_ACCESS_VP_RUN_TIME_REG)) {
        guest_printf("spin: no privilege to read the run time\n");
        return GUEST_EXIT_FAILED;
    }
    spin.vps = boot->vp_count;
    spin.rounds = guest_arg_number(line, "rounds", 10000);
    spin.limit_ticks = guest_arg_number(line, "ticks", 0);
    spin.work = guest_arg_number(line, "work", 200);
    spin.think = guest_arg_number(line, "think", 0);
    spin.spin_limit = spin_limit_get();
    spin_cost = calibrate(calibration_spins);
    step_cost = calibrate(calibration_steps);
    guest_others_start(boot, vp_main);
    vp_main();
    while (__atomic_load_n(&spin.finished, __ATOMIC_ACQUIRE) < spin.vps)
        insn_pause();
    result_print(spin_cost, step_cost);
    return GUEST_EXIT_OK;
}
