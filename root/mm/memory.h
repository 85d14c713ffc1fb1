/* SPDX-License-Identifier: MIT */
/* root/mm/memory.h - root's memory: physical pages, the kernel heap, and mappings. */
#ifndef ROOT_MM_MEMORY_H
#define ROOT_MM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <x86/pte.h> /* PAGE_SIZE */

/* 2^@order contiguous pages, naturally aligned, not zeroed; 0: none are free. Any context. */
uint64_t page_alloc(unsigned order);
void page_free(uint64_t physical, unsigned order);

/* The order the allocation at @physical was made with. */
unsigned page_order(uint64_t physical);

/* Fill the 2^@order pages at @physical with zeros. */
void page_zero(uint64_t physical, unsigned order);

/* All of RAM is mapped cached at a constant offset. */
void *phys_to_virt(uint64_t physical);
uint64_t virt_to_phys(const void *address); /* kernel image, heap or phys_to_virt addresses */

/* Zeroed memory, 16-byte aligned; NULL: none. Any context. */
void *kalloc(size_t size);
void kfree(void *p);

/* Map device registers uncached; stays mapped. Thread context. */
volatile void *mmio_map(uint64_t physical, size_t size);

struct memory_totals {
    uint64_t total, free, loader_kept, hypervisor_kept; /* bytes */
};
void memory_totals(struct memory_totals *t);

#endif
