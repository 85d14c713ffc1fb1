/* SPDX-License-Identifier: MIT */
/* crash.h - the attacks of the crash guest. Each returns the child's exit code, or never returns.
 */
#ifndef CRASH_H
#define CRASH_H

#include "guest.h"

/* processor.c: what a VP can do to the one it runs on */
uint8_t attack_triple(const struct guest_boot *boot);
uint8_t attack_cpuidloop(const struct guest_boot *boot);
uint8_t attack_pauseloop(const struct guest_boot *boot);
uint8_t attack_debugloop(const struct guest_boot *boot);
uint8_t attack_acloop(const struct guest_boot *boot);
uint8_t attack_svm(const struct guest_boot *boot);

/* calls.c: hypercalls that must be refused with the status that the TLFS names */
uint8_t attack_badcalls(const struct guest_boot *boot);

/* floods.c: the same legal thing for ever, or count=N times */
uint8_t attack_msgflood(const struct guest_boot *boot);
uint8_t attack_eventflood(const struct guest_boot *boot);
uint8_t attack_eomflood(const struct guest_boot *boot);
uint8_t attack_ipiflood(const struct guest_boot *boot);

/* sweeps.c: every MSR, every port */
uint8_t attack_msrsweep(const struct guest_boot *boot);
uint8_t attack_portsweep(const struct guest_boot *boot);

/* Compare, and print what differs. Returns whether they are equal. */
bool crash_expect(const char *what, uint64_t detail, uint64_t got, uint64_t wanted);

/* insns.asm: one instruction each, then return */
void crash_vmrun(uint64_t address);
void crash_vmload(uint64_t address);
void crash_vmsave(uint64_t address);
void crash_invlpga(uint64_t address);
void crash_stgi(uint64_t unused);
void crash_clgi(uint64_t unused);
void crash_skinit(uint64_t address);

/* legacy.asm: #AC without end, from ring 3 of legacy protected mode */
_Noreturn void crash_alignment_loop(void);

#endif
