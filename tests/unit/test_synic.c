/* SPDX-License-Identifier: MIT */
/* test_synic.c - registers, messages and event flags: hypervisor/synic/{synic,message}.c. */
#include "fakes/synic_world.h"
#include "fakes/test.h"

#include <hvabi/msr.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#define SINT   2
#define VECTOR 0x51

static struct partition *p;
static struct world_vp *vp;
static struct synic *s;
static struct synic_message m[8];
static unsigned released, delivered;

static void count_release(struct synic_message *msg)
{
    (void)msg;
    released++;
}

static void count_deliver(struct synic_message *msg)
{
    msg->message.payload[1] = 0xde11fe;
    delivered++;
}

static const struct synic_message_ops ops = {.deliver = count_deliver, .release = count_release};

static int start(void **state)
{
    (void)state;
    p = world_partition(7, 1000);
    vp = &p->vp[0];
    s = &vp->synic;
    released = delivered = 0;
    world_overlay_status = HV_STATUS_SUCCESS;
    for (unsigned i = 0; i < ARRAY_SIZE(m); i++) {
        synic_message_init(&m[i], &ops);
        m[i].message.header =
            (struct hv_message_header){.message_type = 0x100 + i, .payload_size = 16};
        m[i].message.payload[0] = i;
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

static uint64_t rd(uint32_t msr)
{
    uint64_t v;

    assert_true(synic_msr_read(s, msr, &v));
    return v;
}

static void wr(uint32_t msr, uint64_t v)
{
    assert_true(synic_msr_write(s, msr, v));
}

static void post(unsigned i)
{
    assert_int_equal(synic_post(s, SINT, &m[i]), HV_STATUS_SUCCESS);
}

static uint32_t slot_type(unsigned sint)
{
    return vp->sim->slots[sint].header.message_type;
}

static uint8_t slot_flags(unsigned sint)
{
    return vp->sim->slots[sint].header.message_flags;
}

/* ---- registers --------------------------------------------------------------------------------
 */

static void registers_have_their_reset_values(void **state)
{
    (void)state;
    assert_int_equal(rd(HV_X64_MSR_SCONTROL), 0);
    assert_int_equal(rd(HV_X64_MSR_SIEFP), 0);
    assert_int_equal(rd(HV_X64_MSR_SIMP), 0);
    assert_int_equal(rd(HV_X64_MSR_EOM), 0);
    assert_int_equal(rd(HV_X64_MSR_SVERSION), 1);
    for (uint32_t i = 0; i < HV_SYNIC_SINT_COUNT; i++)
        assert_int_equal(rd(HV_X64_MSR_SINT0 + i), 0x10000);
}

static void version_cannot_be_written(void **state)
{
    (void)state;
    assert_false(synic_msr_write(s, HV_X64_MSR_SVERSION, 1));
}

static void neighbours_of_the_msr_ranges_fault(void **state)
{
    static const uint32_t msr[] = {0x4000007f, 0x40000085, 0x4000008f, 0x400000a0, 0x0, 0xffffffff};
    uint64_t v;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(msr); i++) {
        assert_false(synic_msr_read(s, msr[i], &v));
        assert_false(synic_msr_write(s, msr[i], 0));
    }
}

static void reserved_bits_are_preserved(void **state)
{
    (void)state;
    wr(HV_X64_MSR_SCONTROL, ~0ull);
    assert_true(rd(HV_X64_MSR_SCONTROL) == ~0ull);
    wr(HV_X64_MSR_SINT0 + 3, 0xfffffffffff0ffffull);
    assert_true(rd(HV_X64_MSR_SINT0 + 3) == 0xfffffffffff0ffffull);
    wr(HV_X64_MSR_SIMP, 0xabcd5ffe);
    assert_int_equal(rd(HV_X64_MSR_SIMP), 0xabcd5ffe);
}

static void vectors_below_16_fault_unless_masked(void **state)
{
    (void)state;
    for (uint64_t v = 0; v < 16; v++) {
        assert_false(synic_msr_write(s, HV_X64_MSR_SINT0 + SINT, v));
        assert_false(synic_msr_write(s, HV_X64_MSR_SINT0 + SINT, v | HV_SYNIC_SINT_POLLING));
        assert_true(synic_msr_write(s, HV_X64_MSR_SINT0 + SINT, v | HV_SYNIC_SINT_MASKED));
    }
    assert_true(synic_msr_write(s, HV_X64_MSR_SINT0 + SINT, 16));
    assert_int_equal(rd(HV_X64_MSR_SINT0 + SINT), 16);
}

static void page_registers_place_move_and_remove_overlays(void **state)
{
    (void)state;
    wr(HV_X64_MSR_SIMP, 0x5000);
    assert_int_equal(vp->overlay[SYNIC_PAGE_MESSAGES].calls, 0);
    wr(HV_X64_MSR_SIMP, 0x5001);
    assert_true(vp->overlay[SYNIC_PAGE_MESSAGES].on);
    assert_int_equal(vp->overlay[SYNIC_PAGE_MESSAGES].gpfn, 5);
    wr(HV_X64_MSR_SIMP, 0x5003);
    assert_int_equal(vp->overlay[SYNIC_PAGE_MESSAGES].calls, 1);
    wr(HV_X64_MSR_SIMP, 0x7001);
    assert_int_equal(vp->overlay[SYNIC_PAGE_MESSAGES].gpfn, 7);
    wr(HV_X64_MSR_SIMP, 0x7000);
    assert_false(vp->overlay[SYNIC_PAGE_MESSAGES].on);
    assert_int_equal(vp->overlay[SYNIC_PAGE_EVENTS].calls, 0);
    wr(HV_X64_MSR_SIEFP, 0xfffffffffffff001ull);
    assert_true(vp->overlay[SYNIC_PAGE_EVENTS].gpfn == 0xfffffffffffffull);
}

static void frame_beyond_memory_keeps_the_value_and_delivers_unseen(void **state)
{
    (void)state;
    world_overlay_status = HV_STATUS_INVALID_PARAMETER;
    wr(HV_X64_MSR_SCONTROL, 1);
    wr(HV_X64_MSR_SIMP, 0xfffffffffffff001ull);
    assert_true(rd(HV_X64_MSR_SIMP) == 0xfffffffffffff001ull);
    post(0);
    assert_int_equal(slot_type(SINT), 0x100);
}

static void auto_eoi_follows_unmasked_sints(void **state)
{
    (void)state;
    assert_false(synic_vector_auto_eoi(s, VECTOR));
    wr(HV_X64_MSR_SINT0 + 4, VECTOR | HV_SYNIC_SINT_AUTO_EOI);
    assert_true(synic_vector_auto_eoi(s, VECTOR));
    assert_false(synic_vector_auto_eoi(s, VECTOR + 1));
    wr(HV_X64_MSR_SINT0 + 5, VECTOR);
    assert_true(synic_vector_auto_eoi(s, VECTOR)); /* one SINT that wants it is enough */
    wr(HV_X64_MSR_SINT0 + 4, VECTOR | HV_SYNIC_SINT_AUTO_EOI | HV_SYNIC_SINT_MASKED);
    assert_false(synic_vector_auto_eoi(s, VECTOR));
    wr(HV_X64_MSR_SINT0 + 4, 0xff | HV_SYNIC_SINT_AUTO_EOI);
    assert_true(synic_vector_auto_eoi(s, 0xff));
}

/* ---- messages ---------------------------------------------------------------------------------
 */

static void message_reaches_an_empty_slot_with_one_interrupt(void **state)
{
    struct hv_message got;

    (void)state;
    m[3].message.header.origination_id = 0xabcdef;
    post(3);
    assert_int_equal(vp->interrupts[VECTOR], 1);
    assert_int_equal(released, 1);
    assert_true(guest_take(vp, SINT, &got));
    assert_int_equal(got.header.message_type, 0x103);
    assert_int_equal(got.header.payload_size, 16);
    assert_int_equal(got.header.message_flags, 0);
    assert_int_equal(got.header.origination_id, 0xabcdef);
    assert_int_equal(got.payload[0], 3);
    assert_int_equal(got.payload[1], 0xde11fe);
}

static void second_message_waits_and_sets_pending(void **state)
{
    (void)state;
    post(0);
    assert_int_equal(slot_flags(SINT), 0);
    post(1);
    assert_int_equal(slot_type(SINT), 0x100);
    assert_int_equal(slot_flags(SINT), HV_MESSAGE_FLAG_PENDING);
    assert_int_equal(vp->interrupts[VECTOR], 1);
    assert_int_equal(released, 1);
}

static void messages_arrive_in_order_with_pending_until_the_last(void **state)
{
    struct hv_message got;

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        post(i);
    for (unsigned i = 0; i < 5; i++) {
        assert_true(guest_take(vp, SINT, &got));
        assert_int_equal(got.header.message_type, 0x100 + i);
        assert_int_equal(got.header.message_flags, i < 4 ? HV_MESSAGE_FLAG_PENDING : 0);
    }
    assert_false(guest_take(vp, SINT, &got));
    assert_int_equal(vp->interrupts[VECTOR], 5);
    assert_int_equal(released, 5);
}

static void eoi_of_the_vector_delivers_the_next(void **state)
{
    (void)state;
    post(0);
    post(1);
    vp->sim->slots[SINT].header.message_type = 0;
    synic_eoi(s, VECTOR + 1);
    assert_int_equal(slot_type(SINT), 0);
    synic_eoi(s, VECTOR);
    assert_int_equal(slot_type(SINT), 0x101);
    assert_int_equal(vp->interrupts[VECTOR], 2);
}

static void eoi_and_eom_with_the_slot_in_use_change_nothing(void **state)
{
    (void)state;
    post(0);
    post(1);
    for (unsigned i = 0; i < 1000; i++) {
        synic_eoi(s, VECTOR);
        wr(HV_X64_MSR_EOM, i);
    }
    assert_int_equal(slot_type(SINT), 0x100);
    assert_int_equal(vp->interrupts[VECTOR], 1);
    assert_int_equal(released, 1);
}

static void eom_flood_with_empty_queues_takes_no_lock(void **state)
{
    (void)state;
    spin_lock(&s->lock);
    for (unsigned i = 0; i < 1000; i++) {
        wr(HV_X64_MSR_EOM, 0);
        synic_eoi(s, VECTOR);
    }
    spin_unlock(&s->lock);
    assert_int_equal(vp->interrupts[VECTOR], 0);
}

static void sints_do_not_disturb_each_other(void **state)
{
    (void)state;
    wr(HV_X64_MSR_SINT0 + 9, 0x61);
    post(0);
    post(1);
    assert_int_equal(synic_post(s, 9, &m[2]), HV_STATUS_SUCCESS);
    assert_int_equal(slot_type(9), 0x102);
    assert_int_equal(slot_flags(9), 0);
    assert_int_equal(vp->interrupts[0x61], 1);
}

static void one_eom_serves_all_sints(void **state)
{
    (void)state;
    wr(HV_X64_MSR_SINT0 + 15, 0x61);
    for (unsigned i = 0; i < 2; i++) {
        post(i);
        assert_int_equal(synic_post(s, 15, &m[4 + i]), HV_STATUS_SUCCESS);
    }
    vp->sim->slots[SINT].header.message_type = 0;
    vp->sim->slots[15].header.message_type = 0;
    wr(HV_X64_MSR_EOM, 0);
    assert_int_equal(slot_type(SINT), 0x101);
    assert_int_equal(slot_type(15), 0x105);
}

static void disabled_synic_or_sim_refuses_messages(void **state)
{
    (void)state;
    wr(HV_X64_MSR_SCONTROL, 0);
    assert_int_equal(synic_post(s, SINT, &m[0]), HV_STATUS_INVALID_SYNIC_STATE);
    wr(HV_X64_MSR_SCONTROL, 1);
    wr(HV_X64_MSR_SIMP, 0x11000);
    assert_int_equal(synic_post(s, SINT, &m[0]), HV_STATUS_INVALID_SYNIC_STATE);
    assert_int_equal(slot_type(SINT), 0);
    assert_int_equal(released, 0);
    wr(HV_X64_MSR_SIMP, 0x11001);
    post(0);
}

static void masked_sint_gets_messages_without_interrupt(void **state)
{
    struct hv_message got;

    (void)state;
    wr(HV_X64_MSR_SINT0 + SINT, VECTOR | HV_SYNIC_SINT_MASKED);
    post(0);
    post(1);
    assert_true(guest_take(vp, SINT, &got));
    assert_true(guest_take(vp, SINT, &got));
    assert_int_equal(got.header.message_type, 0x101);
    assert_int_equal(vp->interrupts[VECTOR], 0);
}

static void polled_sint_gets_messages_and_events_without_interrupt(void **state)
{
    (void)state;
    wr(HV_X64_MSR_SINT0 + SINT, VECTOR | HV_SYNIC_SINT_MASKED | HV_SYNIC_SINT_POLLING);
    post(0);
    assert_int_equal(slot_type(SINT), 0x100);
    assert_int_equal(synic_signal(s, SINT, 1), HV_STATUS_SUCCESS);
    assert_int_equal(vp->sief->slots[SINT].flags[0], 2);
    assert_int_equal(vp->interrupts[VECTOR], 0);
}

static void enabling_the_sim_page_again_delivers_what_waits(void **state)
{
    (void)state;
    post(0);
    post(1);
    wr(HV_X64_MSR_SIMP, 0);
    vp->sim->slots[SINT].header.message_type = 0;
    wr(HV_X64_MSR_EOM, 0);
    assert_int_equal(slot_type(SINT), 0);
    wr(HV_X64_MSR_SIMP, 0x22001);
    assert_int_equal(slot_type(SINT), 0x101);
    assert_int_equal(vp->interrupts[VECTOR], 2);
}

static void guest_scribbling_on_a_slot_only_delays_its_own_messages(void **state)
{
    struct hv_message *slot = &vp->sim->slots[SINT];

    (void)state;
    memset(slot, 0xff, sizeof(*slot));
    post(0);
    assert_int_equal(released, 0);
    slot->header.message_type = 0;
    wr(HV_X64_MSR_EOM, 0);
    assert_int_equal(slot->header.payload_size, 16);
    assert_int_equal(slot->header.message_flags, 0);
    assert_int_equal(slot->header.reserved, 0);
    assert_int_equal(slot->payload[0], 0);
    assert_true(slot->payload[2] == ~0ull); /* only the payload's bytes are written */
}

static void cancelled_message_is_not_delivered(void **state)
{
    struct hv_message got;

    (void)state;
    post(0);
    post(1);
    post(2);
    assert_true(synic_cancel(s, &m[1]));
    assert_false(synic_cancel(s, &m[1]));
    assert_false(synic_cancel(s, &m[0]));
    assert_false(synic_cancel(&p->vp[1].synic, &m[2]));
    assert_int_equal(released, 2);
    assert_true(guest_take(vp, SINT, &got));
    assert_true(guest_take(vp, SINT, &got));
    assert_int_equal(got.header.message_type, 0x102);
    assert_false(guest_take(vp, SINT, &got));
}

static void message_can_be_posted_again_after_release(void **state)
{
    struct hv_message got;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        post(0);
        assert_true(guest_take(vp, SINT, &got));
    }
    assert_int_equal(released, 100);
}

static void reset_releases_messages_and_clears_pages(void **state)
{
    struct hv_message_page empty = {0};

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        post(i);
    assert_int_equal(synic_signal(s, SINT, 99), HV_STATUS_SUCCESS);
    synic_reset(s);
    assert_int_equal(released, 4);
    assert_memory_equal(vp->sim, &empty, sizeof(empty));
    assert_memory_equal(vp->sief, &empty, sizeof(empty));
    assert_false(vp->overlay[SYNIC_PAGE_MESSAGES].on);
    assert_false(vp->overlay[SYNIC_PAGE_EVENTS].on);
    registers_have_their_reset_values(state);
    assert_int_equal(synic_post(s, SINT, &m[0]), HV_STATUS_INVALID_SYNIC_STATE);
}

/* ---- races, step by step: the guest acts exactly when the host writes the pending flag ----------
 */

static struct hv_message *trap_slot;

/* The guest empties its slot after the host saw it in use and before the host's flag is visible. */
static void empty_the_slot(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    (void)context;
    mprotect(vp->sim, HV_PAGE_SIZE, PROT_READ | PROT_WRITE);
    trap_slot->header.message_type = 0;
}

static void slot_emptied_while_pending_is_set_is_filled_at_once(void **state)
{
    struct sigaction trap = {.sa_sigaction = empty_the_slot, .sa_flags = SA_SIGINFO}, old;

    (void)state;
    post(0);
    trap_slot = &vp->sim->slots[SINT];
    sigaction(SIGSEGV, &trap, &old);
    mprotect(vp->sim, HV_PAGE_SIZE, PROT_READ);
    post(1);
    sigaction(SIGSEGV, &old, NULL);
    /* The guest looked at the flag before it was set, so it will not write EOM. */
    assert_int_equal(slot_type(SINT), 0x101);
    assert_int_equal(slot_flags(SINT), 0);
    assert_int_equal(vp->interrupts[VECTOR], 2);
}

static void slot_emptied_after_pending_is_set_is_filled_by_eom(void **state)
{
    struct hv_message got;

    (void)state;
    post(0);
    post(1);
    assert_true(guest_take(vp, SINT, &got)); /* sees the flag: writes EOM */
    assert_int_equal(got.header.message_flags, HV_MESSAGE_FLAG_PENDING);
    assert_int_equal(slot_type(SINT), 0x101);
}

#define RACE_MESSAGES 100000u
#define RACE_POSTERS  2u

static uint32_t race_free; /* [a] mask of messages that wait for nothing */

static void race_release(struct synic_message *msg)
{
    __atomic_fetch_or(&race_free, 1u << (msg - m), __ATOMIC_RELEASE);
}

static const struct synic_message_ops race_ops = {.release = race_release};

/* Post numbered messages with two buffers of its own, as fast as they come back. */
static void *race_poster(void *arg)
{
    uint32_t first = (uint32_t)(uintptr_t)arg * 2, mine = 3u << first;

    for (uint64_t n = 0; n < RACE_MESSAGES;) {
        uint32_t mask = __atomic_load_n(&race_free, __ATOMIC_ACQUIRE) & mine;
        unsigned i = (unsigned)__builtin_ctz(mask | 1u << 31);

        if (!mask) {
            sched_yield();
            continue;
        }
        __atomic_fetch_and(&race_free, ~(1u << i), __ATOMIC_RELAXED);
        m[i].message.payload[0] = n++;
        m[i].message.payload[1] = first;
        if (synic_post(s, SINT, &m[i]) != HV_STATUS_SUCCESS)
            return NULL;
    }
    return arg;
}

static void no_message_is_lost_or_reordered_between_posters_and_guest(void **state)
{
    uint64_t next[RACE_POSTERS] = {0};
    pthread_t poster[RACE_POSTERS];
    struct hv_message got;
    unsigned idle = 0;

    (void)state;
    race_free = 0xf;
    for (unsigned i = 0; i < 4; i++)
        m[i].ops = &race_ops;
    for (uintptr_t i = 0; i < RACE_POSTERS; i++)
        pthread_create(&poster[i], NULL, race_poster, (void *)i);
    while (next[0] + next[1] < RACE_POSTERS * RACE_MESSAGES && idle < 1000000) {
        if (!guest_take(vp, SINT, &got)) {
            idle++;
            sched_yield();
            continue;
        }
        idle = 0;
        assert_int_equal(got.payload[0], next[got.payload[1] / 2]);
        next[got.payload[1] / 2]++;
    }
    assert_true(idle < 1000000); /* a lost wake-up ends here */
    for (unsigned i = 0; i < RACE_POSTERS; i++)
        pthread_join(poster[i], NULL);
    assert_int_equal(vp->interrupts[VECTOR], RACE_POSTERS * RACE_MESSAGES);
    assert_int_equal(race_free, 0xf);
}

/* ---- event flags ------------------------------------------------------------------------------
 */

static void event_interrupts_only_when_the_flag_was_clear(void **state)
{
    (void)state;
    assert_int_equal(synic_signal(s, SINT, 11), HV_STATUS_SUCCESS);
    assert_int_equal(synic_signal(s, SINT, 11), HV_STATUS_SUCCESS);
    assert_int_equal(vp->sief->slots[SINT].flags[1], 8);
    assert_int_equal(vp->interrupts[VECTOR], 1);
    assert_int_equal(synic_signal(s, SINT, 12), HV_STATUS_SUCCESS);
    assert_int_equal(vp->interrupts[VECTOR], 2);
    vp->sief->slots[SINT].flags[1] = 0;
    assert_int_equal(synic_signal(s, SINT, 11), HV_STATUS_SUCCESS);
    assert_int_equal(vp->interrupts[VECTOR], 3);
}

static void every_flag_has_its_own_bit(void **state)
{
    struct hv_synic_event_flags_page before;

    (void)state;
    for (uint32_t f = 0; f < HV_EVENT_FLAGS_COUNT; f++) {
        memcpy(&before, vp->sief, sizeof(before));
        assert_int_equal(synic_signal(s, SINT, f), HV_STATUS_SUCCESS);
        before.slots[SINT].flags[f / 8] |= (uint8_t)(1 << f % 8);
        assert_memory_equal(vp->sief, &before, sizeof(before));
    }
    assert_int_equal(vp->interrupts[VECTOR], HV_EVENT_FLAGS_COUNT);
}

static void masked_or_disabled_targets_refuse_events(void **state)
{
    (void)state;
    wr(HV_X64_MSR_SINT0 + SINT, VECTOR | HV_SYNIC_SINT_MASKED);
    assert_int_equal(synic_signal(s, SINT, 0), HV_STATUS_INVALID_SYNIC_STATE);
    wr(HV_X64_MSR_SINT0 + SINT, VECTOR);
    wr(HV_X64_MSR_SIEFP, 0);
    assert_int_equal(synic_signal(s, SINT, 0), HV_STATUS_INVALID_SYNIC_STATE);
    wr(HV_X64_MSR_SIEFP, 1);
    wr(HV_X64_MSR_SCONTROL, 0);
    assert_int_equal(synic_signal(s, SINT, 0), HV_STATUS_INVALID_SYNIC_STATE);
    assert_int_equal(vp->sief->slots[SINT].flags[0], 0);
}

#define T(name)  cmocka_unit_test_setup_teardown(name, start, stop)
#define TE(name) cmocka_unit_test_setup_teardown(name, start_enabled, stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(registers_have_their_reset_values),
        T(version_cannot_be_written),
        T(neighbours_of_the_msr_ranges_fault),
        T(reserved_bits_are_preserved),
        T(vectors_below_16_fault_unless_masked),
        T(page_registers_place_move_and_remove_overlays),
        T(frame_beyond_memory_keeps_the_value_and_delivers_unseen),
        T(auto_eoi_follows_unmasked_sints),
        TE(message_reaches_an_empty_slot_with_one_interrupt),
        TE(second_message_waits_and_sets_pending),
        TE(messages_arrive_in_order_with_pending_until_the_last),
        TE(eoi_of_the_vector_delivers_the_next),
        TE(eoi_and_eom_with_the_slot_in_use_change_nothing),
        TE(eom_flood_with_empty_queues_takes_no_lock),
        TE(sints_do_not_disturb_each_other),
        TE(one_eom_serves_all_sints),
        TE(disabled_synic_or_sim_refuses_messages),
        TE(masked_sint_gets_messages_without_interrupt),
        TE(polled_sint_gets_messages_and_events_without_interrupt),
        TE(enabling_the_sim_page_again_delivers_what_waits),
        TE(guest_scribbling_on_a_slot_only_delays_its_own_messages),
        TE(cancelled_message_is_not_delivered),
        TE(message_can_be_posted_again_after_release),
        TE(reset_releases_messages_and_clears_pages),
        TE(slot_emptied_while_pending_is_set_is_filled_at_once),
        TE(slot_emptied_after_pending_is_set_is_filled_by_eom),
        TE(no_message_is_lost_or_reordered_between_posters_and_guest),
        TE(event_interrupts_only_when_the_flag_was_clear),
        TE(every_flag_has_its_own_bit),
        TE(masked_or_disabled_targets_refuse_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
