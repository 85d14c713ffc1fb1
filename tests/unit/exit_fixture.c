/* SPDX-License-Identifier: MIT */
/* exit_fixture.c - see exit_fixture.h. */
#include "exit_fixture.h"

#include <x86/exception.h>

#define RAM_PAGES 8u

struct partition *child;
struct vp *vp;

int exit_setup(void **state)
{
    (void)state;
    machine_init(2);
    machine_take_messages(0);
    child = machine_child(1, RAM_PAGES);
    vp = partition_vp(child, 0);
    machine_enter(vp);
    vp->rip = CODE;
    return 0;
}

struct fake_event *event(void)
{
    return &fake_of(vp)->injected;
}

void expect_nothing_injected(void)
{
    assert_false(event()->valid);
}

void expect_exception(uint8_t vector)
{
    assert_true(event()->valid);
    assert_int_equal(event()->type, HvX64PendingException);
    assert_int_equal(event()->vector, vector);
    assert_int_equal(event()->has_error, vector == EXCEPTION_GP);
    assert_int_equal(event()->error, 0);
    assert_int_equal(vp->rip, CODE);
    event()->valid = false;
}

void expect_no_message(void)
{
    struct hv_message m;

    assert_int_equal(vp->suspend & VP_SUSPEND_INTERCEPT, 0);
    assert_false(machine_message(0, &m));
}

const void *expect_message(struct hv_message *m, uint32_t type, size_t size)
{
    assert_true(machine_message(0, m));
    assert_int_equal(m->header.message_type, type);
    assert_int_equal(m->header.payload_size, size);
    assert_int_equal(m->header.origination_id, child->id);
    assert_true(vp->suspend & VP_SUSPEND_INTERCEPT);
    assert_int_equal(vp->rip, CODE); /* the parent completes the instruction */
    expect_nothing_injected();
    return m->payload;
}

void code(const void *bytes, size_t size)
{
    memcpy(machine_ptr(machine_child_ram(child, CODE)), bytes, size);
}

void simple_exit(enum vp_exit_reason reason, uint8_t length)
{
    machine_exit(vp, &(struct vp_exit){.reason = reason, .insn_len = length});
}

void install(uint32_t type, uint32_t access, uint64_t parameter)
{
    assert_int_equal(partition_install_intercept(child, type, access, parameter),
                     HV_STATUS_SUCCESS);
}
