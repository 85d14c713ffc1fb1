/* SPDX-License-Identifier: MIT */
/* test_guest_args.c - the toy guests' command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guest.h"

static void text_is_the_word_after_the_key(void **state)
{
    char value[16];

    (void)state;
    assert_true(guest_arg_text("attack=triple nonce=a1b2", "nonce", value, sizeof value));
    assert_string_equal(value, "a1b2");
}

static void key_matches_only_at_the_start_of_a_word(void **state)
{
    char value[16];

    (void)state;
    assert_true(guest_arg_text("xconn=1 \t conn=2\n", "conn", value, sizeof value));
    assert_string_equal(value, "2");
    assert_false(guest_arg_text("connection=1 notconn=2", "conn", value, sizeof value));
}

static void value_may_contain_equal_signs(void **state)
{
    char value[16];

    (void)state;
    assert_true(guest_arg_text("nonce=a=b", "nonce", value, sizeof value));
    assert_string_equal(value, "a=b");
}

static void long_text_is_cut_with_its_nul(void **state)
{
    char value[4] = {1, 1, 1, 1};

    (void)state;
    assert_true(guest_arg_text("nonce=abcdef", "nonce", value, sizeof value));
    assert_string_equal(value, "abc");
}

static void numbers_are_decimal_or_hexadecimal(void **state)
{
    (void)state;
    assert_int_equal(guest_arg_number("rounds=100", "rounds", 7), 100);
    assert_int_equal(guest_arg_number("rounds=0x1f", "rounds", 7), 31);
    assert_int_equal(guest_arg_number("rounds=0", "rounds", 7), 0);
}

static void what_is_no_number_gives_the_fallback(void **state)
{
    static const char *const lines[] = {"",          "rounds",    "rounds=",
                                        "rounds= 5", "rounds=x",  "rounds=0x",
                                        "rounds=1f", "rounds=-1", "rounds=99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_int_equal(guest_arg_number(lines[i], "rounds", 7), 7);
}

static void the_largest_number_is_taken(void **state)
{
    (void)state;
    assert_true(guest_arg_number("n=18446744073709551615", "n", 7) == UINT64_MAX);
    assert_int_equal(guest_arg_number("n=18446744073709551616", "n", 7), 7);
}

static void numbers_are_separated_by_commas(void **state)
{
    uint64_t n[3];

    (void)state;
    assert_true(guest_arg_numbers("x=1 write=8,0x10,0 y=2", "write", n, 3));
    assert_int_equal(n[0], 8);
    assert_int_equal(n[1], 16);
    assert_int_equal(n[2], 0);
    assert_false(guest_arg_numbers("write=8,16", "write", n, 3));
    assert_false(guest_arg_numbers("write=8,16,", "write", n, 3));
    assert_false(guest_arg_numbers("write=8,16,0,1", "write", n, 3));
    assert_false(guest_arg_numbers("write=8,,0", "write", n, 3));
    assert_false(guest_arg_numbers("write=,8,0", "write", n, 3));
    assert_false(guest_arg_numbers("write=8;16;0", "write", n, 3));
    assert_false(guest_arg_numbers("", "write", n, 3));
    assert_int_equal(guest_arg_number("write=8,16", "write", 7), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_the_word_after_the_key),
        cmocka_unit_test(key_matches_only_at_the_start_of_a_word),
        cmocka_unit_test(value_may_contain_equal_signs),
        cmocka_unit_test(long_text_is_cut_with_its_nul),
        cmocka_unit_test(numbers_are_decimal_or_hexadecimal),
        cmocka_unit_test(what_is_no_number_gives_the_fallback),
        cmocka_unit_test(the_largest_number_is_taken),
        cmocka_unit_test(numbers_are_separated_by_commas),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
