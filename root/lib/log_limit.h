/* SPDX-License-Identifier: MIT */
/* root/lib/log_limit.h - how many lines one who is not trusted has in root's log: some at once, and
 * so many a second later on. Whoever has it serialises the calls. */
#ifndef ROOT_LIB_LOG_LIMIT_H
#define ROOT_LIB_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum { LOG_LIMIT_BURST = 100, LOG_LIMIT_PER_SECOND = 10 };

struct log_limit {
    uint32_t burst;    /* [I] */
    uint32_t left;     /* that may be logged now */
    uint32_t dropped;  /* since the last that was logged */
    uint64_t refilled; /* when @left last grew, in ns */
};

/* @burst lines are left at @now, in ns; there are never more. */
void log_limit_init(struct log_limit *l, uint32_t burst, uint64_t now);

/* May a line be logged at @now? Then *@dropped were not, since the last that was. */
bool log_limit_take(struct log_limit *l, uint64_t now, uint32_t *dropped);

#endif
