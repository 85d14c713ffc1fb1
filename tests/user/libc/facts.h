/* SPDX-License-Identifier: MIT */
/* tests/user/libc/facts.h - the tests of root's system calls from a program over a C library: each
 * group prints PASS or FAIL lines, one for each fact. */
#ifndef TESTS_USER_LIBC_FACTS_H
#define TESTS_USER_LIBC_FACTS_H

#include <stdbool.h>

/* "PASS fact", or "FAIL fact" with the errno of the last call. */
void expect(const char *fact, bool holds);

/* Whether a call gave -1 and set errno so. */
bool refused(long result, int error);

/* What no program may name. */
#define KERNEL_ADDRESS   0xffff800000100000ul
#define UNMAPPED_ADDRESS 0x20000ul

void test_memory(void);
void test_files(void);
void test_sockets(void);
void test_processes(void);
void test_nonsense(void);

#endif
