/* SPDX-License-Identifier: MIT */
/* efi/cpu.c - see efi/cpu.h. */
#include <stddef.h>
#include <hvabi/boot.h>
#include "cpu.h"

#define IMAGE_SVM "\\EFI\\verdigris\\hvax64.elf"
#define IMAGE_VMX "\\EFI\\verdigris\\hvix64.elf"

/* One register of a leaf; 0 where the processor does not have the leaf. */
static uint32_t cpuid_register(const struct cpu_source *s, uint32_t leaf, unsigned reg)
{
    uint32_t regs[CPU_REGISTERS];

    s->cpuid(s->context, leaf & CPUID_EXTENDED, 0, regs);
    if (regs[CPU_EAX] < leaf)
        return 0;
    s->cpuid(s->context, leaf, 0, regs);
    return regs[reg];
}

static struct cpu_verdict svm_verdict(uint32_t launch, const char *reason)
{
    return (struct cpu_verdict){launch, reason, "SVM", IMAGE_SVM};
}

static struct cpu_verdict vmx_verdict(uint32_t launch, const char *reason)
{
    return (struct cpu_verdict){launch, reason, "VMX", IMAGE_VMX};
}

/* APM vol. 2, 15.4: the steps before enabling SVM. */
static struct cpu_verdict svm_judge(const struct cpu_source *s)
{
    uint32_t features = cpuid_register(s, CPUID_SVM, CPU_EDX);
    uint64_t vm_cr;

    if ((features & CPUID_SVM_EDX_NP) == 0)
        return svm_verdict(BOOT_LAUNCH_NO_NESTED_PAGING,
                           "the processor has AMD-V (SVM) but no nested paging");
    vm_cr = s->rdmsr(s->context, MSR_VM_CR);
    if ((vm_cr & VM_CR_SVMDIS) == 0)
        return svm_verdict(BOOT_LAUNCH_HYPERVISOR, "the processor has AMD-V (SVM) with nested "
                                                   "paging");
    if ((vm_cr & VM_CR_LOCK) == 0)
        return svm_verdict(BOOT_LAUNCH_FIRMWARE_DISABLED,
                           "the firmware has disabled AMD-V (VM_CR.SVMDIS is set): enable "
                           "virtualization (SVM) in the firmware's setup");
    if ((features & CPUID_SVM_EDX_SVML) == 0)
        return svm_verdict(BOOT_LAUNCH_FIRMWARE_DISABLED,
                           "the firmware has disabled and locked AMD-V (VM_CR.SVMDIS and LOCK are "
                           "set): enable virtualization (SVM) in the firmware's setup");
    return svm_verdict(BOOT_LAUNCH_FIRMWARE_DISABLED,
                       "the firmware has disabled AMD-V and locked it with a key (VM_CR.SVMDIS and "
                       "LOCK are set): enable virtualization (SVM) in the firmware's setup");
}

/* Both EPT and unrestricted guests are secondary controls (SDM vol. 3D, A.3.3). */
static bool vmx_has_controls(const struct cpu_source *s)
{
    const uint64_t needed = PROCBASED2_EPT | PROCBASED2_UNRESTRICTED;

    if ((s->rdmsr(s->context, MSR_IA32_VMX_PROCBASED) & PROCBASED_SECONDARY) == 0)
        return false;
    return (s->rdmsr(s->context, MSR_IA32_VMX_PROCBASED2) & needed) == needed;
}

/* SDM vol. 3C, 24.7: VMXON needs IA32_FEATURE_CONTROL locked with VMX on; unlocked can be set. */
static struct cpu_verdict vmx_judge(const struct cpu_source *s)
{
    uint64_t control = s->rdmsr(s->context, MSR_IA32_FEATURE_CONTROL);

    if ((control & FEATURE_CONTROL_LOCK) != 0 && (control & FEATURE_CONTROL_VMX) == 0)
        return vmx_verdict(BOOT_LAUNCH_FIRMWARE_DISABLED,
                           "the firmware has disabled VT-x (IA32_FEATURE_CONTROL is locked without "
                           "VMX): enable virtualization (VT-x) in the firmware's setup");
    if (!vmx_has_controls(s))
        return vmx_verdict(BOOT_LAUNCH_NO_NESTED_PAGING,
                           "the processor has VT-x (VMX) but no nested paging (EPT with "
                           "unrestricted guests)");
    return vmx_verdict(BOOT_LAUNCH_HYPERVISOR, "the processor has VT-x (VMX) with nested paging");
}

struct cpu_verdict cpu_judge(const struct cpu_source *source)
{
    if ((cpuid_register(source, CPUID_EXT_FEATURES, CPU_ECX) & CPUID_EXT_ECX_SVM) != 0)
        return svm_judge(source);
    if ((cpuid_register(source, CPUID_BASIC, CPU_ECX) & CPUID_1_ECX_VMX) != 0)
        return vmx_judge(source);
    return (struct cpu_verdict){BOOT_LAUNCH_NO_VIRTUALIZATION,
                                "the processor has neither AMD-V (SVM) nor VT-x (VMX)", "none",
                                NULL};
}

bool cpu_has_gib_pages(const struct cpu_source *source)
{
    return (cpuid_register(source, CPUID_EXT_FEATURES, CPU_EDX) & CPUID_EXT_EDX_1G) != 0;
}
