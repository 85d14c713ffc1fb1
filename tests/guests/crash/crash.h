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
uint8_t attack_debugstack(const struct guest_boot *boot);
uint8_t attack_acloop(const struct guest_boot *boot);
uint8_t attack_haltoff(const struct guest_boot *boot);
uint8_t attack_svm(const struct guest_boot *boot);
uint8_t attack_longinsns(const struct guest_boot *boot);
uint8_t attack_nomem(const struct guest_boot *boot);
uint8_t attack_stringio(const struct guest_boot *boot);

/* ring3.c: what only ring 0 may do */
uint8_t attack_ring3(const struct guest_boot *boot);

/* Does a misaligned read in ring 3 give #AC? TCG's does not. Gives ring 3 all memory. */
bool crash_checks_alignment(void);

/* calls.c: hypercalls that must be refused with the status that the TLFS names */
uint8_t attack_badcalls(const struct guest_boot *boot);

/* races.c: input that another VP changes while it is looked at */
uint8_t attack_doublefetch(const struct guest_boot *boot);

/* overlays.c: pages laid over memory, and over each other */
uint8_t attack_overlays(const struct guest_boot *boot);
uint8_t attack_pagerace(const struct guest_boot *boot);

/* floods.c: the same legal thing for ever, or count=N times */
uint8_t attack_msgflood(const struct guest_boot *boot);
uint8_t attack_eventflood(const struct guest_boot *boot);
uint8_t attack_eomflood(const struct guest_boot *boot);
uint8_t attack_ipiflood(const struct guest_boot *boot);
uint8_t attack_flushflood(const struct guest_boot *boot);
uint8_t attack_clusterflood(const struct guest_boot *boot);
uint8_t attack_nmiflood(const struct guest_boot *boot);
uint8_t attack_initflood(const struct guest_boot *boot);
uint8_t attack_timerflood(const struct guest_boot *boot);
uint8_t attack_reportflood(const struct guest_boot *boot);
uint8_t attack_printflood(const struct guest_boot *boot);
uint8_t attack_consoleflood(const struct guest_boot *boot);
uint8_t attack_portflood(const struct guest_boot *boot);

/* sweeps.c: every MSR, every port */
uint8_t attack_msrsweep(const struct guest_boot *boot);
uint8_t attack_portsweep(const struct guest_boot *boot);

/* Compare, and print what differs. Returns whether they are equal. */
bool crash_expect(const char *what, uint64_t detail, uint64_t got, uint64_t wanted);

/* insns.asm: one instruction each, then return; the last is OUTSB, repeated */
void crash_vmrun(uint64_t address);
void crash_vmload(uint64_t address);
void crash_vmsave(uint64_t address);
void crash_invlpga(uint64_t address);
void crash_stgi(uint64_t unused);
void crash_clgi(uint64_t unused);
void crash_skinit(uint64_t address);
void crash_outsb(uint16_t port, const void *from, uint64_t count);

/* ring3.asm: call @function in ring 3. A fault handler has to leave for crash_ring3_resume with RSP
 * = *resume_rsp; what is in RAX then is returned. crash_ring3_done: #UD here is the function's end.
 */
uint64_t crash_ring3_enter(void (*function)(uint64_t argument), uint64_t argument,
                           uint64_t *resume_rsp, void *stack_top);
extern char crash_ring3_done[], crash_ring3_resume[];

/* legacy.asm: #AC without end, from ring 3 of legacy protected mode */
_Noreturn void crash_alignment_loop(void);

#endif
