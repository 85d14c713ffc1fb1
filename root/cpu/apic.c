/* SPDX-License-Identifier: MIT */
/* root/cpu/apic.c - see apic.h. Registers: SDM vol. 3, 11.4.1; x2APIC MSRs: 11.12.1.2. */
#include <x86/insn.h>
#include "cpu/apic.h"
#include "cpu/cpu.h"
#include "cpu/regs.h"
#include "cpu/trap.h"
#include "log.h"
#include "mm/memory.h"
#include "sched/time.h"

/* Byte offsets of the xAPIC registers; an x2APIC MSR is 0x800 + offset / 16. */
enum {
    APIC_ID = 0x20,
    APIC_TASK_PRIORITY = 0x80,
    APIC_EOI = 0xb0,
    APIC_SPURIOUS = 0xf0,
    APIC_ICR_LOW = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};
#define X2APIC_MSR_BASE        0x800u
#define APIC_SPURIOUS_ENABLE   0x100u
#define APIC_LVT_MASKED        0x10000u
#define APIC_LVT_NMI           0x400u
#define APIC_TIMER_DIVIDE_BY_1 0xbu
#define APIC_ID_SHIFT          24
#define APIC_REGISTERS_SIZE    4096u

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
        return (uint32_t)insn_rdmsr(X2APIC_MSR_BASE + reg / 16);
    return apic.registers[reg / sizeof(uint32_t)];
}

static void apic_write(uint32_t reg, uint32_t v)
{
    if (apic.x2apic)
        insn_wrmsr(X2APIC_MSR_BASE + reg / 16, v);
    else
        apic.registers[reg / sizeof(uint32_t)] = v;
}

void apic_init_boot(void)
{
    uint32_t regs[4];
    uint64_t base = insn_rdmsr(MSR_APIC_BASE);

    insn_cpuid(1, 0, regs);
    apic.x2apic = (regs[2] & CPUID_1_ECX_X2APIC) != 0;
    if (!apic.x2apic)
        apic.registers = mmio_map(base & APIC_BASE_ADDRESS_MASK, APIC_REGISTERS_SIZE);
    if (!apic.x2apic && apic.registers == NULL)
        panic("apic: no room to map the local APIC");
}

void apic_init_cpu(void)
{
    uint64_t base = insn_rdmsr(MSR_APIC_BASE);

    insn_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
    if (apic.x2apic)
        insn_wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
    apic_write(APIC_TASK_PRIORITY, 0);
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VECTOR_TIMER);
    apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
    apic_write(APIC_LVT_LINT1, APIC_LVT_NMI);
    apic_write(APIC_TIMER_DIVIDE, APIC_TIMER_DIVIDE_BY_1);
    apic_write(APIC_SPURIOUS, APIC_SPURIOUS_ENABLE | VECTOR_SPURIOUS);
}

/* The frequency the hypervisor states; 0: there is none, or it does not say. */
static uint64_t apic_frequency_stated(void)
{
    return time_hypervisor_has_frequencies() ? insn_rdmsr(MSR_HV_APIC_FREQUENCY) : 0;
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
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
    apic_write(APIC_TIMER_INITIAL, ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks);
}

uint32_t apic_id(void)
{
    uint32_t id = apic_read(APIC_ID);

    return apic.x2apic ? id : id >> APIC_ID_SHIFT;
}

bool apic_is_x2apic(void)
{
    return apic.x2apic;
}

void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

void apic_send(uint32_t destination, uint32_t icr_low)
{
    if (apic.x2apic) {
        insn_mfence(); /* the WRMSR does not order earlier stores: SDM vol. 3, 11.12.3 */
        insn_wrmsr(X2APIC_MSR_BASE + APIC_ICR_LOW / 16, (uint64_t)destination << 32 | icr_low);
        return;
    }
    while ((apic_read(APIC_ICR_LOW) & APIC_ICR_PENDING) != 0)
        insn_pause();
    apic_write(APIC_ICR_HIGH, destination << APIC_ID_SHIFT);
    apic_write(APIC_ICR_LOW, icr_low);
}
