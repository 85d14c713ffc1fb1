/* SPDX-License-Identifier: MIT */
/* rt/net_share.h - who has how much of something that frames of many senders fill: a receive
 * buffer, a queue, a card's ring.
 *
 * Nobody holds more of it than is then left for the others. So one sender alone has half of it, n
 * that take what they can have 1 / (n + 1) each, and one that had nothing yet finds some, however
 * many there are. Which sender a frame is of says net_frame.sender.
 *
 * Rules: any context, any number of callers, no lock; those of one sender at a time may take a
 * piece each too many. */
#ifndef RT_NET_SHARE_H
#define RT_NET_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <rt/net_frame.h>

#define NET_SENDERS 1026u /* ports of a switch */

struct net_share {
    uint32_t free;              /* [a] pieces */
    uint16_t held[NET_SENDERS]; /* [a] by each sender */
};

/* @room pieces, 65,535 at most, that nobody holds: in zeroed memory, or nobody uses it. */
static inline void net_share_init(struct net_share *s, uint32_t room)
{
    *s = (struct net_share){.free = room};
}

/* @sender takes @count pieces: NET_TAKEN. Or none of them: NET_CROWDED, they are more than his
 * share, and he has some; NET_LOST, he has none, and too few are left by others. */
static inline enum net_taken net_share_take(struct net_share *s, uint32_t sender, uint32_t count)
{
    uint32_t left = __atomic_load_n(&s->free, __ATOMIC_RELAXED);

    do {
        uint32_t held = __atomic_load_n(&s->held[sender], __ATOMIC_RELAXED);

        if (count > left || held + count > left - count)
            return held > 0 ? NET_CROWDED : NET_LOST;
    } while (!__atomic_compare_exchange_n(&s->free, &left, left - count, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    __atomic_fetch_add(&s->held[sender], (uint16_t)count, __ATOMIC_RELAXED);
    return NET_TAKEN;
}

/* He gives them back. */
static inline void net_share_give(struct net_share *s, uint32_t sender, uint32_t count)
{
    __atomic_fetch_sub(&s->held[sender], (uint16_t)count, __ATOMIC_RELAXED);
    __atomic_fetch_add(&s->free, count, __ATOMIC_RELAXED);
}

#endif
