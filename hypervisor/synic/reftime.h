/* SPDX-License-Identifier: MIT */
/* synic/reftime.h - the reference time of a partition: the 100 ns units in which a VP of it
 * was not explicitly suspended.
 * TLFS 2.0A, 15.1.2, 15.2 and 15.4.
 *
 * time = ((guest TSC * scale) >> 64) + offset, with guest TSC = host TSC + tsc_offset. The counter
 * MSR and the reference TSC page use the same three numbers, so they agree while both are in use. The page is
 * right for a VP as long as the VP runs with the partition's tsc_offset: when core gives any VP
 * another one (the guest wrote its TSC), it calls reftime_distrust(), and guests use the MSR.
 *
 * Rules: readers take no lock, on any LP. Changes (freeze, thaw, distrust, restore) are serialised
 * by the caller: partition.msr_lock, or before the partition has a VP. */
#ifndef SYNIC_REFTIME_H
#define SYNIC_REFTIME_H

#include <core/types.h>
#include <hvabi/status.h>
#include <hvabi/synic.h>

#define REFTIME_HZ HV_REFERENCE_TIME_PER_SECOND

/* [I] immutable after init; [q] written by the serialised changes, read under generation; [a]
 * atomic. */
struct reftime {
    uint64_t generation; /* [a] odd while a change is under way */
    uint64_t hz;         /* [I] host TSC ticks a second */
    uint64_t scale;      /* [I] (REFTIME_HZ << 64) / hz */
    uint64_t tsc_offset; /* [q] guest TSC less host TSC */
    int64_t offset;      /* [q] */
    uint64_t frozen_at;  /* [q] the time, while frozen */
    bool frozen;         /* [q] */
    bool synchronised;   /* [I] the TSCs of all LPs agree */
    bool trusted;        /* [q] and so do those of the VPs: the page may be used */
    uint32_t sequence;   /* [q] the page's, of the last valid contents */
    uint64_t latest;     /* [a] greatest time yet read; used only when not synchronised */
    struct hv_reference_tsc_page *page; /* [q] where changes are published; NULL: nowhere */
};

/* Time 0 is now. @tsc_offset: what the VPs of the partition add to the host TSC. @synchronised:
 * whether the TSCs of all LPs agree; if not, the page says "do not use" (sequence 0) and the MSR is
 * kept from going backwards. @hz: of the host TSC, over REFTIME_HZ. */
void reftime_init(struct reftime *r, uint64_t tsc_offset, uint64_t hz, bool synchronised);

/* The reference time now: what HV_X64_MSR_TIME_REF_COUNT reads. Any LP; never goes backwards. */
uint64_t reftime_now(struct reftime *r);

/* The earliest host TSC at which reftime_now() will be @when or later; @when in the past: now.
 * False: time stands still. Deadlines further away than REFTIME_FAR units are brought forward to
 * that. */
bool reftime_deadline(struct reftime *r, uint64_t when, uint64_t *host_tsc) MUST_CHECK;
#define REFTIME_FAR (REFTIME_HZ * 3600) /* an hour: no product of it overflows */

/* Keep @page (the reference TSC overlay, hypervisor-owned, zeroed) up to date from now on. */
void reftime_attach_page(struct reftime *r, struct hv_reference_tsc_page *page);

/* From now on the TSC is no measure in this partition: sequence 0 for good. */
void reftime_distrust(struct reftime *r);

/* Time stands still: while the partition is saved, or every VP is explicitly suspended. Guests that
 * still run see sequence 0. Harmless if frozen already. */
void reftime_freeze(struct reftime *r);

/* Time goes on from where it stood, with @tsc_offset for the VPs' TSCs from now on. */
void reftime_thaw(struct reftime *r, uint64_t tsc_offset);

/* ---- save and restore -------------------------------------------------------------------------
 */

#define REFTIME_STATE_VERSION 1

struct reftime_state {
    uint32_t version; /* REFTIME_STATE_VERSION */
    uint32_t trusted; /* 0 or 1: the page was usable where it was saved */
    uint64_t time;    /* 100 ns units */
    uint32_t sequence;
    uint32_t reserved;
};
ABI_SIZE(struct reftime_state, 24);
ABI_OFFSET(struct reftime_state, trusted, 4);
ABI_OFFSET(struct reftime_state, time, 8);
ABI_OFFSET(struct reftime_state, sequence, 16);

void reftime_save(struct reftime *r, struct reftime_state *out);

/* Into one fresh from reftime_init, on this host's TSC; @r is frozen at the saved time until
 * reftime_thaw. HV_STATUS_INVALID_SAVE_RESTORE_STATE: not a state; nothing has changed. */
hv_status reftime_restore(struct reftime *r, const struct reftime_state *in) MUST_CHECK;

#endif
