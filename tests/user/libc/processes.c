/* SPDX-License-Identifier: MIT */
/* tests/user/libc/processes.c - another process: talked to over a named socket, killed wherever it is,
 * started anew by root a second later. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <rootabi/root.h>
#include "facts.h"
#include "peer.h"

enum { TRIES = 400, TRY_MS = 25, ANSWER_MS = 10000, CYCLES = 3 };

/* A connection to the peer, as soon as it listens; -1: it never did. */
static int reach(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + sizeof(PEER_NAME) - 1;
    int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    memcpy(name.sun_path, PEER_NAME, sizeof(PEER_NAME) - 1);
    for (unsigned i = 0; i < TRIES; i++) {
        if (connect(s, (void *)&name, length) == 0)
            return s;
        poll(NULL, 0, TRY_MS);
    }
    close(s);
    return -1;
}

/* Give it an order; its process ID, 0: no answer. */
static pid_t order(int s, char what)
{
    struct pollfd p = {s, POLLIN, 0};
    pid_t pid = 0;

    if (send(s, &what, 1, 0) != 1 || poll(&p, 1, ANSWER_MS) != 1 || recv(s, &pid, sizeof(pid), 0) != sizeof(pid))
        return 0;
    return pid;
}

/* Whether the connection ends in time. */
static bool ends(int s)
{
    struct pollfd p = {s, POLLIN, 0};
    char c;
    bool ended = poll(&p, 1, ANSWER_MS) == 1 && (p.revents & POLLHUP) != 0 && recv(s, &c, 1, 0) == 0;

    close(s);
    return ended;
}

static bool dies(char state)
{
    int s = reach();
    pid_t pid = order(s, state);

    poll(NULL, 0, TRY_MS); /* until it has gone to sleep, or spins */
    return pid != 0 && kill(pid, SIGKILL) == 0 && ends(s) && refused(kill(pid, SIGKILL), ESRCH);
}

static bool ends_itself(char how)
{
    int s = reach();

    return order(s, how) != 0 && ends(s);
}

static unsigned long free_memory(void)
{
    struct root_info i = {0};
    int fd = open("/dev/root", O_RDWR);

    ioctl(fd, (int)ROOT_IOCTL_INFO, &i);
    close(fd);
    return i.memory_free;
}

static void test_leaks(void)
{
    unsigned long before = free_memory();
    bool all = true;

    for (unsigned i = 0; i < CYCLES; i++)
        all = dies(i % 2 == 0 ? PEER_SLEEP : PEER_SPIN) && all;
    close(reach()); /* it runs again */
    expect("it dies and comes again and again", all);
    expect("dead processes leave nothing behind", free_memory() == before);
}

static void test_signals(void)
{
    struct sigaction a = {.sa_handler = SIG_IGN}, old = {.sa_handler = SIG_ERR};
    sigset_t set, before;

    sigfillset(&set);
    expect("signal handlers are accepted", sigaction(SIGPIPE, &a, &old) == 0 && old.sa_handler == SIG_DFL);
    expect("signal masks are accepted", sigprocmask(SIG_BLOCK, &set, &before) == 0 && !sigismember(&before, SIGINT));
    expect("no other signal is sent", refused(kill(getpid(), SIGTERM), EINVAL));
    expect("nobody has that number", refused(kill(1 << 30, SIGKILL), ESRCH) && refused(kill(-1, SIGKILL), ESRCH));
    expect("signals keep out of the kernel",
           refused(syscall(SYS_rt_sigaction, SIGINT, KERNEL_ADDRESS, 0, 8), EFAULT) &&
               refused(syscall(SYS_rt_sigprocmask, 0, 0, KERNEL_ADDRESS, 8), EFAULT));
}

void test_processes(void)
{
    int first = reach(), second = reach();

    test_signals();
    expect("the peer answers", order(first, PEER_SLEEP) > getpid() - 1000);
    expect("a backlog is limited", refused(connect(first, NULL, 0), EINVAL) && second >= 0);
    close(first);
    expect("the peer takes the next one", order(second, PEER_SLEEP) != 0);
    close(second);
    expect("it is killed where it sleeps", dies(PEER_SLEEP));
    expect("it is killed where it spins", dies(PEER_SPIN));
    expect("it exits", ends_itself(PEER_EXIT));
    expect("it crashes", ends_itself(PEER_CRASH));
    close(reach());
    test_leaks();
}
