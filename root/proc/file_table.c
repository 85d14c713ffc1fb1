/* SPDX-License-Identifier: MIT */
/* root/proc/file_table.c - see file_table.h. */
#include <rt/mem.h>
#include <rootabi/errno.h>
#include "mm/memory.h"
#include "proc/file_table.h"

enum { ROOM_FIRST = 32 };

static bool table_grow(struct file_table *t)
{
    uint32_t room = t->room != 0 ? 2 * t->room : ROOM_FIRST;
    struct file **files = kalloc(room * sizeof(struct file *));

    if (files == NULL)
        return false;
    if (t->room != 0)
        memcpy(files, t->files, t->room * sizeof(struct file *));
    kfree(t->files);
    t->files = files;
    t->room = room;
    return true;
}

int64_t file_install(struct file_table *t, struct file *f)
{
    uint32_t fd = t->lowest;

    while (fd < t->room && t->files[fd] != NULL)
        fd++;
    if (fd == FILES_MAX)
        return -EMFILE;
    if (fd == t->room && !table_grow(t))
        return -ENOMEM;
    t->files[fd] = f;
    t->lowest = fd + 1;
    return fd;
}

static struct file *file_at(const struct file_table *t, uint64_t fd)
{
    return fd < t->room ? t->files[fd] : NULL;
}

struct file *file_of(const struct file_table *t, uint64_t fd)
{
    struct file *f = file_at(t, fd);

    return f != NULL ? file_get(f) : NULL;
}

struct file *file_of_kind(const struct file_table *t, uint64_t fd,
                          const struct file_operations *ops)
{
    struct file *f = file_at(t, fd);

    return f != NULL && f->ops == ops ? file_get(f) : NULL;
}

int64_t file_close(struct file_table *t, uint64_t fd)
{
    struct file *f = file_at(t, fd);

    if (f == NULL)
        return -EBADF;
    t->files[fd] = NULL;
    if (fd < t->lowest)
        t->lowest = (uint32_t)fd;
    file_put(f);
    return 0;
}

void file_close_all(struct file_table *t)
{
    for (uint32_t fd = 0; fd < t->room; fd++)
        (void)file_close(t, fd);
    kfree(t->files);
    *t = (struct file_table){0};
}
