/* SPDX-License-Identifier: MIT */
/* hcall_fixture.c - see hcall_fixture.h. */
#include "hcall_fixture.h"

struct partition *child;

int hcall_setup(void **state)
{
    (void)state;
    machine_init(2);
    machine_take_messages(0);
    child = machine_child(2, 8);
    return 0;
}

uint64_t call(uint64_t control, const void *in, size_t size)
{
    return machine_call(control, in, size, NULL, 0) & HV_HYPERCALL_RESULT_STATUS_MASK;
}
