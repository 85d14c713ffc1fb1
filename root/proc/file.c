/* SPDX-License-Identifier: MIT */
/* root/proc/file.c - see file.h. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/ioctl.h>
#include <rootabi/syscall.h>
#include "mm/memory.h"
#include "mm/user_copy.h"
#include "proc/file.h"
#include "proc/user_vector.h"
#include "sched/thread.h"

/* What a handler gets at once of a stream: long ones are read and written piece by piece. */
enum { CHUNK_MAX = 16384 };

struct file *file_create(const struct file_operations *ops, void *object, uint32_t flags)
{
    struct file *f = kalloc(sizeof(*f));

    if (f != NULL)
        *f = (struct file){
            .ops = ops,
            .object = object,
            .references = 1,
            .flags = flags & (OPEN_ACCESS_MASK | OPEN_NONBLOCK),
        };
    return f;
}

struct file *file_get(struct file *f)
{
    __atomic_fetch_add(&f->references, 1, __ATOMIC_RELAXED);
    return f;
}

void file_put(struct file *f)
{
    if (f == NULL || __atomic_sub_fetch(&f->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    if (f->ops->release != NULL)
        f->ops->release(f);
    kfree(f);
}

uint32_t file_poll(struct file *f, struct watch *w)
{
    return f->ops->poll != NULL ? f->ops->poll(f, w) : (uint32_t)(POLL_IN | POLL_OUT);
}

/* ---- reading and writing ---- */

typedef int64_t (*transfer)(struct file *f, struct user_vector *v, char *buffer, size_t size);

static int64_t read_piece(struct file *f, struct user_vector *v, char *buffer, size_t size)
{
    int64_t n = f->ops->read(f, buffer, size);

    return n > 0 && !user_vector_put(v, buffer, (size_t)n) ? -EFAULT : n;
}

static int64_t write_piece(struct file *f, struct user_vector *v, char *buffer, size_t size)
{
    return user_vector_get(v, buffer, size) ? f->ops->write(f, buffer, size) : -EFAULT;
}

/* Piece by piece until all is done, a piece is cut short, or the process is killed. What sleeps does
 * so for the first piece only: @more says whether the next one would. */
static int64_t stream(struct file *f, struct user_vector *v, char *buffer, transfer how, uint32_t more)
{
    int64_t done = 0;

    while (v->left != 0 && !thread_killed()) {
        size_t size = v->left < CHUNK_MAX ? v->left : CHUNK_MAX;
        int64_t n = how(f, v, buffer, size);

        if (n < 0)
            return done != 0 ? done : n;
        done += n;
        if ((size_t)n < size || (file_poll(f, NULL) & more) == 0)
            break;
    }
    return done;
}

/* @buffer_size: what is allocated for @how, once or again and again. */
static int64_t file_transfer(struct file *f, struct user_vector *v, transfer how, uint32_t more)
{
    size_t room = f->ops->message_max != 0 ? f->ops->message_max : CHUNK_MAX;
    size_t size = v->left < room ? v->left : room;
    char *buffer;
    int64_t result;

    if (size == 0 && f->ops->message_max == 0)
        return 0;
    buffer = kalloc(size != 0 ? size : 1);
    if (buffer == NULL)
        return -ENOMEM;
    result = f->ops->message_max != 0 ? how(f, v, buffer, size) : stream(f, v, buffer, how, more);
    kfree(buffer);
    return result;
}

int64_t file_read(struct file *f, struct user_vector *v)
{
    if ((f->flags & OPEN_ACCESS_MASK) == OPEN_WRITE)
        return -EBADF;
    return f->ops->read != NULL ? file_transfer(f, v, read_piece, POLL_IN) : -EINVAL;
}

int64_t file_write(struct file *f, struct user_vector *v)
{
    if ((f->flags & OPEN_ACCESS_MASK) == OPEN_READ)
        return -EBADF;
    if (f->ops->write == NULL)
        return -EINVAL;
    if (f->ops->message_max != 0 && v->left > f->ops->message_max)
        return -EMSGSIZE;
    return file_transfer(f, v, write_piece, POLL_OUT);
}

/* ---- ioctl ---- */

static const struct file_ioctl *ioctl_find(const struct file_operations *ops, uint32_t command)
{
    for (uint32_t i = 0; i < ops->ioctl_count; i++)
        if (ops->ioctls[i].command == command)
            return &ops->ioctls[i];
    return NULL;
}

/* Copy in, act, copy out, with the copy in @argument. */
static int64_t ioctl_act(struct file *f, const struct file_ioctl *i, uint64_t user, void *argument)
{
    size_t size = IOCTL_SIZE(i->command);
    int64_t result;

    if ((IOCTL_DIRECTION(i->command) & IOCTL_WRITE) != 0 && !copy_from_user(argument, user, size))
        return -EFAULT;
    result = i->handle(f, argument);
    if (result != 0)
        return result;
    if ((IOCTL_DIRECTION(i->command) & IOCTL_READ) != 0 && !copy_to_user(user, argument, size))
        return -EFAULT;
    return 0;
}

/* A command is 32 bits, as on Linux: libraries that take it for a signed number extend it. */
int64_t file_ioctl(struct file *f, uint64_t command, uint64_t argument)
{
    const struct file_ioctl *i = ioctl_find(f->ops, (uint32_t)command);
    void *copy;
    int64_t result;

    if (i == NULL)
        return -ENOTTY;
    copy = kalloc(IOCTL_SIZE(i->command) + 1);
    if (copy == NULL)
        return -ENOMEM;
    result = ioctl_act(f, i, argument, copy);
    kfree(copy);
    return result;
}

/* ---- what a file is, and where one is in it ---- */

int64_t file_seek(struct file *f, uint64_t offset, uint64_t whence)
{
    if (f->ops->seek == NULL)
        return -ESPIPE;
    return whence <= SEEK_FROM_END ? f->ops->seek(f, (int64_t)offset, (uint32_t)whence) : -EINVAL;
}

int64_t file_stat(struct file *f, struct root_stat *s)
{
    enum { BLOCK = 4096 };

    *s = (struct root_stat){.links = 1, .mode = STAT_CHARACTER | 0600, .block_size = BLOCK};
    if (f->ops->stat != NULL)
        f->ops->stat(f, s);
    return 0;
}

enum { NAME_MAX = 255, DIRENT_ALIGN = 8 };

/* Write entry @index to @buffer, of which @size bytes are left: its length. 0: no more. */
static int64_t entry_put(struct file *f, uint64_t index, uint64_t buffer, uint64_t size)
{
    uint8_t record[sizeof(struct root_dirent) + NAME_MAX + 1 + DIRENT_ALIGN] = {0};
    struct file_entry e;
    struct root_dirent d;
    size_t name, length;

    if (!f->ops->entry(f, index, &e))
        return 0;
    name = strlen(e.name);
    name = name < NAME_MAX ? name : NAME_MAX;
    length = (sizeof(d) + name + DIRENT_ALIGN) / DIRENT_ALIGN * DIRENT_ALIGN;
    if (length > size)
        return -EINVAL;
    d = (struct root_dirent){e.inode, (int64_t)index + 1, (uint16_t)length,
                             e.directory ? DIRENT_DIRECTORY : DIRENT_REGULAR};
    memcpy(record, &d, sizeof(d));
    memcpy(record + sizeof(d), e.name, name);
    return copy_to_user(buffer, record, length) ? (int64_t)length : -EFAULT;
}

int64_t file_entries(struct file *f, uint64_t buffer, uint64_t size)
{
    uint64_t index = __atomic_load_n(&f->position, __ATOMIC_RELAXED);
    int64_t done = 0, n = 0;

    if (f->ops->entry == NULL)
        return -ENOTDIR;
    if (!user_range_is_valid(buffer, size))
        return -EFAULT;
    while ((n = entry_put(f, index, buffer + (uint64_t)done, size - (uint64_t)done)) > 0) {
        done += n;
        index++;
    }
    __atomic_store_n(&f->position, index, __ATOMIC_RELAXED);
    return done != 0 ? done : n;
}
