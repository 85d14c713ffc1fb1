/* SPDX-License-Identifier: MIT */
/* root/child/ram.h - a child's RAM: blocks of 2 MiB, which the child sees in two pieces with a hole
 * between for devices (rootabi/partition.h), and single pages besides that the child does not see
 * but its worker does. All of it lives as long as anybody has it: the partition that it is mapped
 * into, and every address space of ring 3 that maps some of it.
 * [I] what is fixed when it is made; [a] atomic. */
#ifndef ROOT_CHILD_RAM_H
#define ROOT_CHILD_RAM_H

#include <stdbool.h>
#include <stdint.h>

#define RAM_BLOCK       (2ull << 20)
#define RAM_BLOCK_ORDER 9u

struct child_ram {
    uint32_t users;    /* [a] */
    uint32_t count;    /* [I] blocks */
    uint64_t size;     /* [I] bytes, all of which are there: a multiple of RAM_BLOCK */
    uint64_t low;      /* [I] of them below the hole */
    uint32_t pages;    /* [I] single ones */
    uint64_t *page;    /* [I] their physical addresses */
    uint64_t blocks[]; /* [I] physical addresses in root */
};

/* Zeroed RAM of @size bytes, a multiple of RAM_BLOCK, and @pages single pages; the caller is its first
 * user. NULL: root has not so much. Thread context; slow. */
struct child_ram *ram_create(uint64_t size, uint32_t pages);

/* One more user, of RAM that the caller knows to have one; one less: the last frees it. Any context,
 * though freeing takes long. */
void ram_get(struct child_ram *r);
void ram_put(struct child_ram *r);

/* Where guest physical @gpa is in root; 0: there is no RAM there. */
uint64_t ram_at(const struct child_ram *r, uint64_t gpa);

/* Whether all of [@gpa, @gpa + @size) is RAM, in one piece for the child. */
bool ram_covers(const struct child_ram *r, uint64_t gpa, uint64_t size);

/* The guest physical address of block @index. */
uint64_t ram_gpa(const struct child_ram *r, uint32_t index);

/* The physical address of single page @index, of which there are more. */
static inline uint64_t ram_page(const struct child_ram *r, uint32_t index)
{
    return r->page[index];
}

#endif
