/* SPDX-License-Identifier: MIT */
/* fakes/machine/x86/insn.h - stands in for lib/x86's insn.h where a test is a whole machine: the
 * instructions that the hypervisor executes, done by fakes/hv_machine.c or by the test itself. */
#ifndef FAKES_MACHINE_X86_INSN_H
#define FAKES_MACHINE_X86_INSN_H

#include <stdint.h>

static inline uint64_t insn_index_nospec(uint64_t index, uint64_t size)
{
    return index < size ? index : 0;
}

uint64_t insn_rdtsc(void);
void insn_pause(void);
void insn_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
uint64_t insn_rdmsr(uint32_t msr);
void insn_wrmsr(uint32_t msr, uint64_t v);
void insn_sti_hlt_cli(void);
void insn_sti_nop_cli(void);
void insn_wbinvd(void);
void insn_vmsave(uint64_t pa);
uint64_t insn_read_cr0(void);
uint64_t insn_read_cr4(void);
void insn_write_cr0(uint64_t v);
void insn_write_cr4(uint64_t v);
uint64_t insn_read_dr0(void);
uint64_t insn_read_dr1(void);
uint64_t insn_read_dr2(void);
uint64_t insn_read_dr3(void);
void insn_write_dr0(uint64_t v);
void insn_write_dr1(uint64_t v);
void insn_write_dr2(uint64_t v);
void insn_write_dr3(uint64_t v);
uint32_t insn_xgetbv(uint32_t xcr);
void insn_xsetbv(uint32_t xcr, uint64_t v);
void insn_xsave(void *area, uint64_t mask);
void insn_xrstor(const void *area, uint64_t mask);
void insn_fxsave(void *area);
void insn_fxrstor(const void *area);
void insn_fnclex(void);
void insn_emms(void);
void insn_fild32(const int32_t *v);
void *insn_read_gs_self(void);

#endif
