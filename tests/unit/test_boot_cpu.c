/* SPDX-License-Identifier: MIT */
/* tests/unit/test_boot_cpu.c - the launch decision, on processors and firmware settings that no
 * emulator here has. The fake fails the test when an MSR is read that its CPUID does not promise.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <hvabi/boot.h>
#include "cpu.h"

#define MAX_BASIC 0x16u
#define MAX_EXT   0x80000021u

struct fake_cpu {
    uint32_t max_basic, max_ext;
    uint32_t basic_ecx, ext_ecx, ext_edx, svm_edx;
    uint64_t vm_cr, feature_control, procbased, procbased2;
};

static struct fake_cpu cpu;

static void fake_cpuid(void *context, uint32_t leaf, uint32_t subleaf, uint32_t regs[CPU_REGISTERS])
{
    const struct fake_cpu *c = context;

    assert_int_equal(subleaf, 0);
    memset(regs, 0, CPU_REGISTERS * sizeof(regs[0]));
    if (leaf == 0)
        regs[CPU_EAX] = c->max_basic;
    else if (leaf == CPUID_BASIC)
        regs[CPU_ECX] = c->basic_ecx;
    else if (leaf == CPUID_EXTENDED)
        regs[CPU_EAX] = c->max_ext;
    else if (leaf == CPUID_EXT_FEATURES)
        regs[CPU_ECX] = c->ext_ecx, regs[CPU_EDX] = c->ext_edx;
    else if (leaf == CPUID_SVM)
        regs[CPU_EDX] = c->svm_edx;
}

static uint64_t fake_rdmsr(void *context, uint32_t msr)
{
    const struct fake_cpu *c = context;

    if (msr == MSR_VM_CR && (c->ext_ecx & CPUID_EXT_ECX_SVM) != 0)
        return c->vm_cr;
    if ((c->basic_ecx & CPUID_1_ECX_VMX) != 0) {
        if (msr == MSR_IA32_FEATURE_CONTROL)
            return c->feature_control;
        if (msr == MSR_IA32_VMX_PROCBASED)
            return c->procbased;
        if (msr == MSR_IA32_VMX_PROCBASED2 && (c->procbased & PROCBASED_SECONDARY) != 0)
            return c->procbased2;
    }
    fail_msg("MSR %#x does not exist on this processor: #GP", msr);
    return 0;
}

static struct cpu_verdict judge(void)
{
    const struct cpu_source source = {&cpu, fake_cpuid, fake_rdmsr};

    return cpu_judge(&source);
}

static int amd(void **state)
{
    (void)state;
    cpu = (struct fake_cpu){
        .max_basic = MAX_BASIC,
        .max_ext = MAX_EXT,
        .ext_ecx = CPUID_EXT_ECX_SVM,
        .svm_edx = CPUID_SVM_EDX_NP | CPUID_SVM_EDX_SVML,
    };
    return 0;
}

static int intel(void **state)
{
    (void)state;
    cpu = (struct fake_cpu){
        .max_basic = MAX_BASIC,
        .max_ext = CPUID_EXT_FEATURES,
        .basic_ecx = CPUID_1_ECX_VMX,
        .feature_control = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX,
        .procbased = PROCBASED_SECONDARY,
        .procbased2 = PROCBASED2_EPT | PROCBASED2_UNRESTRICTED,
    };
    return 0;
}

static void svm_with_nested_paging_launches_hvax64(void **state)
{
    struct cpu_verdict v = judge();

    (void)state;
    assert_int_equal(v.launch, BOOT_LAUNCH_HYPERVISOR);
    assert_string_equal(v.image, "\\EFI\\verdigris\\hvax64.elf");
    assert_string_equal(v.feature, "SVM");
}

static void svm_without_nested_paging_does_not_launch(void **state)
{
    (void)state;
    cpu.svm_edx = 0;
    assert_int_equal(judge().launch, BOOT_LAUNCH_NO_NESTED_PAGING);
    assert_non_null(strstr(judge().reason, "no nested paging"));
}

static void svm_leaf_beyond_the_greatest_is_not_believed(void **state)
{
    (void)state;
    cpu.max_ext = CPUID_SVM - 1;
    assert_int_equal(judge().launch, BOOT_LAUNCH_NO_NESTED_PAGING);
}

static void svmdis_locked_by_firmware_does_not_launch(void **state)
{
    (void)state;
    cpu.svm_edx = CPUID_SVM_EDX_NP;
    cpu.vm_cr = VM_CR_SVMDIS | VM_CR_LOCK;
    assert_int_equal(judge().launch, BOOT_LAUNCH_FIRMWARE_DISABLED);
    assert_non_null(strstr(judge().reason, "firmware has disabled and locked AMD-V"));
}

static void svmdis_locked_with_a_key_is_said(void **state)
{
    (void)state;
    cpu.vm_cr = VM_CR_SVMDIS | VM_CR_LOCK;
    assert_int_equal(judge().launch, BOOT_LAUNCH_FIRMWARE_DISABLED);
    assert_non_null(strstr(judge().reason, "key"));
}

static void svmdis_without_lock_does_not_launch(void **state)
{
    (void)state;
    cpu.vm_cr = VM_CR_SVMDIS;
    assert_int_equal(judge().launch, BOOT_LAUNCH_FIRMWARE_DISABLED);
    assert_null(strstr(judge().reason, "locked"));
}

static void lock_without_svmdis_launches(void **state)
{
    (void)state;
    cpu.vm_cr = VM_CR_LOCK;
    assert_int_equal(judge().launch, BOOT_LAUNCH_HYPERVISOR);
}

static void processor_without_either_does_not_launch(void **state)
{
    (void)state;
    cpu.ext_ecx = 0;
    assert_int_equal(judge().launch, BOOT_LAUNCH_NO_VIRTUALIZATION);
    assert_null(judge().image);
}

static void processor_without_extended_leaves_does_not_launch(void **state)
{
    (void)state;
    cpu.max_ext = 0;
    assert_int_equal(judge().launch, BOOT_LAUNCH_NO_VIRTUALIZATION);
}

static void vmx_with_ept_launches_hvix64(void **state)
{
    struct cpu_verdict v = judge();

    (void)state;
    assert_int_equal(v.launch, BOOT_LAUNCH_HYPERVISOR);
    assert_string_equal(v.image, "\\EFI\\verdigris\\hvix64.elf");
    assert_string_equal(v.feature, "VMX");
}

static void vmx_locked_off_by_firmware_does_not_launch(void **state)
{
    (void)state;
    cpu.feature_control = FEATURE_CONTROL_LOCK;
    assert_int_equal(judge().launch, BOOT_LAUNCH_FIRMWARE_DISABLED);
    assert_non_null(strstr(judge().reason, "IA32_FEATURE_CONTROL"));
}

static void vmx_not_locked_launches(void **state)
{
    (void)state;
    cpu.feature_control = 0;
    assert_int_equal(judge().launch, BOOT_LAUNCH_HYPERVISOR);
}

static void vmx_without_ept_does_not_launch(void **state)
{
    (void)state;
    cpu.procbased2 = PROCBASED2_UNRESTRICTED;
    assert_int_equal(judge().launch, BOOT_LAUNCH_NO_NESTED_PAGING);
}

static void vmx_without_unrestricted_guests_does_not_launch(void **state)
{
    (void)state;
    cpu.procbased2 = PROCBASED2_EPT;
    assert_int_equal(judge().launch, BOOT_LAUNCH_NO_NESTED_PAGING);
}

static void vmx_without_secondary_controls_does_not_launch(void **state)
{
    (void)state;
    cpu.procbased = 0;
    assert_int_equal(judge().launch, BOOT_LAUNCH_NO_NESTED_PAGING);
}

static void gib_pages_follow_cpuid(void **state)
{
    const struct cpu_source source = {&cpu, fake_cpuid, fake_rdmsr};

    (void)state;
    assert_false(cpu_has_gib_pages(&source));
    cpu.ext_edx = CPUID_EXT_EDX_1G;
    assert_true(cpu_has_gib_pages(&source));
    cpu.max_ext = CPUID_EXTENDED;
    assert_false(cpu_has_gib_pages(&source));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(svm_with_nested_paging_launches_hvax64, amd),
        cmocka_unit_test_setup(svm_without_nested_paging_does_not_launch, amd),
        cmocka_unit_test_setup(svm_leaf_beyond_the_greatest_is_not_believed, amd),
        cmocka_unit_test_setup(svmdis_locked_by_firmware_does_not_launch, amd),
        cmocka_unit_test_setup(svmdis_locked_with_a_key_is_said, amd),
        cmocka_unit_test_setup(svmdis_without_lock_does_not_launch, amd),
        cmocka_unit_test_setup(lock_without_svmdis_launches, amd),
        cmocka_unit_test_setup(processor_without_either_does_not_launch, amd),
        cmocka_unit_test_setup(processor_without_extended_leaves_does_not_launch, amd),
        cmocka_unit_test_setup(vmx_with_ept_launches_hvix64, intel),
        cmocka_unit_test_setup(vmx_locked_off_by_firmware_does_not_launch, intel),
        cmocka_unit_test_setup(vmx_not_locked_launches, intel),
        cmocka_unit_test_setup(vmx_without_ept_does_not_launch, intel),
        cmocka_unit_test_setup(vmx_without_unrestricted_guests_does_not_launch, intel),
        cmocka_unit_test_setup(vmx_without_secondary_controls_does_not_launch, intel),
        cmocka_unit_test_setup(gib_pages_follow_cpuid, intel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
