/* SPDX-License-Identifier: MIT */
/* emul/hvmsr.h - the synthetic MSRs, 0x40000000 and up. TLFS 6.0b, appendix B. */
#ifndef EMUL_HVMSR_H
#define EMUL_HVMSR_H

#include "emul/msr.h"

/* Each needs its privilege; without it, and for a read-only or unknown register: MSR_FAULT. */
enum msr_result hvmsr_read(struct vp *vp, uint32_t msr, uint64_t *value);
enum msr_result hvmsr_write(struct vp *vp, uint32_t msr, uint64_t value);

#endif
