/* SPDX-License-Identifier: MIT */
/* tests/unit/test_shell_words.c - how the shell takes a command line apart. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "shell/shell.h"

static void words_are_what_blanks_separate(void **state)
{
    char text[] = "  start hello  vps=2 ";
    char *words[ARGUMENTS_MAX];

    (void)state;
    assert_int_equal(split_words(text, words), 3);
    assert_string_equal(words[0], "start");
    assert_string_equal(words[1], "hello");
    assert_string_equal(words[2], "vps=2");
}

static void numbers_are_decimal_or_hexadecimal(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } cases[] = {
        {"0", 0},
        {"042", 42},
        {"18446744073709551615", UINT64_MAX},
        {"0x0", 0},
        {"0x2000000000000", 1ull << 49},
        {"0xffffffffffffffff", UINT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t value = ~cases[i].value;

        assert_true(parse_number(cases[i].text, &value));
        assert_int_equal(value, cases[i].value);
    }
}

static void other_texts_are_no_numbers(void **state)
{
    static const char *const texts[] = {
        "",
        "-1",
        "+1",
        "a",
        "12a",
        "1 ",
        "0x",
        "x1",
        "0xg",
        "0x0x1",
        "18446744073709551616",
        "0x10000000000000000",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint64_t value = 7;

        assert_false(parse_number(texts[i], &value));
        assert_int_equal(value, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_what_blanks_separate),
        cmocka_unit_test(numbers_are_decimal_or_hexadecimal),
        cmocka_unit_test(other_texts_are_no_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
