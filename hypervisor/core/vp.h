/* SPDX-License-Identifier: MIT */
/* core/vp.h - virtual processors. TLFS 2.0A, chapter 10.
 *
 * Members: [I] fixed after creation, [a] atomic, any LP; [o] the owner: the LP on which the VP is
 * loaded, or, while it runs nowhere, whoever holds it by vp_hold. */
#ifndef CORE_VP_H
#define CORE_VP_H

#include <hvabi/message.h>
#include <hvabi/regs.h>
#include "core/interrupts.h"
#include "core/partition.h"
#include "core/sched.h"
#include "core/timer.h"
#include "emul/gva.h"
#include "emul/lapic.h"
#include "mm/guest.h"
#include "synic/stimer.h"
#include "synic/synic.h"
#include "virt/vp_exit.h"

/* Why a VP does not run although the scheduler could; vp.suspend [a]. */
enum {
    VP_SUSPEND_EXPLICIT = 1u << 0,  /* HvRegisterExplicitSuspend */
    VP_SUSPEND_INTERCEPT = 1u << 1, /* HvRegisterInterceptSuspend */
    VP_SUSPEND_HOLD = 1u << 2,      /* held by vp_hold */
    VP_SUSPEND_DEAD = 1u << 3,      /* being deleted */
    VP_SUSPEND_PARTITION = 1u << 4, /* the whole partition is suspended */
    VP_SUSPEND_CAP = 1u << 5,       /* its cap of this period is used up: core/limits.c */
};

/* Things that others ask of a VP; vp.requests [a], served before each entry. */
enum {
    VP_REQUEST_INIT = 1u << 0,
    VP_REQUEST_SIPI = 1u << 1,
    VP_REQUEST_NMI = 1u << 2,
    VP_REQUEST_INTERRUPT = 1u << 3, /* the local APIC may have something to deliver */
    VP_REQUEST_TIMER = 1u << 4,     /* the local APIC's timer has expired */
    VP_REQUEST_EOI = 1u << 5,       /* report ended level interrupts to the parent */
};

/* What the VP does when nobody suspends it; vp.activity [o]. */
enum vp_activity {
    VP_ACTIVITY_RUN,
    VP_ACTIVITY_HALT,      /* HLT: until an interrupt that can be taken */
    VP_ACTIVITY_IDLE,      /* guest idle MSR: until an interrupt is pending */
    VP_ACTIVITY_WAIT_SIPI,
};

/* vp.views: page tables by their level, and */
enum { VP_VIEW_CODE = 0, VP_VIEW_INPUT = 1 + GVA_LEVELS, VP_VIEWS };

struct vp {
    uint64_t gpr[16]; /* [o] in the order of HvX64RegisterRax..R15; RAX and RSP are kept here too
                         between exit and entry. Must be first: entry.asm. */
    uint64_t rip, rflags; /* [o] */
    uint32_t guards;      /* [I] GUARD_*: entry.asm */

    struct partition *partition; /* [I] */
    uint32_t index;              /* [I] */
    uint32_t apic_id;            /* [I] */
    union {
        struct {
            uint32_t requests;   /* [a] */
            uint32_t suspend;    /* [a] */
        };
        uint64_t attention;      /* [a] both at once: anything to do before the next entry? */
    };
    uint64_t tlb_generation;     /* [a] counts the wishes that it forget its translations */
    uint32_t users;              /* [a] ports' posts that hold this VP */
    uint64_t grace;              /* [p] of a dying VP */

    void *backend;      /* [o] the backend's own page, e.g. struct svm_vp */
    void *xsave;        /* [o] XSAVE area, a page */
    uint64_t xcr0;      /* [o] */
    uint64_t cr2;       /* [o] */
    uint64_t dr[4];     /* [o] */

    struct guest_view views[VP_VIEWS]; /* [o] of its last instruction and hypercall */
    struct gva_fetched fetched;        /* [o] */

    struct sched_entity sched;
    struct lapic lapic;
    struct synic synic;
    struct stimers *stimers;    /* [I] an object of the pool */
    struct timer lapic_timer;

    uint64_t tsc_offset;       /* [o] */
    uint64_t tsc_aux;          /* [o] */
    uint64_t spec_ctrl;        /* [o] */
    uint64_t vp_assist_msr;    /* [o] */
    struct overlay assist_overlay;
    hpa_t assist_page, sim_page, sief_page, xsave_page; /* [I] */
    struct hv_vp_assist_page *assist; /* [o] that page, while the guest has it enabled; or NULL */
    struct overlay sim_overlay, sief_overlay;

    uint8_t sipi_vector;       /* [a] */
    union {
        struct {
            uint8_t activity;  /* [o] enum vp_activity */
            bool nmi_pending;  /* [o] */
        };
        uint16_t unusual;      /* [o] both at once: not simply to be entered */
    };
    bool eoi_message_queued;   /* [a] */
    bool yield;                /* [o] an exit handler gives the LP away */
    bool nmi_masked;           /* [o] the guest is in its NMI handler */
    uint8_t eoi_promised;      /* [o] vector, 0: none; see emul/eoi_assist.h */
    uint8_t retries;           /* [o] in a row, of what cannot be injected yet */
    int16_t offered;           /* [o] in guest mode: vector that the backend is to deliver, or -1 */
    struct synic_message intercept_message; /* at most one in flight */
    struct synic_message eoi_message;
    uint64_t eoi_vectors[4];   /* [a] level vectors ended by the guest and not yet reported */

    uint64_t *stats;           /* [o] to write (CapWaits: [q] of sched), any LP to read: the page of
                                * hvabi/stats.h */
    hpa_t stats_page;          /* [I] */
    uint64_t stats_msr;        /* [o] HV_X64_MSR_STATS_VP_RETAIL_PAGE */
    struct overlay stats_overlay, parent_stats_overlay; /* in this partition, in its parent */
};
_Static_assert(sizeof(struct vp) <= 4096, "a VP is one page of its partition's pool");

/* TLFS HvCreateVp: suspended explicitly, in the state after INIT; index 0 is the BSP. */
hv_status vp_create(struct partition *p, uint32_t index, uint32_t lp, bool pinned) MUST_CHECK;
/* For statistics: how many there are in all partitions. */
uint64_t vp_live(void);
/* TLFS HvDeleteVp, in steps: *@again: it runs, was kicked, call again. */
hv_status vp_delete(struct partition *p, uint32_t index, bool *again) MUST_CHECK;

/* Set bits of vp.suspend, and take the VP off its LP soon. Any LP. */
void vp_suspend(struct vp *vp, uint32_t reasons);
/* Clear bits; the VP becomes runnable when none is left. Any LP. */
void vp_resume(struct vp *vp, uint32_t reasons);
/* Ask something of @vp, wake it if it sleeps, and interrupt it if it runs. Any LP. */
void vp_request(struct vp *vp, uint32_t requests);

/* Stop @vp so that the caller may touch its [o] state. False: it still runs somewhere and was
 * kicked: call again later (a hypercall continues). */
bool vp_hold(struct vp *vp) MUST_CHECK;
void vp_release(struct vp *vp);

/* @vp forgets its translations before it enters guest mode the next time. If it may be in guest mode
 * now, its LP is added to @lps, for pcpu_wait_guest_exit. Any LP. */
void vp_tlb_forget(struct vp *vp, uint64_t lps[LP_MAX / 64]);

/* Load @vp's state on this LP, and put it away: the run loop's. */
void vp_load(struct vp *vp);
void vp_unload(struct vp *vp);

/* The local APIC's TPR may have changed: what the guest reads in CR8 follows. @vp is loaded here. */
void vp_tpr_show(struct vp *vp);

/* INIT reaches @vp, which is loaded here. */
void vp_init_signal(struct vp *vp);

/* The run loop of this LP. */
_Noreturn void vp_run_loop(void);

/* Where the payload of @vp's next intercept message, of @size bytes, all 0 now, is made. The last
 * message is taken back if it waits for the parent, which resumed @vp without it. */
void *vp_intercept_begin(struct vp *vp, uint32_t size);
/* Post it, as @type, to the parent and suspend @vp. */
void vp_intercept(struct vp *vp, uint32_t type, uint32_t size);
/* Report ended level interrupts, if the last report has left. On the VP's LP. */
void vp_report_eoi(struct vp *vp);
/* Fill the header that all x64 intercept messages share (TLFS 2.0A, 16.2.2). */
void vp_intercept_header(struct vp *vp, struct hv_x64_intercept_message_header *h,
                         unsigned insn_len, uint8_t access);

/* Handle one exit (core/exit.c). */
void vp_exit_handle(struct vp *vp, struct vp_exit *exit);

/* The exits' names, for the log and the statistics. */
extern const char *const vp_exit_names[VP_EXIT_REASON_COUNT];

#endif
