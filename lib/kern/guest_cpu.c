/* SPDX-License-Identifier: MIT */
/* guest_cpu.c - descriptor tables, vector dispatch, expected faults. See kern/guest_cpu.h. */
#include <kern/guest_cpu.h>
#include <rt/mem.h>
#include <stddef.h>
#include <x86/exception.h>
#include <x86/insn.h>
#include <x86/msr.h>

#define IST_FATAL  1 /* the stack of #DF, NMI and #MC */
#define IST_CHOSEN 2 /* that of guest_vector_stack_set() */

static struct {
    struct guest_cpu cpu[GUEST_CPU_MAX];
    _Alignas(16) uint8_t stack[GUEST_CPU_MAX][GUEST_STACK_SIZE];
    _Alignas(16) uint8_t ist[GUEST_CPU_MAX][GUEST_IST_SIZE];
    _Alignas(16) struct desc_gate idt[GUEST_VECTOR_COUNT];
    guest_handler handler[GUEST_VECTOR_COUNT];
} kern;

struct guest_cpu *guest_cpu_this(void)
{
    return insn_read_gs_self();
}

struct guest_cpu *guest_cpu_get(uint32_t index)
{
    return &kern.cpu[index];
}

void *guest_cpu_stack_top(uint32_t index)
{
    return kern.stack[index] + GUEST_STACK_SIZE;
}

void guest_handler_set(unsigned vector, guest_handler handler)
{
    __atomic_store_n(&kern.handler[vector], handler, __ATOMIC_RELEASE);
}

static void gdt_load(struct guest_cpu *cpu)
{
    struct insn_table_register gdtr = {.limit = sizeof cpu->gdt - 1, .base = (uintptr_t)cpu->gdt};
    struct desc_system tss =
        desc_system_make((uintptr_t)&cpu->tss, sizeof cpu->tss - 1, DESC_TYPE_TSS_AVAILABLE);

    cpu->gdt[SELECTOR_INDEX(GUEST_SELECTOR_CODE)] = DESC_CODE64;
    cpu->gdt[SELECTOR_INDEX(GUEST_SELECTOR_DATA)] = DESC_DATA;
    cpu->gdt[SELECTOR_INDEX(GUEST_SELECTOR_TSS)] = tss.low;
    cpu->gdt[SELECTOR_INDEX(GUEST_SELECTOR_TSS) + 1] = tss.high;
    cpu->tss.ist[IST_FATAL - 1] = (uintptr_t)(kern.ist[cpu->index] + GUEST_IST_SIZE);
    cpu->tss.io_map_base = sizeof cpu->tss;
    insn_lgdt(&gdtr);
    guest_segments_load(GUEST_SELECTOR_CODE, GUEST_SELECTOR_DATA);
    insn_ltr(GUEST_SELECTOR_TSS);
}

static unsigned vector_ist(unsigned vector)
{
    switch (vector) {
    case EXCEPTION_NMI:
    case EXCEPTION_DF:
    case EXCEPTION_MC:
        return IST_FATAL;
    default:
        return 0;
    }
}

/* The table is the same for all; each processor writes the same bytes. */
static void idt_load(void)
{
    struct insn_table_register idtr = {.limit = sizeof kern.idt - 1, .base = (uintptr_t)kern.idt};

    for (unsigned v = 0; v < GUEST_VECTOR_COUNT; v++)
        kern.idt[v] = desc_gate_make(guest_isr_table[v], GUEST_SELECTOR_CODE,
                                     DESC_TYPE_INTERRUPT_GATE, 0, vector_ist(v));
    insn_lidt(&idtr);
}

void guest_cpu_setup(uint32_t index)
{
    struct guest_cpu *cpu = &kern.cpu[index];

    cpu->self = cpu;
    cpu->index = index;
    gdt_load(cpu);
    idt_load();
    insn_wrmsr(MSR_GS_BASE, (uintptr_t)cpu);
}

void guest_vector_stack_set(unsigned vector, void *top)
{
    guest_cpu_this()->tss.ist[IST_CHOSEN - 1] = (uintptr_t)top;
    kern.idt[vector].ist = IST_CHOSEN;
}

void guest_interrupt(struct guest_frame *frame)
{
    struct guest_cpu *cpu = guest_cpu_this();
    guest_handler handler;

    if (cpu->try_rsp && frame->vector < EXCEPTION_COUNT) {
        frame->rip = (uintptr_t)guest_try_fault;
        frame->rsp = cpu->try_rsp;
        frame->rax = frame->vector;
        return;
    }
    handler = __atomic_load_n(&kern.handler[frame->vector], __ATOMIC_ACQUIRE);
    if (handler)
        handler(frame);
    else
        guest_unexpected(frame);
}

unsigned guest_try(void (*function)(uint64_t argument), uint64_t argument)
{
    struct guest_cpu *cpu = guest_cpu_this();
    uint64_t vector = guest_try_enter(function, argument, &cpu->try_rsp);

    cpu->try_rsp = 0;
    return (unsigned)vector;
}
