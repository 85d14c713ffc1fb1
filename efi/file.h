/* SPDX-License-Identifier: MIT */
/* efi/file.h - files of the volume that the loader was started from. */
#ifndef EFI_FILE_H
#define EFI_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include "uefi.h"

struct file {
    uint8_t *data; /* page-aligned */
    uint64_t size; /* bytes */
};

/* Open the volume of the image @image. false: it has none that can be read. */
bool file_init(EFI_BOOT_SERVICES *bs, EFI_HANDLE image);

/* Read the whole file at @path into memory of @type (BOOT_MEMORY_...). NULL, or what went wrong. */
const char *file_read(const char *path, uint32_t type, struct file *out);

#endif
