/* SPDX-License-Identifier: MIT */
/* vmwp/alu.h - what an instruction makes of numbers, and of RFLAGS. Pure. APM vol. 3, chapter 3.
 * Operands and results are of @width (1, 2, 4 or 8) bytes, zero-extended. AF is 0 where the manual
 * leaves it undefined. */
#ifndef USER_VMWP_ALU_H
#define USER_VMWP_ALU_H

#include <x86/decode.h>

/* ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST: @a is the destination. CMP and TEST give @a back. */
uint64_t alu_binary(enum x86_op op, unsigned width, uint64_t a, uint64_t b, uint64_t *rflags);

/* INC, DEC, NOT, NEG. */
uint64_t alu_unary(enum x86_op op, unsigned width, uint64_t a, uint64_t *rflags);

/* BT, BTS, BTR, BTC: @bit counts modulo the width. */
uint64_t alu_bit(enum x86_op op, unsigned width, uint64_t a, uint64_t bit, uint64_t *rflags);

#endif
