/* SPDX-License-Identifier: MIT */
/* root/child/statistics.c - see root/child/statistics.h. */
#include "child/statistics.h"

#include <hvabi/stats.h>
#include <rootabi/errno.h>
#include <rt/format.h>
#include <rt/mem.h>
#include "bus/bus.h"
#include "child/child.h"
#include "child/hv.h"
#include "child/pool.h"
#include "log.h"
#include "mm/memory.h"

static const uint64_t *hypervisor; /* [I] the hypervisor's statistics page, or NULL */

void child_statistics_init(void)
{
    uint64_t page = page_alloc(0);
    const struct hv_input_map_stats_page in = {.stats_type = HvStatsObjectHypervisor,
                                               .gpa_page = page >> PAGE_SHIFT};
    hv_status st = HV_STATUS_NO_RESOURCES;

    if (page != 0) {
        st = child_map_stats_page(hv_begin(), &in);
        hv_end();
    }
    if (st == HV_STATUS_SUCCESS) {
        hypervisor = phys_to_virt(page);
        return;
    }
    log_print("hv: its statistics page cannot be mapped: status %x", st);
    if (page != 0)
        page_free(page, 0);
}

struct child *child_vp_at(uint32_t index, uint32_t *vp)
{
    for (uint32_t i = 0;; i++) {
        struct child *c = child_at(i);
        if (c == NULL || index < c->vp_count) {
            *vp = index;
            return c;
        }
        index -= c->vp_count;
        child_put(c);
    }
}

/* ---- the list: what root deposited and shares, the hypervisor's counters, each VP's exits ---- */

static uint64_t deposited(uint32_t unused)
{
    (void)unused;
    return pool_total();
}

static uint64_t deposits(uint32_t unused)
{
    (void)unused;
    return pool_deposits();
}

static uint64_t gpadls(uint32_t unused)
{
    (void)unused;
    return bus_gpadls_mapped();
}

static uint64_t channels(uint32_t unused)
{
    (void)unused;
    return bus_channels_connected();
}

static uint64_t ends_amidst_io(uint32_t unused)
{
    (void)unused;
    return bus_ends_amidst_io();
}

static uint64_t of_hypervisor(uint32_t which)
{
    return hypervisor != NULL ? __atomic_load_n(&hypervisor[which], __ATOMIC_RELAXED) : 0;
}

static const struct {
    const char *name;
    uint64_t (*get)(uint32_t which);
    uint32_t which;
} totals[] = {
    {"root.deposited_pages", deposited, 0},
    {"root.deposits", deposits, 0},
    {"root.gpadls", gpadls, 0},
    {"root.channels", channels, 0},
    {"root.ends_amidst_io", ends_amidst_io, 0},
    {"hypervisor.logical_processors", of_hypervisor, HvStatsHvLogicalProcessors},
    {"hypervisor.partitions", of_hypervisor, HvStatsHvPartitions},
    {"hypervisor.total_pages", of_hypervisor, HvStatsHvTotalPages},
    {"hypervisor.virtual_processors", of_hypervisor, HvStatsHvVirtualProcessors},
    {"hypervisor.mapped_pages", of_hypervisor, HvStatsHvMappedPages},
    {"hypervisor.ports", of_hypervisor, HvStatsHvPorts},
    {"hypervisor.connections", of_hypervisor, HvStatsHvConnections},
    {"hypervisor.root_pages_in_use", of_hypervisor, HvStatsHvRootPagesInUse},
};
enum { TOTALS = sizeof(totals) / sizeof(totals[0]) };
enum { VP_COUNTERS = CHILD_EXIT_REASONS + 1 };

int64_t child_statistic(struct vm_statistic *a)
{
    uint32_t index, reason, i = a->index;
    struct child *c;

    if (i < TOTALS) {
        rt_strlcpy(a->name, totals[i].name, sizeof(a->name));
        a->value = totals[i].get(totals[i].which);
        return 0;
    }
    i -= TOTALS;
    c = child_vp_at(i / VP_COUNTERS, &index);
    if (c == NULL)
        return -ENOENT;
    reason = i % VP_COUNTERS;
    if (reason < CHILD_EXIT_REASONS)
        rt_snprintf(a->name, sizeof(a->name), "%s.%u.exits.%s", c->name, index,
                    child_exit_names[reason]);
    else
        rt_snprintf(a->name, sizeof(a->name), "%s.%u.cap_waits", c->name, index);
    hv_begin(); /* the page stays while we look */
    a->value = child_counter(
        c, index, reason < CHILD_EXIT_REASONS ? HvStatsVpExitFirst + reason : HvStatsVpCapWaits);
    hv_end();
    child_put(c);
    return 0;
}
