/* SPDX-License-Identifier: MIT */
/* root/mm/area.h - which stretches of a ring-3 address space are in use: a sorted list without
 * overlap. Pure bookkeeping on page-aligned addresses; the space's lock protects it. */
#ifndef ROOT_MM_AREA_H
#define ROOT_MM_AREA_H

#include <stdbool.h>
#include <stdint.h>
#include <rt/list.h>

struct file;

struct area {
    struct list link;
    uint64_t start, end; /* [start, end) */
    struct file *lender; /* whose memory it is; NULL: the space's own */
};

/* Note [@start, @end) as used; the area. NULL, with nothing changed: it overlaps, or there is no
 * memory. */
struct area *area_add(struct list *areas, uint64_t start, uint64_t end);

/* The same, but lengthen the area before it if that ends at @start and is not lent. */
bool area_extend(struct list *areas, uint64_t start, uint64_t end);

/* What area_remove may need; NULL: no memory. area_free_spare takes NULL. */
struct area *area_spare(void);
void area_free_spare(struct area *spare);

/* Forget whatever of [@start, @end) is used, splitting areas, but none that is lent: it is wholly in
 * the range or not at all. *@spare, from area_spare, is used and set to NULL if the range leaves both
 * ends of one area; else it may be NULL from the start. Areas that are gone are put on @gone. */
void area_remove(struct list *areas, uint64_t start, uint64_t end, struct area **spare,
                 struct list *gone);

/* The lowest unused @size bytes in [@low, @high), at a multiple of @align, a power of 2; 0: there are
 * none. */
uint64_t area_find_gap(const struct list *areas, uint64_t size, uint64_t align, uint64_t low,
                       uint64_t high);

/* Whether any of [@start, @end) is used. */
bool area_overlaps(const struct list *areas, uint64_t start, uint64_t end);

/* Whether it is used without a hole. */
bool area_covers(const struct list *areas, uint64_t start, uint64_t end);

/* Whether some of it is lent. With @partly: whether an area is lent that is only partly in it. */
bool area_has_lent(const struct list *areas, uint64_t start, uint64_t end, bool partly);

void area_free_all(struct list *areas);

#endif
