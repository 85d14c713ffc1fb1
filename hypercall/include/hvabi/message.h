/* SPDX-License-Identifier: MIT */
/* hvabi/message.h - the messages that the hypervisor sends. TLFS chapters 11 and 13; TLFS 2.0a,
 * chapter 16.
 *
 * Each structure below is the payload that follows struct hv_message_header. Its payload_size says
 * how much of it was sent: a reader checks that before it reads a field. */
#ifndef HVABI_MESSAGE_H
#define HVABI_MESSAGE_H

#include <hvabi/regs.h>
#include <hvabi/synic.h>

/* TLFS 11.10.2. Bit 31: sent by the hypervisor; a guest may post 0x00000001 to 0x7fffffff */
#define HV_MESSAGE_TYPE_HYPERVISOR_MASK 0x80000000u

/* Message types are unsigned 32-bit values beyond INT_MAX, hence no enumeration. */
#define HvMessageTypeNone                       0x00000000u
#define HvMessageTypeUnmappedGpa                0x80000000u
#define HvMessageTypeGpaIntercept               0x80000001u
#define HvMessageTypeUnacceptedGpa              0x80000003u
#define HvMessageTypeGpaAttributeIntercept      0x80000004u
#define HvMessageTimerExpired                   0x80000010u
#define HvMessageTypeInvalidVpRegisterValue     0x80000020u
#define HvMessageTypeUnrecoverableException     0x80000021u
#define HvMessageTypeUnsupportedFeature         0x80000022u
#define HvMessageTypeTlbPageSizeMismatch        0x80000023u
#define HvMessageTypeOpaqueIntercept            0x8000003fu
#define HvMessageTypeEventLogBuffersComplete    0x80000040u
#define HvMessageTypeHypercallIntercept         0x80000050u
#define HvMessageTypeSynicEventIntercept        0x80000060u
#define HvMessageTypeSynicSintIntercept         0x80000061u
#define HvMessageTypeSynicSintDeliverable       0x80000062u
#define HvMessageTypeAsyncCallCompletion        0x80000070u
#define HvMessageTypeSchedulerVpSignalBitset    0x80000100u
#define HvMessageTypeSchedulerVpSignalPair      0x80000101u
#define HvMessageTypeX64IoPortIntercept         0x80010000u
#define HvMessageTypeMsrIntercept               0x80010001u
#define HvMessageTypeX64CpuidIntercept          0x80010002u
#define HvMessageTypeExceptionIntercept         0x80010003u
#define HvMessageTypeX64ApicEoi                 0x80010004u
#define HvMessageTypeX64LegacyFpError           0x80010005u
#define HvMessageTypeRegisterIntercept          0x80010006u
#define HvMessageTypeX64Halt                    0x80010007u
#define HvMessageTypeX64InterruptionDeliverable 0x80010008u
#define HvMessageTypeX64SipiIntercept           0x80010009u
#define HvMessageTypeX64RdtscIntercept          0x8001000au
#define HvMessageTypeX64ApicSmiIntercept        0x8001000bu
#define HvMessageTypeX64InitSipiIntercept       0x8001000du
#define HvMessageTypeX64ApicWriteIntercept      0x8001000eu
#define HvMessageTypeX64ExceptionTrapIntercept  0x80010012u

/* TLFS 13.2.3: hv_x64_intercept_message_header.execution_state */
#define HV_X64_EXECUTION_CPL_MASK             0x0003u
#define HV_X64_EXECUTION_CR0_PE               0x0004u
#define HV_X64_EXECUTION_CR0_AM               0x0008u
#define HV_X64_EXECUTION_EFER_LMA             0x0010u
#define HV_X64_EXECUTION_DEBUG_ACTIVE         0x0020u
#define HV_X64_EXECUTION_INTERRUPTION_PENDING 0x0040u
#define HV_X64_EXECUTION_VTL_SHIFT            7
#define HV_X64_EXECUTION_VTL_MASK             0x0780u
#define HV_X64_EXECUTION_ENCLAVE              0x0800u
#define HV_X64_EXECUTION_INTERRUPT_SHADOW     0x1000u

/* hv_x64_intercept_message_header.length_and_cr8; length 0: unknown, decode the instruction */
#define HV_X64_INTERCEPT_LENGTH_MASK 0x0fu
#define HV_X64_INTERCEPT_CR8_SHIFT   4

/* hv_x64_intercept_message_header.access_type (a type, not a mask) */
enum {
    HvInterceptAccessRead = 0,
    HvInterceptAccessWrite = 1,
    HvInterceptAccessExecute = 2,
};

/* TLFS 13.2.2: what every intercept message begins with */
struct hv_x64_intercept_message_header {
    uint32_t vp_index;
    uint8_t length_and_cr8;
    uint8_t access_type;      /* HvInterceptAccess* */
    uint16_t execution_state; /* HV_X64_EXECUTION_* */
    struct hv_x64_segment_register cs_segment;
    uint64_t rip;
    uint64_t rflags;
};
ABI_SIZE(struct hv_x64_intercept_message_header, 40);
ABI_OFFSET(struct hv_x64_intercept_message_header, vp_index, 0);
ABI_OFFSET(struct hv_x64_intercept_message_header, length_and_cr8, 4);
ABI_OFFSET(struct hv_x64_intercept_message_header, access_type, 5);
ABI_OFFSET(struct hv_x64_intercept_message_header, execution_state, 6);
ABI_OFFSET(struct hv_x64_intercept_message_header, cs_segment, 8);
ABI_OFFSET(struct hv_x64_intercept_message_header, rip, 24);
ABI_OFFSET(struct hv_x64_intercept_message_header, rflags, 32);

/* TLFS 13.2.4: hv_x64_io_port_intercept_message.access_info */
#define HV_X64_IO_PORT_ACCESS_SIZE_MASK 0x07u /* 1, 2 or 4 bytes */
#define HV_X64_IO_PORT_ACCESS_STRING    0x08u
#define HV_X64_IO_PORT_ACCESS_REP       0x10u

/* TLFS 2.0a, 16.5.3: HvMessageTypeX64IoPortIntercept */
struct hv_x64_io_port_intercept_message {
    struct hv_x64_intercept_message_header header;
    uint16_t port_number;
    uint8_t access_info; /* HV_X64_IO_PORT_ACCESS_* */
    uint8_t instruction_byte_count;
    uint32_t reserved;
    uint64_t rax;
    uint8_t instruction_bytes[16]; /* from here on for string operations only */
    struct hv_x64_segment_register ds_segment;
    struct hv_x64_segment_register es_segment;
    uint64_t rcx;
    uint64_t rsi;
    uint64_t rdi;
};
ABI_SIZE(struct hv_x64_io_port_intercept_message, 128);
ABI_OFFSET(struct hv_x64_io_port_intercept_message, header, 0);
ABI_OFFSET(struct hv_x64_io_port_intercept_message, port_number, 40);
ABI_OFFSET(struct hv_x64_io_port_intercept_message, access_info, 42);
ABI_OFFSET(struct hv_x64_io_port_intercept_message, instruction_byte_count, 43);
ABI_OFFSET(struct hv_x64_io_port_intercept_message, reserved, 44);
ABI_OFFSET(struct hv_x64_io_port_intercept_message, rax, 48);
ABI_OFFSET(struct hv_x64_io_port_intercept_message, instruction_bytes, 56);
ABI_OFFSET(struct hv_x64_io_port_intercept_message, ds_segment, 72);
ABI_OFFSET(struct hv_x64_io_port_intercept_message, es_segment, 88);
ABI_OFFSET(struct hv_x64_io_port_intercept_message, rcx, 104);
ABI_OFFSET(struct hv_x64_io_port_intercept_message, rsi, 112);
ABI_OFFSET(struct hv_x64_io_port_intercept_message, rdi, 120);

/* TLFS 13.2.6: hv_x64_memory_intercept_message.access_info */
#define HV_X64_MEMORY_ACCESS_GVA_VALID                0x01u
#define HV_X64_MEMORY_ACCESS_GVA_GPA_VALID            0x02u
#define HV_X64_MEMORY_ACCESS_HYPERCALL_OUTPUT_PENDING 0x04u
#define HV_X64_MEMORY_ACCESS_TLB_LOCKED               0x08u

/* TLFS 2.0a, 16.3: HvMessageTypeUnmappedGpa, HvMessageTypeGpaIntercept. Newer versions end after
 * the instruction bytes. */
struct hv_x64_memory_intercept_message {
    struct hv_x64_intercept_message_header header;
    uint32_t cache_type; /* HvCacheTypeX64* */
    uint8_t instruction_byte_count;
    uint8_t access_info; /* HV_X64_MEMORY_ACCESS_* */
    uint8_t tpr_priority;
    uint8_t reserved;
    uint64_t guest_virtual_address;
    uint64_t guest_physical_address;
    uint8_t instruction_bytes[16];
    struct hv_x64_segment_register ds_segment;
    struct hv_x64_segment_register ss_segment;
    uint64_t gprs[16]; /* RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8..R15 */
};
ABI_SIZE(struct hv_x64_memory_intercept_message, 240);
ABI_OFFSET(struct hv_x64_memory_intercept_message, header, 0);
ABI_OFFSET(struct hv_x64_memory_intercept_message, cache_type, 40);
ABI_OFFSET(struct hv_x64_memory_intercept_message, instruction_byte_count, 44);
ABI_OFFSET(struct hv_x64_memory_intercept_message, access_info, 45);
ABI_OFFSET(struct hv_x64_memory_intercept_message, tpr_priority, 46);
ABI_OFFSET(struct hv_x64_memory_intercept_message, reserved, 47);
ABI_OFFSET(struct hv_x64_memory_intercept_message, guest_virtual_address, 48);
ABI_OFFSET(struct hv_x64_memory_intercept_message, guest_physical_address, 56);
ABI_OFFSET(struct hv_x64_memory_intercept_message, instruction_bytes, 64);
ABI_OFFSET(struct hv_x64_memory_intercept_message, ds_segment, 80);
ABI_OFFSET(struct hv_x64_memory_intercept_message, ss_segment, 96);
ABI_OFFSET(struct hv_x64_memory_intercept_message, gprs, 112);

/* TLFS 2.0a, 16.5.2: HvMessageTypeMsrIntercept */
struct hv_x64_msr_intercept_message {
    struct hv_x64_intercept_message_header header;
    uint32_t msr_number;
    uint32_t reserved;
    uint64_t rdx;
    uint64_t rax;
};
ABI_SIZE(struct hv_x64_msr_intercept_message, 64);
ABI_OFFSET(struct hv_x64_msr_intercept_message, header, 0);
ABI_OFFSET(struct hv_x64_msr_intercept_message, msr_number, 40);
ABI_OFFSET(struct hv_x64_msr_intercept_message, reserved, 44);
ABI_OFFSET(struct hv_x64_msr_intercept_message, rdx, 48);
ABI_OFFSET(struct hv_x64_msr_intercept_message, rax, 56);

/* TLFS 2.0a, 16.5.1: HvMessageTypeX64CpuidIntercept */
struct hv_x64_cpuid_intercept_message {
    struct hv_x64_intercept_message_header header;
    uint64_t rax;
    uint64_t rcx;
    uint64_t rdx;
    uint64_t rbx;
    uint64_t default_result_rax;
    uint64_t default_result_rcx;
    uint64_t default_result_rdx;
    uint64_t default_result_rbx;
};
ABI_SIZE(struct hv_x64_cpuid_intercept_message, 104);
ABI_OFFSET(struct hv_x64_cpuid_intercept_message, header, 0);
ABI_OFFSET(struct hv_x64_cpuid_intercept_message, rax, 40);
ABI_OFFSET(struct hv_x64_cpuid_intercept_message, rcx, 48);
ABI_OFFSET(struct hv_x64_cpuid_intercept_message, rdx, 56);
ABI_OFFSET(struct hv_x64_cpuid_intercept_message, rbx, 64);
ABI_OFFSET(struct hv_x64_cpuid_intercept_message, default_result_rax, 72);
ABI_OFFSET(struct hv_x64_cpuid_intercept_message, default_result_rcx, 80);
ABI_OFFSET(struct hv_x64_cpuid_intercept_message, default_result_rdx, 88);
ABI_OFFSET(struct hv_x64_cpuid_intercept_message, default_result_rbx, 96);

/* TLFS 13.2.5: hv_x64_exception_intercept_message.exception_info */
#define HV_X64_EXCEPTION_ERROR_CODE_VALID 0x01u
#define HV_X64_EXCEPTION_SOFTWARE         0x02u

/* TLFS 2.0a, 16.5.4: HvMessageTypeExceptionIntercept */
struct hv_x64_exception_intercept_message {
    struct hv_x64_intercept_message_header header;
    uint16_t exception_vector;
    uint8_t exception_info; /* HV_X64_EXCEPTION_* */
    uint8_t instruction_byte_count;
    uint32_t error_code;
    uint64_t exception_parameter; /* #PF: CR2, #DB: DR6 */
    uint64_t reserved;
    uint8_t instruction_bytes[16];
    struct hv_x64_segment_register ds_segment;
    struct hv_x64_segment_register ss_segment;
    uint64_t gprs[16];
};
ABI_SIZE(struct hv_x64_exception_intercept_message, 240);
ABI_OFFSET(struct hv_x64_exception_intercept_message, header, 0);
ABI_OFFSET(struct hv_x64_exception_intercept_message, exception_vector, 40);
ABI_OFFSET(struct hv_x64_exception_intercept_message, exception_info, 42);
ABI_OFFSET(struct hv_x64_exception_intercept_message, instruction_byte_count, 43);
ABI_OFFSET(struct hv_x64_exception_intercept_message, error_code, 44);
ABI_OFFSET(struct hv_x64_exception_intercept_message, exception_parameter, 48);
ABI_OFFSET(struct hv_x64_exception_intercept_message, reserved, 56);
ABI_OFFSET(struct hv_x64_exception_intercept_message, instruction_bytes, 64);
ABI_OFFSET(struct hv_x64_exception_intercept_message, ds_segment, 80);
ABI_OFFSET(struct hv_x64_exception_intercept_message, ss_segment, 96);
ABI_OFFSET(struct hv_x64_exception_intercept_message, gprs, 112);

/* TLFS 2.0a, 16.5.5: HvMessageTypeX64ApicEoi, for level-triggered vectors */
struct hv_x64_apic_eoi_message {
    uint32_t vp_index;
    uint32_t interrupt_vector;
};
ABI_SIZE(struct hv_x64_apic_eoi_message, 8);
ABI_OFFSET(struct hv_x64_apic_eoi_message, vp_index, 0);
ABI_OFFSET(struct hv_x64_apic_eoi_message, interrupt_vector, 4);

/* TLFS 2.0a, 16.5.7: HvMessageTypeInvalidVpRegisterValue */
struct hv_x64_invalid_vp_register_message {
    uint32_t vp_index;
    uint32_t reserved;
};
ABI_SIZE(struct hv_x64_invalid_vp_register_message, 8);
ABI_OFFSET(struct hv_x64_invalid_vp_register_message, vp_index, 0);
ABI_OFFSET(struct hv_x64_invalid_vp_register_message, reserved, 4);

/* TLFS 2.0a, 16.5.8: HvMessageTypeUnrecoverableException (a triple fault) */
struct hv_x64_unrecoverable_exception_message {
    struct hv_x64_intercept_message_header header;
};
ABI_SIZE(struct hv_x64_unrecoverable_exception_message, 40);
ABI_OFFSET(struct hv_x64_unrecoverable_exception_message, header, 0);

/* TLFS 2.0a, 9.2.4: hv_x64_unsupported_feature_message.feature_code */
enum {
    HvUnsupportedFeatureIntercept = 1,
    HvUnsupportedFeatureTaskSwitchTss = 2,
};

/* TLFS 2.0a, 16.5.9: HvMessageTypeUnsupportedFeature */
struct hv_x64_unsupported_feature_message {
    uint32_t vp_index;
    uint32_t feature_code;
    uint64_t feature_parameter;
};
ABI_SIZE(struct hv_x64_unsupported_feature_message, 16);
ABI_OFFSET(struct hv_x64_unsupported_feature_message, vp_index, 0);
ABI_OFFSET(struct hv_x64_unsupported_feature_message, feature_code, 4);
ABI_OFFSET(struct hv_x64_unsupported_feature_message, feature_parameter, 8);

/* HvMessageTypeX64Halt */
struct hv_x64_halt_message {
    struct hv_x64_intercept_message_header header;
};
ABI_SIZE(struct hv_x64_halt_message, 40);
ABI_OFFSET(struct hv_x64_halt_message, header, 0);

/* HvMessageTypeX64InterruptionDeliverable: HvX64RegisterDeliverabilityNotifications asked for it */
struct hv_x64_interruption_deliverable_message {
    struct hv_x64_intercept_message_header header;
    uint32_t deliverable_type; /* HvX64Pending*, hvabi/regs.h */
    uint32_t reserved;
};
ABI_SIZE(struct hv_x64_interruption_deliverable_message, 48);
ABI_OFFSET(struct hv_x64_interruption_deliverable_message, header, 0);
ABI_OFFSET(struct hv_x64_interruption_deliverable_message, deliverable_type, 40);
ABI_OFFSET(struct hv_x64_interruption_deliverable_message, reserved, 44);

/* HvMessageTypeX64SipiIntercept */
struct hv_x64_sipi_intercept_message {
    struct hv_x64_intercept_message_header header;
    uint32_t target_vp_index;
    uint32_t interrupt_vector;
};
ABI_SIZE(struct hv_x64_sipi_intercept_message, 48);
ABI_OFFSET(struct hv_x64_sipi_intercept_message, header, 0);
ABI_OFFSET(struct hv_x64_sipi_intercept_message, target_vp_index, 40);
ABI_OFFSET(struct hv_x64_sipi_intercept_message, interrupt_vector, 44);

/* TLFS 13.3.1: HvMessageTimerExpired */
struct hv_timer_message_payload {
    uint32_t timer_index;
    uint32_t reserved;
    uint64_t expiration_time; /* reference time, 100 ns */
    uint64_t delivery_time;   /* reference time, 100 ns */
};
ABI_SIZE(struct hv_timer_message_payload, 24);
ABI_OFFSET(struct hv_timer_message_payload, timer_index, 0);
ABI_OFFSET(struct hv_timer_message_payload, reserved, 4);
ABI_OFFSET(struct hv_timer_message_payload, expiration_time, 8);
ABI_OFFSET(struct hv_timer_message_payload, delivery_time, 16);

#endif
