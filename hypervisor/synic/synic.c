/* SPDX-License-Identifier: MIT */
/* synic/synic.c - the registers of a SynIC and its life.
 * Rules: registers change under the lock; what waits is delivered after each change that could let
 * it through; overlays and interrupts are asked for without the lock. */
#include <debug/log.h>
#include <hvabi/msr.h>
#include <rt/mem.h>
#include <synic/synic_internal.h>

/* Set or clear bit @vp of a set's map. */
static void set_update(uint64_t *map, uint32_t vp, bool on)
{
    uint64_t bit = 1ull << (vp % 64);

    if (on)
        __atomic_fetch_or(&map[vp / 64], bit, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&map[vp / 64], ~bit, __ATOMIC_RELAXED);
}

static void publish_targets(struct synic *s)
{
    set_update(s->set->messages, s->vp_index, synic_takes_messages(s));
    set_update(s->set->events, s->vp_index, synic_takes_events(s));
}

/* Work out again which vectors the SINTs use. */
static void publish_vectors(struct synic *s)
{
    uint64_t used[SYNIC_VECTOR_WORDS] = {0}, auto_eoi[SYNIC_VECTOR_WORDS] = {0};

    for (unsigned i = 0; i < HV_SYNIC_SINT_COUNT; i++) {
        unsigned vector = s->sint[i] & HV_SYNIC_SINT_VECTOR_MASK;

        if (sint_masked(s->sint[i]))
            continue;
        used[vector / 64] |= 1ull << (vector % 64);
        if (s->sint[i] & HV_SYNIC_SINT_AUTO_EOI)
            auto_eoi[vector / 64] |= 1ull << (vector % 64);
    }
    for (unsigned i = 0; i < SYNIC_VECTOR_WORDS; i++) {
        __atomic_store_n(&s->used[i], used[i], __ATOMIC_RELAXED);
        __atomic_store_n(&s->auto_eoi[i], auto_eoi[i], __ATOMIC_RELAXED);
    }
}

/* Set one register, tell who depends on it, and deliver what can now be delivered. */
static void register_set(struct synic *s, uint64_t *reg, uint64_t v)
{
    uint32_t raise;

    spin_lock(&s->lock);
    __atomic_store_n(reg, v, __ATOMIC_RELAXED);
    publish_targets(s);
    publish_vectors(s);
    raise = synic_deliver_all_locked(s);
    spin_unlock(&s->lock);
    synic_raise(s, raise);
}

static void page_register_set(struct synic *s, unsigned which, uint64_t *reg, uint64_t v)
{
    bool was = *reg & HV_X64_MSR_PAGE_ENABLE, on = v & HV_X64_MSR_PAGE_ENABLE;
    bool moved = (*reg ^ v) & HV_X64_MSR_PAGE_GPA_MASK;

    /* Refused: no RAM there, so the guest cannot see the page; the register keeps the value. */
    if (was != on || (on && moved))
        (void)synic_host_overlay(s, which, on, v >> HV_X64_MSR_PAGE_SHIFT);
    register_set(s, reg, v);
}

static bool sint_set(struct synic *s, unsigned sint, uint64_t v)
{
    if (!sint_valid(v))
        return false;
    register_set(s, &s->sint[sint], v);
    return true;
}

static bool msr_is_sint(uint32_t msr)
{
    return msr >= HV_X64_MSR_SINT0 && msr <= HV_X64_MSR_SINT15;
}

bool synic_msr_read(const struct synic *s, uint32_t msr, uint64_t *v)
{
    if (msr_is_sint(msr)) {
        *v = s->sint[msr - HV_X64_MSR_SINT0];
        return true;
    }
    switch (msr) {
    case HV_X64_MSR_SCONTROL:
        *v = s->scontrol;
        return true;
    case HV_X64_MSR_SVERSION:
        *v = HV_SYNIC_VERSION;
        return true;
    case HV_X64_MSR_SIEFP:
        *v = s->siefp;
        return true;
    case HV_X64_MSR_SIMP:
        *v = s->simp;
        return true;
    case HV_X64_MSR_EOM:
        *v = 0;
        return true;
    default:
        return false;
    }
}

bool synic_msr_write(struct synic *s, uint32_t msr, uint64_t v)
{
    if (msr_is_sint(msr))
        return sint_set(s, msr - HV_X64_MSR_SINT0, v);
    switch (msr) {
    case HV_X64_MSR_SCONTROL:
        register_set(s, &s->scontrol, v);
        return true;
    case HV_X64_MSR_SIEFP:
        page_register_set(s, SYNIC_PAGE_EVENTS, &s->siefp, v);
        return true;
    case HV_X64_MSR_SIMP:
        page_register_set(s, SYNIC_PAGE_MESSAGES, &s->simp, v);
        return true;
    case HV_X64_MSR_EOM:
        synic_rescan(s);
        return true;
    default:
        return false;
    }
}

static void registers_reset(struct synic *s)
{
    s->scontrol = 0;
    s->siefp = 0;
    s->simp = 0;
    for (unsigned i = 0; i < HV_SYNIC_SINT_COUNT; i++)
        s->sint[i] = HV_SYNIC_SINT_RESET_VALUE;
    publish_targets(s);
    publish_vectors(s);
}

static void pages_clear(struct synic *s)
{
    memset(s->messages, 0, sizeof(*s->messages));
    memset(s->events, 0, HV_PAGE_SIZE);
}

/* Count VP @vp_index among those of the set. */
static void set_join(struct synic_set *set, uint32_t vp_index)
{
    uint32_t vps = __atomic_load_n(&set->vps, __ATOMIC_RELAXED);

    while (vps <= vp_index)
        if (__atomic_compare_exchange_n(&set->vps, &vps, vp_index + 1, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return;
}

void synic_init(struct synic *s, struct synic_set *set, uint32_t vp_index, void *message_page,
                void *event_page)
{
    BUG_ON(vp_index >= SYNIC_MAX_VPS);
    *s = (struct synic){
        .vp_index = vp_index,
        .set = set,
        .messages = message_page,
        .events = event_page,
    };
    for (unsigned i = 0; i < HV_SYNIC_SINT_COUNT; i++)
        list_init(&s->queue[i]);
    pages_clear(s);
    registers_reset(s);
    set_join(set, vp_index);
}

void synic_reset(struct synic *s)
{
    if (s->siefp & HV_X64_MSR_PAGE_ENABLE)
        (void)synic_host_overlay(s, SYNIC_PAGE_EVENTS, false, 0);
    if (s->simp & HV_X64_MSR_PAGE_ENABLE)
        (void)synic_host_overlay(s, SYNIC_PAGE_MESSAGES, false, 0);
    spin_lock(&s->lock);
    registers_reset(s);
    synic_drain_locked(s);
    pages_clear(s);
    spin_unlock(&s->lock);
}

void synic_destroy(struct synic *s)
{
    synic_reset(s);
}

/* ---- HV_ANY_VP ---------------------------------------------------------------------------------
 */

/* The first set bit of @map from bit @start on; SYNIC_MAX_VPS: none. */
static uint32_t first_from(const uint64_t *map, uint32_t start)
{
    uint64_t mask = ~0ull << (start % 64);

    for (uint32_t w = start / 64; w < SYNIC_MAX_VPS / 64; w++, mask = ~0ull) {
        uint64_t word = __atomic_load_n(&map[w], __ATOMIC_RELAXED) & mask;

        if (word)
            return w * 64 + (uint32_t)__builtin_ctzll(word);
    }
    return SYNIC_MAX_VPS;
}

static uint32_t pick(const struct synic_set *set, const uint64_t *map, uint32_t hint)
{
    uint32_t vps = __atomic_load_n(&set->vps, __ATOMIC_RELAXED);
    uint32_t vp = vps ? first_from(map, hint % vps) : SYNIC_MAX_VPS;

    if (vp == SYNIC_MAX_VPS)
        vp = first_from(map, 0);
    return vp == SYNIC_MAX_VPS ? HV_ANY_VP : vp;
}

uint32_t synic_set_pick_messages(const struct synic_set *set, uint32_t hint)
{
    return pick(set, set->messages, hint);
}

uint32_t synic_set_pick_events(const struct synic_set *set, uint32_t hint)
{
    return pick(set, set->events, hint);
}
