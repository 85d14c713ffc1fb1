/* SPDX-License-Identifier: MIT */
/* root/proc/syscall_file.c - system calls on files. A file is held while a call works on it. */
#include <rootabi/errno.h>
#include <rootabi/syscall.h>
#include "mm/memory.h"
#include "mm/user_copy.h"
#include "proc/path.h"
#include "proc/process.h"
#include "proc/syscalls.h"
#include "proc/user_vector.h"
#include "sched/watch.h"

#define NS_PER_MS 1000000ul

/* ---- reading and writing ---- */

typedef int64_t (*vector_call)(struct file *f, struct user_vector *v);

static int64_t on_file(struct process *p, uint64_t fd, vector_call call, struct user_vector *v)
{
    struct file *f = file_of(&p->files, fd);
    int64_t result;

    if (f == NULL)
        return -EBADF;
    result = call(f, v);
    file_put(f);
    return result;
}

static int64_t on_buffer(struct process *p, const uint64_t *a, vector_call call)
{
    struct user_piece piece;
    struct user_vector v;
    int64_t result = user_vector_one(&v, &piece, a[1], a[2]);

    return result < 0 ? result : on_file(p, a[0], call, &v);
}

static int64_t on_vector(struct process *p, const uint64_t *a, vector_call call)
{
    struct user_vector v;
    int64_t result = user_vector_copy(&v, a[1], a[2]);

    if (result < 0)
        return result;
    result = on_file(p, a[0], call, &v);
    user_vector_free(&v);
    return result;
}

int64_t sys_read(struct process *p, const uint64_t *a)
{
    return on_buffer(p, a, file_read);
}

int64_t sys_write(struct process *p, const uint64_t *a)
{
    return on_buffer(p, a, file_write);
}

int64_t sys_readv(struct process *p, const uint64_t *a)
{
    return on_vector(p, a, file_read);
}

int64_t sys_writev(struct process *p, const uint64_t *a)
{
    return on_vector(p, a, file_write);
}

/* ---- opening ---- */

/* The path at ring 3's @from. */
static int64_t copy_path(char path[PATH_SIZE], uint64_t from)
{
    if (!user_range_is_valid(from, 1))
        return -EFAULT;
    return copy_string_from_user(path, from, PATH_SIZE) ? 0 : -ENOENT; /* all there are are shorter */
}

static int64_t open_at(struct process *p, uint64_t at, uint64_t flags)
{
    char path[PATH_SIZE];
    struct file *f;
    int64_t result = copy_path(path, at);

    if (result == 0)
        result = path_open(p, path, (uint32_t)flags, &f);
    if (result < 0)
        return result;
    result = file_install(&p->files, f);
    if (result < 0)
        file_put(f);
    return result;
}

int64_t sys_open(struct process *p, const uint64_t *a)
{
    return open_at(p, a[0], a[1]);
}

/* All paths are absolute, so the folder does not matter. */
int64_t sys_openat(struct process *p, const uint64_t *a)
{
    return open_at(p, a[1], a[2]);
}

int64_t sys_close(struct process *p, const uint64_t *a)
{
    return file_close(&p->files, a[0]);
}

/* ---- the rest ---- */

int64_t sys_ioctl(struct process *p, const uint64_t *a)
{
    struct file *f = file_of(&p->files, a[0]);
    int64_t result;

    if (f == NULL)
        return -EBADF;
    result = file_ioctl(f, a[1], a[2]);
    file_put(f);
    return result;
}

int64_t sys_lseek(struct process *p, const uint64_t *a)
{
    struct file *f = file_of(&p->files, a[0]);
    int64_t result;

    if (f == NULL)
        return -EBADF;
    result = file_seek(f, a[1], a[2]);
    file_put(f);
    return result;
}

int64_t sys_getdents64(struct process *p, const uint64_t *a)
{
    struct file *f = file_of(&p->files, a[0]);
    int64_t result;

    if (f == NULL)
        return -EBADF;
    result = file_entries(f, a[1], a[2]);
    file_put(f);
    return result;
}

/* Uses up the reference to @f. */
static int64_t stat_out(struct file *f, uint64_t to)
{
    struct root_stat s;

    file_stat(f, &s);
    file_put(f);
    return copy_to_user(to, &s, sizeof(s)) ? 0 : -EFAULT;
}

static int64_t stat_fd(const struct process *p, uint64_t fd, uint64_t to)
{
    struct file *f = file_of(&p->files, fd);

    return f != NULL ? stat_out(f, to) : -EBADF;
}

static int64_t stat_path(const struct process *p, const char *path, uint64_t to)
{
    struct file *f;
    int64_t result = path_open(p, path, OPEN_READ, &f);

    return result < 0 ? result : stat_out(f, to);
}

int64_t sys_fstat(struct process *p, const uint64_t *a)
{
    return stat_fd(p, a[0], a[1]);
}

int64_t sys_stat(struct process *p, const uint64_t *a)
{
    char path[PATH_SIZE];
    int64_t result = copy_path(path, a[0]);

    return result < 0 ? result : stat_path(p, path, a[1]);
}

/* There are no symbolic links. */
int64_t sys_lstat(struct process *p, const uint64_t *a)
{
    return sys_stat(p, a);
}

int64_t sys_newfstatat(struct process *p, const uint64_t *a)
{
    char path[PATH_SIZE];
    int64_t result = copy_path(path, a[1]);

    if ((a[3] & ~(uint64_t)(OPENAT_EMPTY_PATH | OPENAT_SYMLINK_NOFOLLOW)) != 0)
        return -EINVAL;
    if (result < 0)
        return result;
    if (path[0] == '\0' && (a[3] & OPENAT_EMPTY_PATH) != 0)
        return stat_fd(p, a[0], a[2]);
    return stat_path(p, path, a[2]);
}

/* ---- poll ---- */

/* What a poll works on, in one allocation. */
struct polled {
    struct root_pollfd *fds;
    struct file **files; /* NULL: none is looked at */
    struct waiter *waiters;
    uint32_t count;
};

static bool polled_alloc(struct polled *l, uint32_t count)
{
    l->count = count;
    l->fds = kalloc(count * sizeof(*l->fds) + 1);
    l->files = kalloc(count * sizeof(struct file *) + 1);
    l->waiters = kalloc(count * sizeof(*l->waiters) + 1);
    return l->fds != NULL && l->files != NULL && l->waiters != NULL;
}

static void polled_free(struct polled *l)
{
    for (uint32_t i = 0; l->files != NULL && i < l->count; i++)
        file_put(l->files[i]);
    kfree(l->waiters);
    kfree(l->files);
    kfree(l->fds);
}

/* Look at file @i; whether there is something to report. */
static bool look_at(struct polled *l, uint32_t i, struct watch *w)
{
    struct root_pollfd *fd = &l->fds[i];
    uint32_t wanted = (uint16_t)fd->events | POLL_ERROR | POLL_HANGUP;

    if (l->files[i] != NULL)
        fd->revents = (int16_t)(file_poll(l->files[i], w) & wanted);
    return fd->revents != 0;
}

static int64_t look_at_all(struct polled *l, struct watch *w)
{
    int64_t ready = 0;

    watch_begin(w);
    for (uint32_t i = 0; i < l->count; i++)
        ready += look_at(l, i, ready == 0 ? w : NULL);
    return ready;
}

static int64_t poll_until(struct polled *l, uint64_t deadline)
{
    struct watch w;
    int64_t ready;

    watch_init(&w, l->waiters, l->count);
    do
        ready = look_at_all(l, &w);
    while (ready == 0 && time_now() < deadline && watch_sleep(&w, deadline));
    watch_end(&w);
    return ready != 0 || !thread_killed() ? ready : -EINTR;
}

static void find_files(const struct process *p, struct polled *l)
{
    for (uint32_t i = 0; i < l->count; i++) {
        struct root_pollfd *fd = &l->fds[i];

        fd->revents = 0;
        if (fd->fd < 0)
            continue;
        l->files[i] = file_of(&p->files, (uint64_t)fd->fd);
        if (l->files[i] == NULL)
            fd->revents = POLL_INVALID;
    }
}

static uint64_t poll_deadline(int32_t milliseconds)
{
    if (milliseconds < 0)
        return WATCH_FOREVER;
    return time_now() + (uint32_t)milliseconds * NS_PER_MS;
}

int64_t sys_poll(struct process *p, const uint64_t *a)
{
    struct polled l = {0};
    uint64_t size = a[1] * sizeof(*l.fds);
    int64_t result = -ENOMEM;

    if (a[1] > FILES_MAX)
        return -EINVAL;
    if (polled_alloc(&l, (uint32_t)a[1])) {
        result = -EFAULT;
        if (copy_from_user(l.fds, a[0], size)) {
            find_files(p, &l);
            result = poll_until(&l, poll_deadline((int32_t)a[2]));
            if (result >= 0 && !copy_to_user(a[0], l.fds, size))
                result = -EFAULT;
        }
    }
    polled_free(&l);
    return result;
}
