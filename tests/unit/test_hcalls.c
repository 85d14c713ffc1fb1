/* SPDX-License-Identifier: MIT */
/* test_hcalls.c - what the management calls do and refuse, from root's VP 0: partitions, memory,
 * ports. TLFS 2.0A, chapters 5 to 14. */
#include "hcall_fixture.h"

#include <hvabi/port.h>
#include <x86/decode.h>
#include "mm/pfn.h"
#include "mm/phys.h"
#include "synic/monitor.h"

#define NO_SUCH_ID 0x123456789ull

/* ---- partitions ---- */

static void calls_refuse_a_partition_that_is_not_there(void **state)
{
    static const uint16_t codes[] = {
        HvCallInitializePartition,
        HvCallFinalizePartition,
        HvCallDeletePartition,
        HvCallGetPartitionProperty,
        HvCallSetPartitionProperty,
        HvCallGetMemoryBalance,
        HvCallInstallIntercept,
        HvCallCreateVp,
        HvCallDeleteVp,
        HvCallTranslateVirtualAddress,
        HvCallDeletePort,
        HvCallDisconnectPort,
    };
    static const uint16_t reps[] = {HvCallDepositMemory,  HvCallWithdrawMemory,
                                    HvCallMapGpaPages,    HvCallUnmapGpaPages,
                                    HvCallGetVpRegisters, HvCallSetVpRegisters};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        assert_int_equal(CALL(codes[i], NO_SUCH_ID, 0, 0, 0, 0), HV_STATUS_INVALID_PARTITION_ID);
    for (size_t i = 0; i < ARRAY_SIZE(reps); i++)
        assert_int_equal(CALL(MACHINE_REP(reps[i], 1), NO_SUCH_ID, 0, 0, 0, 0, 0),
                         HV_STATUS_INVALID_PARTITION_ID);
}

static void id_is_never_used_again(void **state)
{
    uint64_t id = child->id;

    (void)state;
    machine_child_end(child);
    child = machine_child(1, 1);
    assert_int_not_equal(child->id, id);
    assert_int_equal(CALL(HvCallFinalizePartition, id), HV_STATUS_INVALID_PARTITION_ID);
}

static void life_has_an_order(void **state)
{
    (void)state;
    assert_int_equal(CALL(HvCallInitializePartition, child->id), HV_STATUS_INVALID_PARTITION_STATE);
    assert_int_equal(CALL(HvCallDeletePartition, child->id), HV_STATUS_INVALID_PARTITION_STATE);
    assert_int_equal(CALL(HvCallFinalizePartition, child->id), HV_STATUS_SUCCESS);
    assert_int_equal(CALL(HvCallCreateVp, child->id, 5, 0, 0, 0),
                     HV_STATUS_INVALID_PARTITION_STATE);
    assert_int_equal(CALL(HvCallDeletePartition, child->id),
                     HV_STATUS_OPERATION_DENIED); /* memory */
}

static uint64_t next_child(uint64_t previous)
{
    const uint64_t in[] = {HV_PARTITION_ID_SELF, previous};
    uint64_t next = 0;

    assert_int_equal(machine_call(HvCallGetNextChildPartition, in, sizeof(in), &next, sizeof(next)),
                     HV_STATUS_SUCCESS);
    return next;
}

static void children_are_told_in_the_order_of_their_creation(void **state)
{
    const uint64_t gone = child->id;
    struct partition *second = machine_child(1, 1), *third;
    uint64_t self = HV_PARTITION_ID_SELF;

    (void)state;
    machine_child_end(child);
    third = machine_child(1, 1); /* in the slot of the first */
    assert_true(third->slot < second->slot);
    assert_int_equal(next_child(HV_PARTITION_ID_INVALID), second->id);
    assert_int_equal(next_child(second->id), third->id);
    assert_int_equal(next_child(third->id), HV_PARTITION_ID_INVALID);
    assert_int_equal(CALL(HvCallGetNextChildPartition, self, gone), HV_STATUS_INVALID_PARTITION_ID);
    assert_int_equal(CALL(HvCallGetNextChildPartition, self, root_partition->id),
                     HV_STATUS_INVALID_PARTITION_ID);
    assert_int_equal(CALL(HvCallGetNextChildPartition, NO_SUCH_ID, 0),
                     HV_STATUS_INVALID_PARTITION_ID);
}

static void all_that_a_child_had_comes_back(void **state)
{
    uint64_t in_use = pool_balance(&root_partition->pool).in_use;

    (void)state;
    machine_child_end(machine_child(4, 16)); /* which checks the rest */
    assert_in_range(pool_balance(&root_partition->pool).in_use, in_use, in_use + 4);
    assert_int_equal(pfn_mappings(), 8);
}

static void initialization_without_memory_can_be_tried_again(void **state)
{
    const struct hv_input_create_partition create = {0};
    struct partition *p;
    uint64_t id;

    (void)state;
    machine_call(HvCallCreatePartition, &create, sizeof(create), &id, sizeof(id));
    for (unsigned pages = 0;; pages++) {
        uint64_t status = CALL(HvCallInitializePartition, id);
        if (status == HV_STATUS_SUCCESS)
            break;
        assert_int_equal(status, HV_STATUS_INSUFFICIENT_MEMORY);
        assert_true(pages < 64);
        machine_deposit(id, 1);
    }
    p = partition_get(root_partition, id);
    assert_non_null(p);
    partition_put(p);
    machine_child_end(p);
}

/* ---- memory ---- */

static void deposited_page_leaves_root_and_mapped_one_cannot(void **state)
{
    gpa_t page = machine_page();
    uint64_t mapped = machine_child_ram(child, 0).v >> PAGE_SHIFT, number = page.v >> PAGE_SHIFT;
    struct slat_view view;

    (void)state;
    assert_int_equal(CALL(MACHINE_REP(HvCallDepositMemory, 1), child->id, number),
                     HV_STATUS_SUCCESS);
    assert_int_equal(slat_query(&root_partition->slat, page, &view), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(CALL(MACHINE_REP(HvCallDepositMemory, 1), child->id, number),
                     HV_STATUS_OPERATION_DENIED);
    assert_int_equal(CALL(MACHINE_REP(HvCallDepositMemory, 1), child->id, mapped),
                     HV_STATUS_OPERATION_DENIED);
}

static void map_flags_that_we_lack_are_refused(void **state)
{
    static const uint32_t flags[] = {
        HV_MAP_GPA_NO_ACCESS,  HV_MAP_GPA_ZEROED,
        HV_MAP_GPA_NO_OVERLAY, HV_MAP_GPA_KERNEL_EXECUTABLE | HV_MAP_GPA_READABLE,
        HV_MAP_GPA_WRITABLE,   1u << 10};
    uint64_t page = machine_page().v >> PAGE_SHIFT;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        assert_int_equal(CALL(MACHINE_REP(HvCallMapGpaPages, 1), child->id, 0x100, flags[i], page),
                         HV_STATUS_INVALID_PARAMETER);
}

static void page_numbers_beyond_all_addresses_are_refused(void **state)
{
    const uint64_t beyond = 1ull << 52, page = machine_page().v >> PAGE_SHIFT;
    const uint32_t flags = HV_MAP_GPA_READABLE;

    (void)state;
    assert_int_equal(CALL(MACHINE_REP(HvCallDepositMemory, 1), child->id, beyond | page),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(MACHINE_REP(HvCallMapGpaPages, 1), child->id, beyond | 5, flags, page),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(MACHINE_REP(HvCallMapGpaPages, 1), child->id, 5, flags, beyond | page),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(MACHINE_REP(HvCallUnmapGpaPages, 1), child->id, beyond | 5, 0),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(MACHINE_REP(HvCallUnmapGpaPages, 2), child->id, UINT64_MAX, 0),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(HvCallMapStatsPage, HvStatsObjectVp, child->id, 0, beyond | page),
                     HV_STATUS_INVALID_PARAMETER);
}

/* Ask for rights of root's to its @page, with the source @from. */
static uint64_t protect(uint64_t page, uint64_t from, uint32_t flags)
{
    return CALL(MACHINE_REP(HvCallMapGpaPages, 1), HV_PARTITION_ID_SELF, page, flags, from);
}

static unsigned root_access(uint64_t page)
{
    struct slat_view view;

    assert_int_equal(slat_query(&root_partition->slat, gpa(page << PAGE_SHIFT), &view),
                     HV_STATUS_SUCCESS);
    return view.access;
}

static void root_changes_rights_of_large_pages_whole(void **state)
{
    const uint64_t large = 24 * MIB >> PAGE_SHIFT;
    const uint32_t all = HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE | HV_MAP_GPA_EXECUTABLE;

    (void)state;
    assert_int_equal(protect(large, large, HV_MAP_GPA_READABLE | HV_MAP_GPA_LARGE_PAGE),
                     HV_STATUS_SUCCESS);
    assert_int_equal(root_access(large), SLAT_READ);
    assert_int_equal(root_access(large + 511), SLAT_READ);
    assert_int_equal(protect(large, large, all | HV_MAP_GPA_LARGE_PAGE), HV_STATUS_SUCCESS);
    assert_int_equal(root_access(large + 511), SLAT_RWX);
}

static void root_cannot_map_itself_anew(void **state)
{
    const uint64_t page = 24 * MIB >> PAGE_SHIFT;

    (void)state;
    assert_int_equal(protect(page, page + 1, HV_MAP_GPA_READABLE), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(protect(page, page, HV_MAP_GPA_READABLE | HV_MAP_GPA_UNCACHED),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(root_access(page), SLAT_RWX);
}

/* A large page takes 512 references: a step does few of them, whatever the list's length. */
static void large_mappings_are_made_in_short_steps(void **state)
{
    enum { COUNT = 20, A_STEP = 8 };
    const struct vp_exit exit = {.reason = VP_EXIT_HYPERCALL, .insn_len = 3};
    struct vp *vp = partition_vp(root_partition, 0);
    struct hv_input_map_gpa_pages *in = machine_ptr(machine.call_in);
    uint64_t rip = vp->rip;
    unsigned steps = 0;

    (void)state;
    *in = (struct hv_input_map_gpa_pages){
        .target_partition_id = child->id,
        .target_gpa_base = 2 * MIB >> PAGE_SHIFT,
        .map_flags = HV_MAP_GPA_PERMISSIONS_MASK | HV_MAP_GPA_LARGE_PAGE,
    };
    for (unsigned i = 0; i < COUNT; i++)
        in->source_gpa_page_list[i] = 8 * MIB >> PAGE_SHIFT;
    vp->gpr[X86_RCX] = MACHINE_REP(HvCallMapGpaPages, COUNT);
    vp->gpr[X86_RDX] = machine.call_in.v;
    machine_enter(vp);
    for (; vp->rip == rip; steps++)
        machine_exit(vp, &exit);
    machine_leave(vp);
    assert_int_equal(vp->gpr[X86_RAX], (uint64_t)COUNT << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT);
    assert_in_range(steps, COUNT / A_STEP, COUNT);
}

/* ---- ports ---- */

/* Root makes a port on its SINT 2, connects the child to it, and the child posts. */
static void child_reaches_root_through_a_connection(void **state)
{
    struct hv_input_create_port port = {
        .port_partition_id = HV_PARTITION_ID_SELF,
        .port_id = 9,
        .connection_partition_id = child->id,
        .port_info = {.port_type = HvPortTypeMessage, .message = {.target_sint = 2}}};
    struct hv_input_connect_port connect = {.connection_partition_id = child->id,
                                            .connection_id = 4,
                                            .port_partition_id = HV_PARTITION_ID_SELF,
                                            .port_id = 9,
                                            .connection_info = {.port_type = HvPortTypeMessage}};
    struct hv_input_post_message post = {.connection_id = 4, .message_type = 1, .payload_size = 8};
    struct vp *vp = partition_vp(child, 0), *root = partition_vp(root_partition, 0);
    const struct hv_message *m = (const struct hv_message *)hpa_ptr(root->sim_page) + 2;

    (void)state;
    assert_true(synic_msr_write(&root->synic, HV_X64_MSR_SINT2, 0x42));
    assert_int_equal(call(HvCallCreatePort, &port, sizeof(port)), HV_STATUS_SUCCESS);
    assert_int_equal(call(HvCallConnectPort, &connect, sizeof(connect)), HV_STATUS_SUCCESS);
    post.payload[0] = 0xfeed;
    memcpy(machine_ptr(machine_child_ram(child, 0x1000)), &post, sizeof(post));
    machine_enter(vp);
    assert_int_equal(machine_hypercall(vp, HvCallPostMessage, 0x1000, 0), HV_STATUS_SUCCESS);
    assert_int_equal(m->header.message_type, 1);
    assert_int_equal(m->header.origination_id, 9);
    assert_int_equal(m->payload[0], 0xfeed);
    post.connection_id = 5;
    memcpy(machine_ptr(machine_child_ram(child, 0x1000)), &post, sizeof(post));
    assert_int_equal(machine_hypercall(vp, HvCallPostMessage, 0x1000, 0),
                     HV_STATUS_INVALID_CONNECTION_ID);
    machine_leave(vp);
}

/* What a partition finds at @at if it is an overlay; else NULL. */
static void *overlaid(struct partition *p, uint64_t at)
{
    struct slat_view view;

    if (slat_query(&p->slat, gpa(at), &view) != HV_STATUS_SUCCESS || !view.overlay)
        return NULL;
    assert_int_equal(view.access, SLAT_READ | SLAT_WRITE);
    return hpa_ptr(view.hpa);
}

#define MONITOR_AT 0x3000ull /* in the child */

/* An event port 9 and a monitor port 10 of root, with connections 4 and 5 of the child to them; root
 * sees the monitor page at @root_at. */
static struct hv_monitor_page *connect_monitor(gpa_t root_at)
{
    const uint64_t self = HV_PARTITION_ID_SELF, peer = child->id;
    struct vp *root = partition_vp(root_partition, 0);
    struct hv_monitor_page *page;

    assert_true(synic_msr_write(&root->synic, HV_X64_MSR_SINT2, 0x42));
    assert_true(synic_msr_write(&root->synic, HV_X64_MSR_SIEFP, machine_page().v | 1));
    assert_int_equal(CALL(HvCallCreatePort, self, 9, peer, HvPortTypeEvent, 2, 32ull << 16, 0),
                     HV_STATUS_SUCCESS);
    assert_int_equal(CALL(HvCallConnectPort, peer, 4, self, 9, HvPortTypeEvent, 0, 0, 0, 0),
                     HV_STATUS_SUCCESS);
    assert_int_equal(CALL(HvCallCreatePort, self, 10, peer, HvPortTypeMonitor, root_at.v, 0, 0),
                     HV_STATUS_SUCCESS);
    assert_int_equal(
        CALL(HvCallConnectPort, peer, 5, self, 10, HvPortTypeMonitor, MONITOR_AT, 0, 0, 0),
        HV_STATUS_SUCCESS);
    page = overlaid(root_partition, root_at.v);
    assert_non_null(page);
    assert_ptr_equal(overlaid(child, MONITOR_AT), page);
    page->trigger_state = 1;
    page->latency[0][3] = 1000;
    page->parameter[0][3] = (struct hv_monitor_parameter){4, 17, 0};
    return page;
}

/* No VP runs, and still what the child has set is signalled; then nobody looks until a VP does. */
static void child_reaches_root_through_a_monitor_page(void **state)
{
    struct vp *root = partition_vp(root_partition, 0);
    const uint8_t *flags =
        ((const struct hv_synic_event_flags_page *)hpa_ptr(root->sief_page))->slots[2].flags;
    gpa_t root_at = machine_page();
    uint64_t before = monitor_count();
    struct hv_monitor_page *page = connect_monitor(root_at);

    (void)state;
    page->trigger_group[0].pending = 1u << 3;
    machine_run(machine.tsc + MACHINE_TSC_HZ);
    assert_int_equal(flags[17 / 8], 1u << 17 % 8);
    assert_int_equal(page->trigger_group[0].as_uint64, 0);
    assert_int_equal(child->ports.asleep, 1);
    machine_enter(partition_vp(child, 0));
    assert_int_equal(child->ports.asleep, 0);
    machine_leave(partition_vp(child, 0));

    assert_int_equal(CALL(HvCallDeletePort, HV_PARTITION_ID_SELF, 10), HV_STATUS_SUCCESS);
    assert_null(overlaid(root_partition, root_at.v));
    assert_null(overlaid(child, MONITOR_AT));
    assert_int_equal(monitor_count(), before);
}

/* Two looks: one that arms the trigger, and one that signals it. */
static void look_twice(struct hv_monitor_page *page)
{
    page->trigger_group[0].pending = 1u << 3;
    for (unsigned i = 0; i < 2; i++) {
        machine.tsc += MACHINE_TSC_HZ / 1000;
        timers_run(this_cpu());
    }
    assert_int_equal(page->trigger_group[0].as_uint64, 0);
}

static void child_that_runs_pays_for_what_its_trigger_causes(void **state)
{
    const struct vp *root = partition_vp(root_partition, 0);
    struct hv_monitor_page *page = connect_monitor(machine_page());
    struct vp *vp = partition_vp(child, 0);

    (void)state;
    assert_int_equal(root->sched.lp, this_cpu()->lp_index);
    look_twice(page);
    assert_null(this_cpu()->run_queue.payer);
    memset(hpa_ptr(root->sief_page), 0, PAGE_SIZE);
    machine_enter(vp);
    look_twice(page);
    assert_ptr_equal(this_cpu()->run_queue.payer, child);
    assert_null(this_cpu()->cause);
    machine_leave(vp);
}

static void child_that_may_not_signal_cannot_by_a_trigger(void **state)
{
    const struct vp *root = partition_vp(root_partition, 0);
    const uint8_t *flags = hpa_ptr(root->sief_page);
    struct hv_monitor_page *page = connect_monitor(machine_page());

    (void)state;
    child->privileges &= ~HV_PRIVILEGE_SIGNAL_EVENTS;
    look_twice(page);
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(flags[i], 0);
}

static void monitored_child_gives_all_back(void **state)
{
    gpa_t root_at = machine_page();
    uint64_t before = monitor_count();
    struct hv_monitor_page *page = connect_monitor(root_at);

    (void)state;
    page->trigger_group[0].pending = 1u << 3;
    machine_run(machine.tsc + MACHINE_TSC_HZ / 10000);
    machine_child_end(child);
    assert_int_equal(monitor_count(), before);
    assert_ptr_equal(overlaid(root_partition, root_at.v), page); /* the port is still root's */
    machine_run(machine.tsc + MACHINE_TSC_HZ);
    assert_int_equal(CALL(HvCallDeletePort, HV_PARTITION_ID_SELF, 10), HV_STATUS_SUCCESS);
    assert_null(overlaid(root_partition, root_at.v));
}

static void monitor_page_beyond_the_space_is_refused(void **state)
{
    const uint64_t self = HV_PARTITION_ID_SELF, peer = child->id;

    (void)state;
    assert_int_equal(CALL(HvCallCreatePort, self, 10, peer, HvPortTypeMonitor, 1ull << 48, 0, 0),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(
        CALL(HvCallCreatePort, self, 10, peer, HvPortTypeMonitor, machine_page().v, 0, 0),
        HV_STATUS_SUCCESS);
    assert_int_equal(
        CALL(HvCallConnectPort, peer, 5, self, 10, HvPortTypeMonitor, 1ull << 40, 0, 0, 0),
        HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(
        CALL(HvCallConnectPort, peer, 5, self, 10, HvPortTypeMonitor, MONITOR_AT + 8, 0, 0, 0),
        HV_STATUS_INVALID_ALIGNMENT);
    assert_int_equal(
        CALL(HvCallConnectPort, peer, 5, self, 10, HvPortTypeMonitor, MONITOR_AT, 0, 0, 0),
        HV_STATUS_SUCCESS);
}

/* ---- fields that only other versions of the interface use ---- */

static void fields_for_what_we_lack_must_be_zero(void **state)
{
    const uint64_t self = HV_PARTITION_ID_SELF, peer = child->id;
    const uint64_t type = HvPortTypeMessage;

    (void)state;
    for (unsigned byte = 0; byte < 4; byte++) {
        const uint64_t high = 1ull << (32 + 8 * byte); /* after a VP's or port's index */
        assert_int_equal(CALL(MACHINE_REP(HvCallGetVpRegisters, 1), peer, high, 0),
                         HV_STATUS_INVALID_PARAMETER);
        assert_int_equal(CALL(MACHINE_REP(HvCallSetVpRegisters, 1), peer, high, 0, 0, 0, 0),
                         HV_STATUS_INVALID_PARAMETER);
        assert_int_equal(CALL(HvCallCreateVp, peer, high | 2, 0, 0, 0),
                         HV_STATUS_INVALID_PARAMETER);
        assert_int_equal(CALL(HvCallCreatePort, self, high | 9, peer, type, 2, 0, 0),
                         HV_STATUS_INVALID_PARAMETER);
        assert_int_equal(CALL(HvCallConnectPort, peer, high | 4, self, 9, type, 0, 0, 0, 0),
                         HV_STATUS_INVALID_PARAMETER);
        assert_int_equal(CALL(HvCallAssertVirtualInterrupt, peer, 0, 1, high | 0x51),
                         HV_STATUS_INVALID_PARAMETER);
    }
    assert_int_equal(CALL(MACHINE_REP(HvCallUnmapGpaPages, 1), peer, 5, 1), /* flags */
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(MACHINE_REP(HvCallUnmapGpaPages, 1), peer, 5, 1ull << 32),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(HvCallCreatePort, self, 9, peer, type, 2, 0, 0), HV_STATUS_SUCCESS);
    assert_int_equal(CALL(HvCallConnectPort, peer, 4, self, 9, type, 0, 0, 0, 0),
                     HV_STATUS_SUCCESS);
}

static void child_may_not_manage(void **state)
{
    struct vp *vp = partition_vp(child, 0);

    (void)state;
    machine_enter(vp);
    assert_int_equal(machine_hypercall(vp, HvCallCreatePartition, 0x1000, 0x2000),
                     HV_STATUS_ACCESS_DENIED);
    assert_int_equal(machine_hypercall(vp, HvCallGetPartitionId, 0, 0x2000),
                     HV_STATUS_ACCESS_DENIED);
    assert_int_equal(machine_hypercall(vp, MACHINE_REP(HvCallDepositMemory, 1), 0x1000, 0),
                     HV_STATUS_ACCESS_DENIED);
    machine_leave(vp);
}

static uint64_t set_property(const struct partition *p, uint32_t code, uint64_t value)
{
    return CALL(HvCallSetPartitionProperty, p->id, code, value);
}

static uint64_t property_of(const struct partition *p, uint32_t code)
{
    const uint64_t in[] = {p->id, code};
    uint64_t value = 0;

    assert_int_equal(
        machine_call(HvCallGetPartitionProperty, in, sizeof(in), &value, sizeof(value)),
        HV_STATUS_SUCCESS);
    return value;
}

static void reserve_is_at_most_the_cap_and_that_a_processor(void **state)
{
    const uint32_t cap = HvPartitionPropertyCpuCap, reserve = HvPartitionPropertyCpuReserve;

    (void)state;
    assert_int_equal(property_of(child, cap), 0x10000);
    assert_int_equal(property_of(child, reserve), 0);
    assert_int_equal(set_property(child, cap, 0x10001), HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE);
    assert_int_equal(set_property(child, cap, 1ull << 32), HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE);
    assert_int_equal(set_property(child, reserve, 0x8000), HV_STATUS_SUCCESS);
    assert_int_equal(set_property(child, cap, 0x7fff), HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE);
    assert_int_equal(set_property(child, cap, 0x8000), HV_STATUS_SUCCESS);
    assert_int_equal(set_property(child, reserve, 0x8001), HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE);
    assert_int_equal(property_of(child, cap), 0x8000);
    assert_int_equal(property_of(child, reserve), 0x8000);
    assert_int_equal(partition_vp(child, 1)->sched.limits.cap, 0x8000);
    assert_int_equal(partition_vp(child, 1)->sched.limits.reserve, 0x8000);
    assert_int_equal(set_property(root_partition, cap, 0x8000), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(set_property(root_partition, reserve, 1), HV_STATUS_OPERATION_DENIED);
}

/* Of two processors. A VP that goes leaves its part. */
static void all_reserves_are_at_most_the_processors(void **state)
{
    struct partition *other = machine_child(0, 1);

    (void)state;
    assert_int_equal(set_property(child, HvPartitionPropertyCpuReserve, 0x6000), HV_STATUS_SUCCESS);
    assert_int_equal(set_property(other, HvPartitionPropertyCpuReserve, 0xa000), HV_STATUS_SUCCESS);
    assert_int_equal(CALL(HvCallCreateVp, other->id, 0, 0, 0, 0), HV_STATUS_SUCCESS);
    assert_int_equal(CALL(HvCallCreateVp, other->id, 1, 0, 0, 0), HV_STATUS_SUCCESS);
    assert_int_equal(CALL(HvCallCreateVp, other->id, 2, 0, 0, 0), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(set_property(child, HvPartitionPropertyCpuReserve, 0x6001),
                     HV_STATUS_PROPERTY_VALUE_OUT_OF_RANGE);
    assert_int_equal(property_of(child, HvPartitionPropertyCpuReserve), 0x6000);
    machine_child_end(child);
    assert_int_equal(CALL(HvCallCreateVp, other->id, 2, 0, 0, 0), HV_STATUS_OPERATION_DENIED);
    assert_int_equal(set_property(other, HvPartitionPropertyCpuReserve, 0x8000), HV_STATUS_SUCCESS);
    assert_int_equal(CALL(HvCallCreateVp, other->id, 2, 0, 0, 0), HV_STATUS_SUCCESS);
    machine_child_end(other);
    child = machine_child(1, 1);
    assert_int_equal(set_property(child, HvPartitionPropertyCpuReserve, 0x10000),
                     HV_STATUS_SUCCESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls_refuse_a_partition_that_is_not_there),
        TEST(id_is_never_used_again),
        TEST(life_has_an_order),
        TEST(children_are_told_in_the_order_of_their_creation),
        TEST(all_that_a_child_had_comes_back),
        TEST(initialization_without_memory_can_be_tried_again),
        TEST(deposited_page_leaves_root_and_mapped_one_cannot),
        TEST(map_flags_that_we_lack_are_refused),
        TEST(page_numbers_beyond_all_addresses_are_refused),
        TEST(root_changes_rights_of_large_pages_whole),
        TEST(root_cannot_map_itself_anew),
        TEST(large_mappings_are_made_in_short_steps),
        TEST(child_reaches_root_through_a_connection),
        TEST(child_reaches_root_through_a_monitor_page),
        TEST(child_that_runs_pays_for_what_its_trigger_causes),
        TEST(child_that_may_not_signal_cannot_by_a_trigger),
        TEST(monitored_child_gives_all_back),
        TEST(monitor_page_beyond_the_space_is_refused),
        TEST(fields_for_what_we_lack_must_be_zero),
        TEST(child_may_not_manage),
        TEST(reserve_is_at_most_the_cap_and_that_a_processor),
        TEST(all_reserves_are_at_most_the_processors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
