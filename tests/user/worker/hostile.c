/* SPDX-License-Identifier: MIT */
/* tests/user/worker/hostile.c - see hostile.h. */
#include "hostile.h"

#include <rootabi/errno.h>
#include <rootabi/partition.h>
#include <rootabi/syscall.h>
#include <rootabi/vm.h>
#include <rt/mem.h>
#include "lib/print.h"
#include "lib/system.h"
#include "worker.h"

enum { NOISE = 2000, SYSTEM_PROCESS = 1, PROCESSES = 16 };

static unsigned tried, wrong;

static void expect(const char *what, int64_t result, int64_t wanted)
{
    tried++;
    if (result == wanted)
        return;
    wrong++;
    print("FAIL hostile: %s: %d, not %d\n", what, (int)result, (int)wanted);
}

static void partition(const char *what, uint32_t command, void *argument, int64_t wanted)
{
    expect(what, ioctl(PARTITION_FD, command, argument), wanted);
}

/* ---- the partition's calls ---- */

static void registers(void)
{
    static const struct {
        struct partition_registers a;
        int64_t result;
    } cases[] = {
        {{.vp = 1, .count = 1}, -EINVAL},
        {{.vp = UINT32_MAX, .count = 1}, -EINVAL},
        {{.count = 0}, -EINVAL},
        {{.count = PARTITION_REGISTERS_MAX + 1}, -EINVAL},
        {{.count = UINT32_MAX}, -EINVAL},
        {{.count = 1, .registers[0].name = HvRegisterExplicitSuspend}, -EACCES},
        {{.count = 1, .registers[0].name = HvRegisterInterceptSuspend}, -EACCES},
        {{.count = 1, .registers[0].name = UINT32_MAX}, -EINVAL},
        {{.count = 2, .registers[0].name = HvX64RegisterRax, .registers[1].name = 0x12345678},
         -EINVAL},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct partition_registers a = cases[i].a;

        partition("REGISTERS_SET", PARTITION_IOCTL_REGISTERS_SET, &a, cases[i].result);
        a = cases[i].a;
        partition("REGISTERS_GET", PARTITION_IOCTL_REGISTERS_GET, &a, cases[i].result);
    }
}

static void ranges(void)
{
    struct partition_ports ports[] = {{0, 0}, {0, 0x10001}, {0xffff, 2}, {UINT32_MAX, 2}};
    struct partition_translate translate[] = {{.vp = 1}, {.access = 0x20}, {.reserved = 1}};
    struct partition_interrupt interrupt[] = {{.vector = 256},
                                              {.vector = 0x40, .logical = 2},
                                              {.vector = 0x40, .level = 2},
                                              {.vector = 0x40, .type = 77}};
    struct partition_end end[] = {{.end = VM_END_NONE}, {.end = VM_END_STOPPED}, {.end = 1000}};

    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        partition("PORTS", PARTITION_IOCTL_PORTS, &ports[i], -EINVAL);
    for (unsigned i = 0; i < sizeof(translate) / sizeof(translate[0]); i++)
        partition("TRANSLATE", PARTITION_IOCTL_TRANSLATE, &translate[i], -EINVAL);
    for (unsigned i = 0; i < sizeof(interrupt) / sizeof(interrupt[0]); i++)
        partition("INTERRUPT", PARTITION_IOCTL_INTERRUPT, &interrupt[i], -EINVAL);
    for (unsigned i = 0; i < sizeof(end) / sizeof(end[0]); i++)
        partition("END", PARTITION_IOCTL_END, &end[i], -EINVAL);
}

static void answers(void)
{
    struct partition_next next[] = {
        {.answered_vp = 0, .wake_fd = -1},
        {.answered_vp = 1, .wake_fd = -1},
        {.answered_vp = PARTITION_NO_VP - 1, .wake_fd = -1},
        {.answered_vp = 0, .flags = 4, .wake_fd = -1},
    };
    struct partition_next wake = {.answered_vp = PARTITION_NO_VP, .wake_fd = 1000};

    for (unsigned i = 0; i < sizeof(next) / sizeof(next[0]); i++)
        partition("NEXT", PARTITION_IOCTL_NEXT, &next[i], -EINVAL);
    partition("NEXT", PARTITION_IOCTL_NEXT, &wake, -EBADF);
}

static void addresses(void)
{
    static const uint64_t bad[] = {0, 0x1000, 0x7ffffffff000ull, UINT64_MAX - 8,
                                   0xffff800000000000ull};
    static const uint32_t commands[] = {
        PARTITION_IOCTL_INFO,          PARTITION_IOCTL_PORTS,     PARTITION_IOCTL_REGISTERS_GET,
        PARTITION_IOCTL_REGISTERS_SET, PARTITION_IOCTL_TRANSLATE, PARTITION_IOCTL_INTERRUPT,
        PARTITION_IOCTL_NEXT,          PARTITION_IOCTL_END,
    };

    for (unsigned c = 0; c < sizeof(commands) / sizeof(commands[0]); c++)
        for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            expect("a bad address",
                   system_call(SYSCALL_IOCTL, PARTITION_FD, commands[c], bad[i], 0, 0), -EFAULT);
    expect("an unknown call", ioctl(PARTITION_FD, IOCTL_PLAIN('p', 99), NULL), -ENOTTY);
}

/* ---- its memory ---- */

static void map(uint64_t size, uint32_t protection, uint32_t flags, uint64_t offset, int64_t wanted)
{
    expect("mmap", system_call6(SYSCALL_MMAP, 0, size, protection, flags, PARTITION_FD, offset),
           wanted);
}

static void mappings(void)
{
    const uint64_t ram = WORKER_MIB * 1024 * 1024ull, pages = PARTITION_MAP_INTERCEPT;

    map(ram + PARTITION_PAGE, MMAP_PROT_READ, MMAP_SHARED, 0, -ENXIO);
    map(PARTITION_PAGE, MMAP_PROT_READ, MMAP_SHARED, ram, -ENXIO);
    map(PARTITION_PAGE, MMAP_PROT_READ, MMAP_SHARED, PARTITION_HIGH_GPA, -ENXIO);
    map(1ull << 46, MMAP_PROT_READ, MMAP_SHARED, 0, -ENXIO);
    map(PARTITION_PAGE, MMAP_PROT_READ | MMAP_PROT_WRITE, MMAP_SHARED, pages, -EACCES);
    map(2 * PARTITION_PAGE, MMAP_PROT_READ, MMAP_SHARED, pages, -ENXIO);
    map(PARTITION_PAGE, MMAP_PROT_READ, MMAP_SHARED, pages + PARTITION_PAGE, -ENXIO);
    map(PARTITION_PAGE, MMAP_PROT_READ, MMAP_SHARED, pages - PARTITION_PAGE, -ENXIO);
    map(PARTITION_PAGE, MMAP_PROT_READ, MMAP_PRIVATE, 0, -EINVAL);
    map(PARTITION_PAGE, MMAP_PROT_READ, MMAP_SHARED, 1, -EINVAL);
}

/* ---- what is not a worker's ---- */

static void elsewhere(void)
{
    static const char *const paths[] = {"/dev/vm", "/dev/root", "/dev/disk", "/dev/net", "/dev/console"};
    char character;

    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        expect(paths[i], open(paths[i], OPEN_READ_WRITE), -EACCES);
    expect("reading the console", read(0, &character, 1), -EBADF);
    for (uint64_t id = SYSTEM_PROCESS; id < PROCESSES; id++)
        if ((int64_t)id != system_call(SYSCALL_GETPID, 0, 0, 0, 0, 0))
            expect("kill", system_call(SYSCALL_KILL, id, SIGNAL_KILL, 0, 0, 0), -EPERM);
    expect("reboot",
           system_call(SYSCALL_REBOOT, REBOOT_MAGIC_1, REBOOT_MAGIC_2, REBOOT_POWER_OFF, 0, 0),
           -EPERM);
}

/* ---- noise ---- */

static uint64_t state = 1;

static uint64_t noise(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* Neither a wait without end, nor the end. */
static void make_noise(void)
{
    static const uint32_t commands[] = {
        PARTITION_IOCTL_PORTS,     PARTITION_IOCTL_REGISTERS_GET, PARTITION_IOCTL_REGISTERS_SET,
        PARTITION_IOCTL_TRANSLATE, PARTITION_IOCTL_INTERRUPT,     PARTITION_IOCTL_NEXT,
        PARTITION_IOCTL_PAUSE,     PARTITION_IOCTL_RESUME,
    };
    static union {
        uint64_t words[sizeof(struct partition_registers) / sizeof(uint64_t)];
        struct partition_registers registers;
        struct partition_next next;
    } a;

    for (unsigned i = 0; i < NOISE; i++) {
        uint32_t command = commands[noise() % (sizeof(commands) / sizeof(commands[0]))];

        for (unsigned w = 0; w < sizeof(a.words) / sizeof(a.words[0]); w++)
            a.words[w] = noise() >> noise() % 64;
        if (command == PARTITION_IOCTL_NEXT)
            a.next.timeout_ns = 0;
        if (i % 2 != 0 && command != PARTITION_IOCTL_NEXT) { /* something that passes the checks */
            a.registers.vp = 0;
            a.registers.count = 1;
        }
        (void)ioctl(PARTITION_FD, command, &a);
    }
    tried += NOISE;
}

int hostile(void)
{
    struct partition_end end = {
        .end = VM_END_EXIT, .status = HOSTILE_STATUS, .reason = "harm\nwas \x1b[31mdone"};

    registers();
    ranges();
    answers();
    addresses();
    mappings();
    elsewhere();
    make_noise();
    print("%s hostile: %u of %u calls did what they should not\n", wrong == 0 ? "PASS" : "FAIL",
          wrong, tried);
    partition("END", PARTITION_IOCTL_END, &end, 0);
    return 0;
}
