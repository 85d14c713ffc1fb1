/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/root_threads.h - root's core as its bus sees it: threads, locks and physical
 * addresses are the host's. Time passes only while a thread sleeps, or waits with a time-out. */
#ifndef FAKES_ROOT_THREADS_H
#define FAKES_ROOT_THREADS_H

#include <stdbool.h>
#include <stdint.h>

struct fake_threads {
    uint32_t cpus;
    bool slow_wakes;    /* whoever wakes is held up before he does */
    uint64_t now;       /* [a] ns */
    uint32_t live;      /* [a] allocations and pages not given back */
    uint32_t log_lines; /* [a] */
};
extern struct fake_threads fake;

/* A fresh kernel of @cpus CPUs. */
void fake_threads_reset(uint32_t cpus);
/* Wait until all threads have ended. */
void fake_threads_join(void);

/* Whether @text is in the line that was logged last. */
bool fake_logged(const char *text);

#endif
