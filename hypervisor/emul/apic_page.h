/* SPDX-License-Identifier: MIT */
/* emul/apic_page.h - instructions that touch the local APIC's register page. */
#ifndef EMUL_APIC_PAGE_H
#define EMUL_APIC_PAGE_H

#include <stdbool.h>
#include <stdint.h>

struct vp;

/* Emulate the instruction at RIP, which accessed the register at @offset. False: it is none that
 * touches device registers. @vp is loaded here. */
bool apic_page_access(struct vp *vp, uint32_t offset);

#endif
