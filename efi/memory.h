/* SPDX-License-Identifier: MIT */
/* efi/memory.h - memory from the firmware, and the map that root gets of it.
 *
 * Everything that is handed off is taken by memory_take(), which remembers what it is for, so that
 * the map can say so. Rules: nothing but memory_leave() after memory_leave() has begun. */
#ifndef EFI_MEMORY_H
#define EFI_MEMORY_H

#include <stdbool.h>
#include <hvabi/boot.h>
#include "uefi.h"

#define MEMORY_PAGE_SIZE 4096ull

void memory_init(EFI_BOOT_SERVICES *bs);

/* @bytes of page-aligned memory, contents undefined, that the map calls @type (BOOT_MEMORY_...);
 * NULL if there is none. */
void *memory_take(uint64_t bytes, uint32_t type);

/* As memory_take(), aligned to 2 MiB, as high as possible below 4 GiB, else anywhere. */
void *memory_take_high(uint64_t bytes, uint32_t type);

/* What the loader learns of memory before it leaves the firmware. */
struct memory_survey {
    uint64_t ram_pages;
    uint64_t end; /* of the highest entry of the firmware's map */
};
bool memory_survey(struct memory_survey *survey);

/* Take room for the map that memory_leave() writes. */
bool memory_prepare_leave(void);

/* Leave boot services, with the map in @info. false: the firmware refused for good; only runtime
 * services may then be called. */
bool memory_leave(EFI_HANDLE image, struct boot_info *info);

#endif
