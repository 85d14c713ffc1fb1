/* SPDX-License-Identifier: MIT */
/* hcall/hcall.h - hypercalls: one table from call code to handler, and what handlers get.
 *
 * Dispatch checks the caller, the control word, privileges and sizes, copies the input once, calls
 * the handler, and writes the output. A handler takes the elements [rep_start, rep_end) of a rep
 * call; what does not fit into one exit's worth of work is continued by executing the hypercall
 * instruction again, with the rep start index advanced: the guest notices nothing. */
#ifndef HCALL_HCALL_H
#define HCALL_HCALL_H

#include <hvabi/hypercall.h>
#include <hvabi/management.h>
#include <hvabi/port.h>
#include "core/types.h"

struct partition;
struct vp;
struct vp_exit;

/* Elements of a rep call in one exit: about 50 us of work at most. */
#define HCALL_REPS_A_STEP 32u

struct hcall {
    struct vp *vp;
    struct partition *caller;
    const void *in;     /* the header (fast: the registers), copied */
    const void *list;   /* elements from rep_start on, copied */
    void *out;          /* to be filled; for rep calls elements from rep_start on */
    uint32_t variable;  /* slow: words that follow the header of @in */
    uint32_t rep_start; /* of this step */
    uint32_t rep_end;
    uint32_t done;      /* elements completed, those before rep_start included */
    bool again;         /* with HV_STATUS_SUCCESS: nothing more can be done now, come back */
};

typedef hv_status (*hcall_handler)(struct hcall *h);

/* Whom a call may name beside its caller's children. */
enum hcall_self {
    HCALL_SELF_NEVER,
    HCALL_SELF_ROOT, /* its caller, if that is root */
    HCALL_SELF_ANY,  /* its caller */
};

/* The partition @id that the call works on, to be given back with partition_put.
 * HV_STATUS_INVALID_PARTITION_ID: there is none that the caller may know of.
 * HV_STATUS_ACCESS_DENIED: it is the caller, and @self forbids it. */
hv_status hcall_partition(struct hcall *h, uint64_t id, enum hcall_self self,
                          struct partition **out) MUST_CHECK;

/* A VP has executed the hypercall instruction. */
void hcall_exit(struct vp *vp, struct vp_exit *exit);

/* hcall/partition.c: TLFS 2.0A, chapter 5 */
hv_status hcall_create_partition(struct hcall *h);
hv_status hcall_initialize_partition(struct hcall *h);
hv_status hcall_finalize_partition(struct hcall *h);
hv_status hcall_delete_partition(struct hcall *h);
hv_status hcall_get_partition_property(struct hcall *h);
hv_status hcall_set_partition_property(struct hcall *h);
hv_status hcall_get_partition_id(struct hcall *h);
hv_status hcall_get_next_child_partition(struct hcall *h);

/* hcall/memory.c: chapters 7 and 8 */
hv_status hcall_deposit_memory(struct hcall *h);
hv_status hcall_withdraw_memory(struct hcall *h);
hv_status hcall_get_memory_balance(struct hcall *h);
hv_status hcall_map_gpa_pages(struct hcall *h);
hv_status hcall_unmap_gpa_pages(struct hcall *h);

/* hcall/vp.c: chapters 9, 10, 12 and 13 */
hv_status hcall_install_intercept(struct hcall *h);
hv_status hcall_create_vp(struct hcall *h);
hv_status hcall_delete_vp(struct hcall *h);
hv_status hcall_get_vp_registers(struct hcall *h);
hv_status hcall_set_vp_registers(struct hcall *h);
hv_status hcall_translate_virtual_address(struct hcall *h);
hv_status hcall_assert_virtual_interrupt(struct hcall *h);
hv_status hcall_get_logical_processor_run_time(struct hcall *h);

/* hcall/vp_set.c: TLFS 6.0b, 9.4 and 10.5 */
hv_status hcall_flush_space(struct hcall *h);
hv_status hcall_flush_list(struct hcall *h);
hv_status hcall_flush_space_ex(struct hcall *h);
hv_status hcall_flush_list_ex(struct hcall *h);
hv_status hcall_send_cluster_ipi(struct hcall *h);
hv_status hcall_send_cluster_ipi_ex(struct hcall *h);

/* hcall/stats.c: chapter 21 */
hv_status hcall_map_stats_page(struct hcall *h);
hv_status hcall_unmap_stats_page(struct hcall *h);

/* hcall/ipc.c: chapters 14 and 18 */
hv_status hcall_create_port(struct hcall *h);
hv_status hcall_delete_port(struct hcall *h);
hv_status hcall_connect_port(struct hcall *h);
hv_status hcall_disconnect_port(struct hcall *h);
hv_status hcall_post_message(struct hcall *h);
hv_status hcall_signal_event(struct hcall *h);
hv_status hcall_notify_long_spin_wait(struct hcall *h);

#endif
