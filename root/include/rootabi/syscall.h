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
    SYSCALL_OPEN = 2,
    SYSCALL_CLOSE = 3,
    SYSCALL_STAT = 4,
    SYSCALL_FSTAT = 5,
    SYSCALL_LSTAT = 6,
    SYSCALL_POLL = 7,
    SYSCALL_LSEEK = 8,
    SYSCALL_MMAP = 9,
    SYSCALL_MPROTECT = 10,
    SYSCALL_MUNMAP = 11,
    SYSCALL_BRK = 12,
    SYSCALL_RT_SIGACTION = 13,
    SYSCALL_RT_SIGPROCMASK = 14,
    SYSCALL_IOCTL = 16,
    SYSCALL_READV = 19,
    SYSCALL_WRITEV = 20,
    SYSCALL_SCHED_YIELD = 24,
    SYSCALL_MADVISE = 28,
    SYSCALL_NANOSLEEP = 35,
    SYSCALL_GETPID = 39,
    SYSCALL_SOCKET = 41,
    SYSCALL_CONNECT = 42,
    SYSCALL_ACCEPT = 43,
    SYSCALL_SENDTO = 44,
    SYSCALL_RECVFROM = 45,
    SYSCALL_SENDMSG = 46,
    SYSCALL_RECVMSG = 47,
    SYSCALL_BIND = 49,
    SYSCALL_LISTEN = 50,
    SYSCALL_SOCKETPAIR = 53,
    SYSCALL_EXIT = 60,
    SYSCALL_KILL = 62,
    SYSCALL_ARCH_PRCTL = 158,
    SYSCALL_REBOOT = 169,
    SYSCALL_GETTID = 186,
    SYSCALL_GETDENTS64 = 217,
    SYSCALL_SET_TID_ADDRESS = 218,
    SYSCALL_CLOCK_SETTIME = 227,
    SYSCALL_CLOCK_GETTIME = 228,
    SYSCALL_EXIT_GROUP = 231,
    SYSCALL_OPENAT = 257,
    SYSCALL_NEWFSTATAT = 262,
    SYSCALL_ACCEPT4 = 288,
    SYSCALL_GETRANDOM = 318,
    SYSCALL_NUMBERS = 319,
};

enum {
    MMAP_PROT_READ = 1,
    MMAP_PROT_WRITE = 2,
    MMAP_PROT_EXEC = 4,
    MMAP_SHARED = 1,
    MMAP_PRIVATE = 2,
    MMAP_FIXED = 0x10,
    MMAP_ANONYMOUS = 0x20,
    MMAP_NORESERVE = 0x4000,
    MMAP_FIXED_NOREPLACE = 0x100000,
};

enum { OPENAT_CWD = -100, OPENAT_EMPTY_PATH = 0x1000, OPENAT_SYMLINK_NOFOLLOW = 0x100 };

/* openat: access modes; other flags are ignored. */
enum {
    OPEN_READ = 0,
    OPEN_WRITE = 1,
    OPEN_READ_WRITE = 2,
    OPEN_ACCESS_MASK = 3,
    OPEN_NONBLOCK = 04000, /* what would sleep gives EAGAIN */
    OPEN_DIRECTORY = 0200000,
};

enum { SEEK_FROM_START = 0, SEEK_FROM_HERE = 1, SEEK_FROM_END = 2 };

enum { CLOCK_REALTIME_ID = 0, CLOCK_MONOTONIC_ID = 1 };

enum { ARCH_SET_FS_CODE = 0x1002, ARCH_GET_FS_CODE = 0x1003 };

enum { SIGNAL_KILL = 9, SIGNAL_STOP = 19, SIGNALS = 64, SIGNAL_SET_SIZE = 8 };

enum { GETRANDOM_NONBLOCK = 1, GETRANDOM_RANDOM = 2, GETRANDOM_INSECURE = 4 };

struct root_timespec {
    int64_t seconds;
    int64_t nanoseconds;
};
_Static_assert(sizeof(struct root_timespec) == 16, "Linux, struct timespec");

struct root_pollfd {
    int32_t fd; /* negative: left out */
    int16_t events;
    int16_t revents;
};
_Static_assert(sizeof(struct root_pollfd) == 8, "Linux, struct pollfd");

enum { POLL_IN = 1, POLL_OUT = 4, POLL_ERROR = 8, POLL_HANGUP = 0x10, POLL_INVALID = 0x20 };

enum {
    STAT_CHARACTER = 0020000,
    STAT_DIRECTORY = 0040000,
    STAT_REGULAR = 0100000,
    STAT_SOCKET = 0140000
};

struct root_stat {
    uint64_t device, inode, links;
    uint32_t mode, user, group, reserved0;
    uint64_t special_device;
    int64_t size, block_size, blocks;
    struct root_timespec accessed, modified, changed;
    int64_t reserved1[3];
};
_Static_assert(sizeof(struct root_stat) == 144, "Linux, struct stat");

/* getdents64: followed by the name, with a NUL; the next one is @length behind the beginning. */
struct root_dirent {
    uint64_t inode;
    int64_t next;
    uint16_t length;
    uint8_t type;
} __attribute__((packed));
_Static_assert(sizeof(struct root_dirent) == 19, "Linux, struct linux_dirent64");

enum { DIRENT_DIRECTORY = 4, DIRENT_REGULAR = 8 };

enum {
    SOCKET_UNIX = 1, /* AF_UNIX */
    SOCKET_SEQPACKET = 5,
    SOCKET_NONBLOCK = 04000,
    SOCKET_CLOEXEC = 02000000,
    SOCKET_NAME_SIZE = 108,
    MESSAGE_TRUNC = 0x20, /* MSG_* */
    MESSAGE_DONTWAIT = 0x40,
    MESSAGE_NOSIGNAL = 0x4000,
};

/* An abstract name begins with a NUL; its length is that of the address. */
struct root_sockaddr {
    uint16_t family;
    char name[SOCKET_NAME_SIZE];
};
_Static_assert(sizeof(struct root_sockaddr) == 110, "Linux, struct sockaddr_un");

struct root_msghdr {
    uint64_t name;
    uint32_t name_length, reserved0;
    uint64_t vector, vector_count;
    uint64_t control, control_length;
    int32_t flags;
    uint32_t reserved1;
};
_Static_assert(sizeof(struct root_msghdr) == 56, "Linux, struct msghdr");

#define REBOOT_MAGIC_1   0xfee1deadu
#define REBOOT_MAGIC_2   672274793u
#define REBOOT_RESTART   0x01234567u
#define REBOOT_POWER_OFF 0x4321fedcu

#endif
