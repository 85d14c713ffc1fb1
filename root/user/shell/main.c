/* SPDX-License-Identifier: MIT */
/* root/user/shell/main.c - the operator's shell: boot.cfg's commands first, then a prompt. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/root.h>
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include "lib/print.h"
#include "lib/system.h"
#include "shell/line.h"
#include "shell/shell.h"

#define PROMPT "root> "

enum { OPTION_SIZE = 16384 }; /* all of boot.cfg's options have no more */

int main(void);

#define INTERRUPT_KEY 0x03 /* Ctrl-C */
#define LEAVE_KEY     0x1d /* Ctrl-] */

static int device_files[DEVICE_FILES];

/* Keys that have been read, but are still to be taken. */
static struct {
    char keys[4096]; /* as many as root keeps */
    size_t length;
    int file; /* the console, without waiting */
} typed;

void devices_open(void)
{
    static const char *const paths[DEVICE_FILES] = {"/dev/root", "/dev/vm", "/dev/disk",
                                                    "/dev/net"};

    for (unsigned i = 0; i < DEVICE_FILES; i++)
        device_files[i] = (int)open(paths[i], OPEN_READ_WRITE);
    typed.file = (int)open("/dev/console", OPEN_NONBLOCK); /* to read */
}

int64_t device_call(enum device_file device, uint32_t command, void *argument)
{
    return ioctl(device_files[device], command, argument);
}

static void terminal_write(void *context, const char *text, size_t length)
{
    (void)context;
    write(STDOUT_FILE, text, length);
}

static const char *candidate_module(unsigned n)
{
    static struct root_module m;

    m.index = n;
    return device_call(DEVICE_ROOT, ROOT_IOCTL_MODULE, &m) == 0 ? m.name : NULL;
}

static const char *candidate_child(unsigned n)
{
    static struct vm_partition p;

    p.index = n;
    return device_call(DEVICE_VM, VM_IOCTL_PARTITION, &p) == 0 ? p.name : NULL;
}

/* What could be the word at @start: a command, or what the line's command takes. */
static const char *candidate(void *context, const char *text, size_t start, unsigned n)
{
    char line[LINE_SIZE];
    char *words[ARGUMENTS_MAX];
    const struct command *c;

    (void)context;
    rt_strlcpy(line, text, start + 1 < sizeof(line) ? start + 1 : sizeof(line));
    if (split_words(line, words) == 0)
        return n < command_count ? commands[n].name : NULL;
    c = command_find(words[0]);
    if (c == NULL || c->completes == COMPLETE_NONE)
        return NULL;
    return c->completes == COMPLETE_MODULE ? candidate_module(n) : candidate_child(n);
}

/* The value of @key among boot.cfg's options, piece by piece; NULL: it is not there. */
static const char *option(const char *key)
{
    static char value[OPTION_SIZE];
    static struct root_option o;

    rt_strlcpy(o.key, key, sizeof(o.key));
    o.offset = 0;
    do {
        if (device_call(DEVICE_ROOT, ROOT_IOCTL_OPTION, &o) != 0)
            return NULL;
        if (o.length >= sizeof(value)) {
            print("%s: longer than %u characters\n", key, (unsigned)sizeof(value) - 1);
            return NULL;
        }
        rt_strlcpy(value + o.offset, o.value, sizeof(value) - o.offset);
        o.offset += (uint32_t)strlen(o.value);
    } while (o.offset < o.length);
    return value;
}

static void run_options(void)
{
    const char *text = option("startup");
    struct script_counts c;

    if (text != NULL)
        script_run(text, PROMPT);
    text = option("exec");
    if (text == NULL)
        return;
    c = script_run(text, PROMPT);
    print("exec: %u commands, %u failed\n", c.run, c.failed);
    reboot(REBOOT_POWER_OFF);
}

static void forget_keys(size_t n)
{
    typed.length -= n;
    memmove(typed.keys, typed.keys + n, typed.length);
}

bool interrupt_typed(void)
{
    size_t forget = 0;
    int64_t n;

    if (typed.length == sizeof(typed.keys))
        typed.length--; /* or nothing would be read any more */
    n = read(typed.file, typed.keys + typed.length, sizeof(typed.keys) - typed.length);
    typed.length += n > 0 ? (size_t)n : 0;
    for (size_t i = 0; i < typed.length; i++)
        if (typed.keys[i] == INTERRUPT_KEY || typed.keys[i] == LEAVE_KEY)
            forget = i + 1;
    forget_keys(forget);
    return forget != 0;
}

/* Waits for it. False: there will be none. */
static bool next_key(char *key)
{
    int64_t n = (int64_t)typed.length;

    if (n == 0)
        n = read(STDIN_FILE, typed.keys, sizeof(typed.keys));
    if (n <= 0)
        return false;
    typed.length = (size_t)n;
    *key = typed.keys[0];
    forget_keys(1);
    return true;
}

int main(void)
{
    static struct line_editor editor;
    static const struct line_callbacks callbacks = {terminal_write, candidate, NULL};
    char key;

    devices_open();
    run_options();
    line_init(&editor, &callbacks, PROMPT);
    line_begin(&editor);
    while (next_key(&key)) {
        enum line_result r = line_key(&editor, key);

        if (r == LINE_DONE)
            run_line(editor.text);
        if (r != LINE_MORE)
            line_begin(&editor);
    }
    return 1;
}
