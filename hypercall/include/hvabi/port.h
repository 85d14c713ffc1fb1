/* SPDX-License-Identifier: MIT */
/* hvabi/port.h - ports, connections and the calls on them. TLFS 11.10.6 to 11.10.8.
 *
 * The unions of the specification are written as one structure each, named by their port type. */
#ifndef HVABI_PORT_H
#define HVABI_PORT_H

#include <hvabi/types.h>

enum {
    HvPortTypeMessage = 1,
    HvPortTypeEvent = 2,
    HvPortTypeMonitor = 3,
    HvPortTypeDoorbell = 4,
};

/* Buffers that the hypervisor keeps for each message port. TLFS 2.0a, 14.2.1 */
#define HV_PORT_MESSAGE_BUFFER_COUNT 16

/* HvPortTypeMessage, and HvPortTypeDoorbell */
struct hv_message_port_info {
    uint32_t target_sint;
    uint32_t target_vp; /* or HV_ANY_VP */
    uint64_t reserved;
};
ABI_SIZE(struct hv_message_port_info, 16);
ABI_OFFSET(struct hv_message_port_info, target_sint, 0);
ABI_OFFSET(struct hv_message_port_info, target_vp, 4);
ABI_OFFSET(struct hv_message_port_info, reserved, 8);

/* HvPortTypeEvent */
struct hv_event_port_info {
    uint32_t target_sint;
    uint32_t target_vp;
    uint16_t base_flag_number;
    uint16_t flag_count;
    uint32_t reserved;
};
ABI_SIZE(struct hv_event_port_info, 16);
ABI_OFFSET(struct hv_event_port_info, target_sint, 0);
ABI_OFFSET(struct hv_event_port_info, target_vp, 4);
ABI_OFFSET(struct hv_event_port_info, base_flag_number, 8);
ABI_OFFSET(struct hv_event_port_info, flag_count, 10);
ABI_OFFSET(struct hv_event_port_info, reserved, 12);

/* HvPortTypeMonitor */
struct hv_monitor_port_info {
    uint64_t monitor_address; /* GPA of a struct hv_monitor_page */
    uint64_t reserved;
};
ABI_SIZE(struct hv_monitor_port_info, 16);
ABI_OFFSET(struct hv_monitor_port_info, monitor_address, 0);
ABI_OFFSET(struct hv_monitor_port_info, reserved, 8);

/* TLFS 11.10.6 */
struct hv_port_info {
    uint32_t port_type;
    uint32_t reserved;
    union {
        struct hv_message_port_info message;
        struct hv_event_port_info event;
        struct hv_monitor_port_info monitor;
    };
};
ABI_SIZE(struct hv_port_info, 24);
ABI_OFFSET(struct hv_port_info, port_type, 0);
ABI_OFFSET(struct hv_port_info, reserved, 4);
ABI_OFFSET(struct hv_port_info, message, 8);

/* HvPortTypeDoorbell */
struct hv_doorbell_connection_info {
    uint64_t gpa;
    uint64_t trigger_value;
    uint64_t flags;
};
ABI_SIZE(struct hv_doorbell_connection_info, 24);
ABI_OFFSET(struct hv_doorbell_connection_info, gpa, 0);
ABI_OFFSET(struct hv_doorbell_connection_info, trigger_value, 8);
ABI_OFFSET(struct hv_doorbell_connection_info, flags, 16);

/* TLFS 11.10.8. Messages and events have nothing to say: all 0. A monitor connection uses the first
 * word only. */
struct hv_connection_info {
    uint32_t port_type;
    uint32_t reserved;
    union {
        uint64_t words[3];
        uint64_t monitor_address;
        struct hv_doorbell_connection_info doorbell;
    };
};
ABI_SIZE(struct hv_connection_info, 32);
ABI_OFFSET(struct hv_connection_info, port_type, 0);
ABI_OFFSET(struct hv_connection_info, reserved, 4);
ABI_OFFSET(struct hv_connection_info, words, 8);

/* TLFS 2.0a, 14.8.7: HvCallGetPortProperty */
enum {
    HvPortPropertyPostCount = 0,
    HvPortPropertyPreferredTargetVp = 1,
};

/* TLFS 2.0a, 14.9.1, in the current layout: HvCallCreatePort */
struct hv_input_create_port {
    uint64_t port_partition_id;
    uint32_t port_id;
    uint8_t port_vtl;
    uint8_t min_connection_vtl;
    uint16_t reserved;
    uint64_t connection_partition_id;
    struct hv_port_info port_info;
    uint64_t proximity_domain_info;
};
ABI_SIZE(struct hv_input_create_port, 56);
ABI_OFFSET(struct hv_input_create_port, port_partition_id, 0);
ABI_OFFSET(struct hv_input_create_port, port_id, 8);
ABI_OFFSET(struct hv_input_create_port, port_vtl, 12);
ABI_OFFSET(struct hv_input_create_port, min_connection_vtl, 13);
ABI_OFFSET(struct hv_input_create_port, reserved, 14);
ABI_OFFSET(struct hv_input_create_port, connection_partition_id, 16);
ABI_OFFSET(struct hv_input_create_port, port_info, 24);
ABI_OFFSET(struct hv_input_create_port, proximity_domain_info, 48);

/* TLFS 2.0a, 14.9.1: HvCallCreatePortLegacy */
struct hv_input_create_port_legacy {
    uint64_t port_partition_id;
    uint32_t port_id;
    uint32_t reserved;
    uint64_t connection_partition_id;
    struct hv_port_info port_info;
};
ABI_SIZE(struct hv_input_create_port_legacy, 48);
ABI_OFFSET(struct hv_input_create_port_legacy, port_partition_id, 0);
ABI_OFFSET(struct hv_input_create_port_legacy, port_id, 8);
ABI_OFFSET(struct hv_input_create_port_legacy, reserved, 12);
ABI_OFFSET(struct hv_input_create_port_legacy, connection_partition_id, 16);
ABI_OFFSET(struct hv_input_create_port_legacy, port_info, 24);

/* TLFS 2.0a, 14.9.2: HvCallDeletePort */
struct hv_input_delete_port {
    uint64_t port_partition_id;
    uint32_t port_id;
    uint32_t reserved;
};
ABI_SIZE(struct hv_input_delete_port, 16);
ABI_OFFSET(struct hv_input_delete_port, port_partition_id, 0);
ABI_OFFSET(struct hv_input_delete_port, port_id, 8);
ABI_OFFSET(struct hv_input_delete_port, reserved, 12);

/* TLFS 2.0a, 14.9.3, in the current layout: HvCallConnectPort */
struct hv_input_connect_port {
    uint64_t connection_partition_id;
    uint32_t connection_id;
    uint8_t connection_vtl;
    uint8_t reserved0;
    uint16_t reserved1;
    uint64_t port_partition_id;
    uint32_t port_id;
    uint32_t reserved2;
    struct hv_connection_info connection_info;
    uint64_t proximity_domain_info;
};
ABI_SIZE(struct hv_input_connect_port, 72);
ABI_OFFSET(struct hv_input_connect_port, connection_partition_id, 0);
ABI_OFFSET(struct hv_input_connect_port, connection_id, 8);
ABI_OFFSET(struct hv_input_connect_port, connection_vtl, 12);
ABI_OFFSET(struct hv_input_connect_port, reserved0, 13);
ABI_OFFSET(struct hv_input_connect_port, reserved1, 14);
ABI_OFFSET(struct hv_input_connect_port, port_partition_id, 16);
ABI_OFFSET(struct hv_input_connect_port, port_id, 24);
ABI_OFFSET(struct hv_input_connect_port, reserved2, 28);
ABI_OFFSET(struct hv_input_connect_port, connection_info, 32);
ABI_OFFSET(struct hv_input_connect_port, proximity_domain_info, 64);

/* TLFS 2.0a, 14.9.3: HvCallConnectPortLegacy */
struct hv_input_connect_port_legacy {
    uint64_t connection_partition_id;
    uint32_t connection_id;
    uint32_t reserved0;
    uint64_t port_partition_id;
    uint32_t port_id;
    uint32_t reserved1;
    uint32_t connection_port_type;
    uint32_t reserved2;
    uint64_t connection_word;
};
ABI_SIZE(struct hv_input_connect_port_legacy, 48);
ABI_OFFSET(struct hv_input_connect_port_legacy, connection_partition_id, 0);
ABI_OFFSET(struct hv_input_connect_port_legacy, connection_id, 8);
ABI_OFFSET(struct hv_input_connect_port_legacy, reserved0, 12);
ABI_OFFSET(struct hv_input_connect_port_legacy, port_partition_id, 16);
ABI_OFFSET(struct hv_input_connect_port_legacy, port_id, 24);
ABI_OFFSET(struct hv_input_connect_port_legacy, reserved1, 28);
ABI_OFFSET(struct hv_input_connect_port_legacy, connection_port_type, 32);
ABI_OFFSET(struct hv_input_connect_port_legacy, reserved2, 36);
ABI_OFFSET(struct hv_input_connect_port_legacy, connection_word, 40);

/* TLFS 2.0a, 14.9.4: HvCallGetPortProperty */
struct hv_input_get_port_property {
    uint64_t partition_id;
    uint32_t port_id;
    uint32_t reserved0;
    uint32_t property_code; /* HvPortProperty* */
    uint32_t reserved1;
};
ABI_SIZE(struct hv_input_get_port_property, 24);
ABI_OFFSET(struct hv_input_get_port_property, partition_id, 0);
ABI_OFFSET(struct hv_input_get_port_property, port_id, 8);
ABI_OFFSET(struct hv_input_get_port_property, reserved0, 12);
ABI_OFFSET(struct hv_input_get_port_property, property_code, 16);
ABI_OFFSET(struct hv_input_get_port_property, reserved1, 20);

struct hv_output_get_port_property {
    uint64_t property_value;
};
ABI_SIZE(struct hv_output_get_port_property, 8);
ABI_OFFSET(struct hv_output_get_port_property, property_value, 0);

/* TLFS 2.0a, 14.9.6: HvCallDisconnectPort */
struct hv_input_disconnect_port {
    uint64_t connection_partition_id;
    uint32_t connection_id;
    uint32_t reserved;
};
ABI_SIZE(struct hv_input_disconnect_port, 16);
ABI_OFFSET(struct hv_input_disconnect_port, connection_partition_id, 0);
ABI_OFFSET(struct hv_input_disconnect_port, connection_id, 8);
ABI_OFFSET(struct hv_input_disconnect_port, reserved, 12);

#endif
