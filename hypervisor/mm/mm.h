/* SPDX-License-Identifier: MIT */
/* mm/mm.h - memory moves between root, children and pools: the work of the memory hypercalls.
 *
 * The rights of the caller and the states of the partitions are the hypercalls' business. Each
 * function does one element of a rep list; the flush protocol is that of struct slat_gather. The
 * SLAT that @g was made for is the first argument in each case. */
#ifndef MM_MM_H
#define MM_MM_H

#include <hvabi/boot.h>
#include <mm/pool.h>
#include <mm/slat.h>

/* Map all that root owns one to one, write-back, RWX. At boot, after pfn_init(). */
hv_status mm_map_root(struct slat *root, const struct boot_memory_range *map, uint32_t count)
    MUST_CHECK;

/* HvCallMapGpaPages: map root's @level block (4 KiB or 2 MiB) at @source to @target of a child.
 * HV_STATUS_INVALID_PARAMETER: misaligned, beyond either space, invalid rights.
 * HV_STATUS_OPERATION_DENIED: a source page is not mapped in root, not root's, or is overlaid.
 * HV_STATUS_INSUFFICIENT_MEMORY: the child's pool has no tables. On failure nothing changes. */
hv_status mm_map_child(struct slat *child, struct slat *root, gpa_t target, gpa_t source,
                       enum slat_level level, unsigned access, enum slat_memory_type type,
                       struct slat_gather *g) MUST_CHECK;

/* HvCallMapGpaPages of root on itself: only the rights of @level's block (4 KiB or 2 MiB) change.
 * HV_STATUS_ACCESS_DENIED: a page of it is not root's. Others as slat_protect(). */
hv_status mm_protect_root(struct slat *root, gpa_t at, enum slat_level level, unsigned access,
                          struct slat_gather *g) MUST_CHECK;

/* HvCallUnmapGpaPages: unmap a part of the @pages pages from @at, at least one; *@done says how
 * many (512 where a whole 2 MiB block can go at once). */
hv_status mm_unmap_child(struct slat *child, gpa_t at, uint64_t pages, uint64_t *done,
                         struct slat_gather *g) MUST_CHECK;

/* HvCallDepositMemory: root's page at @page leaves root's space and becomes the pool's. The pool
 * has it (zeroed) after slat_gather_end().
 * HV_STATUS_OPERATION_DENIED: not root's, not mapped RWX in root, or a child maps it.
 * HV_STATUS_OBJECT_IN_USE: an overlay of root lies on it.
 * HV_STATUS_INSUFFICIENT_MEMORY: root's pool has no table to split a large page. */
hv_status mm_deposit(struct slat *root, struct pool *pool, gpa_t page, struct slat_gather *g)
    MUST_CHECK;

/* HvCallWithdrawMemory: a free page of the pool, zeroed, is root's and mapped in root again.
 * HV_STATUS_NO_RESOURCES: none is free.
 * HV_STATUS_INSUFFICIENT_MEMORY: root's pool has no table to map it; the pool keeps it. */
hv_status mm_withdraw(struct slat *root, struct pool *pool, gpa_t *out, struct slat_gather *g)
    MUST_CHECK;

#endif
