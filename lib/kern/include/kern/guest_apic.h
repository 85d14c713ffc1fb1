/* SPDX-License-Identifier: MIT */
/* kern/guest_apic.h - a toy guest's local APIC, in xAPIC (MMIO) or x2APIC (MSR) mode.
 *
 * Rules: all processors are in the same mode. An IPI is taken to be sent when the write of the ICR
 * has returned: a virtual APIC has no send queue. */
#ifndef KERN_GUEST_APIC_H
#define KERN_GUEST_APIC_H

#include <stdbool.h>
#include <stdint.h>

#define GUEST_VECTOR_SPURIOUS 0xff

/* Whether CPUID offers x2APIC mode. */
bool guest_apic_x2_offered(void);

/* Choose the mode for the processors that are enabled from now on, and whether accesses go to MSRs.
 * The way from x2APIC mode back to xAPIC mode leads through guest_apic_disable(). */
void guest_apic_mode_set(bool x2apic);

/* Switch this processor's APIC on, in the mode chosen. */
void guest_apic_enable(void);

/* Switch it off altogether. SDM vol. 3A, 10.12.5 */
void guest_apic_disable(void);

uint32_t guest_apic_id(void);
uint32_t guest_apic_read(uint32_t reg); /* APIC_*, x86/apic.h */
void guest_apic_write(uint32_t reg, uint32_t value);
void guest_apic_eoi(void);

/* Send an IPI: @low is the low word of the ICR, @id the physical destination. */
void guest_apic_ipi(uint32_t id, uint32_t low);
void guest_apic_self_ipi(uint8_t vector);

/* One-shot timer: its vector, counting undivided; then each start is one expiry after @count ticks. */
void guest_apic_timer_set(uint8_t vector);
void guest_apic_timer_start(uint32_t count);

#endif
