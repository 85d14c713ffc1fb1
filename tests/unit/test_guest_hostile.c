/* SPDX-License-Identifier: MIT */
/* test_guest_hostile.c - the guest hostile, each of its cases, against root's end of bus and
 * storage: what must be refused is, and in the end nothing of it is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest_world.h"

static void every_case_is_refused_what_it_must_be_and_leaves_nothing(void **state)
{
    world_run(*state, 2, GUEST_EXIT_OK, NULL, NULL);
}

static void unknown_case_is_none(void **state)
{
    (void)state;
    world_run("case=none", 1, GUEST_EXIT_USAGE, NULL, NULL);
}

static void race_needs_a_second_vp(void **state)
{
    (void)state;
    world_run("case=ring-race", 1, GUEST_EXIT_FAILED, NULL, NULL);
}

#define CASE(name, arguments)                                                                      \
    {                                                                                              \
        name, every_case_is_refused_what_it_must_be_and_leaves_nothing, NULL, NULL, (char[])       \
        {                                                                                          \
            "case=" name " " arguments                                                             \
        }                                                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE("gpadl-header", ""),
        CASE("gpadl-body", ""),
        CASE("gpadl-half", "count=100"),
        CASE("gpadl-pages", ""),
        CASE("gpadl-life", ""),
        CASE("channel-open", ""),
        CASE("channel-states", ""),
        CASE("channel-unload", ""),
        CASE("channel-contact", ""),
        CASE("channel-contacts", "count=200"),
        CASE("channel-truncated", ""),
        CASE("channel-rescinded", ""),
        CASE("ring-indices", ""),
        CASE("ring-packets", ""),
        CASE("ring-race", "count=100"),
        CASE("ring-deaf", ""),
        CASE("srb-early", ""),
        CASE("srb-wrong", ""),
        CASE("srb-pages", ""),
        CASE("srb-kinds", ""),
        CASE("srb-same", ""),
        CASE("sub-channels", ""),
        cmocka_unit_test(unknown_case_is_none),
        cmocka_unit_test(race_needs_a_second_vp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
