/* SPDX-License-Identifier: MIT */
/* bench.h - the parts of the guest bench. */
#ifndef BENCH_H
#define BENCH_H

#include "guest.h"

/* Measure reads of the child's first disk; the exit code. */
uint8_t bench_storage(void);

#endif
