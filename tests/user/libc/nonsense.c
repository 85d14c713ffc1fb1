/* SPDX-License-Identifier: MIT */
/* tests/user/libc/nonsense.c - every system call with arguments that make no sense, many times over.
 * Left out is what would end the program or the machine, or hold it for ever. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "facts.h"

enum { CALLS = 30000, NUMBERS = 340, SCRATCH = 16 * 4096 };

static unsigned long seed = 88172645463325252ul;

static unsigned next_random(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % below;
}

static bool is_left_out(long number)
{
    switch (number) {
    case SYS_exit:
    case SYS_exit_group:
    case SYS_reboot:
    case SYS_kill:
    case SYS_arch_prctl: /* FS base is errno's */
    case SYS_read:       /* of the console */
    case SYS_readv:
    case SYS_poll:
    case SYS_close:
    case SYS_write: /* to the console: the test's own lines would be hard to find */
    case SYS_writev:
        return true;
    default:
        return false;
    }
}

static long argument(const long *scratch)
{
    static const long values[] = {0, 1, 2, 3, 7, 8, 31, 4095, 4096, 4097, 65536, -1, -100, -4096,
                                  (long)KERNEL_ADDRESS, UNMAPPED_ADDRESS, 0x7fffffffe000, 0x7ffffffff000,
                                  1l << 62, 0x7fffffffffffffff, 99, 0x22, 0x32, 0x5, 0x1002};
    enum { VALUES = sizeof(values) / sizeof(values[0]) };
    unsigned i = next_random(VALUES + 4);

    if (i < VALUES)
        return values[i];
    return (long)scratch + next_random(SCRATCH + 100);
}

/* The calls that give and take memory may do so where nothing of ours is. */
static long address(long number, const long *scratch)
{
    bool memory = number == SYS_mmap || number == SYS_munmap || number == SYS_mprotect || number == SYS_brk;

    return memory ? (long)scratch + 4096l * next_random(SCRATCH / 4096) : argument(scratch);
}

/* Sizes of those calls: they do not reach beyond the scratch memory by more than that is away. */
static long size(long number, const long *scratch)
{
    bool memory = number == SYS_munmap || number == SYS_mprotect || number == SYS_mmap;

    return memory ? 4096l * next_random(8) : argument(scratch);
}

void test_nonsense(void)
{
    const long *scratch = mmap((void *)0x300000000000, SCRATCH, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    unsigned calls = 0, answers = 0;
    int first = open("/boot", O_RDONLY);

    for (; calls < CALLS; calls++) {
        long n = next_random(NUMBERS), result;

        if (is_left_out(n))
            continue;
        result = syscall(n, address(n, scratch), size(n, scratch), argument(scratch), argument(scratch),
                         argument(scratch), argument(scratch));
        answers += result >= 0 || errno != ENOSYS;
    }
    expect("nonsense is answered", answers > 1000);
    for (int fd = first; fd < 4096; fd++)
        close(fd);
    expect("the program has its files back", open("/boot", O_RDONLY) == first);
}
