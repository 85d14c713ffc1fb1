/* SPDX-License-Identifier: MIT */
/* offsets.c - structure offsets for nasm code: see cmake/offsets.cmake. No offset is typed
 * twice. */
#include <x86/msr.h>
#include "core/interrupts.h"
#include "core/speculation.h"
#include "core/vp.h"

#define EMIT(name, value) __asm__ volatile("\n.ascii \"->" #name " %0<-\"" : : "i"((uint64_t)(value)))

void offsets(void);

void offsets(void)
{
    EMIT(VP_GPR, offsetof(struct vp, gpr));
    EMIT(VP_GUARDS, offsetof(struct vp, guards));
    EMIT(GUARD_CLEAR_BUFFERS, GUARD_CLEAR_BUFFERS);
    EMIT(GUARD_FILL_RETURNS, GUARD_FILL_RETURNS);
    EMIT(GUARD_BARRIER, GUARD_BARRIER);
    EMIT(MSR_IA32_PRED_CMD, MSR_IA32_PRED_CMD);
    EMIT(PRED_CMD_IBPB, PRED_CMD_IBPB);
    EMIT(SELECTOR_DATA, SELECTOR_DATA);
}
