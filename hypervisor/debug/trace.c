/* SPDX-License-Identifier: MIT */
/* debug/trace.c - see debug/trace.h. */
#include "debug/trace.h"

#include <stddef.h>
#include "core/vp.h"
#include "debug/log.h"

void trace_dump(const struct trace_ring *ring)
{
    static const char *const names[] = {"-", "exit", "switch", "irq"};

    hv_log("trace, oldest first:");
    for (uint32_t i = 0; i < TRACE_ENTRIES; i++) {
        const struct trace_entry *e = &ring->entries[(ring->next + i) & (TRACE_ENTRIES - 1)];
        if (e->kind == TRACE_NONE || e->kind >= ARRAY_SIZE(names))
            continue;
        bool is_exit = e->kind == TRACE_EXIT && e->a32 < VP_EXIT_REASON_COUNT;
        hv_log("  %16lu %-9s %x %s %lx", e->tsc, names[e->kind], e->a32,
               is_exit ? vp_exit_names[e->a32] : "", e->b);
    }
}
