/* SPDX-License-Identifier: MIT */
/* test_lapic.c - registers, priorities, modes and errors of the software local APIC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hvabi/msr.h>
#include <x86/msr.h>
#include "lapic_fixture.h"

#define X2(offset) X2APIC_MSR(offset)

static struct lapic *l;

static int setup(void **state)
{
    (void)state;
    fixture_space_init();
    l = fixture_add_enabled(0);
    return 0;
}

static int setup_x2apic(void **state)
{
    setup(state);
    fixture_x2apic_on(l);
    return 0;
}

static bool reads(uint32_t msr)
{
    uint64_t value;

    return lapic_msr_read(l, msr, &value);
}

/* ---- Power-up ---- */

static void power_up_state_is_the_manuals(void **state)
{
    struct lapic *fresh = fixture_add(5);

    (void)state;
    assert_int_equal(lapic_mmio_read(fresh, APIC_ID), 5u << APIC_ID_SHIFT);
    assert_int_equal(lapic_mmio_read(fresh, APIC_VERSION), 0x50014);
    assert_int_equal(lapic_mmio_read(fresh, APIC_TPR), 0);
    assert_int_equal(lapic_mmio_read(fresh, APIC_LDR), 0);
    assert_int_equal(lapic_mmio_read(fresh, APIC_DFR), 0xffffffff);
    assert_int_equal(lapic_mmio_read(fresh, APIC_SVR), 0xff);
    for (uint32_t o = APIC_LVT_TIMER; o <= APIC_LVT_ERROR; o += APIC_REGISTER_STRIDE)
        assert_int_equal(lapic_mmio_read(fresh, o), APIC_LVT_MASKED);
    assert_int_equal(lapic_mmio_read(fresh, APIC_TIMER_INITIAL), 0);
    assert_int_equal(fixture_msr(fresh, MSR_IA32_APIC_BASE), 0xfee00800);
    fixture_check(fresh);
}

static void bsp_flag_is_shown_and_cannot_be_written(void **state)
{
    (void)state;
    assert_int_equal(fixture_msr(l, MSR_IA32_APIC_BASE), 0xfee00900);
    fixture_msr_set(l, MSR_IA32_APIC_BASE, 0xfee00800);
    assert_int_equal(fixture_msr(l, MSR_IA32_APIC_BASE), 0xfee00900);
}

static void id_that_is_taken_or_too_high_is_refused(void **state)
{
    static struct lapic other;

    (void)state;
    assert_false(lapic_init(&other, &fixture_space, 0, false));
    assert_false(lapic_init(&other, &fixture_space, FIXTURE_APICS, false));
}

static void destroyed_apic_is_not_found(void **state)
{
    struct lapic *other = fixture_add_enabled(7);

    (void)state;
    assert_ptr_equal(lapic_by_id(&fixture_space, 7), other);
    lapic_destroy(other);
    assert_null(lapic_by_id(&fixture_space, 7));
    assert_int_equal(fixture_space.limit, 1);
}

static void init_keeps_id_and_base_and_resets_the_rest(void **state)
{
    (void)state;
    fixture_msr_set(l, X2(APIC_TPR), 0x20);
    fixture_msr_set(l, X2(APIC_TIMER_INITIAL), 1000);
    lapic_post(l, 0x55, true);
    lapic_reset(l);
    assert_int_equal(fixture_msr(l, MSR_IA32_APIC_BASE),
                     0xfee00000 | APIC_BASE_BSP | APIC_BASE_EN | APIC_BASE_EXTD);
    assert_int_equal(fixture_msr(l, X2(APIC_SVR)), 0xff);
    assert_int_equal(fixture_msr(l, X2(APIC_TPR)), 0);
    assert_int_equal(fixture_msr(l, X2(APIC_TIMER_CURRENT)), 0);
    assert_int_equal(fixture_msr(l, X2(APIC_IRR) + 2), 0);
    assert_int_equal(fixture_msr(l, X2(APIC_TMR) + 2), 0);
    assert_false(fixture_vp(l)->timer_armed);
    fixture_check(l);
}

/* ---- Priorities ---- */

static void every_vector_from_16_is_delivered_once(void **state)
{
    (void)state;
    for (unsigned v = APIC_VECTOR_FIRST_VALID; v < 256; v++) {
        assert_int_equal(lapic_pending(l), -1);
        assert_true(lapic_post(l, (uint8_t)v, false));
        assert_int_equal(lapic_mmio_read(l, APIC_IRR + (v / 32 << 4)), 1u << v % 32);
        assert_int_equal(fixture_deliver(l), (int)v);
        assert_int_equal(lapic_mmio_read(l, APIC_IRR + (v / 32 << 4)), 0);
        assert_int_equal(lapic_mmio_read(l, APIC_ISR + (v / 32 << 4)), 1u << v % 32);
        fixture_check(l);
        lapic_mmio_write(l, APIC_EOI, 0);
        assert_int_equal(lapic_mmio_read(l, APIC_ISR + (v / 32 << 4)), 0);
    }
}

static void highest_vector_comes_first(void **state)
{
    (void)state;
    lapic_post(l, 0x31, false);
    lapic_post(l, 0x3f, false);
    lapic_post(l, 0x22, false);
    assert_int_equal(fixture_deliver(l), 0x3f);
    lapic_eoi(l);
    assert_int_equal(fixture_deliver(l), 0x31);
    lapic_eoi(l);
    assert_int_equal(fixture_deliver(l), 0x22);
}

static void interrupt_nests_only_with_a_higher_class(void **state)
{
    (void)state;
    lapic_post(l, 0x31, false);
    assert_int_equal(fixture_deliver(l), 0x31);
    lapic_post(l, 0x3f, false);
    assert_int_equal(lapic_pending(l), -1);
    lapic_post(l, 0x40, false);
    assert_int_equal(fixture_deliver(l), 0x40);
    assert_int_equal(lapic_mmio_read(l, APIC_PPR), 0x40);
    lapic_eoi(l);
    assert_int_equal(lapic_mmio_read(l, APIC_PPR), 0x30);
    assert_int_equal(lapic_pending(l), -1);
    lapic_eoi(l);
    assert_int_equal(fixture_deliver(l), 0x3f);
    fixture_check(l);
}

static void eoi_ends_the_highest_in_service(void **state)
{
    (void)state;
    lapic_post(l, 0x31, false);
    fixture_deliver(l);
    lapic_post(l, 0x91, false);
    fixture_deliver(l);
    lapic_eoi(l);
    assert_int_equal(lapic_mmio_read(l, APIC_ISR + 0x40), 0);
    assert_int_equal(lapic_mmio_read(l, APIC_ISR + 0x10), 1u << 0x11);
}

static void eoi_without_interrupt_in_service_does_nothing(void **state)
{
    (void)state;
    lapic_eoi(l);
    lapic_post(l, 0x31, false);
    lapic_eoi(l);
    assert_int_equal(fixture_deliver(l), 0x31);
}

static void tpr_holds_back_its_class_and_below(void **state)
{
    (void)state;
    lapic_post(l, 0x5f, false);
    lapic_mmio_write(l, APIC_TPR, 0x50);
    assert_int_equal(lapic_pending(l), -1);
    lapic_mmio_write(l, APIC_TPR, 0x4f);
    assert_int_equal(lapic_pending(l), 0x5f);
    lapic_mmio_write(l, APIC_TPR, 0xff);
    lapic_post(l, 0xff, false);
    assert_int_equal(lapic_pending(l), -1);
    lapic_mmio_write(l, APIC_TPR, 0xe0);
    assert_int_equal(lapic_pending(l), 0xff);
}

static void ppr_is_the_higher_of_tpr_and_service(void **state)
{
    (void)state;
    lapic_mmio_write(l, APIC_TPR, 0x25);
    assert_int_equal(lapic_mmio_read(l, APIC_PPR), 0x25);
    lapic_post(l, 0x37, false);
    fixture_deliver(l);
    assert_int_equal(lapic_mmio_read(l, APIC_PPR), 0x30);
    lapic_mmio_write(l, APIC_TPR, 0x3c);
    assert_int_equal(lapic_mmio_read(l, APIC_PPR), 0x3c);
    lapic_mmio_write(l, APIC_TPR, 0x41);
    assert_int_equal(lapic_mmio_read(l, APIC_PPR), 0x41);
}

static void cr8_is_the_class_of_the_tpr(void **state)
{
    (void)state;
    lapic_mmio_write(l, APIC_TPR, 0x5a);
    assert_int_equal(lapic_cr8(l), 5);
    lapic_tpr_set(l, 0x90);
    assert_int_equal(lapic_cr8(l), 9);
    fixture_check(l);
}

static void second_post_of_a_pending_vector_needs_no_kick(void **state)
{
    (void)state;
    assert_true(lapic_post(l, 0x80, false));
    assert_false(lapic_post(l, 0x80, false));
    fixture_deliver(l);
    assert_true(lapic_post(l, 0x80, false));
}

static void level_interrupt_reports_its_eoi_and_edge_does_not(void **state)
{
    (void)state;
    lapic_post(l, 0x61, true);
    assert_int_equal(lapic_mmio_read(l, APIC_TMR + 0x30), 1u << 1);
    fixture_deliver(l);
    lapic_mmio_write(l, APIC_EOI, 0);
    assert_int_equal(fixture_vp(l)->level_eois, 1);
    assert_int_equal(fixture_vp(l)->eoi_vector, 0x61);
    lapic_post(l, 0x61, false);
    assert_int_equal(lapic_mmio_read(l, APIC_TMR + 0x30), 0);
    fixture_deliver(l);
    lapic_mmio_write(l, APIC_EOI, 0);
    assert_int_equal(fixture_vp(l)->level_eois, 1);
}

static void auto_eoi_leaves_nothing_in_service(void **state)
{
    (void)state;
    lapic_post(l, 0xf3, false);
    lapic_take(l, (uint8_t)lapic_pending(l));
    lapic_serve_auto_eoi(l);
    assert_int_equal(l->isr_classes, 0);
    assert_int_equal(lapic_pending(l), -1);
    fixture_check(l);
}

/* ---- Modes ---- */

#define DISABLED 0xfee00000ull
#define XAPIC    (DISABLED | APIC_BASE_EN)
#define X2APIC   (XAPIC | APIC_BASE_EXTD)
#define INVALID  (DISABLED | APIC_BASE_EXTD)

static void enter(uint64_t mode)
{
    fixture_space_init();
    l = fixture_add_enabled(1);
    if (mode == X2APIC)
        fixture_x2apic_on(l);
    else if (mode == DISABLED)
        fixture_msr_set(l, MSR_IA32_APIC_BASE, DISABLED);
}

static void mode_transitions_are_those_of_the_manual(void **state)
{
    static const struct {
        uint64_t from, to;
        bool legal;
    } t[] = {
        {DISABLED, DISABLED, true}, {DISABLED, XAPIC, true}, {DISABLED, X2APIC, false},
        {DISABLED, INVALID, false}, {XAPIC, DISABLED, true}, {XAPIC, XAPIC, true},
        {XAPIC, X2APIC, true},      {XAPIC, INVALID, false}, {X2APIC, DISABLED, true},
        {X2APIC, XAPIC, false},     {X2APIC, X2APIC, true},  {X2APIC, INVALID, false},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        enter(t[i].from);
        assert_int_equal(lapic_msr_write(l, MSR_IA32_APIC_BASE, t[i].to), t[i].legal);
        assert_int_equal(fixture_msr(l, MSR_IA32_APIC_BASE), t[i].legal ? t[i].to : t[i].from);
        fixture_check(l);
    }
}

static void base_refuses_reserved_bits_and_another_address(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++)
        if (!((APIC_BASE_BSP | APIC_BASE_EN | APIC_BASE_EXTD) >> bit & 1))
            assert_false(lapic_msr_write(l, MSR_IA32_APIC_BASE, XAPIC ^ 1ull << bit));
}

static void x2apic_is_refused_where_cpuid_does_not_show_it(void **state)
{
    (void)state;
    fixture_space_init_config((struct lapic_space_config){
        .capacity = 4, .tsc_hz = FIXTURE_TSC_HZ, .timer_hz = FIXTURE_HZ});
    l = fixture_add_enabled(1);
    assert_false(lapic_msr_write(l, MSR_IA32_APIC_BASE, X2APIC));
    assert_false(lapic_msr_write(l, MSR_IA32_TSC_DEADLINE, 1));
    assert_false(reads(MSR_IA32_TSC_DEADLINE));
}

static void disabled_apic_takes_and_delivers_nothing(void **state)
{
    uint64_t value;

    (void)state;
    lapic_post(l, 0x50, false);
    fixture_msr_set(l, MSR_IA32_APIC_BASE, DISABLED);
    assert_int_equal(lapic_pending(l), -1);
    assert_false(lapic_post(l, 0x51, false));
    assert_false(lapic_mmio_on(l));
    assert_false(lapic_msr_write(l, HV_X64_MSR_EOI, 0));
    assert_false(lapic_msr_write(l, HV_X64_MSR_TPR, 0));
    assert_false(lapic_msr_write(l, HV_X64_MSR_ICR, 0));
    assert_false(lapic_msr_read(l, HV_X64_MSR_TPR, &value));
    fixture_msr_set(l, MSR_IA32_APIC_BASE, XAPIC);
    assert_int_equal(lapic_mmio_read(l, APIC_IRR + 0x20), 0);
    assert_int_equal(lapic_mmio_read(l, APIC_SVR), 0xff);
}

static void entering_x2apic_keeps_registers(void **state)
{
    (void)state;
    lapic_mmio_write(l, APIC_TPR, 0x20);
    lapic_mmio_write(l, APIC_LVT_LINT1, APIC_DELIVERY_NMI);
    lapic_post(l, 0x50, false);
    fixture_x2apic_on(l);
    assert_false(lapic_mmio_on(l));
    assert_int_equal(fixture_msr(l, X2(APIC_TPR)), 0x20);
    assert_int_equal(fixture_msr(l, X2(APIC_LVT_LINT1)), APIC_DELIVERY_NMI);
    assert_int_equal(lapic_pending(l), 0x50);
}

static void software_disabled_apic_holds_what_is_pending_and_takes_no_more(void **state)
{
    (void)state;
    lapic_post(l, 0x50, false);
    lapic_mmio_write(l, APIC_SVR, APIC_SVR_RESET);
    assert_false(lapic_post(l, 0x60, false));
    assert_int_equal(lapic_pending(l), 0x50);
}

static void software_disable_masks_the_lvt_for_good(void **state)
{
    (void)state;
    lapic_mmio_write(l, APIC_LVT_LINT0, 0x33);
    lapic_mmio_write(l, APIC_SVR, APIC_SVR_RESET);
    assert_int_equal(lapic_mmio_read(l, APIC_LVT_LINT0), APIC_LVT_MASKED | 0x33);
    lapic_mmio_write(l, APIC_LVT_LINT0, 0x33);
    assert_int_equal(lapic_mmio_read(l, APIC_LVT_LINT0), APIC_LVT_MASKED | 0x33);
    lapic_mmio_write(l, APIC_SVR, APIC_SVR_ENABLE | APIC_SVR_RESET);
    assert_int_equal(lapic_mmio_read(l, APIC_LVT_LINT0), APIC_LVT_MASKED | 0x33);
}

/* ---- The x2APIC register file ---- */

/* SDM table 10-6; what is not there faults. */
enum { READ = 1, WRITE = 2 };

static int x2apic_access(uint32_t offset)
{
    if ((offset >= APIC_ISR && offset < APIC_ESR) || offset == APIC_ID ||
        offset == APIC_VERSION || offset == APIC_PPR || offset == APIC_LDR ||
        offset == APIC_TIMER_CURRENT)
        return READ;
    if (offset == APIC_EOI || offset == APIC_SELF_IPI)
        return WRITE;
    if ((offset >= APIC_LVT_TIMER && offset <= APIC_TIMER_INITIAL) || offset == APIC_TPR ||
        offset == APIC_SVR || offset == APIC_ESR || offset == APIC_ICR_LOW ||
        offset == APIC_TIMER_DIVIDE)
        return READ | WRITE;
    return 0;
}

static void x2apic_registers_fault_as_the_table_says(void **state)
{
    (void)state;
    for (uint32_t msr = MSR_IA32_X2APIC_FIRST; msr <= MSR_IA32_X2APIC_LAST; msr++) {
        int access = x2apic_access(X2APIC_OFFSET(msr));

        assert_int_equal(reads(msr), (access & READ) != 0);
        assert_int_equal(lapic_msr_write(l, msr, 0), (access & WRITE) != 0);
    }
}

static void x2apic_registers_fault_outside_x2apic_mode(void **state)
{
    (void)state;
    for (uint32_t msr = MSR_IA32_X2APIC_FIRST; msr <= MSR_IA32_X2APIC_LAST; msr++) {
        assert_false(reads(msr));
        assert_false(lapic_msr_write(l, msr, 0));
    }
}

static void x2apic_reserved_bits_fault_one_by_one(void **state)
{
    static const struct {
        uint32_t offset;
        uint64_t allowed;
    } r[] = {
        {APIC_TPR, 0xff},
        {APIC_EOI, 0},
        {APIC_SVR, 0x3ff},
        {APIC_ESR, 0},
        {APIC_ICR_LOW, 0xffffffff000cdfff},
        {APIC_LVT_TIMER, 0x710ff},
        {APIC_LVT_THERMAL, 0x117ff},
        {APIC_LVT_PERFMON, 0x117ff},
        {APIC_LVT_LINT0, 0x1f7ff},
        {APIC_LVT_LINT1, 0x1f7ff},
        {APIC_LVT_ERROR, 0x110ff},
        {APIC_TIMER_INITIAL, 0xffffffff},
        {APIC_TIMER_DIVIDE, 0xb},
        {APIC_SELF_IPI, 0xff},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(r) / sizeof(r[0]); i++)
        for (unsigned bit = 0; bit < 64; bit++)
            assert_int_equal(lapic_msr_write(l, X2(r[i].offset), 1ull << bit),
                             (r[i].allowed >> bit & 1) != 0);
}

static void reserved_timer_mode_faults(void **state)
{
    (void)state;
    assert_false(lapic_msr_write(l, X2(APIC_LVT_TIMER), APIC_LVT_TIMER_MASK));
    assert_int_equal(fixture_msr(l, X2(APIC_LVT_TIMER)), APIC_LVT_MASKED);
}

static void read_only_bits_of_the_lvt_stay_clear(void **state)
{
    (void)state;
    fixture_msr_set(l, X2(APIC_LVT_LINT0), APIC_DELIVERY_STATUS | APIC_LVT_REMOTE_IRR | 0x44);
    assert_int_equal(fixture_msr(l, X2(APIC_LVT_LINT0)), 0x44);
}

static void x2apic_logical_id_follows_from_the_id(void **state)
{
    struct lapic *other = fixture_add_enabled(0x12d);

    (void)state;
    fixture_x2apic_on(other);
    assert_int_equal(fixture_msr(other, X2(APIC_ID)), 0x12d);
    assert_int_equal(fixture_msr(other, X2(APIC_LDR)), 0x00122000);
}

static void icr_is_one_register_of_64_bits(void **state)
{
    (void)state;
    fixture_msr_set(l, X2(APIC_ICR_LOW), 0x1234567800000041ull | APIC_DELIVERY_STATUS);
    assert_int_equal(fixture_msr(l, X2(APIC_ICR_LOW)), 0x1234567800000041ull);
    assert_int_equal(fixture_msr(l, HV_X64_MSR_ICR), 0x1234567800000041ull);
}

/* ---- The xAPIC page ---- */

static void unaligned_register_reads_zero_and_ignores_writes(void **state)
{
    (void)state;
    for (uint32_t o = 1; o < 16; o++) {
        assert_int_equal(lapic_mmio_read(l, APIC_SVR + o), 0);
        lapic_mmio_write(l, APIC_TPR + o, 0x70);
    }
    assert_int_equal(lapic_tpr(l), 0);
}

static void xapic_write_drops_reserved_bits(void **state)
{
    (void)state;
    lapic_mmio_write(l, APIC_LDR, 0xffffffff);
    assert_int_equal(lapic_mmio_read(l, APIC_LDR), 0xff000000);
    lapic_mmio_write(l, APIC_DFR, 0);
    assert_int_equal(lapic_mmio_read(l, APIC_DFR), APIC_DFR_CLUSTER);
    lapic_mmio_write(l, APIC_LVT_TIMER, 0xffffffff);
    assert_int_equal(lapic_mmio_read(l, APIC_LVT_TIMER), 0x100ff);
    lapic_mmio_write(l, APIC_ICR_HIGH, 0xffffffff);
    assert_int_equal(lapic_mmio_read(l, APIC_ICR_HIGH), 0xff000000);
    lapic_mmio_write(l, APIC_ID, 0xffffffff);
    assert_int_equal(lapic_mmio_read(l, APIC_ID), 0);
    lapic_mmio_write(l, APIC_SVR, 0xffffffff);
    assert_int_equal(lapic_mmio_read(l, APIC_SVR), 0x3ff);
}

static void illegal_register_address_is_logged(void **state)
{
    (void)state;
    lapic_mmio_read(l, APIC_SELF_IPI);
    assert_int_equal(lapic_mmio_read(l, APIC_ESR), 0);
    lapic_mmio_write(l, APIC_ESR, 0);
    assert_int_equal(lapic_mmio_read(l, APIC_ESR), APIC_ESR_REGISTER);
    lapic_mmio_write(l, APIC_ESR, 0);
    assert_int_equal(lapic_mmio_read(l, APIC_ESR), 0);
    lapic_mmio_write(l, 0xff0, 1);
    lapic_mmio_write(l, APIC_ESR, 0);
    assert_int_equal(lapic_mmio_read(l, APIC_ESR), APIC_ESR_REGISTER);
}

/* ---- Errors ---- */

static void error_interrupt_comes_once_until_the_esr_is_written(void **state)
{
    (void)state;
    lapic_mmio_write(l, APIC_LVT_ERROR, 0xfe);
    lapic_mmio_write(l, APIC_ICR_LOW, 0x05); /* fixed, illegal vector */
    assert_int_equal(fixture_deliver(l), 0xfe);
    lapic_eoi(l);
    lapic_post(l, 0x0f, false);
    assert_int_equal(lapic_pending(l), -1);
    lapic_mmio_write(l, APIC_ESR, 0);
    assert_int_equal(lapic_mmio_read(l, APIC_ESR),
                     APIC_ESR_SEND_VECTOR | APIC_ESR_RECEIVE_VECTOR);
    lapic_post(l, 0x0f, false);
    assert_int_equal(lapic_pending(l), 0xfe);
}

static void error_entry_with_illegal_vector_is_an_error_itself(void **state)
{
    (void)state;
    lapic_mmio_write(l, APIC_LVT_ERROR, 0x03);
    assert_false(lapic_post(l, 0x00, false));
    assert_int_equal(lapic_pending(l), -1);
    lapic_mmio_write(l, APIC_ESR, 0);
    assert_int_equal(lapic_mmio_read(l, APIC_ESR), APIC_ESR_RECEIVE_VECTOR);
}

static void self_ipi_register_sends_and_checks_its_vector(void **state)
{
    (void)state;
    fixture_msr_set(l, X2(APIC_SELF_IPI), 0x44);
    assert_int_equal(fixture_deliver(l), 0x44);
    fixture_msr_set(l, X2(APIC_SELF_IPI), 0x0f);
    fixture_msr_set(l, X2(APIC_ESR), 0);
    assert_int_equal(fixture_msr(l, X2(APIC_ESR)), APIC_ESR_SEND_VECTOR);
    assert_int_equal(fixture_vp(l)->kicks, 0);
}

/* ---- Synthetic MSRs ---- */

static void synthetic_eoi_is_write_only_and_ends_the_interrupt(void **state)
{
    (void)state;
    lapic_post(l, 0x50, false);
    fixture_deliver(l);
    assert_false(reads(HV_X64_MSR_EOI));
    assert_false(lapic_msr_write(l, HV_X64_MSR_EOI, 1ull << 32));
    assert_int_not_equal(l->isr_classes, 0);
    fixture_msr_set(l, HV_X64_MSR_EOI, 0xffffffff);
    assert_int_equal(l->isr_classes, 0);
}

static void synthetic_tpr_is_the_tpr(void **state)
{
    (void)state;
    fixture_msr_set(l, HV_X64_MSR_TPR, 0x35);
    assert_int_equal(lapic_mmio_read(l, APIC_TPR), 0x35);
    assert_int_equal(fixture_msr(l, HV_X64_MSR_TPR), 0x35);
    assert_false(lapic_msr_write(l, HV_X64_MSR_TPR, 0x100));
}

static void synthetic_icr_sends_in_xapic_format(void **state)
{
    struct lapic *other = fixture_add_enabled(9);

    (void)state;
    fixture_msr_set(l, HV_X64_MSR_ICR, 9ull << 56 | 0x77);
    assert_int_equal(lapic_pending(other), 0x77);
    assert_int_equal(fixture_msr(l, HV_X64_MSR_ICR), 9ull << 56 | 0x77);
}

static void unknown_msr_faults(void **state)
{
    (void)state;
    assert_false(reads(HV_X64_MSR_VP_INDEX));
    assert_false(lapic_msr_write(l, HV_X64_MSR_VP_ASSIST_PAGE, 0));
}

#define XAPIC_TEST(f)  cmocka_unit_test_setup(f, setup)
#define X2APIC_TEST(f) cmocka_unit_test_setup(f, setup_x2apic)

int main(void)
{
    const struct CMUnitTest tests[] = {
        XAPIC_TEST(power_up_state_is_the_manuals),
        XAPIC_TEST(bsp_flag_is_shown_and_cannot_be_written),
        XAPIC_TEST(id_that_is_taken_or_too_high_is_refused),
        XAPIC_TEST(destroyed_apic_is_not_found),
        X2APIC_TEST(init_keeps_id_and_base_and_resets_the_rest),
        XAPIC_TEST(every_vector_from_16_is_delivered_once),
        XAPIC_TEST(highest_vector_comes_first),
        XAPIC_TEST(interrupt_nests_only_with_a_higher_class),
        XAPIC_TEST(eoi_ends_the_highest_in_service),
        XAPIC_TEST(eoi_without_interrupt_in_service_does_nothing),
        XAPIC_TEST(tpr_holds_back_its_class_and_below),
        XAPIC_TEST(ppr_is_the_higher_of_tpr_and_service),
        XAPIC_TEST(cr8_is_the_class_of_the_tpr),
        XAPIC_TEST(second_post_of_a_pending_vector_needs_no_kick),
        XAPIC_TEST(level_interrupt_reports_its_eoi_and_edge_does_not),
        XAPIC_TEST(auto_eoi_leaves_nothing_in_service),
        XAPIC_TEST(mode_transitions_are_those_of_the_manual),
        XAPIC_TEST(base_refuses_reserved_bits_and_another_address),
        XAPIC_TEST(x2apic_is_refused_where_cpuid_does_not_show_it),
        XAPIC_TEST(disabled_apic_takes_and_delivers_nothing),
        XAPIC_TEST(entering_x2apic_keeps_registers),
        XAPIC_TEST(software_disabled_apic_holds_what_is_pending_and_takes_no_more),
        XAPIC_TEST(software_disable_masks_the_lvt_for_good),
        X2APIC_TEST(x2apic_registers_fault_as_the_table_says),
        XAPIC_TEST(x2apic_registers_fault_outside_x2apic_mode),
        X2APIC_TEST(x2apic_reserved_bits_fault_one_by_one),
        X2APIC_TEST(reserved_timer_mode_faults),
        X2APIC_TEST(read_only_bits_of_the_lvt_stay_clear),
        XAPIC_TEST(x2apic_logical_id_follows_from_the_id),
        X2APIC_TEST(icr_is_one_register_of_64_bits),
        XAPIC_TEST(unaligned_register_reads_zero_and_ignores_writes),
        XAPIC_TEST(xapic_write_drops_reserved_bits),
        XAPIC_TEST(illegal_register_address_is_logged),
        XAPIC_TEST(error_interrupt_comes_once_until_the_esr_is_written),
        XAPIC_TEST(error_entry_with_illegal_vector_is_an_error_itself),
        X2APIC_TEST(self_ipi_register_sends_and_checks_its_vector),
        XAPIC_TEST(synthetic_eoi_is_write_only_and_ends_the_interrupt),
        XAPIC_TEST(synthetic_tpr_is_the_tpr),
        XAPIC_TEST(synthetic_icr_sends_in_xapic_format),
        XAPIC_TEST(unknown_msr_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
