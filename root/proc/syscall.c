/* SPDX-License-Identifier: MIT */
/* root/proc/syscall.c - see syscall.h. Arguments are checked here or by the function they are
 * handed to; nothing that ring 3 passes can stop the machine. */
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "mm/space.h"
#include "mm/user_copy.h"
#include "power.h"
#include "proc/process.h"
#include "proc/syscall.h"
#include "sched/thread.h"

#define NS_PER_S 1000000000ll

enum { PATH_SIZE = 64 };

typedef int64_t (*syscall_handler)(struct process *p, const uint64_t *a);

static int64_t sys_read(struct process *p, const uint64_t *a)
{
    return file_read(&p->files, a[0], a[1], a[2]);
}

static int64_t sys_write(struct process *p, const uint64_t *a)
{
    return file_write(&p->files, a[0], a[1], a[2]);
}

static int64_t sys_close(struct process *p, const uint64_t *a)
{
    return file_close(&p->files, a[0]);
}

static int64_t sys_ioctl(struct process *p, const uint64_t *a)
{
    return file_ioctl(&p->files, a[0], a[1], a[2]);
}

static int64_t sys_openat(struct process *p, const uint64_t *a)
{
    char path[PATH_SIZE];

    if (!user_range_is_valid(a[1], 1))
        return -EFAULT;
    if (!copy_string_from_user(path, a[1], sizeof(path)))
        return -ENOENT; /* every path there is is shorter */
    return file_open(&p->files, path, (uint32_t)a[2]);
}

static int64_t sys_mmap(struct process *p, const uint64_t *a)
{
    const uint64_t address = a[0], size = a[1], protection = a[2], flags = a[3];
    uint32_t access = 0;

    if ((flags & ~(uint64_t)MMAP_FIXED) != (MMAP_PRIVATE | MMAP_ANONYMOUS))
        return -EINVAL;
    if (protection == 0) /* what nobody may touch has no use here, and no mapping */
        return -EINVAL;
    if ((protection & ~(uint64_t)(MMAP_PROT_READ | MMAP_PROT_WRITE | MMAP_PROT_EXEC)) != 0)
        return -EINVAL;
    if ((protection & MMAP_PROT_WRITE) != 0 && (protection & MMAP_PROT_EXEC) != 0)
        return -EACCES;
    if ((flags & MMAP_FIXED) != 0 && address == 0)
        return -EINVAL;
    access |= (protection & MMAP_PROT_READ) != 0 ? SPACE_READ : 0u;
    access |= (protection & MMAP_PROT_WRITE) != 0 ? SPACE_WRITE : 0u;
    access |= (protection & MMAP_PROT_EXEC) != 0 ? SPACE_EXECUTE : 0u;
    return space_map(p->space, (flags & MMAP_FIXED) != 0 ? address : 0, size, access);
}

static int64_t sys_munmap(struct process *p, const uint64_t *a)
{
    return space_unmap(p->space, a[0], a[1]);
}

static int64_t sys_sched_yield(struct process *p, const uint64_t *a)
{
    (void)p;
    (void)a;
    thread_yield();
    return 0;
}

static int64_t sys_nanosleep(struct process *p, const uint64_t *a)
{
    struct root_timespec t;

    (void)p;
    if (!copy_from_user(&t, a[0], sizeof(t)))
        return -EFAULT;
    if (t.seconds < 0 || t.nanoseconds < 0 || t.nanoseconds >= NS_PER_S ||
        t.seconds >= INT64_MAX / NS_PER_S)
        return -EINVAL;
    thread_sleep((uint64_t)(t.seconds * NS_PER_S + t.nanoseconds));
    return 0;
}

static int64_t sys_clock_gettime(struct process *p, const uint64_t *a)
{
    uint64_t now = time_now();
    struct root_timespec t = {(int64_t)now / NS_PER_S, (int64_t)now % NS_PER_S};

    (void)p;
    if (a[0] != CLOCK_MONOTONIC_ID)
        return -EINVAL;
    return copy_to_user(a[1], &t, sizeof(t)) ? 0 : -EFAULT;
}

static int64_t sys_getpid(struct process *p, const uint64_t *a)
{
    (void)a;
    return p->id;
}

static int64_t sys_exit(struct process *p, const uint64_t *a)
{
    (void)p;
    process_exit((int32_t)(a[0] & 0xff));
}

static int64_t sys_reboot(struct process *p, const uint64_t *a)
{
    (void)p;
    if (a[0] != REBOOT_MAGIC_1 || a[1] != REBOOT_MAGIC_2)
        return -EINVAL;
    if (a[2] == REBOOT_RESTART)
        power_reset();
    if (a[2] == REBOOT_POWER_OFF)
        power_off();
    return -EINVAL;
}

static const struct {
    uint32_t number;
    syscall_handler handler;
} calls[] = {
    {SYSCALL_READ, sys_read},
    {SYSCALL_WRITE, sys_write},
    {SYSCALL_CLOSE, sys_close},
    {SYSCALL_MMAP, sys_mmap},
    {SYSCALL_MUNMAP, sys_munmap},
    {SYSCALL_IOCTL, sys_ioctl},
    {SYSCALL_SCHED_YIELD, sys_sched_yield},
    {SYSCALL_NANOSLEEP, sys_nanosleep},
    {SYSCALL_GETPID, sys_getpid},
    {SYSCALL_EXIT, sys_exit},
    {SYSCALL_REBOOT, sys_reboot},
    {SYSCALL_CLOCK_GETTIME, sys_clock_gettime},
    {SYSCALL_EXIT_GROUP, sys_exit},
    {SYSCALL_OPENAT, sys_openat},
};

int64_t syscall_dispatch(struct process *p, uint64_t number,
                         const uint64_t arguments[SYSCALL_ARGUMENTS])
{
    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (calls[i].number == number)
            return calls[i].handler(p, arguments);
    return -ENOSYS;
}
