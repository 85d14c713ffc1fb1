/* SPDX-License-Identifier: MIT */
/* tests/unit/test_hypervisor_options.c - boot.cfg's options as the hypervisor reads them. */
#include "test.h"

#include "boot/options.h"

static const char options[] = "exec=lps smt=shared\nsmt=isolated\nsmthing=1\nsmt=shared\n";

static void the_first_line_of_a_key_counts(void **state)
{
    (void)state;
    assert_true(option_is(option_find(options, "smt"), "isolated"));
    assert_true(option_is(option_find(options, "smthing"), "1"));
}

static void a_value_is_a_whole_line(void **state)
{
    (void)state;
    assert_false(option_is(option_find(options, "smt"), "isol"));
    assert_false(option_is(option_find(options, "smt"), "isolated\nsmthing"));
    assert_true(option_is(option_find("smt=x", "smt"), "x"));
}

static void keys_that_are_not_there_have_no_value(void **state)
{
    (void)state;
    assert_null(option_find(options, "sm"));
    assert_null(option_find(options, "lps"));
    assert_null(option_find("", "smt"));
    assert_null(option_find(NULL, "smt"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_of_a_key_counts),
        cmocka_unit_test(a_value_is_a_whole_line),
        cmocka_unit_test(keys_that_are_not_there_have_no_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
