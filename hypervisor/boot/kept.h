/* SPDX-License-Identifier: MIT */
/* boot/kept.h - pieces of the memory that the hypervisor keeps, given out once, at boot.
 * Only the boot processor calls these, before root runs. */
#ifndef BOOT_KEPT_H
#define BOOT_KEPT_H

#include <stdint.h>
#include <hvabi/boot.h>
#include "core/types.h"

void kept_init(const struct boot_info *info);

/* Zeroed memory, whole pages; panics when the kept region is too small, which is our own bug. */
hpa_t kept_alloc(uint64_t bytes);

/* All that is left, for root's pool. */
void kept_take_rest(uint64_t *base, uint64_t *size);

#endif
