/* SPDX-License-Identifier: MIT */
/* tests/unit/test_shell_line.c - the shell's line editor, watched through a terminal of one line. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "shell/line.h"

#define PROMPT "> "
#define UP     "\033[A"
#define DOWN   "\033[B"
#define RIGHT  "\033[C"
#define LEFT   "\033[D"

static const char *const words[] = {"start", "stats", "stop", "wait", NULL};

/* What a terminal shows on the cursor's line. */
static struct {
    char text[2 * LINE_SIZE];
    size_t cursor;
    unsigned escape; /* characters of "ESC [ x" seen */
    unsigned lines;  /* finished */
} screen;

static struct line_editor editor;

static void erase_to_end(void)
{
    memset(screen.text + screen.cursor, 0, sizeof(screen.text) - screen.cursor);
}

static void show(char c)
{
    if (screen.escape == 0 && c == '\033') {
        screen.escape = 1;
    } else if (screen.escape == 1) {
        assert_int_equal(c, '[');
        screen.escape = 2;
    } else if (screen.escape == 2) {
        assert_int_equal(c, 'K');
        erase_to_end();
        screen.escape = 0;
    } else if (c == '\b') {
        assert_true(screen.cursor > 0);
        screen.cursor--;
    } else if (c == '\r') {
        screen.cursor = 0;
    } else if (c == '\n') {
        memset(screen.text, 0, sizeof(screen.text));
        screen.cursor = 0;
        screen.lines++;
    } else {
        screen.text[screen.cursor++] = c;
    }
}

static void terminal_write(void *context, const char *text, size_t length)
{
    (void)context;
    for (size_t i = 0; i < length; i++)
        show(text[i]);
}

static const char *candidate(void *context, const char *text, size_t start, unsigned n)
{
    (void)context;
    (void)text;
    return start == 0 ? words[n] : NULL;
}

static const struct line_callbacks callbacks = {terminal_write, candidate, NULL};

static int setup(void **state)
{
    (void)state;
    memset(&screen, 0, sizeof(screen));
    line_init(&editor, &callbacks, PROMPT);
    line_begin(&editor);
    return 0;
}

static enum line_result type(const char *keys)
{
    enum line_result r = LINE_MORE;

    for (; *keys != '\0'; keys++) {
        r = line_key(&editor, *keys);
        if (r != LINE_MORE)
            return r;
    }
    return r;
}

/* Editor and screen agree, on @text with the cursor at @cursor. */
static void expect(const char *text, size_t cursor)
{
    char shown[LINE_SIZE + sizeof(PROMPT)];

    assert_string_equal(editor.text, text);
    assert_int_equal(editor.cursor, cursor);
    strcpy(shown, PROMPT);
    strcat(shown, text);
    assert_string_equal(screen.text, shown);
    assert_int_equal(screen.cursor, strlen(PROMPT) + cursor);
}

static void enter(const char *line)
{
    assert_int_equal(type(line), LINE_MORE);
    assert_int_equal(type("\r"), LINE_DONE);
    line_begin(&editor);
}

static void characters_are_shown_and_kept(void **state)
{
    (void)state;
    type("lps");
    expect("lps", 3);
    assert_int_equal(type("\r"), LINE_DONE);
    assert_string_equal(editor.text, "lps");
}

static void carriage_return_with_line_feed_is_one_line(void **state)
{
    (void)state;
    assert_int_equal(type("a\r"), LINE_DONE);
    line_begin(&editor);
    assert_int_equal(type("\n"), LINE_MORE);
    assert_int_equal(type("\n"), LINE_DONE);
}

static void insertion_in_the_middle_moves_the_rest(void **state)
{
    (void)state;
    type("stp" LEFT "o");
    expect("stop", 3);
}

static void backspace_and_delete_remove_one_character(void **state)
{
    (void)state;
    type("abcd" LEFT LEFT "\b");
    expect("acd", 1);
    type("\033[3~");
    expect("ad", 1);
    type("\177\177");
    expect("d", 0);
}

static void cursor_stays_inside_the_line(void **state)
{
    (void)state;
    type("ab" RIGHT RIGHT);
    expect("ab", 2);
    type(LEFT LEFT LEFT);
    expect("ab", 0);
    type("\005");
    expect("ab", 2);
    type("\033[H");
    expect("ab", 0);
}

static void control_keys_erase_words_and_ends(void **state)
{
    (void)state;
    type("stop hello  \027");
    expect("stop ", 5);
    type("xy" LEFT "\013");
    expect("stop x", 6);
    type("\025");
    expect("", 0);
}

static void history_is_walked_and_the_new_line_kept(void **state)
{
    (void)state;
    enter("one");
    enter("two");
    type("thr" UP);
    expect("two", 3);
    type(UP UP);
    expect("one", 3);
    type(DOWN DOWN DOWN);
    expect("thr", 3);
}

static void repeated_line_is_remembered_once(void **state)
{
    (void)state;
    enter("one");
    enter("one");
    enter("");
    type(UP UP);
    expect("one", 3);
    assert_int_equal(editor.history_count, 1);
}

static void history_forgets_its_oldest(void **state)
{
    char line[3] = "a0";

    (void)state;
    for (unsigned i = 0; i < LINE_HISTORY + 5; i++) {
        line[1] = (char)('0' + i);
        enter(line);
    }
    for (unsigned i = 0; i < 2 * LINE_HISTORY; i++)
        type(UP);
    expect("a5", 2);
}

static void only_candidate_is_completed_with_a_blank(void **state)
{
    (void)state;
    type("w\t");
    expect("wait ", 5);
}

static void common_beginning_is_completed_then_listed(void **state)
{
    unsigned lines;

    (void)state;
    type("s\t");
    expect("st", 2);
    type("a\t");
    expect("sta", 3);
    lines = screen.lines;
    assert_true(lines >= 1); /* start and stats were listed */
    type("r\t");
    expect("start ", 6);
}

static void unknown_word_is_not_completed(void **state)
{
    (void)state;
    type("x\t");
    expect("x", 1);
    type(" y\t");
    expect("x y", 3);
}

static void full_line_takes_no_more(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * LINE_SIZE; i++)
        type("a");
    assert_int_equal(editor.length, LINE_SIZE - 1);
    assert_int_equal(strlen(editor.text), LINE_SIZE - 1);
}

static void control_c_abandons_the_line(void **state)
{
    (void)state;
    assert_int_equal(type("half\003"), LINE_CANCEL);
    line_begin(&editor);
    expect("", 0);
}

static void random_keys_never_break_the_line(void **state)
{
    static const char keys[] = "ab \b\t\001\002\003\004\005\006\013\016\020\025\027\033[ABCDHF3~\r\n";

    (void)state;
    srandom(2);
    for (unsigned i = 0; i < 300000; i++) {
        if (line_key(&editor, keys[(unsigned)random() % (sizeof(keys) - 1)]) != LINE_MORE)
            line_begin(&editor);
        assert_true(editor.cursor <= editor.length);
        assert_true(editor.length < LINE_SIZE);
        assert_int_equal(editor.text[editor.length], '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(characters_are_shown_and_kept, setup),
        cmocka_unit_test_setup(carriage_return_with_line_feed_is_one_line, setup),
        cmocka_unit_test_setup(insertion_in_the_middle_moves_the_rest, setup),
        cmocka_unit_test_setup(backspace_and_delete_remove_one_character, setup),
        cmocka_unit_test_setup(cursor_stays_inside_the_line, setup),
        cmocka_unit_test_setup(control_keys_erase_words_and_ends, setup),
        cmocka_unit_test_setup(history_is_walked_and_the_new_line_kept, setup),
        cmocka_unit_test_setup(repeated_line_is_remembered_once, setup),
        cmocka_unit_test_setup(history_forgets_its_oldest, setup),
        cmocka_unit_test_setup(only_candidate_is_completed_with_a_blank, setup),
        cmocka_unit_test_setup(common_beginning_is_completed_then_listed, setup),
        cmocka_unit_test_setup(unknown_word_is_not_completed, setup),
        cmocka_unit_test_setup(full_line_takes_no_more, setup),
        cmocka_unit_test_setup(control_c_abandons_the_line, setup),
        cmocka_unit_test_setup(random_keys_never_break_the_line, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
