/* SPDX-License-Identifier: MIT */
/* x86/msr.h - numbers and fields of model-specific registers, by the manuals' names.
 * SDM vol. 4, 2.1 (architectural MSRs); APM vol. 2, appendix A. */
#ifndef X86_MSR_H
#define X86_MSR_H

/* Both vendors. */
#define MSR_IA32_TSC                 0x00000010u
#define MSR_IA32_PLATFORM_ID         0x00000017u
#define MSR_IA32_APIC_BASE           0x0000001bu
#define MSR_IA32_FEATURE_CONTROL     0x0000003au
#define MSR_IA32_TSC_ADJUST          0x0000003bu
#define MSR_IA32_SPEC_CTRL           0x00000048u
#define MSR_IA32_PRED_CMD            0x00000049u
#define MSR_IA32_BIOS_UPDT_TRIG      0x00000079u
#define MSR_IA32_BIOS_SIGN_ID        0x0000008bu
#define MSR_IA32_MPERF               0x000000e7u
#define MSR_IA32_APERF               0x000000e8u
#define MSR_IA32_MTRRCAP             0x000000feu
#define MSR_IA32_ARCH_CAPABILITIES   0x0000010au
#define MSR_IA32_FLUSH_CMD           0x0000010bu
#define MSR_IA32_TSX_CTRL            0x00000122u
#define MSR_IA32_SYSENTER_CS         0x00000174u
#define MSR_IA32_SYSENTER_ESP        0x00000175u
#define MSR_IA32_SYSENTER_EIP        0x00000176u
#define MSR_IA32_MCG_CAP             0x00000179u
#define MSR_IA32_MCG_STATUS          0x0000017au
#define MSR_IA32_MCG_CTL             0x0000017bu
#define MSR_IA32_MISC_ENABLE         0x000001a0u
#define MSR_IA32_DEBUGCTL            0x000001d9u
#define MSR_IA32_LASTBRANCHFROMIP    0x000001dbu
#define MSR_IA32_LASTBRANCHTOIP      0x000001dcu
#define MSR_IA32_LASTINTFROMIP       0x000001ddu
#define MSR_IA32_LASTINTTOIP         0x000001deu
#define MSR_IA32_MTRR_PHYSBASE0      0x00000200u /* base and mask pairs follow each other */
#define MSR_IA32_MTRR_PHYSMASK0      0x00000201u
#define MSR_IA32_MTRR_PHYSMASK_LAST  0x0000021fu /* 16 pairs at most are architectural */
#define MSR_IA32_MTRR_FIX64K_00000   0x00000250u
#define MSR_IA32_MTRR_FIX16K_80000   0x00000258u
#define MSR_IA32_MTRR_FIX16K_A0000   0x00000259u
#define MSR_IA32_MTRR_FIX4K_C0000    0x00000268u
#define MSR_IA32_MTRR_FIX4K_F8000    0x0000026fu
#define MSR_IA32_PAT                 0x00000277u
#define MSR_IA32_MTRR_DEF_TYPE       0x000002ffu
#define MSR_IA32_MC0_CTL             0x00000400u /* CTL, STATUS, ADDR, MISC per bank */
#define MSR_IA32_X2APIC_FIRST        0x00000800u
#define MSR_IA32_X2APIC_LAST         0x000008ffu
#define MSR_IA32_XSS                 0x00000da0u
#define MSR_IA32_U_CET               0x000006a0u
#define MSR_IA32_S_CET               0x000006a2u
#define MSR_IA32_PL0_SSP             0x000006a4u
#define MSR_IA32_PL3_SSP             0x000006a7u
#define MSR_IA32_INTERRUPT_SSP_TABLE 0x000006a8u
#define MSR_IA32_TSC_DEADLINE        0x000006e0u
#define MSR_EFER                     0xc0000080u
#define MSR_STAR                     0xc0000081u
#define MSR_LSTAR                    0xc0000082u
#define MSR_CSTAR                    0xc0000083u
#define MSR_SFMASK                   0xc0000084u
#define MSR_FS_BASE                  0xc0000100u
#define MSR_GS_BASE                  0xc0000101u
#define MSR_KERNEL_GS_BASE           0xc0000102u
#define MSR_TSC_AUX                  0xc0000103u

/* Intel: virtual-machine extensions. SDM vol. 3D, appendix A. */
#define MSR_IA32_VMX_BASIC               0x00000480u
#define MSR_IA32_VMX_PINBASED_CTLS       0x00000481u
#define MSR_IA32_VMX_PROCBASED_CTLS      0x00000482u
#define MSR_IA32_VMX_EXIT_CTLS           0x00000483u
#define MSR_IA32_VMX_ENTRY_CTLS          0x00000484u
#define MSR_IA32_VMX_MISC                0x00000485u
#define MSR_IA32_VMX_CR0_FIXED0          0x00000486u
#define MSR_IA32_VMX_CR0_FIXED1          0x00000487u
#define MSR_IA32_VMX_CR4_FIXED0          0x00000488u
#define MSR_IA32_VMX_CR4_FIXED1          0x00000489u
#define MSR_IA32_VMX_VMCS_ENUM           0x0000048au
#define MSR_IA32_VMX_PROCBASED_CTLS2     0x0000048bu
#define MSR_IA32_VMX_EPT_VPID_CAP        0x0000048cu
#define MSR_IA32_VMX_TRUE_PINBASED_CTLS  0x0000048du
#define MSR_IA32_VMX_TRUE_PROCBASED_CTLS 0x0000048eu
#define MSR_IA32_VMX_TRUE_EXIT_CTLS      0x0000048fu
#define MSR_IA32_VMX_TRUE_ENTRY_CTLS     0x00000490u
#define MSR_IA32_VMX_VMFUNC              0x00000491u

/* AMD. APM vol. 2, appendix A and 15.30; LS_CFG and DE_CFG from the processor references. */
#define MSR_TSC_RATIO      0xc0000104u
#define MSR_PERF_EVT_SEL0  0xc0010000u
#define MSR_PERF_CTR3      0xc0010007u /* four of each */
#define MSR_SYSCFG         0xc0010010u
#define MSR_HWCR           0xc0010015u
#define MSR_IORR_BASE0     0xc0010016u
#define MSR_IORR_MASK1     0xc0010019u
#define MSR_TOP_MEM        0xc001001au
#define MSR_TOP_MEM2       0xc001001du
#define MSR_NB_CFG         0xc001001fu
#define MSR_PATCH_LOADER   0xc0010020u
#define MSR_INTPEND        0xc0010055u
#define MSR_PSTATE_LIMIT   0xc0010061u
#define MSR_PSTATE_CONTROL 0xc0010062u
#define MSR_PSTATE_STATUS  0xc0010063u
#define MSR_PSTATE0        0xc0010064u
#define MSR_SMM_BASE       0xc0010111u
#define MSR_SMM_ADDR       0xc0010112u
#define MSR_SMM_MASK       0xc0010113u
#define MSR_VM_CR          0xc0010114u
#define MSR_IGNNE          0xc0010115u
#define MSR_SMM_CTL        0xc0010116u
#define MSR_VM_HSAVE_PA    0xc0010117u
#define MSR_SVM_KEY        0xc0010118u
#define MSR_DOORBELL       0xc001011bu
#define MSR_VIRT_SPEC_CTRL 0xc001011fu
#define MSR_OSVW_ID_LENGTH 0xc0010140u
#define MSR_OSVW_STATUS    0xc0010141u
#define MSR_LS_CFG         0xc0011020u
#define MSR_DE_CFG         0xc0011029u

/* MSR_IA32_APIC_BASE. SDM vol. 3A, 10.4.4 and 10.12.1. */
#define APIC_BASE_BSP       (1ull << 8)
#define APIC_BASE_EXTD      (1ull << 10) /* x2APIC mode */
#define APIC_BASE_EN        (1ull << 11)
#define APIC_BASE_ADDR_MASK 0x000ffffffffff000ull

/* MSR_IA32_FEATURE_CONTROL. SDM vol. 3C, 23.7. */
#define FEATURE_CONTROL_LOCK            (1ull << 0)
#define FEATURE_CONTROL_VMX_INSIDE_SMX  (1ull << 1)
#define FEATURE_CONTROL_VMX_OUTSIDE_SMX (1ull << 2)

/* MSR_VM_CR. APM vol. 2, 15.30.1. */
#define VM_CR_DPD      (1ull << 0)
#define VM_CR_R_INIT   (1ull << 1)
#define VM_CR_DIS_A20M (1ull << 2)
#define VM_CR_LOCK     (1ull << 3)
#define VM_CR_SVMDIS   (1ull << 4)

/* MSR_IA32_SPEC_CTRL, MSR_IA32_PRED_CMD, MSR_IA32_FLUSH_CMD, MSR_VIRT_SPEC_CTRL.
 * SDM vol. 4, table 2-2; APM vol. 2, 3.2.9. */
#define SPEC_CTRL_IBRS        (1ull << 0)
#define SPEC_CTRL_STIBP       (1ull << 1)
#define SPEC_CTRL_SSBD        (1ull << 2)
#define SPEC_CTRL_IPRED_DIS_U (1ull << 3)
#define SPEC_CTRL_IPRED_DIS_S (1ull << 4)
#define SPEC_CTRL_RRSBA_DIS_U (1ull << 5)
#define SPEC_CTRL_RRSBA_DIS_S (1ull << 6)
#define SPEC_CTRL_PSFD        (1ull << 7)
#define SPEC_CTRL_BHI_DIS_S   (1ull << 10)
#define PRED_CMD_IBPB         (1ull << 0)
#define PRED_CMD_SBPB         (1ull << 7)
#define FLUSH_CMD_L1D         (1ull << 0)
#define VIRT_SPEC_CTRL_SSBD   (1ull << 2)

/* MSR_IA32_ARCH_CAPABILITIES. SDM vol. 4, table 2-2. */
#define ARCH_CAP_RDCL_NO            (1ull << 0)
#define ARCH_CAP_IBRS_ALL           (1ull << 1)
#define ARCH_CAP_RSBA               (1ull << 2)
#define ARCH_CAP_SKIP_L1DFL_VMENTRY (1ull << 3)
#define ARCH_CAP_SSB_NO             (1ull << 4)
#define ARCH_CAP_MDS_NO             (1ull << 5)
#define ARCH_CAP_IF_PSCHANGE_MC_NO  (1ull << 6)
#define ARCH_CAP_TSX_CTRL           (1ull << 7)
#define ARCH_CAP_TAA_NO             (1ull << 8)
#define ARCH_CAP_SBDR_SSDP_NO       (1ull << 13)
#define ARCH_CAP_FBSDP_NO           (1ull << 14)
#define ARCH_CAP_PSDP_NO            (1ull << 15)
#define ARCH_CAP_FB_CLEAR           (1ull << 17)
#define ARCH_CAP_RRSBA              (1ull << 19)
#define ARCH_CAP_BHI_NO             (1ull << 20)
#define ARCH_CAP_PBRSB_NO           (1ull << 24)
#define ARCH_CAP_GDS_NO             (1ull << 26)
#define ARCH_CAP_RFDS_NO            (1ull << 27)
#define ARCH_CAP_RFDS_CLEAR         (1ull << 28)

/* MTRRs and PAT. SDM vol. 3A, 11.11 and 11.12; APM vol. 2, 7.7 and 7.8. */
#define MTRRCAP_VCNT_MASK      0xffull
#define MTRRCAP_FIX            (1ull << 8)
#define MTRRCAP_WC             (1ull << 10)
#define MTRR_DEF_TYPE_MASK     0xffull
#define MTRR_DEF_TYPE_FE       (1ull << 10)
#define MTRR_DEF_TYPE_E        (1ull << 11)
#define MTRR_PHYSMASK_V        (1ull << 11)
#define MTRR_PHYSBASE_MASK     0x000ffffffffff000ull
#define MEMORY_TYPE_UC         0u
#define MEMORY_TYPE_WC         1u
#define MEMORY_TYPE_WT         4u
#define MEMORY_TYPE_WP         5u
#define MEMORY_TYPE_WB         6u
#define MEMORY_TYPE_UC_MINUS   7u /* PAT only */
#define PAT_ENTRY(index, type) ((unsigned long long)(type) << ((index)*8))
#define PAT_RESET              0x0007040600070406ull /* WB WT UC- UC, twice */

/* MSR_IA32_MISC_ENABLE. SDM vol. 4, table 2-2. */
#define MISC_ENABLE_FAST_STRINGS     (1ull << 0)
#define MISC_ENABLE_BTS_UNAVAILABLE  (1ull << 11)
#define MISC_ENABLE_PEBS_UNAVAILABLE (1ull << 12)
#define MISC_ENABLE_MWAIT            (1ull << 18)

/* MSR_IA32_DEBUGCTL. SDM vol. 3B, 17.4.1; APM vol. 2, 13.1.1.6. */
#define DEBUGCTL_LBR (1ull << 0)
#define DEBUGCTL_BTF (1ull << 1)

/* MSR_STAR. APM vol. 2, 6.1.1. */
#define STAR_SYSCALL_CS_SHIFT 32
#define STAR_SYSRET_CS_SHIFT  48

/* AMD configuration. Processor references (PPR); APM vol. 2, 3.2.1 and 3.2.10. */
#define SYSCFG_MEM_ENCRYPTION_EN (1ull << 23)
#define HWCR_SMMLOCK             (1ull << 0)
#define HWCR_MCSTATUS_WR_EN      (1ull << 18)
#define HWCR_TSC_FREQ_SEL        (1ull << 24) /* TSC runs at the P0 frequency */
#define DE_CFG_LFENCE_SERIALIZE  (1ull << 1)

/* MSR_IA32_MCG_CAP, MSR_IA32_MCG_STATUS. SDM vol. 3B, 15.3.1. */
#define MCG_CAP_COUNT_MASK 0xffull
#define MCG_CAP_CTL_P      (1ull << 8)
#define MCG_STATUS_RIPV    (1ull << 0)
#define MCG_STATUS_EIPV    (1ull << 1)
#define MCG_STATUS_MCIP    (1ull << 2)

#endif
