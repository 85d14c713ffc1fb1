/* SPDX-License-Identifier: MIT */
/* hcall_fixture.h - a child, and root's VP 0 that makes calls. */
#ifndef HCALL_FIXTURE_H
#define HCALL_FIXTURE_H

#include "fakes/test.h"

#include <hvabi/hypercall.h>
#include <hvabi/management.h>
#include <hvabi/msr.h>
#include "fakes/hv_machine.h"

extern struct partition *child; /* 2 VPs, suspended, and 8 pages */

int hcall_setup(void **state);

/* The status of a call with @size bytes of input. */
uint64_t call(uint64_t control, const void *in, size_t size);

#define CALL(control, ...)                                                                         \
    call(control, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}))
/* Two 32-bit fields of an input. */
#define PAIR(low, high) ((uint64_t)(low) | (uint64_t)(high) << 32)

#define TEST(f) cmocka_unit_test_setup(f, hcall_setup)

#endif
