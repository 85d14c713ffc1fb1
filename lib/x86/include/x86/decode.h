/* SPDX-License-Identifier: MIT */
/* x86/decode.h - the one instruction decoder of the tree: lengths of everything, addresses of
 * memory operands, and a normalised operation for the moves that device emulation needs.
 *
 * Rules: pure, no allocation, no recursion; reads at most min(@count, 15) bytes. It does not check
 * what only an execution would (LOCK on a MOV, missing CPUID features, reserved ModRM.reg values),
 * so a caller emulates X86_OP_* only and gives #UD for X86_OP_OTHER.
 * APM vol. 3, chapter 1 (encoding) and appendix A (opcode maps); SDM vol. 2, chapter 2.
 *
 * A near branch with prefix 66 in 64-bit mode has a 16-bit displacement, as on AMD; Intel's
 * processors ignore the prefix there. No branch is ever emulated, so only its length is at stake.
 */
#ifndef X86_DECODE_H
#define X86_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#define X86_INSN_MAX 15u /* bytes; a longer instruction raises #GP */

/* Default sizes of code: CS.L, CS.D (or real mode) say which. */
enum x86_mode { X86_MODE_16, X86_MODE_32, X86_MODE_64 };

enum x86_decode_status {
    X86_DECODE_OK,
    X86_DECODE_MORE,    /* the bytes given are the beginning of an instruction */
    X86_DECODE_INVALID, /* no instruction begins like this, or it is longer than 15 bytes */
};

enum x86_encoding {
    X86_ENCODING_LEGACY,
    X86_ENCODING_VEX,
    X86_ENCODING_EVEX,
    X86_ENCODING_XOP,
};

/* Opcode maps by their VEX and XOP numbers; the one-byte map is 0. */
enum {
    X86_MAP_ONE = 0,
    X86_MAP_0F = 1,
    X86_MAP_0F38 = 2,
    X86_MAP_0F3A = 3,
    X86_MAP_EVEX5 = 5,
    X86_MAP_EVEX6 = 6,
    X86_MAP_XOP8 = 8,
    X86_MAP_XOP9 = 9,
    X86_MAP_XOPA = 10,
};

/* x86_insn.prefixes */
#define X86_PREFIX_LOCK         (1u << 0)
#define X86_PREFIX_REPNE        (1u << 1)
#define X86_PREFIX_REP          (1u << 2)
#define X86_PREFIX_OPERAND_SIZE (1u << 3)
#define X86_PREFIX_ADDRESS_SIZE (1u << 4)
#define X86_PREFIX_SEGMENT      (1u << 5)
#define X86_PREFIX_REX          (1u << 6)

#define X86_REX_B 1u
#define X86_REX_X 2u
#define X86_REX_R 4u
#define X86_REX_W 8u

/* General registers by number: the index into the gprs[16] of the helpers below. */
enum {
    X86_RAX,
    X86_RCX,
    X86_RDX,
    X86_RBX,
    X86_RSP,
    X86_RBP,
    X86_RSI,
    X86_RDI, /* 8 to 15: R8 to R15 */
    X86_GPR_COUNT = 16,
    X86_RIP = 16,      /* base only: the address of the next instruction */
    X86_NO_REG = 0xff, /* base or index absent */
};

/* Segments by number: the index into segment_bases[6]. */
enum { X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS, X86_SEGMENT_COUNT };

/* ADD to CMP are in the order of ModRM.reg in opcodes 80 to 83, BT to BTC of 0F BA. */
enum x86_op {
    X86_OP_OTHER, /* not emulated; the length and the operand's address are right nevertheless */
    X86_OP_ADD,
    X86_OP_OR,
    X86_OP_ADC,
    X86_OP_SBB,
    X86_OP_AND,
    X86_OP_SUB,
    X86_OP_XOR,
    X86_OP_CMP,
    X86_OP_BT,
    X86_OP_BTS,
    X86_OP_BTR,
    X86_OP_BTC,
    X86_OP_TEST,
    X86_OP_INC,
    X86_OP_DEC,
    X86_OP_NOT,
    X86_OP_NEG,
    X86_OP_MOV,
    X86_OP_MOVZX,
    X86_OP_MOVSX, /* and MOVSXD */
    X86_OP_XCHG,
    X86_OP_XADD,
    X86_OP_CMPXCHG,
    X86_OP_MOVS, /* from the memory operand to ES:rDI; x86_insn_string_destination() */
    X86_OP_CMPS, /* the memory operand with ES:rDI */
    X86_OP_STOS,
    X86_OP_LODS,
    X86_OP_SCAS,
    X86_OP_INS,
    X86_OP_OUTS,
    X86_OP_IN,
    X86_OP_OUT,
    X86_OP_COUNT,
};

/* What x86_insn.op has as destination and source, in this order. */
enum x86_form {
    X86_FORM_NONE, /* with X86_OP_OTHER only */
    X86_FORM_MEM_REG,
    X86_FORM_REG_MEM,
    X86_FORM_MEM_IMM,
    X86_FORM_MEM, /* INC, DEC, NOT, NEG */
    X86_FORM_MEM_MEM,
    X86_FORM_REG_PORT, /* IN, OUT, INS and OUTS: port in DX if port_in_dx, else in imm */
    X86_FORM_PORT_REG,
    X86_FORM_MEM_PORT,
    X86_FORM_PORT_MEM,
};

struct x86_insn {
    uint8_t length; /* bytes */
    uint8_t mode;   /* enum x86_mode */
    uint8_t encoding;
    uint8_t map;
    uint8_t opcode;       /* the last opcode byte */
    uint8_t prefixes;     /* X86_PREFIX_* */
    uint8_t rex;          /* X86_REX_*; for VEX and XOP what stands for them */
    uint8_t operand_size; /* 2, 4 or 8 by prefixes; the 64-bit default of PUSH and the like is not
                             applied */
    uint8_t address_size; /* 2, 4 or 8 */
    bool has_modrm;
    uint8_t modrm;
    uint8_t sib;

    /* The memory operand: [segment: base + (index << scale) + disp]. Legacy encoding only: VEX and
     * EVEX have vector indices and scaled displacements. */
    bool has_memory;
    uint8_t segment;
    uint8_t base;  /* register number, X86_RIP or X86_NO_REG */
    uint8_t index; /* register number or X86_NO_REG */
    uint8_t scale;

    /* The normalised operation: on memory or a port, never register to register. */
    uint8_t op;        /* enum x86_op */
    uint8_t form;      /* enum x86_form */
    uint8_t width;     /* bytes of memory or port accessed (once, under REP) */
    uint8_t reg;       /* the register operand's number */
    uint8_t reg_width; /* its bytes: differs from width for MOVZX and MOVSX */
    bool reg_high;     /* AH, CH, DH, BH: bits 8 to 15 of register `reg` */
    bool port_in_dx;

    int64_t disp; /* sign-extended; MOV's absolute address zero-extended */
    uint64_t imm; /* sign-extended to 64 bits; cut to `width` if op is not X86_OP_OTHER */
};

/* Decode the instruction at @bytes of which @count are there. @insn is complete only after
 * X86_DECODE_OK. */
enum x86_decode_status x86_decode(const uint8_t *bytes, unsigned count, enum x86_mode mode,
                                  struct x86_insn *insn);

/* An opcode without operands in memory, for x86_insn_length(): its bytes, without prefixes. */
#define X86_OPCODE1(a)       (1u << 24 | (a))
#define X86_OPCODE2(a, b)    (2u << 24 | (b) << 8 | (a))
#define X86_OPCODE3(a, b, c) (3u << 24 | (c) << 16 | (b) << 8 | (a))

#define X86_OPCODE_CPUID   X86_OPCODE2(0x0fu, 0xa2u)
#define X86_OPCODE_RDMSR   X86_OPCODE2(0x0fu, 0x32u)
#define X86_OPCODE_WRMSR   X86_OPCODE2(0x0fu, 0x30u)
#define X86_OPCODE_RDTSC   X86_OPCODE2(0x0fu, 0x31u)
#define X86_OPCODE_RDPMC   X86_OPCODE2(0x0fu, 0x33u)
#define X86_OPCODE_INVD    X86_OPCODE2(0x0fu, 0x08u)
#define X86_OPCODE_WBINVD  X86_OPCODE2(0x0fu, 0x09u)
#define X86_OPCODE_RSM     X86_OPCODE2(0x0fu, 0xaau)
#define X86_OPCODE_RDTSCP  X86_OPCODE3(0x0fu, 0x01u, 0xf9u)
#define X86_OPCODE_XSETBV  X86_OPCODE3(0x0fu, 0x01u, 0xd1u)
#define X86_OPCODE_MONITOR X86_OPCODE3(0x0fu, 0x01u, 0xc8u)
#define X86_OPCODE_MWAIT   X86_OPCODE3(0x0fu, 0x01u, 0xc9u)
#define X86_OPCODE_VMCALL  X86_OPCODE3(0x0fu, 0x01u, 0xc1u)
#define X86_OPCODE_VMRUN   X86_OPCODE3(0x0fu, 0x01u, 0xd8u)
#define X86_OPCODE_VMMCALL X86_OPCODE3(0x0fu, 0x01u, 0xd9u)
#define X86_OPCODE_VMLOAD  X86_OPCODE3(0x0fu, 0x01u, 0xdau)
#define X86_OPCODE_VMSAVE  X86_OPCODE3(0x0fu, 0x01u, 0xdbu)
#define X86_OPCODE_STGI    X86_OPCODE3(0x0fu, 0x01u, 0xdcu)
#define X86_OPCODE_CLGI    X86_OPCODE3(0x0fu, 0x01u, 0xddu)
#define X86_OPCODE_SKINIT  X86_OPCODE3(0x0fu, 0x01u, 0xdeu)
#define X86_OPCODE_INVLPGA X86_OPCODE3(0x0fu, 0x01u, 0xdfu)
#define X86_OPCODE_HLT     X86_OPCODE1(0xf4u)
#define X86_OPCODE_PAUSE   X86_OPCODE1(0x90u) /* behind prefix F3 */
#define X86_OPCODE_INT3    X86_OPCODE1(0xccu)

/* The length, prefixes included, of the instruction at @bytes if its opcode is @opcode (of
 * X86_OPCODE*); 0 if it is another one or not all there. The fast way where an exit has already
 * said which instruction it is. */
unsigned x86_insn_length(const uint8_t *bytes, unsigned count, enum x86_mode mode, uint32_t opcode);

/* The ones that cover @width bytes (1 to 8). */
static inline uint64_t x86_width_mask(unsigned width)
{
    return ~0ull >> (64 - 8 * width);
}

/* Offset of @insn's memory operand in its segment; @base and @index are the values of the
 * registers insn->base and insn->index (ignored if X86_NO_REG, @base also if X86_RIP), @rip the
 * address of the instruction itself. */
uint64_t x86_insn_offset(const struct x86_insn *insn, uint64_t base, uint64_t index, uint64_t rip);

/* The linear address of [@segment: @offset] in @mode: in 64-bit mode only FS and GS have a base,
 * in the others addresses are 32 bits. */
uint64_t x86_linear_address(enum x86_mode mode, unsigned segment, uint64_t offset,
                            const uint64_t segment_bases[X86_SEGMENT_COUNT]);

/* The linear address of @insn's memory operand; insn->has_memory must be set. */
uint64_t x86_insn_linear_address(const struct x86_insn *insn, const uint64_t gprs[X86_GPR_COUNT],
                                 uint64_t rip, const uint64_t segment_bases[X86_SEGMENT_COUNT]);

/* The linear address of ES:rDI, the other memory operand of MOVS and CMPS. */
uint64_t x86_insn_string_destination(const struct x86_insn *insn,
                                     const uint64_t gprs[X86_GPR_COUNT],
                                     const uint64_t segment_bases[X86_SEGMENT_COUNT]);

/* BT, BTS, BTR and BTC with a bit offset from a register reach beyond their operand: the bytes to
 * add to its address when the register's value is @bits. */
int64_t x86_insn_bit_displacement(const struct x86_insn *insn, uint64_t bits);

/* The register operand's value, insn->reg_width bytes of it, zero-extended. */
uint64_t x86_insn_reg_read(const struct x86_insn *insn, const uint64_t gprs[X86_GPR_COUNT]);

/* Write @value to the register operand: 4 bytes clear the upper half, 1 and 2 keep the rest. */
void x86_insn_reg_write(const struct x86_insn *insn, uint64_t gprs[X86_GPR_COUNT], uint64_t value);

#endif
