/* SPDX-License-Identifier: MIT */
/* core/lapic_physical.c - see core/lapic_physical.h. SDM vol. 3A, chapter 10. */
#include "core/lapic_physical.h"

#include <x86/apic.h>
#include <x86/cpuid.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include "boot/paging.h"
#include "core/pcpu.h"
#include "core/speculation.h"
#include "core/timer.h"
#include "debug/log.h"

static bool x2apic;
static bool tsc_deadline;
uint64_t tsc_hz, lapic_timer_hz;

#define REPEATS_HZ     10u                 /* at least */
#define REPEATS_HZ_MAX 200000u             /* the emulator's other threads wait for each */
static uint64_t repeat_least, repeat_most; /* ticks of the timer; 0 where it does not repeat */
/* Timer ticks per TSC tick, as a fraction of 2^32. */
static uint64_t timer_per_tsc;

static volatile uint32_t *reg(uint32_t offset)
{
    return (volatile uint32_t *)(HV_MMIO + offset);
}

static uint32_t apic_read(uint32_t offset)
{
    return x2apic ? (uint32_t)insn_rdmsr(X2APIC_MSR(offset)) : *reg(offset);
}

static void apic_write(uint32_t offset, uint32_t v)
{
    if (x2apic)
        insn_wrmsr(X2APIC_MSR(offset), v);
    else
        *reg(offset) = v;
}

void lapic_physical_on(void)
{
    uint64_t base = insn_rdmsr(MSR_IA32_APIC_BASE) | APIC_BASE_EN;
    uint32_t r[4];

    insn_cpuid(CPUID_LEAF_FEATURES, 0, r);
    x2apic = r[2] & CPUID_1_ECX_X2APIC;
    tsc_deadline = r[2] & CPUID_1_ECX_TSC_DEADLINE;
    insn_wrmsr(MSR_IA32_APIC_BASE, x2apic ? base | APIC_BASE_EXTD : base);
    apic_write(APIC_SVR, APIC_SVR_ENABLE | HV_VECTOR_SPURIOUS);
    apic_write(APIC_TPR, 0);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT1, APIC_LVT_MASKED);
    apic_write(APIC_LVT_ERROR, HV_VECTOR_ERROR);
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    if (tsc_deadline)
        apic_write(APIC_LVT_TIMER, HV_VECTOR_TIMER | APIC_LVT_TIMER_DEADLINE);
    else
        apic_write(APIC_LVT_TIMER,
                   HV_VECTOR_TIMER | (lapic_physical_timer_repeats() ? APIC_LVT_TIMER_PERIODIC
                                                                     : APIC_LVT_TIMER_ONE_SHOT));
    insn_mfence();
}

void lapic_physical_ipi(uint32_t apic_id, uint32_t low)
{
    if (x2apic) {
        insn_mfence();
        insn_wrmsr(X2APIC_MSR(APIC_ICR_LOW), (uint64_t)apic_id << 32 | low);
        return;
    }
    while (*reg(APIC_ICR_LOW) & APIC_DELIVERY_STATUS)
        insn_pause();
    *reg(APIC_ICR_HIGH) = apic_id << APIC_ID_SHIFT;
    *reg(APIC_ICR_LOW) = low;
}

void lapic_physical_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

/* CR8 is the TPR's upper half (APM vol. 2, 16.6.4): written, with what it is. */
void lapic_physical_recheck(void)
{
    if (!speculation.predicts)
        insn_write_cr8(0);
}

bool lapic_physical_is_level(uint8_t vector)
{
    return apic_read(APIC_TMR + vector / 32u * APIC_REGISTER_STRIDE) >> vector % 32u & 1;
}

bool lapic_physical_timer_repeats(void)
{
    return repeat_most != 0;
}

/* As lapic_physical_timer, where it goes on as long as it is not set anew. */
static void timer_repeat(uint64_t ticks)
{
    if (ticks == 0)
        lapic_physical_ipi(this_cpu()->apic_id, HV_VECTOR_TIMER);
    if (ticks == 0 || ticks > repeat_most)
        ticks = repeat_most;
    else if (ticks < repeat_least)
        ticks = repeat_least;
    apic_write(APIC_TIMER_INITIAL, (uint32_t)ticks);
}

void lapic_physical_timer(uint64_t deadline_tsc)
{
    uint64_t now, ticks;

    if (tsc_deadline) {
        insn_wrmsr(MSR_IA32_TSC_DEADLINE, deadline_tsc == UINT64_MAX ? 0 : deadline_tsc);
        return;
    }
    if (deadline_tsc == UINT64_MAX) {
        apic_write(APIC_TIMER_INITIAL, (uint32_t)repeat_most);
        return;
    }
    now = insn_rdtsc();
    ticks = deadline_tsc > now ? (deadline_tsc - now) : 0;
    ticks = (uint64_t)((unsigned __int128)ticks * timer_per_tsc >> 32);
    if (lapic_physical_timer_repeats())
        timer_repeat(ticks);
    else
        apic_write(APIC_TIMER_INITIAL, ticks >= UINT32_MAX ? UINT32_MAX : (uint32_t)ticks + 1);
}

/* ---- calibration: against channel 2 of the 8254, which counts down from 65,536 for ever ---- */

enum {
    PIT_CHANNEL_2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_GATE = 0x61,
    PIT_GATE_ON = 1u << 0,
    PIT_SPEAKER = 1u << 1,
    PIT_MODE_2_WORD = 0xb4, /* channel 2, low then high byte, rate generator */
    PIT_LATCH_2 = 0x80,
    PIT_HZ = 1193182,
    PIT_TICKS = PIT_HZ / 100, /* 10 ms */
};

static void pit_start(void)
{
    uint8_t gate = (uint8_t)(insn_in8(PIT_GATE) & ~(PIT_SPEAKER | PIT_GATE_ON));

    insn_out8(PIT_GATE, gate);
    insn_out8(PIT_COMMAND, PIT_MODE_2_WORD);
    insn_out8(PIT_CHANNEL_2, 0);
    insn_out8(PIT_CHANNEL_2, 0);
    insn_out8(PIT_GATE, gate | PIT_GATE_ON);
}

static uint16_t pit_read(void)
{
    uint8_t low;

    insn_out8(PIT_COMMAND, PIT_LATCH_2);
    low = insn_in8(PIT_CHANNEL_2);
    return (uint16_t)(insn_in8(PIT_CHANNEL_2) << 8 | low);
}

/* The three clocks at one time, as nearly as they can be read together. */
struct instant {
    uint64_t tsc, width; /* when, and how long the reading took */
    uint32_t timer;      /* counts down, as does the next */
    uint16_t pit;
};

#define INSTANT_TRIES 8u

/* Of several tries the quickest: an emulated LP may stop between any two instructions. */
static struct instant instant_read(void)
{
    struct instant best = {.width = UINT64_MAX};

    for (unsigned i = 0; i < INSTANT_TRIES; i++) {
        struct instant now = {.tsc = insn_rdtsc()};
        now.pit = pit_read();
        now.timer = apic_read(APIC_TIMER_CURRENT);
        now.width = insn_rdtsc() - now.tsc;
        if (now.width < best.width)
            best = now;
    }
    return best;
}

/* Reads allowed before a PIT that does not count is taken for absent. */
#define PIT_POLLS 10000000u

struct sample {
    uint64_t tsc, timer; /* ticks a second */
};

static struct sample measure(void)
{
    struct instant begin = instant_read(), end;
    uint32_t polls = 0;

    do {
        if (++polls == PIT_POLLS)
            panic("the 8254 timer does not count: the TSC's frequency cannot be measured");
        insn_pause();
        end = instant_read();
    } while ((uint16_t)(begin.pit - end.pit) < PIT_TICKS);
    uint16_t ticks = (uint16_t)(begin.pit - end.pit);
    return (struct sample){(end.tsc - begin.tsc) * PIT_HZ / ticks,
                           (uint64_t)(begin.timer - end.timer) * PIT_HZ / ticks};
}

#define SAMPLES 7u

/* An LP that stops for a whole turn of the 8254 (55 ms) sees too few of its ticks, never too many:
 * the smallest sample is the best. */
void lapic_physical_calibrate(void)
{
    tsc_hz = lapic_timer_hz = UINT64_MAX;
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | HV_VECTOR_TIMER);
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
    pit_start();
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct sample s = measure();
        if (s.tsc < tsc_hz) {
            tsc_hz = s.tsc;
            lapic_timer_hz = s.timer;
        }
    }
    apic_write(APIC_TIMER_INITIAL, 0);
    timer_per_tsc = (lapic_timer_hz << 32) / tsc_hz;
    if (!tsc_deadline && !speculation.predicts) {
        repeat_least = lapic_timer_hz / REPEATS_HZ_MAX;
        repeat_most = lapic_timer_hz / REPEATS_HZ;
    }
    lapic_physical_on();
}
