/* SPDX-License-Identifier: MIT */
/* vmwp/boot/linux.h - starts a Linux bzImage by its 64-bit boot protocol (Linux,
 * Documentation/x86/boot.rst), without firmware: the kernel's own code unpacks it.
 *
 * The kernel goes where it prefers to be, the initrd as high as the kernel takes it, zero page,
 * command line, page tables and GDT below 640 KiB (boot.h). */
#ifndef USER_VMWP_BOOT_LINUX_H
#define USER_VMWP_BOOT_LINUX_H

#include "vmwp/boot/boot.h"
#include "vmwp/ram.h"

struct linux_boot {
    struct boot_file kernel;
    struct boot_file initrd;  /* size 0: none */
    const char *command_line; /* "" if there is none */
    uint64_t rsdp_gpa;        /* of the ACPI tables (acpi_build); 0: none */
};

/* Load @boot into @ram, and give the registers that VP 0 starts with. False: @error says why it
 * cannot be started. */
bool linux_load(const struct guest_ram *ram, const struct linux_boot *boot,
                struct boot_registers *registers, struct boot_error *error);

#endif
