/* SPDX-License-Identifier: MIT */
/* emul/lapic_ipi.c - interrupt messages of the software local APIC: who is addressed, what arrives.
 *
 * A destination is compared by each target in its own mode, as on the bus: an APIC in xAPIC mode by
 * LDR and DFR, one in x2APIC mode by the logical ID that its APIC ID implies. The space keeps the
 * former by address bit, so a message walks whom it addresses and nobody else; the latter are found
 * by computing IDs. SDM 10.6.2, 10.12.10. */
#include "emul/lapic_internal.h"

#define X2APIC_LOGICAL_CLUSTER_SHIFT 16
#define X2APIC_LOGICAL_BITS          0xffffu
#define X2APIC_CLUSTER_SIZE          16u

#define LOGICAL_CLUSTER_SHIFT 4 /* of an 8-bit logical ID: cluster, then one bit a member */
#define LOGICAL_CLUSTER_BITS  0xfu

/* Who may be a target of a message and has not been looked at yet. */
struct targets {
    const struct lapic_space *space;
    const struct lapic *except;
    struct lapic_set set;  /* xAPIC logical */
    uint32_t x2_base;      /* x2APIC logical: the APIC ID of bit 0 of... */
    uint32_t x2_bits;      /* ...these */
    uint32_t next, limit;  /* every APIC ID of this range */
};

static bool deliver(struct lapic *target, const struct lapic_message *m, const struct lapic *self)
{
    if (!(lapic_mode(target) & LAPIC_MODE_GLOBAL))
        return true;
    switch (m->delivery) {
    case APIC_DELIVERY_FIXED:
    case APIC_DELIVERY_LOWEST:
        if (lapic_post(target, m->vector, m->level) && target != self)
            lapic_host_kick(target);
        return true;
    case APIC_DELIVERY_NMI:
        lapic_host_nmi(target);
        return true;
    case APIC_DELIVERY_INIT:
        lapic_host_init(target);
        return true;
    case APIC_DELIVERY_STARTUP:
        lapic_host_sipi(target, m->vector);
        return true;
    case APIC_DELIVERY_SMI:
        return true;
    default:
        return false;
    }
}

/* ---- Logical addresses ---- */

static void set_put(struct lapic_set *s, uint32_t id, bool in)
{
    uint64_t bit = 1ull << (id % 64);

    if (in)
        __atomic_fetch_or(&s->word[id / 64], bit, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&s->word[id / 64], ~bit, __ATOMIC_RELAXED);
}

static void set_add(struct lapic_set *to, const struct lapic_set *from)
{
    for (unsigned i = 0; i < LAPIC_LOGICAL_WORDS; i++)
        to->word[i] |= __atomic_load_n(&from->word[i], __ATOMIC_RELAXED);
}

/* The sets of the members whose bit is in @bits. */
static void logical_put(struct lapic_set *sets, uint32_t bits, uint32_t id, bool in)
{
    for (; bits != 0; bits &= bits - 1)
        set_put(&sets[__builtin_ctz(bits)], id, in);
}

static void logical_update(struct lapic *l, bool in)
{
    struct lapic_space *s = l->space;
    uint32_t logical = l->ldr >> APIC_ID_SHIFT;

    if (l->apic_id >= LAPIC_LOGICAL_IDS || !lapic_mmio_on(l))
        return;
    if (l->dfr == APIC_DFR_FLAT)
        logical_put(s->flat, logical, l->apic_id, in);
    else if (l->dfr == APIC_DFR_CLUSTER)
        logical_put(s->cluster[logical >> LOGICAL_CLUSTER_SHIFT], logical & LOGICAL_CLUSTER_BITS,
                    l->apic_id, in);
}

void lapic_logical_join(struct lapic *l)
{
    logical_update(l, true);
}

void lapic_logical_leave(struct lapic *l)
{
    logical_update(l, false);
}

/* Everybody whom logical address @mda of 8 bits means in xAPIC mode. */
static void targets_add_logical8(struct targets *t, uint32_t mda)
{
    const struct lapic_set *cluster = t->space->cluster[mda >> LOGICAL_CLUSTER_SHIFT];

    for (uint32_t bits = mda; bits != 0; bits &= bits - 1)
        set_add(&t->set, &t->space->flat[__builtin_ctz(bits)]);
    for (uint32_t bits = mda & LOGICAL_CLUSTER_BITS; bits != 0; bits &= bits - 1)
        set_add(&t->set, &cluster[__builtin_ctz(bits)]);
}

/* ---- Walking targets ---- */

static struct targets targets_logical(const struct lapic_space *s, uint32_t mda)
{
    struct targets t = {.space = s};

    t.x2_base = (mda >> X2APIC_LOGICAL_CLUSTER_SHIFT) * X2APIC_CLUSTER_SIZE;
    t.x2_bits = mda & X2APIC_LOGICAL_BITS;
    if (mda < LAPIC_LOGICAL_IDS)
        targets_add_logical8(&t, mda);
    return t;
}

static struct targets targets_all(const struct lapic_space *s)
{
    return (struct targets){.space = s,
                            .limit = __atomic_load_n(&s->limit, __ATOMIC_RELAXED)};
}

/* Take the next APIC ID out of @t. False: none left. */
static bool targets_pop(struct targets *t, uint32_t *id, bool *x2apic)
{
    *x2apic = false;
    for (unsigned i = 0; i < LAPIC_LOGICAL_WORDS; i++) {
        uint64_t word = t->set.word[i];

        if (word == 0)
            continue;
        *id = i * 64 + (uint32_t)__builtin_ctzll(word);
        t->set.word[i] = word & (word - 1);
        return true;
    }
    *x2apic = true;
    if (t->x2_bits == 0)
        return false;
    *id = t->x2_base + (uint32_t)__builtin_ctz(t->x2_bits);
    t->x2_bits &= t->x2_bits - 1;
    return true;
}

/* Take the next APIC out of @t; NULL: none left. */
static struct lapic *targets_next(struct targets *t)
{
    uint32_t id;
    bool x2apic;

    while (t->next < t->limit) {
        struct lapic *l = lapic_by_id(t->space, t->next++);

        if (l && l != t->except)
            return l;
    }
    while (targets_pop(t, &id, &x2apic)) {
        struct lapic *l = lapic_by_id(t->space, id);

        /* A mode that is changing right now may disagree with the sets. */
        if (l && x2apic == ((lapic_mode(l) & LAPIC_MODE_X2APIC) != 0))
            return l;
    }
    return 0;
}

static bool accepts(const struct lapic *l)
{
    return (lapic_mode(l) & LAPIC_MODE_ACCEPTS) == LAPIC_MODE_ACCEPTS;
}

/* One of @t that accepts interrupts, in turn; NULL: none does. */
static struct lapic *targets_choose(struct lapic_space *s, struct targets t)
{
    struct targets count = t;
    struct lapic *l;
    uint32_t n = 0, turn;

    while ((l = targets_next(&count)))
        n += accepts(l);
    if (n == 0)
        return 0;
    turn = __atomic_fetch_add(&s->lowest_turn, 1, __ATOMIC_RELAXED) % n;
    while ((l = targets_next(&t)))
        if (accepts(l) && turn-- == 0)
            return l;
    return 0;
}

/* Deliver @m to @t: to all, or to one of them if it is of lowest priority. */
static bool send_to(struct lapic_space *s, struct targets t, const struct lapic_message *m,
                    const struct lapic *self)
{
    struct lapic *l;
    bool any = false;

    if (m->delivery == APIC_DELIVERY_LOWEST) {
        l = targets_choose(s, t);
        return l && deliver(l, m, self);
    }
    while ((l = targets_next(&t)))
        any |= deliver(l, m, self);
    return any;
}

/* To the destination field of @m. */
static bool send_addressed(struct lapic_space *s, const struct lapic_message *m,
                           const struct lapic *self)
{
    struct lapic *l;

    if (m->destination == X2APIC_BROADCAST)
        return send_to(s, targets_all(s), m, self);
    if (m->logical)
        return send_to(s, targets_logical(s, m->destination), m, self);
    l = lapic_by_id(s, m->destination);
    return l && deliver(l, m, self);
}

bool lapic_space_send(struct lapic_space *s, const struct lapic_message *m)
{
    return send_addressed(s, m, 0);
}

/* ---- The interrupt command register ---- */

static bool delivery_has_vector(uint32_t delivery)
{
    return delivery == APIC_DELIVERY_FIXED || delivery == APIC_DELIVERY_LOWEST;
}

/* A guest that restarts itself by shorthand: not a valid combination. SDM table 10-3. */
static bool delivery_restarts(uint32_t delivery)
{
    return delivery == APIC_DELIVERY_INIT || delivery == APIC_DELIVERY_STARTUP;
}

void lapic_self_ipi(struct lapic *l, uint8_t vector)
{
    if (vector < APIC_VECTOR_FIRST_VALID)
        lapic_error(l, APIC_ESR_SEND_VECTOR);
    else
        lapic_post(l, vector, false);
}

static void send_broadcast(struct lapic *l, const struct lapic *except,
                           const struct lapic_message *m)
{
    struct targets all = targets_all(l->space);

    all.except = except;
    send_to(l->space, all, m, l);
}

static void send_shorthand(struct lapic *l, uint32_t shorthand, const struct lapic_message *m)
{
    if (shorthand == APIC_ICR_SHORTHAND_OTHERS)
        send_broadcast(l, l, m);
    else if (delivery_restarts(m->delivery))
        return;
    else if (shorthand == APIC_ICR_SHORTHAND_SELF)
        deliver(l, m, l);
    else
        send_broadcast(l, 0, m);
}

void lapic_icr_send(struct lapic *l, uint32_t low, uint32_t destination)
{
    uint32_t shorthand = low & APIC_ICR_SHORTHAND_MASK;
    /* The trigger mode matters for INIT level de-assert only, which is void. SDM 10.6.1. */
    struct lapic_message m = {
        .destination = destination,
        .delivery = low & APIC_DELIVERY_MASK,
        .vector = (uint8_t)(low & APIC_VECTOR_MASK),
        .logical = low & APIC_ICR_DEST_LOGICAL,
    };

    if (delivery_has_vector(m.delivery) && m.vector < APIC_VECTOR_FIRST_VALID)
        lapic_error(l, APIC_ESR_SEND_VECTOR);
    else if (m.delivery == APIC_DELIVERY_INIT && !(low & APIC_ICR_LEVEL_ASSERT) &&
             (low & APIC_TRIGGER_LEVEL))
        return;
    else if (shorthand == APIC_ICR_SHORTHAND_NONE)
        send_addressed(l->space, &m, l);
    else
        send_shorthand(l, shorthand, &m);
}
