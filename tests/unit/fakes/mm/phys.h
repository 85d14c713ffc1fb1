/* SPDX-License-Identifier: MIT */
/* fakes/mm/phys.h - stands in for hypervisor/mm/phys.h on the host: RAM is an arena.
 *
 * Addresses from 0 to FAKE_RAM_SIZE are backed by memory that the host allocates when it is
 * touched; a test that touches it calls fake_ram_init() first, which zeroes all of it. */
#ifndef FAKES_MM_PHYS_H
#define FAKES_MM_PHYS_H

#include <core/types.h>
#include <rt/mem.h>

#define FAKE_RAM_SIZE (16ull << 30)

extern unsigned char *fake_ram;

void fake_ram_init(void);

/* The arena's address of @a; a test that leaves the arena dies. */
void *hpa_ptr(hpa_t a);
hpa_t ptr_hpa(const void *p);

static inline void page_zero(hpa_t page)
{
    memset(hpa_ptr(page), 0, PAGE_SIZE);
}

#endif
