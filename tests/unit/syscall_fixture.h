/* SPDX-License-Identifier: MIT */
/* tests/unit/syscall_fixture.h - what the tests of root's system calls share. */
#ifndef SYSCALL_FIXTURE_H
#define SYSCALL_FIXTURE_H

#include <stdint.h>
#include "fakes/root_process.h"

#define PRIVATE_ANONYMOUS (MMAP_PRIVATE | MMAP_ANONYMOUS)
#define READ_WRITE        (MMAP_PROT_READ | MMAP_PROT_WRITE)
#define KERNEL_ADDRESS    0xffff800000001000ull

/* A fresh process around each test; at the end nothing may be left of it. */
int syscall_begin(void **state);
int syscall_end(void **state);
#define SYSCALL_TEST(name) cmocka_unit_test_setup_teardown(name, syscall_begin, syscall_end)

int64_t call(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2);

/* mmap of anonymous memory. */
int64_t map(uint64_t address, uint64_t size, uint64_t protection, uint64_t flags);

/* A page for arguments; its address. */
uint64_t scratch(void);

/* openat. */
int64_t open_path(const char *path, uint64_t flags);

#endif
