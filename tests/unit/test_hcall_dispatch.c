/* SPDX-License-Identifier: MIT */
/* test_hcall_dispatch.c - what every hypercall has in common: who may call, what is refused before
 * a handler sees it, in which order, and how parameters and results travel. TLFS 6.0b, chapter 3.
 */
#include "fakes/test.h"

#include <hvabi/hypercall.h>
#include <x86/cr.h>
#include <x86/decode.h>
#include <x86/exception.h>
#include "fakes/hv_machine.h"
#include "mm/pfn.h"

/* A parent's, or a partition's about itself: either will do. */
#define VP_REGISTERS (HV_PRIVILEGE_CREATE_PARTITIONS | HV_PRIVILEGE_ACCESS_VP_REGISTERS)

/* The calls there are, as the TLFS has them and not as the hypervisor's own table says: a call that
 * is added there and not here fails unlisted_codes_are_no_calls. */
static const struct expected {
    uint16_t code;
    uint64_t privilege;
    uint16_t in, in_rep, out, out_rep;
    bool rep, fast;
} calls[] = {
    {HvCallFlushVirtualAddressSpace, 0, 24, 0, 0, 0, false, false},
    {HvCallFlushVirtualAddressList, 0, 24, 8, 0, 0, true, false},
    {HvCallFlushVirtualAddressSpaceEx, 0, 32, 0, 0, 0, false, false},
    {HvCallFlushVirtualAddressListEx, 0, 32, 8, 0, 0, true, false},
    {HvCallSendSyntheticClusterIpi, 0, 16, 0, 0, 0, false, true},
    {HvCallSendSyntheticClusterIpiEx, 0, 24, 0, 0, 0, false, false},
    {HvCallGetLogicalProcessorRunTime, HV_PRIVILEGE_CPU_MANAGEMENT, 8, 0, 32, 0, false, false},
    {HvCallNotifyLongSpinWait, 0, 8, 0, 0, 0, false, true},
    {HvCallCreatePartition, HV_PRIVILEGE_CREATE_PARTITIONS, 56, 0, 8, 0, false, false},
    {HvCallInitializePartition, HV_PRIVILEGE_CREATE_PARTITIONS, 8, 0, 0, 0, false, true},
    {HvCallFinalizePartition, HV_PRIVILEGE_CREATE_PARTITIONS, 8, 0, 0, 0, false, true},
    {HvCallDeletePartition, HV_PRIVILEGE_CREATE_PARTITIONS, 8, 0, 0, 0, false, true},
    {HvCallGetPartitionProperty, HV_PRIVILEGE_CREATE_PARTITIONS, 16, 0, 8, 0, false, false},
    {HvCallSetPartitionProperty, HV_PRIVILEGE_CREATE_PARTITIONS, 24, 0, 0, 0, false, false},
    {HvCallGetPartitionId, HV_PRIVILEGE_ACCESS_PARTITION_ID, 0, 0, 8, 0, false, false},
    {HvCallGetNextChildPartition, HV_PRIVILEGE_CREATE_PARTITIONS, 16, 0, 8, 0, false, false},
    {HvCallDepositMemory, HV_PRIVILEGE_ACCESS_MEMORY_POOL, 8, 8, 0, 0, true, false},
    {HvCallWithdrawMemory, HV_PRIVILEGE_ACCESS_MEMORY_POOL, 16, 0, 0, 8, true, false},
    {HvCallGetMemoryBalance, HV_PRIVILEGE_ACCESS_MEMORY_POOL, 16, 0, 16, 0, false, false},
    {HvCallMapGpaPages, HV_PRIVILEGE_CREATE_PARTITIONS, 24, 8, 0, 0, true, false},
    {HvCallUnmapGpaPages, HV_PRIVILEGE_CREATE_PARTITIONS, 24, 0, 0, 0, true, false},
    {HvCallInstallIntercept, HV_PRIVILEGE_CREATE_PARTITIONS, 24, 0, 0, 0, false, false},
    {HvCallCreateVp, HV_PRIVILEGE_CREATE_PARTITIONS, 40, 0, 0, 0, false, false},
    {HvCallDeleteVp, HV_PRIVILEGE_CREATE_PARTITIONS, 16, 0, 0, 0, false, true},
    {HvCallGetVpRegisters, VP_REGISTERS, 16, 4, 0, 16, true, false},
    {HvCallSetVpRegisters, VP_REGISTERS, 16, 32, 0, 0, true, false},
    {HvCallTranslateVirtualAddress, HV_PRIVILEGE_CREATE_PARTITIONS, 32, 0, 16, 0, false, false},
    {HvCallDeletePort, HV_PRIVILEGE_CREATE_PORT, 16, 0, 0, 0, false, true},
    {HvCallDisconnectPort, HV_PRIVILEGE_CONNECT_PORT, 16, 0, 0, 0, false, true},
    {HvCallPostMessage, HV_PRIVILEGE_POST_MESSAGES, 256, 0, 0, 0, false, false},
    {HvCallSignalEvent, HV_PRIVILEGE_SIGNAL_EVENTS, 8, 0, 0, 0, false, true},
    {HvCallMapStatsPage, HV_PRIVILEGE_ACCESS_STATS, 32, 0, 0, 0, false, false},
    {HvCallUnmapStatsPage, HV_PRIVILEGE_ACCESS_STATS, 24, 0, 0, 0, false, false},
    {HvCallAssertVirtualInterrupt, HV_PRIVILEGE_CREATE_PARTITIONS, 32, 0, 0, 0, false, false},
    {HvCallCreatePort, HV_PRIVILEGE_CREATE_PORT, 56, 0, 0, 0, false, false},
    {HvCallConnectPort, HV_PRIVILEGE_CONNECT_PORT, 72, 0, 0, 0, false, false},
};

static struct vp *vp; /* root's VP 0, loaded */
static gpa_t in, out;

static int setup(void **state)
{
    (void)state;
    machine_init(2);
    vp = partition_vp(root_partition, 0);
    in = machine_page();
    out = machine_page();
    machine_enter(vp);
    return 0;
}

static uint64_t status(uint64_t control, uint64_t in_at, uint64_t out_at)
{
    uint64_t result = machine_hypercall(vp, control, in_at, out_at);

    assert_int_equal(
        result & ~(HV_HYPERCALL_RESULT_STATUS_MASK | HV_HYPERCALL_RESULT_REPS_COMPLETED_MASK), 0);
    return result & HV_HYPERCALL_RESULT_STATUS_MASK;
}

/* A control word of @c with one repetition if it has any. */
static uint64_t control_of(const struct expected *c)
{
    return c->rep ? MACHINE_REP(c->code, 1) : c->code;
}

static uint32_t in_size(const struct expected *c)
{
    return (uint32_t)c->in + c->in_rep;
}

static uint32_t out_size(const struct expected *c)
{
    return (uint32_t)c->out + c->out_rep;
}

/* NOLINTNEXTLINE(bugprone-macro-parentheses): @c is the name of a variable */
#define FOR_EACH_CALL(c) for (const struct expected *c = calls; c < calls + ARRAY_SIZE(calls); c++)

static const struct expected *find(uint32_t code)
{
    FOR_EACH_CALL(c)
    if (c->code == code)
        return c;
    return NULL;
}

/* ---- which calls there are ---- */

static void unlisted_codes_are_no_calls(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= UINT16_MAX; code++)
        if (find(code) == NULL)
            assert_int_equal(status(code, in.v, out.v), HV_STATUS_INVALID_HYPERCALL_CODE);
}

static void unknown_code_comes_before_everything_else(void **state)
{
    (void)state;
    root_partition->privileges = 0;
    assert_int_equal(status(UINT64_MAX, 1, 1), HV_STATUS_INVALID_HYPERCALL_CODE);
}

/* ---- privileges ---- */

static void call_without_its_privilege_is_denied_whatever_else_is_wrong(void **state)
{
    uint64_t all = root_partition->privileges;

    (void)state;
    FOR_EACH_CALL(c)
    {
        if (c->privilege == 0)
            continue;
        root_partition->privileges = all & ~c->privilege;
        assert_int_equal(status(control_of(c), in.v, out.v), HV_STATUS_ACCESS_DENIED);
        assert_int_equal(status(c->code | HV_HYPERCALL_RESERVED_MASK, 1, 1),
                         HV_STATUS_ACCESS_DENIED);
    }
}

/* One bit is enough, and is the right one: with it alone the caller gets to the next check. */
static void privilege_of_a_call_is_the_only_one_it_needs(void **state)
{
    (void)state;
    FOR_EACH_CALL(c)
    {
        root_partition->privileges = c->privilege;
        assert_int_equal(status(control_of(c) | HV_HYPERCALL_NESTED, in.v, out.v),
                         HV_STATUS_INVALID_HYPERCALL_INPUT);
    }
}

/* ---- the control word ---- */

/* Words may follow its header. */
static bool takes_banks(const struct expected *c)
{
    return c->code == HvCallFlushVirtualAddressSpaceEx ||
           c->code == HvCallFlushVirtualAddressListEx || c->code == HvCallSendSyntheticClusterIpiEx;
}

static void reserved_bits_are_refused(void **state)
{
    (void)state;
    FOR_EACH_CALL(c)
    {
        for (unsigned bit = 0; bit < 64; bit++) {
            if (!(1ull << bit & (HV_HYPERCALL_RESERVED_MASK | HV_HYPERCALL_NESTED |
                                 (takes_banks(c) ? 0 : HV_HYPERCALL_VARIABLE_HEADER_MASK))))
                continue;
            assert_int_equal(status(control_of(c) | 1ull << bit, in.v, out.v),
                             HV_STATUS_INVALID_HYPERCALL_INPUT);
            /* and before the blocks are looked at */
            assert_int_equal(status(control_of(c) | 1ull << bit, in.v + 1, out.v + 1),
                             HV_STATUS_INVALID_HYPERCALL_INPUT);
        }
    }
}

static void simple_call_with_a_rep_count_or_start_is_refused(void **state)
{
    (void)state;
    FOR_EACH_CALL(c)
    {
        if (c->rep)
            continue;
        assert_int_equal(status(MACHINE_REP(c->code, 1), in.v, out.v),
                         HV_STATUS_INVALID_HYPERCALL_INPUT);
        assert_int_equal(status(c->code | 1ull << HV_HYPERCALL_REP_START_SHIFT, in.v, out.v),
                         HV_STATUS_INVALID_HYPERCALL_INPUT);
    }
}

static void rep_call_needs_a_count_and_a_start_below_it(void **state)
{
    (void)state;
    FOR_EACH_CALL(c)
    {
        if (!c->rep)
            continue;
        for (uint64_t start = 0; start < 3; start++)
            for (uint64_t count = 0; count <= start; count++)
                assert_int_equal(
                    status(MACHINE_REP(c->code, count) | start << HV_HYPERCALL_REP_START_SHIFT,
                           in.v, out.v),
                    HV_STATUS_INVALID_HYPERCALL_INPUT);
    }
}

static void refused_rep_call_has_completed_nothing(void **state)
{
    uint64_t control = MACHINE_REP(HvCallDepositMemory, 5) | 5ull << HV_HYPERCALL_REP_START_SHIFT;

    (void)state;
    assert_int_equal(machine_hypercall(vp, control, in.v, out.v),
                     HV_STATUS_INVALID_HYPERCALL_INPUT);
}

static void fast_form_is_refused_where_there_is_none(void **state)
{
    (void)state;
    FOR_EACH_CALL(c)
    {
        if (c->fast)
            assert_int_not_equal(status(control_of(c) | HV_HYPERCALL_FAST, 0, 0),
                                 HV_STATUS_INVALID_HYPERCALL_INPUT);
        else
            assert_int_equal(status(control_of(c) | HV_HYPERCALL_FAST, in.v, out.v),
                             HV_STATUS_INVALID_HYPERCALL_INPUT);
    }
}

/* ---- where the blocks lie ---- */

static void misaligned_blocks_are_refused(void **state)
{
    (void)state;
    FOR_EACH_CALL(c)
    {
        for (unsigned by = 1; by < HV_HYPERCALL_ALIGNMENT; by++) {
            if (in_size(c) != 0)
                assert_int_equal(status(control_of(c), in.v + by, out.v),
                                 HV_STATUS_INVALID_ALIGNMENT);
            if (out_size(c) != 0)
                assert_int_equal(status(control_of(c), in.v, out.v + by),
                                 HV_STATUS_INVALID_ALIGNMENT);
        }
    }
}

static void blocks_that_cross_a_page_are_refused(void **state)
{
    (void)state;
    FOR_EACH_CALL(c)
    {
        if (in_size(c) > HV_HYPERCALL_ALIGNMENT)
            assert_int_equal(
                status(control_of(c), in.v + PAGE_SIZE - HV_HYPERCALL_ALIGNMENT, out.v),
                HV_STATUS_INVALID_ALIGNMENT);
        if (out_size(c) > HV_HYPERCALL_ALIGNMENT)
            assert_int_equal(
                status(control_of(c), in.v, out.v + PAGE_SIZE - HV_HYPERCALL_ALIGNMENT),
                HV_STATUS_INVALID_ALIGNMENT);
    }
}

/* The whole list counts, not only the part that a step takes. */
static void lists_larger_than_a_page_are_refused(void **state)
{
    (void)state;
    FOR_EACH_CALL(c)
    {
        uint32_t element = c->in_rep > c->out_rep ? c->in_rep : c->out_rep;
        if (!c->rep || element == 0)
            continue;
        assert_int_equal(status(MACHINE_REP(c->code, PAGE_SIZE / element + 1), in.v, out.v),
                         HV_STATUS_INVALID_ALIGNMENT);
        assert_int_equal(status(MACHINE_REP(c->code, HV_HYPERCALL_REP_MAX), in.v, out.v),
                         HV_STATUS_INVALID_ALIGNMENT);
    }
}

static void blocks_beyond_the_space_are_refused(void **state)
{
    static const uint64_t beyond[] = {1ull << 48, UINT64_MAX & ~PAGE_MASK, 1ull << 63};

    (void)state;
    FOR_EACH_CALL(c)
    {
        for (size_t i = 0; i < ARRAY_SIZE(beyond); i++) {
            if (in_size(c) != 0)
                assert_int_equal(status(control_of(c), beyond[i], out.v),
                                 HV_STATUS_INVALID_ALIGNMENT);
            if (out_size(c) != 0)
                assert_int_equal(status(control_of(c), in.v, beyond[i]),
                                 HV_STATUS_INVALID_ALIGNMENT);
        }
    }
}

static void blocks_where_the_caller_has_no_memory_are_refused(void **state)
{
    const uint64_t nowhere = 1ull << 40, kept = MACHINE_KEPT_BASE;

    (void)state;
    FOR_EACH_CALL(c)
    {
        if (in_size(c) != 0) {
            assert_int_equal(status(control_of(c), nowhere, out.v),
                             HV_STATUS_INVALID_HYPERCALL_INPUT);
            assert_int_equal(status(control_of(c), kept, out.v), HV_STATUS_INVALID_HYPERCALL_INPUT);
        }
        if (out_size(c) != 0) {
            assert_int_equal(status(control_of(c), in.v, nowhere),
                             HV_STATUS_INVALID_HYPERCALL_INPUT);
            assert_int_equal(status(control_of(c), in.v, kept), HV_STATUS_INVALID_HYPERCALL_INPUT);
        }
    }
}

static void output_block_that_is_read_only_is_refused_before_anything_is_done(void **state)
{
    struct hv_input_map_gpa_pages protect = {.target_partition_id = HV_PARTITION_ID_SELF,
                                             .target_gpa_base = out.v >> PAGE_SHIFT,
                                             .map_flags = HV_MAP_GPA_READABLE};

    (void)state;
    memcpy(machine_ptr(in), &protect, sizeof(protect));
    memcpy((uint8_t *)machine_ptr(in) + sizeof(protect), &protect.target_gpa_base, sizeof(uint64_t));
    assert_int_equal(status(MACHINE_REP(HvCallMapGpaPages, 1), in.v, 0), HV_STATUS_SUCCESS);
    memset(machine_ptr(in), 0, PAGE_SIZE);
    FOR_EACH_CALL(c)
    if (out_size(c) != 0)
        assert_int_equal(status(control_of(c), in.v, out.v), HV_STATUS_INVALID_HYPERCALL_INPUT);
    assert_int_equal(root_partition->children, 0);
}

static void blocks_of_calls_without_them_are_not_looked_at(void **state)
{
    (void)state;
    assert_int_equal(status(HvCallGetPartitionId, UINT64_MAX, out.v), HV_STATUS_SUCCESS);
    assert_int_equal(*(uint64_t *)machine_ptr(out), root_partition->id);
    assert_int_equal(status(HvCallNotifyLongSpinWait, in.v, UINT64_MAX), HV_STATUS_SUCCESS);
}

/* ---- parameters, results, continuation ---- */

static void partition_that_wants_more_than_there_is_is_not_created(void **state)
{
    static const struct hv_input_create_partition wants[] = {
        {.flags = 1ull << 63},
        {.reserved0 = 1},
        {.disabled_processor_features = {1, 0}},
        {.disabled_processor_features = {0, 1}},
        {.disabled_processor_xsave_features = 1},
        {.isolation_properties = 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wants); i++) {
        memcpy(machine_ptr(in), &wants[i], sizeof(wants[i]));
        assert_int_equal(status(HvCallCreatePartition, in.v, out.v), HV_STATUS_INVALID_PARAMETER);
    }
}

static void fast_call_takes_its_parameters_from_registers(void **state)
{
    uint64_t id;
    struct hv_input_create_partition create = {0};

    (void)state;
    memcpy(machine_ptr(in), &create, sizeof(create));
    assert_int_equal(status(HvCallCreatePartition, in.v, out.v), HV_STATUS_SUCCESS);
    id = *(uint64_t *)machine_ptr(out);
    assert_int_equal(status(HvCallFinalizePartition | HV_HYPERCALL_FAST, id, UINT64_MAX),
                     HV_STATUS_SUCCESS);
    assert_int_equal(status(HvCallDeletePartition | HV_HYPERCALL_FAST, id, UINT64_MAX),
                     HV_STATUS_SUCCESS);
    assert_int_equal(status(HvCallDeletePartition | HV_HYPERCALL_FAST, id, UINT64_MAX),
                     HV_STATUS_INVALID_PARTITION_ID);
}

static void failed_call_leaves_its_output_block_alone(void **state)
{
    struct hv_input_get_partition_property get = {.partition_id = HV_PARTITION_ID_SELF,
                                                  .property_code = UINT32_MAX};

    (void)state;
    memset(machine_ptr(out), 0x5a, PAGE_SIZE);
    memcpy(machine_ptr(in), &get, sizeof(get));
    assert_int_equal(status(HvCallGetPartitionProperty, in.v, out.v), HV_STATUS_UNKNOWN_PROPERTY);
    for (unsigned i = 0; i < PAGE_SIZE; i++)
        assert_int_equal(((uint8_t *)machine_ptr(out))[i], 0x5a);
}

static void call_preserves_all_registers_but_the_result(void **state)
{
    uint64_t before[16];

    (void)state;
    for (unsigned i = 0; i < 16; i++)
        vp->gpr[i] = 0x1111111111111111ull * i;
    memcpy(before, vp->gpr, sizeof(before));
    before[X86_RCX] = HvCallGetPartitionId;
    before[X86_RDX] = in.v;
    before[8] = out.v;
    before[X86_RAX] = HV_STATUS_SUCCESS;
    assert_int_equal(status(HvCallGetPartitionId, in.v, out.v), HV_STATUS_SUCCESS);
    assert_memory_equal(vp->gpr, before, sizeof(before));
}

/* 32-bit callers: EDX:EAX control and result, EBX:ECX input, EDI:ESI output. TLFS 6.0b, 3.7. */
static void protected_mode_uses_pairs_of_registers(void **state)
{
    const struct vp_exit exit = {.reason = VP_EXIT_HYPERCALL, .insn_len = 3};
    struct hv_input_get_memory_balance get = {.partition_id = HV_PARTITION_ID_SELF};
    struct pool_balance balance;

    (void)state;
    memcpy(machine_ptr(in), &get, sizeof(get));
    fake_of(vp)->segments[1].attributes = 0xc09b;
    memset(vp->gpr, 0xff, sizeof(vp->gpr));
    vp->gpr[X86_RAX] = HvCallGetMemoryBalance;
    vp->gpr[X86_RDX] = 0;
    vp->gpr[X86_RBX] = 0;
    vp->gpr[X86_RCX] = in.v;
    vp->gpr[X86_RDI] = 0;
    vp->gpr[X86_RSI] = out.v;
    vp->rip = 0xfffffffe;
    machine_exit(vp, &exit);
    assert_int_equal(vp->gpr[X86_RAX], HV_STATUS_SUCCESS);
    assert_int_equal(vp->gpr[X86_RDX], 0);
    assert_int_equal(vp->gpr[X86_RCX], in.v);
    assert_int_equal(vp->rip, 1);
    balance = pool_balance(&root_partition->pool);
    assert_int_equal(((uint64_t *)machine_ptr(out))[0], balance.available);
    assert_int_equal(((uint64_t *)machine_ptr(out))[1], balance.in_use);
}

static void protected_mode_result_tells_repetitions_in_edx(void **state)
{
    const struct vp_exit exit = {.reason = VP_EXIT_HYPERCALL, .insn_len = 3};
    uint64_t *list = machine_ptr(in);

    (void)state;
    list[0] = HV_PARTITION_ID_SELF;
    list[1] = machine_page().v >> PAGE_SHIFT;
    list[2] = UINT64_MAX;
    fake_of(vp)->segments[1].attributes = 0xc09b;
    vp->gpr[X86_RAX] = HvCallDepositMemory;
    vp->gpr[X86_RDX] = 2;
    vp->gpr[X86_RBX] = 0;
    vp->gpr[X86_RCX] = in.v;
    machine_exit(vp, &exit);
    assert_int_equal(vp->gpr[X86_RAX], HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(vp->gpr[X86_RDX], 1);
}

/* Steps are bounded, the guest's RIP stays until the end, and RCX carries the progress. */
static void long_rep_call_is_continued_by_executing_it_again(void **state)
{
    enum { COUNT = 100 };
    const struct vp_exit exit = {.reason = VP_EXIT_HYPERCALL, .insn_len = 3};
    uint64_t *list = machine_ptr(in), available = pool_balance(&root_partition->pool).available;
    uint64_t rip = vp->rip, steps = 0, last = 0;

    (void)state;
    list[0] = HV_PARTITION_ID_SELF;
    for (unsigned i = 0; i < COUNT; i++)
        list[1 + i] = machine_page().v >> PAGE_SHIFT;
    vp->gpr[X86_RCX] = MACHINE_REP(HvCallDepositMemory, COUNT);
    vp->gpr[X86_RDX] = in.v;
    vp->gpr[8] = 0;
    while (vp->rip == rip) {
        uint64_t start = vp->gpr[X86_RCX] >> HV_HYPERCALL_REP_START_SHIFT;
        assert_true(steps == 0 || start > last);
        assert_in_range(start - last, 0, 64);
        last = start;
        steps++;
        machine_exit(vp, &exit);
    }
    assert_true(steps > 1);
    assert_int_equal(vp->rip, rip + 3);
    assert_int_equal(vp->gpr[X86_RAX], (uint64_t)COUNT << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT);
    assert_true(pool_balance(&root_partition->pool).available >= available + COUNT - 8);
}

static void failing_element_ends_a_rep_call_and_is_not_counted(void **state)
{
    enum { GOOD = 40 };
    uint64_t *list = machine_ptr(in);
    uint64_t result;

    (void)state;
    list[0] = HV_PARTITION_ID_SELF;
    for (unsigned i = 0; i < GOOD; i++)
        list[1 + i] = machine_page().v >> PAGE_SHIFT;
    list[1 + GOOD] = list[1]; /* deposited already */
    list[2 + GOOD] = machine_page().v >> PAGE_SHIFT;
    result = machine_hypercall(vp, MACHINE_REP(HvCallDepositMemory, GOOD + 2), in.v, 0);
    assert_int_equal(result, HV_STATUS_OPERATION_DENIED |
                                 (uint64_t)GOOD << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT);
    assert_int_equal(pfn_query(hpa(list[2 + GOOD] << PAGE_SHIFT), NULL), PFN_ROOT);
}

/* A guest may begin in the middle: elements before the start are counted as done. */
static void rep_start_of_the_guest_is_honoured(void **state)
{
    uint64_t *list = machine_ptr(in);
    uint64_t result;

    (void)state;
    list[0] = HV_PARTITION_ID_SELF;
    list[1] = UINT64_MAX; /* would fail */
    list[2] = machine_page().v >> PAGE_SHIFT;
    result = machine_hypercall(
        vp, MACHINE_REP(HvCallDepositMemory, 2) | 1ull << HV_HYPERCALL_REP_START_SHIFT, in.v, 0);
    assert_int_equal(result, 2ull << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT);
}

/* ---- who may make hypercalls at all ---- */

static void expect_ud(void)
{
    const struct vp_exit exit = {.reason = VP_EXIT_HYPERCALL, .insn_len = 3};
    uint64_t rip = vp->rip;

    vp->gpr[X86_RCX] = HvCallGetPartitionId;
    vp->gpr[X86_RAX] = 0x1234;
    machine_exit(vp, &exit);
    assert_true(fake_of(vp)->injected.valid);
    assert_int_equal(fake_of(vp)->injected.vector, EXCEPTION_UD);
    assert_false(fake_of(vp)->injected.has_error);
    assert_int_equal(vp->rip, rip);
    assert_int_equal(vp->gpr[X86_RAX], 0x1234);
}

static void call_outside_cpl_0_is_undefined(void **state)
{
    (void)state;
    for (uint16_t cpl = 1; cpl < 4; cpl++) {
        fake_of(vp)->segments[2].attributes = (uint16_t)(0xc093 | cpl << HV_X64_SEGMENT_DPL_SHIFT);
        expect_ud();
    }
}

static void call_in_real_mode_is_undefined(void **state)
{
    (void)state;
    fake_of(vp)->cr0 &= ~CR0_PE;
    expect_ud();
}

static void call_in_virtual_8086_mode_is_undefined(void **state)
{
    (void)state;
    vp->rflags |= RFLAGS_VM;
    expect_ud();
}

static void call_without_a_guest_os_id_is_undefined(void **state)
{
    (void)state;
    root_partition->guest_os_id = 0;
    expect_ud();
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unlisted_codes_are_no_calls),
        TEST(unknown_code_comes_before_everything_else),
        TEST(call_without_its_privilege_is_denied_whatever_else_is_wrong),
        TEST(privilege_of_a_call_is_the_only_one_it_needs),
        TEST(reserved_bits_are_refused),
        TEST(simple_call_with_a_rep_count_or_start_is_refused),
        TEST(rep_call_needs_a_count_and_a_start_below_it),
        TEST(refused_rep_call_has_completed_nothing),
        TEST(fast_form_is_refused_where_there_is_none),
        TEST(misaligned_blocks_are_refused),
        TEST(blocks_that_cross_a_page_are_refused),
        TEST(lists_larger_than_a_page_are_refused),
        TEST(blocks_beyond_the_space_are_refused),
        TEST(blocks_where_the_caller_has_no_memory_are_refused),
        TEST(output_block_that_is_read_only_is_refused_before_anything_is_done),
        TEST(blocks_of_calls_without_them_are_not_looked_at),
        TEST(partition_that_wants_more_than_there_is_is_not_created),
        TEST(fast_call_takes_its_parameters_from_registers),
        TEST(failed_call_leaves_its_output_block_alone),
        TEST(call_preserves_all_registers_but_the_result),
        TEST(protected_mode_uses_pairs_of_registers),
        TEST(protected_mode_result_tells_repetitions_in_edx),
        TEST(long_rep_call_is_continued_by_executing_it_again),
        TEST(failing_element_ends_a_rep_call_and_is_not_counted),
        TEST(rep_start_of_the_guest_is_honoured),
        TEST(call_outside_cpl_0_is_undefined),
        TEST(call_in_real_mode_is_undefined),
        TEST(call_in_virtual_8086_mode_is_undefined),
        TEST(call_without_a_guest_os_id_is_undefined),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
