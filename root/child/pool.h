/* SPDX-License-Identifier: MIT */
/* root/child/pool.h - memory that root deposits for a partition, in blocks of 2 MiB. The record of
 * the blocks is the child's; it changes only under hv_begin. */
#ifndef ROOT_CHILD_POOL_H
#define ROOT_CHILD_POOL_H

#include <stdbool.h>
#include <hypercall/client.h>

#define POOL_BLOCK_ORDER 9u /* 2 MiB */
#define POOL_BLOCK_PAGES (1u << POOL_BLOCK_ORDER)

struct pool_block {
    uint64_t base;
    struct pool_block *next;
};

struct child_pool {
    hv_partition_id id;
    struct pool_block *blocks;
    uint64_t pages; /* deposited */
};

/* Deposit one block. HV_STATUS_NO_RESOURCES: root has no memory. */
hv_status pool_deposit(const struct hv_client *c, struct child_pool *pool);

/* Withdraw everything, and give the blocks back to root. The partition is finalized.
 * HV_STATUS_OPERATION_FAILED: fewer pages came back than went in; they stay lost, and logged. */
hv_status pool_withdraw(const struct hv_client *c, struct child_pool *pool);

/* For tests: pages that are deposited at the moment, in all pools. */
uint64_t pool_total(void);

#endif
