/* SPDX-License-Identifier: MIT */
/* root/io/block_identity.c - what a disk is known by: see block.h. */
#include <rt/format.h>
#include <rt/mem.h>
#include "io/block.h"
#include "lib/fnv.h"

/* @format with @number, where there is a number. */
static void append(struct block_identity *out, const char *format, uint32_t number)
{
    size_t used = strlen(out->serial);

    if (number != 0)
        rt_snprintf(out->serial + used, sizeof(out->serial) - used, format, number);
}

void block_identify(const struct block_device *d, struct block_identity *out)
{
    if (d->serial[0] == '\0') {
        rt_strlcpy(out->serial, d->name, sizeof(out->serial));
    } else {
        rt_strlcpy(out->serial, d->serial, sizeof(out->serial));
        append(out, "-n%u", d->unit);
        append(out, "-p%u", d->partition);
    }
    out->hash = fnv_text(fnv_text(fnv_text(FNV_START, d->model), "/"), out->serial);
}
