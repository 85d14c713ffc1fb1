/* SPDX-License-Identifier: MIT */
/* mm/overlay.h - pages of the hypervisor that lie on top of a guest physical page (TLFS 2.0a,
 * 8.1.3; TLFS 6.0b, 5.2.1): hypercall page, message and event pages, reference TSC, VP assist.
 *
 * The mapping underneath is hidden, not changed: it appears again when the overlay goes, and
 * mapping or unmapping meanwhile changes what will appear. Overlays on the same address stack, the
 * last one placed on top, and may leave in any order. The SLAT's lock protects struct overlay.
 * All take and release that lock; flushing as in mm/slat.h. */
#ifndef MM_OVERLAY_H
#define MM_OVERLAY_H

#include <mm/slat.h>

struct overlay {
    gpa_t gpa;        /* [slat] where it lies; page-aligned */
    hpa_t hpa;        /* [slat] the page shown there: the caller's, who frees it after the flush */
    unsigned access;  /* [slat] the guest's rights to it */
    bool placed;      /* [slat] */
    uint64_t under;   /* [slat] in the topmost of a stack: the entry that is hidden */
    struct list node; /* [slat] in the topmost of a stack: on the SLAT's bucket */
    struct list stack; /* [slat] the others on the same page; this one's successors lie below */
};

void overlay_init(struct overlay *o);

/* Lay @page over @at. @o must not be placed.
 * HV_STATUS_INVALID_PARAMETER: misaligned, beyond the limit, invalid rights.
 * HV_STATUS_INSUFFICIENT_MEMORY: no tables; nothing has changed. */
hv_status overlay_set(struct slat *s, struct overlay *o, gpa_t at, hpa_t page, unsigned access,
                      struct slat_gather *g) MUST_CHECK;

/* Move @o, which is placed, to the top of @to. Status as overlay_set(); @o stays on failure. */
hv_status overlay_move(struct slat *s, struct overlay *o, gpa_t to, struct slat_gather *g)
    MUST_CHECK;

/* Take @o away; harmless if it is not placed. */
void overlay_clear(struct slat *s, struct overlay *o, struct slat_gather *g);

/* The topmost overlay at @at, or NULL. O(1) in the number of overlays that do not share a page. */
struct overlay *overlay_find_locked(struct slat *s, gpa_t at) REQUIRES(s->lock);

#endif
