/* SPDX-License-Identifier: MIT */
/* msr_fixture.c - see msr_fixture.h. */
#include "msr_fixture.h"

#include <x86/decode.h>
#include <x86/exception.h>
#include "core/vp_regs.h"

#define RAM_PAGES 16u

struct partition *child;
struct vp *vp;

static void start_clock(void)
{
    const struct hv_register_value go = {.reg64 = 0};

    assert_int_equal(vp_reg_set(vp, HvRegisterExplicitSuspend, &go), HV_STATUS_SUCCESS);
}

int msr_setup(void **state)
{
    (void)state;
    machine_init(2);
    machine_take_messages(0);
    child = machine_child(2, RAM_PAGES);
    vp = partition_vp(child, 0);
    start_clock();
    machine_enter(vp);
    vp->rip = CODE;
    return 0;
}

bool rdmsr(uint32_t msr, uint64_t *value)
{
    const uint64_t garbage = 0xa5a5a5a500000000;

    vp->rip = CODE;
    vp->gpr[X86_RCX] = msr | garbage;
    vp->gpr[X86_RAX] = vp->gpr[X86_RDX] = garbage;
    machine_exit(vp, &(struct vp_exit){.reason = VP_EXIT_MSR_READ, .insn_len = 2});
    if (fake_of(vp)->injected.valid) {
        assert_int_equal(fake_of(vp)->injected.vector, EXCEPTION_GP);
        assert_true(fake_of(vp)->injected.has_error);
        fake_of(vp)->injected.valid = false;
        assert_int_equal(vp->rip, CODE);
        assert_int_equal(vp->gpr[X86_RAX], garbage);
        return false;
    }
    assert_int_equal(vp->rip, CODE + 2);
    assert_int_equal((vp->gpr[X86_RAX] | vp->gpr[X86_RDX]) >> 32, 0);
    *value = vp->gpr[X86_RDX] << 32 | vp->gpr[X86_RAX];
    return true;
}

bool wrmsr(uint32_t msr, uint64_t value)
{
    bool done;

    vp->rip = CODE;
    vp->gpr[X86_RCX] = msr;
    vp->gpr[X86_RAX] = (uint32_t)value | 0xa5a5a5a500000000;
    vp->gpr[X86_RDX] = value >> 32 | 0xa5a5a5a500000000;
    machine_exit(vp, &(struct vp_exit){.reason = VP_EXIT_MSR_WRITE, .insn_len = 2});
    done = !fake_of(vp)->injected.valid;
    fake_of(vp)->injected.valid = false;
    assert_int_equal(vp->rip, done ? CODE + 2 : CODE);
    return done;
}

uint64_t read_ok(uint32_t msr)
{
    uint64_t value = 0;

    assert_true(rdmsr(msr, &value));
    return value;
}

void write_ok(uint32_t msr, uint64_t value)
{
    assert_true(wrmsr(msr, value));
}
