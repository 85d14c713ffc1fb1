/* SPDX-License-Identifier: MIT */
/* hvabi/msr.h - the synthetic model-specific registers. TLFS appendix C.
 *
 * A page is named by its frame number in bits 63:12 and switched on by bit 0; the bits between are
 * to be preserved by the guest. */
#ifndef HVABI_MSR_H
#define HVABI_MSR_H

#define HV_X64_MSR_GUEST_OS_ID                   0x40000000u
#define HV_X64_MSR_HYPERCALL                     0x40000001u
#define HV_X64_MSR_VP_INDEX                      0x40000002u
#define HV_X64_MSR_RESET                         0x40000003u
#define HV_X64_MSR_CPU_MANAGEMENT_VERSION        0x40000004u
#define HV_X64_MSR_VP_RUNTIME                    0x40000010u
#define HV_X64_MSR_TIME_REF_COUNT                0x40000020u
#define HV_X64_MSR_REFERENCE_TSC                 0x40000021u
#define HV_X64_MSR_TSC_FREQUENCY                 0x40000022u
#define HV_X64_MSR_APIC_FREQUENCY                0x40000023u
#define HV_X64_MSR_NPIEP_CONFIG                  0x40000040u
#define HV_X64_MSR_EOI                           0x40000070u
#define HV_X64_MSR_ICR                           0x40000071u
#define HV_X64_MSR_TPR                           0x40000072u
#define HV_X64_MSR_VP_ASSIST_PAGE                0x40000073u
#define HV_X64_MSR_SCONTROL                      0x40000080u
#define HV_X64_MSR_SVERSION                      0x40000081u
#define HV_X64_MSR_SIEFP                         0x40000082u
#define HV_X64_MSR_SIMP                          0x40000083u
#define HV_X64_MSR_EOM                           0x40000084u
#define HV_X64_MSR_SINT0                         0x40000090u
#define HV_X64_MSR_SINT1                         0x40000091u
#define HV_X64_MSR_SINT2                         0x40000092u
#define HV_X64_MSR_SINT3                         0x40000093u
#define HV_X64_MSR_SINT4                         0x40000094u
#define HV_X64_MSR_SINT5                         0x40000095u
#define HV_X64_MSR_SINT6                         0x40000096u
#define HV_X64_MSR_SINT7                         0x40000097u
#define HV_X64_MSR_SINT8                         0x40000098u
#define HV_X64_MSR_SINT9                         0x40000099u
#define HV_X64_MSR_SINT10                        0x4000009au
#define HV_X64_MSR_SINT11                        0x4000009bu
#define HV_X64_MSR_SINT12                        0x4000009cu
#define HV_X64_MSR_SINT13                        0x4000009du
#define HV_X64_MSR_SINT14                        0x4000009eu
#define HV_X64_MSR_SINT15                        0x4000009fu
#define HV_X64_MSR_STIMER0_CONFIG                0x400000b0u
#define HV_X64_MSR_STIMER0_COUNT                 0x400000b1u
#define HV_X64_MSR_STIMER1_CONFIG                0x400000b2u
#define HV_X64_MSR_STIMER1_COUNT                 0x400000b3u
#define HV_X64_MSR_STIMER2_CONFIG                0x400000b4u
#define HV_X64_MSR_STIMER2_COUNT                 0x400000b5u
#define HV_X64_MSR_STIMER3_CONFIG                0x400000b6u
#define HV_X64_MSR_STIMER3_COUNT                 0x400000b7u
#define HV_X64_MSR_POWER_STATE_TRIGGER_C1        0x400000c1u
#define HV_X64_MSR_POWER_STATE_TRIGGER_C2        0x400000c2u
#define HV_X64_MSR_POWER_STATE_TRIGGER_C3        0x400000c3u
#define HV_X64_MSR_POWER_STATE_CONFIG_C1         0x400000d1u
#define HV_X64_MSR_POWER_STATE_CONFIG_C2         0x400000d2u
#define HV_X64_MSR_POWER_STATE_CONFIG_C3         0x400000d3u
#define HV_X64_MSR_STATS_PARTITION_RETAIL_PAGE   0x400000e0u
#define HV_X64_MSR_STATS_PARTITION_INTERNAL_PAGE 0x400000e1u
#define HV_X64_MSR_STATS_VP_RETAIL_PAGE          0x400000e2u
#define HV_X64_MSR_STATS_VP_INTERNAL_PAGE        0x400000e3u
#define HV_X64_MSR_GUEST_IDLE                    0x400000f0u
#define HV_X64_MSR_SYNTH_DEBUG_CONTROL           0x400000f1u
#define HV_X64_MSR_SYNTH_DEBUG_STATUS            0x400000f2u
#define HV_X64_MSR_SYNTH_DEBUG_SEND_BUFFER       0x400000f3u
#define HV_X64_MSR_SYNTH_DEBUG_RECEIVE_BUFFER    0x400000f4u
#define HV_X64_MSR_SYNTH_DEBUG_PENDING_BUFFER    0x400000f5u
#define HV_X64_MSR_DEBUG_DEVICE_OPTIONS          0x400000ffu
#define HV_X64_MSR_CRASH_P0                      0x40000100u
#define HV_X64_MSR_CRASH_P1                      0x40000101u
#define HV_X64_MSR_CRASH_P2                      0x40000102u
#define HV_X64_MSR_CRASH_P3                      0x40000103u
#define HV_X64_MSR_CRASH_P4                      0x40000104u
#define HV_X64_MSR_CRASH_CTL                     0x40000105u
#define HV_X64_MSR_REENLIGHTENMENT_CONTROL       0x40000106u
#define HV_X64_MSR_TSC_EMULATION_CONTROL         0x40000107u
#define HV_X64_MSR_TSC_EMULATION_STATUS          0x40000108u
#define HV_X64_MSR_STIME_UNHALTED_TIMER_CONFIG   0x40000114u
#define HV_X64_MSR_STIME_UNHALTED_TIMER_COUNT    0x40000115u
#define HV_X64_MSR_MEMORY_ZEROING_CONTROL        0x40000116u
#define HV_X64_MSR_TSC_INVARIANT_CONTROL         0x40000118u

/* Everything in this range that is not named above faults. TLFS 2.0a, appendix */
#define HV_X64_MSR_SYNTHETIC_FIRST 0x40000000u
#define HV_X64_MSR_SYNTHETIC_LAST  0x4fffffffu

/* TLFS 2.6: who the guest is. 0 means that it has not said; bit 63 marks an open-source system */
#define HV_GUEST_OS_ID_OPEN_SOURCE   (1ull << 63)
#define HV_GUEST_OS_ID_TYPE_SHIFT    56 /* bits 62:56 */
#define HV_GUEST_OS_ID_VERSION_SHIFT 16

/* What the page registers have in common: HYPERCALL, REFERENCE_TSC, SIEFP, SIMP, VP_ASSIST_PAGE */
#define HV_X64_MSR_PAGE_ENABLE   (1ull << 0)
#define HV_X64_MSR_PAGE_SHIFT    12
#define HV_X64_MSR_PAGE_GPA_MASK 0xfffffffffffff000ull
/* TLFS 3.13: HYPERCALL; once locked, the register keeps its value until the partition resets */
#define HV_X64_MSR_HYPERCALL_ENABLE HV_X64_MSR_PAGE_ENABLE
#define HV_X64_MSR_HYPERCALL_LOCKED (1ull << 1)

/* RESET: writing bit 0 resets the partition */
#define HV_X64_MSR_RESET_NOW (1ull << 0)

/* TLFS 10.2: ICR holds the APIC's ICR low and high words, EOI and TPR the APIC's registers */
#define HV_X64_MSR_ICR_HIGH_SHIFT 32
#define HV_X64_MSR_TPR_MASK       0xffull

/* TLFS 11.8: the SynIC */
#define HV_SYNIC_CONTROL_ENABLE     (1ull << 0)
#define HV_SYNIC_VERSION            1ull
#define HV_SYNIC_SINT_VECTOR_MASK   0xffull
#define HV_SYNIC_SINT_MASKED        (1ull << 16)
#define HV_SYNIC_SINT_AUTO_EOI      (1ull << 17)
#define HV_SYNIC_SINT_POLLING       (1ull << 18)
#define HV_SYNIC_SINT_RESET_VALUE   HV_SYNIC_SINT_MASKED
#define HV_SYNIC_FIRST_VALID_VECTOR 16

/* TLFS 12.5: synthetic timers. CONFIG; what is not named is reserved and 0 */
#define HV_STIMER_COUNT             4
#define HV_STIMER_ENABLE            (1ull << 0)
#define HV_STIMER_PERIODIC          (1ull << 1)
#define HV_STIMER_LAZY              (1ull << 2)
#define HV_STIMER_AUTO_ENABLE       (1ull << 3)
#define HV_STIMER_APIC_VECTOR_SHIFT 4
#define HV_STIMER_APIC_VECTOR_MASK  0x0000000000000ff0ull
#define HV_STIMER_DIRECT_MODE       (1ull << 12)
#define HV_STIMER_SINT_SHIFT        16
#define HV_STIMER_SINT_MASK         0x00000000000f0000ull
#define HV_STIMER_RESERVED          0xfffffffffff0e000ull

/* TLFS 4.3: what a crashing guest says about itself */
#define HV_CRASH_PRE_OS_ID_SHIFT 58
#define HV_CRASH_PRE_OS_ID_MASK  (7ull << 58)
#define HV_CRASH_NO_CRASH_DUMP   (1ull << 61)
#define HV_CRASH_MESSAGE         (1ull << 62) /* P3 is the GPA, P4 the length of a text */
#define HV_CRASH_NOTIFY          (1ull << 63)

/* TLFS, reenlightenment: an interrupt after migration to another TSC frequency */
#define HV_REENLIGHTENMENT_VECTOR_MASK 0xffull
#define HV_REENLIGHTENMENT_ENABLE      (1ull << 16)
#define HV_REENLIGHTENMENT_VP_SHIFT    32
#define HV_TSC_EMULATION_ENABLE        (1ull << 0)
#define HV_TSC_EMULATION_IN_PROGRESS   (1ull << 0)
#define HV_TSC_INVARIANT_EXPOSE        (1ull << 0)

#endif
