/* SPDX-License-Identifier: MIT */
/* core/lapic_physical.c - see core/lapic_physical.h. SDM vol. 3A, chapter 10. */
#include "core/lapic_physical.h"

#include <x86/apic.h>
#include <x86/cpuid.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include "boot/paging.h"
#include "core/timer.h"
#include "debug/log.h"

static bool x2apic;
static bool tsc_deadline;
uint64_t tsc_hz, lapic_timer_hz;
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
    apic_write(APIC_LVT_TIMER,
               HV_VECTOR_TIMER |
                   (tsc_deadline ? APIC_LVT_TIMER_DEADLINE : APIC_LVT_TIMER_ONE_SHOT));
    insn_mfence();
}

uint32_t lapic_physical_id(void)
{
    return x2apic ? apic_read(APIC_ID) : apic_read(APIC_ID) >> APIC_ID_SHIFT;
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

bool lapic_physical_is_level(uint8_t vector)
{
    return apic_read(APIC_TMR + vector / 32u * APIC_REGISTER_STRIDE) >> vector % 32u & 1;
}

void lapic_physical_timer(uint64_t deadline_tsc)
{
    uint64_t now, ticks;

    if (tsc_deadline) {
        insn_wrmsr(MSR_IA32_TSC_DEADLINE, deadline_tsc == UINT64_MAX ? 0 : deadline_tsc);
        return;
    }
    if (deadline_tsc == UINT64_MAX) {
        apic_write(APIC_TIMER_INITIAL, 0);
        return;
    }
    now = insn_rdtsc();
    ticks = deadline_tsc > now ? (deadline_tsc - now) : 0;
    ticks = (uint64_t)((unsigned __int128)ticks * timer_per_tsc >> 32) + 1;
    apic_write(APIC_TIMER_INITIAL, ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks);
}

/* ---- calibration: channel 2 of the 8254 counts down once ---- */

enum {
    PIT_CHANNEL_2 = 0x42,
    PIT_COMMAND = 0x43,
    PIT_GATE = 0x61,
    PIT_GATE_ON = 1u << 0,
    PIT_SPEAKER = 1u << 1,
    PIT_OUT_2 = 1u << 5,
    PIT_MODE_0_WORD = 0xb0, /* channel 2, low then high byte, interrupt on terminal count */
    PIT_HZ = 1193182,
    PIT_TICKS = PIT_HZ / 100, /* 10 ms */
};

static void pit_start(void)
{
    uint8_t gate = (uint8_t)(insn_in8(PIT_GATE) & ~(PIT_SPEAKER | PIT_GATE_ON));

    insn_out8(PIT_GATE, gate);
    insn_out8(PIT_COMMAND, PIT_MODE_0_WORD);
    insn_out8(PIT_CHANNEL_2, PIT_TICKS & 0xff);
    insn_out8(PIT_CHANNEL_2, PIT_TICKS >> 8);
    insn_out8(PIT_GATE, gate | PIT_GATE_ON);
}

/* Polls allowed before a PIT that never ends counting is taken for absent. */
#define PIT_POLLS 50000000u

struct sample {
    uint64_t tsc, timer; /* ticks in PIT_TICKS of the PIT */
};

static struct sample measure(void)
{
    struct sample s;
    uint32_t polls = 0;

    pit_start();
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
    s.tsc = insn_rdtsc();
    while (!(insn_in8(PIT_GATE) & PIT_OUT_2)) {
        if (++polls == PIT_POLLS)
            panic("the 8254 timer does not count: the TSC's frequency cannot be measured");
        insn_pause();
    }
    s.tsc = insn_rdtsc() - s.tsc;
    s.timer = UINT32_MAX - apic_read(APIC_TIMER_CURRENT);
    apic_write(APIC_TIMER_INITIAL, 0);
    return s;
}

#define SAMPLES 5u

/* The end of the count can only be noticed late, never early: the smallest sample is the best. */
void lapic_physical_calibrate(void)
{
    struct sample best = {UINT64_MAX, UINT64_MAX};

    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | HV_VECTOR_TIMER);
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct sample s = measure();
        if (s.tsc < best.tsc)
            best.tsc = s.tsc;
        if (s.timer < best.timer)
            best.timer = s.timer;
    }
    tsc_hz = best.tsc * PIT_HZ / PIT_TICKS;
    lapic_timer_hz = best.timer * PIT_HZ / PIT_TICKS;
    timer_per_tsc = (lapic_timer_hz << 32) / tsc_hz;
    lapic_physical_on();
}
