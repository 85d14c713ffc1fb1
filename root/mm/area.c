/* SPDX-License-Identifier: MIT */
/* root/mm/area.c - see area.h. */
#include "mm/area.h"
#include "mm/memory.h"

static struct area *area_of(struct list *l)
{
    return container_of(l, struct area, link);
}

bool area_overlaps(const struct list *areas, uint64_t start, uint64_t end)
{
    LIST_FOR_EACH (l, areas) {
        struct area *a = area_of(l);

        if (a->start < end && start < a->end)
            return true;
    }
    return false;
}

static struct area *area_new(uint64_t start, uint64_t end)
{
    struct area *a = kalloc(sizeof(*a));

    if (a != NULL) {
        a->start = start;
        a->end = end;
        list_init(&a->link);
    }
    return a;
}

/* The first area at or above @start, or the head. */
static struct list *place_for(struct list *areas, uint64_t start)
{
    struct list *l = areas->next;

    while (l != areas && area_of(l)->start < start)
        l = l->next;
    return l;
}

struct area *area_add(struct list *areas, uint64_t start, uint64_t end)
{
    struct area *a;

    if (area_overlaps(areas, start, end))
        return NULL;
    a = area_new(start, end);
    if (a != NULL)
        list_insert_before(place_for(areas, start), &a->link);
    return a;
}

bool area_extend(struct list *areas, uint64_t start, uint64_t end)
{
    struct list *before = place_for(areas, start)->prev;

    if (before == areas || area_of(before)->end != start || area_of(before)->lender != NULL ||
        area_overlaps(areas, start, end))
        return area_add(areas, start, end) != NULL;
    area_of(before)->end = end;
    return true;
}

struct area *area_spare(void)
{
    return area_new(0, 0);
}

void area_free_spare(struct area *spare)
{
    kfree(spare);
}

/* [@start, @end) lies strictly inside @a, with something left on both sides. */
static void area_split(struct area *a, uint64_t start, uint64_t end, struct area *upper)
{
    upper->start = end;
    upper->end = a->end;
    a->end = start;
    list_push_front(&a->link, &upper->link);
}

void area_remove(struct list *areas, uint64_t start, uint64_t end, struct area **spare,
                 struct list *gone)
{
    LIST_FOR_EACH_SAFE (l, areas) {
        struct area *a = area_of(l);

        if (a->end <= start || end <= a->start)
            continue;
        if (a->start < start && end < a->end) {
            area_split(a, start, end, *spare);
            *spare = NULL;
            return; /* no other area is touched */
        }
        if (a->start < start) {
            a->end = start;
        } else if (end < a->end) {
            a->start = end;
        } else {
            list_remove(&a->link);
            list_push_back(gone, &a->link);
        }
    }
}

uint64_t area_find_gap(const struct list *areas, uint64_t size, uint64_t align, uint64_t low,
                       uint64_t high)
{
    uint64_t at = (low + align - 1) & ~(align - 1);

    LIST_FOR_EACH (l, areas) {
        const struct area *a = area_of(l);

        if (a->end <= at)
            continue;
        if (a->start >= at && a->start - at >= size)
            break;
        at = (a->end + align - 1) & ~(align - 1);
    }
    return at <= high && size <= high - at ? at : 0;
}

bool area_covers(const struct list *areas, uint64_t start, uint64_t end)
{
    LIST_FOR_EACH (l, areas) {
        const struct area *a = area_of(l);

        if (a->start <= start && start < a->end)
            start = a->end;
    }
    return start >= end;
}

bool area_has_lent(const struct list *areas, uint64_t start, uint64_t end, bool partly)
{
    LIST_FOR_EACH (l, areas) {
        const struct area *a = area_of(l);

        if (a->lender != NULL && a->start < end && start < a->end &&
            (!partly || a->start < start || end < a->end))
            return true;
    }
    return false;
}

void area_free_all(struct list *areas)
{
    LIST_FOR_EACH_SAFE (l, areas) {
        list_remove(l);
        kfree(area_of(l));
    }
}
