/* SPDX-License-Identifier: MIT */
/* mm/slat_walk.h - inside mm/: the walk through a SLAT's tables, its reserve of table pages, and
 * what a change leaves for struct slat_gather. Callers hold the SLAT's lock. */
#ifndef MM_SLAT_WALK_H
#define MM_SLAT_WALK_H

#include <slat_format.h>
#include <mm/slat.h>

/* The entries that lead to an address, down to @level. */
struct slat_path {
    gpa_t at;
    unsigned level;                   /* the lowest one reached */
    uint64_t *entry[SLAT_TOP + 1];    /* [level .. SLAT_TOP] */
};

/* Walk towards @at: down to @stop, or to where the tables end. */
void slat_walk(const struct slat *s, gpa_t at, unsigned stop, struct slat_path *p)
    REQUIRES(s->lock);

static inline uint64_t slat_path_entry(const struct slat_path *p)
{
    return *p->entry[p->level];
}

/* Hardware walks the tables at the same time: entries change in one store, after what they lead to.
 * Pairs with the loads of the processor's table walker. */
static inline void slat_entry_store(uint64_t *e, uint64_t value)
{
    __atomic_store_n(e, value, __ATOMIC_RELEASE);
}

/* Whether @level's block at @at can be mapped with rights @access at all. */
hv_status slat_check(const struct slat *s, gpa_t at, unsigned level, unsigned access);

/* Have @tables tables in reserve, above the SLAT's floor; with @tables 0, fill the floor as far as
 * the pool allows. HV_STATUS_INSUFFICIENT_MEMORY: what was taken stays in reserve. */
hv_status slat_tables_ensure(struct slat *s, uint32_t tables) REQUIRES(s->lock);

/* A zeroed table out of the reserve, where slat_tables_ensure() has put it. */
hpa_t slat_table_take(struct slat *s) REQUIRES(s->lock);

/* Give a table back that no translation cache can reach. */
void slat_table_put(struct slat *s, hpa_t table) REQUIRES(s->lock);

/* Make tables, splitting a mapping in the way, until the path reaches @level. All or nothing. */
hv_status slat_descend(struct slat *s, struct slat_path *p, unsigned level) REQUIRES(s->lock);

/* After a change at the end of the path: give up tables that have become empty, and, if @merge,
 * replace full ones by larger mappings. */
void slat_ascend(const struct slat *s, struct slat_path *p, bool merge, struct slat_gather *g)
    REQUIRES(s->lock);

/* Make @entry (0: nothing) what @level's block at @at says below its overlays. @at is valid for
 * @level. HV_STATUS_OPERATION_DENIED, HV_STATUS_INSUFFICIENT_MEMORY: as slat_map(). */
hv_status slat_replace_locked(struct slat *s, gpa_t at, unsigned level, uint64_t entry,
                              struct slat_gather *g) REQUIRES(s->lock) MUST_CHECK;

/* Whether an overlay lies anywhere on @level's block at @at. */
bool slat_has_overlay_locked(const struct slat *s, gpa_t at, unsigned level) REQUIRES(s->lock);

enum slat_removed_kind {
    SLAT_REMOVED_LEAF,    /* a mapping: put its references */
    SLAT_REMOVED_TABLE,   /* a table of 4 KiB mappings: put their references, free it */
    SLAT_REMOVED_EMPTY,   /* a table: free it, whatever it holds */
    SLAT_REMOVED_DEPOSIT, /* a page on its way to g->deposit */
};

void slat_gather_add(struct slat_gather *g, enum slat_removed_kind kind, uint64_t value,
                     unsigned level);

/* The mapping @entry of @level (or 0) is gone, and the processor may have it cached. */
void slat_gather_leaf(struct slat_gather *g, uint64_t entry, unsigned level);

/* The translations that @g's SLAT had need a flush. */
void slat_gather_flush(struct slat_gather *g);

#endif
