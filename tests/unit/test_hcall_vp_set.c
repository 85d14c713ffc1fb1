/* SPDX-License-Identifier: MIT */
/* test_hcall_vp_set.c - flushes and interrupts to some of a child's VPs, and sets that lie.
 * TLFS 6.0b, 7.8.7.3, 9.4 and 10.5. */
#include "fakes/test.h"

#include <hvabi/hypercall.h>
#include <hvabi/msr.h>
#include "fakes/hv_machine.h"

#define VPS        66u /* two banks */
#define RAM_PAGES  8u
#define INPUT      0x2000u
#define SPACE      0x3000u /* a CR3 */
#define ALL        (HV_FLUSH_ALL_PROCESSORS | HV_FLUSH_ALL_VIRTUAL_ADDRESS_SPACES)
#define NON_GLOBAL HV_FLUSH_NON_GLOBAL_MAPPINGS_ONLY
#define WORDS(n)   ((uint64_t)(n) << HV_HYPERCALL_VARIABLE_HEADER_SHIFT)
#define FLUSH      ((uint64_t)HvCallFlushVirtualAddressSpace)
#define FLUSH_EX   ((uint64_t)HvCallFlushVirtualAddressSpaceEx)
#define IPI_EX     ((uint64_t)HvCallSendSyntheticClusterIpiEx)

static struct partition *child, *sibling;
static struct vp *vp; /* VP 0, which calls, on LP 0 */

static int setup(void **state)
{
    (void)state;
    machine_init(3);
    child = machine_child(VPS, RAM_PAGES);
    sibling = machine_child(1, 1);
    for (uint32_t i = 0; i < VPS; i++)
        lapic_mmio_write(&partition_vp(child, i)->lapic, APIC_SVR, APIC_SVR_ENABLE | 0xff);
    vp = partition_vp(child, 0);
    machine_enter(vp);
    return 0;
}

static uint64_t result_of(uint64_t control, const void *in, size_t size)
{
    memcpy(machine_ptr(machine_child_ram(child, INPUT)), in, size);
    return machine_hypercall(vp, control, INPUT, 0);
}

/* The status of a call with these words of input. */
#define CALL(control, ...)                                                                         \
    (result_of(control, (const uint64_t[]){__VA_ARGS__},                                           \
               sizeof((const uint64_t[]){__VA_ARGS__})) &                                          \
     HV_HYPERCALL_RESULT_STATUS_MASK)

static uint64_t flushes(uint32_t index)
{
    return partition_vp(child, index)->tlb_generation;
}

/* VPs whose translations are gone since the last question: of 0 to 63, and of the others. */
static uint64_t flushed[2];

static void look(void)
{
    static uint64_t before[VPS];

    flushed[0] = flushed[1] = 0;
    for (uint32_t i = 0; i < VPS; i++) {
        if (flushes(i) != before[i])
            flushed[i / 64] |= 1ull << i % 64;
        before[i] = flushes(i);
    }
}

static void expect_flushed(uint64_t low, uint64_t high)
{
    look();
    assert_int_equal(flushed[0], low);
    assert_int_equal(flushed[1], high);
}

/* ---- flushes ---- */

static void flush_reaches_whom_the_mask_names(void **state)
{
    (void)state;
    look();
    assert_int_equal(CALL(FLUSH, SPACE, 0, 0x8000000000000005), HV_STATUS_SUCCESS);
    expect_flushed(0x8000000000000005, 0);
    assert_int_equal(CALL(FLUSH, SPACE, HV_FLUSH_ALL_PROCESSORS, 0), HV_STATUS_SUCCESS);
    expect_flushed(UINT64_MAX, 3);
    assert_int_equal(CALL(FLUSH, UINT64_MAX, ALL | NON_GLOBAL, 1), HV_STATUS_SUCCESS);
    expect_flushed(UINT64_MAX, 3);
}

static void list_is_done_in_one_go(void **state)
{
    uint64_t in[3 + 509] = {SPACE, 0, 2};

    (void)state;
    look();
    for (size_t i = 3; i < ARRAY_SIZE(in); i++)
        in[i] = i << 12 | 0xfff;
    assert_int_equal(result_of(MACHINE_REP(HvCallFlushVirtualAddressList, 509), in, sizeof(in)),
                     509ull << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT);
    assert_int_equal(flushes(1), 1);
    expect_flushed(2, 0);
}

static void list_that_starts_late_is_done_to_its_end(void **state)
{
    uint64_t control =
        MACHINE_REP(HvCallFlushVirtualAddressList, 5) | 3ull << HV_HYPERCALL_REP_START_SHIFT;
    const uint64_t in[] = {SPACE, 0, 1, 0, 0, 0, 0, 0};

    (void)state;
    assert_int_equal(result_of(control, in, sizeof(in)),
                     5ull << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT);
}

static void list_beyond_the_page_is_refused(void **state)
{
    (void)state;
    look();
    assert_int_equal(CALL(MACHINE_REP(HvCallFlushVirtualAddressList, 510), SPACE, 0, 1),
                     HV_STATUS_INVALID_ALIGNMENT);
    assert_int_equal(CALL(MACHINE_REP(HvCallFlushVirtualAddressListEx, 500) | WORDS(20), SPACE),
                     HV_STATUS_INVALID_ALIGNMENT);
    expect_flushed(0, 0);
}

static void what_makes_no_sense_flushes_nobody(void **state)
{
    const uint64_t beyond = child->slat.limit;

    (void)state;
    look();
    assert_int_equal(CALL(FLUSH, SPACE, 0, 0), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(FLUSH, beyond, 0, 1), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(FLUSH, SPACE, 1ull << 3, 1), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(FLUSH, SPACE, 1ull << 63, 1), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(MACHINE_REP(HvCallFlushVirtualAddressList, 1), SPACE, NON_GLOBAL, 1, 0),
                     HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(MACHINE_REP(HvCallFlushVirtualAddressList, 0), SPACE, 0, 1, 0),
                     HV_STATUS_INVALID_HYPERCALL_INPUT);
    assert_int_equal(CALL(FLUSH | WORDS(1), SPACE, 0, 1, 0), HV_STATUS_INVALID_HYPERCALL_INPUT);
    assert_int_equal(CALL(FLUSH_EX, beyond, 0, HvGenericSetAll, 0), HV_STATUS_INVALID_PARAMETER);
    expect_flushed(0, 0);
}

/* ---- sets ---- */

static void sparse_set_has_a_word_for_each_bank(void **state)
{
    (void)state;
    look();
    assert_int_equal(CALL(FLUSH_EX | WORDS(2), SPACE, 0, HvGenericSetSparse4k, 3, 0x21, 2),
                     HV_STATUS_SUCCESS);
    expect_flushed(0x21, 2);
    assert_int_equal(CALL(FLUSH_EX | WORDS(1), SPACE, 0, HvGenericSetSparse4k, 2, 1),
                     HV_STATUS_SUCCESS);
    expect_flushed(0, 1);
    assert_int_equal(CALL(FLUSH_EX, SPACE, 0, HvGenericSetAll, 0), HV_STATUS_SUCCESS);
    expect_flushed(UINT64_MAX, 3);
    assert_int_equal(
        CALL(FLUSH_EX | WORDS(1), SPACE, HV_FLUSH_ALL_PROCESSORS, HvGenericSetSparse4k, 1, 0),
        HV_STATUS_SUCCESS);
    expect_flushed(UINT64_MAX, 3);
}

static void empty_set_is_nobody(void **state)
{
    (void)state;
    look();
    assert_int_equal(CALL(FLUSH_EX, SPACE, 0, HvGenericSetSparse4k, 0), HV_STATUS_SUCCESS);
    assert_int_equal(CALL(FLUSH_EX | WORDS(1), SPACE, 0, HvGenericSetSparse4k, 1, 0),
                     HV_STATUS_SUCCESS);
    expect_flushed(0, 0);
}

static void set_whose_words_are_not_its_banks_is_refused(void **state)
{
    (void)state;
    look();
    assert_int_equal(CALL(FLUSH_EX, SPACE, 0, HvGenericSetSparse4k, 1, 1),
                     HV_STATUS_INVALID_HYPERCALL_INPUT);
    assert_int_equal(CALL(FLUSH_EX | WORDS(2), SPACE, 0, HvGenericSetSparse4k, 1, 1, 1),
                     HV_STATUS_INVALID_HYPERCALL_INPUT);
    assert_int_equal(CALL(FLUSH_EX, SPACE, 0, HvGenericSetAll, 1),
                     HV_STATUS_INVALID_HYPERCALL_INPUT);
    assert_int_equal(CALL(FLUSH_EX, SPACE, 0, 2, 0), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(FLUSH_EX, SPACE, 0, UINT64_MAX, 0), HV_STATUS_INVALID_PARAMETER);
    expect_flushed(0, 0);
}

/* 64 banks of VPs that do not exist, and two of some that do. */
static void vps_that_do_not_exist_are_passed_over(void **state)
{
    uint64_t in[4 + 64] = {SPACE, 0, HvGenericSetSparse4k, UINT64_MAX};

    (void)state;
    look();
    for (unsigned i = 0; i < 64; i++)
        in[4 + i] = UINT64_MAX;
    assert_int_equal(result_of(FLUSH_EX | WORDS(64), in, sizeof(in)), HV_STATUS_SUCCESS);
    expect_flushed(UINT64_MAX, 3);
    assert_int_equal(CALL(FLUSH_EX | WORDS(1), SPACE, 0, HvGenericSetSparse4k, 1ull << 63, 1),
                     HV_STATUS_SUCCESS);
    expect_flushed(0, 0);
}

static void list_follows_the_banks(void **state)
{
    uint64_t control = MACHINE_REP(HvCallFlushVirtualAddressListEx, 3) | WORDS(1);
    const uint64_t in[] = {SPACE, 0, HvGenericSetSparse4k, 2, 2, 0x1000, 0x2000, 0x3fff};

    (void)state;
    look();
    assert_int_equal(result_of(control, in, sizeof(in)),
                     3ull << HV_HYPERCALL_RESULT_REPS_COMPLETED_SHIFT);
    expect_flushed(0, 2);
}

/* ---- who runs ---- */

static void enter_guest_mode(struct vp *other, uint32_t lp)
{
    machine_lp(lp);
    machine_enter(other);
    this_cpu()->remote.guest_epoch |= 1;
    machine_lp(0);
}

static void flush_waits_until_running_vps_have_left_guest_mode(void **state)
{
    struct pcpu *there = lp_table[1], *elsewhere = lp_table[2];

    (void)state;
    enter_guest_mode(partition_vp(child, 65), 1);
    enter_guest_mode(partition_vp(sibling, 0), 2);
    assert_int_equal(CALL(FLUSH_EX | WORDS(1), SPACE, 0, HvGenericSetSparse4k, 2, 2),
                     HV_STATUS_SUCCESS);
    assert_int_equal(there->remote.guest_epoch & 1, 0);
    assert_int_equal(machine.lps[1].ipis, 1);
    assert_int_equal(machine.lps[2].ipis, 0); /* a sibling is left alone */
    assert_int_equal(elsewhere->remote.guest_epoch & 1, 1);
}

static void flush_of_others_leaves_a_running_vp_alone(void **state)
{
    (void)state;
    enter_guest_mode(partition_vp(child, 65), 1);
    assert_int_equal(CALL(FLUSH, SPACE, 0, 0x10), HV_STATUS_SUCCESS);
    assert_int_equal(machine.lps[1].ipis, 0);
    assert_int_equal(lp_table[1]->remote.guest_epoch & 1, 1);
}

static void leave_again(struct vp *guest, struct vp_exit *exit)
{
    (void)guest;
    *exit = (struct vp_exit){.reason = VP_EXIT_INTERRUPT};
}

static void next_entry_forgets_once(void **state)
{
    struct vp_exit exit;
    uint64_t before;

    (void)state;
    fake_guest = leave_again;
    virt_vp_run(vp, &exit);
    before = fake_of(vp)->flushes;
    virt_vp_run(vp, &exit);
    assert_int_equal(fake_of(vp)->flushes, before);
    assert_int_equal(CALL(FLUSH, SPACE, 0, 1), HV_STATUS_SUCCESS);
    virt_vp_run(vp, &exit);
    virt_vp_run(vp, &exit);
    assert_int_equal(fake_of(vp)->flushes, before + 1);
}

/* ---- interrupts ---- */

static int pending(uint32_t index)
{
    return lapic_pending(&partition_vp(child, index)->lapic);
}

static uint64_t fast_ipi(uint64_t low, uint64_t mask)
{
    return machine_hypercall(vp, HvCallSendSyntheticClusterIpi | HV_HYPERCALL_FAST, low, mask) &
           HV_HYPERCALL_RESULT_STATUS_MASK;
}

static void ipi_reaches_whom_the_mask_names(void **state)
{
    (void)state;
    assert_int_equal(fast_ipi(0x51, 0x8000000000000003), HV_STATUS_SUCCESS);
    assert_int_equal(pending(0), 0x51); /* the caller, too */
    assert_int_equal(pending(1), 0x51);
    assert_int_equal(pending(63), 0x51);
    assert_int_equal(pending(2), -1);
    assert_int_equal(CALL(HvCallSendSyntheticClusterIpi, 0x52, 4), HV_STATUS_SUCCESS);
    assert_int_equal(pending(2), 0x52);
}

static void ipi_to_a_set(void **state)
{
    (void)state;
    assert_int_equal(CALL(IPI_EX | WORDS(1), 0xf7, HvGenericSetSparse4k, 2, 3), HV_STATUS_SUCCESS);
    assert_int_equal(pending(64), 0xf7);
    assert_int_equal(pending(65), 0xf7);
    assert_int_equal(pending(0), -1);
    assert_int_equal(CALL(IPI_EX, 0xf8, HvGenericSetAll, 0), HV_STATUS_SUCCESS);
    for (uint32_t i = 0; i < VPS; i++)
        assert_int_equal(pending(i), 0xf8);
}

static void ipi_wakes_who_waits(void **state)
{
    struct vp *other = partition_vp(child, 65);

    (void)state;
    other->activity = VP_ACTIVITY_HALT;
    vp_resume(other, VP_SUSPEND_EXPLICIT);
    (void)sched_detach(other);
    assert_int_equal(CALL(IPI_EX | WORDS(1), 0x51, HvGenericSetSparse4k, 2, 2), HV_STATUS_SUCCESS);
    assert_int_equal(other->sched.state, SCHED_RUNNABLE);
}

static void ipis_that_no_apic_knows_are_refused(void **state)
{
    (void)state;
    assert_int_equal(fast_ipi(0, 1), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(fast_ipi(15, 1), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(fast_ipi(0x100, 1), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(fast_ipi(0x51 | 1ull << 32, 1), HV_STATUS_INVALID_PARAMETER); /* a VTL */
    assert_int_equal(fast_ipi(0x51 | 1ull << 63, 1), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(IPI_EX, 15, HvGenericSetAll, 0), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(IPI_EX, 0x51, 2, 0), HV_STATUS_INVALID_PARAMETER);
    assert_int_equal(CALL(IPI_EX, 0x51, HvGenericSetSparse4k, 1, 1),
                     HV_STATUS_INVALID_HYPERCALL_INPUT);
    assert_int_equal(CALL(IPI_EX | HV_HYPERCALL_FAST, 0x51, HvGenericSetAll, 0),
                     HV_STATUS_INVALID_HYPERCALL_INPUT);
    for (uint32_t i = 0; i < VPS; i++)
        assert_int_equal(pending(i), -1);
}

static void ipi_to_nobody_succeeds(void **state)
{
    (void)state;
    assert_int_equal(fast_ipi(0x51, 0), HV_STATUS_SUCCESS);
    assert_int_equal(CALL(IPI_EX | WORDS(1), 0x51, HvGenericSetSparse4k, 4, UINT64_MAX),
                     HV_STATUS_SUCCESS);
    for (uint32_t i = 0; i < VPS; i++)
        assert_int_equal(pending(i), -1);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flush_reaches_whom_the_mask_names),
        TEST(list_is_done_in_one_go),
        TEST(list_that_starts_late_is_done_to_its_end),
        TEST(list_beyond_the_page_is_refused),
        TEST(what_makes_no_sense_flushes_nobody),
        TEST(sparse_set_has_a_word_for_each_bank),
        TEST(empty_set_is_nobody),
        TEST(set_whose_words_are_not_its_banks_is_refused),
        TEST(vps_that_do_not_exist_are_passed_over),
        TEST(list_follows_the_banks),
        TEST(flush_waits_until_running_vps_have_left_guest_mode),
        TEST(flush_of_others_leaves_a_running_vp_alone),
        TEST(next_entry_forgets_once),
        TEST(ipi_reaches_whom_the_mask_names),
        TEST(ipi_to_a_set),
        TEST(ipi_wakes_who_waits),
        TEST(ipis_that_no_apic_knows_are_refused),
        TEST(ipi_to_nobody_succeeds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
