/* SPDX-License-Identifier: MIT */
/* tests/unit/test_worker.c - intercepts on their way to a worker and back. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <hvabi/management.h>
#include <hvabi/msr.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "mm/memory.h"
#include "proc/file.h"
#include "root_kernel.h"
#include "worker_fixture.h"

static struct file files[2]; /* never looked into */
static struct file *const some_file = files;

static int64_t answer(uint32_t vp, uint32_t flags, uint64_t rip, uint64_t rax)
{
    struct partition_next a = {
        .answered_vp = vp, .flags = flags, .rip = rip, .rax = rax, .wake_fd = -1};

    return worker_next(&fixture.child, &a, NULL);
}

static void told(uint32_t vp)
{
    struct partition_next a = fixture_next();

    assert_int_equal(a.event, PARTITION_EVENT_INTERCEPT);
    assert_int_equal(a.vp, vp);
}

static void an_intercept_is_told_once(void **state)
{
    const struct hv_message *page;

    (void)state;
    fixture_intercept(1, HvMessageTypeX64IoPortIntercept, 0x1234);
    told(1);
    page = phys_to_virt(ram_page(fixture.child.ram, 1));
    assert_int_equal(page->header.message_type, HvMessageTypeX64IoPortIntercept);
    assert_int_equal(((const struct hv_x64_intercept_message_header *)page->payload)->rip, 0x1234);
    assert_int_equal(fixture_next().event, PARTITION_EVENT_TIMEOUT);
}

static void vps_are_told_in_their_order(void **state)
{
    static const uint32_t order[] = {2, 0, 3, 1};

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        fixture_intercept(order[i], HvMessageTypeX64IoPortIntercept, 0);
    for (unsigned i = 0; i < 4; i++)
        told(order[i]);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(answer(i, 0, 0, 0), 0);
    fixture_intercept(3, HvMessageTypeUnmappedGpa, 0);
    told(3);
}

static void an_answer_sets_what_it_says_and_lets_go(void **state)
{
    const struct hv_input_set_vp_registers *in;

    (void)state;
    fixture_intercept(2, HvMessageTypeX64IoPortIntercept, 0);
    told(2);
    assert_int_equal(answer(2, PARTITION_ANSWER_RIP | PARTITION_ANSWER_RAX, 0x77, 0x88), 0);
    in = fixture_last(HvCallSetVpRegisters);
    assert_int_equal(in->partition_id, FIXTURE_ID);
    assert_int_equal(in->vp_index, 2);
    assert_int_equal(in->elements[0].name, HvX64RegisterRip);
    assert_int_equal(in->elements[0].value.reg64, 0x77);
    assert_int_equal(in->elements[1].name, HvX64RegisterRax);
    assert_int_equal(in->elements[1].value.reg64, 0x88);
    assert_int_equal(in->elements[2].name, HvRegisterInterceptSuspend);
    assert_int_equal(in->elements[2].value.reg64, 0);
    assert_int_equal(fixture.call_count, 1);
}

static void an_answer_without_registers_lets_go_only(void **state)
{
    const struct hv_input_set_vp_registers *in;

    (void)state;
    fixture_intercept(0, HvMessageTypeUnmappedGpa, 0);
    told(0);
    assert_int_equal(answer(0, 0, 0x77, 0x88), 0);
    in = fixture_last(HvCallSetVpRegisters);
    assert_int_equal(in->elements[0].name, HvRegisterInterceptSuspend);
}

static void only_what_was_told_is_answered(void **state)
{
    (void)state;
    fixture_intercept(0, HvMessageTypeX64IoPortIntercept, 0);
    assert_int_equal(answer(0, 0, 0, 0), -EINVAL); /* not told yet */
    assert_int_equal(answer(1, 0, 0, 0), -EINVAL);
    assert_int_equal(answer(FIXTURE_VPS, 0, 0, 0), -EINVAL);
    assert_int_equal(answer(PARTITION_NO_VP - 1, 0, 0, 0), -EINVAL);
    told(0);
    assert_int_equal(answer(0, 4, 0, 0), -EINVAL);
    assert_int_equal(answer(0, 0, 0, 0), 0);
    assert_int_equal(answer(0, 0, 0, 0), -EINVAL); /* no more */
    assert_int_equal(fixture.call_count, 1);
}

static void a_vp_that_was_started_anew_is_told_anew(void **state)
{
    (void)state;
    fixture_intercept(0, HvMessageTypeX64IoPortIntercept, 1);
    fixture_intercept(0, HvMessageTypeX64IoPortIntercept, 2);
    told(0);
    fixture_intercept(0, HvMessageTypeX64IoPortIntercept, 3);
    assert_int_equal(answer(0, 0, 0, 0), -EINVAL);
    told(0);
    assert_int_equal(answer(0, 0, 0, 0), 0);
}

static void end_interrupt(uint32_t vector)
{
    struct hv_message m = {.header = {.message_type = HvMessageTypeX64ApicEoi, .payload_size = 8}};
    struct hv_x64_apic_eoi_message *eoi = (void *)m.payload;

    eoi->interrupt_vector = vector;
    worker_intercept(&fixture.child, &m);
}

static void ends_of_interrupts_are_collected(void **state)
{
    struct partition_next a;

    (void)state;
    fixture_intercept(0, HvMessageTypeX64IoPortIntercept, 0);
    end_interrupt(0x31);
    end_interrupt(0xff);
    a = fixture_next();
    assert_int_equal(a.event, PARTITION_EVENT_EOI);
    assert_int_equal(a.eoi[0], 1ull << 0x31);
    assert_int_equal(a.eoi[1] | a.eoi[2], 0);
    assert_true(a.eoi[3] == 1ull << 63);
    told(0);
    assert_int_equal(fixture_next().event, PARTITION_EVENT_TIMEOUT);
}

static void vp_3_intercepts(void)
{
    fixture_intercept(3, HvMessageTypeX64IoPortIntercept, 0);
}

static void a_worker_sleeps_until_there_is_something(void **state)
{
    struct partition_next a = {
        .answered_vp = PARTITION_NO_VP, .timeout_ns = PARTITION_TIMEOUT_NONE, .wake_fd = -1};

    (void)state;
    fixture.sleep = vp_3_intercepts;
    assert_int_equal(worker_next(&fixture.child, &a, NULL), 0);
    assert_int_equal(a.event, PARTITION_EVENT_INTERCEPT);
    assert_int_equal(a.vp, 3);
    assert_int_equal(fixture.sleeps, 1);
}

/* What wakes is asked when it is new and when it rings, and while it is ready. */
static void a_file_wakes_it(void **state)
{
    struct partition_next a = {.answered_vp = PARTITION_NO_VP,
                               .timeout_ns = PARTITION_TIMEOUT_NONE};

    (void)state;
    fixture.poll = POLL_OUT;
    fixture.sleep = fixture_ring;
    assert_int_equal(worker_next(&fixture.child, &a, some_file), 0);
    assert_int_equal(a.event, PARTITION_EVENT_WAKE);
    assert_int_equal(fixture.polls, 2);
    assert_int_equal(fixture.wakes, 1);
    fixture.poll = POLL_HANGUP;
    assert_int_equal(worker_next(&fixture.child, &a, some_file), 0);
    assert_int_equal(a.event, PARTITION_EVENT_WAKE);
    fixture.poll = 0;
    fixture.sleep = vp_3_intercepts;
    assert_int_equal(worker_next(&fixture.child, &a, some_file), 0);
    assert_int_equal(a.event, PARTITION_EVENT_INTERCEPT);
    assert_int_equal(fixture.polls, 4);
    a.answered_vp = 3;
    fixture.sleep = vp_3_intercepts;
    assert_int_equal(worker_next(&fixture.child, &a, some_file), 0);
    assert_int_equal(fixture.polls, 4);
    assert_int_equal(fixture.files, 1);
}

static void another_file_takes_its_place(void **state)
{
    struct partition_next a = {.answered_vp = PARTITION_NO_VP};

    (void)state;
    assert_int_equal(worker_next(&fixture.child, &a, some_file), 0);
    assert_int_equal(worker_next(&fixture.child, &a, some_file + 1), 0);
    assert_int_equal(fixture.files, 1);
    assert_int_equal(worker_next(&fixture.child, &a, NULL), 0);
    assert_int_equal(fixture.files, 0);
    assert_int_equal(a.event, PARTITION_EVENT_TIMEOUT);
}

static void a_worker_blocks_where_others_want_the_cpu(void **state)
{
    struct partition_next a = {.answered_vp = PARTITION_NO_VP,
                               .timeout_ns = PARTITION_TIMEOUT_NONE};

    (void)state;
    fixture.blocks = true;
    fixture.sleep = vp_3_intercepts;
    assert_int_equal(worker_next(&fixture.child, &a, NULL), 0);
    assert_int_equal(a.event, PARTITION_EVENT_INTERCEPT);
    a = (struct partition_next){.answered_vp = 3, .timeout_ns = 1000};
    fixture.sleep = vp_3_intercepts;
    assert_int_equal(worker_next(&fixture.child, &a, NULL), 0);
    assert_int_equal(a.event, PARTITION_EVENT_INTERCEPT);
}

static void vp_0_intercepts(void)
{
    fixture_intercept(0, HvMessageTypeX64IoPortIntercept, 0);
}

static void an_interrupt_ends(void)
{
    end_interrupt(0x31);
}

static void both_come(void)
{
    vp_0_intercepts();
    an_interrupt_ends();
}

/* @more comes before each call; the file has its turn within a bounded number of them. */
static void check_wakes_among(void (*more)(void))
{
    struct partition_next a = {.answered_vp = PARTITION_NO_VP};
    unsigned rounds = 0;

    assert_int_equal(worker_next(&fixture.child, &a, some_file), 0);
    fixture_ring();
    do {
        more();
        a = (struct partition_next){.answered_vp = PARTITION_NO_VP};
        assert_int_equal(worker_next(&fixture.child, &a, some_file), 0);
        assert_true(rounds++ < 64);
    } while (a.event == PARTITION_EVENT_INTERCEPT || a.event == PARTITION_EVENT_EOI);
    assert_int_equal(a.event, PARTITION_EVENT_WAKE);
    assert_true(rounds > 1);
}

static void endless_intercepts_do_not_keep_a_file_from_waking(void **state)
{
    (void)state;
    check_wakes_among(vp_0_intercepts);
}

static void endless_ends_of_interrupts_do_not_keep_a_file_from_waking(void **state)
{
    (void)state;
    check_wakes_among(an_interrupt_ends);
}

static void both_without_end_do_not_keep_a_file_from_waking(void **state)
{
    (void)state;
    check_wakes_among(both_come);
}

/* After so many in a row a look finds nothing to wake for: the intercept is not lost. */
static void a_false_ring_loses_no_intercept(void **state)
{
    struct partition_next a = {.answered_vp = PARTITION_NO_VP};

    (void)state;
    assert_int_equal(worker_next(&fixture.child, &a, some_file), 0);
    fixture_ring();
    fixture.poll = 0;
    for (unsigned i = 0; i < 64; i++) {
        fixture_intercept(i % FIXTURE_VPS, HvMessageTypeX64IoPortIntercept, 0);
        a = (struct partition_next){.answered_vp = PARTITION_NO_VP,
                                    .timeout_ns = PARTITION_TIMEOUT_NONE};
        assert_int_equal(worker_next(&fixture.child, &a, some_file), 0);
        assert_int_equal(a.event, PARTITION_EVENT_INTERCEPT);
        assert_int_equal(a.vp, i % FIXTURE_VPS);
    }
}

static void only_one_waits(void **state)
{
    struct partition_next a = {.answered_vp = PARTITION_NO_VP};

    (void)state;
    fixture.child.worker.busy = true; /* another is in there */
    assert_int_equal(worker_next(&fixture.child, &a, NULL), -EBUSY);
    fixture.child.worker.busy = false;
    assert_int_equal(worker_next(&fixture.child, &a, NULL), 0);
}

static void killed(void)
{
    fixture.killed = true;
}

static void who_is_killed_waits_no_longer(void **state)
{
    struct partition_next a = {.answered_vp = PARTITION_NO_VP,
                               .timeout_ns = PARTITION_TIMEOUT_NONE};

    (void)state;
    fixture.sleep = killed;
    assert_int_equal(worker_next(&fixture.child, &a, NULL), -EINTR);
}

static void the_end_is_told_for_ever(void **state)
{
    (void)state;
    fixture_intercept(0, HvMessageTypeX64IoPortIntercept, 0);
    told(0);
    fixture_intercept(1, HvMessageTypeX64IoPortIntercept, 0);
    worker_end(&fixture.child);
    fixture_intercept(2, HvMessageTypeX64IoPortIntercept, 0);
    assert_int_equal(answer(0, 0, 0, 0), 0); /* goes nowhere */
    assert_int_equal(fixture_next().event, PARTITION_EVENT_ENDED);
    assert_int_equal(fixture_next().event, PARTITION_EVENT_ENDED);
    assert_int_equal(fixture.call_count, 0);
}

static void a_vp_that_cannot_go_on_ends_its_child(void **state)
{
    (void)state;
    fixture_intercept(0, HvMessageTypeX64IoPortIntercept, 0);
    told(0);
    fixture.status = HV_STATUS_INVALID_VP_STATE;
    (void)answer(0, 0, 0, 0);
    assert_int_equal(fixture.end, VM_END_FAILURE);
}

/* ---- crashes ---- */

static void crash(uint32_t vp)
{
    struct hv_message m = {
        .header = {.message_type = HvMessageTypeMsrIntercept, .payload_size = 64}};
    struct hv_x64_msr_intercept_message *msr = (void *)m.payload;

    msr->header.vp_index = vp;
    msr->header.rip = 0x5000;
    msr->header.length_and_cr8 = 2;
    msr->msr_number = HV_X64_MSR_CRASH_CTL;
    worker_intercept(&fixture.child, &m);
}

static void parameters(uint64_t p3, uint64_t p4, uint64_t control)
{
    fixture.output[3 * 2] = p3;
    fixture.output[4 * 2] = p4;
    fixture.output[5 * 2] = control;
}

static void a_crash_is_logged_and_goes_on(void **state)
{
    static const char text[] = "first line\nand \x1b[31m second\nthird";
    const struct hv_input_set_vp_registers *in;

    (void)state;
    memcpy(phys_to_virt(ram_at(fixture.child.ram, RAM_BLOCK - 5)), text, 5);
    memcpy(phys_to_virt(ram_at(fixture.child.ram, RAM_BLOCK)), text + 5, sizeof(text) - 6);
    parameters(RAM_BLOCK - 5, sizeof(text) - 1, HV_CRASH_NOTIFY | HV_CRASH_MESSAGE);
    crash(1);
    assert_int_equal(fixture_next().event, PARTITION_EVENT_CRASH);
    assert_int_equal(fake.log_lines, 4); /* who, and three lines */
    in = fixture_last(HvCallSetVpRegisters);
    assert_int_equal(in->vp_index, 1);
    assert_int_equal(in->elements[0].name, HvX64RegisterRip);
    assert_int_equal(in->elements[0].value.reg64, 0x5002);
}

static void a_crash_text_lies_in_the_childs_ram_or_nowhere(void **state)
{
    (void)state;
    parameters(UINT64_MAX - 8, UINT64_MAX, HV_CRASH_NOTIFY | HV_CRASH_MESSAGE);
    crash(0);
    assert_int_equal(fixture_next().event, PARTITION_EVENT_CRASH);
    assert_in_range(fake.log_lines, 1, 64);
}

static void endless_crashes_do_not_fill_the_log(void **state)
{
    (void)state;
    parameters(0, 0, HV_CRASH_NOTIFY);
    for (unsigned i = 0; i < 1000; i++) {
        crash(0);
        assert_int_equal(fixture_next().event, PARTITION_EVENT_CRASH);
    }
    assert_in_range(fake.log_lines, 1, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_begin, fixture_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_intercept_is_told_once),
        TEST(vps_are_told_in_their_order),
        TEST(an_answer_sets_what_it_says_and_lets_go),
        TEST(an_answer_without_registers_lets_go_only),
        TEST(only_what_was_told_is_answered),
        TEST(a_vp_that_was_started_anew_is_told_anew),
        TEST(ends_of_interrupts_are_collected),
        TEST(a_worker_sleeps_until_there_is_something),
        TEST(a_file_wakes_it),
        TEST(another_file_takes_its_place),
        TEST(a_worker_blocks_where_others_want_the_cpu),
        TEST(a_false_ring_loses_no_intercept),
        TEST(only_one_waits),
        TEST(endless_intercepts_do_not_keep_a_file_from_waking),
        TEST(endless_ends_of_interrupts_do_not_keep_a_file_from_waking),
        TEST(both_without_end_do_not_keep_a_file_from_waking),
        TEST(who_is_killed_waits_no_longer),
        TEST(the_end_is_told_for_ever),
        TEST(a_vp_that_cannot_go_on_ends_its_child),
        TEST(a_crash_is_logged_and_goes_on),
        TEST(a_crash_text_lies_in_the_childs_ram_or_nowhere),
        TEST(endless_crashes_do_not_fill_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
