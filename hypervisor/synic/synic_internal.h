/* SPDX-License-Identifier: MIT */
/* synic/synic_internal.h - what the parts of a SynIC (synic.c, message.c, state.c) share. */
#ifndef SYNIC_SYNIC_INTERNAL_H
#define SYNIC_SYNIC_INTERNAL_H

#include <hvabi/msr.h>
#include <synic/synic.h>

static inline bool synic_enabled(const struct synic *s)
{
    return __atomic_load_n(&s->scontrol, __ATOMIC_RELAXED) & HV_SYNIC_CONTROL_ENABLE;
}

static inline bool synic_takes_messages(const struct synic *s)
{
    return synic_enabled(s) && __atomic_load_n(&s->simp, __ATOMIC_RELAXED) & HV_X64_MSR_PAGE_ENABLE;
}

static inline bool synic_takes_events(const struct synic *s)
{
    return synic_enabled(s) &&
           __atomic_load_n(&s->siefp, __ATOMIC_RELAXED) & HV_X64_MSR_PAGE_ENABLE;
}

/* Polling unmasks a SINT, but keeps it from interrupting. TLFS 6.0b, 11.8.5 */
static inline bool sint_masked(uint64_t sint)
{
    return (sint & (HV_SYNIC_SINT_MASKED | HV_SYNIC_SINT_POLLING)) == HV_SYNIC_SINT_MASKED;
}

static inline bool sint_interrupts(uint64_t sint)
{
    return !(sint & (HV_SYNIC_SINT_MASKED | HV_SYNIC_SINT_POLLING));
}

/* Whether a guest may write @sint: a vector that can interrupt, unless masked. */
static inline bool sint_valid(uint64_t sint)
{
    return sint & HV_SYNIC_SINT_MASKED ||
           (sint & HV_SYNIC_SINT_VECTOR_MASK) >= HV_SYNIC_FIRST_VALID_VECTOR;
}

/* Fill every free slot for which a message waits: a bit for each SINT that got one. */
uint32_t synic_deliver_all_locked(struct synic *s) REQUIRES(s->lock);

/* Release every message that waits. */
void synic_drain_locked(struct synic *s) REQUIRES(s->lock);

/* Interrupt for those of @sints that are neither masked nor polled. Not under the lock. */
void synic_raise(struct synic *s, uint32_t sints);

/* Deliver what can be delivered; a few instructions if nothing waits. */
void synic_rescan(struct synic *s);

#endif
