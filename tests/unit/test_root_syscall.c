/* SPDX-License-Identifier: MIT */
/* tests/unit/test_root_syscall.c - root's system calls: what ring 3 may ask, and what it may not. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <rootabi/disk.h>
#include <rootabi/errno.h>
#include <rootabi/root.h>
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include "fakes/root_process.h"
#include "mm/memory.h"
#include "mm/space.h"
#include "mm/user_copy.h"
#include "vm/operations.h"

#define PRIVATE_ANONYMOUS (MMAP_PRIVATE | MMAP_ANONYMOUS)
#define READ_WRITE        (MMAP_PROT_READ | MMAP_PROT_WRITE)
#define KERNEL_ADDRESS    0xffff800000001000ull

static int begin(void **state)
{
    (void)state;
    fake_process_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_process_end();
    return 0;
}

static int64_t call(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    return fake_syscall(number, a0, a1, a2, 0, 0, 0);
}

static int64_t map(uint64_t address, uint64_t size, uint64_t protection, uint64_t flags)
{
    return fake_syscall(SYSCALL_MMAP, address, size, protection, flags, UINT64_MAX, 0);
}

/* Memory for arguments; its address. */
static uint64_t scratch(void)
{
    int64_t at = map(0, PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS);

    assert_true(at > 0);
    return (uint64_t)at;
}

static void unknown_numbers_are_refused(void **state)
{
    (void)state;
    assert_int_equal(call(UINT64_MAX, 0, 0, 0), -ENOSYS);
    assert_int_equal(call(0x100000000ull | SYSCALL_GETPID, 0, 0, 0), -ENOSYS);
}

static void ranges_that_leave_ring_3_are_refused(void **state)
{
    (void)state;
    assert_true(user_range_is_valid(USER_BASE, 1));
    assert_true(user_range_is_valid(USER_END - 1, 1));
    assert_true(user_range_is_valid(KERNEL_ADDRESS, 0));
    assert_false(user_range_is_valid(USER_END - 1, 2));
    assert_false(user_range_is_valid(USER_END, 1));
    assert_false(user_range_is_valid(USER_BASE - 1, 1));
    assert_false(user_range_is_valid(0, 1));
    assert_false(user_range_is_valid(KERNEL_ADDRESS, 1));
    assert_false(user_range_is_valid(USER_BASE, UINT64_MAX));
    assert_false(user_range_is_valid(UINT64_MAX, 2));
}

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
    assert_int_equal(map(0, PAGE_SIZE, READ_WRITE, MMAP_PRIVATE), -EINVAL);
    assert_int_equal(map(0, PAGE_SIZE, 8, PRIVATE_ANONYMOUS), -EINVAL);
    assert_int_equal(map(0, PAGE_SIZE, 0, PRIVATE_ANONYMOUS), -EINVAL); /* PROT_NONE */
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
    assert_int_equal(map(0x401000, PAGE_SIZE, READ_WRITE, fixed), -EEXIST);
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

static void console_is_read_and_written(void **state)
{
    uint64_t at = scratch();
    char text[8] = {0};

    (void)state;
    fake_process.input = "abc";
    assert_int_equal(call(SYSCALL_READ, 0, at, 64), 3);
    assert_true(copy_from_user(text, at, 3));
    assert_string_equal(text, "abc");
    assert_int_equal(call(SYSCALL_WRITE, 1, at, 3), 3);
    assert_int_equal(fake_process.console_length, 3);
    assert_memory_equal(fake_process.console, "abc", 3);
}

static void long_writes_are_done_in_part(void **state)
{
    uint64_t at = scratch();
    int64_t n = call(SYSCALL_WRITE, 1, at, PAGE_SIZE);

    (void)state;
    assert_in_range(n, 1, PAGE_SIZE);
}

static void bad_buffers_are_faults(void **state)
{
    (void)state;
    assert_int_equal(call(SYSCALL_WRITE, 1, KERNEL_ADDRESS, 1), -EFAULT);
    assert_int_equal(call(SYSCALL_WRITE, 1, 0x10000, 1), -EFAULT);
    assert_int_equal(call(SYSCALL_WRITE, 1, 0x10000, UINT64_MAX), -EFAULT);
    assert_int_equal(call(SYSCALL_READ, 0, KERNEL_ADDRESS, 1), -EFAULT);
    assert_int_equal(call(SYSCALL_OPENAT, 0, KERNEL_ADDRESS, 0), -EFAULT);
    assert_int_equal(call(SYSCALL_NANOSLEEP, KERNEL_ADDRESS, 0, 0), -EFAULT);
    assert_int_equal(call(SYSCALL_CLOCK_GETTIME, CLOCK_MONOTONIC_ID, KERNEL_ADDRESS, 0), -EFAULT);
}

static void bad_files_are_refused(void **state)
{
    uint64_t at = scratch();

    (void)state;
    assert_int_equal(call(SYSCALL_READ, 31, at, 1), -EBADF);
    assert_int_equal(call(SYSCALL_WRITE, UINT64_MAX, at, 1), -EBADF);
    assert_int_equal(call(SYSCALL_CLOSE, FILES_MAX, 0, 0), -EBADF);
    assert_int_equal(call(SYSCALL_IOCTL, 7, VM_IOCTL_STOP, at), -EBADF);
    assert_int_equal(call(SYSCALL_IOCTL, 0, VM_IOCTL_STOP, at), -ENOTTY);
}

static int64_t open_path(const char *path, uint64_t flags)
{
    uint64_t at = scratch();

    assert_true(copy_to_user(at, path, strlen(path) + 1));
    return call(SYSCALL_OPENAT, (uint64_t)OPENAT_CWD, at, flags);
}

static void only_devices_open_and_only_so_many(void **state)
{
    (void)state;
    assert_int_equal(open_path("/etc/passwd", OPEN_READ), -ENOENT);
    assert_int_equal(open_path("/dev/vm", 3), -EINVAL);
    for (int64_t fd = 3; fd < FILES_MAX; fd++)
        assert_int_equal(open_path("/dev/vm", OPEN_READ_WRITE), fd);
    assert_int_equal(open_path("/dev/vm", OPEN_READ_WRITE), -EMFILE);
    assert_int_equal(call(SYSCALL_CLOSE, 5, 0, 0), 0);
    assert_int_equal(open_path("/dev/vm", OPEN_READ_WRITE), 5);
}

static void access_mode_of_a_file_is_kept_to(void **state)
{
    uint64_t at = scratch();
    int64_t reader = open_path("/dev/console", OPEN_READ);
    int64_t writer = open_path("/dev/console", OPEN_WRITE);

    (void)state;
    assert_int_equal(call(SYSCALL_WRITE, (uint64_t)reader, at, 1), -EBADF);
    assert_int_equal(call(SYSCALL_READ, (uint64_t)writer, at, 1), -EBADF);
}

static void a_file_that_does_not_block_says_try_again(void **state)
{
    uint64_t at = scratch();
    uint64_t fd = (uint64_t)open_path("/dev/console", OPEN_NONBLOCK); /* to read */

    (void)state;
    fake_process.input = "";
    assert_int_equal(call(SYSCALL_READ, fd, at, 1), -EAGAIN);
    fake_process.input = "ab";
    assert_int_equal(call(SYSCALL_READ, fd, at, 5), 2);
    assert_int_equal(call(SYSCALL_WRITE, fd, at, 1), -EBADF);
}

static void bad_times_are_refused(void **state)
{
    static const struct root_timespec bad[] = {
        {-1, 0}, {0, -1}, {0, 1000000000}, {INT64_MAX, 0}, {INT64_MAX / 1000000000, 999999999}};
    uint64_t at = scratch();

    (void)state;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_true(copy_to_user(at, &bad[i], sizeof(bad[i])));
        assert_int_equal(call(SYSCALL_NANOSLEEP, at, 0, 0), -EINVAL);
    }
    assert_int_equal(fake_process.now, 0);
}

static void sleep_takes_its_time(void **state)
{
    struct root_timespec t = {2, 5};
    uint64_t at = scratch();

    (void)state;
    assert_true(copy_to_user(at, &t, sizeof(t)));
    assert_int_equal(call(SYSCALL_NANOSLEEP, at, 0, 0), 0);
    assert_int_equal(call(SYSCALL_CLOCK_GETTIME, CLOCK_MONOTONIC_ID, at, 0), 0);
    memset(&t, 0, sizeof(t));
    assert_true(copy_from_user(&t, at, sizeof(t)));
    assert_int_equal(t.seconds, 2);
    assert_int_equal(t.nanoseconds, 5);
}

static void reboot_needs_its_magic(void **state)
{
    (void)state;
    assert_int_equal(call(SYSCALL_REBOOT, 0, REBOOT_MAGIC_2, REBOOT_RESTART), -EINVAL);
    assert_int_equal(call(SYSCALL_REBOOT, REBOOT_MAGIC_1, 0, REBOOT_RESTART), -EINVAL);
    assert_int_equal(call(SYSCALL_REBOOT, REBOOT_MAGIC_1, REBOOT_MAGIC_2, 0), -EINVAL);
    assert_true(call(SYSCALL_REBOOT, REBOOT_MAGIC_1, REBOOT_MAGIC_2, REBOOT_RESTART) == FAKE_ENDED);
    assert_int_equal(fake_process.resets, 1);
    assert_int_equal(fake_process.power_offs, 0);
}

static void exit_ends_the_process_with_eight_bits(void **state)
{
    (void)state;
    assert_true(call(SYSCALL_EXIT_GROUP, 0x1203, 0, 0) == FAKE_ENDED);
    assert_int_equal(fake_process.exit_status, 3);
}

static void children_need_a_hypervisor(void **state)
{
    int64_t fd = open_path("/dev/vm", OPEN_READ_WRITE);
    uint64_t at = scratch();

    (void)state;
    assert_int_equal(call(SYSCALL_IOCTL, (uint64_t)fd, VM_IOCTL_STOP, at), -ENODEV);
    assert_int_equal(call(SYSCALL_IOCTL, (uint64_t)fd, VM_IOCTL_STOP, 0), -EFAULT);
    assert_int_equal(call(SYSCALL_IOCTL, (uint64_t)fd, 0x100000000ull | VM_IOCTL_STOP, at),
                     -ENOTTY);
}

static int64_t stop_checks(struct vm_stop *a)
{
    assert_true(memchr(a->name, '\0', sizeof(a->name)) != NULL);
    return strlen(a->name) == sizeof(a->name) - 1 ? 0 : -ENOENT;
}

static void texts_reach_the_operations_terminated(void **state)
{
    static const struct vm_operations operations = {.stop = stop_checks};
    int64_t fd = open_path("/dev/vm", OPEN_READ_WRITE);
    uint64_t at = scratch();
    struct vm_stop s;

    (void)state;
    vm_register(&operations);
    memset(&s, 'x', sizeof(s));
    assert_true(copy_to_user(at, &s, sizeof(s)));
    assert_int_equal(call(SYSCALL_IOCTL, (uint64_t)fd, VM_IOCTL_STOP, at), 0);
    vm_register(NULL);
}

static void kernel_tells_of_itself_by_index_until_the_end(void **state)
{
    uint64_t fd = (uint64_t)open_path("/dev/root", OPEN_READ_WRITE);
    uint64_t at = scratch();
    struct root_module m = {.index = 1};

    (void)state;
    assert_true(copy_to_user(at, &m, sizeof(m)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, ROOT_IOCTL_MODULE, at), 0);
    assert_true(copy_from_user(&m, at, sizeof(m)));
    assert_string_equal(m.name, "hello.elf");
    for (uint32_t i = 2; i != 0; i <<= 1) {
        assert_true(copy_to_user(at, &i, sizeof(i)));
        assert_int_equal(call(SYSCALL_IOCTL, fd, ROOT_IOCTL_MODULE, at), -ENOENT);
        assert_int_equal(call(SYSCALL_IOCTL, fd, ROOT_IOCTL_CPU, at), -ENOENT);
    }
}

static void log_is_read_from_any_position(void **state)
{
    static const uint64_t positions[] = {0, 10, 1 << 20, INT64_MAX, UINT64_MAX};
    uint64_t fd = (uint64_t)open_path("/dev/root", OPEN_READ_WRITE);
    uint64_t at = scratch();
    struct root_log l;

    (void)state;
    for (unsigned i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
        l = (struct root_log){.position = positions[i]};
        assert_true(copy_to_user(at, &l, sizeof(l)));
        assert_int_equal(call(SYSCALL_IOCTL, fd, ROOT_IOCTL_LOG, at), 0);
        assert_true(copy_from_user(&l, at, sizeof(l)));
        assert_true(l.length <= sizeof(l.text));
        assert_true((l.length != 0) == (i < 2));
    }
}

static void options_are_read_piece_by_piece(void **state)
{
    uint64_t fd = (uint64_t)open_path("/dev/root", OPEN_READ_WRITE);
    uint64_t at = scratch();
    struct root_option o = {.key = "last", .offset = 3};

    (void)state;
    assert_true(copy_to_user(at, &o, sizeof(o)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, ROOT_IOCTL_OPTION, at), 0);
    assert_true(copy_from_user(&o, at, sizeof(o)));
    assert_int_equal(o.length, 6);
    assert_string_equal(o.value, "all");
    o.offset = 6;
    assert_true(copy_to_user(at, &o, sizeof(o)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, ROOT_IOCTL_OPTION, at), 0);
    assert_true(copy_from_user(&o, at, sizeof(o)));
    assert_string_equal(o.value, "");
    o.offset = 7;
    assert_true(copy_to_user(at, &o, sizeof(o)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, ROOT_IOCTL_OPTION, at), -EINVAL);
    strcpy(o.key, "first");
    assert_true(copy_to_user(at, &o, sizeof(o)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, ROOT_IOCTL_OPTION, at), -ENOENT);
}

static void disks_are_found_by_terminated_names(void **state)
{
    uint64_t fd = (uint64_t)open_path("/dev/disk", OPEN_READ_WRITE);
    uint64_t at = scratch();
    struct disk_hash h = {.name = "mem0"};

    (void)state;
    assert_true(copy_to_user(at, &h, sizeof(h)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, DISK_IOCTL_HASH, at), 0);
    memset(h.name, 'x', sizeof(h.name));
    assert_true(copy_to_user(at, &h, sizeof(h)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, DISK_IOCTL_HASH, at), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unknown_numbers_are_refused),
        TEST(ranges_that_leave_ring_3_are_refused),
        TEST(memory_comes_zeroed_and_goes_back),
        TEST(mmap_refuses_what_it_does_not_do),
        TEST(fixed_mappings_stay_in_ring_3_and_apart),
        TEST(hole_in_a_mapping_can_be_used_again),
        TEST(lack_of_memory_leaves_nothing_behind),
        TEST(read_only_memory_is_not_written),
        TEST(console_is_read_and_written),
        TEST(long_writes_are_done_in_part),
        TEST(bad_buffers_are_faults),
        TEST(bad_files_are_refused),
        TEST(only_devices_open_and_only_so_many),
        TEST(access_mode_of_a_file_is_kept_to),
        TEST(a_file_that_does_not_block_says_try_again),
        TEST(bad_times_are_refused),
        TEST(sleep_takes_its_time),
        TEST(reboot_needs_its_magic),
        TEST(exit_ends_the_process_with_eight_bits),
        TEST(children_need_a_hypervisor),
        TEST(texts_reach_the_operations_terminated),
        TEST(kernel_tells_of_itself_by_index_until_the_end),
        TEST(log_is_read_from_any_position),
        TEST(options_are_read_piece_by_piece),
        TEST(disks_are_found_by_terminated_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
