/* SPDX-License-Identifier: MIT */
/* kern/guest_cpu.h - a toy guest's processors: descriptor tables, all 256 vectors, faults that are
 * expected.
 *
 * Rules: guest_cpu_setup() runs on a processor before anything else here does. Vectors are handled
 * with interrupts off, on the stack that was interrupted; #DF, NMI and #MC have one of their own.
 * The image defines guest_unexpected(). */
#ifndef KERN_GUEST_CPU_H
#define KERN_GUEST_CPU_H

#include <stdint.h>
#include <x86/desc.h>

#define GUEST_CPU_MAX      32
#define GUEST_VECTOR_COUNT 256
#define GUEST_STACK_SIZE   8192
#define GUEST_IST_SIZE     4096

/* Slots of each processor's GDT, as selectors. The TSS takes two. */
#define GUEST_SELECTOR_CODE 0x08u
#define GUEST_SELECTOR_DATA 0x10u
#define GUEST_SELECTOR_TSS  0x18u
#define GUEST_GDT_SLOTS     5

/* What guest_isr.asm leaves on the stack; the processor pushed everything from rip on. */
struct guest_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};
X86_OFFSET(struct guest_frame, vector, 120);
X86_SIZE(struct guest_frame, 176);

struct guest_cpu {
    struct guest_cpu *self; /* GS:0 */
    uint32_t index;
    uint32_t online;  /* its main function runs */
    uint64_t try_rsp; /* not 0: guest_try() runs, and this is where a fault resumes */
    uint64_t gdt[GUEST_GDT_SLOTS];
    struct tss tss;
};

typedef void (*guest_handler)(struct guest_frame *frame);

/* Load this processor's tables and register it as number @index, below GUEST_CPU_MAX. */
void guest_cpu_setup(uint32_t index);

struct guest_cpu *guest_cpu_this(void);
struct guest_cpu *guest_cpu_get(uint32_t index);

/* The first byte beyond the stack of processor @index. */
void *guest_cpu_stack_top(uint32_t index);

/* Have @handler called for @vector on every processor; NULL: the vector is unexpected. */
void guest_handler_set(unsigned vector, guest_handler handler);

/* Have @vector handled, on this processor, on the stack that ends at @top, wherever it strikes. For
 * one vector; the gate is shared, so no other processor may take that vector. */
void guest_vector_stack_set(unsigned vector, void *top);

/* Call @function with @argument. GUEST_TRY_DONE when it returned, otherwise the exception vector
 * that ended it. It must hold no lock. Does not nest. */
#define GUEST_TRY_DONE 256u
unsigned guest_try(void (*function)(uint64_t argument), uint64_t argument);

/* The image's answer to a vector that nobody handles. */
_Noreturn void guest_unexpected(const struct guest_frame *frame);

/* From guest_isr.asm to guest_cpu.c, and back. */
void guest_interrupt(struct guest_frame *frame);
void guest_segments_load(uint16_t code, uint16_t data);
uint64_t guest_try_enter(void (*function)(uint64_t argument), uint64_t argument,
                         uint64_t *resume_rsp);
extern char guest_try_fault[];
extern const uint64_t guest_isr_table[GUEST_VECTOR_COUNT];

#endif
