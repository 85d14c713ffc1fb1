/* SPDX-License-Identifier: MIT */
/* root/child/pool.c - see root/child/pool.h. */
#include "child/pool.h"

#include "child/hv.h"
#include "log.h"
#include "mm/memory.h"

#define WITHDRAW_BATCH 256u
#define BLOCK_ORDER    9u /* 2 MiB */

static struct {
    uint64_t pages;    /* [a] deposited now */
    uint64_t deposits; /* [a] ever */
    unsigned order;    /* [I] of a block */
    struct child_pool root; /* [h] never withdrawn */
} pools = {.order = BLOCK_ORDER};

uint64_t pool_total(void)
{
    return __atomic_load_n(&pools.pages, __ATOMIC_RELAXED);
}

uint64_t pool_deposits(void)
{
    return __atomic_load_n(&pools.deposits, __ATOMIC_RELAXED);
}

void pool_use_pages(void)
{
    pools.order = 0;
}

bool pool_uses_pages(void)
{
    return pools.order == 0;
}

struct child_pool *pool_of_root(void)
{
    pools.root.id = hv_root_id();
    return &pools.root;
}

/* Deposit the pages of the block at @base; *@done: how many of them were taken. To take a page out
 * of root's space the hypervisor may need tables from root's own pool. */
/* NOLINTBEGIN(misc-no-recursion): once, since root's own pool asks no other */
static hv_status deposit_pages(const struct hv_client *c, struct child_pool *pool, uint64_t base,
                               uint32_t *done)
{
    static uint64_t pages[1u << BLOCK_ORDER]; /* under hv_begin */
    uint32_t count = 1u << pools.order, n;
    hv_status st = HV_STATUS_SUCCESS;

    *done = 0;
    while (*done < count && st == HV_STATUS_SUCCESS) {
        for (uint32_t i = *done; i < count; i++)
            pages[i] = (base >> PAGE_SHIFT) + i;
        st = hv_call_deposit_memory(c, pool->id, pages + *done, count - *done, &n);
        *done += n;
        if (st == HV_STATUS_INSUFFICIENT_MEMORY && pool != pool_of_root())
            st = pool_deposit(c, pool_of_root());
    }
    return st;
}

hv_status pool_deposit(const struct hv_client *c, struct child_pool *pool)
{
    struct pool_block *b = kalloc(sizeof(*b));
    hv_status st = HV_STATUS_NO_RESOURCES;
    uint32_t done = 0;

    if (b == NULL)
        return st;
    b->base = page_alloc(pools.order);
    if (b->base != 0)
        st = deposit_pages(c, pool, b->base, &done);
    if (done == 0) {
        if (b->base != 0)
            page_free(b->base, pools.order);
        kfree(b);
        return st;
    }
    b->next = pool->blocks;
    pool->blocks = b;
    pool->pages += done;
    __atomic_fetch_add(&pools.pages, done, __ATOMIC_RELAXED);
    __atomic_fetch_add(&pools.deposits, 1, __ATOMIC_RELAXED);
    return st;
}
/* NOLINTEND(misc-no-recursion) */

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
        page_free(b->base, pools.order);
        kfree(b);
    }
    __atomic_fetch_sub(&pools.pages, pool->pages, __ATOMIC_RELAXED);
    pool->pages = 0;
    return HV_STATUS_SUCCESS;
}
