/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "fakes/vmwp_world.h"

static void interrupt(void *context, uint32_t vector, uint32_t destination, bool logical,
                      uint32_t delivery_mode, bool level)
{
    struct vmwp_world *w = context;

    w->sent[w->sent_count++ % VMWP_WORLD_SENT] = (struct vmwp_interrupt){
        .vector = vector,
        .destination = destination,
        .delivery_mode = delivery_mode,
        .logical = logical,
        .level = level,
    };
}

static uint64_t now_ns(void *context)
{
    struct vmwp_world *w = context;

    return w->now_ns;
}

static int64_t wall_seconds(void *context)
{
    struct vmwp_world *w = context;

    return w->wall_seconds;
}

static void console_out(void *context, const uint8_t *bytes, size_t count)
{
    struct vmwp_world *w = context;
    size_t room = VMWP_WORLD_OUTPUT - w->output_count, n = count < room ? count : room;

    memcpy(w->output + w->output_count, bytes, n);
    w->output_count += n;
    w->output[w->output_count] = 0;
    w->output_calls++;
}

static void end(void *context, enum machine_end how, uint32_t status)
{
    struct vmwp_world *w = context;

    w->ends++;
    w->end = how;
    w->end_status = status;
}

void vmwp_world_init(struct vmwp_world *w)
{
    memset(w, 0, sizeof(*w));
    w->host = (struct device_host){
        .context = w,
        .interrupt = interrupt,
        .now_ns = now_ns,
        .wall_seconds = wall_seconds,
        .console_out = console_out,
        .end = end,
    };
    w->now_ns = 123456789;
    w->wall_seconds = VMWP_WORLD_WALL;
}

const struct vmwp_interrupt *vmwp_world_last(const struct vmwp_world *w)
{
    return &w->sent[(w->sent_count + VMWP_WORLD_SENT - 1) % VMWP_WORLD_SENT];
}
