/* SPDX-License-Identifier: MIT */
/* core/lapic_physical.h - the local APIC of the LP itself, which the hypervisor owns. */
#ifndef CORE_LAPIC_PHYSICAL_H
#define CORE_LAPIC_PHYSICAL_H

#include <stdbool.h>
#include <stdint.h>

/* Vectors of the hypervisor; root's devices get all below (DESIGN: 0xF0 to 0xFF). */
enum {
    HV_VECTOR_FIRST = 0xf0,
    HV_VECTOR_TIMER = 0xf0,
    HV_VECTOR_KICK = 0xf1,
    HV_VECTOR_ERROR = 0xfe,
    HV_VECTOR_SPURIOUS = 0xff,
};

/* Enable this LP's local APIC; everything masked but the timer. */
void lapic_physical_on(void);

/* Write the ICR: @low with destination @apic_id. */
void lapic_physical_ipi(uint32_t apic_id, uint32_t low);

void lapic_physical_eoi(void);
/* Is the interrupt @vector, which is in service, level-triggered? */
bool lapic_physical_is_level(uint8_t vector);

/* On an interpreter have this LP's local APIC signal again what is pending; nothing elsewhere. After
 * each #VMEXIT: QEMU's TCG changes the processor's word of requests there, and at a VMRUN with a
 * virtual interrupt, without the lock that its other threads hold for it, and may lose theirs. */
void lapic_physical_recheck(void);

/* Interrupt at host TSC @deadline; UINT64_MAX: never. */
void lapic_physical_timer(uint64_t deadline_tsc);

/* On an interpreter the timer interrupts early rather than late, ten times a second at least, and
 * again until it is set anew: an interrupt that is lost after all, of whatever, is signalled again
 * with the next. */
bool lapic_physical_timer_repeats(void);

/* Measure tsc_hz and the timer's frequency against the PIT, on the boot processor. */
void lapic_physical_calibrate(void);
extern uint64_t lapic_timer_hz;

#endif
