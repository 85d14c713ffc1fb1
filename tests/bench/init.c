/* SPDX-License-Identifier: MIT */
/* init.c - the first program of a Linux that is measured (docs/testing.md):
 *
 * "/init" as process 1 marks that it runs, and gives a shell; with "bench.end" on the kernel's
 * command line it says how the kernel guards against its processor, and powers off.
 *
 * "/init reads DISK N" reads DISK from its begin, N times a MiB, past the page cache, to memory in
 * one piece (a huge page, of vm.nr_hugepages). Once before, so that everything is in place, and
 * then between marks. "/init scattered DISK N": the same to single pages, which lie anywhere. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#define MIB      1048576u
#define HUGE     (2 * MIB) /* of a page */
#define ATTEMPTS 300u
#define PAUSE_US 100000u
#define END      "grep . /sys/devices/system/cpu/vulnerabilities/*; busybox poweroff -f"

enum { LINE_BYTES = 2048 };

void mark_init(void);
void mark_reads_begin(void);
void mark_reads_end(void);
void mark_scattered_begin(void);
void mark_scattered_end(void);

/* How a MiB is read, and the marks around that. */
struct how {
    const char *name;
    int kind; /* of memory */
    void (*begin)(void);
    void (*end)(void);
};

static const struct how hows[] = {
    {"reads", MAP_HUGETLB, mark_reads_begin, mark_reads_end},
    {"scattered", 0, mark_scattered_begin, mark_scattered_end},
};

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static bool ends_at_once(void)
{
    char line[LINE_BYTES] = "";
    FILE *f = fopen("/proc/cmdline", "r");

    if (f == NULL)
        return false;
    (void)fread(line, 1, sizeof(line) - 1, f);
    fclose(f);
    return strstr(line, "bench.end") != NULL;
}

static int begin(void)
{
    static char path[] = "PATH=/bin:/sbin";
    char *const environment[] = {path, NULL};

    if (mount("dev", "/dev", "devtmpfs", 0, "") != 0 ||
        mount("proc", "/proc", "proc", 0, "") != 0 || mount("sys", "/sys", "sysfs", 0, "") != 0)
        return fail("init: mount");
    if (ends_at_once())
        execle("/bin/sh", "sh", "-c", END, (char *)NULL, environment);
    execle("/bin/sh", "sh", (char *)NULL, environment);
    return fail("init: /bin/sh");
}

/* The disk appears when its driver has found it. */
static int open_disk(const char *path)
{
    int disk = -1;

    for (unsigned i = 0; i < ATTEMPTS && disk < 0; i++) {
        disk = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
        if (disk < 0)
            usleep(PAUSE_US);
    }
    return disk;
}

static bool read_all(int disk, void *buffer, unsigned count)
{
    if (lseek(disk, 0, SEEK_SET) != 0)
        return false;
    for (unsigned i = 0; i < count; i++)
        if (read(disk, buffer, MIB) != MIB)
            return false;
    return true;
}

/* A MiB that is there. NULL: no huge page is left, or no memory. */
static uint8_t *buffer_map(int kind)
{
    uint8_t *buffer = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | kind, -1, 0);

    return buffer != MAP_FAILED ? buffer : NULL;
}

static int reads(const struct how *how, const char *path, unsigned count)
{
    int disk = open_disk(path);
    uint8_t *buffer = buffer_map(how->kind);
    bool done;

    if (disk < 0)
        return fail(path);
    if (buffer == NULL || !read_all(disk, buffer, count))
        return fail(how->name);
    how->begin();
    done = read_all(disk, buffer, count);
    how->end();
    return done ? 0 : fail(how->name);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 4 && i < sizeof(hows) / sizeof(hows[0]); i++)
        if (strcmp(argv[1], hows[i].name) == 0)
            return reads(&hows[i], argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    if (getpid() != 1) {
        fputs("usage: init reads|scattered DISK COUNT\n", stderr);
        return 2;
    }
    mark_init();
    return begin();
}
