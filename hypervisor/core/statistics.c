/* SPDX-License-Identifier: MIT */
/* core/statistics.c - see core/statistics.h. */
#include "core/statistics.h"

#include <hvabi/stats.h>
#include "boot/kept.h"
#include "core/partition.h"
#include "core/pcpu.h"
#include "core/vp.h"
#include "mm/pfn.h"
#include "mm/phys.h"
#include "synic/monitor.h"

static struct {
    struct spinlock lock;
    uint64_t *page;         /* [lock] to write */
    struct overlay overlay; /* [root's p] */
} statistics;

void statistics_init(void)
{
    statistics.page = hpa_ptr(kept_alloc(PAGE_SIZE));
    overlay_init(&statistics.overlay);
}

static void set(unsigned counter, uint64_t value)
{
    __atomic_store_n(&statistics.page[counter], value, __ATOMIC_RELAXED);
}

/* The lock makes the last one who writes also the last one who has looked. */
void statistics_refresh(void)
{
    uint64_t ports, connections;

    spin_lock(&statistics.lock);
    port_counts(&ports, &connections);
    set(HvStatsHvLogicalProcessors, lp_count);
    set(HvStatsHvPartitions, partition_live());
    set(HvStatsHvTotalPages, pfn_count(PFN_KEPT) + pfn_count(PFN_POOL));
    set(HvStatsHvVirtualProcessors, vp_live());
    set(HvStatsHvMonitoredNotifications, monitor_count());
    set(HvStatsHvMappedPages, pfn_mapped());
    set(HvStatsHvPorts, ports);
    set(HvStatsHvConnections, connections);
    set(HvStatsHvRootPagesInUse, pool_balance(&root_partition->pool).in_use);
    spin_unlock(&statistics.lock);
}

hv_status statistics_map(bool map, uint64_t gpfn)
{
    if (statistics.overlay.placed == map)
        return HV_STATUS_OPERATION_DENIED;
    return partition_overlay(root_partition, &statistics.overlay, map, gpfn,
                             ptr_hpa(statistics.page), SLAT_READ);
}
