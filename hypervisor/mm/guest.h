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

#include <mm/slat.h>

#define GUEST_COPY_MAX PAGE_SIZE /* a copy touches two pages at most */

hv_status guest_read(struct slat *s, gpa_t at, void *buf, size_t len) MUST_CHECK;
hv_status guest_write(struct slat *s, gpa_t at, const void *buf, size_t len) MUST_CHECK;

/* Set the 8-byte-aligned word at @at to @desired if it holds *@expected; otherwise *@expected
 * becomes what it holds. *@done tells which. HV_STATUS_INVALID_ALIGNMENT: misaligned. */
hv_status guest_cmpxchg64(struct slat *s, gpa_t at, uint64_t *expected, uint64_t desired,
                          bool *done) MUST_CHECK;

/* The hypervisor's pointer to the byte at @at, valid up to the end of its page and only as long as
 * the lock is held; NULL if the guest itself could not make the access. */
void *guest_page_ptr_locked(struct slat *s, gpa_t at, unsigned access) REQUIRES(s->lock);

#endif
