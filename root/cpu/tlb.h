/* SPDX-License-Identifier: MIT */
/* root/cpu/tlb.h - making other CPUs forget translations: of a ring-3 address space, or of kernel
 * addresses, of which only aliases (mm/alias.h) are ever unmapped. */
#ifndef ROOT_CPU_TLB_H
#define ROOT_CPU_TLB_H

struct address_space;
struct cpu;

/* When it returns, no CPU holds a translation of @space from before the call. Thread context,
 * interrupts on, no spinlock held: it waits for CPUs that may be spinning for one. */
void tlb_flush_space(const struct address_space *space);

/* The same for kernel addresses, on all CPUs. Under the same rules. */
void tlb_flush_kernel(void);

/* Do what was asked of this CPU: the IPI's body. */
void tlb_serve(struct cpu *cpu);

#endif
