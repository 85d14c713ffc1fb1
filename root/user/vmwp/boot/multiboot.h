/* SPDX-License-Identifier: MIT */
/* vmwp/boot/multiboot.h - starts an image that has a header of the Multiboot specification, version
 * 0.6.96 ("Multiboot 1"): an ELF32 executable, or a flat file whose header has its addresses.
 *
 * The image is told its command line, its modules, the map of memory and who loaded it. It starts
 * in 32-bit protected mode without paging. */
#ifndef USER_VMWP_BOOT_MULTIBOOT_H
#define USER_VMWP_BOOT_MULTIBOOT_H

#include "vmwp/boot/boot.h"
#include "vmwp/ram.h"

enum { MULTIBOOT_MODULES_MAX = 16 };

struct multiboot_module {
    struct boot_file file;
    const char *text; /* its name, and its arguments if it has any */
};

struct multiboot_boot {
    struct boot_file image;
    const char *name;         /* of the image: the first word of the command line that it sees */
    const char *command_line; /* the rest of it; "" if there is none */
    uint32_t module_count;    /* at most MULTIBOOT_MODULES_MAX */
    struct multiboot_module modules[MULTIBOOT_MODULES_MAX];
};

/* Load @boot into @ram, and give the registers that VP 0 starts with. False: @error says why it
 * cannot be started. */
bool multiboot_load(const struct guest_ram *ram, const struct multiboot_boot *boot,
                    struct boot_registers *registers, struct boot_error *error);

#endif
