/* SPDX-License-Identifier: MIT */
/* root/mm/space_switch.c - loading address spaces; apart, so that space.c runs anywhere. */
#include "cpu/cpu.h"
#include "mm/paging.h"
#include "mm/space.h"
#include "proc/process.h"

void space_switch(struct cpu *cpu, struct process *process)
{
    struct address_space *s = process != NULL ? process->space : NULL;

    if (s == cpu->space)
        return;
    /* pairs with the fence in tlb_flush_space: it sees the space here, or we load new tables */
    __atomic_store_n(&cpu->space, s, __ATOMIC_SEQ_CST);
    insn_write_cr3(s != NULL ? s->root : paging_kernel_root());
}
