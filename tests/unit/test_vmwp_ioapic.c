/* SPDX-License-Identifier: MIT */
/* test_vmwp_ioapic.c - a child's IOAPIC: pins in, interrupt messages out. */
#include <hvabi/management.h>
#include "fakes/test.h"
#include "fakes/vmwp_world.h"
#include "vmwp/device/ioapic.h"

enum { PIN = 4, VECTOR = 0x31 };
enum { LEVEL = 0x8000, MASKED = 0x10000, LOGICAL = 0x800, REMOTE_IRR = 0x4000, LOWEST = 0x100 };

static struct vmwp_world w;
static struct ioapic a;

static int setup(void **state)
{
    (void)state;
    vmwp_world_init(&w);
    ioapic_init(&a, &w.host);
    return 0;
}

static uint32_t get(unsigned reg)
{
    ioapic_write(&a, IOAPIC_SELECT, 4, reg);
    return (uint32_t)ioapic_read(&a, IOAPIC_WINDOW, 4);
}

static void put(unsigned reg, uint32_t value)
{
    ioapic_write(&a, IOAPIC_SELECT, 4, reg);
    ioapic_write(&a, IOAPIC_WINDOW, 4, value);
}

static void route(unsigned pin, uint32_t low, uint32_t destination)
{
    put(IOAPIC_REDIRECTION + 2 * pin + 1, destination << 24);
    put(IOAPIC_REDIRECTION + 2 * pin, low);
}

static uint32_t entry_low(unsigned pin)
{
    return get(IOAPIC_REDIRECTION + 2 * pin);
}

static void assert_sent(uint32_t count, uint32_t vector)
{
    assert_int_equal(w.sent_count, count);
    if (count > 0)
        assert_int_equal(vmwp_world_last(&w)->vector, vector);
}

/* io_apic.c: what it looks at before it believes in it. */
static void registers_are_those_of_an_ioapic(void **state)
{
    (void)state;
    assert_int_equal(get(IOAPIC_VERSION), 0x00170020);
    put(IOAPIC_ID, 0x0f000000);
    assert_int_equal(get(IOAPIC_ID), 0x0f000000);
    assert_int_equal(get(IOAPIC_ARBITRATION), 0x0f000000);
    put(IOAPIC_ID, 0xf0ffffff);
    assert_int_equal(get(IOAPIC_ID), 0);
    put(IOAPIC_VERSION, 0);
    assert_int_equal(get(IOAPIC_VERSION), 0x00170020);
    assert_int_equal(ioapic_read(&a, IOAPIC_SELECT, 4), IOAPIC_VERSION);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        assert_int_equal(entry_low(pin), MASKED);
    put(0x40, 0xffffffff); /* behind the last entry */
    assert_int_equal(get(0x40), 0);
    put(3, 0xffffffff);
    assert_int_equal(get(3), 0);
    assert_int_equal(ioapic_read(&a, 0x20, 4), 0);
}

static void entries_keep_what_is_writable(void **state)
{
    (void)state;
    put(IOAPIC_REDIRECTION + 47, 0xffffffff);
    put(IOAPIC_REDIRECTION + 46, 0xffffffff);
    assert_int_equal(get(IOAPIC_REDIRECTION + 47), 0xff000000);
    assert_int_equal(get(IOAPIC_REDIRECTION + 46), 0x0001afff);
}

static void odd_accesses_do_no_harm(void **state)
{
    (void)state;
    route(PIN, VECTOR, 1);
    ioapic_write(&a, IOAPIC_WINDOW, 1, 0xff);
    ioapic_write(&a, IOAPIC_WINDOW + 1, 4, UINT64_MAX);
    ioapic_write(&a, 0xfff, 8, UINT64_MAX);
    assert_int_equal(entry_low(PIN), VECTOR);
    assert_int_equal(ioapic_read(&a, IOAPIC_WINDOW, 8), VECTOR);
    assert_int_equal(ioapic_read(&a, IOAPIC_WINDOW, 2), VECTOR);
    get(IOAPIC_VERSION);
    assert_int_equal(ioapic_read(&a, IOAPIC_WINDOW, 1), 0x20);
    ioapic_write(&a, IOAPIC_SELECT, 1, IOAPIC_ID);
    assert_int_equal(ioapic_read(&a, IOAPIC_SELECT, 1), IOAPIC_ID);
}

static void each_edge_is_sent_once(void **state)
{
    (void)state;
    route(PIN, VECTOR, 3);
    ioapic_pin(&a, PIN, true);
    assert_sent(1, VECTOR);
    assert_int_equal(vmwp_world_last(&w)->destination, 3);
    assert_int_equal(vmwp_world_last(&w)->delivery_mode, HvX64InterruptTypeFixed);
    assert_false(vmwp_world_last(&w)->logical);
    assert_false(vmwp_world_last(&w)->level);
    ioapic_pin(&a, PIN, true);
    ioapic_eoi(&a, VECTOR);
    ioapic_pin(&a, PIN, false);
    assert_sent(1, VECTOR);
    ioapic_pin(&a, PIN, true);
    assert_sent(2, VECTOR);
    assert_int_equal(entry_low(PIN), VECTOR);
}

static void edges_on_a_masked_pin_are_lost(void **state)
{
    (void)state;
    route(PIN, VECTOR | MASKED, 0);
    ioapic_pin(&a, PIN, true);
    route(PIN, VECTOR, 0);
    assert_sent(0, 0);
    ioapic_pin(&a, PIN, false);
    ioapic_pin(&a, PIN, true);
    assert_sent(1, VECTOR);
}

static void level_is_sent_again_after_eoi_while_it_is_asserted(void **state)
{
    (void)state;
    route(PIN, VECTOR | LEVEL, 2);
    ioapic_pin(&a, PIN, true);
    assert_sent(1, VECTOR);
    assert_true(vmwp_world_last(&w)->level);
    assert_int_equal(entry_low(PIN), VECTOR | LEVEL | REMOTE_IRR);
    ioapic_pin(&a, PIN, false);
    ioapic_pin(&a, PIN, true); /* still in service */
    assert_sent(1, VECTOR);
    ioapic_eoi(&a, VECTOR + 1);
    assert_sent(1, VECTOR);
    ioapic_eoi(&a, VECTOR);
    assert_sent(2, VECTOR);
    ioapic_pin(&a, PIN, false);
    ioapic_eoi(&a, VECTOR);
    assert_sent(2, VECTOR);
    assert_int_equal(entry_low(PIN), VECTOR | LEVEL);
    ioapic_eoi(&a, VECTOR); /* of nothing */
    ioapic_pin(&a, PIN, true);
    assert_sent(3, VECTOR);
}

static void masked_level_waits_to_be_unmasked(void **state)
{
    (void)state;
    route(PIN, VECTOR | LEVEL | MASKED, 0);
    ioapic_pin(&a, PIN, true);
    assert_sent(0, 0);
    route(PIN, VECTOR | LEVEL, 0);
    assert_sent(1, VECTOR);
    route(PIN, VECTOR | LEVEL | MASKED, 0); /* mask_ioapic_irq() in service */
    ioapic_eoi(&a, VECTOR);
    assert_sent(1, VECTOR);
    route(PIN, VECTOR | LEVEL, 0);
    assert_sent(2, VECTOR);
}

/* __eoi_ioapic_pin(): by the EOI register, and for older ones by a moment of edge triggering. */
static void system_can_end_an_interrupt_itself(void **state)
{
    (void)state;
    route(PIN, VECTOR | LEVEL, 0);
    ioapic_pin(&a, PIN, true);
    ioapic_pin(&a, PIN, false);
    ioapic_write(&a, IOAPIC_EOI, 4, VECTOR);
    assert_int_equal(entry_low(PIN), VECTOR | LEVEL);
    ioapic_pin(&a, PIN, true);
    ioapic_pin(&a, PIN, false);
    put(IOAPIC_REDIRECTION + 2 * PIN, VECTOR | MASKED);
    put(IOAPIC_REDIRECTION + 2 * PIN, VECTOR | LEVEL);
    assert_int_equal(entry_low(PIN), VECTOR | LEVEL);
    assert_sent(2, VECTOR);
}

static void pins_that_share_a_vector_are_all_ended(void **state)
{
    (void)state;
    for (unsigned pin = 10; pin < 12; pin++) {
        route(pin, VECTOR | LEVEL, 0);
        ioapic_pin(&a, pin, true);
    }
    assert_sent(2, VECTOR);
    ioapic_pin(&a, 10, false);
    ioapic_eoi(&a, VECTOR);
    assert_sent(3, VECTOR);
    assert_int_equal(entry_low(10), VECTOR | LEVEL);
    assert_int_equal(entry_low(11), VECTOR | LEVEL | REMOTE_IRR);
}

static void message_is_as_the_entry_says(void **state)
{
    (void)state;
    route(23, 0xfe | LOGICAL | LOWEST | LEVEL, 0x0f);
    ioapic_pin(&a, 23, true);
    assert_sent(1, 0xfe);
    assert_int_equal(vmwp_world_last(&w)->destination, 0x0f);
    assert_true(vmwp_world_last(&w)->logical);
    assert_int_equal(vmwp_world_last(&w)->delivery_mode, HvX64InterruptTypeLowestPriority);
    assert_true(vmwp_world_last(&w)->level);
}

static void nmi_and_init_are_edges(void **state)
{
    (void)state;
    for (uint32_t mode = HvX64InterruptTypeNmi; mode <= HvX64InterruptTypeInit; mode++) {
        ioapic_pin(&a, PIN, false);
        route(PIN, mode << 8 | LEVEL, 0);
        ioapic_pin(&a, PIN, true);
        assert_int_equal(vmwp_world_last(&w)->delivery_mode, mode);
        assert_false(vmwp_world_last(&w)->level);
        assert_int_equal(entry_low(PIN), mode << 8 | LEVEL);
    }
    assert_int_equal(w.sent_count, 2);
}

/* SMI, two reserved modes, ExtINT; and vectors that no local APIC takes. */
static void what_nobody_takes_is_not_sent(void **state)
{
    static const uint32_t entries[] = {
        0x200 | VECTOR, 0x300 | VECTOR, 0x600 | VECTOR, 0x700 | VECTOR, 0x0f, LOWEST, LEVEL | 0x0f};

    (void)state;
    for (unsigned i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        ioapic_pin(&a, PIN, false);
        route(PIN, entries[i], 0);
        ioapic_pin(&a, PIN, true);
    }
    assert_sent(0, 0);
    assert_int_equal(entry_low(PIN), LEVEL | 0x0f); /* nothing that would have to be ended */
}

static void state_makes_the_round(void **state)
{
    struct ioapic_state saved, again;

    (void)state;
    put(IOAPIC_ID, 0x05000000);
    route(PIN, VECTOR | LEVEL, 2);
    route(9, 0x77 | LOGICAL, 0xff);
    ioapic_pin(&a, PIN, true);
    ioapic_save(&a, &saved);
    assert_true(ioapic_state_valid(&saved));
    ioapic_init(&a, &w.host);
    ioapic_restore(&a, &saved);
    ioapic_save(&a, &again);
    assert_memory_equal(&saved, &again, sizeof(saved));
    assert_int_equal(w.sent_count, 1);
    ioapic_eoi(&a, VECTOR);
    assert_sent(2, VECTOR);
}

static void states_that_lie_are_refused(void **state)
{
    struct ioapic_state good, bad;

    (void)state;
    ioapic_save(&a, &good);
    assert_true(ioapic_state_valid(&good));
#define REFUSED(field, value)                                                                      \
    bad = good, bad.field = (value), assert_false(ioapic_state_valid(&bad))
    REFUSED(version, 0);
    REFUSED(size, 1);
    REFUSED(asserted, 1u << 24);
    REFUSED(id, 0x10);
    REFUSED(reserved, 1);
    REFUSED(entries[23], 1ull << 17);
    REFUSED(entries[0], 1ull << 12);
    REFUSED(entries[0], 1ull << 32);
    REFUSED(entries[0], REMOTE_IRR | VECTOR);                 /* of an edge */
    REFUSED(entries[0], REMOTE_IRR | LEVEL | 0x400 | VECTOR); /* of an NMI */
#undef REFUSED
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(registers_are_those_of_an_ioapic, setup),
        cmocka_unit_test_setup(entries_keep_what_is_writable, setup),
        cmocka_unit_test_setup(odd_accesses_do_no_harm, setup),
        cmocka_unit_test_setup(each_edge_is_sent_once, setup),
        cmocka_unit_test_setup(edges_on_a_masked_pin_are_lost, setup),
        cmocka_unit_test_setup(level_is_sent_again_after_eoi_while_it_is_asserted, setup),
        cmocka_unit_test_setup(masked_level_waits_to_be_unmasked, setup),
        cmocka_unit_test_setup(system_can_end_an_interrupt_itself, setup),
        cmocka_unit_test_setup(pins_that_share_a_vector_are_all_ended, setup),
        cmocka_unit_test_setup(message_is_as_the_entry_says, setup),
        cmocka_unit_test_setup(nmi_and_init_are_edges, setup),
        cmocka_unit_test_setup(what_nobody_takes_is_not_sent, setup),
        cmocka_unit_test_setup(state_makes_the_round, setup),
        cmocka_unit_test_setup(states_that_lie_are_refused, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
