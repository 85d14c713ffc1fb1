/* SPDX-License-Identifier: MIT */
/* root/mm/area.h - which stretches of a ring-3 address space are in use: a sorted list without
 * overlap. Pure bookkeeping on page-aligned addresses; the space's lock protects it. */
#ifndef ROOT_MM_AREA_H
#define ROOT_MM_AREA_H

#include <stdbool.h>
#include <stdint.h>
#include <rt/list.h>

struct area {
    struct list link;
    uint64_t start, end; /* [start, end) */
};

/* Note [@start, @end) as used. False, with nothing changed: it overlaps, or there is no memory. */
bool area_add(struct list *areas, uint64_t start, uint64_t end);

/* What area_remove may need; NULL: no memory. area_free_spare takes NULL. */
struct area *area_spare(void);
void area_free_spare(struct area *spare);

/* Forget whatever of [@start, @end) is used, splitting areas. *@spare, from area_spare, is used and
 * set to NULL if the range leaves both ends of one area; else it may be NULL from the start. */
void area_remove(struct list *areas, uint64_t start, uint64_t end, struct area **spare);

/* The lowest unused @size bytes in [@low, @high); 0: there are none. */
uint64_t area_find_gap(const struct list *areas, uint64_t size, uint64_t low, uint64_t high);

/* Whether any of [@start, @end) is used. */
bool area_overlaps(const struct list *areas, uint64_t start, uint64_t end);

void area_free_all(struct list *areas);

#endif
