/* SPDX-License-Identifier: MIT */
/* test_decode.c - the instruction decoder against Zydis and against what the manuals say.
 * The pseudo-random sequences are the same in every run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <x86/decode.h>
#include "decode_oracle.h"

#define MODES 3

static uint64_t random_state;

/* xorshift64* */
static uint32_t random_u32(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(random_state * 0x2545f4914f6cdd1dull >> 32);
}

static int reseed(void **state)
{
    (void)state;
    random_state = 0x9e3779b97f4a7c15ull;
    return 0;
}

struct code {
    uint8_t bytes[32];
    unsigned count;
};

static void put_byte(struct code *c, unsigned byte)
{
    c->bytes[c->count++] = (uint8_t)byte;
}

static void put_bytes(struct code *c, const char *bytes)
{
    for (; *bytes != '\0'; bytes++)
        put_byte(c, (uint8_t)*bytes);
}

static void put_random(struct code *c, unsigned until)
{
    while (c->count < until)
        put_byte(c, random_u32());
}

/* None or a few legacy prefixes, then perhaps a REX. */
static void put_prefixes(struct code *c, enum x86_mode mode)
{
    static const char *const prefixes[] = {
        "",     "",     "\x66",     "\x67",     "\xf2",     "\xf3",     "\xf0",     "\x66\x67",
        "\x2e", "\x65", "\x66\xf2", "\xf3\xf2", "\x26\x64", "\x66\xf3", "\x36\x67", "\x3e"};

    put_bytes(c, prefixes[random_u32() % (sizeof(prefixes) / sizeof(prefixes[0]))]);
    if (mode == X86_MODE_64 && random_u32() % 2 != 0)
        put_byte(c, 0x40 | random_u32() % 16);
}

/* Fail with the bytes in the message if the oracle differs; whether the oracle knew the bytes. */
static bool agrees(const uint8_t *bytes, unsigned count, enum x86_mode mode)
{
    char why[160];
    enum oracle_verdict v = decode_oracle_compare(bytes, count, mode, why, sizeof(why));

    if (v == ORACLE_DIFFERS) {
        char hex[3 * X86_INSN_MAX + 1] = "";

        for (unsigned i = 0; i < count && i < X86_INSN_MAX; i++)
            snprintf(hex + 3 * i, 4, "%02x ", bytes[i]);
        fail_msg("mode %d, %s: %s", (int)mode, hex, why);
    }
    return v == ORACLE_AGREES;
}

/* Every opcode of a legacy map with every ModRM byte, under random prefixes and operands. */
static unsigned compare_legacy_map(const char *escape, enum x86_mode mode)
{
    unsigned known = 0;

    for (unsigned i = 0; i < 10 * 65536; i++) {
        struct code c = {.count = 0};

        put_prefixes(&c, mode);
        put_bytes(&c, escape);
        put_byte(&c, i >> 8 & 0xff);
        put_byte(&c, i & 0xff);
        put_random(&c, X86_INSN_MAX);
        known += agrees(c.bytes, X86_INSN_MAX, mode);
    }
    return known;
}

static void legacy_maps_agree_with_zydis(void **state)
{
    static const char *const escapes[] = {"", "\x0f", "\x0f\x38", "\x0f\x3a"};
    static const unsigned known_at_least[] = {100000, 80000, 10000, 3000};

    (void)state;
    for (int mode = 0; mode < MODES; mode++)
        for (unsigned map = 0; map < 4; map++)
            assert_true(compare_legacy_map(escapes[map], (enum x86_mode)mode) >
                        known_at_least[map]);
}

/* @escape and its payload, mostly without reserved values, and anything behind. */
static void put_extended(struct code *c, unsigned escape)
{
    unsigned map = random_u32() % 3 + (escape == 0x8f ? X86_MAP_XOP8 : X86_MAP_0F);
    unsigned no_vvvv = random_u32() % 4 != 0 ? 0x78 : 0;

    put_byte(c, escape);
    if (escape != 0xc5)
        put_byte(c, (random_u32() & 0xf0) | map | 0xc0);
    put_byte(c, random_u32() | no_vvvv | (escape == 0x62 ? 4 : 0));
    if (escape == 0x62) /* no masking, V' set */
        put_byte(c, (random_u32() & 0x70) | 8);
    put_random(c, X86_INSN_MAX);
}

static void extended_encodings_agree_with_zydis(void **state)
{
    static const uint8_t escapes[] = {0xc4, 0xc5, 0x62, 0x8f};
    static const unsigned known_at_least[] = {40000, 400000, 40000, 2000};

    (void)state;
    for (unsigned e = 0; e < sizeof(escapes); e++) {
        unsigned known = 0;

        for (unsigned i = 0; i < 1000000; i++) {
            enum x86_mode mode = (enum x86_mode)(i % MODES);
            struct code c = {.count = 0};

            if (random_u32() % 8 == 0)
                put_byte(&c, random_u32() % 2 != 0 ? 0x67 : 0x64);
            put_extended(&c, escapes[e]);
            known += agrees(c.bytes, X86_INSN_MAX, mode);
        }
        assert_true(known > known_at_least[e]);
    }
}

static void random_bytes_agree_with_zydis(void **state)
{
    unsigned known = 0;

    (void)state;
    for (unsigned i = 0; i < 6000000; i++) {
        struct code c = {.count = 0};

        put_random(&c, X86_INSN_MAX);
        known += agrees(c.bytes, 1 + random_u32() % X86_INSN_MAX, (enum x86_mode)(i % MODES));
    }
    assert_true(known > 500000);
}

/* On the heap and exactly as long as said, so that ASan sees a read too far. */
static enum x86_decode_status decode_exactly(const uint8_t *bytes, unsigned count,
                                             enum x86_mode mode)
{
    uint8_t *copy = malloc(count); /* NOLINT(clang-analyzer-optin.portability.UnixAPI): or 0 */
    struct x86_insn insn;
    enum x86_decode_status status;

    if (count != 0)
        memcpy(copy, bytes, count);
    status = x86_decode(copy, count, mode, &insn);
    free(copy);
    return status;
}

static void a_truncated_instruction_asks_for_more(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 30000; i++) {
        enum x86_mode mode = (enum x86_mode)(i % MODES);
        struct code c = {.count = 0};
        struct x86_insn insn;

        put_prefixes(&c, mode);
        put_random(&c, X86_INSN_MAX);
        if (x86_decode(c.bytes, X86_INSN_MAX, mode, &insn) != X86_DECODE_OK)
            continue;
        assert_int_equal(decode_exactly(c.bytes, insn.length, mode), X86_DECODE_OK);
        for (unsigned n = 0; n < insn.length; n++)
            assert_int_equal(decode_exactly(c.bytes, n, mode), X86_DECODE_MORE);
    }
}

static void sixteen_bytes_are_no_instruction(void **state)
{
    uint8_t nop[16];
    struct x86_insn insn;

    (void)state;
    memset(nop, 0x66, sizeof(nop));
    nop[14] = 0x90;
    assert_int_equal(x86_decode(nop, 16, X86_MODE_64, &insn), X86_DECODE_OK);
    assert_int_equal(insn.length, 15);
    assert_int_equal(x86_insn_length(nop, 16, X86_MODE_64, X86_OPCODE_PAUSE), 15);
    nop[14] = 0x66;
    nop[15] = 0x90;
    assert_int_equal(x86_decode(nop, 14, X86_MODE_64, &insn), X86_DECODE_MORE);
    assert_int_equal(x86_decode(nop, 16, X86_MODE_64, &insn), X86_DECODE_INVALID);
    assert_int_equal(x86_insn_length(nop, 16, X86_MODE_64, X86_OPCODE_PAUSE), 0);
}

static const uint32_t plain_opcodes[] = {
    X86_OPCODE_CPUID,   X86_OPCODE_RDMSR,  X86_OPCODE_WRMSR,  X86_OPCODE_RDTSC,  X86_OPCODE_RDPMC,
    X86_OPCODE_INVD,    X86_OPCODE_WBINVD, X86_OPCODE_RSM,    X86_OPCODE_RDTSCP, X86_OPCODE_XSETBV,
    X86_OPCODE_MONITOR, X86_OPCODE_MWAIT,  X86_OPCODE_VMCALL, X86_OPCODE_VMRUN,  X86_OPCODE_VMMCALL,
    X86_OPCODE_VMLOAD,  X86_OPCODE_VMSAVE, X86_OPCODE_STGI,   X86_OPCODE_CLGI,   X86_OPCODE_SKINIT,
    X86_OPCODE_INVLPGA, X86_OPCODE_HLT,    X86_OPCODE_PAUSE,  X86_OPCODE_INT3,
};

static void expected_opcode_has_the_decoders_length(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        enum x86_mode mode = (enum x86_mode)(i % MODES);
        uint32_t opcode = plain_opcodes[i % (sizeof(plain_opcodes) / sizeof(plain_opcodes[0]))];
        struct code c = {.count = 0};
        struct x86_insn insn;
        unsigned length;

        put_prefixes(&c, mode);
        for (unsigned b = 0; b < opcode >> 24; b++)
            put_byte(&c, opcode >> (8 * b));
        length = c.count;
        put_random(&c, X86_INSN_MAX);
        assert_int_equal(x86_insn_length(c.bytes, c.count, mode, opcode), length);
        assert_int_equal(x86_insn_length(c.bytes, length - 1, mode, opcode), 0);
        assert_int_equal(x86_decode(c.bytes, c.count, mode, &insn), X86_DECODE_OK);
        assert_int_equal(insn.length, length);
        c.bytes[length - 1] ^= 1;
        assert_int_equal(x86_insn_length(c.bytes, c.count, mode, opcode), 0);
    }
}

static void rex_is_an_opcode_outside_64_bit_mode(void **state)
{
    static const uint8_t code[] = {0x48, 0x0f, 0xa2};

    (void)state;
    assert_int_equal(x86_insn_length(code, 3, X86_MODE_64, X86_OPCODE_CPUID), 3);
    assert_int_equal(x86_insn_length(code, 3, X86_MODE_32, X86_OPCODE_CPUID), 0);
}

static struct x86_insn decoded(const char *bytes, unsigned count, enum x86_mode mode)
{
    struct x86_insn insn;

    assert_int_equal(x86_decode((const uint8_t *)bytes, count, mode, &insn), X86_DECODE_OK);
    assert_int_equal(insn.length, count);
    return insn;
}

#define DECODED(bytes, mode) decoded((bytes), sizeof(bytes) - 1, (mode))

static const uint64_t gprs[X86_GPR_COUNT] = {
    [X86_RAX] = 0x1122334455667788ull,
    [X86_RBX] = 0x00000001fffffff0ull,
    [X86_RSP] = 0x8000ull,
    [X86_RBP] = 0x9000ull,
    [X86_RSI] = 0xffff8000ull,
    [X86_RDI] = 0x12345ull,
    [12] = 0xfee00000ull,
};
static const uint64_t bases[X86_SEGMENT_COUNT] = {0x100000, 0x200000, 0x300000,
                                                  0x400000, 0x500000, 0x600000};

static uint64_t linear(const struct x86_insn *insn)
{
    return x86_insn_linear_address(insn, gprs, 0xffffffff81000000ull, bases);
}

static void rip_relative_counts_from_the_next_instruction(void **state)
{
    struct x86_insn insn = DECODED("\x8b\x05\xfe\xff\xff\xff", X86_MODE_64);

    (void)state;
    assert_int_equal(linear(&insn), 0xffffffff81000004ull);
    insn = DECODED("\xc7\x05\x10\x00\x00\x00\x01\x00\x00\x00", X86_MODE_64);
    assert_int_equal(linear(&insn), 0xffffffff8100001aull);
}

static void offsets_wrap_at_the_address_size(void **state)
{
    struct x86_insn insn = DECODED("\x8a\x43\x20", X86_MODE_64); /* mov al, [rbx + 0x20] */

    (void)state;
    assert_int_equal(linear(&insn), 0x200000010ull);
    insn = DECODED("\x67\x8a\x43\x20", X86_MODE_64); /* [ebx + 0x20] */
    assert_int_equal(linear(&insn), 0x10);
    insn = DECODED("\x8a\x43\x20", X86_MODE_32);
    assert_int_equal(linear(&insn), 0x400010);
    insn = DECODED("\x8a\x40\x20", X86_MODE_16); /* [bx + si + 0x20] */
    assert_int_equal(linear(&insn), 0x400000 + 0x8010);
}

static void segments_have_bases_as_the_mode_says(void **state)
{
    struct x86_insn insn = DECODED("\x65\x8a\x45\x00", X86_MODE_64); /* gs:[rbp] */

    (void)state;
    assert_int_equal(linear(&insn), 0x609000);
    insn = DECODED("\x8a\x45\x00", X86_MODE_64);
    assert_int_equal(linear(&insn), 0x9000);
    insn = DECODED("\x2e\x8a\x45\x00", X86_MODE_64); /* CS is ignored */
    assert_int_equal(linear(&insn), 0x9000);
    insn = DECODED("\x8a\x45\x00", X86_MODE_32); /* SS by default */
    assert_int_equal(linear(&insn), 0x309000);
    insn = DECODED("\x2e\x8a\x45\x00", X86_MODE_32);
    assert_int_equal(linear(&insn), 0x209000);
    insn = DECODED("\x41\x8a\x44\x24\x30", X86_MODE_64); /* r12 takes a SIB, not SS */
    assert_int_equal(insn.segment, X86_DS);
    assert_int_equal(linear(&insn), 0xfee00030ull);
}

static void string_moves_have_two_addresses(void **state)
{
    struct x86_insn insn = DECODED("\xf3\x64\xa5", X86_MODE_32); /* rep movsd es:, fs: */

    (void)state;
    assert_int_equal(insn.op, X86_OP_MOVS);
    assert_int_equal(insn.width, 4);
    assert_true((insn.prefixes & X86_PREFIX_REP) != 0);
    assert_int_equal(linear(&insn), 0x4f8000); /* 32 bits, carry lost */
    assert_int_equal(x86_insn_string_destination(&insn, gprs, bases), 0x112345);
    insn = DECODED("\x67\xaa", X86_MODE_32); /* stosb es:[di] */
    assert_int_equal(linear(&insn), 0x102345);
}

static void bit_offsets_reach_beyond_the_operand(void **state)
{
    struct x86_insn insn = DECODED("\x0f\xab\x03", X86_MODE_64); /* bts [rbx], eax */

    (void)state;
    assert_int_equal(x86_insn_bit_displacement(&insn, 31), 0);
    assert_int_equal(x86_insn_bit_displacement(&insn, 32), 4);
    assert_int_equal(x86_insn_bit_displacement(&insn, 0xffffffffull), -4);
    assert_int_equal(x86_insn_bit_displacement(&insn, 0x1122334400000040ull), 8);
    insn = DECODED("\x48\x0f\xab\x03", X86_MODE_64);
    assert_int_equal(x86_insn_bit_displacement(&insn, (uint64_t)-65), -16);
}

static void register_writes_keep_or_clear_the_rest(void **state)
{
    uint64_t r[X86_GPR_COUNT] = {[X86_RAX] = 0x1122334455667788ull};
    struct x86_insn insn = DECODED("\x8a\x23", X86_MODE_64); /* mov ah, [rbx] */

    (void)state;
    assert_int_equal(x86_insn_reg_read(&insn, r), 0x77);
    x86_insn_reg_write(&insn, r, 0x1ab);
    assert_int_equal(r[X86_RAX], 0x112233445566ab88ull);
    insn = DECODED("\x66\x8b\x03", X86_MODE_64);
    x86_insn_reg_write(&insn, r, 0x9999cdefull);
    assert_int_equal(r[X86_RAX], 0x112233445566cdefull);
    insn = DECODED("\x8b\x03", X86_MODE_64);
    x86_insn_reg_write(&insn, r, 0xffffffff80000000ull);
    assert_int_equal(r[X86_RAX], 0x80000000ull);
    insn = DECODED("\x40\x8a\x23", X86_MODE_64); /* with REX: SPL */
    x86_insn_reg_write(&insn, r, 0xff);
    assert_int_equal(r[X86_RSP], 0xff);
}

static void movzx_has_two_widths(void **state)
{
    struct x86_insn insn = DECODED("\x48\x0f\xb7\x43\x10", X86_MODE_64);

    (void)state;
    assert_int_equal(insn.op, X86_OP_MOVZX);
    assert_int_equal(insn.width, 2);
    assert_int_equal(insn.reg_width, 8);
}

static void register_forms_are_no_memory_operation(void **state)
{
    struct x86_insn insn = DECODED("\x89\xd8", X86_MODE_64);

    (void)state;
    assert_false(insn.has_memory);
    assert_int_equal(insn.op, X86_OP_OTHER);
}

static void rex_before_another_prefix_is_ignored(void **state)
{
    struct x86_insn insn = DECODED("\x48\x66\x89\x03", X86_MODE_64);

    (void)state;
    assert_int_equal(insn.width, 2);
    assert_int_equal(insn.rex, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(legacy_maps_agree_with_zydis, reseed),
        cmocka_unit_test_setup(extended_encodings_agree_with_zydis, reseed),
        cmocka_unit_test_setup(random_bytes_agree_with_zydis, reseed),
        cmocka_unit_test_setup(a_truncated_instruction_asks_for_more, reseed),
        cmocka_unit_test(sixteen_bytes_are_no_instruction),
        cmocka_unit_test_setup(expected_opcode_has_the_decoders_length, reseed),
        cmocka_unit_test(rex_is_an_opcode_outside_64_bit_mode),
        cmocka_unit_test(rip_relative_counts_from_the_next_instruction),
        cmocka_unit_test(offsets_wrap_at_the_address_size),
        cmocka_unit_test(segments_have_bases_as_the_mode_says),
        cmocka_unit_test(string_moves_have_two_addresses),
        cmocka_unit_test(bit_offsets_reach_beyond_the_operand),
        cmocka_unit_test(register_writes_keep_or_clear_the_rest),
        cmocka_unit_test(movzx_has_two_widths),
        cmocka_unit_test(register_forms_are_no_memory_operation),
        cmocka_unit_test(rex_before_another_prefix_is_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
