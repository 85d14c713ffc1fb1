/* SPDX-License-Identifier: MIT */
/* root/panic.c - see panic.h and log.h. The first CPU to panic dumps; the others are stopped. */
#include <stdarg.h>
#include <stdbool.h>
#include <x86/insn.h>
#include "cpu/cpu.h"
#include "cpu/trap.h"
#include "image.h"
#include "io/console.h"
#include "log.h"
#include "mm/paging.h"
#include "panic.h"
#include "sched/sched.h"

enum { BACKTRACE_MAX = 32 };

static bool panicking; /* [a] */

void panic_halt(void)
{
    for (;;) {
        insn_cli();
        insn_hlt();
    }
}

/* Whether @rbp can be followed: a saved frame pointer and a return address lie there. */
static bool frame_is_sane(uint64_t rbp, uint64_t last)
{
    bool image = rbp >= (uint64_t)(uintptr_t)image_data && rbp < (uint64_t)(uintptr_t)image_end;
    bool stack = rbp >= KERNEL_STACKS_BASE && rbp < KERNEL_MMIO_BASE;

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

static void backtrace(uint64_t rip, unsigned back, uint64_t rbp)
{
    uint64_t last = 0;

    log_print("backtrace:");
    backtrace_line(0, rip, back);
    for (unsigned n = 1; n < BACKTRACE_MAX && frame_is_sane(rbp, last); n++) {
        const uint64_t *frame = (const uint64_t *)(uintptr_t)rbp;

        if (frame[1] == 0)
            break;
        backtrace_line(n, frame[1], 1);
        last = rbp;
        rbp = frame[0];
    }
}

/* Become the one that dumps. */
static void panic_begin(void)
{
    insn_cli();
    if (__atomic_exchange_n(&panicking, true, __ATOMIC_ACQ_REL))
        panic_halt(); /* another CPU's panic, or a fault inside ours */
    cpu_stop_others();
    console_panic();
}

static void panic_where(void)
{
    struct cpu *cpu = this_cpu();

    log_print("build %s, CPU %u (APIC ID %u), thread %s", build_id(), cpu->index, cpu->apic_id,
              cpu->current != NULL ? cpu->current->name : "none");
}

void panic_trap(const struct trap_frame *f, const char *what)
{
    panic_begin();
    log_print("root: PANIC: %s at %016lx", what, f->rip);
    panic_where();
    trap_dump(f);
    backtrace(f->rip, 0, f->rbp);
    log_print("root: stopped");
    panic_halt();
}

void panic(const char *fmt, ...)
{
    char text[256];
    va_list ap;

    panic_begin();
    va_start(ap, fmt);
    rt_vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    log_print("root: PANIC: %s", text);
    panic_where();
    backtrace((uint64_t)(uintptr_t)__builtin_return_address(0), 1,
              *(const uint64_t *)(uintptr_t)insn_read_rbp());
    log_print("root: stopped");
    panic_halt();
}
