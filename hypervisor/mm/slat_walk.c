/* SPDX-License-Identifier: MIT */
/* mm/slat_walk.c - see mm/slat_walk.h, and struct slat_gather in mm/slat.h. */
#include <debug/log.h>
#include <hvabi/status.h>
#include <mm/pfn.h>
#include <mm/phys.h>
#include <mm/slat_walk.h>

#define DEPOSIT_WORK 16 /* references that could be put while a page is zeroed */

static unsigned index_at(gpa_t at, unsigned level)
{
    return (unsigned)(at.v >> (PAGE_SHIFT + SLAT_LEVEL_BITS * (level - 1))) &
           (SLAT_TABLE_ENTRIES - 1);
}

static uint64_t *table_of(const uint64_t *entry)
{
    return (uint64_t *)((uintptr_t)entry & ~(uintptr_t)PAGE_MASK);
}

/* The slot for @p->at in the table that @entry leads to. */
static uint64_t *slot_in(uint64_t entry, gpa_t at, unsigned level)
{
    return (uint64_t *)hpa_ptr(slat_entry_hpa(entry)) + index_at(at, level);
}

void slat_walk(const struct slat *s, gpa_t at, unsigned stop, struct slat_path *p)
{
    p->at = at;
    p->level = SLAT_TOP;
    p->entry[SLAT_TOP] = (uint64_t *)hpa_ptr(s->root) + index_at(at, SLAT_TOP);
    while (p->level > stop && slat_entry_is_table(slat_path_entry(p))) {
        p->entry[p->level - 1] = slot_in(slat_path_entry(p), at, p->level - 1);
        p->level--;
    }
}

hv_status slat_check(const struct slat *s, gpa_t at, unsigned level, unsigned access)
{
    uint64_t size = slat_level_size((enum slat_level)level);

    if ((at.v & (size - 1)) != 0 || at.v >= s->limit || s->limit - at.v < size)
        return HV_STATUS_INVALID_PARAMETER;
    if ((access & ~(unsigned)SLAT_RWX) != 0 || (access != 0 && !(access & SLAT_READ)))
        return HV_STATUS_INVALID_PARAMETER;
    return HV_STATUS_SUCCESS;
}

static void reserve_push(struct slat *s, hpa_t page) REQUIRES(s->lock)
{
    *(uint64_t *)hpa_ptr(page) = s->reserve.v;
    s->reserve = page;
    s->reserved++;
}

static hpa_t reserve_pop(struct slat *s) REQUIRES(s->lock)
{
    hpa_t page = s->reserve;
    uint64_t *link = hpa_ptr(page);

    BUG_ON(s->reserved == 0);
    s->reserve.v = *link;
    *link = 0;
    s->reserved--;
    return page;
}

hv_status slat_tables_ensure(struct slat *s, uint32_t tables)
{
    while (s->reserved < tables + s->floor) {
        hpa_t page;
        hv_status st = pool_page_alloc(s->pool, &page);

        if (st != HV_STATUS_SUCCESS)
            return tables == 0 ? HV_STATUS_SUCCESS : st;
        reserve_push(s, page);
    }
    return HV_STATUS_SUCCESS;
}

hpa_t slat_table_take(struct slat *s)
{
    s->tables++;
    return reserve_pop(s);
}

void slat_table_put(struct slat *s, hpa_t table)
{
    s->tables--;
    if (s->reserved < s->reserve_goal) {
        page_zero(table);
        reserve_push(s, table);
    } else {
        pool_page_free(s->pool, table);
    }
}

/* Replace the entry at the path's end, empty or a mapping, by a table that says the same. */
static void path_extend(struct slat *s, struct slat_path *p) REQUIRES(s->lock)
{
    hpa_t table = slat_table_take(s);
    uint64_t *entries = hpa_ptr(table), old = slat_path_entry(p);

    if (slat_entry_is_leaf(old))
        for (unsigned i = 0; i < SLAT_TABLE_ENTRIES; i++)
            entries[i] = slat_entry_part(old, p->level, i);
    slat_entry_store(p->entry[p->level], slat_entry_table(table));
    p->level--;
    p->entry[p->level] = &entries[index_at(p->at, p->level)];
}

hv_status slat_descend(struct slat *s, struct slat_path *p, unsigned level)
{
    hv_status st;

    if (p->level <= level)
        return HV_STATUS_SUCCESS;
    st = slat_tables_ensure(s, p->level - level);
    if (st != HV_STATUS_SUCCESS)
        return st;
    while (p->level > level)
        path_extend(s, p);
    return HV_STATUS_SUCCESS;
}

static bool table_is_empty(const uint64_t *t)
{
    /* Blocks are unmapped front to back or back to front: the ends answer most of the time. */
    if (t[0] != 0 || t[SLAT_TABLE_ENTRIES - 1] != 0)
        return false;
    for (unsigned i = 1; i < SLAT_TABLE_ENTRIES - 1; i++)
        if (t[i] != 0)
            return false;
    return true;
}

/* Whether the table of @level is the parts of one mapping; *@whole is that mapping. */
static bool table_is_whole(const uint64_t *t, unsigned level, uint64_t *whole)
{
    uint64_t block = slat_level_size((enum slat_level)(level + 1));

    if (level >= SLAT_1G || !slat_entry_is_leaf(t[0]) || (t[0] & SLAT_ENTRY_OVERLAY) != 0 ||
        (slat_entry_hpa(t[0]).v & (block - 1)) != 0)
        return false;
    if (level == SLAT_2M && (t[0] & SLAT_ENTRY_COUNTED) != 0)
        return false;
    *whole = slat_entry_whole(t[0]);
    for (unsigned i = SLAT_TABLE_ENTRIES; i-- > 1;)
        if (t[i] != slat_entry_part(*whole, level + 1, i))
            return false;
    return true;
}

void slat_ascend(const struct slat *s, struct slat_path *p, bool merge, struct slat_gather *g)
{
    BUG_ON(g->slat != s);
    while (p->level < SLAT_TOP) {
        const uint64_t *table = table_of(p->entry[p->level]);
        uint64_t *parent = p->entry[p->level + 1], above = 0;

        if (!table_is_empty(table) && !(merge && table_is_whole(table, p->level, &above)))
            return;
        slat_gather_add(g, SLAT_REMOVED_EMPTY, slat_entry_hpa(*parent).v, p->level);
        slat_gather_flush(g);
        slat_entry_store(parent, above);
        p->level++;
    }
}

void slat_gather_init(struct slat_gather *g, struct slat *s)
{
    g->slat = s;
    g->deposit = NULL;
    g->needs_flush = false;
    g->work = 0;
    g->count = 0;
}

/* About how many pages slat_gather_end() will touch. */
static uint32_t removed_work(enum slat_removed_kind kind, unsigned level)
{
    if (kind == SLAT_REMOVED_LEAF)
        return (uint32_t)(slat_level_size((enum slat_level)level) >> PAGE_SHIFT);
    return kind == SLAT_REMOVED_TABLE ? SLAT_TABLE_ENTRIES : DEPOSIT_WORK;
}

void slat_gather_add(struct slat_gather *g, enum slat_removed_kind kind, uint64_t value,
                     unsigned level)
{
    BUG_ON(g->count == SLAT_GATHER_MAX);
    g->removed[g->count++] = (struct slat_removed){value, kind, level};
    g->work += removed_work(kind, level);
}

void slat_gather_flush(struct slat_gather *g)
{
    g->needs_flush = true;
    __atomic_fetch_add(&g->slat->generation, 1, __ATOMIC_RELEASE);
}

void slat_gather_leaf(struct slat_gather *g, uint64_t entry, unsigned level)
{
    if ((entry & SLAT_ENTRY_COUNTED) != 0)
        slat_gather_add(g, SLAT_REMOVED_LEAF, entry, level);
    if (slat_entry_is_present(entry))
        slat_gather_flush(g);
}

static void leaf_put(uint64_t entry, unsigned level)
{
    if ((entry & SLAT_ENTRY_COUNTED) != 0)
        pfn_map_put(slat_entry_hpa(entry), slat_level_size((enum slat_level)level) >> PAGE_SHIFT);
}

static void table_put_leaves(hpa_t table)
{
    const uint64_t *t = hpa_ptr(table);

    for (unsigned i = 0; i < SLAT_TABLE_ENTRIES; i++)
        leaf_put(t[i], SLAT_4K);
}

static void removed_end(struct slat *s, struct pool *deposit, const struct slat_removed *r)
    REQUIRES(s->lock)
{
    switch (r->kind) {
    case SLAT_REMOVED_LEAF:
        leaf_put(r->value, r->level);
        break;
    case SLAT_REMOVED_TABLE:
        table_put_leaves(hpa(r->value));
        slat_table_put(s, hpa(r->value));
        break;
    case SLAT_REMOVED_EMPTY:
        slat_table_put(s, hpa(r->value));
        break;
    case SLAT_REMOVED_DEPOSIT:
        pool_deposit_page(deposit, hpa(r->value));
        break;
    default:
        panic("mm: removed kind %u", r->kind);
    }
}

void slat_gather_end(struct slat_gather *g)
{
    struct slat *s = g->slat;

    spin_lock(&s->lock);
    for (uint32_t i = 0; i < g->count; i++)
        removed_end(s, g->deposit, &g->removed[i]);
    (void)slat_tables_ensure(s, 0); /* a deposit into its own pool may have used the floor */
    spin_unlock(&s->lock);
    slat_gather_init(g, s);
}
