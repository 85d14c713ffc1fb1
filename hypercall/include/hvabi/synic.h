/* SPDX-License-Identifier: MIT */
/* hvabi/synic.h - the pages that hypervisor and guest share: messages, event flags, reference TSC,
 * VP assist, monitored notifications. TLFS chapters 7, 11, 12. */
#ifndef HVABI_SYNIC_H
#define HVABI_SYNIC_H

#include <hvabi/types.h>

/* TLFS 11.8 */
#define HV_SYNIC_SINT_COUNT                16
#define HV_MESSAGE_SIZE                    256
#define HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT  240
#define HV_MESSAGE_MAX_PAYLOAD_QWORD_COUNT 30
#define HV_EVENT_FLAGS_COUNT               2048
#define HV_EVENT_FLAGS_BYTE_COUNT          256

/* hv_message_header.message_flags: more messages wait; write HV_X64_MSR_EOM after emptying */
#define HV_MESSAGE_FLAG_PENDING 0x01u

/* TLFS 11.10.4. The byte order of size and flags is what guests use (Linux, Windows); the text of
 * the specification has them the other way round. */
struct hv_message_header {
    uint32_t message_type; /* HvMessageType*, hvabi/message.h; 0: the slot is empty */
    uint8_t payload_size;
    uint8_t message_flags;
    uint16_t reserved;
    uint64_t origination_id; /* sending partition, or port that was posted to */
};
ABI_SIZE(struct hv_message_header, 16);
ABI_OFFSET(struct hv_message_header, message_type, 0);
ABI_OFFSET(struct hv_message_header, payload_size, 4);
ABI_OFFSET(struct hv_message_header, message_flags, 5);
ABI_OFFSET(struct hv_message_header, origination_id, 8);

struct hv_message {
    struct hv_message_header header;
    uint64_t payload[HV_MESSAGE_MAX_PAYLOAD_QWORD_COUNT];
};
ABI_SIZE(struct hv_message, HV_MESSAGE_SIZE);
ABI_OFFSET(struct hv_message, header, 0);
ABI_OFFSET(struct hv_message, payload, 16);

/* TLFS 11.9: the SIM page, one slot for each SINT */
struct hv_message_page {
    struct hv_message slots[HV_SYNIC_SINT_COUNT];
};
ABI_SIZE(struct hv_message_page, HV_PAGE_SIZE);
ABI_OFFSET(struct hv_message_page, slots, 0);

/* TLFS 11.10.5: flag f is bit f % 8 of byte f / 8 */
struct hv_synic_event_flags {
    uint8_t flags[HV_EVENT_FLAGS_BYTE_COUNT];
};
ABI_SIZE(struct hv_synic_event_flags, HV_EVENT_FLAGS_BYTE_COUNT);
ABI_OFFSET(struct hv_synic_event_flags, flags, 0);

/* TLFS 11.9: the SIEF page */
struct hv_synic_event_flags_page {
    struct hv_synic_event_flags slots[HV_SYNIC_SINT_COUNT];
};
ABI_SIZE(struct hv_synic_event_flags_page, HV_PAGE_SIZE);
ABI_OFFSET(struct hv_synic_event_flags_page, slots, 0);

/* TLFS 12.7.2: reference time = ((TSC * tsc_scale) >> 64) + tsc_offset, in 100 ns */
struct hv_reference_tsc_page {
    uint32_t tsc_sequence; /* HV_REFERENCE_TSC_SEQUENCE_INVALID: read HV_X64_MSR_TIME_REF_COUNT */
    uint32_t reserved1;
    uint64_t tsc_scale;
    int64_t tsc_offset;
    uint64_t reserved2[509];
};
ABI_SIZE(struct hv_reference_tsc_page, HV_PAGE_SIZE);
ABI_OFFSET(struct hv_reference_tsc_page, tsc_sequence, 0);
ABI_OFFSET(struct hv_reference_tsc_page, tsc_scale, 8);
ABI_OFFSET(struct hv_reference_tsc_page, tsc_offset, 16);

#define HV_REFERENCE_TSC_SEQUENCE_INVALID 0u
#define HV_REFERENCE_TIME_PER_SECOND      10000000ull /* 100 ns units */

/* TLFS 7.8.7, 15.6.1.2 */
struct hv_vp_vtl_control {
    uint32_t entry_reason;
    uint8_t vina_asserted;
    uint8_t reserved0;
    uint16_t reserved1;
    uint64_t vtl_return_rax;
    uint64_t vtl_return_rcx;
};
ABI_SIZE(struct hv_vp_vtl_control, 24);
ABI_OFFSET(struct hv_vp_vtl_control, entry_reason, 0);
ABI_OFFSET(struct hv_vp_vtl_control, vina_asserted, 4);
ABI_OFFSET(struct hv_vp_vtl_control, vtl_return_rax, 8);
ABI_OFFSET(struct hv_vp_vtl_control, vtl_return_rcx, 16);

/* TLFS 7.8.7 */
struct hv_vp_assist_page {
    uint32_t apic_assist; /* HV_APIC_ASSIST_* */
    uint32_t reserved0;
    struct hv_vp_vtl_control vtl_control;
    uint32_t nested_features;
    uint32_t nested_hypercall_controls;
    uint8_t enlighten_vm_entry;
    uint8_t reserved1[7];
    uint64_t current_nested_vmcs;
    uint8_t time_unhalted_timer_expired;
    uint8_t reserved2[7];
    uint16_t fault_parameter0; /* the virtualization fault information area, to the end */
    uint16_t fault_reserved;
    uint32_t fault_code;
    uint64_t fault_parameter1;
    uint8_t reserved3[4016];
};
ABI_SIZE(struct hv_vp_assist_page, HV_PAGE_SIZE);
ABI_OFFSET(struct hv_vp_assist_page, apic_assist, 0);
ABI_OFFSET(struct hv_vp_assist_page, vtl_control, 8);
ABI_OFFSET(struct hv_vp_assist_page, nested_features, 32);
ABI_OFFSET(struct hv_vp_assist_page, nested_hypercall_controls, 36);
ABI_OFFSET(struct hv_vp_assist_page, enlighten_vm_entry, 40);
ABI_OFFSET(struct hv_vp_assist_page, current_nested_vmcs, 48);
ABI_OFFSET(struct hv_vp_assist_page, time_unhalted_timer_expired, 56);
ABI_OFFSET(struct hv_vp_assist_page, fault_parameter0, 64);
ABI_OFFSET(struct hv_vp_assist_page, fault_code, 68);
ABI_OFFSET(struct hv_vp_assist_page, fault_parameter1, 72);

/* TLFS 10.3.5: the interrupt in service needs no EOI */
#define HV_APIC_ASSIST_NO_EOI_REQUIRED (1u << 0)

/* TLFS 11.10.8.1: 32 triggers. Both words change in one go. */
struct hv_monitor_trigger_group {
    union {
        uint64_t as_uint64; /* pending in the low half */
        struct {
            uint32_t pending;
            uint32_t armed;
        };
    };
};
ABI_SIZE(struct hv_monitor_trigger_group, 8);
ABI_OFFSET(struct hv_monitor_trigger_group, pending, 0);
ABI_OFFSET(struct hv_monitor_trigger_group, armed, 4);

/* TLFS 11.10.8.2: what HvCallSignalEvent gets when the trigger fires */
struct hv_monitor_parameter {
    uint32_t connection_id;
    uint16_t flag_number;
    uint16_t reserved;
};
ABI_SIZE(struct hv_monitor_parameter, 8);
ABI_OFFSET(struct hv_monitor_parameter, connection_id, 0);
ABI_OFFSET(struct hv_monitor_parameter, flag_number, 4);

#define HV_MONITOR_GROUP_COUNT        4
#define HV_MONITOR_TRIGGERS_PER_GROUP 32

/* TLFS 11.10.9: the monitored notification page */
struct hv_monitor_page {
    uint32_t trigger_state; /* HV_MONITOR_STATE_* */
    uint32_t reserved1;
    struct hv_monitor_trigger_group trigger_group[HV_MONITOR_GROUP_COUNT];
    uint8_t reserved2[24];
    /* TLFS: the hypervisor's. When an armed trigger is looked at again, in a clock of its own. */
    uint32_t next_check_time[HV_MONITOR_GROUP_COUNT][HV_MONITOR_TRIGGERS_PER_GROUP];
    uint16_t latency[HV_MONITOR_GROUP_COUNT][HV_MONITOR_TRIGGERS_PER_GROUP]; /* 100 ns */
    uint8_t reserved3[256];
    struct hv_monitor_parameter parameter[HV_MONITOR_GROUP_COUNT][HV_MONITOR_TRIGGERS_PER_GROUP];
    uint8_t reserved4[1984];
};
ABI_SIZE(struct hv_monitor_page, HV_PAGE_SIZE);
ABI_OFFSET(struct hv_monitor_page, trigger_state, 0);
ABI_OFFSET(struct hv_monitor_page, trigger_group, 8);
ABI_OFFSET(struct hv_monitor_page, next_check_time, 64);
ABI_OFFSET(struct hv_monitor_page, latency, 576);
ABI_OFFSET(struct hv_monitor_page, parameter, 1088);

#define HV_MONITOR_STATE_GROUP_ENABLE_MASK 0x0fu
#define HV_MONITOR_STATE_DISABLED          0x10u

#endif
