/* SPDX-License-Identifier: MIT */
/* core/fpu.h - FPU and vector state. It is switched eagerly, with the VP: lazy switching leaks it
 * to whoever looks before the first use (CVE-2018-3665). */
#ifndef CORE_FPU_H
#define CORE_FPU_H

#include <stdbool.h>
#include <stdint.h>

struct vp;

/* Enable what this LP has; the boot processor also measures it. */
void fpu_on(void);

/* All XCR0 bits that guests may enable; 0: no XSAVE on this machine. */
uint64_t fpu_xcr0_mask(void);

/* Set @vp's area to the state after INIT. */
void fpu_reset(struct vp *vp);

/* May @area, a page that somebody else filled, be loaded? What would fault is refused. */
bool fpu_area_valid(const void *area);

/* Learn what @vp, whose state is loaded, has in XCR0. Intercepting XSETBV does not tell of every
 * change: QEMU 7.2 lets a guest execute it without an exit. What the hypervisor does not switch is
 * left out. */
void fpu_xcr0_learn(struct vp *vp);

void fpu_load(struct vp *vp);
void fpu_save(struct vp *vp);

#endif
