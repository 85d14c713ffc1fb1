/* SPDX-License-Identifier: MIT */
/* vmwp/boot/boot.h - what the loaders of all kinds of images share.
 *
 * Images are anybody's: a read-only range of bytes of which nothing is believed. A loader either
 * fills memory and registers and returns true, or says in words what is wrong. Memory of the child
 * that it does not fill is expected to be zero; a refused image may leave some filled. */
#ifndef USER_VMWP_BOOT_BOOT_H
#define USER_VMWP_BOOT_BOOT_H

#include <stdbool.h>
#include <hvabi/regs.h>
#include "vmwp/ram.h"

/* Where in the child's memory things are put: docs/children.md shows the map. */
#define BOOT_GDT_GPA          0x1000u
#define BOOT_INFO_GPA         0x2000u /* Linux: the zero page; Multiboot: its information */
#define BOOT_PAGE_TABLES_GPA  0x3000u
#define BOOT_COMMAND_LINE_GPA 0x10000u
#define BOOT_COMMAND_LINE_MAX 0x10000u /* bytes, with the NUL */
#define BOOT_LOW_END          0xa0000u /* of memory below the hole for VGA and firmware */
#define BOOT_ACPI_GPA         0xe0000u
#define BOOT_ACPI_SIZE        0x10000u
#define BOOT_FIRMWARE_GPA     0xf0000u /* nothing but the reset vector */
#define BOOT_RESET_GPA        0xffff0u
#define BOOT_IMAGE_GPA        0x100000u /* no image is loaded below */

/* Selectors of the GDT at BOOT_GDT_GPA: those that Linux asks for. */
enum {
    BOOT_SELECTOR_CODE = 0x10,
    BOOT_SELECTOR_DATA = 0x18,
};

/* A file; a boot module that is mapped read-only. @bytes may be NULL if @size is 0. */
struct boot_file {
    const uint8_t *bytes;
    uint64_t size;
};

/* What VP 0 starts with; all other registers as after INIT. */
enum { BOOT_REGISTERS_MAX = 24 };
struct boot_registers {
    uint32_t count;
    struct hv_register_assoc list[BOOT_REGISTERS_MAX];
};

/* What is wrong, as words that follow the name of the file. */
struct boot_error {
    char text[200];
};

/* ---- what the loaders are made of ---- */

/* Say in @error what is wrong; false, to be returned. */
#define boot_refuse(error, ...) (boot_error_set(error, __VA_ARGS__), false)
void boot_error_set(struct boot_error *error, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Are the @length bytes from @offset on in @file? */
bool boot_inside(const struct boot_file *file, uint64_t offset, uint64_t length);

bool boot_is_elf(const struct boot_file *file);

void boot_register(struct boot_registers *r, uint32_t name, uint64_t value);

/* Write the GDT, and give the segment registers that cover 4 GiB, for code of 64 or 32 bits. False:
 * @ram does not reach that far. */
bool boot_flat_segments(const struct guest_ram *ram, struct boot_registers *r, bool long_mode);

/* Write the code where a PC's firmware begins, F000:FFF0, which resets the child by its reset control
 * register. Systems jump there when they know no better way to reset: so does a Linux that was not
 * started by UEFI, where ACPI is hardware-reduced. False: @ram does not reach that far. */
bool boot_reset_vector(const struct guest_ram *ram);

#endif
