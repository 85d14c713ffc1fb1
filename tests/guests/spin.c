/* SPDX-License-Identifier: MIT */
/* spin.c - all VPs contend for one ticket lock; how often it changes hands and how much of the run
 * time is spent spinning, with and without HvCallNotifyLongSpinWait.
 *
 * Arguments: notify=0|1 (1), rounds=N acquisitions by each VP (10000; 0: no limit), ticks=N of the
 * TSC to run at most (0: no limit), work=N PAUSE-free steps with the lock held (200), think=N such
 * steps without it between two acquisitions (0). Prints
 * spin: handovers=H spin_permille=P ticks=T notifies=N vps=V
 * Time spent spinning is counted in spins, whose cost is measured first: a VP that waits while it is
 * not running does not spin. It is related to the run time that the hypervisor accounts. */
#include <hvabi/cpuid.h>
#include <hvabi/msr.h>
#include <hvabi/partition.h>
#include <kern/guest_cpu.h>
#include <kern/guest_sync.h>
#include <x86/cpuid.h>
#include <x86/insn.h>

#include "guest.h"

#define SPIN_LIMIT_MAX      1000u /* spins before a notification, unless the leaf says less */
#define CALIBRATION_SPINS   1000u
#define CALIBRATION_BATCHES 16u
#define PER_MILLE           1000u

/* One VP's count, on cache lines of its own. */
struct spin_count {
    _Alignas(64) uint64_t spins;
    uint64_t notifies;
    uint64_t handovers; /* acquisitions after another VP had the lock */
    uint64_t run_time;  /* HV_X64_MSR_VP_RUNTIME, 100 ns */
    uint64_t ticks;
    uint64_t reference_time; /* 100 ns */
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

    if (!guest_arg_number(guest_command_line(), "notify", 1))
        return 0;
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

/* With the lock held. */
static void work_do(struct spin_count *count, uint32_t self)
{
    if (spin.last_holder != self)
        count->handovers++;
    spin.last_holder = self;
    for (uint64_t i = 0; i < spin.work; i++)
        spin.protected_sum += i;
}

static void think_do(struct spin_count *count)
{
    for (uint64_t i = 0; i < spin.think; i++)
        count->thought += i;
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
    uint64_t begin, run_begin, reference_begin;

    guest_meet(&spin.started, spin.vps);
    begin = insn_rdtsc();
    run_begin = insn_rdmsr(HV_X64_MSR_VP_RUNTIME);
    reference_begin = insn_rdmsr(HV_X64_MSR_TIME_REF_COUNT);
    for (uint64_t round = 0; round_wanted(round, begin); round++) {
        lock_acquire(count);
        work_do(count, self);
        guest_ticket_release(&spin.lock);
        think_do(count);
    }
    count->run_time = insn_rdmsr(HV_X64_MSR_VP_RUNTIME) - run_begin;
    count->reference_time = insn_rdmsr(HV_X64_MSR_TIME_REF_COUNT) - reference_begin;
    count->ticks = insn_rdtsc() - begin;
    __atomic_fetch_add(&spin.finished, 1, __ATOMIC_RELEASE); /* pairs with guest_main() */
}

/* TSC ticks of CALIBRATION_SPINS spins: the least of several batches, since one may be preempted. */
static uint64_t spins_calibrate(void)
{
    static struct spin_count scratch;
    uint64_t best = UINT64_MAX;

    for (uint32_t batch = 0; batch < CALIBRATION_BATCHES; batch++) {
        uint64_t begin = insn_rdtsc(), ticks;

        (void)spin_wait(&scratch, spin.lock.next + 1, CALIBRATION_SPINS); /* nobody's turn */
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
        total.notifies += c->notifies;
        total.handovers += c->handovers;
        total.run_time += c->run_time;
        total.reference_time += c->reference_time;
        total.ticks = c->ticks > total.ticks ? c->ticks : total.ticks;
    }
    return total;
}

/* Spinning as thousandths of the run time. The clocks of both are related over VP 0's run. */
static uint64_t permille_get(const struct spin_count *total, uint64_t calibrated)
{
    const struct spin_count *vp0 = &spin.count[0];
    uint64_t ticks_spun = total->spins * calibrated / CALIBRATION_SPINS;
    uint64_t ticks_run;

    if (!vp0->reference_time || !total->run_time)
        return 0;
    ticks_run = total->run_time * (vp0->ticks / vp0->reference_time);
    return ticks_run ? ticks_spun * PER_MILLE / ticks_run : 0;
}

static void result_print(uint64_t calibrated)
{
    struct spin_count total = total_get();

    guest_printf("spin: handovers=%llu spin_permille=%llu ticks=%llu notifies=%llu vps=%u\n",
                 (unsigned long long)total.handovers,
                 (unsigned long long)permille_get(&total, calibrated),
                 (unsigned long long)total.ticks, (unsigned long long)total.notifies, spin.vps);
}

uint8_t guest_main(const struct guest_boot *boot)
{
    const char *line = guest_command_line();
    uint64_t calibrated;

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
    calibrated = spins_calibrate();
    guest_others_start(boot, vp_main);
    vp_main();
    while (__atomic_load_n(&spin.finished, __ATOMIC_ACQUIRE) < spin.vps)
        insn_pause();
    result_print(calibrated);
    return GUEST_EXIT_OK;
}
