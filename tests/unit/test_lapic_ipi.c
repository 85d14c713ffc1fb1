/* SPDX-License-Identifier: MIT */
/* test_lapic_ipi.c - interrupt messages of the software local APIC: every way to address, against
 * an oracle that asks each APIC in turn; what arrives; and posting from other threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include <hvabi/msr.h>
#include <x86/msr.h>
#include "lapic_fixture.h"

#define VECTOR 0x66u
#define ICR    X2APIC_MSR(APIC_ICR_LOW)
#define ASSERT APIC_ICR_LEVEL_ASSERT

static struct lapic *vp(uint32_t id)
{
    return &fixture_vps[id].lapic;
}

static int setup(void **state)
{
    (void)state;
    fixture_space_init();
    for (uint32_t id = 0; id < 8; id++)
        fixture_add_enabled(id);
    return 0;
}

static int setup_x2apic(void **state)
{
    setup(state);
    for (uint32_t id = 0; id < 8; id++)
        fixture_x2apic_on(vp(id));
    return 0;
}

static void xapic_send(struct lapic *from, uint32_t destination, uint32_t low)
{
    lapic_mmio_write(from, APIC_ICR_HIGH, destination << APIC_ID_SHIFT);
    lapic_mmio_write(from, APIC_ICR_LOW, low);
}

static void x2apic_send(struct lapic *from, uint32_t destination, uint32_t low)
{
    fixture_msr_set(from, ICR, (uint64_t)destination << 32 | low);
}

/* Which of the first 64 APIC IDs have VECTOR pending. */
static uint64_t pending(void)
{
    uint64_t who = 0;

    for (uint32_t id = 0; id < 64; id++)
        if (lapic_by_id(&fixture_space, id) && lapic_pending(vp(id)) == (int)VECTOR)
            who |= 1ull << id;
    return who;
}

static uint64_t sum(uint32_t (*of)(const struct fake_vp *))
{
    uint64_t n = 0;

    for (uint32_t id = 0; id < 64; id++)
        n = n * 10 + of(&fixture_vps[id]);
    return n;
}

static uint32_t kicks_of(const struct fake_vp *v)
{
    return v->kicks;
}

/* ---- Shorthands ---- */

static void shorthand_self_reaches_the_sender_without_a_kick(void **state)
{
    (void)state;
    lapic_mmio_write(vp(3), APIC_ICR_LOW, APIC_ICR_SHORTHAND_SELF | VECTOR);
    assert_int_equal(pending(), 1u << 3);
    assert_int_equal(sum(kicks_of), 0);
}

static void shorthand_all_reaches_everybody(void **state)
{
    (void)state;
    lapic_mmio_write(vp(3), APIC_ICR_LOW, APIC_ICR_SHORTHAND_ALL | VECTOR);
    assert_int_equal(pending(), 0xff);
    assert_int_equal(fixture_vp(vp(3))->kicks, 0);
    assert_int_equal(fixture_vp(vp(4))->kicks, 1);
}

static void shorthand_others_spares_the_sender(void **state)
{
    (void)state;
    fixture_msr_set(vp(3), HV_X64_MSR_ICR, APIC_ICR_SHORTHAND_OTHERS | VECTOR);
    assert_int_equal(pending(), 0xf7);
}

static void shorthand_others_of_lowest_priority_reaches_one_other(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        lapic_mmio_write(vp(3), APIC_ICR_LOW,
                         APIC_ICR_SHORTHAND_OTHERS | APIC_DELIVERY_LOWEST | VECTOR);
        assert_int_equal(pending() & 1u << 3, 0);
    }
    assert_int_equal(pending(), 0xf7);
}

static void sender_cannot_restart_itself_by_shorthand(void **state)
{
    (void)state;
    lapic_mmio_write(vp(3), APIC_ICR_LOW, APIC_ICR_SHORTHAND_ALL | APIC_DELIVERY_INIT | ASSERT);
    lapic_mmio_write(vp(3), APIC_ICR_LOW, APIC_ICR_SHORTHAND_SELF | APIC_DELIVERY_STARTUP);
    for (uint32_t id = 0; id < 8; id++)
        assert_int_equal(fixture_vp(vp(id))->inits + fixture_vp(vp(id))->sipis, 0);
}

static void nmi_to_others_is_an_nmi_for_each(void **state)
{
    (void)state;
    lapic_mmio_write(vp(3), APIC_ICR_LOW, APIC_ICR_SHORTHAND_OTHERS | APIC_DELIVERY_NMI);
    for (uint32_t id = 0; id < 8; id++)
        assert_int_equal(fixture_vp(vp(id))->nmis, id != 3);
    assert_int_equal(pending(), 0);
}

/* ---- INIT, SIPI and the rest ---- */

static void init_and_sipi_reach_a_processor_that_never_ran(void **state)
{
    struct lapic *ap = fixture_add(40);

    (void)state;
    xapic_send(vp(0), 40, APIC_DELIVERY_INIT | ASSERT | APIC_TRIGGER_LEVEL);
    assert_int_equal(fixture_vp(ap)->inits, 1);
    xapic_send(vp(0), 40, APIC_DELIVERY_INIT | APIC_TRIGGER_LEVEL);
    assert_int_equal(fixture_vp(ap)->inits, 1); /* de-assert */
    xapic_send(vp(0), 40, APIC_DELIVERY_STARTUP | ASSERT | 0x08);
    assert_int_equal(fixture_vp(ap)->sipis, 1);
    assert_int_equal(fixture_vp(ap)->sipi_vector, 0x08);
    assert_int_equal(fixture_vp(vp(0))->inits, 0);
}

static void init_without_level_trigger_is_an_init(void **state)
{
    (void)state;
    x2apic_send(vp(0), 1, APIC_DELIVERY_INIT);
    assert_int_equal(fixture_vp(vp(1))->inits, 1);
}

static void smi_and_reserved_deliveries_do_nothing(void **state)
{
    (void)state;
    xapic_send(vp(0), 1, APIC_DELIVERY_SMI | VECTOR);
    xapic_send(vp(0), 1, 3u << APIC_DELIVERY_SHIFT | VECTOR);
    xapic_send(vp(0), 1, APIC_DELIVERY_EXTINT | VECTOR);
    assert_int_equal(pending(), 0);
}

static void ipi_is_edge_triggered_whatever_it_says(void **state)
{
    (void)state;
    xapic_send(vp(0), 1, APIC_TRIGGER_LEVEL | ASSERT | VECTOR);
    fixture_deliver(vp(1));
    lapic_eoi(vp(1));
    assert_int_equal(fixture_vp(vp(1))->level_eois, 0);
}

static void illegal_vector_is_not_sent(void **state)
{
    (void)state;
    xapic_send(vp(0), 1, 0x0f);
    lapic_mmio_write(vp(0), APIC_ESR, 0);
    lapic_mmio_write(vp(1), APIC_ESR, 0);
    assert_int_equal(lapic_mmio_read(vp(0), APIC_ESR), APIC_ESR_SEND_VECTOR);
    assert_int_equal(lapic_mmio_read(vp(1), APIC_ESR), 0);
}

static void storm_of_one_vector_kicks_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        xapic_send(vp(0), 1, VECTOR);
    assert_int_equal(fixture_vp(vp(1))->kicks, 1);
}

static void disabled_target_gets_no_message(void **state)
{
    (void)state;
    fixture_msr_set(vp(1), MSR_IA32_APIC_BASE, APIC_DEFAULT_BASE);
    xapic_send(vp(0), 1, APIC_DELIVERY_NMI);
    xapic_send(vp(0), 1, VECTOR);
    assert_int_equal(fixture_vp(vp(1))->nmis + fixture_vp(vp(1))->kicks, 0);
}

/* ---- Messages of devices ---- */

static void message_says_whether_anybody_is_addressed(void **state)
{
    struct lapic_message m = {.destination = 5, .vector = VECTOR};

    (void)state;
    assert_true(lapic_space_send(&fixture_space, &m));
    assert_int_equal(fixture_vp(vp(5))->kicks, 1);
    m.destination = 99;
    assert_false(lapic_space_send(&fixture_space, &m));
    m.destination = 0xfffffffe;
    assert_false(lapic_space_send(&fixture_space, &m));
    m = (struct lapic_message){.destination = 1, .vector = VECTOR, .logical = true};
    assert_false(lapic_space_send(&fixture_space, &m)); /* no LDR is set */
    m = (struct lapic_message){.destination = 1, .delivery = APIC_DELIVERY_EXTINT};
    assert_false(lapic_space_send(&fixture_space, &m));
}

static void level_message_reports_its_eoi(void **state)
{
    struct lapic_message m = {.destination = 5, .vector = VECTOR, .level = true};

    (void)state;
    lapic_space_send(&fixture_space, &m);
    assert_int_equal(fixture_deliver(vp(5)), VECTOR);
    lapic_eoi(vp(5));
    assert_int_equal(fixture_vp(vp(5))->level_eois, 1);
}

static void eight_bit_destination_255_is_everybody(void **state)
{
    struct lapic_message m = {.destination = lapic_destination8(0xff), .vector = VECTOR};

    (void)state;
    assert_true(lapic_space_send(&fixture_space, &m));
    assert_int_equal(pending(), 0xff);
    assert_int_equal(lapic_destination8(7), 7);
}

/* ---- Lowest priority ---- */

static void lowest_priority_takes_turns_among_the_addressed(void **state)
{
    struct lapic_message m = {.destination = 0x0f, .delivery = APIC_DELIVERY_LOWEST,
                              .vector = VECTOR, .logical = true};
    uint64_t one;

    (void)state;
    for (uint32_t id = 0; id < 8; id++)
        lapic_mmio_write(vp(id), APIC_LDR, 1u << (24 + id));
    lapic_mmio_write(vp(2), APIC_SVR, APIC_SVR_RESET); /* disabled: not a candidate */
    for (unsigned i = 0; i < 3; i++) {
        assert_true(lapic_space_send(&fixture_space, &m));
        one = pending();
        assert_int_equal(__builtin_popcountll(one), i + 1);
    }
    assert_int_equal(one, 0x0b);
}

static void lowest_priority_without_candidate_is_dropped(void **state)
{
    struct lapic_message m = {.destination = X2APIC_BROADCAST, .delivery = APIC_DELIVERY_LOWEST,
                              .vector = VECTOR};

    (void)state;
    for (uint32_t id = 0; id < 8; id++)
        lapic_mmio_write(vp(id), APIC_SVR, APIC_SVR_RESET);
    assert_false(lapic_space_send(&fixture_space, &m));
}

/* ---- The oracle: each APIC by itself, as SDM 10.6.2 and 10.12.10 describe the comparison ---- */

static uint32_t random_state = 1;

static uint32_t random32(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

static bool oracle_logical(const struct lapic *l, uint32_t mda)
{
    uint32_t id = l->ldr >> 24;

    if (l->mode & LAPIC_MODE_X2APIC)
        return l->apic_id >> 4 == mda >> 16 && (1u << (l->apic_id & 15) & mda & 0xffff);
    if (mda > 0xff || l->apic_id > 0xff)
        return false;
    if (l->dfr >> 28 == 0xf)
        return id & mda;
    return l->dfr >> 28 == 0 && id >> 4 == mda >> 4 && (id & mda & 0xf);
}

static bool oracle(const struct lapic *l, uint32_t destination, bool logical)
{
    if (destination == X2APIC_BROADCAST)
        return true;
    return logical ? oracle_logical(l, destination) : l->apic_id == destination;
}

/* Models 1 to 14 are reserved: such an APIC matches nothing. */
static void logical_address_randomise(struct lapic *l)
{
    static const uint32_t models[] = {0xffffffff, 0xffffffff, 0x0fffffff, 0x0fffffff, 0x3fffffff};

    if (!lapic_mmio_on(l))
        return;
    lapic_mmio_write(l, APIC_DFR, models[random32() % 5]);
    lapic_mmio_write(l, APIC_LDR, random32());
    if (random32() % 4 == 0)
        fixture_x2apic_on(l);
}

static uint32_t destination_random(void)
{
    switch (random32() % 4) {
    case 0:
        return lapic_destination8((uint8_t)random32());
    case 1:
        return random32() % FIXTURE_APICS;
    case 2:
        return (random32() % 40) << 16 | (random32() & 0xffff);
    default:
        return random32() % 16 == 0 ? X2APIC_BROADCAST : random32() & 0xff;
    }
}

static void random_space(void)
{
    fixture_space_init();
    for (uint32_t id = 0; id < FIXTURE_APICS; id++)
        if (random32() % 3 == 0)
            logical_address_randomise(fixture_add_enabled(id));
}

static void expect_delivery(uint32_t destination, bool logical)
{
    for (uint32_t id = 0; id < FIXTURE_APICS; id++) {
        struct lapic *l = lapic_by_id(&fixture_space, id);

        if (!l)
            continue;
        assert_int_equal(lapic_pending(l) == (int)VECTOR, oracle(l, destination, logical));
        if (lapic_pending(l) >= 0) {
            lapic_take(l, VECTOR);
            lapic_serve_auto_eoi(l);
        }
    }
}

static void every_address_reaches_whom_the_oracle_says(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        random_space();
        for (unsigned i = 0; i < 60; i++) {
            uint32_t destination = destination_random();
            bool logical = random32() & 1;
            struct lapic_message m = {.destination = destination, .vector = VECTOR,
                                      .logical = logical};
            uint32_t id = random32() % FIXTURE_APICS;

            lapic_space_send(&fixture_space, &m);
            expect_delivery(destination, logical);
            if (lapic_by_id(&fixture_space, id))
                logical_address_randomise(vp(id));
        }
    }
}

static void reset_and_destroy_leave_no_logical_address_behind(void **state)
{
    static const struct lapic_set empty;

    (void)state;
    random_space();
    for (uint32_t id = 0; id < FIXTURE_APICS; id++)
        if (lapic_by_id(&fixture_space, id)) {
            if (id % 2)
                lapic_reset(vp(id));
            else
                lapic_destroy(vp(id));
        }
    for (unsigned i = 0; i < 8; i++)
        assert_memory_equal(&fixture_space.flat[i], &empty, sizeof(empty));
    for (unsigned i = 0; i < 64; i++)
        assert_memory_equal(&fixture_space.cluster[i / 4][i % 4], &empty, sizeof(empty));
}

/* ---- Other threads ---- */

#define POSTERS 3u
#define POSTS   20000u

static uint32_t delivered[256], posted[256];

static void *poster(void *argument)
{
    uint32_t seed = (uint32_t)(uintptr_t)argument;

    for (unsigned i = 0; i < POSTS; i++) {
        uint8_t vector = (uint8_t)(16 + (i * 7 + seed * 31) % 240);

        if (lapic_post(vp(0), vector, i % 5 == 0))
            __atomic_fetch_add(&posted[vector], 1, __ATOMIC_RELAXED);
        if (i % 64 == 0)
            sched_yield();
    }
    return NULL;
}

static bool deliver_all(void)
{
    bool any = false;

    for (int vector; (vector = fixture_deliver(vp(0))) >= 0; any = true) {
        delivered[vector]++;
        lapic_eoi(vp(0));
    }
    return any;
}

static void posts_of_other_threads_are_each_delivered_once(void **state)
{
    pthread_t threads[POSTERS];

    (void)state;
    for (uintptr_t i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, poster, (void *)i), 0);
    for (unsigned i = 0; i < 2000; i++) {
        deliver_all();
        sched_yield();
    }
    for (unsigned i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    deliver_all();
    fixture_check(vp(0));
    assert_int_equal(vp(0)->irr_classes, 0);
    for (unsigned v = 0; v < 256; v++)
        assert_int_equal(delivered[v], posted[v]);
}

#define XAPIC_TEST(f)  cmocka_unit_test_setup(f, setup)
#define X2APIC_TEST(f) cmocka_unit_test_setup(f, setup_x2apic)

int main(void)
{
    const struct CMUnitTest tests[] = {
        XAPIC_TEST(shorthand_self_reaches_the_sender_without_a_kick),
        XAPIC_TEST(shorthand_all_reaches_everybody),
        XAPIC_TEST(shorthand_others_spares_the_sender),
        XAPIC_TEST(shorthand_others_of_lowest_priority_reaches_one_other),
        XAPIC_TEST(sender_cannot_restart_itself_by_shorthand),
        XAPIC_TEST(nmi_to_others_is_an_nmi_for_each),
        XAPIC_TEST(init_and_sipi_reach_a_processor_that_never_ran),
        X2APIC_TEST(init_without_level_trigger_is_an_init),
        XAPIC_TEST(smi_and_reserved_deliveries_do_nothing),
        XAPIC_TEST(ipi_is_edge_triggered_whatever_it_says),
        XAPIC_TEST(illegal_vector_is_not_sent),
        XAPIC_TEST(storm_of_one_vector_kicks_once),
        XAPIC_TEST(disabled_target_gets_no_message),
        XAPIC_TEST(message_says_whether_anybody_is_addressed),
        XAPIC_TEST(level_message_reports_its_eoi),
        XAPIC_TEST(eight_bit_destination_255_is_everybody),
        XAPIC_TEST(lowest_priority_takes_turns_among_the_addressed),
        XAPIC_TEST(lowest_priority_without_candidate_is_dropped),
        XAPIC_TEST(every_address_reaches_whom_the_oracle_says),
        XAPIC_TEST(reset_and_destroy_leave_no_logical_address_behind),
        XAPIC_TEST(posts_of_other_threads_are_each_delivered_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
