/* SPDX-License-Identifier: MIT */
/* mm/slat.c - see mm/slat.h. The walk itself is in mm/slat_walk.c. */
#include <debug/log.h>
#include <hvabi/status.h>
#include <mm/overlay.h>
#include <mm/pfn.h>
#include <mm/phys.h>
#include <mm/slat_walk.h>

#define SLAT_GPA_BITS_MAX 48 /* what four levels translate */

static hv_status make_root(struct slat *s) REQUIRES(s->lock)
{
    hv_status st = slat_tables_ensure(s, 1 + SLAT_RESERVE_FLOOR);

    if (st == HV_STATUS_SUCCESS)
        s->root = slat_table_take(s);
    return st;
}

static void reserve_free(struct slat *s) REQUIRES(s->lock)
{
    s->reserve_goal = 0;
    while (s->reserved > 0)
        slat_table_put(s, slat_table_take(s));
}

/* Generations of one SLAT before those of the next begin: more than it can ever count. */
#define GENERATIONS_A_SLAT (1ull << 40)

hv_status slat_init(struct slat *s, struct pool *pool, unsigned gpa_bits)
{
    static uint64_t generations; /* [a] */
    hv_status st;

    memset(s, 0, sizeof(*s));
    s->generation = __atomic_add_fetch(&generations, GENERATIONS_A_SLAT, __ATOMIC_RELAXED);
    s->pool = pool;
    s->limit = 1ull << (gpa_bits < SLAT_GPA_BITS_MAX ? gpa_bits : SLAT_GPA_BITS_MAX);
    s->reserve_goal = SLAT_RESERVE_FLOOR;
    for (size_t i = 0; i < SLAT_OVERLAY_BUCKETS; i++)
        list_init(&s->overlays[i]);
    spin_lock(&s->lock);
    st = make_root(s);
    if (st != HV_STATUS_SUCCESS)
        reserve_free(s);
    spin_unlock(&s->lock);
    return st;
}

hv_status slat_reserve(struct slat *s, uint32_t tables)
{
    hv_status st;

    BUG_ON(tables > SLAT_RESERVE_MAX);
    spin_lock(&s->lock);
    s->reserve_goal = tables > SLAT_RESERVE_FLOOR ? tables : SLAT_RESERVE_FLOOR;
    st = tables > s->floor ? slat_tables_ensure(s, tables - s->floor) : HV_STATUS_SUCCESS;
    spin_unlock(&s->lock);
    return st;
}

/* Free the tables that end at @end, whose entries have all been taken. */
static void destroy_tables(struct slat *s, struct slat_path *p, uint64_t end) REQUIRES(s->lock)
{
    for (; p->level < SLAT_TOP; p->level++) {
        uint64_t *parent = p->entry[p->level + 1];

        if ((end & (slat_level_size((enum slat_level)(p->level + 1)) - 1)) != 0)
            return;
        slat_table_put(s, slat_entry_hpa(*parent));
        slat_entry_store(parent, 0);
    }
    if (end == 1ull << SLAT_GPA_BITS_MAX) {
        slat_table_put(s, s->root);
        s->root = hpa(0);
        reserve_free(s);
    }
}

/* Take the entry at s->destroy_at; what it cost is returned. */
static uint32_t destroy_step(struct slat *s) REQUIRES(s->lock)
{
    struct slat_path p;
    uint64_t e, size;
    uint32_t cost = 1;

    slat_walk(s, gpa(s->destroy_at), SLAT_4K, &p);
    e = slat_path_entry(&p);
    size = slat_level_size((enum slat_level)p.level);
    BUG_ON((e & SLAT_ENTRY_OVERLAY) != 0);
    if ((e & SLAT_ENTRY_COUNTED) != 0) {
        pfn_map_put(slat_entry_hpa(e), size >> PAGE_SHIFT);
        cost += (uint32_t)(size >> PAGE_SHIFT);
    }
    slat_entry_store(p.entry[p.level], 0);
    s->destroy_at += size;
    destroy_tables(s, &p, s->destroy_at);
    return cost;
}

bool slat_destroy(struct slat *s, uint32_t budget)
{
    uint32_t used = 0;
    bool gone;

    spin_lock(&s->lock);
    while (s->root.v != 0 && used < budget)
        used += destroy_step(s);
    gone = s->root.v == 0;
    spin_unlock(&s->lock);
    return gone;
}

static const uint64_t *table_at(uint64_t entry)
{
    return hpa_ptr(slat_entry_hpa(entry));
}

static bool table_has_overlay(const uint64_t *t)
{
    for (unsigned i = 0; i < SLAT_TABLE_ENTRIES; i++)
        if ((t[i] & SLAT_ENTRY_OVERLAY) != 0)
            return true;
    return false;
}

bool slat_has_overlay_locked(const struct slat *s, gpa_t at, unsigned level)
{
    struct slat_path p;
    uint64_t e;

    slat_walk(s, at, level, &p);
    e = slat_path_entry(&p);
    if (slat_entry_is_table(e))
        return table_has_overlay(table_at(e));
    return (e & SLAT_ENTRY_OVERLAY) != 0;
}

static gpa_t gpa_of_part(gpa_t at, unsigned index)
{
    return gpa(at.v + ((uint64_t)index << PAGE_SHIFT));
}

/* What the overlay at @at hides becomes @entry; what it was is returned. */
static uint64_t under_replace(struct slat *s, gpa_t at, uint64_t entry) REQUIRES(s->lock)
{
    struct overlay *top = overlay_find_locked(s, at);
    uint64_t old;

    BUG_ON(top == NULL);
    old = top->under;
    top->under = entry;
    return old;
}

/* A table of 4 KiB mappings with overlays among them is superseded: @new gets the overlays, with
 * the parts of @entry beside and beneath them; @old keeps what the flush will release. */
static void table_rebuild(struct slat *s, gpa_t at, uint64_t *new, uint64_t *old, uint64_t entry)
    REQUIRES(s->lock)
{
    for (unsigned i = 0; i < SLAT_TABLE_ENTRIES; i++) {
        uint64_t part = entry == 0 ? 0 : slat_entry_part(entry, SLAT_2M, i);

        if ((old[i] & SLAT_ENTRY_OVERLAY) != 0) {
            new[i] = old[i];
            slat_entry_store(&old[i], under_replace(s, gpa_of_part(at, i), part));
        } else {
            new[i] = part;
        }
    }
}

/* Supersede the table of 4 KiB mappings at the path's end. */
static hv_status replace_table(struct slat *s, struct slat_path *p, uint64_t entry,
                               struct slat_gather *g) REQUIRES(s->lock)
{
    hpa_t old = slat_entry_hpa(slat_path_entry(p));

    if (p->level != SLAT_2M)
        return HV_STATUS_OPERATION_DENIED;
    if (table_has_overlay(hpa_ptr(old))) {
        hv_status st = slat_tables_ensure(s, 1);
        hpa_t table;

        if (st != HV_STATUS_SUCCESS)
            return st;
        table = slat_table_take(s);
        table_rebuild(s, p->at, hpa_ptr(table), hpa_ptr(old), entry);
        entry = slat_entry_table(table);
    }
    slat_entry_store(p->entry[p->level], entry);
    slat_gather_add(g, SLAT_REMOVED_TABLE, old.v, SLAT_4K);
    slat_gather_flush(g);
    return HV_STATUS_SUCCESS;
}

hv_status slat_replace_locked(struct slat *s, gpa_t at, unsigned level, uint64_t entry,
                              struct slat_gather *g)
{
    struct slat_path p;
    uint64_t old;
    hv_status st;

    slat_walk(s, at, level, &p);
    if (entry == 0 && slat_path_entry(&p) == 0)
        return HV_STATUS_SUCCESS;
    st = slat_descend(s, &p, level);
    if (st != HV_STATUS_SUCCESS)
        return st;
    old = slat_path_entry(&p);
    if (slat_entry_is_table(old)) {
        st = replace_table(s, &p, entry, g);
        if (st != HV_STATUS_SUCCESS)
            return st;
    } else if ((old & SLAT_ENTRY_OVERLAY) != 0) {
        slat_gather_leaf(g, under_replace(s, at, entry), SLAT_4K);
    } else {
        slat_entry_store(p.entry[level], entry);
        slat_gather_leaf(g, old, level);
    }
    slat_ascend(s, &p, true, g);
    return HV_STATUS_SUCCESS;
}

hv_status slat_map(struct slat *s, gpa_t at, enum slat_level level, const struct slat_mapping *m,
                   struct slat_gather *g)
{
    uint64_t size = slat_level_size(level);
    hv_status st = slat_check(s, at, level, m->access);

    if (st != HV_STATUS_SUCCESS || (m->hpa.v & (size - 1)) != 0)
        return HV_STATUS_INVALID_PARAMETER;
    if (m->counted && level == SLAT_1G)
        return HV_STATUS_OPERATION_DENIED;
    spin_lock(&s->lock);
    st = slat_replace_locked(s, at, level,
                             slat_entry_leaf(m->hpa, level, m->access, m->type == SLAT_UNCACHED,
                                             m->counted ? SLAT_ENTRY_COUNTED : 0),
                             g);
    spin_unlock(&s->lock);
    return st;
}

hv_status slat_unmap(struct slat *s, gpa_t at, enum slat_level level, struct slat_gather *g)
{
    hv_status st = slat_check(s, at, level, 0);

    if (st != HV_STATUS_SUCCESS)
        return st;
    spin_lock(&s->lock);
    st = slat_replace_locked(s, at, level, 0, g);
    spin_unlock(&s->lock);
    return st;
}

/* New rights for the mapping in *@e, or for what the overlay there hides. */
static void entry_protect(struct slat *s, uint64_t *e, gpa_t at, unsigned access) REQUIRES(s->lock)
{
    struct overlay *top;

    if ((*e & SLAT_ENTRY_OVERLAY) == 0) {
        if (*e != 0)
            slat_entry_store(e, slat_entry_with_access(*e, access));
        return;
    }
    top = overlay_find_locked(s, at);
    BUG_ON(top == NULL);
    if (top->under != 0)
        top->under = slat_entry_with_access(top->under, access);
}

static hv_status protect_locked(struct slat *s, gpa_t at, unsigned level, unsigned access,
                                struct slat_gather *g) REQUIRES(s->lock)
{
    struct slat_path p;
    hv_status st;

    slat_walk(s, at, level, &p);
    if (slat_path_entry(&p) == 0)
        return HV_STATUS_SUCCESS;
    st = slat_descend(s, &p, level);
    if (st != HV_STATUS_SUCCESS)
        return st;
    slat_gather_flush(g);
    if (!slat_entry_is_table(slat_path_entry(&p))) {
        entry_protect(s, p.entry[level], at, access);
        slat_ascend(s, &p, true, g);
        return HV_STATUS_SUCCESS;
    }
    slat_walk(s, at, SLAT_4K, &p);
    for (unsigned i = 0; i < SLAT_TABLE_ENTRIES; i++)
        entry_protect(s, p.entry[SLAT_4K] + i, gpa_of_part(at, i), access);
    slat_ascend(s, &p, true, g);
    return HV_STATUS_SUCCESS;
}

hv_status slat_protect(struct slat *s, gpa_t at, enum slat_level level, unsigned access,
                       struct slat_gather *g)
{
    hv_status st = slat_check(s, at, level, access);

    if (st != HV_STATUS_SUCCESS || level > SLAT_2M)
        return HV_STATUS_INVALID_PARAMETER;
    spin_lock(&s->lock);
    st = protect_locked(s, at, level, access, g);
    spin_unlock(&s->lock);
    return st;
}

hv_status slat_query_locked(struct slat *s, gpa_t at, struct slat_view *out)
{
    struct slat_path p;
    uint64_t e;

    if (at.v >= s->limit)
        return HV_STATUS_INVALID_PARAMETER;
    slat_walk(s, at, SLAT_4K, &p);
    e = slat_path_entry(&p);
    if (!slat_entry_is_leaf(e))
        return HV_STATUS_OPERATION_DENIED;
    out->level = (enum slat_level)p.level;
    out->hpa = hpa(slat_entry_hpa(e).v | (at.v & (slat_level_size(out->level) - 1)));
    out->access = slat_entry_access(e);
    out->type = slat_entry_uncached(e) ? SLAT_UNCACHED : SLAT_WRITE_BACK;
    out->overlay = (e & SLAT_ENTRY_OVERLAY) != 0;
    return HV_STATUS_SUCCESS;
}

hv_status slat_query(struct slat *s, gpa_t at, struct slat_view *out)
{
    hv_status st;

    spin_lock(&s->lock);
    st = slat_query_locked(s, at, out);
    spin_unlock(&s->lock);
    return st;
}

static bool in_hole(uint64_t base, uint64_t size, const struct slat_hole *holes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (base < holes[i].base + holes[i].size && holes[i].base < base + size)
            return true;
    return false;
}

/* Whether nothing but devices is in @level's block around @at, and nothing is mapped there. */
static bool block_is_free(struct slat *s, gpa_t at, unsigned level, const struct slat_hole *holes,
                          size_t count) REQUIRES(s->lock)
{
    uint64_t size = slat_level_size((enum slat_level)level), base = at.v & ~(size - 1);
    struct slat_path p;

    slat_walk(s, at, level, &p);
    return slat_path_entry(&p) == 0 && base + size <= s->limit &&
           !in_hole(base, size, holes, count) && pfn_range_is_none(hpa(base), size);
}

static hv_status identity_set(struct slat *s, gpa_t at, unsigned level, unsigned access,
                              enum slat_memory_type type) REQUIRES(s->lock)
{
    gpa_t base = gpa(at.v & ~(slat_level_size((enum slat_level)level) - 1));
    struct slat_path p;
    hv_status st;

    slat_walk(s, base, level, &p);
    st = slat_descend(s, &p, level);
    if (st != HV_STATUS_SUCCESS)
        return st;
    BUG_ON(slat_path_entry(&p) != 0);
    slat_entry_store(p.entry[level],
                     slat_entry_leaf(hpa(base.v), level, access, type == SLAT_UNCACHED, 0));
    return HV_STATUS_SUCCESS;
}

hv_status slat_identity_fault(struct slat *s, gpa_t at, unsigned access, enum slat_memory_type type,
                              const struct slat_hole *holes, size_t hole_count)
{
    struct slat_view now;
    hv_status st;
    unsigned level = SLAT_1G;

    spin_lock(&s->lock);
    st = slat_query_locked(s, at, &now);
    if (st == HV_STATUS_OPERATION_DENIED) {
        while (level >= SLAT_4K && !block_is_free(s, at, level, holes, hole_count))
            level--;
        if (level >= SLAT_4K)
            st = identity_set(s, at, level, SLAT_RWX, type);
    } else if (st == HV_STATUS_SUCCESS && (access & ~now.access) != 0) {
        st = HV_STATUS_OPERATION_DENIED;
    }
    spin_unlock(&s->lock);
    return st;
}

static unsigned largest_level(uint64_t at, uint64_t size)
{
    unsigned level = SLAT_1G;

    while (level > SLAT_4K && ((at & (slat_level_size((enum slat_level)level) - 1)) != 0 ||
                               size < slat_level_size((enum slat_level)level)))
        level--;
    return level;
}

hv_status slat_map_identity(struct slat *s, uint64_t base, uint64_t size, unsigned access,
                            enum slat_memory_type type)
{
    hv_status st = HV_STATUS_SUCCESS;

    if (((base | size) & PAGE_MASK) != 0 || base > s->limit || size > s->limit - base)
        return HV_STATUS_INVALID_PARAMETER;
    spin_lock(&s->lock);
    while (size != 0 && st == HV_STATUS_SUCCESS) {
        unsigned level = largest_level(base, size);

        st = identity_set(s, gpa(base), level, access, type);
        base += slat_level_size((enum slat_level)level);
        size -= slat_level_size((enum slat_level)level);
    }
    spin_unlock(&s->lock);
    return st;
}
