/* SPDX-License-Identifier: MIT */
/* emul/apic_page.c - see emul/apic_page.h. Registers are 32 bits wide; what compilers emit for
 * volatile accesses is emulated: MOV in all forms, and read-modify-write with OR, AND, XOR, TEST,
 * CMP. SDM vol. 3A, 10.4.1. */
#include "emul/apic_page.h"

#include <x86/apic.h>
#include <x86/cr.h>
#include <x86/decode.h>
#include "core/vp.h"
#include "emul/eoi_assist.h"
#include "emul/gva.h"
#include "virt/virt.h"

static uint64_t source(const struct x86_insn *i, const struct vp *vp)
{
    return i->form == X86_FORM_MEM_IMM ? i->imm : x86_insn_reg_read(i, vp->gpr);
}

/* ZF, SF and PF of a 32-bit result; CF and OF are 0 after logical operations. */
static void set_logic_flags(struct vp *vp, uint32_t result)
{
    vp->rflags &= ~(RFLAGS_CF | RFLAGS_OF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_PF);
    if (result == 0)
        vp->rflags |= RFLAGS_ZF;
    if (result >> 31)
        vp->rflags |= RFLAGS_SF;
    if (!(__builtin_popcount(result & 0xffu) & 1))
        vp->rflags |= RFLAGS_PF;
}

static bool logic(struct vp *vp, const struct x86_insn *i, uint32_t offset)
{
    uint32_t a = lapic_mmio_read(&vp->lapic, offset), b = (uint32_t)source(i, vp), result;

    switch (i->op) {
    case X86_OP_OR:
        result = a | b;
        break;
    case X86_OP_XOR:
        result = a ^ b;
        break;
    case X86_OP_AND:
    case X86_OP_TEST:
        result = a & b;
        break;
    default:
        return false;
    }
    if (i->op != X86_OP_TEST)
        lapic_mmio_write(&vp->lapic, offset, result);
    set_logic_flags(vp, result);
    return true;
}

static bool emulate(struct vp *vp, const struct x86_insn *i, uint32_t offset)
{
    if (i->width != sizeof(uint32_t))
        return false;
    switch (i->form) {
    case X86_FORM_REG_MEM:
        if (i->op != X86_OP_MOV)
            return false;
        x86_insn_reg_write(i, vp->gpr, lapic_mmio_read(&vp->lapic, offset));
        return true;
    case X86_FORM_MEM_REG:
    case X86_FORM_MEM_IMM:
        if (i->op != X86_OP_MOV)
            return logic(vp, i, offset);
        lapic_mmio_write(&vp->lapic, offset, (uint32_t)source(i, vp));
        return true;
    default:
        return false;
    }
}

bool apic_page_access(struct vp *vp, uint32_t offset)
{
    uint8_t bytes[X86_INSN_MAX];
    unsigned count = gva_fetch(vp, bytes);
    struct x86_insn insn;

    eoi_assist_settle(vp);
    if (count == 0)
        return true; /* its page went away meanwhile: the guest will see */
    if (x86_decode(bytes, count, gva_mode(vp), &insn) != X86_DECODE_OK ||
        !emulate(vp, &insn, offset))
        return false;
    virt_skip(vp, insn.length);
    return true;
}
