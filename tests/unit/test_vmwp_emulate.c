/* SPDX-License-Identifier: MIT */
/* test_vmwp_emulate.c - instructions on a device, one operand each: what they leave in registers,
 * flags and the device, in 16-, 32- and 64-bit code; and those that are refused. */
#include <hvabi/management.h>
#include <x86/cr.h>
#include "fakes/test.h"
#include "fakes/vmwp_child.h"

#define DEVICE 0xffff800000000000ull /* where 64-bit code sees it */
#define OFFSET 0x010u
#define FLAGS  (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static struct vmwp_child c;

static int setup(void **state)
{
    (void)state;
    vmwp_child_init(&c, X86_MODE_64);
    c.gprs[X86_RBX] = DEVICE + OFFSET;
    return 0;
}

static void device_set(uint64_t value)
{
    memcpy(c.device + OFFSET, &value, sizeof(value));
}

static uint64_t device_get(void)
{
    uint64_t value;

    memcpy(&value, c.device + OFFSET, sizeof(value));
    return value;
}

#define RUN(...)                                                                                   \
    do {                                                                                           \
        const uint8_t code[] = {__VA_ARGS__};                                                      \
        uint64_t rip = c.rip;                                                                      \
        if (!vmwp_child_mmio(&c, code, sizeof(code), CHILD_DEVICE_GPA + OFFSET, false))            \
            fail_msg("%s", c.answer.reason);                                                       \
        assert_int_equal(c.rip, rip + sizeof(code));                                               \
    } while (0)

#define REFUSED(why, ...)                                                                          \
    do {                                                                                           \
        const uint8_t code[] = {__VA_ARGS__};                                                      \
        struct vmwp_child before = c;                                                              \
        assert_false(vmwp_child_mmio(&c, code, sizeof(code), CHILD_DEVICE_GPA + OFFSET, false));   \
        assert_non_null(strstr(c.answer.reason, why));                                             \
        assert_memory_equal(c.gprs, before.gprs, sizeof(c.gprs));                                  \
        assert_int_equal(c.sets + c.device_reads + c.device_writes,                                \
                         before.sets + before.device_reads + before.device_writes);                \
    } while (0)

/* ---- moves ---- */

static void loads_keep_or_clear_the_rest_of_the_register(void **state)
{
    (void)state;
    device_set(0x8877665544332211);
    c.gprs[X86_RAX] = c.gprs[X86_RCX] = c.gprs[X86_RDX] = UINT64_MAX;
    RUN(0x8a, 0x23); /* mov ah, [rbx] */
    assert_int_equal(c.gprs[X86_RAX], 0xffffffffffff11ff);
    RUN(0x66, 0x8b, 0x03); /* mov ax */
    assert_int_equal(c.gprs[X86_RAX], 0xffffffffffff2211);
    RUN(0x8b, 0x03); /* mov eax */
    assert_int_equal(c.gprs[X86_RAX], 0x44332211);
    RUN(0x48, 0x8b, 0x03); /* mov rax */
    assert_int_equal(c.gprs[X86_RAX], 0x8877665544332211);
    assert_int_equal(c.sets, 0); /* RAX and RIP go with the answer */
    RUN(0x8b, 0x0b);             /* mov ecx */
    assert_int_equal(c.gprs[X86_RCX], 0x44332211);
    RUN(0x44, 0x8b, 0x3b); /* mov r15d */
    assert_int_equal(c.gprs[15], 0x44332211);
    RUN(0x40, 0x8a, 0x33); /* mov sil */
    assert_int_equal(c.gprs[X86_RSI], 0x11);
    assert_int_equal(c.sets, 3);
    assert_int_equal(c.device_reads, 7);
    assert_int_equal(c.rflags, 2);
}

static void extensions_extend(void **state)
{
    (void)state;
    device_set(0x8877665584838281);
    RUN(0x0f, 0xb6, 0x03); /* movzx eax, byte */
    assert_int_equal(c.gprs[X86_RAX], 0x81);
    RUN(0x0f, 0xb7, 0x0b); /* movzx ecx, word */
    assert_int_equal(c.gprs[X86_RCX], 0x8281);
    RUN(0x0f, 0xbe, 0x03); /* movsx eax, byte */
    assert_int_equal(c.gprs[X86_RAX], 0xffffff81);
    RUN(0x48, 0x0f, 0xbf, 0x13); /* movsx rdx, word */
    assert_int_equal(c.gprs[X86_RDX], 0xffffffffffff8281);
    RUN(0x48, 0x63, 0x03); /* movsxd rax, dword */
    assert_int_equal(c.gprs[X86_RAX], 0xffffffff84838281);
    c.gprs[X86_RDX] = UINT64_MAX;
    RUN(0x66, 0x0f, 0xb6, 0x13); /* movzx dx, byte */
    assert_int_equal(c.gprs[X86_RDX], 0xffffffffffff0081);
}

static void stores_have_their_width(void **state)
{
    (void)state;
    c.gprs[X86_RCX] = 0x1122334455667788;
    RUN(0x88, 0x2b); /* mov [rbx], ch */
    assert_int_equal(device_get(), 0x77);
    RUN(0x66, 0x89, 0x0b);
    assert_int_equal(device_get(), 0x7788);
    RUN(0x89, 0x0b);
    assert_int_equal(device_get(), 0x55667788);
    RUN(0x48, 0x89, 0x0b);
    assert_int_equal(device_get(), 0x1122334455667788);
    RUN(0xc6, 0x03, 0xaa);
    assert_int_equal(device_get(), 0x11223344556677aa);
    RUN(0xc7, 0x03, 0x78, 0x56, 0x34, 0x12);
    assert_int_equal(device_get(), 0x1122334412345678);
    RUN(0x48, 0xc7, 0x03, 0xff, 0xff, 0xff, 0xff);
    assert_int_equal(device_get(), UINT64_MAX);
    assert_int_equal(c.device_writes, 7);
    assert_int_equal(c.device_reads + c.sets, 0);
}

/* ---- addresses ---- */

static void operand_is_found_by_any_addressing(void **state)
{
    const uint64_t absolute = DEVICE + OFFSET;
    uint8_t moffs[9] = {0xa1};

    (void)state;
    device_set(0x12345678);
    c.gprs[X86_RBX] = DEVICE - 0x20;
    c.gprs[12] = 8;
    RUN(0x42, 0x8b, 0x44, 0xa3, 0x10); /* [rbx + r12*4 + 10h] */
    assert_int_equal(c.gprs[X86_RAX], 0x12345678);
    c.gprs[X86_RBX] = OFFSET;
    c.bases[X86_GS] = DEVICE;
    c.gprs[X86_RAX] = 0;
    RUN(0x65, 0x8b, 0x03); /* gs:[rbx] */
    assert_int_equal(c.gprs[X86_RAX], 0x12345678);
    assert_int_equal(c.gets, 1);
    c.rip = DEVICE - 0x1000;
    c.gprs[X86_RAX] = 0;
    RUN(0x8b, 0x05, 0x0a, 0x10, 0x00, 0x00); /* [rip + 100ah] */
    assert_int_equal(c.gprs[X86_RAX], 0x12345678);
    c.gprs[X86_RAX] = 0;
    memcpy(moffs + 1, &absolute, sizeof(absolute));
    assert_true(vmwp_child_mmio(&c, moffs, sizeof(moffs), CHILD_DEVICE_GPA + OFFSET, false));
    assert_int_equal(c.gprs[X86_RAX], 0x12345678);
}

static void code_of_32_bits_has_segments(void **state)
{
    (void)state;
    vmwp_child_init(&c, X86_MODE_32);
    device_set(0x8182838485868788);
    c.bases[X86_DS] = 0xfeb00000;
    c.gprs[X86_RBX] = 0xffffffff00100000 + OFFSET;
    c.gprs[X86_RCX] = UINT64_MAX;
    RUN(0x8b, 0x0b); /* mov ecx, [ebx] */
    assert_int_equal(c.gprs[X86_RCX], 0x85868788);
    c.bases[X86_SS] = 0xfec00000;
    c.gprs[X86_RBP] = OFFSET;
    RUN(0x66, 0x8b, 0x45, 0x00); /* mov ax, [ebp] */
    assert_int_equal(c.gprs[X86_RAX], 0x8788);
    c.bases[X86_ES] = 0xfec00000 - 0x1000;
    c.gprs[X86_RBX] = 0x1000 + OFFSET;
    RUN(0x26, 0x80, 0x0b, 0x01); /* or byte es:[ebx], 1 */
    assert_int_equal(device_get() & 0xff, 0x89);
    assert_int_equal(c.gets, 1);
    c.rip = UINT32_MAX;
    assert_true(vmwp_child_mmio(&c, "\x26\x89\x0b", 3, CHILD_DEVICE_GPA + OFFSET, true));
    assert_int_equal(c.rip, 2); /* EIP has 32 bits */
}

static void compatibility_mode_is_not_64_bit_mode(void **state)
{
    (void)state;
    vmwp_child_init(&c, X86_MODE_32);
    c.compatibility = true;
    device_set(0x12345678);
    c.gprs[X86_RBX] = 0xfffffffffec00000 + OFFSET;
    RUN(0x8b, 0x0b);
    assert_int_equal(c.gprs[X86_RCX], 0x12345678);
    REFUSED("32-bit code: 48)", 0x48); /* dec eax: no REX prefix there */
}

static void code_of_16_bits_has_short_registers(void **state)
{
    (void)state;
    vmwp_child_init(&c, X86_MODE_16);
    device_set(0x8182838485868788);
    c.bases[X86_DS] = 0xfec00000; /* "unreal" mode */
    c.gprs[X86_RBX] = 0x10000 + OFFSET - 2;
    c.gprs[X86_RSI] = 2;
    c.gprs[X86_RAX] = UINT64_MAX;
    RUN(0x8b, 0x00); /* mov ax, [bx + si] */
    assert_int_equal(c.gprs[X86_RAX], 0xffffffffffff8788);
    c.gprs[X86_RBX] = OFFSET;
    RUN(0x66, 0x67, 0x8b, 0x03); /* mov eax, [ebx] */
    assert_int_equal(c.gprs[X86_RAX], 0x85868788);
    RUN(0xc7, 0x07, 0x34, 0x12); /* mov word [bx], 1234h */
    assert_int_equal(device_get(), 0x8182838485861234);
}

/* ---- read, change, write ---- */

static void arithmetic_changes_memory_and_flags(void **state)
{
    (void)state;
    device_set(0xffffffff);
    c.gprs[X86_RCX] = 1;
    RUN(0x01, 0x0b); /* add [rbx], ecx */
    assert_int_equal(device_get(), 0);
    assert_int_equal(c.rflags & FLAGS, RFLAGS_CF | RFLAGS_ZF | RFLAGS_PF | RFLAGS_AF);
    RUN(0x11, 0x0b); /* adc */
    assert_int_equal(device_get(), 2);
    assert_int_equal(c.rflags & FLAGS, 0);
    RUN(0x83, 0x2b, 0x03); /* sub dword [rbx], 3 */
    assert_int_equal(device_get(), 0xffffffff);
    assert_int_equal(c.rflags & FLAGS, RFLAGS_CF | RFLAGS_SF | RFLAGS_PF | RFLAGS_AF);
    RUN(0x83, 0x1b, 0x00); /* sbb dword [rbx], 0 */
    assert_int_equal(device_get(), 0xfffffffe);
    RUN(0x81, 0x23, 0x0f, 0x00, 0x00, 0x80); /* and */
    assert_int_equal(device_get(), 0x8000000e);
    assert_int_equal(c.rflags & FLAGS, RFLAGS_SF);
    RUN(0x80, 0x0b, 0x30); /* or byte */
    assert_int_equal(device_get(), 0x8000003e);
    RUN(0x31, 0x0b); /* xor */
    assert_int_equal(device_get(), 0x8000003f);
    assert_int_equal(c.device_writes, 7);
    assert_int_equal(c.rflags & ~(uint64_t)FLAGS, 2);
}

static void comparisons_do_not_write(void **state)
{
    (void)state;
    device_set(0x80);
    c.gprs[X86_RCX] = 0x80;
    RUN(0x39, 0x0b); /* cmp [rbx], ecx */
    assert_int_equal(c.rflags & FLAGS, RFLAGS_ZF | RFLAGS_PF);
    RUN(0x38, 0x0b); /* cmp byte [rbx], cl */
    assert_int_equal(c.rflags & FLAGS, RFLAGS_ZF | RFLAGS_PF);
    RUN(0x80, 0x3b, 0x01); /* cmp byte [rbx], 1 */
    assert_int_equal(c.rflags & FLAGS, RFLAGS_OF | RFLAGS_AF);
    RUN(0x3b, 0x0b); /* cmp ecx, [rbx] */
    assert_int_equal(c.gprs[X86_RCX], 0x80);
    RUN(0xf7, 0x03, 0x7f, 0x00, 0x00, 0x00); /* test dword */
    assert_int_equal(c.rflags & FLAGS, RFLAGS_ZF | RFLAGS_PF);
    RUN(0x84, 0x0b); /* test [rbx], cl */
    assert_int_equal(c.rflags & FLAGS, RFLAGS_SF);
    assert_int_equal(c.device_writes, 0);
    assert_int_equal(c.device_reads, 6);
}

static void register_can_be_the_destination(void **state)
{
    (void)state;
    device_set(0x10);
    c.gprs[X86_RCX] = 0xffffffff00000005;
    RUN(0x03, 0x0b); /* add ecx, [rbx] */
    assert_int_equal(c.gprs[X86_RCX], 0x15);
    RUN(0x2b, 0x0b); /* sub ecx, [rbx] */
    assert_int_equal(c.gprs[X86_RCX], 5);
    RUN(0x0b, 0x0b); /* or ecx, [rbx] */
    assert_int_equal(c.gprs[X86_RCX], 0x15);
    assert_int_equal(c.device_writes, 0);
}

static void one_operand_is_enough_for_some(void **state)
{
    (void)state;
    device_set(0x7fffffff);
    c.rflags |= RFLAGS_CF;
    RUN(0xff, 0x03); /* inc dword */
    assert_int_equal(device_get(), 0x80000000);
    assert_int_equal(c.rflags & FLAGS, RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF | RFLAGS_CF);
    RUN(0xff, 0x0b); /* dec dword */
    assert_int_equal(device_get(), 0x7fffffff);
    RUN(0xf7, 0x13); /* not dword */
    assert_int_equal(device_get(), 0x80000000);
    RUN(0xf7, 0x1b); /* neg dword: of the smallest */
    assert_int_equal(device_get(), 0x80000000);
    assert_int_equal(c.rflags & FLAGS, RFLAGS_OF | RFLAGS_SF | RFLAGS_CF | RFLAGS_PF);
    RUN(0xfe, 0x03); /* inc byte */
    assert_int_equal(device_get(), 0x80000001);
}

static void bits_are_tested_and_changed(void **state)
{
    (void)state;
    device_set(0x10);
    RUN(0x0f, 0xba, 0x23, 0x24); /* bt dword [rbx], 36: bit 4 */
    assert_true(c.rflags & RFLAGS_CF);
    assert_int_equal(c.device_writes, 0);
    RUN(0xf0, 0x0f, 0xba, 0x33, 0x04); /* lock btr */
    assert_int_equal(device_get(), 0);
    assert_true(c.rflags & RFLAGS_CF);
    RUN(0x0f, 0xba, 0x2b, 0x1f); /* bts 31 */
    assert_int_equal(device_get(), 0x80000000);
    assert_false(c.rflags & RFLAGS_CF);
    RUN(0x0f, 0xba, 0x3b, 0x1f); /* btc 31 */
    assert_int_equal(device_get(), 0);
    c.gprs[X86_RBX] += 0x100;
    c.gprs[X86_RCX] = (uint64_t)-0x800 + 3; /* bits: 100h bytes before */
    RUN(0x0f, 0xab, 0x0b);                  /* bts [rbx], ecx */
    assert_int_equal(device_get(), 8);
}

static void exchanges_bring_back_what_was_there(void **state)
{
    (void)state;
    device_set(0x11);
    c.gprs[X86_RCX] = 0xaaaaaaaa00000022;
    RUN(0x87, 0x0b); /* xchg [rbx], ecx */
    assert_int_equal(device_get(), 0x22);
    assert_int_equal(c.gprs[X86_RCX], 0x11);
    assert_int_equal(c.rflags, 2);
    RUN(0xf0, 0x0f, 0xc1, 0x0b); /* lock xadd [rbx], ecx */
    assert_int_equal(device_get(), 0x33);
    assert_int_equal(c.gprs[X86_RCX], 0x22);
    c.gprs[X86_RAX] = 0xbbbbbbbb00000033;
    RUN(0xf0, 0x0f, 0xb1, 0x0b); /* lock cmpxchg [rbx], ecx */
    assert_int_equal(device_get(), 0x22);
    assert_true(c.rflags & RFLAGS_ZF);
    c.gprs[X86_RAX] = 0xbbbbbbbb00000033;
    RUN(0x0f, 0xb0, 0x0b); /* cmpxchg byte: not equal */
    assert_int_equal(c.gprs[X86_RAX], 0xbbbbbbbb00000022);
    assert_false(c.rflags & RFLAGS_ZF);
    assert_int_equal(device_get(), 0x22);
    RUN(0x0f, 0xb1, 0x0b); /* cmpxchg dword, equal now */
    assert_int_equal(c.gprs[X86_RAX], 0xbbbbbbbb00000022);
    c.gprs[X86_RAX]++;
    RUN(0x0f, 0xb1, 0x0b);
    assert_int_equal(c.gprs[X86_RAX], 0x22);
}

/* With 13 prefixes it has 15 bytes, all that an instruction may have. */
static void longest_instruction_is_taken(void **state)
{
    (void)state;
    device_set(0x1122334455667788);
    c.gprs[X86_RAX] = UINT64_MAX;
    RUN(0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x8b, 0x03);
    assert_int_equal(c.gprs[X86_RAX], 0x55667788);
}

/* ---- what cannot be done ---- */

static void others_are_refused_with_their_bytes(void **state)
{
    (void)state;
    REFUSED("not emulated (rip 0000000000001000, 64-bit code: 0f ae 03)", 0x0f, 0xae, 0x03);
    REFUSED("not emulated", 0x0f, 0x6f, 0x03);       /* movq mm0, [rbx] */
    REFUSED("not emulated", 0xc5, 0xf9, 0x6f, 0x03); /* vmovdqa xmm0, [rbx] */
    REFUSED("not emulated", 0xff, 0x33);             /* push [rbx] */
    REFUSED("not emulated", 0xff, 0x13);             /* call [rbx] */
    REFUSED("not emulated", 0xd1, 0x23);             /* shl dword [rbx], 1 */
    REFUSED("not emulated", 0x89, 0xd8);             /* mov eax, ebx: no memory */
    REFUSED("not emulated", 0xed);                   /* in eax, dx */
    REFUSED("no instruction", 0x0f, 0x04);
    REFUSED("no instruction", 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
            0x66, 0x66, 0x66, 0x66);
    vmwp_child_init(&c, X86_MODE_16);
    REFUSED("16-bit code: 0f ae 03)", 0x0f, 0xae, 0x03);
    vmwp_child_init(&c, X86_MODE_32);
    REFUSED("32-bit code: 0f ae 03)", 0x0f, 0xae, 0x03);
}

static void longest_reason_fits(void **state)
{
    (void)state;
    c.rip = UINT64_MAX;
    REFUSED("no instruction", 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e,
            0x2e, 0x2e, 0x2e, 0x2e);
    assert_true(strlen(c.answer.reason) < EMULATE_REASON_SIZE);
    c.answer.reason[EMULATE_REASON_SIZE - 1] = 'x';
    c.gprs[X86_RBX]++;
    REFUSED("instruction does not access what was accessed", 0x8b, 0x03);
    assert_int_equal(c.answer.reason[EMULATE_REASON_SIZE - 1], 0);
}

static void instruction_that_was_changed_meanwhile_is_refused(void **state)
{
    (void)state;
    c.gprs[X86_RBX]++;
    REFUSED("does not access what was accessed", 0x8b, 0x03);
    c.gprs[X86_RBX]--;
    REFUSED("does not access what was accessed", 0x8b, 0x43, 0x04);
    c.gprs[X86_RCX] = 8;
    REFUSED("does not access what was accessed", 0x0f, 0xa3, 0x4b, 0x01); /* bt [rbx + 1], ecx */
}

static void access_beyond_the_page_is_refused(void **state)
{
    const uint8_t load[] = {0x8b, 0x03};

    (void)state;
    c.gprs[X86_RBX] = DEVICE + 0xffd;
    assert_false(vmwp_child_mmio(&c, load, 2, CHILD_DEVICE_GPA + 0xffd, false));
    assert_non_null(strstr(c.answer.reason, "crosses a page"));
    assert_int_equal(c.device_reads, 0);
    c.gprs[X86_RBX] = DEVICE + 0xffc;
    assert_true(vmwp_child_mmio(&c, load, 2, CHILD_DEVICE_GPA + 0xffc, false));
}

static void code_on_a_device_is_refused(void **state)
{
    struct hv_x64_memory_intercept_message m = {
        .header = {.access_type = HvInterceptAccessExecute, .rip = 0xfec00000},
        .guest_physical_address = 0xfec00000,
    };
    struct emulate_answer answer;

    (void)state;
    assert_false(emulate_mmio(&c.vp, &m, &answer));
    assert_string_equal(answer.reason,
                        "code runs where no memory is (rip 00000000fec00000, 16-bit code)");
}

/* The processor finds out itself what has become of its code. */
static void vanished_code_is_left_to_the_processor(void **state)
{
    const uint8_t code[] = {0x48, 0x8b};

    (void)state;
    for (unsigned count = 0; count <= sizeof(code); count++) {
        assert_true(vmwp_child_mmio(&c, code, count, CHILD_DEVICE_GPA + OFFSET, false));
        assert_int_equal(c.rip, 0x1000);
        assert_int_equal(c.device_reads + c.sets, 0);
        assert_false(c.answer.set_rax);
    }
}

static void registers_that_cannot_be_had_are_a_reason(void **state)
{
    const uint8_t other_segment[] = {0x64, 0x8b, 0x03}, other_register[] = {0x8b, 0x0b};

    (void)state;
    c.registers_fail = true;
    assert_false(vmwp_child_mmio(&c, other_segment, 3, CHILD_DEVICE_GPA + OFFSET, false));
    assert_non_null(strstr(c.answer.reason, "segment register cannot be read"));
    assert_int_equal(c.device_reads, 0);
    assert_false(vmwp_child_mmio(&c, other_register, 2, CHILD_DEVICE_GPA + OFFSET, false));
    assert_non_null(strstr(c.answer.reason, "registers cannot be set"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(loads_keep_or_clear_the_rest_of_the_register, setup),
        cmocka_unit_test_setup(extensions_extend, setup),
        cmocka_unit_test_setup(stores_have_their_width, setup),
        cmocka_unit_test_setup(operand_is_found_by_any_addressing, setup),
        cmocka_unit_test_setup(code_of_32_bits_has_segments, setup),
        cmocka_unit_test_setup(compatibility_mode_is_not_64_bit_mode, setup),
        cmocka_unit_test_setup(code_of_16_bits_has_short_registers, setup),
        cmocka_unit_test_setup(arithmetic_changes_memory_and_flags, setup),
        cmocka_unit_test_setup(comparisons_do_not_write, setup),
        cmocka_unit_test_setup(register_can_be_the_destination, setup),
        cmocka_unit_test_setup(one_operand_is_enough_for_some, setup),
        cmocka_unit_test_setup(bits_are_tested_and_changed, setup),
        cmocka_unit_test_setup(exchanges_bring_back_what_was_there, setup),
        cmocka_unit_test_setup(longest_instruction_is_taken, setup),
        cmocka_unit_test_setup(others_are_refused_with_their_bytes, setup),
        cmocka_unit_test_setup(longest_reason_fits, setup),
        cmocka_unit_test_setup(instruction_that_was_changed_meanwhile_is_refused, setup),
        cmocka_unit_test_setup(access_beyond_the_page_is_refused, setup),
        cmocka_unit_test_setup(code_on_a_device_is_refused, setup),
        cmocka_unit_test_setup(vanished_code_is_left_to_the_processor, setup),
        cmocka_unit_test_setup(registers_that_cannot_be_had_are_a_reason, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
