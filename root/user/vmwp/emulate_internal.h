/* SPDX-License-Identifier: MIT */
/* vmwp/emulate_internal.h - what the parts of the emulator share: one emulation under way. */
#ifndef USER_VMWP_EMULATE_INTERNAL_H
#define USER_VMWP_EMULATE_INTERNAL_H

#include <x86/decode.h>
#include "vmwp/emulate.h"

#define EMULATE_PAGE_SIZE 4096u
#define EMULATE_PAGE_MASK (EMULATE_PAGE_SIZE - 1ull)

/* emulation.changed: bit by register's number, and this one. */
#define EMULATE_CHANGED_RFLAGS (1u << X86_GPR_COUNT)

/* A copy of what the VP has, and what it is to have. */
struct emulation {
    const struct emulate_vp *vp;
    struct emulate_answer *answer;
    const uint8_t *bytes;
    unsigned byte_count;
    enum x86_mode mode;
    struct x86_insn insn;
    bool user;  /* privilege level 3 */
    bool write; /* what the memory access was */
    uint32_t changed;
    uint32_t bases_known; /* bit by segment */
    uint64_t rip, rflags;
    uint64_t gpa;           /* of the memory access */
    uint64_t device_linear; /* the page of it, for strings */
    uint16_t port;          /* of INS and OUTS */
    uint64_t gprs[X86_GPR_COUNT];
    uint64_t segment_bases[X86_SEGMENT_COUNT];
    uint64_t ram_linear;   /* the page translated last; ... */
    uint8_t *ram_page;     /* ... NULL: none */
    uint64_t fault_linear; /* page fault to be delivered ... */
    uint32_t fault_error;
    bool fault;          /* ... if there is one */
    const char *refusal; /* or why it cannot go on */
};

/* The value that the named register is to have. */
void emulation_gpr_set(struct emulation *e, unsigned reg, uint64_t value);
void emulation_reg_set(struct emulation *e,
                       uint64_t value); /* the instruction's register operand */
void emulation_rflags_set(struct emulation *e, uint64_t value);

/* The instruction of @length bytes is done. */
void emulation_rip_advance(struct emulation *e, unsigned length);

/* Make segment_bases[@segment] known. False: refused. */
bool emulation_segment(struct emulation *e, unsigned segment);

/* False, and why. */
bool emulation_refuse(struct emulation *e, const char *why);

/* MOVS, STOS, LODS on a device; INS and OUTS. False: refused, and nothing has changed. */
bool emulation_string(struct emulation *e);
bool emulation_string_port(struct emulation *e);

#endif
