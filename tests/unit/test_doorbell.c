/* SPDX-License-Identifier: MIT */
/* tests/unit/test_doorbell.c - event flags of root's: who is called, and that nobody is after he
 * has given his flag back, while another CPU rings without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>
#include "child/doorbell.h"
#include "child/hv.h"
#include "child/ports.h"
#include "cpu/cpu.h"
#include "mm/memory.h"

#include <hvabi/synic.h>

#define CPUS   2u
#define ROUNDS 20000u

static _Thread_local struct cpu here;

struct cpu *this_cpu(void)
{
    return &here;
}

uint32_t cpu_count(void)
{
    return CPUS;
}

void *kalloc(size_t size)
{
    return calloc(1, size);
}

void hv_event_owner_set(uint32_t cpu, uint32_t flag, uint32_t child)
{
    (void)cpu;
    (void)flag;
    (void)child;
}

static int set_up(void **state)
{
    static bool done;

    (void)state;
    here.index = 0;
    if (!done)
        assert_true(doorbell_init());
    done = true;
    return 0;
}

static void count(void *context)
{
    ++*(unsigned *)context;
}

static void a_flag_calls_whoever_took_it(void **state)
{
    unsigned first = 0, second = 0;
    struct doorbell a, b;

    (void)state;
    assert_true(doorbell_take(&a, 0, 0, count, &first));
    assert_true(doorbell_take(&b, 0, 0, count, &second));
    assert_int_not_equal(a.flag, b.flag);
    doorbell_rang(a.flag);
    doorbell_rang(a.flag);
    doorbell_rang(b.flag);
    assert_int_equal(first, 2);
    assert_int_equal(second, 1);
    doorbell_release(&a);
    doorbell_release(&b);
}

static void flags_of_another_cpu_are_not_this_ones(void **state)
{
    unsigned rang = 0;
    struct doorbell d;

    (void)state;
    assert_true(doorbell_take(&d, 1, 0, count, &rang));
    doorbell_rang(d.flag);
    assert_int_equal(rang, 0);
    here.index = 1;
    doorbell_rang(d.flag);
    assert_int_equal(rang, 1);
    here.index = 0;
    assert_int_equal(doorbell_port(&d), PORT_DOORBELL + HV_EVENT_FLAGS_COUNT + d.flag);
    assert_int_equal(doorbell_port_info(&d).event.target_vp, 1);
    doorbell_release(&d);
}

static void what_was_given_back_is_silent_and_free(void **state)
{
    unsigned rang = 0;
    struct doorbell all[HV_EVENT_FLAGS_COUNT], one;

    (void)state;
    for (uint32_t i = 1; i < HV_EVENT_FLAGS_COUNT; i++)
        assert_true(doorbell_take(&all[i], 0, 0, count, &rang));
    assert_false(doorbell_take(&one, 0, 0, count, &rang));
    assert_int_equal(one.flag, 0);
    doorbell_release(&one); /* harmless */
    one = all[77];
    doorbell_release(&all[77]);
    doorbell_rang(one.flag);
    assert_int_equal(rang, 0);
    assert_true(doorbell_take(&all[77], 0, 0, count, &rang));
    assert_int_equal(all[77].flag, one.flag);
    for (uint32_t i = 1; i < HV_EVENT_FLAGS_COUNT; i++)
        doorbell_release(&all[i]);
}

/* ---- against another CPU ---- */

static struct {
    bool end;       /* [a] */
    uint32_t flag;  /* [a] that is rung */
    uint64_t calls; /* [a] */
} race;

static void *ring(void *unused)
{
    here.index = 1;
    while (!__atomic_load_n(&race.end, __ATOMIC_RELAXED))
        doorbell_rang(__atomic_load_n(&race.flag, __ATOMIC_RELAXED));
    return unused;
}

/* The memory is freed once the bell is given back: AddressSanitizer sees who is late. */
static void use(void *context)
{
    volatile unsigned *memory = context;

    for (unsigned i = 0; i < 20; i++)
        *memory = *memory + 1;
    __atomic_fetch_add(&race.calls, 1, __ATOMIC_RELAXED);
}

static void nobody_is_called_after_release(void **state)
{
    pthread_t other;

    (void)state;
    race.flag = 1;
    assert_int_equal(pthread_create(&other, NULL, ring, NULL), 0);
    for (unsigned i = 0; i < ROUNDS || __atomic_load_n(&race.calls, __ATOMIC_RELAXED) == 0; i++) {
        unsigned *memory = calloc(1, sizeof(*memory));
        struct doorbell d;

        assert_non_null(memory);
        assert_true(doorbell_take(&d, 1, 0, use, memory));
        __atomic_store_n(&race.flag, d.flag, __ATOMIC_RELAXED);
        for (unsigned wait = 0; wait < i % 64; wait++)
            (void)__atomic_load_n(&race.calls, __ATOMIC_SEQ_CST);
        doorbell_release(&d);
        free(memory);
    }
    __atomic_store_n(&race.end, true, __ATOMIC_RELAXED);
    assert_int_equal(pthread_join(other, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_flag_calls_whoever_took_it, set_up),
        cmocka_unit_test_setup(flags_of_another_cpu_are_not_this_ones, set_up),
        cmocka_unit_test_setup(what_was_given_back_is_silent_and_free, set_up),
        cmocka_unit_test_setup(nobody_is_called_after_release, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
