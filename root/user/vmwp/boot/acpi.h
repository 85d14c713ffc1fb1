/* SPDX-License-Identifier: MIT */
/* vmwp/boot/acpi.h - the ACPI tables of a child: RSDP, XSDT, FADT (hardware-reduced), MADT, DSDT.
 *
 * They are in [BOOT_ACPI_GPA, BOOT_ACPI_GPA + BOOT_ACPI_SIZE), with the RSDP first, where software
 * that is told nothing looks for it. ACPI 6.4; AML is made by aml.h. */
#ifndef USER_VMWP_BOOT_ACPI_H
#define USER_VMWP_BOOT_ACPI_H

#include <stdbool.h>
#include "vmwp/ram.h"

/* What the tables promise of the machine. */
#define ACPI_SLEEP_CONTROL_PORT 0x600u
#define ACPI_SLEEP_STATUS_PORT  0x604u
#define ACPI_RESET_PORT         0xcf9u
#define ACPI_RESET_VALUE        0x06u
#define ACPI_S5_TYPE            5u /* SLP_TYP for power-off: with SLP_EN 0x34 is written */
#define ACPI_SLEEP_TYPE_SHIFT   2
#define ACPI_SLEEP_ENABLE       0x20u
#define ACPI_IOAPIC_GPA         0xfec00000u
#define ACPI_LAPIC_GPA          0xfee00000u
#define ACPI_COM1_PORT          0x3f8u
#define ACPI_COM1_IRQ           4u /* edge, active high; GSI = IRQ = pin of the IOAPIC */
#define ACPI_RTC_PORT           0x70u
#define ACPI_RTC_IRQ            8u
#define ACPI_VMBUS_WINDOW_GPA   0xf8000000u
#define ACPI_VMBUS_WINDOW_SIZE  0x04000000u

enum { ACPI_VPS_MAX = 1024 };

struct acpi_config {
    uint32_t vp_count; /* 1 to ACPI_VPS_MAX; a VP's index is its APIC ID */
    bool com1;
    bool vmbus;
};

/* Write the tables. The RSDP's address; 0: @ram does not reach that far, or @config is impossible.
 */
uint64_t acpi_build(const struct guest_ram *ram, const struct acpi_config *config);

#endif
