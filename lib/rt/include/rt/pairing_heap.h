/* SPDX-License-Identifier: MIT */
/* rt/pairing_heap.h - an intrusive min-heap on a 64-bit key, for timers and run queues.
 * Insert O(1), smallest O(1), remove of any node O(log n) amortised; no allocation, no recursion.
 * Rules: the owner's lock protects the heap; a node is on at most one heap. */
#ifndef RT_PAIRING_HEAP_H
#define RT_PAIRING_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    uint64_t key;
    struct heap_node *child;   /* first child */
    struct heap_node *sibling; /* next child of the same parent */
    struct heap_node *prev;    /* previous sibling, or the parent of a first child */
    bool queued;
};

struct heap {
    struct heap_node *root;
};

static inline struct heap_node *heap_first(const struct heap *h)
{
    return h->root;
}

/* Queue @n, which is on no heap, under @key. Nodes of equal keys come out in no given order. */
void heap_insert(struct heap *h, struct heap_node *n, uint64_t key);

/* Take @n off @h; harmless if it is not queued. n->queued is false last of all, by a release store:
 * whoever reads so with acquire, without the heap's lock, may insert @n elsewhere. */
void heap_remove(struct heap *h, struct heap_node *n);

#endif
