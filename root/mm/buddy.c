/* SPDX-License-Identifier: MIT */
/* root/mm/buddy.c - see buddy.h. */
#include <rt/mem.h>
#include "mm/buddy.h"

enum { FRAME_SHIFT = 12 };

/* A frame's state: the head of a free or allocated block with its order, or neither. */
#define STATE_INSIDE    0x00u
#define STATE_FREE      0x40u
#define STATE_ALLOCATED 0x80u

static struct list *frame_link(const struct buddy *b, uint64_t frame)
{
    return (struct list *)(void *)(b->window + (frame << FRAME_SHIFT));
}

static uint64_t link_frame(const struct buddy *b, const struct list *l)
{
    return (uint64_t)((const uint8_t *)l - b->window) >> FRAME_SHIFT;
}

static void block_put(struct buddy *b, uint64_t frame, unsigned order)
{
    b->states[frame] = (uint8_t)(STATE_FREE | order);
    list_push_front(&b->lists[order], frame_link(b, frame));
}

static void block_take(struct buddy *b, uint64_t frame)
{
    b->states[frame] = STATE_INSIDE;
    list_remove(frame_link(b, frame));
}

void buddy_init(struct buddy *b, void *window, uint8_t *states, uint64_t frames)
{
    *b = (struct buddy){.window = window, .states = states, .frames = frames};
    memset(states, STATE_INSIDE, frames);
    for (unsigned i = 0; i < BUDDY_ORDERS; i++)
        list_init(&b->lists[i]);
}

/* Put a block back and join it with its buddies as far as they are free. */
static void block_merge(struct buddy *b, uint64_t frame, unsigned order)
{
    b->free += 1ull << order;
    for (; order + 1 < BUDDY_ORDERS; order++) {
        uint64_t other = frame ^ (1ull << order);

        if (other >= b->frames || b->states[other] != (STATE_FREE | order))
            break;
        block_take(b, other);
        frame &= ~(1ull << order);
    }
    block_put(b, frame, order);
}

void buddy_add(struct buddy *b, uint64_t first, uint64_t count)
{
    while (count != 0) {
        unsigned order = 0;

        while (order + 1 < BUDDY_ORDERS && (first & (1ull << order)) == 0 &&
               2ull << order <= count)
            order++;
        block_merge(b, first, order);
        first += 1ull << order;
        count -= 1ull << order;
    }
}

uint64_t buddy_alloc(struct buddy *b, unsigned order)
{
    unsigned from = order;
    uint64_t frame;

    while (from < BUDDY_ORDERS && list_empty(&b->lists[from]))
        from++;
    if (from >= BUDDY_ORDERS)
        return BUDDY_NONE;
    frame = link_frame(b, b->lists[from].next);
    block_take(b, frame);
    while (from > order) {
        from--;
        block_put(b, frame + (1ull << from), from);
    }
    b->states[frame] = (uint8_t)(STATE_ALLOCATED | order);
    b->free -= 1ull << order;
    return frame;
}

bool buddy_free(struct buddy *b, uint64_t frame, unsigned order)
{
    if (frame >= b->frames || b->states[frame] != (STATE_ALLOCATED | order))
        return false;
    b->states[frame] = STATE_INSIDE;
    block_merge(b, frame, order);
    return true;
}

unsigned buddy_order(const struct buddy *b, uint64_t frame)
{
    if (frame >= b->frames || (b->states[frame] & STATE_ALLOCATED) == 0)
        return BUDDY_ORDERS;
    return b->states[frame] & ~STATE_ALLOCATED;
}
