/* SPDX-License-Identifier: MIT */
/* rt/pairing_heap.c - two-pass pairing heap; see rt/pairing_heap.h. */
#include <rt/pairing_heap.h>

/* Make one tree of two whose roots have no siblings. */
static struct heap_node *meld(struct heap_node *a, struct heap_node *b)
{
    if (a == NULL)
        return b;
    if (b == NULL)
        return a;
    if (b->key < a->key) {
        struct heap_node *t = a;
        a = b;
        b = t;
    }
    b->prev = a;
    b->sibling = a->child;
    if (a->child != NULL)
        a->child->prev = b;
    a->child = b;
    return a;
}

/* Meld a list of siblings: pairs from left to right, then the results from right to left. */
static struct heap_node *meld_siblings(struct heap_node *first)
{
    struct heap_node *pairs = NULL, *root = NULL;

    while (first != NULL) {
        struct heap_node *a = first, *b = first->sibling;
        first = b != NULL ? b->sibling : NULL;
        a->sibling = NULL;
        a->prev = NULL;
        if (b != NULL) {
            b->sibling = NULL;
            b->prev = NULL;
        }
        a = meld(a, b);
        a->sibling = pairs;
        pairs = a;
    }
    while (pairs != NULL) {
        struct heap_node *next = pairs->sibling;
        pairs->sibling = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

void heap_insert(struct heap *h, struct heap_node *n, uint64_t key)
{
    n->key = key;
    n->child = NULL;
    n->sibling = NULL;
    n->prev = NULL;
    n->queued = true;
    h->root = meld(h->root, n);
}

static void take_out(struct heap *h, struct heap_node *n)
{
    struct heap_node *rest = meld_siblings(n->child);

    if (n == h->root) {
        h->root = rest;
        return;
    }
    if (n->prev->child == n)
        n->prev->child = n->sibling;
    else
        n->prev->sibling = n->sibling;
    if (n->sibling != NULL)
        n->sibling->prev = n->prev;
    h->root = meld(h->root, rest);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
    if (!n->queued)
        return;
    take_out(h, n);
    __atomic_store_n(&n->queued, false, __ATOMIC_RELEASE); /* last: see pairing_heap.h */
}
