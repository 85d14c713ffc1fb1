/* SPDX-License-Identifier: MIT */
/* vmwp/ram.h - a child's memory, as its worker sees it.
 *
 * Rules: once the child runs, it changes this memory at any time: what matters is copied once, then
 * checked, then used. */
#ifndef USER_VMWP_RAM_H
#define USER_VMWP_RAM_H

#include <stddef.h>
#include <stdint.h>

#define GUEST_RAM_LOW_MAX                                                                          \
    0x00c0000000ull /* memory beyond that is mapped from GUEST_RAM_HIGH_GPA on */
#define GUEST_RAM_HIGH_GPA 0x0100000000ull

struct guest_ram {
    uint8_t *low;        /* of [0, low_bytes) */
    uint64_t low_bytes;  /* at most GUEST_RAM_LOW_MAX */
    uint8_t *high;       /* of [GUEST_RAM_HIGH_GPA, GUEST_RAM_HIGH_GPA + high_bytes) */
    uint64_t high_bytes; /* 0: none */
};

/* The @size bytes at @gpa; NULL: they are not all memory, in one piece. */
static inline void *ram_at(const struct guest_ram *ram, uint64_t gpa, uint64_t size)
{
    if (gpa < ram->low_bytes)
        return size <= ram->low_bytes - gpa ? ram->low + gpa : NULL;
    if (gpa < GUEST_RAM_HIGH_GPA || gpa - GUEST_RAM_HIGH_GPA >= ram->high_bytes)
        return NULL;
    gpa -= GUEST_RAM_HIGH_GPA;
    return size <= ram->high_bytes - gpa ? ram->high + gpa : NULL;
}

#endif
