/* SPDX-License-Identifier: MIT */
/* root/user/shell/commands.c - the table of commands, and those about root itself. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/root.h>
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include "lib/print.h"
#include "lib/system.h"
#include "shell/line.h"
#include "shell/shell.h"

#define NS_PER_S  1000000000ul
#define NS_PER_MS 1000000ul
#define NS_PER_US 1000ul
#define KIB       1024ul

int report(const char *what, int64_t result)
{
    if (result < 0)
        print("%s: %s\n", what, error_text(result));
    return result < 0;
}

bool module_find(const char *name, char *found)
{
    struct root_module m = {0};
    char with_suffix[sizeof(m.name)];

    rt_snprintf(with_suffix, sizeof(with_suffix), "%s.elf", name);
    for (; device_call(DEVICE_ROOT, ROOT_IOCTL_MODULE, &m) == 0; m.index++) {
        if (strcmp(m.name, name) != 0 && strcmp(m.name, with_suffix) != 0)
            continue;
        rt_strlcpy(found, m.name, sizeof(m.name));
        return true;
    }
    return false;
}

static int command_help(int argc, char **argv)
{
    bool found = argc < 2;

    for (unsigned i = 0; i < command_count; i++) {
        char head[256]; /* all of vm's usage */

        if (argc > 1 && strcmp(argv[1], commands[i].name) != 0)
            continue;
        found = true;
        rt_snprintf(head, sizeof(head), "%s %s", commands[i].name, commands[i].usage);
        print("  %-44s %s\n", head, commands[i].help);
    }
    if (!found)
        print("help: there is no command %s\n", argv[1]);
    return !found;
}

static int command_memory(int argc, char **argv)
{
    struct root_info i;
    int64_t result = device_call(DEVICE_ROOT, ROOT_IOCTL_INFO, &i);

    (void)argc;
    (void)argv;
    if (result < 0)
        return report("memory", result);
    print("total       %10lu KiB\n", i.memory_total / KIB);
    print("free        %10lu KiB\n", i.memory_free / KIB);
    print("loader      %10lu KiB\n", i.memory_loader / KIB);
    print("hypervisor  %10lu KiB, not in the total\n", i.memory_hypervisor / KIB);
    return 0;
}

/* The hypervisor's view of a CPU; nothing where there is none. */
static void print_lp_times(uint32_t index)
{
    struct vm_lp lp = {.index = index};

    if (device_call(DEVICE_VM, VM_IOCTL_LP, &lp) == 0)
        print(", root %lu us, children %lu us", lp.root_ns / NS_PER_US, lp.children_ns / NS_PER_US);
}

static int command_lps(int argc, char **argv)
{
    struct root_cpu c = {0};
    struct root_info i;
    int64_t result = device_call(DEVICE_ROOT, ROOT_IOCTL_INFO, &i);

    (void)argc;
    (void)argv;
    if (result < 0)
        return report("lps", result);
    print("LP  APIC ID     idle ms   switches interrupts  runs\n");
    for (; device_call(DEVICE_ROOT, ROOT_IOCTL_CPU, &c) == 0; c.index++) {
        print("%2u  %7u  %10lu %10lu %10lu  %s", c.index, c.apic_id, c.idle_ns / NS_PER_MS,
              c.switches, c.interrupts, c.thread);
        print_lp_times(c.index);
        print("\n");
    }
    print("%u LPs, up %lu ms\n", i.cpu_count, i.uptime_ns / NS_PER_MS);
    return 0;
}

static int command_modules(int argc, char **argv)
{
    struct root_module m = {0};

    (void)argc;
    (void)argv;
    for (; device_call(DEVICE_ROOT, ROOT_IOCTL_MODULE, &m) == 0; m.index++)
        print("%-32s %10lu bytes\n", m.name, m.size);
    return 0;
}

static int command_log(int argc, char **argv)
{
    static struct root_log l;

    (void)argc;
    (void)argv;
    l.position = 0;
    for (;;) {
        int64_t result = device_call(DEVICE_ROOT, ROOT_IOCTL_LOG, &l);

        if (result < 0)
            return report("log", result);
        if (l.length == 0)
            return 0;
        write(STDOUT_FILE, l.text, l.length > KIB ? KIB : l.length);
        if (l.length > KIB)
            write(STDOUT_FILE, l.text + KIB, l.length - KIB);
    }
}

static int command_echo(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        print("%s%s", i > 1 ? " " : "", argv[i]);
    print("\n");
    return 0;
}

static int command_sleep(int argc, char **argv)
{
    uint64_t seconds;

    if (argc != 2 || !parse_number(argv[1], &seconds) || seconds > UINT64_MAX / NS_PER_S) {
        print("sleep: how many seconds?\n");
        return 1;
    }
    sleep_ns(seconds * NS_PER_S);
    return 0;
}

static int command_kill(int argc, char **argv)
{
    uint64_t id;

    if (argc != 2 || !parse_number(argv[1], &id)) {
        print("kill: which process?\n");
        return 1;
    }
    return report("kill", system_call(SYSCALL_KILL, id, SIGNAL_KILL, 0, 0, 0));
}

static int command_reboot(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    reboot(REBOOT_RESTART);
    return 1;
}

static int command_poweroff(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    reboot(REBOOT_POWER_OFF);
    return 1;
}

const struct command commands[] = {
    {"help", "[COMMAND]", "this list, or a line of it", COMPLETE_NONE, command_help},
    {"partitions", "", "the partitions", COMPLETE_NONE, command_partitions},
    {"vps", "", "the virtual processors", COMPLETE_NONE, command_vps},
    {"lps", "", "the logical processors", COMPLETE_NONE, command_lps},
    {"channels", "", "children's VMBus channels: rings and I/O", COMPLETE_NONE, command_channels},
    {"stats", "[PREFIX]", "counters whose names begin so", COMPLETE_NONE, command_stats},
    {"memory", "", "how much there is", COMPLETE_NONE, command_memory},
    {"disks", "[--hash] [NAME]... | --read NAME | --fill SEED NAME | --discard NAME",
     "the disks; SHA-256 of their contents; read or overwrite one", COMPLETE_NONE, command_disks},
    {"nics", "", "the network cards: link and frames", COMPLETE_NONE, command_nics},
    {"switch", "", "the switches: ports and frames; root's address", COMPLETE_NONE, command_switch},
    {"modules", "", "the boot modules", COMPLETE_NONE, command_modules},
    {"start", "NAME [MODULE] [KEY=VALUE]...",
     "start a child: vps=N memory=MIB weight=N cap=P% reserve=P% disk=NAME[,ro] "
     "net=SWITCH[,VLAN] --write --echo or its own",
     COMPLETE_MODULE, command_start},
    {"vm",
     "list | start|stop|shutdown|reset|pause|resume|freeze|thaw|info|stats NAME | "
     "set NAME KEY [VALUE] | link NAME up|down | keys NAME TEXT|--enter... | "
     "console NAME [--exec 'COMMANDS']",
     "children that have a definition", COMPLETE_CHILD, command_vm},
    {"stop", "NAME", "end a child", COMPLETE_CHILD, command_stop},
    {"wait", "NAME [SECONDS]", "wait until a child ends; Ctrl-C ends the wait alone",
     COMPLETE_CHILD, command_wait},
    {"log", "", "the kernel's log", COMPLETE_NONE, command_log},
    {"date", "[YYYY-MM-DD HH:MM:SS]", "root's clock, UTC; set it, and the children's",
     COMPLETE_NONE, command_date},
    {"echo", "[WORD]...", "print the words", COMPLETE_NONE, command_echo},
    {"sleep", "SECONDS", "do nothing for so long", COMPLETE_NONE, command_sleep},
    {"kill", "PROCESS", "end a process of ring 3; vm info NAME has that of a child's worker",
     COMPLETE_NONE, command_kill},
    {"reboot", "", "reset the machine", COMPLETE_NONE, command_reboot},
    {"poweroff", "", "switch the machine off", COMPLETE_NONE, command_poweroff},
};
const unsigned command_count = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
    for (unsigned i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int run_line(const char *text)
{
    char line[LINE_SIZE];
    char *words[ARGUMENTS_MAX];
    const struct command *c;
    int n;

    rt_strlcpy(line, text, sizeof(line));
    n = split_words(line, words);
    if (n == 0)
        return -1;
    if (n > ARGUMENTS_MAX) {
        print("%s: more than %u words\n", words[0], ARGUMENTS_MAX);
        return 1;
    }
    c = command_find(words[0]);
    if (c == NULL) {
        print("%s: no such command, try help\n", words[0]);
        return 1;
    }
    return c->run(n, words) != 0;
}
