/* SPDX-License-Identifier: MIT */
/* root/power.c - see power.h. */
#include <hvabi/boot.h>
#include <x86/insn.h>
#include "cpu/cpu.h"
#include "io/acpi.h"
#include "io/console.h"
#include "log.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "panic.h"
#include "power.h"

/* UEFI 2.10, 4.3 and 4.5: the fields that matter here, by offset. */
struct efi_system_table {
    uint8_t header_and_consoles[88];
    uint64_t runtime_services;
};
ABI_OFFSET(struct efi_system_table, runtime_services, 88);

/* EfiResetCold and EfiResetShutdown: UEFI 2.10, 8.5.1. */
enum { EFI_RESET_COLD = 0, EFI_RESET_SHUTDOWN = 2 };
typedef void(__attribute__((ms_abi)) * efi_reset_system)(uint32_t type, uint64_t status,
                                                         uint64_t size, const void *data);

struct efi_runtime_services {
    uint8_t header_and_services[104];
    efi_reset_system reset_system;
};
ABI_OFFSET(struct efi_runtime_services, reset_system, 104);

#define RESET_WAIT_NS 1000000000ull

static uint64_t system_table; /* [I] physical */

void power_init(const struct boot_info *info)
{
    system_table = info->efi_system_table;
}

/* Call ResetSystem with the firmware's address space, in which everything is one to one. */
static void firmware_reset(uint32_t type)
{
    const struct efi_system_table *table = (const struct efi_system_table *)(uintptr_t)system_table;
    const struct efi_runtime_services *services;

    if (system_table == 0)
        return;
    insn_cli();
    insn_write_cr3(paging_firmware_root());
    services = (const struct efi_runtime_services *)(uintptr_t)table->runtime_services;
    services->reset_system(type, 0, 0, NULL);
    insn_write_cr3(paging_kernel_root());
}

static void acpi_reset(void)
{
    const struct acpi_fadt_info *fadt = acpi_fadt();

    if (fadt == NULL || !fadt->reset_supported)
        return;
    if (fadt->reset_is_io) {
        insn_out8((uint16_t)fadt->reset_address, fadt->reset_value);
    } else {
        volatile uint8_t *reg = mmio_map(fadt->reset_address, sizeof(*reg));

        if (reg != NULL)
            *reg = fadt->reset_value;
    }
    time_delay(RESET_WAIT_NS);
}

/* No interrupt can be delivered through an empty IDT: the processor shuts down. */
static void triple_fault(void)
{
    static const struct insn_table_register empty;

    insn_lidt(&empty);
    insn_int3();
}

void power_reset(void)
{
    log_print("root: reset");
    console_flush();
    insn_cli();
    firmware_reset(EFI_RESET_COLD);
    acpi_reset();
    triple_fault();
    panic_halt();
}

void power_off(void)
{
    log_print("root: power off");
    console_flush();
    insn_cli();
    firmware_reset(EFI_RESET_SHUTDOWN);
    log_print("root: the firmware does not power off: halted");
    console_flush();
    panic_halt();
}
