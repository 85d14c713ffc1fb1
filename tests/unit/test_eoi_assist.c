/* SPDX-License-Identifier: MIT */
/* test_eoi_assist.c - ends of interrupt through the VP assist page: when one is promised to be
 * needless, and what becomes of the promise. The guest is a function that does one thing at each
 * entry. */
#include "fakes/test.h"

#include <hvabi/msr.h>
#include <hvabi/synic.h>
#include <x86/cr.h>
#include <x86/decode.h>
#include "core/vp_regs.h"
#include "fakes/hv_machine.h"
#include "mm/phys.h"

#define ASSIST_GPA 0x3000u
#define LOW        0x51u
#define LOW_MATE   0x52u /* of the same class */
#define HIGH       0x91u
#define ENTRIES    32u

static struct partition *child;
static struct vp *vp;
static struct hv_vp_assist_page *page;

/* What the guest saw at its entries: the vector that it took, 0: none; and then the promise. */
static struct {
    uint8_t vector;
    bool promised;
} seen[ENTRIES];
static unsigned entries;

/* What it does at each: the exit that follows. */
static void (*script)(unsigned entry, struct vp_exit *exit);

static bool promised(void)
{
    return page->apic_assist & HV_APIC_ASSIST_NO_EOI_REQUIRED;
}

/* As guests do it. True: no more is needed. */
static bool eoi_by_page(void)
{
    return __atomic_exchange_n(&page->apic_assist, 0, __ATOMIC_SEQ_CST) &
           HV_APIC_ASSIST_NO_EOI_REQUIRED;
}

static void wrmsr(struct vp_exit *exit, uint32_t msr, uint64_t value)
{
    vp->gpr[X86_RCX] = msr;
    vp->gpr[X86_RAX] = (uint32_t)value;
    vp->gpr[X86_RDX] = value >> 32;
    *exit = (struct vp_exit){.reason = VP_EXIT_MSR_WRITE, .insn_len = 2};
}

static void halt(struct vp_exit *exit)
{
    *exit = (struct vp_exit){.reason = VP_EXIT_HALT, .insn_len = 1};
}

static void guest(struct vp *v, struct vp_exit *exit)
{
    const struct fake_event *e = &fake_of(v)->delivered;

    assert_ptr_equal(v, vp);
    assert_true(entries < ENTRIES);
    seen[entries].vector = e->valid && e->type == HvX64PendingInterrupt ? e->vector : 0;
    seen[entries].promised = promised();
    v->rflags |= RFLAGS_IF;
    *exit = (struct vp_exit){.reason = VP_EXIT_INTERRUPT};
    script(entries++, exit);
}

static void idle_guest(unsigned entry, struct vp_exit *exit)
{
    (void)entry;
    halt(exit);
}

static void run(void)
{
    machine_run(machine.tsc + MACHINE_TSC_HZ);
}

static int setup(void **state)
{
    (void)state;
    machine_init(1);
    machine_take_messages(0);
    child = machine_child(1, 8);
    vp = partition_vp(child, 0);
    lapic_mmio_write(&vp->lapic, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    machine_enter(vp);
    machine_wrmsr(vp, HV_X64_MSR_VP_ASSIST_PAGE, ASSIST_GPA | HV_X64_MSR_PAGE_ENABLE);
    machine_leave(vp);
    page = hpa_ptr(vp->assist_page);
    fake_guest = guest;
    script = idle_guest;
    vp_resume(vp, VP_SUSPEND_EXPLICIT);
    run(); /* and it halts */
    entries = 0;
    return 0;
}

static void post(uint8_t vector, bool level)
{
    if (lapic_post(&vp->lapic, vector, level))
        lapic_host_kick(&vp->lapic);
}

static bool in_service(uint8_t vector)
{
    return vp->lapic.isr[vector >> 4] >> (vector & 15) & 1;
}

static void expect_entry(unsigned entry, uint8_t vector, bool promise)
{
    assert_true(entry < entries);
    assert_int_equal(seen[entry].vector, vector);
    assert_int_equal(seen[entry].promised, promise);
}

/* ---- promises kept ---- */

static void ends_by_page_and_halts(unsigned entry, struct vp_exit *exit)
{
    if (seen[entry].vector != 0)
        assert_true(eoi_by_page());
    halt(exit);
}

static void lone_interrupt_needs_no_exit(void **state)
{
    (void)state;
    script = ends_by_page_and_halts;
    for (unsigned i = 0; i < 3; i++) {
        entries = 0;
        post(LOW, false);
        run();
        assert_int_equal(entries, 1);
        expect_entry(0, LOW, true);
        assert_false(in_service(LOW));
        assert_false(vp->eoi_promised);
    }
    assert_int_equal(vp->stats[HvStatsVpExitFirst + VP_EXIT_MSR_WRITE], 0);
}

/* Ends it by the page and goes on; then another one of its class comes. */
static void ends_and_runs_on(unsigned entry, struct vp_exit *exit)
{
    if (entry == 0) {
        assert_true(eoi_by_page());
        post(LOW_MATE, false);
    } else if (entry == 1) {
        assert_true(eoi_by_page());
        halt(exit);
    } else {
        halt(exit);
    }
}

static void ended_interrupt_holds_nothing_back(void **state)
{
    (void)state;
    script = ends_and_runs_on;
    post(LOW, false);
    run();
    expect_entry(0, LOW, true);
    expect_entry(1, LOW_MATE, true);
    assert_false(in_service(LOW));
    assert_false(in_service(LOW_MATE));
}

/* ---- promises taken back ---- */

static void disturbed_by_a_lower_one(unsigned entry, struct vp_exit *exit)
{
    if (entry == 0)
        post(LOW, false);
    else if (entry == 1)
        wrmsr(exit, HV_X64_MSR_EOI, 0);
    else
        halt(exit);
}

static void lower_interrupt_takes_the_promise_back(void **state)
{
    (void)state;
    script = disturbed_by_a_lower_one;
    post(HIGH, false);
    run();
    expect_entry(0, HIGH, true);
    expect_entry(1, 0, false); /* still in service: it needs an EOI now */
    expect_entry(2, LOW, true);
}

static void disturbed_by_a_higher_one(unsigned entry, struct vp_exit *exit)
{
    if (entry == 0)
        post(HIGH, false);
    else if (entry < 3)
        wrmsr(exit, HV_X64_MSR_EOI, 0);
    else
        halt(exit);
}

static void nested_interrupts_need_their_eois(void **state)
{
    (void)state;
    script = disturbed_by_a_higher_one;
    post(LOW, false);
    run();
    expect_entry(0, LOW, true);
    expect_entry(1, HIGH, false);
    expect_entry(2, 0, false);
    assert_false(in_service(LOW));
    assert_false(in_service(HIGH));
}

static void ends_by_register_first(unsigned entry, struct vp_exit *exit)
{
    if (entry == 0)
        wrmsr(exit, HV_X64_MSR_EOI, 0);
    else
        halt(exit);
}

static void conventional_eoi_ends_it_too(void **state)
{
    (void)state;
    script = ends_by_register_first;
    post(LOW, false);
    run();
    expect_entry(0, LOW, true);
    expect_entry(1, 0, false);
    assert_false(in_service(LOW));
}

static void keeps_if_off(unsigned entry, struct vp_exit *exit)
{
    vp->rflags &= ~RFLAGS_IF;
    if (entry == 1)
        halt(exit);
}

/* The guest exits with interrupts off, and so cannot have taken what it was offered. */
static void promise_goes_with_an_offer_that_was_not_taken(void **state)
{
    (void)state;
    vp->rflags &= ~RFLAGS_IF;
    lapic_host_nmi(&vp->lapic); /* ends its HLT */
    post(LOW, false);
    script = keeps_if_off;
    run();
    assert_int_equal(entries, 2);
    expect_entry(1, 0, true);
    assert_false(promised());
    assert_false(vp->eoi_promised);
    assert_int_equal(lapic_pending(&vp->lapic), LOW);
}

static void stays_in_its_handler(unsigned entry, struct vp_exit *exit)
{
    if (entry == 0)
        *exit = (struct vp_exit){.reason = VP_EXIT_PAUSE};
    else if (entry == 1)
        wrmsr(exit, HV_X64_MSR_EOI, 0);
    else
        halt(exit);
}

static void vp_that_leaves_its_lp_has_no_promise(void **state)
{
    (void)state;
    script = stays_in_its_handler;
    post(LOW, false);
    run();
    expect_entry(0, LOW, true);
    expect_entry(1, 0, false);
    assert_false(in_service(LOW));
}

/* ---- none in the first place ---- */

static void ends_each_by_register(unsigned entry, struct vp_exit *exit)
{
    if (seen[entry].vector != 0)
        wrmsr(exit, HV_X64_MSR_EOI, 0);
    else
        halt(exit);
}

static void level_interrupt_gets_no_promise(void **state)
{
    struct hv_message m;

    (void)state;
    script = ends_each_by_register;
    post(LOW, true);
    run();
    expect_entry(0, LOW, false);
    assert_true(machine_message(0, &m));
    assert_int_equal(m.header.message_type, HvMessageTypeX64ApicEoi);
}

static void first_of_two_gets_no_promise(void **state)
{
    (void)state;
    script = ends_each_by_register;
    post(LOW, false);
    post(HIGH, false);
    run();
    expect_entry(0, HIGH, false);
    expect_entry(1, LOW, true);
}

static void auto_eoi_gets_no_promise(void **state)
{
    (void)state;
    machine_enter(vp);
    machine_wrmsr(vp, HV_X64_MSR_SINT0 + 2, LOW | HV_SYNIC_SINT_AUTO_EOI);
    machine_leave(vp);
    post(LOW, false);
    run();
    expect_entry(0, LOW, false);
    assert_false(in_service(LOW));
}

static void without_the_page_there_is_none(void **state)
{
    (void)state;
    machine_enter(vp);
    machine_wrmsr(vp, HV_X64_MSR_VP_ASSIST_PAGE, 0);
    machine_leave(vp);
    script = ends_each_by_register;
    post(LOW, false);
    run();
    expect_entry(0, LOW, false);
    assert_false(promised());
}

/* ---- what guests may do to it ---- */

static void promises_itself(unsigned entry, struct vp_exit *exit)
{
    (void)entry;
    page->apic_assist = UINT32_MAX;
    if (seen[entry].vector == 0)
        halt(exit);
}

static void promise_of_the_guests_own_is_none(void **state)
{
    (void)state;
    post(LOW, true);
    script = promises_itself;
    run();
    assert_true(in_service(LOW));
    assert_false(vp->eoi_promised);
}

static void disables_the_page(unsigned entry, struct vp_exit *exit)
{
    if (entry == 0)
        wrmsr(exit, HV_X64_MSR_VP_ASSIST_PAGE, 0);
    else
        halt(exit);
}

static void page_that_goes_takes_its_promise_along(void **state)
{
    (void)state;
    script = disables_the_page;
    post(LOW, false);
    run();
    expect_entry(0, LOW, true);
    assert_true(in_service(LOW));
    assert_false(vp->eoi_promised);
}

static void init_takes_the_promise_back(void **state)
{
    (void)state;
    machine_enter(vp);
    lapic_serve(&vp->lapic, LOW);
    vp->eoi_promised = true;
    page->apic_assist = HV_APIC_ASSIST_NO_EOI_REQUIRED;
    vp_init_signal(vp);
    assert_false(vp->eoi_promised);
    assert_false(promised());
    machine_leave(vp);
}

/* ---- idling ---- */

static void idles_in_its_handler(unsigned entry, struct vp_exit *exit)
{
    if (entry > 1) {
        *exit = (struct vp_exit){.reason = VP_EXIT_HALT, .insn_len = 1};
        vp->rflags &= ~RFLAGS_IF;
        return;
    }
    vp->rflags &= ~RFLAGS_IF;
    vp->gpr[X86_RCX] = HV_X64_MSR_GUEST_IDLE;
    *exit = (struct vp_exit){.reason = VP_EXIT_MSR_READ, .insn_len = 2};
}

/* A waiter for a lock, in an interrupt handler that has not written its EOI, with interrupts off.
 */
static void idling_ends_with_an_interrupt_that_cannot_be_taken(void **state)
{
    (void)state;
    script = idles_in_its_handler;
    post(LOW_MATE, true);
    run();
    assert_int_equal(entries, 1);
    assert_int_equal(vp->activity, VP_ACTIVITY_IDLE);
    post(LOW, false); /* the same class: behind the one in service */
    run();
    assert_int_equal(vp->activity, VP_ACTIVITY_HALT);
    assert_int_equal(entries, 3);
    expect_entry(1, 0, false);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lone_interrupt_needs_no_exit),
        TEST(ended_interrupt_holds_nothing_back),
        TEST(lower_interrupt_takes_the_promise_back),
        TEST(nested_interrupts_need_their_eois),
        TEST(conventional_eoi_ends_it_too),
        TEST(promise_goes_with_an_offer_that_was_not_taken),
        TEST(vp_that_leaves_its_lp_has_no_promise),
        TEST(level_interrupt_gets_no_promise),
        TEST(first_of_two_gets_no_promise),
        TEST(auto_eoi_gets_no_promise),
        TEST(without_the_page_there_is_none),
        TEST(promise_of_the_guests_own_is_none),
        TEST(page_that_goes_takes_its_promise_along),
        TEST(init_takes_the_promise_back),
        TEST(idling_ends_with_an_interrupt_that_cannot_be_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
