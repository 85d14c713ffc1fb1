/* SPDX-License-Identifier: MIT */
/* emul/cpuid_masks.h - which bits of the machine's CPUID a partition may see. Only emul/cpuid.c
 * includes it. What is not here is 0: a feature comes in when the hypervisor switches or emulates
 * the state behind it. Left out for that reason: VMX, SVM, SMX, MONITOR, SGX, PT, PMU, IBS, LWP,
 * MPX, TSX, CET, AMX, 5-level paging, and everything controlled by MSRs that no partition gets. */
#ifndef EMUL_CPUID_MASKS_H
#define EMUL_CPUID_MASKS_H

#include <stdbool.h>
#include <stdint.h>
#include <x86/cpuid.h>

#define ALL 0xffffffffu

/* One leaf: what every partition sees of it, and what only root sees besides. */
struct cpuid_mask {
    uint32_t leaf;
    uint32_t any[4];
    uint32_t root[4];
};

#define FEATURES_1_ECX                                                                             \
    (CPUID_1_ECX_SSE3 | CPUID_1_ECX_PCLMULQDQ | CPUID_1_ECX_SSSE3 | CPUID_1_ECX_FMA |              \
     CPUID_1_ECX_CMPXCHG16B | CPUID_1_ECX_PCID | CPUID_1_ECX_SSE41 | CPUID_1_ECX_SSE42 |           \
     CPUID_1_ECX_MOVBE | CPUID_1_ECX_POPCNT | CPUID_1_ECX_AES | CPUID_1_ECX_XSAVE |                \
     CPUID_1_ECX_AVX | CPUID_1_ECX_F16C | CPUID_1_ECX_RDRAND)
#define FEATURES_1_EDX                                                                             \
    (CPUID_1_EDX_FPU | CPUID_1_EDX_VME | CPUID_1_EDX_DE | CPUID_1_EDX_PSE | CPUID_1_EDX_TSC |      \
     CPUID_1_EDX_MSR | CPUID_1_EDX_PAE | CPUID_1_EDX_MCE | CPUID_1_EDX_CX8 | CPUID_1_EDX_APIC |    \
     CPUID_1_EDX_SEP | CPUID_1_EDX_MTRR | CPUID_1_EDX_PGE | CPUID_1_EDX_MCA | CPUID_1_EDX_CMOV |   \
     CPUID_1_EDX_PAT | CPUID_1_EDX_PSE36 | CPUID_1_EDX_CLFSH | CPUID_1_EDX_MMX |                   \
     CPUID_1_EDX_FXSR | CPUID_1_EDX_SSE | CPUID_1_EDX_SSE2 | CPUID_1_EDX_SS)

#define FEATURES_7_EBX                                                                             \
    (CPUID_7_EBX_FSGSBASE | CPUID_7_EBX_BMI1 | CPUID_7_EBX_AVX2 | CPUID_7_EBX_FDP_EXCEPTION |      \
     CPUID_7_EBX_SMEP | CPUID_7_EBX_BMI2 | CPUID_7_EBX_ERMS | CPUID_7_EBX_INVPCID |                \
     CPUID_7_EBX_ZERO_FCS_FDS | CPUID_7_EBX_RDSEED | CPUID_7_EBX_ADX | CPUID_7_EBX_SMAP |          \
     CPUID_7_EBX_CLFLUSHOPT | CPUID_7_EBX_CLWB | CPUID_7_EBX_SHA | AVX512_7_EBX)
#define FEATURES_7_ECX                                                                             \
    (CPUID_7_ECX_UMIP | CPUID_7_ECX_PKU | CPUID_7_ECX_GFNI | CPUID_7_ECX_VAES |                    \
     CPUID_7_ECX_VPCLMULQDQ | CPUID_7_ECX_RDPID | CPUID_7_ECX_CLDEMOTE | CPUID_7_ECX_MOVDIRI |     \
     CPUID_7_ECX_MOVDIR64B | AVX512_7_ECX)
#define FEATURES_7_EDX                                                                             \
    (CPUID_7_EDX_FSRM | CPUID_7_EDX_MD_CLEAR | CPUID_7_EDX_SERIALIZE | SPECULATION_7_EDX)

#define FEATURES_80000001_ECX                                                                      \
    (CPUID_80000001_ECX_LAHF | CPUID_80000001_ECX_CMP_LEGACY | CPUID_80000001_ECX_CR8_LEGACY |     \
     CPUID_80000001_ECX_ABM | CPUID_80000001_ECX_SSE4A | CPUID_80000001_ECX_MISALIGNED_SSE |       \
     CPUID_80000001_ECX_PREFETCHW | CPUID_80000001_ECX_XOP | CPUID_80000001_ECX_FMA4 |             \
     CPUID_80000001_ECX_TBM | CPUID_80000001_ECX_TOPOEXT)
/* AMD repeats the old features of leaf 1 here. */
#define REPEATED_80000001_EDX                                                                      \
    (FEATURES_1_EDX & ~(CPUID_1_EDX_SEP | CPUID_1_EDX_CLFSH | CPUID_1_EDX_SSE | CPUID_1_EDX_SSE2 | \
                        CPUID_1_EDX_SS))
#define FEATURES_80000001_EDX                                                                      \
    (REPEATED_80000001_EDX | CPUID_80000001_EDX_SYSCALL | CPUID_80000001_EDX_NX |                  \
     CPUID_80000001_EDX_MMXEXT | CPUID_80000001_EDX_PAGE1GB | CPUID_80000001_EDX_RDTSCP |          \
     CPUID_80000001_EDX_LM | CPUID_80000001_EDX_3DNOWEXT | CPUID_80000001_EDX_3DNOW)
#define FEATURES_80000008_EBX                                                                      \
    (CPUID_80000008_EBX_CLZERO | CPUID_80000008_EBX_XSAVEERPTR | CPUID_80000008_EBX_WBNOINVD |     \
     CPUID_80000008_EBX_SSB_NO | CPUID_80000008_EBX_BTC_NO | SPECULATION_80000008_EBX)
#define FEATURES_80000021_EAX                                                                      \
    (CPUID_80000021_EAX_LFENCE_SERIALIZING | CPUID_80000021_EAX_VERW_CLEAR |                       \
     CPUID_80000021_EAX_NULL_CLEARS_BASE | CPUID_80000021_EAX_AUTOMATIC_IBRS |                     \
     CPUID_80000021_EAX_SRSO_NO | CPUID_80000021_EAX_SRSO_USER_NO | SPECULATION_80000021_EAX)
#define FEATURES_80000021_ECX (CPUID_80000021_ECX_TSA_SQ_NO | CPUID_80000021_ECX_TSA_L1_NO)

/* What depends on a state in XCR0. SDM vol. 1, 13.1. */
#define AVX_1_ECX         (CPUID_1_ECX_AVX | CPUID_1_ECX_FMA | CPUID_1_ECX_F16C)
#define AVX_7_EBX         (CPUID_7_EBX_AVX2)
#define AVX_7_ECX         (CPUID_7_ECX_VAES | CPUID_7_ECX_VPCLMULQDQ)
#define AVX_7_1_EAX       (CPUID_7_1_EAX_AVX_VNNI)
#define AVX_80000001_ECX  (CPUID_80000001_ECX_XOP | CPUID_80000001_ECX_FMA4)
#define AVX512_7_EBX                                                                               \
    (CPUID_7_EBX_AVX512F | CPUID_7_EBX_AVX512DQ | CPUID_7_EBX_AVX512_IFMA | CPUID_7_EBX_AVX512CD | \
     CPUID_7_EBX_AVX512BW | CPUID_7_EBX_AVX512VL)
#define AVX512_7_ECX                                                                               \
    (CPUID_7_ECX_AVX512_VBMI | CPUID_7_ECX_AVX512_VBMI2 | CPUID_7_ECX_AVX512_VNNI |                \
     CPUID_7_ECX_AVX512_BITALG | CPUID_7_ECX_AVX512_VPOPCNTDQ)

/* What promises SPEC_CTRL or PRED_CMD. */
#define SPECULATION_7_EDX                                                                          \
    (CPUID_7_EDX_IBRS_IBPB | CPUID_7_EDX_STIBP | CPUID_7_EDX_SSBD)
#define SPECULATION_7_2_EDX                                                                        \
    (CPUID_7_2_EDX_PSFD | CPUID_7_2_EDX_IPRED_CTRL | CPUID_7_2_EDX_RRSBA_CTRL |                    \
     CPUID_7_2_EDX_BHI_CTRL)
#define SPECULATION_80000008_EBX                                                                   \
    (CPUID_80000008_EBX_IBPB | CPUID_80000008_EBX_IBRS | CPUID_80000008_EBX_STIBP |                \
     CPUID_80000008_EBX_IBRS_ALWAYS | CPUID_80000008_EBX_STIBP_ALWAYS |                            \
     CPUID_80000008_EBX_IBRS_PREFERRED | CPUID_80000008_EBX_IBRS_SAME_MODE |                       \
     CPUID_80000008_EBX_SSBD | CPUID_80000008_EBX_PSFD | CPUID_80000008_EBX_IBPB_RET)
#define SPECULATION_80000021_EAX (CPUID_80000021_EAX_SBPB | CPUID_80000021_EAX_IBPB_BRTYPE)

/* Leaves with one subleaf. Highest leaves, topology, caches and XSAVE are computed. */
static const struct cpuid_mask cpuid_masks[] = {
    {CPUID_LEAF_VENDOR, {0, ALL, ALL, ALL}, {0}},
    {CPUID_LEAF_FEATURES,
     {CPUID_1_EAX_SIGNATURE, CPUID_1_EBX_BRAND_MASK | CPUID_1_EBX_CLFLUSH_MASK, FEATURES_1_ECX,
      FEATURES_1_EDX},
     {0, CPUID_1_EBX_COUNT_MASK, 0, CPUID_1_EDX_HTT}},
    {CPUID_LEAF_DESCRIPTORS, {ALL, ALL, ALL, ALL}, {0}},
    {CPUID_LEAF_FEATURES_7, {0, FEATURES_7_EBX, FEATURES_7_ECX, FEATURES_7_EDX}, {0}},
    {CPUID_LEAF_TSC, {0}, {ALL, ALL, ALL, 0}},
    {CPUID_LEAF_FREQUENCY, {0}, {ALL, ALL, ALL, 0}},
    {CPUID_LEAF_EXT_MAX, {0, ALL, ALL, ALL}, {0}},
    {CPUID_LEAF_EXT_FEATURES,
     {CPUID_1_EAX_SIGNATURE, ALL, FEATURES_80000001_ECX, FEATURES_80000001_EDX},
     {0}},
    {CPUID_LEAF_BRAND_0, {ALL, ALL, ALL, ALL}, {0}},
    {CPUID_LEAF_BRAND_0 + 1, {ALL, ALL, ALL, ALL}, {0}},
    {CPUID_LEAF_BRAND_2, {ALL, ALL, ALL, ALL}, {0}},
    {CPUID_LEAF_CACHE_L1, {ALL, ALL, ALL, ALL}, {0}},
    {CPUID_LEAF_CACHE_L2, {ALL, ALL, ALL, ALL}, {0}},
    {CPUID_LEAF_EXT_POWER, {0, 0, 0, CPUID_80000007_EDX_TSC_INVARIANT}, {0}},
    {CPUID_LEAF_ADDRESS_SIZES,
     {CPUID_80000008_EAX_PHYSICAL_MASK | CPUID_80000008_EAX_LINEAR_MASK, FEATURES_80000008_EBX, 0,
      0},
     {0, 0, ALL, 0}},
    {CPUID_LEAF_TLB_1GB, {ALL, ALL, 0, 0}, {0}},
    {CPUID_LEAF_OPTIMIZATION, {ALL, 0, 0, 0}, {0}},
    {CPUID_LEAF_EXT_FEATURES_2, {FEATURES_80000021_EAX, 0, FEATURES_80000021_ECX, 0}, {0}},
};

#endif
