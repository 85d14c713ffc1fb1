/* SPDX-License-Identifier: MIT */
/* boot/kept.c - see boot/kept.h. Works before and after the hypervisor's own page tables are
 * loaded: memory is zeroed through whichever mapping is in force. */
#include "boot/kept.h"

#include <rt/mem.h>
#include "boot/paging.h"
#include "debug/log.h"

static struct {
    uint64_t next, end;
} kept;

void kept_init(const struct boot_info *info)
{
    kept.next = (info->kept_base + info->kept_used + PAGE_MASK) & ~PAGE_MASK;
    kept.end = info->kept_base + info->kept_size;
}

hpa_t kept_alloc(uint64_t bytes)
{
    uint64_t at = kept.next;

    bytes = (bytes + PAGE_MASK) & ~PAGE_MASK;
    if (bytes > kept.end - at)
        panic("the kept memory is too small: %lu bytes asked for, %lu left", bytes, kept.end - at);
    kept.next += bytes;
    memset(paging_boot_ptr(at), 0, bytes);
    return hpa(at);
}

void kept_take_rest(uint64_t *base, uint64_t *size)
{
    *base = kept.next;
    *size = kept.end - kept.next;
    kept.next = kept.end;
}
