/* SPDX-License-Identifier: MIT */
/* debug/trace.h - the last events of an LP, for panics and for gdb. Always on. */
#ifndef DEBUG_TRACE_H
#define DEBUG_TRACE_H

#include <stdint.h>

#define TRACE_ENTRIES 64u /* a power of two */

enum trace_kind {
    TRACE_NONE,
    TRACE_EXIT,   /* a = reason, b = RIP */
    TRACE_SWITCH, /* a = VP index, b = partition id */
    TRACE_IRQ,    /* a = vector, b = 1: level */
};

struct trace_entry {
    uint64_t tsc;
    uint32_t kind;
    uint32_t a32;
    uint64_t b;
    uint64_t reserved; /* a power of two, so that the ring's index is a shift */
};

struct trace_ring {
    uint32_t next;
    struct trace_entry entries[TRACE_ENTRIES];
};

static inline void trace(struct trace_ring *ring, uint64_t tsc, enum trace_kind kind, uint32_t a,
                         uint64_t b)
{
    struct trace_entry *e = &ring->entries[ring->next++ & (TRACE_ENTRIES - 1)];

    e->tsc = tsc;
    e->kind = kind;
    e->a32 = a;
    e->b = b;
}

void trace_dump(const struct trace_ring *ring);

#endif
