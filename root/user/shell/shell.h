/* SPDX-License-Identifier: MIT */
/* root/user/shell/shell.h - what the shell's parts share: commands and the device files. */
#ifndef SHELL_SHELL_H
#define SHELL_SHELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_channel;

enum { ARGUMENTS_MAX = 32 };

struct command {
    const char *name;
    const char *usage; /* arguments */
    const char *help;  /* one line */
    /* What its arguments are, for completion. */
    enum { COMPLETE_NONE, COMPLETE_MODULE, COMPLETE_CHILD } completes;
    int (*run)(int argc, char **argv); /* 0: success */
};

extern const struct command commands[];
extern const unsigned command_count;

const struct command *command_find(const char *name);

/* Split @text, in place, into words at blanks that are not within '' or "", which are taken away;
 * their number. ARGUMENTS_MAX + 1: @words does not hold all of them. */
int split_words(char *text, char **words);

/* The quote that text is in behind @c, if it was in @quote before; 0: in none. */
char quote_after(char quote, char c);

/* Run one command line: -1: it was empty, 0: success, 1: it failed. */
int run_line(const char *text);

/* Run the commands of @text, which ';' separates, showing each after @prompt. One that is too long
 * for a line fails. */
struct script_counts {
    unsigned run, failed;
};
struct script_counts script_run(const char *text, const char *prompt);

/* A non-negative number, decimal or, with 0x, hexadecimal. */
bool parse_number(const char *text, uint64_t *value);

/* The kernel's devices, opened at the start. */
enum device_file { DEVICE_ROOT, DEVICE_VM, DEVICE_DISK, DEVICE_NET, DEVICE_FILES };
void devices_open(void);
int64_t device_call(enum device_file device, uint32_t command, void *argument);

/* Has Ctrl-C or Ctrl-] been typed while a command runs? What was typed before it is forgotten, what
 * came after it, or without one, is for the prompt, as far as there is room. */
bool interrupt_typed(void);

/* Print "@what: <why>" for a negative @result; the exit status: 0 or 1. */
int report(const char *what, int64_t result);

/* The boot module @name, or @name with ".elf" added, in @found (of 64 bytes). */
bool module_find(const char *name, char *found);

/* Commands of other files. */
int command_partitions(int argc, char **argv);
int command_vps(int argc, char **argv);
int command_channels(int argc, char **argv);
int command_stats(int argc, char **argv);
int command_start(int argc, char **argv);
int command_stop(int argc, char **argv);
int command_wait(int argc, char **argv);
int command_disks(int argc, char **argv);
int command_nics(int argc, char **argv);
int command_switch(int argc, char **argv);
int command_vm(int argc, char **argv);
int command_date(int argc, char **argv);

/* shell/stats.c: exits by reason and ring traffic of child @name, each second until a key is typed. */
int stats_watch(const char *name);

/* shell/integration.c: ask the system in child @name, and say what came of it; the exit status. @value
 * NULL: the key has none any more. */
int integration_shutdown(const char *name, bool *declined);
int integration_freeze(const char *name);
int integration_thaw(const char *name);
int integration_set(const char *name, const char *key, const char *value);
/* Type on its keyboard: each word is text, or --enter, --tab, --escape, --backspace,
 * --ctrl-alt-delete. */
int integration_keys(const char *name, int count, char **words);
/* What it tells of itself, if it runs. */
void integration_info(const char *name);

/* shell/children.c */
void channel_print(const struct vm_channel *c);

#endif
