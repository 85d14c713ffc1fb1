/* SPDX-License-Identifier: MIT */
/* root/cpu/trap.h - entry into the kernel: exceptions, interrupts and their vectors.
 *
 * trap.asm saves every register in a struct trap_frame and calls trap_enter, which dispatches.
 * Interrupts are off in all of it; the way out preempts the thread if that is due. */
#ifndef ROOT_CPU_TRAP_H
#define ROOT_CPU_TRAP_H

#include <stdbool.h>
#include <stdint.h>
#include <x86/cr.h>
#include <x86/exception.h>

enum {
    VECTOR_TIMER = 0x20, /* vectors below are the processor's */
    VECTOR_RESCHEDULE = 0x21,
    VECTOR_TLB = 0x22,
    VECTOR_SPURIOUS = 0x2f,
    VECTOR_DEVICE_FIRST = 0x30,
    VECTOR_DEVICE_LAST = 0xef, /* 0xf0 and above are the hypervisor's */
    TRAP_VECTORS = 256,
};

/* What trap.asm leaves on the stack; the tail is the processor's (SDM vol. 3, 6.14.2). */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

static inline bool trap_from_user(const struct trap_frame *f)
{
    return (f->cs & 3) != 0;
}

/* The C side of every entry but SYSCALL. */
void trap_enter(struct trap_frame *f);

/* Log every register of @f. */
void trap_dump(const struct trap_frame *f);

/* The name of exception @vector, for people. */
const char *trap_name(uint64_t vector);

/* What SYSCALL clears. */
#define SYSCALL_FLAGS_CLEARED (RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC)

/* trap.asm */
void syscall_entry(void); /* LSTAR's value, not callable from C */
extern const uint8_t trap_stubs[];
void segments_reload(uint64_t code, uint64_t data);
_Noreturn void trap_return(struct trap_frame *f); /* load all registers from @f and IRETQ */

#endif
