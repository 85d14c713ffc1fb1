/* SPDX-License-Identifier: MIT */
/* virt/svm/slat_format.h - the entries of AMD's nested page tables. APM vol. 2, 15.25.5 and 5.3.
 *
 * The twin in virt/vmx describes EPT with the same functions; mm/ uses nothing else. Accessed and
 * dirty are always set, so that the processor never writes to a table. Memory types index the PAT
 * that the processor has at reset (APM vol. 2, 7.8.2), which the hypervisor keeps. */
#ifndef VIRT_SLAT_FORMAT_H
#define VIRT_SLAT_FORMAT_H

#include <core/types.h>

#define NPT_PRESENT       (1ull << 0)
#define NPT_WRITABLE      (1ull << 1)
#define NPT_USER          (1ull << 2) /* every nested access is a user access */
#define NPT_WRITE_THROUGH (1ull << 3)
#define NPT_CACHE_DISABLE (1ull << 4)
#define NPT_ACCESSED      (1ull << 5)
#define NPT_DIRTY         (1ull << 6)
#define NPT_LARGE         (1ull << 7)
#define NPT_ADDRESS       0x000ffffffffff000ull
#define NPT_NO_EXECUTE    (1ull << 63)

/* Bits 9 to 11 are the software's. */
#define SLAT_ENTRY_OVERLAY (1ull << 9)  /* shows an overlay page */
#define SLAT_ENTRY_COUNTED (1ull << 10) /* holds references in the ownership table */
#define SLAT_ENTRY_MAPPED  (1ull << 11) /* a mapping, not a table; also when inaccessible */

#define SLAT_TABLE_ENTRIES 512
#define SLAT_LEVEL_BITS    9

static inline uint64_t slat_entry_rights(unsigned access)
{
    uint64_t e = 0;

    if (access & 1u)
        e |= NPT_PRESENT;
    if (access & 2u)
        e |= NPT_WRITABLE;
    if (!(access & 4u))
        e |= NPT_NO_EXECUTE;
    return e;
}

#define SLAT_ENTRY_RIGHTS (NPT_PRESENT | NPT_WRITABLE | NPT_NO_EXECUTE)

/* A mapping of @level's size; @flags are SLAT_ENTRY_OVERLAY and SLAT_ENTRY_COUNTED. */
static inline uint64_t slat_entry_leaf(hpa_t to, unsigned level, unsigned access, bool uncached,
                                       uint64_t flags)
{
    uint64_t e = to.v | slat_entry_rights(access) | flags | SLAT_ENTRY_MAPPED | NPT_USER |
                 NPT_ACCESSED | NPT_DIRTY;

    if (uncached)
        e |= NPT_CACHE_DISABLE | NPT_WRITE_THROUGH;
    if (level > 1)
        e |= NPT_LARGE;
    return e;
}

static inline uint64_t slat_entry_table(hpa_t table)
{
    return table.v | NPT_PRESENT | NPT_WRITABLE | NPT_USER | NPT_ACCESSED;
}

static inline bool slat_entry_is_leaf(uint64_t e)
{
    return (e & SLAT_ENTRY_MAPPED) != 0;
}

static inline bool slat_entry_is_table(uint64_t e)
{
    return (e & (NPT_PRESENT | SLAT_ENTRY_MAPPED)) == NPT_PRESENT;
}

/* Whether the processor may have cached it. */
static inline bool slat_entry_is_present(uint64_t e)
{
    return (e & NPT_PRESENT) != 0;
}

static inline hpa_t slat_entry_hpa(uint64_t e)
{
    return hpa(e & NPT_ADDRESS);
}

static inline unsigned slat_entry_access(uint64_t e)
{
    return !(e & NPT_PRESENT) ? 0u
                              : 1u | ((e & NPT_WRITABLE) ? 2u : 0u) | ((e & NPT_NO_EXECUTE) ? 0u : 4u);
}

static inline bool slat_entry_uncached(uint64_t e)
{
    return (e & NPT_CACHE_DISABLE) != 0;
}

static inline uint64_t slat_entry_with_access(uint64_t e, unsigned access)
{
    return (e & ~SLAT_ENTRY_RIGHTS) | slat_entry_rights(access);
}

/* The @index-th of the 512 smaller mappings that together are leaf @e of @level (2 or 3). */
static inline uint64_t slat_entry_part(uint64_t e, unsigned level, unsigned index)
{
    e += (uint64_t)index << (PAGE_SHIFT + SLAT_LEVEL_BITS * (level - 2));
    return level == 2 ? e & ~NPT_LARGE : e;
}

/* The leaf of @level whose part 0 is @first. */
static inline uint64_t slat_entry_whole(uint64_t first)
{
    return first | NPT_LARGE;
}

#endif
