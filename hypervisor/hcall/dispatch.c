/* SPDX-License-Identifier: MIT */
/* hcall/dispatch.c - from the hypercall instruction to the handler and back. TLFS 6.0b, chapter 3.
 *
 * Order of checks (docs/deviations.md): unknown code, privilege, reserved bits, rep fields,
 * alignment, then the call's own. */
#include "hcall/hcall.h"

#include <rt/mem.h>
#include <x86/cr.h>
#include <x86/decode.h>
#include <x86/exception.h>
#include <x86/insn.h>
#include "core/pcpu.h"
#include "core/statistics.h"
#include "core/vp.h"
#include "emul/gva.h"
#include "mm/guest.h"
#include "virt/virt.h"
#include "virt/vp_exit.h"

struct call {
    hcall_handler handler;
    uint64_t privilege;   /* one of these bits; 0: any caller */
    uint16_t in, in_rep;  /* bytes: header, element */
    uint16_t out, out_rep;
    bool rep;      /* a rep call, even if it has no list */
    bool fast;     /* may be called with parameters in registers */
    bool variable; /* words may follow the header, as many as the control word says */
    bool unread;   /* its list is not looked at: all elements are one step */
    bool counts;   /* may change what core/statistics.h counts */
};

#define PARTITIONS   HV_PRIVILEGE_CREATE_PARTITIONS
#define VP_REGISTERS (HV_PRIVILEGE_CREATE_PARTITIONS | HV_PRIVILEGE_ACCESS_VP_REGISTERS)

#define IN(type)  sizeof(struct hv_input_##type)
#define OUT(type) sizeof(struct hv_output_##type)

static const struct call calls[] = {
    [HvCallFlushVirtualAddressSpace] = {hcall_flush_space, 0,
                                        .in = IN(flush_virtual_address_space)},
    [HvCallFlushVirtualAddressList] = {hcall_flush_list, 0, .in = IN(flush_virtual_address_list),
                                       .in_rep = 8, .rep = true, .unread = true},
    [HvCallFlushVirtualAddressSpaceEx] = {hcall_flush_space_ex, 0,
                                          .in = IN(flush_virtual_address_space_ex),
                                          .variable = true},
    [HvCallFlushVirtualAddressListEx] = {hcall_flush_list_ex, 0,
                                         .in = IN(flush_virtual_address_space_ex), .in_rep = 8,
                                         .rep = true, .variable = true, .unread = true},
    [HvCallSendSyntheticClusterIpi] = {hcall_send_cluster_ipi, 0,
                                       .in = IN(send_synthetic_cluster_ipi), .fast = true},
    [HvCallSendSyntheticClusterIpiEx] = {hcall_send_cluster_ipi_ex, 0,
                                         .in = IN(send_synthetic_cluster_ipi_ex), .variable = true},
    [HvCallNotifyLongSpinWait] = {hcall_notify_long_spin_wait, 0, .in = IN(notify_long_spin_wait),
                                  .fast = true},
    [HvCallGetLogicalProcessorRunTime] = {hcall_get_logical_processor_run_time,
                                          HV_PRIVILEGE_CPU_MANAGEMENT,
                                          .in = IN(get_logical_processor_run_time),
                                          .out = OUT(get_logical_processor_run_time)},
    [HvCallCreatePartition] = {hcall_create_partition, PARTITIONS, .in = IN(create_partition),
                               .out = OUT(create_partition), .counts = true},
    [HvCallInitializePartition] = {hcall_initialize_partition, PARTITIONS, .in = IN(partition),
                                   .fast = true, .counts = true},
    [HvCallFinalizePartition] = {hcall_finalize_partition, PARTITIONS, .in = IN(partition),
                                 .fast = true, .counts = true},
    [HvCallDeletePartition] = {hcall_delete_partition, PARTITIONS, .in = IN(partition),
                               .fast = true, .counts = true},
    [HvCallGetPartitionProperty] = {hcall_get_partition_property, PARTITIONS,
                                    .in = IN(get_partition_property),
                                    .out = OUT(get_partition_property)},
    [HvCallSetPartitionProperty] = {hcall_set_partition_property, PARTITIONS,
                                    .in = IN(set_partition_property)},
    [HvCallGetPartitionId] = {hcall_get_partition_id, HV_PRIVILEGE_ACCESS_PARTITION_ID,
                              .out = OUT(get_partition_id)},
    [HvCallGetNextChildPartition] = {hcall_get_next_child_partition, PARTITIONS,
                                     .in = IN(get_next_child_partition),
                                     .out = OUT(get_next_child_partition)},
    [HvCallDepositMemory] = {hcall_deposit_memory, HV_PRIVILEGE_ACCESS_MEMORY_POOL,
                             .in = IN(deposit_memory), .in_rep = 8, .rep = true, .counts = true},
    [HvCallWithdrawMemory] = {hcall_withdraw_memory, HV_PRIVILEGE_ACCESS_MEMORY_POOL,
                              .in = IN(withdraw_memory), .out_rep = 8, .rep = true, .counts = true},
    [HvCallGetMemoryBalance] = {hcall_get_memory_balance, HV_PRIVILEGE_ACCESS_MEMORY_POOL,
                                .in = IN(get_memory_balance), .out = OUT(get_memory_balance)},
    [HvCallMapGpaPages] = {hcall_map_gpa_pages, PARTITIONS, .in = IN(map_gpa_pages), .in_rep = 8,
                           .rep = true, .counts = true},
    [HvCallUnmapGpaPages] = {hcall_unmap_gpa_pages, PARTITIONS, .in = IN(unmap_gpa_pages),
                             .rep = true, .counts = true},
    [HvCallInstallIntercept] = {hcall_install_intercept, PARTITIONS, .in = IN(install_intercept)},
    [HvCallCreateVp] = {hcall_create_vp, PARTITIONS, .in = IN(create_vp), .counts = true},
    [HvCallDeleteVp] = {hcall_delete_vp, PARTITIONS, .in = IN(delete_vp), .fast = true,
                        .counts = true},
    [HvCallGetVpRegisters] = {hcall_get_vp_registers, VP_REGISTERS, .in = IN(get_vp_registers),
                              .in_rep = 4, .out_rep = sizeof(struct hv_register_value),
                              .rep = true},
    [HvCallSetVpRegisters] = {hcall_set_vp_registers, VP_REGISTERS, .in = IN(set_vp_registers),
                              .in_rep = sizeof(struct hv_register_assoc), .rep = true},
    [HvCallTranslateVirtualAddress] = {hcall_translate_virtual_address, PARTITIONS,
                                       .in = IN(translate_virtual_address),
                                       .out = OUT(translate_virtual_address)},
    [HvCallAssertVirtualInterrupt] = {hcall_assert_virtual_interrupt, PARTITIONS,
                                      .in = IN(assert_virtual_interrupt)},
    [HvCallCreatePort] = {hcall_create_port, HV_PRIVILEGE_CREATE_PORT, .in = IN(create_port),
                          .counts = true},
    [HvCallDeletePort] = {hcall_delete_port, HV_PRIVILEGE_CREATE_PORT, .in = IN(delete_port),
                          .fast = true, .counts = true},
    [HvCallConnectPort] = {hcall_connect_port, HV_PRIVILEGE_CONNECT_PORT, .in = IN(connect_port),
                           .counts = true},
    [HvCallDisconnectPort] = {hcall_disconnect_port, HV_PRIVILEGE_CONNECT_PORT,
                              .in = IN(disconnect_port), .fast = true, .counts = true},
    [HvCallMapStatsPage] = {hcall_map_stats_page, HV_PRIVILEGE_ACCESS_STATS,
                            .in = IN(map_stats_page), .counts = true},
    [HvCallUnmapStatsPage] = {hcall_unmap_stats_page, HV_PRIVILEGE_ACCESS_STATS,
                              .in = offsetof(struct hv_input_map_stats_page, gpa_page),
                              .counts = true},
    [HvCallPostMessage] = {hcall_post_message, HV_PRIVILEGE_POST_MESSAGES, .in = IN(post_message)},
    [HvCallSignalEvent] = {hcall_signal_event, HV_PRIVILEGE_SIGNAL_EVENTS, .in = IN(signal_event),
                           .fast = true},
};

/* VMMCALL and VMCALL; a prefix before them is the guest's own mistake. */
#define VMCALL_LENGTH 3u

/* The three parameters of a call, as the caller's mode passes them. TLFS 6.0b, 3.7. */
struct parameters {
    uint64_t control, in, out;
};

static struct parameters get_parameters(const struct vp *vp, bool code_64)
{
    const uint64_t *g = vp->gpr;

    if (code_64)
        return (struct parameters){g[X86_RCX], g[X86_RDX], g[8]};
    return (struct parameters){
        g[X86_RDX] << 32 | (uint32_t)g[X86_RAX],
        g[X86_RBX] << 32 | (uint32_t)g[X86_RCX],
        g[X86_RDI] << 32 | (uint32_t)g[X86_RSI],
    };
}

static void set_result(struct vp *vp, bool code_64, uint64_t result)
{
    if (code_64) {
        vp->gpr[X86_RAX] = result;
        return;
    }
    vp->gpr[X86_RAX] = (uint32_t)result;
    vp->gpr[X86_RDX] = result >> 32;
}

static void set_control(struct vp *vp, bool code_64, uint64_t control)
{
    if (code_64) {
        vp->gpr[X86_RCX] = control;
        return;
    }
    vp->gpr[X86_RAX] = (uint32_t)control;
    vp->gpr[X86_RDX] = control >> 32;
}

static uint32_t rep_count(uint64_t control)
{
    return (uint32_t)((control & HV_HYPERCALL_REP_COUNT_MASK) >> HV_HYPERCALL_REP_COUNT_SHIFT);
}

static uint32_t rep_start(uint64_t control)
{
    return (uint32_t)((control & HV_HYPERCALL_REP_START_MASK) >> HV_HYPERCALL_REP_START_SHIFT);
}

static uint32_t variable_words(uint64_t control)
{
    return (uint32_t)((control & HV_HYPERCALL_VARIABLE_HEADER_MASK) >>
                      HV_HYPERCALL_VARIABLE_HEADER_SHIFT);
}

static const struct call *find(uint64_t control)
{
    uint64_t code = control & HV_HYPERCALL_CODE_MASK;

    if (code >= ARRAY_SIZE(calls))
        return NULL;
    const struct call *c = &calls[insn_index_nospec(code, ARRAY_SIZE(calls))];
    return c->handler != NULL ? c : NULL;
}

/* The control word alone. */
static hv_status check_control(const struct call *c, const struct partition *p, uint64_t control)
{
    if (c == NULL)
        return HV_STATUS_INVALID_HYPERCALL_CODE;
    if (c->privilege != 0 && (p->privileges & c->privilege) == 0)
        return HV_STATUS_ACCESS_DENIED;
    if ((control & (HV_HYPERCALL_RESERVED_MASK | HV_HYPERCALL_NESTED |
                    HV_HYPERCALL_VARIABLE_HEADER_MASK)) != 0 &&
        !(c->variable && (control & (HV_HYPERCALL_RESERVED_MASK | HV_HYPERCALL_NESTED)) == 0))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    /* A start index below the count: so there is a count. */
    if (c->rep ? rep_start(control) >= rep_count(control)
               : (control & (HV_HYPERCALL_REP_COUNT_MASK | HV_HYPERCALL_REP_START_MASK)) != 0)
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    if ((control & HV_HYPERCALL_FAST) && !c->fast)
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    return HV_STATUS_SUCCESS;
}

/* A block of @size bytes at @at: aligned, within a page and the space. */
static bool well_placed(const struct partition *p, uint64_t at, uint64_t size)
{
    return size == 0 || (at % HV_HYPERCALL_ALIGNMENT == 0 && size <= PAGE_SIZE &&
                         (at & PAGE_MASK) + size <= PAGE_SIZE && at < p->slat.limit);
}

/* Bytes of the header and of the words that follow it. */
static uint32_t header_size(const struct hcall *h, const struct call *c)
{
    return c->in + h->variable * (uint32_t)sizeof(uint64_t);
}

/* Copy what this step needs: the header, and its part of the list, which in the first step follows
 * at once. */
static hv_status copy_in(struct hcall *h, const struct call *c, const struct parameters *at,
                         uint8_t *buffer)
{
    struct slat *s = &h->caller->slat;
    struct guest_view *v = &h->vp->views[VP_VIEW_INPUT];
    uint32_t header = header_size(h, c);
    uint32_t list = c->unread ? 0 : (h->rep_end - h->rep_start) * c->in_rep;
    uint32_t first = h->rep_start == 0 ? header + list : header;
    uint64_t later = at->in + header + (uint64_t)h->rep_start * c->in_rep;
    hv_status st = HV_STATUS_SUCCESS;

    h->in = buffer;
    h->list = buffer + header;
    if (first != 0)
        st = guest_view_read(v, s, gpa(at->in), buffer, first);
    if (st == HV_STATUS_SUCCESS && first == header && list != 0)
        st = guest_view_read(v, s, gpa(later), buffer + header, list);
    return st == HV_STATUS_SUCCESS ? st : HV_STATUS_INVALID_HYPERCALL_INPUT;
}

/* Is the output block there and writable, before anything is done? */
static bool out_writable(const struct hcall *h, uint64_t at, uint64_t size)
{
    struct slat_view view;

    return size == 0 || (slat_query(&h->caller->slat, gpa(at), &view) == HV_STATUS_SUCCESS &&
                         (view.access & SLAT_WRITE));
}

static hv_status call_slow(struct hcall *h, const struct call *c, const struct parameters *at)
{
    struct pcpu *cpu = this_cpu();
    uint32_t count = rep_count(at->control);
    uint64_t in, out = c->out + (uint64_t)count * c->out_rep;
    hv_status st;

    h->variable = variable_words(at->control);
    in = header_size(h, c) + (uint64_t)count * c->in_rep;
    if (!well_placed(h->caller, at->in, in) || !well_placed(h->caller, at->out, out))
        return HV_STATUS_INVALID_ALIGNMENT;
    if (!out_writable(h, at->out, out))
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    st = copy_in(h, c, at, cpu->hcall_in);
    if (st != HV_STATUS_SUCCESS)
        return st;
    h->out = cpu->hcall_out;
    if (out != 0)
        memset(h->out, 0, c->out + (h->rep_end - h->rep_start) * (uint64_t)c->out_rep);
    st = c->handler(h);
    uint64_t produced = c->rep ? (h->done - h->rep_start) * (uint64_t)c->out_rep
                               : st == HV_STATUS_SUCCESS && !h->again ? c->out : 0;
    if (produced != 0 &&
        guest_write(&h->caller->slat, gpa(at->out + (uint64_t)h->rep_start * c->out_rep), h->out,
                    produced) != HV_STATUS_SUCCESS)
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    return st;
}

static hv_status call_fast(struct hcall *h, const struct call *c, const struct parameters *at)
{
    uint64_t in[2] = {at->in, at->out};

    h->in = in;
    h->list = NULL;
    h->out = NULL;
    return c->handler(h);
}

/* The elements of this step. A call without a list, or one that does not look at it, bounds its
 * steps itself. */
static void set_step(struct hcall *h, const struct call *c, uint64_t control)
{
    uint32_t count = rep_count(control);

    h->rep_start = h->done = rep_start(control);
    h->rep_end =
        (c->in_rep | c->out_rep) != 0 && !c->unread && count - h->rep_start > HCALL_REPS_A_STEP
            ? h->rep_start + HCALL_REPS_A_STEP
            : count;
}

static hv_status dispatch(struct hcall *h, const struct parameters *at)
{
    const struct call *c = find(at->control);
    hv_status st = check_control(c, h->caller, at->control);

    if (st != HV_STATUS_SUCCESS)
        return st;
    if (c->rep)
        set_step(h, c, at->control);
    st = at->control & HV_HYPERCALL_FAST ? call_fast(h, c, at) : call_slow(h, c, at);
    if (c->counts)
        statistics_refresh();
    return st;
}

/* TLFS 6.0b, 3.5: CPL 0 of protected mode, and the interface established. */
static bool legal(const struct vp *vp)
{
    return virt_cpl(vp) == 0 && (virt_cr0(vp) & CR0_PE) && !(vp->rflags & RFLAGS_VM) &&
           vp->partition->guest_os_id != 0;
}

void hcall_exit(struct vp *vp, struct vp_exit *exit)
{
    struct hcall h;
    bool code_64 = virt_code_64(vp);
    struct parameters at;
    hv_status st;

    if (!legal(vp)) {
        virt_inject_exception(vp, EXCEPTION_UD, false, 0);
        return;
    }
    /* The blocks are set with the call that has them. */
    h.vp = vp;
    h.caller = vp->partition;
    h.rep_start = h.rep_end = h.done = 0;
    h.again = false;
    at = get_parameters(vp, code_64);
    st = dispatch(&h, &at);
    if (st == HV_STATUS_SUCCESS && (h.again || h.done < rep_count(at.control))) {
        at.control = (at.control & ~HV_HYPERCALL_REP_START_MASK) |
                     (uint64_t)h.done << HV_HYPERCALL_REP_START_SHIFT;
        set_control(vp, code_64, at.control);
        return; /* RIP stays: the instruction is executed again */
    }
    set_result(vp, code_64, st | (uint64_t)h.done << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT);
    virt_skip(vp, exit->insn_len != 0 ? exit->insn_len : VMCALL_LENGTH);
}
