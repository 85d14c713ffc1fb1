/* SPDX-License-Identifier: MIT */
/* root/proc/socket.h - connections of messages between processes: Linux's AF_UNIX sockets of type
 * SOCK_SEQPACKET, named or paired.
 *
 * A message is delivered whole or not at all; what a receiver's buffer has no room for is lost. An end
 * whose peer is closed reads what was sent before, then 0 bytes. Locks: names, then a socket's or a
 * connection's queue; of those never two. */
#ifndef ROOT_PROC_SOCKET_H
#define ROOT_PROC_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "proc/file.h"

enum {
    SOCKET_MESSAGE_MAX = 32704,  /* with its header it fits into 32 KiB */
    SOCKET_INBOX_MAX = 4 * 32768, /* of one end: messages that wait, with their headers */
    SOCKET_BACKLOG_MAX = 64,     /* connections that wait to be accepted */
    SOCKET_ABSTRACT_MAX = 107,
};

/* An abstract name: any bytes. */
struct socket_name {
    uint8_t length; /* 1 to SOCKET_ABSTRACT_MAX */
    char bytes[SOCKET_ABSTRACT_MAX];
};

extern const struct file_operations socket_operations;

/* A socket that is nothing yet; its file. @flags: OPEN_NONBLOCK or 0. -ENOMEM. */
int64_t socket_create(uint32_t flags, struct file **f);

/* Two that are connected. */
int64_t socket_create_pair(uint32_t flags, struct file *files[2]);

/* In all of these @f is a file of socket_operations. */

/* Name it: -EINVAL: it has a name or a peer; -EADDRINUSE. */
int64_t socket_bind(struct file *f, const struct socket_name *name);

/* Let it be connected to; @backlog is cut to what is possible. -EINVAL: it has no name. */
int64_t socket_listen(struct file *f, uint32_t backlog);

/* Take a connection that was made to it; sleeps for the first unless @nonblock. The new file's flags
 * are @flags. -EINVAL: it does not listen; -EAGAIN, -EINTR, -ENOMEM. */
int64_t socket_accept(struct file *f, bool nonblock, uint32_t flags, struct file **accepted);

/* Connect it to whoever listens by @name. Never sleeps: -EAGAIN: too many wait. -ECONNREFUSED: nobody
 * listens; -EISCONN, -EINVAL (it has a name itself), -ENOMEM. */
int64_t socket_connect(struct file *f, const struct socket_name *name);

/* One message of @size bytes, at most SOCKET_MESSAGE_MAX: @size, or -ENOTCONN, -EPIPE, -EAGAIN, -EINTR,
 * -ENOMEM, -EMSGSIZE. */
int64_t socket_send(struct file *f, const void *data, size_t size, bool nonblock);

/* The next message's bytes, at most @size of them; *@cut: there were more, which are lost. 0: it is
 * empty, or the peer is closed. -ENOTCONN, -EAGAIN, -EINTR. */
int64_t socket_receive(struct file *f, void *buffer, size_t size, bool nonblock, bool *cut);

#endif
