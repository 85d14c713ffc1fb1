/* SPDX-License-Identifier: MIT */
/* root/proc/syscall_socket.c - system calls on sockets. Workers make none: they use those that they
 * were given. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "mm/memory.h"
#include "mm/user_copy.h"
#include "proc/process.h"
#include "proc/socket.h"
#include "proc/syscalls.h"
#include "proc/user_vector.h"

enum { KINDS = SOCKET_NONBLOCK | SOCKET_CLOEXEC, PROTOCOL_ANY = 0, PROTOCOL_UNIX = 1 };
_Static_assert((int)SOCKET_NONBLOCK == (int)OPEN_NONBLOCK, "Linux has one number for both");

/* ---- arguments ---- */

/* The socket @fd, with one reference more. */
static int64_t socket_at(const struct process *p, uint64_t fd, struct file **f)
{
    *f = file_of(&p->files, fd);
    if (*f == NULL)
        return -EBADF;
    if ((*f)->ops == &socket_operations)
        return 0;
    file_put(*f);
    return -ENOTSOCK;
}

/* The abstract name in the @size bytes of a struct sockaddr_un. */
static int64_t copy_name(struct socket_name *name, uint64_t address, uint64_t size)
{
    struct root_sockaddr a = {0};

    if (size < sizeof(a.family) || size > sizeof(a))
        return -EINVAL;
    if (!copy_from_user(&a, address, size))
        return -EFAULT;
    if (a.family != SOCKET_UNIX)
        return -EINVAL;
    if (size < sizeof(a.family) + 2 || a.name[0] != '\0')
        return -EINVAL; /* not abstract */
    name->length = (uint8_t)(size - sizeof(a.family) - 1);
    memcpy(name->bytes, a.name + 1, name->length);
    return 0;
}

static int64_t check_kind(const struct process *p, const uint64_t *a)
{
    if (p->kind != PROCESS_SYSTEM)
        return -EACCES;
    if (a[0] != SOCKET_UNIX)
        return -EAFNOSUPPORT;
    if ((a[1] & ~(uint64_t)KINDS) != SOCKET_SEQPACKET)
        return -ESOCKTNOSUPPORT;
    return a[2] == PROTOCOL_ANY || a[2] == PROTOCOL_UNIX ? 0 : -EPROTONOSUPPORT;
}

static uint32_t open_flags(uint64_t kind)
{
    return (uint32_t)kind & OPEN_NONBLOCK;
}

/* Uses up the reference to @f. */
static int64_t install(struct process *p, struct file *f)
{
    int64_t fd = file_install(&p->files, f);

    if (fd < 0)
        file_put(f);
    return fd;
}

/* ---- making and connecting ---- */

int64_t sys_socket(struct process *p, const uint64_t *a)
{
    struct file *f;
    int64_t result = check_kind(p, a);

    if (result == 0)
        result = socket_create(open_flags(a[1]), &f);
    return result < 0 ? result : install(p, f);
}

/* Uses up the references to @files. */
static int64_t install_pair(struct process *p, struct file *files[2], uint64_t to)
{
    int64_t first = install(p, files[0]), second = install(p, files[1]);
    int32_t fds[2] = {(int32_t)first, (int32_t)second};

    if (first >= 0 && second >= 0 && copy_to_user(to, fds, sizeof(fds)))
        return 0;
    if (first >= 0)
        (void)file_close(&p->files, (uint64_t)first);
    if (second >= 0)
        (void)file_close(&p->files, (uint64_t)second);
    return first < 0 ? first : second < 0 ? second : -EFAULT;
}

int64_t sys_socketpair(struct process *p, const uint64_t *a)
{
    struct file *files[2];
    int64_t result = check_kind(p, a);

    if (result == 0)
        result = socket_create_pair(open_flags(a[1]), files);
    return result < 0 ? result : install_pair(p, files, a[3]);
}

typedef int64_t (*name_call)(struct file *f, const struct socket_name *name);

static int64_t by_name(const struct process *p, const uint64_t *a, name_call call)
{
    struct socket_name name;
    struct file *f;
    int64_t result = socket_at(p, a[0], &f);

    if (result < 0)
        return result;
    result = p->kind == PROCESS_SYSTEM ? copy_name(&name, a[1], a[2]) : -EACCES;
    if (result == 0)
        result = call(f, &name);
    file_put(f);
    return result;
}

int64_t sys_bind(struct process *p, const uint64_t *a)
{
    return by_name(p, a, socket_bind);
}

int64_t sys_connect(struct process *p, const uint64_t *a)
{
    return by_name(p, a, socket_connect);
}

int64_t sys_listen(struct process *p, const uint64_t *a)
{
    struct file *f;
    int64_t result = socket_at(p, a[0], &f);

    if (result < 0)
        return result;
    result = socket_listen(f, (uint32_t)a[1]);
    file_put(f);
    return result;
}

/* Tell ring 3 the address of a peer, which has no name: at most *@size_at bytes of the family. */
static bool put_no_name(uint64_t to, uint64_t size_at)
{
    const uint16_t family = SOCKET_UNIX;
    uint32_t size, length = sizeof(family);

    if (to == 0)
        return true;
    if (!copy_from_user(&size, size_at, sizeof(size)))
        return false;
    return copy_to_user(to, &family, size < length ? size : length) &&
           copy_to_user(size_at, &length, sizeof(length));
}

static int64_t accept_on(struct process *p, const uint64_t *a, uint64_t kind)
{
    struct file *f, *accepted;
    int64_t result;

    if ((kind & ~(uint64_t)KINDS) != 0)
        return -EINVAL;
    result = socket_at(p, a[0], &f);
    if (result < 0)
        return result;
    result = socket_accept(f, (f->flags & OPEN_NONBLOCK) != 0, open_flags(kind), &accepted);
    file_put(f);
    if (result < 0)
        return result;
    if (put_no_name(a[1], a[2]))
        return install(p, accepted);
    file_put(accepted);
    return -EFAULT;
}

int64_t sys_accept(struct process *p, const uint64_t *a)
{
    return accept_on(p, a, 0);
}

int64_t sys_accept4(struct process *p, const uint64_t *a)
{
    return accept_on(p, a, a[3]);
}

/* ---- messages ---- */

static bool does_not_block(const struct file *f, uint64_t flags)
{
    return (f->flags & OPEN_NONBLOCK) != 0 || (flags & MESSAGE_DONTWAIT) != 0;
}

/* Nobody is sent a signal, so MSG_NOSIGNAL is always so. */
static int64_t check_flags(uint64_t flags)
{
    return (flags & ~(uint64_t)(MESSAGE_DONTWAIT | MESSAGE_NOSIGNAL)) == 0 ? 0 : -EOPNOTSUPP;
}

static int64_t send_vector(struct file *f, struct user_vector *v, uint64_t flags)
{
    size_t size = v->left;
    void *buffer;
    int64_t result;

    if (v->left > SOCKET_MESSAGE_MAX)
        return -EMSGSIZE;
    buffer = kalloc(size + 1);
    if (buffer == NULL)
        return -ENOMEM;
    result = user_vector_get(v, buffer, size)
                 ? socket_send(f, buffer, size, does_not_block(f, flags))
                 : -EFAULT;
    kfree(buffer);
    return result;
}

static int64_t receive_vector(struct file *f, struct user_vector *v, uint64_t flags, bool *cut)
{
    size_t size = v->left < SOCKET_MESSAGE_MAX ? v->left : SOCKET_MESSAGE_MAX;
    void *buffer = kalloc(size + 1);
    int64_t result;

    *cut = false;
    if (buffer == NULL)
        return -ENOMEM;
    result = socket_receive(f, buffer, size, does_not_block(f, flags), cut);
    if (result > 0 && !user_vector_put(v, buffer, (size_t)result))
        result = -EFAULT;
    kfree(buffer);
    return result;
}

int64_t sys_sendto(struct process *p, const uint64_t *a)
{
    struct user_piece piece;
    struct user_vector v;
    struct file *f;
    int64_t result = check_flags(a[3]);

    if (result == 0)
        result = user_vector_one(&v, &piece, a[1], a[2]);
    if (result == 0)
        result = socket_at(p, a[0], &f);
    if (result < 0)
        return result;
    result = a[4] == 0 ? send_vector(f, &v, a[3]) : -EISCONN;
    file_put(f);
    return result;
}

int64_t sys_recvfrom(struct process *p, const uint64_t *a)
{
    struct user_piece piece;
    struct user_vector v;
    struct file *f;
    bool cut;
    int64_t result = check_flags(a[3]);

    if (result == 0)
        result = user_vector_one(&v, &piece, a[1], a[2]);
    if (result == 0)
        result = socket_at(p, a[0], &f);
    if (result < 0)
        return result;
    result = receive_vector(f, &v, a[3], &cut);
    file_put(f);
    return result < 0 || put_no_name(a[4], a[5]) ? result : -EFAULT;
}

/* The header at ring 3's @at, the socket and the pieces. No control data: no descriptors travel. */
static int64_t message_begin(struct process *p, const uint64_t *a, struct root_msghdr *h,
                             struct user_vector *v, struct file **f)
{
    int64_t result = check_flags(a[2]);

    if (result < 0)
        return result;
    if (!copy_from_user(h, a[1], sizeof(*h)))
        return -EFAULT;
    result = user_vector_copy(v, h->vector, h->vector_count);
    if (result < 0)
        return result;
    result = socket_at(p, a[0], f);
    if (result < 0)
        user_vector_free(v);
    return result;
}

int64_t sys_sendmsg(struct process *p, const uint64_t *a)
{
    struct root_msghdr h;
    struct user_vector v;
    struct file *f;
    int64_t result = message_begin(p, a, &h, &v, &f);

    if (result < 0)
        return result;
    if (h.control_length != 0)
        result = -EINVAL;
    else
        result = h.name == 0 ? send_vector(f, &v, a[2]) : -EISCONN;
    file_put(f);
    user_vector_free(&v);
    return result;
}

int64_t sys_recvmsg(struct process *p, const uint64_t *a)
{
    struct root_msghdr h;
    struct user_vector v;
    struct file *f;
    bool cut;
    int64_t result = message_begin(p, a, &h, &v, &f);

    if (result < 0)
        return result;
    result = receive_vector(f, &v, a[2], &cut);
    file_put(f);
    user_vector_free(&v);
    h.name_length = 0;
    h.control_length = 0;
    h.flags = cut ? MESSAGE_TRUNC : 0;
    return result < 0 || copy_to_user(a[1], &h, sizeof(h)) ? result : -EFAULT;
}
