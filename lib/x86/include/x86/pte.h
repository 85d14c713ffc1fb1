/* SPDX-License-Identifier: MIT */
/* x86/pte.h - page-table entries, which nested page tables of SVM share.
 * APM vol. 2, 5.3 and 5.4 (long-mode translation), 15.25 (nested paging). */
#ifndef X86_PTE_H
#define X86_PTE_H

#include <stdint.h>

#define PTE_P         (1ull << 0)
#define PTE_RW        (1ull << 1)
#define PTE_US        (1ull << 2)
#define PTE_PWT       (1ull << 3)
#define PTE_PCD       (1ull << 4)
#define PTE_A         (1ull << 5)
#define PTE_D         (1ull << 6)
#define PTE_PS        (1ull << 7) /* in a PDE or PDPE: it maps a large page */
#define PTE_PAT       (1ull << 7) /* in a PTE */
#define PTE_G         (1ull << 8)
#define PTE_AVL0      (1ull << 9)
#define PTE_AVL1      (1ull << 10)
#define PTE_AVL2      (1ull << 11)
#define PTE_PAT_LARGE (1ull << 12) /* in an entry with PTE_PS */
#define PTE_NX        (1ull << 63)

/* Must be 0 outside long mode: APM vol. 2, 5.2. */
#define PTE_RESERVED_4M          (1ull << 21) /* in an entry that maps 4 MiB */
#define PTE_RESERVED_PAE         0x7ff0000000000000ull
#define PTE_RESERVED_PAE_POINTER 0xfff00000000001e6ull /* in a PDPE */

#define PTE_ADDR_MASK    0x000ffffffffff000ull
#define PTE_ADDR_MASK_2M 0x000fffffffe00000ull
#define PTE_ADDR_MASK_1G 0x000fffffc0000000ull
#define PTE_AVL_MASK     (PTE_AVL0 | PTE_AVL1 | PTE_AVL2)
#define PTE_MPK_SHIFT    59

#define PAGE_SHIFT    12
#define PAGE_SIZE     (1ull << PAGE_SHIFT)
#define PAGE_MASK     (PAGE_SIZE - 1)
#define PAGE_SHIFT_2M 21
#define PAGE_SIZE_2M  (1ull << PAGE_SHIFT_2M)
#define PAGE_SHIFT_1G 30
#define PAGE_SIZE_1G  (1ull << PAGE_SHIFT_1G)

#define PTE_PER_TABLE  512u
#define PTE_LEVEL_BITS 9

/* Bits of an address below what an entry of @level maps; level 1 is the table of 4 KiB pages. */
static inline unsigned pte_shift(unsigned level)
{
    return PAGE_SHIFT + PTE_LEVEL_BITS * (level - 1);
}

/* Which entry of a table of @level translates @address. */
static inline unsigned pte_index(uint64_t address, unsigned level)
{
    return (unsigned)(address >> pte_shift(level)) % PTE_PER_TABLE;
}

/* Whether @address is canonical when @bits (48 or 57) of a linear address are translated. */
static inline _Bool address_canonical(uint64_t address, unsigned bits)
{
    return (uint64_t)((int64_t)(address << (64 - bits)) >> (64 - bits)) == address;
}

#endif
