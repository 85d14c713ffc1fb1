/* SPDX-License-Identifier: MIT */
/* x86/cpuid.h - leaves and feature bits of CPUID, named CPUID_<leaf>[_<subleaf>]_<register>_<bit>.
 * APM vol. 3, appendix E; SDM vol. 2A, CPUID. */
#ifndef X86_CPUID_H
#define X86_CPUID_H

#define CPUID_LEAF_VENDOR          0x00000000u
#define CPUID_LEAF_FEATURES        0x00000001u
#define CPUID_LEAF_DESCRIPTORS     0x00000002u
#define CPUID_LEAF_CACHE_INTEL     0x00000004u
#define CPUID_LEAF_MWAIT           0x00000005u
#define CPUID_LEAF_POWER           0x00000006u
#define CPUID_LEAF_FEATURES_7      0x00000007u
#define CPUID_LEAF_PERFMON         0x0000000au
#define CPUID_LEAF_TOPOLOGY        0x0000000bu
#define CPUID_LEAF_XSAVE           0x0000000du
#define CPUID_LEAF_TSC             0x00000015u
#define CPUID_LEAF_FREQUENCY       0x00000016u
#define CPUID_LEAF_TOPOLOGY_V2     0x0000001fu
#define CPUID_LEAF_HYPERVISOR      0x40000000u
#define CPUID_LEAF_HYPERVISOR_LAST 0x400000ffu
#define CPUID_LEAF_EXT_MAX         0x80000000u
#define CPUID_LEAF_EXT_FEATURES    0x80000001u
#define CPUID_LEAF_BRAND_0         0x80000002u
#define CPUID_LEAF_BRAND_2         0x80000004u
#define CPUID_LEAF_CACHE_L1        0x80000005u
#define CPUID_LEAF_CACHE_L2        0x80000006u
#define CPUID_LEAF_EXT_POWER       0x80000007u
#define CPUID_LEAF_ADDRESS_SIZES   0x80000008u
#define CPUID_LEAF_SVM             0x8000000au
#define CPUID_LEAF_TLB_1GB         0x80000019u
#define CPUID_LEAF_OPTIMIZATION    0x8000001au
#define CPUID_LEAF_CACHE_AMD       0x8000001du
#define CPUID_LEAF_TOPOLOGY_AMD    0x8000001eu
#define CPUID_LEAF_ENCRYPTION      0x8000001fu
#define CPUID_LEAF_EXT_FEATURES_2  0x80000021u
#define CPUID_LEAF_RANGE_MASK      0xffff0000u /* of a leaf: its range */

/* Indices into the array that insn_cpuid() fills. */
enum { CPUID_EAX = 0, CPUID_EBX = 1, CPUID_ECX = 2, CPUID_EDX = 3 };

#define CPUID_1_EAX_STEPPING_MASK 0xfu
#define CPUID_1_EAX_FAMILY_SHIFT     8
#define CPUID_1_EAX_FAMILY_MASK      0xfu /* all ones: the extended family is added */
#define CPUID_1_EAX_EXT_FAMILY_SHIFT 20
#define CPUID_1_EAX_EXT_FAMILY_MASK  0xffu
#define CPUID_1_EAX_SIGNATURE     0x0fff3fffu /* family, model, stepping, type */
#define CPUID_1_EBX_CLFLUSH_SHIFT 8
#define CPUID_1_EBX_COUNT_SHIFT   16
#define CPUID_1_EBX_APIC_ID_SHIFT 24
#define CPUID_1_EBX_BRAND_MASK    0xffu
#define CPUID_1_EBX_CLFLUSH_MASK  0xff00u
#define CPUID_1_EBX_COUNT_MASK    0xff0000u
#define CPUID_1_ECX_SSE3          (1u << 0)
#define CPUID_1_ECX_PCLMULQDQ     (1u << 1)
#define CPUID_1_ECX_DTES64        (1u << 2)
#define CPUID_1_ECX_MONITOR       (1u << 3)
#define CPUID_1_ECX_DS_CPL        (1u << 4)
#define CPUID_1_ECX_VMX           (1u << 5)
#define CPUID_1_ECX_SMX           (1u << 6)
#define CPUID_1_ECX_EIST          (1u << 7)
#define CPUID_1_ECX_TM2           (1u << 8)
#define CPUID_1_ECX_SSSE3         (1u << 9)
#define CPUID_1_ECX_CNXT_ID       (1u << 10)
#define CPUID_1_ECX_SDBG          (1u << 11)
#define CPUID_1_ECX_FMA           (1u << 12)
#define CPUID_1_ECX_CMPXCHG16B    (1u << 13)
#define CPUID_1_ECX_XTPR          (1u << 14)
#define CPUID_1_ECX_PDCM          (1u << 15)
#define CPUID_1_ECX_PCID          (1u << 17)
#define CPUID_1_ECX_DCA           (1u << 18)
#define CPUID_1_ECX_SSE41         (1u << 19)
#define CPUID_1_ECX_SSE42         (1u << 20)
#define CPUID_1_ECX_X2APIC        (1u << 21)
#define CPUID_1_ECX_MOVBE         (1u << 22)
#define CPUID_1_ECX_POPCNT        (1u << 23)
#define CPUID_1_ECX_TSC_DEADLINE  (1u << 24)
#define CPUID_1_ECX_AES           (1u << 25)
#define CPUID_1_ECX_XSAVE         (1u << 26)
#define CPUID_1_ECX_OSXSAVE       (1u << 27)
#define CPUID_1_ECX_AVX           (1u << 28)
#define CPUID_1_ECX_F16C          (1u << 29)
#define CPUID_1_ECX_RDRAND        (1u << 30)
#define CPUID_1_ECX_HYPERVISOR    (1u << 31)
#define CPUID_1_EDX_FPU           (1u << 0)
#define CPUID_1_EDX_VME           (1u << 1)
#define CPUID_1_EDX_DE            (1u << 2)
#define CPUID_1_EDX_PSE           (1u << 3)
#define CPUID_1_EDX_TSC           (1u << 4)
#define CPUID_1_EDX_MSR           (1u << 5)
#define CPUID_1_EDX_PAE           (1u << 6)
#define CPUID_1_EDX_MCE           (1u << 7)
#define CPUID_1_EDX_CX8           (1u << 8)
#define CPUID_1_EDX_APIC          (1u << 9)
#define CPUID_1_EDX_SEP           (1u << 11)
#define CPUID_1_EDX_MTRR          (1u << 12)
#define CPUID_1_EDX_PGE           (1u << 13)
#define CPUID_1_EDX_MCA           (1u << 14)
#define CPUID_1_EDX_CMOV          (1u << 15)
#define CPUID_1_EDX_PAT           (1u << 16)
#define CPUID_1_EDX_PSE36         (1u << 17)
#define CPUID_1_EDX_PSN           (1u << 18)
#define CPUID_1_EDX_CLFSH         (1u << 19)
#define CPUID_1_EDX_DS            (1u << 21)
#define CPUID_1_EDX_ACPI          (1u << 22)
#define CPUID_1_EDX_MMX           (1u << 23)
#define CPUID_1_EDX_FXSR          (1u << 24)
#define CPUID_1_EDX_SSE           (1u << 25)
#define CPUID_1_EDX_SSE2          (1u << 26)
#define CPUID_1_EDX_SS            (1u << 27)
#define CPUID_1_EDX_HTT           (1u << 28)
#define CPUID_1_EDX_TM            (1u << 29)
#define CPUID_1_EDX_PBE           (1u << 31)

#define CPUID_6_EAX_ARAT           (1u << 2)

/* Leaves 4 and 0x8000001d: a cache per subleaf, type 0 ends them. */
#define CPUID_CACHE_EAX_TYPE_MASK     0x1fu
#define CPUID_CACHE_EAX_LEVEL_SHIFT   5
#define CPUID_CACHE_EAX_LEVEL_MASK    (7u << 5)
#define CPUID_CACHE_EAX_FLAGS_MASK    (3u << 8)    /* self-initialising, fully associative */
#define CPUID_CACHE_EAX_SHARING_SHIFT 14           /* logical processors that share it, less 1 */
#define CPUID_CACHE_EAX_SHARING_MASK  (0xfffu << 14)
#define CPUID_CACHE_EAX_CORES_SHIFT   26           /* leaf 4: core IDs of a package, less 1 */
#define CPUID_CACHE_EAX_CORES_MASK    (0x3fu << 26)
#define CPUID_CACHE_EDX_MASK          7u
#define CPUID_6_ECX_EFFECTIVE_FREQ (1u << 0) /* APERF and MPERF */

#define CPUID_7_EBX_FSGSBASE          (1u << 0)
#define CPUID_7_EBX_TSC_ADJUST        (1u << 1)
#define CPUID_7_EBX_SGX               (1u << 2)
#define CPUID_7_EBX_BMI1              (1u << 3)
#define CPUID_7_EBX_HLE               (1u << 4)
#define CPUID_7_EBX_AVX2              (1u << 5)
#define CPUID_7_EBX_FDP_EXCEPTION     (1u << 6) /* x87 data pointer changes on exceptions only */
#define CPUID_7_EBX_SMEP              (1u << 7)
#define CPUID_7_EBX_BMI2              (1u << 8)
#define CPUID_7_EBX_ERMS              (1u << 9)
#define CPUID_7_EBX_INVPCID           (1u << 10)
#define CPUID_7_EBX_RTM               (1u << 11)
#define CPUID_7_EBX_PQM               (1u << 12)
#define CPUID_7_EBX_ZERO_FCS_FDS      (1u << 13)
#define CPUID_7_EBX_MPX               (1u << 14)
#define CPUID_7_EBX_PQE               (1u << 15)
#define CPUID_7_EBX_AVX512F           (1u << 16)
#define CPUID_7_EBX_AVX512DQ          (1u << 17)
#define CPUID_7_EBX_RDSEED            (1u << 18)
#define CPUID_7_EBX_ADX               (1u << 19)
#define CPUID_7_EBX_SMAP              (1u << 20)
#define CPUID_7_EBX_AVX512_IFMA       (1u << 21)
#define CPUID_7_EBX_CLFLUSHOPT        (1u << 23)
#define CPUID_7_EBX_CLWB              (1u << 24)
#define CPUID_7_EBX_INTEL_PT          (1u << 25)
#define CPUID_7_EBX_AVX512CD          (1u << 28)
#define CPUID_7_EBX_SHA               (1u << 29)
#define CPUID_7_EBX_AVX512BW          (1u << 30)
#define CPUID_7_EBX_AVX512VL          (1u << 31)
#define CPUID_7_ECX_AVX512_VBMI       (1u << 1)
#define CPUID_7_ECX_UMIP              (1u << 2)
#define CPUID_7_ECX_PKU               (1u << 3)
#define CPUID_7_ECX_OSPKE             (1u << 4)
#define CPUID_7_ECX_WAITPKG           (1u << 5)
#define CPUID_7_ECX_AVX512_VBMI2      (1u << 6)
#define CPUID_7_ECX_CET_SS            (1u << 7)
#define CPUID_7_ECX_GFNI              (1u << 8)
#define CPUID_7_ECX_VAES              (1u << 9)
#define CPUID_7_ECX_VPCLMULQDQ        (1u << 10)
#define CPUID_7_ECX_AVX512_VNNI       (1u << 11)
#define CPUID_7_ECX_AVX512_BITALG     (1u << 12)
#define CPUID_7_ECX_AVX512_VPOPCNTDQ  (1u << 14)
#define CPUID_7_ECX_LA57              (1u << 16)
#define CPUID_7_ECX_RDPID             (1u << 22)
#define CPUID_7_ECX_CLDEMOTE          (1u << 25)
#define CPUID_7_ECX_MOVDIRI           (1u << 27)
#define CPUID_7_ECX_MOVDIR64B         (1u << 28)
#define CPUID_7_EDX_FSRM              (1u << 4)
#define CPUID_7_EDX_SRBDS_CTRL        (1u << 9)
#define CPUID_7_EDX_MD_CLEAR          (1u << 10)
#define CPUID_7_EDX_SERIALIZE         (1u << 14)
#define CPUID_7_EDX_CET_IBT           (1u << 20)
#define CPUID_7_EDX_IBRS_IBPB         (1u << 26)
#define CPUID_7_EDX_STIBP             (1u << 27)
#define CPUID_7_EDX_L1D_FLUSH         (1u << 28)
#define CPUID_7_EDX_ARCH_CAPABILITIES (1u << 29)
#define CPUID_7_EDX_SSBD              (1u << 31)
#define CPUID_7_1_EAX_AVX_VNNI        (1u << 4)
#define CPUID_7_1_EAX_LAM             (1u << 26)
#define CPUID_7_2_EDX_PSFD            (1u << 0)
#define CPUID_7_2_EDX_IPRED_CTRL      (1u << 1)
#define CPUID_7_2_EDX_RRSBA_CTRL      (1u << 2)
#define CPUID_7_2_EDX_BHI_CTRL        (1u << 4)

#define CPUID_B_ECX_TYPE_SHIFT 8
#define CPUID_B_ECX_TYPE_SMT   1u
#define CPUID_B_ECX_TYPE_CORE  2u
#define CPUID_B_EAX_SHIFT_MASK 0x1fu
#define CPUID_B_ECX_SUBLEAF_MASK 0xffu

#define CPUID_D_1_EAX_XSAVEOPT (1u << 0)
#define CPUID_D_1_EAX_XSAVEC   (1u << 1)
#define CPUID_D_1_EAX_XGETBV1  (1u << 2)
#define CPUID_D_1_EAX_XSAVES   (1u << 3)
#define CPUID_D_1_EAX_XFD      (1u << 4)
#define CPUID_D_ECX_ALIGNED    (1u << 1) /* subleaves from 2: on 64 bytes in the compacted form */
#define CPUID_D_FIRST_EXTENDED 2u        /* subleaf of the first state component of its own */
#define CPUID_D_LEGACY_SIZE    576u      /* FXSAVE area and XSAVE header */

#define CPUID_80000001_ECX_LAHF           (1u << 0)
#define CPUID_80000001_ECX_CMP_LEGACY     (1u << 1)
#define CPUID_80000001_ECX_SVM            (1u << 2)
#define CPUID_80000001_ECX_EXTAPIC        (1u << 3)
#define CPUID_80000001_ECX_CR8_LEGACY     (1u << 4)
#define CPUID_80000001_ECX_ABM            (1u << 5)
#define CPUID_80000001_ECX_SSE4A          (1u << 6)
#define CPUID_80000001_ECX_MISALIGNED_SSE (1u << 7)
#define CPUID_80000001_ECX_PREFETCHW      (1u << 8)
#define CPUID_80000001_ECX_OSVW           (1u << 9)
#define CPUID_80000001_ECX_IBS            (1u << 10)
#define CPUID_80000001_ECX_XOP            (1u << 11)
#define CPUID_80000001_ECX_SKINIT         (1u << 12)
#define CPUID_80000001_ECX_WDT            (1u << 13)
#define CPUID_80000001_ECX_LWP            (1u << 15)
#define CPUID_80000001_ECX_FMA4           (1u << 16)
#define CPUID_80000001_ECX_TCE            (1u << 17)
#define CPUID_80000001_ECX_TBM            (1u << 21)
#define CPUID_80000001_ECX_TOPOEXT        (1u << 22)
#define CPUID_80000001_ECX_PERFCTR        (1u << 23)
#define CPUID_80000001_ECX_MONITORX       (1u << 29)
#define CPUID_80000001_EDX_SYSCALL        (1u << 11)
#define CPUID_80000001_EDX_NX             (1u << 20)
#define CPUID_80000001_EDX_MMXEXT         (1u << 22)
#define CPUID_80000001_EDX_FFXSR          (1u << 25)
#define CPUID_80000001_EDX_PAGE1GB        (1u << 26)
#define CPUID_80000001_EDX_RDTSCP         (1u << 27)
#define CPUID_80000001_EDX_LM             (1u << 29)
#define CPUID_80000001_EDX_3DNOWEXT       (1u << 30)
#define CPUID_80000001_EDX_3DNOW          (1u << 31)

#define CPUID_80000007_EDX_TSC_INVARIANT (1u << 8)

#define CPUID_80000008_EAX_PHYSICAL_MASK  0xffu /* physical address bits */
#define CPUID_80000008_EAX_LINEAR_SHIFT   8
#define CPUID_80000008_EAX_GUEST_SHIFT    16
#define CPUID_80000008_EBX_CLZERO         (1u << 0)
#define CPUID_80000008_EBX_XSAVEERPTR     (1u << 2)
#define CPUID_80000008_EBX_WBNOINVD       (1u << 9)
#define CPUID_80000008_EBX_IBPB           (1u << 12)
#define CPUID_80000008_EBX_IBRS           (1u << 14)
#define CPUID_80000008_EBX_STIBP          (1u << 15)
#define CPUID_80000008_EBX_IBRS_ALWAYS    (1u << 16)
#define CPUID_80000008_EBX_STIBP_ALWAYS   (1u << 17)
#define CPUID_80000008_EBX_IBRS_PREFERRED (1u << 18)
#define CPUID_80000008_EBX_IBRS_SAME_MODE (1u << 19)
#define CPUID_80000008_EBX_SSBD           (1u << 24)
#define CPUID_80000008_EBX_VIRT_SSBD      (1u << 25)
#define CPUID_80000008_EBX_SSB_NO         (1u << 26)
#define CPUID_80000008_EBX_PSFD           (1u << 28)
#define CPUID_80000008_EBX_BTC_NO         (1u << 29)
#define CPUID_80000008_EBX_IBPB_RET       (1u << 30)
#define CPUID_80000008_ECX_COUNT_MASK     0xffu /* logical processors less 1 */
#define CPUID_80000008_ECX_ID_SIZE_SHIFT  12
#define CPUID_80000008_EAX_LINEAR_MASK    0xff00u

/* Secure virtual machine: EAX revision, EBX number of ASIDs. APM vol. 3, E.4.9. */
#define CPUID_8000000A_EAX_REVISION_MASK     0xffu
#define CPUID_8000000A_EDX_NP                (1u << 0)
#define CPUID_8000000A_EDX_LBR_VIRT          (1u << 1)
#define CPUID_8000000A_EDX_SVML              (1u << 2)
#define CPUID_8000000A_EDX_NRIPS             (1u << 3)
#define CPUID_8000000A_EDX_TSC_RATE_MSR      (1u << 4)
#define CPUID_8000000A_EDX_VMCB_CLEAN        (1u << 5)
#define CPUID_8000000A_EDX_FLUSH_BY_ASID     (1u << 6)
#define CPUID_8000000A_EDX_DECODE_ASSISTS    (1u << 7)
#define CPUID_8000000A_EDX_PMC_VIRT          (1u << 8)
#define CPUID_8000000A_EDX_PAUSE_FILTER      (1u << 10)
#define CPUID_8000000A_EDX_PAUSE_THRESHOLD   (1u << 12)
#define CPUID_8000000A_EDX_AVIC              (1u << 13)
#define CPUID_8000000A_EDX_VMSAVE_VIRT       (1u << 15)
#define CPUID_8000000A_EDX_VGIF              (1u << 16)
#define CPUID_8000000A_EDX_GMET              (1u << 17)
#define CPUID_8000000A_EDX_X2AVIC            (1u << 18)
#define CPUID_8000000A_EDX_SSS_CHECK         (1u << 19)
#define CPUID_8000000A_EDX_SPEC_CTRL         (1u << 20)
#define CPUID_8000000A_EDX_ROGPT             (1u << 21)
#define CPUID_8000000A_EDX_HOST_MCE_OVERRIDE (1u << 23)
#define CPUID_8000000A_EDX_TLBI_CTL          (1u << 24)
#define CPUID_8000000A_EDX_VNMI              (1u << 25)
#define CPUID_8000000A_EDX_IBS_VIRT          (1u << 26)

/* APM vol. 3, E.4.16. */
#define CPUID_8000001E_EBX_THREADS_SHIFT 8
#define CPUID_8000001E_EBX_THREADS_MASK  0xffu /* of a core, less 1 */

#define CPUID_8000001F_EAX_SME (1u << 0)
#define CPUID_8000001F_EAX_SEV (1u << 1)

#define CPUID_80000021_EAX_LFENCE_SERIALIZING (1u << 2)
#define CPUID_80000021_EAX_VERW_CLEAR         (1u << 5)
#define CPUID_80000021_EAX_NULL_CLEARS_BASE   (1u << 6)
#define CPUID_80000021_EAX_AUTOMATIC_IBRS     (1u << 8)
#define CPUID_80000021_EAX_SBPB               (1u << 27)
#define CPUID_80000021_EAX_IBPB_BRTYPE        (1u << 28)
#define CPUID_80000021_EAX_SRSO_NO            (1u << 29)
#define CPUID_80000021_EAX_SRSO_USER_NO       (1u << 30) /* SRSO_USER_KERNEL_NO */
#define CPUID_80000021_ECX_TSA_SQ_NO          (1u << 1)
#define CPUID_80000021_ECX_TSA_L1_NO          (1u << 2)

#endif
