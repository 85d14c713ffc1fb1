/* SPDX-License-Identifier: MIT */
/* root/io/dma.h - the one place that turns memory into what a device may address. Identity today:
 * a device address is a physical address; an IOMMU changes only this file's implementation.
 * Rules: drivers take only devices that address all of memory; a device that cannot is refused. */
#ifndef ROOT_IO_DMA_H
#define ROOT_IO_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dma_buffer {
    void *virtual;   /* kernel address */
    uint64_t device; /* what the device is told */
    size_t size;     /* bytes, whole pages */
};

/* Zeroed, physically contiguous pages; false if there are none. Thread context. */
bool dma_alloc(struct dma_buffer *buffer, size_t size);

/* Give back what dma_alloc gave; harmless on a zeroed or freed @buffer. */
void dma_free(struct dma_buffer *buffer);

/* The device's address of physical memory [@physical, @physical + @length), until dma_unmap.
 * Any context. */
uint64_t dma_map(uint64_t physical, size_t length);
void dma_unmap(uint64_t device, size_t length);

/* Between filling shared memory and telling the device; between seeing that the device has
 * written and reading what. Processor and device see memory in order: only the compiler need be
 * held back (SDM vol. 3, 9.2.2; uncached writes do not pass earlier writes). */
static inline void dma_publish(void)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void dma_observe(void)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

#endif
