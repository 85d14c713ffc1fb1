/* SPDX-License-Identifier: MIT */
/* debug/panic.h - the end: every LP stops, one of them says what is known. */
#ifndef DEBUG_PANIC_H
#define DEBUG_PANIC_H

#include <stdint.h>

struct trap_frame;

/* An exception in the hypervisor itself. */
_Noreturn void panic_trap(const struct trap_frame *f);

/* An NMI: another LP's panic asks this one to stop, or a stray one, which is logged. */
void panic_nmi(const struct trap_frame *f);

/* Stop this LP for good, because another one panics. */
_Noreturn void panic_stop(void);


#endif
