/* SPDX-License-Identifier: MIT */
/* root/proc/start_frame.h - what a program finds on its stack: arguments and the auxiliary vector
 * (System V ABI for x86-64, 3.4.1). */
#ifndef ROOT_PROC_START_FRAME_H
#define ROOT_PROC_START_FRAME_H

#include <stdint.h>

struct address_space;
struct elf_loaded;

/* All arguments together, with their NULs. */
enum { START_TEXT_MAX = 16384 };

/* Write it below @top, which is mapped for START_TEXT_MAX bytes and some pages: the stack pointer.
 * 0: the arguments are too long or too many, or not mapped. */
uint64_t start_frame_write(struct address_space *space, uint64_t top, const char *const *argv,
                           uint32_t argc, const struct elf_loaded *elf);

#endif
