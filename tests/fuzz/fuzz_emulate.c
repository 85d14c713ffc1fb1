/* SPDX-License-Identifier: MIT */
/* fuzz_emulate.c - any instruction with any registers, in any mode, that is said to have accessed a
 * device or a port: what it does stays within the child's RAM, the device's page and the bounds of
 * a piece, and what is refused has changed nothing and has a reason.
 *
 * Input: struct setting, then the instruction's bytes. */
#include <hvabi/management.h>
#include <stdlib.h>
#include <string.h>
#include "fakes/vmwp_child.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct setting {
    uint8_t mode;
    uint8_t kind;
    uint8_t flags;    /* of RFLAGS, the low bits; bit 7: registers fail */
    uint8_t pages;    /* bit by page around the operands: not mapped */
    uint16_t offset;  /* of the access in its page */
    uint16_t length;  /* and how many bytes of code there are */
    uint64_t gprs[4]; /* the 16 registers are made of these, and of the device's address */
    uint32_t near;    /* bit by register: it is near the device, or the RAM */
};

enum { MMIO_READ, MMIO_WRITE, STRING_IN, STRING_OUT, PORT_IN, PORT_OUT, KINDS };

enum { DEVICE = 0xfec00000, RAM = 0x4000 };

static void check(bool condition)
{
    if (!condition)
        abort();
}

static void registers_make(struct vmwp_child *c, const struct setting *s)
{
    for (unsigned i = 0; i < X86_GPR_COUNT; i++) {
        uint64_t v = s->gprs[i % 4] >> i;

        if (s->near >> i & 1)
            v = DEVICE + (v & 0xfff);
        else if (s->near >> (i + 16) & 1)
            v = RAM + (v & 0x3fff);
        c->gprs[i] = v;
    }
}

static void child_make(struct vmwp_child *c, const struct setting *s)
{
    vmwp_child_init(c, (enum x86_mode)(s->mode % 3));
    c->cpl = s->mode >> 6;
    c->registers_fail = (s->flags & 0x80) != 0;
    c->rflags = 2 | (s->flags & 0x7f) | (uint64_t)(s->flags & 1) << 10;
    if (c->mode == X86_MODE_16)
        c->bases[X86_DS] = c->bases[X86_ES] = DEVICE & ~0xffffu;
    vmwp_child_map(c, DEVICE, CHILD_DEVICE_GPA);
    c->pages[0].result = HvTranslateGvaGpaUnmapped;
    for (unsigned i = 0; i < 8; i++)
        if (!(s->pages >> i & 1))
            vmwp_child_map(c, RAM + 0x1000 * i, 0x1000 * (i ^ 5));
    registers_make(c, s);
}

static bool run(struct vmwp_child *c, const struct setting *s, const uint8_t *code, unsigned count)
{
    unsigned size = s->length % 5;

    switch (s->kind % KINDS) {
    case MMIO_READ:
    case MMIO_WRITE:
        return vmwp_child_mmio(c, code, count, CHILD_DEVICE_GPA + s->offset % 0x1000,
                               s->kind % KINDS == MMIO_WRITE);
    case STRING_IN:
    case STRING_OUT:
        return vmwp_child_string(c, code, count, s->offset, size, s->kind % KINDS == STRING_OUT);
    default:
        return vmwp_child_port(c, s->length & 15, s->offset, size, s->kind % KINDS == PORT_OUT);
    }
}

/* A refusal has a reason, and none of it was done; registers that cannot be set are told at the
 * end. */
static void refusal_check(const struct vmwp_child *c, const struct vmwp_child *before)
{
    check(c->answer.reason[0] != 0 && memchr(c->answer.reason, 0, EMULATE_REASON_SIZE) != NULL);
    check(memcmp(c->gprs, before->gprs, sizeof(c->gprs)) == 0 && c->rip == before->rip);
    check(c->registers_fail || c->device_reads + c->device_writes + c->ports == 0);
}

static void success_check(const struct vmwp_child *c, const struct vmwp_child *before)
{
    uint64_t next = c->answer.rip - before->rip;

    check(c->device_reads <= EMULATE_STRING_MAX && c->device_writes <= EMULATE_STRING_MAX);
    check(c->ports <= EMULATE_STRING_MAX && c->translations <= 2 * EMULATE_STRING_MAX + 1);
    check(next <= X86_INSN_MAX && c->gets <= 2 && c->sets <= 1);
    check(c->answer.reason[0] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vmwp_child c, before;
    uint8_t code[16] = {0};
    struct setting s;
    unsigned count;

    if (size < sizeof(s))
        return 0;
    memcpy(&s, data, sizeof(s));
    size -= sizeof(s);
    count = size < sizeof(code) ? (unsigned)size : (unsigned)sizeof(code);
    memcpy(code, data + sizeof(s), count);
    child_make(&c, &s);
    before = c;
    if (run(&c, &s, code, count))
        success_check(&c, &before);
    else
        refusal_check(&c, &before);
    return 0;
}
