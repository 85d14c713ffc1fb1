/* SPDX-License-Identifier: MIT */
/* root/cpu/descriptors.h - the descriptor tables: one GDT and TSS per CPU, one IDT for all. */
#ifndef ROOT_CPU_DESCRIPTORS_H
#define ROOT_CPU_DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>
#include <x86/desc.h>

/* Selectors. SYSRET wants user data directly below user code (SDM vol. 2, SYSRET). */
#define SELECTOR_KERNEL_CODE 0x08
#define SELECTOR_KERNEL_DATA 0x10
#define SELECTOR_USER_DATA   0x1b /* RPL 3 */
#define SELECTOR_USER_CODE   0x23
#define SELECTOR_TSS         0x28

/* Interrupt stack table: the faults that may strike while the stack is unusable. */
enum { IST_NONE, IST_DOUBLE_FAULT, IST_NMI, IST_MACHINE_CHECK, IST_COUNT };

struct descriptor_tables {
    uint64_t gdt[8]; /* 16-byte TSS descriptor in 5 and 6 */
    struct tss tss;
};

/* Fill @t and load it on this CPU, whose GS base becomes @gs_base. @ist_tops are the stack tops
 * of IST_DOUBLE_FAULT to IST_COUNT - 1. */
void descriptors_load(struct descriptor_tables *t, uint64_t gs_base,
                      const uint64_t ist_tops[IST_COUNT]);

/* Build the IDT, once, before the first descriptors_load. */
void idt_init(void);

#endif
