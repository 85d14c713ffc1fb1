/* SPDX-License-Identifier: MIT */
/* root/panic.h - the end: dump what is known, stop every CPU. See also panic() in log.h. */
#ifndef ROOT_PANIC_H
#define ROOT_PANIC_H

#include <stdint.h>

struct boot_info;
struct trap_frame;

/* A fault of the kernel itself at @f, described by @what. */
_Noreturn void panic_trap(const struct trap_frame *f, const char *what);

/* Halt this CPU for good. */
_Noreturn void panic_halt(void);

/* Remember where the ELF file with our symbols is; before that backtraces are numbers. */
void symbols_init(const void *elf, uint64_t size);

/* The function that @address lies in and the distance from its start; NULL: unknown. */
const char *symbols_find(uint64_t address, uint64_t *offset);

/* The linker's build ID in hexadecimal; constant. */
const char *build_id(void);

#endif
