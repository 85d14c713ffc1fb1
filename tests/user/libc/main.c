/* SPDX-License-Identifier: MIT */
/* tests/user/libc/main.c - an ordinary static C program in the shell's place: its C library starts
 * and works on root's system calls, and each of them is tried with good and with bad arguments. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "facts.h"

static unsigned passed, failed;

void expect(const char *fact, bool holds)
{
    if (holds) {
        passed++;
        printf("PASS %s\n", fact);
    } else {
        failed++;
        printf("FAIL %s (errno %d: %s)\n", fact, errno, strerror(errno));
    }
    errno = 0;
}

bool refused(long result, int error)
{
    return result == -1 && errno == error;
}

static bool arguments_are_there(int argc, char **argv)
{
    return argc == 1 && strcmp(argv[0], "shell") == 0 && argv[1] == NULL && environ[0] == NULL;
}

static bool floats_are_printed(void)
{
    char text[32];

    snprintf(text, sizeof(text), "%.3f %Lg", 1.0 / 3, (long double)1e300);
    return strcmp(text, "0.333 1e+300") == 0;
}

static bool heap_works(void)
{
    enum { BLOCKS = 500 };
    static unsigned char *blocks[BLOCKS];
    void *volatile too_much; /* else compilers take it that there is always memory */

    for (unsigned i = 0; i < BLOCKS; i++) {
        size_t size = 1 + (size_t)i * i;

        blocks[i] = malloc(size);
        if (blocks[i] == NULL)
            return false;
        memset(blocks[i], (int)i, size);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (blocks[i][(size_t)i * i] != (unsigned char)i)
            return false;
        free(blocks[i]);
    }
    too_much = malloc((size_t)1 << 40);
    return too_much == NULL && errno == ENOMEM;
}

static bool clocks_agree(void)
{
    struct timespec wall, first, second, pause = {0, 20000000};

    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &first);
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &second);
    return wall.tv_sec > 1700000000 && time(NULL) - wall.tv_sec < 60 &&
           (second.tv_sec - first.tv_sec) * 1000000000 + second.tv_nsec - first.tv_nsec >= 20000000;
}

static void test_library(int argc, char **argv)
{
    const unsigned long *random = (const unsigned long *)getauxval(AT_RANDOM);

    expect("the arguments are on the stack", arguments_are_there(argc, argv));
    expect("the auxiliary vector has 16 random bytes", random != NULL && random[0] != random[1]);
    expect("floating point is printed", floats_are_printed());
    expect("the heap gives and takes", heap_works());
    expect("the wall clock knows the year", clocks_agree());
    expect("an unknown system call is refused", refused(syscall(335), ENOSYS) &&
                                                    refused(syscall(-1), ENOSYS) &&
                                                    refused(syscall(SYS_fork), ENOSYS));
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_library(argc, argv);
    test_memory();
    test_files();
    test_sockets();
    test_processes();
    test_nonsense();
    printf("%s all %u facts hold\n", failed == 0 ? "PASS" : "FAIL not", passed);
    reboot(RB_POWER_OFF);
    return 1;
}
