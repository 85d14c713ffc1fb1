/* SPDX-License-Identifier: MIT */
/* test_hcall_callers.c - who may make a management call about whom, and what becomes of two calls at
 * a time. TLFS 2.0A, chapters 5 to 10. */
#include "fakes/test.h"

#include <hvabi/hypercall.h>
#include <hvabi/management.h>
#include <hvabi/stats.h>
#include <x86/decode.h>
#include "fakes/hv_machine.h"
#include "mm/pfn.h"

static struct partition *child;

static int setup(void **state)
{
    (void)state;
    machine_init(2);
    machine_take_messages(0);
    child = machine_child(2, 8);
    return 0;
}

static uint64_t call(uint64_t control, const void *in, size_t size)
{
    return machine_call(control, in, size, NULL, 0) & HV_HYPERCALL_RESULT_STATUS_MASK;
}

#define CALL(control, ...)                                                                         \
    call(control, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}))

/* ---- whom a caller may name ---- */

/* A child that was given everything has no child, and root has not made it its own parent. */
static void child_with_all_privileges_may_not_manage_itself(void **state)
{
    static const uint64_t controls[] = {
        HvCallInitializePartition,
        HvCallFinalizePartition,
        HvCallDeletePartition,
        HvCallGetPartitionProperty,
        HvCallSetPartitionProperty,
        MACHINE_REP(HvCallDepositMemory, 1),
        MACHINE_REP(HvCallWithdrawMemory, 1),
        HvCallGetMemoryBalance,
        MACHINE_REP(HvCallMapGpaPages, 1),
        MACHINE_REP(HvCallUnmapGpaPages, 1),
        HvCallInstallIntercept,
        HvCallCreateVp,
        HvCallDeleteVp,
        HvCallTranslateVirtualAddress,
        HvCallAssertVirtualInterrupt,
    };
    const uint64_t names[] = {HV_PARTITION_ID_SELF, child->id};
    struct vp *vp = partition_vp(child, 0);

    (void)state;
    child->privileges = root_partition->privileges;
    machine_enter(vp);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        memcpy(machine_ptr(machine_child_ram(child, 0x1000)), &names[i], sizeof(names[i]));
        for (size_t c = 0; c < ARRAY_SIZE(controls); c++)
            assert_int_equal(machine_hypercall(vp, controls[c], 0x1000, 0x2000),
                             HV_STATUS_ACCESS_DENIED);
    }
    machine_leave(vp);
}

/* The page would lie in the child's space, and be looked for in root's when the VP goes. */
static void child_may_not_map_statistics_of_itself(void **state)
{
    const struct hv_input_map_stats_page stats = {
        .stats_type = HvStatsObjectVp,
        .identity = {.partition_or_lp = HV_PARTITION_ID_SELF, .vp_index = 1},
        .gpa_page = 3,
    };
    struct vp *vp = partition_vp(child, 0);

    (void)state;
    child->privileges = root_partition->privileges;
    memcpy(machine_ptr(machine_child_ram(child, 0x1000)), &stats, sizeof(stats));
    machine_enter(vp);
    assert_int_equal(machine_hypercall(vp, HvCallMapStatsPage, 0x1000, 0), HV_STATUS_ACCESS_DENIED);
    machine_leave(vp);
    machine_child_end(child);
}

static void root_is_beyond_these_calls(void **state)
{
    uint64_t self = HV_PARTITION_ID_SELF;

    (void)state;
    assert_int_equal(CALL(HvCallInitializePartition, self), HV_STATUS_ACCESS_DENIED);
    assert_int_equal(CALL(HvCallFinalizePartition, self), HV_STATUS_ACCESS_DENIED);
    assert_int_equal(CALL(HvCallDeletePartition, self), HV_STATUS_ACCESS_DENIED);
    assert_int_equal(CALL(HvCallCreateVp, self, 5, 0, 0, 0), HV_STATUS_ACCESS_DENIED);
    assert_int_equal(CALL(HvCallDeleteVp, self, 0), HV_STATUS_ACCESS_DENIED);
    assert_int_equal(CALL(HvCallInstallIntercept, self, 0, 0), HV_STATUS_ACCESS_DENIED);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, self, 0, 0, 0x40), HV_STATUS_ACCESS_DENIED);
    assert_int_equal(CALL(HvCallTranslateVirtualAddress, self, 0, 0, 3), HV_STATUS_ACCESS_DENIED);
    assert_int_equal(CALL(MACHINE_REP(HvCallUnmapGpaPages, 1), self, 3, 0), HV_STATUS_ACCESS_DENIED);
}

static void root_sets_its_own_properties(void **state)
{
    (void)state;
    assert_int_equal(CALL(HvCallSetPartitionProperty, HV_PARTITION_ID_SELF,
                          HvPartitionPropertyCpuWeight, 200),
                     HV_STATUS_SUCCESS);
    assert_int_equal(root_partition->cpu_weight, 200);
}

/* ---- two calls at a time ---- */

/* While another LP is in a call about it, a partition stays where it is. */
static void partition_in_use_is_not_deleted(void **state)
{
    uint64_t live = partition_live(), id = child->id;
    struct partition *held = partition_get(root_partition, id), *other;

    (void)state;
    assert_ptr_equal(held, child);
    assert_int_equal(CALL(HvCallFinalizePartition, id), HV_STATUS_SUCCESS);
    while (CALL(MACHINE_REP(HvCallWithdrawMemory, 32), id, 0) == HV_STATUS_SUCCESS)
        ;
    assert_int_equal(CALL(HvCallDeletePartition, id), HV_STATUS_OBJECT_IN_USE);
    assert_int_equal(partition_live(), live);
    other = machine_child(1, 1);
    assert_int_not_equal(other->slot, child->slot);
    machine_child_end(other);
    partition_put(held);
    assert_int_equal(CALL(HvCallDeletePartition, id), HV_STATUS_SUCCESS);
    assert_int_equal(CALL(HvCallDeletePartition, id), HV_STATUS_INVALID_PARTITION_ID);
    assert_int_equal(partition_live(), live - 1);
}

static void finalized_partition_takes_no_deposit(void **state)
{
    uint64_t number = machine_page().v >> PAGE_SHIFT;

    (void)state;
    assert_int_equal(CALL(HvCallFinalizePartition, child->id), HV_STATUS_SUCCESS);
    assert_int_equal(CALL(MACHINE_REP(HvCallDepositMemory, 1), child->id, number),
                     HV_STATUS_INVALID_PARTITION_STATE);
    assert_int_equal(pfn_query(hpa(number << PAGE_SHIFT), NULL), PFN_ROOT);
}

/* One round of @vp's call for the first register of VP @other of its own partition. */
static bool asks_for_register_of(struct vp *vp, uint32_t other)
{
    const struct vp_exit exit = {.reason = VP_EXIT_HYPERCALL, .insn_len = 3};
    const uint64_t in[] = {HV_PARTITION_ID_SELF, other, HvX64RegisterRbx};
    uint64_t rip = vp->rip;

    memcpy(machine_ptr(machine_child_ram(child, 0x1000)), in, sizeof(in));
    vp->gpr[X86_RCX] = MACHINE_REP(HvCallGetVpRegisters, 1);
    vp->gpr[X86_RDX] = 0x1000;
    vp->gpr[8] = 0x2000;
    machine_exit(vp, &exit);
    return vp->rip != rip;
}

static void vps_that_stop_each_other_do_not_wait_for_each_other(void **state)
{
    struct vp *a = partition_vp(child, 0), *b = partition_vp(child, 1);

    (void)state;
    child->privileges |= HV_PRIVILEGE_ACCESS_VP_REGISTERS;
    a->suspend = b->suspend = 0;
    machine_lp(1);
    machine_enter(b);
    machine_lp(0);
    machine_enter(a);
    assert_false(asks_for_register_of(a, 1)); /* it runs */
    assert_int_equal(b->suspend, VP_SUSPEND_HOLD);
    machine_lp(1);
    assert_false(asks_for_register_of(b, 0));
    assert_int_equal(a->suspend, 0);
    machine_leave(b); /* its run loop finds it suspended */
    machine_lp(0);
    assert_true(asks_for_register_of(a, 1));
    assert_int_equal(a->gpr[X86_RAX] & HV_HYPERCALL_RESULT_STATUS_MASK, HV_STATUS_SUCCESS);
    assert_int_equal(b->suspend, 0);
    machine_leave(a);
    machine_lp(1);
    machine_enter(b);
    assert_true(asks_for_register_of(b, 0));
    machine_leave(b);
    machine_lp(0);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(child_with_all_privileges_may_not_manage_itself),
        TEST(child_may_not_map_statistics_of_itself),
        TEST(root_is_beyond_these_calls),
        TEST(root_sets_its_own_properties),
        TEST(partition_in_use_is_not_deleted),
        TEST(finalized_partition_takes_no_deposit),
        TEST(vps_that_stop_each_other_do_not_wait_for_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
