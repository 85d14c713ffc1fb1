/* SPDX-License-Identifier: MIT */
/* root/cpu/descriptors.c - see descriptors.h. */
#include <x86/insn.h>
#include "cpu/descriptors.h"
#include "cpu/regs.h"
#include "cpu/trap.h"

/* SDM vol. 3, 3.4.5: flat 64-bit segments; base and limit are ignored. */
#define SEGMENT_KERNEL_CODE 0x00af9b000000ffffull
#define SEGMENT_KERNEL_DATA 0x00cf93000000ffffull
#define SEGMENT_USER_DATA   0x00cff3000000ffffull
#define SEGMENT_USER_CODE   0x00affb000000ffffull
#define SEGMENT_TSS_TYPE    (0x89ull << 40) /* present, 64-bit TSS, available */

/* SDM vol. 3, 6.14.1 */
struct idt_gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t type;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};
_Static_assert(sizeof(struct idt_gate) == 16, "SDM vol. 3, figure 6-8");
#define IDT_INTERRUPT_GATE      0x8e /* present, DPL 0 */
#define IDT_INTERRUPT_GATE_USER 0xee /* present, DPL 3 */

static struct idt_gate idt[TRAP_VECTORS];

/* Byte distance between two entry stubs in trap.asm. */
#define TRAP_STUB_SIZE 16u

static void idt_set(unsigned vector, uint8_t type, uint8_t ist)
{
    uint64_t entry = (uint64_t)(uintptr_t)trap_stubs + vector * TRAP_STUB_SIZE;

    idt[vector] = (struct idt_gate){
        .offset_low = (uint16_t)entry,
        .selector = SELECTOR_KERNEL_CODE,
        .ist = ist,
        .type = type,
        .offset_middle = (uint16_t)(entry >> 16),
        .offset_high = (uint32_t)(entry >> 32),
    };
}

void idt_init(void)
{
    for (unsigned v = 0; v < TRAP_VECTORS; v++)
        idt_set(v, IDT_INTERRUPT_GATE, IST_NONE);
    idt_set(TRAP_BREAKPOINT, IDT_INTERRUPT_GATE_USER, IST_NONE);
    idt_set(TRAP_DOUBLE_FAULT, IDT_INTERRUPT_GATE, IST_DOUBLE_FAULT);
    idt_set(TRAP_NMI, IDT_INTERRUPT_GATE, IST_NMI);
    idt_set(TRAP_MACHINE_CHECK, IDT_INTERRUPT_GATE, IST_MACHINE_CHECK);
}

static void gdt_fill(struct descriptor_tables *t)
{
    uint64_t tss = (uint64_t)(uintptr_t)&t->tss;

    t->gdt[SELECTOR_KERNEL_CODE / 8] = SEGMENT_KERNEL_CODE;
    t->gdt[SELECTOR_KERNEL_DATA / 8] = SEGMENT_KERNEL_DATA;
    t->gdt[SELECTOR_USER_DATA / 8] = SEGMENT_USER_DATA;
    t->gdt[SELECTOR_USER_CODE / 8] = SEGMENT_USER_CODE;
    t->gdt[SELECTOR_TSS / 8] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 |
                               SEGMENT_TSS_TYPE | (tss >> 24 & 0xff) << 56;
    t->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;
}

void descriptors_load(struct descriptor_tables *t, uint64_t gs_base,
                      const uint64_t ist_tops[IST_COUNT])
{
    struct insn_table_register gdtr = {sizeof(t->gdt) - 1, (uint64_t)(uintptr_t)t->gdt};
    struct insn_table_register idtr = {sizeof(idt) - 1, (uint64_t)(uintptr_t)idt};

    gdt_fill(t);
    t->tss.io_map_base = sizeof(struct tss); /* no ports for ring 3 */
    for (unsigned i = IST_NONE + 1; i < IST_COUNT; i++)
        t->tss.ist[i - 1] = ist_tops[i];
    insn_lgdt(&gdtr);
    segments_reload(SELECTOR_KERNEL_CODE, SELECTOR_KERNEL_DATA);
    insn_wrmsr(MSR_GS_BASE, gs_base);
    insn_wrmsr(MSR_KERNEL_GS_BASE, 0);
    insn_ltr(SELECTOR_TSS);
    insn_lidt(&idtr);
}
