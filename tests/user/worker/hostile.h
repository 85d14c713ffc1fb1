/* SPDX-License-Identifier: MIT */
/* tests/user/worker/hostile.h - a worker that means harm. */
#ifndef TESTS_WORKER_HOSTILE_H
#define TESTS_WORKER_HOSTILE_H

/* Calls whatever a worker can call with what must be refused, and then with noise; a line for what was
 * not refused. Its child ends with HOSTILE_STATUS. */
int hostile(void);

#endif
