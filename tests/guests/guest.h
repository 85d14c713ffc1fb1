/* SPDX-License-Identifier: MIT */
/* guest.h - what a toy guest gets from tests/guests/lib, and what it defines. docs/guests.md says
 * how root's child loader starts one (struct guest_boot in hvabi/guest_boot.h).
 *
 * A guest is one or more C files that define guest_main(); it runs on VP 0, in 64-bit mode with
 * interrupts off at first, memory mapped one to one. What it returns becomes the child's exit code. */
#ifndef GUEST_H
#define GUEST_H

#include <hvabi/guest_boot.h>
#include <hvabi/synic.h>
#include <hypercall/client.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes */
enum {
    GUEST_EXIT_OK = 0,
    GUEST_EXIT_FAILED = 1,        /* a check failed; a line says which */
    GUEST_EXIT_USAGE = 2,         /* the command line makes no sense */
    GUEST_EXIT_UNEXPECTED = 0xfe, /* a vector that nobody handles */
    GUEST_EXIT_NO_BOOT = 0xff,    /* struct guest_boot is not there */
};

/* The guest itself. */
uint8_t guest_main(const struct guest_boot *boot);

/* Print a whole line at once: lines of several VPs do not mix. At most GUEST_LINE_MAX characters.
 */
#define GUEST_LINE_MAX 256
void guest_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether something answers at the console port. */
bool guest_console_present(void);

/* End the child with @code. */
_Noreturn void guest_exit(uint8_t code);

/* The command line is words separated by blanks; an argument is a word key=value.
 * The value of @key in @line as text, cut to @size bytes with its NUL. False: there is none. */
bool guest_arg_text(const char *line, const char *key, char *value, size_t size);
/* As a number, decimal or with 0x; @fallback if there is none or it is not one. */
uint64_t guest_arg_number(const char *line, const char *key, uint64_t fallback);
/* @count of them, separated by commas. False: there are not just so many. */
bool guest_arg_numbers(const char *line, const char *key, uint64_t *numbers, uint32_t count);
/* The command line of this child. */
const char *guest_command_line(void);

/* Have the other VPs run @main. Exits with GUEST_EXIT_FAILED if one does not start. */
void guest_others_start(const struct guest_boot *boot, void (*main)(void));

/* Once, on VP 0: find the hypervisor and enable the hypercall page. False, with a line printed: it
 * is not there or refuses. */
bool guest_hypercall_enable(void);
/* This VP's client. */
const struct hv_client *guest_client(void);
/* The raw call, for control words and addresses of one's own. */
uint64_t guest_hypercall(uint64_t control, uint64_t input, uint64_t output);
/* Where the hypercall page was put. */
uint64_t guest_hypercall_page(void);

/* ---- memory beyond the image (lib/memory.c) ---- */

/* @bytes, rounded up to pages, zeroed as root gave them; never given back. Ends the child with
 * GUEST_EXIT_FAILED and a line if there are none left. */
void *guest_memory(uint64_t bytes);
/* How many bytes are left. */
uint64_t guest_memory_left(void);
/* The number of the page that @page is in. */
uint64_t guest_page_number(const void *page);
/* The numbers of @count pages from @memory on, in memory of their own. */
uint64_t *guest_page_numbers(const void *memory, uint32_t count);

/* ---- the SynIC (lib/synic.c): each VP's own, interrupts off ----
 *
 * A guest never handles anything in an interrupt: a VP that has nothing to do halts, an interrupt
 * ends that, and then it looks for messages and event flags. */

#define GUEST_VECTOR_SYNIC 0xf3 /* of the SINT that is used */
#define GUEST_VECTOR_KICK  0xf2 /* from another VP */

/* Have this VP's messages and events of @sint come. */
void guest_synic_enable(uint32_t sint);
/* Take the next message, if there is one, to @m, and ask for the one that waits behind it. */
bool guest_synic_message(struct hv_message *m);
/* Clear the event flags that are set, and call @handler for each. Whether there were any. */
bool guest_synic_events(void (*handler)(uint32_t flag));
/* Halt until an interrupt. Nothing is missed: what came since this VP looked is an interrupt. */
void guest_halt(void);
/* Make VP @vp look again at what it waits for, or its next halt end at once. */
void guest_kick(uint32_t vp);

/* Time since some moment, in 100 ns. */
uint64_t guest_time(void);

/* Privileges of this partition (HV_PRIVILEGE_*), as CPUID states them. */
uint64_t guest_privileges(void);

#endif
