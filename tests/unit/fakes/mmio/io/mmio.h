/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/mmio/io/mmio.h - stands in for root's io/mmio.h where a fake device must see
 * each access: to registers whose bits are set or cleared by writing ones, or that select what
 * others show. A fake defines those of the widths that its driver uses. */
#ifndef ROOT_IO_MMIO_H
#define ROOT_IO_MMIO_H

#include <stdint.h>

uint8_t fake_mmio_read8(const volatile void *base, uint32_t offset);
uint16_t fake_mmio_read16(const volatile void *base, uint32_t offset);
uint32_t fake_mmio_read32(const volatile void *base, uint32_t offset);
void fake_mmio_write8(volatile void *base, uint32_t offset, uint8_t v);
void fake_mmio_write16(volatile void *base, uint32_t offset, uint16_t v);
void fake_mmio_write32(volatile void *base, uint32_t offset, uint32_t v);

static inline uint8_t mmio_read8(const volatile void *base, uint32_t offset)
{
    return fake_mmio_read8(base, offset);
}

static inline uint16_t mmio_read16(const volatile void *base, uint32_t offset)
{
    return fake_mmio_read16(base, offset);
}

static inline uint32_t mmio_read32(const volatile void *base, uint32_t offset)
{
    return fake_mmio_read32(base, offset);
}

static inline void mmio_write8(volatile void *base, uint32_t offset, uint8_t v)
{
    fake_mmio_write8(base, offset, v);
}

static inline void mmio_write16(volatile void *base, uint32_t offset, uint16_t v)
{
    fake_mmio_write16(base, offset, v);
}

static inline void mmio_write32(volatile void *base, uint32_t offset, uint32_t v)
{
    fake_mmio_write32(base, offset, v);
}

static inline void mmio_write64(volatile void *base, uint32_t offset, uint64_t v)
{
    mmio_write32(base, offset, (uint32_t)v);
    mmio_write32(base, offset + 4, (uint32_t)(v >> 32));
}

#endif
