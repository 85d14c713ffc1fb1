/* SPDX-License-Identifier: MIT */
/* tests/unit/test_speculation.c - what is guarded against, and how, on processors that no emulator
 * here has: their CPUID words are the test's. */
#include "test.h"

#include <stdio.h>
#include <x86/cpuid.h>
#include <x86/msr.h>
#include "core/pcpu.h"
#include "core/speculation.h"
#include "core/vp.h"
#include "debug/log.h"

/* ---- the processor ---- */

#define SIGNATURE(family) (0xfu << 8 | ((family) - 0xfu) << 20)

struct leaf {
    uint32_t leaf, subleaf;
    uint32_t r[4];
};

#define LEAVES 10

static struct leaf machine[LEAVES];

static void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(out[0]));
    for (unsigned i = 0; i < LEAVES; i++)
        if (machine[i].leaf == leaf && machine[i].subleaf == subleaf)
            for (unsigned r = 0; r < 4; r++)
                out[r] |= machine[i].r[r];
}

/* A processor of @family with leaves up to 0x16 and 0x80000021, and nothing else. */
static void machine_is(uint32_t family)
{
    memset(machine, 0, sizeof(machine));
    machine[0].r[CPUID_EAX] = 0x16;
    machine[1] = (struct leaf){.leaf = CPUID_LEAF_EXT_MAX, .r = {CPUID_LEAF_EXT_FEATURES_2}};
    machine[2] = (struct leaf){.leaf = CPUID_LEAF_FEATURES, .r = {SIGNATURE(family)}};
}

static void machine_has(uint32_t leaf, unsigned which, uint32_t bits)
{
    unsigned i = 0;

    while (i < LEAVES && machine[i].leaf != leaf && !(i > 0 && machine[i].leaf == 0))
        i++;
    assert_true(i < LEAVES);
    machine[i].leaf = leaf;
    machine[i].r[which] |= bits;
}

static struct speculation chosen(void)
{
    struct speculation s;

    speculation_choose(&s, cpuid);
    return s;
}

#define HAS_IBPB machine_has(CPUID_LEAF_ADDRESS_SIZES, CPUID_EBX, CPUID_80000008_EBX_IBPB)

/* ---- MSRs and log ---- */

static struct {
    uint32_t msr;
    uint64_t value;
} writes[8];
static unsigned write_count;

void insn_wrmsr(uint32_t msr, uint64_t value)
{
    assert_true(write_count < 8);
    writes[write_count].msr = msr;
    writes[write_count++].value = value;
}

static struct pcpu cpu;

void *insn_read_gs_self(void)
{
    return &cpu;
}

static char text[1024];

void hv_log(const char *fmt, ...)
{
    size_t used = strlen(text);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text + used, sizeof(text) - used, fmt, ap);
    va_end(ap);
}

static const char *logged(void)
{
    struct speculation s = chosen();

    text[0] = '\0';
    speculation_log(&s);
    return text;
}

/* ---- the choice ---- */

static void tcg_is_an_interpreter_and_needs_nothing(void **state)
{
    (void)state;
    machine_is(0xf);
    machine_has(CPUID_LEAF_FEATURES, CPUID_ECX, CPUID_1_ECX_HYPERVISOR);
    machine[3] = (struct leaf){.leaf = CPUID_LEAF_HYPERVISOR};
    memcpy(&machine[3].r[CPUID_EBX], "TCGTCGTCGTCG", 12);
    struct speculation s = chosen();
    assert_false(s.predicts);
    assert_int_equal(s.guards_root | s.guards_child, 0);
    assert_false(s.stale);
    assert_non_null(strstr(logged(), "nothing to guard against"));
}

static void ticks_are_counted_whatever_is_guarded_against(void **state)
{
    (void)state;
    machine_is(0xf);
    struct speculation s = chosen(), counts = s;
    assert_int_equal((s.guards_root | s.guards_child) & GUARD_COUNT_TICKS, 0);
    speculation_count_ticks(&counts);
    assert_int_equal(counts.guards_root, s.guards_root | GUARD_COUNT_TICKS);
    assert_int_equal(counts.guards_child, s.guards_child | GUARD_COUNT_TICKS);
}

static void another_hypervisor_below_is_not_taken_for_an_interpreter(void **state)
{
    (void)state;
    machine_is(0x19);
    machine_has(CPUID_LEAF_FEATURES, CPUID_ECX, CPUID_1_ECX_HYPERVISOR);
    machine[3] = (struct leaf){.leaf = CPUID_LEAF_HYPERVISOR};
    memcpy(&machine[3].r[CPUID_EBX], "KVMKVMKVM\0\0\0", 12);
    assert_true(chosen().predicts);
}

/* The leaf answers on any processor; only the feature bit makes it mean something. */
static void a_signature_without_the_hypervisor_bit_is_not_believed(void **state)
{
    (void)state;
    machine_is(0x19);
    machine[3] = (struct leaf){.leaf = CPUID_LEAF_HYPERVISOR};
    memcpy(&machine[3].r[CPUID_EBX], "TCGTCGTCGTCG", 12);
    assert_true(chosen().predicts);
}

static void a_processor_that_shows_nothing_gets_its_return_stack_refilled(void **state)
{
    (void)state;
    machine_is(0x10);
    struct speculation s = chosen();
    assert_int_equal(s.guards_root, GUARD_FILL_RETURNS);
    assert_int_equal(s.guards_child, GUARD_FILL_RETURNS);
    assert_false(s.ibpb);
    assert_int_equal(s.spec_ctrl_guest, 0);
    assert_non_null(strstr(logged(), "needs newer microcode"));
}

static void leaves_above_the_highest_are_not_read(void **state)
{
    (void)state;
    machine_is(0x19);
    machine[1].r[CPUID_EAX] = CPUID_LEAF_ADDRESS_SIZES;
    machine_has(CPUID_LEAF_EXT_FEATURES_2, CPUID_EAX,
                CPUID_80000021_EAX_AUTOMATIC_IBRS | CPUID_80000021_EAX_VERW_CLEAR);
    assert_false(chosen().auto_ibrs);
    assert_int_equal(chosen().guards_root, GUARD_FILL_RETURNS);
}

static void branch_type_confusion_takes_a_barrier_after_childrens_exits_only(void **state)
{
    (void)state;
    machine_is(0x17);
    HAS_IBPB;
    struct speculation s = chosen();
    assert_int_equal(s.guards_child, GUARD_FILL_RETURNS | GUARD_BARRIER);
    assert_int_equal(s.guards_root, GUARD_FILL_RETURNS);
    assert_false(s.stale);
}

static void each_flaw_is_denied_by_its_own_bit(void **state)
{
    (void)state;
    machine_is(0x15); /* before the return stack could be made to overflow */
    HAS_IBPB;
    machine_has(CPUID_LEAF_ADDRESS_SIZES, CPUID_EBX, CPUID_80000008_EBX_BTC_NO);
    assert_int_equal(chosen().guards_child, GUARD_FILL_RETURNS);
    machine_is(0x17);
    HAS_IBPB;
    machine_has(CPUID_LEAF_ADDRESS_SIZES, CPUID_EBX, CPUID_80000008_EBX_BTC_NO);
    assert_true(chosen().guards_child & GUARD_BARRIER);
    machine_has(CPUID_LEAF_EXT_FEATURES_2, CPUID_EAX, CPUID_80000021_EAX_SRSO_NO);
    assert_false(chosen().guards_child & GUARD_BARRIER);
}

static void a_family_to_come_is_not_safe_before_it_says_so(void **state)
{
    (void)state;
    machine_is(0x1b);
    HAS_IBPB;
    assert_true(chosen().guards_child & GUARD_BARRIER);
    machine_has(CPUID_LEAF_EXT_FEATURES_2, CPUID_EAX, CPUID_80000021_EAX_SRSO_NO);
    assert_false(chosen().guards_child & GUARD_BARRIER);
}

static void family_19h_needs_microcode_whose_barrier_forgets_branch_types(void **state)
{
    (void)state;
    machine_is(0x19);
    HAS_IBPB;
    assert_true(chosen().stale);
    machine_has(CPUID_LEAF_EXT_FEATURES_2, CPUID_EAX, CPUID_80000021_EAX_IBPB_BRTYPE);
    assert_false(chosen().stale);
    assert_true(chosen().guards_child & GUARD_BARRIER);
    assert_null(strstr(logged(), "microcode"));
}

static void with_automatic_ibrs_exits_clear_the_return_stack(void **state)
{
    (void)state;
    machine_is(0x1a);
    HAS_IBPB;
    machine_has(CPUID_LEAF_EXT_FEATURES_2, CPUID_EAX,
                CPUID_80000021_EAX_AUTOMATIC_IBRS | CPUID_80000021_EAX_SRSO_NO);
    assert_true(chosen().auto_ibrs);
    assert_int_equal(chosen().guards_child, 0);
    assert_string_equal(logged(), "speculation: IBPB between partitions, automatic IBRS");
}

static void buffers_are_cleared_where_the_processor_offers_it_and_needs_it(void **state)
{
    (void)state;
    machine_is(0x19);
    machine_has(CPUID_LEAF_EXT_FEATURES_2, CPUID_EAX, CPUID_80000021_EAX_VERW_CLEAR);
    assert_true(chosen().guards_root & GUARD_CLEAR_BUFFERS);
    assert_true(chosen().guards_child & GUARD_CLEAR_BUFFERS);
    machine_has(CPUID_LEAF_EXT_FEATURES_2, CPUID_ECX, CPUID_80000021_ECX_TSA_SQ_NO);
    assert_true(chosen().guards_root & GUARD_CLEAR_BUFFERS);
    machine_has(CPUID_LEAF_EXT_FEATURES_2, CPUID_ECX, CPUID_80000021_ECX_TSA_L1_NO);
    assert_false(chosen().guards_root & GUARD_CLEAR_BUFFERS);
}

static void guests_may_set_what_cpuid_promises_them(void **state)
{
    (void)state;
    machine_is(0x19);
    assert_int_equal(chosen().spec_ctrl_guest, 0);
    machine_has(CPUID_LEAF_ADDRESS_SIZES, CPUID_EBX,
                CPUID_80000008_EBX_IBRS | CPUID_80000008_EBX_SSBD);
    assert_int_equal(chosen().spec_ctrl_guest, SPEC_CTRL_IBRS | SPEC_CTRL_SSBD);
    machine_has(CPUID_LEAF_FEATURES_7, CPUID_EDX, CPUID_7_EDX_STIBP);
    assert_int_equal(chosen().spec_ctrl_guest, SPEC_CTRL_IBRS | SPEC_CTRL_SSBD | SPEC_CTRL_STIBP);
    assert_int_equal(chosen().pred_cmd_guest, 0);
    HAS_IBPB;
    assert_int_equal(chosen().pred_cmd_guest, PRED_CMD_IBPB);
    machine_has(CPUID_LEAF_EXT_FEATURES_2, CPUID_EAX, CPUID_80000021_EAX_SBPB);
    assert_int_equal(chosen().pred_cmd_guest, PRED_CMD_IBPB | PRED_CMD_SBPB);
}

static void ibpb_may_be_promised_in_the_other_vendors_words(void **state)
{
    (void)state;
    machine_is(0x19);
    machine_has(CPUID_LEAF_FEATURES_7, CPUID_EDX, CPUID_7_EDX_IBRS_IBPB);
    assert_true(chosen().ibpb);
}

static void the_spec_ctrl_of_the_vmcb_is_used_where_it_is_shown(void **state)
{
    (void)state;
    machine_is(0x19);
    assert_false(chosen().spec_ctrl_virtual);
    machine_has(CPUID_LEAF_SVM, CPUID_EDX, CPUID_8000000A_EDX_SPEC_CTRL);
    assert_true(chosen().spec_ctrl_virtual);
}

/* ---- threads of a core ---- */

static void two_threads(void)
{
    machine_has(CPUID_LEAF_TOPOLOGY, CPUID_EAX, 1);
    machine_has(CPUID_LEAF_TOPOLOGY, CPUID_EBX, 2);
}

static void stibp_is_on_where_cores_have_threads(void **state)
{
    (void)state;
    machine_is(0x19);
    machine_has(CPUID_LEAF_ADDRESS_SIZES, CPUID_EBX, CPUID_80000008_EBX_STIBP);
    assert_int_equal(chosen().spec_ctrl, 0);
    two_threads();
    assert_int_equal(chosen().spec_ctrl, SPEC_CTRL_STIBP);
}

static void threads_are_found_in_amds_leaf_too(void **state)
{
    (void)state;
    machine_is(0x17);
    machine_has(CPUID_LEAF_TOPOLOGY_AMD, CPUID_EBX, 1u << 8);
    assert_int_equal(chosen().thread_bits, 0); /* not without TOPOEXT */
    machine_has(CPUID_LEAF_EXT_FEATURES, CPUID_ECX, CPUID_80000001_ECX_TOPOEXT);
    assert_int_equal(chosen().thread_bits, 1);
}

static void one_lp_of_each_core_runs_children_unless_they_are_shared(void **state)
{
    static const uint32_t ids[] = {0, 1, 2, 3, 5, 4}; /* firmware's order is any */
    static const bool alone[] = {true, false, true, false, true, false};

    (void)state;
    machine_is(0x19);
    two_threads();
    struct speculation s = chosen();
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(speculation_runs_children(&s, ids, i, false), alone[i]);
        assert_true(speculation_runs_children(&s, ids, i, true));
    }
}

static void all_lps_run_children_where_cores_have_one_thread(void **state)
{
    static const uint32_t ids[] = {0, 1, 2};

    (void)state;
    machine_is(0x19);
    struct speculation s = chosen();
    for (uint32_t i = 0; i < 3; i++)
        assert_true(speculation_runs_children(&s, ids, i, false));
}

/* ---- switching ---- */

static struct partition first = {.id = 1025}, second = {.id = 2050};
static struct vp vp_a = {.partition = &first}, vp_b = {.partition = &second};

static int fresh(void **state)
{
    (void)state;
    memset(&cpu, 0, sizeof(cpu));
    memset(&speculation, 0, sizeof(speculation));
    vp_a.spec_ctrl = vp_b.spec_ctrl = 0;
    write_count = 0;
    return 0;
}

static void a_switch_to_another_partition_is_a_barrier(void **state)
{
    (void)state;
    speculation.ibpb = true;
    speculation_load(&cpu, &vp_a);
    assert_int_equal(write_count, 1);
    assert_int_equal(writes[0].msr, MSR_IA32_PRED_CMD);
    assert_int_equal(writes[0].value, PRED_CMD_IBPB);
    speculation_load(&cpu, &vp_a);
    assert_int_equal(write_count, 1);
    speculation_load(&cpu, &vp_b);
    assert_int_equal(write_count, 2);
}

/* A new partition may lie where a deleted one was. */
static void a_partition_in_the_place_of_another_is_another(void **state)
{
    struct partition p = {.id = 1025};
    struct vp vp = {.partition = &p};

    (void)state;
    speculation.ibpb = true;
    speculation_load(&cpu, &vp);
    p.id = 3075;
    speculation_load(&cpu, &vp);
    assert_int_equal(write_count, 2);
}

static void without_ibpb_nothing_is_written(void **state)
{
    (void)state;
    speculation_cpu_on(&cpu);
    speculation_load(&cpu, &vp_a);
    speculation_load(&cpu, &vp_b);
    assert_int_equal(write_count, 0);
}

static void a_vps_spec_ctrl_is_in_force_while_it_is_loaded(void **state)
{
    (void)state;
    speculation.spec_ctrl_guest = SPEC_CTRL_STIBP | SPEC_CTRL_SSBD;
    speculation.spec_ctrl = SPEC_CTRL_STIBP;
    speculation_cpu_on(&cpu);
    assert_int_equal(writes[0].msr, MSR_IA32_SPEC_CTRL);
    assert_int_equal(writes[0].value, SPEC_CTRL_STIBP);
    speculation_load(&cpu, &vp_a);
    assert_int_equal(write_count, 1); /* already so */
    speculation_set_spec_ctrl(&vp_a, SPEC_CTRL_SSBD);
    assert_int_equal(writes[1].value, SPEC_CTRL_STIBP | SPEC_CTRL_SSBD);
    speculation_load(&cpu, &vp_b);
    assert_int_equal(writes[2].value, SPEC_CTRL_STIBP);
    speculation_load(&cpu, &vp_a);
    assert_int_equal(writes[3].value, SPEC_CTRL_STIBP | SPEC_CTRL_SSBD);
    assert_int_equal(vp_a.spec_ctrl, SPEC_CTRL_SSBD); /* what the guest reads */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcg_is_an_interpreter_and_needs_nothing),
        cmocka_unit_test(ticks_are_counted_whatever_is_guarded_against),
        cmocka_unit_test(another_hypervisor_below_is_not_taken_for_an_interpreter),
        cmocka_unit_test(a_signature_without_the_hypervisor_bit_is_not_believed),
        cmocka_unit_test(a_processor_that_shows_nothing_gets_its_return_stack_refilled),
        cmocka_unit_test(leaves_above_the_highest_are_not_read),
        cmocka_unit_test(branch_type_confusion_takes_a_barrier_after_childrens_exits_only),
        cmocka_unit_test(each_flaw_is_denied_by_its_own_bit),
        cmocka_unit_test(a_family_to_come_is_not_safe_before_it_says_so),
        cmocka_unit_test(family_19h_needs_microcode_whose_barrier_forgets_branch_types),
        cmocka_unit_test(with_automatic_ibrs_exits_clear_the_return_stack),
        cmocka_unit_test(buffers_are_cleared_where_the_processor_offers_it_and_needs_it),
        cmocka_unit_test(guests_may_set_what_cpuid_promises_them),
        cmocka_unit_test(ibpb_may_be_promised_in_the_other_vendors_words),
        cmocka_unit_test(the_spec_ctrl_of_the_vmcb_is_used_where_it_is_shown),
        cmocka_unit_test(stibp_is_on_where_cores_have_threads),
        cmocka_unit_test(threads_are_found_in_amds_leaf_too),
        cmocka_unit_test(one_lp_of_each_core_runs_children_unless_they_are_shared),
        cmocka_unit_test(all_lps_run_children_where_cores_have_one_thread),
        cmocka_unit_test_setup(a_switch_to_another_partition_is_a_barrier, fresh),
        cmocka_unit_test_setup(a_partition_in_the_place_of_another_is_another, fresh),
        cmocka_unit_test_setup(without_ibpb_nothing_is_written, fresh),
        cmocka_unit_test_setup(a_vps_spec_ctrl_is_in_force_while_it_is_loaded, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
