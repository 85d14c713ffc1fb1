/* SPDX-License-Identifier: MIT */
/* test_svm_regs.c - a VP's registers in its VMCB, by TLFS name and by MSR. */
#include "svm_fixture.h"

#include <x86/cr.h>
#include <x86/msr.h>
#include "core/speculation.h"

static uint64_t get(uint32_t name)
{
    struct hv_register_value v;

    assert_int_equal(virt_reg_get(vp, name, &v), HV_STATUS_SUCCESS);
    return v.reg64;
}

static hv_status set(uint32_t name, uint64_t value)
{
    return virt_reg_set(vp, name, &(struct hv_register_value){.reg64 = value});
}

static void registers_keep_what_they_are_given(void **state)
{
    static const struct {
        uint32_t name;
        uint64_t value;
    } cases[] = {
        {HvX64RegisterCr0, CR0_PE | CR0_PG | CR0_NE},
        {HvX64RegisterCr2, 0xfedcba9876543210},
        {HvX64RegisterCr3, 0x123456000},
        {HvX64RegisterCr4, CR4_PAE | CR4_OSFXSR},
        {HvX64RegisterDr6, DR6_RESET | 1},
        {HvX64RegisterDr7, DR7_RESET | 2},
        {HvX64RegisterEfer, EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE},
        {HvX64RegisterKernelGsBase, 0xffff800000001000},
        {HvX64RegisterPat, 0x0007010600070106},
        {HvX64RegisterSysenterCs, 0x10},
        {HvX64RegisterSysenterRip, 0x2000},
        {HvX64RegisterSysenterRsp, 0x3000},
        {HvX64RegisterStar, 0x0023001000000000},
        {HvX64RegisterLstar, 0xffffffff81000000},
        {HvX64RegisterCstar, 0xffffffff81000040},
        {HvX64RegisterSfmask, 0x47700},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(set(cases[i].name, cases[i].value), HV_STATUS_SUCCESS);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(get(cases[i].name), cases[i].value);
}

static void segments_keep_their_attributes_in_both_formats(void **state)
{
    struct hv_register_value out;

    (void)state;
    for (uint32_t name = HvX64RegisterEs; name <= HvX64RegisterTr; name++) {
        struct hv_register_value in = {.segment = {.base = 0xffff800000000000 + name,
                                                   .limit = 0xfffff,
                                                   .selector = (uint16_t)name,
                                                   .attributes = 0xa09b}};
        assert_int_equal(virt_reg_set(vp, name, &in), HV_STATUS_SUCCESS);
        assert_int_equal(virt_reg_get(vp, name, &out), HV_STATUS_SUCCESS);
        assert_memory_equal(&in, &out, sizeof(in));
        assert_int_equal(virt_segment_base(vp, name), in.segment.base);
    }
    assert_int_equal(vmcb->save.cs.attributes, 0xa9b);
    assert_true(vmcb->save.cs.attributes & VMCB_SEGMENT_L);
}

static void descriptor_tables_keep_base_and_limit(void **state)
{
    struct hv_register_value in = {.table = {.limit = 0xfff, .base = 0xfffffe0000000000}}, out;

    (void)state;
    assert_int_equal(virt_reg_set(vp, HvX64RegisterIdtr, &in), HV_STATUS_SUCCESS);
    assert_int_equal(virt_reg_get(vp, HvX64RegisterIdtr, &out), HV_STATUS_SUCCESS);
    assert_memory_equal(&in, &out, sizeof(in));
    assert_int_equal(virt_reg_set(vp, HvX64RegisterGdtr, &in), HV_STATUS_SUCCESS);
    assert_int_equal(virt_reg_get(vp, HvX64RegisterGdtr, &out), HV_STATUS_SUCCESS);
    assert_memory_equal(&in, &out, sizeof(in));
}

/* Type, vector and error code as the TLFS has them: TLFS 2.0A, 10.3.4. */
static void pending_event_is_a_register(void **state)
{
    static const uint64_t events[] = {
        0, 1 | 0x51 << 16,                              /* interrupt */
        1 | 2 << 1 | 2 << 16,                           /* NMI */
        1 | 3 << 1 | 1 << 4 | 13 << 16 | 0x18ull << 32, /* #GP(0x18) */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        assert_int_equal(set(HvRegisterPendingInterruption, events[i]), HV_STATUS_SUCCESS);
        assert_int_equal(get(HvRegisterPendingInterruption), events[i]);
        assert_int_equal(virt_injecting(vp), i != 0);
    }
    assert_int_equal(vmcb->control.eventinj, VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION |
                                                 VMCB_EVENT_ERROR_VALID | 13 |
                                                 0x18ull << VMCB_EVENT_ERROR_SHIFT);
}

static void interrupt_shadow_is_a_register(void **state)
{
    (void)state;
    assert_int_equal(set(HvRegisterInterruptState, HV_X64_INTERRUPT_STATE_SHADOW),
                     HV_STATUS_SUCCESS);
    assert_true(virt_in_shadow(vp));
    assert_int_equal(get(HvRegisterInterruptState), HV_X64_INTERRUPT_STATE_SHADOW);
    assert_int_equal(set(HvRegisterInterruptState, 0), HV_STATUS_SUCCESS);
    assert_false(virt_in_shadow(vp));
    assert_int_equal(set(HvRegisterInterruptState, HV_X64_INTERRUPT_STATE_NMI_MASKED),
                     HV_STATUS_INVALID_REGISTER_VALUE);
}

static void values_that_no_guest_may_have_are_refused(void **state)
{
    static const struct {
        uint32_t name;
        uint64_t value;
    } cases[] = {
        {HvX64RegisterCr0, 1ull << 32},  {HvX64RegisterCr0, CR0_PG},
        {HvX64RegisterCr0, CR0_NW},      {HvX64RegisterCr4, CR4_VMXE},
        {HvX64RegisterCr4, CR4_CET},     {HvX64RegisterEfer, EFER_SVME},
        {HvX64RegisterEfer, EFER_LMSLE}, {HvX64RegisterEfer, 1ull << 40},
        {HvX64RegisterDr6, 1ull << 32},  {HvX64RegisterDr7, 1ull << 32},
    };
    struct vmcb before = *vmcb;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(set(cases[i].name, cases[i].value), HV_STATUS_INVALID_REGISTER_VALUE);
    assert_memory_equal(&before, vmcb, sizeof(before));
    assert_int_equal(set(0x12345678, 0), HV_STATUS_INVALID_PARAMETER);
}

static void svme_is_hidden_and_always_set(void **state)
{
    uint64_t value;
    bool fault;

    (void)state;
    assert_int_equal(get(HvX64RegisterEfer), 0);
    assert_true(virt_msr_read(vp, MSR_EFER, &value));
    assert_int_equal(value, 0);
    assert_true(virt_msr_write(vp, MSR_EFER, EFER_NXE, &fault));
    assert_false(fault);
    assert_int_equal(vmcb->save.efer, EFER_NXE | EFER_SVME);
    assert_false(virt_msr_read(vp, 0x1a0, &value));
}

static void lme_is_fixed_while_paging_is_on_and_lma_is_not_written(void **state)
{
    bool fault;

    (void)state;
    vmcb->save.efer = EFER_LME | EFER_LMA | EFER_SVME;
    vmcb->save.cr0 = CR0_PE | CR0_PG;
    assert_true(virt_msr_write(vp, MSR_EFER, 0, &fault));
    assert_true(fault);
    assert_true(virt_msr_write(vp, MSR_EFER, EFER_SVME | EFER_LME, &fault));
    assert_true(fault);
    assert_true(virt_msr_write(vp, MSR_EFER, EFER_LME | EFER_SCE, &fault));
    assert_false(fault);
    assert_int_equal(vmcb->save.efer, EFER_LME | EFER_LMA | EFER_SCE | EFER_SVME);
}

static void spec_ctrl_is_the_vmcbs_where_guests_have_one(void **state)
{
    uint64_t value;
    bool fault;

    (void)state;
    assert_false(virt_msr_read(vp, MSR_IA32_SPEC_CTRL, &value));
    assert_false(virt_msr_write(vp, MSR_IA32_SPEC_CTRL, 0, &fault));
    speculation.spec_ctrl_virtual = true;
    speculation.spec_ctrl_guest = SPEC_CTRL_IBRS;
    assert_true(virt_msr_write(vp, MSR_IA32_SPEC_CTRL, SPEC_CTRL_IBRS, &fault));
    assert_false(fault);
    assert_int_equal(vmcb->save.spec_ctrl, SPEC_CTRL_IBRS);
    assert_true(virt_msr_write(vp, MSR_IA32_SPEC_CTRL, SPEC_CTRL_SSBD, &fault));
    assert_true(fault);
    assert_true(virt_msr_read(vp, MSR_IA32_SPEC_CTRL, &value));
    assert_int_equal(value, SPEC_CTRL_IBRS);
    speculation.spec_ctrl_virtual = false;
    speculation.spec_ctrl_guest = 0;
}

static void cpl_follows_ss(void **state)
{
    struct hv_register_value ss = {.segment = {.attributes = 0xc0f3}};

    (void)state;
    assert_int_equal(virt_cpl(vp), 0);
    assert_int_equal(virt_reg_set(vp, HvX64RegisterSs, &ss), HV_STATUS_SUCCESS);
    assert_int_equal(virt_cpl(vp), 3);
}

#define TEST(f) cmocka_unit_test_setup(f, svm_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(registers_keep_what_they_are_given),
        TEST(segments_keep_their_attributes_in_both_formats),
        TEST(descriptor_tables_keep_base_and_limit),
        TEST(pending_event_is_a_register),
        TEST(interrupt_shadow_is_a_register),
        TEST(values_that_no_guest_may_have_are_refused),
        TEST(svme_is_hidden_and_always_set),
        TEST(lme_is_fixed_while_paging_is_on_and_lma_is_not_written),
        TEST(spec_ctrl_is_the_vmcbs_where_guests_have_one),
        TEST(cpl_follows_ss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
