/* SPDX-License-Identifier: MIT */
/* vmwp/emulate.c - see emulate.h; strings are in emulate_string.c.
 * Rule: everything that can be refused is, before a device is touched. */
#include <string.h>
#include <x86/cr.h>
#include <x86/exception.h>
#include "vmwp/alu.h"
#include "vmwp/emulate_internal.h"

/* ---- reasons ---- */

struct text {
    char *at;
    unsigned room; /* without the NUL */
};

static void put(struct text *t, const char *s)
{
    while (*s != 0 && t->room > 0) {
        *t->at++ = *s++;
        t->room--;
    }
    *t->at = 0;
}

static void put_hex(struct text *t, uint64_t value, unsigned digits)
{
    char digit[2] = {0, 0};

    while (digits-- > 0) {
        digit[0] = "0123456789abcdef"[value >> 4 * digits & 0xf];
        put(t, digit);
    }
}

static void reason_write(const struct emulation *e)
{
    struct text t = {e->answer->reason, EMULATE_REASON_SIZE - 1};

    put(&t, e->refusal);
    put(&t, " (rip ");
    put_hex(&t, e->rip, 16);
    put(&t, e->mode == X86_MODE_64 ? ", 64-bit" : e->mode == X86_MODE_32 ? ", 32-bit" : ", 16-bit");
    put(&t, e->byte_count > 0 ? " code:" : " code)");
    for (unsigned i = 0; i < e->byte_count; i++) {
        put(&t, " ");
        put_hex(&t, e->bytes[i], 2);
    }
    if (e->byte_count > 0)
        put(&t, ")");
}

bool emulation_refuse(struct emulation *e, const char *why)
{
    e->refusal = why;
    return false;
}

/* ---- registers ---- */

void emulation_gpr_set(struct emulation *e, unsigned reg, uint64_t value)
{
    e->gprs[reg] = value;
    e->changed |= 1u << reg;
}

void emulation_reg_set(struct emulation *e, uint64_t value)
{
    x86_insn_reg_write(&e->insn, e->gprs, value);
    e->changed |= 1u << e->insn.reg;
}

void emulation_rflags_set(struct emulation *e, uint64_t value)
{
    if (value != e->rflags)
        e->changed |= EMULATE_CHANGED_RFLAGS;
    e->rflags = value;
}

void emulation_rip_advance(struct emulation *e, unsigned length)
{
    e->answer->rip = e->mode == X86_MODE_64 ? e->rip + length : (uint32_t)(e->rip + length);
}

bool emulation_segment(struct emulation *e, unsigned segment)
{
    struct hv_register_assoc r = {.name = HvX64RegisterEs + segment};

    /* In 64-bit mode the others have no base. */
    if ((e->bases_known >> segment & 1) || (e->mode == X86_MODE_64 && segment < X86_FS))
        return true;
    if (!e->vp->registers_get(e->vp->context, &r, 1))
        return emulation_refuse(e, "segment register cannot be read");
    e->segment_bases[segment] = r.value.segment.base;
    e->bases_known |= 1u << segment;
    return true;
}

static void base_known(struct emulation *e, unsigned segment,
                       const struct hv_x64_segment_register *value)
{
    e->segment_bases[segment] = value->base;
    e->bases_known |= 1u << segment;
}

static enum x86_mode mode_of(const struct hv_x64_intercept_message_header *h)
{
    uint16_t attributes = h->cs_segment.attributes;

    if ((h->execution_state & HV_X64_EXECUTION_EFER_LMA) && (attributes & HV_X64_SEGMENT_LONG))
        return X86_MODE_64;
    return attributes & HV_X64_SEGMENT_DEFAULT ? X86_MODE_32 : X86_MODE_16;
}

/* ---- beginning and end ---- */

enum { FAULT_REGISTERS = 2 };

static void begin(struct emulation *e, const struct emulate_vp *vp,
                  const struct hv_x64_intercept_message_header *h, struct emulate_answer *answer)
{
    memset(e, 0, sizeof(*e));
    memset(answer, 0, sizeof(*answer));
    e->vp = vp;
    e->answer = answer;
    e->mode = mode_of(h);
    e->user = (h->execution_state & HV_X64_EXECUTION_CPL_MASK) == 3;
    e->write = h->access_type == HvInterceptAccessWrite;
    e->rip = h->rip;
    e->rflags = h->rflags;
    base_known(e, X86_CS, &h->cs_segment);
    answer->rip = h->rip;
}

static void register_add(struct hv_register_assoc *list, uint32_t *count, uint32_t name,
                         uint64_t value)
{
    list[*count] = (struct hv_register_assoc){.name = name};
    list[(*count)++].value.reg64 = value;
}

/* Deliver the page fault when the VP goes on. TLFS 7.9.3. */
static void fault_add(const struct emulation *e, struct hv_register_assoc *list, uint32_t *count)
{
    uint64_t event = HV_X64_PENDING_INTERRUPTION_PENDING |
                     HV_X64_PENDING_INTERRUPTION_DELIVER_ERROR_CODE |
                     (uint64_t)HvX64PendingException << HV_X64_PENDING_INTERRUPTION_TYPE_SHIFT |
                     (uint64_t)EXCEPTION_PF << HV_X64_PENDING_INTERRUPTION_VECTOR_SHIFT |
                     (uint64_t)e->fault_error << HV_X64_PENDING_INTERRUPTION_ERROR_CODE_SHIFT;

    register_add(list, count, HvX64RegisterCr2, e->fault_linear);
    register_add(list, count, HvRegisterPendingInterruption, event);
}

/* Set what has changed, but RAX, which the answer carries. No instruction changes more than its
 * operand, RAX, RFLAGS, or three registers of a string and what a fault needs. */
static bool registers_commit(struct emulation *e)
{
    struct hv_register_assoc list[X86_GPR_COUNT + FAULT_REGISTERS + 1];
    uint32_t count = 0;

    e->answer->set_rax = e->changed & 1u << X86_RAX;
    e->answer->rax = e->gprs[X86_RAX];
    for (unsigned reg = X86_RAX + 1; reg < X86_GPR_COUNT; reg++)
        if (e->changed >> reg & 1)
            register_add(list, &count, HvX64RegisterRax + reg, e->gprs[reg]);
    if (e->changed & EMULATE_CHANGED_RFLAGS)
        register_add(list, &count, HvX64RegisterRflags, e->rflags);
    if (e->fault)
        fault_add(e, list, &count);
    return count == 0 || e->vp->registers_set(e->vp->context, list, count) ||
           emulation_refuse(e, "registers cannot be set");
}

static bool finish(struct emulation *e, bool good)
{
    good = good && registers_commit(e);
    if (!good)
        reason_write(e);
    return good;
}

/* ---- one operand on a device ---- */

static uint64_t operand_read(struct emulation *e)
{
    return e->vp->mmio_read(e->vp->context, e->gpa, e->insn.width) & x86_width_mask(e->insn.width);
}

static void operand_write(struct emulation *e, uint64_t value)
{
    e->vp->mmio_write(e->vp->context, e->gpa, e->insn.width, value & x86_width_mask(e->insn.width));
}

static uint64_t source(const struct emulation *e)
{
    return e->insn.form == X86_FORM_MEM_IMM ? e->insn.imm : x86_insn_reg_read(&e->insn, e->gprs);
}

static void move(struct emulation *e)
{
    unsigned spare = 64 - 8u * e->insn.width;
    uint64_t value;

    if (e->insn.form != X86_FORM_REG_MEM) {
        operand_write(e, source(e));
        return;
    }
    value = operand_read(e);
    if (e->insn.op == X86_OP_MOVSX)
        value = (uint64_t)((int64_t)(value << spare) >> spare);
    emulation_reg_set(e, value);
}

static void binary(struct emulation *e)
{
    enum x86_op op = (enum x86_op)e->insn.op;
    uint64_t rflags = e->rflags, memory = operand_read(e), r;

    if (e->insn.form == X86_FORM_REG_MEM) {
        r = alu_binary(op, e->insn.width, source(e), memory, &rflags);
        if (op != X86_OP_CMP)
            emulation_reg_set(e, r);
    } else {
        r = alu_binary(op, e->insn.width, memory, source(e), &rflags);
        if (op != X86_OP_CMP && op != X86_OP_TEST)
            operand_write(e, r);
    }
    emulation_rflags_set(e, rflags);
}

static void unary(struct emulation *e)
{
    uint64_t rflags = e->rflags;

    operand_write(e, alu_unary((enum x86_op)e->insn.op, e->insn.width, operand_read(e), &rflags));
    emulation_rflags_set(e, rflags);
}

static void bit(struct emulation *e)
{
    enum x86_op op = (enum x86_op)e->insn.op;
    uint64_t rflags = e->rflags, r;

    r = alu_bit(op, e->insn.width, operand_read(e), source(e), &rflags);
    if (op != X86_OP_BT)
        operand_write(e, r);
    emulation_rflags_set(e, rflags);
}

/* XCHG and XADD: the register gets what was there. */
static void exchange(struct emulation *e)
{
    uint64_t rflags = e->rflags, old = operand_read(e), value = source(e);

    if (e->insn.op == X86_OP_XADD)
        value = alu_binary(X86_OP_ADD, e->insn.width, old, value, &rflags);
    operand_write(e, value);
    emulation_reg_set(e, old);
    emulation_rflags_set(e, rflags);
}

/* The processor writes in either case. */
static void compare_exchange(struct emulation *e)
{
    uint64_t rflags = e->rflags, old = operand_read(e), mask = x86_width_mask(e->insn.width);
    uint64_t rax = e->gprs[X86_RAX];

    alu_binary(X86_OP_CMP, e->insn.width, rax & mask, old, &rflags);
    operand_write(e, rflags & RFLAGS_ZF ? source(e) : old);
    if (!(rflags & RFLAGS_ZF))
        emulation_gpr_set(e, X86_RAX, e->insn.width == 4 ? old : (rax & ~mask) | old);
    emulation_rflags_set(e, rflags);
}

/* The operation is one that is emulated. */
static void execute(struct emulation *e)
{
    switch (e->insn.op) {
    case X86_OP_MOV:
    case X86_OP_MOVZX:
    case X86_OP_MOVSX:
        move(e);
        break;
    case X86_OP_BT:
    case X86_OP_BTS:
    case X86_OP_BTR:
    case X86_OP_BTC:
        bit(e);
        break;
    case X86_OP_INC:
    case X86_OP_DEC:
    case X86_OP_NOT:
    case X86_OP_NEG:
        unary(e);
        break;
    case X86_OP_XCHG:
    case X86_OP_XADD:
        exchange(e);
        break;
    case X86_OP_CMPXCHG:
        compare_exchange(e);
        break;
    default: /* ADD to CMP, TEST */
        binary(e);
        break;
    }
}

/* The operand is where the access was, and in one page: else the access was to something else, or
 * the child has changed the instruction since. */
static bool operand_placed(struct emulation *e)
{
    uint64_t linear;

    if (!emulation_segment(e, e->insn.segment))
        return false;
    linear = x86_insn_linear_address(&e->insn, e->gprs, e->rip, e->segment_bases);
    if (e->insn.op >= X86_OP_BT && e->insn.op <= X86_OP_BTC && e->insn.form == X86_FORM_MEM_REG)
        linear +=
            (uint64_t)x86_insn_bit_displacement(&e->insn, x86_insn_reg_read(&e->insn, e->gprs));
    if ((linear ^ e->gpa) & EMULATE_PAGE_MASK)
        return emulation_refuse(e, "instruction does not access what was accessed");
    if ((linear & EMULATE_PAGE_MASK) + e->insn.width > EMULATE_PAGE_SIZE)
        return emulation_refuse(e, "access to a device crosses a page");
    return true;
}

static bool single(struct emulation *e)
{
    if (e->insn.op == X86_OP_OTHER || e->insn.op > X86_OP_CMPXCHG)
        return emulation_refuse(e, "instruction on a device is not emulated");
    if (!operand_placed(e))
        return false;
    execute(e);
    emulation_rip_advance(e, e->insn.length);
    return true;
}

/* ---- what the hypervisor tells ---- */

/* True: an instruction is there. If not, and nothing is refused, its page has gone meanwhile: the
 * processor will find out. */
static bool decode(struct emulation *e, const uint8_t *bytes, unsigned count)
{
    e->bytes = bytes;
    e->byte_count = count < X86_INSN_MAX ? count : X86_INSN_MAX;
    if (e->byte_count == 0)
        return false;
    switch (x86_decode(bytes, e->byte_count, e->mode, &e->insn)) {
    case X86_DECODE_OK:
        return true;
    case X86_DECODE_MORE:
        return false;
    case X86_DECODE_INVALID:
    default:
        return emulation_refuse(e, "no instruction accesses a device");
    }
}

bool emulate_mmio(const struct emulate_vp *vp, const struct hv_x64_memory_intercept_message *m,
                  struct emulate_answer *answer)
{
    struct emulation e;
    bool good;

    begin(&e, vp, &m->header, answer);
    e.gpa = m->guest_physical_address;
    base_known(&e, X86_DS, &m->ds_segment);
    base_known(&e, X86_SS, &m->ss_segment);
    memcpy(e.gprs, m->gprs, sizeof(e.gprs));
    if (m->header.access_type == HvInterceptAccessExecute)
        return finish(&e, emulation_refuse(&e, "code runs where no memory is"));
    if (!decode(&e, m->instruction_bytes, m->instruction_byte_count))
        return finish(&e, e.refusal == NULL);
    good = e.insn.op >= X86_OP_MOVS && e.insn.op <= X86_OP_OUTS ? emulation_string(&e) : single(&e);
    return finish(&e, good);
}

static void port_single(struct emulation *e, uint16_t port, unsigned size)
{
    uint64_t mask = x86_width_mask(size), rax = e->gprs[X86_RAX];
    uint32_t value;

    if (e->write) {
        e->vp->port_write(e->vp->context, port, size, (uint32_t)(rax & mask));
        return;
    }
    value = (uint32_t)(e->vp->port_read(e->vp->context, port, size) & mask);
    emulation_gpr_set(e, X86_RAX, size == 4 ? value : (rax & ~mask) | value);
}

static bool port_access(struct emulation *e, const struct hv_x64_io_port_intercept_message *m)
{
    unsigned size = m->access_info & HV_X64_IO_PORT_ACCESS_SIZE_MASK;
    unsigned length = m->header.length_and_cr8 & HV_X64_INTERCEPT_LENGTH_MASK;

    if (size != 1 && size != 2 && size != 4)
        return emulation_refuse(e, "port access of an impossible size");
    if (m->access_info & HV_X64_IO_PORT_ACCESS_STRING) {
        if (!decode(e, m->instruction_bytes, m->instruction_byte_count))
            return e->refusal == NULL;
        if (e->insn.op != (e->write ? X86_OP_OUTS : X86_OP_INS) || e->insn.width != size)
            return emulation_refuse(e, "instruction does not access the port");
        e->port = m->port_number;
        return emulation_string_port(e);
    }
    if (length == 0)
        return emulation_refuse(e, "port instruction of unknown length");
    port_single(e, m->port_number, size);
    emulation_rip_advance(e, length);
    return true;
}

bool emulate_port(const struct emulate_vp *vp, const struct hv_x64_io_port_intercept_message *m,
                  struct emulate_answer *answer)
{
    struct emulation e;

    begin(&e, vp, &m->header, answer);
    e.gprs[X86_RAX] = m->rax;
    if (m->access_info & HV_X64_IO_PORT_ACCESS_STRING) {
        e.gprs[X86_RCX] = m->rcx;
        e.gprs[X86_RSI] = m->rsi;
        e.gprs[X86_RDI] = m->rdi;
        base_known(&e, X86_DS, &m->ds_segment);
        base_known(&e, X86_ES, &m->es_segment);
    }
    return finish(&e, port_access(&e, m));
}
