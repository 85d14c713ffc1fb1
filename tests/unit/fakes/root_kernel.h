/* SPDX-License-Identifier: MIT */
/* tests/unit/fakes/root_kernel.h - root's core as the device side sees it, on one host thread.
 *
 * Physical addresses are the host's. Nothing runs by itself: time passes, and devices work, when
 * the code under test sleeps or waits; then fake.step is called. Threads that are started run when
 * fake_threads_run is called, each until it ends. */
#ifndef FAKES_ROOT_KERNEL_H
#define FAKES_ROOT_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

struct fake_kernel {
    void (*step)(void);  /* a device does some work; may be NULL */
    uint64_t now;        /* ns */
    uint64_t step_limit; /* sleeps until a test is taken to hang; 0: 100000 */
    uint64_t steps;
    uint32_t cpu; /* whose code runs */
    uint32_t cpus;
    int allocations_left; /* -1: endless; then kalloc and page_alloc fail */
    int live;             /* allocations and pages not given back */
    unsigned locks_held;
    bool log; /* print log lines */
    uint32_t log_lines;
    char log_text[320]; /* of the last one */
};
extern struct fake_kernel fake;

/* A fresh kernel. */
void fake_kernel_reset(void);

/* Run the threads started so far. */
void fake_threads_run(void);

/* The argument of the first thread named @name that has not run; it then never will. */
void *fake_thread_take(const char *name);

#endif
