/* SPDX-License-Identifier: MIT */
/* root/sched/time.c - see time.h. */
#include <hvabi/cpuid.h>
#include <hvabi/msr.h>
#include <hvabi/partition.h>
#include <x86/cpuid.h>
#include <x86/insn.h>
#include "io/acpi.h"
#include "log.h"
#include "sched/thread.h"
#include "sched/time.h"

#define NS_PER_S 1000000000ull

/* ACPI 6.4, 4.8.2.1 */
#define PM_TIMER_HZ   3579545u
#define PM_TIMER_MASK 0xffffffu /* 24 bits are always there */
#define PM_TIMER_STEP (PM_TIMER_HZ / 50) /* 20 ms */

/* 8254, channel 2, gated and seen through port 0x61 (Intel 82C54 data sheet). */
#define PIT_HZ           1193182u
#define PIT_COUNT        (PIT_HZ / 50) /* 20 ms */
#define PIT_PORT_CHANNEL 0x42
#define PIT_PORT_MODE    0x43
#define PIT_MODE_ONESHOT 0xb0 /* channel 2, both bytes, mode 0 */
#define PIT_PORT_GATE    0x61
#define PIT_GATE_ON      0x01
#define PIT_GATE_SPEAKER 0x02
#define PIT_GATE_OUT     0x20

/* No processor in long mode is slower or faster: a measurement outside is not one. */
#define TSC_MIN_HZ 100000000ull
#define TSC_MAX_HZ 20000000000ull
/* How many reads a timer that stands still gets: some 0.1 s at worst. */
#define MEASURE_MAX_READS 10000000u

static struct {
    uint64_t base;       /* [I] TSC at time 0 */
    uint64_t hz;         /* [I] */
    uint64_t ns_per_tick; /* [I] 32.32 fixed point */
} tsc_clock;

uint64_t time_scale(uint64_t value, uint64_t factor)
{
    unsigned __int128 product = (unsigned __int128)value * factor >> 32;

    return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

bool time_hypervisor_has_frequencies(void)
{
    uint32_t regs[4];

    insn_cpuid(CPUID_LEAF_FEATURES, 0, regs);
    if ((regs[2] & CPUID_1_ECX_HYPERVISOR) == 0)
        return false;
    insn_cpuid(HV_CPUID_INTERFACE, 0, regs);
    if (regs[0] != HV_CPUID_SIGNATURE_EAX)
        return false;
    insn_cpuid(HV_CPUID_FEATURES, 0, regs);
    return (regs[0] & HV_PRIVILEGE_ACCESS_FREQUENCY_REGS) != 0 &&
           (regs[3] & HV_CPUID_FEATURES_EDX_FREQUENCY_REGS) != 0;
}

static uint64_t frequency_from_hypervisor(void)
{
    return time_hypervisor_has_frequencies() ? insn_rdmsr(HV_X64_MSR_TSC_FREQUENCY) : 0;
}

static uint64_t frequency_from_cpuid(void)
{
    uint32_t regs[4];

    insn_cpuid(0, 0, regs);
    if (regs[0] < CPUID_LEAF_TSC)
        return 0;
    insn_cpuid(CPUID_LEAF_TSC, 0, regs);
    return regs[0] != 0 ? (uint64_t)regs[2] * regs[1] / regs[0] : 0;
}

static uint64_t frequency_from_pm_timer(void)
{
    const struct acpi_fadt_info *fadt = acpi_fadt();
    uint32_t begin, passed = 0;
    uint64_t tsc;

    if (fadt == NULL || fadt->pm_timer_port == 0)
        return 0;
    begin = insn_in32(fadt->pm_timer_port);
    tsc = insn_rdtsc();
    for (uint32_t i = 0; i < MEASURE_MAX_READS && passed < PM_TIMER_STEP; i++) {
        insn_pause();
        passed = (insn_in32(fadt->pm_timer_port) - begin) & PM_TIMER_MASK;
    }
    tsc = insn_rdtsc() - tsc;
    return passed >= PM_TIMER_STEP ? tsc * PM_TIMER_HZ / passed : 0;
}

static uint64_t frequency_from_pit(void)
{
    uint8_t gate = (uint8_t)(insn_in8(PIT_PORT_GATE) & ~(PIT_GATE_SPEAKER | PIT_GATE_ON));
    uint64_t tsc;
    uint32_t i = 0;

    insn_out8(PIT_PORT_GATE, gate);
    insn_out8(PIT_PORT_MODE, PIT_MODE_ONESHOT);
    insn_out8(PIT_PORT_CHANNEL, (uint8_t)(PIT_COUNT & 0xff));
    insn_out8(PIT_PORT_CHANNEL, (uint8_t)(PIT_COUNT >> 8));
    insn_out8(PIT_PORT_GATE, gate | PIT_GATE_ON);
    tsc = insn_rdtsc();
    while ((insn_in8(PIT_PORT_GATE) & PIT_GATE_OUT) == 0 && i++ < MEASURE_MAX_READS)
        insn_pause();
    tsc = insn_rdtsc() - tsc;
    insn_out8(PIT_PORT_GATE, gate);
    return i < MEASURE_MAX_READS ? tsc * PIT_HZ / PIT_COUNT : 0;
}

void time_init(void)
{
    static const struct {
        const char *name;
        uint64_t (*frequency)(void);
    } sources[] = {
        {"hypervisor", frequency_from_hypervisor},
        {"CPUID", frequency_from_cpuid},
        {"ACPI PM timer", frequency_from_pm_timer},
        {"8254", frequency_from_pit},
    };

    for (unsigned i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        uint64_t hz = sources[i].frequency();

        if (hz < TSC_MIN_HZ || hz > TSC_MAX_HZ)
            continue;
        tsc_clock.hz = hz;
        tsc_clock.ns_per_tick = (NS_PER_S << 32) / hz;
        tsc_clock.base = insn_rdtsc();
        log_print("time: TSC %lu kHz by %s", hz / 1000, sources[i].name);
        return;
    }
    panic("time: no way to know the TSC's frequency");
}

uint64_t time_tsc_frequency(void)
{
    return tsc_clock.hz;
}

uint64_t time_now(void)
{
    /* ns_per_tick is 0 before time_init. A CPU's TSC may lag the base by some ticks. */
    int64_t ticks = (int64_t)(insn_rdtsc() - tsc_clock.base);

    return ticks > 0 ? time_scale((uint64_t)ticks, tsc_clock.ns_per_tick) : 0;
}

void time_delay(uint64_t ns)
{
    uint64_t end = time_now() + ns;

    while (time_now() < end)
        insn_pause();
}
