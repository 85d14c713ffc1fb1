/* SPDX-License-Identifier: MIT */
/* root/io/irq_entry.h - device interrupts as trap.c and the bring-up see them. */
#ifndef ROOT_IO_IRQ_ENTRY_H
#define ROOT_IO_IRQ_ENTRY_H

#include <stdbool.h>

struct cpu;

/* Mask the 8259s and find the IOAPICs. After acpi_init. */
void irq_init(void);

/* Run the handler of @vector on @cpu, which is this one. Interrupts off. True: an EOI is owed. */
bool irq_dispatch(struct cpu *cpu, unsigned vector);

#endif
