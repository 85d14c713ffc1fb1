/* SPDX-License-Identifier: MIT */
/* root/cpu/apic.c - see apic.h; registers: x86/apic.h. */
#include <hvabi/msr.h>
#include <x86/apic.h>
#include <x86/cpuid.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include "cpu/apic.h"
#include "cpu/cpu.h"
#include "cpu/trap.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/time.h"

#define CALIBRATION_NS 10000000ull
#define NS_PER_S       1000000000ull

static struct {
    volatile uint32_t *registers; /* [I] xAPIC */
    bool x2apic;                  /* [I] */
    uint64_t ticks_per_ns;        /* [I] 32.32 fixed point */
} apic;

static uint32_t apic_read(uint32_t reg)
{
    if (apic.x2apic)
        return (uint32_t)insn_rdmsr(X2APIC_MSR(reg));
    return apic.registers[reg / sizeof(uint32_t)];
}

static void apic_write(uint32_t reg, uint32_t v)
{
    if (apic.x2apic)
        insn_wrmsr(X2APIC_MSR(reg), v);
    else
        apic.registers[reg / sizeof(uint32_t)] = v;
}

void apic_init_boot(void)
{
    uint32_t regs[4];
    uint64_t base = insn_rdmsr(MSR_IA32_APIC_BASE);

    insn_cpuid(CPUID_LEAF_FEATURES, 0, regs);
    apic.x2apic = (regs[2] & CPUID_1_ECX_X2APIC) != 0;
    if (!apic.x2apic)
        apic.registers = mmio_map(base & APIC_BASE_ADDR_MASK, APIC_MMIO_SIZE);
    if (!apic.x2apic && apic.registers == NULL)
        panic("apic: no room to map the local APIC");
}

void apic_init_cpu(void)
{
    uint64_t base = insn_rdmsr(MSR_IA32_APIC_BASE);

    insn_wrmsr(MSR_IA32_APIC_BASE, base | APIC_BASE_EN);
    if (apic.x2apic)
        insn_wrmsr(MSR_IA32_APIC_BASE, base | APIC_BASE_EN | APIC_BASE_EXTD);
    apic_write(APIC_TPR, 0);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT1, APIC_DELIVERY_NMI);
    apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    apic_write(APIC_SVR, APIC_SVR_ENABLE | VECTOR_SPURIOUS);
    apic_write(APIC_TIMER_INITIAL, 0);
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER); /* while software has disabled it all are masked */
}

/* The frequency the hypervisor states; 0: there is none, or it does not say. */
static uint64_t apic_frequency_stated(void)
{
    return time_hypervisor_has_frequencies() ? insn_rdmsr(HV_X64_MSR_APIC_FREQUENCY) : 0;
}

static uint64_t apic_frequency_measured(void)
{
    uint64_t begin, end;
    uint32_t left;

    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
    begin = time_now();
    time_delay(CALIBRATION_NS);
    left = apic_read(APIC_TIMER_CURRENT);
    end = time_now();
    apic_write(APIC_TIMER_INITIAL, 0);
    return (uint64_t)(UINT32_MAX - left) * NS_PER_S / (end - begin);
}

void apic_timer_calibrate(void)
{
    uint64_t hz = apic_frequency_stated();

    if (hz == 0)
        hz = apic_frequency_measured();
    if (hz == 0)
        panic("apic: the local timer does not count");
    apic.ticks_per_ns = (hz << 16) / NS_PER_S << 16 | ((hz << 16) % NS_PER_S << 16) / NS_PER_S;
    log_print("apic: %s, timer %lu kHz", apic.x2apic ? "x2APIC" : "xAPIC", hz / 1000);
}

void apic_timer_set(uint64_t deadline)
{
    uint64_t now = time_now(), ticks = 1;

    if (deadline > now)
        ticks = time_scale(deadline - now, apic.ticks_per_ns);
    if (ticks == 0)
        ticks = 1;
    apic_write(APIC_TIMER_INITIAL, ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks);
}

uint32_t apic_id(void)
{
    uint32_t id = apic_read(APIC_ID);

    return apic.x2apic ? id : id >> APIC_ID_SHIFT;
}

void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

void apic_send(uint32_t destination, uint32_t icr_low)
{
    if (apic.x2apic) {
        insn_mfence(); /* the WRMSR does not order earlier stores: SDM vol. 3, 11.12.3 */
        insn_wrmsr(X2APIC_MSR(APIC_ICR_LOW), (uint64_t)destination << 32 | icr_low);
        return;
    }
    while ((apic_read(APIC_ICR_LOW) & APIC_DELIVERY_STATUS) != 0)
        insn_pause();
    apic_write(APIC_ICR_HIGH, destination << APIC_ID_SHIFT);
    apic_write(APIC_ICR_LOW, icr_low);
}
