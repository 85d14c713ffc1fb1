/* SPDX-License-Identifier: MIT */
/* vmwp/alu.c - see alu.h. */
#include <stdbool.h>
#include <x86/cr.h>
#include "vmwp/alu.h"

#define RESULT_FLAGS (RFLAGS_ZF | RFLAGS_SF | RFLAGS_PF)
#define ALL_FLAGS    (RESULT_FLAGS | RFLAGS_CF | RFLAGS_AF | RFLAGS_OF)
#define AF_BIT       0x10u /* of operands and result */

static uint64_t sign_bit(unsigned width)
{
    return 1ull << (8 * width - 1);
}

static uint64_t flag_if(bool is, uint64_t flag)
{
    return is ? flag : 0;
}

static uint64_t result_flags(unsigned width, uint64_t r)
{
    return flag_if(r == 0, RFLAGS_ZF) | flag_if(r & sign_bit(width), RFLAGS_SF) |
           flag_if(!(__builtin_popcountll(r & 0xffu) & 1), RFLAGS_PF);
}

static void flags_set(uint64_t *rflags, uint64_t which, uint64_t flags)
{
    *rflags = (*rflags & ~which) | (flags & which);
}

/* @carries: bit i is the carry or borrow out of bit i. */
static uint64_t sum_flags(unsigned width, uint64_t r, uint64_t a, uint64_t b, uint64_t carries,
                          bool overflow)
{
    return result_flags(width, r) | flag_if(carries & sign_bit(width), RFLAGS_CF) |
           flag_if((a ^ b ^ r) & AF_BIT, RFLAGS_AF) | flag_if(overflow, RFLAGS_OF);
}

static uint64_t add(unsigned width, uint64_t a, uint64_t b, uint64_t carry, uint64_t *flags)
{
    uint64_t r = (a + b + carry) & x86_width_mask(width);

    *flags =
        sum_flags(width, r, a, b, (a & b) | ((a | b) & ~r), (a ^ r) & (b ^ r) & sign_bit(width));
    return r;
}

static uint64_t subtract(unsigned width, uint64_t a, uint64_t b, uint64_t borrow, uint64_t *flags)
{
    uint64_t r = (a - b - borrow) & x86_width_mask(width);

    *flags =
        sum_flags(width, r, a, b, (~a & b) | (~(a ^ b) & r), (a ^ b) & (a ^ r) & sign_bit(width));
    return r;
}

uint64_t alu_binary(enum x86_op op, unsigned width, uint64_t a, uint64_t b, uint64_t *rflags)
{
    uint64_t carry = *rflags & RFLAGS_CF ? 1 : 0, flags, r;

    switch (op) {
    case X86_OP_ADD:
        r = add(width, a, b, 0, &flags);
        break;
    case X86_OP_ADC:
        r = add(width, a, b, carry, &flags);
        break;
    case X86_OP_SBB:
        r = subtract(width, a, b, carry, &flags);
        break;
    case X86_OP_SUB:
    case X86_OP_CMP:
        r = subtract(width, a, b, 0, &flags);
        break;
    case X86_OP_OR:
        r = a | b;
        flags = result_flags(width, r);
        break;
    case X86_OP_XOR:
        r = a ^ b;
        flags = result_flags(width, r);
        break;
    default: /* AND, TEST */
        r = a & b;
        flags = result_flags(width, r);
        break;
    }
    flags_set(rflags, ALL_FLAGS, flags);
    return op == X86_OP_CMP || op == X86_OP_TEST ? a : r;
}

uint64_t alu_unary(enum x86_op op, unsigned width, uint64_t a, uint64_t *rflags)
{
    uint64_t flags, r;

    switch (op) {
    case X86_OP_INC:
        r = add(width, a, 1, 0, &flags);
        flags_set(rflags, ALL_FLAGS & ~RFLAGS_CF, flags);
        return r;
    case X86_OP_DEC:
        r = subtract(width, a, 1, 0, &flags);
        flags_set(rflags, ALL_FLAGS & ~RFLAGS_CF, flags);
        return r;
    case X86_OP_NEG:
        r = subtract(width, 0, a, 0, &flags);
        flags_set(rflags, ALL_FLAGS, flags);
        return r;
    default: /* NOT */
        return ~a & x86_width_mask(width);
    }
}

uint64_t alu_bit(enum x86_op op, unsigned width, uint64_t a, uint64_t bit, uint64_t *rflags)
{
    uint64_t mask = 1ull << bit % (8 * width);

    flags_set(rflags, RFLAGS_CF, flag_if(a & mask, RFLAGS_CF));
    switch (op) {
    case X86_OP_BTS:
        return a | mask;
    case X86_OP_BTR:
        return a & ~mask;
    case X86_OP_BTC:
        return a ^ mask;
    default: /* BT */
        return a;
    }
}
