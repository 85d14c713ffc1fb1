/* SPDX-License-Identifier: MIT */
/* mm/phys.h - how the hypervisor reaches RAM: the direct map.
 *
 * All that is below the end of RAM is mapped at HV_DIRECT_MAP; only RAM is reached by it. Host
 * tests put tests/unit/fakes/mm first in the include path, whose mm/phys.h maps the same addresses
 * into an arena. */
#ifndef MM_PHYS_H
#define MM_PHYS_H

#include <core/types.h>
#include <rt/mem.h>

#define HV_DIRECT_MAP 0xffff800000000000ull

static inline void *hpa_ptr(hpa_t a)
{
    return (void *)(uintptr_t)(HV_DIRECT_MAP + a.v);
}

/* The inverse, for a pointer into the direct map. */
static inline hpa_t ptr_hpa(const void *p)
{
    return hpa((uint64_t)(uintptr_t)p - HV_DIRECT_MAP);
}

static inline void page_zero(hpa_t page)
{
    memset(hpa_ptr(page), 0, PAGE_SIZE);
}

#endif
