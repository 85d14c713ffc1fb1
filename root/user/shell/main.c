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

int main(void);

static int device_files[DEVICE_FILES];

void devices_open(void)
{
    static const char *const paths[DEVICE_FILES] = {"/dev/root", "/dev/vm", "/dev/disk"};

    for (unsigned i = 0; i < DEVICE_FILES; i++)
        device_files[i] = (int)open(paths[i], OPEN_READ_WRITE);
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

/* Run the commands of @text, separated by ';', showing each after a prompt. */
static void run_all(const char *text, unsigned *run, unsigned *failed)
{
    while (*text != '\0') {
        char line[LINE_SIZE];
        size_t n = 0;
        int status;

        while (*text == ' ' || *text == ';')
            text++;
        for (; *text != '\0' && *text != ';'; text++)
            if (n + 1 < sizeof(line))
                line[n++] = *text;
        line[n] = '\0';
        if (n == 0)
            continue;
        print(PROMPT "%s\n", line);
        status = run_line(line);
        *run += status >= 0;
        *failed += status > 0;
    }
}

static bool option(const char *key, struct root_option *o)
{
    memset(o, 0, sizeof(*o));
    rt_strlcpy(o->key, key, sizeof(o->key));
    return device_call(DEVICE_ROOT, ROOT_IOCTL_OPTION, o) == 0;
}

static void run_options(void)
{
    static struct root_option o;
    unsigned run = 0, failed = 0;

    if (option("startup", &o))
        run_all(o.value, &run, &failed);
    if (!option("exec", &o))
        return;
    run = 0;
    failed = 0;
    run_all(o.value, &run, &failed);
    print("exec: %u commands, %u failed\n", run, failed);
    reboot(REBOOT_POWER_OFF);
}

int main(void)
{
    static struct line_editor editor;
    static const struct line_callbacks callbacks = {terminal_write, candidate, NULL};
    char keys[64];

    devices_open();
    run_options();
    line_init(&editor, &callbacks, PROMPT);
    line_begin(&editor);
    for (;;) {
        int64_t n = read(STDIN_FILE, keys, sizeof(keys));

        if (n <= 0)
            return 1;
        for (int64_t i = 0; i < n; i++) {
            enum line_result r = line_key(&editor, keys[i]);

            if (r == LINE_DONE)
                run_line(editor.text);
            if (r != LINE_MORE)
                line_begin(&editor);
        }
    }
}
