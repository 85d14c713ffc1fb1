/* SPDX-License-Identifier: MIT */
/* synic/reftime.c - partition reference time: reading, the reference TSC page, freezing.
 * Rules: a change makes the generation odd, then even again; readers repeat until they saw one even
 * generation on both sides. */
#include <debug/log.h>
#include <synic/reftime.h>
#include <x86/insn.h>

/* TLFS 2.0A, 15.4.3.2: valid sequences are 1 to 0xFFFFFFFE. */
#define SEQUENCE_LAST 0xfffffffeu

/* (@numerator << 64) / @denominator, for numerator < denominator < 2^63: long division, as there is
 * no 128-bit division without the compiler's library. */
static uint64_t div_shifted(uint64_t numerator, uint64_t denominator)
{
    uint64_t quotient = 0;

    for (unsigned i = 0; i < 64; i++) {
        numerator <<= 1;
        quotient <<= 1;
        if (numerator >= denominator) {
            numerator -= denominator;
            quotient |= 1;
        }
    }
    return quotient;
}

static uint64_t mul_high(uint64_t a, uint64_t b)
{
    return (uint64_t)((unsigned __int128)a * b >> 64);
}

static uint64_t time_of(const struct reftime *r, uint64_t host_tsc)
{
    return mul_high(host_tsc + r->tsc_offset, r->scale) + (uint64_t)r->offset;
}

static void change_begin(struct reftime *r)
{
    __atomic_store_n(&r->generation, r->generation + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static void change_end(struct reftime *r)
{
    /* Pairs with the acquire in read_at(). */
    __atomic_store_n(&r->generation, r->generation + 1, __ATOMIC_RELEASE);
}

/* The time at host TSC @tsc by one consistent set of numbers. True: time stands still. */
static bool read_at(const struct reftime *r, uint64_t tsc, uint64_t *time)
{
    for (;; insn_pause()) {
        uint64_t generation = __atomic_load_n(&r->generation, __ATOMIC_ACQUIRE);
        bool frozen = r->frozen;

        *time = frozen ? r->frozen_at : time_of(r, tsc);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(generation & 1) && generation == __atomic_load_n(&r->generation, __ATOMIC_RELAXED))
            return frozen;
    }
}

/* The greater of @time and what has been read before: LPs whose TSCs differ never see time go
 * backwards. */
static uint64_t not_backwards(struct reftime *r, uint64_t time)
{
    uint64_t latest = __atomic_load_n(&r->latest, __ATOMIC_RELAXED);

    while (latest < time)
        if (__atomic_compare_exchange_n(&r->latest, &latest, time, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return time;
    return latest;
}

static uint64_t monotonic(struct reftime *r, uint64_t time)
{
    return r->synchronised ? time : not_backwards(r, time);
}

uint64_t reftime_now(struct reftime *r)
{
    uint64_t time;

    (void)read_at(r, insn_rdtsc(), &time);
    return monotonic(r, time);
}

/* Host TSC ticks in which at least @units (<= REFTIME_FAR) pass: the 2 make up for both roundings.
 */
static uint64_t ticks_of(const struct reftime *r, uint64_t units)
{
    return units * (r->hz / REFTIME_HZ) + units * (r->hz % REFTIME_HZ) / REFTIME_HZ + 2;
}

bool reftime_deadline(struct reftime *r, uint64_t when, uint64_t *host_tsc)
{
    uint64_t tsc = insn_rdtsc(), now;

    if (read_at(r, tsc, &now))
        return false;
    *host_tsc = tsc;
    if (when > now)
        *host_tsc += ticks_of(r, when - now < REFTIME_FAR ? when - now : REFTIME_FAR);
    return true;
}

/* Bring the page up to date. A guest that reads meanwhile sees the sequence change. */
static void publish(struct reftime *r)
{
    struct hv_reference_tsc_page *page = r->page;

    if (!page)
        return;
    __atomic_store_n(&page->tsc_sequence, HV_REFERENCE_TSC_SEQUENCE_INVALID, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    if (!r->trusted || r->frozen)
        return;
    r->sequence = r->sequence >= SEQUENCE_LAST ? 1 : r->sequence + 1;
    __atomic_store_n(&page->tsc_scale, r->scale, __ATOMIC_RELAXED);
    __atomic_store_n(&page->tsc_offset, r->offset, __ATOMIC_RELAXED);
    __atomic_store_n(&page->tsc_sequence, r->sequence, __ATOMIC_RELEASE);
}

/* Make @time the time at host TSC @tsc. Within a change. */
static void set_time(struct reftime *r, uint64_t tsc, uint64_t time)
{
    r->offset = 0;
    r->offset = (int64_t)(time - time_of(r, tsc));
}

void reftime_init(struct reftime *r, uint64_t tsc_offset, uint64_t hz, bool synchronised)
{
    BUG_ON(hz <= REFTIME_HZ || hz >> 63);
    *r = (struct reftime){
        .hz = hz,
        .scale = div_shifted(REFTIME_HZ, hz),
        .tsc_offset = tsc_offset,
        .synchronised = synchronised,
        .trusted = synchronised,
    };
    set_time(r, insn_rdtsc(), 0);
}

void reftime_attach_page(struct reftime *r, struct hv_reference_tsc_page *page)
{
    r->page = page;
    publish(r);
}

void reftime_distrust(struct reftime *r)
{
    r->trusted = false;
    publish(r);
}

void reftime_freeze(struct reftime *r)
{
    if (r->frozen)
        return;
    change_begin(r);
    /* Within the change, so that nobody has read a later time than the one that stands. */
    r->frozen_at = monotonic(r, time_of(r, insn_rdtsc()));
    r->frozen = true;
    change_end(r);
    publish(r);
}

void reftime_thaw(struct reftime *r, uint64_t tsc_offset)
{
    if (!r->frozen)
        return;
    change_begin(r);
    r->tsc_offset = tsc_offset;
    set_time(r, insn_rdtsc(), r->frozen_at);
    r->frozen = false;
    change_end(r);
    publish(r);
}

void reftime_save(struct reftime *r, struct reftime_state *out)
{
    *out = (struct reftime_state){
        .version = REFTIME_STATE_VERSION,
        .trusted = r->trusted,
        .time = reftime_now(r),
        .sequence = r->sequence,
    };
}

static bool state_valid(const struct reftime_state *in)
{
    return in->version == REFTIME_STATE_VERSION && in->trusted <= 1 && in->reserved == 0 &&
           in->sequence <= SEQUENCE_LAST;
}

hv_status reftime_restore(struct reftime *r, const struct reftime_state *in)
{
    if (!state_valid(in))
        return HV_STATUS_INVALID_SAVE_RESTORE_STATE;
    change_begin(r);
    r->frozen = true;
    r->frozen_at = in->time;
    r->latest = in->time;
    r->sequence = in->sequence;
    r->trusted = r->synchronised && in->trusted;
    change_end(r);
    publish(r);
    return HV_STATUS_SUCCESS;
}
