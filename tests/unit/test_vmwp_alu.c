/* SPDX-License-Identifier: MIT */
/* test_vmwp_alu.c - arithmetic of emulated instructions, against sums in wider numbers. */
#include <x86/cr.h>
#include "fakes/test.h"
#include "vmwp/alu.h"

#define FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)
#define KEPT  (RFLAGS_DF | RFLAGS_IF | RFLAGS_RESERVED1)

__extension__ typedef __int128 wide;

static wide as_signed(unsigned width, uint64_t v)
{
    wide half = (wide)1 << (8 * width - 1);

    return (wide)v >= half ? (wide)v - 2 * half : (wide)v;
}

static uint64_t parity_flag(uint64_t r)
{
    unsigned ones = 0;

    for (unsigned i = 0; i < 8; i++)
        ones += (unsigned)(r >> i & 1);
    return ones % 2 == 0 ? RFLAGS_PF : 0;
}

/* The flags of a + b * sign, or of a - b: what does not fit, as numbers with and without sign. */
static uint64_t sum_flags(unsigned width, uint64_t a, uint64_t b, unsigned carry, int sign,
                          uint64_t *r)
{
    wide range = (wide)1 << 8 * width;
    wide plain = (wide)a + sign * ((wide)b + carry);
    wide with_sign = as_signed(width, a) + sign * (as_signed(width, b) + (wide)carry);
    int nibble = (int)(a & 15) + sign * ((int)(b & 15) + (int)carry);
    uint64_t flags = 0;

    *r = (uint64_t)(((plain % range) + range) % range);
    flags |= plain < 0 || plain >= range ? RFLAGS_CF : 0;
    flags |= with_sign < -range / 2 || with_sign >= range / 2 ? RFLAGS_OF : 0;
    flags |= nibble < 0 || nibble > 15 ? RFLAGS_AF : 0;
    flags |= *r == 0 ? RFLAGS_ZF : 0;
    flags |= as_signed(width, *r) < 0 ? RFLAGS_SF : 0;
    return flags | parity_flag(*r);
}

static void assert_sum(enum x86_op op, unsigned width, uint64_t a, uint64_t b, bool carry_in)
{
    bool with_carry = op == X86_OP_ADC || op == X86_OP_SBB;
    int sign = op == X86_OP_ADD || op == X86_OP_ADC ? 1 : -1;
    uint64_t rflags = KEPT | (carry_in ? FLAGS : 0), r, flags;

    flags = sum_flags(width, a, b, with_carry && carry_in, sign, &r);
    if (op == X86_OP_CMP)
        r = a;
    assert_int_equal(alu_binary(op, width, a, b, &rflags), r);
    assert_int_equal(rflags, KEPT | flags);
}

static const enum x86_op sums[] = {X86_OP_ADD, X86_OP_ADC, X86_OP_SBB, X86_OP_SUB, X86_OP_CMP};

static void sums_of_bytes_are_right(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
        for (unsigned ab = 0; ab < 0x20000; ab++)
            assert_sum(sums[i], 1, ab & 0xff, ab >> 8 & 0xff, ab >> 16);
}

static void sums_of_wider_numbers_are_right(void **state)
{
    static const uint64_t numbers[] = {
        0,          1,         2,          0xf,        0x10,
        0x7fff,     0x8000,    0xffff,     0x7fffffff, 0x80000000,
        0xffffffff, INT64_MAX, 1ull << 63, UINT64_MAX, 0x123456789abcdef0};
    enum { N = sizeof(numbers) / sizeof(numbers[0]) };

    (void)state;
    for (unsigned width = 2; width <= 8; width *= 2)
        for (unsigned k = 0; k < 2 * N * N; k++)
            for (unsigned i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
                assert_sum(sums[i], width, numbers[k % N] & x86_width_mask(width),
                           numbers[k / N % N] & x86_width_mask(width), k / N / N);
}

static void increments_keep_the_carry(void **state)
{
    (void)state;
    for (uint64_t a = 0; a < 0x200; a++) {
        uint64_t rflags = KEPT | (a & 0x100 ? RFLAGS_CF : 0), carry = rflags & RFLAGS_CF, r, flags;

        flags = sum_flags(1, a & 0xff, 1, 0, 1, &r);
        assert_int_equal(alu_unary(X86_OP_INC, 1, a & 0xff, &rflags), r);
        assert_int_equal(rflags, KEPT | carry | (flags & ~RFLAGS_CF));
        flags = sum_flags(1, a & 0xff, 1, 0, -1, &r);
        assert_int_equal(alu_unary(X86_OP_DEC, 1, a & 0xff, &rflags), r);
        assert_int_equal(rflags, KEPT | carry | (flags & ~RFLAGS_CF));
    }
}

static void negation_subtracts_from_zero(void **state)
{
    (void)state;
    for (uint64_t a = 0; a < 0x100; a++) {
        uint64_t rflags = KEPT, r, flags = sum_flags(1, 0, a, 0, -1, &r);

        assert_int_equal(alu_unary(X86_OP_NEG, 1, a, &rflags), r);
        assert_int_equal(rflags, KEPT | flags);
        assert_int_equal(alu_unary(X86_OP_NOT, 1, a, &rflags), 0xff - a);
        assert_int_equal(rflags, KEPT | flags);
    }
}

static void logic_clears_carry_and_overflow(void **state)
{
    (void)state;
    for (unsigned ab = 0; ab < 0x10000; ab++) {
        const uint64_t a = ab & 0xff, b = ab >> 8;
        const uint64_t results[3] = {a | b, a & b, a ^ b};
        static const enum x86_op ops[3] = {X86_OP_OR, X86_OP_AND, X86_OP_XOR};

        for (unsigned i = 0; i < 3; i++) {
            uint64_t r = results[i], rflags = KEPT | FLAGS, flags = KEPT | parity_flag(r);

            flags |= (r == 0 ? RFLAGS_ZF : 0) | (r & 0x80 ? RFLAGS_SF : 0);
            assert_int_equal(alu_binary(ops[i], 1, a, b, &rflags), r);
            assert_int_equal(rflags, flags);
            if (ops[i] == X86_OP_AND) {
                rflags = KEPT | FLAGS;
                assert_int_equal(alu_binary(X86_OP_TEST, 1, a, b, &rflags), a);
                assert_int_equal(rflags, flags);
            }
        }
    }
}

static void bits_count_modulo_the_width(void **state)
{
    (void)state;
    for (unsigned width = 2; width <= 8; width *= 2)
        for (unsigned n = 0; n < 128; n++) {
            uint64_t bit = 1ull << n % (8 * width), rflags = KEPT | RFLAGS_ZF;

            assert_int_equal(alu_bit(X86_OP_BTS, width, 0, n, &rflags), bit);
            assert_int_equal(rflags, KEPT | RFLAGS_ZF);
            assert_int_equal(alu_bit(X86_OP_BT, width, bit, n, &rflags), bit);
            assert_int_equal(rflags, KEPT | RFLAGS_ZF | RFLAGS_CF);
            assert_int_equal(alu_bit(X86_OP_BTR, width, bit, n, &rflags), 0);
            assert_int_equal(rflags, KEPT | RFLAGS_ZF | RFLAGS_CF);
            assert_int_equal(alu_bit(X86_OP_BTC, width, 0, n, &rflags), bit);
            assert_int_equal(rflags, KEPT | RFLAGS_ZF);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_of_bytes_are_right),
        cmocka_unit_test(sums_of_wider_numbers_are_right),
        cmocka_unit_test(increments_keep_the_carry),
        cmocka_unit_test(negation_subtracts_from_zero),
        cmocka_unit_test(logic_clears_carry_and_overflow),
        cmocka_unit_test(bits_count_modulo_the_width),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
