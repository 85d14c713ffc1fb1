/* SPDX-License-Identifier: MIT */
/* core/interrupts.h - exceptions and interrupts of the processor itself. */
#ifndef CORE_INTERRUPTS_H
#define CORE_INTERRUPTS_H

#include <stdint.h>

struct pcpu;

/* The GDT's. boot/entry.asm loads them. */
enum {
    SELECTOR_CODE = 0x08,
    SELECTOR_DATA = 0x10,
    SELECTOR_TSS = 0x18,
};

/* trap_frame.vector: no exception, but a call of panic(), to which RIP returns. */
#define TRAP_CALLED 256u

/* What boot/entry.asm leaves on the stack. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Load GDT, IDT, TSS and GS for @cpu, on which this runs. */
void interrupts_init(struct pcpu *cpu);

#endif
