/* SPDX-License-Identifier: MIT */
/* calls.c - the simple calls: fill the input, call, take the output. See hypercall/client.h. */
#include <rt/mem.h>

#include "hypercall/client.h"

hv_status hv_call_create_partition(const struct hv_client *c, uint64_t flags, hv_partition_id *id)
{
    const struct hv_output_create_partition *out = c->output;
    struct hv_input_create_partition *in = c->input;
    hv_status status;

    *in = (struct hv_input_create_partition){.flags = flags};
    status = hv_client_call(c, HvCallCreatePartition);
    if (status == HV_STATUS_SUCCESS)
        *id = out->partition_id;
    return status;
}

hv_status hv_call_initialize_partition(const struct hv_client *c, hv_partition_id id)
{
    return hv_client_call_fast1(c, HvCallInitializePartition, id);
}

hv_status hv_call_finalize_partition(const struct hv_client *c, hv_partition_id id)
{
    return hv_client_call_fast1(c, HvCallFinalizePartition, id);
}

hv_status hv_call_delete_partition(const struct hv_client *c, hv_partition_id id)
{
    return hv_client_call_fast1(c, HvCallDeletePartition, id);
}

hv_status hv_call_get_partition_property(const struct hv_client *c, hv_partition_id id,
                                         uint32_t property, uint64_t *value)
{
    const struct hv_output_get_partition_property *out = c->output;
    struct hv_input_get_partition_property *in = c->input;
    hv_status status;

    *in = (struct hv_input_get_partition_property){.partition_id = id, .property_code = property};
    status = hv_client_call(c, HvCallGetPartitionProperty);
    if (status == HV_STATUS_SUCCESS)
        *value = out->property_value;
    return status;
}

hv_status hv_call_set_partition_property(const struct hv_client *c, hv_partition_id id,
                                         uint32_t property, uint64_t value)
{
    struct hv_input_set_partition_property *in = c->input;

    *in = (struct hv_input_set_partition_property){
        .partition_id = id, .property_code = property, .property_value = value};
    return hv_client_call(c, HvCallSetPartitionProperty);
}

hv_status hv_call_get_partition_id(const struct hv_client *c, hv_partition_id *id)
{
    const struct hv_output_get_partition_id *out = c->output;
    hv_status status = hv_client_call(c, HvCallGetPartitionId);

    if (status == HV_STATUS_SUCCESS)
        *id = out->partition_id;
    return status;
}

hv_status hv_call_get_next_child_partition(const struct hv_client *c, hv_partition_id parent,
                                           hv_partition_id previous, hv_partition_id *next)
{
    const struct hv_output_get_next_child_partition *out = c->output;
    struct hv_input_get_next_child_partition *in = c->input;
    hv_status status;

    *in = (struct hv_input_get_next_child_partition){.parent_id = parent,
                                                     .previous_child_id = previous};
    status = hv_client_call(c, HvCallGetNextChildPartition);
    if (status == HV_STATUS_SUCCESS)
        *next = out->next_child_id;
    return status;
}

hv_status hv_call_get_memory_balance(const struct hv_client *c, hv_partition_id id,
                                     struct hv_output_get_memory_balance *balance)
{
    const struct hv_output_get_memory_balance *out = c->output;
    struct hv_input_get_memory_balance *in = c->input;
    hv_status status;

    *in = (struct hv_input_get_memory_balance){.partition_id = id};
    status = hv_client_call(c, HvCallGetMemoryBalance);
    if (status == HV_STATUS_SUCCESS)
        *balance = *out;
    return status;
}

hv_status hv_call_create_vp(const struct hv_client *c, hv_partition_id id, hv_vp_index vp)
{
    struct hv_input_create_vp *in = c->input;

    *in = (struct hv_input_create_vp){.partition_id = id, .vp_index = vp};
    return hv_client_call(c, HvCallCreateVp);
}

hv_status hv_call_delete_vp(const struct hv_client *c, hv_partition_id id, hv_vp_index vp)
{
    struct hv_input_delete_vp *in = c->input;

    *in = (struct hv_input_delete_vp){.partition_id = id, .vp_index = vp};
    return hv_client_call(c, HvCallDeleteVp);
}

hv_status hv_call_translate_virtual_address(const struct hv_client *c, hv_partition_id id,
                                            hv_vp_index vp, uint64_t flags, uint64_t gva_page,
                                            struct hv_output_translate_virtual_address *result)
{
    const struct hv_output_translate_virtual_address *out = c->output;
    struct hv_input_translate_virtual_address *in = c->input;
    hv_status status;

    *in = (struct hv_input_translate_virtual_address){
        .partition_id = id, .vp_index = vp, .control_flags = flags, .gva_page = gva_page};
    status = hv_client_call(c, HvCallTranslateVirtualAddress);
    if (status == HV_STATUS_SUCCESS)
        *result = *out;
    return status;
}

hv_status hv_call_install_intercept(const struct hv_client *c, hv_partition_id id, uint32_t type,
                                    uint32_t access, uint64_t parameter)
{
    struct hv_input_install_intercept *in = c->input;

    *in = (struct hv_input_install_intercept){.partition_id = id,
                                              .access_type = access,
                                              .intercept_type = type,
                                              .intercept_parameter = parameter};
    return hv_client_call(c, HvCallInstallIntercept);
}

hv_status hv_call_assert_virtual_interrupt(const struct hv_client *c, hv_partition_id id,
                                           uint64_t control, uint64_t destination, uint32_t vector)
{
    struct hv_input_assert_virtual_interrupt *in = c->input;

    *in = (struct hv_input_assert_virtual_interrupt){.partition_id = id,
                                                     .interrupt_control = control,
                                                     .destination_address = destination,
                                                     .requested_vector = vector};
    return hv_client_call(c, HvCallAssertVirtualInterrupt);
}

hv_status hv_call_create_port(const struct hv_client *c, const struct hv_input_create_port *input)
{
    memcpy(c->input, input, sizeof *input);
    return hv_client_call(c, HvCallCreatePort);
}

hv_status hv_call_delete_port(const struct hv_client *c, hv_partition_id id, hv_port_id port)
{
    struct hv_input_delete_port *in = c->input;

    *in = (struct hv_input_delete_port){.port_partition_id = id, .port_id = port};
    return hv_client_call(c, HvCallDeletePort);
}

hv_status hv_call_connect_port(const struct hv_client *c, const struct hv_input_connect_port *input)
{
    memcpy(c->input, input, sizeof *input);
    return hv_client_call(c, HvCallConnectPort);
}

hv_status hv_call_disconnect_port(const struct hv_client *c, hv_partition_id id,
                                  hv_connection_id connection)
{
    struct hv_input_disconnect_port *in = c->input;

    *in = (struct hv_input_disconnect_port){.connection_partition_id = id,
                                            .connection_id = connection};
    return hv_client_call(c, HvCallDisconnectPort);
}

hv_status hv_call_post_message(const struct hv_client *c, hv_connection_id connection,
                               uint32_t type, const void *payload, uint32_t size)
{
    struct hv_input_post_message *in = c->input;

    if (size > sizeof in->payload)
        return HV_STATUS_INVALID_PARAMETER;
    *in = (struct hv_input_post_message){
        .connection_id = connection, .message_type = type, .payload_size = size};
    memcpy(in->payload, payload, size);
    return hv_client_call(c, HvCallPostMessage);
}

/* The 8 bytes of struct hv_input_signal_event in one register. */
hv_status hv_call_signal_event(const struct hv_client *c, hv_connection_id connection,
                               uint16_t flag)
{
    return hv_client_call_fast1(c, HvCallSignalEvent, connection | (uint64_t)flag << 32);
}

hv_status hv_call_notify_long_spin_wait(const struct hv_client *c, uint64_t spins)
{
    return hv_client_call_fast1(c, HvCallNotifyLongSpinWait, spins);
}
