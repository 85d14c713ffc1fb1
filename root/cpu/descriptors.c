/* SPDX-License-Identifier: MIT */
/* root/cpu/descriptors.c - see descriptors.h. */
#include <x86/insn.h>
#include <x86/msr.h>
#include "cpu/descriptors.h"
#include "cpu/trap.h"

static struct desc_gate idt[TRAP_VECTORS];

/* Byte distance between two entry stubs in trap.asm. */
#define TRAP_STUB_SIZE 16u
#define RING_USER      3u

static void idt_set(unsigned vector, unsigned dpl, unsigned ist)
{
    uint64_t entry = (uint64_t)(uintptr_t)trap_stubs + (uint64_t)vector * TRAP_STUB_SIZE;

    idt[vector] = desc_gate_make(entry, SELECTOR_KERNEL_CODE, DESC_TYPE_INTERRUPT_GATE, dpl, ist);
}

void idt_init(void)
{
    for (unsigned v = 0; v < TRAP_VECTORS; v++)
        idt_set(v, 0, IST_NONE);
    idt_set(EXCEPTION_BP, RING_USER, IST_NONE);
    idt_set(EXCEPTION_DF, 0, IST_DOUBLE_FAULT);
    idt_set(EXCEPTION_NMI, 0, IST_NMI);
    idt_set(EXCEPTION_MC, 0, IST_MACHINE_CHECK);
}

static void gdt_fill(struct descriptor_tables *t)
{
    struct desc_system tss = desc_system_make((uint64_t)(uintptr_t)&t->tss, sizeof(t->tss) - 1,
                                              DESC_TYPE_TSS_AVAILABLE);

    t->gdt[SELECTOR_INDEX(SELECTOR_KERNEL_CODE)] = DESC_CODE64;
    t->gdt[SELECTOR_INDEX(SELECTOR_KERNEL_DATA)] = DESC_DATA;
    t->gdt[SELECTOR_INDEX(SELECTOR_USER_DATA)] = DESC_DATA | DESC_DPL(RING_USER);
    t->gdt[SELECTOR_INDEX(SELECTOR_USER_CODE)] = DESC_CODE64 | DESC_DPL(RING_USER);
    t->gdt[SELECTOR_INDEX(SELECTOR_TSS)] = tss.low;
    t->gdt[SELECTOR_INDEX(SELECTOR_TSS) + 1] = tss.high;
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
