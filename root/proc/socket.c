/* SPDX-License-Identifier: MIT */
/* root/proc/socket.c - see socket.h. */
#include "proc/socket.h"
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "mm/memory.h"
#include "proc/connection.h"
#include "sched/watch.h"

enum state { STATE_NEW, STATE_BOUND, STATE_LISTENING, STATE_CONNECTED };
enum { SIDE_CONNECTS = 0, SIDE_ACCEPTS = 1 };

struct socket {
    struct wait_queue queue; /* woken when there is somebody to accept */
    enum state state;        /* [queue.lock, and a to see that it is STATE_CONNECTED] */
    struct connection *connection; /* [I] once connected */
    unsigned side;                 /* [I] once connected */
    struct list link;              /* [names.lock] */
    struct socket_name name;       /* [names.lock] */
    struct list backlog;           /* [queue.lock] */
    uint32_t waiting, backlog_max; /* [queue.lock] */
};

/* Sockets with names. */
static struct {
    struct spinlock lock;
    struct list bound; /* [lock] */
} names = {.bound = {&names.bound, &names.bound}};

static struct socket *socket_of(const struct file *f)
{
    return f->object;
}

/* ---- making and ending ---- */

static struct socket *socket_alloc(void)
{
    struct socket *s = kalloc(sizeof(*s));

    if (s == NULL)
        return NULL;
    wait_queue_init(&s->queue);
    list_init(&s->link);
    list_init(&s->backlog);
    return s;
}

static int64_t socket_open(struct socket *s, uint32_t flags, struct file **f)
{
    *f = s != NULL ? file_create(&socket_operations, s, OPEN_READ_WRITE | flags) : NULL;
    if (*f != NULL)
        return 0;
    kfree(s);
    return -ENOMEM;
}

int64_t socket_create(uint32_t flags, struct file **f)
{
    return socket_open(socket_alloc(), flags, f);
}

/* Before anybody else sees @s, or with its lock held. */
static void become_connected(struct socket *s, struct connection *c, unsigned side)
{
    s->connection = c;
    s->side = side;
    __atomic_store_n(&s->state, STATE_CONNECTED, __ATOMIC_RELEASE); /* pairs with connection_of */
}

static struct connection *connection_of(struct socket *s)
{
    return __atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == STATE_CONNECTED ? s->connection : NULL;
}

int64_t socket_create_pair(uint32_t flags, struct file *files[2])
{
    struct connection *c;

    if (socket_create(flags, &files[0]) < 0)
        return -ENOMEM;
    if (socket_create(flags, &files[1]) < 0)
        goto err_first;
    c = connection_create();
    if (c == NULL)
        goto err_second;
    for (unsigned side = 0; side < 2; side++)
        become_connected(socket_of(files[side]), c, side);
    return 0;

err_second:
    file_put(files[1]);
err_first:
    file_put(files[0]);
    return -ENOMEM;
}

static void name_drop(struct socket *s)
{
    uint64_t flags = spin_lock(&names.lock);

    list_remove(&s->link);
    spin_unlock(&names.lock, flags);
}

static void socket_release(struct file *f)
{
    struct socket *s = socket_of(f);
    struct connection *c = connection_of(s);
    struct list *l;

    name_drop(s); /* from here on nobody comes to wait */
    while ((l = list_pop_front(&s->backlog)) != NULL)
        connection_close(container_of(l, struct connection, pending), SIDE_ACCEPTS);
    if (c != NULL)
        connection_close(c, s->side);
    kfree(s);
}

/* ---- names ---- */

/* With names.lock held. */
static struct socket *name_find(const struct socket_name *name)
{
    LIST_FOR_EACH (l, &names.bound) {
        struct socket *s = container_of(l, struct socket, link);

        if (s->name.length == name->length && memcmp(s->name.bytes, name->bytes, name->length) == 0)
            return s;
    }
    return NULL;
}

/* With names.lock held. */
static int64_t bind_locked(struct socket *s, const struct socket_name *name)
{
    uint64_t flags;
    bool can;

    if (name_find(name) != NULL)
        return -EADDRINUSE;
    flags = spin_lock(&s->queue.lock);
    can = s->state == STATE_NEW;
    if (can)
        s->state = STATE_BOUND;
    spin_unlock(&s->queue.lock, flags);
    if (!can)
        return -EINVAL;
    s->name = *name;
    list_push_back(&names.bound, &s->link);
    return 0;
}

int64_t socket_bind(struct file *f, const struct socket_name *name)
{
    uint64_t flags = spin_lock(&names.lock);
    int64_t result = bind_locked(socket_of(f), name);

    spin_unlock(&names.lock, flags);
    return result;
}

int64_t socket_listen(struct file *f, uint32_t backlog)
{
    struct socket *s = socket_of(f);
    uint64_t flags = spin_lock(&s->queue.lock);
    bool can = s->state == STATE_BOUND || s->state == STATE_LISTENING;

    if (can) {
        s->state = STATE_LISTENING;
        s->backlog_max = backlog < 1 ? 1 : backlog;
        if (s->backlog_max > SOCKET_BACKLOG_MAX)
            s->backlog_max = SOCKET_BACKLOG_MAX;
    }
    spin_unlock(&s->queue.lock, flags);
    return can ? 0 : -EINVAL;
}

/* ---- connecting ---- */

/* Put @c on the backlog of @listener. */
static int64_t queue_at(struct socket *listener, struct connection *c)
{
    uint64_t flags = spin_lock(&listener->queue.lock);
    int64_t result = -ECONNREFUSED;

    if (listener->state == STATE_LISTENING && listener->waiting >= listener->backlog_max) {
        result = -EAGAIN;
    } else if (listener->state == STATE_LISTENING) {
        listener->waiting++;
        list_push_back(&listener->backlog, &c->pending);
        wake_all_locked(&listener->queue);
        result = 0;
    }
    spin_unlock(&listener->queue.lock, flags);
    return result;
}

static int64_t queue_by_name(const struct socket_name *name, struct connection *c)
{
    uint64_t flags = spin_lock(&names.lock);
    struct socket *listener = name_find(name);
    int64_t result = listener != NULL ? queue_at(listener, c) : -ECONNREFUSED;

    spin_unlock(&names.lock, flags);
    return result;
}

/* Make @s the connecting side of @c, or only say whether that is possible if @c is NULL. */
static int64_t claim(struct socket *s, struct connection *c)
{
    uint64_t flags = spin_lock(&s->queue.lock);
    int64_t result = s->state == STATE_CONNECTED ? -EISCONN : -EINVAL;

    if (s->state == STATE_NEW) {
        result = 0;
        if (c != NULL)
            become_connected(s, c, SIDE_CONNECTS);
    }
    spin_unlock(&s->queue.lock, flags);
    return result;
}

int64_t socket_connect(struct file *f, const struct socket_name *name)
{
    int64_t result = claim(socket_of(f), NULL);
    struct connection *c;

    if (result < 0)
        return result;
    c = connection_create();
    if (c == NULL)
        return -ENOMEM;
    result = queue_by_name(name, c);
    if (result < 0)
        connection_close(c, SIDE_ACCEPTS);
    else
        result = claim(socket_of(f), c); /* two may have connected a socket that they share */
    if (result < 0)
        connection_close(c, SIDE_CONNECTS);
    return result;
}

struct acceptance {
    struct socket *listener;
    struct connection *connection;
};

/* With the listener's lock held. */
static bool take_waiting(void *context)
{
    struct acceptance *a = context;
    struct list *l = list_pop_front(&a->listener->backlog);

    if (l == NULL)
        return false;
    a->listener->waiting--;
    a->connection = container_of(l, struct connection, pending);
    return true;
}

static int64_t wait_for_one(struct acceptance *a, bool nonblock)
{
    struct socket *s = a->listener;
    uint64_t flags = spin_lock(&s->queue.lock);
    bool listens = s->state == STATE_LISTENING, taken = listens && take_waiting(a);

    spin_unlock(&s->queue.lock, flags);
    if (!listens)
        return -EINVAL;
    if (taken || (!nonblock && wait_until_killed(&s->queue, take_waiting, a, WAIT_FOREVER)))
        return 0;
    return nonblock ? -EAGAIN : -EINTR;
}

int64_t socket_accept(struct file *f, bool nonblock, uint32_t flags, struct file **accepted)
{
    struct acceptance a = {.listener = socket_of(f)};
    int64_t result = socket_create(flags, accepted);

    if (result < 0)
        return result;
    result = wait_for_one(&a, nonblock);
    if (result < 0)
        file_put(*accepted);
    else
        become_connected(socket_of(*accepted), a.connection, SIDE_ACCEPTS);
    return result;
}

/* ---- messages ---- */

int64_t socket_send(struct file *f, const void *data, size_t size, bool nonblock)
{
    struct socket *s = socket_of(f);
    struct connection *c = connection_of(s);

    if (c == NULL)
        return -ENOTCONN;
    return size <= SOCKET_MESSAGE_MAX ? connection_send(c, s->side, data, size, nonblock) : -EMSGSIZE;
}

int64_t socket_receive(struct file *f, void *buffer, size_t size, bool nonblock, bool *cut)
{
    struct socket *s = socket_of(f);
    struct connection *c = connection_of(s);

    return c != NULL ? connection_receive(c, s->side, buffer, size, nonblock, cut) : -ENOTCONN;
}

static bool does_not_block(const struct file *f)
{
    return (f->flags & OPEN_NONBLOCK) != 0;
}

static int64_t socket_read(struct file *f, char *buffer, size_t size)
{
    bool cut;

    return socket_receive(f, buffer, size, does_not_block(f), &cut);
}

static int64_t socket_write(struct file *f, const char *buffer, size_t size)
{
    return socket_send(f, buffer, size, does_not_block(f));
}

static uint32_t socket_poll(struct file *f, struct watch *w)
{
    struct socket *s = socket_of(f);
    struct connection *c = connection_of(s);
    uint64_t flags;
    uint32_t events;

    if (c != NULL)
        return connection_poll(c, s->side, w);
    watch_add(w, &s->queue);
    flags = spin_lock(&s->queue.lock);
    events = s->waiting != 0 ? POLL_IN : 0;
    if (s->state != STATE_LISTENING)
        events = POLL_OUT | POLL_HANGUP;
    spin_unlock(&s->queue.lock, flags);
    return events;
}

static void socket_stat(struct file *f, struct root_stat *s)
{
    (void)f;
    s->mode = STAT_SOCKET | 0600;
}

const struct file_operations socket_operations = {
    .name = "socket",
    .message_max = SOCKET_MESSAGE_MAX,
    .read = socket_read,
    .write = socket_write,
    .poll = socket_poll,
    .stat = socket_stat,
    .release = socket_release,
};
