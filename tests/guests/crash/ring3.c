/* SPDX-License-Identifier: MIT */
/* ring3.c - what ring 3 of a guest must not be able to do: each attempt is a fault in the guest. */
#include <hvabi/msr.h>
#include <kern/guest_cpu.h>
#include <rt/mem.h>
#include <x86/cr.h>
#include <x86/exception.h>
#include <x86/insn.h>
#include <x86/pte.h>

#include "crash.h"

/* Behind the slots of the processor's own GDT; ring3.asm has them too. */
enum { CRASH_SELECTOR_DATA3 = 0x28, CRASH_SELECTOR_CODE3 = 0x30, GDT_SLOTS = 7 };
_Static_assert(CRASH_SELECTOR_DATA3 / 8 == GUEST_GDT_SLOTS, "behind the processor's own");

#define STACK_SIZE  4096
#define TABLE_PAGES (2 + GUEST_BOOT_PD_COUNT) /* PML4, PDPT and directories are adjacent */

static _Alignas(16) uint8_t stack0[STACK_SIZE], stack3[STACK_SIZE];
static uint64_t gdt[GDT_SLOTS];
static uint64_t resume_rsp;

/* A fault of ring 3 ends the attempt, whatever it is. */
static void ring3_fault(struct guest_frame *frame)
{
    bool done = frame->rip == (uintptr_t)crash_ring3_done;

    frame->rax = done ? GUEST_TRY_DONE : frame->vector;
    frame->rip = (uintptr_t)crash_ring3_resume;
    frame->cs = GUEST_SELECTOR_CODE;
    frame->ss = GUEST_SELECTOR_DATA;
    frame->rsp = resume_rsp;
}

/* All memory is ring 3's too, and there are segments for it. */
static void ring3_prepare(void)
{
    uint64_t *entries = (uint64_t *)GUEST_BOOT_PML4_GPA;
    struct guest_cpu *cpu = guest_cpu_this();

    for (unsigned i = 0; i < TABLE_PAGES * PAGE_SIZE / sizeof *entries; i++)
        if (entries[i] & PTE_P)
            entries[i] |= PTE_US;
    insn_write_cr3(GUEST_BOOT_PML4_GPA);
    memcpy(gdt, cpu->gdt, sizeof cpu->gdt);
    gdt[CRASH_SELECTOR_DATA3 / 8] = DESC_DATA | DESC_DPL(3);
    gdt[CRASH_SELECTOR_CODE3 / 8] = DESC_CODE64 | DESC_DPL(3);
    insn_lgdt(&(struct insn_table_register){.limit = sizeof gdt - 1, .base = (uintptr_t)gdt});
    cpu->tss.rsp[0] = (uintptr_t)(stack0 + sizeof stack0);
    guest_handler_set(EXCEPTION_UD, ring3_fault);
    guest_handler_set(EXCEPTION_GP, ring3_fault);
    guest_handler_set(EXCEPTION_PF, ring3_fault);
}

static void hypercall_raw(uint64_t control)
{
    (void)insn_vmmcall3(control, 0, 0);
}

static void hypercall_page(uint64_t control)
{
    (void)guest_hypercall(control, 0, 0);
}

static void cpuid(uint64_t leaf)
{
    uint32_t regs[4];

    insn_cpuid((uint32_t)leaf, 0, regs);
}

static void msr_read(uint64_t msr)
{
    (void)insn_rdmsr((uint32_t)msr);
}

static void msr_write(uint64_t msr)
{
    insn_wrmsr((uint32_t)msr, 0);
}

static void halt(uint64_t unused)
{
    (void)unused;
    insn_hlt();
}

static void cr8_write(uint64_t value)
{
    insn_write_cr8(value);
}

static void cache_flush(uint64_t unused)
{
    (void)unused;
    insn_wbinvd();
}

static void port_write(uint64_t port)
{
    insn_out8((uint16_t)port, 0);
}

static void misaligned_read(uint64_t address)
{
    insn_popf(insn_pushf() | RFLAGS_AC);
    (void)*(volatile uint32_t *)(uintptr_t)(address + 1);
}

bool crash_checks_alignment(void)
{
    ring3_prepare();
    guest_handler_set(EXCEPTION_AC, ring3_fault);
    insn_write_cr0(insn_read_cr0() | CR0_AM);
    return crash_ring3_enter(misaligned_read, (uintptr_t)stack0, &resume_rsp,
                             stack3 + sizeof stack3) == EXCEPTION_AC;
}

uint8_t attack_ring3(const struct guest_boot *boot)
{
    static const struct {
        const char *name;
        void (*run)(uint64_t argument);
        uint64_t argument;
        unsigned vector;
    } attempts[] = {
        {"VMMCALL", hypercall_raw, HvCallNotifyLongSpinWait | HV_HYPERCALL_FAST, EXCEPTION_UD},
        {"hypercall page", hypercall_page, HvCallNotifyLongSpinWait | HV_HYPERCALL_FAST,
         EXCEPTION_UD},
        {"CPUID", cpuid, 0, GUEST_TRY_DONE},
        {"RDMSR", msr_read, HV_X64_MSR_VP_INDEX, EXCEPTION_GP},
        {"WRMSR", msr_write, HV_X64_MSR_EOM, EXCEPTION_GP},
        {"HLT", halt, 0, EXCEPTION_GP},
        {"MOV CR8", cr8_write, 0, EXCEPTION_GP},
        {"WBINVD", cache_flush, 0, EXCEPTION_GP},
        {"OUT", port_write, GUEST_PORT_CONSOLE, EXCEPTION_GP},
        /* The processor's own EFER.SVME is on: its privilege check comes before our intercept. */
        {"VMRUN", crash_vmrun, 0, EXCEPTION_GP},
        {"STGI", crash_stgi, 0, EXCEPTION_GP},
    };
    bool ok = true;

    (void)boot;
    if (!guest_hypercall_enable())
        return GUEST_EXIT_FAILED;
    ring3_prepare();
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
        ok &= crash_expect(attempts[i].name, attempts[i].argument,
                           crash_ring3_enter(attempts[i].run, attempts[i].argument, &resume_rsp,
                                             stack3 + sizeof stack3),
                           attempts[i].vector);
    return ok ? GUEST_EXIT_OK : GUEST_EXIT_FAILED;
}
