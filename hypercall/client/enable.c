/* SPDX-License-Identifier: MIT */
/* enable.c - finding the hypervisor and switching its hypercall page on. TLFS 2.2, 3.13. */
#include <hvabi/cpuid.h>
#include <hvabi/msr.h>
#include <x86/insn.h>

#include "hypercall/client.h"

enum { EAX, EBX, ECX, EDX };

static _Bool vendor_leaf_valid(const uint32_t regs[4])
{
    return regs[EAX] >= HV_CPUID_MAX_LEAF_LOWEST && regs[EAX] <= HV_CPUID_MAX_LEAF_HIGHEST &&
           regs[EBX] == HV_CPUID_VENDOR_EBX && regs[ECX] == HV_CPUID_VENDOR_ECX &&
           regs[EDX] == HV_CPUID_VENDOR_EDX;
}

_Bool hypercall_present(void)
{
    uint32_t regs[4];

    insn_cpuid(HV_CPUID_PRESENT_LEAF, 0, regs);
    if (!(regs[ECX] & HV_CPUID_PRESENT_ECX))
        return 0;
    insn_cpuid(HV_CPUID_VENDOR_AND_MAX, 0, regs);
    if (!vendor_leaf_valid(regs))
        return 0;
    insn_cpuid(HV_CPUID_INTERFACE, 0, regs);
    return regs[EAX] == HV_CPUID_SIGNATURE_EAX;
}

_Bool hypercall_page_enable(uint64_t page_gpa)
{
    uint64_t value;

    insn_wrmsr(HV_X64_MSR_GUEST_OS_ID, HYPERCALL_GUEST_OS_ID);
    value = insn_rdmsr(HV_X64_MSR_HYPERCALL) & ~HV_X64_MSR_PAGE_GPA_MASK;
    value |= page_gpa | HV_X64_MSR_HYPERCALL_ENABLE;
    insn_wrmsr(HV_X64_MSR_HYPERCALL, value);
    return insn_rdmsr(HV_X64_MSR_HYPERCALL) == value;
}

