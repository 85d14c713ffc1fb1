/* SPDX-License-Identifier: MIT */
/* hvabi/regs.h - names and formats of virtual processor registers, as HvCallGetVpRegisters and
 * HvCallSetVpRegisters use them. TLFS 7.8, 7.9; TLFS 2.0a, 10.2, 10.3.
 *
 * Where the two versions differ in a name (HvX64RegisterSimp, HvRegisterSipp), the newer is used.
 */
#ifndef HVABI_REGS_H
#define HVABI_REGS_H

#include <hvabi/types.h>

/* TLFS 7.8.2: register names */
enum {
    HvRegisterExplicitSuspend = 0x00000000,
    HvRegisterInterceptSuspend = 0x00000001,
    HvRegisterDispatchSuspend = 0x00000003,

    HvRegisterHypervisorVersion = 0x00000100,
    HvRegisterPrivilegesAndFeaturesInfo = 0x00000200,
    HvRegisterFeaturesInfo = 0x00000201,
    HvRegisterImplementationLimitsInfo = 0x00000202,
    HvRegisterHardwareFeaturesInfo = 0x00000203,
    HvRegisterGuestCrashP0 = 0x00000210,
    HvRegisterGuestCrashP1 = 0x00000211,
    HvRegisterGuestCrashP2 = 0x00000212,
    HvRegisterGuestCrashP3 = 0x00000213,
    HvRegisterGuestCrashP4 = 0x00000214,
    HvRegisterGuestCrashCtl = 0x00000215,
    HvRegisterPowerStateConfigC1 = 0x00000220,
    HvRegisterPowerStateTriggerC1 = 0x00000221,
    HvRegisterPowerStateConfigC2 = 0x00000222,
    HvRegisterPowerStateTriggerC2 = 0x00000223,
    HvRegisterPowerStateConfigC3 = 0x00000224,
    HvRegisterPowerStateTriggerC3 = 0x00000225,
    HvRegisterProcessorClockFrequency = 0x00000240,
    HvRegisterInterruptClockFrequency = 0x00000241,
    HvRegisterGuestIdle = 0x00000250,
    HvRegisterDebugDeviceOptions = 0x00000260,

    HvRegisterPendingInterruption = 0x00010002,
    HvRegisterInterruptState = 0x00010003,
    HvRegisterPendingEvent0 = 0x00010004,
    HvRegisterPendingEvent1 = 0x00010005,
    HvX64RegisterDeliverabilityNotifications = 0x00010006,
    HvX64RegisterPendingDebugException = 0x00010007,
    HvRegisterPendingEvent2 = 0x00010008,
    HvRegisterPendingEvent3 = 0x00010009,

    HvX64RegisterRax = 0x00020000,
    HvX64RegisterRcx = 0x00020001,
    HvX64RegisterRdx = 0x00020002,
    HvX64RegisterRbx = 0x00020003,
    HvX64RegisterRsp = 0x00020004,
    HvX64RegisterRbp = 0x00020005,
    HvX64RegisterRsi = 0x00020006,
    HvX64RegisterRdi = 0x00020007,
    HvX64RegisterR8 = 0x00020008,
    HvX64RegisterR9 = 0x00020009,
    HvX64RegisterR10 = 0x0002000a,
    HvX64RegisterR11 = 0x0002000b,
    HvX64RegisterR12 = 0x0002000c,
    HvX64RegisterR13 = 0x0002000d,
    HvX64RegisterR14 = 0x0002000e,
    HvX64RegisterR15 = 0x0002000f,
    HvX64RegisterRip = 0x00020010,
    HvX64RegisterRflags = 0x00020011,

    HvX64RegisterXmm0 = 0x00030000,
    HvX64RegisterXmm1 = 0x00030001,
    HvX64RegisterXmm2 = 0x00030002,
    HvX64RegisterXmm3 = 0x00030003,
    HvX64RegisterXmm4 = 0x00030004,
    HvX64RegisterXmm5 = 0x00030005,
    HvX64RegisterXmm6 = 0x00030006,
    HvX64RegisterXmm7 = 0x00030007,
    HvX64RegisterXmm8 = 0x00030008,
    HvX64RegisterXmm9 = 0x00030009,
    HvX64RegisterXmm10 = 0x0003000a,
    HvX64RegisterXmm11 = 0x0003000b,
    HvX64RegisterXmm12 = 0x0003000c,
    HvX64RegisterXmm13 = 0x0003000d,
    HvX64RegisterXmm14 = 0x0003000e,
    HvX64RegisterXmm15 = 0x0003000f,
    HvX64RegisterFpMmx0 = 0x00030010,
    HvX64RegisterFpMmx1 = 0x00030011,
    HvX64RegisterFpMmx2 = 0x00030012,
    HvX64RegisterFpMmx3 = 0x00030013,
    HvX64RegisterFpMmx4 = 0x00030014,
    HvX64RegisterFpMmx5 = 0x00030015,
    HvX64RegisterFpMmx6 = 0x00030016,
    HvX64RegisterFpMmx7 = 0x00030017,
    HvX64RegisterFpControlStatus = 0x00030018,
    HvX64RegisterXmmControlStatus = 0x00030019,

    HvX64RegisterCr0 = 0x00040000,
    HvX64RegisterCr2 = 0x00040001,
    HvX64RegisterCr3 = 0x00040002,
    HvX64RegisterCr4 = 0x00040003,
    HvX64RegisterCr8 = 0x00040004,
    HvX64RegisterXfem = 0x00040005,
    HvX64RegisterIntermediateCr0 = 0x00041000,
    HvX64RegisterIntermediateCr4 = 0x00041003,
    HvX64RegisterIntermediateCr8 = 0x00041004,

    HvX64RegisterDr0 = 0x00050000,
    HvX64RegisterDr1 = 0x00050001,
    HvX64RegisterDr2 = 0x00050002,
    HvX64RegisterDr3 = 0x00050003,
    HvX64RegisterDr6 = 0x00050004,
    HvX64RegisterDr7 = 0x00050005,

    HvX64RegisterEs = 0x00060000,
    HvX64RegisterCs = 0x00060001,
    HvX64RegisterSs = 0x00060002,
    HvX64RegisterDs = 0x00060003,
    HvX64RegisterFs = 0x00060004,
    HvX64RegisterGs = 0x00060005,
    HvX64RegisterLdtr = 0x00060006,
    HvX64RegisterTr = 0x00060007,
    HvX64RegisterIdtr = 0x00070000,
    HvX64RegisterGdtr = 0x00070001,

    HvX64RegisterTsc = 0x00080000,
    HvX64RegisterEfer = 0x00080001,
    HvX64RegisterKernelGsBase = 0x00080002,
    HvX64RegisterApicBase = 0x00080003,
    HvX64RegisterPat = 0x00080004,
    HvX64RegisterSysenterCs = 0x00080005,
    HvX64RegisterSysenterRip = 0x00080006,
    HvX64RegisterSysenterRsp = 0x00080007,
    HvX64RegisterStar = 0x00080008,
    HvX64RegisterLstar = 0x00080009,
    HvX64RegisterCstar = 0x0008000a,
    HvX64RegisterSfmask = 0x0008000b,
    HvX64RegisterInitialApicId = 0x0008000c,
    HvX64RegisterMtrrCap = 0x0008000d,
    HvX64RegisterMtrrDefType = 0x0008000e,
    HvX64RegisterMtrrPhysBase0 = 0x00080010,
    HvX64RegisterMtrrPhysBase1 = 0x00080011,
    HvX64RegisterMtrrPhysBase2 = 0x00080012,
    HvX64RegisterMtrrPhysBase3 = 0x00080013,
    HvX64RegisterMtrrPhysBase4 = 0x00080014,
    HvX64RegisterMtrrPhysBase5 = 0x00080015,
    HvX64RegisterMtrrPhysBase6 = 0x00080016,
    HvX64RegisterMtrrPhysBase7 = 0x00080017,
    HvX64RegisterMtrrPhysBase8 = 0x00080018,
    HvX64RegisterMtrrPhysBase9 = 0x00080019,
    HvX64RegisterMtrrPhysBaseA = 0x0008001a,
    HvX64RegisterMtrrPhysBaseB = 0x0008001b,
    HvX64RegisterMtrrPhysBaseC = 0x0008001c,
    HvX64RegisterMtrrPhysBaseD = 0x0008001d,
    HvX64RegisterMtrrPhysBaseE = 0x0008001e,
    HvX64RegisterMtrrPhysBaseF = 0x0008001f,
    HvX64RegisterMtrrPhysMask0 = 0x00080040,
    HvX64RegisterMtrrPhysMask1 = 0x00080041,
    HvX64RegisterMtrrPhysMask2 = 0x00080042,
    HvX64RegisterMtrrPhysMask3 = 0x00080043,
    HvX64RegisterMtrrPhysMask4 = 0x00080044,
    HvX64RegisterMtrrPhysMask5 = 0x00080045,
    HvX64RegisterMtrrPhysMask6 = 0x00080046,
    HvX64RegisterMtrrPhysMask7 = 0x00080047,
    HvX64RegisterMtrrPhysMask8 = 0x00080048,
    HvX64RegisterMtrrPhysMask9 = 0x00080049,
    HvX64RegisterMtrrPhysMaskA = 0x0008004a,
    HvX64RegisterMtrrPhysMaskB = 0x0008004b,
    HvX64RegisterMtrrPhysMaskC = 0x0008004c,
    HvX64RegisterMtrrPhysMaskD = 0x0008004d,
    HvX64RegisterMtrrPhysMaskE = 0x0008004e,
    HvX64RegisterMtrrPhysMaskF = 0x0008004f,
    HvX64RegisterMtrrFix64k00000 = 0x00080070,
    HvX64RegisterMtrrFix16k80000 = 0x00080071,
    HvX64RegisterMtrrFix16kA0000 = 0x00080072,
    HvX64RegisterMtrrFix4kC0000 = 0x00080073,
    HvX64RegisterMtrrFix4kC8000 = 0x00080074,
    HvX64RegisterMtrrFix4kD0000 = 0x00080075,
    HvX64RegisterMtrrFix4kD8000 = 0x00080076,
    HvX64RegisterMtrrFix4kE0000 = 0x00080077,
    HvX64RegisterMtrrFix4kE8000 = 0x00080078,
    HvX64RegisterMtrrFix4kF0000 = 0x00080079,
    HvX64RegisterMtrrFix4kF8000 = 0x0008007a,
    HvX64RegisterTscAux = 0x0008007b,
    HvX64RegisterBndcfgs = 0x0008007c,
    HvX64RegisterDebugCtl = 0x0008007d,
    HvX64RegisterSgxLaunchControl0 = 0x00080080,
    HvX64RegisterSgxLaunchControl1 = 0x00080081,
    HvX64RegisterSgxLaunchControl2 = 0x00080082,
    HvX64RegisterSgxLaunchControl3 = 0x00080083,
    HvX64RegisterMsrIa32MiscEnable = 0x000800a0,
    HvX64RegisterIa32FeatureControl = 0x000800a1,

    HvX64RegisterPerfGlobalCtrl = 0x00081000,
    HvX64RegisterPerfGlobalStatus = 0x00081001,
    HvX64RegisterPerfGlobalInUse = 0x00081002,
    HvX64RegisterFixedCtrCtrl = 0x00081003,
    HvX64RegisterDsArea = 0x00081004,
    HvX64RegisterPebsEnable = 0x00081005,
    HvX64RegisterPebsLdLat = 0x00081006,
    HvX64RegisterPebsFrontend = 0x00081007,
    HvX64RegisterPerfEvtSel0 = 0x00081100,
    HvX64RegisterPmc0 = 0x00081200,
    HvX64RegisterFixedCtr0 = 0x00081300,
    HvX64RegisterLbrTos = 0x00082000,
    HvX64RegisterLbrSelect = 0x00082001,
    HvX64RegisterLerFromLip = 0x00082002,
    HvX64RegisterLerToLip = 0x00082003,
    HvX64RegisterLbrFrom0 = 0x00082100,
    HvX64RegisterLbrTo0 = 0x00082200,
    HvX64RegisterLbrInfo0 = 0x00083300,

    /* The local APIC's registers, one name each: base + (MMIO offset >> 4), as x2APIC MSRs are */
    HvX64RegisterApicId = 0x00084802,
    HvX64RegisterApicVersion = 0x00084803,
    HvX64RegisterApicTpr = 0x00084808,
    HvX64RegisterApicPpr = 0x0008480a,
    HvX64RegisterApicEoi = 0x0008480b,
    HvX64RegisterApicLdr = 0x0008480d,
    HvX64RegisterApicDfr = 0x0008480e,
    HvX64RegisterApicSpurious = 0x0008480f,
    HvX64RegisterApicIsr0 = 0x00084810,
    HvX64RegisterApicIsr1 = 0x00084811,
    HvX64RegisterApicIsr2 = 0x00084812,
    HvX64RegisterApicIsr3 = 0x00084813,
    HvX64RegisterApicIsr4 = 0x00084814,
    HvX64RegisterApicIsr5 = 0x00084815,
    HvX64RegisterApicIsr6 = 0x00084816,
    HvX64RegisterApicIsr7 = 0x00084817,
    HvX64RegisterApicTmr0 = 0x00084818,
    HvX64RegisterApicTmr1 = 0x00084819,
    HvX64RegisterApicTmr2 = 0x0008481a,
    HvX64RegisterApicTmr3 = 0x0008481b,
    HvX64RegisterApicTmr4 = 0x0008481c,
    HvX64RegisterApicTmr5 = 0x0008481d,
    HvX64RegisterApicTmr6 = 0x0008481e,
    HvX64RegisterApicTmr7 = 0x0008481f,
    HvX64RegisterApicIrr0 = 0x00084820,
    HvX64RegisterApicIrr1 = 0x00084821,
    HvX64RegisterApicIrr2 = 0x00084822,
    HvX64RegisterApicIrr3 = 0x00084823,
    HvX64RegisterApicIrr4 = 0x00084824,
    HvX64RegisterApicIrr5 = 0x00084825,
    HvX64RegisterApicIrr6 = 0x00084826,
    HvX64RegisterApicIrr7 = 0x00084827,
    HvX64RegisterApicEse = 0x00084828,
    HvX64RegisterApicIcr = 0x00084830,
    HvX64RegisterApicLvtTimer = 0x00084832,
    HvX64RegisterApicLvtThermal = 0x00084833,
    HvX64RegisterApicLvtPerfmon = 0x00084834,
    HvX64RegisterApicLvtLint0 = 0x00084835,
    HvX64RegisterApicLvtLint1 = 0x00084836,
    HvX64RegisterApicLvtError = 0x00084837,
    HvX64RegisterApicInitCount = 0x00084838,
    HvX64RegisterApicCurrentCount = 0x00084839,
    HvX64RegisterApicDivide = 0x0008483e,
    HvX64RegisterApicSelfIpi = 0x0008483f,

    HvX64RegisterVpRuntime = 0x00090000,
    HvX64RegisterHypercall = 0x00090001,
    HvRegisterGuestOsId = 0x00090002,
    HvRegisterVpIndex = 0x00090003,
    HvRegisterTimeRefCount = 0x00090004,
    HvRegisterCpuManagementVersion = 0x00090007,
    HvX64RegisterEoi = 0x00090010,
    HvX64RegisterIcr = 0x00090011,
    HvX64RegisterTpr = 0x00090012,
    HvRegisterVpAssistPage = 0x00090013,
    HvRegisterReferenceTsc = 0x00090017,
    HvRegisterStatsPartitionRetail = 0x00090020,
    HvRegisterStatsPartitionInternal = 0x00090021,
    HvRegisterStatsVpRetail = 0x00090022,
    HvRegisterStatsVpInternal = 0x00090023,
    HvX64RegisterEmulatedTimerPeriod = 0x00090030,
    HvX64RegisterEmulatedTimerControl = 0x00090031,
    HvX64RegisterPmTimerAssist = 0x00090032,

    HvRegisterSint0 = 0x000a0000,
    HvRegisterSint1 = 0x000a0001,
    HvRegisterSint2 = 0x000a0002,
    HvRegisterSint3 = 0x000a0003,
    HvRegisterSint4 = 0x000a0004,
    HvRegisterSint5 = 0x000a0005,
    HvRegisterSint6 = 0x000a0006,
    HvRegisterSint7 = 0x000a0007,
    HvRegisterSint8 = 0x000a0008,
    HvRegisterSint9 = 0x000a0009,
    HvRegisterSint10 = 0x000a000a,
    HvRegisterSint11 = 0x000a000b,
    HvRegisterSint12 = 0x000a000c,
    HvRegisterSint13 = 0x000a000d,
    HvRegisterSint14 = 0x000a000e,
    HvRegisterSint15 = 0x000a000f,
    HvRegisterScontrol = 0x000a0010,
    HvRegisterSversion = 0x000a0011,
    HvRegisterSifp = 0x000a0012,
    HvRegisterSipp = 0x000a0013,
    HvRegisterEom = 0x000a0014,
    HvRegisterSirbp = 0x000a0015,
    HvRegisterStimer0Config = 0x000b0000,
    HvRegisterStimer0Count = 0x000b0001,
    HvRegisterStimer1Config = 0x000b0002,
    HvRegisterStimer1Count = 0x000b0003,
    HvRegisterStimer2Config = 0x000b0004,
    HvRegisterStimer2Count = 0x000b0005,
    HvRegisterStimer3Config = 0x000b0006,
    HvRegisterStimer3Count = 0x000b0007,
    HvRegisterStimeUnhaltedTimerConfig = 0x000b0100,
    HvRegisterStimeUnhaltedTimerCount = 0x000b0101,

    HvX64RegisterYmm0Low = 0x000c0000,
    HvX64RegisterYmm1Low = 0x000c0001,
    HvX64RegisterYmm2Low = 0x000c0002,
    HvX64RegisterYmm3Low = 0x000c0003,
    HvX64RegisterYmm4Low = 0x000c0004,
    HvX64RegisterYmm5Low = 0x000c0005,
    HvX64RegisterYmm6Low = 0x000c0006,
    HvX64RegisterYmm7Low = 0x000c0007,
    HvX64RegisterYmm8Low = 0x000c0008,
    HvX64RegisterYmm9Low = 0x000c0009,
    HvX64RegisterYmm10Low = 0x000c000a,
    HvX64RegisterYmm11Low = 0x000c000b,
    HvX64RegisterYmm12Low = 0x000c000c,
    HvX64RegisterYmm13Low = 0x000c000d,
    HvX64RegisterYmm14Low = 0x000c000e,
    HvX64RegisterYmm15Low = 0x000c000f,
    HvX64RegisterYmm0High = 0x000c0010,
    HvX64RegisterYmm1High = 0x000c0011,
    HvX64RegisterYmm2High = 0x000c0012,
    HvX64RegisterYmm3High = 0x000c0013,
    HvX64RegisterYmm4High = 0x000c0014,
    HvX64RegisterYmm5High = 0x000c0015,
    HvX64RegisterYmm6High = 0x000c0016,
    HvX64RegisterYmm7High = 0x000c0017,
    HvX64RegisterYmm8High = 0x000c0018,
    HvX64RegisterYmm9High = 0x000c0019,
    HvX64RegisterYmm10High = 0x000c001a,
    HvX64RegisterYmm11High = 0x000c001b,
    HvX64RegisterYmm12High = 0x000c001c,
    HvX64RegisterYmm13High = 0x000c001d,
    HvX64RegisterYmm14High = 0x000c001e,
    HvX64RegisterYmm15High = 0x000c001f,
    HvRegisterVsmCodePageOffsets = 0x000d0002,
};

/* TLFS 7.9.5. Attributes are those of a descriptor's second word, without limit 19:16 */
struct hv_x64_segment_register {
    uint64_t base;
    uint32_t limit;
    uint16_t selector;
    uint16_t attributes;
};
ABI_SIZE(struct hv_x64_segment_register, 16);
ABI_OFFSET(struct hv_x64_segment_register, base, 0);
ABI_OFFSET(struct hv_x64_segment_register, limit, 8);
ABI_OFFSET(struct hv_x64_segment_register, selector, 12);
ABI_OFFSET(struct hv_x64_segment_register, attributes, 14);

#define HV_X64_SEGMENT_TYPE_MASK   0x000fu
#define HV_X64_SEGMENT_NON_SYSTEM  0x0010u
#define HV_X64_SEGMENT_DPL_SHIFT   5
#define HV_X64_SEGMENT_DPL_MASK    0x0060u
#define HV_X64_SEGMENT_PRESENT     0x0080u
#define HV_X64_SEGMENT_RESERVED    0x0f00u
#define HV_X64_SEGMENT_AVAILABLE   0x1000u
#define HV_X64_SEGMENT_LONG        0x2000u
#define HV_X64_SEGMENT_DEFAULT     0x4000u
#define HV_X64_SEGMENT_GRANULARITY 0x8000u

/* TLFS 7.9.6: IDTR, GDTR */
struct hv_x64_table_register {
    uint16_t pad[3];
    uint16_t limit;
    uint64_t base;
};
ABI_SIZE(struct hv_x64_table_register, 16);
ABI_OFFSET(struct hv_x64_table_register, pad, 0);
ABI_OFFSET(struct hv_x64_table_register, limit, 6);
ABI_OFFSET(struct hv_x64_table_register, base, 8);

/* TLFS 7.9.4: one x87 or MMX register */
struct hv_x64_fp_register {
    uint64_t mantissa;
    uint64_t exponent_and_sign; /* bits 14:0 biased exponent, bit 15 sign */
};
ABI_SIZE(struct hv_x64_fp_register, 16);
ABI_OFFSET(struct hv_x64_fp_register, mantissa, 0);
ABI_OFFSET(struct hv_x64_fp_register, exponent_and_sign, 8);

#define HV_X64_FP_EXPONENT_MASK 0x7fffull
#define HV_X64_FP_SIGN          0x8000ull

/* TLFS 7.9.4. Outside 64-bit mode last_fp_rip is EIP in bits 31:0 and CS in bits 47:32 */
struct hv_x64_fp_control_status_register {
    uint16_t fp_control;
    uint16_t fp_status;
    uint8_t fp_tag;
    uint8_t reserved;
    uint16_t last_fp_op;
    uint64_t last_fp_rip;
};
ABI_SIZE(struct hv_x64_fp_control_status_register, 16);
ABI_OFFSET(struct hv_x64_fp_control_status_register, fp_control, 0);
ABI_OFFSET(struct hv_x64_fp_control_status_register, fp_status, 2);
ABI_OFFSET(struct hv_x64_fp_control_status_register, fp_tag, 4);
ABI_OFFSET(struct hv_x64_fp_control_status_register, last_fp_op, 6);
ABI_OFFSET(struct hv_x64_fp_control_status_register, last_fp_rip, 8);

/* TLFS 7.9.4. Outside 64-bit mode last_fp_rdp is the offset in bits 31:0 and DS in bits 47:32 */
struct hv_x64_xmm_control_status_register {
    uint64_t last_fp_rdp;
    uint32_t xmm_status_control;
    uint32_t xmm_status_control_mask;
};
ABI_SIZE(struct hv_x64_xmm_control_status_register, 16);
ABI_OFFSET(struct hv_x64_xmm_control_status_register, last_fp_rdp, 0);
ABI_OFFSET(struct hv_x64_xmm_control_status_register, xmm_status_control, 8);
ABI_OFFSET(struct hv_x64_xmm_control_status_register, xmm_status_control_mask, 12);

/* TLFS 7.9.2: HvRegisterInterruptState */
#define HV_X64_INTERRUPT_STATE_SHADOW     (1ull << 0)
#define HV_X64_INTERRUPT_STATE_NMI_MASKED (1ull << 1)

/* TLFS 7.9.3: HvRegisterPendingInterruption, reg64 */
#define HV_X64_PENDING_INTERRUPTION_PENDING            (1ull << 0)
#define HV_X64_PENDING_INTERRUPTION_TYPE_SHIFT         1
#define HV_X64_PENDING_INTERRUPTION_TYPE_MASK          0x000000000000000eull
#define HV_X64_PENDING_INTERRUPTION_DELIVER_ERROR_CODE (1ull << 4)
#define HV_X64_PENDING_INTERRUPTION_LENGTH_SHIFT       5
#define HV_X64_PENDING_INTERRUPTION_LENGTH_MASK        0x00000000000001e0ull
#define HV_X64_PENDING_INTERRUPTION_RESERVED           0x000000000000fe00ull
#define HV_X64_PENDING_INTERRUPTION_VECTOR_SHIFT       16
#define HV_X64_PENDING_INTERRUPTION_VECTOR_MASK        0x00000000ffff0000ull
#define HV_X64_PENDING_INTERRUPTION_ERROR_CODE_SHIFT   32

enum {
    HvX64PendingInterrupt = 0,
    HvX64PendingNmi = 2,
    HvX64PendingException = 3,
    HvX64PendingSoftwareInterrupt = 4,
    HvX64PendingPrivilegedSoftwareException = 5,
    HvX64PendingSoftwareException = 6,
};

/* TLFS 2.0a, 10.3.1: HvRegisterExplicitSuspend and HvRegisterInterceptSuspend */
#define HV_EXPLICIT_SUSPEND_SUSPENDED          (1ull << 0)
#define HV_INTERCEPT_SUSPEND_SUSPENDED         (1ull << 0)
#define HV_INTERCEPT_SUSPEND_TLB_FLUSH_INHIBIT (1ull << 1)

/* HvX64RegisterDeliverabilityNotifications: send an interruption-deliverable message when ... */
#define HV_X64_DELIVERABILITY_NMI                      (1ull << 0)
#define HV_X64_DELIVERABILITY_INTERRUPT                (1ull << 1)
#define HV_X64_DELIVERABILITY_INTERRUPT_PRIORITY_SHIFT 2
#define HV_X64_DELIVERABILITY_INTERRUPT_PRIORITY_MASK  0x3cull

/* TLFS 7.8.3: the value of any register. Values narrower than 128 bits are zero-extended */
struct hv_register_value {
    union {
        uint64_t words[2]; /* low, high */
        uint64_t reg64;
        uint32_t reg32;
        uint16_t reg16;
        uint8_t reg8;
        struct hv_x64_fp_register fp;
        struct hv_x64_fp_control_status_register fp_control_status;
        struct hv_x64_xmm_control_status_register xmm_control_status;
        struct hv_x64_segment_register segment;
        struct hv_x64_table_register table;
    };
};
ABI_SIZE(struct hv_register_value, 16);
ABI_OFFSET(struct hv_register_value, reg64, 0);

/* TLFS 7.10, HvCallSetVpRegisters: one list element; also how images of VPs keep registers */
struct hv_register_assoc {
    uint32_t name; /* HvRegister*, HvX64Register* */
    uint32_t reserved0;
    uint64_t reserved1;
    struct hv_register_value value;
};
ABI_SIZE(struct hv_register_assoc, 32);
ABI_OFFSET(struct hv_register_assoc, name, 0);
ABI_OFFSET(struct hv_register_assoc, reserved1, 8);
ABI_OFFSET(struct hv_register_assoc, value, 16);

#endif
