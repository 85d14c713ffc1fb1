/* SPDX-License-Identifier: MIT */
/* test_vp_run.c - the run loop: VPs enter, leave, halt, wake, are interrupted and stopped; the
 * guests are functions. */
#include "fakes/test.h"

#include <hvabi/msr.h>
#include <x86/cr.h>
#include <x86/decode.h>
#include <x86/msr.h>
#include "core/vp_regs.h"
#include "fakes/hv_machine.h"

#define SECOND MACHINE_TSC_HZ

static struct partition *child;
static struct vp *bsp, *ap;
static unsigned delivered[256], entries, halts, budget;

/* What the guest took at this entry. */
static void count_events(struct vp *vp)
{
    struct fake_event *e = &fake_of(vp)->delivered;

    entries++;
    if (e->valid && e->type == HvX64PendingInterrupt)
        delivered[e->vector]++;
    if (e->valid && e->type == HvX64PendingNmi)
        delivered[2]++;
}

/* HLT with interrupts on, for ever; each interrupt is ended. */
static void halting_guest(struct vp *vp, struct vp_exit *exit)
{
    struct fake_event *e = &fake_of(vp)->delivered;

    count_events(vp);
    vp->rflags |= RFLAGS_IF;
    if (e->valid && e->type == HvX64PendingInterrupt) {
        vp->gpr[X86_RCX] = HV_X64_MSR_EOI;
        vp->gpr[X86_RAX] = vp->gpr[X86_RDX] = 0;
        *exit = (struct vp_exit){.reason = VP_EXIT_MSR_WRITE, .insn_len = 2};
        return;
    }
    halts++;
    *exit = (struct vp_exit){.reason = VP_EXIT_HALT, .insn_len = 1};
}

static int setup(void **state)
{
    (void)state;
    machine_init(2);
    machine_take_messages(0);
    child = machine_child(2, 4);
    bsp = partition_vp(child, 0);
    ap = partition_vp(child, 1);
    ap->activity = VP_ACTIVITY_WAIT_SIPI;
    memset(delivered, 0, sizeof(delivered));
    entries = halts = budget = 0;
    fake_guest = halting_guest;
    return 0;
}

static void run(void)
{
    machine_run(machine.tsc + SECOND);
}

/* The software APIC as a guest would switch it on. */
static void apic_on(struct vp *vp)
{
    lapic_mmio_write(&vp->lapic, APIC_SVR, APIC_SVR_ENABLE | 0xff);
}

static void suspended_vp_is_not_entered(void **state)
{
    (void)state;
    run();
    assert_int_equal(entries, 0);
}

static void resumed_vp_runs_until_it_halts(void **state)
{
    (void)state;
    vp_resume(bsp, VP_SUSPEND_EXPLICIT);
    run();
    assert_int_equal(entries, 1);
    assert_int_equal(bsp->activity, VP_ACTIVITY_HALT);
    assert_int_equal(bsp->stats[HvStatsVpTotalExits], 1);
    assert_int_equal(bsp->stats[HvStatsVpExitFirst + VP_EXIT_HALT], 1);
}

static void posted_interrupt_wakes_a_halted_vp(void **state)
{
    (void)state;
    apic_on(bsp);
    vp_resume(bsp, VP_SUSPEND_EXPLICIT);
    run();
    for (unsigned i = 1; i <= 3; i++) {
        assert_true(lapic_post(&bsp->lapic, 0x51, false));
        lapic_host_kick(&bsp->lapic);
        run();
        assert_int_equal(delivered[0x51], i);
        assert_int_equal(bsp->activity, VP_ACTIVITY_HALT);
    }
}

static void interrupt_waits_for_if_behind_a_window(void **state)
{
    (void)state;
    apic_on(bsp);
    vp_resume(bsp, VP_SUSPEND_EXPLICIT);
    run();
    bsp->rflags &= ~RFLAGS_IF;
    (void)lapic_post(&bsp->lapic, 0x51, false);
    lapic_host_kick(&bsp->lapic);
    run();
    assert_int_equal(delivered[0x51], 0); /* HLT with IF = 0: an interrupt does not end it */
    assert_int_equal(entries, 1);
    lapic_host_nmi(&bsp->lapic); /* an NMI does, and the guest sets IF */
    run();
    assert_int_equal(delivered[2], 1);
    assert_int_equal(delivered[0x51], 1);
}

/* Interrupted between STI and HLT, by what raises a vector. */
static void guest_in_the_shadow(struct vp *vp, struct vp_exit *exit)
{
    halting_guest(vp, exit);
    if (entries != 1)
        return;
    fake_of(vp)->in_shadow = true;
    (void)lapic_post(&vp->lapic, 0x51, false);
    *exit = (struct vp_exit){.reason = VP_EXIT_INTERRUPT};
}

static void interrupt_waits_for_the_end_of_the_shadow(void **state)
{
    (void)state;
    fake_guest = guest_in_the_shadow;
    apic_on(bsp);
    vp_resume(bsp, VP_SUSPEND_EXPLICIT);
    run();
    assert_int_equal(delivered[0x51], 1);
    assert_int_equal(halts, 2 + 1); /* the first without it, which it ends; another after its EOI */
    assert_int_equal(entries, 4);
}

/* Interrupted there again and again, before it has executed anything: as by a host that is slow. */
enum { SLOW_ENTRIES = 8 };
static uint64_t given[SLOW_ENTRIES]; /* ticks until the timer ends an entry */

static void guest_of_a_slow_host(struct vp *vp, struct vp_exit *exit)
{
    if (entries < SLOW_ENTRIES)
        given[entries] = machine.lp->deadline - insn_rdtsc();
    guest_in_the_shadow(vp, exit);
    if (entries < 1 || entries > SLOW_ENTRIES)
        return;
    fake_of(vp)->in_shadow = entries < SLOW_ENTRIES;
    *exit = (struct vp_exit){.reason = VP_EXIT_INTERRUPT};
}

static void each_retry_has_more_time(void **state)
{
    (void)state;
    fake_guest = guest_of_a_slow_host;
    apic_on(bsp);
    vp_resume(bsp, VP_SUSPEND_EXPLICIT);
    run();
    for (unsigned i = 3; i < SLOW_ENTRIES; i++)
        assert_true(given[i] > given[i - 1] + given[i - 1] / 2);
    assert_int_equal(delivered[0x51], 1);
    assert_int_equal(bsp->retries, 0);
}

/* Another device raises the same vector while the guest has it, or is about to take it. */
static void guest_of_two_posts(struct vp *vp, struct vp_exit *exit)
{
    count_events(vp);
    if (entries == 1)
        (void)lapic_post(&vp->lapic, 0x51, false);
    if (entries == 2)
        vp->rflags |= RFLAGS_IF;
    vp->gpr[X86_RCX] = HV_X64_MSR_EOI;
    vp->gpr[X86_RAX] = vp->gpr[X86_RDX] = 0;
    *exit = entries < 8 ? (struct vp_exit){.reason = VP_EXIT_MSR_WRITE, .insn_len = 2}
                        : (struct vp_exit){.reason = VP_EXIT_HALT, .insn_len = 1};
}

static void deliver_twice_posted(uint64_t rflags)
{
    fake_guest = guest_of_two_posts;
    apic_on(bsp);
    bsp->rflags |= rflags;
    (void)lapic_post(&bsp->lapic, 0x51, false);
    vp_resume(bsp, VP_SUSPEND_EXPLICIT);
    run();
}

static void vector_posted_again_after_it_was_taken_is_delivered_again(void **state)
{
    (void)state;
    deliver_twice_posted(RFLAGS_IF);
    assert_int_equal(delivered[0x51], 2);
}

static void vector_posted_again_before_it_was_taken_is_delivered_once(void **state)
{
    (void)state;
    deliver_twice_posted(0);
    assert_int_equal(delivered[0x51], 1);
}

static void local_timer_interrupts_a_halted_vp(void **state)
{
    (void)state;
    apic_on(bsp);
    lapic_mmio_write(&bsp->lapic, APIC_LVT_TIMER, APIC_LVT_TIMER_PERIODIC | 0xec);
    lapic_mmio_write(&bsp->lapic, APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_1);
    lapic_mmio_write(&bsp->lapic, APIC_TIMER_INITIAL, MACHINE_APIC_HZ / 100);
    vp_resume(bsp, VP_SUSPEND_EXPLICIT);
    machine_run(machine.tsc + SECOND / 2);
    assert_in_range(delivered[0xec], 49, 50);
}

static void timer_deadline(uint64_t deadline)
{
    machine_enter(bsp);
    apic_on(bsp);
    lapic_mmio_write(&bsp->lapic, APIC_LVT_TIMER, APIC_LVT_TIMER_DEADLINE | 0xec);
    machine_wrmsr(bsp, MSR_IA32_TSC_DEADLINE, deadline);
    machine_leave(bsp);
}

/* A child's TSC is behind the host's: the deadline would be over there. */
static void deadline_at_the_end_of_time_costs_nothing_until_then(void **state)
{
    static const uint64_t far[] = {UINT64_MAX, UINT64_MAX - 1, 1ull << 63, 1ull << 62};

    (void)state;
    assert_true((int64_t)bsp->tsc_offset < 0);
    for (size_t i = 0; i < ARRAY_SIZE(far); i++) {
        timer_deadline(far[i]);
        assert_true(bsp->lapic_timer.node.key > 1ull << 61);
        assert_int_equal(machine_rdmsr(bsp, MSR_IA32_TSC_DEADLINE), far[i]);
    }
    timer_deadline(lapic_host_tsc(&bsp->lapic) + SECOND / 2);
    assert_int_equal(bsp->lapic_timer.node.key, machine.tsc + SECOND / 2);
    vp_resume(bsp, VP_SUSPEND_EXPLICIT);
    run();
    assert_int_equal(delivered[0xec], 1);
}

/* The TSC jumps over an armed deadline, and further than the host's has come. */
static void deadline_that_the_tsc_jumps_over_is_due(void **state)
{
    (void)state;
    timer_deadline(lapic_host_tsc(&bsp->lapic) + SECOND);
    bsp->tsc_offset += 1ull << 61;
    lapic_tsc_moved(&bsp->lapic, (int64_t)(1ull << 61));
    assert_true(bsp->lapic_timer.node.key <= machine.tsc);
}

static void startup_ipi_starts_a_waiting_vp_at_its_vector(void **state)
{
    struct lapic_message init = {.destination = 1, .delivery = APIC_DELIVERY_INIT};
    struct lapic_message sipi = {
        .destination = 1, .delivery = APIC_DELIVERY_STARTUP, .vector = 0x9a};

    (void)state;
    vp_resume(ap, VP_SUSPEND_EXPLICIT);
    run();
    assert_int_equal(fake_of(ap)->entries, 0);
    assert_true(lapic_space_send(child->apics, &init));
    run();
    assert_int_equal(fake_of(ap)->entries, 0);
    assert_true(lapic_space_send(child->apics, &sipi));
    run();
    assert_int_equal(fake_of(ap)->entries, 1);
    assert_int_equal(fake_of(ap)->segments[1].selector, 0x9a00);
    assert_int_equal(fake_of(ap)->segments[1].base, 0x9a000);
    assert_int_equal(ap->rip, 1);                       /* it halted at its first instruction */
    assert_true(lapic_space_send(child->apics, &sipi)); /* a second one is nothing to it */
    run();
    assert_int_equal(fake_of(ap)->entries, 1);
}

static void init_stops_a_running_vp(void **state)
{
    struct lapic_message init = {.destination = 1, .delivery = APIC_DELIVERY_INIT};

    (void)state;
    ap->activity = VP_ACTIVITY_RUN;
    vp_resume(ap, VP_SUSPEND_EXPLICIT);
    run();
    assert_int_equal(fake_of(ap)->entries, 1);
    assert_true(lapic_space_send(child->apics, &init));
    run();
    assert_int_equal(ap->activity, VP_ACTIVITY_WAIT_SIPI);
    assert_int_equal(fake_of(ap)->cr0, CR0_RESET);
}

/* CVE-2006-1056. */
static void vp_does_not_see_where_another_one_used_the_fpu(void **state)
{
    enum { FSW = 2, FSW_ES = 1 << 7 };

    (void)state;
    machine.lp->fip = 0x123456;
    machine.lp->fpu[FSW] |= FSW_ES; /* and has an exception pending */
    machine_enter(bsp);
    assert_int_equal(machine.lp->fip, 0);
    assert_int_equal(machine.lp->fpu[FSW] & FSW_ES, 0);
    machine_leave(bsp);
}

/* Never halts: the time of an entry passes, and the timer interrupts it. */
static void busy_guest(struct vp *vp, struct vp_exit *exit)
{
    uint64_t end = machine.tsc + SECOND / 1000;

    count_events(vp);
    if (budget-- == 0)
        vp_suspend(vp, VP_SUSPEND_EXPLICIT);
    machine.tsc = machine.lp->deadline < end && machine.lp->deadline > machine.tsc
                      ? machine.lp->deadline
                      : end;
    *exit = (struct vp_exit){.reason = VP_EXIT_INTERRUPT};
}

static void explicit_suspension_takes_a_running_vp_off(void **state)
{
    (void)state;
    fake_guest = busy_guest;
    budget = 10;
    vp_resume(bsp, VP_SUSPEND_EXPLICIT);
    run();
    assert_int_equal(entries, 11);
    assert_null(machine.lps[0].pcpu.current);
    assert_null(machine.lps[1].pcpu.current);
}

static struct vp *busy[2];
static uint64_t stop_at;

static void sharing_guest(struct vp *vp, struct vp_exit *exit)
{
    busy_guest(vp, exit);
    budget = UINT32_MAX;
    if (machine.tsc > stop_at)
        vp_suspend(vp, VP_SUSPEND_EXPLICIT);
}

static void two_vps_share_one_lp_by_slices(void **state)
{
    uint64_t a, b;

    (void)state;
    machine_init(1);
    child = machine_child(2, 4);
    fake_guest = sharing_guest;
    stop_at = machine.tsc + 2 * SECOND;
    budget = UINT32_MAX;
    for (unsigned i = 0; i < 2; i++) {
        busy[i] = partition_vp(child, i);
        vp_resume(busy[i], VP_SUSPEND_EXPLICIT);
    }
    run();
    a = busy[0]->sched.run_tsc;
    b = busy[1]->sched.run_tsc;
    assert_in_range(a + b, 2 * SECOND, 2 * SECOND + SECOND / 10);
    assert_in_range(a, b - b / 20, b + b / 20);
}

static void guest_idle_ends_with_a_pending_interrupt_whatever_if_says(void **state)
{
    (void)state;
    apic_on(bsp);
    vp_resume(bsp, VP_SUSPEND_EXPLICIT);
    run();
    bsp->activity = VP_ACTIVITY_IDLE;
    bsp->rflags &= ~RFLAGS_IF;
    run();
    assert_int_equal(entries, 1);
    (void)lapic_post(&bsp->lapic, 0x51, false);
    lapic_host_kick(&bsp->lapic);
    run();
    assert_int_equal(halts, 3); /* it sets IF, takes the interrupt, and halts again */
    assert_int_equal(delivered[0x51], 1);
}

/* Asks for a port that root answers for. */
static void port_guest(struct vp *vp, struct vp_exit *exit)
{
    count_events(vp);
    *exit = (struct vp_exit){.reason = VP_EXIT_IO, .insn_len = 1, .io = {.port = 0x3f8, .size = 1}};
}

static void intercept_stops_the_vp_until_the_parent_lets_it_go(void **state)
{
    struct hv_message m;

    (void)state;
    fake_guest = port_guest;
    assert_int_equal(partition_install_intercept(child, HvInterceptTypeX64IoPort, 3, 0x3f8), 0);
    vp_resume(bsp, VP_SUSPEND_EXPLICIT);
    for (unsigned i = 1; i <= 3; i++) {
        run();
        assert_int_equal(entries, i);
        assert_true(machine_message(0, &m));
        assert_true(vp_hold(bsp));
        assert_int_equal(
            vp_reg_set(bsp, HvRegisterInterceptSuspend, &(struct hv_register_value){0}),
            HV_STATUS_SUCCESS);
        vp_release(bsp);
    }
}

static void suspended_partition_stands_still(void **state)
{
    (void)state;
    assert_int_equal(partition_property_set(child, HvPartitionPropertySuspend, 1), 0);
    vp_resume(bsp, VP_SUSPEND_EXPLICIT);
    run();
    assert_int_equal(entries, 0);
    assert_int_equal(partition_property_set(child, HvPartitionPropertySuspend, 0), 0);
    run();
    assert_int_equal(entries, 1);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(suspended_vp_is_not_entered),
        TEST(resumed_vp_runs_until_it_halts),
        TEST(posted_interrupt_wakes_a_halted_vp),
        TEST(interrupt_waits_for_if_behind_a_window),
        TEST(interrupt_waits_for_the_end_of_the_shadow),
        TEST(each_retry_has_more_time),
        TEST(vector_posted_again_after_it_was_taken_is_delivered_again),
        TEST(vector_posted_again_before_it_was_taken_is_delivered_once),
        TEST(local_timer_interrupts_a_halted_vp),
        TEST(deadline_at_the_end_of_time_costs_nothing_until_then),
        TEST(deadline_that_the_tsc_jumps_over_is_due),
        TEST(startup_ipi_starts_a_waiting_vp_at_its_vector),
        TEST(init_stops_a_running_vp),
        TEST(explicit_suspension_takes_a_running_vp_off),
        TEST(vp_does_not_see_where_another_one_used_the_fpu),
        TEST(two_vps_share_one_lp_by_slices),
        TEST(guest_idle_ends_with_a_pending_interrupt_whatever_if_says),
        TEST(intercept_stops_the_vp_until_the_parent_lets_it_go),
        TEST(suspended_partition_stands_still),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
