/* SPDX-License-Identifier: MIT */
/* tests/unit/test_net_share.c - what each sender may have of what all fill (rt/net_share.h). */
#include "fakes/test.h"
#include <rt/net_share.h>

#define ROOM 240u

static struct net_share share;

static int setup(void **state)
{
    (void)state;
    net_share_init(&share, ROOM);
    return 0;
}

/* As many single pieces as @sender gets. */
static uint32_t take_all(uint32_t sender)
{
    uint32_t n = 0;

    while (net_share_take(&share, sender, 1) == NET_TAKEN)
        n++;
    return n;
}

static void one_alone_has_half(void **state)
{
    (void)state;
    assert_int_equal(take_all(7), ROOM / 2);
    assert_int_equal(net_share_take(&share, 7, 1), NET_CROWDED);
    net_share_give(&share, 7, 3); /* and what it gives back it may have again */
    assert_int_equal(take_all(7), 3);
}

/* Taking turns, for so long as one of them gets any. */
static void many_have_the_same_and_leave_the_same(void **state)
{
    enum { SENDERS = 5 };
    uint32_t got[SENDERS] = {0};

    (void)state;
    for (uint32_t round = 0; round < ROOM; round++)
        for (uint32_t i = 0; i < SENDERS; i++)
            got[i] += net_share_take(&share, NET_SENDERS - 1 - i, 1) == NET_TAKEN;
    for (uint32_t i = 0; i < SENDERS; i++)
        assert_int_equal(got[i], ROOM / (SENDERS + 1));
    assert_int_equal(share.free, ROOM / (SENDERS + 1));
}

/* Whoever came before, as often and as greedy as they like. */
static void a_new_one_finds_some(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 6; i++)
        assert_true(take_all(i) > 0);
    assert_true(share.free > 0);
    assert_int_equal(net_share_take(&share, 9, 1), NET_TAKEN);
}

static void pieces_are_taken_all_or_none(void **state)
{
    (void)state;
    assert_int_equal(net_share_take(&share, 1, 45), NET_TAKEN);
    assert_int_equal(net_share_take(&share, 1, 45), NET_TAKEN);
    assert_int_equal(net_share_take(&share, 1, 45), NET_CROWDED); /* 135 of 240 */
    assert_int_equal(share.free, ROOM - 90);
    assert_int_equal(net_share_take(&share, 2, 45), NET_TAKEN);
    assert_int_equal(net_share_take(&share, 2, ROOM), NET_CROWDED);
    assert_int_equal(net_share_take(&share, 2, UINT32_MAX), NET_CROWDED);
    assert_int_equal(share.held[2], 45);
    net_share_give(&share, 1, 90);
    net_share_give(&share, 2, 45);
    assert_int_equal(share.free, ROOM);
    assert_int_equal(share.held[1] + share.held[2], 0);
}

static void without_any_left_nobody_is_crowded(void **state)
{
    (void)state;
    net_share_init(&share, 0);
    assert_int_equal(net_share_take(&share, 1, 1), NET_LOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_alone_has_half, setup),
        cmocka_unit_test_setup(many_have_the_same_and_leave_the_same, setup),
        cmocka_unit_test_setup(a_new_one_finds_some, setup),
        cmocka_unit_test_setup(pieces_are_taken_all_or_none, setup),
        cmocka_unit_test_setup(without_any_left_nobody_is_crowded, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
