/* SPDX-License-Identifier: MIT */
/* root/io/mmio.h - reads and writes of device registers in memory that mmio_map has mapped.
 * One access of exactly the width named. Any context. */
#ifndef ROOT_IO_MMIO_H
#define ROOT_IO_MMIO_H

#include <stdint.h>

static inline uint8_t mmio_read8(const volatile void *base, uint32_t offset)
{
    return *(const volatile uint8_t *)((const volatile char *)base + offset);
}

static inline uint16_t mmio_read16(const volatile void *base, uint32_t offset)
{
    return *(const volatile uint16_t *)(const volatile void *)((const volatile char *)base +
                                                               offset);
}

static inline uint32_t mmio_read32(const volatile void *base, uint32_t offset)
{
    return *(const volatile uint32_t *)(const volatile void *)((const volatile char *)base +
                                                               offset);
}

/* A 64-bit register as two halves, low first, which every device must bear. */
static inline uint64_t mmio_read64(const volatile void *base, uint32_t offset)
{
    uint64_t low = mmio_read32(base, offset);

    return low | (uint64_t)mmio_read32(base, offset + 4) << 32;
}

static inline void mmio_write8(volatile void *base, uint32_t offset, uint8_t v)
{
    *(volatile uint8_t *)((volatile char *)base + offset) = v;
}

static inline void mmio_write16(volatile void *base, uint32_t offset, uint16_t v)
{
    *(volatile uint16_t *)(volatile void *)((volatile char *)base + offset) = v;
}

static inline void mmio_write32(volatile void *base, uint32_t offset, uint32_t v)
{
    *(volatile uint32_t *)(volatile void *)((volatile char *)base + offset) = v;
}

static inline void mmio_write64(volatile void *base, uint32_t offset, uint64_t v)
{
    mmio_write32(base, offset, (uint32_t)v);
    mmio_write32(base, offset + 4, (uint32_t)(v >> 32));
}

#endif
