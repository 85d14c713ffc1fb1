/* SPDX-License-Identifier: MIT */
/* test_vp_state.c - save and restore of a virtual processor, and states that lie. */
#include "fakes/test.h"

#include <hvabi/msr.h>
#include <x86/cr.h>
#include <x86/exception.h>
#include <x86/msr.h>
#include "core/speculation.h"
#include "core/vp_regs.h"
#include "core/vp_state.h"
#include "fakes/hv_machine.h"
#include "mm/phys.h"

#define RAM_PAGES 8u

static struct partition *child;
static struct vp *vp; /* the child's VP 1 */
static struct vp_state good, again;

static void set(uint32_t name, uint64_t value)
{
    assert_int_equal(vp_reg_set(vp, name, &(struct hv_register_value){.reg64 = value}),
                     HV_STATUS_SUCCESS);
}

/* Something in every field. */
static void make_busy(void)
{
    static const uint32_t plain[] = {
        HvX64RegisterCr2,        HvX64RegisterCr3,         HvX64RegisterKernelGsBase,
        HvX64RegisterSysenterCs, HvX64RegisterSysenterRip, HvX64RegisterSysenterRsp,
        HvX64RegisterStar,       HvX64RegisterLstar,       HvX64RegisterCstar,
        HvX64RegisterSfmask,     HvX64RegisterPat,
    };
    struct hv_register_value table = {.table = {.limit = 0x123, .base = 0xffff888812340000}};

    for (uint32_t i = 0; i < 16; i++)
        set(HvX64RegisterRax + i, 0x1010101010101010ull * i + 1);
    for (uint32_t i = 0; i < 4; i++)
        set(HvX64RegisterDr0 + i, 0x7000 + i);
    for (uint32_t i = 0; i < ARRAY_SIZE(plain); i++)
        set(plain[i], 0x12345000ull + i * 8);
    set(HvX64RegisterRip, 0xffffffff81000123);
    set(HvX64RegisterRflags, RFLAGS_IF | RFLAGS_ZF | RFLAGS_RESERVED1);
    set(HvX64RegisterDr7, 0x402);
    set(HvX64RegisterXfem, XCR0_X87 | XCR0_SSE | XCR0_AVX);
    for (uint32_t i = HvX64RegisterEs; i <= HvX64RegisterTr; i++) {
        struct hv_register_value segment = {
            .segment = {
                .base = i, .limit = i + 1, .selector = (uint16_t)(i * 8), .attributes = 0xa09b}};
        assert_int_equal(vp_reg_set(vp, i, &segment), HV_STATUS_SUCCESS);
    }
    assert_int_equal(vp_reg_set(vp, HvX64RegisterIdtr, &table), HV_STATUS_SUCCESS);
    assert_int_equal(vp_reg_set(vp, HvX64RegisterGdtr, &table), HV_STATUS_SUCCESS);
    machine_enter(vp);
    machine_wrmsr(vp, MSR_TSC_AUX, 0x77);
    machine_wrmsr(vp, MSR_IA32_TSC, 1ull << 40);
    machine_wrmsr(vp, HV_X64_MSR_VP_ASSIST_PAGE, 0x4000 | HV_X64_MSR_PAGE_ENABLE);
    machine_wrmsr(vp, HV_X64_MSR_STATS_VP_RETAIL_PAGE, 0x5000 | HV_X64_MSR_PAGE_ENABLE);
    memset(machine.lp->fpu, 0x3c, 24);
    memset(machine.lp->fpu + 160, 0x3c, 256);
    memset(machine.lp->fpu + 576, 0x5d, 256);
    machine.tsc += 5000;
    machine_leave(vp);
    memset(hpa_ptr(vp->assist_page), 0x42, PAGE_SIZE);
    virt_inject_exception(vp, EXCEPTION_GP, true, 0x18);
    fake_of(vp)->in_shadow = true;
    vp->nmi_pending = true;
    speculation.spec_ctrl_guest = SPEC_CTRL_IBRS;
    vp->spec_ctrl = SPEC_CTRL_IBRS;
    vp->sipi_vector = 0x9f;
    vp->requests = VP_REQUEST_SIPI;
    vp->activity = VP_ACTIVITY_HALT;
    vp->eoi_vectors[1] = 1ull << 7;
    /* Root takes no messages now: the intercept waits. */
    machine_take_messages(1);
    ((struct hv_message *)hpa_ptr(partition_vp(root_partition, 1)->sim_page))->header.message_type =
        1;
    memcpy(vp_intercept_begin(vp, 8), "payload", 8);
    vp_intercept(vp, HvMessageTypeX64Halt, 8);
}

static int setup(void **state)
{
    (void)state;
    machine_init(2);
    child = machine_child(3, RAM_PAGES);
    vp = partition_vp(child, 1);
    make_busy();
    assert_true(vp_hold(vp));
    vp_save(vp, &good);
    return 0;
}

/* A fresh VP with the same index, held. */
static void begin_again(void)
{
    struct hv_input_delete_vp drop = {.partition_id = child->id, .vp_index = 1};
    struct hv_input_create_vp create = {.partition_id = child->id, .vp_index = 1};

    assert_int_equal(machine_call(HvCallDeleteVp, &drop, sizeof(drop), NULL, 0), HV_STATUS_SUCCESS);
    assert_int_equal(machine_call(HvCallCreateVp, &create, sizeof(create), NULL, 0),
                     HV_STATUS_SUCCESS);
    vp = partition_vp(child, 1);
    assert_true(vp_hold(vp));
}

static void every_field_is_saved(void **state)
{
    (void)state;
    assert_int_equal(good.version, VP_STATE_VERSION);
    assert_int_equal(good.gpr[3], 0x1010101010101010 * 3 + 1);
    assert_int_equal(good.rip, 0xffffffff81000123);
    assert_int_equal(good.tsc_aux, 0x77);
    assert_int_equal(good.spec_ctrl, SPEC_CTRL_IBRS);
    assert_int_not_equal(good.tsc_delta, 0);
    assert_int_equal(good.run_tsc, 5000);
    assert_int_equal(good.activity, VP_STATE_HALTED);
    assert_int_equal(good.sipi_vector, 0x9f);
    assert_int_equal(good.events, VP_STATE_SIPI | VP_STATE_NMI | VP_STATE_EXPLICIT_SUSPEND |
                                      VP_STATE_INTERCEPT_SUSPEND | VP_STATE_INTERCEPT_WAITS);
    assert_int_equal(good.eoi_vectors[1], 1ull << 7);
    assert_int_equal(good.assist_page[100], 0x42);
    assert_int_equal(good.xsave[0], 0x3c);
    assert_int_equal(good.xsave[576], 0x5d);
    assert_string_equal((const char *)good.intercept.payload, "payload");
}

static void round_trip_changes_nothing(void **state)
{
    (void)state;
    begin_again();
    assert_int_equal(vp_restore(vp, &good), HV_STATUS_SUCCESS);
    vp_save(vp, &again);
    assert_memory_equal(&again, &good, sizeof(good));
}

static void restored_vp_runs_as_the_saved_one_would(void **state)
{
    struct slat_view view;
    uint64_t tsc = machine.tsc + vp->tsc_offset;

    (void)state;
    begin_again();
    assert_int_equal(vp_restore(vp, &good), HV_STATUS_SUCCESS);
    assert_int_equal(machine.tsc + vp->tsc_offset, tsc);
    assert_int_equal(fake_of(vp)->injected.vector, EXCEPTION_GP);
    assert_int_equal(fake_of(vp)->injected.error, 0x18);
    assert_true(fake_of(vp)->in_shadow);
    assert_int_equal(slat_query(&child->slat, gpa(0x4000), &view), HV_STATUS_SUCCESS);
    assert_true(view.overlay);
    assert_int_equal(view.hpa.v, vp->assist_page.v);
    assert_int_equal(slat_query(&child->slat, gpa(0x5000), &view), HV_STATUS_SUCCESS);
    assert_true(view.overlay);
    machine_enter(vp);
    assert_int_equal(machine.lp->xcr0, 7);
    assert_int_equal(machine.lp->fpu[600], 0x5d);
    assert_int_equal(machine.lp->tsc_aux, 0x77);
    machine_leave(vp);
}

static void waiting_intercept_reaches_the_parent_after_restore(void **state)
{
    struct hv_message m;

    (void)state;
    begin_again();
    assert_true(machine_message(1, &m)); /* what was in the way */
    assert_int_equal(vp_restore(vp, &good), HV_STATUS_SUCCESS);
    assert_true(machine_message(1, &m));
    assert_int_equal(m.header.message_type, HvMessageTypeX64Halt);
    assert_int_equal(m.header.origination_id, child->id);
    assert_true(vp->suspend & VP_SUSPEND_INTERCEPT);
}

static void fresh_vp_can_be_saved_and_restored(void **state)
{
    (void)state;
    begin_again();
    vp_save(vp, &good);
    assert_int_equal(good.events, VP_STATE_EXPLICIT_SUSPEND);
    assert_int_equal(good.activity, VP_STATE_WAITS_FOR_SIPI);
    assert_int_equal(vp_restore(vp, &good), HV_STATUS_SUCCESS);
    vp_save(vp, &again);
    assert_memory_equal(&again, &good, sizeof(good));
}

static void ended_interrupt_in_a_waiting_message_is_not_lost(void **state)
{
    (void)state;
    vp_report_eoi(vp); /* vector 71 is in the message now, and root does not take it */
    assert_int_equal(vp->eoi_vectors[1], 0);
    vp_save(vp, &again);
    assert_int_equal(again.eoi_vectors[1], 1ull << 7);
}

/* ---- States that lie ---- */

#define LIE(name, change)                                                                          \
    static void name(void **state)                                                                 \
    {                                                                                              \
        static struct vp_state s, before;                                                          \
                                                                                                   \
        (void)state;                                                                               \
        begin_again();                                                                             \
        vp_save(vp, &before);                                                                      \
        s = good;                                                                                  \
        change;                                                                                    \
        assert_int_equal(vp_restore(vp, &s), HV_STATUS_INVALID_SAVE_RESTORE_STATE);                \
        vp_save(vp, &again);                                                                       \
        assert_memory_equal(&again, &before, sizeof(before));                                      \
    }

enum { CR0 = 0, XFEM = 4, CS = 18, IDTR = 25, SHADOW = 27, PENDING = 28 };

LIE(other_version_is_refused, s.version++)
LIE(other_size_is_refused, s.size--)
LIE(reserved_field_is_refused, s.reserved = 1)
LIE(other_vp_index_is_refused, s.vp_index++)
LIE(other_apic_id_is_refused, s.apic_id++)
LIE(unknown_activity_is_refused, s.activity = 4)
LIE(unknown_event_is_refused, s.events |= 1u << 20)
LIE(startup_vector_beyond_8_bits_is_refused, s.sipi_vector = 0x100)
LIE(startup_vector_without_a_startup_is_refused, s.events &= ~(uint32_t)VP_STATE_SIPI)
LIE(waiting_intercept_of_a_running_vp_is_refused, s.events &= ~(uint32_t)VP_STATE_INTERCEPT_SUSPEND)
LIE(message_of_a_guest_is_refused, s.intercept.header.message_type = 1)
LIE(message_of_another_partition_is_refused, s.intercept.header.origination_id++)
LIE(message_too_long_is_refused, s.intercept.header.payload_size = 241)
LIE(message_that_does_not_wait_is_refused, s.events &= ~(uint32_t)VP_STATE_INTERCEPT_WAITS)
LIE(reserved_bit_of_cr0_is_refused, s.registers[CR0].reg64 |= 1ull << 40)
LIE(high_half_of_a_register_is_refused, s.registers[CR0].words[1] = 1)
LIE(xcr0_without_x87_is_refused, s.registers[XFEM].reg64 = XCR0_SSE)
LIE(xcr0_with_avx_alone_is_refused, s.registers[XFEM].reg64 = XCR0_X87 | XCR0_AVX)
LIE(xcr0_beyond_the_machine_is_refused, s.registers[XFEM].reg64 |= XCR0_PKRU)
LIE(reserved_attribute_is_refused, s.registers[CS].segment.attributes |= 0x100)
LIE(padding_of_a_table_is_refused, s.registers[IDTR].table.pad[1] = 1)
LIE(unknown_interrupt_state_is_refused, s.registers[SHADOW].reg64 = 4)
LIE(software_event_is_refused, s.registers[PENDING].reg64 = 1 | 4 << 1 | 0x80 << 16)
LIE(nmi_as_an_exception_is_refused, s.registers[PENDING].reg64 = 1 | 3 << 1 | 2 << 16)
LIE(exception_vector_of_an_interrupt_is_refused, s.registers[PENDING].reg64 = 1 | 3 << 1 | 32 << 16)
LIE(interrupt_with_an_error_code_is_refused, s.registers[PENDING].reg64 = 1 | 1 << 4 | 0x40 << 16)
LIE(event_that_is_not_pending_is_refused, s.registers[PENDING].reg64 = 0x40 << 16)
LIE(clear_rflags_are_refused, s.rflags = 0)
LIE(tsc_aux_beyond_32_bits_is_refused, s.tsc_aux = 1ull << 32)
LIE(speculation_control_that_no_guest_has_is_refused, s.spec_ctrl = 1ull << 40)
LIE(ended_illegal_vector_is_refused, s.eoi_vectors[0] = 1ull << 15)
LIE(assist_page_beyond_the_space_is_refused, s.vp_assist_msr = 1ull << 40 | 1)
LIE(xsave_component_that_is_not_there_is_refused, s.xsave[513] = 2)
LIE(compacted_xsave_area_is_refused, s.xsave[527] = 0x80)
LIE(reserved_part_of_the_xsave_header_is_refused, s.xsave[575] = 1)
LIE(reserved_bit_of_mxcsr_is_refused, s.xsave[27] = 0x80)

/* Whatever bits: refused, or restored to what saves the same and can be loaded. */
static void every_flipped_bit_is_refused_or_kept(void **state)
{
    static struct vp_state s;

    (void)state;
    begin_again();
    for (size_t bit = 0; bit < sizeof(s) * 8; bit++) {
        size_t at = bit / 8;
        if ((at >= offsetof(struct vp_state, assist_page) + 8 &&
             at < offsetof(struct vp_state, xsave)) ||
            at >= offsetof(struct vp_state, xsave) + 900)
            continue; /* more of the same */
        s = good;
        ((uint8_t *)&s)[at] ^= (uint8_t)(1u << bit % 8);
        if (vp_restore(vp, &s) != HV_STATUS_SUCCESS)
            continue;
        vp_save(vp, &again);
        assert_memory_equal(&again, &s, sizeof(s));
        machine_enter(vp);
        machine_leave(vp);
        vp->suspend |= VP_SUSPEND_HOLD;
    }
}

static void restore_without_memory_changes_nothing(void **state)
{
    static struct vp_state before;
    hpa_t page;

    (void)state;
    begin_again();
    good.vp_assist_msr = 0x3f00000000 | HV_X64_MSR_PAGE_ENABLE; /* needs tables of its own */
    good.stats_msr = 0x2f00000000 | HV_X64_MSR_PAGE_ENABLE;
    while (pool_page_alloc(&child->pool, &page) == HV_STATUS_SUCCESS)
        continue;
    child->slat.reserve = hpa(0); /* no tables there either */
    child->slat.reserved = 0;
    vp_save(vp, &before);
    assert_int_equal(vp_restore(vp, &good), HV_STATUS_INSUFFICIENT_MEMORY);
    vp_save(vp, &again);
    assert_memory_equal(&again, &before, sizeof(before));
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_field_is_saved),
        TEST(round_trip_changes_nothing),
        TEST(restored_vp_runs_as_the_saved_one_would),
        TEST(waiting_intercept_reaches_the_parent_after_restore),
        TEST(fresh_vp_can_be_saved_and_restored),
        TEST(ended_interrupt_in_a_waiting_message_is_not_lost),
        TEST(other_version_is_refused),
        TEST(other_size_is_refused),
        TEST(reserved_field_is_refused),
        TEST(other_vp_index_is_refused),
        TEST(other_apic_id_is_refused),
        TEST(unknown_activity_is_refused),
        TEST(unknown_event_is_refused),
        TEST(startup_vector_beyond_8_bits_is_refused),
        TEST(startup_vector_without_a_startup_is_refused),
        TEST(waiting_intercept_of_a_running_vp_is_refused),
        TEST(message_of_a_guest_is_refused),
        TEST(message_of_another_partition_is_refused),
        TEST(message_too_long_is_refused),
        TEST(message_that_does_not_wait_is_refused),
        TEST(reserved_bit_of_cr0_is_refused),
        TEST(high_half_of_a_register_is_refused),
        TEST(xcr0_without_x87_is_refused),
        TEST(xcr0_with_avx_alone_is_refused),
        TEST(xcr0_beyond_the_machine_is_refused),
        TEST(reserved_attribute_is_refused),
        TEST(padding_of_a_table_is_refused),
        TEST(unknown_interrupt_state_is_refused),
        TEST(software_event_is_refused),
        TEST(nmi_as_an_exception_is_refused),
        TEST(exception_vector_of_an_interrupt_is_refused),
        TEST(interrupt_with_an_error_code_is_refused),
        TEST(event_that_is_not_pending_is_refused),
        TEST(clear_rflags_are_refused),
        TEST(tsc_aux_beyond_32_bits_is_refused),
        TEST(speculation_control_that_no_guest_has_is_refused),
        TEST(ended_illegal_vector_is_refused),
        TEST(assist_page_beyond_the_space_is_refused),
        TEST(xsave_component_that_is_not_there_is_refused),
        TEST(compacted_xsave_area_is_refused),
        TEST(reserved_part_of_the_xsave_header_is_refused),
        TEST(reserved_bit_of_mxcsr_is_refused),
        TEST(every_flipped_bit_is_refused_or_kept),
        TEST(restore_without_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
