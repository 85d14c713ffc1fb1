/* SPDX-License-Identifier: MIT */
/* test_msr_linux.c - what an unmodified Linux needs of MSRs beyond their values: that its parent
 * hears of its end, and that it can rely on what it reads. */
#include "msr_fixture.h"

#include <x86/apic.h>
#include <x86/cpuid.h>
#include <x86/cr.h>
#include <x86/decode.h>
#include "core/vp_regs.h"

/* ---- what the parent hears of ---- */

static void install_index(uint32_t msr)
{
    assert_int_equal(partition_install_intercept(child, HvInterceptTypeX64MsrIndex,
                                                 HV_INTERCEPT_ACCESS_MASK_WRITE, msr),
                     HV_STATUS_SUCCESS);
}

/* The guest writes @value to @msr, and stands there. */
static void write_and_stand(uint32_t msr, uint64_t value)
{
    vp->rip = CODE;
    vp->gpr[X86_RCX] = msr;
    vp->gpr[X86_RAX] = (uint32_t)value;
    vp->gpr[X86_RDX] = value >> 32;
    machine_exit(vp, &(struct vp_exit){.reason = VP_EXIT_MSR_WRITE, .insn_len = 2});
    assert_int_equal(vp->rip, CODE);
    assert_true(vp->suspend & VP_SUSPEND_INTERCEPT);
    assert_false(fake_of(vp)->injected.valid);
}

static void expect_intercept(uint32_t msr, uint64_t value)
{
    struct hv_message m;
    const struct hv_x64_msr_intercept_message *p = (const void *)m.payload;

    assert_true(machine_message(0, &m));
    assert_int_equal(m.header.message_type, HvMessageTypeMsrIntercept);
    assert_int_equal(p->header.access_type, HvInterceptAccessWrite);
    assert_int_equal(p->header.length_and_cr8 & HV_X64_INTERCEPT_LENGTH_MASK, 2);
    assert_int_equal(p->msr_number, msr);
    assert_int_equal(p->rdx << 32 | p->rax, value);
}

static uint64_t crash_register(uint32_t name)
{
    struct hv_register_value value;

    assert_int_equal(vp_reg_get(vp, name, &value), HV_STATUS_SUCCESS);
    return value.reg64;
}

static void parent_hears_of_a_crash_and_reads_its_parameters(void **state)
{
    const struct hv_register_value zero = {.reg64 = 0};
    struct hv_message m;

    (void)state;
    install_index(HV_X64_MSR_CRASH_CTL);
    assert_int_equal(read_ok(HV_X64_MSR_CRASH_CTL), HV_CRASH_NOTIFY | HV_CRASH_MESSAGE);
    for (uint32_t i = 0; i < 5; i++)
        write_ok(HV_X64_MSR_CRASH_P0 + i, 0x1000 + i);
    write_ok(HV_X64_MSR_CRASH_CTL, HV_CRASH_MESSAGE); /* which tells nobody */
    assert_false(machine_message(0, &m));
    write_and_stand(HV_X64_MSR_CRASH_CTL, HV_CRASH_NOTIFY | HV_CRASH_MESSAGE);
    expect_intercept(HV_X64_MSR_CRASH_CTL, HV_CRASH_NOTIFY | HV_CRASH_MESSAGE);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(crash_register(HvRegisterGuestCrashP0 + i), 0x1000 + i);
    assert_int_equal(crash_register(HvRegisterGuestCrashCtl), HV_CRASH_NOTIFY | HV_CRASH_MESSAGE);
    assert_int_equal(vp_reg_set(vp, HvRegisterGuestCrashP0, &zero), HV_STATUS_INVALID_PARAMETER);
}

static void parent_that_did_not_ask_hears_of_no_crash(void **state)
{
    struct hv_message m;

    (void)state;
    assert_int_equal(read_ok(HV_X64_MSR_CRASH_CTL), HV_CRASH_NOTIFY);
    write_ok(HV_X64_MSR_CRASH_CTL, HV_CRASH_NOTIFY | HV_CRASH_MESSAGE);
    assert_false(machine_message(0, &m));
    install_index(HV_X64_MSR_CRASH_CTL);
    assert_int_equal(partition_install_intercept(child, HvInterceptTypeX64MsrIndex,
                                                 HV_INTERCEPT_ACCESS_MASK_NONE,
                                                 HV_X64_MSR_CRASH_CTL),
                     HV_STATUS_SUCCESS);
    write_ok(HV_X64_MSR_CRASH_CTL, HV_CRASH_NOTIFY);
    assert_false(machine_message(0, &m));
}

static void reset_is_the_parents_work(void **state)
{
    (void)state;
    assert_false(wrmsr(HV_X64_MSR_RESET, 3));
    write_ok(HV_X64_MSR_RESET, 0);
    assert_int_equal(read_ok(HV_X64_MSR_RESET), 0);
    install_index(HV_X64_MSR_RESET);
    write_and_stand(HV_X64_MSR_RESET, HV_X64_MSR_RESET_NOW);
    expect_intercept(HV_X64_MSR_RESET, HV_X64_MSR_RESET_NOW);
}

static void reset_is_a_triple_fault_to_who_did_not_ask(void **state)
{
    struct hv_message m;

    (void)state;
    write_and_stand(HV_X64_MSR_RESET, HV_X64_MSR_RESET_NOW);
    assert_true(machine_message(0, &m));
    assert_int_equal(m.header.message_type, HvMessageTypeUnrecoverableException);
}

static void no_other_index_and_no_other_access_can_be_intercepted(void **state)
{
    static const struct {
        uint32_t access;
        uint64_t msr;
    } refused[] = {
        {HV_INTERCEPT_ACCESS_MASK_WRITE, HV_X64_MSR_CRASH_P0},
        {HV_INTERCEPT_ACCESS_MASK_WRITE, MSR_IA32_TSC},
        {HV_INTERCEPT_ACCESS_MASK_WRITE, 1ull << 32 | HV_X64_MSR_RESET},
        {HV_INTERCEPT_ACCESS_MASK_READ, HV_X64_MSR_RESET},
        {HV_INTERCEPT_ACCESS_MASK_EXECUTE, HV_X64_MSR_CRASH_CTL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        assert_int_equal(partition_install_intercept(child, HvInterceptTypeX64MsrIndex,
                                                     refused[i].access, refused[i].msr),
                         HV_STATUS_INVALID_PARAMETER);
}

/* ---- what Linux 6.1 reads, and some of it writes, without a net while it boots ---- */

static void linux_boots_without_a_fault(void **state)
{
    static const struct {
        uint32_t msr;
        uint64_t expected, mask; /* of what it relies on */
    } read[] = {
        {MSR_IA32_APIC_BASE, APIC_BASE_EN, APIC_BASE_EN},
        {MSR_IA32_BIOS_SIGN_ID, 0, UINT64_MAX}, /* Intel: the microcode's revision */
        {MSR_IA32_MISC_ENABLE, MISC_ENABLE_FAST_STRINGS,
         MISC_ENABLE_FAST_STRINGS | 1ull << 22 | 1ull << 34}, /* Intel: all leaves, NX */
        {MSR_IA32_MTRRCAP, 0, UINT64_MAX},                    /* no ranges: none are read */
        {MSR_IA32_MTRR_DEF_TYPE, MTRR_DEF_TYPE_E | MEMORY_TYPE_WB,
         UINT64_MAX},                                              /* PAT, no trimming */
        {MSR_IA32_MCG_CAP, 0, MCG_CAP_COUNT_MASK | MCG_CAP_CTL_P}, /* no banks: none are read */
        {MSR_IA32_MCG_STATUS, 0, UINT64_MAX},
        {MSR_IA32_DEBUGCTL, 0, UINT64_MAX}, /* single steps of a debugger */
        {MSR_EFER, EFER_LMA, EFER_LMA},
        {MSR_SYSCFG, 0, UINT64_MAX},                      /* AMD: no memory above 4 GiB by TOM2 */
        {MSR_HWCR, HWCR_TSC_FREQ_SEL, HWCR_TSC_FREQ_SEL}, /* AMD with an invariant TSC */
        {MSR_NB_CFG, 0, UINT64_MAX},                      /* AMD: each processor that comes up */
        {MSR_INTPEND, 0, 3ull << 27},                     /* AMD K8: C1E is not active */
    };
    static const struct {
        uint32_t msr;
        uint64_t value;
    } written[] = {
        {MSR_IA32_BIOS_SIGN_ID, 0},
        {MSR_IA32_MTRR_DEF_TYPE, MTRR_DEF_TYPE_E | MEMORY_TYPE_WB},
        {MSR_NB_CFG, 1ull << 46}, /* extended configuration space */
        {MSR_IA32_DEBUGCTL, DEBUGCTL_BTF},
        {MSR_TSC_AUX, 1},
        {HV_X64_MSR_VP_ASSIST_PAGE, PAGE_GPA | HV_X64_MSR_PAGE_ENABLE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(read); i++)
        assert_int_equal(read_ok(read[i].msr) & read[i].mask, read[i].expected);
    for (size_t i = 0; i < ARRAY_SIZE(written); i++)
        write_ok(written[i].msr, written[i].value);
    assert_false(wrmsr(MSR_IA32_DEBUGCTL, 1ull << 6)); /* branch traces, which CPUID hides */
}

static void tsc_is_invariant_when_the_guest_says_so(void **state)
{
    const struct cpuid_vp view = {0};
    uint32_t r[4];

    (void)state;
    assert_false(wrmsr(HV_X64_MSR_TSC_INVARIANT_CONTROL, HV_TSC_INVARIANT_EXPOSE));
    child->privileges |= HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS;
    assert_false(wrmsr(HV_X64_MSR_TSC_INVARIANT_CONTROL, 2));
    cpuid_guest(child->cpuid, &view, CPUID_LEAF_EXT_POWER, 0, r);
    assert_int_equal(r[3] & CPUID_80000007_EDX_TSC_INVARIANT, 0);
    write_ok(HV_X64_MSR_TSC_INVARIANT_CONTROL, HV_TSC_INVARIANT_EXPOSE);
    assert_int_equal(read_ok(HV_X64_MSR_TSC_INVARIANT_CONTROL), HV_TSC_INVARIANT_EXPOSE);
    cpuid_guest(child->cpuid, &view, CPUID_LEAF_EXT_POWER, 0, r);
    assert_int_equal(r[3] & CPUID_80000007_EDX_TSC_INVARIANT, CPUID_80000007_EDX_TSC_INVARIANT);
    write_ok(HV_X64_MSR_TSC_INVARIANT_CONTROL, 0);
    cpuid_guest(child->cpuid, &view, CPUID_LEAF_EXT_POWER, 0, r);
    assert_int_equal(r[3] & CPUID_80000007_EDX_TSC_INVARIANT, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parent_hears_of_a_crash_and_reads_its_parameters),
        TEST(parent_that_did_not_ask_hears_of_no_crash),
        TEST(reset_is_the_parents_work),
        TEST(reset_is_a_triple_fault_to_who_did_not_ask),
        TEST(no_other_index_and_no_other_access_can_be_intercepted),
        TEST(linux_boots_without_a_fault),
        TEST(tsc_is_invariant_when_the_guest_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
