/* SPDX-License-Identifier: MIT */
/* debug/panic.h - the end: every LP stops, one of them says what is known. panic() itself is in
 * debug/log.h. What happens when root dies is in docs/security.md. */
#ifndef DEBUG_PANIC_H
#define DEBUG_PANIC_H

#include <stdarg.h>
#include <stdint.h>
#include <rt/format.h>

struct trap_frame;

/* Take what boot.cfg says about the end from boot_info.options, or NULL. Boot. */
void panic_init(const char *options);

/* An exception in the hypervisor itself. */
_Noreturn void panic_trap(const struct trap_frame *f);

/* The rest of panic(), with the caller's registers (boot/entry.asm). */
_Noreturn void panic_called(const struct trap_frame *f, const char *fmt, va_list ap);

/* Root, whose VP is loaded on this LP, cannot go on: nobody answers for its children any more. Dump
 * it, stop every LP, and reset the machine unless boot.cfg says stop. */
_Noreturn void panic_root_died(const char *fmt, ...) FORMAT_PRINTF(1, 2);

/* An NMI: another LP's panic asks this one to stop, or a stray one, which the run loop logs. */
void panic_nmi(const struct trap_frame *f);

#endif
