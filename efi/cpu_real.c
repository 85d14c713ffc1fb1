/* SPDX-License-Identifier: MIT */
/* efi/cpu_real.c - the processor that runs the loader, as a source of cpu.h. */
#include <stddef.h>
#include <x86/insn.h>
#include "cpu.h"

static void real_cpuid(void *context, uint32_t leaf, uint32_t subleaf, uint32_t regs[CPU_REGISTERS])
{
    (void)context;
    insn_cpuid(leaf, subleaf, regs);
}

static uint64_t real_rdmsr(void *context, uint32_t msr)
{
    (void)context;
    return insn_rdmsr(msr);
}

const struct cpu_source CPU_REAL = {NULL, real_cpuid, real_rdmsr};
