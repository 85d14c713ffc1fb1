/* SPDX-License-Identifier: MIT */
/* root/proc/random.h - numbers that nobody foresees: SHA-256 over a pool of RDRAND's and the TSC's.
 * Without RDRAND only the TSC's jitter is in it: no keys should be made of that. */
#ifndef ROOT_PROC_RANDOM_H
#define ROOT_PROC_RANDOM_H

#include <stddef.h>

/* Fill @size bytes. Any context. */
void random_bytes(void *bytes, size_t size);

#endif
