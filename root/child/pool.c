/* SPDX-License-Identifier: MIT */
/* root/child/pool.c - see root/child/pool.h. */
#include "child/pool.h"

#include "log.h"
#include "mm/memory.h"

#define WITHDRAW_BATCH 256u

static uint64_t total; /* [a] */

uint64_t pool_total(void)
{
    return __atomic_load_n(&total, __ATOMIC_RELAXED);
}

static hv_status deposit_pages(const struct hv_client *c, hv_partition_id id, uint64_t base)
{
    static uint64_t pages[POOL_BLOCK_PAGES]; /* under hv_begin */
    uint32_t done;

    for (uint32_t i = 0; i < POOL_BLOCK_PAGES; i++)
        pages[i] = (base >> PAGE_SHIFT) + i;
    return hv_call_deposit_memory(c, id, pages, POOL_BLOCK_PAGES, &done);
}

hv_status pool_deposit(const struct hv_client *c, struct child_pool *pool)
{
    struct pool_block *b = kalloc(sizeof(*b));
    hv_status st = HV_STATUS_NO_RESOURCES;

    if (b == NULL)
        return st;
    b->base = page_alloc(POOL_BLOCK_ORDER);
    if (b->base != 0)
        st = deposit_pages(c, pool->id, b->base);
    if (st != HV_STATUS_SUCCESS) {
        if (b->base != 0 && st == HV_STATUS_INVALID_PARTITION_ID)
            page_free(b->base, POOL_BLOCK_ORDER); /* nothing was taken */
        kfree(b);
        return st;
    }
    b->next = pool->blocks;
    pool->blocks = b;
    pool->pages += POOL_BLOCK_PAGES;
    __atomic_fetch_add(&total, POOL_BLOCK_PAGES, __ATOMIC_RELAXED);
    return HV_STATUS_SUCCESS;
}

static uint64_t withdraw_all(const struct hv_client *c, hv_partition_id id)
{
    static uint64_t pages[WITHDRAW_BATCH]; /* under hv_begin */
    uint64_t count = 0;
    uint32_t done;
    hv_status st;

    do {
        st = hv_call_withdraw_memory(c, id, pages, WITHDRAW_BATCH, &done);
        count += done;
    } while (st == HV_STATUS_SUCCESS);
    return count;
}

hv_status pool_withdraw(const struct hv_client *c, struct child_pool *pool)
{
    uint64_t count = withdraw_all(c, pool->id);

    if (count != pool->pages) {
        log_print("pool: partition %lx: %lu pages deposited, %lu came back", pool->id, pool->pages,
                  count);
        return HV_STATUS_OPERATION_FAILED;
    }
    while (pool->blocks != NULL) {
        struct pool_block *b = pool->blocks;
        pool->blocks = b->next;
        page_free(b->base, POOL_BLOCK_ORDER);
        kfree(b);
    }
    __atomic_fetch_sub(&total, pool->pages, __ATOMIC_RELAXED);
    pool->pages = 0;
    return HV_STATUS_SUCCESS;
}
