/* SPDX-License-Identifier: MIT */
/* root/user/lib/system.c - see system.h. */
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include <rt/mem.h>
#include "lib/system.h"

#define NS_PER_S 1000000000ull

static uint64_t address(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

int64_t read(int fd, void *buffer, size_t size)
{
    return system_call(SYSCALL_READ, (uint64_t)fd, address(buffer), size, 0, 0);
}

int64_t write(int fd, const void *buffer, size_t size)
{
    return system_call(SYSCALL_WRITE, (uint64_t)fd, address(buffer), size, 0, 0);
}

int64_t open(const char *path, uint32_t flags)
{
    return system_call(SYSCALL_OPENAT, (uint64_t)OPENAT_CWD, address(path), flags, 0, 0);
}

int64_t close(int fd)
{
    return system_call(SYSCALL_CLOSE, (uint64_t)fd, 0, 0, 0, 0);
}

int64_t ioctl(int fd, uint32_t command, void *argument)
{
    return system_call(SYSCALL_IOCTL, (uint64_t)fd, command, address(argument), 0, 0);
}

int64_t connect_to(const char *name)
{
    struct root_sockaddr to = {.family = SOCKET_UNIX};
    size_t length = rt_strlcpy(to.name + 1, name, sizeof(to.name) - 1);
    int64_t result;
    int64_t file = system_call(SYSCALL_SOCKET, SOCKET_UNIX, SOCKET_SEQPACKET, 0, 0, 0);

    if (file < 0)
        return file;
    result = system_call(SYSCALL_CONNECT, (uint64_t)file, address(&to),
                         offsetof(struct root_sockaddr, name) + 1 + length, 0, 0);
    if (result < 0)
        close((int)file);
    return result < 0 ? result : file;
}

int64_t poll(struct root_pollfd *list, uint64_t count, int64_t timeout_ms)
{
    return system_call(SYSCALL_POLL, address(list), count, (uint64_t)timeout_ms, 0, 0);
}

void exit(int status)
{
    for (;;)
        system_call(SYSCALL_EXIT_GROUP, (uint64_t)status, 0, 0, 0, 0);
}

void reboot(uint32_t command)
{
    system_call(SYSCALL_REBOOT, REBOOT_MAGIC_1, REBOOT_MAGIC_2, command, 0, 0);
}

void sleep_ns(uint64_t ns)
{
    struct root_timespec t = {(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S)};

    system_call(SYSCALL_NANOSLEEP, address(&t), 0, 0, 0, 0);
}

uint64_t monotonic_ns(void)
{
    struct root_timespec t = {0, 0};

    system_call(SYSCALL_CLOCK_GETTIME, CLOCK_MONOTONIC_ID, address(&t), 0, 0, 0);
    return (uint64_t)t.seconds * NS_PER_S + (uint64_t)t.nanoseconds;
}

uint64_t wall_clock_ns(void)
{
    struct root_timespec t = {0, 0};

    system_call(SYSCALL_CLOCK_GETTIME, CLOCK_REALTIME_ID, address(&t), 0, 0, 0);
    return (uint64_t)t.seconds * NS_PER_S + (uint64_t)t.nanoseconds;
}

int64_t wall_clock_set_ns(uint64_t ns)
{
    struct root_timespec t = {(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S)};

    return system_call(SYSCALL_CLOCK_SETTIME, CLOCK_REALTIME_ID, address(&t), 0, 0, 0);
}

const char *error_text(int64_t result)
{
    static const struct {
        int number;
        const char *text;
    } texts[] = {
        {EPERM, "not permitted"},       {ENOENT, "no such thing"},
        {EIO, "input or output error"}, {EBADF, "bad file number"},
        {EAGAIN, "try again"},          {ENOMEM, "out of memory"},
        {EACCES, "access denied"},      {EFAULT, "bad address"},
        {EBUSY, "busy"},                {EEXIST, "exists already"},
        {ENODEV, "no hypervisor"},      {EINVAL, "invalid argument"},
        {ENOTTY, "not supported"},      {ENOSPC, "no space left"},
        {ENOSYS, "no such system call"}, {ETIMEDOUT, "timed out"},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].number == -result)
            return texts[i].text;
    return "unknown error";
}
