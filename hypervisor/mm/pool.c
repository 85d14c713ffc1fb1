/* SPDX-License-Identifier: MIT */
/* mm/pool.c - see mm/pool.h.
 *
 * A slab page starts with a struct slab; its objects follow. Free objects are zero. */
#include <debug/log.h>
#include <hvabi/status.h>
#include <mm/pfn.h>
#include <mm/phys.h>
#include <mm/pool.h>

struct slab {
    struct list node;   /* on pool.partial[class], or alone if no object is free */
    struct pool *owner; /* against an object given back to another pool */
    uint64_t free[2];   /* a bit for each free object */
    uint16_t class;
    uint16_t used; /* objects given out */
    uint16_t reserved[10];
};
_Static_assert(sizeof(struct slab) == 64, "objects of 64 bytes keep their alignment");

/* Multiples of 16 that fill the page behind the header with 1, 2, 3, 4... objects. */
static const uint16_t class_size[POOL_CLASSES] = {32, 64, 128, 256, 512, 1008, 1344, 2016, 4032};
_Static_assert(POOL_OBJECT_MAX <= 4032, "the largest class holds the largest object");
_Static_assert((4096 - sizeof(struct slab)) / 32 <= 128, "one bit for each of the smallest objects");

static uint64_t *link_of(hpa_t page)
{
    return hpa_ptr(page);
}

static void chain_push(hpa_t *chain, hpa_t page)
{
    *link_of(page) = chain->v;
    *chain = page;
}

static hpa_t chain_pop(hpa_t *chain)
{
    hpa_t page = *chain;

    chain->v = *link_of(page);
    *link_of(page) = 0;
    return page;
}

void pool_init(struct pool *p, uint16_t slot)
{
    memset(p, 0, sizeof(*p));
    p->slot = slot;
    for (size_t i = 0; i < POOL_CLASSES; i++)
        list_init(&p->partial[i]);
}

static void page_put(struct pool *p, hpa_t page) REQUIRES(p->lock)
{
    uint16_t slot;
    enum pfn_state state = pfn_query(page, &slot);

    BUG_ON(page.v == 0);
    BUG_ON(state != PFN_KEPT && (state != PFN_POOL || slot != p->slot));
    chain_push(state == PFN_KEPT ? &p->kept : &p->deposited, page);
    p->available++;
    if (state == PFN_POOL)
        p->withdrawable++;
}

static hv_status page_take(struct pool *p, hpa_t *out) REQUIRES(p->lock)
{
    if (p->kept.v != 0) {
        *out = chain_pop(&p->kept);
    } else if (p->deposited.v != 0) {
        *out = chain_pop(&p->deposited);
        p->withdrawable--;
    } else {
        return HV_STATUS_INSUFFICIENT_MEMORY;
    }
    p->available--;
    p->in_use++;
    return HV_STATUS_SUCCESS;
}

void pool_deposit_page(struct pool *p, hpa_t page)
{
    page_zero(page);
    spin_lock(&p->lock);
    page_put(p, page);
    spin_unlock(&p->lock);
}

void pool_take_kept(struct pool *p, hpa_t base, uint64_t size)
{
    for (uint64_t offset = 0; offset < size; offset += PAGE_SIZE)
        pool_deposit_page(p, hpa(base.v + offset));
}

hv_status pool_withdraw_page(struct pool *p, hpa_t *out)
{
    hv_status st = HV_STATUS_NO_RESOURCES;

    spin_lock(&p->lock);
    if (p->deposited.v != 0) {
        *out = chain_pop(&p->deposited);
        p->withdrawable--;
        p->available--;
        st = HV_STATUS_SUCCESS;
    }
    spin_unlock(&p->lock);
    return st;
}

hv_status pool_page_alloc(struct pool *p, hpa_t *out)
{
    hv_status st;

    spin_lock(&p->lock);
    st = page_take(p, out);
    spin_unlock(&p->lock);
    return st;
}

void pool_page_free(struct pool *p, hpa_t page)
{
    page_zero(page);
    spin_lock(&p->lock);
    BUG_ON(p->in_use == 0);
    p->in_use--;
    page_put(p, page);
    spin_unlock(&p->lock);
}

static uint16_t class_of(size_t bytes)
{
    uint16_t class = 0;

    while (class_size[class] < bytes)
        class++;
    return class;
}

static void slab_init(struct slab *s, struct pool *p, uint16_t class)
{
    s->owner = p;
    s->class = class;
    for (size_t i = 0; i < (PAGE_SIZE - sizeof(*s)) / class_size[class]; i++)
        s->free[i / 64] |= 1ull << (i % 64);
    list_push_front(&p->partial[class], &s->node);
}

static bool slab_is_full(const struct slab *s)
{
    return (s->free[0] | s->free[1]) == 0;
}

/* The address of a free object of @s, which has one; it is free no more. */
static void *slab_take(struct slab *s)
{
    unsigned word = s->free[0] != 0 ? 0 : 1;
    unsigned bit = (unsigned)__builtin_ctzll(s->free[word]);

    s->free[word] &= ~(1ull << bit);
    s->used++;
    return (char *)(s + 1) + (size_t)class_size[s->class] * (word * 64 + bit);
}

/* A slab page of @class with a free object, or NULL. */
static struct slab *slab_get(struct pool *p, uint16_t class) REQUIRES(p->lock)
{
    hpa_t page;

    if (list_empty(&p->partial[class])) {
        if (page_take(p, &page) != HV_STATUS_SUCCESS)
            return NULL;
        slab_init(hpa_ptr(page), p, class);
    }
    return container_of(p->partial[class].next, struct slab, node);
}

void *pool_alloc(struct pool *p, size_t bytes)
{
    struct slab *s;
    void *object = NULL;

    BUG_ON(bytes == 0 || bytes > POOL_OBJECT_MAX);
    spin_lock(&p->lock);
    s = slab_get(p, class_of(bytes));
    if (s != NULL) {
        object = slab_take(s);
        if (slab_is_full(s))
            list_remove(&s->node);
    }
    spin_unlock(&p->lock);
    return object;
}

static void slab_return(struct pool *p, struct slab *s) REQUIRES(p->lock)
{
    hpa_t page = ptr_hpa(s);

    list_remove(&s->node);
    page_zero(page);
    p->in_use--;
    page_put(p, page);
}

/* The number of @object among those of @s; panics if it is none that was given out. */
static unsigned slab_index(const struct slab *s, const struct pool *p, size_t offset)
{
    size_t i = (offset - sizeof(*s)) / class_size[s->class];

    BUG_ON(s->owner != p || offset < sizeof(*s));
    BUG_ON((offset - sizeof(*s)) % class_size[s->class] != 0);
    BUG_ON((s->free[i / 64] >> (i % 64) & 1) != 0);
    return (unsigned)i;
}

void pool_free(struct pool *p, void *object)
{
    size_t offset = (uintptr_t)object & PAGE_MASK;
    struct slab *s = (struct slab *)(void *)((char *)object - offset);
    unsigned i;

    if (object == NULL)
        return;
    spin_lock(&p->lock);
    i = slab_index(s, p, offset);
    memset(object, 0, class_size[s->class]);
    if (slab_is_full(s))
        list_push_front(&p->partial[s->class], &s->node);
    s->free[i / 64] |= 1ull << (i % 64);
    if (--s->used == 0)
        slab_return(p, s);
    spin_unlock(&p->lock);
}

struct pool_balance pool_balance(struct pool *p)
{
    struct pool_balance b;

    spin_lock(&p->lock);
    b = (struct pool_balance){p->available, p->in_use};
    spin_unlock(&p->lock);
    return b;
}
