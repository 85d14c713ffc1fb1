/* SPDX-License-Identifier: MIT */
/* core/partition.h - partitions: their memory, processors, ports and privileges.
 * TLFS 2.0A, chapter 5.
 *
 * A partition is named by its 64-bit id, which is never used again, and lives in a slot of the
 * partition table; pages and messages carry the slot or the id, never a pointer.
 * Locks: [I] fixed once initialised, [p] partition.lock, [a] atomic. */
#ifndef CORE_PARTITION_H
#define CORE_PARTITION_H

#include <hvabi/boot.h>
#include <hvabi/hypercall.h>
#include <hvabi/management.h>
#include <hvabi/partition.h>
#include <hvabi/status.h>
#include "core/pcpu.h"
#include "core/spinlock.h"
#include "core/types.h"
#include "debug/stop.h"
#include "emul/cpuid.h"
#include "emul/lapic.h"
#include "mm/overlay.h"
#include "mm/pool.h"
#include "mm/slat.h"
#include "synic/port.h"
#include "synic/reftime.h"
#include "core/sched.h"

#define PARTITION_MAX     1024
#define PARTITION_SLOT_BITS 10 /* of an id; above them, partitions are numbered from 1, root's */
#define PARTITION_VPS_MAX 240 /* of a child; root has one a LP */
#define PARTITION_VP_TABLE 512

enum partition_state {
    PARTITION_CREATED,
    PARTITION_INITIALIZED,
    PARTITION_FINALIZING, /* being torn down by a finalize that has not ended yet */
    PARTITION_FINALIZED,
};

struct vp;

/* What HvInstallIntercept has set up for a child. */
struct intercept_table {
    uint8_t *io[4]; /* 2 bits a port (read, write), a page for each 16,384 ports; NULL: none */
    uint32_t msr, cpuid;     /* access masks: all MSRs that the hypervisor does not know, all leaves */
    uint32_t exceptions;     /* bit by vector */
    uint32_t msr_index;      /* INTERCEPT_MSR_*: writes of our own MSRs, of which the parent hears */
};

/* What a write means that only the parent can do something about: a crash with its text, a reset. */
enum { INTERCEPT_MSR_CRASH = 1u << 0, INTERCEPT_MSR_RESET = 1u << 1 };

struct partition {
    uint64_t id;          /* [I] */
    uint16_t slot;        /* [I] */
    bool is_root;         /* [I] */
    struct partition *parent; /* [I] */
    enum partition_state state; /* [p] */
    struct spinlock lock;
    uint32_t references;  /* [a] holders beside the table; see partition_get */
    uint32_t children;    /* [a] */

    struct pool pool;     /* deposited memory */
    struct slat slat;
    uint64_t sched_debt;  /* [a] ticks that root worked for it, not yet in a VP's virtual run time */
    uint64_t running_lps[LP_MAX / 64]; /* [a] LPs on which a VP of this partition is loaded */

    struct vp **vps;      /* [p] to change, [a] to read; a page of pointers */
    uint32_t vp_count;    /* [p] */
    uint32_t vp_highest;  /* [p] highest index in use + 1 */
    struct vp *dying;     /* [p] a VP that is no longer found, until its grace period is over */
    uint64_t tsc_offset;  /* [I] of its VPs, once it has one */
    bool suspended;       /* [p] HvPartitionPropertySuspend */
    struct lapic_space *apics; /* [I] a page, as is the next */
    struct lapic **apic_table;
    struct port_space ports;
    struct reftime reftime; /* changed under msr_lock */
    struct cpuid_policy *cpuid; /* [I] */
    struct intercept_table intercepts; /* [p] to change */

    uint64_t privileges;  /* [a] HV_PARTITION_PRIVILEGE_MASK */
    uint32_t cpu_weight, cpu_cap, cpu_reserve; /* [p] */
    uint64_t creation_flags;

    struct spinlock preempted_lock;
    /* [preempted_lock] runnable VPs, longest ago first: of those that lost their LP, and of those
     * that gave it away because they spin */
    struct list preempted, spinning;

    struct spinlock msr_lock;
    uint64_t guest_os_id;        /* [msr_lock], as the others here */
    uint64_t hypercall_msr;
    uint64_t reference_tsc_msr;
    struct overlay hypercall_overlay, reference_tsc_overlay;
    void *hypercall_page, *reference_tsc_page; /* [I] */
    uint64_t crash[6];           /* [msr_lock] CRASH_P0..P4, CTL */
    uint64_t tsc_invariant;      /* [msr_lock] HV_X64_MSR_TSC_INVARIANT_CONTROL */
    bool crash_reported;         /* [msr_lock] the log has it: a guest may report without end */

    struct stop_record stop;     /* of debug/stop.c */
};

extern struct partition *root_partition; /* [I] */

/* Build root's partition, with a VP for each LP, out of what is left of the kept memory. Boot. */
void partition_create_root(const struct boot_info *info);

/* TLFS HvCreatePartition; its memory comes from @parent's pool until it is deposited. */
hv_status partition_create(struct partition *parent, uint64_t flags, uint64_t *id) MUST_CHECK;
hv_status partition_initialize(struct partition *p) MUST_CHECK;
/* Tear down: HV_STATUS_SUCCESS, or *@again: a step was done, call again. */
hv_status partition_finalize(struct partition *p, bool *again) MUST_CHECK;
/* Free a finalized @p, of which the caller has a reference, which goes too.
 * HV_STATUS_OPERATION_DENIED: its pool is not empty. HV_STATUS_OBJECT_IN_USE: another LP has a
 * reference for the moment; try again. */
hv_status partition_delete(struct partition *p) MUST_CHECK;

/* The partition @id if @caller may name it: itself (also as HV_PARTITION_ID_SELF) or its child;
 * NULL: no such partition. Take a reference; give it back with partition_put. */
struct partition *partition_get(struct partition *caller, uint64_t id);
void partition_put(struct partition *p);

/* For statistics: how many there are, root's included. */
uint64_t partition_live(void);

/* The child of @parent created next after its child @previous; HV_PARTITION_ID_INVALID: the first,
 * and, in *@next, no more. HV_STATUS_INVALID_PARTITION_ID: @previous is no child of @parent's. */
hv_status partition_next_child(const struct partition *parent, uint64_t previous, uint64_t *next)
    MUST_CHECK;

/* The VP @index, or NULL. The result stays valid while the partition is referenced and not being
 * finalized: VPs are freed only when they run nowhere and no hypercall names them [p]. */
struct vp *partition_vp(struct partition *p, uint32_t index);

/* Make sure that no LP uses a translation of @p's SLAT from before this call. */
void partition_flush_tlb(struct partition *p);

/* Lay @page over guest page @gpfn, or (@enable false) take @o away, and flush. */
hv_status partition_overlay(struct partition *p, struct overlay *o, bool enable, uint64_t gpfn,
                            hpa_t page, unsigned access) MUST_CHECK;

/* Does @p's parent want to see an access (HV_INTERCEPT_ACCESS_MASK_*) to @port? */
bool partition_intercepts_port(const struct partition *p, uint16_t port, uint32_t access);
hv_status partition_install_intercept(struct partition *p, uint32_t type, uint32_t access,
                                      uint64_t parameter) MUST_CHECK;

/* The reference time goes on, or stands still, as the VPs' suspensions want it: TLFS 2.0A, 15.1.2.
 * The caller has changed one, or deleted a VP, and holds partition.lock. */
void partition_clock_update(struct partition *p);

hv_status partition_property_get(struct partition *p, uint32_t code, uint64_t *value) MUST_CHECK;
hv_status partition_property_set(struct partition *p, uint32_t code, uint64_t value) MUST_CHECK;

#endif
