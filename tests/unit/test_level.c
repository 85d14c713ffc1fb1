/* SPDX-License-Identifier: MIT */
/* test_level.c - level-triggered interrupts of devices: in service in the LP's local APIC until root
 * has ended them, or cannot any more. */
#include "fakes/test.h"

#include <x86/apic.h>
#include "core/level.h"
#include "fakes/hv_machine.h"

#define LOW  0x31u
#define HIGH 0x52u

static struct vp *vp;
static struct pcpu *cpu;

/* Root's VP runs here, and root_vp is what boot/main.c makes it. */
static int setup(void **state)
{
    (void)state;
    machine_init(1);
    cpu = this_cpu();
    vp = cpu->root_vp = partition_vp(root_partition, 0);
    machine_enter(vp);
    return 0;
}

static void enable(bool on)
{
    lapic_mmio_write(&vp->lapic, APIC_SVR, on ? APIC_SVR_ENABLE | 0xff : 0xff);
}

/* What core/interrupts.c does about one. */
static bool arrives(uint8_t vector)
{
    level_interrupt_begin(cpu, vector);
    return lapic_post(&vp->lapic, vector, true);
}

static void is_taken(uint8_t vector)
{
    assert_int_equal(lapic_pending(&vp->lapic), vector);
    lapic_take(&vp->lapic, vector);
    lapic_serve(&vp->lapic, vector);
}

static void ends_with_roots_eoi(void **state)
{
    (void)state;
    enable(true);
    assert_true(arrives(LOW));
    is_taken(LOW);
    assert_true(arrives(HIGH));
    is_taken(HIGH);
    assert_int_equal(machine.lp->eois, 0);
    lapic_eoi(&vp->lapic);
    assert_int_equal(machine.lp->eois, 1);
    lapic_eoi(&vp->lapic);
    assert_int_equal(machine.lp->eois, 2);
    assert_int_equal(cpu->level_depth, 0);
}

static void refused_one_ends_when_the_apic_is_enabled(void **state)
{
    (void)state;
    enable(false);
    assert_false(arrives(LOW));
    assert_int_equal(machine.lp->eois, 0);
    enable(true);
    assert_int_equal(machine.lp->eois, 1);
    enable(true);
    assert_int_equal(machine.lp->eois, 1);
    assert_int_equal(cpu->level_depth, 0);
}

static void init_forgets_and_the_next_enable_ends(void **state)
{
    (void)state;
    enable(true);
    assert_true(arrives(LOW));
    is_taken(LOW);
    assert_true(arrives(HIGH)); /* pending */
    vp_init_signal(vp);
    assert_int_equal(machine.lp->eois, 0);
    enable(true);
    assert_int_equal(machine.lp->eois, 2);
    machine.lp->eois = 0;
    ends_with_roots_eoi(state);
}

/* Disabled and enabled again by software, the APIC still has what it had. */
static void one_that_root_still_has_is_not_ended(void **state)
{
    (void)state;
    enable(true);
    machine.lp->eois = 0;
    assert_true(arrives(LOW));
    is_taken(LOW);
    enable(false);
    assert_false(arrives(HIGH));
    enable(true);
    assert_int_equal(machine.lp->eois, 1); /* HIGH */
    assert_int_equal(cpu->level_depth, 1);
    lapic_eoi(&vp->lapic);
    assert_int_equal(machine.lp->eois, 2);
}

/* The EOI register ends the highest one: a refused one below it waits. */
static void ends_below_another_one_wait_for_it(void **state)
{
    (void)state;
    enable(false);
    assert_false(arrives(LOW));
    assert_false(arrives(HIGH));
    enable(true);
    assert_int_equal(machine.lp->eois, 2);
    assert_true(arrives(LOW));
    is_taken(LOW);
    assert_true(arrives(HIGH));
    level_interrupt_end(cpu, LOW);
    assert_int_equal(machine.lp->eois, 2);
    level_interrupt_end(cpu, HIGH);
    assert_int_equal(machine.lp->eois, 4);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ends_with_roots_eoi),
        TEST(refused_one_ends_when_the_apic_is_enabled),
        TEST(init_forgets_and_the_next_enable_ends),
        TEST(one_that_root_still_has_is_not_ended),
        TEST(ends_below_another_one_wait_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
