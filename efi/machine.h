/* SPDX-License-Identifier: MIT */
/* efi/machine.h - what the firmware knows of the machine: processors and the frame buffer. */
#ifndef EFI_MACHINE_H
#define EFI_MACHINE_H

#include <hvabi/boot.h>
#include "uefi.h"

#define MACHINE_LPS_MAX 512

/* Write the local APIC IDs of the usable processors to @ids, room for MACHINE_LPS_MAX, the
 * bootstrap processor's first; their number. Without MP services: the bootstrap processor's only.
 */
uint32_t machine_find_lps(EFI_BOOT_SERVICES *bs, uint32_t *ids);

/* Describe the frame buffer; its format is BOOT_FRAMEBUFFER_NONE if there is none to draw in. */
void machine_find_framebuffer(EFI_BOOT_SERVICES *bs, struct boot_framebuffer *fb);

#endif
