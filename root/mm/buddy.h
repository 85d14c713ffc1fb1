/* SPDX-License-Identifier: MIT */
/* root/mm/buddy.h - a buddy allocator over one range of page frames. Pure: it touches the pages
 * it manages (its free lists live in them) only through @window. No locking. */
#ifndef ROOT_MM_BUDDY_H
#define ROOT_MM_BUDDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <rt/list.h>

enum { BUDDY_ORDERS = 19 }; /* up to 1 GiB in one piece */

#define BUDDY_NONE UINT64_MAX

struct buddy {
    uint8_t *window;     /* where frame 0 of the range appears in memory */
    uint8_t *states;     /* one byte per frame: see buddy.c */
    uint64_t frames;     /* in the range */
    uint64_t free;       /* frames */
    struct list lists[BUDDY_ORDERS];
};

/* Manage @frames frames, all allocated at first. @states has a byte for each. */
void buddy_init(struct buddy *b, void *window, uint8_t *states, uint64_t frames);

/* Hand frames [@first, @first + @count) to the allocator: the initial free memory. */
void buddy_add(struct buddy *b, uint64_t first, uint64_t count);

/* The first of 2^@order aligned frames; BUDDY_NONE: none. */
uint64_t buddy_alloc(struct buddy *b, unsigned order);

/* False, with nothing changed: @frame is not the head of an allocation of @order. */
bool buddy_free(struct buddy *b, uint64_t frame, unsigned order);

/* The order with which the allocation at @frame was made; BUDDY_ORDERS: none begins there. */
unsigned buddy_order(const struct buddy *b, uint64_t frame);

#endif
