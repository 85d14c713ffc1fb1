/* SPDX-License-Identifier: MIT */
/* boot/paging.h - the hypervisor's own address space, built once and then read-only:
 *
 *   HV_DIRECT_MAP  all below the end of RAM, read-write, never executable
 *   HV_MMIO        the local APIC's registers, uncached
 *   HV_STACKS      each LP's stacks, with unmapped guard pages between them
 *   HV_IMAGE       the image, text read-execute, data read-write, the rest read-only */
#ifndef BOOT_PAGING_H
#define BOOT_PAGING_H

#include <stdint.h>
#include <hvabi/boot.h>
#include "core/types.h"

#define HV_MMIO   0xfffffe0000000000ull
#define HV_STACKS 0xffffff0000000000ull

#define HV_STACK_SIZE     (16ull << 10)
#define HV_IST_STACK_SIZE (8ull << 10)
#define HV_IST_COUNT      3u
/* A slot holds the run stack and the IST stacks, each above an unmapped page. */
#define HV_STACK_SLOT (64ull << 10)

/* Build the tables and load them on this LP. */
void paging_init(const struct boot_info *info);

/* CR3 of those tables, for the other LPs. */
uint64_t paging_cr3(void);

/* Map the stacks of LP @index; the top of stack @which: 0 runs, 1 to HV_IST_COUNT are IST. */
void paging_map_stacks(uint32_t index);
uint64_t paging_stack_top(uint32_t index, unsigned which);

/* Do @size bytes at @va lie on a stack of LP @index, or on the one that boot begins with? */
bool paging_is_stack(uint32_t index, uint64_t va, uint64_t size);
/* Is @va in an unmapped page below a stack? */
bool paging_is_stack_guard(uint64_t va);

/* Where physical memory is seen at the moment: one to one before paging_init, then directly mapped. */
void *paging_boot_ptr(uint64_t physical);

#endif
