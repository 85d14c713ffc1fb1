/* SPDX-License-Identifier: MIT */
/* debug/log.h - what the hypervisor says, and how it dies. */
#ifndef DEBUG_LOG_H
#define DEBUG_LOG_H

#include <stdarg.h>
#include <stdint.h>
#include <rt/format.h>

/* One line on the serial port, with "hv: " before it. Any context. */
void hv_log(const char *fmt, ...) FORMAT_PRINTF(1, 2);

/* Our own bug: stops every LP and dumps what is known, the caller's registers among it. Any context.
 * In boot/entry.asm. */
_Noreturn void panic(const char *fmt, ...) FORMAT_PRINTF(1, 2);

/* For panic alone: write a line without the lock; and do so from now on, on a line of its own: the
 * lock's holder has been stopped. */
void log_line(const char *prefix, const char *fmt, va_list ap);
void log_seize(void);

/* Guest-reachable code never uses these on guest data. */
#define BUG_ON(cond)                                                                               \
    do {                                                                                           \
        if (__builtin_expect(!!(cond), 0))                                                         \
            panic("%s:%d: %s", __FILE__, __LINE__, #cond);                                         \
    } while (0)

#endif
