/* SPDX-License-Identifier: MIT */
/* root/drivers/nvme_prp.c - builds PRP entries and lists; see nvme_prp.h. */
#include "drivers/nvme.h"
#include "drivers/nvme_prp.h"
#include "io/dma.h"

uint32_t nvme_prp_count(const struct block_segment *segments, uint32_t count)
{
    uint32_t pages = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint64_t offset = segments[i].physical % NVME_PAGE_SIZE;

        pages += (uint32_t)((offset + segments[i].length + NVME_PAGE_SIZE - 1) / NVME_PAGE_SIZE);
    }
    return pages;
}

uint32_t nvme_prp_list_pages(uint32_t prp_count)
{
    if (prp_count <= 2)
        return 0;
    /* Every page but the last gives one entry to the next page's address: of p pages,
     * p * (NVME_PRP_ENTRIES - 1) + 1 entries are for data. */
    return (prp_count - 2 + NVME_PRP_ENTRIES - 2) / (NVME_PRP_ENTRIES - 1);
}

/* Goes over the pages of the segments, in order. */
struct page_walk {
    const struct block_segment *segment;
    uint64_t address; /* of what is left of the segment */
    uint64_t end;
};

static uint64_t page_next(struct page_walk *w)
{
    uint64_t address = w->address;

    w->address = (address / NVME_PAGE_SIZE + 1) * NVME_PAGE_SIZE;
    if (w->address >= w->end) {
        w->segment++;
        w->address = 0;
    }
    return address;
}

/* As page_next, entering the next segment only when it is needed: there may be none. */
static uint64_t page_take(struct page_walk *w)
{
    if (w->address == 0) {
        w->address = dma_map(w->segment->physical, w->segment->length);
        w->end = w->address + w->segment->length;
    }
    return page_next(w);
}

void nvme_prp_build(const struct block_segment *segments, uint32_t count,
                    const struct nvme_prp_page *lists, uint64_t prp[2])
{
    struct page_walk walk = {.segment = segments};
    uint32_t left = nvme_prp_count(segments, count), at = 0;

    prp[0] = page_take(&walk);
    prp[1] = 0;
    left--;
    if (left == 0)
        return;
    if (left == 1) {
        prp[1] = page_take(&walk);
        return;
    }
    prp[1] = lists->device;
    for (; left > 0; left--) {
        if (at == NVME_PRP_ENTRIES - 1 && left > 1) {
            lists->entries[at] = lists[1].device;
            lists++;
            at = 0;
        }
        lists->entries[at++] = page_take(&walk);
    }
}
