/* SPDX-License-Identifier: MIT */
/* emul/msr.h - the MSRs that a VP has. Default deny: what is not here is the parent's business, if
 * it asked for it, or does not exist (#GP). TLFS 2.0A, 11.10 and appendix F. */
#ifndef EMUL_MSR_H
#define EMUL_MSR_H

#include <stdint.h>

struct vp;

enum msr_result {
    MSR_DONE,
    MSR_FAULT,   /* #GP(0) */
    MSR_UNKNOWN, /* not one of ours: intercept, or #GP(0) */
    MSR_INTERCEPT, /* ours, and done; the parent has asked to hear of it: intercept */
    MSR_SHUTDOWN,  /* the guest wants to be reset, and the parent did not ask: as a triple fault */
};

/* @vp is loaded on this LP, or held. */
enum msr_result msr_read(struct vp *vp, uint32_t msr, uint64_t *value);
enum msr_result msr_write(struct vp *vp, uint32_t msr, uint64_t value);

#endif
