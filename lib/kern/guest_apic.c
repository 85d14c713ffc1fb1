/* SPDX-License-Identifier: MIT */
/* guest_apic.c - local APIC access in both modes. See kern/guest_apic.h. */
#include <kern/guest_apic.h>
#include <x86/apic.h>
#include <x86/cpuid.h>
#include <x86/insn.h>
#include <x86/msr.h>

static bool x2apic_mode;

bool guest_apic_x2_offered(void)
{
    uint32_t regs[4];

    insn_cpuid(CPUID_LEAF_FEATURES, 0, regs);
    return (regs[CPUID_ECX] & CPUID_1_ECX_X2APIC) != 0;
}

void guest_apic_mode_set(bool x2apic)
{
    x2apic_mode = x2apic;
}

static volatile uint32_t *mmio(uint32_t reg)
{
    return (volatile uint32_t *)(uintptr_t)(APIC_DEFAULT_BASE + reg);
}

uint32_t guest_apic_read(uint32_t reg)
{
    return x2apic_mode ? (uint32_t)insn_rdmsr(X2APIC_MSR(reg)) : *mmio(reg);
}

void guest_apic_write(uint32_t reg, uint32_t value)
{
    if (x2apic_mode)
        insn_wrmsr(X2APIC_MSR(reg), value);
    else
        *mmio(reg) = value;
}

void guest_apic_enable(void)
{
    uint64_t base = insn_rdmsr(MSR_IA32_APIC_BASE) | APIC_BASE_EN;

    if (x2apic_mode)
        base |= APIC_BASE_EXTD;
    insn_wrmsr(MSR_IA32_APIC_BASE, base);
    guest_apic_write(APIC_SVR, APIC_SVR_ENABLE | GUEST_VECTOR_SPURIOUS);
    guest_apic_write(APIC_TPR, 0);
}

void guest_apic_disable(void)
{
    uint64_t base = insn_rdmsr(MSR_IA32_APIC_BASE);

    insn_wrmsr(MSR_IA32_APIC_BASE, base & ~(APIC_BASE_EN | APIC_BASE_EXTD));
}

uint32_t guest_apic_id(void)
{
    uint32_t id = guest_apic_read(APIC_ID);

    return x2apic_mode ? id : id >> APIC_ID_SHIFT;
}

void guest_apic_eoi(void)
{
    guest_apic_write(APIC_EOI, 0);
}

void guest_apic_ipi(uint32_t id, uint32_t low)
{
    if (x2apic_mode) {
        insn_wrmsr(X2APIC_MSR(APIC_ICR_LOW), (uint64_t)id << 32 | low);
        return;
    }
    guest_apic_write(APIC_ICR_HIGH, id << APIC_ID_SHIFT);
    guest_apic_write(APIC_ICR_LOW, low);
}

void guest_apic_self_ipi(uint8_t vector)
{
    if (x2apic_mode)
        guest_apic_write(APIC_SELF_IPI, vector);
    else
        guest_apic_write(APIC_ICR_LOW, APIC_ICR_SHORTHAND_SELF | APIC_ICR_LEVEL_ASSERT | vector);
}

void guest_apic_timer_set(uint8_t vector)
{
    guest_apic_write(APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    guest_apic_write(APIC_LVT_TIMER, APIC_LVT_TIMER_ONE_SHOT | vector);
}

void guest_apic_timer_start(uint32_t count)
{
    guest_apic_write(APIC_TIMER_INITIAL, count);
}
