/* SPDX-License-Identifier: MIT */
/* root/mm/paging.h - the kernel's address space.
 *
 *   0000000000000000  ring 3 (per process), or one to one in the firmware's tables
 *   ffff800000000000  all RAM at a constant offset, read-write, never executable
 *   ffffc00000000000  kernel stacks with guards
 *   ffffd00000000000  device registers
 *   ffffe00000000000  the hypercall page: RX
 *   ffffffffa0000000  the image: code RX, constants R, data RW
 *
 * Rules: the upper half's top-level entries are complete after paging_init, so every address
 * space shares them by copying. paging.lock protects the kernel's tables. */
#ifndef ROOT_MM_PAGING_H
#define ROOT_MM_PAGING_H

#include <stdbool.h>
#include <stdint.h>
#include <hvabi/boot.h>
#include "mm/page_table.h"

#define DIRECT_MAP_BASE    0xffff800000000000ull
#define DIRECT_MAP_SIZE    0x0000400000000000ull /* 64 TiB */
#define KERNEL_STACKS_BASE 0xffffc00000000000ull
#define KERNEL_MMIO_BASE   0xffffd00000000000ull
#define KERNEL_ALIAS_BASE  0xffffd80000000000ull /* mm/alias.h */
#define KERNEL_ALIAS_SIZE  0x0000008000000000ull /* 512 GiB: what one top-level entry maps */
#define KERNEL_HYPERCALL_PAGE 0xffffe00000000000ull

/* Build the kernel's own tables from the memory map in the boot info and switch to them. */
void paging_init(const struct boot_info *info);

/* From now on tables come from page_alloc. */
void paging_use_page_allocator(void);

/* Map one kernel page; false: no memory. Any context. */
bool kernel_map(uint64_t va, uint64_t physical, uint64_t flags);

/* Take one kernel page that was mapped away; translations stay until tlb_flush_kernel(). Any
 * context. */
void kernel_unmap(uint64_t va);

/* The top table with no ring-3 half, and the firmware's with everything one to one. */
uint64_t paging_kernel_root(void);
uint64_t paging_firmware_root(void);

/* A new top table with the kernel's half; 0: no memory. */
uint64_t paging_new_root(void);

#endif
