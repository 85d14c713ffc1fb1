/* SPDX-License-Identifier: MIT */
/* tests/unit/test_root_socket.c - sockets of ring-3 programs: names, connections, messages, and what
 * is left when an end is gone. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "mm/memory.h"
#include "mm/user_copy.h"
#include "proc/socket.h"
#include "syscall_fixture.h"

#define KIND SOCKET_SEQPACKET

static uint64_t page; /* of the test's process: a name or a message, and behind it room to receive */
enum { NAME = 0, OUT = 256, IN = 1024, FDS = 2048 };

static int begin(void **state)
{
    (void)syscall_begin(state);
    page = scratch();
    return 0;
}

static int64_t new_socket(uint64_t flags)
{
    return call(SYSCALL_SOCKET, SOCKET_UNIX, KIND | flags, 0);
}

static void new_pair(uint64_t flags, uint64_t fds[2])
{
    int32_t numbers[2];

    assert_int_equal(
        fake_syscall(SYSCALL_SOCKETPAIR, SOCKET_UNIX, KIND | flags, 0, page + FDS, 0, 0), 0);
    assert_true(copy_from_user(numbers, page + FDS, sizeof(numbers)));
    fds[0] = (uint64_t)numbers[0];
    fds[1] = (uint64_t)numbers[1];
}

/* bind or connect by an abstract name. */
static int64_t by_name(uint64_t number, int64_t fd, const char *name)
{
    struct root_sockaddr a = {.family = SOCKET_UNIX};

    memcpy(a.name + 1, name, strlen(name));
    assert_true(copy_to_user(page + NAME, &a, sizeof(a)));
    return call(number, (uint64_t)fd, page + NAME, 3 + strlen(name));
}

static int64_t send_text(uint64_t fd, const char *text, uint64_t flags)
{
    assert_true(copy_to_user(page + OUT, text, strlen(text) + 1));
    return fake_syscall(SYSCALL_SENDTO, fd, page + OUT, strlen(text), flags, 0, 0);
}

/* What one recvfrom of @size bytes gives, as text. */
static int64_t receive_text(uint64_t fd, char text[64], uint64_t size, uint64_t flags)
{
    int64_t n = fake_syscall(SYSCALL_RECVFROM, fd, page + IN, size, flags, 0, 0);

    text[0] = '\0';
    if (n > 0) {
        assert_true(n < 64);
        assert_true(copy_from_user(text, page + IN, (size_t)n));
        text[n] = '\0';
    }
    return n;
}

static int16_t ready(uint64_t fd, int16_t events)
{
    struct root_pollfd p = {(int32_t)fd, events, 0};

    assert_true(copy_to_user(page + FDS, &p, sizeof(p)));
    assert_true(call(SYSCALL_POLL, page + FDS, 1, 0) >= 0);
    assert_true(copy_from_user(&p, page + FDS, sizeof(p)));
    return p.revents;
}

/* ---- messages ---- */

static void messages_keep_their_boundaries(void **state)
{
    uint64_t fds[2];
    char text[64];

    (void)state;
    new_pair(0, fds);
    assert_int_equal(send_text(fds[0], "one", 0), 3);
    assert_int_equal(send_text(fds[0], "", 0), 0);
    assert_int_equal(send_text(fds[0], "three", MESSAGE_NOSIGNAL), 5);
    assert_int_equal(send_text(fds[1], "back", 0), 4);
    assert_int_equal(receive_text(fds[1], text, 50, 0), 3);
    assert_string_equal(text, "one");
    assert_int_equal(receive_text(fds[1], text, 50, MESSAGE_DONTWAIT), 0);
    assert_int_equal(receive_text(fds[1], text, 50, 0), 5);
    assert_string_equal(text, "three");
    assert_int_equal(receive_text(fds[0], text, 50, 0), 4);
    assert_int_equal(fake_process.sleeps, 0);
}

static void what_a_buffer_cannot_hold_is_lost_and_said(void **state)
{
    const uint64_t piece[2] = {page + IN, 4};
    struct root_msghdr h = {.vector = page + OUT, .vector_count = 1, .control_length = 9};
    uint64_t fds[2];
    char text[64];

    (void)state;
    new_pair(0, fds);
    assert_int_equal(send_text(fds[0], "abcdef", 0), 6);
    assert_int_equal(send_text(fds[0], "ghi", 0), 3);
    assert_true(copy_to_user(page + OUT, piece, sizeof(piece)));
    assert_true(copy_to_user(page + FDS, &h, sizeof(h)));
    assert_int_equal(call(SYSCALL_RECVMSG, fds[1], page + FDS, 0), 4);
    assert_true(copy_from_user(&h, page + FDS, sizeof(h)));
    assert_int_equal(h.flags, MESSAGE_TRUNC);
    assert_int_equal(h.control_length, 0);
    assert_int_equal(receive_text(fds[1], text, 50, 0), 3);
    assert_string_equal(text, "ghi");
}

static void pieces_become_one_message(void **state)
{
    const uint64_t pieces[4] = {page + IN, 2, page + IN + 8, 3};
    struct root_msghdr h = {.vector = page + OUT, .vector_count = 2};
    uint64_t fds[2];
    char text[64];

    (void)state;
    new_pair(0, fds);
    assert_true(copy_to_user(page + OUT, pieces, sizeof(pieces)));
    assert_true(copy_to_user(page + IN, "ab......cde", 11));
    assert_true(copy_to_user(page + FDS, &h, sizeof(h)));
    assert_int_equal(call(SYSCALL_SENDMSG, fds[0], page + FDS, 0), 5);
    assert_int_equal(call(SYSCALL_WRITEV, fds[0], page + OUT, 2), 5);
    assert_int_equal(receive_text(fds[1], text, 50, 0), 5);
    assert_string_equal(text, "abcde");
    assert_int_equal(call(SYSCALL_READ, fds[1], page + IN, 100), 5);
    h.control_length = 1;
    assert_true(copy_to_user(page + FDS, &h, sizeof(h)));
    assert_int_equal(call(SYSCALL_SENDMSG, fds[0], page + FDS, 0), -EINVAL);
}

static void message_that_is_too_long_is_refused(void **state)
{
    int64_t at = map(0, SOCKET_MESSAGE_MAX + PAGE_SIZE, READ_WRITE, PRIVATE_ANONYMOUS);
    uint64_t fds[2];

    (void)state;
    new_pair(0, fds);
    assert_int_equal(call(SYSCALL_WRITE, fds[0], (uint64_t)at, SOCKET_MESSAGE_MAX + 1), -EMSGSIZE);
    assert_int_equal(fake_syscall(SYSCALL_SENDTO, fds[0], (uint64_t)at, SOCKET_MESSAGE_MAX + 1, 0, 0, 0),
                     -EMSGSIZE);
    assert_int_equal(call(SYSCALL_WRITE, fds[0], (uint64_t)at, SOCKET_MESSAGE_MAX), SOCKET_MESSAGE_MAX);
    assert_int_equal(call(SYSCALL_READ, fds[1], (uint64_t)at, SOCKET_MESSAGE_MAX + 100),
                     SOCKET_MESSAGE_MAX);
}

static uint64_t pair[2]; /* for what the others do */

static void other_sends(void)
{
    assert_int_equal(send_text(pair[0], "late", 0), 4);
}

static void receiver_sleeps_for_a_message(void **state)
{
    char text[64];

    (void)state;
    new_pair(0, pair);
    fake_process.others = other_sends;
    assert_int_equal(receive_text(pair[1], text, 50, 0), 4);
    assert_string_equal(text, "late");
    assert_int_equal(fake_process.sleeps, 1);
    assert_int_equal(receive_text(pair[1], text, 50, MESSAGE_DONTWAIT), -EAGAIN);
    assert_int_equal(receive_text(pair[1], text, 50, 0), -EINTR); /* nobody acts: killed */
}

static void other_receives(void)
{
    char text[64];

    assert_int_equal(receive_text(pair[1], text, 50, 0), 4);
}

static void full_inbox_holds_its_sender(void **state)
{
    unsigned n = 0;

    (void)state;
    new_pair(0, pair);
    while (send_text(pair[0], "full", MESSAGE_DONTWAIT) == 4)
        n++;
    assert_in_range(n, 1000, SOCKET_INBOX_MAX / 4);
    assert_int_equal(send_text(pair[0], "full", MESSAGE_DONTWAIT), -EAGAIN);
    assert_int_equal(ready(pair[0], POLL_OUT), 0);
    fake_process.others = other_receives;
    assert_int_equal(send_text(pair[0], "full", 0), 4);
    assert_int_equal(fake_process.sleeps, 1);
}

static void end_that_does_not_block_never_sleeps(void **state)
{
    char text[64];

    (void)state;
    new_pair(SOCKET_NONBLOCK, pair);
    assert_int_equal(receive_text(pair[1], text, 50, 0), -EAGAIN);
    assert_int_equal(call(SYSCALL_READ, pair[1], page + IN, 10), -EAGAIN);
    while (send_text(pair[0], "full", 0) == 4)
        ;
    assert_int_equal(fake_process.sleeps, 0);
}

static void closed_end_is_read_to_its_end_and_not_written(void **state)
{
    uint64_t fds[2];
    char text[64];

    (void)state;
    new_pair(0, fds);
    assert_int_equal(send_text(fds[0], "last", 0), 4);
    assert_int_equal(send_text(fds[1], "unread", 0), 6);
    assert_int_equal(call(SYSCALL_CLOSE, fds[0], 0, 0), 0);
    assert_int_equal(ready(fds[1], POLL_IN), POLL_IN | POLL_HANGUP);
    assert_int_equal(receive_text(fds[1], text, 50, 0), 4);
    assert_int_equal(receive_text(fds[1], text, 50, 0), 0);
    assert_int_equal(send_text(fds[1], "x", 0), -EPIPE);
    assert_int_equal(ready(fds[1], 0), POLL_HANGUP);
}

static void poll_sees_messages(void **state)
{
    struct root_pollfd p;

    (void)state;
    new_pair(0, pair);
    assert_int_equal(ready(pair[1], POLL_IN | POLL_OUT), POLL_OUT);
    fake_process.others = other_sends;
    p = (struct root_pollfd){(int32_t)pair[1], POLL_IN, 0};
    assert_true(copy_to_user(page + FDS, &p, sizeof(p)));
    assert_int_equal(call(SYSCALL_POLL, page + FDS, 1, UINT32_MAX), 1);
    assert_int_equal(ready(pair[1], POLL_IN), POLL_IN);
}

/* ---- names ---- */

static int64_t listener(const char *name, uint64_t backlog)
{
    int64_t fd = new_socket(0);

    assert_int_equal(by_name(SYSCALL_BIND, fd, name), 0);
    assert_int_equal(call(SYSCALL_LISTEN, (uint64_t)fd, backlog, 0), 0);
    return fd;
}

static void client_reaches_who_listens_by_that_name(void **state)
{
    int64_t server = listener("vmms", 4), client = new_socket(0), end;
    char text[64];

    (void)state;
    assert_int_equal(ready((uint64_t)server, POLL_IN), 0);
    assert_int_equal(by_name(SYSCALL_CONNECT, client, "vmms"), 0);
    assert_int_equal(send_text((uint64_t)client, "before", 0), 6);
    assert_int_equal(ready((uint64_t)server, POLL_IN), POLL_IN);
    end = fake_syscall(SYSCALL_ACCEPT4, (uint64_t)server, 0, 0, SOCKET_CLOEXEC, 0, 0);
    assert_true(end > client);
    assert_int_equal(receive_text((uint64_t)end, text, 50, 0), 6);
    assert_int_equal(send_text((uint64_t)end, "answer", 0), 6);
    assert_int_equal(receive_text((uint64_t)client, text, 50, 0), 6);
    assert_string_equal(text, "answer");
}

static void accept_tells_that_the_peer_has_no_name(void **state)
{
    int64_t server = listener("vmms", 4);
    uint32_t length = 110;
    uint16_t family = 0;

    (void)state;
    assert_int_equal(by_name(SYSCALL_CONNECT, new_socket(0), "vmms"), 0);
    assert_true(copy_to_user(page + FDS, &length, sizeof(length)));
    assert_true(call(SYSCALL_ACCEPT, (uint64_t)server, page + IN, page + FDS) > 0);
    assert_true(copy_from_user(&length, page + FDS, sizeof(length)));
    assert_true(copy_from_user(&family, page + IN, sizeof(family)));
    assert_int_equal(length, 2);
    assert_int_equal(family, SOCKET_UNIX);
    assert_int_equal(by_name(SYSCALL_CONNECT, new_socket(0), "vmms"), 0);
    assert_int_equal(call(SYSCALL_ACCEPT, (uint64_t)server, page + IN, KERNEL_ADDRESS), -EFAULT);
}

static int64_t other_client;

static void other_connects(void)
{
    other_client = new_socket(0);
    assert_int_equal(by_name(SYSCALL_CONNECT, other_client, "vmms"), 0);
}

static void accept_sleeps_for_a_client(void **state)
{
    int64_t server = listener("vmms", 4), end;

    (void)state;
    fake_process.others = other_connects;
    end = call(SYSCALL_ACCEPT, (uint64_t)server, 0, 0);
    assert_true(end > 0);
    assert_int_equal(send_text((uint64_t)other_client, "hello", 0), 5);
    assert_int_equal(ready((uint64_t)end, POLL_IN), POLL_IN);
    assert_int_equal(call(SYSCALL_ACCEPT, (uint64_t)server, 0, 0), -EINTR); /* killed */
}

static void backlog_is_limited(void **state)
{
    int64_t server = listener("vmms", 2);

    (void)state;
    assert_int_equal(by_name(SYSCALL_CONNECT, new_socket(0), "vmms"), 0);
    assert_int_equal(by_name(SYSCALL_CONNECT, new_socket(0), "vmms"), 0);
    assert_int_equal(by_name(SYSCALL_CONNECT, new_socket(0), "vmms"), -EAGAIN);
    assert_true(call(SYSCALL_ACCEPT, (uint64_t)server, 0, 0) > 0);
    assert_int_equal(by_name(SYSCALL_CONNECT, new_socket(0), "vmms"), 0);
}

static void name_is_free_again_when_its_socket_is_closed(void **state)
{
    int64_t server = listener("vmms", 4), client = new_socket(0);
    char text[64];

    (void)state;
    assert_int_equal(by_name(SYSCALL_CONNECT, client, "vmms"), 0);
    assert_int_equal(by_name(SYSCALL_BIND, new_socket(0), "vmms"), -EADDRINUSE);
    assert_int_equal(call(SYSCALL_CLOSE, (uint64_t)server, 0, 0), 0);
    assert_int_equal(receive_text((uint64_t)client, text, 50, 0), 0); /* it was never accepted */
    assert_int_equal(by_name(SYSCALL_CONNECT, new_socket(0), "vmms"), -ECONNREFUSED);
    assert_true(listener("vmms", 4) > 0);
}

static void names_differ_by_every_byte_and_by_length(void **state)
{
    (void)state;
    (void)listener("vmms", 4);
    (void)listener("vmm", 4);
    assert_int_equal(by_name(SYSCALL_CONNECT, new_socket(0), "vmmt"), -ECONNREFUSED);
    assert_int_equal(by_name(SYSCALL_CONNECT, new_socket(0), "vmmss"), -ECONNREFUSED);
    assert_int_equal(by_name(SYSCALL_CONNECT, new_socket(0), "vm"), -ECONNREFUSED);
    assert_int_equal(by_name(SYSCALL_CONNECT, new_socket(0), "vmm"), 0);
}

static void sockets_do_only_what_their_state_allows(void **state)
{
    int64_t server = listener("vmms", 4), bound = new_socket(0), client = new_socket(0);
    char text[64];

    (void)state;
    assert_int_equal(by_name(SYSCALL_BIND, bound, "other"), 0);
    assert_int_equal(by_name(SYSCALL_BIND, bound, "third"), -EINVAL);
    assert_int_equal(by_name(SYSCALL_CONNECT, bound, "vmms"), -EINVAL);
    assert_int_equal(by_name(SYSCALL_CONNECT, client, "other"), -ECONNREFUSED);
    assert_int_equal(call(SYSCALL_LISTEN, (uint64_t)client, 1, 0), -EINVAL);
    assert_int_equal(call(SYSCALL_ACCEPT, (uint64_t)bound, 0, 0), -EINVAL);
    assert_int_equal(send_text((uint64_t)client, "x", 0), -ENOTCONN);
    assert_int_equal(receive_text((uint64_t)server, text, 50, 0), -ENOTCONN);
    assert_int_equal(by_name(SYSCALL_CONNECT, client, "vmms"), 0);
    assert_int_equal(by_name(SYSCALL_CONNECT, client, "vmms"), -EISCONN);
    assert_int_equal(by_name(SYSCALL_BIND, client, "fourth"), -EINVAL);
    assert_true(call(SYSCALL_ACCEPT, (uint64_t)server, 0, 0) > 0);
    assert_int_equal(fake_syscall(SYSCALL_ACCEPT4, (uint64_t)server, 0, 0, 1, 0, 0), -EINVAL);
    assert_int_equal(send_text(0, "x", 0), -ENOTSOCK);
    assert_int_equal(send_text(99, "x", 0), -EBADF);
}

static void bad_arguments_are_refused(void **state)
{
    struct root_sockaddr a = {.family = SOCKET_UNIX, .name = "/path"};
    uint64_t fd = (uint64_t)new_socket(0), fds[2];

    (void)state;
    assert_int_equal(call(SYSCALL_SOCKET, 2, KIND, 0), -EAFNOSUPPORT);
    assert_int_equal(call(SYSCALL_SOCKET, SOCKET_UNIX, 1, 0), -ESOCKTNOSUPPORT);
    assert_int_equal(call(SYSCALL_SOCKET, SOCKET_UNIX, KIND, 7), -EPROTONOSUPPORT);
    assert_true(copy_to_user(page + NAME, &a, sizeof(a)));
    assert_int_equal(call(SYSCALL_BIND, fd, page + NAME, 8), -EINVAL);
    assert_int_equal(call(SYSCALL_BIND, fd, page + NAME, 2), -EINVAL);
    assert_int_equal(call(SYSCALL_BIND, fd, page + NAME, 1), -EINVAL);
    assert_int_equal(call(SYSCALL_BIND, fd, page + NAME, 111), -EINVAL);
    assert_int_equal(call(SYSCALL_BIND, fd, page + NAME, UINT64_MAX), -EINVAL);
    assert_int_equal(call(SYSCALL_BIND, fd, KERNEL_ADDRESS, 8), -EFAULT);
    assert_int_equal(fake_syscall(SYSCALL_SOCKETPAIR, SOCKET_UNIX, KIND, 0, KERNEL_ADDRESS, 0, 0),
                     -EFAULT);
    new_pair(0, fds);
    assert_int_equal(fds[0], fd + 1); /* the failed pair has gone */
    assert_int_equal(send_text(fds[0], "x", 1), -EOPNOTSUPP);
    assert_int_equal(fake_syscall(SYSCALL_SENDTO, fds[0], page, 1, 0, page, 8), -EISCONN);
    assert_int_equal(fake_syscall(SYSCALL_SENDTO, fds[0], KERNEL_ADDRESS, 1, 0, 0, 0), -EFAULT);
    assert_int_equal(fake_syscall(SYSCALL_SENDTO, fds[0], page, UINT64_MAX, 0, 0, 0), -EFAULT);
    assert_int_equal(call(SYSCALL_SENDMSG, fds[0], KERNEL_ADDRESS, 0), -EFAULT);
    assert_int_equal(call(SYSCALL_RECVMSG, fds[0], page, UINT64_MAX), -EOPNOTSUPP);
}

static void lack_of_memory_leaves_no_half_of_anything(void **state)
{
    int64_t server = listener("vmms", 4), client = new_socket(0), live;
    uint64_t fds[2];

    (void)state;
    live = fake_process.live;
    for (int64_t left = 0; left < 5; left++) {
        fake_process.allocations_left = left;
        assert_int_equal(
            fake_syscall(SYSCALL_SOCKETPAIR, SOCKET_UNIX, KIND, 0, page + FDS, 0, 0), -ENOMEM);
        assert_int_equal(fake_process.live, live);
    }
    fake_process.allocations_left = 0;
    assert_int_equal(by_name(SYSCALL_CONNECT, client, "vmms"), -ENOMEM);
    fake_process.allocations_left = 1;
    assert_int_equal(call(SYSCALL_ACCEPT, (uint64_t)server, 0, 0), -ENOMEM);
    fake_process.allocations_left = -1;
    new_pair(0, fds);
    live = fake_process.live;
    fake_process.allocations_left = 1;
    assert_int_equal(send_text(fds[0], "x", 0), -ENOMEM);
    fake_process.allocations_left = -1;
    assert_int_equal(fake_process.live, live);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, syscall_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_keep_their_boundaries),
        TEST(what_a_buffer_cannot_hold_is_lost_and_said),
        TEST(pieces_become_one_message),
        TEST(message_that_is_too_long_is_refused),
        TEST(receiver_sleeps_for_a_message),
        TEST(full_inbox_holds_its_sender),
        TEST(end_that_does_not_block_never_sleeps),
        TEST(closed_end_is_read_to_its_end_and_not_written),
        TEST(poll_sees_messages),
        TEST(client_reaches_who_listens_by_that_name),
        TEST(accept_tells_that_the_peer_has_no_name),
        TEST(accept_sleeps_for_a_client),
        TEST(backlog_is_limited),
        TEST(name_is_free_again_when_its_socket_is_closed),
        TEST(names_differ_by_every_byte_and_by_length),
        TEST(sockets_do_only_what_their_state_allows),
        TEST(bad_arguments_are_refused),
        TEST(lack_of_memory_leaves_no_half_of_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
