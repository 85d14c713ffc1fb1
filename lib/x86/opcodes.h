/* SPDX-License-Identifier: MIT */
/* x86/opcodes.h - the decoder's opcode tables, private to lib/x86. */
#ifndef X86_OPCODES_H
#define X86_OPCODES_H

#include <x86/decode.h>

/* opcode.layout: what follows the opcode byte. */
enum {
    IMM_NONE,
    IMM_B,      /* 1 byte */
    IMM_W,      /* 2 bytes */
    IMM_Z,      /* 2 or 4 by operand size */
    IMM_V,      /* 2, 4 or 8 by operand size */
    IMM_REL,    /* near branch: as IMM_Z */
    IMM_FAR,    /* offset as IMM_Z, selector */
    IMM_WB,     /* ENTER: 2 bytes and 1 byte */
    IMM_BB,     /* EXTRQ, INSERTQ: 1 byte and 1 byte */
    IMM_D,      /* 4 bytes (XOP) */
    IMM_MOFFS,  /* an address, by address size */
    IMM_TEST_B, /* F6: IMM_B for TEST only */
    IMM_TEST_Z, /* F7: IMM_Z for TEST only */
    IMM_MASK = 0x0f,
    MODRM = 0x10,
    INVALID = 0x20,
    NO64 = 0x40,     /* invalid in 64-bit mode */
    REG_ONLY = 0x80, /* ModRM.mod is ignored and taken as 3 */
};

/* opcode.op beyond enum x86_op: ModRM.reg or the mode decides. */
enum {
    OP_GROUP1 = X86_OP_COUNT, /* 80 to 83 */
    OP_GROUP3,                /* F6, F7 */
    OP_GROUP4,                /* FE, FF */
    OP_GROUP8,                /* 0F BA */
    OP_GROUP11,               /* C6, C7 */
    OP_MOVSXD,                /* 63; ARPL outside 64-bit mode */
};

/* opcode.form: enum x86_form, and this for operands of one byte. */
#define FORM_BYTE 0x80u

struct opcode {
    uint8_t layout, op, form;
};

extern const struct opcode opcodes_one_byte[256];
extern const struct opcode opcodes_0f[256];

#endif
