/* SPDX-License-Identifier: MIT */
/* hcall/memory.c - deposits and guest physical addresses. TLFS 2.0A, 7.3 and 8.3.
 *
 * All of it is root's: the pages that a caller names are taken for pages of memory, and only root's
 * space is one to one. */
#include "core/partition.h"
#include "hcall/hcall.h"
#include "mm/mm.h"

/* The address of the page @offset pages after page number @base; false: there is none. */
static bool page_gpa(uint64_t base, uint64_t offset, gpa_t *out)
{
    if (base > HV_PAGE_NUMBER_MAX || offset > HV_PAGE_NUMBER_MAX - base)
        return false;
    *out = gpa((base + offset) << PAGE_SHIFT);
    return true;
}

/* The partition @id whose memory root manages: a child's or its own. */
static hv_status get_managed(struct hcall *h, uint64_t id, struct partition **out)
{
    return h->caller->is_root ? hcall_partition(h, id, HCALL_SELF_ROOT, out)
                              : HV_STATUS_ACCESS_DENIED;
}

/* Complete a step that changed @p's SLAT: flush, then let go of what was removed. */
static void gather_end(struct partition *p, struct slat_gather *g)
{
    if (g->needs_flush)
        partition_flush_tlb(p);
    slat_gather_end(g);
}

hv_status hcall_deposit_memory(struct hcall *h)
{
    const struct hv_input_deposit_memory *in = h->in;
    const uint64_t *pages = h->list;
    struct partition *p;
    struct slat_gather g;
    hv_status st = get_managed(h, in->partition_id, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    spin_lock(&p->lock);
    if (p->state != PARTITION_CREATED && p->state != PARTITION_INITIALIZED)
        st = HV_STATUS_INVALID_PARTITION_STATE;
    slat_gather_init(&g, &h->caller->slat);
    while (st == HV_STATUS_SUCCESS && h->done < h->rep_end && !slat_gather_full(&g)) {
        gpa_t page;
        st = page_gpa(pages[h->done - h->rep_start], 0, &page)
                 ? mm_deposit(&h->caller->slat, &p->pool, page, &g)
                 : HV_STATUS_INVALID_PARAMETER;
        if (st == HV_STATUS_SUCCESS)
            h->done++;
    }
    gather_end(h->caller, &g);
    spin_unlock(&p->lock);
    partition_put(p);
    return st;
}

hv_status hcall_withdraw_memory(struct hcall *h)
{
    const struct hv_input_withdraw_memory *in = h->in;
    uint64_t *pages = h->out;
    struct partition *p;
    struct slat_gather g;
    hv_status st = get_managed(h, in->partition_id, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    slat_gather_init(&g, &h->caller->slat);
    for (; h->done < h->rep_end && !slat_gather_full(&g); h->done++) {
        gpa_t page;
        st = mm_withdraw(&h->caller->slat, &p->pool, &page, &g);
        if (st != HV_STATUS_SUCCESS)
            break;
        pages[h->done - h->rep_start] = page.v >> PAGE_SHIFT;
    }
    gather_end(h->caller, &g);
    partition_put(p);
    return st;
}

hv_status hcall_get_memory_balance(struct hcall *h)
{
    const struct hv_input_get_memory_balance *in = h->in;
    struct hv_output_get_memory_balance *out = h->out;
    struct partition *p;
    hv_status st = get_managed(h, in->partition_id, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    struct pool_balance b = pool_balance(&p->pool);
    out->pages_available = b.available;
    out->pages_in_use = b.in_use;
    partition_put(p);
    return HV_STATUS_SUCCESS;
}

/* TLFS rights: both execute bits or none; what the SLAT cannot tell apart is refused. */
static hv_status map_access(uint32_t flags, unsigned *access)
{
    uint32_t x = flags & HV_MAP_GPA_EXECUTABLE;

    if (flags & ~(HV_MAP_GPA_PERMISSIONS_MASK | HV_MAP_GPA_LARGE_PAGE | HV_MAP_GPA_UNCACHED))
        return HV_STATUS_INVALID_PARAMETER;
    if (x != 0 && x != HV_MAP_GPA_EXECUTABLE)
        return HV_STATUS_INVALID_PARAMETER;
    *access = (flags & HV_MAP_GPA_READABLE ? SLAT_READ : 0u) |
              (flags & HV_MAP_GPA_WRITABLE ? SLAT_WRITE : 0u) | (x != 0 ? SLAT_EXECUTE : 0u);
    return HV_STATUS_SUCCESS;
}

/* Root's own space maps one to one and write-back: only the rights can change. */
static hv_status protect_root(struct partition *p, gpa_t target, gpa_t from,
                              enum slat_level level, unsigned access, enum slat_memory_type type,
                              struct slat_gather *g)
{
    if (from.v != target.v || type != SLAT_WRITE_BACK)
        return HV_STATUS_INVALID_PARAMETER;
    return mm_protect_root(&p->slat, target, level, access, g);
}

static hv_status map_pages(struct hcall *h, struct partition *p, unsigned access,
                           struct slat_gather *g)
{
    const struct hv_input_map_gpa_pages *in = h->in;
    const uint64_t *source = h->list;
    enum slat_level level = in->map_flags & HV_MAP_GPA_LARGE_PAGE ? SLAT_2M : SLAT_4K;
    enum slat_memory_type type = in->map_flags & HV_MAP_GPA_UNCACHED ? SLAT_UNCACHED : SLAT_WRITE_BACK;
    uint64_t step = slat_level_size(level) >> PAGE_SHIFT;
    hv_status st = HV_STATUS_SUCCESS;

    for (; h->done < h->rep_end && !slat_gather_full(g); h->done++) {
        gpa_t target, from;
        if (!page_gpa(in->target_gpa_base, h->done * step, &target) ||
            !page_gpa(source[h->done - h->rep_start], 0, &from))
            return HV_STATUS_INVALID_PARAMETER;
        if (p->is_root)
            st = protect_root(p, target, from, level, access, type, g);
        else
            st = mm_map_child(&p->slat, &h->caller->slat, target, from, level, access, type, g);
        if (st != HV_STATUS_SUCCESS)
            break;
    }
    return st;
}

hv_status hcall_map_gpa_pages(struct hcall *h)
{
    const struct hv_input_map_gpa_pages *in = h->in;
    struct partition *p;
    struct slat_gather g;
    unsigned access;
    hv_status st = get_managed(h, in->target_partition_id, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    spin_lock(&p->lock);
    st = map_access(in->map_flags, &access);
    if (st == HV_STATUS_SUCCESS && p->state != PARTITION_INITIALIZED)
        st = HV_STATUS_INVALID_PARTITION_STATE;
    if (st == HV_STATUS_SUCCESS) {
        slat_gather_init(&g, &p->slat);
        st = map_pages(h, p, access, &g);
        gather_end(p, &g);
    }
    spin_unlock(&p->lock);
    partition_put(p);
    return st;
}

static hv_status unmap_pages(struct hcall *h, struct partition *p, struct slat_gather *g)
{
    const struct hv_input_unmap_gpa_pages *in = h->in;
    uint32_t count = h->rep_end;
    hv_status st = HV_STATUS_SUCCESS;

    while (h->done < count && !slat_gather_full(g)) {
        uint64_t done = 0;
        gpa_t target;
        st = page_gpa(in->target_gpa_base, h->done, &target)
                 ? mm_unmap_child(&p->slat, target, count - h->done, &done, g)
                 : HV_STATUS_INVALID_PARAMETER;
        if (st != HV_STATUS_SUCCESS)
            break;
        h->done += (uint32_t)done;
    }
    return st;
}

hv_status hcall_unmap_gpa_pages(struct hcall *h)
{
    const struct hv_input_unmap_gpa_pages *in = h->in;
    struct partition *p;
    struct slat_gather g;
    hv_status st = hcall_partition(h, in->target_partition_id, HCALL_SELF_NEVER, &p);

    if (st != HV_STATUS_SUCCESS)
        return st;
    spin_lock(&p->lock);
    if (in->unmap_flags != 0 || in->reserved != 0)
        st = HV_STATUS_INVALID_PARAMETER;
    else if (p->state != PARTITION_INITIALIZED)
        st = HV_STATUS_INVALID_PARTITION_STATE;
    if (st == HV_STATUS_SUCCESS) {
        slat_gather_init(&g, &p->slat);
        st = unmap_pages(h, p, &g);
        gather_end(p, &g);
    }
    spin_unlock(&p->lock);
    partition_put(p);
    return st;
}
