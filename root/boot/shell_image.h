/* SPDX-License-Identifier: MIT */
/* root/boot/shell_image.h - the shell's ELF file, linked into the kernel by shell_image.asm. */
#ifndef ROOT_BOOT_SHELL_IMAGE_H
#define ROOT_BOOT_SHELL_IMAGE_H

#include <stdint.h>

extern const uint8_t shell_image[], shell_image_end[];

#endif
