/* SPDX-License-Identifier: MIT */
/* mm/pool.h - a partition's memory pool: pages that its parent deposited. TLFS 2.0a, 7.1.1.
 *
 * Whatever the hypervisor needs for a partition comes out of that partition's pool, or the request
 * fails with HV_STATUS_INSUFFICIENT_MEMORY: the parent deposits and tries again. Pages are linked
 * through their first word while they are free, and are otherwise zero: taking and giving back a
 * page is O(1). Objects of up to POOL_OBJECT_MAX bytes are cut from slab pages, which return to the
 * free pages when they are empty. Any context; the lock is a leaf of the lock order. */
#ifndef MM_POOL_H
#define MM_POOL_H

#include <core/spinlock.h>
#include <core/types.h>
#include <hvabi/types.h>
#include <rt/list.h>

#define POOL_OBJECT_MAX 2048
#define POOL_CLASSES    9

struct pool {
    struct spinlock lock;
    uint16_t slot;      /* [I] the partition's, as in the ownership table */
    hpa_t deposited;    /* [lock] chain of free pages that can be withdrawn; 0 ends it */
    hpa_t kept;         /* [lock] chain of free pages that are the hypervisor's; used first */
    uint64_t available; /* [lock] pages on the two chains */
    uint64_t withdrawable; /* [lock] pages on the chain of deposited ones */
    uint64_t in_use;    /* [lock] pages given out, slab pages included */
    struct list partial[POOL_CLASSES]; /* [lock] slab pages that have both used and free objects */
};

void pool_init(struct pool *p, uint16_t slot);

/* Add @page, which the ownership table already gives to this pool. It is zeroed here. */
void pool_deposit_page(struct pool *p, hpa_t page);

/* Add the hypervisor's own pages [@base, @base + @size); they can never be withdrawn. */
void pool_take_kept(struct pool *p, hpa_t base, uint64_t size);

/* Take a free deposited page out of the pool. It is zero; its entry in the ownership table is the
 * caller's task. HV_STATUS_NO_RESOURCES: none is free. */
hv_status pool_withdraw_page(struct pool *p, hpa_t *out) MUST_CHECK;

/* A zeroed page. HV_STATUS_INSUFFICIENT_MEMORY: the pool is empty. */
hv_status pool_page_alloc(struct pool *p, hpa_t *out) MUST_CHECK;

/* Give back what pool_page_alloc() gave; the page is zeroed. */
void pool_page_free(struct pool *p, hpa_t page);

/* A zeroed object of @bytes (1 to POOL_OBJECT_MAX), 16-byte aligned, 64-byte aligned if @bytes is
 * 64, 128, 256 or 512; NULL: the pool is empty. */
void *pool_alloc(struct pool *p, size_t bytes) MUST_CHECK;

/* Give back an object of this pool; harmless for NULL. */
void pool_free(struct pool *p, void *object);

struct pool_balance {
    uint64_t available; /* pages */
    uint64_t in_use;    /* pages */
};

struct pool_balance pool_balance(struct pool *p);

#endif
