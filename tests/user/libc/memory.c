/* SPDX-License-Identifier: MIT */
/* tests/user/libc/memory.c - mmap, munmap, mprotect, madvise, brk and arch_prctl. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "facts.h"

enum { PAGE = 4096, ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003 };

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)

static long map(unsigned long address, unsigned long size, int protection, int flags)
{
    return syscall(SYS_mmap, address, size, protection, flags, -1, 0);
}

/* Whether the kernel can read or write there for us: it says EFAULT where we would fault. */
static bool can_read(const void *at)
{
    return syscall(SYS_rt_sigprocmask, 0, at, 0, 8) == 0;
}

static bool can_write(void *at)
{
    return syscall(SYS_getrandom, at, 8, 0) == 8;
}

static void test_protection(char *p)
{
    memcpy(p, "kept", 5);
    expect("mprotect takes the right to write",
           mprotect(p, PAGE, PROT_READ) == 0 && can_read(p) && !can_write(p));
    expect("mprotect takes all rights and keeps the bytes",
           mprotect(p, PAGE, PROT_NONE) == 0 && !can_read(p) && mprotect(p, PAGE, READ_WRITE) == 0 &&
               strcmp(p, "kept") == 0);
    expect("mprotect refuses writable code",
           refused(mprotect(p, PAGE, PROT_WRITE | PROT_EXEC), EACCES));
    expect("mprotect refuses a hole", refused(mprotect(p, 64 * PAGE, PROT_READ), ENOMEM));
    expect("mprotect refuses the kernel",
           refused(syscall(SYS_mprotect, KERNEL_ADDRESS, PAGE, PROT_READ), ENOMEM));
    expect("mprotect refuses half pages", refused(syscall(SYS_mprotect, p + 1, PAGE, PROT_READ), EINVAL));
    expect("madvise is accepted", madvise(p, PAGE, MADV_DONTNEED) == 0);
}

static void test_places(void)
{
    long at = map(0, 4 * PAGE, READ_WRITE, ANONYMOUS);
    unsigned long middle = (unsigned long)at + PAGE;

    expect("memory comes where there is room", at > 0);
    memset((void *)at, 'x', 4 * PAGE);
    expect("MAP_FIXED replaces what was there", map(middle, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED) ==
                                                    (long)middle && *(char *)middle == 0 &&
                                                    ((char *)middle)[-1] == 'x');
    expect("MAP_FIXED_NOREPLACE does not",
           refused(map(middle, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED_NOREPLACE), EEXIST));
    expect("a hole is punched", munmap((void *)middle, PAGE) == 0 && !can_write((void *)middle) &&
                                    can_write((void *)(middle + PAGE)));
    expect("unmapping nothing is no error", munmap((void *)middle, PAGE) == 0);
    expect("all is unmapped at once", munmap((void *)at, 4 * PAGE) == 0 && !can_write((void *)at));
    expect("mmap refuses the kernel's half",
           refused(map(KERNEL_ADDRESS, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED), EINVAL));
    expect("mmap refuses the first pages",
           refused(map(PAGE, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED), EINVAL));
    expect("mmap refuses what leaves ring 3",
           refused(map(0x7ffffffff000ul - PAGE, 2 * PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED), EINVAL));
    expect("mmap refuses no bytes, and too many",
           refused(map(0, 0, READ_WRITE, ANONYMOUS), EINVAL) &&
               refused(map(0, ~0ul, READ_WRITE, ANONYMOUS), EINVAL) &&
               refused(map(0, 1ul << 40, READ_WRITE, ANONYMOUS), ENOMEM));
    expect("mmap refuses writable code", refused(map(0, PAGE, PROT_WRITE | PROT_EXEC, ANONYMOUS), EACCES));
    expect("mmap refuses unknown flags", refused(map(0, PAGE, READ_WRITE, ANONYMOUS | 0x100), EINVAL));
    expect("munmap refuses the kernel", refused(syscall(SYS_munmap, KERNEL_ADDRESS, PAGE), EINVAL) &&
                                            refused(syscall(SYS_munmap, 0x400001, PAGE), EINVAL) &&
                                            refused(syscall(SYS_munmap, 0x400000, ~0ul), EINVAL));
}

static void test_brk(void)
{
    long end = syscall(SYS_brk, 0);

    expect("brk grows", syscall(SYS_brk, end + 3 * PAGE + 5) == end + 3 * PAGE + 5);
    memset((void *)end, 1, 3 * PAGE + 5);
    expect("brk shrinks", syscall(SYS_brk, end) == end && !can_write((void *)(end + 2 * PAGE)));
    expect("brk stays where it cannot go", syscall(SYS_brk, end - (1l << 30)) == end &&
                                               syscall(SYS_brk, KERNEL_ADDRESS) == end &&
                                               syscall(SYS_brk, end + (1l << 40)) == end);
}

static void test_thread_pointer(void)
{
    unsigned long base = 0;

    expect("FS base is told", syscall(SYS_arch_prctl, ARCH_GET_FS, &base) == 0 && base != 0);
    expect("FS base stays in ring 3", refused(syscall(SYS_arch_prctl, ARCH_SET_FS, KERNEL_ADDRESS), EPERM) &&
                                          refused(syscall(SYS_arch_prctl, ARCH_SET_FS, 1ul << 62), EPERM));
    expect("GS base is not ours", refused(syscall(SYS_arch_prctl, ARCH_SET_GS, base), EINVAL));
    expect("FS base is not told to the kernel",
           refused(syscall(SYS_arch_prctl, ARCH_GET_FS, KERNEL_ADDRESS), EFAULT));
    expect("a thread has a number", syscall(SYS_set_tid_address, &base) == getpid());
}

void test_memory(void)
{
    char *p = mmap(NULL, PAGE, READ_WRITE, ANONYMOUS, -1, 0);

    test_protection(p);
    test_places();
    test_brk();
    test_thread_pointer();
    munmap(p, PAGE);
}
