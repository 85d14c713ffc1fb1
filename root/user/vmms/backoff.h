/* SPDX-License-Identifier: MIT */
/* vmms/backoff.h - when a child that ends again and again may start again. To make a partition is
 * to zero its memory, for which everybody else waits: a child that ends at once may not have that
 * without end. */
#ifndef USER_VMMS_BACKOFF_H
#define USER_VMMS_BACKOFF_H

#include <stdint.h>

#define BACKOFF_NS_PER_S    1000000000ull
#define BACKOFF_LONG_NS     (10 * BACKOFF_NS_PER_S) /* such a life is no quick one */
#define BACKOFF_INTERVAL_NS BACKOFF_NS_PER_S        /* the least between an end and a start */

enum { BACKOFF_AT_ONCE = 3 }; /* so many quick ends in a row cost nothing */

/* All zeros: somebody starts the child by hand. */
struct backoff {
    uint32_t quick;    /* lives in a row that were short */
    uint64_t begun_ns; /* when its latest start began, */
    uint64_t alive_ns; /* and when that was done */
};

/* A start of the child has taken from @begun_ns to @alive_ns. */
void backoff_started(struct backoff *b, uint64_t begun_ns, uint64_t alive_ns);

/* It has ended at @now_ns: when it may start again, which is @now_ns or later. */
uint64_t backoff_ended(struct backoff *b, uint64_t now_ns);

#endif
