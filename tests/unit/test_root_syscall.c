/* SPDX-License-Identifier: MIT */
/* tests/unit/test_root_syscall.c - root's system calls: what ring 3 may ask, and what it may not.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <rootabi/disk.h>
#include <rootabi/net.h>
#include <rootabi/errno.h>
#include <rootabi/root.h>
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include "mm/memory.h"
#include "mm/space.h"
#include "mm/user_copy.h"
#include "proc/boot_files.h"
#include "syscall_fixture.h"
#include "vm/operations.h"

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

static void long_writes_are_done_whole(void **state)
{
    int64_t at = map(0, 10 * PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS);
    uint64_t before = fake_process.console_total;

    (void)state;
    assert_int_equal(call(SYSCALL_WRITE, 1, (uint64_t)at, 10 * PAGE_SIZE), 10 * PAGE_SIZE);
    assert_int_equal(fake_process.console_total - before, 10 * PAGE_SIZE);
}

static void a_write_that_runs_into_a_fault_says_how_far_it_came(void **state)
{
    int64_t at = map(0, 5 * PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS);

    (void)state;
    assert_int_equal(call(SYSCALL_WRITE, 1, (uint64_t)at, 6 * PAGE_SIZE), 4 * PAGE_SIZE);
}

static void pieces_are_written_and_read_in_their_order(void **state)
{
    uint64_t at = scratch();
    const uint64_t pieces[] = {at + 512, 2, at + 600, 0, at + 700, 3};
    char text[8] = "";

    (void)state;
    assert_true(copy_to_user(at, pieces, sizeof(pieces)));
    assert_true(copy_to_user(at + 512, "ab", 2) && copy_to_user(at + 700, "cde", 3));
    assert_int_equal(call(SYSCALL_WRITEV, 1, at, 3), 5);
    assert_memory_equal(fake_process.console, "abcde", 5);
    fake_process.input = "vwxy";
    assert_int_equal(call(SYSCALL_READV, 0, at, 3), 4);
    assert_true(copy_from_user(text, at + 700, 2));
    assert_string_equal(text, "xy");
}

static void bad_pieces_are_refused(void **state)
{
    uint64_t at = scratch();
    const uint64_t kernel[] = {at, 1, KERNEL_ADDRESS, 1}, endless[] = {at, UINT64_MAX};

    (void)state;
    assert_int_equal(call(SYSCALL_WRITEV, 1, at, 1025), -EINVAL);
    assert_int_equal(call(SYSCALL_WRITEV, 1, at, UINT64_MAX), -EINVAL);
    assert_int_equal(call(SYSCALL_WRITEV, 1, KERNEL_ADDRESS, 1), -EFAULT);
    assert_int_equal(call(SYSCALL_WRITEV, 1, at, 0), 0);
    assert_true(copy_to_user(at, kernel, sizeof(kernel)));
    assert_int_equal(call(SYSCALL_WRITEV, 1, at, 2), -EFAULT);
    assert_true(copy_to_user(at, endless, sizeof(endless)));
    assert_int_equal(call(SYSCALL_READV, 0, at, 1), -EFAULT);
    assert_int_equal(call(SYSCALL_READV, 99, at, 0), -EBADF);
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

static void only_what_there_is_opens_and_only_so_many(void **state)
{
    uint64_t at = scratch();

    (void)state;
    assert_int_equal(open_path("/etc/passwd", OPEN_READ), -ENOENT);
    assert_int_equal(open_path("/dev/vm", 3), -EINVAL);
    assert_true(copy_to_user(at, "/dev/vm", 8));
    for (int64_t fd = 3; fd < FILES_MAX; fd++)
        assert_int_equal(call(SYSCALL_OPEN, at, OPEN_READ_WRITE, 0), fd);
    assert_int_equal(call(SYSCALL_OPEN, at, OPEN_READ_WRITE, 0), -EMFILE);
    assert_int_equal(call(SYSCALL_CLOSE, 50, 0, 0), 0);
    assert_int_equal(call(SYSCALL_CLOSE, 5, 0, 0), 0);
    assert_int_equal(call(SYSCALL_OPEN, at, OPEN_READ_WRITE, 0), 5);
    assert_int_equal(call(SYSCALL_OPEN, at, OPEN_READ_WRITE, 0), 50);
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

static void wall_clock_is_ahead_of_the_monotonic_one(void **state)
{
    struct root_timespec t = {0};
    uint64_t at = scratch();

    (void)state;
    fake_process.now = 5;
    assert_int_equal(call(SYSCALL_CLOCK_GETTIME, CLOCK_REALTIME_ID, at, 0), 0);
    assert_true(copy_from_user(&t, at, sizeof(t)));
    assert_int_equal(t.seconds, FAKE_WALL_CLOCK / 1000000000);
    assert_int_equal(t.nanoseconds, 5);
    assert_int_equal(call(SYSCALL_CLOCK_GETTIME, 2, at, 0), -EINVAL);
}

static void wall_clock_is_set_by_a_system_process_to_what_a_time_can_be(void **state)
{
    struct root_timespec t = {2000000000, 7};
    uint64_t at = scratch();

    (void)state;
    assert_true(copy_to_user(at, &t, sizeof(t)));
    assert_int_equal(call(SYSCALL_CLOCK_SETTIME, CLOCK_REALTIME_ID, at, 0), 0);
    assert_int_equal(call(SYSCALL_CLOCK_GETTIME, CLOCK_REALTIME_ID, at, 0), 0);
    memset(&t, 0, sizeof(t));
    assert_true(copy_from_user(&t, at, sizeof(t)));
    assert_int_equal(t.seconds, 2000000000);
    assert_int_equal(t.nanoseconds, 7);
    assert_int_equal(call(SYSCALL_CLOCK_SETTIME, CLOCK_MONOTONIC_ID, at, 0), -EINVAL);
    assert_int_equal(call(SYSCALL_CLOCK_SETTIME, CLOCK_REALTIME_ID, KERNEL_ADDRESS, 0), -EFAULT);
    t.nanoseconds = 1000000000;
    assert_true(copy_to_user(at, &t, sizeof(t)));
    assert_int_equal(call(SYSCALL_CLOCK_SETTIME, CLOCK_REALTIME_ID, at, 0), -EINVAL);
    t = (struct root_timespec){-1, 0};
    assert_true(copy_to_user(at, &t, sizeof(t)));
    assert_int_equal(call(SYSCALL_CLOCK_SETTIME, CLOCK_REALTIME_ID, at, 0), -EINVAL);
}

static void thread_local_data_lies_in_ring_3(void **state)
{
    uint64_t at = scratch(), base = 0;

    (void)state;
    assert_int_equal(call(SYSCALL_ARCH_PRCTL, ARCH_SET_FS_CODE, at, 0), 0);
    assert_int_equal(fake_process.fs_base, at);
    assert_int_equal(call(SYSCALL_ARCH_PRCTL, ARCH_GET_FS_CODE, at, 0), 0);
    assert_true(copy_from_user(&base, at, sizeof(base)));
    assert_int_equal(base, at);
    assert_int_equal(call(SYSCALL_ARCH_PRCTL, ARCH_SET_FS_CODE, KERNEL_ADDRESS, 0), -EPERM);
    assert_int_equal(call(SYSCALL_ARCH_PRCTL, ARCH_SET_FS_CODE, 1ull << 47, 0), -EPERM);
    assert_int_equal(call(SYSCALL_ARCH_PRCTL, ARCH_GET_FS_CODE, KERNEL_ADDRESS, 0), -EFAULT);
    assert_int_equal(call(SYSCALL_ARCH_PRCTL, 0x1001, at, 0), -EINVAL); /* GS is the kernel's */
    assert_int_equal(fake_process.fs_base, at);
}

static void random_bytes_come_and_differ(void **state)
{
    uint64_t at = scratch();
    uint8_t first[300], second[300];

    (void)state;
    assert_int_equal(call(SYSCALL_GETRANDOM, at, sizeof(first), 0), sizeof(first));
    assert_true(copy_from_user(first, at, sizeof(first)));
    assert_int_equal(call(SYSCALL_GETRANDOM, at, sizeof(second), GETRANDOM_NONBLOCK),
                     sizeof(second));
    assert_true(copy_from_user(second, at, sizeof(second)));
    assert_memory_not_equal(first, second, sizeof(first));
    assert_memory_not_equal(first, first + 32, 32);
    assert_int_equal(call(SYSCALL_GETRANDOM, at, 1, 8), -EINVAL);
    assert_int_equal(call(SYSCALL_GETRANDOM, KERNEL_ADDRESS, 1, 0), -EFAULT);
    assert_int_equal(call(SYSCALL_GETRANDOM, at, UINT64_MAX, 0), -EFAULT);
}

static void signals_are_accepted_and_forgotten(void **state)
{
    uint64_t at = scratch();

    (void)state;
    assert_int_equal(fake_syscall(SYSCALL_RT_SIGACTION, 2, at, at + 64, 8, 0, 0), 0);
    assert_int_equal(fake_syscall(SYSCALL_RT_SIGACTION, SIGNAL_KILL, at, 0, 8, 0, 0), -EINVAL);
    assert_int_equal(fake_syscall(SYSCALL_RT_SIGACTION, 65, 0, 0, 8, 0, 0), -EINVAL);
    assert_int_equal(fake_syscall(SYSCALL_RT_SIGACTION, 2, 0, 0, 9, 0, 0), -EINVAL);
    assert_int_equal(fake_syscall(SYSCALL_RT_SIGACTION, 2, KERNEL_ADDRESS, 0, 8, 0, 0), -EFAULT);
    assert_int_equal(fake_syscall(SYSCALL_RT_SIGPROCMASK, 2, at, at, 8, 0, 0), 0);
    assert_int_equal(fake_syscall(SYSCALL_RT_SIGPROCMASK, 3, at, at, 8, 0, 0), -EINVAL);
    assert_int_equal(fake_syscall(SYSCALL_RT_SIGPROCMASK, 0, 0, KERNEL_ADDRESS, 8, 0, 0), -EFAULT);
}

static void only_the_signal_that_kills_is_sent(void **state)
{
    (void)state;
    assert_int_equal(call(SYSCALL_KILL, FAKE_ID, 15, 0), -EINVAL);
    assert_int_equal(call(SYSCALL_KILL, FAKE_ID + 1, SIGNAL_KILL, 0), -ESRCH);
    assert_int_equal(call(SYSCALL_KILL, UINT64_MAX, SIGNAL_KILL, 0), -ESRCH);
    assert_false(fake_process.killed);
    assert_int_equal(call(SYSCALL_KILL, FAKE_ID, SIGNAL_KILL, 0), 0);
    assert_true(fake_process.killed);
}

static void a_worker_touches_nothing_but_its_own(void **state)
{
    uint64_t at = scratch();

    (void)state;
    fake_process.process.kind = PROCESS_WORKER;
    assert_int_equal(open_path("/dev/vm", OPEN_READ_WRITE), -EACCES);
    assert_int_equal(open_path("/dev/console", OPEN_READ), -EACCES);
    assert_int_equal(open_path("/dev/root", OPEN_READ), -EACCES);
    assert_int_equal(call(SYSCALL_KILL, FAKE_ID + 1, SIGNAL_KILL, 0), -EPERM);
    assert_int_equal(call(SYSCALL_REBOOT, REBOOT_MAGIC_1, REBOOT_MAGIC_2, REBOOT_RESTART), -EPERM);
    assert_int_equal(call(SYSCALL_CLOCK_SETTIME, CLOCK_REALTIME_ID, at, 0), -EPERM);
    assert_int_equal(call(SYSCALL_SOCKET, SOCKET_UNIX, SOCKET_SEQPACKET, 0), -EACCES);
    assert_int_equal(fake_syscall(SYSCALL_SOCKETPAIR, SOCKET_UNIX, SOCKET_SEQPACKET, 0, at, 0, 0),
                     -EACCES);
    assert_int_equal(call(SYSCALL_WRITE, 1, at, 1), 1);
}

/* Nor can it tell what there is. */
static void a_worker_opens_those_boot_files_that_it_was_given(void **state)
{
    struct process *p = &fake_process.process;

    (void)state;
    p->kind = PROCESS_WORKER;
    assert_int_equal(open_path("/boot/hello.elf", OPEN_READ), -EACCES);
    p->boot_files[p->boot_file_count++] = boot_module_of("/boot/hello.elf");
    assert_in_range(open_path("/boot/hello.elf", OPEN_READ), 3, FILES_MAX);
    assert_in_range(open_path("/boot//hello.elf", OPEN_READ), 3, FILES_MAX);
    assert_int_equal(open_path("/boot/hello.elf", OPEN_READ_WRITE), -EROFS);
    assert_int_equal(open_path("/boot/shell.elf", OPEN_READ), -EACCES);
    assert_int_equal(open_path("/boot//shell.elf", OPEN_READ), -EACCES);
    assert_int_equal(open_path("/boot/shell.elf", OPEN_READ_WRITE), -EACCES);
    assert_int_equal(open_path("/boot/none", OPEN_READ), -EACCES);
    assert_int_equal(open_path("/boot/hello.elf/../shell.elf", OPEN_READ), -EACCES);
    assert_int_equal(open_path("/boot", OPEN_READ | OPEN_DIRECTORY), -EACCES);
    assert_int_equal(open_path("/boot/", OPEN_READ), -EACCES);
    p->boot_files[p->boot_file_count++] = boot_module_of("/boot/shell.elf");
    assert_in_range(open_path("/boot/shell.elf", OPEN_READ), 3, FILES_MAX);
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
    /* Only 32 bits of a command count: C libraries take it for a signed number. */
    assert_int_equal(call(SYSCALL_IOCTL, (uint64_t)fd, 0xffffffff00000000ull | VM_IOCTL_STOP, at),
                     -ENODEV);
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

static void network_cards_and_ports_are_told_by_number(void **state)
{
    uint64_t fd = (uint64_t)open_path("/dev/net", OPEN_READ_WRITE);
    uint64_t at = scratch();
    struct net_nic n = {0};
    struct net_port p = {0};

    (void)state;
    assert_true(copy_to_user(at, &n, sizeof(n)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, NET_IOCTL_NIC, at), 0);
    assert_true(copy_from_user(&n, at, sizeof(n)));
    assert_string_equal(n.name, "card0");
    assert_int_equal(n.flags, NET_NIC_LINK);
    assert_int_equal(n.sent_bytes, 60);
    n.index = 1;
    assert_true(copy_to_user(at, &n, sizeof(n)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, NET_IOCTL_NIC, at), -ENOENT);
    p.port = 2; /* the only one has number 3 */
    assert_true(copy_to_user(at, &p, sizeof(p)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, NET_IOCTL_PORT, at), 0);
    assert_true(copy_from_user(&p, at, sizeof(p)));
    assert_int_equal(p.port, 3);
    assert_string_equal(p.network_name, "switch0");
    assert_string_equal(p.name, "card0");
    assert_int_equal(p.flags, NET_PORT_UPLINK);
    assert_int_equal(p.spoofed, 2);
    p.port = 4;
    assert_true(copy_to_user(at, &p, sizeof(p)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, NET_IOCTL_PORT, at), -ENOENT);
    p = (struct net_port){.network = 1};
    assert_true(copy_to_user(at, &p, sizeof(p)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, NET_IOCTL_PORT, at), -ENOENT);
    assert_int_equal(call(SYSCALL_IOCTL, fd, NET_IOCTL_ROOT, at), -ENOENT);
}

static void reading_a_disk_says_how_much_it_was(void **state)
{
    uint64_t fd = (uint64_t)open_path("/dev/disk", OPEN_READ_WRITE);
    uint64_t at = scratch();
    struct disk_read r = {.name = "mem0"};
    struct disk_info i = {0};

    (void)state;
    assert_true(copy_to_user(at, &i, sizeof(i)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, DISK_IOCTL_INFO, at), 0);
    assert_true(copy_from_user(&i, at, sizeof(i)));
    assert_true(copy_to_user(at, &r, sizeof(r)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, DISK_IOCTL_READ, at), 0);
    assert_true(copy_from_user(&r, at, sizeof(r)));
    assert_int_equal(r.bytes, i.sector_count * i.sector_size);
    memset(r.name, 'x', sizeof(r.name));
    assert_true(copy_to_user(at, &r, sizeof(r)));
    assert_int_equal(call(SYSCALL_IOCTL, fd, DISK_IOCTL_READ, at), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SYSCALL_TEST(unknown_numbers_are_refused),
        SYSCALL_TEST(ranges_that_leave_ring_3_are_refused),
        SYSCALL_TEST(console_is_read_and_written),
        SYSCALL_TEST(long_writes_are_done_whole),
        SYSCALL_TEST(a_write_that_runs_into_a_fault_says_how_far_it_came),
        SYSCALL_TEST(pieces_are_written_and_read_in_their_order),
        SYSCALL_TEST(bad_pieces_are_refused),
        SYSCALL_TEST(bad_buffers_are_faults),
        SYSCALL_TEST(bad_files_are_refused),
        SYSCALL_TEST(only_what_there_is_opens_and_only_so_many),
        SYSCALL_TEST(access_mode_of_a_file_is_kept_to),
        SYSCALL_TEST(a_file_that_does_not_block_says_try_again),
        SYSCALL_TEST(bad_times_are_refused),
        SYSCALL_TEST(sleep_takes_its_time),
        SYSCALL_TEST(wall_clock_is_ahead_of_the_monotonic_one),
        SYSCALL_TEST(wall_clock_is_set_by_a_system_process_to_what_a_time_can_be),
        SYSCALL_TEST(thread_local_data_lies_in_ring_3),
        SYSCALL_TEST(random_bytes_come_and_differ),
        SYSCALL_TEST(signals_are_accepted_and_forgotten),
        SYSCALL_TEST(only_the_signal_that_kills_is_sent),
        SYSCALL_TEST(a_worker_touches_nothing_but_its_own),
        SYSCALL_TEST(a_worker_opens_those_boot_files_that_it_was_given),
        SYSCALL_TEST(reboot_needs_its_magic),
        SYSCALL_TEST(exit_ends_the_process_with_eight_bits),
        SYSCALL_TEST(children_need_a_hypervisor),
        SYSCALL_TEST(texts_reach_the_operations_terminated),
        SYSCALL_TEST(kernel_tells_of_itself_by_index_until_the_end),
        SYSCALL_TEST(log_is_read_from_any_position),
        SYSCALL_TEST(options_are_read_piece_by_piece),
        SYSCALL_TEST(disks_are_found_by_terminated_names),
        SYSCALL_TEST(network_cards_and_ports_are_told_by_number),
        SYSCALL_TEST(reading_a_disk_says_how_much_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
