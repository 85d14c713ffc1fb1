/* SPDX-License-Identifier: MIT */
/* test_partition_state.c - save and restore of a partition, and states that lie. */
#include "fakes/test.h"

#include <hvabi/cpuid.h>
#include <hvabi/msr.h>
#include "core/partition_state.h"
#include "core/vp_regs.h"
#include "core/vp_state.h"
#include "fakes/hv_machine.h"
#include "mm/phys.h"

#define RAM_PAGES 8u

static struct partition *saved, *p; /* p: fresh, with memory and no VPs */
static struct saved_partition good, again;

static void make_busy(void)
{
    struct vp *vp = partition_vp(saved, 0);

    machine_enter(vp);
    machine_wrmsr(vp, HV_X64_MSR_HYPERCALL, 0x3000 | HV_X64_MSR_HYPERCALL_ENABLE);
    machine_wrmsr(vp, HV_X64_MSR_TSC_INVARIANT_CONTROL, HV_TSC_INVARIANT_EXPOSE);
    machine_wrmsr(vp, HV_X64_MSR_REFERENCE_TSC, 0x4000 | HV_X64_MSR_PAGE_ENABLE);
    for (uint32_t i = 0; i < 5; i++)
        machine_wrmsr(vp, HV_X64_MSR_CRASH_P0 + i, 0x100 + i);
    machine_leave(vp);
    assert_int_equal(partition_property_set(saved, HvPartitionPropertyCpuWeight, 250), 0);
    assert_int_equal(partition_property_set(saved, HvPartitionPropertyCpuReserve, 0x4000), 0);
    assert_int_equal(partition_property_set(saved, HvPartitionPropertyCpuCap, 0x8000), 0);
    assert_int_equal(partition_property_set(saved, HvPartitionPropertySuspend, 1), 0);
    assert_int_equal(partition_install_intercept(saved, HvInterceptTypeX64IoPort, 3, 0x3f8), 0);
    assert_int_equal(partition_install_intercept(saved, HvInterceptTypeX64IoPort, 1, 0xcf8f), 0);
    assert_int_equal(partition_install_intercept(saved, HvInterceptTypeX64Msr, 2, 0), 0);
    assert_int_equal(partition_install_intercept(saved, HvInterceptTypeX64Cpuid, 4, 0), 0);
    assert_int_equal(partition_install_intercept(saved, HvInterceptTypeException, 4, 17), 0);
    assert_int_equal(
        partition_install_intercept(saved, HvInterceptTypeX64MsrIndex, 2, HV_X64_MSR_CRASH_CTL), 0);
    machine.tsc += 123456789;
}

static int setup(void **state)
{
    (void)state;
    machine_init(2);
    saved = machine_child(1, RAM_PAGES);
    p = machine_child(0, RAM_PAGES);
    p->guest_os_id = 0;
    saved->privileges |= HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS;
    p->privileges = saved->privileges;
    make_busy();
    partition_save(saved, &good);
    machine.tsc += 1000000;
    return 0;
}

/* What a save after a restore says. */
static void expect_saved_again(void)
{
    partition_save(p, &again);
    assert_memory_equal(&again, &good, sizeof(good));
}

static void every_field_is_saved(void **state)
{
    (void)state;
    assert_int_equal(good.version, PARTITION_STATE_VERSION);
    assert_int_equal(good.cpu_weight, 250);
    assert_int_equal(good.suspended, 1);
    assert_int_equal(good.guest_os_id, MACHINE_GUEST_OS);
    assert_int_equal(good.crash[4], 0x104);
    assert_int_equal(good.intercept_io[0x3f8 / 4], 3);
    assert_int_equal(good.intercept_io[0xcf8f / 4], 1 << 6);
    assert_int_equal(good.intercept_exceptions, 1 << 17);
    assert_int_equal(good.intercept_msr_index, INTERCEPT_MSR_CRASH);
    assert_int_equal(good.tsc_invariant, HV_TSC_INVARIANT_EXPOSE);
    assert_int_equal(good.tsc_hz, MACHINE_TSC_HZ);
    assert_in_range(good.tsc, 123456789, 123456789 + MACHINE_TSC_HZ);
}

static void round_trip_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(partition_restore(p, &good), HV_STATUS_SUCCESS);
    expect_saved_again();
}

static void restored_partition_behaves_as_the_saved_one(void **state)
{
    struct slat_view view;
    struct vp *vp;

    (void)state;
    assert_int_equal(partition_restore(p, &good), HV_STATUS_SUCCESS);
    assert_int_equal(slat_query(&p->slat, gpa(0x3000), &view), HV_STATUS_SUCCESS);
    assert_ptr_equal(hpa_ptr(view.hpa), p->hypercall_page);
    assert_int_equal(slat_query(&p->slat, gpa(0x4000), &view), HV_STATUS_SUCCESS);
    assert_ptr_equal(hpa_ptr(view.hpa), p->reference_tsc_page);
    assert_true(partition_intercepts_port(p, 0x3f8, HV_INTERCEPT_ACCESS_MASK_WRITE));
    assert_true(partition_intercepts_port(p, 0xcf8f, HV_INTERCEPT_ACCESS_MASK_READ));
    assert_false(partition_intercepts_port(p, 0xcf8f, HV_INTERCEPT_ACCESS_MASK_WRITE));
    assert_int_equal(vp_create(p, 0, 0, false), HV_STATUS_SUCCESS);
    vp = partition_vp(p, 0);
    assert_true(vp->suspend & VP_SUSPEND_PARTITION);
    assert_int_equal(vp->sched.weight, 250);
    assert_int_equal(vp->sched.limits.cap, 0x8000);
    assert_int_equal(vp->sched.limits.reserve, 0x4000);
    machine_enter(vp);
    assert_int_equal(machine_rdmsr(vp, HV_X64_MSR_CRASH_P0), 0x100);
    assert_int_equal(machine_rdmsr(vp, HV_X64_MSR_HYPERCALL), good.hypercall_msr);
    assert_int_equal(machine_rdmsr(vp, HV_X64_MSR_TSC_INVARIANT_CONTROL), HV_TSC_INVARIANT_EXPOSE);
    assert_int_equal(machine_rdmsr(vp, HV_X64_MSR_CRASH_CTL), HV_CRASH_NOTIFY | HV_CRASH_MESSAGE);
    machine_leave(vp);
}

/* The restored partition's first VP starts. */
static void start(void)
{
    const struct hv_register_value go = {.reg64 = 0};

    assert_int_equal(vp_create(p, 0, 0, false), HV_STATUS_SUCCESS);
    assert_int_equal(partition_property_set(p, HvPartitionPropertySuspend, 0), HV_STATUS_SUCCESS);
    assert_int_equal(vp_reg_set(partition_vp(p, 0), HvRegisterExplicitSuspend, &go),
                     HV_STATUS_SUCCESS);
}

/* Guests see both clocks go on from where they stood, and agree. */
static void clocks_go_on_from_the_saved_moment(void **state)
{
    const struct hv_reference_tsc_page *page = p->reference_tsc_page;

    (void)state;
    assert_int_equal(partition_restore(p, &good), HV_STATUS_SUCCESS);
    assert_int_equal(machine.tsc + p->tsc_offset, good.tsc);
    start();
    assert_int_equal(reftime_now(&p->reftime), good.reftime.time);
    machine.tsc += MACHINE_TSC_HZ;
    assert_in_range(reftime_now(&p->reftime) - good.reftime.time, 9999999, 10000000);
    assert_int_not_equal(page->tsc_sequence, HV_REFERENCE_TSC_SEQUENCE_INVALID);
    assert_int_equal(
        (uint64_t)((unsigned __int128)(machine.tsc + p->tsc_offset) * page->tsc_scale >> 64) +
            (uint64_t)page->tsc_offset,
        reftime_now(&p->reftime));
}

static void fresh_partition_can_be_saved_and_restored(void **state)
{
    (void)state;
    partition_save(p, &good);
    assert_int_equal(partition_restore(p, &good), HV_STATUS_SUCCESS);
    expect_saved_again();
}

/* The whole way: partition, VP, and it runs on. */
static void vp_and_partition_go_together(void **state)
{
    static struct vp_state vp_saved, vp_again;
    struct vp *vp = partition_vp(saved, 0);

    (void)state;
    machine.tsc -= 1000000;
    vp_save(vp, &vp_saved);
    assert_int_equal(partition_restore(p, &good), HV_STATUS_SUCCESS);
    assert_int_equal(vp_create(p, 0, 0, false), HV_STATUS_SUCCESS);
    vp = partition_vp(p, 0);
    assert_true(vp_hold(vp));
    assert_int_equal(vp_restore(vp, &vp_saved), HV_STATUS_SUCCESS);
    vp_save(vp, &vp_again);
    assert_memory_equal(&vp_again, &vp_saved, sizeof(vp_saved));
}

static void partition_in_use_is_refused(void **state)
{
    (void)state;
    assert_int_equal(partition_restore(saved, &good), HV_STATUS_INVALID_PARTITION_STATE);
    assert_int_equal(partition_install_intercept(p, HvInterceptTypeX64IoPort, 3, 1), 0);
    assert_int_equal(partition_restore(p, &good), HV_STATUS_INVALID_PARTITION_STATE);
}

/* ---- States that lie ---- */

static void expect_refused(const struct saved_partition *s, hv_status st)
{
    static struct saved_partition before;
    struct pool_balance balance = pool_balance(&p->pool);

    partition_save(p, &before);
    assert_int_equal(partition_restore(p, s), st);
    partition_save(p, &again);
    assert_memory_equal(&again, &before, sizeof(before));
    assert_int_equal(pool_balance(&p->pool).available, balance.available);
}

#define LIE(name, change, status)                                                                  \
    static void name(void **state)                                                                 \
    {                                                                                              \
        static struct saved_partition s;                                                           \
                                                                                                   \
        (void)state;                                                                               \
        s = good;                                                                                  \
        change;                                                                                    \
        expect_refused(&s, status);                                                                \
    }
#define INVALID HV_STATUS_INVALID_SAVE_RESTORE_STATE
#define CPUID   HV_STATUS_CPUID_FEATURE_VALIDATION_ERROR

LIE(other_version_is_refused, s.version++, INVALID)
LIE(other_size_is_refused, s.size++, INVALID)
LIE(unknown_msr_index_is_refused, s.intercept_msr_index = 4, INVALID)
LIE(unknown_tsc_control_is_refused, s.tsc_invariant = 2, INVALID)
LIE(invariant_tsc_in_cpuid_is_refused, s.cpuid.rows[CPUID_BASIC_LEAVES + 7].r[3] |= 1u << 8, CPUID)
LIE(other_flags_are_refused, s.creation_flags ^= HV_PARTITION_CREATION_FLAG_LAPIC_ENABLED, INVALID)
LIE(other_privileges_are_refused, s.privileges |= HV_PRIVILEGE_CREATE_PARTITIONS, INVALID)
LIE(other_tsc_frequency_is_refused, s.tsc_hz++, INVALID)
LIE(weight_of_0_is_refused, s.cpu_weight = 0, INVALID)
LIE(weight_beyond_the_greatest_is_refused, s.cpu_weight = 10001, INVALID)
LIE(cap_beyond_a_processor_is_refused, s.cpu_cap = 0x10001, INVALID)
LIE(reserve_beyond_the_cap_is_refused, s.cpu_reserve = 0x8001, INVALID)
LIE(unknown_suspension_is_refused, s.suspended = 2, INVALID)
LIE(unknown_msr_intercept_is_refused, s.intercept_msr = 4, INVALID)
LIE(unknown_cpuid_intercept_is_refused, s.intercept_cpuid = 1, INVALID)
LIE(hypercall_page_without_an_os_is_refused, s.guest_os_id = 0, INVALID)
LIE(hypercall_page_beyond_the_space_is_refused, s.hypercall_msr |= 1ull << 40, INVALID)
LIE(other_reference_time_version_is_refused, s.reftime.version++, INVALID)
LIE(unknown_trust_is_refused, s.reftime.trusted = 2, INVALID)
LIE(other_cpuid_version_is_refused, s.cpuid.version++, CPUID)
LIE(feature_that_is_not_there_is_refused, s.cpuid.rows[1].r[2] |= 1u << 5, CPUID)
LIE(feature_that_was_not_seen_is_refused, s.cpuid.rows[1].r[2] &= ~1u, CPUID)
LIE(other_xcr0_is_refused, s.cpuid.xcr0 |= 1ull << 9, CPUID)
LIE(other_processor_count_is_refused, s.cpuid.vp_count++, CPUID)

static void tsc_control_without_the_privilege_is_refused(void **state)
{
    (void)state;
    p->privileges &= ~HV_PRIVILEGE_ACCESS_TSC_INVARIANT_CONTROLS;
    good.privileges = p->privileges;
    expect_refused(&good, INVALID);
}

static void reference_page_beyond_the_space_is_not_accessible(void **state)
{
    (void)state;
    good.reference_tsc_msr |= 1ull << 45;
    assert_int_equal(partition_restore(p, &good), HV_STATUS_SUCCESS);
    assert_false(p->reference_tsc_overlay.placed);
    expect_saved_again();
}

static void restore_without_memory_changes_nothing(void **state)
{
    uint64_t pages = pool_balance(&p->pool).available;
    hpa_t page;

    (void)state;
    for (; pages > 1; pages--)
        assert_int_equal(pool_page_alloc(&p->pool, &page), HV_STATUS_SUCCESS);
    expect_refused(&good, HV_STATUS_INSUFFICIENT_MEMORY); /* two pages of ports are needed */
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_field_is_saved),
        TEST(round_trip_changes_nothing),
        TEST(restored_partition_behaves_as_the_saved_one),
        TEST(clocks_go_on_from_the_saved_moment),
        TEST(fresh_partition_can_be_saved_and_restored),
        TEST(vp_and_partition_go_together),
        TEST(partition_in_use_is_refused),
        TEST(other_version_is_refused),
        TEST(other_size_is_refused),
        TEST(unknown_msr_index_is_refused),
        TEST(unknown_tsc_control_is_refused),
        TEST(invariant_tsc_in_cpuid_is_refused),
        TEST(tsc_control_without_the_privilege_is_refused),
        TEST(other_flags_are_refused),
        TEST(other_privileges_are_refused),
        TEST(other_tsc_frequency_is_refused),
        TEST(weight_of_0_is_refused),
        TEST(weight_beyond_the_greatest_is_refused),
        TEST(cap_beyond_a_processor_is_refused),
        TEST(reserve_beyond_the_cap_is_refused),
        TEST(unknown_suspension_is_refused),
        TEST(unknown_msr_intercept_is_refused),
        TEST(unknown_cpuid_intercept_is_refused),
        TEST(hypercall_page_without_an_os_is_refused),
        TEST(hypercall_page_beyond_the_space_is_refused),
        TEST(other_reference_time_version_is_refused),
        TEST(unknown_trust_is_refused),
        TEST(other_cpuid_version_is_refused),
        TEST(feature_that_is_not_there_is_refused),
        TEST(feature_that_was_not_seen_is_refused),
        TEST(other_xcr0_is_refused),
        TEST(other_processor_count_is_refused),
        TEST(reference_page_beyond_the_space_is_not_accessible),
        TEST(restore_without_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
