/* SPDX-License-Identifier: MIT */
/* hvabi/hypercall.h - call codes, the control word and the result; what guests send (flushes,
 * interrupts, messages, events). The management calls' structures are in hvabi/management.h.
 * TLFS chapter 3, appendix A. */
#ifndef HVABI_HYPERCALL_H
#define HVABI_HYPERCALL_H

#include <hvabi/types.h>

/* Call codes. TLFS appendix A. The ...Legacy ones are the numbers of TLFS 2.0a. */
enum {
    HvCallSwitchVirtualAddressSpace = 0x0001,
    HvCallFlushVirtualAddressSpace = 0x0002,
    HvCallFlushVirtualAddressList = 0x0003,
    HvCallGetLogicalProcessorRunTime = 0x0004,
    HvCallNotifyLongSpinWait = 0x0008,
    HvCallParkedVirtualProcessors = 0x0009,
    HvCallSendSyntheticClusterIpi = 0x000b,
    HvCallModifyVtlProtectionMask = 0x000c,
    HvCallEnablePartitionVtl = 0x000d,
    HvCallDisablePartitionVtl = 0x000e,
    HvCallEnableVpVtl = 0x000f,
    HvCallDisableVpVtl = 0x0010,
    HvCallVtlCall = 0x0011,
    HvCallVtlReturn = 0x0012,
    HvCallFlushVirtualAddressSpaceEx = 0x0013,
    HvCallFlushVirtualAddressListEx = 0x0014,
    HvCallSendSyntheticClusterIpiEx = 0x0015,
    HvCallCreatePartition = 0x0040,
    HvCallInitializePartition = 0x0041,
    HvCallFinalizePartition = 0x0042,
    HvCallDeletePartition = 0x0043,
    HvCallGetPartitionProperty = 0x0044,
    HvCallSetPartitionProperty = 0x0045,
    HvCallGetPartitionId = 0x0046,
    HvCallGetNextChildPartition = 0x0047,
    HvCallDepositMemory = 0x0048,
    HvCallWithdrawMemory = 0x0049,
    HvCallGetMemoryBalance = 0x004a,
    HvCallMapGpaPages = 0x004b,
    HvCallUnmapGpaPages = 0x004c,
    HvCallInstallIntercept = 0x004d,
    HvCallCreateVp = 0x004e,
    HvCallDeleteVp = 0x004f,
    HvCallGetVpRegisters = 0x0050,
    HvCallSetVpRegisters = 0x0051,
    HvCallTranslateVirtualAddress = 0x0052,
    HvCallReadGpa = 0x0053,
    HvCallWriteGpa = 0x0054,
    HvCallAssertVirtualInterruptLegacy = 0x0055,
    HvCallClearVirtualInterrupt = 0x0056,
    HvCallCreatePortLegacy = 0x0057,
    HvCallDeletePort = 0x0058,
    HvCallConnectPortLegacy = 0x0059,
    HvCallGetPortProperty = 0x005a,
    HvCallDisconnectPort = 0x005b,
    HvCallPostMessage = 0x005c,
    HvCallSignalEvent = 0x005d,
    HvCallSavePartitionState = 0x005e,
    HvCallRestorePartitionState = 0x005f,
    HvCallInitializeEventLogBufferGroup = 0x0060,
    HvCallFinalizeEventLogBufferGroup = 0x0061,
    HvCallCreateEventLogBuffer = 0x0062,
    HvCallDeleteEventLogBuffer = 0x0063,
    HvCallMapEventLogBuffer = 0x0064,
    HvCallUnmapEventLogBuffer = 0x0065,
    HvCallSetEventLogGroupSources = 0x0066,
    HvCallReleaseEventLogBuffer = 0x0067,
    HvCallFlushEventLogBuffer = 0x0068,
    HvCallPostDebugData = 0x0069,
    HvCallRetrieveDebugData = 0x006a,
    HvCallResetDebugSession = 0x006b,
    HvCallMapStatsPage = 0x006c,
    HvCallUnmapStatsPage = 0x006d,
    HvCallMapSparseGpaPages = 0x006e,
    HvCallSetSystemProperty = 0x006f,
    HvCallSetPortProperty = 0x0070,
    HvCallAddLogicalProcessor = 0x0076,
    HvCallRemoveLogicalProcessor = 0x0077,
    HvCallQueryNumaDistance = 0x0078,
    HvCallSetLogicalProcessorProperty = 0x0079,
    HvCallGetLogicalProcessorProperty = 0x007a,
    HvCallGetSystemProperty = 0x007b,
    HvCallMapDeviceInterrupt = 0x007c,
    HvCallUnmapDeviceInterrupt = 0x007d,
    HvCallRetargetDeviceInterrupt = 0x007e,
    HvCallMapDevicePages = 0x0080,
    HvCallUnmapDevicePages = 0x0081,
    HvCallAttachDevice = 0x0082,
    HvCallDetachDevice = 0x0083,
    HvCallNotifyStandbyTransition = 0x0084,
    HvCallPrepareForSleep = 0x0085,
    HvCallPrepareForHibernate = 0x0086,
    HvCallNotifyPartitionEvent = 0x0087,
    HvCallGetLogicalProcessorRegisters = 0x0088,
    HvCallSetLogicalProcessorRegisters = 0x0089,
    HvCallQueryAssociatedLpsForMca = 0x008a,
    HvCallNotifyRingEmpty = 0x008b,
    HvCallInjectSyntheticMachineCheck = 0x008c,
    HvCallScrubPartition = 0x008d,
    HvCallCollectLivedump = 0x008e,
    HvCallDisableHypervisor = 0x008f,
    HvCallModifySparseGpaPages = 0x0090,
    HvCallRegisterInterceptResult = 0x0091,
    HvCallUnregisterInterceptResult = 0x0092,
    HvCallAssertVirtualInterrupt = 0x0094,
    HvCallCreatePort = 0x0095,
    HvCallConnectPort = 0x0096,
    HvCallGetSpaPageList = 0x0097,
    HvCallStartVirtualProcessor = 0x0099,
    HvCallGetVpIndexFromApicId = 0x009a,
    HvCallTranslateVirtualAddressEx = 0x00ac,
    HvCallCheckForIoIntercept = 0x00ad,
    HvCallFlushGuestPhysicalAddressSpace = 0x00af,
    HvCallFlushGuestPhysicalAddressList = 0x00b0,
    HvCallSignalEventDirect = 0x00c0,
    HvCallPostMessageDirect = 0x00c1,
    HvCallDispatchVp = 0x00c2,
    HvCallMapVpStatePage = 0x00e1,
    HvCallUnmapVpStatePage = 0x00e2,
    HvCallGetVpCpuidValues = 0x00f4,
    HvCallMapStatsPage2 = 0x0131,
    HvExtCallQueryCapabilities = 0x8001,
    HvExtCallMemoryHeatHint = 0x8003,
};

/* TLFS 3.7: the control word (64-bit callers: RCX) */
#define HV_HYPERCALL_CODE_MASK             0x000000000000ffffull
#define HV_HYPERCALL_FAST                  (1ull << 16)
#define HV_HYPERCALL_VARIABLE_HEADER_SHIFT 17 /* in 8-byte units */
#define HV_HYPERCALL_VARIABLE_HEADER_MASK  0x0000000007fe0000ull
#define HV_HYPERCALL_NESTED                (1ull << 31)
#define HV_HYPERCALL_REP_COUNT_SHIFT       32
#define HV_HYPERCALL_REP_COUNT_MASK        0x00000fff00000000ull
#define HV_HYPERCALL_REP_START_SHIFT       48
#define HV_HYPERCALL_REP_START_MASK        0x0fff000000000000ull
#define HV_HYPERCALL_RESERVED_MASK         0xf000f00078000000ull
#define HV_HYPERCALL_REP_MAX               4095

/* TLFS 3.8: the result (RAX). Reps completed count those before the rep start index, too */
#define HV_HYPERCALL_RESULT_STATUS_MASK          0x000000000000ffffull
#define HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT 32
#define HV_HYPERCALL_RESULT_REPS_COMPLETED_MASK  0x00000fff00000000ull

/* TLFS 3.6: memory parameters are 8-byte aligned and stay within a page */
#define HV_HYPERCALL_ALIGNMENT 8
/* TLFS 3.7: what registers can carry */
#define HV_HYPERCALL_FAST_INPUT_BYTES     16
#define HV_HYPERCALL_XMM_FAST_INPUT_BYTES 112

/* TLFS 9.3: flush flags */
#define HV_FLUSH_ALL_PROCESSORS             0x00000001ull
#define HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES 0x00000002ull
#define HV_FLUSH_NON_GLOBAL_MAPPINGS_ONLY   0x00000004ull
#define HV_FLUSH_USE_EXTENDED_RANGE_FORMAT  0x00000008ull

/* An element of a flush list: page-aligned address, and how many further pages in bits 11:0 */
#define HV_FLUSH_GVA_ADDITIONAL_PAGES_MASK 0x0000000000000fffull

/* TLFS 9.4: HvCallFlushVirtualAddressSpace */
struct hv_input_flush_virtual_address_space {
    uint64_t address_space;  /* CR3 */
    uint64_t flags;          /* HV_FLUSH_* */
    uint64_t processor_mask; /* VPs 0 to 63 */
};
ABI_SIZE(struct hv_input_flush_virtual_address_space, 24);
ABI_OFFSET(struct hv_input_flush_virtual_address_space, address_space, 0);
ABI_OFFSET(struct hv_input_flush_virtual_address_space, flags, 8);
ABI_OFFSET(struct hv_input_flush_virtual_address_space, processor_mask, 16);

/* TLFS 9.4: HvCallFlushVirtualAddressList [rep] */
struct hv_input_flush_virtual_address_list {
    uint64_t address_space;
    uint64_t flags;
    uint64_t processor_mask;
    uint64_t gva_list[];
};
ABI_SIZE(struct hv_input_flush_virtual_address_list, 24);
ABI_OFFSET(struct hv_input_flush_virtual_address_list, address_space, 0);
ABI_OFFSET(struct hv_input_flush_virtual_address_list, flags, 8);
ABI_OFFSET(struct hv_input_flush_virtual_address_list, processor_mask, 16);
ABI_OFFSET(struct hv_input_flush_virtual_address_list, gva_list, 24);

/* TLFS 7.8.7.3: hv_vp_set.format */
enum {
    HvGenericSetSparse4k = 0,
    HvGenericSetAll = 1,
};

#define HV_VP_SET_BANK_SHIFT 6 /* 64 VPs a bank */

/* TLFS 7.8.7.3. The banks are the variable part of a hypercall header */
struct hv_vp_set {
    uint64_t format; /* HvGenericSet* */
    uint64_t valid_bank_mask;
    uint64_t bank_contents[]; /* one for each bit set in the mask */
};
ABI_SIZE(struct hv_vp_set, 16);
ABI_OFFSET(struct hv_vp_set, format, 0);
ABI_OFFSET(struct hv_vp_set, valid_bank_mask, 8);
ABI_OFFSET(struct hv_vp_set, bank_contents, 16);

/* TLFS 9.4: HvCallFlushVirtualAddressSpaceEx, HvCallFlushVirtualAddressListEx [rep]: the list of
 * the latter follows the last bank. */
struct hv_input_flush_virtual_address_space_ex {
    uint64_t address_space;
    uint64_t flags;
    uint64_t vp_set_format;
    uint64_t vp_set_valid_bank_mask;
    uint64_t vp_set_bank_contents[];
};
ABI_SIZE(struct hv_input_flush_virtual_address_space_ex, 32);
ABI_OFFSET(struct hv_input_flush_virtual_address_space_ex, address_space, 0);
ABI_OFFSET(struct hv_input_flush_virtual_address_space_ex, flags, 8);
ABI_OFFSET(struct hv_input_flush_virtual_address_space_ex, vp_set_format, 16);
ABI_OFFSET(struct hv_input_flush_virtual_address_space_ex, vp_set_valid_bank_mask, 24);
ABI_OFFSET(struct hv_input_flush_virtual_address_space_ex, vp_set_bank_contents, 32);

/* TLFS 10.5: HvCallSendSyntheticClusterIpi; usually fast */
struct hv_input_send_synthetic_cluster_ipi {
    uint32_t vector; /* 16 to 255 */
    uint8_t target_vtl;
    uint8_t reserved[3];
    uint64_t processor_mask; /* VPs 0 to 63 */
};
ABI_SIZE(struct hv_input_send_synthetic_cluster_ipi, 16);
ABI_OFFSET(struct hv_input_send_synthetic_cluster_ipi, vector, 0);
ABI_OFFSET(struct hv_input_send_synthetic_cluster_ipi, target_vtl, 4);
ABI_OFFSET(struct hv_input_send_synthetic_cluster_ipi, reserved, 5);
ABI_OFFSET(struct hv_input_send_synthetic_cluster_ipi, processor_mask, 8);

/* TLFS 10.5: HvCallSendSyntheticClusterIpiEx */
struct hv_input_send_synthetic_cluster_ipi_ex {
    uint32_t vector;
    uint8_t target_vtl;
    uint8_t reserved[3];
    uint64_t vp_set_format;
    uint64_t vp_set_valid_bank_mask;
    uint64_t vp_set_bank_contents[];
};
ABI_SIZE(struct hv_input_send_synthetic_cluster_ipi_ex, 24);
ABI_OFFSET(struct hv_input_send_synthetic_cluster_ipi_ex, vector, 0);
ABI_OFFSET(struct hv_input_send_synthetic_cluster_ipi_ex, target_vtl, 4);
ABI_OFFSET(struct hv_input_send_synthetic_cluster_ipi_ex, reserved, 5);
ABI_OFFSET(struct hv_input_send_synthetic_cluster_ipi_ex, vp_set_format, 8);
ABI_OFFSET(struct hv_input_send_synthetic_cluster_ipi_ex, vp_set_valid_bank_mask, 16);
ABI_OFFSET(struct hv_input_send_synthetic_cluster_ipi_ex, vp_set_bank_contents, 24);

#define HV_SYNTHETIC_IPI_FIRST_VECTOR 16

/* TLFS 14.5: HvCallNotifyLongSpinWait; fast */
struct hv_input_notify_long_spin_wait {
    uint64_t spin_count;
};
ABI_SIZE(struct hv_input_notify_long_spin_wait, 8);
ABI_OFFSET(struct hv_input_notify_long_spin_wait, spin_count, 0);

/* TLFS 11.11: HvCallPostMessage */
struct hv_input_post_message {
    uint32_t connection_id;
    uint32_t reserved;
    uint32_t message_type; /* 1 to 0x7fffffff */
    uint32_t payload_size; /* 0 to 240 bytes */
    uint64_t payload[30];
};
ABI_SIZE(struct hv_input_post_message, 256);
ABI_OFFSET(struct hv_input_post_message, connection_id, 0);
ABI_OFFSET(struct hv_input_post_message, reserved, 4);
ABI_OFFSET(struct hv_input_post_message, message_type, 8);
ABI_OFFSET(struct hv_input_post_message, payload_size, 12);
ABI_OFFSET(struct hv_input_post_message, payload, 16);

/* TLFS 11.11: HvCallSignalEvent; usually fast */
struct hv_input_signal_event {
    uint32_t connection_id;
    uint16_t flag_number; /* relative to the port's base_flag_number */
    uint16_t reserved;
};
ABI_SIZE(struct hv_input_signal_event, 8);
ABI_OFFSET(struct hv_input_signal_event, connection_id, 0);
ABI_OFFSET(struct hv_input_signal_event, flag_number, 4);
ABI_OFFSET(struct hv_input_signal_event, reserved, 6);

/* TLFS 2.0a, 6.4.1: HvCallGetLogicalProcessorRunTime */
struct hv_input_get_logical_processor_run_time {
    uint32_t lp_index;
    uint32_t reserved;
};
ABI_SIZE(struct hv_input_get_logical_processor_run_time, 8);
ABI_OFFSET(struct hv_input_get_logical_processor_run_time, lp_index, 0);
ABI_OFFSET(struct hv_input_get_logical_processor_run_time, reserved, 4);

struct hv_output_get_logical_processor_run_time {
    uint64_t global_time; /* 100 ns, all four */
    uint64_t local_run_time;
    uint64_t reserved;
    uint64_t hypervisor_time;
};
ABI_SIZE(struct hv_output_get_logical_processor_run_time, 32);
ABI_OFFSET(struct hv_output_get_logical_processor_run_time, global_time, 0);
ABI_OFFSET(struct hv_output_get_logical_processor_run_time, local_run_time, 8);
ABI_OFFSET(struct hv_output_get_logical_processor_run_time, reserved, 16);
ABI_OFFSET(struct hv_output_get_logical_processor_run_time, hypervisor_time, 24);

#endif
