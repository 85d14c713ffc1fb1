/* SPDX-License-Identifier: MIT */
/* root/user/lib/print.h - formatted text on standard output. */
#ifndef USER_LIB_PRINT_H
#define USER_LIB_PRINT_H

#include <rt/format.h>

void print(const char *fmt, ...) FORMAT_PRINTF(1, 2);

#endif
