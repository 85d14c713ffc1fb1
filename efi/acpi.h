/* SPDX-License-Identifier: MIT */
/* efi/acpi.h - where the firmware keeps the root system description pointer. */
#ifndef EFI_ACPI_H
#define EFI_ACPI_H

#include "uefi.h"

/* The physical address of a valid RSDP, ACPI 2.0's rather than 1.0's; 0 if there is none. */
uint64_t acpi_find_rsdp(const EFI_SYSTEM_TABLE *table);

#endif
