/* SPDX-License-Identifier: MIT */
/* root/child/pool.h - memory that root deposits for a partition, in blocks: of 2 MiB, or, with the
 * option deposit=page, of one page, so that the hypervisor runs short as often as it can. The record
 * of the blocks is the child's; it changes only under hv_begin. */
#ifndef ROOT_CHILD_POOL_H
#define ROOT_CHILD_POOL_H

#include <stdbool.h>
#include <hypercall/client.h>

struct pool_block {
    uint64_t base;
    struct pool_block *next;
};

struct child_pool {
    hv_partition_id id;
    struct pool_block *blocks;
    uint64_t pages; /* deposited */
};

/* Root's own pool: for partitions and ports, and for splitting its large pages. Under hv_begin. */
struct child_pool *pool_of_root(void);

/* Evaluates @call, input included, with deposits into @pool as long as it wants memory. */
#define WITH_DEPOSITS(h, pool, call)                                                               \
    ({                                                                                             \
        hv_status st_;                                                                             \
        while ((st_ = (call)) == HV_STATUS_INSUFFICIENT_MEMORY)                                    \
            if ((st_ = pool_deposit((h), (pool))) != HV_STATUS_SUCCESS)                            \
                break;                                                                             \
        st_;                                                                                       \
    })

/* Deposit one block. HV_STATUS_NO_RESOURCES: root has no memory. */
hv_status pool_deposit(const struct hv_client *c, struct child_pool *pool);

/* Withdraw everything, and give the blocks back to root. The partition is finalized.
 * HV_STATUS_OPERATION_FAILED: fewer pages came back than went in; they stay lost, and logged. */
hv_status pool_withdraw(const struct hv_client *c, struct child_pool *pool);

/* Pages that are deposited at the moment, in all pools; how often a block was, since the start. */
uint64_t pool_total(void);
uint64_t pool_deposits(void);

/* Deposit single pages from now on. */
void pool_use_pages(void);
bool pool_uses_pages(void);

#endif
