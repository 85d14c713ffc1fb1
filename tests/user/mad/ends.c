/* SPDX-License-Identifier: MIT */
/* tests/user/mad/ends.c - the last thing that a mad worker does. */
#include "mad.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <rootabi/partition.h>
#include <rootabi/vm.h>
#include "lib/device.h"

#define KERNEL_ADDRESS 0xffff800000100000ul
#define USER_BEGIN     0x10000ul
#define USER_TOP       0x7ffffffff000ul
#define PIECE          0x100000ul

enum { STATUS = 3, NOBODYS_STATUS = 99, ARCH_SET_FS = 0x1002 };

static void end_exit(void)
{
    exit(STATUS); /* NOLINT(concurrency-mt-unsafe): there is one thread */
}

static void end_kill(void)
{
    kill(getpid(), SIGKILL);
}

static void end_fault(void)
{
    *(volatile uint64_t *)KERNEL_ADDRESS = 0;
}

static void end_jump(void)
{
    void (*nowhere)(void);
    unsigned long address = KERNEL_ADDRESS;

    memcpy(&nowhere, &address, sizeof(nowhere));
    nowhere();
}

/* Its C library finds nothing any more. */
static void end_fs(void)
{
    syscall(SYS_arch_prctl, ARCH_SET_FS, PIECE);
}

/* All that it has. */
static void end_unmap(void)
{
    munmap((void *)USER_BEGIN, USER_TOP - USER_BEGIN);
}

/* Its own code, with memory that has none. */
static void end_cover(void)
{
    for (unsigned long at = USER_BEGIN;; at += PIECE)
        (void)mmap((void *)at, PIECE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void end_spin(void)
{
    for (volatile unsigned long i = 0;; i++)
        ;
}

static void end_sleep(void)
{
    const struct timespec ages = {.tv_sec = 1000000};

    for (;;)
        nanosleep(&ages, NULL);
}

/* Waits for what its child, which is stopped, never does. */
static void end_next(void)
{
    struct partition_next a = {
        .answered_vp = PARTITION_NO_VP, .timeout_ns = PARTITION_TIMEOUT_NONE, .wake_fd = -1};

    device_ioctl(PARTITION_FD, PARTITION_IOCTL_PAUSE, NULL);
    while (device_ioctl(PARTITION_FD, PARTITION_IOCTL_NEXT, &a) == 0)
        if (a.event == PARTITION_EVENT_ENDED)
            return;
}

/* Ends its child with a strange reason, and does not go. */
static void end_end(void)
{
    struct partition_end a = {.end = VM_END_CRASH, .status = 1};

    memcpy(a.reason, "mad\n\x1b[31m", sizeof("mad\n\x1b[31m"));
    device_ioctl(PARTITION_FD, PARTITION_IOCTL_END, &a);
    end_spin();
}

static void end_close(void)
{
    for (int fd = 0; fd <= PARTITION_CONTROL_FD; fd++)
        close(fd);
    end_exit();
}

static const struct {
    const char *name;
    void (*end)(void);
} ends[] = {
    {"exit", end_exit},   {"fs", end_fs},       {"kill", end_kill},   {"fault", end_fault},
    {"jump", end_jump},   {"unmap", end_unmap}, {"cover", end_cover}, {"spin", end_spin},
    {"sleep", end_sleep}, {"next", end_next},   {"end", end_end},     {"close", end_close},
    {"wild", end_spin},   {"loud", end_exit},
};

_Noreturn void mad_end(const char *name)
{
    for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (strcmp(ends[i].name, name) == 0)
            ends[i].end();
    dprintf(STDOUT_FILENO, "FAIL mad: %s is no end\n", name);
    exit(NOBODYS_STATUS); /* NOLINT(concurrency-mt-unsafe): there is one thread */
}
