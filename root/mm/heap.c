/* SPDX-License-Identifier: MIT */
/* root/mm/heap.c - kalloc: pages cut into objects of one size class each; what is larger gets
 * pages of its own. A slab's header lies at the start of its page, so objects are never
 * page-aligned and large allocations always are: that is how kfree tells them apart. */
#include <rt/list.h>
#include <rt/mem.h>
#include "log.h"
#include "mm/buddy.h"
#include "mm/init.h"
#include "mm/memory.h"
#include "sched/thread.h"

static const uint16_t class_sizes[] = {16,  32,  48,  64,  96,   128,  192,
                                       256, 384, 512, 672, 1008, 1344, 2016};
enum { CLASSES = sizeof(class_sizes) / sizeof(class_sizes[0]) };
#define SLAB_MAGIC 0x62616c73u

struct slab {
    struct list link; /* [class lock] on the class's list while it has free objects */
    uint32_t magic;
    uint16_t class_index;
    uint16_t used; /* [class lock] */
    void *free;    /* [class lock] first free object, each holding the next */
    uint64_t padding[4];
};
_Static_assert(sizeof(struct slab) == 64, "the size classes are chosen for a 64-byte header");

struct size_class {
    struct spinlock lock;
    struct list partial; /* [lock] slabs with free objects */
};

static struct size_class classes[CLASSES];

void heap_init(void)
{
    for (unsigned i = 0; i < CLASSES; i++)
        list_init(&classes[i].partial);
}

static unsigned class_for(size_t size)
{
    unsigned i = 0;

    while (i < CLASSES && class_sizes[i] < size)
        i++;
    return i;
}

static void slab_push(struct slab *s, void *object)
{
    *(void **)object = s->free;
    s->free = object;
}

/* A new slab of class @index with all objects free; NULL: no memory. */
static struct slab *slab_create(unsigned index)
{
    uint64_t page = page_alloc(0);
    struct slab *s;
    uint8_t *base;

    if (page == 0)
        return NULL;
    /* Firmware code that ran in this page would stay in an emulator's cache of translations, and
     * every write to the page would be slow for good. */
    page_zero(page, 0);
    base = phys_to_virt(page);
    s = (struct slab *)(void *)base;
    *s = (struct slab){.magic = SLAB_MAGIC, .class_index = (uint16_t)index};
    list_init(&s->link);
    for (size_t at = sizeof(*s); at + class_sizes[index] <= PAGE_SIZE; at += class_sizes[index])
        slab_push(s, base + at);
    return s;
}

static void *slab_pop_locked(struct slab *s)
{
    void *object = s->free;

    s->free = *(void **)object;
    s->used++;
    if (s->free == NULL)
        list_remove(&s->link);
    return object;
}

static void *class_alloc(unsigned index)
{
    struct size_class *c = &classes[index];
    uint64_t flags = spin_lock(&c->lock);
    void *object = NULL;

    if (list_empty(&c->partial)) {
        struct slab *s = slab_create(index);

        if (s != NULL)
            list_push_front(&c->partial, &s->link);
    }
    if (!list_empty(&c->partial))
        object = slab_pop_locked(container_of(c->partial.next, struct slab, link));
    spin_unlock(&c->lock, flags);
    if (object != NULL)
        memset(object, 0, class_sizes[index]);
    return object;
}

static void *large_alloc(size_t size)
{
    unsigned order = 0;
    uint64_t page;

    while (order < BUDDY_ORDERS && (PAGE_SIZE << order) < size)
        order++;
    page = page_alloc(order);
    if (page == 0)
        return NULL;
    page_zero(page, order);
    return phys_to_virt(page);
}

void *kalloc(size_t size)
{
    unsigned index = class_for(size);

    return index < CLASSES ? class_alloc(index) : large_alloc(size);
}

static void slab_free(struct slab *s, void *object)
{
    struct size_class *c;
    bool empty;
    uint64_t flags;

    BUG_ON(s->magic != SLAB_MAGIC);
    c = &classes[s->class_index];
    flags = spin_lock(&c->lock);
    if (s->free == NULL)
        list_push_back(&c->partial, &s->link);
    slab_push(s, object);
    empty = --s->used == 0;
    if (empty) {
        list_remove(&s->link);
        s->magic = 0;
    }
    spin_unlock(&c->lock, flags);
    if (empty)
        page_free(virt_to_phys(s), 0);
}

void kfree(void *p)
{
    uint64_t offset = (uint64_t)(uintptr_t)p % PAGE_SIZE;

    if (p == NULL)
        return;
    if (offset != 0)
        slab_free((struct slab *)(void *)((uint8_t *)p - offset), p);
    else
        page_free(virt_to_phys(p), page_order(virt_to_phys(p)));
}
