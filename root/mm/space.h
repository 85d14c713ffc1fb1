/* SPDX-License-Identifier: MIT */
/* root/mm/space.h - ring 3's address spaces. Memory is given in whole pages, zeroed, at once: there
 * are no page faults to serve. Thread context, but for space_switch. */
#ifndef ROOT_MM_SPACE_H
#define ROOT_MM_SPACE_H

#include <stdbool.h>
#include <stdint.h>
#include "sched/thread.h"

struct cpu;
struct process;

/* Ring 3 has [USER_BASE, USER_END). The last page below the hole stays free, so that no return
 * address there is non-canonical. */
#define USER_BASE 0x0000000000010000ull
#define USER_END  0x00007ffffffff000ull

enum { SPACE_READ = 1, SPACE_WRITE = 2, SPACE_EXECUTE = 4 };

struct address_space {
    uint64_t root;      /* [I] top page table */
    struct mutex lock;
    struct list areas;  /* [lock] */
    uint64_t pages;     /* [lock] of memory */
    uint64_t pages_max; /* [I] */
};

struct address_space *space_create(uint64_t pages_max);

/* Free everything. No CPU has it loaded. */
void space_destroy(struct address_space *s);

/* Give @size bytes at @address, or where there is room if that is 0; the address. A negative Linux
 * error number as int64_t: EINVAL, ENOMEM, EEXIST (overlap). */
int64_t space_map(struct address_space *s, uint64_t address, uint64_t size, uint32_t access);

/* Take back [@address, @address + @size), used or not: 0, or a negative error number. */
int64_t space_unmap(struct address_space *s, uint64_t address, uint64_t size);

/* Fill memory of @s, mapped before, that need not be loaded or writable. False: not mapped. */
bool space_write(struct address_space *s, uint64_t address, const void *data, uint64_t size);

/* Load @process's space, or the kernel's alone if it is NULL. Interrupts off. */
void space_switch(struct cpu *cpu, struct process *process);

#endif
