/* SPDX-License-Identifier: MIT */
/* tests/unit/test_worker_console.c - what a worker writes to its console: lines with its child's
 * name, without control characters, and no more of them than root's log is to have. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rootabi/syscall.h>
#include "child/worker_console.h"
#include "lib/log_limit.h"
#include "proc/file.h"
#include "root_kernel.h"

#define SECOND 1000000000ull

static struct file *console;
static bool no_file;

struct file *file_create(const struct file_operations *ops, void *object, uint32_t flags)
{
    struct file *f = no_file ? NULL : calloc(1, sizeof(*f));

    if (f != NULL)
        *f = (struct file){.ops = ops, .object = object, .references = 1, .flags = flags};
    return f;
}

static int begin(void **state)
{
    (void)state;
    fake_kernel_reset();
    fake.now = 5 * SECOND;
    console = worker_console_create("kid");
    return console != NULL ? 0 : -1;
}

static void close_console(void)
{
    console->ops->release(console);
    free(console);
    console = NULL;
}

static int end(void **state)
{
    (void)state;
    if (console != NULL)
        close_console();
    return fake.live != 0 || fake.locks_held != 0;
}

static void say_bytes(const char *text, size_t size)
{
    assert_int_equal(console->ops->write(console, text, size), size);
}

static void say(const char *text)
{
    say_bytes(text, strlen(text));
}

static void a_line_has_the_childs_name(void **state)
{
    (void)state;
    say("there is no disk\n");
    assert_string_equal(fake.log_text, "[kid] vmwp: there is no disk");
    assert_int_equal(fake.log_lines, 1);
}

static void pieces_make_one_line(void **state)
{
    (void)state;
    say("a ");
    say("b");
    assert_int_equal(fake.log_lines, 0);
    say("\nnext");
    assert_string_equal(fake.log_text, "[kid] vmwp: a b");
    say("\n");
    assert_string_equal(fake.log_text, "[kid] vmwp: next");
    assert_int_equal(fake.log_lines, 2);
}

static void control_characters_are_replaced(void **state)
{
    static const char hostile[] = "\x1b[2J\x1b]0;x\x07\rroot> \x7f\x80\x9b\xff\tz\0end\n";

    (void)state;
    say_bytes(hostile, sizeof(hostile) - 1);
    assert_string_equal(fake.log_text, "[kid] vmwp: ?[2J?]0;x??root> ?????z?end");
}

static void every_byte_but_the_end_of_a_line_is_shown(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        const char text[] = {'<', (char)c, '>', '\n'};

        fake.now += SECOND;
        if (c == '\n')
            continue;
        say_bytes(text, sizeof(text));
        assert_int_equal(strlen(fake.log_text), strlen("[kid] vmwp: <?>"));
        assert_int_equal(fake.log_text[strlen("[kid] vmwp: <")], c < ' ' || c > '~' ? '?' : c);
    }
}

static void a_fake_prompt_begins_no_line(void **state)
{
    (void)state;
    say("\nroot> kill 1\nroot> ");
    assert_string_equal(fake.log_text, "[kid] vmwp: root> kill 1");
    close_console();
    assert_string_equal(fake.log_text, "[kid] vmwp: root> ");
}

static void a_long_line_is_several(void **state)
{
    char text[3 * WORKER_CONSOLE_LINE_MAX];

    (void)state;
    memset(text, 'x', sizeof(text));
    say_bytes(text, sizeof(text));
    assert_int_equal(fake.log_lines, 3);
    assert_int_equal(strlen(fake.log_text), strlen("[kid] vmwp: ") + WORKER_CONSOLE_LINE_MAX);
    close_console();
    assert_int_equal(fake.log_lines, 3);
}

static void a_flood_is_dropped_and_counted(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10000; i++)
        say("flood\n");
    assert_int_equal(fake.log_lines, WORKER_CONSOLE_BURST);
    fake.now += SECOND;
    say("calm\n");
    assert_string_equal(fake.log_text, "[kid] vmwp: calm");
    assert_int_equal(fake.log_lines, WORKER_CONSOLE_BURST + 2); /* and the count */
    for (unsigned i = 0; i < 10000; i++)
        say("flood\n");
    assert_int_equal(fake.log_lines, WORKER_CONSOLE_BURST + 1 + LOG_LIMIT_PER_SECOND);
}

static void what_was_dropped_last_is_counted_at_the_end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WORKER_CONSOLE_BURST + 7; i++)
        say("flood\n");
    close_console();
    assert_string_equal(fake.log_text, "[kid] vmwp: 7 lines dropped");
    assert_int_equal(fake.log_lines, WORKER_CONSOLE_BURST + 1);
}

/* So nobody sleeps for it, and there is nothing that a kill would have to interrupt. */
static void it_is_always_ready_and_cannot_be_read(void **state)
{
    (void)state;
    assert_null(console->ops->poll);
    assert_null(console->ops->read);
    assert_int_equal(console->flags & OPEN_ACCESS_MASK, OPEN_WRITE);
    say_bytes("", 0);
    assert_int_equal(fake.steps, 0);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    no_file = true;
    assert_null(worker_console_create("other"));
    no_file = false;
    fake.allocations_left = 0;
    assert_null(worker_console_create("other"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_line_has_the_childs_name),
        T(pieces_make_one_line),
        T(control_characters_are_replaced),
        T(every_byte_but_the_end_of_a_line_is_shown),
        T(a_fake_prompt_begins_no_line),
        T(a_long_line_is_several),
        T(a_flood_is_dropped_and_counted),
        T(what_was_dropped_last_is_counted_at_the_end),
        T(it_is_always_ready_and_cannot_be_read),
        T(without_memory_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
