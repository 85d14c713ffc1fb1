/* SPDX-License-Identifier: MIT */
/* emul/lapic.h - the software local APIC of a virtual processor: xAPIC MMIO, x2APIC MSRs and the
 * synthetic EOI, ICR and TPR MSRs. SDM vol. 3A, chapter 10; APM vol. 2, chapter 16; TLFS 10.2.
 *
 * Who may call: a function that takes the lapic of a VP runs on the LP that holds this VP (its
 * "owner": the LP of its run loop, or whoever has stopped the VP). "Any LP" marks the exceptions:
 * they touch only members marked [a], which are atomic words. No locks are taken.
 *
 * The order in the run loop, around each entry to the guest:
 *     v = lapic_pending(l);                        -1: nothing to deliver now
 *     if (v >= 0) lapic_take(l, (uint8_t)v);       and offer it to the guest
 *     run the guest
 *     lapic_serve, lapic_serve_auto_eoi or lapic_give_back
 * An interrupt that another LP posts after lapic_pending is not lost if the run loop first says
 * "about to enter" with a sequentially consistent store, and then asks lapic_pending: the poster
 * sets the IRR first and then looks where the VP is.
 *
 * Choices where the manuals leave one: the APIC ID is read-only, the register page cannot be moved
 * (both allowed by TLFS 2.0a, 13.2.1), lowest priority goes round robin, SMI and remote read do
 * nothing, EOI broadcasts cannot be suppressed, there is no CMCI entry. */
#ifndef EMUL_LAPIC_H
#define EMUL_LAPIC_H

#include <stdbool.h>
#include <stdint.h>
#include <hvabi/status.h>
#include <x86/apic.h>

#define LAPIC_CLASSES      16u  /* priority classes of 16 vectors each */
#define LAPIC_LOGICAL_IDS  256u /* xAPIC logical addressing ends at the IDs of 8 bits */
#define LAPIC_LOGICAL_WORDS (LAPIC_LOGICAL_IDS / 64)
#define LAPIC_LVT_COUNT    6u   /* timer, thermal, performance, LINT0, LINT1, error */
#define LAPIC_HZ_MIN       1000000ull    /* keeps every product of the timer within 128 bits */
#define LAPIC_HZ_MAX       1000000000000ull

/* lapic.mode [a]: the owner writes it, senders read it. */
#define LAPIC_MODE_GLOBAL   (1u << 0) /* IA32_APIC_BASE.EN */
#define LAPIC_MODE_X2APIC   (1u << 1) /* IA32_APIC_BASE.EXTD */
#define LAPIC_MODE_SOFTWARE (1u << 2) /* the enable bit of the spurious vector register */

struct lapic;

/* A set of xAPIC-mode APICs with IDs below LAPIC_LOGICAL_IDS. */
struct lapic_set {
    uint64_t word[LAPIC_LOGICAL_WORDS];
};

/* What lapic_space_init is told about a partition. */
struct lapic_space_config {
    struct lapic **table; /* by APIC ID, zeroed; lives as long as the space */
    uint32_t capacity;    /* entries of @table */
    uint64_t tsc_hz;      /* of the guest TSC: LAPIC_HZ_MIN to LAPIC_HZ_MAX */
    uint64_t timer_hz;    /* of the timer's input clock (HV_X64_MSR_APIC_FREQUENCY): likewise */
    bool x2apic;          /* CPUID shows x2APIC: EXTD may be set */
    bool tsc_deadline;    /* CPUID shows the TSC-deadline mode */
};

/* The APICs of one partition, by their addresses. A few KiB, embedded in the partition. */
struct lapic_space {
    struct lapic **table;     /* [I], entries [a] */
    uint32_t capacity;        /* [I] */
    uint32_t limit;           /* [a] highest APIC ID in use, plus 1 */
    uint32_t lowest_turn;     /* [a] where lowest-priority delivery goes on */
    bool x2apic;              /* [I] */
    bool tsc_deadline;        /* [I] */
    uint64_t timer_hz;        /* [I] */
    uint64_t tsc_per_tick;    /* [I] 32.32 fixed point */
    uint64_t ticks_per_tsc;   /* [I] 32.32 fixed point */
    struct lapic_set flat[8]; /* [a] who has bit n of a flat logical ID */
    struct lapic_set cluster[LAPIC_CLASSES][4]; /* [a] who has bit n in a cluster */
};

/* Deadlines in guest TSC ticks, 64.32 fixed point: periods add up without drift. */
struct lapic_timer {
    uint64_t deadline;
    uint64_t period;
    uint32_t deadline_fraction;
    uint32_t period_fraction;
    uint32_t initial;      /* initial count register */
    uint32_t divide;       /* divide configuration register */
    bool counting;         /* @deadline lies ahead, or nobody has looked since it passed */
    bool armed;            /* lapic_host_timer_arm was called and not yet answered */
    bool stalled;          /* counting, not armed: nobody would notice that the deadline passes */
};

/* An APIC's own state. Members without a mark belong to its owner. */
struct lapic {
    uint32_t irr_classes; /* [a] bit c: irr[c] may be set; never clear while it stays set */
    uint32_t mode;        /* [a] LAPIC_MODE_* */
    uint32_t esr_pending; /* [a] errors since the last write of the ESR */
    uint32_t open_classes; /* classes above the processor priority; 0 if globally disabled */
    uint16_t irr[LAPIC_CLASSES]; /* [a] by priority class */
    uint16_t tmr[LAPIC_CLASSES]; /* [a] 1: level */
    uint16_t isr[LAPIC_CLASSES];
    uint32_t isr_classes; /* bit c: isr[c] is set */
    uint32_t tpr;
    uint32_t svr;
    uint32_t ldr; /* xAPIC format */
    uint32_t dfr;
    uint32_t esr;
    uint32_t icr_low;
    uint32_t icr_high;
    uint32_t lvt[LAPIC_LVT_COUNT]; /* in the order of their offsets; the error entry: [a] */
    struct lapic_timer timer;
    struct lapic_space *space; /* [I] */
    uint32_t apic_id;          /* [I] */
    bool bsp;                  /* [I] */
};

/* Whether IA32_APIC_BASE has it on. Any LP. */
static inline bool lapic_is_on(const struct lapic *l)
{
    return (__atomic_load_n(&l->mode, __ATOMIC_RELAXED) & LAPIC_MODE_GLOBAL) != 0;
}

/* An interrupt message as a device, an IOAPIC or HvCallAssertVirtualInterrupt sends it. */
struct lapic_message {
    uint32_t destination; /* X2APIC_BROADCAST: everyone; see lapic_destination8 */
    uint32_t delivery;    /* APIC_DELIVERY_*, not EXTINT */
    uint8_t vector;
    bool logical;
    bool level;
};

/* ---- Hooks: core, or a test, defines them. @l is their target. ---- */

/* An interrupt was posted to @l, which is not the VP that runs here: make its run loop look. */
void lapic_host_kick(struct lapic *l);
/* Deliver to @l, which may be the VP that runs here. Called on any LP, with no lock held. */
void lapic_host_nmi(struct lapic *l);
void lapic_host_init(struct lapic *l);
void lapic_host_sipi(struct lapic *l, uint8_t vector);
/* The guest has ended a level-triggered interrupt. On the owner's LP. */
void lapic_host_eoi_level(struct lapic *l, uint8_t vector);
/* What is in service is about to be looked at: say by lapic_serve if an interrupt is that was not yet said
 * to be (emul/eoi_assist.h). On the owner's LP. */
void lapic_host_settle(struct lapic *l);
/* The guest has enabled the APIC by software, which was disabled. On the owner's LP. */
void lapic_host_enabled(struct lapic *l);
/* The guest's TSC, on the owner's LP. */
uint64_t lapic_host_tsc(struct lapic *l);
/* Call lapic_timer_expired(@l) on its owner's LP at guest TSC @deadline (past: soon). One deadline
 * is kept, a new one replaces it. On the owner's LP. @deadline is less than 2^63 ticks away from
 * now, modulo 2^64: so are TSCs of another offset. */
void lapic_host_timer_arm(struct lapic *l, uint64_t deadline);
/* Forget the deadline; lapic_timer_expired may still be called once, and is harmless. */
void lapic_host_timer_cancel(struct lapic *l);

/* ---- Life ---- */

/* An empty space. BUG on a frequency of 0 or out of range. */
void lapic_space_init(struct lapic_space *s, const struct lapic_space_config *config);

/* Power-up state, and in @s under @apic_id. False: the ID is taken or beyond the space's capacity.
 * The caller serialises init and destroy within a space. */
bool lapic_init(struct lapic *l, struct lapic_space *s, uint32_t apic_id, bool bsp);

/* Out of its space, timer cancelled. Another LP may still be sending to @l until it has left the
 * exit that it handles now: the caller waits for that before it frees @l. */
void lapic_destroy(struct lapic *l);

/* INIT: everything but APIC ID and IA32_APIC_BASE as after power-up. SDM 10.4.7.3. */
void lapic_reset(struct lapic *l);

/* ---- Guest accesses ---- */

/* True if the register page answers at APIC_DEFAULT_BASE: the caller emulates the access. False:
 * x2APIC mode or disabled; the page is ordinary memory or nothing. Any LP. */
static inline bool lapic_mmio_on(const struct lapic *l)
{
    uint32_t mode = __atomic_load_n(&l->mode, __ATOMIC_RELAXED);

    return (mode & (LAPIC_MODE_GLOBAL | LAPIC_MODE_X2APIC)) == LAPIC_MODE_GLOBAL;
}

/* 32-bit accesses to the page, lapic_mmio_on. @offset below APIC_MMIO_SIZE; one that is not a
 * multiple of 16 reads 0 and writes nothing. */
uint32_t lapic_mmio_read(struct lapic *l, uint32_t offset);
void lapic_mmio_write(struct lapic *l, uint32_t offset, uint32_t value);

/* IA32_APIC_BASE, IA32_TSC_DEADLINE, 0x800-0x8ff, HV_X64_MSR_EOI, _ICR, _TPR (whose privilege the
 * caller has checked). False: inject #GP(0), nothing has changed. */
bool lapic_msr_read(struct lapic *l, uint32_t msr, uint64_t *value);
bool lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value);

/* ---- Interrupts ---- */

/* Set @vector in the IRR. True: it was not set before, the caller kicks the VP. False: it was
 * pending already, or the APIC takes none (disabled; vectors below 16 are logged in the ESR).
 * Any LP. */
bool lapic_post(struct lapic *l, uint8_t vector, bool level);

/* Deliver @m to all it addresses, by post and kick or by hook. False: it addresses no APIC of the
 * space, or its delivery mode is none of a message. Any LP. */
bool lapic_space_send(struct lapic_space *s, const struct lapic_message *m);

/* An 8-bit destination, as in an MSI address without extensions, for lapic_message. */
static inline uint32_t lapic_destination8(uint8_t destination)
{
    return destination == APIC_BROADCAST ? X2APIC_BROADCAST : destination;
}

/* The APIC with this physical ID, or NULL. Any LP. */
static inline struct lapic *lapic_by_id(const struct lapic_space *s, uint32_t apic_id)
{
    return apic_id < s->capacity ? __atomic_load_n(&s->table[apic_id], __ATOMIC_ACQUIRE) : 0;
}

/* For lapic_pending only: the highest vector of @classes, which are not empty. */
int lapic_highest(struct lapic *l, uint32_t classes);

/* The classes in which something is pending, whatever the priorities; or was a moment ago. */
static inline uint32_t lapic_requests(const struct lapic *l)
{
    return __atomic_load_n(&l->irr_classes, __ATOMIC_RELAXED);
}

/* The highest pending vector whose class is above the processor priority, or -1. */
static inline int lapic_pending(struct lapic *l)
{
    uint32_t classes = lapic_requests(l) & l->open_classes;

    return classes == 0 ? -1 : lapic_highest(l, classes);
}

/* Is nothing pending, and nothing in service? */
static inline bool lapic_idle(const struct lapic *l)
{
    return lapic_requests(l) == 0 && l->isr_classes == 0;
}

/* Was @vector, pending or in service, last posted as level-triggered? */
static inline bool lapic_is_level(const struct lapic *l, uint8_t vector)
{
    return __atomic_load_n(&l->tmr[vector >> 4], __ATOMIC_RELAXED) >> (vector & 15) & 1;
}

/* Is anything pending, even what is masked by priority? Exact, for the owner. */
static inline bool lapic_pending_any(struct lapic *l)
{
    uint32_t requests = lapic_requests(l);

    return requests != 0 && lapic_highest(l, requests) >= 0;
}

/* Is @vector pending, or in service? */
static inline bool lapic_holds(const struct lapic *l, uint8_t vector)
{
    uint32_t irr = __atomic_load_n(&l->irr[vector >> 4], __ATOMIC_RELAXED);

    return (irr | l->isr[vector >> 4]) >> (vector & 15) & 1;
}

/* @vector, as lapic_pending returned it, is offered to the guest: out of the IRR, so that one that is
 * posted from now on is another one. Then one of the three below says what became of it. */
void lapic_take(struct lapic *l, uint8_t vector);
/* The guest took it, and it is in service; */
void lapic_serve(struct lapic *l, uint8_t vector);
/* or it was taken for a SINT with AutoEOI, and never enters the ISR (TLFS 11.4.2); */
void lapic_serve_auto_eoi(struct lapic *l);
/* or nobody took it: it is pending as before. */
void lapic_give_back(struct lapic *l, uint8_t vector);

/* End of the highest interrupt in service, if there is one. */
void lapic_eoi(struct lapic *l);

/* ---- Task priority ---- */

static inline uint8_t lapic_tpr(const struct lapic *l)
{
    return (uint8_t)l->tpr;
}

void lapic_tpr_set(struct lapic *l, uint8_t tpr);

/* What the guest's CR8 shows: the TPR's class. SDM 10.8.6.1. */
static inline uint8_t lapic_cr8(const struct lapic *l)
{
    return (uint8_t)(l->tpr >> 4);
}

/* ---- Timer ---- */

/* The deadline that lapic_host_timer_arm set has passed (or has not: then it is armed again). True:
 * an interrupt became pending, wake the VP if it sleeps. */
bool lapic_timer_expired(struct lapic *l);

/* The guest's TSC has just jumped by @delta ticks: count-down modes keep their time to go, the
 * TSC-deadline keeps its value. SDM 10.5.4.1. */
void lapic_tsc_moved(struct lapic *l, int64_t delta);

#endif
