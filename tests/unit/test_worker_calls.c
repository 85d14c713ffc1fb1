/* SPDX-License-Identifier: MIT */
/* tests/unit/test_worker_calls.c - what a worker may ask for about its child, and what it may not. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <hvabi/management.h>
#include <rootabi/errno.h>
#include "root_kernel.h"
#include "worker_fixture.h"

static struct child *const c = &fixture.child;

/* ---- registers ---- */

static void registers_are_set_as_they_come(void **state)
{
    struct partition_registers a = {.vp = 3, .count = 2};
    const struct hv_input_set_vp_registers *in;

    (void)state;
    a.registers[0] = (struct hv_register_assoc){.name = HvX64RegisterRsp, .value.reg64 = 7};
    a.registers[1] = (struct hv_register_assoc){.name = HvX64RegisterCr3, .value.reg64 = 9};
    assert_int_equal(worker_registers_set(c, &a), 0);
    in = fixture_last(HvCallSetVpRegisters);
    assert_int_equal(in->partition_id, FIXTURE_ID);
    assert_int_equal(in->vp_index, 3);
    assert_memory_equal(in->elements, a.registers, 2 * sizeof(a.registers[0]));
}

static void registers_are_got_by_name(void **state)
{
    struct partition_registers a = {.vp = 1, .count = 2};

    (void)state;
    a.registers[0].name = HvX64RegisterRsp;
    a.registers[1].name = HvX64RegisterCr3;
    fixture.output[0] = 5;
    fixture.output[2] = 6;
    assert_int_equal(worker_registers_get(c, &a), 0);
    assert_int_equal(a.registers[0].value.reg64, 5);
    assert_int_equal(a.registers[1].value.reg64, 6);
    assert_int_equal(a.registers[1].name, HvX64RegisterCr3);
}

static void registers_that_hold_a_vp_are_roots(void **state)
{
    static const uint32_t names[] = {HvRegisterExplicitSuspend, HvRegisterInterceptSuspend,
                                     HvRegisterDispatchSuspend};
    struct partition_registers a = {.count = 2};

    (void)state;
    a.registers[0].name = HvX64RegisterRsp;
    for (unsigned i = 0; i < 3; i++) {
        a.registers[1].name = names[i];
        assert_int_equal(worker_registers_set(c, &a), -EACCES);
        assert_int_equal(worker_registers_get(c, &a), -EACCES);
    }
    assert_int_equal(fixture.call_count, 0);
}

static void registers_of_nobody_are_refused(void **state)
{
    static const struct partition_registers wrong[] = {
        {.vp = FIXTURE_VPS, .count = 1},
        {.vp = UINT32_MAX, .count = 1},
        {.count = 0},
        {.count = PARTITION_REGISTERS_MAX + 1},
        {.count = UINT32_MAX},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct partition_registers a = wrong[i];

        a.registers[0].name = HvX64RegisterRsp;
        assert_int_equal(worker_registers_set(c, &a), -EINVAL);
        assert_int_equal(worker_registers_get(c, &a), -EINVAL);
    }
    assert_int_equal(fixture.call_count, 0);
}

static void a_value_that_the_hypervisor_refuses_is_invalid(void **state)
{
    struct partition_registers a = {.count = 1};

    (void)state;
    a.registers[0].name = HvX64RegisterCr0;
    fixture.status = HV_STATUS_INVALID_REGISTER_VALUE;
    assert_int_equal(worker_registers_set(c, &a), -EINVAL);
    assert_int_equal(fake.log_lines, 0);
    fixture.status = HV_STATUS_INSUFFICIENT_MEMORY;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(worker_registers_set(c, &a), -EIO);
    assert_in_range(fake.log_lines, 1, 16);
}

/* ---- translations and interrupts ---- */

static void a_translation_keeps_the_offset(void **state)
{
    struct partition_translate a = {
        .vp = 2, .access = HV_TRANSLATE_GVA_VALIDATE_WRITE, .gva = 0xffff800000001abc};
    const struct hv_input_translate_virtual_address *in;

    (void)state;
    fixture.output[0] = HvTranslateGvaSuccess;
    fixture.output[1] = 0x55;
    assert_int_equal(worker_translate(c, &a), 0);
    assert_int_equal(a.result, HvTranslateGvaSuccess);
    assert_int_equal(a.gpa, 0x55abc);
    in = fixture_last(HvCallTranslateVirtualAddress);
    assert_int_equal(in->vp_index, 2);
    assert_true(in->gva_page == 0xffff800000001abc >> 12);
    assert_int_equal(in->control_flags, HV_TRANSLATE_GVA_VALIDATE_WRITE);
}

static void translations_are_checked(void **state)
{
    struct partition_translate vp = {.vp = FIXTURE_VPS}, access = {.access = 0x20},
                               reserved = {.reserved = 1};

    (void)state;
    assert_int_equal(worker_translate(c, &vp), -EINVAL);
    assert_int_equal(worker_translate(c, &access), -EINVAL);
    assert_int_equal(worker_translate(c, &reserved), -EINVAL);
    assert_int_equal(fixture.call_count, 0);
}

static void an_interrupt_says_mode_and_trigger(void **state)
{
    const struct partition_interrupt a = {.type = HvX64InterruptTypeLowestPriority,
                                          .vector = 0x31,
                                          .destination = 3,
                                          .logical = 1,
                                          .level = 1};
    const struct hv_input_assert_virtual_interrupt *in;

    (void)state;
    assert_int_equal(worker_interrupt(c, &a), 0);
    in = fixture_last(HvCallAssertVirtualInterrupt);
    assert_int_equal(in->partition_id, FIXTURE_ID);
    assert_true(in->interrupt_control ==
                (HvX64InterruptTypeLowestPriority | HV_INTERRUPT_CONTROL_LEVEL_TRIGGERED |
                 HV_INTERRUPT_CONTROL_LOGICAL_DESTINATION_MODE));
    assert_int_equal(in->destination_address, 3);
    assert_int_equal(in->requested_vector, 0x31);
}

static void interrupts_are_checked(void **state)
{
    static const struct partition_interrupt wrong[] = {
        {.vector = 256}, {.vector = UINT32_MAX}, {.vector = 0x31, .logical = 2},
        {.vector = 0x31, .level = 2}, {.vector = 0x31, .reserved = 1}};

    (void)state;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(worker_interrupt(c, &wrong[i]), -EINVAL);
    assert_int_equal(fixture.call_count, 0);
}

/* ---- ports, running, pausing ---- */

static void ports_are_a_range(void **state)
{
    const struct hv_input_install_intercept *in;

    (void)state;
    assert_int_equal(worker_ports(c, &(struct partition_ports){0x3f8, 8}), 0);
    in = fixture_last(HvCallInstallIntercept);
    assert_int_equal(in->partition_id, FIXTURE_ID);
    assert_int_equal(in->intercept_type, HvInterceptTypeX64IoPortRange);
    assert_int_equal(in->intercept_parameter, 0x3f8 | 0x3ff << 16);
    assert_int_equal(worker_ports(c, &(struct partition_ports){0, 0x10000}), 0);
    in = fixture_last(HvCallInstallIntercept);
    assert_true(in->intercept_parameter == 0xffff0000);
}

static void ports_beyond_the_last_are_refused(void **state)
{
    static const struct partition_ports wrong[] = {
        {0, 0}, {0, 0x10001}, {0xffff, 2}, {0x10000, 1}, {UINT32_MAX, 2}, {1, UINT32_MAX}};

    (void)state;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(worker_ports(c, &wrong[i]), -EINVAL);
    assert_int_equal(fixture.call_count, 0);
}

/* @count VPs were told to stop, or to go on, one after the other, from call @from on. */
static void all_are(uint64_t stopped, uint32_t from)
{
    assert_int_equal(fixture.call_count, from + FIXTURE_VPS);
    for (uint32_t i = 0; i < FIXTURE_VPS; i++) {
        const struct hv_input_set_vp_registers *in = (const void *)fixture.calls[from + i].input;

        assert_int_equal(in->vp_index, i);
        assert_int_equal(in->elements[0].name, HvRegisterExplicitSuspend);
        assert_int_equal(in->elements[0].value.reg64, stopped);
    }
}

static void a_child_runs_once(void **state)
{
    (void)state;
    assert_int_equal(worker_run(c), 0);
    all_are(0, 0);
    assert_int_equal(worker_run(c), -EBUSY);
    assert_int_equal(fixture.call_count, FIXTURE_VPS);
}

static void all_vps_pause_and_go_on(void **state)
{
    (void)state;
    assert_int_equal(worker_run(c), 0);
    assert_int_equal(worker_pause(c, false), 0);
    assert_int_equal(worker_pause(c, true), 0);
    all_are(1, FIXTURE_VPS);
    assert_int_equal(worker_pause(c, true), 0);
    assert_int_equal(worker_pause(c, false), 0);
    all_are(0, 2 * FIXTURE_VPS);
}

static void what_is_paused_before_it_runs_waits(void **state)
{
    (void)state;
    assert_int_equal(worker_pause(c, true), 0);
    assert_int_equal(worker_run(c), 0);
    assert_int_equal(fixture.call_count, 0);
    assert_int_equal(worker_pause(c, false), 0);
    all_are(0, 0);
}

/* ---- the rest ---- */

static void it_is_told_what_it_has(void **state)
{
    struct partition_info a;

    (void)state;
    fake.now = 1000;
    assert_int_equal(worker_info(c, &a), 0);
    assert_string_equal(a.name, "child");
    assert_int_equal(a.vp_count, FIXTURE_VPS);
    assert_int_equal(a.memory_bytes, 2 * RAM_BLOCK);
    assert_int_equal(a.low_bytes, 2 * RAM_BLOCK);
    assert_int_equal(a.boot_wall_ns, 5000);
}

static void a_reason_is_one_line(void **state)
{
    struct partition_end a = {.end = VM_END_EXIT, .status = 3};

    (void)state;
    memset(a.reason, 'x', sizeof(a.reason)); /* without an end */
    memcpy(a.reason, "two\nlines\x1b", 10);
    assert_int_equal(worker_end_child(c, &a), 0);
    assert_int_equal(fixture.end, VM_END_EXIT);
    assert_int_equal(fixture.end_status, 3);
    assert_memory_equal(fixture.reason, "two?lines?xx", 12);
    assert_int_equal(strlen(fixture.reason), sizeof(fixture.reason) - 1);
}

static void ends_that_are_roots_are_refused(void **state)
{
    static const uint32_t wrong[] = {VM_END_NONE, VM_END_STOPPED, VM_END_CRASH + 1, UINT32_MAX};

    (void)state;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(worker_end_child(c, &(struct partition_end){.end = wrong[i]}), -EINVAL);
    assert_int_equal(fixture.end, VM_END_NONE);
}

static void nothing_is_done_to_a_child_that_has_ended(void **state)
{
    struct partition_registers registers = {.count = 1, .registers[0].name = HvX64RegisterRip};
    struct partition_translate translate = {0};
    const struct partition_interrupt interrupt = {.vector = 0x31};

    (void)state;
    worker_end(c);
    c->state = CHILD_ENDING;
    assert_int_equal(worker_registers_get(c, &registers), -ENODEV);
    assert_int_equal(worker_registers_set(c, &registers), -ENODEV);
    assert_int_equal(worker_translate(c, &translate), -ENODEV);
    assert_int_equal(worker_interrupt(c, &interrupt), -ENODEV);
    assert_int_equal(worker_ports(c, &(struct partition_ports){1, 1}), -ENODEV);
    assert_int_equal(worker_run(c), -ENODEV);
    assert_int_equal(worker_pause(c, true), -ENODEV);
    assert_int_equal(fixture.call_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(registers_are_set_as_they_come),
        TEST(registers_are_got_by_name),
        TEST(registers_that_hold_a_vp_are_roots),
        TEST(registers_of_nobody_are_refused),
        TEST(a_value_that_the_hypervisor_refuses_is_invalid),
        TEST(a_translation_keeps_the_offset),
        TEST(translations_are_checked),
        TEST(an_interrupt_says_mode_and_trigger),
        TEST(interrupts_are_checked),
        TEST(ports_are_a_range),
        TEST(ports_beyond_the_last_are_refused),
        TEST(a_child_runs_once),
        TEST(all_vps_pause_and_go_on),
        TEST(what_is_paused_before_it_runs_waits),
        TEST(it_is_told_what_it_has),
        TEST(a_reason_is_one_line),
        TEST(ends_that_are_roots_are_refused),
        TEST(nothing_is_done_to_a_child_that_has_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
