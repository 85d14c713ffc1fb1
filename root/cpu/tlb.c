/* SPDX-License-Identifier: MIT */
/* root/cpu/tlb.c - see tlb.h. A request is a number that goes up; serving it flushes all of the
 * CPU's translations (there are no global pages) and publishes the number seen before. */
#include <x86/apic.h>
#include <x86/cr.h>
#include "cpu/apic.h"
#include "cpu/cpu.h"
#include "cpu/tlb.h"
#include "cpu/trap.h"
#include "log.h"

void tlb_serve(struct cpu *cpu)
{
    uint64_t requested = __atomic_load_n(&cpu->tlb_requested, __ATOMIC_ACQUIRE);

    insn_write_cr3(insn_read_cr3());
    __atomic_store_n(&cpu->tlb_done, requested, __ATOMIC_RELEASE);
}

/* Ask @cpu; the number to wait for. */
static uint64_t request(struct cpu *cpu)
{
    uint64_t number = __atomic_add_fetch(&cpu->tlb_requested, 1, __ATOMIC_ACQ_REL);
    uint64_t flags = interrupts_off();

    apic_send(cpu->apic_id, APIC_DELIVERY_FIXED | APIC_ICR_LEVEL_ASSERT | VECTOR_TLB);
    interrupts_restore(flags);
    return number;
}

/* Flush here, and on each other CPU that has @space loaded, or on all. */
static void flush(const struct address_space *space, bool all)
{
    uint32_t n = cpu_count();

    BUG_ON((insn_pushf() & RFLAGS_IF) == 0);
    insn_write_cr3(insn_read_cr3());
    /* A CPU that loads the space after this look loads fresh tables. The thread may move
     * meanwhile: then its old CPU has flushed by loading CR3, if it still has the space at all. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < n; i++) {
        struct cpu *cpu = cpu_get(i);
        uint64_t number;

        if (!all && __atomic_load_n(&cpu->space, __ATOMIC_ACQUIRE) != space)
            continue;
        number = request(cpu);
        while (__atomic_load_n(&cpu->tlb_done, __ATOMIC_ACQUIRE) < number)
            insn_pause();
    }
}

void tlb_flush_space(const struct address_space *space)
{
    flush(space, false);
}

/* The thread may move between the flush here and the requests: its old CPU is asked too. */
void tlb_flush_kernel(void)
{
    flush(NULL, true);
}
