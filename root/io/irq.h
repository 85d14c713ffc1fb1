/* SPDX-License-Identifier: MIT */
/* root/io/irq.h - device interrupts: vectors, the IOAPICs, and MSI messages.
 *
 * Vectors 0x30 to 0xEF are for devices; 0xF0 to 0xFF belong to the hypervisor and are never used.
 * A handler runs with interrupts off on the CPU that took the vector, and must not block. */
#ifndef ROOT_IO_IRQ_H
#define ROOT_IO_IRQ_H

#include <stdbool.h>
#include <stdint.h>

typedef void (*irq_handler)(void *context);

struct irq {
    uint8_t vector;
    uint32_t cpu;         /* index of the CPU it is aimed at */
    irq_handler handler;
    void *context;
    bool auto_eoi;  /* its source ends it at delivery: no EOI is owed. Set before it is unmasked */
    uint64_t count; /* [a] interrupts taken */
};

/* Allocate a vector on CPU @cpu. False: that CPU has no free vector. */
bool irq_alloc(struct irq *irq, uint32_t cpu, irq_handler handler, void *context);
void irq_free(struct irq *irq);

/* The MSI address and data that raise @irq (edge, fixed, physical destination). */
uint64_t irq_msi_address(const struct irq *irq);
uint32_t irq_msi_data(const struct irq *irq);

/* Aim global system interrupt @gsi at @irq, with ACPI's source overrides applied, and unmask it.
 * False: no IOAPIC has that input. */
bool irq_route_gsi(struct irq *irq, uint32_t gsi, bool level, bool active_low);
bool irq_route_isa(struct irq *irq, uint8_t isa_irq);

#endif
