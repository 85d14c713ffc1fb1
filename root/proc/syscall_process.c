/* SPDX-License-Identifier: MIT */
/* root/proc/syscall_process.c - system calls on a process itself, time, and the machine. */
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "mm/space.h"
#include "mm/user_copy.h"
#include "power.h"
#include "proc/process.h"
#include "proc/random.h"
#include "proc/syscalls.h"
#include "sched/thread.h"
#include "sched/wall_clock.h"

#define NS_PER_S 1000000000ll

int64_t sys_sched_yield(struct process *p, const uint64_t *a)
{
    (void)p;
    (void)a;
    thread_yield();
    return 0;
}

int64_t sys_nanosleep(struct process *p, const uint64_t *a)
{
    struct root_timespec t;

    (void)p;
    if (!copy_from_user(&t, a[0], sizeof(t)))
        return -EFAULT;
    if (t.seconds < 0 || t.nanoseconds < 0 || t.nanoseconds >= NS_PER_S ||
        t.seconds >= INT64_MAX / NS_PER_S)
        return -EINVAL;
    return thread_sleep_killed((uint64_t)(t.seconds * NS_PER_S + t.nanoseconds)) ? 0 : -EINTR;
}

int64_t sys_clock_gettime(struct process *p, const uint64_t *a)
{
    uint64_t now = a[0] == CLOCK_REALTIME_ID ? wall_clock_now() : time_now();
    struct root_timespec t = {(int64_t)now / NS_PER_S, (int64_t)now % NS_PER_S};

    (void)p;
    if (a[0] != CLOCK_MONOTONIC_ID && a[0] != CLOCK_REALTIME_ID)
        return -EINVAL;
    return copy_to_user(a[1], &t, sizeof(t)) ? 0 : -EFAULT;
}

/* The wall clock alone, which all see. */
int64_t sys_clock_settime(struct process *p, const uint64_t *a)
{
    struct root_timespec t;

    if (p->kind != PROCESS_SYSTEM)
        return -EPERM;
    if (a[0] != CLOCK_REALTIME_ID)
        return -EINVAL;
    if (!copy_from_user(&t, a[1], sizeof(t)))
        return -EFAULT;
    if (t.seconds < 0 || t.nanoseconds < 0 || t.nanoseconds >= NS_PER_S ||
        t.seconds >= INT64_MAX / NS_PER_S)
        return -EINVAL;
    wall_clock_set((uint64_t)(t.seconds * NS_PER_S + t.nanoseconds));
    return 0;
}

int64_t sys_getpid(struct process *p, const uint64_t *a)
{
    (void)a;
    return p->id;
}

int64_t sys_exit(struct process *p, const uint64_t *a)
{
    (void)p;
    process_exit((int32_t)(a[0] & 0xff), NULL);
}

/* Only SIGKILL does anything, and a worker can do it only to itself. */
int64_t sys_kill(struct process *p, const uint64_t *a)
{
    if (a[1] > SIGNALS)
        return -EINVAL;
    if (p->kind != PROCESS_SYSTEM && a[0] != p->id)
        return -EPERM;
    if (a[1] != SIGNAL_KILL)
        return -EINVAL;
    return process_kill_id(a[0]);
}

int64_t sys_reboot(struct process *p, const uint64_t *a)
{
    if (p->kind != PROCESS_SYSTEM)
        return -EPERM;
    if (a[0] != REBOOT_MAGIC_1 || a[1] != REBOOT_MAGIC_2)
        return -EINVAL;
    if (a[2] == REBOOT_RESTART)
        power_reset();
    if (a[2] == REBOOT_POWER_OFF)
        power_off();
    return -EINVAL;
}

int64_t sys_arch_prctl(struct process *p, const uint64_t *a)
{
    uint64_t base;

    (void)p;
    if (a[0] == ARCH_GET_FS_CODE) {
        base = thread_fs_base();
        return copy_to_user(a[1], &base, sizeof(base)) ? 0 : -EFAULT;
    }
    if (a[0] != ARCH_SET_FS_CODE)
        return -EINVAL;
    if (a[1] >= USER_END)
        return -EPERM;
    thread_set_fs_base(a[1]);
    return 0;
}

/* Where a thread's end would be announced: there is one thread, and nobody to tell. */
int64_t sys_set_tid_address(struct process *p, const uint64_t *a)
{
    (void)a;
    return p->id;
}

int64_t sys_getrandom(struct process *p, const uint64_t *a)
{
    enum { KNOWN = GETRANDOM_NONBLOCK | GETRANDOM_RANDOM | GETRANDOM_INSECURE, PIECE = 256 };
    uint8_t bytes[PIECE];
    uint64_t done = 0;

    (void)p;
    if ((a[2] & ~(uint64_t)KNOWN) != 0)
        return -EINVAL;
    if (!user_range_is_valid(a[0], a[1]))
        return -EFAULT;
    while (done < a[1] && !thread_killed()) {
        uint64_t n = a[1] - done < PIECE ? a[1] - done : PIECE;

        random_bytes(bytes, n);
        if (!copy_to_user(a[0] + done, bytes, n))
            return done != 0 ? (int64_t)done : -EFAULT;
        done += n;
    }
    return (int64_t)done;
}

/* There are no signals: handlers and masks are taken and forgotten. What was there before is what
 * every process begins with: the default, and an empty mask. */
static int64_t zero_out(uint64_t to, uint64_t size)
{
    static const uint8_t zero[32];

    return to == 0 || copy_to_user(to, zero, size) ? 0 : -EFAULT;
}

int64_t sys_rt_sigaction(struct process *p, const uint64_t *a)
{
    enum { ACTION_SIZE = 32 }; /* Linux, struct sigaction as the kernel has it */
    uint8_t action[ACTION_SIZE];

    (void)p;
    if (a[0] == 0 || a[0] > SIGNALS || a[3] != SIGNAL_SET_SIZE)
        return -EINVAL;
    if (a[1] != 0 && (a[0] == SIGNAL_KILL || a[0] == SIGNAL_STOP))
        return -EINVAL;
    if (a[1] != 0 && !copy_from_user(action, a[1], sizeof(action)))
        return -EFAULT;
    return zero_out(a[2], sizeof(action));
}

int64_t sys_rt_sigprocmask(struct process *p, const uint64_t *a)
{
    enum { SET = 2 }; /* SIG_SETMASK, the last one */
    uint64_t set;

    (void)p;
    if (a[3] != SIGNAL_SET_SIZE || (a[1] != 0 && a[0] > SET))
        return -EINVAL;
    if (a[1] != 0 && !copy_from_user(&set, a[1], sizeof(set)))
        return -EFAULT;
    return zero_out(a[2], sizeof(set));
}
