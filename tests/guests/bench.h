/* SPDX-License-Identifier: MIT */
/* bench.h - the parts of the guest bench. */
#ifndef BENCH_H
#define BENCH_H

#include <hvabi/stats.h>

#include "guest.h"

#define BENCH_EXIT(constant, name) BENCH_EXIT_##name,
enum bench_exit { HV_STATS_VP_EXITS(BENCH_EXIT) BENCH_EXIT_REASONS };
#define BENCH_COUNTERS (HvStatsVpExitFirst + (unsigned)BENCH_EXIT_REASONS)

/* Measure reads of the child's first disk; the exit code. */
uint8_t bench_storage(void);

/* Measure frames between the child's two network cards; the exit code. */
uint8_t bench_network(void);

/* Measure frames from the child's network card to that of another, which runs bench_network_sink;
 * the exit code. That one goes on until it is stopped. */
uint8_t bench_network_pair(void);
uint8_t bench_network_sink(void);

/* ---- bench_count.c ---- */

/* What a stretch of work has cost: ticks in all, of children and of root; their VPs' counters, and
 * root's exits. */
struct bench_cost {
    uint64_t tsc, child;
    uint64_t counters[BENCH_COUNTERS];
    uint32_t root, root_exits;
};

/* What this VP has cost up to a moment, and when that was. */
struct bench_own {
    uint64_t tsc, ticks; /* all, this VP's */
    uint64_t counters[BENCH_COUNTERS];
};

/* After bench_count(). */
void bench_own_read(struct bench_own *own);

/* Add what a VP cost from @begin to @end. */
void bench_add(struct bench_cost *cost, const struct bench_own *begin, const struct bench_own *end);

/* Have this VP counted, once. */
void bench_count(void);

/* Do @count operations of a figure. *@cost is nothing yet: what other VPs had to do for it is added
 * there. While it waits it spins, so that the LP never idles. */
typedef void bench_work(const void *figure, uint64_t count, struct bench_cost *cost);

/* What @count operations of @work with @figure cost, once half as many have been done: of three
 * such stretches the cheapest, for something of root's own may come into the others. */
void bench_measure(bench_work *work, const void *figure, uint64_t count, struct bench_cost *cost);

/* Print what one of @count cost. */
void bench_report(const char *name, const struct bench_cost *cost, uint64_t count);

#endif
