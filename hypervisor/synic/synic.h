/* SPDX-License-Identifier: MIT */
/* synic/synic.h - the synthetic interrupt controller of one virtual processor. TLFS 2.0A, 14.
 *
 * Sixteen interrupt sources (SINTs), each with a message slot in the message page (SIM), a row of
 * 2048 event flags in the event-flags page (SIEF) and a FIFO of messages that wait for the slot.
 * Both pages belong to the hypervisor; the guest sees them as overlays and may scribble on them.
 *
 * Rules: everything here is O(1) and never allocates, but for reset, which is linear in the
 * messages that wait. Any LP may post and signal at any time. One lock per struct synic guards
 * slots and queues; no other lock of synic/ is taken under it, and no hook runs under it. Event
 * flags need no lock. Whoever calls keeps the struct synic alive during the call. */
#ifndef SYNIC_SYNIC_H
#define SYNIC_SYNIC_H

#include <core/spinlock.h>
#include <core/types.h>
#include <hvabi/message.h>
#include <hvabi/status.h>
#include <hvabi/synic.h>
#include <rt/list.h>

struct synic;
struct synic_message;

/* Virtual processors a partition may have: 240 in a child, one per LP in root. */
#define SYNIC_MAX_VPS 512

/* Words of a map of the 256 interrupt vectors. */
#define SYNIC_VECTOR_WORDS 4

/* The two overlay pages of a SynIC, for synic_host_overlay(). */
enum {
    SYNIC_PAGE_MESSAGES,
    SYNIC_PAGE_EVENTS,
    SYNIC_PAGES,
};

/* Which VPs of a partition can take messages and events now: the targets of HV_ANY_VP. One per
 * partition, in its struct port_space. */
struct synic_set {
    uint64_t messages[SYNIC_MAX_VPS / 64]; /* [a] SCONTROL and SIMP enabled */
    uint64_t events[SYNIC_MAX_VPS / 64];   /* [a] SCONTROL and SIEFP enabled */
    uint32_t vps;                          /* [a] highest VP index yet, plus one */
};

/* What the owner of a message wants to know. Called with the lock of the SynIC held: they may take
 * locks of the scheduler, but none of synic/. Both may be NULL. */
struct synic_message_ops {
    /* The message is about to be copied into its slot: last chance to complete the payload. */
    void (*deliver)(struct synic_message *m);
    /* The message is on no queue any more: copied, cancelled or drained. Nothing touches it after
     * this call. */
    void (*release)(struct synic_message *m);
};

/* A message buffer: allocated once by its owner, never when it is posted. */
struct synic_message {
    struct list node;                    /* [s] */
    struct synic *synic;                 /* [s] where it is queued; NULL: nowhere */
    const struct synic_message_ops *ops; /* [I] may be NULL */
    uint64_t order;                      /* [s] position among all messages the SynIC was sent */
    uint8_t sint;                        /* [s] */
    struct hv_message message;           /* the owner's while it is queued nowhere, else [s] */
};

/* [s] s->lock; [I] immutable after init; [a] atomic. Registers are written under s->lock by the
 * VP's own LP, or by anyone while the VP does not run, and read by all. */
struct synic {
    struct spinlock lock;
    uint32_t vp_index;                     /* [I] */
    struct synic_set *set;                 /* [I] */
    struct hv_message_page *messages;      /* [I] */
    uint64_t *events;                      /* [I] the event-flags page: 16 rows of 32 words */
    uint64_t scontrol, siefp, simp;        /* [a] */
    uint64_t sint[HV_SYNIC_SINT_COUNT];    /* [a] */
    uint64_t used[SYNIC_VECTOR_WORDS];     /* [a] vectors of unmasked SINTs */
    uint64_t auto_eoi[SYNIC_VECTOR_WORDS]; /* [a] vectors of unmasked SINTs with AutoEOI */
    uint32_t queued; /* [a] written under s->lock: SINTs with messages waiting */
    uint64_t order;  /* [s] messages queued so far */
    struct list queue[HV_SYNIC_SINT_COUNT]; /* [s] struct synic_message.node */
};

/* ---- hooks: defined by core, and by the tests ------------------------------------------------ */

/* Post an edge-triggered interrupt to the local APIC of the VP of @s and kick it. Called with no
 * SynIC lock held, possibly with a synthetic-timer lock; must not call back. */
void synic_host_interrupt(struct synic *s, uint8_t vector);

/* Let page @which of @s appear at guest page @gpfn, and only there, or (@enable false) nowhere.
 * Called with no lock held. The tables that an overlay needs are reserved when the VP is made. A
 * frame beyond the GPA space is refused with any status: the page is then not accessible. */
hv_status synic_host_overlay(struct synic *s, unsigned which, bool enable, uint64_t gpfn);

/* ---- life ------------------------------------------------------------------------------------ */

/* Make @s the SynIC of VP @vp_index (< SYNIC_MAX_VPS). Both pages are zeroed here. */
void synic_init(struct synic *s, struct synic_set *set, uint32_t vp_index, void *message_page,
                void *event_page);

/* As after synic_init: registers at their reset values, overlays gone, pages zeroed, every queued
 * message released. The VP does not run. */
void synic_reset(struct synic *s);

/* Before the VP goes, while it can still be looked up: synic_reset() under another name, because
 * the order matters. First this; from here on posts fail with HV_STATUS_INVALID_SYNIC_STATE. Then
 * the VP is no longer found; then the holds on it are waited for; then its memory is freed. */
void synic_destroy(struct synic *s);

/* ---- registers: 0x40000080-84 and 0x40000090-9F -----------------------------------------------
 */

/* False: #GP. By the VP's own LP, or by anyone while the VP does not run. The caller has checked
 * the AccessSynicRegs privilege. An MSR that is not of the SynIC: false. */
bool synic_msr_read(const struct synic *s, uint32_t msr, uint64_t *v) MUST_CHECK;
bool synic_msr_write(struct synic *s, uint32_t msr, uint64_t v) MUST_CHECK;

/* The VP signalled EOI for @vector: slots may be empty again. Few instructions when nothing waits
 * or no SINT uses the vector. */
void synic_eoi(struct synic *s, uint8_t vector);

/* Whether an interrupt with @vector ends itself on delivery (AutoEOI). O(1), any LP. */
static inline bool synic_vector_auto_eoi(const struct synic *s, uint8_t vector)
{
    return __atomic_load_n(&s->auto_eoi[vector / 64], __ATOMIC_RELAXED) >> (vector % 64) & 1;
}

/* ---- messages and events ----------------------------------------------------------------------
 */

void synic_message_init(struct synic_message *m, const struct synic_message_ops *ops);

/* Queue @m, which is queued nowhere and whose message is complete but for its flags, for @sint, and
 * deliver what can be delivered. Any LP.
 * HV_STATUS_INVALID_SYNIC_STATE: SCONTROL or SIMP disabled; @m is still the caller's. */
hv_status synic_post(struct synic *s, uint32_t sint, struct synic_message *m) MUST_CHECK;

/* Take @m off the queue of @s. True if it was there; its release is then called. False: it had been
 * delivered, or is queued elsewhere. */
bool synic_cancel(struct synic *s, struct synic_message *m);

/* Set event flag @flag (< HV_EVENT_FLAGS_COUNT) of @sint; interrupt if it was clear. Any LP.
 * HV_STATUS_INVALID_SYNIC_STATE: SCONTROL or SIEFP disabled, or the SINT masked. */
hv_status synic_signal(struct synic *s, uint32_t sint, uint32_t flag) MUST_CHECK;

/* The VP that a message (an event) for HV_ANY_VP goes to: the first one, counting up from @hint
 * modulo the number of VPs and around, that can take it. HV_ANY_VP: none can. */
uint32_t synic_set_pick_messages(const struct synic_set *set, uint32_t hint);
uint32_t synic_set_pick_events(const struct synic_set *set, uint32_t hint);

/* ---- save and restore -------------------------------------------------------------------------
 */

#define SYNIC_STATE_VERSION 1

/* Registers and pages. Messages that wait are saved by their owners (ports: port_state.h, timers,
 * the VP for its intercept), each with its order, and come back by synic_requeue(). */
struct synic_state {
    uint32_t version; /* SYNIC_STATE_VERSION */
    uint32_t reserved;
    uint64_t scontrol;
    uint64_t siefp;
    uint64_t simp;
    uint64_t sint[HV_SYNIC_SINT_COUNT];
    uint8_t messages[HV_PAGE_SIZE];
    uint8_t events[HV_PAGE_SIZE];
};
ABI_SIZE(struct synic_state, 8352);
ABI_OFFSET(struct synic_state, scontrol, 8);
ABI_OFFSET(struct synic_state, sint, 32);
ABI_OFFSET(struct synic_state, messages, 160);
ABI_OFFSET(struct synic_state, events, 4256);

/* Put @m, complete and queued nowhere, back where it waited when it was saved. Owners may come in
 * any sequence. Nothing is delivered: its slot was in use, so the guest will ask. */
void synic_requeue(struct synic *s, uint32_t sint, uint64_t order, struct synic_message *m);

/* The VP does not run, and nobody posts to it. */
void synic_save(const struct synic *s, struct synic_state *out);

/* Into a SynIC fresh from synic_init or synic_reset. HV_STATUS_INVALID_SAVE_RESTORE_STATE: @in is
 * of another version or holds what no guest could have written; nothing has changed then. */
hv_status synic_restore(struct synic *s, const struct synic_state *in) MUST_CHECK;

#endif
