/* SPDX-License-Identifier: MIT */
/* root/proc/syscall_entry.c - from registers to arguments; apart, so that syscall.c runs anywhere. */
#include <x86/insn.h>
#include "cpu/trap.h"
#include "proc/process.h"
#include "proc/syscall.h"

void syscall_enter(struct trap_frame *f)
{
    const uint64_t arguments[SYSCALL_ARGUMENTS] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};

    insn_sti();
    f->rax = (uint64_t)syscall_dispatch(process_current(), f->rax, arguments);
    insn_cli();
    process_leave_kernel();
}
