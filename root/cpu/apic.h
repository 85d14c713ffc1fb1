/* SPDX-License-Identifier: MIT */
/* root/cpu/apic.h - the local APIC: x2APIC where CPUID has it, else xAPIC through memory.
 * All but apic_init_boot concern the CPU that calls, with interrupts off. */
#ifndef ROOT_CPU_APIC_H
#define ROOT_CPU_APIC_H

#include <stdbool.h>
#include <stdint.h>

/* Choose the access mode and map the registers: once, on the bootstrap processor. */
void apic_init_boot(void);

/* Enable this CPU's local APIC, its timer stopped until apic_timer_set. */
void apic_init_cpu(void);

/* Find the timer's frequency: once, after time_init. */
void apic_timer_calibrate(void);

/* One timer interrupt at @deadline (time_now() units), or somewhat before if that is far. */
void apic_timer_set(uint64_t deadline);

uint32_t apic_id(void);
void apic_eoi(void);

/* Send the interrupt that @icr_low (x86/apic.h) describes to the APIC @destination. */
void apic_send(uint32_t destination, uint32_t icr_low);

#endif
