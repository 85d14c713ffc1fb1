/* SPDX-License-Identifier: MIT */
/* core/level.h - devices' level-triggered interrupts, which stay in service in an LP's own local APIC
 * until root has dealt with them. Only on that LP, with interrupts off. */
#ifndef CORE_LEVEL_H
#define CORE_LEVEL_H

#include <stdint.h>

struct pcpu;

/* @vector has just been taken. */
void level_interrupt_begin(struct pcpu *cpu, uint8_t vector);

/* Root's handler of @vector has ended it: so may the physical interrupt. */
void level_interrupt_end(struct pcpu *cpu, uint8_t vector);

/* The APIC of root's VP here takes interrupts again. End what it refused meanwhile, or forgot at an
 * INIT: a device that still wants something asks again. Until then they stay in service: ended at once
 * they would come again at once, and while the APIC takes none, nobody waits for those below. */
void level_interrupts_resume(struct pcpu *cpu);

#endif
