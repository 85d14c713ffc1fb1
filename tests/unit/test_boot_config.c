/* SPDX-License-Identifier: MIT */
/* tests/unit/test_boot_config.c - boot.cfg, well-formed and not. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "config.h"

#define REPORTS_MAX 64

static struct {
    struct config config;
    unsigned count;
    unsigned lines[REPORTS_MAX];
    char texts[REPORTS_MAX][200];
} t;

static void record(void *context, unsigned line, const char *text)
{
    assert_ptr_equal(context, &t);
    assert_true(t.count < REPORTS_MAX);
    t.lines[t.count] = line;
    snprintf(t.texts[t.count++], sizeof(t.texts[0]), "%s", text);
}

static void parse(const char *text)
{
    t.count = 0;
    config_defaults(&t.config);
    config_parse(&t.config, text, strlen(text), record, &t);
}

static void assert_reported(unsigned index, unsigned line, const char *text)
{
    assert_true(index < t.count);
    assert_int_equal(t.lines[index], line);
    assert_string_equal(t.texts[index], text);
}

static void empty_file_gives_the_defaults(void **state)
{
    (void)state;
    parse("");
    assert_int_equal(t.count, 0);
    assert_int_equal(t.config.launch, CONFIG_LAUNCH_AUTO);
    assert_string_equal(t.config.hypervisor, "");
    assert_string_equal(t.config.root, "\\EFI\\verdigris\\root.elf");
    assert_int_equal(t.config.module_count, 0);
    assert_string_equal(t.config.options, "");
}

static void keys_set_what_they_name(void **state)
{
    (void)state;
    parse("hypervisorlaunchtype = off\nhypervisor = \\a\\hv.elf\nroot=\\b\\r.elf\n"
          "module = \\m\\one.elf\nmodule = \\m\\two.elf\n");
    assert_int_equal(t.count, 0);
    assert_int_equal(t.config.launch, CONFIG_LAUNCH_OFF);
    assert_string_equal(t.config.hypervisor, "\\a\\hv.elf");
    assert_string_equal(t.config.root, "\\b\\r.elf");
    assert_int_equal(t.config.module_count, 2);
    assert_string_equal(t.config.modules[0], "\\m\\one.elf");
    assert_string_equal(t.config.modules[1], "\\m\\two.elf");
}

static void slashes_become_backslashes(void **state)
{
    (void)state;
    parse("root = /EFI/x/root.elf\n");
    assert_string_equal(t.config.root, "\\EFI\\x\\root.elf");
}

static void options_are_handed_on_as_lines(void **state)
{
    (void)state;
    parse("startup = start hello nonce=12\nexec = lps; vps\nconsole=serial\nhvdebug = a=b\n");
    assert_int_equal(t.count, 0);
    assert_string_equal(t.config.options, "startup=start hello nonce=12\nexec=lps; vps\n"
                                          "console=serial\nhvdebug=a=b\n");
    assert_int_equal(t.config.options_length, strlen(t.config.options));
}

static void comments_and_blank_lines_say_nothing(void **state)
{
    (void)state;
    parse("# a\n\n   \t\n  # b = c\nexec = lps # not this\n");
    assert_int_equal(t.count, 0);
    assert_string_equal(t.config.options, "exec=lps\n");
}

static void number_sign_inside_a_word_is_text(void **state)
{
    (void)state;
    parse("exec = start x#1\n");
    assert_string_equal(t.config.options, "exec=start x#1\n");
}

static void line_ends_of_dos_are_taken(void **state)
{
    (void)state;
    parse("\xef\xbb\xbfhypervisorlaunchtype = off\r\nexec = lps\r\n");
    assert_int_equal(t.count, 0);
    assert_int_equal(t.config.launch, CONFIG_LAUNCH_OFF);
    assert_string_equal(t.config.options, "exec=lps\n");
}

static void last_line_needs_no_end(void **state)
{
    (void)state;
    parse("hypervisorlaunchtype = off");
    assert_int_equal(t.config.launch, CONFIG_LAUNCH_OFF);
}

static void unknown_key_is_named_with_its_line(void **state)
{
    (void)state;
    parse("\nhypervisorlaunch = auto\n");
    assert_int_equal(t.count, 1);
    assert_reported(0, 2, "unknown key \"hypervisorlaunch\": ignored");
}

static void bad_launch_type_keeps_the_default(void **state)
{
    (void)state;
    parse("hypervisorlaunchtype = on\n");
    assert_reported(0, 1, "hypervisorlaunchtype: \"on\" is neither auto nor off: using auto");
    assert_int_equal(t.config.launch, CONFIG_LAUNCH_AUTO);
}

static void line_without_equals_is_named(void **state)
{
    (void)state;
    parse("a\nhello world\n");
    assert_reported(0, 1, "\"a\" is not of the form key = value: ignored");
    assert_reported(1, 2, "\"hello world\" is not of the form key = value: ignored");
}

static void bad_path_keeps_the_default(void **state)
{
    (void)state;
    parse("root = \nroot = \\a b\nroot = \\folder\\\nhypervisor =\nmodule = \n");
    assert_int_equal(t.count, 5);
    assert_reported(0, 1, "root: \"\" is not a path: using \\EFI\\verdigris\\root.elf");
    assert_reported(2, 3, "root: \"\\folder\\\" is not a path: using \\EFI\\verdigris\\root.elf");
    assert_reported(3, 4,
                    "hypervisor: \"\" is not a path: using the image that fits the processor");
    assert_reported(4, 5, "module: \"\" is not a path: left out");
    assert_string_equal(t.config.root, CONFIG_DEFAULT_ROOT);
}

static void path_of_the_greatest_length_fits(void **state)
{
    char text[CONFIG_PATH_MAX + 32] = "root = ";
    size_t start = strlen(text);

    (void)state;
    memset(text + start, 'x', CONFIG_PATH_MAX - 1);
    text[start + CONFIG_PATH_MAX - 1] = '\0';
    parse(text);
    assert_int_equal(t.count, 0);
    assert_int_equal(strlen(t.config.root), CONFIG_PATH_MAX - 1);
    text[start + CONFIG_PATH_MAX - 1] = 'x';
    parse(text);
    assert_int_equal(t.count, 1);
    assert_string_equal(t.config.root, CONFIG_DEFAULT_ROOT);
}

static void modules_beyond_the_limit_are_left_out(void **state)
{
    char text[64 * (CONFIG_MODULES_MAX + 1)] = "";

    (void)state;
    for (int i = 0; i <= CONFIG_MODULES_MAX; i++)
        snprintf(text + strlen(text), 32, "module = \\m%d\n", i);
    parse(text);
    assert_int_equal(t.config.module_count, CONFIG_MODULES_MAX);
    assert_reported(0, CONFIG_MODULES_MAX + 1,
                    "module: more than 32 modules: \"\\m32\" is left out");
}

static void options_beyond_the_limit_are_left_out(void **state)
{
    static char text[2 * CONFIG_OPTIONS_MAX];
    size_t value = CONFIG_OPTIONS_MAX - 1 - strlen("exec=\n");

    (void)state;
    strcpy(text, "exec=");
    memset(text + strlen(text), 'x', value);
    strcat(text, "\nexec=y\n");
    parse(text);
    assert_int_equal(t.config.options_length, CONFIG_OPTIONS_MAX - 1);
    assert_int_equal(t.count, 1);
    assert_reported(0, 2, "exec: more than 16384 bytes of options: left out");
}

static void control_characters_are_refused(void **state)
{
    static const char text[] = "exec = a\0b\nstartup = \x1b[2J\n";

    (void)state;
    t.count = 0;
    config_defaults(&t.config);
    config_parse(&t.config, text, sizeof(text) - 1, record, &t);
    assert_int_equal(t.count, 2);
    assert_reported(0, 1, "exec: the value has control characters: ignored");
    assert_string_equal(t.config.options, "");
}

static void report_quotes_only_the_beginning_of_a_long_line(void **state)
{
    char text[1000];

    (void)state;
    memset(text, 'k', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    parse(text);
    assert_int_equal(t.count, 1);
    assert_true(strlen(t.texts[0]) < 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_file_gives_the_defaults),
        cmocka_unit_test(keys_set_what_they_name),
        cmocka_unit_test(slashes_become_backslashes),
        cmocka_unit_test(options_are_handed_on_as_lines),
        cmocka_unit_test(comments_and_blank_lines_say_nothing),
        cmocka_unit_test(number_sign_inside_a_word_is_text),
        cmocka_unit_test(line_ends_of_dos_are_taken),
        cmocka_unit_test(last_line_needs_no_end),
        cmocka_unit_test(unknown_key_is_named_with_its_line),
        cmocka_unit_test(bad_launch_type_keeps_the_default),
        cmocka_unit_test(line_without_equals_is_named),
        cmocka_unit_test(bad_path_keeps_the_default),
        cmocka_unit_test(path_of_the_greatest_length_fits),
        cmocka_unit_test(modules_beyond_the_limit_are_left_out),
        cmocka_unit_test(options_beyond_the_limit_are_left_out),
        cmocka_unit_test(control_characters_are_refused),
        cmocka_unit_test(report_quotes_only_the_beginning_of_a_long_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
