/* SPDX-License-Identifier: MIT */
/* emul/lapic_timer.c - the timer of the software local APIC. SDM 10.5.4.
 *
 * The count is never counted: it follows from the deadline, in guest TSC ticks and 32 bits of
 * fraction, so that periods add up exactly. While the entry is masked, or a periodic timer's vector
 * is pending already, nobody would notice an expiry: the timer is stalled, costs the host nothing,
 * and catches up when that ends. So an LP takes at most one timer interrupt for each one that the
 * guest accepts, whatever period a guest asks for. */
#include "emul/lapic_internal.h"

#define FRACTION_BITS 32

/* Guest TSC ticks with FRACTION_BITS of fraction: deadlines, and differences of deadlines. */
typedef unsigned __int128 ticks_t;

static ticks_t ticks(uint64_t whole, uint32_t fraction)
{
    return (ticks_t)whole << FRACTION_BITS | fraction;
}

static uint32_t mode_of(const struct lapic *l)
{
    return lapic_lvt(l, LVT_TIMER) & APIC_LVT_TIMER_MASK;
}

static bool is_periodic(const struct lapic *l)
{
    return mode_of(l) == APIC_LVT_TIMER_PERIODIC;
}

static bool is_deadline(const struct lapic *l)
{
    return mode_of(l) == APIC_LVT_TIMER_DEADLINE;
}

static ticks_t period_of(const struct lapic *l)
{
    return ticks(l->timer.period, l->timer.period_fraction);
}

static void deadline_set(struct lapic *l, ticks_t deadline)
{
    l->timer.deadline = (uint64_t)(deadline >> FRACTION_BITS);
    l->timer.deadline_fraction = (uint32_t)deadline;
}

/* @count in TSC ticks: at least one, and below 2^91 for any LAPIC_HZ. */
static ticks_t ticks_of_count(const struct lapic_space *s, uint32_t count, uint32_t divide)
{
    ticks_t t = (ticks_t)((uint64_t)count << apic_divide_shift(divide)) * s->tsc_per_tick;

    return t >> FRACTION_BITS != 0 ? t : ticks(1, 0);
}

static void period_update(struct lapic *l)
{
    ticks_t period = ticks_of_count(l->space, l->timer.initial, l->timer.divide);

    l->timer.period = (uint64_t)(period >> FRACTION_BITS);
    l->timer.period_fraction = (uint32_t)period;
}

/* The first whole tick that is not before the deadline. */
static uint64_t whole_deadline(const struct lapic *l)
{
    return l->timer.deadline + (l->timer.deadline_fraction != 0);
}

/* TSC-deadline mode compares as written; a count's deadline is near, whatever the TSC wraps to. */
static bool is_past(const struct lapic *l, uint64_t now)
{
    if (is_deadline(l))
        return now >= l->timer.deadline;
    return (int64_t)(whole_deadline(l) - now) <= 0;
}

/* How long ago the last whole period ended, for a deadline that lies @gap back. Long division by
 * doubling: a period may be anything and a stall may last for ever. */
static ticks_t into_period(ticks_t gap, ticks_t period)
{
    ticks_t step = period;

    while (step <= gap)
        step <<= 1;
    for (; step >= period; step >>= 1)
        if (gap >= step)
            gap -= step;
    return gap;
}

/* What is left of the period that runs at @now, if @deadline is past. */
static ticks_t periodic_left(const struct lapic *l, uint64_t now)
{
    ticks_t gap = ticks(now - l->timer.deadline, 0) - l->timer.deadline_fraction;

    return period_of(l) - into_period(gap, period_of(l));
}

/* The first deadline of a periodic timer after @now. */
static void advance(struct lapic *l, uint64_t now)
{
    ticks_t next = ticks(l->timer.deadline, l->timer.deadline_fraction) + period_of(l);

    deadline_set(l, next);
    if (is_past(l, now))
        deadline_set(l, ticks(now, 0) + periodic_left(l, now));
}

/* ---- Arming ---- */

static bool is_noticed(const struct lapic *l)
{
    uint32_t entry = lapic_lvt(l, LVT_TIMER);
    uint8_t vector = (uint8_t)(entry & APIC_VECTOR_MASK);

    if (entry & APIC_LVT_MASKED)
        return false;
    return !is_periodic(l) || !(__atomic_load_n(&l->irr[lapic_class(vector)], __ATOMIC_RELAXED) &
                                lapic_class_bit(vector));
}

static void disarm(struct lapic *l)
{
    if (l->timer.armed)
        lapic_host_timer_cancel(l);
    l->timer.armed = false;
}

static void stop(struct lapic *l)
{
    l->timer.counting = false;
    l->timer.stalled = false;
    disarm(l);
}

#define HORIZON (1ull << 62) /* ticks */

/* When the host shall call. A deadline as written may be anything: beyond the horizon it would be
 * past in the host's TSC. */
static uint64_t call_at(const struct lapic *l, uint64_t now)
{
    uint64_t at = whole_deadline(l);

    if (at - now <= HORIZON || !is_deadline(l))
        return at;
    return at > now ? now + HORIZON : now;
}

/* Counting towards the deadline: let the host call, if that would make a difference. */
static void schedule(struct lapic *l, uint64_t now)
{
    l->timer.stalled = !is_noticed(l);
    if (l->timer.stalled) {
        disarm(l);
        return;
    }
    l->timer.armed = true;
    lapic_host_timer_arm(l, call_at(l, now));
}

/* The deadline has passed at @now, and the interrupt is due. */
static bool fire(struct lapic *l, uint64_t now)
{
    uint32_t entry = lapic_lvt(l, LVT_TIMER);
    bool posted = false;

    if (!(entry & APIC_LVT_MASKED))
        posted = lapic_post(l, (uint8_t)(entry & APIC_VECTOR_MASK), false);
    if (is_periodic(l)) {
        advance(l, now);
        schedule(l, now);
    } else {
        l->timer.counting = false;
    }
    return posted;
}

bool lapic_timer_expired(struct lapic *l)
{
    uint64_t now;

    l->timer.armed = false;
    if (!l->timer.counting || l->timer.stalled)
        return false;
    now = lapic_host_tsc(l);
    if (is_past(l, now))
        return fire(l, now);
    schedule(l, now);
    return false;
}

/* Bring a stalled timer up to @now: what passed unnoticed stays so. */
static void catch_up(struct lapic *l, uint64_t now)
{
    if (!is_past(l, now))
        return;
    if (is_periodic(l))
        advance(l, now);
    else
        stop(l);
}

void lapic_timer_notice(struct lapic *l)
{
    uint64_t now;

    if (!l->timer.stalled || !is_noticed(l))
        return;
    now = lapic_host_tsc(l);
    catch_up(l, now);
    if (l->timer.counting)
        schedule(l, now);
}

/* ---- Registers ---- */

void lapic_timer_reset(struct lapic *l)
{
    disarm(l);
    l->timer = (struct lapic_timer){0};
}

/* Towards a deadline @left after @now. */
static void start(struct lapic *l, uint64_t now, ticks_t left)
{
    l->timer.counting = true;
    deadline_set(l, ticks(now, 0) + left);
    schedule(l, now);
}

void lapic_timer_initial_write(struct lapic *l, uint32_t count)
{
    if (is_deadline(l))
        return;
    l->timer.initial = count;
    period_update(l);
    if (count == 0)
        stop(l);
    else
        start(l, lapic_host_tsc(l), period_of(l));
}

/* Ticks of the divided clock in @left, rounded up: the count is 0 only when it is over. */
static uint32_t count_of_ticks(const struct lapic *l, ticks_t left)
{
    uint64_t whole = (uint64_t)(left >> FRACTION_BITS) + ((uint32_t)left != 0);
    unsigned shift = apic_divide_shift(l->timer.divide);
    ticks_t t = (ticks_t)whole * l->space->ticks_per_tsc;
    uint64_t clock = (uint64_t)(t >> FRACTION_BITS) + ((uint32_t)t != 0);
    uint64_t count = (clock >> shift) + ((clock & ((1u << shift) - 1)) != 0);

    if (count == 0)
        return 1;
    return count < l->timer.initial ? (uint32_t)count : l->timer.initial;
}

static uint32_t current_at(const struct lapic *l, uint64_t now)
{
    if (!l->timer.counting || is_deadline(l))
        return 0;
    if (!is_past(l, now))
        return count_of_ticks(l, ticks(l->timer.deadline, l->timer.deadline_fraction) -
                                     ticks(now, 0));
    return is_periodic(l) ? count_of_ticks(l, periodic_left(l, now)) : 0;
}

uint32_t lapic_timer_current(struct lapic *l)
{
    return l->timer.counting ? current_at(l, lapic_host_tsc(l)) : 0;
}

/* The count stands, from now on it goes at the new rate. */
void lapic_timer_divide_write(struct lapic *l, uint32_t divide)
{
    uint64_t now = l->timer.counting ? lapic_host_tsc(l) : 0;
    uint32_t count;

    if (l->timer.stalled)
        catch_up(l, now);
    count = current_at(l, now);
    l->timer.divide = divide;
    period_update(l);
    if (count != 0 && !is_past(l, now))
        start(l, now, ticks_of_count(l->space, count, divide));
}

void lapic_timer_lvt_write(struct lapic *l, uint32_t value)
{
    bool was_deadline = is_deadline(l);

    if (l->timer.stalled)
        catch_up(l, lapic_host_tsc(l));
    lapic_lvt_set(l, LVT_TIMER, value);
    if (was_deadline != is_deadline(l)) {
        l->timer.initial = 0;
        stop(l);
    }
    lapic_timer_notice(l);
}

uint64_t lapic_timer_deadline(struct lapic *l)
{
    if (!l->timer.counting || !is_deadline(l))
        return 0;
    if (l->timer.stalled)
        catch_up(l, lapic_host_tsc(l));
    return l->timer.counting ? l->timer.deadline : 0;
}

void lapic_timer_deadline_write(struct lapic *l, uint64_t deadline)
{
    uint64_t now;

    if (!is_deadline(l))
        return;
    if (deadline == 0) {
        stop(l);
        return;
    }
    l->timer.counting = true;
    deadline_set(l, ticks(deadline, 0));
    now = lapic_host_tsc(l);
    if (!is_past(l, now)) {
        schedule(l, now);
        return;
    }
    disarm(l);
    l->timer.stalled = false;
    fire(l, now);
}

void lapic_tsc_moved(struct lapic *l, int64_t delta)
{
    if (!l->timer.counting)
        return;
    if (!is_deadline(l))
        l->timer.deadline += (uint64_t)delta;
    if (!l->timer.stalled)
        schedule(l, lapic_host_tsc(l));
}

/* ---- Restore ---- */

bool lapic_timer_deadline_valid(struct lapic *l, uint32_t initial, uint32_t divide,
                                uint64_t deadline)
{
    uint64_t period = (uint64_t)(ticks_of_count(l->space, initial, divide) >> FRACTION_BITS);

    return (int64_t)(deadline - lapic_host_tsc(l)) <= (int64_t)(period + 1);
}

void lapic_timer_restore(struct lapic *l, bool counting, uint64_t deadline, uint32_t fraction)
{
    period_update(l);
    if (!counting)
        return;
    l->timer.counting = true;
    deadline_set(l, ticks(deadline, fraction));
    schedule(l, lapic_host_tsc(l));
}
