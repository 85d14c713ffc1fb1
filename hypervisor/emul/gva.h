/* SPDX-License-Identifier: MIT */
/* emul/gva.h - a VP's linear addresses: its page tables, walked as the processor does, and the
 * bytes of its instructions. The VP is loaded here or held. APM vol. 2, chapter 5. */
#ifndef EMUL_GVA_H
#define EMUL_GVA_H

#include <stdbool.h>
#include <stdint.h>
#include <x86/decode.h>
#include "core/types.h"

struct vp;

/* Access wanted; the bits of a page fault's error code. */
enum {
    GVA_WRITE = 1u << 1,
    GVA_USER = 1u << 2,
    GVA_FETCH = 1u << 4,
    GVA_SUPERVISOR_EXEMPT = 1u << 8, /* ignore U/S: TLFS privilege exempt */
};

enum gva_result {
    GVA_OK,
    GVA_NOT_PRESENT,  /* also: not canonical */
    GVA_PROTECTION,
    GVA_RESERVED_BIT,
    GVA_TABLE_UNMAPPED, /* a table lies where the guest has no memory */
};

/* Where @va leads. */
enum gva_result gva_translate(struct vp *vp, uint64_t va, unsigned access, gpa_t *out);

/* Copy the instruction bytes at RIP; how many could be read, at most 15. */
unsigned gva_fetch(struct vp *vp, uint8_t bytes[X86_INSN_MAX]);

enum x86_mode gva_mode(const struct vp *vp);

#endif
