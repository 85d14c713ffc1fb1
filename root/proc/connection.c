/* SPDX-License-Identifier: MIT */
/* root/proc/connection.c - see connection.h. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "mm/memory.h"
#include "proc/connection.h"
#include "proc/socket.h"
#include "sched/watch.h"

struct message {
    struct list link; /* [queue.lock] */
    uint32_t size;
    uint8_t data[];
};
_Static_assert(sizeof(struct message) + SOCKET_MESSAGE_MAX <= 32768, "it fits into 8 pages");

struct connection *connection_create(void)
{
    struct connection *c = kalloc(sizeof(*c));

    if (c == NULL)
        return NULL;
    wait_queue_init(&c->queue);
    list_init(&c->pending);
    for (unsigned side = 0; side < 2; side++) {
        list_init(&c->ends[side].inbox);
        c->ends[side].open = true;
    }
    return c;
}

static void connection_free(struct connection *c)
{
    for (unsigned side = 0; side < 2; side++) {
        struct list *l;

        while ((l = list_pop_front(&c->ends[side].inbox)) != NULL)
            kfree(container_of(l, struct message, link));
    }
    kfree(c);
}

void connection_close(struct connection *c, unsigned side)
{
    uint64_t flags = spin_lock(&c->queue.lock);
    bool last = !c->ends[!side].open;

    c->ends[side].open = false;
    wake_all_locked(&c->queue);
    spin_unlock(&c->queue.lock, flags);
    if (last)
        connection_free(c);
}

/* What one of the two wants done, as soon as it is possible. */
struct transfer {
    struct connection *connection;
    unsigned side;
    struct message *message; /* to be sent, or received */
    bool closed;             /* the peer is */
};

/* Do it now; false: it is not possible yet. With the lock held. */
typedef bool (*step)(void *transfer);

static uint32_t cost(uint32_t size)
{
    return (uint32_t)sizeof(struct message) + size;
}

static bool has_room(const struct connection_end *e, uint32_t size)
{
    return cost(size) <= SOCKET_INBOX_MAX - e->bytes;
}

static bool put_message(void *transfer)
{
    struct transfer *t = transfer;
    struct connection_end *to = &t->connection->ends[!t->side];

    t->closed = !to->open;
    if (t->closed)
        return true;
    if (!has_room(to, t->message->size))
        return false;
    to->bytes += cost(t->message->size);
    list_push_back(&to->inbox, &t->message->link);
    return true;
}

static bool take_message(void *transfer)
{
    struct transfer *t = transfer;
    struct connection_end *own = &t->connection->ends[t->side];
    struct list *l = list_pop_front(&own->inbox);

    t->closed = l == NULL && !t->connection->ends[!t->side].open;
    if (l == NULL)
        return t->closed;
    t->message = container_of(l, struct message, link);
    own->bytes -= cost(t->message->size);
    return true;
}

static int64_t transfer_do(struct transfer *t, step how, bool nonblock)
{
    struct connection *c = t->connection;
    bool done;

    if (nonblock) {
        uint64_t flags = spin_lock(&c->queue.lock);

        done = how(t);
        spin_unlock(&c->queue.lock, flags);
    } else {
        done = wait_until_killed(&c->queue, how, t, WAIT_FOREVER);
    }
    if (!done)
        return nonblock ? -EAGAIN : -EINTR;
    wake_all(&c->queue);
    return 0;
}

int64_t connection_send(struct connection *c, unsigned side, const void *data, size_t size,
                        bool nonblock)
{
    struct transfer t = {.connection = c, .side = side};
    int64_t result;

    t.message = kalloc(sizeof(*t.message) + size);
    if (t.message == NULL)
        return -ENOMEM;
    list_init(&t.message->link);
    t.message->size = (uint32_t)size;
    memcpy(t.message->data, data, size);
    result = transfer_do(&t, put_message, nonblock);
    if (result == 0 && !t.closed)
        return (int64_t)size;
    kfree(t.message);
    return result < 0 ? result : -EPIPE;
}

int64_t connection_receive(struct connection *c, unsigned side, void *buffer, size_t size,
                           bool nonblock, bool *cut)
{
    struct transfer t = {.connection = c, .side = side};
    int64_t result = transfer_do(&t, take_message, nonblock);
    size_t n;

    *cut = false;
    if (result < 0 || t.closed)
        return result;
    n = t.message->size < size ? t.message->size : size;
    memcpy(buffer, t.message->data, n);
    *cut = n < t.message->size;
    kfree(t.message);
    return (int64_t)n;
}

uint32_t connection_poll(struct connection *c, unsigned side, struct watch *w)
{
    const struct connection_end *own = &c->ends[side], *peer = &c->ends[!side];
    uint64_t flags;
    uint32_t events = 0;

    watch_add(w, &c->queue);
    flags = spin_lock(&c->queue.lock);
    if (!list_empty(&own->inbox) || !peer->open)
        events |= POLL_IN;
    if (!peer->open || has_room(peer, SOCKET_MESSAGE_MAX))
        events |= POLL_OUT;
    if (!peer->open)
        events |= POLL_HANGUP;
    spin_unlock(&c->queue.lock, flags);
    return events;
}
