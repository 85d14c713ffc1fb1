/* SPDX-License-Identifier: MIT */
/* fuzz_decode.c - the instruction decoder on anything, against Zydis. The first byte of the input
 * is the mode, the rest is code. */
#include <stdio.h>
#include <stdlib.h>
#include <x86/decode.h>
#include "decode_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

/* What holds for every input, known to Zydis or not. */
static void check_bounds(const uint8_t *code, unsigned count, enum x86_mode mode)
{
    static const uint64_t gprs[X86_GPR_COUNT], bases[X86_SEGMENT_COUNT];
    struct x86_insn insn;
    uint64_t address;

    if (x86_decode(code, count, mode, &insn) != X86_DECODE_OK)
        return;
    check(insn.length != 0 && insn.length <= X86_INSN_MAX && insn.length <= count, "length");
    check(insn.op < X86_OP_COUNT, "operation");
    check((insn.op == X86_OP_OTHER) == (insn.form == X86_FORM_NONE), "form");
    check(insn.op == X86_OP_OTHER || (insn.width != 0 && insn.reg < X86_GPR_COUNT), "operands");
    if (!insn.has_memory)
        return;
    address = x86_insn_linear_address(&insn, gprs, 0, bases);
    check(mode == X86_MODE_64 || address <= UINT32_MAX, "linear address");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum x86_mode mode;
    unsigned count;
    char why[160];

    if (size == 0)
        return 0;
    mode = (enum x86_mode)(data[0] % 3);
    count = size - 1 < 2 * X86_INSN_MAX ? (unsigned)(size - 1) : 2 * X86_INSN_MAX;
    check_bounds(data + 1, count, mode);
    check(decode_oracle_compare(data + 1, count, mode, why, sizeof(why)) != ORACLE_DIFFERS, why);
    return 0;
}
