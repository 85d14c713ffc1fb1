/* SPDX-License-Identifier: MIT */
/* tests/unit/syscall_fixture.c - see syscall_fixture.h. */
#include "syscall_fixture.h"
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <rootabi/syscall.h>
#include "mm/memory.h"
#include "mm/user_copy.h"

int syscall_begin(void **state)
{
    (void)state;
    fake_process_begin();
    return 0;
}

int syscall_end(void **state)
{
    (void)state;
    fake_process_end();
    return 0;
}

int64_t call(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    return fake_syscall(number, a0, a1, a2, 0, 0, 0);
}

int64_t map(uint64_t address, uint64_t size, uint64_t protection, uint64_t flags)
{
    return fake_syscall(SYSCALL_MMAP, address, size, protection, flags, UINT64_MAX, 0);
}

uint64_t scratch(void)
{
    int64_t at = map(0, PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS);

    assert_true(at > 0);
    return (uint64_t)at;
}

int64_t open_path(const char *path, uint64_t flags)
{
    uint64_t at = scratch();

    assert_true(copy_to_user(at, path, strlen(path) + 1));
    return call(SYSCALL_OPENAT, (uint64_t)OPENAT_CWD, at, flags);
}
