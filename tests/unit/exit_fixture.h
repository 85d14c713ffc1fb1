/* SPDX-License-Identifier: MIT */
/* exit_fixture.h - a child's VP that exits, for the tests of what is done about it. */
#ifndef EXIT_FIXTURE_H
#define EXIT_FIXTURE_H

#include "fakes/test.h"

#include <hvabi/message.h>
#include <x86/decode.h>
#include "fakes/hv_machine.h"

#define CODE 0x1000u /* where the child's RIP is */

extern struct partition *child;
extern struct vp *vp; /* the child's VP 0, loaded on LP 0 */

int exit_setup(void **state);

struct fake_event *event(void);
void expect_nothing_injected(void);
/* @vector, with error code 0 if it is #GP, at the instruction that made the exit. */
void expect_exception(uint8_t vector);
void expect_no_message(void);
/* The intercept message of @type came, and its payload is @size bytes: they are returned. */
const void *expect_message(struct hv_message *m, uint32_t type, size_t size);

/* Let @bytes be what the VP executes. */
void code(const void *bytes, size_t size);
void simple_exit(enum vp_exit_reason reason, uint8_t length);
void install(uint32_t type, uint32_t access, uint64_t parameter);

#endif
