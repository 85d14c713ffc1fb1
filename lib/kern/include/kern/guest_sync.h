/* SPDX-License-Identifier: MIT */
/* kern/guest_sync.h - a ticket lock and a counter to meet at, for toy guests. */
#ifndef KERN_GUEST_SYNC_H
#define KERN_GUEST_SYNC_H

#include <stdint.h>
#include <x86/insn.h>

/* Handed over in the order of arrival. All 0 is free. */
struct guest_ticket_lock {
    uint32_t next;  /* [a] the ticket that the next to arrive draws */
    uint32_t owner; /* [a] the ticket that holds the lock */
};

static inline void guest_ticket_acquire(struct guest_ticket_lock *lock)
{
    uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&lock->owner, __ATOMIC_ACQUIRE) != ticket) /* pairs with release below */
        insn_pause();
}

static inline void guest_ticket_release(struct guest_ticket_lock *lock)
{
    __atomic_fetch_add(&lock->owner, 1, __ATOMIC_RELEASE); /* pairs with acquire above */
}

/* Count ourselves in at *@count and wait until @all have done so. Used once. */
static inline void guest_meet(uint32_t *count, uint32_t all)
{
    __atomic_fetch_add(count, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(count, __ATOMIC_ACQUIRE) < all)
        insn_pause();
}

#endif
