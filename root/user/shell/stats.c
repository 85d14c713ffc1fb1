/* SPDX-License-Identifier: MIT */
/* root/user/shell/stats.c - `vm stats`: what a child does, live. */
#include <rt/mem.h>
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include "lib/print.h"
#include "lib/system.h"
#include "shell/shell.h"

enum { REASONS_MAX = 64, INTERVAL_MS = 1000 };

/* Exits of all VPs of a child for one reason, or what else is counted of them. */
struct reason {
    char name[24];
    uint64_t total, before;
};

static struct reason reasons[REASONS_MAX];
static unsigned reason_count;

static struct reason *reason_of(const char *name)
{
    unsigned i = 0;

    while (i < reason_count && strcmp(reasons[i].name, name) != 0)
        i++;
    if (i == REASONS_MAX)
        return NULL;
    if (i == reason_count) {
        reasons[reason_count++] = (struct reason){0};
        rt_strlcpy(reasons[i].name, name, sizeof(reasons[i].name));
    }
    return &reasons[i];
}

/* The reason in "NAME.VP.exits.REASON", or "cap_waits"; NULL: it is another child's, or no such
 * counter. */
static const char *reason_in(const char *counter, const char *name)
{
    static const char exits[] = ".exits.";
    size_t n = strlen(name);

    if (strncmp(counter, name, n) != 0 || counter[n] != '.')
        return NULL;
    for (counter += n + 1; *counter >= '0' && *counter <= '9'; counter++)
        ;
    if (strcmp(counter, ".cap_waits") == 0)
        return counter + 1;
    return strncmp(counter, exits, strlen(exits)) == 0 ? counter + strlen(exits) : NULL;
}

/* False: there is no such child. */
static bool take_counters(const char *name)
{
    struct vm_statistic s = {0};
    bool found = false;

    for (unsigned i = 0; i < reason_count; i++) {
        reasons[i].before = reasons[i].total;
        reasons[i].total = 0;
    }
    for (; device_call(DEVICE_VM, VM_IOCTL_STATISTIC, &s) == 0; s.index++) {
        const char *text = reason_in(s.name, name);
        struct reason *r = text != NULL ? reason_of(text) : NULL;

        if (r != NULL)
            r->total += s.value;
        found |= text != NULL;
    }
    return found;
}

static void print_channels(const char *name)
{
    struct vm_channel c = {0};

    for (; device_call(DEVICE_VM, VM_IOCTL_CHANNEL, &c) == 0; c.index++)
        if (strcmp(c.partition, name) == 0)
            channel_print(&c);
}

static void print_reasons(void)
{
    for (unsigned i = 0; i < reason_count; i++)
        if (reasons[i].total != 0)
            print("%-24s %12lu  %8lu in the last second\n", reasons[i].name, reasons[i].total,
                  reasons[i].total - reasons[i].before);
}

int stats_watch(const char *name)
{
    struct root_pollfd keys = {.fd = STDIN_FILE, .events = POLL_IN};

    reason_count = 0;
    if (!take_counters(name)) {
        print("vm: no child that runs is called %s\n", name);
        return 1;
    }
    while (poll(&keys, 1, INTERVAL_MS) == 0 && take_counters(name)) {
        print("--- %s (a key ends this)\n", name);
        print_reasons();
        print_channels(name);
    }
    if (keys.revents != 0) {
        char typed[64];

        read(STDIN_FILE, typed, sizeof(typed));
    }
    return 0;
}
