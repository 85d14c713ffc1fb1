/* SPDX-License-Identifier: MIT */
/* tests/unit/test_shell_script.c - boot.cfg's commands: none is cut, and each is counted. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/print.h"
#include "shell/line.h"
#include "shell/shell.h"

static char ran[4][LINE_SIZE];
static unsigned count;

void print(const char *fmt, ...)
{
    (void)fmt;
}

/* "bad" fails, blanks are no command. */
int run_line(const char *text)
{
    assert_true(count < 4);
    strcpy(ran[count++], text);
    return strcmp(text, "bad") == 0 ? 1 : 0;
}

static struct script_counts script(const char *text)
{
    memset(ran, 0, sizeof(ran));
    count = 0;
    return script_run(text, "> ");
}

static void commands_are_separated_by_semicolons(void **state)
{
    struct script_counts c = script(" one  two;;  bad ; three;");

    (void)state;
    assert_int_equal(c.run, 3);
    assert_int_equal(count, 3);
    assert_string_equal(ran[0], "one  two");
    assert_string_equal(ran[2], "three");
    assert_int_equal(script("").run, 0);
    assert_int_equal(script(" ; ").run, 0);
}

static void failures_are_counted(void **state)
{
    (void)state;
    assert_int_equal(script("bad;good;bad").failed, 2);
}

static void the_longest_command_runs_whole(void **state)
{
    char text[LINE_SIZE];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(script(text).failed, 0);
    assert_string_equal(ran[0], text);
}

static void a_longer_command_fails_unrun(void **state)
{
    char text[LINE_SIZE + 16];
    struct script_counts c;

    (void)state;
    memset(text, 'x', LINE_SIZE);
    strcpy(text + LINE_SIZE, ";good");
    c = script(text);
    assert_int_equal(c.run, 2);
    assert_int_equal(c.failed, 1);
    assert_int_equal(count, 1);
    assert_string_equal(ran[0], "good");
}

static void too_many_words_are_noticed(void **state)
{
    char text[2 * (ARGUMENTS_MAX + 1) + 1];
    char *words[ARGUMENTS_MAX];

    (void)state;
    for (unsigned i = 0; i < ARGUMENTS_MAX + 1; i++)
        memcpy(text + 2 * i, "w ", 3);
    assert_int_equal(split_words(text, words), ARGUMENTS_MAX + 1);
    for (unsigned i = 0; i < ARGUMENTS_MAX; i++)
        memcpy(text + 2 * i, "w ", 3);
    assert_int_equal(split_words(text, words), ARGUMENTS_MAX);
    assert_string_equal(words[ARGUMENTS_MAX - 1], "w");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_separated_by_semicolons),
        cmocka_unit_test(failures_are_counted),
        cmocka_unit_test(the_longest_command_runs_whole),
        cmocka_unit_test(a_longer_command_fails_unrun),
        cmocka_unit_test(too_many_words_are_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
