/* SPDX-License-Identifier: MIT */
/* msr_fixture.h - a child's VP that reads and writes MSRs, through the exits, as a guest does. */
#ifndef MSR_FIXTURE_H
#define MSR_FIXTURE_H

#include "fakes/test.h"

#include <hvabi/message.h>
#include <hvabi/msr.h>
#include <x86/msr.h>
#include "fakes/hv_machine.h"

#define CODE     0x1000u
#define PAGE_GPA 0x4000u /* where overlays go */

extern struct partition *child; /* 2 VPs */
extern struct vp *vp;           /* the one that is loaded */

int msr_setup(void **state);

/* True: done. False: #GP(0), and nothing else has happened. */
bool rdmsr(uint32_t msr, uint64_t *value);
bool wrmsr(uint32_t msr, uint64_t value);

/* Those that must not fault. */
uint64_t read_ok(uint32_t msr);
void write_ok(uint32_t msr, uint64_t value);

#define TEST(f) cmocka_unit_test_setup(f, msr_setup)

#endif
