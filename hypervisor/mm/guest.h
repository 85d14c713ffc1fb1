/* SPDX-License-Identifier: MIT */
/* mm/guest.h - access to a guest's memory as the guest itself sees it, overlays included.
 *
 * Rules: everything is checked before anything is copied; guest memory is copied once, and the
 * copy is what is checked and used afterwards; only RAM is touched, never a device.
 *   HV_STATUS_INVALID_PARAMETER: beyond the guest physical address space, or over GUEST_COPY_MAX.
 *   HV_STATUS_OPERATION_DENIED: not mapped, or mapped to something that is not RAM.
 *   HV_STATUS_ACCESS_DENIED: mapped without the right that is needed. */
#ifndef MM_GUEST_H
#define MM_GUEST_H

#include <hvabi/status.h>
#include <mm/slat.h>

#define GUEST_COPY_MAX PAGE_SIZE /* a copy touches two pages at most */

hv_status guest_read(struct slat *s, gpa_t at, void *buf, size_t len) MUST_CHECK;
hv_status guest_write(struct slat *s, gpa_t at, const void *buf, size_t len) MUST_CHECK;

/* A page of a guest as one reader last saw it, so that reading it again takes no walk and no lock:
 * page tables, instructions, the input of hypercalls. Zeroed: none. It belongs to
 * one reader; others may change the guest's memory and its SLAT at any time. */
struct guest_view {
    uint64_t generation; /* the SLAT's when the page was looked up; no two SLATs share one */
    uint64_t page;       /* guest physical address */
    const unsigned char *at;
};

/* As guest_read(), for @len bytes within one page, and through @v if it still holds. */
hv_status guest_view_read(struct guest_view *v, struct slat *s, gpa_t at, void *buf, size_t len)
    MUST_CHECK;

/* The entry of @size bytes (4 or 8, aligned) at @at, zero-extended, read in one go as the processor's
 * own walk does. Status as guest_read(). */
static inline hv_status guest_view_entry(struct guest_view *v, struct slat *s, gpa_t at,
                                         unsigned size, uint64_t *entry)
{
    *entry = 0;
    if (v->generation == __atomic_load_n(&s->generation, __ATOMIC_ACQUIRE) &&
        v->page == (at.v & ~PAGE_MASK)) {
        const void *p = v->at + (at.v & PAGE_MASK);

        *entry = size == sizeof(uint64_t) ? __atomic_load_n((const uint64_t *)p, __ATOMIC_ACQUIRE)
                                          : __atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE);
        /* What was read is the guest's if the page still was when it had been read. */
        if (v->generation == __atomic_load_n(&s->generation, __ATOMIC_ACQUIRE))
            return HV_STATUS_SUCCESS;
    }
    return guest_view_read(v, s, at, entry, size);
}

#endif
