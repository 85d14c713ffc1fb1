/* SPDX-License-Identifier: MIT */
/* rootabi/syscall.h - ring 3's system calls: numbers, arguments and constants of Linux on x86-64,
 * of which docs/root.md lists what is there. RAX = number, arguments in RDI RSI RDX R10 R8 R9, the
 * result in RAX; RCX and R11 are lost. */
#ifndef ROOTABI_SYSCALL_H
#define ROOTABI_SYSCALL_H

#include <stdint.h>

enum {
    SYSCALL_READ = 0,
    SYSCALL_WRITE = 1,
    SYSCALL_CLOSE = 3,
    SYSCALL_MMAP = 9,
    SYSCALL_MUNMAP = 11,
    SYSCALL_IOCTL = 16,
    SYSCALL_SCHED_YIELD = 24,
    SYSCALL_NANOSLEEP = 35,
    SYSCALL_GETPID = 39,
    SYSCALL_EXIT = 60,
    SYSCALL_REBOOT = 169,
    SYSCALL_CLOCK_GETTIME = 228,
    SYSCALL_EXIT_GROUP = 231,
    SYSCALL_OPENAT = 257,
};

/* mmap: private anonymous memory only. */
enum {
    MMAP_PROT_READ = 1,
    MMAP_PROT_WRITE = 2,
    MMAP_PROT_EXEC = 4,
    MMAP_PRIVATE = 2,
    MMAP_FIXED = 0x10,
    MMAP_ANONYMOUS = 0x20,
};

enum { OPENAT_CWD = -100 };

/* openat: access modes; other flags are ignored. */
enum {
    OPEN_READ = 0,
    OPEN_WRITE = 1,
    OPEN_READ_WRITE = 2,
    OPEN_ACCESS_MASK = 3,
    OPEN_NONBLOCK = 04000, /* a read that would sleep gives EAGAIN */
};

enum { CLOCK_REALTIME_ID = 0, CLOCK_MONOTONIC_ID = 1 };

struct root_timespec {
    int64_t seconds;
    int64_t nanoseconds;
};
_Static_assert(sizeof(struct root_timespec) == 16, "Linux, struct timespec");

#define REBOOT_MAGIC_1   0xfee1deadu
#define REBOOT_MAGIC_2   672274793u
#define REBOOT_RESTART   0x01234567u
#define REBOOT_POWER_OFF 0x4321fedcu

#endif
