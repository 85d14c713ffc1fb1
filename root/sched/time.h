/* SPDX-License-Identifier: MIT */
/* root/sched/time.h - where time comes from: the TSC, whose frequency is stated by the hypervisor
 * or CPUID, or measured against the ACPI PM timer or the 8254. */
#ifndef ROOT_SCHED_TIME_H
#define ROOT_SCHED_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Once, on the bootstrap processor, after acpi_init. time_now() is 0 before. */
void time_init(void);

/* The TSC's frequency in Hz, and how it is known. */
uint64_t time_tsc_frequency(void);

/* @value times the 32.32 fixed-point @factor, saturating. */
uint64_t time_scale(uint64_t value, uint64_t factor);

/* Whether an HV#1 hypervisor offers its frequency MSRs. */
bool time_hypervisor_has_frequencies(void);

#endif
