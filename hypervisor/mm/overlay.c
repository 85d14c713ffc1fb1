/* SPDX-License-Identifier: MIT */
/* mm/overlay.c - see mm/overlay.h.
 *
 * The topmost overlay of a page is on the SLAT's hash and holds the hidden entry. The others hang
 * on its ring in the order of their age, newest first. */
#include <debug/log.h>
#include <hvabi/status.h>
#include <mm/overlay.h>
#include <mm/slat_walk.h>

#define HASH_MULTIPLIER 0x9e3779b97f4a7c15ull /* 2^64 divided by the golden ratio */
#define HASH_SHIFT      59                    /* leaves as many bits as there are buckets */
_Static_assert(SLAT_OVERLAY_BUCKETS == 1u << (64 - HASH_SHIFT), "the hash reaches every bucket");

static struct list *bucket_of(struct slat *s, gpa_t at) REQUIRES(s->lock)
{
    return &s->overlays[(at.v >> PAGE_SHIFT) * HASH_MULTIPLIER >> HASH_SHIFT];
}

void overlay_init(struct overlay *o)
{
    *o = (struct overlay){.placed = false};
    list_init(&o->node);
    list_init(&o->stack);
}

struct overlay *overlay_find_locked(struct slat *s, gpa_t at)
{
    struct list *bucket = bucket_of(s, at);

    LIST_FOR_EACH(node, bucket) {
        struct overlay *o = container_of(node, struct overlay, node);

        if (o->gpa.v == (at.v & ~PAGE_MASK))
            return o;
    }
    return NULL;
}

static void show(struct overlay *o, uint64_t *entry)
{
    slat_entry_store(entry, slat_entry_leaf(o->hpa, SLAT_4K, o->access, false, SLAT_ENTRY_OVERLAY));
}

/* Put @o on top of what is at the path's end, a 4 KiB entry. */
static void overlay_push(struct slat *s, struct overlay *o, struct slat_path *p,
                         struct slat_gather *g) REQUIRES(s->lock)
{
    struct overlay *top = overlay_find_locked(s, p->at);
    uint64_t old = slat_path_entry(p);

    o->gpa = p->at;
    o->placed = true;
    o->under = top == NULL ? old : top->under;
    if (top != NULL) {
        top->under = 0;
        list_remove(&top->node);
        list_insert_before(&top->stack, &o->stack);
    }
    list_push_front(bucket_of(s, p->at), &o->node);
    show(o, p->entry[SLAT_4K]);
    if (slat_entry_is_present(old))
        slat_gather_flush(g);
}

/* Take @o off; the page underneath, or the next overlay, appears. Tables stay. */
static void overlay_pop(struct slat *s, struct overlay *o, struct slat_gather *g) REQUIRES(s->lock)
{
    struct slat_path p;

    if (overlay_find_locked(s, o->gpa) == o) {
        slat_walk(s, o->gpa, SLAT_4K, &p);
        BUG_ON((slat_path_entry(&p) & SLAT_ENTRY_OVERLAY) == 0);
        list_remove(&o->node);
        if (list_empty(&o->stack)) {
            slat_entry_store(p.entry[SLAT_4K], o->under);
        } else {
            struct overlay *next = container_of(o->stack.next, struct overlay, stack);

            next->under = o->under;
            list_push_front(bucket_of(s, o->gpa), &next->node);
            show(next, p.entry[SLAT_4K]);
        }
        slat_gather_flush(g);
    }
    list_remove(&o->stack);
    o->under = 0;
    o->placed = false;
}

/* Tables and large pages around @at, where an overlay was, as they should be. */
static void tidy(struct slat *s, gpa_t at, struct slat_gather *g) REQUIRES(s->lock)
{
    struct slat_path p;

    slat_walk(s, at, SLAT_4K, &p);
    if (p.level == SLAT_4K)
        slat_ascend(s, &p, true, g);
}

hv_status overlay_set(struct slat *s, struct overlay *o, gpa_t at, hpa_t page, unsigned access,
                      struct slat_gather *g)
{
    struct slat_path p;
    hv_status st = slat_check(s, at, SLAT_4K, access);

    if (st != HV_STATUS_SUCCESS || (page.v & PAGE_MASK) != 0)
        return HV_STATUS_INVALID_PARAMETER;
    spin_lock(&s->lock);
    BUG_ON(o->placed);
    slat_walk(s, at, SLAT_4K, &p);
    st = slat_descend(s, &p, SLAT_4K);
    if (st == HV_STATUS_SUCCESS) {
        o->hpa = page;
        o->access = access;
        overlay_push(s, o, &p, g);
    }
    spin_unlock(&s->lock);
    return st;
}

hv_status overlay_move(struct slat *s, struct overlay *o, gpa_t to, struct slat_gather *g)
{
    struct slat_path p;
    hv_status st = slat_check(s, to, SLAT_4K, o->access);

    if (st != HV_STATUS_SUCCESS)
        return st;
    spin_lock(&s->lock);
    BUG_ON(!o->placed);
    slat_walk(s, to, SLAT_4K, &p);
    st = slat_descend(s, &p, SLAT_4K);
    if (st == HV_STATUS_SUCCESS) {
        gpa_t from = o->gpa;

        overlay_pop(s, o, g);
        overlay_push(s, o, &p, g);
        tidy(s, from, g);
    }
    spin_unlock(&s->lock);
    return st;
}

void overlay_clear(struct slat *s, struct overlay *o, struct slat_gather *g)
{
    spin_lock(&s->lock);
    if (o->placed) {
        gpa_t from = o->gpa;

        overlay_pop(s, o, g);
        tidy(s, from, g);
    }
    spin_unlock(&s->lock);
}
