/* SPDX-License-Identifier: MIT */
/* core/spinlock.h - ticket locks with a watchdog.
 *
 * The hypervisor always runs with interrupts off, so taking a lock changes no flags. A wait of over
 * spin_patience_ms is our own bug: panic names the lock, its holder and the waiter. The order
 * in which locks nest is in docs/locking.md. */
#ifndef CORE_SPINLOCK_H
#define CORE_SPINLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <x86/insn.h>

#if defined(__clang__)
#define CAPABILITY(x)   __attribute__((capability(x)))
#define ACQUIRES(...)   __attribute__((acquire_capability(__VA_ARGS__)))
#define RELEASES(...)   __attribute__((release_capability(__VA_ARGS__)))
#define REQUIRES(...)   __attribute__((requires_capability(__VA_ARGS__)))
#define NO_LOCK_CHECK   __attribute__((no_thread_safety_analysis))
#else
#define CAPABILITY(x)
#define ACQUIRES(...)
#define RELEASES(...)
#define REQUIRES(...)
#define NO_LOCK_CHECK
#endif

struct CAPABILITY("spinlock") spinlock {
    uint32_t next;  /* [a] the next ticket */
    uint32_t owner; /* [a] the ticket that holds the lock */
};

extern uint32_t spin_patience_ms; /* changed only to provoke a time-out: debug/provoke.c */

/* Spin until it is @ticket's turn, or panic; in core/spinlock.c. */
void spin_wait(struct spinlock *l, uint32_t ticket);

static inline void spin_lock(struct spinlock *l) ACQUIRES(*l) NO_LOCK_CHECK
{
    uint32_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

    /* Pairs with the release in spin_unlock. */
    if (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != ticket)
        spin_wait(l, ticket);
}

static inline void spin_unlock(struct spinlock *l) RELEASES(*l) NO_LOCK_CHECK
{
    __atomic_store_n(&l->owner, l->owner + 1, __ATOMIC_RELEASE);
}

#endif
