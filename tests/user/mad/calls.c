/* SPDX-License-Identifier: MIT */
/* tests/user/mad/calls.c - every system call, with anything as arguments. Left out is what ends the
 * worker, what would hold it for ever, what pulls its own memory from under its feet, and what it
 * says on its console (console.c). */
#include "mad.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <rootabi/partition.h>
#include <rootabi/syscall.h>

#define KERNEL_ADDRESS   0xffff800000100000ul
#define UNMAPPED_ADDRESS 0x20000ul
#define USER_TOP         0x7ffffffff000ul
#define PAGE             4096ul

enum { NUMBERS = 512, ARGUMENTS = 6, FILES = 3 };

static unsigned wrong;

void mad_check(const char *what, bool fine, long result)
{
    if (fine)
        return;
    wrong++;
    dprintf(STDOUT_FILENO, "FAIL mad: %s: %ld\n", what, result);
}

unsigned mad_wrong(void)
{
    return wrong;
}

long mad_value(void)
{
    static const long values[] = {
        0,
        1,
        2,
        3,
        4,
        5,
        7,
        8,
        9,
        31,
        63,
        64,
        99,
        4095,
        4096,
        4097,
        65536,
        1 << 21,
        -1,
        -2,
        -100,
        -4096,
        0x22,
        0x32,
        0x1002,
        0x1003,
        SIGNAL_KILL,
        (int)REBOOT_MAGIC_1,
        (int)REBOOT_MAGIC_2,
        (int)REBOOT_POWER_OFF,
        REBOOT_RESTART,
        SOCK_SEQPACKET,
        (long)KERNEL_ADDRESS,
        (long)KERNEL_ADDRESS + 8,
        UNMAPPED_ADDRESS,
        USER_TOP - PAGE,
        USER_TOP,
        0x800000000000,
        0x7ffffffffff8,
        1L << 62,
        0x7fffffffffffffff,
        INT32_MIN,
        INT32_MAX,
        UINT32_MAX,
    };
    enum { VALUES = sizeof(values) / sizeof(values[0]) };
    uint64_t i = mad_below(2 * VALUES);

    if (i < VALUES)
        return values[i];
    if (i % 4 == 0)
        return (long)mad_noise();
    if (i % 4 == 1)
        return (long)(MAD_SCRATCH + MAD_SCRATCH_SIZE - 1 - mad_below(64)); /* it ends meanwhile */
    return (long)(MAD_SCRATCH + mad_below(MAD_SCRATCH_SIZE));
}

/* ---- memory ---- */

static const char *const paths[] = {
    "/dev/vm",
    "/dev/root",
    "/dev/disk",
    "/dev/net",
    "/dev/console",
    "/boot",
    "/boot/vmwp.elf",
    "/boot/calm.vm",
    "/boot/../dev/vm",
    "/boot//vmms.elf",
    "/",
    "",
    "/proc/self/mem",
    "boot",
};

/* Texts, structures, pointers, in pieces of 16 bytes. */
static void fill_scratch(void)
{
    for (unsigned long at = 0; at < MAD_SCRATCH_SIZE; at += 16) {
        long pair[2] = {mad_value(), mad_value()};

        memcpy((void *)(MAD_SCRATCH + at), pair, sizeof(pair));
        if (mad_below(4) == 0)
            strncpy((void *)(MAD_SCRATCH + at), paths[mad_below(sizeof(paths) / sizeof(paths[0]))],
                    16);
    }
}

void mad_calls_begin(void)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    void *scratch =
        mmap((void *)MAD_SCRATCH, MAD_SCRATCH_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);

    mad_check("memory of its own", scratch == (void *)MAD_SCRATCH, errno);
    fill_scratch();
}

/* ---- what is left out, or made harmless ---- */

static bool is_left_out(long number)
{
    return number == SYS_exit || number == SYS_exit_group || number == SYS_arch_prctl;
}

static bool is_memory(long number)
{
    return number == SYS_mmap || number == SYS_munmap || number == SYS_mprotect ||
           number == SYS_madvise || number == SYS_brk;
}

/* Within the sandbox, or beyond ring 3's half. */
static void tame_memory(long number, unsigned long *a)
{
    if (mad_below(4) != 0) {
        uint64_t page = mad_below(MAD_SANDBOX_SIZE / PAGE);

        a[0] = MAD_SANDBOX + page * PAGE;
        a[1] = mad_below(MAD_SANDBOX_SIZE / PAGE - page + 1) * PAGE;
    } else if (number == SYS_mmap) {
        a[3] &= ~(unsigned long)(MMAP_FIXED | MMAP_FIXED_NOREPLACE);
    } else {
        a[0] = KERNEL_ADDRESS;
    }
    if (number == SYS_mmap && mad_below(2) == 0) {
        a[2] = mad_below(8);
        a[3] = MMAP_PRIVATE | MMAP_ANONYMOUS | (a[0] == MAD_SANDBOX ? MMAP_FIXED : 0);
    }
    if (number == SYS_brk && a[0] < UNMAPPED_ADDRESS)
        a[0] = 0;
}

static bool is_output(long number)
{
    return number == SYS_write || number == SYS_writev;
}

static bool is_input(long number)
{
    return number == SYS_read || number == SYS_readv;
}

static void tame_files(long number, unsigned long *a)
{
    if (number == SYS_close && a[0] <= PARTITION_CONTROL_FD)
        a[0] += PARTITION_CONTROL_FD + 1;
    if (is_output(number) && a[0] < PARTITION_FD)
        a[0] = PARTITION_FD;
    if (is_input(number) && a[0] == PARTITION_CONTROL_FD)
        a[0] = PARTITION_FD;
    if (number == SYS_recvfrom)
        a[3] |= MSG_DONTWAIT;
    if (number == SYS_recvmsg)
        a[2] |= MSG_DONTWAIT;
    if (number == SYS_sendto)
        a[3] |= MSG_DONTWAIT;
    if (number == SYS_sendmsg)
        a[2] |= MSG_DONTWAIT;
    if (is_output(number) && a[0] == PARTITION_CONTROL_FD)
        a[0] = PARTITION_FD;
    if (number == SYS_ioctl && (uint32_t)a[1] == PARTITION_IOCTL_END)
        a[1] = 0;
}

/* No more than a moment. */
static void tame_time(long number, unsigned long *a)
{
    static const struct timespec times[] = {{0, 1000}, {-1, 0}, {0, -1}, {0, 1000000000}};

    if (number == SYS_poll)
        a[2] = mad_below(2);
    if (number == SYS_nanosleep && mad_below(2) == 0)
        a[0] = (unsigned long)&times[mad_below(4)];
    else if (number == SYS_nanosleep)
        a[0] = KERNEL_ADDRESS;
}

static void tame(long number, unsigned long *a)
{
    if (is_memory(number))
        tame_memory(number, a);
    tame_files(number, a);
    tame_time(number, a);
    if (number == SYS_kill && a[0] == (unsigned long)getpid())
        a[0]++;
}

/* ---- what root must not have done ---- */

static bool is_open(long number)
{
    return number == SYS_open || number == SYS_openat;
}

static void judge(long number, const unsigned long *a, long result)
{
    static const char own_image[] = "/boot/disk-multiboot.elf";
    const char *path;

    mad_check("a result that is no error", result >= -4095, result);
    if (number == SYS_kill || number == SYS_reboot || number == SYS_socket ||
        number == SYS_socketpair || number == SYS_connect || number == SYS_bind)
        mad_check("what only the system may", result < 0, number);
    if (!is_open(number) || result < 0)
        return;
    path = (const char *)a[number == SYS_openat];
    mad_check("a file that is not the worker's", strcmp(path, own_image) == 0, result);
    if (mad_below(4) != 0)
        syscall(SYS_close, result);
}

/* The base of FS is the C library's: only what is refused, and what it is already. */
static void fs_base(void)
{
    unsigned long base = 0, value = (unsigned long)mad_value();

    mad_check("the base of FS", syscall(SYS_arch_prctl, ARCH_GET_FS_CODE, &base) == 0, errno);
    syscall(SYS_arch_prctl, ARCH_SET_FS_CODE, base);
    mad_check("a base of FS in the kernel's half",
              syscall(SYS_arch_prctl, ARCH_SET_FS_CODE, value | 1ul << 47) != 0, (long)value);
    syscall(SYS_arch_prctl, ARCH_GET_FS_CODE, KERNEL_ADDRESS);
    if (value != ARCH_SET_FS_CODE)
        syscall(SYS_arch_prctl, value, value);
}

void mad_call(void)
{
    unsigned long a[ARGUMENTS];
    long number = (long)mad_below(NUMBERS), result;

    if (mad_below(256) == 0)
        fs_base();
    if (mad_below(1024) == 0)
        fill_scratch();
    if (mad_below(2) == 0)
        number = (long)mad_below(64); /* where the denser part is */
    if (is_left_out(number))
        return;
    for (unsigned i = 0; i < ARGUMENTS; i++)
        a[i] = (unsigned long)mad_value();
    tame(number, a);
    result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    judge(number, a, result < 0 ? -errno : result);
}
