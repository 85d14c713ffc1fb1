/* SPDX-License-Identifier: MIT */
/* tests/user/libc/files.c - opening, reading, writing, mapping, listing and waiting for files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "facts.h"

#define MODULE "/boot/shell.elf"

enum { PAGE = 4096 };

static void test_opening(void)
{
    char longest[5000];

    memset(longest, 'a', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    expect("what is not there does not open", refused(open("/etc/passwd", O_RDONLY), ENOENT) &&
                                                  refused(open("", O_RDONLY), ENOENT) &&
                                                  refused(open(longest, O_RDONLY), ENOENT));
    expect("a path is read from ring 3 only",
           refused(syscall(SYS_open, KERNEL_ADDRESS, 0), EFAULT) &&
               syscall(SYS_openat, AT_FDCWD, UNMAPPED_ADDRESS, 0) == -1);
    expect("boot modules are read-only", refused(open(MODULE, O_RDWR), EROFS));
    expect("a file is no folder", refused(open(MODULE, O_RDONLY | O_DIRECTORY), ENOTDIR));
    expect("what is closed is closed", refused(close(100), EBADF) && refused(close(-1), EBADF) &&
                                           refused(read(100, longest, 1), EBADF));
}

static bool folder_has(const char *name)
{
    DIR *d = opendir("/boot");
    const struct dirent *e;
    bool has = false;

    while (d != NULL && (e = readdir(d)) != NULL)
        has = has || strcmp(e->d_name, name) == 0;
    if (d != NULL)
        closedir(d);
    return has;
}

static void test_boot(void)
{
    FILE *f = fopen(MODULE, "r");
    char read_bytes[64], *mapped;
    struct stat s = {0};
    int fd = open(MODULE, O_RDONLY);
    off_t size;

    expect("/boot is listed", folder_has("shell.elf") && folder_has("vmms.elf"));
    expect("a module has a size", fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_size > PAGE);
    size = s.st_size;
    expect("a module is found by its path", stat(MODULE, &s) == 0 && lstat("/boot", &s) == 0 &&
                                                S_ISDIR(s.st_mode) && refused(stat("/boot/no", &s), ENOENT));
    expect("a module is read", f != NULL && fread(read_bytes, 1, sizeof(read_bytes), f) == 64 &&
                                   memcmp(read_bytes, "\177ELF", 4) == 0);
    fclose(f);
    mapped = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    expect("a module is mapped", mapped != MAP_FAILED && memcmp(mapped, read_bytes, 64) == 0);
    expect("what is mapped is not written", refused(mprotect(mapped, PAGE, PROT_READ | PROT_WRITE), EACCES) &&
                                                refused(read(fd, mapped, 1), EFAULT));
    expect("it is mapped read-only",
           mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES &&
               mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 1l << 40) == MAP_FAILED && errno == EINVAL);
    expect("one seeks in it", lseek(fd, -1, SEEK_END) == size - 1 &&
                                  read(fd, read_bytes, 9) == 1 && read(fd, read_bytes, 9) == 0 &&
                                  refused(lseek(fd, -1, SEEK_SET), EINVAL) && refused(lseek(1, 0, SEEK_SET), ESPIPE));
    expect("stat keeps out of the kernel", refused(syscall(SYS_fstat, fd, KERNEL_ADDRESS), EFAULT) &&
                                               refused(syscall(SYS_getdents64, fd, read_bytes, 64), ENOTDIR));
    munmap(mapped, PAGE);
    close(fd);
}

static void test_pieces(void)
{
    char text[] = "written in pieces\n";
    struct iovec good[] = {{text, 8}, {text, 0}, {text + 8, sizeof(text) - 9}};
    struct iovec bad[] = {{text, 1}, {(void *)KERNEL_ADDRESS, 1}}, endless[] = {{text, ~0ul}};

    expect("pieces are written", writev(1, good, 3) == sizeof(text) - 1);
    expect("bad pieces are not", refused(writev(1, bad, 2), EFAULT) && refused(writev(1, endless, 1), EFAULT) &&
                                     refused(syscall(SYS_writev, 1, KERNEL_ADDRESS, 1), EFAULT) &&
                                     refused(syscall(SYS_writev, 1, good, 1025), EINVAL));
    expect("a buffer is in ring 3", refused(syscall(SYS_write, 1, KERNEL_ADDRESS, 1), EFAULT) &&
                                        refused(syscall(SYS_write, 1, UNMAPPED_ADDRESS, 1), EFAULT) &&
                                        refused(syscall(SYS_write, 1, text, ~0ul), EFAULT));
    expect("the console has no size", refused(ioctl(1, TIOCGWINSZ, good), ENOTTY) &&
                                          refused(ioctl(100, TIOCGWINSZ, good), EBADF));
}

static long elapsed_ms(const struct timespec *since)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

static void test_poll(void)
{
    struct pollfd p[] = {{0, POLLIN, 0}, {1, POLLOUT, 0}, {100, POLLIN, 0}, {-1, POLLIN, 0}};
    struct timespec begin;
    int console = open("/dev/console", O_RDONLY | O_NONBLOCK);
    char c;

    expect("poll tells each file", poll(p, 4, -1) == 2 && p[0].revents == 0 && p[1].revents == POLLOUT &&
                                       p[2].revents == POLLNVAL && p[3].revents == 0);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    expect("poll waits for its time", poll(p, 1, 50) == 0 && elapsed_ms(&begin) >= 50);
    expect("poll of nothing is a pause", poll(NULL, 0, 10) == 0);
    expect("poll keeps out of the kernel", refused(syscall(SYS_poll, KERNEL_ADDRESS, 1, 0), EFAULT) &&
                                               refused(syscall(SYS_poll, p, ~0ul, 0), EINVAL));
    expect("nothing has been typed", refused(read(console, &c, 1), EAGAIN));
    close(console);
}

void test_files(void)
{
    test_opening();
    test_boot();
    test_pieces();
    test_poll();
}
