/* SPDX-License-Identifier: MIT */
/* test_synic_state.c - targets of HV_ANY_VP, save and restore: hypervisor/synic/{synic,state}.c. */
#include "fakes/synic_world.h"
#include "fakes/test.h"

#include <hvabi/msr.h>

#define SINT   2
#define VECTOR 0x51

static struct partition *p;
static struct world_vp *vp;
static struct synic *s;
static struct synic_message m[5];

static int start(void **state)
{
    (void)state;
    p = world_partition(7, 1000);
    vp = &p->vp[0];
    s = &vp->synic;
    for (unsigned i = 0; i < ARRAY_SIZE(m); i++) {
        synic_message_init(&m[i], NULL);
        m[i].message.header.message_type = 0x100 + i;
    }
    return 0;
}

static int start_enabled(void **state)
{
    start(state);
    world_enable(vp, SINT, VECTOR);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    world_free(p);
    return 0;
}

static void wr(uint32_t msr, uint64_t v)
{
    assert_true(synic_msr_write(s, msr, v));
}

static void post(unsigned i)
{
    assert_int_equal(synic_post(s, SINT, &m[i]), HV_STATUS_SUCCESS);
}

/* ---- HV_ANY_VP --------------------------------------------------------------------------------
 */

static void any_vp_takes_the_next_that_is_enabled(void **state)
{
    struct synic_set *set = &p->ports.set;

    (void)state;
    assert_int_equal(synic_set_pick_messages(set, 0), HV_ANY_VP);
    world_enable(&p->vp[1], SINT, VECTOR);
    world_enable(&p->vp[3], SINT, VECTOR);
    assert_int_equal(synic_set_pick_messages(set, 0), 1);
    assert_int_equal(synic_set_pick_messages(set, 1), 1);
    assert_int_equal(synic_set_pick_messages(set, 2), 3);
    assert_int_equal(synic_set_pick_messages(set, 3), 3);
    assert_int_equal(synic_set_pick_messages(set, 4), 1);
    assert_true(synic_msr_write(&p->vp[3].synic, HV_X64_MSR_SIMP, 0));
    assert_int_equal(synic_set_pick_messages(set, 3), 1);
    assert_int_equal(synic_set_pick_events(set, 3), 3);
    synic_destroy(&p->vp[1].synic);
    synic_destroy(&p->vp[3].synic);
    assert_int_equal(synic_set_pick_messages(set, 0), HV_ANY_VP);
    assert_int_equal(synic_set_pick_events(set, 0), HV_ANY_VP);
}

static void any_vp_works_up_to_the_last_index(void **state)
{
    static struct synic far;
    static uint64_t pages[2][512];
    struct synic_set set = {0};

    (void)state;
    synic_init(&far, &set, SYNIC_MAX_VPS - 1, pages[0], pages[1]);
    set.messages[SYNIC_MAX_VPS / 64 - 1] = 1ull << 63;
    for (uint32_t hint = 0; hint < 2 * SYNIC_MAX_VPS; hint++)
        assert_int_equal(synic_set_pick_messages(&set, hint), SYNIC_MAX_VPS - 1);
}

/* ---- save and restore -------------------------------------------------------------------------
 */

static void state_survives_a_round_trip(void **state)
{
    static struct synic_state saved, again;

    (void)state;
    wr(HV_X64_MSR_SINT0 + 5, 0x77 | HV_SYNIC_SINT_AUTO_EOI);
    post(0);
    assert_int_equal(synic_signal(s, SINT, 2047), HV_STATUS_SUCCESS);
    synic_save(s, &saved);
    s = &p->vp[2].synic;
    assert_int_equal(synic_restore(s, &saved), HV_STATUS_SUCCESS);
    synic_save(s, &again);
    assert_memory_equal(&saved, &again, sizeof(saved));
    assert_true(synic_vector_auto_eoi(s, 0x77));
    assert_true(p->vp[2].overlay[SYNIC_PAGE_MESSAGES].on);
    assert_int_equal(p->vp[2].overlay[SYNIC_PAGE_EVENTS].gpfn, 0x10);
    assert_int_equal(synic_set_pick_messages(&p->ports.set, 2), 2);
}

static void bad_state_is_refused_and_changes_nothing(void **state)
{
    static struct synic_state good, bad, after;

    (void)state;
    synic_save(s, &good);
    bad = good;
    bad.version++;
    assert_int_equal(synic_restore(s, &bad), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    bad = good;
    bad.sint[15] = 3;
    bad.messages[0] = 1;
    assert_int_equal(synic_restore(s, &bad), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    bad = good;
    bad.reserved = 1;
    assert_int_equal(synic_restore(s, &bad), HV_STATUS_INVALID_SAVE_RESTORE_STATE);
    synic_save(s, &after);
    assert_memory_equal(&good, &after, sizeof(good));
}

static void requeued_messages_come_back_in_their_old_order(void **state)
{
    struct hv_message got;

    (void)state;
    vp->sim->slots[SINT].header.message_type = 1;
    synic_requeue(s, SINT, 30, &m[3]);
    synic_requeue(s, SINT, 10, &m[1]);
    synic_requeue(s, SINT, 20, &m[2]);
    post(4);
    assert_true(m[4].order > 30);
    vp->sim->slots[SINT].header.message_type = 0;
    wr(HV_X64_MSR_EOM, 0);
    for (unsigned i = 1; i <= 4; i++) {
        assert_true(guest_take(vp, SINT, &got));
        assert_int_equal(got.header.message_type, 0x100 + i);
    }
}

#define T(name)  cmocka_unit_test_setup_teardown(name, start, stop)
#define TE(name) cmocka_unit_test_setup_teardown(name, start_enabled, stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(any_vp_takes_the_next_that_is_enabled),
        T(any_vp_works_up_to_the_last_index),
        TE(state_survives_a_round_trip),
        TE(bad_state_is_refused_and_changes_nothing),
        TE(requeued_messages_come_back_in_their_old_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
