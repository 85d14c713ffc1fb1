/* SPDX-License-Identifier: MIT */
/* root/lib/log_limit.c - see root/lib/log_limit.h. */
#include "lib/log_limit.h"

#define LINE_NS (1000000000ull / LOG_LIMIT_PER_SECOND)

void log_limit_init(struct log_limit *l, uint32_t burst, uint64_t now)
{
    *l = (struct log_limit){.burst = burst, .left = burst, .refilled = now};
}

static void refill(struct log_limit *l, uint64_t now)
{
    uint64_t fresh = (now - l->refilled) / LINE_NS;
    uint64_t left = l->left + fresh;

    l->left = left < l->burst ? (uint32_t)left : l->burst;
    l->refilled += fresh * LINE_NS;
}

bool log_limit_take(struct log_limit *l, uint64_t now, uint32_t *dropped)
{
    refill(l, now);
    if (l->left == 0) {
        l->dropped++;
        return false;
    }
    l->left--;
    *dropped = l->dropped;
    l->dropped = 0;
    return true;
}
