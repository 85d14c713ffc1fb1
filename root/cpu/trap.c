/* SPDX-License-Identifier: MIT */
/* root/cpu/trap.c - what follows an exception or interrupt; see trap.h. */
#include <x86/msr.h>
#include "cpu/apic.h"
#include "cpu/cpu.h"
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
    static const char *const names[EXCEPTION_COUNT] = {
        [EXCEPTION_DE] = "divide error",        [EXCEPTION_DB] = "debug",
        [EXCEPTION_NMI] = "NMI",                [EXCEPTION_BP] = "breakpoint",
        [EXCEPTION_OF] = "overflow",            [EXCEPTION_BR] = "bound range",
        [EXCEPTION_UD] = "invalid opcode",      [EXCEPTION_NM] = "device not available",
        [EXCEPTION_DF] = "double fault",        [EXCEPTION_TS] = "invalid TSS",
        [EXCEPTION_NP] = "segment not present", [EXCEPTION_SS] = "stack fault",
        [EXCEPTION_GP] = "general protection",  [EXCEPTION_PF] = "page fault",
        [EXCEPTION_MF] = "x87 error",           [EXCEPTION_AC] = "alignment check",
        [EXCEPTION_MC] = "machine check",       [EXCEPTION_XM] = "SIMD error",
        [EXCEPTION_CP] = "control protection",
    };

    return vector < EXCEPTION_COUNT && names[vector] != NULL ? names[vector] : "exception";
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

    if ((f->vector == EXCEPTION_PF || f->vector == EXCEPTION_GP) &&
        user_copy_fixup(&f->rip))
        return;
    if (f->vector == EXCEPTION_DF && stack_is_guard(address))
        panic_trap(f, "kernel stack overflow");
    panic_trap(f, trap_name(f->vector));
}

static void exception(struct trap_frame *f)
{
    if (f->vector == EXCEPTION_NMI && cpu_stop_requested())
        panic_halt();
    if (trap_from_user(f) && f->vector != EXCEPTION_NMI && f->vector != EXCEPTION_MC)
        process_exception(f, insn_read_cr2());
    else if (f->vector != EXCEPTION_NMI) /* an NMI that nobody asked for has no meaning here */
        kernel_exception(f);
}

static void interrupt(struct cpu *cpu, unsigned vector)
{
    bool owed = true;

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
        owed = irq_dispatch(cpu, vector);
        break;
    }
    if (owed)
        apic_eoi();
}

void trap_enter(struct trap_frame *f)
{
    struct cpu *cpu = this_cpu();

    user_copy_close();
    if (f->vector < EXCEPTION_COUNT) {
        exception(f);
        return;
    }
    if (f->vector == VECTOR_SPURIOUS)
        return; /* not in service: no EOI (SDM vol. 3, 11.9) */
    cpu->interrupts++;
    interrupt(cpu, (unsigned)f->vector);
    if (__atomic_load_n(&cpu->reschedule, __ATOMIC_RELAXED))
        schedule();
    if (f->rip == (uint64_t)(uintptr_t)halt_instruction)
        f->rip++; /* what it was to wait for may have come: sched/sched.h */
    if (trap_from_user(f))
        process_leave_kernel();
}
