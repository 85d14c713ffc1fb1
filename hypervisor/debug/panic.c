/* SPDX-License-Identifier: MIT */
/* debug/panic.c - see debug/panic.h. The first LP that panics writes; the others stop where they
 * are, by NMI, so that nothing they hold matters.
 *
 * Rules: what is dumped may be broken. Each section of the dump stands alone, and an exception within
 * one goes on with the next. */
#include "debug/panic.h"

#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/exception.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include "boot/options.h"
#include "boot/paging.h"
#include "core/interrupts.h"
#include "core/lapic_physical.h"
#include "core/pcpu.h"
#include "core/reset.h"
#include "core/vp.h"
#include "debug/log.h"
#include "debug/symbols.h"
#include "virt/virt.h"

#define STOP_WAIT_MS   500u /* for the other LPs to stop */
#define BACKTRACE_MAX  32u

static uint32_t panicking; /* [a] index + 1 of the LP that dumps */

/* Of that LP alone. */
static struct {
    struct pcpu *cpu;         /* NULL: before it has one */
    struct trap_frame frame;  /* its registers; a copy: exceptions reuse their stacks */
    bool root_only;           /* root died, the hypervisor did not */
    unsigned section;         /* the next one to dump */
} dump;

static bool stop_after_root; /* [I] */

void panic_init(const char *options)
{
    const char *value = option_find(options, "rootdeath");

    stop_after_root = value != NULL && option_is(value, "stop");
    if (value != NULL && !stop_after_root && !option_is(value, "reset"))
        hv_log("boot.cfg: rootdeath is reset or stop: reset");
}

/* ---- the sections ---- */

static void dump_address(uint64_t address)
{
    uint64_t offset;
    const char *name = symbol_name(address, &offset);

    if (name != NULL)
        hv_log("  %016lx %s+%#lx", address, name, offset);
    else
        hv_log("  %016lx ?", address);
}

static void dump_registers(void)
{
    const struct trap_frame *f = &dump.frame;

    if (dump.root_only)
        return;
    hv_log("rip %016lx rsp %016lx rflags %08lx cs %lx ss %lx", f->rip, f->rsp, f->rflags, f->cs,
           f->ss);
    hv_log("rax %016lx rcx %016lx rdx %016lx rbx %016lx", f->rax, f->rcx, f->rdx, f->rbx);
    hv_log("rbp %016lx rsi %016lx rdi %016lx r8  %016lx", f->rbp, f->rsi, f->rdi, f->r8);
    hv_log("r9  %016lx r10 %016lx r11 %016lx r12 %016lx", f->r9, f->r10, f->r11, f->r12);
    hv_log("r13 %016lx r14 %016lx r15 %016lx", f->r13, f->r14, f->r15);
    hv_log("cr0 %lx cr2 %lx cr3 %lx cr4 %lx", insn_read_cr0(), insn_read_cr2(), insn_read_cr3(),
           insn_read_cr4());
}

/* Follow the frame pointers on this LP's stacks. Of a return address, the byte before it is shown: it
 * belongs to the CALL, while the instruction after it may be in another function. */
static void dump_backtrace(void)
{
    uint64_t rbp = dump.frame.rbp;

    if (dump.root_only)
        return;
    hv_log("backtrace:");
    dump_address(dump.frame.vector == TRAP_CALLED ? dump.frame.rip - 1 : dump.frame.rip);
    for (unsigned depth = 1; depth < BACKTRACE_MAX; depth++) {
        uint64_t lp = dump.cpu != NULL ? dump.cpu->lp_index : 0;
        if (rbp % 8 != 0 || !paging_is_stack((uint32_t)lp, rbp, 2 * sizeof(uint64_t)))
            break;
        const uint64_t *frame = (const uint64_t *)rbp;
        if (frame[1] == 0)
            break;
        dump_address(frame[1] - 1);
        rbp = frame[0];
    }
}

static void dump_place(void)
{
    if (dump.cpu != NULL)
        hv_log("build id %s, %s, LP %u (APIC id %u) of %u", build_id(), virt_name,
               dump.cpu->lp_index, dump.cpu->apic_id, lp_count);
    else
        hv_log("build id %s, %s, before the LPs are known", build_id(), virt_name);
}

static void dump_vp(void)
{
    const struct vp *vp = dump.cpu != NULL ? dump.cpu->current : NULL;

    if (vp == NULL) {
        hv_log("no VP is loaded");
        return;
    }
    const uint64_t *r = vp->gpr;
    hv_log("partition %lx%s VP %u", vp->partition->id, vp->partition->is_root ? " (root)" : "",
           vp->index);
    hv_log("guest rip %016lx rflags %08lx activity %u suspend %x requests %x", vp->rip, vp->rflags,
           vp->activity, vp->suspend, vp->requests);
    hv_log("guest rax %016lx rcx %016lx rdx %016lx rbx %016lx", r[0], r[1], r[2], r[3]);
    hv_log("guest rsp %016lx rbp %016lx rsi %016lx rdi %016lx", r[4], r[5], r[6], r[7]);
    hv_log("guest r8  %016lx r9  %016lx r10 %016lx r11 %016lx", r[8], r[9], r[10], r[11]);
    hv_log("guest r12 %016lx r13 %016lx r14 %016lx r15 %016lx", r[12], r[13], r[14], r[15]);
}

static void dump_control_block(void)
{
    if (dump.cpu != NULL && dump.cpu->current != NULL)
        virt_dump(dump.cpu->current);
}

static void dump_other_lps(void)
{
    for (uint32_t i = 0; i < lp_count; i++) {
        const struct pcpu *cpu = lp_table[i];
        if (cpu == NULL || cpu == dump.cpu)
            continue;
        const struct vp *vp = cpu->current;
        uint64_t rip = __atomic_load_n(&cpu->remote.stopped_at, __ATOMIC_ACQUIRE);
        if (rip == 0)
            hv_log("LP %u: does not answer", i);
        else if (vp == NULL)
            hv_log("LP %u: stopped, idle, at:", i);
        else
            hv_log("LP %u: stopped with partition %lx VP %u, at:", i, vp->partition->id, vp->index);
        if (rip != 0)
            dump_address(rip);
    }
}

static void dump_trace(void)
{
    if (dump.cpu != NULL)
        trace_dump(&dump.cpu->trace);
}

/* ---- beginning and end ---- */

static _Noreturn void stop(void)
{
    for (;;)
        insn_hlt();
}

static _Noreturn void dump_and_end(void)
{
    static void (*const sections[])(void) = {dump_place,         dump_registers, dump_backtrace,
                                             dump_vp,            dump_control_block,
                                             dump_other_lps,     dump_trace};

    while (dump.section < ARRAY_SIZE(sections))
        sections[dump.section++]();
    if (dump.root_only && !stop_after_root) {
        hv_log("reset");
        machine_reset();
    }
    hv_log("stopped");
    stop();
}

/* This LP, by the value that GS should have; NULL: it has none yet, or it was lost. */
static struct pcpu *find_cpu(void)
{
    uint64_t gs = insn_rdmsr(MSR_GS_BASE);

    for (uint32_t i = 0; i < lp_count; i++)
        if (lp_table[i] != NULL && (uint64_t)lp_table[i] == gs)
            return lp_table[i];
    return NULL;
}

static bool others_stopped(void)
{
    for (uint32_t i = 0; i < lp_count; i++)
        if (lp_table[i] != NULL && lp_table[i] != dump.cpu &&
            __atomic_load_n(&lp_table[i]->remote.stopped_at, __ATOMIC_ACQUIRE) == 0)
            return false;
    return true;
}

/* A bounded wait: an LP that has not started yet, or is stuck with NMIs blocked, never answers. */
static void stop_others(void)
{
    uint64_t start = insn_rdtsc();

    for (uint32_t i = 0; i < lp_count; i++)
        if (lp_table[i] != NULL && lp_table[i] != dump.cpu)
            lapic_physical_ipi(lp_table[i]->apic_id, APIC_DELIVERY_NMI | APIC_ICR_LEVEL_ASSERT);
    while (!others_stopped() && insn_rdtsc() - start < tsc_hz / 1000 * STOP_WAIT_MS)
        insn_pause();
}

/* Become the LP that dumps, with registers @f. False: it is already; its dump goes on. */
static bool panic_begin(const struct trap_frame *f)
{
    struct pcpu *cpu = find_cpu();
    uint32_t me = cpu != NULL ? cpu->lp_index + 1 : 1, nobody = 0;

    insn_cli();
    if (!__atomic_compare_exchange_n(&panicking, &nobody, me, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        if (nobody != me)
            stop();
        return false;
    }
    dump.cpu = cpu;
    dump.frame = *f;
    stop_others();
    log_seize();
    return true;
}

void panic_called(const struct trap_frame *f, const char *fmt, va_list ap)
{
    log_line(panic_begin(f) ? "hv: PANIC: " : "hv: within the dump: ", fmt, ap);
    dump_and_end();
}

static const char *trap_name(const struct trap_frame *f)
{
    static const char *const names[] = {
        "divide error", "debug", "NMI", "breakpoint", "overflow", "bound", "invalid opcode",
        "device not available", "double fault", "?", "invalid TSS", "segment not present",
        "stack fault", "general protection", "page fault", "?", "x87", "alignment check",
        "machine check", "SIMD"};

    if (f->vector == EXCEPTION_DF && paging_is_stack_guard(insn_read_cr2()))
        return "stack overflow";
    return f->vector < ARRAY_SIZE(names) ? names[f->vector] : "?";
}

void panic_trap(const struct trap_frame *f)
{
    hv_log("%s: %s, vector %lu error %lx at %016lx",
           panic_begin(f) ? "PANIC: exception in the hypervisor" : "within the dump", trap_name(f),
           f->vector, f->error, f->rip);
    dump_and_end();
}

void panic_root_died(const char *fmt, ...)
{
    struct trap_frame none = {0};
    va_list ap;

    if (panic_begin(&none))
        dump.root_only = true;
    va_start(ap, fmt);
    log_line("hv: root died: ", fmt, ap);
    va_end(ap);
    dump_and_end();
}

void panic_nmi(const struct trap_frame *f)
{
    struct pcpu *cpu = find_cpu();

    if (__atomic_load_n(&panicking, __ATOMIC_ACQUIRE) != 0) {
        if (cpu != NULL)
            __atomic_store_n(&cpu->remote.stopped_at, f->rip, __ATOMIC_RELEASE);
        stop();
    }
    if (cpu != NULL)
        __atomic_fetch_or(&cpu->remote.work, WORK_STRAY_NMI, __ATOMIC_RELAXED);
}
