/* SPDX-License-Identifier: MIT */
/* root/proc/connection.h - what two connected sockets share: see socket.h. */
#ifndef ROOT_PROC_CONNECTION_H
#define ROOT_PROC_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <rt/list.h>
#include "sched/thread.h"

struct watch;

/* One side's. */
struct connection_end {
    struct list inbox; /* [queue.lock] messages to it */
    uint32_t bytes;    /* [queue.lock] in them, with their headers */
    bool open;         /* [queue.lock] */
};

struct connection {
    struct wait_queue queue; /* woken by whatever changes: at most two processes wait here */
    struct list pending;     /* [the listener's lock] on its backlog */
    struct connection_end ends[2];
};

/* With both ends open. NULL: no memory. */
struct connection *connection_create(void);

/* Close the end of @side; the second one frees it. */
void connection_close(struct connection *c, unsigned side);

/* As socket.h says, for the end of @side. */
int64_t connection_send(struct connection *c, unsigned side, const void *data, size_t size,
                        bool nonblock);
int64_t connection_receive(struct connection *c, unsigned side, void *buffer, size_t size,
                           bool nonblock, bool *cut);
uint32_t connection_poll(struct connection *c, unsigned side, struct watch *w);

#endif
