/* SPDX-License-Identifier: MIT */
/* mm/mm.c - see mm/mm.h. */
#include <debug/log.h>
#include <hvabi/status.h>
#include <mm/mm.h>
#include <mm/pfn.h>
#include <mm/slat_walk.h>

hv_status mm_map_root(struct slat *root, const struct boot_memory_range *map, uint32_t count)
{
    hv_status st = HV_STATUS_SUCCESS;
    uint32_t i = 0;

    while (i < count && st == HV_STATUS_SUCCESS) {
        uint64_t base = map[i].base, end = base;

        /* Neighbours go together, for the sake of large pages. */
        while (i < count && pfn_type_is_root(map[i].type) && map[i].base == end)
            end += map[i++].length;
        if (end == base)
            i++;
        else
            st = slat_map_identity(root, base, end - base, SLAT_RWX, SLAT_WRITE_BACK);
    }
    spin_lock(&root->lock);
    root->floor = SLAT_RESERVE_FLOOR;
    (void)slat_tables_ensure(root, 0);
    spin_unlock(&root->lock);
    return st;
}

/* Whether @level's block at @source lies in root's space, begins with a mapped page, and has no
 * overlay. That all of its pages are root's, and so mapped, pfn_map_get() says. */
static hv_status source_check(struct slat *root, gpa_t source, unsigned level)
{
    struct slat_view v;
    hv_status st = slat_check(root, source, level, 0);

    if (st != HV_STATUS_SUCCESS)
        return st;
    spin_lock(&root->lock);
    st = slat_query_locked(root, source, &v);
    if (st == HV_STATUS_SUCCESS && slat_has_overlay_locked(root, source, level))
        st = HV_STATUS_OPERATION_DENIED;
    spin_unlock(&root->lock);
    return st;
}

hv_status mm_map_child(struct slat *child, struct slat *root, gpa_t target, gpa_t source,
                       enum slat_level level, unsigned access, enum slat_memory_type type,
                       struct slat_gather *g)
{
    struct slat_mapping m = {hpa(source.v), access, type, true};
    uint64_t pages = slat_level_size(level) >> PAGE_SHIFT;
    hv_status st = slat_check(child, target, level, access);

    if (st != HV_STATUS_SUCCESS || level > SLAT_2M)
        return HV_STATUS_INVALID_PARAMETER;
    st = source_check(root, source, level);
    if (st != HV_STATUS_SUCCESS)
        return st;
    /* The reference keeps the page root's; root maps one to one, so its address is the source's. */
    st = pfn_map_get(m.hpa, pages);
    if (st != HV_STATUS_SUCCESS)
        return st;
    st = slat_map(child, target, level, &m, g);
    if (st != HV_STATUS_SUCCESS)
        pfn_map_put(m.hpa, pages);
    g->work += (uint32_t)pages;
    return st;
}

hv_status mm_protect_root(struct slat *root, gpa_t at, enum slat_level level, unsigned access,
                          struct slat_gather *g)
{
    uint64_t pages = slat_level_size(level) >> PAGE_SHIFT;

    for (uint64_t i = 0; i < pages; i++)
        if (pfn_query(hpa(at.v + (i << PAGE_SHIFT)), NULL) != PFN_ROOT)
            return HV_STATUS_ACCESS_DENIED;
    g->work += (uint32_t)pages;
    return slat_protect(root, at, level, access, g);
}

hv_status mm_unmap_child(struct slat *child, gpa_t at, uint64_t pages, uint64_t *done,
                         struct slat_gather *g)
{
    uint64_t large = slat_level_size(SLAT_2M);
    enum slat_level level = SLAT_4K;

    if ((at.v & (large - 1)) == 0 && pages >= large >> PAGE_SHIFT)
        level = SLAT_2M;
    *done = slat_level_size(level) >> PAGE_SHIFT;
    return slat_unmap(child, at, level, g);
}

/* Whether @page is root's to give away, as far as root's space tells. */
static hv_status deposit_check(struct slat *root, gpa_t page) REQUIRES(root->lock)
{
    struct slat_view v;

    if ((page.v & PAGE_MASK) != 0 || slat_query_locked(root, page, &v) != HV_STATUS_SUCCESS)
        return HV_STATUS_OPERATION_DENIED;
    if (v.overlay)
        return HV_STATUS_OBJECT_IN_USE;
    return v.access == SLAT_RWX ? HV_STATUS_SUCCESS : HV_STATUS_OPERATION_DENIED;
}

static hv_status deposit_locked(struct slat *root, struct pool *pool, gpa_t page,
                                struct slat_gather *g) REQUIRES(root->lock)
{
    uint32_t floor = root->floor;
    hv_status st = deposit_check(root, page);

    if (st != HV_STATUS_SUCCESS)
        return st;
    st = pfn_deposit(hpa(page.v), pool->slot);
    if (st != HV_STATUS_SUCCESS)
        return st;
    if (pool == root->pool)
        root->floor = 0; /* the tables in reserve are there for this: it ends the shortage */
    st = slat_replace_locked(root, page, SLAT_4K, 0, g);
    root->floor = floor;
    if (st != HV_STATUS_SUCCESS)
        pfn_withdraw(hpa(page.v), pool->slot);
    else
        slat_gather_add(g, SLAT_REMOVED_DEPOSIT, page.v, SLAT_4K);
    return st;
}

hv_status mm_deposit(struct slat *root, struct pool *pool, gpa_t page, struct slat_gather *g)
{
    hv_status st;

    BUG_ON(g->deposit != NULL && g->deposit != pool);
    g->deposit = pool;
    spin_lock(&root->lock);
    st = deposit_locked(root, pool, page, g);
    spin_unlock(&root->lock);
    return st;
}

hv_status mm_withdraw(struct slat *root, struct pool *pool, gpa_t *out, struct slat_gather *g)
{
    struct slat_mapping m = {hpa(0), SLAT_RWX, SLAT_WRITE_BACK, false};
    hv_status st = pool_withdraw_page(pool, &m.hpa);

    if (st != HV_STATUS_SUCCESS)
        return st;
    *out = gpa(m.hpa.v);
    st = slat_map(root, *out, SLAT_4K, &m, g);
    if (st != HV_STATUS_SUCCESS) {
        pool_deposit_page(pool, m.hpa);
        return st;
    }
    pfn_withdraw(m.hpa, pool->slot);
    return HV_STATUS_SUCCESS;
}
