/* SPDX-License-Identifier: MIT */
/* core/pcpu.h - what belongs to one logical processor (LP).
 *
 * Only the LP itself touches its struct pcpu, but for the part in struct pcpu_remote and the
 * members marked with a lock. GS:0 holds the structure's own address. */
#ifndef CORE_PCPU_H
#define CORE_PCPU_H

#include "core/sched.h"
#include "core/spinlock.h"
#include "core/timer.h"
#include "core/types.h"
#include "debug/trace.h"
#include <rt/pairing_heap.h>
#include <x86/desc.h>
#include <x86/insn.h>

struct vp;

/* pcpu_remote.work: what the LP does before it enters a guest again. */
enum {
    WORK_TIMER = 1u << 0,      /* its local APIC timer fired */
    WORK_RESCHEDULE = 1u << 1, /* look at the run queue */
    WORK_STRAY_NMI = 1u << 2,  /* an NMI came that nobody of ours sent */
};

struct pcpu_remote {
    uint32_t work;        /* [a] WORK_* */
    uint32_t guest_epoch; /* [a] odd in guest mode: written by the LP, read by all */
    bool idle;            /* [a] halted, with nothing to do */
    uint64_t grace_seen;  /* [a] grace period that had begun when the LP last held no reference */
    uint64_t stopped_at;  /* [a] RIP at which another LP's panic stopped it; 0: it runs */
};

struct pcpu {
    struct pcpu *self; /* [I] at GS:0 */
    uint32_t lp_index; /* [I] */
    uint32_t apic_id;  /* [I] physical */
    uint64_t lp_bit;   /* [I] 1 << lp_index % 64 */
    struct vp *current;    /* VP that has this LP, or NULL; changed under run_queue.lock */
    struct vp *root_vp;    /* [I] the root VP pinned here */
    struct vp *cause;      /* child's VP that asks root for something right now, or NULL */
    struct pcpu_remote remote;

    struct spinlock timer_lock;
    struct heap timers;         /* [timer_lock] by host TSC deadline */
    uint64_t timer_programmed;  /* when the physical timer interrupts; UINT64_MAX: never, 0: unknown */

    struct run_queue run_queue;
    struct timer slice_timer;

    uint8_t level_stack[16]; /* level vectors in service physically, in order: core/level.c */
    uint8_t level_done[32];  /* bit: ended, but for one above it */
    unsigned level_depth;

    uint8_t *hcall_in;  /* [I] a page: the input of the hypercall being handled, copied once */
    uint8_t *hcall_out; /* [I] a page */

    bool has_tsc_aux;       /* [I] */
    bool root_only;         /* [I] runs no children: see speculation_runs_children */
    uint64_t predictors_of; /* id of the partition that the branch predictors were last taught by */
    uint64_t spec_ctrl;     /* what the MSR holds */

    hpa_t host_save;   /* [I] the processor's own save area (VM_HSAVE_PA) */
    hpa_t host_vmcb;   /* [I] FS, GS, TR and the like of the hypervisor itself */
    uint32_t asid_next;
    uint32_t asid_count; /* [I] */
    uint64_t asid_generation;

    uint64_t stack_top; /* [I] virtual */
    uint64_t started;   /* [a] host TSC when it came to its run loop */
    uint64_t idle_tsc;  /* [a] ticks spent halted, but for */
    uint64_t idle_since; /* [a] host TSC when it halted; 0: it does not */
    uint64_t exits;     /* all VPs */
    uint64_t run_tsc[2]; /* ticks of guest time: root, children; changed under run_queue.lock */
    struct trace_ring trace;

    uint64_t gdt[8];
    struct tss tss;
};

/* Ticks that @cpu has been halted, up to @now. Any LP. */
uint64_t pcpu_idle_time(const struct pcpu *cpu, uint64_t now);
/* Ticks that VPs have had @cpu up to @now, the current one included. Any LP. */
uint64_t pcpu_run_time(struct pcpu *cpu, uint64_t now);

extern struct pcpu *lp_table[LP_MAX]; /* [I] after boot */
extern uint32_t lp_count;             /* [I] after boot */

static inline struct pcpu *this_cpu(void)
{
    return insn_read_gs_self();
}

/* Make @cpu look at its work soon: sets @work and, if it is not this LP, sends an interrupt. */
void pcpu_kick(struct pcpu *cpu, uint32_t work);

/* Freeing what another LP may have just looked up without a count: unpublish it, begin a grace
 * period, and free it when the period is over: when each LP has since been in its run loop, in guest
 * mode or idle. Never waits: the caller asks again later. */
uint64_t grace_begin(void);
bool grace_over(uint64_t period);
/* This LP holds no uncounted reference now: the run loop's. */
void grace_pass(struct pcpu *cpu);

/* Wait until no LP in @lps (bit by LP index) that is in guest mode now is still there. */
void pcpu_wait_guest_exit(const uint64_t lps[LP_MAX / 64]);

#endif
