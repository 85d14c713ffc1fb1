/* SPDX-License-Identifier: MIT */
/* root/mm/alias.c - see root/mm/alias.h. */
#include "mm/alias.h"

#include "cpu/tlb.h"
#include "mm/area.h"
#include "mm/memory.h"
#include "mm/paging.h"
#include "sched/thread.h"

static struct {
    struct mutex mutex;
    struct list areas; /* [mutex] each with an unmapped page behind it */
} aliases;

void alias_init(void)
{
    mutex_init(&aliases.mutex);
    list_init(&aliases.areas);
}

static uint64_t reserve(uint64_t size)
{
    uint64_t at;

    mutex_lock(&aliases.mutex);
    at = area_find_gap(&aliases.areas, size, PAGE_SIZE, KERNEL_ALIAS_BASE,
                       KERNEL_ALIAS_BASE + KERNEL_ALIAS_SIZE);
    if (at != 0 && area_add(&aliases.areas, at, at + size) == NULL)
        at = 0;
    mutex_unlock(&aliases.mutex);
    return at;
}

static void release(uint64_t at, uint64_t size)
{
    struct area *none = NULL; /* an area is taken away whole: nothing is split */
    struct list gone;

    list_init(&gone);
    mutex_lock(&aliases.mutex);
    area_remove(&aliases.areas, at, at + size, &none, &gone);
    mutex_unlock(&aliases.mutex);
    area_free_all(&gone);
}

static void unmap(uint64_t at, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        kernel_unmap(at + i * PAGE_SIZE);
    tlb_flush_kernel();
}

void *alias_map(const uint64_t *physical, uint32_t count)
{
    uint64_t size = (count + 1ull) * PAGE_SIZE, at = count != 0 ? reserve(size) : 0;

    if (at == 0)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (kernel_map(at + i * PAGE_SIZE, physical[i], PTE_RW | PTE_NX))
            continue;
        unmap(at, i);
        release(at, size);
        return NULL;
    }
    return (void *)(uintptr_t)at;
}

void alias_unmap(void *alias, uint32_t count)
{
    uint64_t at = (uint64_t)(uintptr_t)alias;

    unmap(at, count);
    release(at, (count + 1ull) * PAGE_SIZE);
}
