/* SPDX-License-Identifier: MIT */
/* root/child/exits.c - why a child's VPs left guest mode, as the hypervisor counts it in their
 * statistics pages. */
#include <hvabi/stats.h>
#include "child/child.h"
#include "log.h"

#define EXIT_NAME(constant, name) #name,
const char *const child_exit_names[CHILD_EXIT_REASONS] = {HV_STATS_VP_EXITS(EXIT_NAME)};

uint64_t child_counter(const struct child *c, uint32_t vp, uint32_t which)
{
    const uint64_t *page = c->stats_pages != NULL ? c->stats_pages[vp] : NULL;

    return page != NULL ? __atomic_load_n(&page[which], __ATOMIC_RELAXED) : 0;
}

static uint64_t total(const struct child *c, uint32_t which)
{
    uint64_t sum = 0;

    for (uint32_t vp = 0; vp < c->vp_count; vp++)
        sum += child_counter(c, vp, which);
    return sum;
}

void child_exits_log(const struct child *c)
{
    uint64_t all = total(c, HvStatsVpTotalExits), most = 0;
    uint32_t reason = 0;

    for (uint32_t i = 0; i < CHILD_EXIT_REASONS; i++) {
        uint64_t n = total(c, HvStatsVpExitFirst + i);
        if (n <= most)
            continue;
        most = n;
        reason = i;
    }
    if (most != 0)
        log_print("child %s: %lu exits, %lu%% of them %s", c->name, all, most * 100 / all,
                  child_exit_names[reason]);
}
