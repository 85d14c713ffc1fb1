/* SPDX-License-Identifier: MIT */
/* root/cpu/trap.c - what follows an exception or interrupt; see trap.h. */
#include "cpu/apic.h"
#include "cpu/cpu.h"
#include "cpu/regs.h"
#include "cpu/tlb.h"
#include "cpu/trap.h"
#include "io/irq_entry.h"
#include "log.h"
#include "mm/user_copy.h"
#include "panic.h"
#include "proc/process.h"
#include "sched/sched.h"
#include "sched/stack.h"
#include "sched/timer.h"

const char *trap_name(uint64_t vector)
{
    static const char *const names[TRAP_EXCEPTIONS] = {
        "divide error", "debug", "NMI", "breakpoint", "overflow", "bound", "invalid opcode",
        "no FPU", "double fault", "coprocessor overrun", "invalid TSS", "segment not present",
        "stack fault", "general protection", "page fault", "15", "x87 error", "alignment check",
        "machine check", "SIMD error", "virtualization", "control protection", "22", "23", "24",
        "25", "26", "27", "28", "29", "security", "31",
    };

    return vector < TRAP_EXCEPTIONS ? names[vector] : "interrupt";
}

void trap_dump(const struct trap_frame *f)
{
    log_print("  rip %016lx cs %04lx rflags %08lx", f->rip, f->cs, f->rflags);
    log_print("  rsp %016lx ss %04lx error %lx", f->rsp, f->ss, f->error);
    log_print("  rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx, f->rdx);
    log_print("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx", f->rsi, f->rdi, f->rbp, f->r8);
    log_print("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx", f->r9, f->r10, f->r11, f->r12);
    log_print("  r13 %016lx r14 %016lx r15 %016lx", f->r13, f->r14, f->r15);
    log_print("  cr0 %lx cr2 %lx cr3 %lx cr4 %lx efer %lx", insn_read_cr0(), insn_read_cr2(),
              insn_read_cr3(), insn_read_cr4(), insn_rdmsr(MSR_EFER));
}

static void kernel_exception(struct trap_frame *f)
{
    uint64_t address = insn_read_cr2();

    if ((f->vector == TRAP_PAGE_FAULT || f->vector == TRAP_GENERAL_PROTECTION) &&
        user_copy_fixup(&f->rip))
        return;
    if (f->vector == TRAP_DOUBLE_FAULT && stack_is_guard(address))
        panic_trap(f, "kernel stack overflow");
    panic_trap(f, trap_name(f->vector));
}

static void exception(struct trap_frame *f)
{
    if (f->vector == TRAP_NMI && cpu_stop_requested())
        panic_halt();
    if (trap_from_user(f) && f->vector != TRAP_NMI && f->vector != TRAP_MACHINE_CHECK)
        process_exception(f, insn_read_cr2());
    else if (f->vector != TRAP_NMI)
        kernel_exception(f);
    else
        log_print("cpu: NMI on CPU %u", this_cpu()->index);
}

static void interrupt(struct cpu *cpu, unsigned vector)
{
    switch (vector) {
    case VECTOR_TIMER:
        timer_interrupt(cpu);
        break;
    case VECTOR_RESCHEDULE:
        sched_kicked(cpu);
        break;
    case VECTOR_TLB:
        tlb_serve(cpu);
        break;
    default:
        irq_dispatch(cpu, vector);
        break;
    }
    apic_eoi();
}

void trap_enter(struct trap_frame *f)
{
    struct cpu *cpu = this_cpu();

    if (f->vector < TRAP_EXCEPTIONS) {
        exception(f);
        return;
    }
    if (f->vector == VECTOR_SPURIOUS)
        return; /* not in service: no EOI (SDM vol. 3, 11.9) */
    cpu->interrupts++;
    interrupt(cpu, (unsigned)f->vector);
    if (__atomic_load_n(&cpu->reschedule, __ATOMIC_RELAXED))
        schedule();
}
