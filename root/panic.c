/* SPDX-License-Identifier: MIT */
/* root/panic.c - see panic.h and log.h. The first CPU to panic dumps; the others are stopped. A fault
 * inside the dump ends it. */
#include <stdarg.h>
#include <stdbool.h>
#include <hvabi/boot.h>
#include <hvabi/msr.h>
#include <x86/insn.h>
#include "boot/handoff.h"
#include "cpu/cpu.h"
#include "cpu/trap.h"
#include "image.h"
#include "io/console.h"
#include "log.h"
#include "mm/paging.h"
#include "panic.h"
#include "sched/sched.h"
#include "sched/stack.h"

enum {
    BACKTRACE_MAX = 32,
    PANIC_CALLED = 256, /* in place of a vector: no exception */
};

static struct {
    uint32_t cpu;   /* [a] index of the one that dumps, plus 1; 0: none yet */
    uint32_t depth; /* its own: panics inside the panic */
} panicking;

void panic_halt(void)
{
    for (;;) {
        insn_cli();
        insn_hlt();
    }
}

/* Whether @rbp can be followed: a saved frame pointer and a return address lie there, on the stack
 * of @rsp, or, with the first stacks, within the image. */
static bool frame_is_sane(uint64_t rbp, uint64_t rsp, uint64_t last)
{
    const uint64_t size = 2 * sizeof(uint64_t);
    bool image = rbp >= (uint64_t)(uintptr_t)image_data &&
                 rbp <= (uint64_t)(uintptr_t)image_end - size;
    bool stack = stack_is_same(rsp, rbp) && stack_is_same(rsp, rbp + size - 1);

    return (image || stack) && rbp % sizeof(uint64_t) == 0 && rbp > last;
}

/* @back: how far before @address the instruction is that is meant: 1 for a return address, for
 * after a call that does not return the next function may begin. */
static void backtrace_line(unsigned n, uint64_t address, unsigned back)
{
    uint64_t offset;
    const char *name = symbols_find(address - back, &offset);

    if (name != NULL)
        log_print("  #%u %016lx %s+%#lx", n, address, name, offset + back);
    else
        log_print("  #%u %016lx", n, address);
}

static void backtrace(uint64_t rip, unsigned back, uint64_t rbp, uint64_t rsp)
{
    uint64_t last = 0;

    log_print("backtrace:");
    backtrace_line(0, rip, back);
    for (unsigned n = 1; n < BACKTRACE_MAX && frame_is_sane(rbp, rsp, last); n++) {
        const uint64_t *frame = (const uint64_t *)(uintptr_t)rbp;

        if (frame[1] == 0)
            break;
        backtrace_line(n, frame[1], 1);
        last = rbp;
        rbp = frame[0];
    }
}

/* The end. The hypervisor, if there is one, is told that nobody answers for the children any more: it
 * dumps what it knows of us and resets the machine, or stops it (TLFS 6.0b, 4.3; docs/security.md). */
static _Noreturn void panic_end(uint64_t vector, uint64_t rip, uint64_t rsp, uint64_t rbp)
{
    const struct boot_info *info = handoff_info();
    const uint64_t parameters[] = {vector, rip, rsp, rbp, insn_read_cr2()};

    if (panicking.depth <= 1)
        log_print("root: stopped");
    if (info->magic == BOOT_INFO_MAGIC && info->launch == BOOT_LAUNCH_HYPERVISOR) {
        for (uint32_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
            insn_wrmsr(HV_X64_MSR_CRASH_P0 + i, parameters[i]);
        insn_wrmsr(HV_X64_MSR_CRASH_CTL, HV_CRASH_NOTIFY);
    }
    panic_halt();
}

/* Become the one that dumps. False: we are, and this is a fault inside the dump. */
static bool panic_begin(void)
{
    uint32_t self = this_cpu()->index + 1, before = 0;

    insn_cli();
    if (!__atomic_compare_exchange_n(&panicking.cpu, &before, self, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        if (before != self)
            panic_halt();
        if (++panicking.depth == 1)
            log_print("root: PANIC: once more, inside the dump");
        return false;
    }
    cpu_stop_others();
    console_panic();
    return true;
}

static void panic_where(void)
{
    struct cpu *cpu = this_cpu();

    log_print("build %s, CPU %u (APIC ID %u), thread %s", build_id(), cpu->index, cpu->apic_id,
              cpu->current != NULL ? cpu->current->name : "none");
}

void panic_trap(const struct trap_frame *f, const char *what)
{
    if (panic_begin()) {
        log_print("root: PANIC: %s at %016lx", what, f->rip);
        panic_where();
        trap_dump(f);
        backtrace(f->rip, 0, f->rbp, f->rsp);
    }
    panic_end(f->vector, f->rip, f->rsp, f->rbp);
}

void panic(const char *fmt, ...)
{
    uint64_t rbp = insn_read_rbp(), rip = (uint64_t)(uintptr_t)__builtin_return_address(0);

    if (panic_begin()) {
        char text[256];
        va_list ap;

        va_start(ap, fmt);
        rt_vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        log_print("root: PANIC: %s", text);
        panic_where();
        backtrace(rip, 1, *(const uint64_t *)(uintptr_t)rbp, rbp);
    }
    panic_end(PANIC_CALLED, rip, rbp, rbp);
}
