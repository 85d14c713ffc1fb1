/* SPDX-License-Identifier: MIT */
/* mm/guest.c - see mm/guest.h.
 *
 * Through a view that still holds when the copy is done, no lock is needed. Any other copy is made
 * with the SLAT's lock held, so that the page stays the guest's until it is done; at most
 * GUEST_COPY_MAX bytes bound the time. */
#include <hvabi/status.h>
#include <mm/guest.h>
#include <mm/pfn.h>
#include <mm/phys.h>

/* A piece of guest memory: up to two stretches that the hypervisor can touch. */
struct span {
    unsigned char *part[2];
    size_t len[2];
};

static hv_status byte_at(struct slat *s, gpa_t at, unsigned access, void **out) REQUIRES(s->lock)
{
    struct slat_view v;
    hv_status st = slat_query_locked(s, at, &v);

    if (st != HV_STATUS_SUCCESS)
        return st;
    if ((access & ~v.access) != 0)
        return HV_STATUS_ACCESS_DENIED;
    if (pfn_query(v.hpa, NULL) == PFN_NONE)
        return HV_STATUS_OPERATION_DENIED;
    *out = hpa_ptr(v.hpa);
    return HV_STATUS_SUCCESS;
}

static hv_status span_find(struct slat *s, gpa_t at, size_t len, unsigned access, struct span *out)
    REQUIRES(s->lock)
{
    size_t room = (size_t)(PAGE_SIZE - (at.v & PAGE_MASK));
    void *p;

    if (len > GUEST_COPY_MAX || at.v >= s->limit || len > s->limit - at.v)
        return HV_STATUS_INVALID_PARAMETER;
    out->len[0] = len < room ? len : room;
    out->len[1] = len - out->len[0];
    for (size_t i = 0; i < 2 && out->len[i] != 0; i++) {
        hv_status st = byte_at(s, gpa(at.v + (i == 0 ? 0 : room)), access, &p);

        if (st != HV_STATUS_SUCCESS)
            return st;
        out->part[i] = p;
    }
    return HV_STATUS_SUCCESS;
}

hv_status guest_read(struct slat *s, gpa_t at, void *buf, size_t len)
{
    struct span from = {{NULL, NULL}, {0, 0}};
    hv_status st;

    spin_lock(&s->lock);
    st = span_find(s, at, len, SLAT_READ, &from);
    if (st == HV_STATUS_SUCCESS && from.len[0] != 0) {
        memcpy(buf, from.part[0], from.len[0]);
        if (from.len[1] != 0)
            memcpy((unsigned char *)buf + from.len[0], from.part[1], from.len[1]);
    }
    spin_unlock(&s->lock);
    return st;
}

hv_status guest_view_read(struct guest_view *v, struct slat *s, gpa_t at, void *buf, size_t len)
{
    size_t offset = (size_t)(at.v & PAGE_MASK);
    void *p;
    hv_status st;

    if (v->generation == __atomic_load_n(&s->generation, __ATOMIC_ACQUIRE) &&
        v->page == at.v - offset && len <= PAGE_SIZE - offset) {
        memcpy(buf, v->at + offset, len);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (v->generation == __atomic_load_n(&s->generation, __ATOMIC_RELAXED))
            return HV_STATUS_SUCCESS;
    }
    if (len > PAGE_SIZE - offset)
        return guest_read(s, at, buf, len);
    spin_lock(&s->lock);
    v->generation = s->generation;
    v->page = at.v - offset;
    st = byte_at(s, at, SLAT_READ, &p);
    if (st == HV_STATUS_SUCCESS) {
        v->at = (unsigned char *)p - offset;
        memcpy(buf, p, len);
    } else {
        v->generation = 0;
    }
    spin_unlock(&s->lock);
    return st;
}

hv_status guest_write(struct slat *s, gpa_t at, const void *buf, size_t len)
{
    struct span to = {{NULL, NULL}, {0, 0}};
    hv_status st;

    spin_lock(&s->lock);
    st = span_find(s, at, len, SLAT_READ | SLAT_WRITE, &to);
    if (st == HV_STATUS_SUCCESS && to.len[0] != 0) {
        memcpy(to.part[0], buf, to.len[0]);
        if (to.len[1] != 0)
            memcpy(to.part[1], (const unsigned char *)buf + to.len[0], to.len[1]);
    }
    spin_unlock(&s->lock);
    return st;
}

