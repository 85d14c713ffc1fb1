/* SPDX-License-Identifier: MIT */
/* test_exit_cpuid.c - what CPUID shows a child, and instructions without a known length. */
#include <x86/msr.h>
#include "exit_fixture.h"

#include <hvabi/cpuid.h>
#include <x86/cpuid.h>
#include <x86/cr.h>

static const uint32_t *cpuid(uint32_t leaf, uint32_t subleaf)
{
    static uint32_t r[4];

    vp->rip = CODE;
    vp->gpr[X86_RAX] = leaf;
    vp->gpr[X86_RCX] = subleaf;
    vp->gpr[X86_RBX] = vp->gpr[X86_RDX] = UINT64_MAX;
    simple_exit(VP_EXIT_CPUID, 2);
    assert_int_equal(vp->rip, CODE + 2);
    r[0] = (uint32_t)vp->gpr[X86_RAX];
    r[1] = (uint32_t)vp->gpr[X86_RBX];
    r[2] = (uint32_t)vp->gpr[X86_RCX];
    r[3] = (uint32_t)vp->gpr[X86_RDX];
    assert_int_equal(
        (vp->gpr[X86_RAX] | vp->gpr[X86_RBX] | vp->gpr[X86_RCX] | vp->gpr[X86_RDX]) >> 32, 0);
    return r;
}

static void cpuid_shows_hv_1(void **state)
{
    (void)state;
    assert_int_equal(cpuid(1, 0)[2] & HV_CPUID_PRESENT_ECX, HV_CPUID_PRESENT_ECX);
    assert_int_equal(cpuid(HV_CPUID_VENDOR_AND_MAX, 0)[1], HV_CPUID_VENDOR_EBX);
    assert_in_range(cpuid(HV_CPUID_VENDOR_AND_MAX, 0)[0], HV_CPUID_MAX_LEAF_LOWEST,
                    HV_CPUID_MAX_LEAF_HIGHEST);
    assert_int_equal(cpuid(HV_CPUID_INTERFACE, 0)[0], HV_CPUID_SIGNATURE_EAX);
}

static void cpuid_shows_the_privileges_of_the_partition(void **state)
{
    uint64_t shown;

    (void)state;
    shown = cpuid(HV_CPUID_FEATURES, 0)[0];
    shown |= (uint64_t)cpuid(HV_CPUID_FEATURES, 0)[1] << 32;
    assert_int_equal(shown, child->privileges);
    assert_int_equal(shown & (HV_PRIVILEGE_CREATE_PARTITIONS | HV_PRIVILEGE_ACCESS_MEMORY_POOL), 0);
}

/* What an unmodified Linux looks for, and what would make it believe that it is the root. */
static void cpuid_shows_linux_what_it_uses(void **state)
{
    const uint32_t *r;

    (void)state;
    r = cpuid(HV_CPUID_FEATURES, 0);
    assert_int_equal(r[0] & 0xe7f, 0xe7f);
    assert_int_equal(r[0] & (uint32_t)HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS, 0);
    assert_int_equal(r[1], 0x30);
    assert_int_equal(r[3], HV_CPUID_FEATURES_EDX_GUEST_IDLE | HV_CPUID_FEATURES_EDX_FREQUENCY_REGS |
                               HV_CPUID_FEATURES_EDX_GUEST_CRASH_REGS |
                               HV_CPUID_FEATURES_EDX_SINT_POLLING |
                               HV_CPUID_FEATURES_EDX_HYPERCALL_MSR_LOCK |
                               HV_CPUID_FEATURES_EDX_DIRECT_SYNTHETIC_TIMERS);
    assert_int_equal(cpuid(HV_CPUID_RECOMMENDATIONS, 0)[0], 0xe2c);
    assert_int_equal(cpuid(HV_CPUID_LIMITS, 0)[0], PARTITION_VPS_MAX);
    assert_int_equal(cpuid(6, 0)[0] & CPUID_6_EAX_ARAT, CPUID_6_EAX_ARAT);
    assert_int_equal(cpuid(1, 0)[2] & (CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE),
                     CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE);
}

static void cpuid_hides_what_no_mask_names(void **state)
{
    uint32_t host[4];

    (void)state;
    insn_cpuid(1, 0, host);
    assert_true(host[2] & CPUID_1_ECX_VMX);
    assert_int_equal(cpuid(1, 0)[2] & (CPUID_1_ECX_VMX | CPUID_1_ECX_MONITOR), 0);
    assert_int_equal(cpuid(1, 0)[3] & (CPUID_1_EDX_DS | CPUID_1_EDX_ACPI | CPUID_1_EDX_TM), 0);
    assert_int_equal(cpuid(0x80000001, 0)[2] & 1u << 2, 0); /* SVM */
}

static void cpuid_of_leaves_there_are_not_reads_0(void **state)
{
    static const uint32_t leaves[] = {0x17,       0x100,      0x3fffffff, 0x4000000b, 0x400000ff,
                                      0x7fffffff, 0x80000022, 0x8fffffff, 0xc0000000, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
        for (uint32_t subleaf = 0; subleaf < 3; subleaf++)
            for (unsigned r = 0; r < 4; r++)
                assert_int_equal(cpuid(leaves[i], subleaf)[r], 0);
}

/* Whatever the registers were before; so nothing of the hypervisor's stack is in the gaps. */
static void cpuid_of_the_hypervisors_leaves_never_changes(void **state)
{
    (void)state;
    for (uint32_t leaf = HV_CPUID_VENDOR_AND_MAX; leaf <= HV_CPUID_VENDOR_AND_MAX + 0xff; leaf++) {
        uint32_t first[4];

        memcpy(first, cpuid(leaf, 0), sizeof(first));
        for (uint32_t subleaf = 0; subleaf < 3; subleaf++)
            assert_memory_equal(cpuid(leaf, subleaf), first, sizeof(first));
        assert_memory_equal(cpuid(leaf, UINT32_MAX), first, sizeof(first));
    }
}

static void cpuid_shows_osxsave_when_the_guest_has_set_it(void **state)
{
    (void)state;
    assert_int_equal(cpuid(1, 0)[2] & CPUID_1_ECX_OSXSAVE, 0);
    fake_of(vp)->cr4 |= CR4_OSXSAVE;
    assert_int_equal(cpuid(1, 0)[2] & CPUID_1_ECX_OSXSAVE, CPUID_1_ECX_OSXSAVE);
}

/* SDM vol. 3A, 10.4.3; APM vol. 2, 16.3.2. */
static void cpuid_hides_an_apic_that_is_off(void **state)
{
    uint64_t base;

    (void)state;
    assert_true(lapic_msr_read(&vp->lapic, MSR_IA32_APIC_BASE, &base));
    assert_int_equal(cpuid(1, 0)[3] & CPUID_1_EDX_APIC, CPUID_1_EDX_APIC);
    assert_true(lapic_msr_write(&vp->lapic, MSR_IA32_APIC_BASE, base & ~APIC_BASE_EN));
    assert_int_equal(cpuid(1, 0)[3] & CPUID_1_EDX_APIC, 0);
    assert_true(lapic_msr_write(&vp->lapic, MSR_IA32_APIC_BASE, base));
    assert_int_equal(cpuid(1, 0)[3] & CPUID_1_EDX_APIC, CPUID_1_EDX_APIC);
}

static void cpuid_without_a_length_is_decoded(void **state)
{
    static const uint8_t with_prefixes[] = {0x66, 0x48, 0x0f, 0xa2};

    (void)state;
    code(with_prefixes, sizeof(with_prefixes));
    simple_exit(VP_EXIT_CPUID, 0);
    assert_int_equal(vp->rip, CODE + sizeof(with_prefixes));
}

/* Another processor may have changed it: it is run again, and does then what it then is. */
static void instruction_that_is_another_one_by_now_is_run_again(void **state)
{
    static const uint8_t nop[] = {0x90};

    (void)state;
    code(nop, sizeof(nop));
    vp->gpr[X86_RAX] = 0;
    vp->gpr[X86_RBX] = 0x1234;
    simple_exit(VP_EXIT_CPUID, 0);
    simple_exit(VP_EXIT_HALT, 0);
    simple_exit(VP_EXIT_MSR_READ, 0);
    simple_exit(VP_EXIT_CACHE_FLUSH, 0);
    assert_int_equal(vp->rip, CODE);
    assert_int_equal(vp->gpr[X86_RBX], 0x1234);
    assert_int_equal(vp->activity, VP_ACTIVITY_RUN);
    expect_nothing_injected();
}

static void intercepted_cpuid_offers_the_default_result(void **state)
{
    struct hv_message m;
    const struct hv_x64_cpuid_intercept_message *c;
    uint32_t r[4];

    (void)state;
    memcpy(r, cpuid(HV_CPUID_INTERFACE, 0), sizeof(r));
    vp->rip = CODE;
    vp->gpr[X86_RAX] = HV_CPUID_INTERFACE;
    vp->gpr[X86_RBX] = 0xb;
    install(HvInterceptTypeX64Cpuid, HV_INTERCEPT_ACCESS_MASK_EXECUTE, 0);
    simple_exit(VP_EXIT_CPUID, 2);
    c = expect_message(&m, HvMessageTypeX64CpuidIntercept, sizeof(*c));
    assert_int_equal(c->header.length_and_cr8 & HV_X64_INTERCEPT_LENGTH_MASK, 2);
    assert_int_equal(c->rax, HV_CPUID_INTERFACE);
    assert_int_equal(c->rbx, 0xb);
    assert_int_equal(c->default_result_rax, r[0]);
    assert_int_equal(c->default_result_rdx, r[3]);
    assert_int_equal(vp->gpr[X86_RAX], HV_CPUID_INTERFACE);
}

#define TEST(f) cmocka_unit_test_setup(f, exit_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cpuid_shows_hv_1),
        TEST(cpuid_shows_the_privileges_of_the_partition),
        TEST(cpuid_shows_linux_what_it_uses),
        TEST(cpuid_hides_what_no_mask_names),
        TEST(cpuid_of_leaves_there_are_not_reads_0),
        TEST(cpuid_of_the_hypervisors_leaves_never_changes),
        TEST(cpuid_shows_osxsave_when_the_guest_has_set_it),
        TEST(cpuid_hides_an_apic_that_is_off),
        TEST(cpuid_without_a_length_is_decoded),
        TEST(instruction_that_is_another_one_by_now_is_run_again),
        TEST(intercepted_cpuid_offers_the_default_result),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
