/* SPDX-License-Identifier: MIT */
/* root/log_ring.h - reading the log back. */
#ifndef ROOT_LOG_RING_H
#define ROOT_LOG_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copy at most @size characters from *@position (0: the oldest) on and advance it past them; text
 * that the ring has lost meanwhile is skipped. 0: nothing newer. Any context. */
size_t log_read(uint64_t *position, char *buffer, size_t size);

/* Write without locking from now on: the other CPUs have been stopped. */
void log_panic(void);

#endif
