/* SPDX-License-Identifier: MIT */
/* test_hcalls.c - what the management calls do and refuse, from root's VP 0: partitions, memory,
 * VPs, registers, translation, interrupts, ports. TLFS 2.0A, chapters 5 to 14. */
#include "fakes/test.h"

#include <hvabi/hypercall.h>
#include <hvabi/management.h>
#include <hvabi/msr.h>
#include <hvabi/port.h>
#include <x86/cr.h>
#include "fakes/hv_machine.h"
#include "mm/pfn.h"
#include "mm/phys.h"

#define NO_SUCH_ID 0x123456789ull

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
/* Two 32-bit fields of an input. */
#define PAIR(low, high) ((uint64_t)(low) | (uint64_t)(high) << 32)

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

/* ---- VPs and registers ---- */

static void vp_indices_are_checked(void **state)
{
    (void)state;
    assert_int_equal(CALL(HvCallCreateVp, child->id, 240, 0, 0, 0), HV_STATUS_INVALID_VP_INDEX);
    assert_int_equal(CALL(HvCallCreateVp, child->id, 1, 0, 0, 0), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(HvCallCreateVp, child->id, 2, 0, 0, 1), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(HvCallDeleteVp, child->id, 7), HV_STATUS_INVALID_VP_INDEX);
    assert_int_equal(CALL(MACHINE_REP(HvCallGetVpRegisters, 1), child->id, 7, 0),
                     HV_STATUS_INVALID_VP_INDEX);
}

static void registers_are_set_and_read_in_a_list(void **state)
{
    uint64_t values[4], result;
    const uint64_t get[] = {child->id, 0, PAIR(HvX64RegisterRbx, HvX64RegisterRip)};

    (void)state;
    assert_int_equal(CALL(MACHINE_REP(HvCallSetVpRegisters, 2), child->id, 0, HvX64RegisterRbx, 0,
                          0x1234, 0, HvX64RegisterRip, 0, 0x5678, 0),
                     HV_STATUS_SUCCESS);
    result = machine_call(MACHINE_REP(HvCallGetVpRegisters, 2), get, sizeof(get), values,
                          sizeof(values));
    assert_int_equal(result, 2ull << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT);
    assert_int_equal(values[0], 0x1234);
    assert_int_equal(values[2], 0x5678);
}

static void list_ends_at_a_register_that_is_none(void **state)
{
    const uint64_t set[] = {child->id, 0, HvX64RegisterRbx, 0, 1, 0, 0xdead, 0, 2, 0};

    (void)state;
    assert_int_equal(machine_call(MACHINE_REP(HvCallSetVpRegisters, 2), set, sizeof(set), NULL, 0),
                     HV_STATUS_INVALID_PARAMETER | 1ull
                                                       << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT);
    assert_int_equal(partition_vp(child, 0)->gpr[3], 1);
}

static uint64_t set_suspend(uint64_t index, uint64_t on)
{
    return CALL(MACHINE_REP(HvCallSetVpRegisters, 1), child->id, index, HvRegisterExplicitSuspend,
                0, on, 0);
}

static uint64_t reference_time(void)
{
    const uint64_t in[] = {child->id, HvPartitionPropertyReferenceTime};
    uint64_t value = 0;

    machine.tsc += MACHINE_TSC_HZ / HV_REFERENCE_TIME_PER_SECOND * 1000;
    machine_call(HvCallGetPartitionProperty, in, sizeof(in), &value, sizeof(value));
    return value;
}

static void expect_clock(bool runs)
{
    uint64_t first = reference_time(), next = reference_time();

    if (runs)
        assert_in_range(next - first, 999, 1001);
    else
        assert_int_equal(next, first);
}

static void reference_time_stands_still_while_all_vps_are_suspended(void **state)
{
    (void)state;
    expect_clock(false);
    assert_int_equal(reference_time(), 0);
    assert_int_equal(set_suspend(1, 0), HV_STATUS_SUCCESS);
    expect_clock(true);
    assert_int_equal(set_suspend(0, 0), HV_STATUS_SUCCESS);
    assert_int_equal(set_suspend(1, 1), HV_STATUS_SUCCESS);
    expect_clock(true);
    assert_int_equal(CALL(HvCallSetPartitionProperty, child->id, HvPartitionPropertySuspend, 1),
                     HV_STATUS_SUCCESS);
    expect_clock(false);
    assert_int_equal(CALL(HvCallSetPartitionProperty, child->id, HvPartitionPropertySuspend, 0),
                     HV_STATUS_SUCCESS);
    expect_clock(true);
    assert_int_equal(set_suspend(0, 1), HV_STATUS_SUCCESS);
    expect_clock(false);
    assert_in_range(reference_time(), 5000, 9000);
}

static void synthetic_timers_stand_still_with_the_time(void **state)
{
    struct vp *vp = partition_vp(child, 0);

    (void)state;
    assert_int_equal(set_suspend(0, 0), HV_STATUS_SUCCESS);
    machine_enter(vp);
    machine_wrmsr(vp, HV_X64_MSR_STIMER0_CONFIG,
                  HV_STIMER_ENABLE | 2u << HV_STIMER_SINT_SHIFT);
    machine_wrmsr(vp, HV_X64_MSR_STIMER0_COUNT, 1u << 30);
    machine_leave(vp);
    assert_false(vp->stimers->paused);
    assert_true(vp->stimers->timer[0].timer.node.queued);
    assert_int_equal(set_suspend(0, 1), HV_STATUS_SUCCESS);
    assert_false(vp->stimers->timer[0].timer.node.queued);
    assert_int_equal(set_suspend(0, 0), HV_STATUS_SUCCESS);
    assert_true(vp->stimers->timer[0].timer.node.queued);
}

static void tsc_set_by_the_parent_ends_the_reference_page(void **state)
{
    const struct hv_reference_tsc_page *page = child->reference_tsc_page;

    (void)state;
    assert_int_equal(set_suspend(0, 0), HV_STATUS_SUCCESS);
    assert_int_not_equal(page->tsc_sequence, 0);
    assert_int_equal(CALL(MACHINE_REP(HvCallSetVpRegisters, 1), child->id, 0, HvX64RegisterTsc, 0,
                          1ull << 50, 0),
                     HV_STATUS_SUCCESS);
    assert_int_equal(page->tsc_sequence, 0);
}

static void xfem_is_what_a_guest_could_set(void **state)
{
    static const uint64_t wrong[] = {0, 2, 5, 1ull << 9 | 3};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(CALL(MACHINE_REP(HvCallSetVpRegisters, 1), child->id, 0, HvX64RegisterXfem,
                              0, wrong[i], 0),
                         HV_STATUS_INVALID_REGISTER_VALUE);
}

static void cr8_is_the_class_of_the_apics_priority(void **state)
{
    const uint64_t get[] = {child->id, 0, HvX64RegisterCr8};
    struct vp *vp = partition_vp(child, 0);
    uint64_t value[2];

    (void)state;
    assert_int_equal(CALL(MACHINE_REP(HvCallSetVpRegisters, 1), child->id, 0, HvX64RegisterCr8, 0,
                          16, 0),
                     HV_STATUS_INVALID_REGISTER_VALUE);
    assert_int_equal(CALL(MACHINE_REP(HvCallSetVpRegisters, 1), child->id, 0, HvX64RegisterCr8, 0,
                          9, 0),
                     HV_STATUS_SUCCESS);
    assert_int_equal(lapic_tpr(&vp->lapic), 0x90);
    machine_enter(vp);
    assert_int_equal(fake_of(vp)->cr8, 9);
    machine_leave(vp);
    machine_call(MACHINE_REP(HvCallGetVpRegisters, 1), get, sizeof(get), value, sizeof(value));
    assert_int_equal(value[0], 9);
}

/* ---- translation, interrupts ---- */

#define READ    HV_TRANSLATE_GVA_VALIDATE_READ
#define WRITE   HV_TRANSLATE_GVA_VALIDATE_WRITE
#define EXECUTE HV_TRANSLATE_GVA_VALIDATE_EXECUTE
#define RIGHTS  (PTE_P | PTE_RW)

static struct hv_output_translate_virtual_address translated(uint64_t flags, uint64_t page)
{
    struct hv_output_translate_virtual_address out;
    const uint64_t in[] = {child->id, 0, flags, page};

    assert_int_equal(machine_call(HvCallTranslateVirtualAddress, in, sizeof(in), &out, sizeof(out)),
                     HV_STATUS_SUCCESS);
    return out;
}

#define RESULT(flags, page) translated(flags, page).result_code

static void put(uint64_t table, uint64_t entry)
{
    *(uint64_t *)machine_ptr(machine_child_ram(child, table)) = entry;
}

/* VP 0 has a page at address 0: guest page 5, or what @leaf says, behind tables in pages 1 to 4. */
static struct fake_vp *paging(uint64_t leaf)
{
    struct fake_vp *f = fake_of(partition_vp(child, 0));

    f->cr0 |= CR0_PG | CR0_WP;
    f->cr4 |= CR4_PAE;
    f->efer |= EFER_LME | EFER_LMA | EFER_NXE;
    f->cr3 = 0x1000;
    put(0x1000, 0x2000 | RIGHTS | PTE_US);
    put(0x2000, 0x3000 | RIGHTS | PTE_US);
    put(0x3000, 0x4000 | RIGHTS | PTE_US);
    put(0x4000, leaf);
    return f;
}

static void translation_tells_what_lies_there(void **state)
{
    struct hv_output_translate_virtual_address out = translated(READ, 3);

    (void)state;
    assert_int_equal(out.result_code, HvTranslateGvaSuccess);
    assert_int_equal(out.gpa_page, 3);
    assert_int_equal(out.attributes, HvCacheTypeX64WriteBack);
    out = translated(READ, 0x1000);
    assert_int_equal(out.result_code, HvTranslateGvaGpaUnmapped);
    assert_int_equal(out.gpa_page, 0x1000);
}

static void translation_wants_what_it_can_do(void **state)
{
    static const uint64_t flags[] = {
        0,
        HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT,
        READ | HV_TRANSLATE_GVA_SET_PAGE_TABLE_BITS,
        READ | HV_TRANSLATE_GVA_TLB_FLUSH_INHIBIT,
        READ | 0x40,
        READ | 1ull << 56, /* VTL 1 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        assert_int_equal(CALL(HvCallTranslateVirtualAddress, child->id, 0, flags[i], 3),
                         HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(HvCallTranslateVirtualAddress, child->id, 0, READ, 1ull << 52 | 3),
                     HV_STATUS_INVALID_PARAMETER);
}

static void translation_has_the_privilege_of_the_vp(void **state)
{
    const uint64_t exempt = HV_TRANSLATE_GVA_PRIVILEGE_EXEMPT;
    struct fake_vp *f = paging(0x5000 | RIGHTS);

    (void)state;
    assert_int_equal(RESULT(READ | WRITE, 0), HvTranslateGvaSuccess);
    f->segments[2].attributes |= 3u << 5; /* SS.DPL: CPL 3 */
    assert_int_equal(RESULT(READ, 0), HvTranslateGvaPrivilegeViolation);
    assert_int_equal(RESULT(READ | exempt, 0), HvTranslateGvaSuccess);
    put(0x4000, 0x5000 | PTE_P | PTE_NX); /* exempt from U/S, and from nothing else */
    assert_int_equal(RESULT(READ | exempt, 0), HvTranslateGvaSuccess);
    assert_int_equal(RESULT(WRITE | exempt, 0), HvTranslateGvaPrivilegeViolation);
    assert_int_equal(RESULT(EXECUTE | exempt, 0), HvTranslateGvaPrivilegeViolation);
}

static void translation_tells_where_the_walk_ended(void **state)
{
    struct hv_output_translate_virtual_address out;

    (void)state;
    paging(0x5000 | RIGHTS | 1ull << 50);
    assert_int_equal(RESULT(READ, 0), HvTranslateGvaInvalidPageTableFlags);
    put(0x4000, 0);
    assert_int_equal(RESULT(READ, 0), HvTranslateGvaPageNotPresent);
    put(0x3000, 0x7000000 | RIGHTS);
    out = translated(READ, 0);
    assert_int_equal(out.result_code, HvTranslateGvaGpaUnmapped);
    assert_int_equal(out.gpa_page, 0x7000);
}

static void translation_asks_the_partitions_memory_too(void **state)
{
    static const struct {
        uint32_t rights, access, result;
    } cases[] = {
        {HV_MAP_GPA_READABLE | HV_MAP_GPA_EXECUTABLE, READ | EXECUTE, HvTranslateGvaSuccess},
        {HV_MAP_GPA_READABLE | HV_MAP_GPA_EXECUTABLE, WRITE, HvTranslateGvaGpaNoWriteAccess},
        {HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE, READ | WRITE, HvTranslateGvaSuccess},
        {HV_MAP_GPA_READABLE | HV_MAP_GPA_WRITABLE, EXECUTE, HvTranslateGvaGpaNoReadAccess},
        {0, READ, HvTranslateGvaGpaNoReadAccess},
    };
    uint64_t page = machine_page().v >> PAGE_SHIFT;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct hv_output_translate_virtual_address out;
        assert_int_equal(
            CALL(MACHINE_REP(HvCallMapGpaPages, 1), child->id, 0x100, cases[i].rights, page),
            HV_STATUS_SUCCESS);
        out = translated(cases[i].access, 0x100);
        assert_int_equal(out.result_code, cases[i].result);
        assert_int_equal(out.gpa_page, 0x100);
    }
    /* A table that cannot be read. */
    paging(0x5000 | RIGHTS)->cr3 = 0x100000;
    assert_int_equal(RESULT(READ, 0), HvTranslateGvaGpaNoReadAccess);
}

static void translation_names_an_overlay_that_refuses(void **state)
{
    struct vp *vp = partition_vp(child, 0);

    (void)state;
    machine_enter(vp);
    machine_wrmsr(vp, HV_X64_MSR_GUEST_OS_ID, MACHINE_GUEST_OS);
    machine_wrmsr(vp, HV_X64_MSR_HYPERCALL, 0x6000 | HV_X64_MSR_HYPERCALL_ENABLE);
    machine_leave(vp);
    assert_int_equal(translated(EXECUTE, 6).attributes,
                     HvCacheTypeX64WriteBack | HV_TRANSLATE_GVA_OVERLAY_PAGE);
    assert_int_equal(RESULT(WRITE, 6), HvTranslateGvaGpaIllegalOverlayAccess);
}

static void asserted_interrupt_reaches_the_apic(void **state)
{
    struct lapic *apic = &partition_vp(child, 1)->lapic;

    (void)state;
    lapic_mmio_write(apic, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, child->id, 0, 1, 0x51), HV_STATUS_SUCCESS);
    assert_int_equal(lapic_pending(apic), 0x51);
}

static void interrupts_that_no_apic_knows_are_refused(void **state)
{
    (void)state;
    assert_int_equal(
        CALL(HvCallAssertVirtualInterrupt, child->id, HvX64InterruptTypeExtInt, 1, 0x51),
        HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, child->id, 1ull << 34, 1, 0x51),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, child->id, 0, 1, 0x100),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, child->id, 0, 77, 0x51),
                     HV_STATUS_INVALID_PARAMETER);
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

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls_refuse_a_partition_that_is_not_there),
        TEST(id_is_never_used_again),
        TEST(life_has_an_order),
        TEST(all_that_a_child_had_comes_back),
        TEST(initialization_without_memory_can_be_tried_again),
        TEST(deposited_page_leaves_root_and_mapped_one_cannot),
        TEST(map_flags_that_we_lack_are_refused),
        TEST(page_numbers_beyond_all_addresses_are_refused),
        TEST(root_changes_rights_of_large_pages_whole),
        TEST(root_cannot_map_itself_anew),
        TEST(vp_indices_are_checked),
        TEST(registers_are_set_and_read_in_a_list),
        TEST(list_ends_at_a_register_that_is_none),
        TEST(reference_time_stands_still_while_all_vps_are_suspended),
        TEST(synthetic_timers_stand_still_with_the_time),
        TEST(tsc_set_by_the_parent_ends_the_reference_page),
        TEST(xfem_is_what_a_guest_could_set),
        TEST(cr8_is_the_class_of_the_apics_priority),
        TEST(translation_tells_what_lies_there),
        TEST(translation_wants_what_it_can_do),
        TEST(translation_has_the_privilege_of_the_vp),
        TEST(translation_tells_where_the_walk_ended),
        TEST(translation_asks_the_partitions_memory_too),
        TEST(translation_names_an_overlay_that_refuses),
        TEST(asserted_interrupt_reaches_the_apic),
        TEST(interrupts_that_no_apic_knows_are_refused),
        TEST(child_reaches_root_through_a_connection),
        TEST(fields_for_what_we_lack_must_be_zero),
        TEST(child_may_not_manage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
