/* SPDX-License-Identifier: MIT */
/* tests/unit/test_root_files.c - open files of a ring-3 program: descriptors, references, /boot, poll. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "mm/memory.h"
#include "mm/user_copy.h"
#include "proc/devices.h"
#include "proc/file.h"
#include "proc/file_table.h"
#include "sched/watch.h"
#include "syscall_fixture.h"

#define MS 1000000ull

/* ---- references ---- */

static unsigned released;

static void count_release(struct file *f)
{
    assert_int_equal(f->references, 0);
    released++;
}

static const struct file_operations counted = {.name = "counted", .release = count_release};
static const struct file_operations other = {.name = "other"};

static struct file_table *table(void)
{
    return &fake_process.process.files;
}

static struct file *counted_file(void)
{
    struct file *f = file_create(&counted, NULL, OPEN_READ_WRITE);

    assert_non_null(f);
    released = 0;
    return f;
}

static void file_lives_as_long_as_somebody_refers_to_it(void **state)
{
    struct file *f = counted_file();
    int64_t first = file_install(table(), f), second = file_install(table(), file_get(f));

    (void)state;
    assert_int_equal(first, 3);
    assert_int_equal(second, 4);
    assert_ptr_equal(file_of(table(), 3), f);
    assert_int_equal(file_close(table(), 3), 0);
    assert_int_equal(file_close(table(), 3), -EBADF);
    assert_int_equal(file_close(table(), 4), 0);
    assert_int_equal(released, 0);
    file_put(f);
    assert_int_equal(released, 1);
}

static void file_is_asked_for_by_its_kind(void **state)
{
    struct file *f = counted_file();
    uint64_t fd = (uint64_t)file_install(table(), f);

    (void)state;
    assert_null(file_of_kind(table(), fd, &other));
    assert_null(file_of_kind(table(), FILES_MAX, &counted));
    assert_null(file_of(table(), UINT64_MAX));
    assert_int_equal(f->references, 1);
    assert_ptr_equal(file_of_kind(table(), fd, &counted), f);
    assert_int_equal(f->references, 2);
    file_put(f);
}

static void all_files_are_released_at_the_end(void **state)
{
    struct file *f = counted_file();

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(file_install(table(), file_get(f)), 3 + i);
    file_put(f);
    file_close_all(table());
    assert_int_equal(released, 1);
    assert_null(file_of(table(), 0));
}

static void table_that_cannot_grow_leaves_the_file_to_its_owner(void **state)
{
    struct file *f = counted_file();
    int64_t fd;

    (void)state;
    fake_process.allocations_left = 0;
    while ((fd = file_install(table(), f)) >= 0)
        (void)file_get(f);
    fake_process.allocations_left = -1;
    assert_int_equal(fd, -ENOMEM);
    file_close_all(table());
    assert_int_equal(released, 0);
    file_put(f);
    assert_int_equal(released, 1);
}

/* ---- /boot ---- */

static void boot_module_is_read_from_where_one_is(void **state)
{
    uint64_t fd = (uint64_t)open_path("/boot/shell.elf", OPEN_READ), at = scratch();
    uint8_t bytes[16];

    (void)state;
    assert_int_equal(call(SYSCALL_READ, fd, at, 10), 10);
    assert_int_equal(call(SYSCALL_READ, fd, at, 6), 6);
    assert_true(copy_from_user(bytes, at, 6));
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(bytes[i], FAKE_MODULE_BYTE(10 + i));
    assert_int_equal(call(SYSCALL_LSEEK, fd, (uint64_t)-3, SEEK_FROM_END), FAKE_MODULE_SIZE - 3);
    assert_int_equal(call(SYSCALL_READ, fd, at, 100), 3);
    assert_int_equal(call(SYSCALL_READ, fd, at, 100), 0);
    assert_int_equal(call(SYSCALL_WRITE, fd, at, 1), -EBADF);
}

static void long_reads_are_done_whole(void **state)
{
    uint64_t fd = (uint64_t)open_path("/boot/shell.elf", OPEN_READ);
    int64_t at = map(0, 16 * PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS);
    uint8_t byte;

    (void)state;
    assert_int_equal(call(SYSCALL_READ, fd, (uint64_t)at, 16 * PAGE_SIZE), 16 * PAGE_SIZE);
    assert_true(copy_from_user(&byte, (uint64_t)at + 16 * PAGE_SIZE - 1, 1));
    assert_int_equal(byte, FAKE_MODULE_BYTE(16 * PAGE_SIZE - 1));
}

static void seeking_stays_at_or_after_the_start(void **state)
{
    uint64_t fd = (uint64_t)open_path("/boot/shell.elf", OPEN_READ), at = scratch();

    (void)state;
    assert_int_equal(call(SYSCALL_LSEEK, fd, 5, SEEK_FROM_START), 5);
    assert_int_equal(call(SYSCALL_LSEEK, fd, 5, SEEK_FROM_HERE), 10);
    assert_int_equal(call(SYSCALL_LSEEK, fd, (uint64_t)-11, SEEK_FROM_HERE), -EINVAL);
    assert_int_equal(call(SYSCALL_LSEEK, fd, INT64_MAX, SEEK_FROM_END), -EINVAL);
    assert_int_equal(call(SYSCALL_LSEEK, fd, 0, 3), -EINVAL);
    assert_int_equal(call(SYSCALL_LSEEK, fd, INT64_MAX, SEEK_FROM_START), INT64_MAX);
    assert_int_equal(call(SYSCALL_READ, fd, at, 1), 0);
    assert_int_equal(call(SYSCALL_LSEEK, 0, 0, SEEK_FROM_START), -ESPIPE);
    assert_int_equal(call(SYSCALL_LSEEK, 99, 0, SEEK_FROM_START), -EBADF);
}

static void boot_is_read_only_and_flat(void **state)
{
    (void)state;
    assert_int_equal(open_path("/boot/shell.elf", OPEN_READ_WRITE), -EROFS);
    assert_int_equal(open_path("/boot/none", OPEN_READ), -ENOENT);
    assert_int_equal(open_path("/boots", OPEN_READ), -ENOENT);
    assert_int_equal(open_path("/boot/shell.elf/x", OPEN_READ), -ENOENT);
    assert_int_equal(open_path("/boot/shell.elf", OPEN_READ | OPEN_DIRECTORY), -ENOTDIR);
    assert_int_equal(open_path("/dev/vm", OPEN_READ | OPEN_DIRECTORY), -ENOTDIR);
    assert_int_equal(open_path("/boot/", OPEN_READ | OPEN_DIRECTORY), 3);
}

/* The entries that one getdents64 of @size bytes gives, by their names, separated by blanks. */
static int64_t list(uint64_t fd, uint64_t at, uint64_t size, char names[256])
{
    int64_t n = call(SYSCALL_GETDENTS64, fd, at, size);
    uint8_t bytes[1024];

    names[0] = '\0';
    if (n <= 0)
        return n;
    assert_true(copy_from_user(bytes, at, (size_t)n));
    for (int64_t i = 0; i < n;) {
        struct root_dirent d;

        memcpy(&d, bytes + i, sizeof(d));
        assert_int_equal(d.length % 8, 0);
        strcat(names, (const char *)bytes + i + sizeof(d));
        strcat(names, d.type == DIRENT_DIRECTORY ? "/ " : " ");
        i += d.length;
    }
    return n;
}

static void boot_is_listed(void **state)
{
    uint64_t fd = (uint64_t)open_path("/boot", OPEN_READ), at = scratch();
    char names[256];

    (void)state;
    assert_true(list(fd, at, PAGE_SIZE, names) > 0);
    assert_string_equal(names, "./ ../ shell.elf hello.elf ");
    assert_int_equal(list(fd, at, PAGE_SIZE, names), 0);
    assert_int_equal(call(SYSCALL_LSEEK, fd, 2, SEEK_FROM_START), 2);
    assert_true(list(fd, at, 40, names) > 0);
    assert_string_equal(names, "shell.elf ");
    assert_int_equal(list(fd, at, 8, names), -EINVAL);
    assert_true(list(fd, at, 40, names) > 0);
    assert_string_equal(names, "hello.elf ");
    assert_int_equal(call(SYSCALL_LSEEK, fd, UINT32_MAX, SEEK_FROM_START), UINT32_MAX);
    assert_int_equal(list(fd, at, PAGE_SIZE, names), 0);
    assert_int_equal(call(SYSCALL_GETDENTS64, fd, KERNEL_ADDRESS, PAGE_SIZE), -EFAULT);
    assert_int_equal(call(SYSCALL_GETDENTS64, 0, at, PAGE_SIZE), -ENOTDIR);
}

static struct root_stat stat_of(int64_t result, uint64_t at)
{
    struct root_stat s;

    assert_int_equal(result, 0);
    assert_true(copy_from_user(&s, at, sizeof(s)));
    return s;
}

static void files_say_what_they_are(void **state)
{
    uint64_t at = scratch(), path = at + 1024, empty = at + 2048;
    int64_t fd = open_path("/boot/shell.elf", OPEN_READ);
    struct root_stat s = stat_of(call(SYSCALL_FSTAT, (uint64_t)fd, at, 0), at);

    (void)state;
    assert_int_equal(s.mode, STAT_REGULAR | 0444);
    assert_int_equal(s.size, FAKE_MODULE_SIZE);
    assert_true(copy_to_user(path, "/boot", 6));
    assert_int_equal(stat_of(call(SYSCALL_STAT, path, at, 0), at).mode, STAT_DIRECTORY | 0555);
    assert_true(copy_to_user(path, "/dev/console", 13));
    assert_int_equal(stat_of(call(SYSCALL_LSTAT, path, at, 0), at).mode & 0170000, STAT_CHARACTER);
    assert_int_equal(stat_of(fake_syscall(SYSCALL_NEWFSTATAT, (uint64_t)fd, empty, at,
                                          OPENAT_EMPTY_PATH, 0, 0), at).size, FAKE_MODULE_SIZE);
    assert_int_equal(fake_syscall(SYSCALL_NEWFSTATAT, (uint64_t)fd, empty, at, 0, 0, 0), -ENOENT);
    assert_int_equal(fake_syscall(SYSCALL_NEWFSTATAT, (uint64_t)fd, empty, at, 1, 0, 0), -EINVAL);
    assert_int_equal(call(SYSCALL_STAT, path, KERNEL_ADDRESS, 0), -EFAULT);
    assert_int_equal(call(SYSCALL_STAT, KERNEL_ADDRESS, at, 0), -EFAULT);
    assert_int_equal(call(SYSCALL_FSTAT, 99, at, 0), -EBADF);
}

/* ---- poll ---- */

static int64_t poll_one(uint64_t at, int32_t fd, int16_t events, int32_t timeout, int16_t *revents)
{
    struct root_pollfd p = {fd, events, 0x55};
    int64_t result;

    assert_true(copy_to_user(at, &p, sizeof(p)));
    result = call(SYSCALL_POLL, at, 1, (uint64_t)(int64_t)timeout);
    assert_true(copy_from_user(&p, at, sizeof(p)));
    *revents = p.revents;
    return result;
}

static void poll_says_what_is_ready(void **state)
{
    uint64_t at = scratch();
    int16_t revents;

    (void)state;
    fake_process.input = "a";
    assert_int_equal(poll_one(at, 0, POLL_IN, -1, &revents), 1);
    assert_int_equal(revents, POLL_IN);
    assert_int_equal(poll_one(at, 0, POLL_IN | POLL_OUT, -1, &revents), 1);
    assert_int_equal(revents, POLL_IN | POLL_OUT);
    assert_int_equal(poll_one(at, 99, POLL_IN, -1, &revents), 1);
    assert_int_equal(revents, POLL_INVALID);
    assert_int_equal(poll_one(at, (int32_t)open_path("/boot", OPEN_READ), POLL_IN, -1, &revents), 1);
    assert_int_equal(fake_process.sleeps, 0);
}

static void poll_waits_as_long_as_it_is_told(void **state)
{
    uint64_t at = scratch();
    int16_t revents;

    (void)state;
    assert_int_equal(poll_one(at, 0, POLL_IN, 0, &revents), 0);
    assert_int_equal(fake_process.now, 0);
    assert_int_equal(poll_one(at, 0, POLL_IN, 30, &revents), 0);
    assert_int_equal(fake_process.now, 30 * MS);
    assert_int_equal(revents, 0);
    assert_int_equal(poll_one(at, -1, POLL_IN, 5, &revents), 0);
    assert_int_equal(revents, 0);
    assert_int_equal(call(SYSCALL_POLL, KERNEL_ADDRESS, 0, 5), 0);
    assert_int_equal(fake_process.now, 40 * MS);
}

static void somebody_types(void)
{
    fake_process.input = "x";
    wake_all(&fake_process.console_queue);
}

static void poll_is_woken(void **state)
{
    uint64_t at = scratch();
    int16_t revents;

    (void)state;
    fake_process.others = somebody_types;
    assert_int_equal(poll_one(at, 0, POLL_IN, -1, &revents), 1);
    assert_int_equal(revents, POLL_IN);
    assert_int_equal(fake_process.sleeps, 1);
    assert_true(list_empty(&fake_process.console_queue.waiters));
}

static void only_wakes(void)
{
    wake_all(&fake_process.console_queue);
}

static void poll_goes_on_waiting_when_woken_for_nothing(void **state)
{
    uint64_t at = scratch();
    int16_t revents;

    (void)state;
    fake_process.others = only_wakes;
    assert_int_equal(poll_one(at, 0, POLL_IN, 10, &revents), 0);
    assert_int_equal(fake_process.sleeps, 2);
    assert_int_equal(fake_process.now, 10 * MS);
}

static void poll_ends_when_the_process_is_killed(void **state)
{
    uint64_t at = scratch();
    int16_t revents;

    (void)state; /* nobody acts, so the fake kills it */
    assert_int_equal(poll_one(at, 0, POLL_IN, -1, &revents), -EINTR);
    assert_true(list_empty(&fake_process.console_queue.waiters));
}

static void bad_polls_are_refused(void **state)
{
    uint64_t at = scratch();

    (void)state;
    assert_int_equal(call(SYSCALL_POLL, KERNEL_ADDRESS, 1, 0), -EFAULT);
    assert_int_equal(call(SYSCALL_POLL, at, FILES_MAX + 1, 0), -EINVAL);
    assert_int_equal(call(SYSCALL_POLL, at, UINT64_MAX / 8 + 2, 0), -EINVAL);
    assert_int_equal(call(SYSCALL_POLL, at + PAGE_SIZE - 8, 2, 0), -EFAULT);
    for (int64_t left = 0; left < 3; left++) {
        fake_process.allocations_left = left;
        assert_int_equal(call(SYSCALL_POLL, at, 4, 0), -ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SYSCALL_TEST(file_lives_as_long_as_somebody_refers_to_it),
        SYSCALL_TEST(file_is_asked_for_by_its_kind),
        SYSCALL_TEST(all_files_are_released_at_the_end),
        SYSCALL_TEST(table_that_cannot_grow_leaves_the_file_to_its_owner),
        SYSCALL_TEST(boot_module_is_read_from_where_one_is),
        SYSCALL_TEST(long_reads_are_done_whole),
        SYSCALL_TEST(seeking_stays_at_or_after_the_start),
        SYSCALL_TEST(boot_is_read_only_and_flat),
        SYSCALL_TEST(boot_is_listed),
        SYSCALL_TEST(files_say_what_they_are),
        SYSCALL_TEST(poll_says_what_is_ready),
        SYSCALL_TEST(poll_waits_as_long_as_it_is_told),
        SYSCALL_TEST(poll_is_woken),
        SYSCALL_TEST(poll_goes_on_waiting_when_woken_for_nothing),
        SYSCALL_TEST(poll_ends_when_the_process_is_killed),
        SYSCALL_TEST(bad_polls_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
