/* SPDX-License-Identifier: MIT */
/* kern/guest_smp.h - starting a toy guest's other processors by INIT-SIPI-SIPI.
 *
 * Rules: APIC identifiers are 0 to count - 1 and processor 0 starts the others. The page at the
 * trampoline address is RAM below 1 MiB that nobody else uses; memory is mapped one to one. */
#ifndef KERN_GUEST_SMP_H
#define KERN_GUEST_SMP_H

#include <stdint.h>

/* Start processors 1 to @count - 1, one after the other; each runs @main on its own stack, set up
 * and with its APIC enabled. How many run now, this one included: less than @count if one did not
 * come up within GUEST_SMP_TIMEOUT_TICKS. */
uint32_t guest_smp_start(uint32_t count, uint64_t trampoline, void (*main)(void));

#define GUEST_SMP_TIMEOUT_TICKS 20000000000ull /* of the TSC, for each processor */
#define GUEST_SMP_SIPI_TICKS    200000000ull   /* after which the SIPI is sent again */

#endif
