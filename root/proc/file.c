/* SPDX-License-Identifier: MIT */
/* root/proc/file.c - see file.h. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include <rootabi/ioctl.h>
#include <rootabi/syscall.h>
#include "mm/memory.h"
#include "mm/user_copy.h"
#include "proc/file.h"

/* One read or write moves at most this much; callers go on. */
enum { CHUNK_MAX = 1024, ARGUMENT_MAX = 4096 };

static const struct device *device_find(const char *path)
{
    for (uint32_t i = 0; i < file_device_count; i++)
        if (strcmp(file_devices[i]->path, path) == 0)
            return file_devices[i];
    return NULL;
}

int64_t file_open(struct file_table *t, const char *path, uint32_t flags)
{
    const struct device *d = device_find(path);

    if ((flags & OPEN_ACCESS_MASK) > OPEN_READ_WRITE)
        return -EINVAL;
    if (d == NULL)
        return -ENOENT;
    for (unsigned fd = 0; fd < FILES_MAX; fd++) {
        if (t->files[fd] != NULL)
            continue;
        t->files[fd] = d;
        t->flags[fd] = (uint16_t)(flags & (OPEN_ACCESS_MASK | OPEN_NONBLOCK));
        return fd;
    }
    return -EMFILE;
}

static const struct device *file_get(const struct file_table *t, uint64_t fd)
{
    return fd < FILES_MAX ? t->files[fd] : NULL;
}

int64_t file_close(struct file_table *t, uint64_t fd)
{
    if (file_get(t, fd) == NULL)
        return -EBADF;
    t->files[fd] = NULL;
    return 0;
}

int64_t file_read(struct file_table *t, uint64_t fd, uint64_t buffer, uint64_t size)
{
    const struct device *d = file_get(t, fd);
    char chunk[CHUNK_MAX];
    int64_t n;

    if (d == NULL || (t->flags[fd] & OPEN_ACCESS_MASK) == OPEN_WRITE)
        return -EBADF;
    if (!user_range_is_valid(buffer, size))
        return -EFAULT;
    if (d->read == NULL)
        return -EINVAL;
    if (size == 0)
        return 0;
    if ((t->flags[fd] & OPEN_NONBLOCK) != 0 && d->would_sleep != NULL && d->would_sleep())
        return -EAGAIN;
    n = d->read(chunk, size < sizeof(chunk) ? size : sizeof(chunk));
    if (n > 0 && !copy_to_user(buffer, chunk, (size_t)n))
        return -EFAULT;
    return n;
}

int64_t file_write(struct file_table *t, uint64_t fd, uint64_t buffer, uint64_t size)
{
    const struct device *d = file_get(t, fd);
    char chunk[CHUNK_MAX];
    size_t n = size < sizeof(chunk) ? size : sizeof(chunk);

    if (d == NULL || (t->flags[fd] & OPEN_ACCESS_MASK) == OPEN_READ)
        return -EBADF;
    if (!user_range_is_valid(buffer, size))
        return -EFAULT;
    if (d->write == NULL)
        return -EINVAL;
    if (!copy_from_user(chunk, buffer, n))
        return -EFAULT;
    return n != 0 ? d->write(chunk, n) : 0;
}

static const struct device_ioctl *ioctl_find(const struct device *d, uint32_t command)
{
    for (uint32_t i = 0; i < d->ioctl_count; i++)
        if (d->ioctls[i].command == command)
            return &d->ioctls[i];
    return NULL;
}

/* Copy in, act, copy out, with the copy in @argument. */
static int64_t ioctl_act(const struct device_ioctl *i, uint64_t user, void *argument)
{
    size_t size = IOCTL_SIZE(i->command);
    int64_t result;

    if ((IOCTL_DIRECTION(i->command) & IOCTL_WRITE) != 0 && !copy_from_user(argument, user, size))
        return -EFAULT;
    result = i->handle(argument);
    if (result != 0)
        return result;
    if ((IOCTL_DIRECTION(i->command) & IOCTL_READ) != 0 && !copy_to_user(user, argument, size))
        return -EFAULT;
    return 0;
}

int64_t file_ioctl(struct file_table *t, uint64_t fd, uint64_t command, uint64_t argument)
{
    const struct device *d = file_get(t, fd);
    const struct device_ioctl *i;
    void *copy;
    int64_t result;

    if (d == NULL)
        return -EBADF;
    i = command <= UINT32_MAX ? ioctl_find(d, (uint32_t)command) : NULL;
    if (i == NULL || IOCTL_SIZE(i->command) > ARGUMENT_MAX)
        return -ENOTTY;
    copy = kalloc(ARGUMENT_MAX);
    if (copy == NULL)
        return -ENOMEM;
    result = ioctl_act(i, argument, copy);
    kfree(copy);
    return result;
}
