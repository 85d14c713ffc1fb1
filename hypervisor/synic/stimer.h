/* SPDX-License-Identifier: MIT */
/* synic/stimer.h - the four synthetic timers of a virtual processor. TLFS 2.0A, 15.3; direct mode:
 * TLFS 6.0b, 12.3.
 *
 * A timer runs on the partition's reference time and ends in a message to a SINT of its own VP, or
 * (direct mode) in an interrupt. Its message buffer is part of it, so nothing is allocated.
 *
 * Periodic timers. Expirations are due at start + n * period. One that finds its last message not
 * yet in the slot, or that comes late, is owed. A lazy timer drops what it owes and goes on with
 * the next future expiration. Any other catches up: while it owes something its period is halved,
 * and it never owes more than STIMER_MAX_OWED; the rest is dropped. A periodic timer fires at most
 * every STIMER_MIN_PERIOD, and up to STIMER_MAX_BACKOFF apart while its guest does not take
 * messages, so that no guest can make the host spend its time on timers.
 *
 * Rules: expiry runs on any LP. One lock per struct stimers; the SynIC's lock and the LPs' timer
 * locks are taken under it, and synic_host_interrupt() may be called with it held. */
#ifndef SYNIC_STIMER_H
#define SYNIC_STIMER_H

#include <core/spinlock.h>
#include <core/timer.h>
#include <hvabi/msr.h>
#include <synic/reftime.h>
#include <synic/synic.h>

/* 100 ns units. */
#define STIMER_MIN_PERIOD  1000ull   /* 100 us */
#define STIMER_MAX_BACKOFF 100000ull /* 10 ms */
/* Expirations. */
#define STIMER_MAX_OWED 16ull

struct stimers;

/* [t] stimers->lock; [I] immutable after init; [a] atomic. */
struct stimer {
    struct stimers *owner;        /* [I] */
    uint8_t index;                /* [I] */
    bool running;                 /* [t] will expire, though perhaps paused */
    bool waiting;                 /* [a] the message is with the SynIC */
    uint64_t config, count;       /* [t] the registers */
    uint64_t due;                 /* [t] reference time of the next expiration, or of one owed */
    uint64_t wake;                /* [t] reference time at which to look at it */
    uint64_t backoff;             /* [t] 100 ns units; 0: the guest takes its messages */
    struct timer timer;           /* armed and cancelled under [t] */
    struct synic_message message; /* the SynIC's while waiting */
};

struct stimers {
    struct spinlock lock;
    struct synic *synic;     /* [I] of the same VP */
    struct reftime *reftime; /* [I] of its partition */
    bool direct;             /* [I] direct mode is offered */
    bool paused;             /* [t] */
    struct stimer timer[HV_STIMER_COUNT];
};

/* @direct: whether CPUID 0x40000003 EDX bit 19 offers direct mode to this partition. */
void stimers_init(struct stimers *all, struct synic *synic, struct reftime *reftime, bool direct);

/* As after stimers_init: all disabled, no message waiting. The VP does not run. */
void stimers_reset(struct stimers *all);

/* Before the VP goes, and before synic_destroy(). An expiry may still be entering on another LP:
 * the memory of @all may be freed only after each LP has been seen outside its timer interrupt. */
void stimers_destroy(struct stimers *all);

/* MSRs 0x400000B0-B7. False: #GP, or an MSR that is not of a synthetic timer. The caller has
 * checked the AccessSyntheticTimerRegs privilege. By the VP's own LP, or while the VP does not run.
 */
bool stimer_msr_read(struct stimers *all, uint32_t msr, uint64_t *v) MUST_CHECK;
bool stimer_msr_write(struct stimers *all, uint32_t msr, uint64_t v) MUST_CHECK;

/* Stop before the reference time is frozen, and go on after it was thawed. A paused timer keeps its
 * registers and due time. */
void stimers_pause(struct stimers *all);
void stimers_resume(struct stimers *all);

/* ---- save and restore -------------------------------------------------------------------------
 */

#define STIMER_STATE_VERSION 1

struct stimer_state {
    uint32_t version; /* STIMER_STATE_VERSION */
    uint32_t reserved;
    struct stimer_state_one {
        uint64_t config;
        uint64_t count;
        uint64_t due;          /* reference time; 0 unless running */
        uint64_t expiration;   /* of the message that waits for its slot */
        uint64_t order;        /* of that message */
        uint32_t waiting_sint; /* where it waits; 0: there is none */
        uint32_t running;      /* 0 or 1 */
    } timer[HV_STIMER_COUNT];
};
ABI_SIZE(struct stimer_state_one, 48);
ABI_SIZE(struct stimer_state, 200);
ABI_OFFSET(struct stimer_state, timer, 8);
ABI_OFFSET(struct stimer_state_one, due, 16);
ABI_OFFSET(struct stimer_state_one, expiration, 24);
ABI_OFFSET(struct stimer_state_one, order, 32);
ABI_OFFSET(struct stimer_state_one, waiting_sint, 40);
ABI_OFFSET(struct stimer_state_one, running, 44);

/* Paused. */
void stimers_save(struct stimers *all, struct stimer_state *out);

/* Into timers fresh from init or reset, whose SynIC has been restored; paused until
 * stimers_resume(). HV_STATUS_INVALID_SAVE_RESTORE_STATE: not a state; nothing has changed. */
hv_status stimers_restore(struct stimers *all, const struct stimer_state *in) MUST_CHECK;

#endif
