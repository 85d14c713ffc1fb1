/* SPDX-License-Identifier: MIT */
/* root/io/dma.c - DMA addresses without an IOMMU: the identity. */
#include <rt/mem.h>
#include "io/dma.h"
#include "mm/memory.h"

static unsigned size_order(size_t size)
{
    unsigned order = 0;

    while ((PAGE_SIZE << order) < size)
        order++;
    return order;
}

bool dma_alloc(struct dma_buffer *buffer, size_t size)
{
    unsigned order = size_order(size);
    uint64_t physical = page_alloc(order);

    if (!physical)
        return false;
    buffer->virtual = phys_to_virt(physical);
    buffer->size = PAGE_SIZE << order;
    buffer->device = dma_map(physical, buffer->size);
    memset(buffer->virtual, 0, buffer->size);
    return true;
}

void dma_free(struct dma_buffer *buffer)
{
    if (!buffer->virtual)
        return;
    dma_unmap(buffer->device, buffer->size);
    page_free(virt_to_phys(buffer->virtual), size_order(buffer->size));
    *buffer = (struct dma_buffer){.virtual = NULL};
}

uint64_t dma_map(uint64_t physical, size_t length)
{
    (void)length;
    return physical;
}

void dma_unmap(uint64_t device, size_t length)
{
    (void)device;
    (void)length;
}
