/* SPDX-License-Identifier: MIT */
/* efi/cpu.h - may a hypervisor run on this processor, which one, and if not, why not.
 *
 * The decision is a pure function over a source of CPUID leaves and MSRs: tests give it processors
 * that no emulator offers. It reads an MSR only where CPUID says that it exists. */
#ifndef EFI_CPU_H
#define EFI_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* CPUID leaf 1, ECX (SDM vol. 2A, CPUID); leaf 8000_0001h (APM vol. 3, E.4.2). */
#define CPUID_BASIC        0x00000001u
#define CPUID_1_ECX_VMX    (1u << 5)
#define CPUID_EXTENDED     0x80000000u
#define CPUID_EXT_FEATURES 0x80000001u
#define CPUID_EXT_ECX_SVM  (1u << 2)
#define CPUID_EXT_EDX_1G   (1u << 26)
#define CPUID_SVM          0x8000000au /* APM vol. 3, E.4.9 */
#define CPUID_SVM_EDX_NP   (1u << 0)
#define CPUID_SVM_EDX_SVML (1u << 2)

#define MSR_VM_CR    0xc0010114u /* APM vol. 2, 15.30.1 */
#define VM_CR_LOCK   (1ull << 3)
#define VM_CR_SVMDIS (1ull << 4)

#define MSR_IA32_FEATURE_CONTROL 0x3au /* SDM vol. 3C, 24.7 */
#define FEATURE_CONTROL_LOCK     (1ull << 0)
#define FEATURE_CONTROL_VMX      (1ull << 2)
#define MSR_IA32_VMX_PROCBASED   0x482u /* SDM vol. 3D, A.3.2: allowed-1 in the high half */
#define PROCBASED_SECONDARY      (1ull << (32 + 31))
#define MSR_IA32_VMX_PROCBASED2  0x48bu /* SDM vol. 3D, A.3.3 */
#define PROCBASED2_EPT           (1ull << (32 + 1))
#define PROCBASED2_UNRESTRICTED  (1ull << (32 + 7))

/* CPUID registers in the order of their storing. */
enum { CPU_EAX, CPU_EBX, CPU_ECX, CPU_EDX, CPU_REGISTERS };

struct cpu_source {
    void *context;
    void (*cpuid)(void *context, uint32_t leaf, uint32_t subleaf, uint32_t regs[CPU_REGISTERS]);
    uint64_t (*rdmsr)(void *context, uint32_t msr);
};

struct cpu_verdict {
    uint32_t launch;     /* BOOT_LAUNCH_HYPERVISOR, or the reason against it */
    const char *reason;  /* in plain words, for the screen */
    const char *feature; /* "SVM", "VMX", or "none" */
    const char *image;   /* the default path of the image for this feature; NULL if none */
};

/* Judge the processor behind @source. Feature bits decide, never the vendor's name. */
struct cpu_verdict cpu_judge(const struct cpu_source *source);

/* Does the processor have 1 GiB pages? */
bool cpu_has_gib_pages(const struct cpu_source *source);

/* The processor that runs this code. */
extern const struct cpu_source CPU_REAL;

#endif
