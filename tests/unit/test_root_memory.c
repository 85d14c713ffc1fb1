/* SPDX-License-Identifier: MIT */
/* tests/unit/test_root_memory.c - a ring-3 program's memory: what it may have, and what becomes of it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "mm/memory.h"
#include "mm/space.h"
#include "mm/user_copy.h"
#include "syscall_fixture.h"

static void memory_comes_zeroed_and_goes_back(void **state)
{
    uint64_t at = scratch();
    uint8_t bytes[PAGE_SIZE], zero[PAGE_SIZE] = {0};

    (void)state;
    assert_true(copy_from_user(bytes, at, sizeof(bytes)));
    assert_memory_equal(bytes, zero, sizeof(bytes));
    assert_int_equal(call(SYSCALL_MUNMAP, at, PAGE_SIZE, 0), 0);
    assert_false(copy_from_user(bytes, at, 1));
    assert_true(fake_process.flushes > 0);
}

static void mmap_refuses_what_it_does_not_do(void **state)
{
    (void)state;
    assert_int_equal(map(0, 0, READ_WRITE, PRIVATE_ANONYMOUS), -EINVAL);
    assert_int_equal(map(0, PAGE_SIZE, MMAP_PROT_READ, MMAP_PRIVATE), -EBADF);
    assert_int_equal(map(0, PAGE_SIZE, READ_WRITE, MMAP_ANONYMOUS), -EINVAL);
    assert_int_equal(map(0, PAGE_SIZE, READ_WRITE, MMAP_ANONYMOUS | MMAP_SHARED), -EINVAL);
    assert_int_equal(map(0, PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS | 0x100), -EINVAL);
    assert_int_equal(map(0, PAGE_SIZE, 8, PRIVATE_ANONYMOUS), -EINVAL);
    assert_int_equal(map(0, PAGE_SIZE, MMAP_PROT_WRITE | MMAP_PROT_EXEC, PRIVATE_ANONYMOUS),
                     -EACCES);
    assert_int_equal(map(0, UINT64_MAX, READ_WRITE, PRIVATE_ANONYMOUS), -EINVAL);
    assert_int_equal(map(0, 1ull << 40, READ_WRITE, PRIVATE_ANONYMOUS), -ENOMEM);
}

static void fixed_mappings_stay_in_ring_3_and_apart(void **state)
{
    const uint64_t fixed = PRIVATE_ANONYMOUS | MMAP_FIXED;

    (void)state;
    assert_int_equal(map(0, PAGE_SIZE, READ_WRITE, fixed), -EINVAL);
    assert_int_equal(map(PAGE_SIZE, PAGE_SIZE, READ_WRITE, fixed), -EINVAL);
    assert_int_equal(map(KERNEL_ADDRESS, PAGE_SIZE, READ_WRITE, fixed), -EINVAL);
    assert_int_equal(map(USER_END - PAGE_SIZE, 2 * PAGE_SIZE, READ_WRITE, fixed), -EINVAL);
    assert_int_equal(map(0x400001, PAGE_SIZE, READ_WRITE, fixed), -EINVAL);
    assert_int_equal(map(0x400000, 2 * PAGE_SIZE, READ_WRITE, fixed), 0x400000);
    assert_int_equal(map(0x401000, PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS | MMAP_FIXED_NOREPLACE),
                     -EEXIST);
}

static void a_fixed_mapping_replaces_what_was_there(void **state)
{
    const uint64_t fixed = PRIVATE_ANONYMOUS | MMAP_FIXED;
    char byte = 1;

    (void)state;
    assert_int_equal(map(0x400000, 3 * PAGE_SIZE, READ_WRITE, fixed), 0x400000);
    assert_true(copy_to_user(0x400fff, "abc", 3));
    assert_int_equal(map(0x401000, PAGE_SIZE, READ_WRITE, fixed), 0x401000);
    assert_true(copy_from_user(&byte, 0x401000, 1));
    assert_int_equal(byte, 0);
    assert_true(copy_from_user(&byte, 0x400fff, 1));
    assert_int_equal(byte, 'a');
    assert_int_equal(fake_process.process.space->pages, 3);
}

static void memory_without_access_keeps_its_contents(void **state)
{
    uint64_t at = scratch();
    char text[4] = "";

    (void)state;
    assert_true(copy_to_user(at, "abc", 4));
    assert_int_equal(call(SYSCALL_MPROTECT, at, PAGE_SIZE, 0), 0);
    assert_false(copy_from_user(text, at, 1));
    assert_int_equal(call(SYSCALL_MPROTECT, at, PAGE_SIZE, MMAP_PROT_READ), 0);
    assert_true(copy_from_user(text, at, 4));
    assert_string_equal(text, "abc");
    assert_false(copy_to_user(at, "x", 1));
    assert_int_equal(call(SYSCALL_MPROTECT, at, PAGE_SIZE, 0), 0);
    assert_int_equal(call(SYSCALL_MUNMAP, at, PAGE_SIZE, 0), 0); /* nothing is left behind */
}

static void memory_may_be_mapped_without_access(void **state)
{
    int64_t at = map(0, PAGE_SIZE, 0, PRIVATE_ANONYMOUS);

    (void)state;
    assert_true(at > 0);
    assert_false(copy_to_user((uint64_t)at, "x", 1));
    assert_int_equal(call(SYSCALL_MPROTECT, (uint64_t)at, PAGE_SIZE, READ_WRITE), 0);
    assert_true(copy_to_user((uint64_t)at, "x", 1));
}

static void mprotect_refuses_holes_and_writable_code(void **state)
{
    uint64_t at = scratch();

    (void)state;
    assert_int_equal(call(SYSCALL_MPROTECT, at, 2 * PAGE_SIZE, MMAP_PROT_READ), -ENOMEM);
    assert_int_equal(call(SYSCALL_MPROTECT, at, PAGE_SIZE, MMAP_PROT_WRITE | MMAP_PROT_EXEC), -EACCES);
    assert_int_equal(call(SYSCALL_MPROTECT, at, PAGE_SIZE, 8), -EINVAL);
    assert_int_equal(call(SYSCALL_MPROTECT, at + 1, PAGE_SIZE, MMAP_PROT_READ), -EINVAL);
    assert_int_equal(call(SYSCALL_MPROTECT, KERNEL_ADDRESS, PAGE_SIZE, MMAP_PROT_READ), -ENOMEM);
    assert_int_equal(call(SYSCALL_MPROTECT, at, UINT64_MAX, MMAP_PROT_READ), -EINVAL);
    assert_int_equal(call(SYSCALL_MPROTECT, at, 0, MMAP_PROT_READ), 0);
    assert_true(copy_to_user(at, "x", 1));
}

static void brk_moves_and_says_where_it_is(void **state)
{
    (void)state;
    assert_int_equal(call(SYSCALL_BRK, 0, 0, 0), FAKE_BRK);
    assert_int_equal(call(SYSCALL_BRK, FAKE_BRK + 5, 0, 0), FAKE_BRK + 5);
    assert_true(copy_to_user(FAKE_BRK + PAGE_SIZE - 1, "x", 1));
    assert_int_equal(call(SYSCALL_BRK, FAKE_BRK + 3 * PAGE_SIZE, 0, 0), FAKE_BRK + 3 * PAGE_SIZE);
    assert_int_equal(fake_process.process.space->pages, 3);
    assert_int_equal(call(SYSCALL_BRK, FAKE_BRK + 1, 0, 0), FAKE_BRK + 1);
    assert_int_equal(fake_process.process.space->pages, 1);
    assert_int_equal(call(SYSCALL_BRK, FAKE_BRK, 0, 0), FAKE_BRK);
    assert_int_equal(fake_process.process.space->pages, 0);
}

static void brk_stays_where_it_cannot_move(void **state)
{
    (void)state;
    assert_int_equal(map(FAKE_BRK + PAGE_SIZE, PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS | MMAP_FIXED),
                     FAKE_BRK + PAGE_SIZE);
    assert_int_equal(call(SYSCALL_BRK, FAKE_BRK + 2 * PAGE_SIZE, 0, 0), FAKE_BRK);
    assert_int_equal(call(SYSCALL_BRK, FAKE_BRK - 1, 0, 0), FAKE_BRK);
    assert_int_equal(call(SYSCALL_BRK, UINT64_MAX, 0, 0), FAKE_BRK);
    assert_int_equal(call(SYSCALL_BRK, FAKE_BRK + (1ull << 32), 0, 0), FAKE_BRK);
    assert_int_equal(call(SYSCALL_BRK, FAKE_BRK + PAGE_SIZE, 0, 0), FAKE_BRK + PAGE_SIZE);
}

static void page_tables_count_as_memory(void **state)
{
    const struct address_space *space = fake_process.process.space;
    uint64_t at = 1ull << 30;
    int64_t result;

    (void)state;
    while ((result = map(at, PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS | MMAP_FIXED)) > 0) {
        assert_int_equal(call(SYSCALL_MUNMAP, at, PAGE_SIZE, 0), 0);
        at += 1ull << 30;
    }
    assert_int_equal(result, -ENOMEM);
    assert_true(space->tables <= space->pages_max);
    assert_true(fake_process.live < 2 * (int64_t)space->pages_max);
}

static void hole_in_a_mapping_can_be_used_again(void **state)
{
    const uint64_t fixed = PRIVATE_ANONYMOUS | MMAP_FIXED;

    (void)state;
    assert_int_equal(map(0x400000, 3 * PAGE_SIZE, READ_WRITE, fixed), 0x400000);
    assert_int_equal(call(SYSCALL_MUNMAP, 0x401000, PAGE_SIZE, 0), 0);
    assert_false(copy_to_user(0x401000, "x", 1));
    assert_true(copy_to_user(0x402000, "x", 1));
    assert_int_equal(map(0x401000, PAGE_SIZE, READ_WRITE, fixed), 0x401000);
}

static void lack_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    for (int64_t left = 0; left < 12; left++) {
        int64_t live = fake_process.live;

        fake_process.allocations_left = left;
        if (map(0, 4 * PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS) >= 0)
            return; /* enough at last */
        fake_process.allocations_left = -1;
        assert_int_equal(fake_process.process.space->pages, 0);
        assert_true(fake_process.live <= live + 3); /* page tables may stay */
    }
    fail_msg("12 allocations are not enough for 4 pages");
}

static void read_only_memory_is_not_written(void **state)
{
    int64_t at = map(0, PAGE_SIZE, MMAP_PROT_READ, PRIVATE_ANONYMOUS);

    (void)state;
    fake_process.input = "typed";
    assert_int_equal(call(SYSCALL_READ, 0, (uint64_t)at, 5), -EFAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SYSCALL_TEST(memory_comes_zeroed_and_goes_back),
        SYSCALL_TEST(mmap_refuses_what_it_does_not_do),
        SYSCALL_TEST(fixed_mappings_stay_in_ring_3_and_apart),
        SYSCALL_TEST(a_fixed_mapping_replaces_what_was_there),
        SYSCALL_TEST(memory_without_access_keeps_its_contents),
        SYSCALL_TEST(memory_may_be_mapped_without_access),
        SYSCALL_TEST(mprotect_refuses_holes_and_writable_code),
        SYSCALL_TEST(brk_moves_and_says_where_it_is),
        SYSCALL_TEST(brk_stays_where_it_cannot_move),
        SYSCALL_TEST(page_tables_count_as_memory),
        SYSCALL_TEST(hole_in_a_mapping_can_be_used_again),
        SYSCALL_TEST(lack_of_memory_leaves_nothing_behind),
        SYSCALL_TEST(read_only_memory_is_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
