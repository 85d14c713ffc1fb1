/* SPDX-License-Identifier: MIT */
/* root/offsets.c - never linked: gives nasm the numbers that C defines (cmake/offsets.cmake). */
#include <stddef.h>
#include <x86/msr.h>
#include "cpu/cpu.h"
#include "cpu/descriptors.h"
#include "cpu/trap.h"
#include "boot/trampoline.h"

#define OFFSET(name, value)                                                                        \
    __asm__ volatile("\n.ascii \"->" #name " %0<-\"" : : "i"((uint64_t)(value)))

void offsets(void);
void offsets(void)
{
    OFFSET(CPU_KERNEL_RSP, offsetof(struct cpu, kernel_rsp));
    OFFSET(CPU_USER_RSP, offsetof(struct cpu, user_rsp));
    OFFSET(TRAP_FRAME_RBP, offsetof(struct trap_frame, rbp));
    OFFSET(TRAP_FRAME_RIP, offsetof(struct trap_frame, rip));
    OFFSET(TRAP_FRAME_CS, offsetof(struct trap_frame, cs));
    OFFSET(USER_DATA, SELECTOR_USER_DATA);
    OFFSET(USER_CODE, SELECTOR_USER_CODE);
    OFFSET(MSR_GS_BASE_NUMBER, MSR_GS_BASE);
    OFFSET(MSR_EFER_NUMBER, MSR_EFER);
    OFFSET(TRAMPOLINE_CR3, offsetof(struct trampoline_parameters, cr3));
    OFFSET(TRAMPOLINE_CLAIM, offsetof(struct trampoline_parameters, claim));
    OFFSET(TRAMPOLINE_OFFER_BIT_NUMBER, TRAMPOLINE_OFFER_BIT);
    OFFSET(TRAMPOLINE_STACK, offsetof(struct trampoline_parameters, stack));
    OFFSET(TRAMPOLINE_ENTRY, offsetof(struct trampoline_parameters, entry));
    OFFSET(TRAMPOLINE_ARGUMENT, offsetof(struct trampoline_parameters, argument));
    OFFSET(TRAMPOLINE_PARAMETERS, TRAMPOLINE_PARAMETERS_OFFSET);
}
