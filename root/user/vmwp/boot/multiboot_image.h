/* SPDX-License-Identifier: MIT */
/* vmwp/boot/multiboot_image.h - finds the Multiboot header of a file, and loads what is in the
 * file. */
#ifndef USER_VMWP_BOOT_MULTIBOOT_IMAGE_H
#define USER_VMWP_BOOT_MULTIBOOT_IMAGE_H

#include "vmwp/boot/boot.h"
#include "vmwp/ram.h"

struct multiboot_image {
    uint32_t entry;
    uint64_t end; /* of what it needs in memory; modules go behind it */
};

/* Load @file to where it says, at BOOT_IMAGE_GPA or above. False: @error says why it cannot be. */
bool multiboot_image_load(const struct guest_ram *ram, const struct boot_file *file,
                          struct multiboot_image *image, struct boot_error *error);

#endif
