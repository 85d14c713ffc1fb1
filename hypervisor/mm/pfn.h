/* SPDX-License-Identifier: MIT */
/* mm/pfn.h - the ownership table: who owns each page of RAM, and how often children map it.
 *
 * One atomic 64-bit word a page, found in constant time. Every change is one compare-and-swap, so
 * no lock protects the table and any context may use it. Rules:
 *   - a page has one owner: the hypervisor (kept), root, or the memory pool of a partition;
 *   - a page of root's changes its owner only while no child maps it;
 *   - a child mapping is a counted reference, taken before the mapping and put back after the
 *     translation caches are flushed (mm/slat.h: struct slat_gather). */
#ifndef MM_PFN_H
#define MM_PFN_H

#include <core/types.h>
#include <hvabi/boot.h>
#include <hvabi/types.h>

enum pfn_state {
    PFN_NONE = 0, /* not RAM, or the firmware's: nobody may give it away */
    PFN_KEPT = 1, /* the hypervisor's own since boot */
    PFN_ROOT = 2, /* root's; children may map it */
    PFN_POOL = 3, /* deposited into the memory pool of a partition */
    PFN_STATES = 4,
};

/* Bytes of table that @map needs. */
size_t pfn_table_size(const struct boot_memory_range *map, uint32_t count);

/* Build the table in @table_memory, pfn_table_size() bytes. Once, at boot. RAM is root's except
 * BOOT_MEMORY_HYPERVISOR and the kept region; the firmware's own memory is PFN_NONE. */
void pfn_init(const struct boot_memory_range *map, uint32_t count, hpa_t kept_base,
              uint64_t kept_size, void *table_memory);

/* Whether ranges of this boot_memory_type are RAM that root owns at boot. */
bool pfn_type_is_root(uint32_t type);

/* The state of the page that holds @page; *slot (if not NULL) is its owner's if PFN_POOL. */
enum pfn_state pfn_query(hpa_t page, uint16_t *slot);

/* How many child mappings @page has. */
uint32_t pfn_map_count(hpa_t page);

/* Whether all pages in [@base, @base + @size) are PFN_NONE. O(1) for each aligned GiB, else linear
 * in the pages; @base is page-aligned. */
bool pfn_range_is_none(hpa_t base, uint64_t size);

/* Root's page becomes one of the pool of @slot.
 * HV_STATUS_OPERATION_DENIED: not root's, or a child maps it (TLFS 2.0a, 7.3.1); or page 0. */
hv_status pfn_deposit(hpa_t page, uint16_t slot) MUST_CHECK;

/* A page of the pool of @slot becomes root's. Anything else is our own bug. */
void pfn_withdraw(hpa_t page, uint16_t slot);

/* Count one more child mapping for each of the @pages pages at @base: all or none of them.
 * HV_STATUS_OPERATION_DENIED: one is not root's (TLFS 2.0a, 8.3.1).
 * HV_STATUS_NO_RESOURCES: one is mapped 2^32 - 1 times. */
hv_status pfn_map_get(hpa_t base, uint64_t pages) MUST_CHECK;

/* Put back what pfn_map_get() took. Never fails: a count of 0 is our own bug. */
void pfn_map_put(hpa_t base, uint64_t pages);

/* For statistics: pages in a state, and the sum of all counts. */
uint64_t pfn_count(enum pfn_state state);
uint64_t pfn_mapped(void);
/* For tests: the same sum, from the words of all RAM. */
uint64_t pfn_mappings(void);

#endif
