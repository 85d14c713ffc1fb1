/* SPDX-License-Identifier: MIT */
/* fakes/fake_mm.h - a small machine for tests of hypervisor/mm: RAM, root, pools. */
#ifndef FAKES_FAKE_MM_H
#define FAKES_FAKE_MM_H

#include <setjmp.h>
#include <mm/mm.h>

/* Run @statement; true if it panicked. Locks that it held stay taken. */
#define PANICS(statement)                                                                          \
    (setjmp(*fake_panic_arm()) == 0 ? ((statement), fake_panic_disarm()) : true)
/* From now on a panic jumps to this buffer; no longer, which returns false. */
jmp_buf *fake_panic_arm(void);
bool fake_panic_disarm(void);

#define MIB (1ull << 20)
#define GIB (1ull << 30)

/* The fake machine's RAM: 640 KiB, a hole, then up to 3 GiB, a hole up to 4 GiB, then 2 GiB more.
 * The hypervisor keeps KEPT_SIZE bytes at KEPT_BASE. */
#define KEPT_BASE (64 * MIB)
#define KEPT_SIZE (32 * MIB)
extern const struct boot_memory_range fake_map[];
extern const uint32_t fake_map_count;

/* Fresh RAM and ownership table; the pool @root_pool (slot 0) has the kept region's last 8 MiB. */
void fake_machine_init(struct pool *root_pool);

/* Deposit @count of root's pages from @at into @p, without a SLAT. */
void fake_pool_fill(struct pool *p, uint64_t at, uint64_t count);

/* A reproducible random number below @below. */
uint64_t fake_random(uint64_t *state, uint64_t below);

#endif
