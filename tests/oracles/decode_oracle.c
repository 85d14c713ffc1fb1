/* SPDX-License-Identifier: MIT */
/* decode_oracle.c - see decode_oracle.h. Where Zydis decodes, the length must be the same; where
 * the instruction has a memory operand in legacy encoding, its parts; and where it is one that
 * x86_decode() normalises, the operation, its widths, direction, register and immediate. */
#include "decode_oracle.h"
#include <stdio.h>
#include <Zydis/Zydis.h>

struct comparison {
    struct x86_insn insn;
    ZydisDecodedInstruction z;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    const ZydisDecodedOperand *memory; /* of the operation, NULL if it has none */
    const char *what;                  /* the first difference */
    long long ours, theirs;
};

static const ZydisMnemonic mnemonics[X86_OP_COUNT] = {
    [X86_OP_ADD] = ZYDIS_MNEMONIC_ADD,         [X86_OP_OR] = ZYDIS_MNEMONIC_OR,
    [X86_OP_ADC] = ZYDIS_MNEMONIC_ADC,         [X86_OP_SBB] = ZYDIS_MNEMONIC_SBB,
    [X86_OP_AND] = ZYDIS_MNEMONIC_AND,         [X86_OP_SUB] = ZYDIS_MNEMONIC_SUB,
    [X86_OP_XOR] = ZYDIS_MNEMONIC_XOR,         [X86_OP_CMP] = ZYDIS_MNEMONIC_CMP,
    [X86_OP_BT] = ZYDIS_MNEMONIC_BT,           [X86_OP_BTS] = ZYDIS_MNEMONIC_BTS,
    [X86_OP_BTR] = ZYDIS_MNEMONIC_BTR,         [X86_OP_BTC] = ZYDIS_MNEMONIC_BTC,
    [X86_OP_TEST] = ZYDIS_MNEMONIC_TEST,       [X86_OP_INC] = ZYDIS_MNEMONIC_INC,
    [X86_OP_DEC] = ZYDIS_MNEMONIC_DEC,         [X86_OP_NOT] = ZYDIS_MNEMONIC_NOT,
    [X86_OP_NEG] = ZYDIS_MNEMONIC_NEG,         [X86_OP_MOV] = ZYDIS_MNEMONIC_MOV,
    [X86_OP_MOVZX] = ZYDIS_MNEMONIC_MOVZX,     [X86_OP_MOVSX] = ZYDIS_MNEMONIC_MOVSX,
    [X86_OP_XCHG] = ZYDIS_MNEMONIC_XCHG,       [X86_OP_XADD] = ZYDIS_MNEMONIC_XADD,
    [X86_OP_CMPXCHG] = ZYDIS_MNEMONIC_CMPXCHG, [X86_OP_MOVS] = ZYDIS_MNEMONIC_MOVSB,
    [X86_OP_CMPS] = ZYDIS_MNEMONIC_CMPSB,      [X86_OP_STOS] = ZYDIS_MNEMONIC_STOSB,
    [X86_OP_LODS] = ZYDIS_MNEMONIC_LODSB,      [X86_OP_SCAS] = ZYDIS_MNEMONIC_SCASB,
    [X86_OP_INS] = ZYDIS_MNEMONIC_INSB,        [X86_OP_OUTS] = ZYDIS_MNEMONIC_OUTSB,
    [X86_OP_IN] = ZYDIS_MNEMONIC_IN,           [X86_OP_OUT] = ZYDIS_MNEMONIC_OUT,
};

static void expect(struct comparison *c, const char *what, long long ours, long long theirs)
{
    if (c->what != NULL || ours == theirs)
        return;
    c->what = what;
    c->ours = ours;
    c->theirs = theirs;
}

/* String operations are one mnemonic a width in Zydis: the one of bytes stands for all. The
 * opcode tells MOVSD and CMPSD from the SSE instructions of that name. */
static ZydisMnemonic fold_mnemonic(const ZydisDecodedInstruction *z)
{
    if (z->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT) {
        switch (z->opcode & ~1u) {
        case 0x6c:
            return ZYDIS_MNEMONIC_INSB;
        case 0x6e:
            return ZYDIS_MNEMONIC_OUTSB;
        case 0xa4:
            return ZYDIS_MNEMONIC_MOVSB;
        case 0xa6:
            return ZYDIS_MNEMONIC_CMPSB;
        case 0xaa:
            return ZYDIS_MNEMONIC_STOSB;
        case 0xac:
            return ZYDIS_MNEMONIC_LODSB;
        case 0xae:
            return ZYDIS_MNEMONIC_SCASB;
        default:
            break;
        }
    }
    return z->mnemonic == ZYDIS_MNEMONIC_MOVSXD ? ZYDIS_MNEMONIC_MOVSX : z->mnemonic;
}

static int number_of(ZydisRegister r)
{
    if (r == ZYDIS_REGISTER_NONE)
        return X86_NO_REG;
    if (r == ZYDIS_REGISTER_RIP || r == ZYDIS_REGISTER_EIP)
        return X86_RIP;
    return ZydisRegisterGetId(r);
}

static bool is_general(ZydisRegister r)
{
    ZydisRegisterClass class = ZydisRegisterGetClass(r);

    return class >= ZYDIS_REGCLASS_GPR8 && class <= ZYDIS_REGCLASS_GPR64;
}

/* Zydis 4.0 takes SIB.base 5 under ModRM.mod 0 for R13 when REX.B is set and addresses are 32 bits
 * wide. There is no base, whatever REX.B says: APM vol. 3, table 1-12. */
static bool has_r13_without_base(const struct x86_insn *insn)
{
    return insn->mode == X86_MODE_64 && insn->address_size == 4 && insn->modrm >> 6 == 0 &&
           (insn->modrm & 7) == X86_RSP && (insn->sib & 7) == X86_RBP &&
           (insn->rex & X86_REX_B) != 0;
}

static void compare_address(struct comparison *c, const ZydisDecodedOperandMem *m)
{
    const struct x86_insn *insn = &c->insn;
    bool flat = insn->mode == X86_MODE_64 && m->segment < ZYDIS_REGISTER_FS;
    uint64_t mask = x86_width_mask(insn->address_size);

    expect(c, "memory operand present", insn->has_memory, true);
    if (has_r13_without_base(insn))
        return;
    expect(c, "base", insn->base, number_of(m->base));
    expect(c, "index", insn->index, number_of(m->index));
    if (m->index != ZYDIS_REGISTER_NONE)
        expect(c, "scale", 1 << insn->scale, m->scale);
    expect(c, "displacement", (long long)((uint64_t)insn->disp & mask),
           m->disp.has_displacement ? (long long)((uint64_t)m->disp.value & mask) : 0);
    if (!flat && m->type != ZYDIS_MEMOP_TYPE_AGEN)
        expect(c, "segment", insn->segment, m->segment - ZYDIS_REGISTER_ES);
}

/* The register as Zydis names it. */
static ZydisRegister our_register(const struct x86_insn *insn)
{
    static const ZydisRegister first[9] = {
        [2] = ZYDIS_REGISTER_AX, [4] = ZYDIS_REGISTER_EAX, [8] = ZYDIS_REGISTER_RAX};

    if (insn->reg_width != 1)
        return first[insn->reg_width] + insn->reg;
    if (insn->reg_high)
        return ZYDIS_REGISTER_AH + insn->reg;
    return insn->reg < 4 ? ZYDIS_REGISTER_AL + insn->reg : ZYDIS_REGISTER_SPL + insn->reg - X86_RSP;
}

static void compare_register(struct comparison *c, const ZydisDecodedOperand *o)
{
    expect(c, "register operand", o->type, ZYDIS_OPERAND_TYPE_REGISTER);
    expect(c, "register", our_register(&c->insn), o->reg.value);
}

static void compare_memory(struct comparison *c, const ZydisDecodedOperand *o)
{
    expect(c, "memory type", o->type, ZYDIS_OPERAND_TYPE_MEMORY);
    /* Zydis gives BT with a register no width of its own. */
    expect(c, "width", c->insn.width * 8, o->size);
}

static void compare_port(struct comparison *c, const ZydisDecodedOperand *o)
{
    if (c->insn.port_in_dx)
        expect(c, "port in DX", ZYDIS_REGISTER_DX, o->reg.value);
    else
        expect(c, "port", (uint8_t)c->insn.imm, (uint8_t)o->imm.value.u);
}

static void compare_immediate(struct comparison *c, const ZydisDecodedOperand *o)
{
    expect(c, "immediate type", o->type, ZYDIS_OPERAND_TYPE_IMMEDIATE);
    expect(c, "immediate", (long long)c->insn.imm,
           (long long)(o->imm.value.u & x86_width_mask(c->insn.width)));
}

static void compare_form(struct comparison *c)
{
    const ZydisDecodedOperand *o = c->operands;

    switch (c->insn.form) {
    case X86_FORM_MEM_REG:
        compare_memory(c, &o[0]);
        compare_register(c, &o[1]);
        break;
    case X86_FORM_REG_MEM:
        compare_register(c, &o[0]);
        compare_memory(c, &o[1]);
        break;
    case X86_FORM_MEM_IMM:
        compare_memory(c, &o[0]);
        compare_immediate(c, &o[1]);
        break;
    case X86_FORM_MEM:
        compare_memory(c, &o[0]);
        break;
    case X86_FORM_MEM_MEM:
        compare_memory(c, &o[0]);
        compare_memory(c, &o[1]);
        break;
    case X86_FORM_REG_PORT:
        compare_register(c, &o[0]);
        compare_port(c, &o[1]);
        break;
    case X86_FORM_PORT_REG:
        compare_port(c, &o[0]);
        compare_register(c, &o[1]);
        break;
    case X86_FORM_MEM_PORT:
        compare_memory(c, &o[0]);
        compare_port(c, &o[1]);
        break;
    case X86_FORM_PORT_MEM:
        compare_port(c, &o[0]);
        compare_memory(c, &o[1]);
        break;
    default:
        expect(c, "form", c->insn.form, -1);
        break;
    }
}

/* The operand that our has_memory describes: the one that is not ES:rDI if there are two. */
static const ZydisDecodedOperand *find_memory(const struct comparison *c)
{
    const ZydisDecodedOperand *found = NULL;

    for (unsigned i = 0; i < c->z.operand_count; i++) {
        const ZydisDecodedOperand *o = &c->operands[i];

        if (o->type != ZYDIS_OPERAND_TYPE_MEMORY)
            continue;
        if (found == NULL || number_of(found->mem.base) == X86_RDI)
            found = o;
    }
    return found;
}

/* Whether Zydis sees one of our operations, on memory or a port. */
static bool is_ours(const struct comparison *c, ZydisMnemonic mnemonic)
{
    if (mnemonic == ZYDIS_MNEMONIC_IN || mnemonic == ZYDIS_MNEMONIC_OUT)
        return true;
    if (c->memory == NULL)
        return false;
    for (unsigned i = 0; i < 2; i++) /* moves of segment registers are not */
        if (c->operands[i].visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN &&
            c->operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
            !is_general(c->operands[i].reg.value))
            return false;
    for (unsigned op = X86_OP_OTHER + 1; op < X86_OP_COUNT; op++)
        if (mnemonics[op] == mnemonic)
            return true;
    return false;
}

static void compare_operation(struct comparison *c)
{
    ZydisMnemonic mnemonic = fold_mnemonic(&c->z);

    if (!is_ours(c, mnemonic)) {
        expect(c, "other operation", c->insn.op, X86_OP_OTHER);
        return;
    }
    expect(c, "operation", c->insn.op != X86_OP_OTHER ? mnemonics[c->insn.op] : 0, mnemonic);
    if (c->what == NULL)
        compare_form(c);
}

static void compare_operands(struct comparison *c)
{
    if (c->z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
        return;
    c->memory = find_memory(c);
    if (c->memory != NULL && (c->insn.has_modrm || c->insn.op != X86_OP_OTHER) &&
        c->memory->visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN)
        compare_address(c, &c->memory->mem);
    compare_operation(c);
}

/* A coprocessor's own encodings, which clash with the architecture's. Nothing else has them. */
static bool is_knights_corner(const ZydisDecodedInstruction *z)
{
    switch (z->meta.isa_ext) {
    case ZYDIS_ISA_EXT_KNC:
    case ZYDIS_ISA_EXT_KNCE:
    case ZYDIS_ISA_EXT_KNCV:
        return true;
    default:
        return z->encoding == ZYDIS_INSTRUCTION_ENCODING_MVEX;
    }
}

static void decoder_init(ZydisDecoder *decoder, enum x86_mode mode)
{
    static const ZydisMachineMode modes[3] = {
        ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_MACHINE_MODE_LONG_64};
    static const ZydisStackWidth widths[3] = {ZYDIS_STACK_WIDTH_16, ZYDIS_STACK_WIDTH_32,
                                              ZYDIS_STACK_WIDTH_64};

    ZydisDecoderInit(decoder, modes[mode], widths[mode]);
    ZydisDecoderEnableMode(decoder, ZYDIS_DECODER_MODE_AMD_BRANCHES, ZYAN_TRUE);
    /* Without CET, prefix 3E of an indirect branch is a segment override and not NOTRACK. */
    ZydisDecoderEnableMode(decoder, ZYDIS_DECODER_MODE_CET, ZYAN_FALSE);
}

enum oracle_verdict decode_oracle_compare(const uint8_t *bytes, unsigned count, enum x86_mode mode,
                                          char *why, size_t why_size)
{
    static ZydisDecoder decoders[3];
    struct comparison c = {.what = NULL};
    ZyanStatus status;
    enum x86_decode_status ours = x86_decode(bytes, count, mode, &c.insn);

    if (decoders[mode].stack_width == 0 && decoders[mode].machine_mode == 0)
        decoder_init(&decoders[mode], mode);
    status = ZydisDecoderDecodeFull(&decoders[mode], bytes, count, &c.z, c.operands);
    if (!ZYAN_SUCCESS(status) || is_knights_corner(&c.z))
        return ORACLE_SKIPPED;
    expect(&c, "status", ours, X86_DECODE_OK);
    expect(&c, "length", c.insn.length, c.z.length);
    if (c.what == NULL)
        compare_operands(&c);
    if (c.what == NULL)
        return ORACLE_AGREES;
    snprintf(why, why_size, "%s: %s is %llx, Zydis says %llx", ZydisMnemonicGetString(c.z.mnemonic),
             c.what, (unsigned long long)c.ours, (unsigned long long)c.theirs);
    return ORACLE_DIFFERS;
}
