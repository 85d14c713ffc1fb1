/* SPDX-License-Identifier: MIT */
/* test_msr.c - the MSRs that a VP has, and that it has no others: default deny. Accesses go through
 * the exits, as a guest makes them. */
#include "msr_fixture.h"

#include <hvabi/synic.h>
#include <x86/cr.h>
#include <x86/decode.h>
#include <x86/exception.h>
#include "core/speculation.h"
#include "core/vp_regs.h"
#include "mm/phys.h"

#define UNKNOWN_MSR 0xceu /* platform information */

/* ---- which there are ---- */

struct range {
    uint32_t first, last;
};

static bool in(const struct range *ranges, size_t count, uint32_t msr)
{
    for (size_t i = 0; i < count; i++)
        if (msr >= ranges[i].first && msr <= ranges[i].last)
            return true;
    return false;
}

/* What a processor with MSRs has, and what a guest might probe. */
static const struct range swept[] = {
    {0, 0x1fff},
    {0x40000000, 0x40000fff},
    {0xc0000000, 0xc0001fff},
    {0xc0010000, 0xc0011fff},
    {0x4ffffff0, 0x50000010},
    {0xfffffff0, 0xffffffff},
};

static const struct range readable[] = {
    {MSR_IA32_TSC, MSR_IA32_TSC},
    {MSR_IA32_APIC_BASE, MSR_IA32_APIC_BASE},
    {MSR_IA32_SPEC_CTRL, MSR_IA32_SPEC_CTRL},
    {MSR_IA32_BIOS_SIGN_ID, MSR_IA32_BIOS_SIGN_ID},
    {MSR_IA32_MTRRCAP, MSR_IA32_MTRRCAP},
    {MSR_IA32_MCG_CAP, MSR_IA32_MCG_STATUS},
    {MSR_IA32_MISC_ENABLE, MSR_IA32_MISC_ENABLE},
    {MSR_IA32_DEBUGCTL, MSR_IA32_DEBUGCTL},
    {MSR_IA32_MTRR_DEF_TYPE, MSR_IA32_MTRR_DEF_TYPE},
    {MSR_IA32_TSC_DEADLINE, MSR_IA32_TSC_DEADLINE},
    {MSR_EFER, MSR_EFER},
    {MSR_TSC_AUX, MSR_TSC_AUX},
    {MSR_PERF_EVT_SEL0, MSR_PERF_CTR3},
    {MSR_SYSCFG, MSR_SYSCFG},
    {MSR_HWCR, MSR_HWCR},
    {MSR_NB_CFG, MSR_NB_CFG},
    {MSR_INTPEND, MSR_INTPEND},
    {HV_X64_MSR_GUEST_OS_ID, HV_X64_MSR_RESET},
    {HV_X64_MSR_VP_RUNTIME, HV_X64_MSR_VP_RUNTIME},
    {HV_X64_MSR_TIME_REF_COUNT, HV_X64_MSR_APIC_FREQUENCY},
    {HV_X64_MSR_ICR, HV_X64_MSR_VP_ASSIST_PAGE},
    {HV_X64_MSR_SCONTROL, HV_X64_MSR_EOM},
    {HV_X64_MSR_SINT0, HV_X64_MSR_SINT15},
    {HV_X64_MSR_STIMER0_CONFIG, HV_X64_MSR_STIMER3_COUNT},
    {HV_X64_MSR_STATS_VP_RETAIL_PAGE, HV_X64_MSR_STATS_VP_RETAIL_PAGE},
    {HV_X64_MSR_GUEST_IDLE, HV_X64_MSR_GUEST_IDLE},
    {HV_X64_MSR_CRASH_P0, HV_X64_MSR_CRASH_CTL},
};

static void all_other_msrs_fault(void **state)
{
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(swept); i++) {
        for (uint32_t msr = swept[i].first;; msr++) {
            if (rdmsr(msr, &value) != in(readable, ARRAY_SIZE(readable), msr))
                fail_msg("RDMSR %x", msr);
            vp->activity = VP_ACTIVITY_RUN;
            if (msr == swept[i].last)
                break;
        }
    }
}

/* What can be written can be read, but for commands; nothing else can be written. */
static void nothing_else_can_be_written(void **state)
{
    static const struct range commands[] = {
        {HV_X64_MSR_EOI, HV_X64_MSR_EOI},
        {MSR_IA32_PRED_CMD, MSR_IA32_PRED_CMD},
    };
    static const struct range read_only[] = {
        {MSR_IA32_MTRRCAP, MSR_IA32_MTRRCAP},
        {MSR_IA32_MCG_CAP, MSR_IA32_MCG_STATUS},
        {MSR_SYSCFG, MSR_SYSCFG},
        {MSR_INTPEND, MSR_INTPEND},
        {HV_X64_MSR_VP_INDEX, HV_X64_MSR_VP_INDEX},
        {HV_X64_MSR_VP_RUNTIME, HV_X64_MSR_VP_RUNTIME},
        {HV_X64_MSR_TIME_REF_COUNT, HV_X64_MSR_TIME_REF_COUNT},
        {HV_X64_MSR_TSC_FREQUENCY, HV_X64_MSR_APIC_FREQUENCY},
        {HV_X64_MSR_SVERSION, HV_X64_MSR_SVERSION},
        {HV_X64_MSR_GUEST_IDLE, HV_X64_MSR_GUEST_IDLE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(swept); i++) {
        for (uint32_t msr = swept[i].first;; msr++) {
            bool may = (in(readable, ARRAY_SIZE(readable), msr) ||
                        in(commands, ARRAY_SIZE(commands), msr)) &&
                       !in(read_only, ARRAY_SIZE(read_only), msr);
            if (wrmsr(msr, 0) && !may)
                fail_msg("WRMSR %x", msr);
            if (msr == swept[i].last)
                break;
        }
    }
}

/* As a system finds out whether they can be used, which they cannot. */
static void counters_do_not_count(void **state)
{
    uint64_t value;

    (void)state;
    for (uint32_t msr = MSR_PERF_EVT_SEL0; msr <= MSR_PERF_CTR3; msr++) {
        assert_true(wrmsr(msr, 0));
        assert_false(wrmsr(msr, 1));
        assert_false(wrmsr(msr, 1ull << 63));
        assert_true(rdmsr(msr, &value));
        assert_int_equal(value, 0);
    }
}

static void unknown_msr_is_the_parents_business_if_it_asked(void **state)
{
    struct hv_message m;
    const struct hv_x64_msr_intercept_message *p = (const void *)m.payload;

    (void)state;
    assert_int_equal(partition_install_intercept(child, HvInterceptTypeX64Msr,
                                                 HV_INTERCEPT_ACCESS_MASK_WRITE, 0),
                     HV_STATUS_SUCCESS);
    vp->rip = CODE;
    vp->gpr[X86_RCX] = UNKNOWN_MSR;
    vp->gpr[X86_RAX] = 0x11;
    vp->gpr[X86_RDX] = 0x22;
    machine_exit(vp, &(struct vp_exit){.reason = VP_EXIT_MSR_WRITE, .insn_len = 2});
    assert_true(machine_message(0, &m));
    assert_int_equal(m.header.message_type, HvMessageTypeMsrIntercept);
    assert_int_equal(p->header.access_type, HvInterceptAccessWrite);
    assert_int_equal(p->msr_number, UNKNOWN_MSR);
    assert_int_equal(p->rax, 0x11);
    assert_int_equal(p->rdx, 0x22);
    assert_int_equal(vp->rip, CODE);
    assert_true(vp->suspend & VP_SUSPEND_INTERCEPT);
    assert_false(fake_of(vp)->injected.valid);
}

static void known_msrs_are_not_intercepted_nor_their_faults(void **state)
{
    uint64_t value;
    struct hv_message m;

    (void)state;
    assert_int_equal(partition_install_intercept(
                         child, HvInterceptTypeX64Msr,
                         HV_INTERCEPT_ACCESS_MASK_WRITE | HV_INTERCEPT_ACCESS_MASK_READ, 0),
                     HV_STATUS_SUCCESS);
    assert_true(rdmsr(HV_X64_MSR_VP_INDEX, &value));
    assert_false(wrmsr(HV_X64_MSR_VP_INDEX, 1));
    assert_false(wrmsr(HV_X64_MSR_RESET, 2));
    assert_false(wrmsr(MSR_TSC_AUX, 1ull << 32));
    assert_false(machine_message(0, &m));
}

/* ---- privileges ---- */

static void synthetic_msr_without_its_privilege_faults(void **state)
{
    static const struct {
        uint32_t msr;
        uint64_t privilege;
    } cases[] = {
        {HV_X64_MSR_GUEST_OS_ID, HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS},
        {HV_X64_MSR_HYPERCALL, HV_PRIVILEGE_ACCESS_HYPERCALL_MSRS},
        {HV_X64_MSR_VP_INDEX, HV_PRIVILEGE_ACCESS_VP_INDEX},
        {HV_X64_MSR_VP_RUNTIME, HV_PRIVILEGE_ACCESS_VP_RUN_TIME_REG},
        {HV_X64_MSR_TIME_REF_COUNT, HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_COUNTER},
        {HV_X64_MSR_REFERENCE_TSC, HV_PRIVILEGE_ACCESS_PARTITION_REFERENCE_TSC},
        {HV_X64_MSR_TSC_FREQUENCY, HV_PRIVILEGE_ACCESS_FREQUENCY_REGS},
        {HV_X64_MSR_APIC_FREQUENCY, HV_PRIVILEGE_ACCESS_FREQUENCY_REGS},
        {HV_X64_MSR_ICR, HV_PRIVILEGE_ACCESS_INTR_CTRL_REGS},
        {HV_X64_MSR_TPR, HV_PRIVILEGE_ACCESS_INTR_CTRL_REGS},
        {HV_X64_MSR_VP_ASSIST_PAGE, HV_PRIVILEGE_ACCESS_INTR_CTRL_REGS},
        {HV_X64_MSR_SCONTROL, HV_PRIVILEGE_ACCESS_SYNIC_REGS},
        {HV_X64_MSR_SINT15, HV_PRIVILEGE_ACCESS_SYNIC_REGS},
        {HV_X64_MSR_STIMER3_COUNT, HV_PRIVILEGE_ACCESS_SYNTHETIC_TIMER_REGS},
        {HV_X64_MSR_GUEST_IDLE, HV_PRIVILEGE_ACCESS_GUEST_IDLE_REG},
        {HV_X64_MSR_STATS_VP_RETAIL_PAGE, HV_PRIVILEGE_ACCESS_STATS_REG},
        {HV_X64_MSR_RESET, HV_PRIVILEGE_ACCESS_RESET_REG},
        {HV_X64_MSR_TSC_INVARIANT_CONTROL, HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS},
    };
    uint64_t all = child->privileges, value;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        child->privileges = all & ~cases[i].privilege;
        assert_false(rdmsr(cases[i].msr, &value));
        assert_false(wrmsr(cases[i].msr, 0));
        child->privileges = cases[i].privilege;
        assert_true(rdmsr(cases[i].msr, &value));
    }
    child->privileges = all & ~HV_PRIVILEGE_ACCESS_INTR_CTRL_REGS;
    assert_false(wrmsr(HV_X64_MSR_EOI, 0));
}

/* ---- overlays ---- */

static bool shown(uint64_t at, const void *page, unsigned access)
{
    struct slat_view view;

    return slat_query(&child->slat, gpa(at), &view) == HV_STATUS_SUCCESS && view.overlay &&
           hpa_ptr(view.hpa) == page && view.access == access;
}

static bool ordinary(uint64_t at)
{
    struct slat_view view;

    return slat_query(&child->slat, gpa(at), &view) == HV_STATUS_SUCCESS && !view.overlay;
}

static void hypercall_page_appears_where_the_guest_wants_it(void **state)
{
    const uint8_t *page = child->hypercall_page;

    (void)state;
    write_ok(HV_X64_MSR_HYPERCALL, PAGE_GPA | HV_X64_MSR_HYPERCALL_ENABLE);
    assert_true(shown(PAGE_GPA, page, SLAT_READ | SLAT_EXECUTE));
    assert_int_equal(page[0], 0x0f);
    assert_int_equal(page[3], 0xc3);
    assert_int_equal(read_ok(HV_X64_MSR_HYPERCALL), PAGE_GPA | HV_X64_MSR_HYPERCALL_ENABLE);
    write_ok(HV_X64_MSR_HYPERCALL, (PAGE_GPA + 0x1000) | HV_X64_MSR_HYPERCALL_ENABLE);
    assert_true(ordinary(PAGE_GPA));
    assert_true(shown(PAGE_GPA + 0x1000, page, SLAT_READ | SLAT_EXECUTE));
    write_ok(HV_X64_MSR_HYPERCALL, 0);
    assert_true(ordinary(PAGE_GPA + 0x1000));
}

static void hypercall_page_needs_an_os_id_and_goes_with_it(void **state)
{
    (void)state;
    write_ok(HV_X64_MSR_GUEST_OS_ID, 0);
    write_ok(HV_X64_MSR_HYPERCALL, PAGE_GPA | HV_X64_MSR_HYPERCALL_ENABLE);
    assert_int_equal(read_ok(HV_X64_MSR_HYPERCALL), PAGE_GPA);
    assert_true(ordinary(PAGE_GPA));
    write_ok(HV_X64_MSR_GUEST_OS_ID, MACHINE_GUEST_OS);
    write_ok(HV_X64_MSR_HYPERCALL, PAGE_GPA | HV_X64_MSR_HYPERCALL_ENABLE);
    assert_true(shown(PAGE_GPA, child->hypercall_page, SLAT_READ | SLAT_EXECUTE));
    write_ok(HV_X64_MSR_GUEST_OS_ID, 0);
    assert_true(ordinary(PAGE_GPA));
    assert_int_equal(read_ok(HV_X64_MSR_HYPERCALL) & HV_X64_MSR_HYPERCALL_ENABLE, 0);
}

static void locked_hypercall_page_does_not_move(void **state)
{
    uint64_t locked = PAGE_GPA | HV_X64_MSR_HYPERCALL_ENABLE | HV_X64_MSR_HYPERCALL_LOCKED;

    (void)state;
    write_ok(HV_X64_MSR_HYPERCALL, locked);
    write_ok(HV_X64_MSR_HYPERCALL, 0);
    assert_int_equal(read_ok(HV_X64_MSR_HYPERCALL), locked);
    assert_true(shown(PAGE_GPA, child->hypercall_page, SLAT_READ | SLAT_EXECUTE));
}

static void hypercall_page_beyond_the_space_faults(void **state)
{
    (void)state;
    assert_false(wrmsr(HV_X64_MSR_HYPERCALL, 1ull << 40 | HV_X64_MSR_HYPERCALL_ENABLE));
    assert_int_equal(read_ok(HV_X64_MSR_HYPERCALL), 0);
}

static void assist_page_is_the_vps_own_and_starts_zeroed(void **state)
{
    uint8_t *page = hpa_ptr(vp->assist_page);

    (void)state;
    page[0] = 1;
    write_ok(HV_X64_MSR_VP_ASSIST_PAGE, PAGE_GPA | HV_X64_MSR_PAGE_ENABLE);
    assert_true(shown(PAGE_GPA, page, SLAT_READ | SLAT_WRITE));
    assert_int_equal(page[0], 0);
    write_ok(HV_X64_MSR_VP_ASSIST_PAGE, 0);
    assert_true(ordinary(PAGE_GPA));
}

static void reference_tsc_page_is_read_only_and_may_lie_nowhere(void **state)
{
    (void)state;
    write_ok(HV_X64_MSR_REFERENCE_TSC, PAGE_GPA | HV_X64_MSR_PAGE_ENABLE);
    assert_true(shown(PAGE_GPA, child->reference_tsc_page, SLAT_READ));
    write_ok(HV_X64_MSR_REFERENCE_TSC, 1ull << 45 | HV_X64_MSR_PAGE_ENABLE);
    assert_int_equal(read_ok(HV_X64_MSR_REFERENCE_TSC), 1ull << 45 | HV_X64_MSR_PAGE_ENABLE);
    write_ok(HV_X64_MSR_REFERENCE_TSC, 0);
    assert_true(ordinary(PAGE_GPA));
}

static void synic_pages_are_overlays(void **state)
{
    (void)state;
    write_ok(HV_X64_MSR_SIMP, PAGE_GPA | HV_X64_MSR_PAGE_ENABLE);
    write_ok(HV_X64_MSR_SIEFP, (PAGE_GPA + 0x1000) | HV_X64_MSR_PAGE_ENABLE);
    assert_true(shown(PAGE_GPA, hpa_ptr(vp->sim_page), SLAT_READ | SLAT_WRITE));
    assert_true(shown(PAGE_GPA + 0x1000, hpa_ptr(vp->sief_page), SLAT_READ | SLAT_WRITE));
}

static void stats_page_is_read_only(void **state)
{
    (void)state;
    write_ok(HV_X64_MSR_STATS_VP_RETAIL_PAGE, PAGE_GPA | HV_X64_MSR_PAGE_ENABLE);
    assert_true(shown(PAGE_GPA, vp->stats, SLAT_READ));
}

/* ---- time ---- */

static void tsc_starts_at_0_and_moves_with_the_machine(void **state)
{
    uint64_t first = read_ok(MSR_IA32_TSC);

    (void)state;
    assert_in_range(first, 0, MACHINE_TSC_HZ);
    machine.tsc += 12345;
    assert_int_equal(read_ok(MSR_IA32_TSC), first + 12345);
}

static void written_tsc_counts_on_and_ends_the_reference_page(void **state)
{
    const struct hv_reference_tsc_page *page = child->reference_tsc_page;

    (void)state;
    assert_int_not_equal(page->tsc_sequence, 0);
    write_ok(MSR_IA32_TSC, 1ull << 50);
    machine.tsc += 77;
    assert_int_equal(read_ok(MSR_IA32_TSC), (1ull << 50) + 77);
    assert_int_equal(fake_of(vp)->tsc_offset, vp->tsc_offset);
    assert_int_equal(page->tsc_sequence, 0);
}

static void reference_counter_counts_100ns(void **state)
{
    uint64_t first = read_ok(HV_X64_MSR_TIME_REF_COUNT);

    (void)state;
    machine.tsc += MACHINE_TSC_HZ;
    assert_in_range(read_ok(HV_X64_MSR_TIME_REF_COUNT) - first, 9999999, 10000000);
    assert_int_equal(read_ok(HV_X64_MSR_TSC_FREQUENCY), MACHINE_TSC_HZ);
    assert_int_equal(read_ok(HV_X64_MSR_APIC_FREQUENCY), MACHINE_APIC_HZ);
}

static void run_time_counts_only_while_the_vp_runs(void **state)
{
    struct hv_register_value value;
    uint64_t first = read_ok(HV_X64_MSR_VP_RUNTIME);

    (void)state;
    machine.tsc += MACHINE_TSC_HZ / 1000;
    assert_int_equal(read_ok(HV_X64_MSR_VP_RUNTIME) - first, 10000);
    machine_leave(vp);
    machine.tsc += MACHINE_TSC_HZ;
    assert_int_equal(vp_reg_get(vp, HvX64RegisterVpRuntime, &value), HV_STATUS_SUCCESS);
    assert_int_equal(value.reg64 - first, 10000);
    machine_enter(vp);
    assert_int_equal(read_ok(HV_X64_MSR_VP_RUNTIME) - first, 10000);
}

/* ---- the rest ---- */

static void vps_differ_in_index_and_share_the_partitions_registers(void **state)
{
    (void)state;
    write_ok(HV_X64_MSR_GUEST_OS_ID, 0x123);
    assert_int_equal(read_ok(HV_X64_MSR_VP_INDEX), 0);
    machine_leave(vp);
    vp = partition_vp(child, 1);
    machine_enter(vp);
    assert_int_equal(read_ok(HV_X64_MSR_VP_INDEX), 1);
    assert_int_equal(read_ok(HV_X64_MSR_GUEST_OS_ID), 0x123);
}

static void guest_idle_waits(void **state)
{
    (void)state;
    (void)read_ok(HV_X64_MSR_GUEST_IDLE);
    assert_int_equal(vp->activity, VP_ACTIVITY_IDLE);
}

static void crash_parameters_are_kept(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        write_ok(HV_X64_MSR_CRASH_P0 + i, 0x1000 + i);
    write_ok(HV_X64_MSR_CRASH_CTL, HV_CRASH_NOTIFY);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(read_ok(HV_X64_MSR_CRASH_P0 + i), 0x1000 + i);
    assert_true(read_ok(HV_X64_MSR_CRASH_CTL) & HV_CRASH_NOTIFY);
}

static void tsc_aux_is_switched_with_the_vp(void **state)
{
    (void)state;
    write_ok(MSR_TSC_AUX, 0x55);
    assert_int_equal(machine.lp->tsc_aux, 0x55);
    machine_leave(vp);
    machine_enter(partition_vp(child, 1));
    assert_int_equal(machine.lp->tsc_aux, 0);
    machine_leave(partition_vp(child, 1));
    machine_enter(vp);
    assert_int_equal(machine.lp->tsc_aux, 0x55);
}

static void spec_ctrl_is_switched_with_the_vp(void **state)
{
    (void)state;
    write_ok(MSR_IA32_SPEC_CTRL, SPEC_CTRL_SSBD);
    assert_int_equal(machine.lp->spec_ctrl, SPEC_CTRL_SSBD);
    machine_leave(vp);
    machine_enter(partition_vp(child, 1));
    assert_int_equal(machine.lp->spec_ctrl, 0);
    machine_leave(partition_vp(child, 1));
    machine_enter(vp);
    assert_int_equal(machine.lp->spec_ctrl, SPEC_CTRL_SSBD);
}

static void spec_ctrl_accepts_what_cpuid_promises(void **state)
{
    (void)state;
    assert_false(wrmsr(MSR_IA32_SPEC_CTRL, SPEC_CTRL_STIBP));
    assert_false(wrmsr(MSR_IA32_SPEC_CTRL, SPEC_CTRL_SSBD | 1ull << 63));
    write_ok(MSR_IA32_SPEC_CTRL, SPEC_CTRL_IBRS | SPEC_CTRL_SSBD);
    vp_init_signal(vp);
    assert_int_equal(machine.lp->spec_ctrl, 0);
}

static void without_its_promise_spec_ctrl_is_not_there(void **state)
{
    uint64_t value;

    (void)state;
    speculation.spec_ctrl_guest = 0;
    assert_false(rdmsr(MSR_IA32_SPEC_CTRL, &value));
    assert_false(wrmsr(MSR_IA32_SPEC_CTRL, 0));
}

static void prediction_barrier_is_executed(void **state)
{
    uint32_t before = machine.lp->ibpbs;

    (void)state;
    write_ok(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
    assert_int_equal(machine.lp->ibpbs, before + 1);
    assert_false(wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_SBPB));
    assert_int_equal(machine.lp->ibpbs, before + 1);
}

static void msr_access_without_a_length_is_decoded(void **state)
{
    static const uint8_t rdmsr_bytes[] = {0x66, 0x0f, 0x32};

    (void)state;
    memcpy(machine_ptr(machine_child_ram(child, CODE)), rdmsr_bytes, sizeof(rdmsr_bytes));
    vp->gpr[X86_RCX] = HV_X64_MSR_VP_INDEX;
    machine_exit(vp, &(struct vp_exit){.reason = VP_EXIT_MSR_READ});
    assert_int_equal(vp->rip, CODE + sizeof(rdmsr_bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_other_msrs_fault),
        TEST(nothing_else_can_be_written),
        TEST(counters_do_not_count),
        TEST(unknown_msr_is_the_parents_business_if_it_asked),
        TEST(known_msrs_are_not_intercepted_nor_their_faults),
        TEST(synthetic_msr_without_its_privilege_faults),
        TEST(hypercall_page_appears_where_the_guest_wants_it),
        TEST(hypercall_page_needs_an_os_id_and_goes_with_it),
        TEST(locked_hypercall_page_does_not_move),
        TEST(hypercall_page_beyond_the_space_faults),
        TEST(assist_page_is_the_vps_own_and_starts_zeroed),
        TEST(reference_tsc_page_is_read_only_and_may_lie_nowhere),
        TEST(synic_pages_are_overlays),
        TEST(stats_page_is_read_only),
        TEST(tsc_starts_at_0_and_moves_with_the_machine),
        TEST(written_tsc_counts_on_and_ends_the_reference_page),
        TEST(reference_counter_counts_100ns),
        TEST(run_time_counts_only_while_the_vp_runs),
        TEST(vps_differ_in_index_and_share_the_partitions_registers),
        TEST(guest_idle_waits),
        TEST(crash_parameters_are_kept),
        TEST(tsc_aux_is_switched_with_the_vp),
        TEST(spec_ctrl_is_switched_with_the_vp),
        TEST(spec_ctrl_accepts_what_cpuid_promises),
        TEST(without_its_promise_spec_ctrl_is_not_there),
        TEST(prediction_barrier_is_executed),
        TEST(msr_access_without_a_length_is_decoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
