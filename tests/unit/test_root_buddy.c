/* SPDX-License-Identifier: MIT */
/* tests/unit/test_root_buddy.c - root's page allocator against a plain map of who owns what. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "mm/buddy.h"

#define FRAMES     1024u
#define FRAME_SIZE 4096u
#define STEPS      200000u
#define ORDERS     6u

static struct {
    struct buddy buddy;
    uint8_t *window;
    uint8_t states[FRAMES];
} t;

static int setup(void **state)
{
    (void)state;
    t.window = aligned_alloc(FRAME_SIZE, FRAMES * FRAME_SIZE);
    assert_non_null(t.window);
    buddy_init(&t.buddy, t.window, t.states, FRAMES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(t.window);
    return 0;
}

static void empty_allocator_gives_nothing(void **state)
{
    (void)state;
    assert_true(buddy_alloc(&t.buddy, 0) == BUDDY_NONE);
}

static void blocks_are_aligned_to_their_size(void **state)
{
    (void)state;
    buddy_add(&t.buddy, 1, FRAMES - 1);
    for (unsigned order = 0; order < ORDERS; order++)
        assert_int_equal(buddy_alloc(&t.buddy, order) % (1u << order), 0);
}

static void frames_added_can_all_be_had(void **state)
{
    (void)state;
    buddy_add(&t.buddy, 3, 77);
    for (unsigned i = 0; i < 77; i++) {
        uint64_t frame = buddy_alloc(&t.buddy, 0);

        assert_in_range(frame, 3, 79);
    }
    assert_true(buddy_alloc(&t.buddy, 0) == BUDDY_NONE);
    assert_int_equal(t.buddy.free, 0);
}

static void freed_halves_become_whole_again(void **state)
{
    uint64_t frames[FRAMES];

    (void)state;
    buddy_add(&t.buddy, 0, FRAMES);
    for (unsigned i = 0; i < FRAMES; i++)
        frames[i] = buddy_alloc(&t.buddy, 0);
    for (unsigned i = 0; i < FRAMES; i++)
        assert_true(buddy_free(&t.buddy, frames[(i * 7) % FRAMES], 0));
    assert_int_equal(buddy_alloc(&t.buddy, 10), 0);
}

static void wrong_frees_are_refused(void **state)
{
    uint64_t frame;

    (void)state;
    buddy_add(&t.buddy, 0, FRAMES);
    frame = buddy_alloc(&t.buddy, 2);
    assert_false(buddy_free(&t.buddy, frame + 1, 0));     /* not a head */
    assert_false(buddy_free(&t.buddy, frame, 1));         /* another order */
    assert_false(buddy_free(&t.buddy, FRAMES, 0));        /* outside */
    assert_true(buddy_free(&t.buddy, frame, 2));
    assert_false(buddy_free(&t.buddy, frame, 2));         /* twice */
    assert_int_equal(t.buddy.free, FRAMES);
}

static void order_of_an_allocation_is_known(void **state)
{
    uint64_t frame;

    (void)state;
    buddy_add(&t.buddy, 0, FRAMES);
    frame = buddy_alloc(&t.buddy, 3);
    assert_int_equal(buddy_order(&t.buddy, frame), 3);
    assert_int_equal(buddy_order(&t.buddy, frame + 1), BUDDY_ORDERS);
    assert_int_equal(buddy_order(&t.buddy, FRAMES), BUDDY_ORDERS);
}

static void order_beyond_the_largest_is_refused(void **state)
{
    (void)state;
    buddy_add(&t.buddy, 0, FRAMES);
    assert_true(buddy_alloc(&t.buddy, BUDDY_ORDERS) == BUDDY_NONE);
    assert_true(buddy_alloc(&t.buddy, 11) == BUDDY_NONE);
}

/* Owners by frame: 0 free, else order + 1 on every frame of the block. */
static void random_use_never_hands_a_frame_out_twice(void **state)
{
    static uint8_t owner[FRAMES];
    static uint64_t blocks[FRAMES];
    unsigned count = 0;
    uint64_t used = 0;

    (void)state;
    memset(owner, 0, sizeof(owner));
    srandom(1);
    buddy_add(&t.buddy, 0, FRAMES);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned order = (unsigned)random() % ORDERS;
        uint64_t frame = random() % 2 ? buddy_alloc(&t.buddy, order) : BUDDY_NONE;

        if (frame != BUDDY_NONE) {
            for (uint64_t i = frame; i < frame + (1u << order); i++) {
                assert_int_equal(owner[i], 0);
                owner[i] = (uint8_t)(order + 1);
            }
            memset(t.window + frame * FRAME_SIZE, 0xff, FRAME_SIZE << order);
            blocks[count++] = frame;
            used += 1u << order;
        } else if (count != 0) {
            unsigned victim = (unsigned)random() % count;
            uint64_t first = blocks[victim];

            order = owner[first] - 1u;
            assert_true(buddy_free(&t.buddy, first, order));
            memset(owner + first, 0, 1u << order);
            blocks[victim] = blocks[--count];
            used -= 1u << order;
        }
        assert_int_equal(t.buddy.free, FRAMES - used);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty_allocator_gives_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(blocks_are_aligned_to_their_size, setup, teardown),
        cmocka_unit_test_setup_teardown(frames_added_can_all_be_had, setup, teardown),
        cmocka_unit_test_setup_teardown(freed_halves_become_whole_again, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_frees_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(order_of_an_allocation_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(order_beyond_the_largest_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(random_use_never_hands_a_frame_out_twice, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
