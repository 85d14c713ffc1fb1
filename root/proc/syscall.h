/* SPDX-License-Identifier: MIT */
/* root/proc/syscall.h - the system calls: decoded here, done by the parts they belong to. */
#ifndef ROOT_PROC_SYSCALL_H
#define ROOT_PROC_SYSCALL_H

#include <stdint.h>

struct process;
struct trap_frame;

enum { SYSCALL_ARGUMENTS = 6 };

/* Do system call @number for @p; its result. Thread context, interrupts on. */
int64_t syscall_dispatch(struct process *p, uint64_t number,
                         const uint64_t arguments[SYSCALL_ARGUMENTS]);

/* trap.asm's way in. */
void syscall_enter(struct trap_frame *f);

#endif
