/* SPDX-License-Identifier: MIT */
/* root/io/dma.h - the one place that turns memory into what a device may address. Identity today:
 * a device address is a physical address; an IOMMU changes only this file's implementation. */
#ifndef ROOT_IO_DMA_H
#define ROOT_IO_DMA_H

#include <stddef.h>
#include <stdint.h>

struct dma_buffer {
    void *virtual; /* kernel address */
    uint64_t device; /* what the device is told */
    size_t size;     /* bytes, whole pages */
};

/* Zeroed, physically contiguous pages below 4 GiB; false if there are none. Thread context. */
_Bool dma_alloc(struct dma_buffer *buffer, size_t size);
void dma_free(struct dma_buffer *buffer);

/* The device's address of physical memory [@physical, @physical + @length), until dma_unmap. */
uint64_t dma_map(uint64_t physical, size_t length);
void dma_unmap(uint64_t device, size_t length);

#endif
