/* SPDX-License-Identifier: MIT */
/* test_hcalls_vp.c - what the calls on virtual processors do and refuse, from root's VP 0: VPs,
 * registers, the clock, translation, interrupts. TLFS 2.0A, chapters 10, 12, 13 and 15. */
#include "hcall_fixture.h"

#include <x86/cr.h>
#include "mm/phys.h"

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
    machine_wrmsr(vp, HV_X64_MSR_STIMER0_CONFIG, HV_STIMER_ENABLE | 2u << HV_STIMER_SINT_SHIFT);
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
    assert_int_equal(
        CALL(MACHINE_REP(HvCallSetVpRegisters, 1), child->id, 0, HvX64RegisterCr8, 0, 16, 0),
        HV_STATUS_INVALID_REGISTER_VALUE);
    assert_int_equal(
        CALL(MACHINE_REP(HvCallSetVpRegisters, 1), child->id, 0, HvX64RegisterCr8, 0, 9, 0),
        HV_STATUS_SUCCESS);
    assert_int_equal(lapic_tpr(&vp->lapic), 0x90);
    machine_enter(vp);
    assert_int_equal(fake_of(vp)->cr8, 9);
    machine_leave(vp);
    machine_call(MACHINE_REP(HvCallGetVpRegisters, 1), get, sizeof(get), value, sizeof(value));
    assert_int_equal(value[0], 9);
}

/* ---- run times ---- */

static struct hv_output_get_logical_processor_run_time run_time_of(uint64_t lp)
{
    struct hv_output_get_logical_processor_run_time out;

    assert_int_equal(
        machine_call(HvCallGetLogicalProcessorRunTime, &lp, sizeof(lp), &out, sizeof(out)),
        HV_STATUS_SUCCESS);
    return out;
}

static void run_time_of_an_lp_is_all_but_its_idle_time(void **state)
{
    const uint64_t second = MACHINE_TSC_HZ, units = HV_REFERENCE_TIME_PER_SECOND;
    struct hv_output_get_logical_processor_run_time before, after;
    struct pcpu *cpu = lp_table[1];

    (void)state;
    before = run_time_of(1);
    machine.tsc += second;
    cpu->run_tsc[1] += second / 4; /* a child had it, and the hypervisor the rest */
    after = run_time_of(1);
    assert_in_range(after.global_time - before.global_time, units - 1, units + 1);
    assert_in_range(after.local_run_time - before.local_run_time, units - 1, units + 1);
    assert_in_range(after.hypervisor_time - before.hypervisor_time, units * 3 / 4 - 1,
                    units * 3 / 4 + 1);
    cpu->idle_since = machine.tsc;
    machine.tsc += second; /* it halts, and goes on halting */
    before = run_time_of(1);
    assert_int_equal(before.local_run_time, after.local_run_time);
    cpu->idle_tsc += machine.tsc - cpu->idle_since;
    cpu->idle_since = 0;
    assert_int_equal(run_time_of(1).local_run_time, after.local_run_time);
    assert_int_equal(CALL(HvCallGetLogicalProcessorRunTime, 2), HV_STATUS_INVALID_LP_INDEX);
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
                     HV_STATUS_INVALID_VP_INDEX);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, child->id,
                          HV_INTERRUPT_CONTROL_LOGICAL_DESTINATION_MODE, 0x40, 0x51),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, child->id, HvX64InterruptTypeNmi, 1, 0x51),
                     HV_STATUS_INVALID_PARAMETER);
}

static void set_logical_id(struct vp *vp, uint32_t id)
{
    lapic_mmio_write(&vp->lapic, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    lapic_mmio_write(&vp->lapic, APIC_LDR, id << APIC_ID_SHIFT);
}

static void asserted_interrupt_finds_its_logical_destination(void **state)
{
    const uint64_t logical = HV_INTERRUPT_CONTROL_LOGICAL_DESTINATION_MODE;
    struct vp *one = partition_vp(child, 0), *two = partition_vp(child, 1);

    (void)state;
    set_logical_id(one, 1);
    set_logical_id(two, 2);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, child->id, logical, 2, 0x51),
                     HV_STATUS_SUCCESS);
    assert_int_equal(lapic_pending(&one->lapic), -1);
    assert_int_equal(lapic_pending(&two->lapic), 0x51);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, child->id, logical, 3, 0x52),
                     HV_STATUS_SUCCESS);
    assert_int_equal(lapic_pending(&one->lapic), 0x52);
    assert_int_equal(lapic_pending(&two->lapic), 0x52);
}

static void interrupt_of_lowest_priority_goes_to_one(void **state)
{
    const uint64_t lowest =
        HV_INTERRUPT_CONTROL_LOGICAL_DESTINATION_MODE | HvX64InterruptTypeLowestPriority;
    struct vp *one = partition_vp(child, 0), *two = partition_vp(child, 1);

    (void)state;
    set_logical_id(one, 1);
    set_logical_id(two, 2);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, child->id, lowest, 3, 0x51),
                     HV_STATUS_SUCCESS);
    assert_int_equal((lapic_pending(&one->lapic) == 0x51) + (lapic_pending(&two->lapic) == 0x51),
                     1);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, child->id, lowest, 3, 0x51),
                     HV_STATUS_SUCCESS);
    assert_int_equal(lapic_pending(&one->lapic), 0x51); /* in turn */
    assert_int_equal(lapic_pending(&two->lapic), 0x51);
}

static void falling_line_changes_nothing(void **state)
{
    const uint64_t level = HV_INTERRUPT_CONTROL_LEVEL_TRIGGERED;
    struct vp *two = partition_vp(child, 1);

    (void)state;
    set_logical_id(two, 2);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, child->id, level, 1, 0x51),
                     HV_STATUS_SUCCESS);
    assert_int_equal(
        CALL(HvCallAssertVirtualInterrupt, child->id, level, 1, HV_INTERRUPT_VECTOR_NONE),
        HV_STATUS_SUCCESS);
    assert_int_equal(lapic_pending(&two->lapic), 0x51);
}

/* An IOAPIC outside keeps the line in mind until it hears this. */
static void end_of_a_level_interrupt_is_told_to_the_parent(void **state)
{
    struct vp *two = partition_vp(child, 1);
    struct hv_message m;
    const struct hv_x64_apic_eoi_message *eoi = (const void *)m.payload;

    (void)state;
    machine_take_messages(1);
    set_logical_id(two, 2);
    assert_int_equal(CALL(HvCallAssertVirtualInterrupt, child->id,
                          HV_INTERRUPT_CONTROL_LEVEL_TRIGGERED, 1, 0x51),
                     HV_STATUS_SUCCESS);
    machine_enter(two);
    lapic_take(&two->lapic, 0x51);
    lapic_serve(&two->lapic, 0x51);
    machine_wrmsr(two, HV_X64_MSR_EOI, 0);
    machine_leave(two);
    assert_true(machine_message(1, &m));
    assert_int_equal(m.header.message_type, HvMessageTypeX64ApicEoi);
    assert_int_equal(eoi->vp_index, 1);
    assert_int_equal(eoi->interrupt_vector, 0x51);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vp_indices_are_checked),
        TEST(registers_are_set_and_read_in_a_list),
        TEST(list_ends_at_a_register_that_is_none),
        TEST(reference_time_stands_still_while_all_vps_are_suspended),
        TEST(synthetic_timers_stand_still_with_the_time),
        TEST(tsc_set_by_the_parent_ends_the_reference_page),
        TEST(xfem_is_what_a_guest_could_set),
        TEST(cr8_is_the_class_of_the_apics_priority),
        TEST(run_time_of_an_lp_is_all_but_its_idle_time),
        TEST(translation_tells_what_lies_there),
        TEST(translation_wants_what_it_can_do),
        TEST(translation_has_the_privilege_of_the_vp),
        TEST(translation_tells_where_the_walk_ended),
        TEST(translation_asks_the_partitions_memory_too),
        TEST(translation_names_an_overlay_that_refuses),
        TEST(asserted_interrupt_reaches_the_apic),
        TEST(asserted_interrupt_finds_its_logical_destination),
        TEST(interrupt_of_lowest_priority_goes_to_one),
        TEST(falling_line_changes_nothing),
        TEST(end_of_a_level_interrupt_is_told_to_the_parent),
        TEST(interrupts_that_no_apic_knows_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
