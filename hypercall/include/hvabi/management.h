/* SPDX-License-Identifier: MIT */
/* hvabi/management.h - inputs and outputs of the calls by which a parent manages its children:
 * partitions, memory, virtual processors, intercepts, interrupts (ports: hvabi/port.h). TLFS 2.0a,
 * chapters 5 to 14; call codes and layouts that changed since are those of the current
 * specification.
 *
 * A rep call's list is the flexible array at the end of its header structure; an output list is an
 * array of the element structure. Padding and reserved fields are 0. */
#ifndef HVABI_MANAGEMENT_H
#define HVABI_MANAGEMENT_H

#include <hvabi/regs.h>
#include <hvabi/synic.h>

/* TLFS 2.0a, 5.6.1: HvCallCreatePartition */
struct hv_input_create_partition {
    uint64_t flags; /* HV_PARTITION_CREATION_FLAG_*, hvabi/partition.h */
    uint64_t proximity_domain_info;
    uint32_t compatibility_version;
    uint32_t reserved0;
    uint64_t disabled_processor_features[2];
    uint64_t disabled_processor_xsave_features;
    uint64_t isolation_properties;
};
ABI_SIZE(struct hv_input_create_partition, 56);
ABI_OFFSET(struct hv_input_create_partition, flags, 0);
ABI_OFFSET(struct hv_input_create_partition, proximity_domain_info, 8);
ABI_OFFSET(struct hv_input_create_partition, compatibility_version, 16);
ABI_OFFSET(struct hv_input_create_partition, reserved0, 20);
ABI_OFFSET(struct hv_input_create_partition, disabled_processor_features, 24);
ABI_OFFSET(struct hv_input_create_partition, disabled_processor_xsave_features, 40);
ABI_OFFSET(struct hv_input_create_partition, isolation_properties, 48);

struct hv_output_create_partition {
    uint64_t partition_id;
};
ABI_SIZE(struct hv_output_create_partition, 8);
ABI_OFFSET(struct hv_output_create_partition, partition_id, 0);

/* TLFS 2.0a, 5.6: HvCallInitializePartition, HvCallFinalizePartition, HvCallDeletePartition; fast
 * form allowed */
struct hv_input_partition {
    uint64_t partition_id;
};
ABI_SIZE(struct hv_input_partition, 8);
ABI_OFFSET(struct hv_input_partition, partition_id, 0);

/* TLFS 2.0a, 5.6.5: HvCallGetPartitionProperty */
struct hv_input_get_partition_property {
    uint64_t partition_id;
    uint32_t property_code; /* HvPartitionProperty* */
    uint32_t reserved;
};
ABI_SIZE(struct hv_input_get_partition_property, 16);
ABI_OFFSET(struct hv_input_get_partition_property, partition_id, 0);
ABI_OFFSET(struct hv_input_get_partition_property, property_code, 8);
ABI_OFFSET(struct hv_input_get_partition_property, reserved, 12);

struct hv_output_get_partition_property {
    uint64_t property_value;
};
ABI_SIZE(struct hv_output_get_partition_property, 8);
ABI_OFFSET(struct hv_output_get_partition_property, property_value, 0);

/* TLFS 2.0a, 5.6.6: HvCallSetPartitionProperty */
struct hv_input_set_partition_property {
    uint64_t partition_id;
    uint32_t property_code;
    uint32_t reserved;
    uint64_t property_value;
};
ABI_SIZE(struct hv_input_set_partition_property, 24);
ABI_OFFSET(struct hv_input_set_partition_property, partition_id, 0);
ABI_OFFSET(struct hv_input_set_partition_property, property_code, 8);
ABI_OFFSET(struct hv_input_set_partition_property, reserved, 12);
ABI_OFFSET(struct hv_input_set_partition_property, property_value, 16);

/* TLFS 2.0a, 5.6.7: HvCallGetPartitionId; no input */
struct hv_output_get_partition_id {
    uint64_t partition_id;
};
ABI_SIZE(struct hv_output_get_partition_id, 8);
ABI_OFFSET(struct hv_output_get_partition_id, partition_id, 0);

/* TLFS 2.0a, 5.6.8: HvCallGetNextChildPartition */
struct hv_input_get_next_child_partition {
    uint64_t parent_id;
    uint64_t previous_child_id; /* HV_PARTITION_ID_INVALID: the first */
};
ABI_SIZE(struct hv_input_get_next_child_partition, 16);
ABI_OFFSET(struct hv_input_get_next_child_partition, parent_id, 0);
ABI_OFFSET(struct hv_input_get_next_child_partition, previous_child_id, 8);

struct hv_output_get_next_child_partition {
    uint64_t next_child_id; /* HV_PARTITION_ID_INVALID: no more */
};
ABI_SIZE(struct hv_output_get_next_child_partition, 8);
ABI_OFFSET(struct hv_output_get_next_child_partition, next_child_id, 0);

/* TLFS 2.0a, 7.3.1: HvCallDepositMemory [rep] */
struct hv_input_deposit_memory {
    uint64_t partition_id;
    uint64_t gpa_page_list[];
};
ABI_SIZE(struct hv_input_deposit_memory, 8);
ABI_OFFSET(struct hv_input_deposit_memory, partition_id, 0);
ABI_OFFSET(struct hv_input_deposit_memory, gpa_page_list, 8);

/* TLFS 2.0a, 7.3.2: HvCallWithdrawMemory [rep]; output list: uint64_t page numbers */
struct hv_input_withdraw_memory {
    uint64_t partition_id;
    uint64_t proximity_domain_info;
};
ABI_SIZE(struct hv_input_withdraw_memory, 16);
ABI_OFFSET(struct hv_input_withdraw_memory, partition_id, 0);
ABI_OFFSET(struct hv_input_withdraw_memory, proximity_domain_info, 8);

/* TLFS 2.0a, 7.3.3: HvCallGetMemoryBalance */
struct hv_input_get_memory_balance {
    uint64_t partition_id;
    uint64_t proximity_domain_info;
};
ABI_SIZE(struct hv_input_get_memory_balance, 16);
ABI_OFFSET(struct hv_input_get_memory_balance, partition_id, 0);
ABI_OFFSET(struct hv_input_get_memory_balance, proximity_domain_info, 8);

struct hv_output_get_memory_balance {
    uint64_t pages_available;
    uint64_t pages_in_use;
};
ABI_SIZE(struct hv_output_get_memory_balance, 16);
ABI_OFFSET(struct hv_output_get_memory_balance, pages_available, 0);
ABI_OFFSET(struct hv_output_get_memory_balance, pages_in_use, 8);

/* TLFS 2.0a, 8.2.1: hv_input_map_gpa_pages.map_flags */
#define HV_MAP_GPA_READABLE          0x00000001u
#define HV_MAP_GPA_WRITABLE          0x00000002u
#define HV_MAP_GPA_KERNEL_EXECUTABLE 0x00000004u
#define HV_MAP_GPA_USER_EXECUTABLE   0x00000008u
#define HV_MAP_GPA_EXECUTABLE        0x0000000cu /* both */
#define HV_MAP_GPA_PERMISSIONS_MASK  0x0000000fu
#define HV_MAP_GPA_NO_ACCESS         0x00010000u /* no source list: every access intercepts */
#define HV_MAP_GPA_ZEROED            0x00020000u /* no source list: reads as 0 */
#define HV_MAP_GPA_ONES              0x00030000u /* no source list: reads as all ones */
#define HV_MAP_GPA_BACKING_MASK      0x00030000u
#define HV_MAP_GPA_NO_OVERLAY        0x00100000u
#define HV_MAP_GPA_UNCACHED          0x00200000u
#define HV_MAP_GPA_LARGE_PAGE        0x80000000u /* elements are 2 MiB pages, numbered in 4 KiB */

/* TLFS 2.0a, 8.3.1: HvCallMapGpaPages [rep] */
struct hv_input_map_gpa_pages {
    uint64_t target_partition_id;
    uint64_t target_gpa_base; /* page number */
    uint32_t map_flags;       /* HV_MAP_GPA_* */
    uint32_t reserved;
    uint64_t source_gpa_page_list[]; /* page numbers in the caller's space */
};
ABI_SIZE(struct hv_input_map_gpa_pages, 24);
ABI_OFFSET(struct hv_input_map_gpa_pages, target_partition_id, 0);
ABI_OFFSET(struct hv_input_map_gpa_pages, target_gpa_base, 8);
ABI_OFFSET(struct hv_input_map_gpa_pages, map_flags, 16);
ABI_OFFSET(struct hv_input_map_gpa_pages, reserved, 20);
ABI_OFFSET(struct hv_input_map_gpa_pages, source_gpa_page_list, 24);

/* TLFS 2.0a, 8.3.2: HvCallUnmapGpaPages [rep, without a list] */
struct hv_input_unmap_gpa_pages {
    uint64_t target_partition_id;
    uint64_t target_gpa_base; /* page number */
    uint32_t unmap_flags;     /* not in 2.0a */
    uint32_t reserved;
};
ABI_SIZE(struct hv_input_unmap_gpa_pages, 24);
ABI_OFFSET(struct hv_input_unmap_gpa_pages, target_partition_id, 0);
ABI_OFFSET(struct hv_input_unmap_gpa_pages, target_gpa_base, 8);
ABI_OFFSET(struct hv_input_unmap_gpa_pages, unmap_flags, 16);
ABI_OFFSET(struct hv_input_unmap_gpa_pages, reserved, 20);

/* TLFS 2.0a, 8.3.3: one element of HvCallMapSparseGpaPages */
struct hv_gpa_mapping {
    uint64_t target_gpa_page;
    uint64_t source_gpa_page;
};
ABI_SIZE(struct hv_gpa_mapping, 16);
ABI_OFFSET(struct hv_gpa_mapping, target_gpa_page, 0);
ABI_OFFSET(struct hv_gpa_mapping, source_gpa_page, 8);

/* TLFS 2.0a, 8.3.3: HvCallMapSparseGpaPages [rep] */
struct hv_input_map_sparse_gpa_pages {
    uint64_t target_partition_id;
    uint32_t map_flags;
    uint32_t reserved;
    struct hv_gpa_mapping page_list[];
};
ABI_SIZE(struct hv_input_map_sparse_gpa_pages, 16);
ABI_OFFSET(struct hv_input_map_sparse_gpa_pages, target_partition_id, 0);
ABI_OFFSET(struct hv_input_map_sparse_gpa_pages, map_flags, 8);
ABI_OFFSET(struct hv_input_map_sparse_gpa_pages, reserved, 12);
ABI_OFFSET(struct hv_input_map_sparse_gpa_pages, page_list, 16);

/* TLFS 2.0a, 9.2.1: what can be intercepted */
enum {
    HvInterceptTypeX64IoPort = 0x00000000,
    HvInterceptTypeX64Msr = 0x00000001,
    HvInterceptTypeX64Cpuid = 0x00000002,
    HvInterceptTypeException = 0x00000003,
    HvInterceptTypeX64GlobalCpuid = 0x00000006,
    HvInterceptTypeX64ApicSmi = 0x00000007,
    HvInterceptTypeHypercall = 0x00000008,
    HvInterceptTypeX64ApicInitSipi = 0x00000009,
    HvInterceptTypeX64ApicWrite = 0x0000000b,
    HvInterceptTypeX64MsrIndex = 0x0000000c,
    HvInterceptTypeUnknownSynicConnection = 0x0000000d,
    HvInterceptTypeX64ApicEoi = 0x0000000e,
    HvInterceptTypeRetargetUnknownDevice = 0x0000000f,
    HvInterceptTypeX64ExceptionTrap = 0x00000010,
    HvInterceptTypeX64IoPortRange = 0x00000011,
};

/* TLFS 2.0a, 9.2.3: hv_input_install_intercept.access_type; 0 removes the intercept */
#define HV_INTERCEPT_ACCESS_MASK_NONE    0u
#define HV_INTERCEPT_ACCESS_MASK_READ    1u
#define HV_INTERCEPT_ACCESS_MASK_WRITE   2u
#define HV_INTERCEPT_ACCESS_MASK_EXECUTE 4u

/* TLFS 2.0a, 9.2.2: hv_input_install_intercept.intercept_parameter. Port, CPUID leaf or exception
 * vector in the low bits; a port range has its last port here. MSR: 0, every unknown register; MSR
 * index: one register. */
#define HV_INTERCEPT_PARAMETER_PORT_MASK            0x000000000000ffffull
#define HV_INTERCEPT_PARAMETER_PORT_RANGE_END_SHIFT 16
#define HV_INTERCEPT_PARAMETER_VECTOR_MASK          0x000000000000ffffull
#define HV_INTERCEPT_PARAMETER_CPUID_LEAF_MASK      0x00000000ffffffffull
#define HV_INTERCEPT_PARAMETER_MSR_INDEX_MASK       0x00000000ffffffffull

/* TLFS 2.0a, 9.3.1: HvCallInstallIntercept */
struct hv_input_install_intercept {
    uint64_t partition_id;
    uint32_t access_type;    /* HV_INTERCEPT_ACCESS_MASK_* */
    uint32_t intercept_type; /* HvInterceptType* */
    uint64_t intercept_parameter;
};
ABI_SIZE(struct hv_input_install_intercept, 24);
ABI_OFFSET(struct hv_input_install_intercept, partition_id, 0);
ABI_OFFSET(struct hv_input_install_intercept, access_type, 8);
ABI_OFFSET(struct hv_input_install_intercept, intercept_type, 12);
ABI_OFFSET(struct hv_input_install_intercept, intercept_parameter, 16);

/* TLFS 2.0a, 10.4.1: HvCallCreateVp, in the current layout (2.0a has no subnode: 32 bytes) */
struct hv_input_create_vp {
    uint64_t partition_id;
    uint32_t vp_index;
    uint8_t reserved[3];
    uint8_t subnode_type;
    uint64_t subnode_id;
    uint64_t proximity_domain_info;
    uint64_t flags;
};
ABI_SIZE(struct hv_input_create_vp, 40);
ABI_OFFSET(struct hv_input_create_vp, partition_id, 0);
ABI_OFFSET(struct hv_input_create_vp, vp_index, 8);
ABI_OFFSET(struct hv_input_create_vp, reserved, 12);
ABI_OFFSET(struct hv_input_create_vp, subnode_type, 15);
ABI_OFFSET(struct hv_input_create_vp, subnode_id, 16);
ABI_OFFSET(struct hv_input_create_vp, proximity_domain_info, 24);
ABI_OFFSET(struct hv_input_create_vp, flags, 32);

/* TLFS 2.0a, 10.4.2: HvCallDeleteVp */
struct hv_input_delete_vp {
    uint64_t partition_id;
    uint32_t vp_index;
    uint32_t reserved;
};
ABI_SIZE(struct hv_input_delete_vp, 16);
ABI_OFFSET(struct hv_input_delete_vp, partition_id, 0);
ABI_OFFSET(struct hv_input_delete_vp, vp_index, 8);
ABI_OFFSET(struct hv_input_delete_vp, reserved, 12);

/* TLFS 2.0a, 10.4.3: HvCallGetVpRegisters [rep]; output list: struct hv_register_value */
struct hv_input_get_vp_registers {
    uint64_t partition_id;
    uint32_t vp_index;
    uint8_t input_vtl;
    uint8_t reserved[3];
    uint32_t names[];
};
ABI_SIZE(struct hv_input_get_vp_registers, 16);
ABI_OFFSET(struct hv_input_get_vp_registers, partition_id, 0);
ABI_OFFSET(struct hv_input_get_vp_registers, vp_index, 8);
ABI_OFFSET(struct hv_input_get_vp_registers, input_vtl, 12);
ABI_OFFSET(struct hv_input_get_vp_registers, reserved, 13);
ABI_OFFSET(struct hv_input_get_vp_registers, names, 16);

/* TLFS 2.0a, 10.4.4: HvCallSetVpRegisters [rep] */
struct hv_input_set_vp_registers {
    uint64_t partition_id;
    uint32_t vp_index;
    uint8_t input_vtl;
    uint8_t reserved[3];
    struct hv_register_assoc elements[];
};
ABI_SIZE(struct hv_input_set_vp_registers, 16);
ABI_OFFSET(struct hv_input_set_vp_registers, partition_id, 0);
ABI_OFFSET(struct hv_input_set_vp_registers, vp_index, 8);
ABI_OFFSET(struct hv_input_set_vp_registers, input_vtl, 12);
ABI_OFFSET(struct hv_input_set_vp_registers, reserved, 13);
ABI_OFFSET(struct hv_input_set_vp_registers, elements, 16);

/* TLFS 9.3: hv_input_translate_virtual_address.control_flags */
#define HV_TRANSLATE_GVA_VALIDATE_READ       0x0001ull
#define HV_TRANSLATE_GVA_VALIDATE_WRITE      0x0002ull
#define HV_TRANSLATE_GVA_VALIDATE_EXECUTE    0x0004ull
#define HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT    0x0008ull
#define HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS 0x0010ull
#define HV_TRANSLATE_GVA_TLB_FLUSH_INHIBIT   0x0020ull
#define HV_TRANSLATE_GVA_CONTROL_MASK        0x003full
#define HV_TRANSLATE_GVA_INPUT_VTL_MASK      0xff00000000000000ull

/* TLFS 9.3: hv_output_translate_virtual_address.result_code */
enum {
    HvTranslateGvaSuccess = 0,
    HvTranslateGvaPageNotPresent = 1,
    HvTranslateGvaPrivilegeViolation = 2,
    HvTranslateGvaInvalidPageTableFlags = 3,
    HvTranslateGvaGpaUnmapped = 4,
    HvTranslateGvaGpaNoReadAccess = 5,
    HvTranslateGvaGpaNoWriteAccess = 6,
    HvTranslateGvaGpaIllegalOverlayAccess = 7,
    HvTranslateGvaIntercept = 8,
    HvTranslateGvaGpaUnaccepted = 9,
};

/* hv_output_translate_virtual_address.attributes */
#define HV_TRANSLATE_GVA_CACHE_TYPE_MASK 0x000000ffu /* HvCacheTypeX64* */
#define HV_TRANSLATE_GVA_OVERLAY_PAGE    0x00000100u

/* TLFS 9.4, 2.0a 12.4.4: HvCallTranslateVirtualAddress */
struct hv_input_translate_virtual_address {
    uint64_t partition_id;
    uint32_t vp_index;
    uint32_t padding;
    uint64_t control_flags; /* HV_TRANSLATE_GVA_* */
    uint64_t gva_page;      /* page number */
};
ABI_SIZE(struct hv_input_translate_virtual_address, 32);
ABI_OFFSET(struct hv_input_translate_virtual_address, partition_id, 0);
ABI_OFFSET(struct hv_input_translate_virtual_address, vp_index, 8);
ABI_OFFSET(struct hv_input_translate_virtual_address, padding, 12);
ABI_OFFSET(struct hv_input_translate_virtual_address, control_flags, 16);
ABI_OFFSET(struct hv_input_translate_virtual_address, gva_page, 24);

struct hv_output_translate_virtual_address {
    uint32_t result_code; /* HvTranslateGva* */
    uint32_t attributes;
    uint64_t gpa_page; /* page number */
};
ABI_SIZE(struct hv_output_translate_virtual_address, 16);
ABI_OFFSET(struct hv_output_translate_virtual_address, result_code, 0);
ABI_OFFSET(struct hv_output_translate_virtual_address, attributes, 4);
ABI_OFFSET(struct hv_output_translate_virtual_address, gpa_page, 8);

/* TLFS 2.0a, 12.3.5: hv_output_read_gpa.result_code, hv_output_write_gpa.result_code */
enum {
    HvAccessGpaSuccess = 0,
    HvAccessGpaUnmapped = 1,
    HvAccessGpaReadIntercept = 2,
    HvAccessGpaWriteIntercept = 3,
    HvAccessGpaIllegalOverlayAccess = 4,
};

#define HV_ACCESS_GPA_CACHE_TYPE_MASK 0x00000000000000ffull
#define HV_ACCESS_GPA_MAX_BYTES       16

/* TLFS 2.0a, 12.4.5: HvCallReadGpa */
struct hv_input_read_gpa {
    uint64_t partition_id;
    uint32_t vp_index;
    uint32_t byte_count; /* 1 to 16, within a page */
    uint64_t base_gpa;
    uint64_t control_flags;
};
ABI_SIZE(struct hv_input_read_gpa, 32);
ABI_OFFSET(struct hv_input_read_gpa, partition_id, 0);
ABI_OFFSET(struct hv_input_read_gpa, vp_index, 8);
ABI_OFFSET(struct hv_input_read_gpa, byte_count, 12);
ABI_OFFSET(struct hv_input_read_gpa, base_gpa, 16);
ABI_OFFSET(struct hv_input_read_gpa, control_flags, 24);

struct hv_output_read_gpa {
    uint32_t result_code;
    uint32_t reserved;
    uint8_t data[16];
};
ABI_SIZE(struct hv_output_read_gpa, 24);
ABI_OFFSET(struct hv_output_read_gpa, result_code, 0);
ABI_OFFSET(struct hv_output_read_gpa, reserved, 4);
ABI_OFFSET(struct hv_output_read_gpa, data, 8);

/* TLFS 2.0a, 12.4.6: HvCallWriteGpa */
struct hv_input_write_gpa {
    uint64_t partition_id;
    uint32_t vp_index;
    uint32_t byte_count;
    uint64_t base_gpa;
    uint64_t control_flags;
    uint8_t data[16];
};
ABI_SIZE(struct hv_input_write_gpa, 48);
ABI_OFFSET(struct hv_input_write_gpa, partition_id, 0);
ABI_OFFSET(struct hv_input_write_gpa, vp_index, 8);
ABI_OFFSET(struct hv_input_write_gpa, byte_count, 12);
ABI_OFFSET(struct hv_input_write_gpa, base_gpa, 16);
ABI_OFFSET(struct hv_input_write_gpa, control_flags, 24);
ABI_OFFSET(struct hv_input_write_gpa, data, 32);

struct hv_output_write_gpa {
    uint32_t result_code;
    uint32_t reserved;
};
ABI_SIZE(struct hv_output_write_gpa, 8);
ABI_OFFSET(struct hv_output_write_gpa, result_code, 0);
ABI_OFFSET(struct hv_output_write_gpa, reserved, 4);

/* TLFS 10.4: hv_input_assert_virtual_interrupt.interrupt_control */
#define HV_INTERRUPT_CONTROL_TYPE_MASK                0x00000000ffffffffull
#define HV_INTERRUPT_CONTROL_LEVEL_TRIGGERED          (1ull << 32)
#define HV_INTERRUPT_CONTROL_LOGICAL_DESTINATION_MODE (1ull << 33)
#define HV_INTERRUPT_CONTROL_RESERVED_MASK            0xfffffffc00000000ull

enum {
    HvX64InterruptTypeFixed = 0x0000,
    HvX64InterruptTypeLowestPriority = 0x0001,
    HvX64InterruptTypeNmi = 0x0004,
    HvX64InterruptTypeInit = 0x0005,
    HvX64InterruptTypeSipi = 0x0006,
    HvX64InterruptTypeExtInt = 0x0007,
};

#define HV_INTERRUPT_VECTOR_NONE 0xffffffffu

/* TLFS 10.5: HvCallAssertVirtualInterrupt. HvCallAssertVirtualInterruptLegacy has the same layout
 * with target_vtl reserved. */
struct hv_input_assert_virtual_interrupt {
    uint64_t partition_id;
    uint64_t interrupt_control;
    uint64_t destination_address; /* APIC identifier, physical or logical */
    uint32_t requested_vector;
    uint8_t target_vtl;
    uint8_t reserved0;
    uint16_t reserved1;
};
ABI_SIZE(struct hv_input_assert_virtual_interrupt, 32);
ABI_OFFSET(struct hv_input_assert_virtual_interrupt, partition_id, 0);
ABI_OFFSET(struct hv_input_assert_virtual_interrupt, interrupt_control, 8);
ABI_OFFSET(struct hv_input_assert_virtual_interrupt, destination_address, 16);
ABI_OFFSET(struct hv_input_assert_virtual_interrupt, requested_vector, 24);
ABI_OFFSET(struct hv_input_assert_virtual_interrupt, target_vtl, 28);
ABI_OFFSET(struct hv_input_assert_virtual_interrupt, reserved0, 29);
ABI_OFFSET(struct hv_input_assert_virtual_interrupt, reserved1, 30);

/* TLFS 2.0a, 13.5.2: HvCallClearVirtualInterrupt */
struct hv_input_clear_virtual_interrupt {
    uint64_t partition_id;
};
ABI_SIZE(struct hv_input_clear_virtual_interrupt, 8);
ABI_OFFSET(struct hv_input_clear_virtual_interrupt, partition_id, 0);

/* TLFS 2.0a, chapter 21: hv_input_map_stats_page.stats_type */
enum {
    HvStatsObjectHypervisor = 0x00000001,
    HvStatsObjectLogicalProcessor = 0x00000002,
    HvStatsObjectPartition = 0x00010001,
    HvStatsObjectVp = 0x00010002,
};

/* All 0 for the hypervisor */
struct hv_stats_object_identity {
    uint64_t partition_or_lp; /* partition, or LP index in the low half */
    uint32_t vp_index;
    uint16_t flags;
    uint16_t reserved;
};
ABI_SIZE(struct hv_stats_object_identity, 16);
ABI_OFFSET(struct hv_stats_object_identity, partition_or_lp, 0);
ABI_OFFSET(struct hv_stats_object_identity, vp_index, 8);
ABI_OFFSET(struct hv_stats_object_identity, flags, 12);
ABI_OFFSET(struct hv_stats_object_identity, reserved, 14);

/* HvCallMapStatsPage; HvCallUnmapStatsPage ends before gpa_page */
struct hv_input_map_stats_page {
    uint32_t stats_type;
    uint32_t reserved;
    struct hv_stats_object_identity identity;
    uint64_t gpa_page;
};
ABI_SIZE(struct hv_input_map_stats_page, 32);
ABI_OFFSET(struct hv_input_map_stats_page, stats_type, 0);
ABI_OFFSET(struct hv_input_map_stats_page, reserved, 4);
ABI_OFFSET(struct hv_input_map_stats_page, identity, 8);
ABI_OFFSET(struct hv_input_map_stats_page, gpa_page, 24);

/* TLFS 7.10: HvCallGetVpIndexFromApicId [rep] */
struct hv_input_get_vp_index_from_apic_id {
    uint64_t partition_id;
    uint8_t target_vtl;
    uint8_t reserved[7];
    uint64_t apic_ids[]; /* identifier in the low half */
};
ABI_SIZE(struct hv_input_get_vp_index_from_apic_id, 16);
ABI_OFFSET(struct hv_input_get_vp_index_from_apic_id, partition_id, 0);
ABI_OFFSET(struct hv_input_get_vp_index_from_apic_id, target_vtl, 8);
ABI_OFFSET(struct hv_input_get_vp_index_from_apic_id, reserved, 9);
ABI_OFFSET(struct hv_input_get_vp_index_from_apic_id, apic_ids, 16);

#endif
