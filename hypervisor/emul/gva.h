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
};

enum gva_result {
    GVA_OK,
    GVA_NOT_PRESENT,  /* also: not canonical */
    GVA_PROTECTION,
    GVA_RESERVED_BIT,   /* set in an entry */
    GVA_TABLE_UNMAPPED, /* a table lies where the guest has no memory that can be read */
};

/* What the way to a page of code depends on: the VP's state, */
struct gva_inputs {
    uint64_t page, cr0, cr3, cr4, efer;
    uint64_t generation; /* of the SLAT; 0: nothing is noted */
    uint64_t cpl;
};

/* the entries of its page tables, */
struct gva_entry {
    const uint64_t *at;
    uint64_t value;
};

/* and where it led: the last fetch, in vp.fetched. */
#define GVA_LEVELS 5
struct gva_fetched {
    struct gva_inputs inputs;
    unsigned entries;
    struct gva_entry entry[GVA_LEVELS];
    const unsigned char *code; /* the page */
};

/* Where @va leads; with GVA_TABLE_UNMAPPED, where the entry is that cannot be read. */
enum gva_result gva_translate(struct vp *vp, uint64_t va, unsigned access, gpa_t *out);

/* Copy the instruction bytes at RIP; how many could be read, at most 15. */
unsigned gva_fetch(struct vp *vp, uint8_t bytes[X86_INSN_MAX]);

enum x86_mode gva_mode(const struct vp *vp);

#endif
