/* SPDX-License-Identifier: MIT */
/* hvabi/partition.h - what a partition may do and how it is described: privileges, creation flags,
 * properties. TLFS chapter 4; TLFS 2.0a, 5.2. */
#ifndef HVABI_PARTITION_H
#define HVABI_PARTITION_H

/* TLFS 4.2: HvPartitionPropertyPrivilegeFlags. The low half is EAX, the high half EBX of CPUID
 * leaf HV_CPUID_FEATURES. First the synthetic registers a partition may use: */
#define HV_PRIVILEGE_ACCESS_VP_RUN_TIME_REG             (1ull << 0)
#define HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_COUNTER (1ull << 1)
#define HV_PRIVILEGE_ACCESS_SYNIC_REGS                  (1ull << 2)
#define HV_PRIVILEGE_ACCESS_SYNTHETIC_TIMER_REGS        (1ull << 3)
#define HV_PRIVILEGE_ACCESS_INTR_CTRL_REGS              (1ull << 4)
#define HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS              (1ull << 5)
#define HV_PRIVILEGE_ACCESS_VP_INDEX                    (1ull << 6)
#define HV_PRIVILEGE_ACCESS_RESET_REG                   (1ull << 7)
#define HV_PRIVILEGE_ACCESS_STATS_REG                   (1ull << 8)
#define HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_TSC     (1ull << 9)
#define HV_PRIVILEGE_ACCESS_GUEST_IDLE_REG              (1ull << 10)
#define HV_PRIVILEGE_ACCESS_FREQUENCY_REGS              (1ull << 11)
#define HV_PRIVILEGE_ACCESS_DEBUG_REGS                  (1ull << 12)
#define HV_PRIVILEGE_ACCESS_REENLIGHTENMENT_CONTROLS    (1ull << 13)
#define HV_PRIVILEGE_ACCESS_ROOT_SCHEDULER_REG          (1ull << 14)
#define HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS      (1ull << 15)
/* Then the hypercalls it may make: */
#define HV_PRIVILEGE_CREATE_PARTITIONS          (1ull << 32)
#define HV_PRIVILEGE_ACCESS_PARTITION_ID        (1ull << 33)
#define HV_PRIVILEGE_ACCESS_MEMORY_POOL         (1ull << 34)
#define HV_PRIVILEGE_ADJUST_MESSAGE_BUFFERS     (1ull << 35)
#define HV_PRIVILEGE_POST_MESSAGES              (1ull << 36)
#define HV_PRIVILEGE_SIGNAL_EVENTS              (1ull << 37)
#define HV_PRIVILEGE_CREATE_PORT                (1ull << 38)
#define HV_PRIVILEGE_CONNECT_PORT               (1ull << 39)
#define HV_PRIVILEGE_ACCESS_STATS               (1ull << 40)
#define HV_PRIVILEGE_DEBUGGING                  (1ull << 43)
#define HV_PRIVILEGE_CPU_MANAGEMENT             (1ull << 44)
#define HV_PRIVILEGE_CONFIGURE_PROFILER         (1ull << 45)
#define HV_PRIVILEGE_ACCESS_VSM                 (1ull << 48)
#define HV_PRIVILEGE_ACCESS_VP_REGISTERS        (1ull << 49)
#define HV_PRIVILEGE_FAST_HYPERCALL_OUTPUT      (1ull << 51)
#define HV_PRIVILEGE_ENABLE_EXTENDED_HYPERCALLS (1ull << 52)
#define HV_PRIVILEGE_START_VIRTUAL_PROCESSOR    (1ull << 53)
#define HV_PRIVILEGE_ISOLATION                  (1ull << 54)

/* HvCallCreatePartition, creation flags */
#define HV_PARTITION_CREATION_FLAG_SMT_ENABLED_GUEST       (1ull << 0)
#define HV_PARTITION_CREATION_FLAG_NESTED_VIRTUALIZATION   (1ull << 1)
#define HV_PARTITION_CREATION_FLAG_GPA_LARGE_PAGES         (1ull << 4)
#define HV_PARTITION_CREATION_FLAG_EXO_PARTITION           (1ull << 8)
#define HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED           (1ull << 13)
#define HV_PARTITION_CREATION_FLAG_PMU                     (1ull << 15)
#define HV_PARTITION_CREATION_FLAG_LBR                     (1ull << 16)
#define HV_PARTITION_CREATION_FLAG_INTERCEPT_MESSAGE_PAGE  (1ull << 19)
#define HV_PARTITION_CREATION_FLAG_HYPERCALL_DOORBELL_PAGE (1ull << 20)
#define HV_PARTITION_CREATION_FLAG_X2APIC_CAPABLE          (1ull << 22)

/* Property codes, for HvCallGetPartitionProperty and HvCallSetPartitionProperty. TLFS 2.0a, 5.2.2
 */
enum {
    HvPartitionPropertyPrivilegeFlags = 0x00010000,
    HvPartitionPropertySyntheticProcFeatures = 0x00010001,

    HvPartitionPropertySuspend = 0x00020000,
    HvPartitionPropertyCpuReserve = 0x00020001,
    HvPartitionPropertyCpuCap = 0x00020002,
    HvPartitionPropertyCpuWeight = 0x00020003,
    HvPartitionPropertyCpuGroupId = 0x00020004,

    HvPartitionPropertyEmulatedTimerPeriod = 0x00030000,
    HvPartitionPropertyEmulatedTimerControl = 0x00030001,
    HvPartitionPropertyPmTimerAssist = 0x00030002,
    HvPartitionPropertyTimeFreeze = 0x00030003,
    HvPartitionPropertyReferenceTime = 0x00030005,

    HvPartitionPropertyDebugChannelId = 0x00040000,

    HvPartitionPropertyVirtualTlbPageCount = 0x00050000,
    HvPartitionPropertyVsmConfig = 0x00050001,
    HvPartitionPropertyZeroMemoryOnReset = 0x00050002,
    HvPartitionPropertyProcessorsPerSocket = 0x00050003,
    HvPartitionPropertyNestedTlbSize = 0x00050004,
    HvPartitionPropertyGpaPageAccessTracking = 0x00050005,
    HvPartitionPropertyIsolationState = 0x0005000c,
    HvPartitionPropertyIsolationControl = 0x0005000d,
    HvPartitionPropertyAllocationId = 0x0005000e,
    HvPartitionPropertyMonitoringId = 0x0005000f,
    HvPartitionPropertyImplementedPhysicalAddressBits = 0x00050010,
    HvPartitionPropertyNonArchitecturalCoreSharing = 0x00050011,
    HvPartitionPropertyHypercallDoorbellPage = 0x00050012,
    HvPartitionPropertyIsolationPolicy = 0x00050014,
    HvPartitionPropertyUnimplementedMsrAction = 0x00050017,

    HvPartitionPropertyProcessorVendor = 0x00060000,
    HvPartitionPropertyProcessorFeatures = 0x00060001,
    HvPartitionPropertyProcessorXsaveFeatures = 0x00060002,
    HvPartitionPropertyProcessorCLFlushSize = 0x00060003,
    HvPartitionPropertyEnlightenmentModifications = 0x00060004,
    HvPartitionPropertyCompatibilityVersion = 0x00060005,
    HvPartitionPropertyPhysicalAddressWidth = 0x00060006,
    HvPartitionPropertyProcessorClockFrequency = 0x00060009,
    HvPartitionPropertyProcessorFeatures0 = 0x0006000a,
    HvPartitionPropertyProcessorFeatures1 = 0x0006000b,

    HvPartitionPropertyGuestOsId = 0x00070000,
};

/* HvPartitionPropertyProcessorVendor. TLFS 2.0a, 5.2.7 */
enum {
    HvProcessorVendorAmd = 0x0000,
    HvProcessorVendorIntel = 0x0001,
};

/* HvPartitionPropertyUnimplementedMsrAction */
enum {
    HvUnimplementedMsrActionFault = 0,
    HvUnimplementedMsrActionIgnoreWriteReadZero = 1,
};

/* Scheduling properties. TLFS 2.0a, 18.2: a reserve and a cap are 1/65536ths of a processor */
#define HV_PARTITION_CPU_RESERVE_DEFAULT 0x0000000000000000ull
#define HV_PARTITION_CPU_CAP_DEFAULT     0x0000000000010000ull
#define HV_PARTITION_CPU_CAP_MAX         0x0000000000010000ull
#define HV_PARTITION_CPU_WEIGHT_DEFAULT  100ull
#define HV_PARTITION_CPU_WEIGHT_MIN      1ull
#define HV_PARTITION_CPU_WEIGHT_MAX      10000ull

#endif
