/* SPDX-License-Identifier: MIT */
/* core/statistics.h - the hypervisor's own statistics page (hvabi/stats.h; TLFS 2.0A, J.1): what it
 * has at the moment, counted where it is made and unmade. */
#ifndef CORE_STATISTICS_H
#define CORE_STATISTICS_H

#include <hvabi/types.h>
#include "core/types.h"

struct partition;

/* Boot, before the rest of the kept memory is root's. */
void statistics_init(void);

/* Put the numbers of now on the page: after each hypercall that may have changed one. */
void statistics_refresh(void);

/* Lay the page over root's @gpfn, or take it away. The caller holds root's lock. */
hv_status statistics_map(bool map, uint64_t gpfn) MUST_CHECK;

#endif
