/* SPDX-License-Identifier: MIT */
/* debug/panic.c - see debug/panic.h. The first LP that panics writes; the others stop where they
 * are, by NMI, so that nothing they hold matters. */
#include "debug/panic.h"

#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/insn.h>
#include "core/interrupts.h"
#include "core/lapic_physical.h"
#include "core/pcpu.h"
#include "core/vp.h"
#include "debug/log.h"
#include "debug/symbols.h"
#include "virt/virt.h"

static uint32_t panicking; /* [a] */

void panic_stop(void)
{
    for (;;)
        insn_hlt();
}

static void stop_others(void)
{
    for (uint32_t i = 0; i < lp_count; i++)
        if (lp_table[i] != NULL && lp_table[i] != this_cpu())
            lapic_physical_ipi(lp_table[i]->apic_id,
                               APIC_DELIVERY_NMI | APIC_ICR_LEVEL_ASSERT);
}

static void dump_frame(const struct trap_frame *f)
{
    hv_log("vector %lu error %lx rip %016lx rsp %016lx rflags %lx cs %lx", f->vector, f->error,
           f->rip, f->rsp, f->rflags, f->cs);
    hv_log("rax %016lx rcx %016lx rdx %016lx rbx %016lx", f->rax, f->rcx, f->rdx, f->rbx);
    hv_log("rbp %016lx rsi %016lx rdi %016lx r8  %016lx", f->rbp, f->rsi, f->rdi, f->r8);
    hv_log("r9  %016lx r10 %016lx r11 %016lx r12 %016lx", f->r9, f->r10, f->r11, f->r12);
    hv_log("r13 %016lx r14 %016lx r15 %016lx", f->r13, f->r14, f->r15);
    hv_log("cr0 %lx cr2 %lx cr3 %lx cr4 %lx", insn_read_cr0(), insn_read_cr2(), insn_read_cr3(),
           insn_read_cr4());
}

static void dump_address(uint64_t address)
{
    uint64_t offset;
    const char *name = symbol_name(address, &offset);

    hv_log("  %016lx %s+0x%lx", address, name != NULL ? name : "?", name != NULL ? offset : 0);
}

/* Follow the frame pointers on this LP's stack; @rip first if it is not 0. */
static void dump_backtrace(uint64_t rip, uint64_t rbp)
{
    hv_log("backtrace:");
    if (rip != 0)
        dump_address(rip);
    for (int depth = 0; depth < 32; depth++) {
        if (rbp % 8 != 0 || rbp < 0xffff000000000000ull)
            break;
        const uint64_t *frame = (const uint64_t *)rbp;
        if (frame[1] == 0)
            break;
        dump_address(frame[1] - 1); /* inside the CALL */
        if (frame[0] <= rbp)
            break;
        rbp = frame[0];
    }
}

static void dump_context(void)
{
    struct pcpu *cpu = this_cpu();
    struct vp *vp = cpu->current;

    hv_log("build id %s, %s, LP %u (APIC id %u) of %u", build_id(), virt_name, cpu->lp_index,
           cpu->apic_id, lp_count);
    if (vp == NULL) {
        hv_log("no VP is loaded");
        return;
    }
    hv_log("partition %lx%s VP %u: rip %016lx rflags %lx rax %lx rcx %lx rdx %lx", vp->partition->id,
           vp->partition->is_root ? " (root)" : "", vp->index, vp->rip, vp->rflags, vp->gpr[0],
           vp->gpr[1], vp->gpr[2]);
    virt_dump(vp);
}

static _Noreturn void die(const struct trap_frame *f, uint64_t rip, uint64_t rbp)
{
    if (f != NULL)
        dump_frame(f);
    dump_context();
    dump_backtrace(rip, rbp);
    trace_dump(&this_cpu()->trace);
    hv_log("stopped");
    panic_stop();
}

static void panic_begin(void)
{
    if (__atomic_exchange_n(&panicking, 1, __ATOMIC_SEQ_CST) != 0)
        panic_stop();
    insn_cli();
    stop_others();
    log_break_lock();
}

void panic(const char *fmt, ...)
{
    va_list ap;

    panic_begin();
    va_start(ap, fmt);
    log_line("hv: PANIC: ", fmt, ap);
    va_end(ap);
    die(NULL, 0, insn_read_rbp());
}

void panic_trap(const struct trap_frame *f)
{
    static const char *const names[] = {
        "divide error", "debug", "NMI", "breakpoint", "overflow", "bound", "invalid opcode",
        "device not available", "double fault", "?", "invalid TSS", "segment not present",
        "stack fault", "general protection", "page fault", "?", "x87", "alignment check",
        "machine check", "SIMD"};

    panic_begin();
    hv_log("PANIC: exception in the hypervisor: %s",
           f->vector < ARRAY_SIZE(names) ? names[f->vector] : "?");
    die(f, f->rip, f->rbp);
}

void panic_nmi(const struct trap_frame *f)
{
    (void)f;
    if (__atomic_load_n(&panicking, __ATOMIC_ACQUIRE) != 0)
        panic_stop();
    hv_log("LP %u: NMI that nobody asked for, ignored", this_cpu()->lp_index);
}
