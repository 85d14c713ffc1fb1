/* SPDX-License-Identifier: MIT */
/* root/mm/space.h - ring 3's address spaces. Memory is given in whole pages, zeroed, at once: there
 * are no page faults to serve. Beside it, memory that belongs to somebody else may be lent to a
 * space: a child's RAM, a boot module. Thread context, but for space_switch. */
#ifndef ROOT_MM_SPACE_H
#define ROOT_MM_SPACE_H

#include <stdbool.h>
#include <stdint.h>
#include "sched/thread.h"

struct cpu;
struct file;
struct process;

/* Ring 3 has [USER_BASE, USER_END). The last page below the hole stays free, so that no return
 * address there is non-canonical. */
#define USER_BASE 0x0000000000010000ull
#define USER_END  0x00007ffffffff000ull

/* Memory without access is there, but nobody may touch it. */
enum {
    SPACE_READ = 1,
    SPACE_WRITE = 2,
    SPACE_EXECUTE = 4,
    SPACE_REPLACE = 8, /* what is mapped at the address goes, instead of EEXIST */
};

struct address_space {
    uint64_t root;      /* [I] top page table */
    struct mutex lock;
    struct list areas;  /* [lock] */
    uint64_t pages;     /* [lock] of memory, and one for each mapping of lent memory */
    uint64_t tables;    /* [lock] page tables below the top */
    uint64_t pages_max; /* [I] of both together */
    uint64_t brk_base;  /* [lock] where brk's memory begins; 0: there is none */
    uint64_t brk;       /* [lock] where it ends */
};

struct address_space *space_create(uint64_t pages_max);

/* Free everything. No CPU has it loaded. */
void space_destroy(struct address_space *s);

/* Give @size bytes at @address, or where there is room if that is 0; the address. A negative Linux
 * error number as int64_t: EINVAL, ENOMEM, EEXIST (overlap). */
int64_t space_map(struct address_space *s, uint64_t address, uint64_t size, uint32_t access);

/* Memory of somebody else's, @size bytes of it. */
struct space_lent {
    struct file *lender; /* gets a reference for as long as the memory is mapped */
    uint64_t size;       /* rounded up to pages */
    uint32_t access;     /* SPACE_READ, perhaps SPACE_WRITE and SPACE_REPLACE */
    /* The physical address of byte @offset, a multiple of the page size, and in *@length how much
     * lies there in one piece (whole pages, at least one). 0: there is nothing: EINVAL. Called by
     * space_map_lent only, with the space's lock held. */
    uint64_t (*find)(void *context, uint64_t offset, uint64_t *length);
    void *context;
};

/* Map it, in large pages where it fits, never executable, at @address or anywhere if that is 0; the
 * address. Errors as space_map's. The lender's file may be released only after no CPU can touch the
 * memory any more: at space_unmap of all of it, or space_destroy. */
int64_t space_map_lent(struct address_space *s, uint64_t address, const struct space_lent *lent);

/* Take back [@address, @address + @size), used or not: 0, or a negative error number. EINVAL: also
 * that a mapping of lent memory is only partly in it. */
int64_t space_unmap(struct address_space *s, uint64_t address, uint64_t size);

/* Change what may be done with memory of the space's own. EINVAL; ENOMEM: there are holes; EACCES:
 * some of it is lent. */
int64_t space_protect(struct address_space *s, uint64_t address, uint64_t size, uint32_t access);

/* Move the end of brk's memory to @address; where it is then, which is where it was if that is not
 * possible. */
uint64_t space_brk(struct address_space *s, uint64_t address);

/* Fill memory of @s, mapped before, that need not be loaded or writable. False: not mapped. */
bool space_write(struct address_space *s, uint64_t address, const void *data, uint64_t size);

/* Load @process's space, or the kernel's alone if it is NULL. Interrupts off. */
void space_switch(struct cpu *cpu, struct process *process);

#endif
