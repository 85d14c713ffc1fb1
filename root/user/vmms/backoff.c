/* SPDX-License-Identifier: MIT */
/* vmms/backoff.c - see backoff.h. */
#include "vmms/backoff.h"

void backoff_started(struct backoff *b, uint64_t begun_ns, uint64_t alive_ns)
{
    b->begun_ns = begun_ns;
    b->alive_ns = alive_ns;
}

/* At least half of the time is everybody else's, however long a start takes. */
uint64_t backoff_ended(struct backoff *b, uint64_t now_ns)
{
    uint64_t start_ns = b->alive_ns - b->begun_ns;

    if (now_ns - b->alive_ns >= BACKOFF_LONG_NS)
        b->quick = 0;
    if (b->quick < BACKOFF_AT_ONCE) {
        b->quick++;
        return now_ns;
    }
    return now_ns + (start_ns > BACKOFF_INTERVAL_NS ? start_ns : BACKOFF_INTERVAL_NS);
}
