/* SPDX-License-Identifier: MIT */
/* fakes/msr/x86/insn.h - stands in for lib/x86's insn.h where a test is the processor's MSRs. */
#ifndef FAKES_MSR_X86_INSN_H
#define FAKES_MSR_X86_INSN_H

#include <stdint.h>

void insn_wrmsr(uint32_t msr, uint64_t value); /* the test's */
void *insn_read_gs_self(void);                 /* the test's struct pcpu */

#endif
