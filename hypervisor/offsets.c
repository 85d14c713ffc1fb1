/* SPDX-License-Identifier: MIT */
/* offsets.c - structure offsets for nasm code: see cmake/offsets.cmake. No offset is typed
 * twice. */
#include <hvabi/stats.h>
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
    EMIT(VP_STATS, offsetof(struct vp, stats));
    EMIT(STATS_GUEST_TICKS, HvStatsVpGuestTicks * sizeof(uint64_t));
    EMIT(GUARD_COUNT_TICKS, GUARD_COUNT_TICKS);
    EMIT(GUARD_CLEAR_BUFFERS, GUARD_CLEAR_BUFFERS);
    EMIT(GUARD_FILL_RETURNS, GUARD_FILL_RETURNS);
    EMIT(GUARD_BARRIER, GUARD_BARRIER);
    EMIT(MSR_IA32_PRED_CMD, MSR_IA32_PRED_CMD);
    EMIT(PRED_CMD_IBPB, PRED_CMD_IBPB);
    EMIT(SELECTOR_DATA, SELECTOR_DATA);
    EMIT(TRAP_SIZE, sizeof(struct trap_frame));
    EMIT(TRAP_CALLED, TRAP_CALLED);
    EMIT(TRAP_R15, offsetof(struct trap_frame, r15));
    EMIT(TRAP_R14, offsetof(struct trap_frame, r14));
    EMIT(TRAP_R13, offsetof(struct trap_frame, r13));
    EMIT(TRAP_R12, offsetof(struct trap_frame, r12));
    EMIT(TRAP_R11, offsetof(struct trap_frame, r11));
    EMIT(TRAP_R10, offsetof(struct trap_frame, r10));
    EMIT(TRAP_R9, offsetof(struct trap_frame, r9));
    EMIT(TRAP_R8, offsetof(struct trap_frame, r8));
    EMIT(TRAP_RDI, offsetof(struct trap_frame, rdi));
    EMIT(TRAP_RSI, offsetof(struct trap_frame, rsi));
    EMIT(TRAP_RBP, offsetof(struct trap_frame, rbp));
    EMIT(TRAP_RBX, offsetof(struct trap_frame, rbx));
    EMIT(TRAP_RDX, offsetof(struct trap_frame, rdx));
    EMIT(TRAP_RCX, offsetof(struct trap_frame, rcx));
    EMIT(TRAP_RAX, offsetof(struct trap_frame, rax));
    EMIT(TRAP_VECTOR, offsetof(struct trap_frame, vector));
    EMIT(TRAP_ERROR, offsetof(struct trap_frame, error));
    EMIT(TRAP_RIP, offsetof(struct trap_frame, rip));
    EMIT(TRAP_CS, offsetof(struct trap_frame, cs));
    EMIT(TRAP_RFLAGS, offsetof(struct trap_frame, rflags));
    EMIT(TRAP_RSP, offsetof(struct trap_frame, rsp));
    EMIT(TRAP_SS, offsetof(struct trap_frame, ss));
}
