/* SPDX-License-Identifier: MIT */
/* root/log.h - root's log: a ring in memory, shown by the shell's `log`, and on the consoles. */
#ifndef ROOT_LOG_H
#define ROOT_LOG_H

#include <rt/format.h>

/* One line, prefixed with the time and, by convention, "module: ". Any context. */
void log_print(const char *fmt, ...) FORMAT_PRINTF(1, 2);

/* Our own bug: says what, where and how we came there, then stops the machine. */
_Noreturn void panic(const char *fmt, ...) FORMAT_PRINTF(1, 2);

#define BUG_ON(cond)                                                                               \
    do {                                                                                           \
        if (cond)                                                                                  \
            panic("%s:%d: %s", __FILE__, __LINE__, #cond);                                         \
    } while (0)

#endif
