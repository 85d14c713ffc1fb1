/* SPDX-License-Identifier: MIT */
/* svm_fixture.h - the AMD-V backend as shipped, with a function in the place of VMRUN: it sees the
 * VMCB as the processor would, and leaves in it what the processor would. */
#ifndef SVM_FIXTURE_H
#define SVM_FIXTURE_H

#include "fakes/test.h"

#include "core/pcpu.h"
#include "virt/svm/svm.h"
#include "virt/virt.h"

extern struct partition partition;
extern struct vp *const vp;
extern struct pcpu cpus[2], *cpu; /* the LP that runs */
extern struct vmcb *vmcb;         /* of vp */
extern uint32_t asids;            /* that the processor has */

/* What VMRUN does to the VMCB, set by the test; NULL: nothing. */
extern void (*guest)(struct vmcb *v);

/* A fresh backend on a processor with @features (CPUID 0x8000000a, EDX), and a child's VP. */
void svm_begin(uint32_t features);
int svm_setup(void **state);

/* Enter the VP once. */
struct vp_exit run(void);

#endif
