/* SPDX-License-Identifier: MIT */
/* processor.c - endless loops, endless exceptions, SVM instructions, instructions of the greatest
 * length and beyond, a triple fault. All with interrupts off. */
#include <kern/guest_cpu.h>
#include <x86/cr.h>
#include <x86/exception.h>
#include <x86/insn.h>
#include <x86/msr.h>
#include <x86/pte.h>

#include "crash.h"

/* DR7 for breakpoint 0: writes of 8 bytes. SDM vol. 3B, 17.2.4 */
#define DR7_L0_G0        0x3ull
#define DR7_RW0_WRITE    (1ull << 16)
#define DR7_LEN0_8_BYTES (2ull << 18)
#define DR7_FIXED_ONE    (1ull << 10)

#define STACK_SLOT_SIZE 8

static _Alignas(PAGE_SIZE) uint8_t scratch[PAGE_SIZE];

uint8_t attack_triple(const struct guest_boot *boot)
{
    struct insn_table_register none = {0};

    (void)boot;
    insn_lidt(&none);
    insn_ud2();
    return GUEST_EXIT_FAILED;
}

uint8_t attack_cpuidloop(const struct guest_boot *boot)
{
    uint32_t regs[4];

    (void)boot;
    for (;;)
        insn_cpuid(0, 0, regs);
}

uint8_t attack_pauseloop(const struct guest_boot *boot)
{
    (void)boot;
    for (;;)
        insn_pause();
}

static void debug_handler(struct guest_frame *frame)
{
    (void)frame;
}

/* Single steps: every instruction is followed by #DB, without end. */
uint8_t attack_debugloop(const struct guest_boot *boot)
{
    (void)boot;
    guest_handler_set(EXCEPTION_DB, debug_handler);
    insn_popf(insn_pushf() | RFLAGS_TF);
    for (;;)
        insn_pause();
}

/* The stack of #DB is at a fixed place, and a breakpoint watches the slot that its delivery writes
 * first: delivering #DB causes the next #DB (CVE-2015-8104). Where a processor does not see its own
 * pushes, the loop's store causes one after the other. QEMU's TCG aborts. */
uint8_t attack_debugstack(const struct guest_boot *boot)
{
    uint8_t *top = scratch + sizeof scratch;
    volatile uint64_t *slot = (volatile uint64_t *)(uintptr_t)(top - STACK_SLOT_SIZE);

    (void)boot;
    guest_handler_set(EXCEPTION_DB, debug_handler);
    guest_vector_stack_set(EXCEPTION_DB, top);
    insn_write_dr0((uintptr_t)slot);
    insn_write_dr7(DR7_FIXED_ONE | DR7_L0_G0 | DR7_RW0_WRITE | DR7_LEN0_8_BYTES);
    for (;;) {
        *slot = 0;
        insn_pause();
    }
}

uint8_t attack_acloop(const struct guest_boot *boot)
{
    (void)boot;
    guest_printf("crash: alignment checks: %s\n", crash_checks_alignment() ? "yes" : "no");
    crash_alignment_loop();
}

/* HLT that nothing ends. */
uint8_t attack_haltoff(const struct guest_boot *boot)
{
    (void)boot;
    for (;;)
        insn_hlt();
}

/* Read where there is no memory. */
uint8_t attack_nomem(const struct guest_boot *boot)
{
    (void)*(volatile uint8_t *)(uintptr_t)boot->memory_size;
    return GUEST_EXIT_FAILED;
}

/* A string to the console port, which takes only characters. */
uint8_t attack_stringio(const struct guest_boot *boot)
{
    crash_outsb(GUEST_PORT_CONSOLE, boot, sizeof *boot);
    return GUEST_EXIT_FAILED;
}

enum { INSN_MAX = 15, PREFIX_DS = 0x3e };

/* Code in @at: @count prefixes without effect, then @insn of two bytes, all of which may change
 * RBX. */
static void prefixed_write(uint8_t *at, unsigned count, const uint8_t insn[2])
{
    *at++ = 0x53; /* PUSH RBX */
    for (unsigned i = 0; i < count; i++)
        *at++ = PREFIX_DS;
    *at++ = insn[0];
    *at++ = insn[1];
    *at++ = 0x5b; /* POP RBX */
    *at++ = 0xc3; /* RET */
}

static void prefixed_run(uint64_t address)
{
    ((void (*)(uint64_t, uint64_t, uint64_t, uint64_t))(uintptr_t)address)(0, 0, 0,
                                                                           MSR_IA32_TSC);
}

/* Instructions that exit, of the greatest length and one byte longer, also across two pages. */
uint8_t attack_longinsns(const struct guest_boot *boot)
{
    static _Alignas(PAGE_SIZE) uint8_t code[2 * PAGE_SIZE];
    static const struct {
        const char *name;
        uint8_t insn[2];
    } insns[] = {{"CPUID", {0x0f, 0xa2}}, {"RDMSR", {0x0f, 0x32}}, {"WBINVD", {0x0f, 0x09}}};
    bool ok = true;

    (void)boot;
    for (size_t i = 0; i < sizeof insns / sizeof insns[0]; i++) {
        for (unsigned start = PAGE_SIZE - INSN_MAX - 2; start <= PAGE_SIZE; start++) {
            uint64_t address = (uintptr_t)code + start;

            prefixed_write(code + start, INSN_MAX - 2, insns[i].insn);
            ok &= crash_expect(insns[i].name, start, guest_try(prefixed_run, address),
                               GUEST_TRY_DONE);
            prefixed_write(code + start, INSN_MAX - 1, insns[i].insn);
            ok &= crash_expect(insns[i].name, start, guest_try(prefixed_run, address),
                               EXCEPTION_GP);
        }
    }
    return ok ? GUEST_EXIT_OK : GUEST_EXIT_FAILED;
}

uint8_t attack_svm(const struct guest_boot *boot)
{
    static const struct {
        const char *name;
        void (*run)(uint64_t address);
    } insns[] = {
        {"VMRUN", crash_vmrun},     {"VMLOAD", crash_vmload}, {"VMSAVE", crash_vmsave},
        {"INVLPGA", crash_invlpga}, {"STGI", crash_stgi},     {"CLGI", crash_clgi},
        {"SKINIT", crash_skinit},
    };
    bool ok = true;

    (void)boot;
    for (size_t i = 0; i < sizeof insns / sizeof insns[0]; i++)
        ok &= crash_expect(insns[i].name, 0, guest_try(insns[i].run, (uintptr_t)scratch),
                           EXCEPTION_UD);
    return ok ? GUEST_EXIT_OK : GUEST_EXIT_FAILED;
}
