/* SPDX-License-Identifier: MIT */
/* test_lapic_state.c - save and restore of the software local APIC, and states that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <x86/msr.h>
#include "emul/lapic_internal.h"
#include "emul/lapic_state.h"
#include "lapic_fixture.h"

static struct lapic *l;
static struct lapic_state good;

/* Something in every field. */
static void make_busy(struct lapic *a)
{
    lapic_mmio_write(a, APIC_LDR, 0x42000000);
    lapic_mmio_write(a, APIC_DFR, APIC_DFR_CLUSTER);
    lapic_mmio_write(a, APIC_LVT_LINT0, APIC_DELIVERY_EXTINT | APIC_LVT_POLARITY_LOW);
    lapic_mmio_write(a, APIC_LVT_TIMER, APIC_LVT_TIMER_PERIODIC | 0xec);
    lapic_mmio_write(a, APIC_TIMER_DIVIDE, APIC_DIVIDE_BY_8);
    lapic_mmio_write(a, APIC_TIMER_INITIAL, 100000);
    lapic_mmio_write(a, APIC_ICR_HIGH, 0x7f000000);
    lapic_mmio_write(a, APIC_ICR_LOW, APIC_ICR_DEST_LOGICAL | 0x33);
    lapic_post(a, 0x51, true);
    lapic_take(a, 0x51);
    lapic_serve(a, 0x51);
    lapic_post(a, 0x77, false);
    lapic_post(a, 0x02, false); /* an error, seen */
    lapic_mmio_write(a, APIC_ESR, 0);
    lapic_post(a, 0x02, false); /* and one that waits */
    lapic_mmio_write(a, APIC_TPR, 0x31);
}

static int setup(void **state)
{
    (void)state;
    fixture_space_init();
    l = fixture_add_enabled(3);
    make_busy(l);
    lapic_save(l, &good);
    return 0;
}

static void begin_again(void)
{
    uint64_t tsc = fixture_tsc;

    fixture_space_init();
    fixture_tsc = tsc;
    l = fixture_add(3);
}

/* The page of APIC registers, 16 bytes apart; what x2APIC lacks is as xAPIC would show it. */
static void show(uint32_t page[APIC_MMIO_SIZE / sizeof(uint32_t)])
{
    memset(page, 0, APIC_MMIO_SIZE);
    for (uint32_t offset = APIC_ID; offset <= APIC_TIMER_DIVIDE; offset += APIC_REGISTER_STRIDE)
        page[offset / sizeof(uint32_t)] = lapic_register(l, offset);
}

static void round_trip_changes_nothing(void **state)
{
    static uint32_t before[1024], after[1024];
    struct lapic_state again;

    (void)state;
    fixture_clock_to(fixture_tsc + 12345);
    lapic_save(l, &good);
    show(before);
    begin_again();
    assert_int_equal(lapic_restore(l, &good), HV_STATUS_SUCCESS);
    fixture_check(l);
    lapic_save(l, &again);
    assert_memory_equal(&again, &good, sizeof(good));
    show(after);
    assert_memory_equal(after, before, sizeof(before));
}

static void restored_apic_goes_on_as_the_saved_one_would(void **state)
{
    struct lapic_message m = {.destination = 0x42, .vector = 0x99, .logical = true};

    (void)state;
    begin_again();
    assert_int_equal(lapic_restore(l, &good), HV_STATUS_SUCCESS);
    assert_int_equal(fixture_deliver(l), 0x77);
    lapic_eoi(l);
    lapic_eoi(l);
    assert_int_equal(fixture_vp(l)->level_eois, 1);
    assert_true(lapic_space_send(&fixture_space, &m));
    assert_int_equal(lapic_pending(l), 0x99);
    fixture_clock_to(fixture_tsc + 8 * 100000 * FIXTURE_TSC_HZ / FIXTURE_HZ);
    assert_int_equal(lapic_pending(l), 0xec);
}

static void restore_replaces_what_was_there(void **state)
{
    struct lapic_state fresh;

    (void)state;
    lapic_save(fixture_add(4), &fresh);
    fresh.apic_id = 3;
    assert_int_equal(lapic_restore(l, &fresh), HV_STATUS_SUCCESS);
    assert_false(fixture_vp(l)->timer_armed);
    assert_int_equal(lapic_pending(l), -1);
    assert_int_equal(l->isr_classes, 0);
    fixture_check(l);
}

static void deadline_that_passed_meanwhile_fires_after_restore(void **state)
{
    (void)state;
    lapic_mmio_write(l, APIC_LVT_TIMER, APIC_LVT_TIMER_DEADLINE | 0xec);
    fixture_msr_set(l, MSR_IA32_TSC_DEADLINE, fixture_tsc + 5000);
    lapic_save(l, &good);
    begin_again();
    fixture_tsc += 1000000;
    assert_int_equal(lapic_restore(l, &good), HV_STATUS_SUCCESS);
    fixture_clock_to(fixture_tsc);
    assert_int_equal(lapic_pending(l), 0xec);
}

static void x2apic_mode_survives(void **state)
{
    (void)state;
    fixture_x2apic_on(l);
    fixture_msr_set(l, X2APIC_MSR(APIC_ICR_LOW), 0x12345678ull << 32 | 0x40);
    lapic_save(l, &good);
    begin_again();
    assert_int_equal(lapic_restore(l, &good), HV_STATUS_SUCCESS);
    assert_int_equal(fixture_msr(l, X2APIC_MSR(APIC_ICR_LOW)), 0x12345678ull << 32 | 0x40);
    assert_false(lapic_mmio_on(l));
}

/* ---- States that lie ---- */

#define LIE(name, change)                                                                          \
    static void name(void **state)                                                                 \
    {                                                                                              \
        static uint32_t before[1024], after[1024];                                                 \
        struct lapic_state s = good;                                                               \
                                                                                                   \
        (void)state;                                                                               \
        change;                                                                                    \
        show(before);                                                                          \
        assert_int_equal(lapic_restore(l, &s), HV_STATUS_INVALID_SAVE_RESTORE_STATE);              \
        show(after);                                                                           \
        assert_memory_equal(after, before, sizeof(before));                                        \
        fixture_check(l);                                                                          \
    }

LIE(other_version_is_refused, s.version++)
LIE(other_size_is_refused, s.size--)
LIE(other_apic_id_is_refused, s.apic_id++)
LIE(reserved_field_is_refused, s.reserved = 1)
LIE(moved_base_is_refused, s.apic_base += 0x1000)
LIE(extd_without_en_is_refused, s.apic_base = APIC_DEFAULT_BASE | APIC_BASE_EXTD)
LIE(another_bsp_is_refused, s.apic_base |= APIC_BASE_BSP)
LIE(tpr_of_more_than_8_bits_is_refused, s.tpr = 0x100)
LIE(reserved_bit_of_the_svr_is_refused, s.svr |= 1u << 10)
LIE(reserved_bit_of_the_ldr_is_refused, s.ldr |= 1)
LIE(reserved_bit_of_the_dfr_is_refused, s.dfr &= ~1u)
LIE(reserved_bit_of_the_esr_is_refused, s.esr |= 0x100)
LIE(reserved_bit_of_the_pending_errors_is_refused, s.esr_pending |= 0x100)
LIE(reserved_bit_of_the_icr_is_refused, s.icr_low |= APIC_DELIVERY_STATUS)
LIE(reserved_bit_of_the_icr_high_is_refused, s.icr_high |= 1)
LIE(reserved_bit_of_the_lvt_is_refused, s.lvt[5] |= APIC_DELIVERY_NMI)
LIE(reserved_timer_mode_is_refused, s.lvt[0] |= APIC_LVT_TIMER_MASK)
LIE(illegal_vector_pending_is_refused, s.irr[0] = 1u << 15)
LIE(illegal_vector_in_service_is_refused, s.isr[0] = 1)
LIE(illegal_level_vector_is_refused, s.tmr[0] = 1)
LIE(reserved_bit_of_the_divisor_is_refused, s.timer_divide = 4)
LIE(unknown_timer_flag_is_refused, s.timer_flags |= 2)
LIE(counting_without_a_count_is_refused, s.timer_initial = 0)
LIE(deadline_beyond_the_period_is_refused, s.timer_deadline += 1600000)
LIE(unmasked_entry_while_disabled_by_software_is_refused, s.svr &= ~APIC_SVR_ENABLE)
LIE(interrupt_in_a_disabled_apic_is_refused, s.apic_base = APIC_DEFAULT_BASE)
LIE(count_in_deadline_mode_is_refused, s.lvt[0] ^= APIC_LVT_TIMER_PERIODIC | APIC_LVT_TIMER_DEADLINE)

/* Whatever bits: refused, or restored to a state that keeps every invariant and saves the same. */
static void every_flipped_bit_is_refused_or_kept(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < sizeof(good) * 8; bit++) {
        struct lapic_state s = good, again;

        ((uint8_t *)&s)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (lapic_restore(l, &s) == HV_STATUS_SUCCESS) {
            lapic_save(l, &again);
            assert_memory_equal(&again, &s, sizeof(s));
        }
        fixture_check(l);
    }
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(round_trip_changes_nothing),
        TEST(restored_apic_goes_on_as_the_saved_one_would),
        TEST(restore_replaces_what_was_there),
        TEST(deadline_that_passed_meanwhile_fires_after_restore),
        TEST(x2apic_mode_survives),
        TEST(other_version_is_refused),
        TEST(other_size_is_refused),
        TEST(other_apic_id_is_refused),
        TEST(reserved_field_is_refused),
        TEST(moved_base_is_refused),
        TEST(extd_without_en_is_refused),
        TEST(another_bsp_is_refused),
        TEST(tpr_of_more_than_8_bits_is_refused),
        TEST(reserved_bit_of_the_svr_is_refused),
        TEST(reserved_bit_of_the_ldr_is_refused),
        TEST(reserved_bit_of_the_dfr_is_refused),
        TEST(reserved_bit_of_the_esr_is_refused),
        TEST(reserved_bit_of_the_pending_errors_is_refused),
        TEST(reserved_bit_of_the_icr_is_refused),
        TEST(reserved_bit_of_the_icr_high_is_refused),
        TEST(reserved_bit_of_the_lvt_is_refused),
        TEST(reserved_timer_mode_is_refused),
        TEST(illegal_vector_pending_is_refused),
        TEST(illegal_vector_in_service_is_refused),
        TEST(illegal_level_vector_is_refused),
        TEST(reserved_bit_of_the_divisor_is_refused),
        TEST(unknown_timer_flag_is_refused),
        TEST(counting_without_a_count_is_refused),
        TEST(deadline_beyond_the_period_is_refused),
        TEST(unmasked_entry_while_disabled_by_software_is_refused),
        TEST(interrupt_in_a_disabled_apic_is_refused),
        TEST(count_in_deadline_mode_is_refused),
        TEST(every_flipped_bit_is_refused_or_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
