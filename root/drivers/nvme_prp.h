/* SPDX-License-Identifier: MIT */
/* root/drivers/nvme_prp.h - names a request's memory the way NVMe wants it (NVMe 1.4, 4.3).
 *
 * Pure. The segments must meet at page borders (block_device.whole_pages). PRP1 is where data
 * begins; PRP2 is the second page, or else a list of all pages but the first. A list that does not
 * fit a page goes on in the page that its last entry names. */
#ifndef ROOT_DRIVERS_NVME_PRP_H
#define ROOT_DRIVERS_NVME_PRP_H

#include <stdint.h>
#include "io/block.h"

#define NVME_PRP_ENTRIES 512u /* in a page */

/* A page for a list: where we write it, and where the controller reads it. */
struct nvme_prp_page {
    uint64_t *entries;
    uint64_t device;
};

/* The pages of memory that @segments touch. */
uint32_t nvme_prp_count(const struct block_segment *segments, uint32_t count);

/* How many list pages that many pages of memory need. */
uint32_t nvme_prp_list_pages(uint32_t prp_count);

/* Fill @lists, which are as many as nvme_prp_list_pages said, and @prp with PRP1 and PRP2. */
void nvme_prp_build(const struct block_segment *segments, uint32_t count,
                    const struct nvme_prp_page *lists, uint64_t prp[2]);

#endif
