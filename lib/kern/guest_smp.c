/* SPDX-License-Identifier: MIT */
/* guest_smp.c - INIT-SIPI-SIPI. See kern/guest_smp.h. SDM vol. 3A, 8.4.4. */
#include <kern/guest_apic.h>
#include <kern/guest_cpu.h>
#include <kern/guest_smp.h>
#include <rt/mem.h>
#include <x86/apic.h>
#include <x86/insn.h>
#include <x86/pte.h>

/* The last bytes of guest_trampoline.asm: what the processor being started needs. */
struct trampoline_mailbox {
    uint64_t cr3;
    uint64_t stack;
    uint64_t entry;
    uint64_t argument;
};
X86_OFFSET(struct trampoline_mailbox, argument, 24);

extern const uint8_t guest_trampoline_start[], guest_trampoline_mailbox[], guest_trampoline_end[];

static void (*others_main)(void);

/* The first C function of a started processor, on its stack. */
static _Noreturn void cpu_enter(uint64_t index)
{
    guest_cpu_setup((uint32_t)index);
    guest_apic_enable();
    __atomic_store_n(&guest_cpu_this()->online, 1, __ATOMIC_RELEASE); /* pairs with cpu_start() */
    others_main();
    for (;;)
        insn_hlt(); /* interrupts are off: until the partition ends */
}

static void sipi_send(uint32_t id, uint64_t trampoline)
{
    guest_apic_ipi(id, APIC_DELIVERY_STARTUP | APIC_ICR_LEVEL_ASSERT |
                           (uint32_t)(trampoline >> PAGE_SHIFT));
}

static _Bool cpu_start(uint32_t id, uint64_t trampoline)
{
    uint64_t begin = insn_rdtsc(), sent = begin, now = begin;

    guest_apic_ipi(id, APIC_DELIVERY_INIT | APIC_ICR_LEVEL_ASSERT);
    sipi_send(id, trampoline);
    while (!__atomic_load_n(&guest_cpu_get(id)->online, __ATOMIC_ACQUIRE)) {
        if (now - begin > GUEST_SMP_TIMEOUT_TICKS)
            return 0;
        if (now - sent > GUEST_SMP_SIPI_TICKS) {
            sipi_send(id, trampoline);
            sent = now;
        }
        insn_pause();
        now = insn_rdtsc();
    }
    return 1;
}

uint32_t guest_smp_start(uint32_t count, uint64_t trampoline, void (*main)(void))
{
    uint8_t *code = (uint8_t *)(uintptr_t)trampoline;
    struct trampoline_mailbox mailbox = {.cr3 = insn_read_cr3(), .entry = (uintptr_t)cpu_enter};
    uint32_t id;

    others_main = main;
    memcpy(code, guest_trampoline_start, (size_t)(guest_trampoline_end - guest_trampoline_start));
    for (id = 1; id < count && id < GUEST_CPU_MAX; id++) {
        mailbox.stack = (uintptr_t)guest_cpu_stack_top(id);
        mailbox.argument = id;
        memcpy(code + (guest_trampoline_mailbox - guest_trampoline_start), &mailbox,
               sizeof mailbox);
        if (!cpu_start(id, trampoline))
            break;
    }
    return id;
}
