/* SPDX-License-Identifier: MIT */
/* root/cpu/regs.h - the control registers, MSRs and CPUID bits that root uses.
 * Sections: Intel SDM vol. 3 unless AMD's APM vol. 2 is named. */
#ifndef ROOT_CPU_REGS_H
#define ROOT_CPU_REGS_H

#define RFLAGS_IF (1ull << 9)
#define RFLAGS_RESERVED_1 (1ull << 1) /* always set; SDM vol. 1, 3.4.3 */

/* SDM vol. 3, 2.5 */
#define CR0_WP          (1ull << 16)
#define CR0_EM          (1ull << 2)
#define CR0_TS          (1ull << 3)
#define CR0_MP          (1ull << 1)
#define CR4_PGE         (1ull << 7)
#define CR4_OSFXSR      (1ull << 9)
#define CR4_OSXMMEXCPT  (1ull << 10)
#define CR4_SMEP        (1ull << 20)
#define CR4_SMAP        (1ull << 21)

/* MSRs: SDM vol. 4, table 2-2 */
#define MSR_TSC            0x10u
#define MSR_APIC_BASE      0x1bu
#define MSR_EFER           0xc0000080u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_FMASK          0xc0000084u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

#define EFER_SCE (1ull << 0)
#define EFER_NXE (1ull << 11)

#define APIC_BASE_X2APIC (1ull << 10)
#define APIC_BASE_ENABLE (1ull << 11)
#define APIC_BASE_ADDRESS_MASK 0x000ffffffffff000ull

/* CPUID: SDM vol. 2, CPUID */
#define CPUID_1_ECX_X2APIC     (1u << 21)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_7_EBX_SMEP       (1u << 7)
#define CPUID_7_EBX_SMAP       (1u << 20)
#define CPUID_81_EDX_1GB       (1u << 26)

/* The hypervisor's leaves: TLFS 6.0b, 2.4 */
#define CPUID_HV_VENDOR    0x40000000u
#define CPUID_HV_INTERFACE 0x40000001u
#define CPUID_HV_FEATURES  0x40000003u
#define HV_INTERFACE_HV1   0x31237648u /* "Hv#1" */
#define HV_EAX_FREQUENCY_MSRS (1u << 11)
#define HV_EDX_FREQUENCIES    (1u << 8)
#define MSR_HV_TSC_FREQUENCY  0x40000022u
#define MSR_HV_APIC_FREQUENCY 0x40000023u

#endif
