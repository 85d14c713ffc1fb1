/* SPDX-License-Identifier: MIT */
/* fakes/vmwp_world.h - what is around a worker's devices: a clock that a test moves, and records of
 * what the devices told. */
#ifndef FAKES_VMWP_WORLD_H
#define FAKES_VMWP_WORLD_H

#include "vmwp/device/device.h"

enum { VMWP_WORLD_SENT = 64, VMWP_WORLD_OUTPUT = 4096 };

struct vmwp_interrupt {
    uint32_t vector, destination, delivery_mode;
    bool logical, level;
};

struct vmwp_world {
    struct device_host host;
    uint64_t now_ns;
    int64_t wall_seconds;
    uint32_t sent_count; /* all of them; the last ones are kept */
    struct vmwp_interrupt sent[VMWP_WORLD_SENT];
    uint32_t output_calls;
    size_t output_count;
    char output[VMWP_WORLD_OUTPUT + 1]; /* what fits of it, with a NUL */
    uint32_t ends;
    enum machine_end end;
    uint32_t end_status;
};

/* Begin at 2026-11-26 07:24:49 UTC, with the clock at an odd time. */
void vmwp_world_init(struct vmwp_world *w);

/* The interrupt sent last. */
const struct vmwp_interrupt *vmwp_world_last(const struct vmwp_world *w);

#define VMWP_WORLD_WALL 1795677889

#endif
