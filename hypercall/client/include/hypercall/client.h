/* SPDX-License-Identifier: MIT */
/* hypercall/client.h - the caller's side of the hypercall interface, for root, guests and tests.
 *
 * hypercall_present() and hypercall_page_enable() come first, once for a partition. Then each
 * processor has a struct hv_client with an input and an output page of its own. The calls below are
 * thin: they fill the input, make the call and copy the output; a rep call is continued until every
 * element is done, and a list that does not fit a page is split. Nothing retries: a status such as
 * HV_STATUS_INSUFFICIENT_MEMORY is the caller's matter, with *done elements already processed.
 *
 * Rules: a client belongs to one caller at a time. It stays on its processor, and nobody who might
 * use the same client runs in between, until the call has returned (fast calls use no page and need
 * no such care). Output is written only on HV_STATUS_SUCCESS, except *done. */
#ifndef HYPERCALL_CLIENT_H
#define HYPERCALL_CLIENT_H

#include <hvabi/hypercall.h>
#include <hvabi/management.h>
#include <hvabi/port.h>
#include <hvabi/status.h>

/* What a partition of this project writes to HV_X64_MSR_GUEST_OS_ID: an open-source system of a
 * type that nobody has registered, version 1. TLFS 2.6 */
#define HYPERCALL_GUEST_OS_ID 0xd600000000010000ull

struct hv_client {
    const void *page;    /* the hypercall page, mapped executable */
    void *input;         /* one page, mapped writable */
    const void *output;  /* one page */
    uint64_t input_gpa;  /* of input */
    uint64_t output_gpa; /* of output */
};

/* Whether CPUID says that a hypervisor with this interface ("Hv#1") is underneath. */
_Bool hypercall_present(void);

/* Say who we are and have the hypercall page put over the page at @page_gpa. False: the interface
 * did not take it. */
_Bool hypercall_page_enable(uint64_t page_gpa);

/* Make one call through the hypercall page: @control in RCX, @input in RDX, @output in R8; RAX is
 * the result. For a fast call the last two are its parameters. (invoke.asm) */
uint64_t hypercall_invoke(const void *page, uint64_t control, uint64_t input, uint64_t output);

/* One simple call: the input page is already filled, the output is left in the output page. */
hv_status hv_client_call(const struct hv_client *c, uint16_t code);

/* One simple call whose 8 or 16 bytes of input travel in registers. */
hv_status hv_client_call_fast1(const struct hv_client *c, uint16_t code, uint64_t input);
hv_status hv_client_call_fast2(const struct hv_client *c, uint16_t code, uint64_t low,
                               uint64_t high);

/* A rep call of @count (1 to HV_HYPERCALL_REP_MAX) elements, entered again until all are done.
 * @done gets the elements processed, also on failure. HV_STATUS_OPERATION_FAILED, too, if the
 * hypervisor reports success without progress. */
hv_status hv_client_call_rep(const struct hv_client *c, uint16_t code, uint32_t count,
                             uint32_t *done);

/* Partitions. TLFS 2.0a, 5.6. @flags: HV_PARTITION_CREATION_FLAG_* */
hv_status hv_call_create_partition(const struct hv_client *c, uint64_t flags, hv_partition_id *id);
hv_status hv_call_initialize_partition(const struct hv_client *c, hv_partition_id id);
hv_status hv_call_finalize_partition(const struct hv_client *c, hv_partition_id id);
hv_status hv_call_delete_partition(const struct hv_client *c, hv_partition_id id);
hv_status hv_call_get_partition_property(const struct hv_client *c, hv_partition_id id,
                                         uint32_t property, uint64_t *value);
hv_status hv_call_set_partition_property(const struct hv_client *c, hv_partition_id id,
                                         uint32_t property, uint64_t value);
hv_status hv_call_get_partition_id(const struct hv_client *c, hv_partition_id *id);
/* The child of @parent that follows @previous; HV_PARTITION_ID_INVALID starts and ends the list. */
hv_status hv_call_get_next_child_partition(const struct hv_client *c, hv_partition_id parent,
                                           hv_partition_id previous, hv_partition_id *next);

/* Memory pools. TLFS 2.0a, 7.3. Pages are page numbers in the caller's space. */
hv_status hv_call_deposit_memory(const struct hv_client *c, hv_partition_id id,
                                 const uint64_t *pages, uint32_t count, uint32_t *done);
hv_status hv_call_withdraw_memory(const struct hv_client *c, hv_partition_id id, uint64_t *pages,
                                  uint32_t count, uint32_t *done);
hv_status hv_call_get_memory_balance(const struct hv_client *c, hv_partition_id id,
                                     struct hv_output_get_memory_balance *balance);

/* Guest physical memory. TLFS 2.0a, 8.3. @target and @sources are page numbers. With
 * HV_MAP_GPA_LARGE_PAGE an element is 512 pages; unmapping counts pages of 4 KiB. */
hv_status hv_call_map_gpa_pages(const struct hv_client *c, hv_partition_id id, uint64_t target,
                                uint32_t flags, const uint64_t *sources, uint32_t count,
                                uint32_t *done);
/* The same for @count elements that follow each other from @source on in the caller's space. */
hv_status hv_call_map_gpa_range(const struct hv_client *c, hv_partition_id id, uint64_t target,
                                uint32_t flags, uint64_t source, uint32_t count, uint32_t *done);
hv_status hv_call_unmap_gpa_pages(const struct hv_client *c, hv_partition_id id, uint64_t target,
                                  uint32_t count, uint32_t *done);

/* Virtual processors. TLFS 2.0a, 10.4. The register calls stop at the first element refused. */
hv_status hv_call_create_vp(const struct hv_client *c, hv_partition_id id, hv_vp_index vp);
hv_status hv_call_delete_vp(const struct hv_client *c, hv_partition_id id, hv_vp_index vp);
hv_status hv_call_get_vp_registers(const struct hv_client *c, hv_partition_id id, hv_vp_index vp,
                                   const uint32_t *names, struct hv_register_value *values,
                                   uint32_t count);
hv_status hv_call_set_vp_registers(const struct hv_client *c, hv_partition_id id, hv_vp_index vp,
                                   const struct hv_register_assoc *registers, uint32_t count);
hv_status hv_call_translate_virtual_address(const struct hv_client *c, hv_partition_id id,
                                            hv_vp_index vp, uint64_t flags, uint64_t gva_page,
                                            struct hv_output_translate_virtual_address *result);

/* TLFS 2.0a, 9.3. @type: HvInterceptType*, @access: HV_INTERCEPT_ACCESS_MASK_* */
hv_status hv_call_install_intercept(const struct hv_client *c, hv_partition_id id, uint32_t type,
                                    uint32_t access, uint64_t parameter);

/* TLFS 10.5. @control: HV_INTERRUPT_CONTROL_* and HvX64InterruptType* */
hv_status hv_call_assert_virtual_interrupt(const struct hv_client *c, hv_partition_id id,
                                           uint64_t control, uint64_t destination, uint32_t vector);

/* Ports and connections. TLFS 2.0a, 14.9. @input is copied as it is. */
hv_status hv_call_create_port(const struct hv_client *c, const struct hv_input_create_port *input);
hv_status hv_call_delete_port(const struct hv_client *c, hv_partition_id id, hv_port_id port);
hv_status hv_call_connect_port(const struct hv_client *c,
                               const struct hv_input_connect_port *input);
hv_status hv_call_disconnect_port(const struct hv_client *c, hv_partition_id id,
                                  hv_connection_id connection);

/* TLFS 11.11. @size above HV_MESSAGE_MAX_PAYLOAD_BYTE_COUNT: HV_STATUS_INVALID_PARAMETER, no call
 */
hv_status hv_call_post_message(const struct hv_client *c, hv_connection_id connection,
                               uint32_t type, const void *payload, uint32_t size);
hv_status hv_call_signal_event(const struct hv_client *c, hv_connection_id connection,
                               uint16_t flag);

/* We have spun @spins times for a lock. TLFS 14.5 */
hv_status hv_call_notify_long_spin_wait(const struct hv_client *c, uint64_t spins);

#endif
