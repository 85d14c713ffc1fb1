/* SPDX-License-Identifier: MIT */
/* tests/user/libc/sockets.c - a pair of sockets within the program; to another one: processes.c. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include "facts.h"

static short ready(int fd, short events)
{
    struct pollfd p = {fd, events, 0};

    return poll(&p, 1, 0) >= 0 ? p.revents : POLLNVAL;
}

static void test_messages(int a, int b)
{
    char text[16] = "";
    struct iovec v = {text, 2};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

    expect("messages arrive one by one", send(a, "one", 3, 0) == 3 && send(a, "three", 5, MSG_NOSIGNAL) == 5 &&
                                             recv(b, text, 16, 0) == 3 && recv(b, text, 16, 0) == 5 &&
                                             memcmp(text, "three", 5) == 0);
    expect("what is too long is cut", write(b, "abc", 3) == 3 && recvmsg(a, &m, 0) == 2 &&
                                          m.msg_flags == MSG_TRUNC && ready(a, POLLIN) == 0);
    expect("nothing to read is said at once", refused(recv(a, text, 16, MSG_DONTWAIT), EAGAIN));
    expect("unknown flags are refused", refused(send(a, text, 1, MSG_OOB), EOPNOTSUPP));
    expect("messages come from ring 3", refused(syscall(SYS_sendto, a, KERNEL_ADDRESS, 1, 0, 0, 0), EFAULT) &&
                                            refused(syscall(SYS_sendto, a, UNMAPPED_ADDRESS, 1, 0, 0, 0), EFAULT) &&
                                            refused(syscall(SYS_sendmsg, a, KERNEL_ADDRESS, 0), EFAULT));
    expect("messages have a limit", refused(syscall(SYS_sendto, a, text, 40000, 0, 0, 0), EMSGSIZE));
    expect("messages go to ring 3", send(a, "x", 1, 0) == 1 &&
                                        refused(syscall(SYS_recvfrom, b, KERNEL_ADDRESS, 1, 0, 0, 0), EFAULT) &&
                                        refused(syscall(SYS_read, b, UNMAPPED_ADDRESS, 1), EFAULT) &&
                                        refused(recv(b, text, 1, MSG_DONTWAIT), EAGAIN));
}

static void test_flow(int a, int b)
{
    unsigned sent = 0, received = 0;
    char text[1000] = "";

    while (send(a, text, sizeof(text), MSG_DONTWAIT) == sizeof(text))
        sent++;
    expect("an inbox fills", sent > 10 && errno == EAGAIN && ready(a, POLLOUT) == 0);
    while (recv(b, text, sizeof(text), MSG_DONTWAIT) == sizeof(text))
        received++;
    expect("nothing is lost", received == sent && ready(a, POLLOUT) == POLLOUT);
}

static void test_end(int a, int b)
{
    char text[16];

    expect("an end closes", send(a, "last", 4, 0) == 4 && close(a) == 0);
    expect("its peer is told", ready(b, POLLIN) == (POLLIN | POLLHUP) && recv(b, text, 16, 0) == 4 &&
                                   recv(b, text, 16, 0) == 0 && refused(send(b, "x", 1, 0), EPIPE));
    close(b);
}

static void test_arguments(void)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/path"};
    int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fds[2];

    expect("other sockets are refused", refused(socket(AF_INET, SOCK_SEQPACKET, 0), EAFNOSUPPORT) &&
                                            refused(socket(AF_UNIX, SOCK_STREAM, 0), ESOCKTNOSUPPORT) &&
                                            refused(socket(AF_UNIX, SOCK_SEQPACKET, 9), EPROTONOSUPPORT));
    expect("names are abstract", refused(bind(s, (void *)&path, sizeof(path)), EINVAL));
    expect("names are in ring 3", refused(syscall(SYS_bind, s, KERNEL_ADDRESS, 16), EFAULT) &&
                                      refused(syscall(SYS_connect, s, UNMAPPED_ADDRESS, 16), EFAULT) &&
                                      refused(syscall(SYS_connect, s, &path, ~0ul), EINVAL));
    expect("a socket without peer sends nothing", refused(send(s, "x", 1, 0), ENOTCONN) &&
                                                      refused(listen(s, 1), EINVAL) &&
                                                      refused(accept(s, NULL, NULL), EINVAL));
    expect("the console is no socket", refused(send(1, "x", 1, 0), ENOTSOCK) && refused(send(100, "x", 1, 0), EBADF));
    expect("a pair's numbers come to ring 3",
           refused(syscall(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET, 0, KERNEL_ADDRESS), EFAULT) &&
               socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0 && fds[0] == s + 1 && fds[1] == s + 2);
    close(fds[0]);
    close(fds[1]);
    close(s);
}

void test_sockets(void)
{
    int fds[2] = {-1, -1};

    test_arguments();
    expect("a pair is made", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    test_messages(fds[0], fds[1]);
    test_flow(fds[0], fds[1]);
    test_end(fds[0], fds[1]);
}
