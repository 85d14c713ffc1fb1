/* SPDX-License-Identifier: MIT */
/* core/interrupts.c - exceptions and interrupts of the processor itself. Physical interrupts of
 * devices go to the root VP of the LP that takes them, with the same vector. */
#include "core/interrupts.h"

#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/desc.h>
#include <x86/exception.h>
#include <x86/msr.h>
#include "boot/paging.h"
#include "core/lapic_physical.h"
#include "core/level.h"
#include "core/pcpu.h"
#include "core/vp.h"
#include "debug/log.h"
#include "debug/panic.h"

enum {
    VECTORS = 256,
    STUB_SIZE = 16,
};

extern const char trap_stubs[];
void trap(struct trap_frame *f);
void segments_load(void); /* boot/entry.asm */

static struct desc_gate idt[VECTORS];

/* The stack of exceptions that may strike anywhere: 1 to HV_IST_COUNT, 0: the current one. */
static unsigned ist_of(unsigned vector)
{
    return vector == EXCEPTION_NMI ? 1 : vector == EXCEPTION_DF ? 2 : vector == EXCEPTION_MC ? 3 : 0;
}

static void build_idt(void)
{
    for (unsigned v = 0; v < VECTORS; v++)
        idt[v] = desc_gate_make((uint64_t)trap_stubs + (uint64_t)v * STUB_SIZE, SELECTOR_CODE,
                                DESC_TYPE_INTERRUPT_GATE, 0, ist_of(v));
}

void interrupts_init(struct pcpu *cpu)
{
    struct desc_system tss = desc_system_make((uint64_t)&cpu->tss, sizeof(cpu->tss) - 1,
                                              DESC_TYPE_TSS_AVAILABLE);

    if (cpu->lp_index == 0)
        build_idt();
    cpu->tss.rsp[0] = cpu->stack_top;
    for (unsigned i = 0; i < HV_IST_COUNT; i++)
        cpu->tss.ist[i] = paging_stack_top(cpu->lp_index, i + 1);
    cpu->tss.io_map_base = sizeof(cpu->tss);
    cpu->gdt[SELECTOR_CODE / 8] = DESC_CODE64;
    cpu->gdt[SELECTOR_DATA / 8] = DESC_DATA;
    cpu->gdt[SELECTOR_TSS / 8] = tss.low;
    cpu->gdt[SELECTOR_TSS / 8 + 1] = tss.high;
    insn_lgdt(&(struct insn_table_register){sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt});
    insn_lidt(&(struct insn_table_register){sizeof(idt) - 1, (uint64_t)idt});
    segments_load();
    insn_ltr(SELECTOR_TSS);
    insn_wrmsr(MSR_GS_BASE, (uint64_t)cpu);
}

/* ---- device interrupts ---- */

static void device_interrupt(struct pcpu *cpu, uint8_t vector)
{
    bool level = lapic_physical_is_level(vector);

    trace(&cpu->trace, insn_rdtsc(), TRACE_IRQ, vector, level);
    if (level)
        level_interrupt_begin(cpu, vector);
    else
        lapic_physical_eoi();
    if (cpu->root_vp != NULL && lapic_post(&cpu->root_vp->lapic, vector, level))
        lapic_host_kick(&cpu->root_vp->lapic);
    else if (level && cpu->root_vp == NULL)
        level_interrupt_end(cpu, vector);
}

static void interrupt(struct pcpu *cpu, uint8_t vector)
{
    switch (vector) {
    case HV_VECTOR_SPURIOUS:
        break;
    case HV_VECTOR_TIMER:
        lapic_physical_eoi();
        __atomic_fetch_or(&cpu->remote.work, WORK_TIMER, __ATOMIC_RELAXED);
        break;
    case HV_VECTOR_KICK:
    case HV_VECTOR_ERROR:
        lapic_physical_eoi();
        break;
    default:
        device_interrupt(cpu, vector);
        break;
    }
}

/* Called by boot/entry.asm. */
void trap(struct trap_frame *f)
{
    if (f->vector >= 32)
        interrupt(this_cpu(), (uint8_t)f->vector);
    else if (f->vector == EXCEPTION_NMI)
        panic_nmi(f);
    else
        panic_trap(f);
}
