/* SPDX-License-Identifier: MIT */
/* x86/decode.c - the instruction decoder; see x86/decode.h. What follows an opcode and which
 * operation it is comes from the tables of opcodes.c. */
#include <x86/decode.h>
#include "opcodes.h"

struct cursor {
    const uint8_t *bytes;
    unsigned at, limit;
    bool overrun;
};

/* The next byte; behind the last one zeros, and the overrun is noted. */
static inline uint8_t take(struct cursor *c)
{
    if (c->at >= c->limit) {
        c->overrun = true;
        return 0;
    }
    return c->bytes[c->at++];
}

static inline uint8_t peek(struct cursor *c)
{
    uint8_t b = take(c);

    if (!c->overrun)
        c->at--;
    return b;
}

/* The next @size (0 to 8) bytes, little-endian, zero-extended. */
static uint64_t take_unsigned(struct cursor *c, unsigned size)
{
    const uint8_t *p = c->bytes + c->at;
    uint64_t v = 0;

    if (size > c->limit - c->at) {
        c->at = c->limit;
        c->overrun = true;
        return 0;
    }
    c->at += size;
    while (size-- != 0)
        v = v << 8 | p[size];
    return v;
}

/* The next @size (1 to 8) bytes, little-endian, sign-extended. */
static int64_t take_signed(struct cursor *c, unsigned size)
{
    unsigned spare = 64 - 8 * size;

    /* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): no operand has 0 bytes */
    return (int64_t)(take_unsigned(c, size) << spare) >> spare;
}

#define IS_REX(byte) (((byte)&0xf0u) == 0x40u)

static const uint32_t legacy_prefixes[8] = {
    [0x26 / 32] = 1u << 0x26 % 32 | 1u << 0x2e % 32 | 1u << 0x36 % 32 | 1u << 0x3e % 32,
    [0x64 / 32] = 1u << 0x64 % 32 | 1u << 0x65 % 32 | 1u << 0x66 % 32 | 1u << 0x67 % 32,
    [0xf0 / 32] = 1u << 0xf0 % 32 | 1u << 0xf2 % 32 | 1u << 0xf3 % 32,
};

static inline bool is_legacy_prefix(uint8_t b)
{
    return (legacy_prefixes[b / 32] >> b % 32 & 1) != 0;
}

static void take_segment_override(struct x86_insn *insn, unsigned segment)
{
    if (insn->mode == X86_MODE_64 && segment < X86_FS)
        return;
    insn->prefixes |= X86_PREFIX_SEGMENT;
    insn->segment = (uint8_t)segment;
}

static void note_prefix(struct x86_insn *insn, uint8_t b)
{
    const unsigned repeats = X86_PREFIX_REP | X86_PREFIX_REPNE;

    switch (b) {
    case 0x66:
        insn->prefixes |= X86_PREFIX_OPERAND_SIZE;
        break;
    case 0x67:
        insn->prefixes |= X86_PREFIX_ADDRESS_SIZE;
        break;
    case 0xf0:
        insn->prefixes |= X86_PREFIX_LOCK;
        break;
    case 0xf2: /* the last repeat prefix counts */
        insn->prefixes = (uint8_t)((insn->prefixes & ~repeats) | X86_PREFIX_REPNE);
        break;
    case 0xf3:
        insn->prefixes = (uint8_t)((insn->prefixes & ~repeats) | X86_PREFIX_REP);
        break;
    case 0x64:
    case 0x65:
        take_segment_override(insn, b == 0x64 ? X86_FS : X86_GS);
        break;
    default: /* 26, 2E, 36, 3E */
        take_segment_override(insn, b >> 3 & 3);
        break;
    }
}

/* All prefixes; what is returned is the first byte of the opcode. A REX that is not the last of
 * the prefixes is ignored. */
static uint8_t take_prefixes(struct x86_insn *insn, struct cursor *c)
{
    uint8_t rex = 0;

    for (;;) {
        uint8_t b = take(c);

        if (is_legacy_prefix(b)) {
            note_prefix(insn, b);
            rex = 0;
        } else if (IS_REX(b) && insn->mode == X86_MODE_64) {
            rex = b;
        } else {
            if (rex != 0)
                insn->prefixes |= X86_PREFIX_REX;
            insn->rex = rex & 0xf;
            return b;
        }
    }
}

static void set_sizes(struct x86_insn *insn)
{
    /* By mode, without and with the prefix. */
    static const uint8_t operand_sizes[3][2] = {{2, 4}, {4, 2}, {4, 2}};
    static const uint8_t address_sizes[3][2] = {{2, 4}, {4, 2}, {8, 4}};
    bool operand_prefix = (insn->prefixes & X86_PREFIX_OPERAND_SIZE) != 0;
    bool address_prefix = (insn->prefixes & X86_PREFIX_ADDRESS_SIZE) != 0;

    insn->operand_size = operand_sizes[insn->mode][operand_prefix];
    insn->address_size = address_sizes[insn->mode][address_prefix];
    if (insn->mode == X86_MODE_64 && (insn->rex & X86_REX_W) != 0)
        insn->operand_size = 8;
}

/* Operand bytes of the other maps do not depend on the opcode. */
static const struct opcode modrm_only = {MODRM, 0, 0};
static const struct opcode modrm_imm8 = {MODRM | IMM_B, 0, 0};
static const struct opcode modrm_imm32 = {MODRM | IMM_D, 0, 0};
static const struct opcode invalid = {INVALID, 0, 0};

/* What follows opcode @op of a VEX, EVEX or XOP map. APM vol. 3, 1.2.7 and appendix A. */
static const struct opcode *extended_opcode(unsigned map, uint8_t op)
{
    static const struct opcode vzeroupper = {0, 0, 0};

    switch (map) {
    case X86_MAP_0F:
        if (op == 0x77)
            return &vzeroupper;
        return (opcodes_0f[op].layout & IMM_MASK) == IMM_B ? &modrm_imm8 : &modrm_only;
    case X86_MAP_0F3A:
    case X86_MAP_XOP8:
        return &modrm_imm8;
    case X86_MAP_XOPA:
        return &modrm_imm32;
    case X86_MAP_0F38:
    case X86_MAP_EVEX5:
    case X86_MAP_EVEX6:
    case X86_MAP_XOP9:
        return &modrm_only;
    default:
        return &invalid;
    }
}

/* R, X and B, which these encodings hold inverted in bits 7 to 5 of @b. */
static uint8_t inverted_rex(uint8_t b)
{
    return (uint8_t)(~b >> 5 & 7);
}

/* The bytes between the escape byte @escape, just taken, and the ModRM byte. */
static const struct opcode *take_extended(struct x86_insn *insn, struct cursor *c, uint8_t escape)
{
    const unsigned refused = X86_PREFIX_LOCK | X86_PREFIX_REP | X86_PREFIX_REPNE |
                             X86_PREFIX_OPERAND_SIZE | X86_PREFIX_REX;
    uint8_t b = take(c);

    if ((insn->prefixes & refused) != 0)
        return &invalid;
    insn->rex = inverted_rex(b);
    insn->encoding = escape == 0x8f   ? X86_ENCODING_XOP
                     : escape == 0x62 ? X86_ENCODING_EVEX
                                      : X86_ENCODING_VEX;
    if (escape == 0xc5) {
        insn->rex &= X86_REX_R;
        insn->map = X86_MAP_0F;
    } else if (escape == 0x62) {
        uint8_t b2 = take(c);

        take(c);
        insn->map = b & 7;
        if ((b & 8) != 0 || (b2 & 4) == 0)
            return &invalid;
    } else {
        insn->map = b & 0x1f;
        take(c);
    }
    if ((insn->map >= X86_MAP_XOP8) != (escape == 0x8f) ||
        (insn->map >= X86_MAP_EVEX5 && escape == 0xc4))
        return &invalid;
    insn->opcode = take(c);
    return extended_opcode(insn->map, insn->opcode);
}

/* Whether @b, which is also LES, LDS, BOUND or POP, begins a VEX, EVEX or XOP instruction. */
static bool is_extended(const struct x86_insn *insn, struct cursor *c, uint8_t b)
{
    switch (b) {
    case 0x62:
    case 0xc4:
    case 0xc5:
        return insn->mode == X86_MODE_64 || peek(c) >= 0xc0;
    case 0x8f:
        return (peek(c) & 0x1f) >= X86_MAP_XOP8;
    default:
        return false;
    }
}

/* 0F 78 is three instructions: VMREAD, and EXTRQ and INSERTQ by prefix. */
static const struct opcode *opcode_0f(const struct x86_insn *insn)
{
    static const struct opcode bit_field = {MODRM | IMM_BB, 0, 0};

    if (insn->opcode == 0x78 &&
        (insn->prefixes & (X86_PREFIX_OPERAND_SIZE | X86_PREFIX_REPNE)) != 0)
        return &bit_field;
    return &opcodes_0f[insn->opcode];
}

static const struct opcode *take_opcode(struct x86_insn *insn, struct cursor *c, uint8_t b)
{
    if (b == 0x0f) {
        insn->map = X86_MAP_0F;
        insn->opcode = take(c);
        if (insn->opcode != 0x38 && insn->opcode != 0x3a)
            return opcode_0f(insn);
        insn->map = insn->opcode == 0x38 ? X86_MAP_0F38 : X86_MAP_0F3A;
        insn->opcode = take(c);
        return insn->map == X86_MAP_0F38 ? &modrm_only : &modrm_imm8;
    }
    if (is_extended(insn, c, b))
        return take_extended(insn, c, b);
    insn->opcode = b;
    return &opcodes_one_byte[b];
}

static void set_memory(struct x86_insn *insn, unsigned base, unsigned index)
{
    insn->has_memory = true;
    insn->base = (uint8_t)base;
    insn->index = (uint8_t)index;
}

/* The default segment of an operand based on the stack pointer or the frame pointer. */
static void default_to_stack(struct x86_insn *insn)
{
    if ((insn->prefixes & X86_PREFIX_SEGMENT) == 0)
        insn->segment = X86_SS;
}

/* 16-bit addressing: APM vol. 3, table A-33. */
static void take_address16(struct x86_insn *insn, struct cursor *c)
{
    static const uint8_t bases[8] = {X86_RBX, X86_RBX, X86_RBP, X86_RBP,
                                     X86_RSI, X86_RDI, X86_RBP, X86_RBX};
    static const uint8_t indices[8] = {X86_RSI,    X86_RDI,    X86_RSI,    X86_RDI,
                                       X86_NO_REG, X86_NO_REG, X86_NO_REG, X86_NO_REG};
    unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;

    if (mod == 0 && rm == 6) {
        set_memory(insn, X86_NO_REG, X86_NO_REG);
        insn->disp = take_signed(c, 2);
        return;
    }
    set_memory(insn, bases[rm], indices[rm]);
    if (insn->base == X86_RBP)
        default_to_stack(insn);
    if (mod != 0)
        insn->disp = take_signed(c, mod);
}

/* The SIB byte; whether a 4-byte displacement stands for the base. */
static bool take_sib(struct x86_insn *insn, struct cursor *c)
{
    unsigned index, base;

    insn->sib = take(c);
    index = (insn->sib >> 3 & 7u) | (insn->rex & X86_REX_X) << 2;
    base = (insn->sib & 7u) | (insn->rex & X86_REX_B) << 3;
    insn->scale = insn->sib >> 6;
    set_memory(insn, base, index == X86_RSP ? X86_NO_REG : index);
    if ((base & 7) != X86_RBP || insn->modrm >> 6 != 0)
        return false;
    insn->base = X86_NO_REG;
    return true;
}

/* 32- and 64-bit addressing: APM vol. 3, 1.4. */
static void take_address(struct x86_insn *insn, struct cursor *c)
{
    unsigned mod = insn->modrm >> 6, rm = insn->modrm & 7;
    bool disp32 = mod == 2;

    if (rm == X86_RSP) {
        disp32 |= take_sib(insn, c);
    } else if (mod == 0 && rm == X86_RBP) {
        set_memory(insn, insn->mode == X86_MODE_64 ? X86_RIP : X86_NO_REG, X86_NO_REG);
        disp32 = true;
    } else {
        set_memory(insn, rm | (insn->rex & X86_REX_B) << 3, X86_NO_REG);
    }
    if (insn->base == X86_RSP || insn->base == X86_RBP)
        default_to_stack(insn);
    if (disp32)
        insn->disp = take_signed(c, 4);
    else if (mod == 1)
        insn->disp = take_signed(c, 1);
}

static void take_modrm(struct x86_insn *insn, struct cursor *c, unsigned layout)
{
    insn->has_modrm = true;
    insn->modrm = take(c);
    insn->reg = (uint8_t)((insn->modrm >> 3 & 7) | (insn->rex & X86_REX_R) << 1);
    if (insn->modrm >= 0xc0 || (layout & REG_ONLY) != 0)
        return;
    if (insn->address_size == 2)
        take_address16(insn, c);
    else
        take_address(insn, c);
    if (insn->encoding != X86_ENCODING_LEGACY)
        insn->has_memory = false;
}

/* MOV between the accumulator and an absolute address. */
static void take_moffs(struct x86_insn *insn, struct cursor *c)
{
    set_memory(insn, X86_NO_REG, X86_NO_REG);
    insn->disp = (int64_t)take_unsigned(c, insn->address_size);
}

static void take_immediate(struct x86_insn *insn, struct cursor *c, unsigned kind)
{
    unsigned z = insn->operand_size == 2 ? 2 : 4;
    bool is_test = (insn->modrm & 0x30) == 0; /* ModRM.reg is 0 or 1 */

    switch (kind) {
    case IMM_B:
        insn->imm = (uint64_t)take_signed(c, 1);
        break;
    case IMM_W:
        insn->imm = take_unsigned(c, 2);
        break;
    case IMM_Z:
    case IMM_REL:
        insn->imm = (uint64_t)take_signed(c, z);
        break;
    case IMM_V:
        insn->imm = (uint64_t)take_signed(c, insn->operand_size);
        break;
    case IMM_FAR:
        insn->imm = take_unsigned(c, z + 2);
        break;
    case IMM_WB:
        insn->imm = take_unsigned(c, 3);
        break;
    case IMM_BB:
        insn->imm = take_unsigned(c, 2);
        break;
    case IMM_D:
        insn->imm = (uint64_t)take_signed(c, 4);
        break;
    case IMM_MOFFS:
        take_moffs(insn, c);
        break;
    case IMM_TEST_B:
        if (is_test)
            insn->imm = (uint64_t)take_signed(c, 1);
        break;
    default: /* IMM_TEST_Z */
        if (is_test)
            insn->imm = (uint64_t)take_signed(c, z);
        break;
    }
}

/* The operation of a group's member, X86_OP_OTHER for those that are not emulated; @form changes
 * where the member has no immediate. */
static unsigned group_member(unsigned group, unsigned modrm_reg, unsigned *form)
{
    switch (group) {
    case OP_GROUP1:
        return X86_OP_ADD + modrm_reg;
    case OP_GROUP8:
        return modrm_reg < 4 ? X86_OP_OTHER : X86_OP_BT + modrm_reg - 4;
    case OP_GROUP11:
        return modrm_reg == 0 ? X86_OP_MOV : X86_OP_OTHER;
    case OP_GROUP4:
        return modrm_reg == 0 ? X86_OP_INC : modrm_reg == 1 ? X86_OP_DEC : X86_OP_OTHER;
    default: /* OP_GROUP3 */
        if (modrm_reg < 2)
            return X86_OP_TEST;
        *form = X86_FORM_MEM;
        return modrm_reg == 2 ? X86_OP_NOT : modrm_reg == 3 ? X86_OP_NEG : X86_OP_OTHER;
    }
}

/* Strings: the memory operand, and the width of a port. */
static void set_string_operand(struct x86_insn *insn)
{
    switch (insn->op) {
    case X86_OP_MOVS:
    case X86_OP_CMPS:
    case X86_OP_LODS:
    case X86_OP_OUTS:
        set_memory(insn, X86_RSI, X86_NO_REG);
        break;
    default: /* STOS, SCAS, INS: no segment override */
        set_memory(insn, X86_RDI, X86_NO_REG);
        insn->segment = X86_ES;
        break;
    }
}

static void set_widths(struct x86_insn *insn, bool is_byte)
{
    insn->width = is_byte ? 1 : insn->operand_size;
    insn->reg_width = insn->width;
    switch (insn->op) {
    case X86_OP_MOVZX:
    case X86_OP_MOVSX:
        insn->reg_width = insn->operand_size;
        if (!is_byte)
            insn->width = insn->map == X86_MAP_ONE ? 4 : 2; /* MOVSXD has 4 */
        break;
    case X86_OP_IN:
    case X86_OP_OUT:
    case X86_OP_INS:
    case X86_OP_OUTS:
        if (insn->width == 8)
            insn->width = insn->reg_width = 4;
        insn->port_in_dx = insn->opcode < 0xe4 || insn->opcode > 0xe7;
        break;
    default:
        break;
    }
    insn->imm &= x86_width_mask(insn->width);
    if (insn->reg_width == 1 && insn->has_modrm && (insn->prefixes & X86_PREFIX_REX) == 0 &&
        insn->reg >= 4) {
        insn->reg = insn->reg & 3;
        insn->reg_high = true;
    }
}

/* Fill the operation from the table's entry, if it is on memory or a port. */
static void set_operation(struct x86_insn *insn, const struct opcode *o)
{
    unsigned op = o->op, form = o->form & ~FORM_BYTE;

    if (insn->has_modrm && !insn->has_memory)
        return;
    if (op == OP_MOVSXD)
        op = insn->mode == X86_MODE_64 ? X86_OP_MOVSX : X86_OP_OTHER;
    else if (op >= X86_OP_COUNT)
        op = group_member(op, insn->modrm >> 3 & 7, &form);
    if (op == X86_OP_OTHER)
        return;
    insn->op = (uint8_t)op;
    insn->form = (uint8_t)form;
    if (o->op == OP_GROUP8) /* a bit's number is not signed */
        insn->imm &= UINT8_MAX;
    if (op >= X86_OP_MOVS && op <= X86_OP_OUTS)
        set_string_operand(insn);
    set_widths(insn, (o->form & FORM_BYTE) != 0);
}

enum x86_decode_status x86_decode(const uint8_t *bytes, unsigned count, enum x86_mode mode,
                                  struct x86_insn *insn)
{
    struct cursor c = {.bytes = bytes, .limit = count < X86_INSN_MAX ? count : X86_INSN_MAX};
    const struct opcode *o;
    uint8_t first;

    *insn = (struct x86_insn){.mode = (uint8_t)mode, .segment = X86_DS};
    first = take_prefixes(insn, &c);
    o = take_opcode(insn, &c, first);
    set_sizes(insn);
    if ((o->layout & MODRM) != 0)
        take_modrm(insn, &c, o->layout);
    if ((o->layout & IMM_MASK) != IMM_NONE)
        take_immediate(insn, &c, o->layout & IMM_MASK);
    if (c.overrun)
        return c.limit == X86_INSN_MAX ? X86_DECODE_INVALID : X86_DECODE_MORE;
    if ((o->layout & INVALID) != 0 || ((o->layout & NO64) != 0 && mode == X86_MODE_64))
        return X86_DECODE_INVALID;
    insn->length = (uint8_t)c.at;
    if (o->op != X86_OP_OTHER)
        set_operation(insn, o);
    return X86_DECODE_OK;
}

unsigned x86_insn_length(const uint8_t *bytes, unsigned count, enum x86_mode mode, uint32_t opcode)
{
    unsigned length = opcode >> 24, limit = count < X86_INSN_MAX ? count : X86_INSN_MAX;

    /* No opcode begins with a byte that is a prefix. */
    for (unsigned at = 0; at + length <= limit; at++) {
        const uint8_t *p = bytes + at;

        if (p[0] == (uint8_t)opcode)
            return (length < 2 || p[1] == (uint8_t)(opcode >> 8)) &&
                           (length < 3 || p[2] == (uint8_t)(opcode >> 16))
                       ? at + length
                       : 0;
        if (!is_legacy_prefix(p[0]) && !(mode == X86_MODE_64 && IS_REX(p[0])))
            return 0;
    }
    return 0;
}

uint64_t x86_insn_offset(const struct x86_insn *insn, uint64_t base, uint64_t index, uint64_t rip)
{
    uint64_t offset = (uint64_t)insn->disp;

    if (insn->base == X86_RIP)
        offset += rip + insn->length;
    else if (insn->base != X86_NO_REG)
        offset += base;
    if (insn->index != X86_NO_REG)
        offset += index << insn->scale;
    return offset & x86_width_mask(insn->address_size);
}

uint64_t x86_linear_address(enum x86_mode mode, unsigned segment, uint64_t offset,
                            const uint64_t segment_bases[X86_SEGMENT_COUNT])
{
    if (mode != X86_MODE_64)
        return (uint32_t)(segment_bases[segment] + offset);
    return segment >= X86_FS ? segment_bases[segment] + offset : offset;
}

uint64_t x86_insn_linear_address(const struct x86_insn *insn, const uint64_t gprs[X86_GPR_COUNT],
                                 uint64_t rip, const uint64_t segment_bases[X86_SEGMENT_COUNT])
{
    uint64_t base = insn->base < X86_GPR_COUNT ? gprs[insn->base] : 0;
    uint64_t index = insn->index < X86_GPR_COUNT ? gprs[insn->index] : 0;

    return x86_linear_address((enum x86_mode)insn->mode, insn->segment,
                              x86_insn_offset(insn, base, index, rip), segment_bases);
}

uint64_t x86_insn_string_destination(const struct x86_insn *insn,
                                     const uint64_t gprs[X86_GPR_COUNT],
                                     const uint64_t segment_bases[X86_SEGMENT_COUNT])
{
    return x86_linear_address((enum x86_mode)insn->mode, X86_ES,
                              gprs[X86_RDI] & x86_width_mask(insn->address_size), segment_bases);
}

int64_t x86_insn_bit_displacement(const struct x86_insn *insn, uint64_t bits)
{
    unsigned width_bits = insn->width * 8u, spare = 64 - width_bits;
    int64_t offset = (int64_t)(bits << spare) >> spare;
    int64_t units = offset >> __builtin_ctz(width_bits);

    return units * insn->width;
}

uint64_t x86_insn_reg_read(const struct x86_insn *insn, const uint64_t gprs[X86_GPR_COUNT])
{
    return gprs[insn->reg] >> (insn->reg_high ? 8 : 0) & x86_width_mask(insn->reg_width);
}

void x86_insn_reg_write(const struct x86_insn *insn, uint64_t gprs[X86_GPR_COUNT], uint64_t value)
{
    unsigned shift = insn->reg_high ? 8 : 0;
    uint64_t mask = x86_width_mask(insn->reg_width) << shift;

    if (insn->reg_width == 4)
        gprs[insn->reg] = (uint32_t)value;
    else
        gprs[insn->reg] = (gprs[insn->reg] & ~mask) | (value << shift & mask);
}
