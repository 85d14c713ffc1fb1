/* SPDX-License-Identifier: MIT */
/* root/io/ioapic.h - the IOAPICs' redirection entries. */
#ifndef ROOT_IO_IOAPIC_H
#define ROOT_IO_IOAPIC_H

#include <stdbool.h>
#include <stdint.h>

/* Map the IOAPICs of the MADT, or, where there is none, the one at the usual address if it
 * answers; all inputs masked. */
void ioapic_init(void);

/* Aim @gsi at @vector on the local APIC @apic_id. False: no IOAPIC has that input. */
bool ioapic_route(uint32_t gsi, uint8_t vector, uint32_t apic_id, bool level, bool active_low);

#endif
